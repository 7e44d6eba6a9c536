"""Who comes first under each rule, and how much is asked for."""

import numpy as np
import pytest

from evloom.dispatch.moment import Bays
from evloom.dispatch.reason import BAY, DONE, FULL, PLAN
from evloom.dispatch.rules import (
    EARLIEST_DEADLINE,
    EQUAL_SHARE,
    LEAST_LAXITY,
    PRICE_QUEUE,
    QUEUE,
    UNCONTROLLED,
    Outlook,
    asked_kw,
    booked_kw,
    decide,
    precedence,
)
from tests.unit.dispatch.moments import NOW_S, direct_current, row_of_cars, supply

FOUR = row_of_cars(
    4,
    arrival_s=NOW_S - np.array([60.0, 240.0, 120.0, 180.0]),
    departure_s=NOW_S + 3600.0 * np.array([3.0, 2.0, 1.5, 4.0]),
    need_kwh=np.array([14.72, 1.0, 3.68, 29.44]),  # 2, 0.14, 0.5 and 4 h at full power: laxities of 1, 1.86, 1 and 0 h
)
EDGES_S = NOW_S + 900.0 * np.arange(5, dtype=np.float64)
OPEN_KW = np.full(4, np.inf)
FLAT = np.zeros(4)


def decided(rule: int, bays: Bays, limit_kw: float = np.inf, room_kw=OPEN_KW, price=FLAT):
    return decide(rule, bays, supply(limit_kw), NOW_S, 0.25, Outlook(room_kw, price, EDGES_S))


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        (QUEUE, [1, 3, 2, 0]),
        (EQUAL_SHARE, [1, 3, 2, 0]),
        (EARLIEST_DEADLINE, [2, 1, 0, 3]),
        (LEAST_LAXITY, [3, 0, 2, 1]),
        (PRICE_QUEUE, [1, 3, 2, 0]),
    ],
)
def test_precedence(rule, order):
    assert precedence(rule, FOUR, NOW_S).tolist() == order


def test_ties_go_to_the_lower_row():
    many = row_of_cars(50, arrival_s=np.full(50, NOW_S))
    for rule in (QUEUE, EARLIEST_DEADLINE, LEAST_LAXITY):
        assert precedence(rule, many, NOW_S).tolist() == list(range(50))


@pytest.mark.parametrize("rule", [QUEUE, EQUAL_SHARE, EARLIEST_DEADLINE, LEAST_LAXITY])
def test_cars_believed_done_come_last_in_the_order_of_arrival(rule):
    need_kwh = FOUR.need_kwh.copy()
    need_kwh[[0, 1]] = 0.0
    departure_s = np.where(np.arange(4) == 3, np.inf, FOUR.departure_s)  # even after one that never leaves
    assert precedence(rule, FOUR._replace(need_kwh=need_kwh, departure_s=departure_s), NOW_S).tolist()[2:] == [1, 0]


def test_who_is_not_connected_has_no_place():
    some = FOUR._replace(connected=np.array([True, False, True, False]))
    assert sorted(precedence(QUEUE, some, NOW_S).tolist()) == [0, 2]


@pytest.mark.parametrize(("rule", "first", "second"), [(QUEUE, 1, 3), (EARLIEST_DEADLINE, 2, 1), (LEAST_LAXITY, 3, 0)])
def test_the_first_is_served_in_full_and_the_next_with_the_rest(rule, first, second):
    bays = FOUR._replace(need_kwh=FOUR.need_kwh * 3.0, departure_s=NOW_S + 3 * (FOUR.departure_s - NOW_S))
    order_kw, _ = decided(rule, bays, 11.0)
    expected_kw = np.zeros(4)
    expected_kw[first], expected_kw[second] = 7.36, 15 * 0.23
    np.testing.assert_allclose(order_kw, expected_kw, atol=1e-9)


def test_in_the_last_step_only_what_is_still_needed():
    bays = row_of_cars(4, need_kwh=np.array([1.0, 0.1, 0.0, 1.0]), departure_s=NOW_S + np.array([7200.0, 7200.0, 7200.0, 600.0]))
    power_kw = asked_kw(bays, np.arange(4), NOW_S, 0.25)
    assert power_kw[0] == pytest.approx(18 * 0.23)  # 4 kW are 17.4 A
    assert power_kw[1] == pytest.approx(6 * 0.23)  # not below the least current
    assert power_kw[2] == 7.36  # believed done: it may have what nobody wants
    assert power_kw[3] == pytest.approx(27 * 0.23)  # 10 minutes left: 6 kW


