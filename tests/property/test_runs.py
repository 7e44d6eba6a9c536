"""Whole runs on random sites: limits held, energy conserved, nobody given more than wanted, names of rows without effect."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.rules import EARLIEST_DEADLINE, EQUAL_SHARE, LEAST_LAXITY, PRICE_QUEUE, QUEUE, RULES, UNCONTROLLED
from evloom.simulate.track import blank_track
from evloom.simulate.twin import empty_world
from tests.property.worlds import Run, random_run

CONTROLLED = (EQUAL_SHARE, QUEUE, EARLIEST_DEADLINE, LEAST_LAXITY, PRICE_QUEUE)
NEAR_KWH = 1e-9


def check_limits(run: Run) -> None:
    """The track's own count, and beside it the mean power of every step from the energies."""
    assert (run.track.over_kw == 0.0).all()
    assert (run.track.over_h == 0.0).all()
    step_h = (run.clock.edges_s[1] - run.clock.edges_s[0]) / 3600.0
    mean_kw = run.track.node_kwh / step_h
    base_kw = run.clock.base_kw
    assert (mean_kw <= np.maximum(run.wires.import_max_kw[:, None], base_kw) + 1e-6).all()
    assert (run.track.node_max_kw >= mean_kw - 1e-6).all()


def check_energy(run: Run) -> None:
    """Every kWh is found again: sessions, steps, nodes, batteries."""
    track, cars = run.track, run.cars
    step_h = (run.clock.edges_s[1] - run.clock.edges_s[0]) / 3600.0
    session_kwh = np.array([track.flow_kwh[a:b].sum() for a, b in zip(track.offset[:-1], track.offset[1:], strict=True)])
    np.testing.assert_allclose(session_kwh, track.in_kwh - track.out_kwh, atol=NEAR_KWH)
    np.testing.assert_allclose(session_kwh.sum(), track.ev_kwh.sum(), atol=NEAR_KWH)
    above = run.wires.path[:, 1] if run.wires.path.shape[1] > 1 else np.array([-1])
    steered_kwh = track.node_kwh - run.clock.base_kw * step_h
    np.testing.assert_allclose(steered_kwh[0], track.ev_kwh, atol=NEAR_KWH)
    leaves_kwh = sum(steered_kwh[row] for row in range(len(above)) if row not in above)
    np.testing.assert_allclose(leaves_kwh, track.ev_kwh, atol=NEAR_KWH)
    served = track.served >= 0
    assert not session_kwh[~served].any()
    known = served & np.isfinite(cars.battery_kwh)
    pile = run.world.efficiency[track.served[known]]
    stored_kwh = track.in_kwh[known] * pile * cars.charge_efficiency[known]
    stored_kwh -= track.out_kwh[known] / (pile * cars.discharge_efficiency[known])
    np.testing.assert_allclose((track.soc_end - cars.soc)[known] * cars.battery_kwh[known], stored_kwh, atol=NEAR_KWH)


def check_cars(run: Run) -> None:
    """Nobody gets more than wanted or than fits, faster than rated, or before or after the stay."""
    track, cars = run.track, run.cars
    assert (track.in_kwh[~cars.v2g] <= cars.energy_kwh[~cars.v2g] + NEAR_KWH).all()
    served = track.served >= 0
    assert (track.soc_end[served] <= np.maximum(cars.soc, cars.soc_full)[served] + 1e-12).all()
    present_h = np.maximum(cars.departure_s - np.maximum(cars.arrival_s, run.clock.cycle_s[0]), 0.0) / 3600.0
    assert (track.in_kwh <= cars.draw_max_kw * present_h + NEAR_KWH).all()
    begun = np.isfinite(track.start_s)
    assert (track.start_s >= cars.arrival_s)[begun].all()
    assert (track.start_s < cars.departure_s)[begun].all()
    assert ((track.in_kwh > 0.0) == begun).all()


