"""Allocation by hand: who gets what, why not more, and what only looks like a theorem."""

import numpy as np
import pytest

from evloom.dispatch.allocate import allocate, share_equally
from evloom.dispatch.reason import BAY, DONE, EMPTY, FULL, MINIMUM, PLAN, STEP
from tests.unit.dispatch.moments import direct_current, row_of_cars, supply

ALL = np.inf


def rank(bays, order=None) -> np.ndarray:
    return np.flatnonzero(bays.connected) if order is None else np.array(order)


def test_in_turn_until_the_room_is_used():
    """20 kW: 32 A, 32 A and of the remaining 5.28 kW 22 A; the fourth gets nothing."""
    bays = row_of_cars(4)
    order_kw, reason = allocate(bays, supply(20.0), np.full(4, ALL), rank(bays))
    np.testing.assert_allclose(order_kw, [7.36, 7.36, 22 * 0.23, 0.0], atol=1e-12)
    assert reason.tolist() == [FULL, FULL, 0, 0]


def test_the_order_of_precedence_is_kept():
    bays = row_of_cars(3)
    order_kw, _ = allocate(bays, supply(9.0), np.full(3, ALL), rank(bays, [2, 0, 1]))
    np.testing.assert_allclose(order_kw, [7 * 0.23, 0.0, 7.36], atol=1e-12)


def test_reasons():
    bays = row_of_cars(
        7,
        connected=np.array([True] * 6 + [False]),
        need_kwh=np.array([10.0, 10.0, 10.0, 0.0, 10.0, 10.0, 0.0]),
        charge_max_kw=np.array([7.36, 7.3, 1.0, 7.36, 7.36, 7.36, 7.36]),
        pile=np.array([0, 1, 2, 3, 4, 4, 5]),
        one_at_a_time=np.array([False] * 4 + [True] * 2 + [False]),
    )
    order_kw, reason = allocate(bays, supply(), np.array([ALL, ALL, ALL, 0.0, 3.0, ALL, ALL]), rank(bays))
    assert reason.tolist() == [FULL, STEP, MINIMUM, DONE, PLAN, BAY, EMPTY]
    np.testing.assert_allclose(order_kw / 0.23, [32, 31, 0, 0, 13, 0, 0], atol=1e-9)


def test_the_node_that_binds_is_named():
    bays = row_of_cars(3, node=np.array([1, 2, 2]))
    _, reason = allocate(bays, supply([100.0, 5.0, 9.0], parent=[-1, 0, 0]), np.full(3, ALL), rank(bays))
    assert reason.tolist() == [1, FULL, 2]


def test_one_phase_can_bind_while_there_is_power_left():
    bays = row_of_cars(
        4, phase=np.array([0, 0, 1, -1]), kw_per_a=np.array([0.23, 0.23, 0.23, 0.69]), charge_max_kw=np.array([7.36] * 3 + [22.08])
    )
    order_kw, reason = allocate(bays, supply(phase_max_a=40.0), np.full(4, ALL), rank(bays))
    np.testing.assert_allclose(order_kw / bays.kw_per_a, [32, 8, 32, 0], atol=1e-9)
    assert reason.tolist() == [FULL, 0, FULL, 0]


def test_base_load_takes_its_phases():
    """20.7 kW of base load are 30 A on each phase."""
    bays = row_of_cars(1)
    order_kw, _ = allocate(bays, supply(base_kw=20.7, phase_max_a=40.0), np.full(1, ALL), rank(bays))
    assert order_kw[0] == pytest.approx(10 * 0.23)


def test_base_load_above_the_limit_leaves_nothing():
    bays = row_of_cars(2)
    order_kw, reason = allocate(bays, supply(10.0, base_kw=12.0), np.full(2, ALL), rank(bays))
    assert not order_kw.any()
    assert reason.tolist() == [0, 0]


def test_discharge_is_limited_by_rating_export_and_base_load():
    bays = direct_current(2, discharge_max_kw=np.array([6.0, 20.0]))
    order_kw, reason = allocate(bays, supply(export_max_kw=0.0, base_kw=15.0), np.array([-9.0, -30.0]), rank(bays))
    np.testing.assert_allclose(order_kw, [-6.0, -9.0])
    assert reason.tolist() == [PLAN, 0]


def test_discharge_of_one_phase_in_current_steps():
    bays = row_of_cars(2, discharge_max_kw=np.full(2, 7.36))
    order_kw, _ = allocate(bays, supply(phase_max_a=12.5), np.array([-7.36, -1.0]), rank(bays))
    np.testing.assert_allclose(order_kw, [-12 * 0.23, 0.0], atol=1e-12)  # 1 kW is less than 6 A


def test_what_one_gives_another_may_take_but_nobody_gives_on_the_strength_of_a_taker():
    bays = direct_current(2, discharge_max_kw=np.array([30.0, 0.0]))
    order_kw, _ = allocate(bays, supply(10.0), np.array([-30.0, ALL]), rank(bays, [1, 0]))
    np.testing.assert_allclose(order_kw, [-30.0, 40.0])
    order_kw, _ = allocate(bays, supply(100.0, export_max_kw=5.0), np.array([-30.0, ALL]), rank(bays, [1, 0]))
    np.testing.assert_allclose(order_kw, [-5.0, 50.0])


