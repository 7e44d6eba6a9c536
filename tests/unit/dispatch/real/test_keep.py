"""Who charges now goes on, and no power is left over."""

import numpy as np
import pytest

from evloom.dispatch.moment import Bays, wires
from evloom.dispatch.real.dwell import Past, Scene, Steady, ahead_steadied, steadied
from evloom.dispatch.real.keep import filled, kept
from evloom.dispatch.verify import verify
from evloom.kernel.timegrid import Float
from evloom.network.tree import LimitTree

NOW_S = 1.75e9
AMP = 0.69


def bays(n: int, **changed) -> Bays:
    columns = {
        "connected": np.ones(n, dtype=np.bool_), "arrival_s": np.full(n, NOW_S - 60.0), "departure_s": np.full(n, NOW_S + 8 * 3600.0),
        "need_kwh": np.full(n, 20.0), "charge_max_kw": np.full(n, 16 * AMP), "discharge_max_kw": np.zeros(n), "kw_per_a": np.full(n, AMP),
        "current_min_a": np.full(n, 6.0), "current_step_a": np.ones(n), "phase": np.full(n, -1), "node": np.zeros(n, dtype=np.int64),
        "pile": np.arange(n), "one_at_a_time": np.zeros(n, dtype=np.bool_), "priority": np.ones(n), "debt_kwh": np.zeros(n),
    } | changed  # fmt: skip
    return Bays(**columns)


def amps(*values: float) -> Float:
    return np.array(values, dtype=np.float64) * AMP


def test_another_does_not_take_the_place_of_one_that_charges():
    power = kept(amps(0, 16), amps(16, 0), bays(2), NOW_S, 1800.0)
    np.testing.assert_allclose(power, amps(16, 0))


def test_unless_it_can_wait_no_longer():
    soon = bays(2, departure_s=np.array([NOW_S + 8 * 3600.0, NOW_S + 2 * 3600.0]))
    np.testing.assert_allclose(kept(amps(0, 16), amps(16, 0), soon, NOW_S, 1800.0), amps(0, 16))


def test_all_together_get_what_was_wanted_and_no_more():
    rng = np.random.default_rng(3)
    for _ in range(50):
        n = int(rng.integers(1, 8))
        wanted, ordered = amps(*rng.choice([0, 6, 9, 16], n)), amps(*rng.choice([0, 6, 10, 16], n))
        power = kept(wanted, ordered, bays(n, need_kwh=rng.uniform(0.0, 30.0, n)), NOW_S, 1800.0)
        assert power.sum() <= wanted.sum() + 1e-9
        current = power / AMP
        assert np.all((current == 0.0) | (current >= 6.0 - 1e-9))


def test_what_is_discharged_stays():
    assert kept(amps(-10, 0), amps(0, 0), bays(2), NOW_S, 1800.0)[0] == pytest.approx(-10 * AMP)


def test_what_one_may_not_take_goes_to_those_that_are_lowered_then_to_those_that_charge():
    may = np.array([True, True, False])
    power = filled(amps(6, 8, 0), amps(0, 8, 16), amps(12, 8, 0), bays(3), may, NOW_S)
    assert power[0] == pytest.approx(12 * AMP)
    assert power[1] == pytest.approx(12 * AMP)
    assert power[2] == 0.0


def test_what_nobody_who_charges_can_take_is_switched_on_for_who_can_wait_least():
    may, soon = np.array([True, True, True, False]), NOW_S + 3600.0 * np.array([9.0, 8.0, 7.0, 6.0])
    power = filled(amps(16, 0, 0, 0), amps(16, 0, 0, 12), amps(16, 0, 0, 0), bays(4, departure_s=soon), may, NOW_S)
    np.testing.assert_allclose(power, amps(16, 0, 12, 0))


def test_steady_orders_lose_no_power_where_places_are_changed_again_and_again():
    """Two cars, room for one; the plan names the other one each time. Without `keep_s` a rest of ten minutes leaves the room unused."""
    tree = LimitTree(("root",), np.array([-1]), np.array([16 * AMP]), np.zeros(1), np.array([np.inf]), ("",))
    now, given = wires(tree, np.zeros(1), 230.0), {}
    for keep_s in (0.0, 1800.0):
        steady, past, ordered, total = Steady(600.0, 600.0, 0.0, 12.0, keep_s), None, np.zeros(2), 0.0
        for k in range(60):
            wanted = amps(16, 0) if k % 2 else amps(0, 16)
            scene = Scene(bays(2), now, ordered, np.zeros(2, dtype=np.bool_), ("a", "b"), NOW_S + 10.0 * k)
            ordered, past = steadied(wanted, scene, past, steady)
            assert verify(scene.bays, now, ordered) == ()
            total += ordered.sum() / 60
        given[keep_s] = total
    assert given[1800.0] == pytest.approx(16 * AMP, rel=0.02)
    assert given[0.0] < given[1800.0]


def test_a_plan_switches_no_sooner_than_chargers_bear():
    edges = NOW_S + 300.0 * np.arange(7, dtype=np.float64)
    tree = LimitTree(("root",), np.array([-1]), np.array([99.0]), np.zeros(1), np.array([np.inf]), ("",))
    plan = amps(16, 0, 16, 0, 0, 16)[None, :]
    scene = Scene(bays(1), wires(tree, np.zeros(1), 230.0), amps(16), np.zeros(1, dtype=np.bool_), ("a",), NOW_S)
    past = Past(("a",), np.array([NOW_S]), np.ones(1), NOW_S, amps(16))
    ahead = ahead_steadied(plan, edges, amps(16), (scene, past, Steady(600.0, 600.0)))
    np.testing.assert_allclose(ahead[0] / AMP, [16, 6, 16, 0, 0, 16])


STEADY = Steady(600.0, 600.0, 0.0, 4.0, 1800.0)


def resting(tokens: float, rests_for_s: float, waits_s: float) -> float:
    """What a car gets that is wanted to charge at 16 A, was switched off some time ago, and has so many orders left."""
    tree = LimitTree(("root",), np.array([-1]), np.array([16 * AMP]), np.zeros(1), np.array([np.inf]), ("",))
    needs_s = 20.0 / (16 * AMP) * 3600.0
    car = bays(1, departure_s=np.array([NOW_S + needs_s + waits_s]))
    past = Past(("a",), np.array([NOW_S - 600.0 + rests_for_s]), np.array([tokens]), NOW_S, np.zeros(1))
    scene = Scene(car, wires(tree, np.zeros(1), 230.0), np.zeros(1), np.zeros(1, dtype=np.bool_), ("a",), NOW_S)
    return float(steadied(amps(16), scene, past, STEADY)[0][0])


@pytest.mark.parametrize(
    ("tokens", "rests_for_s", "waits_s", "charges"),
    [
        (1.0, -1.0, 7200.0, True),
        (0.5, -1.0, 7200.0, False),  # it can wait for an order
        (0.5, -1.0, 1500.0, True),  # it can hardly
        (-2.5, -1.0, 1500.0, False),  # it has had a burst more already
        (1.0, 300.0, 1500.0, False),  # it rests, and will be ready all the same
        (1.0, 300.0, 200.0, True),  # a rest would cost it energy
    ],
)
def test_no_car_misses_what_it_needs_for_want_of_an_order_or_a_rest(tokens, rests_for_s, waits_s, charges):
    assert (resting(tokens, rests_for_s, waits_s) > 0.0) == charges
