"""The independent check: are these orders, is this schedule, within every limit?

Plain numpy with sums of its own. It shares no code with the allocation, the current steps of `pile.limit` or the solver, so that a
mistake there is seen here. Every comparison is written so that NaN fails it.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.problem import Problem, Schedule
from evloom.kernel.timegrid import Bool, Float, Int

TOLERANCE_KW = 1e-6  # and A in the sums of the phases
TOLERANCE_A = 1e-5  # of a single-phase current at 230 V that is 2 mW
_PHASES = np.arange(3)


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with orders or with a schedule.

    code    stable and dotted: what rule is broken
    where   row of the EVSE, storage, pile, stay or node, as the first word of the code says
    value   what was found, allowed what may be at most (or least), both in `unit`
    step    step of a schedule; -1 for orders and for what concerns a stay as a whole
    """

    code: str
    where: int
    value: float
    allowed: float
    unit: str
    step: int = -1

    def text(self) -> str:
        """One line for a record."""
        when = "" if self.step < 0 else f" in step {self.step}"
        return f"{self.code}: row {self.where}{when}: {self.value:.6g} {self.unit}, allowed {self.allowed:.6g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Units:
    """Stationary batteries that are ordered too: row of the tree and power (positive = charge), columns (n_unit,)."""

    node: Int
    power_kw: Float


NO_UNITS = Units(np.zeros(0, dtype=np.int64), np.zeros(0))


def verify(bays: Bays, wires: Wires, order_kw: Float, units: Units = NO_UNITS) -> tuple[Violation, ...]:
    """Everything that is wrong with `order_kw` (n_evse,), positive = charge; empty when all is well.

    Checked: limits of every node for import, export and each phase, in both directions; ratings of EVSE and car;
    nothing ordered where no car stands; 0 or at least the least current, in current steps; piles whose bays take turns;
    numbers that are none. Where the load nobody steers alone exceeds a limit, the steered units together must add nothing
    to it. What is pushed back is counted as if every car and battery stopped charging, which it may at any time.

    `units` are stationary batteries; their power must not be in `wires.base_kw` then.
    """
    broken = _evse_violations(bays, order_kw) + _node_violations(bays, wires, order_kw, units)
    if not np.isfinite(units.power_kw).all():
        broken += _rows("storage.not-a-number", ~np.isfinite(units.power_kw), units.power_kw, np.zeros(len(units.node)), "kW")
    return tuple(broken)


def _rows(code: str, bad: Bool, value: Float, allowed: Float, unit: str) -> list[Violation]:
    return [Violation(code, int(row), float(value[row]), float(allowed[row]), unit) for row in np.flatnonzero(bad)]


def _evse_violations(bays: Bays, order_kw: Float) -> list[Violation]:
    """What is wrong at single EVSE and piles."""
    size_kw = np.abs(order_kw)
    rating_kw = np.where(order_kw < 0.0, bays.discharge_max_kw, bays.charge_max_kw)
    rating_kw = np.where(bays.connected, rating_kw, 0.0)
    over = ~(size_kw <= rating_kw + TOLERANCE_KW)
    on = size_kw > TOLERANCE_KW
    current_a = size_kw / bays.kw_per_a
    weak = on & ~(current_a >= bays.current_min_a - TOLERANCE_A)
    stepped = np.flatnonzero(on & (bays.current_step_a > 0.0))
    step_a = bays.current_step_a[stepped]
    off_step = np.abs(current_a[stepped] - np.rint(current_a[stepped] / step_a) * step_a) > TOLERANCE_A
    turns = on & bays.one_at_a_time
    at_once = np.bincount(bays.pile[turns]) if turns.any() else np.zeros(0, dtype=np.int64)
    if not (over.any() or weak.any() or off_step.any() or (at_once > 1).any()):
        return []
    finite = np.isfinite(order_kw)
    broken = _rows("evse.not-a-number", ~finite, order_kw, rating_kw, "kW")
    broken += _rows("evse.empty", over & finite & ~bays.connected, order_kw, rating_kw, "kW")
    for code, direction in (("evse.charge", order_kw >= 0.0), ("evse.discharge", order_kw < 0.0)):
        broken += _rows(code, over & finite & bays.connected & direction, size_kw, rating_kw, "kW")
    broken += _rows("evse.least-current", weak & finite, current_a, bays.current_min_a, "A")
    rows = stepped[off_step & finite[stepped]]
    broken += [Violation("evse.current-step", int(row), float(current_a[row]), float(bays.current_step_a[row]), "A") for row in rows]
    return broken + _rows("pile.one-at-a-time", at_once > 1, at_once.astype(np.float64), np.ones(len(at_once)), "bays")