def test_uncontrolled_gives_all_whatever_the_limit():
    order_kw, reason = decided(UNCONTROLLED, FOUR, 1.0)
    assert order_kw.tolist() == [7.36] * 4
    assert reason.tolist() == [FULL] * 4


def booked(bays: Bays, price, room_kw=OPEN_KW):
    outlook = Outlook(np.asarray(room_kw, dtype=np.float64), np.asarray(price, dtype=np.float64), EDGES_S)
    return booked_kw(bays, precedence(PRICE_QUEUE, bays, NOW_S), outlook)


def test_the_cheapest_steps_are_booked_first():
    """12.5 kWh take one step of 50 kW; 13 kWh take a second."""
    one = direct_current(1, need_kwh=np.array([12.5]))
    assert booked(one, [3, 1, 2, 4]).tolist() == [0.0]
    assert booked(one, [1, 3, 2, 4]).tolist() == [50.0]
    assert booked(one._replace(need_kwh=np.array([13.0])), [2, 1, 3, 4]).tolist() == [50.0]
    assert booked(one._replace(need_kwh=np.array([12.5])), [1, 1, 1, 1]).tolist() == [50.0]  # equal prices: the earlier


def test_steps_after_departure_cannot_be_booked():
    one = direct_current(1, need_kwh=np.array([12.5]), departure_s=np.array([NOW_S + 900.0]))
    assert booked(one, [9, 1, 1, 1]).tolist() == [50.0]


def test_who_came_first_books_first():
    two = direct_current(2, need_kwh=np.full(2, 12.5))
    room_kw = [60.0, 60.0, 60.0, 60.0]
    assert booked(two, [2, 1, 3, 4], room_kw).tolist() == [0.0, 50.0]  # 10 kW are left in the cheapest step, the rest in this one
    later = two._replace(arrival_s=two.arrival_s[::-1].copy())
    assert booked(later, [2, 1, 3, 4], room_kw).tolist() == [50.0, 0.0]


def test_a_step_without_the_least_current_is_passed_over():
    one = row_of_cars(1, need_kwh=np.array([1.0]))
    assert booked(one, [1, 2, 3, 4], [1.3, 9.0, 9.0, 9.0]).tolist() == [0.0]
    assert booked(one, [1, 2, 3, 4], [1.4, 9.0, 9.0, 9.0]).tolist() == [1.4]


def test_the_price_queue_says_why():
    bays = direct_current(3, need_kwh=np.array([12.5, 12.5, 0.0]), departure_s=NOW_S + np.array([7200.0, 600.0, 7200.0]))
    order_kw, reason = decided(PRICE_QUEUE, bays, price=np.array([4.0, 1.0, 2.0, 3.0]))
    assert order_kw.tolist() == [0.0, 50.0, 0.0]
    assert reason.tolist() == [PLAN, FULL, DONE]


def test_a_v2g_car_that_has_what_it_was_promised_rests():
    full = FOUR._replace(need_kwh=np.array([14.72, 0.0, 3.68, 29.44]), discharge_max_kw=np.array([0.0, 7.0, 0.0, 0.0]))
    for rule in (UNCONTROLLED, EQUAL_SHARE, QUEUE):
        order_kw, reason = decided(rule, full)
        assert order_kw[1] == 0.0
        assert reason[1] == DONE
        assert (order_kw[[0, 2, 3]] > 0.0).all()


def test_bays_of_one_pile_share_its_rating_even_uncontrolled():
    """The pile is a machine, not a limit: two bays below a node of 10 kW, first together, then one at a time."""
    pair = FOUR._replace(pile=np.array([0, 0, 2, 3]))
    order_kw, _ = decided(UNCONTROLLED, pair, 10.0)
    assert order_kw.tolist() == pytest.approx([10.0 - 7.36, 7.36, 7.36, 7.36])  # the second came first
    order_kw, reason = decided(UNCONTROLLED, pair._replace(one_at_a_time=np.ones(4, dtype=np.bool_)), 10.0)
    assert order_kw.tolist() == [0.0, 7.36, 7.36, 7.36]
    assert reason[0] == BAY
