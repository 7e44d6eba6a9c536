"""What the loop learns from readings, and the moment it makes of what it sees."""

import numpy as np
import pytest

from evloom.loop.sight import MORE_H, OVERSTAY_S, Piles, Sight, blank_sight, learn_draw, moment

NOW_S = 1.75e9
AMP = 0.23


def one_car(**changed) -> Sight:
    """A one-phase car with 1 A steps, 10 kWh wanted, two hours left."""
    sight = blank_sight(1)
    seen = {
        "connected": True, "arrival_s": NOW_S - 3600.0, "departure_s": NOW_S + 7200.0, "wanted_kwh": 10.0, "car_max_kw": 32 * AMP,
        "kw_per_a": AMP, "current_min_a": 6.0, "current_step_a": 1.0, "phase": 0,
    } | changed  # fmt: skip
    for name, value in seen.items():
        getattr(sight, name)[0] = value
    return sight


PILE = Piles(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.bool_), np.full(1, 7.36), np.full(1, 7.36))


def follow(sight: Sight, car_max_a: float, cycles: int) -> list[float]:
    """What a car that takes at most `car_max_a` is asked for, cycle by cycle, when it gets all it was seen to take, in amperes."""
    asked_a = []
    for _ in range(cycles):
        order_a = np.floor(min(32.0, sight.seen_max_kw[0] / AMP) + 1e-9)
        sight.ordered_kw[0] = order_a * AMP
        sight.draw_kw[0] = min(order_a, car_max_a) * AMP
        learn_draw(0, sight)
        asked_a.append(float(order_a))
    return asked_a


@pytest.mark.parametrize("car_max_a", [6.3, 10.0, 15.5, 24.2])
def test_a_car_that_takes_less_is_asked_for_that_and_one_step_more(car_max_a):
    asked_a = follow(one_car(), car_max_a, 12)
    assert asked_a[0] == 32.0
    assert all(car_max_a - 1.0 < a <= car_max_a + 2.0 for a in asked_a[1:])


@pytest.mark.parametrize("before_a", [6.3, 7.2, 7.5, 7.9, 8.0, 15.5, 24.9])
def test_a_car_that_takes_more_again_is_found_out_within_a_few_cycles(before_a):
    """At 8 A a step is an eighth: the order can lie that far below what was seen, and must still count as following."""
    sight = one_car()
    follow(sight, before_a, 5)
    assert follow(sight, 32.0, 6)[-1] == 32.0


def test_a_car_that_is_done_or_was_offered_nothing_teaches_nothing():
    for changed in ({"ordered_kw": 7.36, "done": True}, {"ordered_kw": 0.0}):
        sight = one_car(**changed)
        learn_draw(0, sight)
        assert sight.seen_max_kw[0] == np.inf


@pytest.mark.parametrize(
    ("changed", "need_kwh"),
    [
        ({}, 10.0),
        ({"net_kwh": 4.0}, 6.0),
        ({"net_kwh": -2.0}, 12.0),  # it gave
        ({"done": True}, 0.0),
        ({"net_kwh": 10.0}, 0.0),
        ({"net_kwh": 12.0, "draw_kw": 3.0}, 7.36 * MORE_H),  # it draws on past what was believed
        ({"net_kwh": 12.0, "draw_kw": 3.0, "done": True}, 0.0),
    ],
)
def test_need(changed, need_kwh):
    assert moment(NOW_S, 0.25, PILE, one_car(**changed)).need_kwh[0] == pytest.approx(need_kwh)


@pytest.mark.parametrize(("left_s", "believed_s"), [(7200.0, 7200.0), (20.0, 60.0), (0.0, OVERSTAY_S), (-5000.0, OVERSTAY_S)])
def test_a_car_that_is_overdue_stays_a_little_longer(left_s, believed_s):
    assert moment(NOW_S, 0.25, PILE, one_car(departure_s=NOW_S + left_s)).departure_s[0] == NOW_S + believed_s


def test_the_least_of_the_ratings_holds():
    bays = moment(NOW_S, 0.25, PILE, one_car(car_max_kw=5.0, give_max_kw=6.0, spare_kwh=1.0))
    assert bays.charge_max_kw[0] == pytest.approx(5.06)  # 22 A: the next step above what the car takes
    assert bays.discharge_max_kw[0] == 4.0  # 1 kWh lasts a quarter of an hour at 4 kW
    assert moment(NOW_S, 0.25, PILE, one_car(seen_max_kw=2.0)).charge_max_kw[0] == pytest.approx(2.07)
    assert moment(NOW_S, 0.25, PILE, one_car(connected=False)).charge_max_kw[0] == 0.0