@pytest.mark.parametrize("targets", [(-9.0, -9.0), (-9.0, 9.0), (9.0, 9.0), (9.0, -9.0)])
def test_bays_that_take_turns_never_both_flow(targets):
    bays = direct_current(2, discharge_max_kw=np.full(2, 50.0), pile=np.zeros(2, dtype=np.int64), one_at_a_time=np.ones(2, dtype=np.bool_))
    order_kw, reason = allocate(bays, supply(), np.array(targets), rank(bays))
    assert np.count_nonzero(order_kw) == 1
    assert np.count_nonzero(reason == BAY) == 1


def test_a_full_transformer_leaves_no_crumbs_for_continuous_piles():
    bays = direct_current(40)
    for decide in (allocate, share_equally):
        order_kw, _ = decide(bays, supply(50.0 + 1 / 3), np.full(40, ALL), rank(bays))
        assert order_kw.sum() == pytest.approx(50.0 + 1 / 3, abs=1e-6)
        assert ((order_kw == 0.0) | (order_kw > 0.1)).all()


def test_equal_cars_get_the_same_within_a_step():
    for limit_kw in (8.0, 12.7, 20.0, 29.44, 60.0):
        bays = row_of_cars(5)
        order_kw, _ = share_equally(bays, supply(limit_kw), np.full(5, ALL), rank(bays))
        on = order_kw[order_kw > 0.0]
        assert on.max() - on.min() <= 0.23 + 1e-9
        if len(on) < 5:
            assert limit_kw - order_kw.sum() < 6 * 0.23  # no room for one more to start
        assert order_kw.sum() > min(limit_kw, 5 * 7.36) - 6 * 0.23


def test_equal_share_is_max_min_fair():
    """The small one is served in full, the others share what is left; nobody has more than one step above one who could be raised."""
    bays = row_of_cars(4, charge_max_kw=np.array([1.84, 7.36, 3.68, 7.36]))
    order_kw, reason = share_equally(bays, supply(16.0), np.full(4, ALL), rank(bays))
    np.testing.assert_allclose(order_kw / 0.23, [8, 23, 16, 22], atol=1e-9)  # 16 kW are 69.6 A
    assert reason.tolist() == [FULL, 0, FULL, 0]


def test_a_branch_that_is_full_does_not_hold_up_the_others():
    bays = row_of_cars(4, node=np.array([1, 1, 2, 2]))
    order_kw, reason = share_equally(bays, supply([100.0, 4.6, 9.2], parent=[-1, 0, 0]), np.full(4, ALL), rank(bays))
    np.testing.assert_allclose(order_kw / 0.23, [10, 10, 20, 20], atol=1e-9)
    assert reason.tolist() == [1, 1, 2, 2]


def test_who_is_owed_most_starts_first_when_not_all_can():
    bays = row_of_cars(3, debt_kwh=np.array([0.0, 0.5, 2.0]))
    order_kw, _ = share_equally(bays, supply(3.0), np.full(3, ALL), rank(bays))
    assert (order_kw > 0).tolist() == [False, True, True]
    even = row_of_cars(3)
    order_kw, _ = share_equally(even, supply(3.0), np.full(3, ALL), rank(even))
    assert (order_kw > 0).tolist() == [True, True, False]


def test_a_car_believed_done_shares_only_what_is_left_over():
    bays = row_of_cars(3, need_kwh=np.array([0.0, 10.0, 10.0]), debt_kwh=np.array([5.0, 0.0, 0.0]))
    order_kw, _ = share_equally(bays, supply(12.0), np.full(3, ALL), rank(bays))
    np.testing.assert_allclose(order_kw / 0.23, [0, 26, 26], atol=1e-9)
    order_kw, _ = share_equally(bays, supply(18.0), np.full(3, ALL), rank(bays))
    np.testing.assert_allclose(order_kw / 0.23, [14, 32, 32], atol=1e-9)


def test_on_one_node_with_continuous_current_a_higher_limit_never_means_less_power():
    rng = np.random.default_rng(5)
    for _ in range(100):
        n = int(rng.integers(1, 9))
        bays = direct_current(n, charge_max_kw=rng.uniform(1.0, 150.0, n))
        low_kw, high_kw = np.sort(rng.uniform(0.0, 400.0, 2))
        for decide in (allocate, share_equally):
            less, _ = decide(bays, supply(low_kw), np.full(n, ALL), rank(bays))
            more, _ = decide(bays, supply(high_kw), np.full(n, ALL), rank(bays))
            assert more.sum() >= less.sum() - 1e-6
            assert less.sum() == pytest.approx(min(low_kw, bays.charge_max_kw.sum()), abs=1e-6)


def test_in_a_tree_a_higher_limit_can_mean_less_power():
    """Not a theorem: a wider branch lets the first car take what the second needed to reach its least current."""
    bays = row_of_cars(2, node=np.array([1, 0]), charge_max_kw=np.array([12 * 0.23, 6 * 0.23]))
    narrow, _ = allocate(bays, supply([17 * 0.23, 11 * 0.23], parent=[-1, 0]), np.full(2, ALL), rank(bays))
    wide, _ = allocate(bays, supply([17 * 0.23, 12 * 0.23], parent=[-1, 0]), np.full(2, ALL), rank(bays))
    np.testing.assert_allclose(narrow / 0.23, [11, 6], atol=1e-9)
    np.testing.assert_allclose(wide / 0.23, [12, 0], atol=1e-9)


def test_nobody_there():
    bays = row_of_cars(3, connected=np.zeros(3, dtype=np.bool_))
    for decide in (allocate, share_equally):
        order_kw, reason = decide(bays, supply(9.0), np.full(3, ALL), rank(bays))
        assert not order_kw.any()
        assert reason.tolist() == [EMPTY] * 3