def _sums(bays: Bays, wires: Wires, order_kw: Float, units: Units) -> Float:
    """Steered load at or below each node -> (4, n_node): kW, then A on each of three phases."""
    n_node, depth = wires.path.shape
    share_a = order_kw / bays.kw_per_a * ((bays.phase < 0) | (bays.phase == _PHASES[:, None]))
    flows = np.concatenate((order_kw[None], share_a))
    node = bays.node
    if len(units.node):
        unit_kw = np.where(np.isfinite(units.power_kw), units.power_kw, 0.0)
        unit_a = unit_kw / (3.0 * wires.kw_per_a)
        flows = np.concatenate((flows, np.stack((unit_kw, unit_a, unit_a, unit_a))), axis=1)
        node = np.concatenate((node, units.node))
    # One number per (kind of flow, node); the -1 that fills up short paths becomes place 0, which is dropped.
    place = wires.path[node].T + 1 + (np.arange(4) * (n_node + 1))[:, None, None]
    weight = np.broadcast_to(flows[:, None, :], (4, depth, len(node)))
    total = np.asarray(np.bincount(place.ravel(), weights=weight.ravel(), minlength=4 * (n_node + 1)), dtype=np.float64)
    return total.reshape(4, n_node + 1)[:, 1:]


def _node_violations(bays: Bays, wires: Wires, order_kw: Float, units: Units) -> list[Violation]:
    """What is wrong at the nodes of the tree, import and export, kW and A on each phase."""
    power_kw = np.where(np.isfinite(order_kw), order_kw, 0.0)
    limit = np.stack((wires.import_max_kw, wires.phase_max_a, wires.phase_max_a, wires.phase_max_a))
    base = np.concatenate((wires.base_kw[None], wires.base_phase_a.T))
    steered = _sums(bays, wires, power_kw, units)
    bad = ~(steered <= np.maximum(limit - base, 0.0) + TOLERANCE_KW)
    broken = _of_nodes("import", bad, steered + base, np.maximum(limit, base)) if bad.any() else []
    given = np.minimum(power_kw, 0.0)
    if given.any() or (units.power_kw < 0.0).any():
        steered = -_sums(bays, wires, given, Units(units.node, np.minimum(units.power_kw, 0.0)))
        limit = np.concatenate((wires.export_max_kw[None], limit[1:]))
        bad = ~(steered <= np.maximum(limit + base, 0.0) + TOLERANCE_KW)
        broken += _of_nodes("export", bad, steered - base, np.maximum(limit, -base)) if bad.any() else []
    return broken


def _of_nodes(direction: str, bad: Bool, value: Float, allowed: Float) -> list[Violation]:
    kinds = [("", "kW")] + [(f"-phase-{p + 1}", "A") for p in range(3)]
    broken: list[Violation] = []
    for i, (kind, unit) in enumerate(kinds):
        broken += _rows(f"node.{direction}{kind}", bad[i], value[i], allowed[i], unit)
    return broken


def verify_schedule(problem: Problem, schedule: Schedule, tolerance_kwh: float = 1e-6) -> tuple[Violation, ...]:
    """Everything that is wrong with a schedule (`dispatch.problem`); empty when all is well.

    Checked: shapes and numbers; energies within power x presence; no charging and discharging in one step; limits of every node in
    every step for what is steered (which must add nothing where the load nobody steers is above the limit); energy of every
    battery within its bounds after every step; and the balance of the promise: what a stay gains in its cells is worth
    need_kwh - short_kwh at the meter, no less, and no more where something is short.
    """
    n_step = problem.n_step
    want: dict[str, tuple[int, ...]] = {"charge_kwh": (problem.stays.n, n_step), "discharge_kwh": (problem.stays.n, n_step)}
    want |= {"store_kwh": (len(problem.stores.node), n_step), "short_kwh": (problem.stays.n,)}
    broken: list[Violation] = []
    for name, shape in want.items():
        values: Float = getattr(schedule, name)
        if values.shape != shape:
            broken.append(Violation(f"schedule.shape.{name}", 0, float(values.size), float(np.prod(shape)), "numbers"))
        elif not np.isfinite(values).all():
            broken += _cells(f"schedule.not-a-number.{name}", ~np.isfinite(values), values, values, "kWh")
    if broken:
        return tuple(broken)
    broken = _stay_violations(problem, schedule, tolerance_kwh) + _store_violations(problem, schedule, tolerance_kwh)
    return tuple(broken + _room_violations(problem, schedule, tolerance_kwh))


def _cells(code: str, bad: Bool, value: Float, allowed: Float, unit: str) -> list[Violation]:
    """Violations of a table (n_row, n_step) or of a column (n_row,), what is allowed broadcast to it."""
    allowed = np.broadcast_to(allowed, value.shape)
    return [
        Violation(code, int(at[0]), float(value[tuple(at)]), float(allowed[tuple(at)]), unit, int(at[1]) if len(at) > 1 else -1)
        for at in np.argwhere(bad)
    ]


def _presence_h(problem: Problem) -> Float:
    """Hours for which each stay's vehicle is there in each step, (n_stay, n_step)."""
    stays, k = problem.stays, np.arange(problem.n_step)
    first, last = stays.first[:, None], stays.last[:, None]
    share = ((k >= first) & (k < last)).astype(np.float64)
    share *= np.where(k == first, stays.first_share[:, None], np.where(k == last - 1, stays.last_share[:, None], 1.0))
    return share * problem.step_h


