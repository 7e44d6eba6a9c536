"""The room that piles without a link may take."""

import numpy as np
import pytest

from evloom.dispatch.allocate import free_room
from evloom.dispatch.fallback import Lost, default_of, reserve_ahead_kw, reserve_of, with_reserve
from evloom.dispatch.moment import wires
from evloom.network.tree import LimitTree

AMP = 0.23
NOW_S = 1.75e9


def lost(**changed) -> Lost:
    """Two EVSE on node 1 (phase 0; three phases), one on the root (phase 2); the first two without a link."""
    n_phase, phase = np.array([1, 3, 1]), np.array([0, -1, 2])
    default_kw, default_a = default_of(AMP, n_phase, phase, np.full(3, 22.0), 6.0)
    columns = {
        "is_lost": np.array([True, True, False]), "since_s": np.full(3, NOW_S), "node": np.array([1, 1, 0]),
        "default_kw": default_kw, "default_a": default_a,
        "high_kw": np.array([16 * AMP, 0.0, 5.0]), "low_kw": np.array([0.0, -6 * AMP, 0.0]),
        "kw_per_a": np.array([AMP, AMP, AMP]), "phase": np.array([0, 1, 2]),
    } | changed  # fmt: skip
    return Lost(**columns)


PATH = np.array([[0, -1], [1, 0]])


def test_default_current_by_phase():
    default_kw, default_a = default_of(AMP, np.array([1, 3, 3]), np.array([2, -1, -1]), np.array([7.36, 22.0, 2.07]), 6.0)
    np.testing.assert_allclose(default_kw, [6 * AMP, 18 * AMP, 2.07])
    np.testing.assert_allclose(default_a, [[0, 0, 6], [6, 6, 6], [3, 3, 3]])


def test_held_profile_and_default_both_count_while_it_lasts():
    reserve = reserve_of(lost(), PATH, NOW_S + 100.0, 300.0)
    np.testing.assert_allclose(reserve.high[1], [(16 + 18) * AMP, 16 + 6, 6, 6])
    np.testing.assert_allclose(reserve.low[1], [-6 * AMP, 0, -6, 0])
    np.testing.assert_allclose(reserve.high[0], reserve.high[1])


def test_after_the_profile_has_ended_only_the_default_counts():
    reserve = reserve_of(lost(), PATH, NOW_S + 300.0, 300.0)
    np.testing.assert_allclose(reserve.high[1], [(6 + 18) * AMP, 12, 6, 6])
    assert not reserve.low.any()
    ahead_kw = reserve_ahead_kw(lost(), PATH, NOW_S + np.array([0.0, 299.0, 300.0]), 300.0)
    np.testing.assert_allclose(ahead_kw, np.array([34, 34, 24]) * AMP * np.ones((2, 1)))


def test_nobody_lost_reserves_nothing():
    reserve = reserve_of(lost(is_lost=np.zeros(3, dtype=np.bool_)), PATH, NOW_S, np.inf)
    assert not reserve.high.any()
    assert not reserve.low.any()


def test_room_is_taken_in_both_directions_whatever_the_base_load():
    """Import: room less the highest draw. Export and phases: never more than what is left when lost piles draw least."""
    rng = np.random.default_rng(5)
    tree = LimitTree(("a", "b"), np.array([-1, 0]), np.array([40.0, 30.0]), np.array([9.0, 20.0]), np.array([80.0, 63.0]), ("", ""))
    for _ in range(50):
        now = wires(tree, rng.normal(3.0, 8.0, 2), 230.0)
        reserve = reserve_of(lost(high_kw=rng.uniform(0, 7, 3), low_kw=-rng.uniform(0, 5, 3)), PATH, NOW_S, np.inf)
        before, after = free_room(now), free_room(with_reserve(now, reserve))
        np.testing.assert_allclose(after.up, before.up - reserve.high)
        np.testing.assert_allclose(after.down[:, 0], before.down[:, 0] + reserve.low[:, 0])
        assert (after.down[:, 1:] <= before.down[:, 1:] + reserve.low[:, 1:] + 1e-9).all()


@pytest.mark.parametrize("default_a", [0.0, 6.0])
def test_a_default_of_nothing_takes_no_room_of_empty_piles(default_a):
    default_kw, current_a = default_of(AMP, np.array([1, 3, 1]), np.array([0, -1, 2]), np.full(3, 22.0), default_a)
    empty = lost(default_kw=default_kw, default_a=current_a, high_kw=np.zeros(3), low_kw=np.zeros(3))
    assert reserve_of(empty, PATH, NOW_S, np.inf).high[0, 0] == pytest.approx(24 * AMP if default_a else 0.0)