def test_random_runs_hold_every_limit_and_conserve_energy():
    rng = np.random.default_rng(20_260_102)
    delivered_kwh, over_kw, n_served, n_lost = 0.0, 0.0, 0, 0
    for i in range(400):
        seed = int(rng.integers(2**62))
        for rule in (CONTROLLED[i % 5], CONTROLLED[(i + 2) % 5], UNCONTROLLED):
            run = random_run(np.random.default_rng(seed))
            run.go(rule)
            if rule != UNCONTROLLED:
                check_limits(run)
            check_energy(run)
            check_cars(run)
            delivered_kwh += run.track.in_kwh.sum()
            over_kw = max(over_kw, float(run.track.over_kw.max())) if rule == UNCONTROLLED else over_kw
            n_served += int(np.count_nonzero(run.track.served >= 0))
            n_lost += int(np.count_nonzero(run.track.served < 0))
    assert delivered_kwh > 10_000.0
    assert over_kw > 10.0  # the same worlds overload without control
    assert n_served > 3_000
    assert n_lost > 100  # bays already taken, stays between two cycles


def test_the_same_run_gives_the_same_bits():
    for rule in RULES.values():
        first, second = (random_run(np.random.default_rng(5)) for _ in range(2))
        assert first.go(rule) == second.go(rule)
        for name in first.track._fields:
            np.testing.assert_array_equal(getattr(first.track, name), getattr(second.track, name))


def permuted(run: Run, to: np.ndarray) -> Run:
    """The same run with EVSE row r called to[r]."""
    back = np.argsort(to)
    return replace(
        run,
        piles=run.piles._replace(**{name: getattr(run.piles, name)[back] for name in run.piles._fields}),
        world=empty_world(run.world.efficiency[back]),
        beliefs=run.beliefs._replace(evse=to[run.beliefs.evse]),
    )


@pytest.mark.parametrize("rule", CONTROLLED)
def test_calling_the_evse_otherwise_changes_nothing_for_anybody(rule):
    """Arrivals differ and no departure is overdue, so no tie is broken by the row."""
    rng = np.random.default_rng(17)
    for _ in range(60):
        seed = int(rng.integers(2**62))
        run = random_run(np.random.default_rng(seed), truthful_departure=True, any_evse=False)
        other = permuted(
            random_run(np.random.default_rng(seed), truthful_departure=True, any_evse=False), rng.permutation(len(run.piles.node))
        )
        run.go(rule)
        other.go(rule)
        np.testing.assert_allclose(other.track.flow_kwh, run.track.flow_kwh, atol=1e-7)
        np.testing.assert_allclose(other.track.node_kwh, run.track.node_kwh, atol=1e-7)
        np.testing.assert_array_equal(other.track.reason, run.track.reason)


@pytest.mark.parametrize("rule", sorted(RULES.values()))
def test_no_cars(rule):
    run = without_cars(random_run(np.random.default_rng(1)))
    assert run.go(rule) == 0.0
    assert not run.track.ev_kwh.any()
    step_h = (run.clock.edges_s[1] - run.clock.edges_s[0]) / 3600.0
    np.testing.assert_allclose(run.track.node_kwh, run.clock.base_kw * step_h)


@pytest.mark.parametrize("rule", sorted(RULES.values()))
def test_no_steps(rule):
    run = random_run(np.random.default_rng(2))
    clock = run.clock._replace(cycle_s=run.clock.cycle_s[:1], step=run.clock.step[:0])
    none = replace(run, clock=clock, track=blank_track(run.cars, clock.edges_s[:1], len(run.wires.base_kw)))
    assert none.go(rule) == 0.0
    assert not none.track.in_kwh.any()
    assert (none.track.served == -1).all()


def without_cars(run: Run) -> Run:
    cars = run.cars._replace(**{name: getattr(run.cars, name)[:0] for name in run.cars._fields if not name.startswith("curve")})
    beliefs = run.beliefs._replace(**{name: getattr(run.beliefs, name)[:0] for name in run.beliefs._fields})
    track = blank_track(cars, run.clock.edges_s[: run.track.ev_kwh.size + 1], len(run.wires.base_kw))
    return replace(run, cars=cars, beliefs=beliefs, track=track)
