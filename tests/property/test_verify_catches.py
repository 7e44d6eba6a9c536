"""Good orders on random sites, each broken at random in a way that is wrong for certain: the check must say so every time."""

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.verify import verify
from tests.property.worlds import random_bays, random_equipment, random_wires


def node_loads(wires, bays, order_kw) -> np.ndarray:
    """Steered kW at or below each node, by following every path in plain Python."""
    total = np.zeros(len(wires.base_kw))
    for row, power_kw in enumerate(order_kw):
        for node in wires.path[bays.node[row]]:
            if node >= 0:
                total[node] += power_kw
    return total


def phase_loads(wires, bays, order_kw) -> np.ndarray:
    """Steered A on each phase at or below each node, (n_node, 3)."""
    total = np.zeros((len(wires.base_kw), 3))
    for row, power_kw in enumerate(order_kw):
        for phase in range(3) if bays.phase[row] < 0 else (bays.phase[row],):
            for node in wires.path[bays.node[row]]:
                if node >= 0:
                    total[node, phase] += power_kw / bays.kw_per_a[row]
    return total


def test_a_limit_set_just_below_what_flows_is_always_reported():
    rng = np.random.default_rng(31)
    found = {"node.import": 0, "node.export": 0, "phase": 0}
    for _ in range(800):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        target_kw = rng.uniform(-0.6, 1.2, site.n) * site.rating_kw
        order_kw, _ = allocate(bays, wires, target_kw, np.flatnonzero(bays.connected))
        assert verify(bays, wires, order_kw) == ()
        load_kw, load_a = node_loads(wires, bays, order_kw), phase_loads(wires, bays, order_kw)
        for node in range(site.tree.n):
            if load_kw[node] > 0.01:
                tight = wires._replace(import_max_kw=wires.import_max_kw.copy())
                tight.import_max_kw[node] = load_kw[node] + wires.base_kw[node] - 1e-3
                assert ("node.import", node) in {(v.code, v.where) for v in verify(bays, tight, order_kw)}
                found["node.import"] += 1
            given_kw = -node_loads(wires, bays, np.minimum(order_kw, 0.0))[node]
            if given_kw > 0.01:
                tight = wires._replace(export_max_kw=wires.export_max_kw.copy())
                tight.export_max_kw[node] = given_kw - wires.base_kw[node] - 1e-3
                assert ("node.export", node) in {(v.code, v.where) for v in verify(bays, tight, order_kw)}
                found["node.export"] += 1
            phase = int(load_a[node].argmax())
            if load_a[node, phase] > 0.01:
                tight = wires._replace(phase_max_a=wires.phase_max_a.copy())
                tight.phase_max_a[node] = load_a[node, phase] + wires.base_phase_a[node, phase] - 1e-2
                assert (f"node.import-phase-{phase + 1}", node) in {(v.code, v.where) for v in verify(bays, tight, order_kw)}
                found["phase"] += 1
    assert min(found.values()) > 100, found


def test_a_broken_order_is_always_reported():
    rng = np.random.default_rng(32)
    found: dict[str, int] = {}
    for _ in range(800):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        order_kw, _ = allocate(bays, wires, site.rating_kw, np.flatnonzero(bays.connected))
        row = int(rng.integers(0, site.n))
        per_a, step_a, least_a = bays.kw_per_a[row], bays.current_step_a[row], bays.current_min_a[row]
        wrong: dict[str, float] = {"evse.not-a-number": np.nan}
        if bays.connected[row]:
            wrong["evse.charge"] = bays.charge_max_kw[row] + 1e-3
            wrong["evse.discharge"] = -bays.discharge_max_kw[row] - 1e-3
            if least_a > 0.0:
                wrong["evse.least-current"] = 0.9 * least_a * per_a
            if step_a > 0.0:
                wrong["evse.current-step"] = (np.ceil(least_a / step_a) + rng.uniform(0.1, 0.9)) * step_a * per_a
        else:
            wrong["evse.empty"] = rng.choice([-1.0, 1.0]) * 6 * per_a
        for code, power_kw in wrong.items():
            broken_kw = order_kw.copy()
            broken_kw[row] = power_kw
            assert (code, row) in {(v.code, v.where) for v in verify(bays, wires, broken_kw)}
            found[code] = found.get(code, 0) + 1
        twins = np.flatnonzero((bays.pile == bays.pile[row]) & bays.one_at_a_time)
        if len(twins) == 2:
            broken_kw = order_kw.copy()
            broken_kw[twins] = 6 * bays.kw_per_a[twins]
            assert ("pile.one-at-a-time", bays.pile[row]) in {(v.code, v.where) for v in verify(bays, wires, broken_kw)}
            found["pile.one-at-a-time"] = found.get("pile.one-at-a-time", 0) + 1
    assert min(found.values()) > 50, found
