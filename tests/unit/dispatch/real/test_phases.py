"""Limits of phases: single-phase cars turned over the phases use three times what cars on one phase do, and no phase is exceeded."""

import numpy as np
import pytest

from evloom.dispatch.allocate import allocate, share_equally
from evloom.dispatch.real.currents import currents
from evloom.dispatch.real.quantise import Ask, follow
from evloom.dispatch.real.rehearse import rehearse
from evloom.dispatch.verify import verify
from tests.unit.dispatch.moments import row_of_cars, supply
from tests.unit.dispatch.real.sites import KW_PER_A, day_price, planned, site

N_CAR = 30
FUSE_A = 100.0


def cars(phase):
    """Thirty cars of 32 A, half full power wanted."""
    return row_of_cars(N_CAR, phase=phase)


@pytest.mark.parametrize("decide", [allocate, share_equally])
def test_rotation_triples_what_a_fuse_serves(decide):
    served_kw = []
    for phase in (np.zeros(N_CAR, dtype=np.int64), np.arange(N_CAR) % 3):
        bays, wires = cars(phase), supply(phase_max_a=FUSE_A)
        order_kw, _ = decide(bays, wires, np.full(N_CAR, np.inf), np.arange(N_CAR))
        assert verify(bays, wires, order_kw) == ()
        served_kw.append(float(order_kw.sum()))
    assert served_kw[0] == pytest.approx(FUSE_A * KW_PER_A, abs=6 * KW_PER_A)
    assert served_kw[1] > 2.8 * served_kw[0]


def test_orders_that_heed_the_sum_only_would_break_a_phase():
    """What 300 A in all carry is 100 A on each: given to cars on one phase it is three times too much, and the check sees it."""
    bays = cars(np.zeros(N_CAR, dtype=np.int64))
    order_kw, _ = allocate(bays, supply(3 * FUSE_A * KW_PER_A), np.full(N_CAR, np.inf), np.arange(N_CAR))
    assert {each.code for each in verify(bays, supply(phase_max_a=FUSE_A), order_kw)} == {"node.import-phase-1"}


def test_a_plan_that_knows_no_phases_is_followed_within_them_step_by_step():
    """A night under 100 A per phase. On one phase half of the energy arrives, turned over the phases nearly all."""
    rng = np.random.default_rng(2)
    n_step = 96
    room_kw = np.full((1, 3, n_step), FUSE_A * KW_PER_A)
    arrival_h, departure_h, need_kwh = rng.uniform(0, 4, 60), rng.uniform(14, 20, 60), rng.uniform(8, 20, 60)
    arrived = []
    for phase in (np.zeros(60, dtype=np.int64), np.arange(60) % 3):
        night = site((arrival_h, departure_h), need_kwh, 7.36, 3 * FUSE_A * KW_PER_A, day_price(n_step), (phase, room_kw))
        problem, plan = planned(night, "cost")
        chargers = currents(phase)
        followed = rehearse(problem, plan, chargers)
        current_a = np.stack([followed.order_kw[phase == p].sum(axis=0) / KW_PER_A for p in range(3)])
        assert current_a.max() <= FUSE_A + 1e-6
        arrived.append(float(followed.drawn_kwh.sum() / problem.stays.need_kwh.sum()))
    assert arrived[0] < 0.75
    assert arrived[1] > 0.95


def test_three_phase_cars_and_unequal_phases():
    """Base load on phase 1 leaves 40, 100 and 100 A: a three-phase car and single-phase cars share what each phase has."""
    bays = row_of_cars(
        7, phase=np.array([-1, 0, 0, 1, 1, 2, 2]), kw_per_a=np.array([0.69] + [0.23] * 6), charge_max_kw=np.array([22.08] + [7.36] * 6)
    )
    wires = supply(phase_max_a=FUSE_A)
    wires = wires._replace(base_phase_a=np.array([[60.0, 0.0, 0.0]]))
    ask = Ask(bays.charge_max_kw, np.zeros(7), np.full(7, 0.25), np.zeros(7, dtype=np.bool_))
    order_kw, reason = follow(bays, wires, ask, np.arange(7))
    np.testing.assert_allclose(order_kw / bays.kw_per_a, [32, 8, 0, 32, 32, 32, 32], atol=1e-9)
    assert reason[1] == reason[2] == 0
    assert verify(bays, wires, order_kw) == ()