def _stay_violations(problem: Problem, schedule: Schedule, tolerance_kwh: float) -> list[Violation]:
    stays, charge, discharge = problem.stays, schedule.charge_kwh, schedule.discharge_kwh
    there_h = _presence_h(problem)
    broken: list[Violation] = []
    for name, flow_kwh, power_kw in (("charge", charge, stays.charge_max_kw), ("discharge", discharge, stays.discharge_max_kw)):
        most_kwh = power_kw[:, None] * there_h
        broken += _cells(f"stay.{name}", ~(flow_kwh <= most_kwh + tolerance_kwh), flow_kwh, most_kwh, "kWh")
        broken += _cells(f"stay.{name}-sign", ~(flow_kwh >= 0.0), flow_kwh, np.zeros(1), "kWh")
    both = np.minimum(charge, discharge)
    broken += _cells("stay.both-ways", both > tolerance_kwh, both, np.zeros(1), "kWh")
    into, out_of = stays.charge_efficiency[:, None], stays.discharge_efficiency[:, None]
    gain_kwh = np.cumsum(charge * into - discharge / out_of, axis=1)
    ceiling_kwh, floor_kwh = stays.room_kwh[:, None] * into, -stays.below_kwh[:, None]
    broken += _cells("stay.full", ~(gain_kwh <= ceiling_kwh + tolerance_kwh), gain_kwh, ceiling_kwh, "kWh")
    # Where nothing can be discharged nothing can fall below the floor, however little is known of the battery.
    broken += _cells(
        "stay.floor", ~(gain_kwh >= floor_kwh - tolerance_kwh) & (stays.discharge_max_kw[:, None] > 0), gain_kwh, floor_kwh, "kWh"
    )
    kept_kwh = gain_kwh[:, -1] / stays.charge_efficiency if problem.n_step else np.zeros(stays.n)
    promised_kwh = stays.need_kwh - schedule.short_kwh
    broken += _cells("stay.promise", ~(kept_kwh >= promised_kwh - tolerance_kwh), kept_kwh, promised_kwh, "kWh")
    overstated = (schedule.short_kwh > tolerance_kwh) & ~(kept_kwh <= promised_kwh + tolerance_kwh)
    broken += _cells("stay.short-overstated", overstated, kept_kwh, promised_kwh, "kWh")
    return broken + _cells("stay.short-sign", ~(schedule.short_kwh >= 0.0), schedule.short_kwh, np.zeros(1), "kWh")


def _store_violations(problem: Problem, schedule: Schedule, tolerance_kwh: float) -> list[Violation]:
    stores, flow_kwh, step_h = problem.stores, schedule.store_kwh, problem.step_h
    most_kwh, least_kwh = stores.charge_max_kw[:, None] * step_h, -stores.discharge_max_kw[:, None] * step_h
    broken = _cells("store.charge", ~(flow_kwh <= most_kwh + tolerance_kwh), flow_kwh, most_kwh, "kWh")
    broken += _cells("store.discharge", ~(flow_kwh >= least_kwh - tolerance_kwh), flow_kwh, least_kwh, "kWh")
    cells_kwh = np.where(flow_kwh > 0, flow_kwh * stores.charge_efficiency[:, None], flow_kwh / stores.discharge_efficiency[:, None])
    level_kwh = stores.stored_kwh[:, None] + np.cumsum(cells_kwh, axis=1)
    capacity_kwh = stores.capacity_kwh[:, None]
    if stores.end_min_kwh is not None and level_kwh.shape[1]:
        end_kwh, least_kwh = level_kwh[:, -1:], np.minimum(stores.end_min_kwh, stores.stored_kwh)[:, None]
        broken += _cells("store.end", ~(end_kwh >= least_kwh - tolerance_kwh), end_kwh, least_kwh, "kWh")
    broken += _cells("store.full", ~(level_kwh <= capacity_kwh + tolerance_kwh), level_kwh, capacity_kwh, "kWh")
    return broken + _cells("store.empty", ~(level_kwh >= -tolerance_kwh), level_kwh, np.zeros(1), "kWh")


def _room_violations(problem: Problem, schedule: Schedule, tolerance_kwh: float) -> list[Violation]:
    """Limits of the tree: a matrix that says which node is above which unit does the sums."""
    nodes, n_node = problem.nodes, len(problem.nodes.parent)
    at_or_below = np.eye(n_node)
    for row in range(1, n_node):
        at_or_below[:, row] += at_or_below[:, nodes.parent[row]]
    steered_kwh = at_or_below[:, problem.stays.node] @ (schedule.charge_kwh - schedule.discharge_kwh)
    steered_kwh += at_or_below[:, problem.stores.node] @ schedule.store_kwh
    import_kwh = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h
    export_kwh = nodes.export_max_kw * problem.step_h
    broken = _cells("node.import", ~(steered_kwh <= import_kwh + tolerance_kwh), steered_kwh, import_kwh, "kWh")
    return broken + _cells("node.export", ~(-steered_kwh <= export_kwh + tolerance_kwh), -steered_kwh, export_kwh, "kWh")
