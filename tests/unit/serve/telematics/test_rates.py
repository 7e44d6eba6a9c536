"""Orders to boxes: acknowledgement, retry, expiry, the floor while parked, and boxes that never answer."""

import math

import pytest

from evloom.serve.telematics.rates import Rates
from evloom.serve.telematics.settings import Telematics
from evloom.wire.databox.translate import BoxAck, BoxState

RULES = Telematics(box_floor_s=1.0, box_parked_floor_s=60.0, box_retry_s=10.0, box_tries=3)
V = "LEV1"


def state(online=True, parked: bool | None = None, interval_s: float | None = None) -> BoxState:
    return BoxState(online, parked, interval_s, None, None, "")


def test_an_order_is_sent_and_acknowledged():
    rates = Rates(RULES)
    order = rates.order(V, 5.0, 1000.0, 0.0)
    assert rates.due(0.0) == [(V, order)]
    assert rates.due(1.0) == []
    assert rates.acknowledged(V, BoxAck(order.command_id, True, 5.0, ""), 1.0)
    assert (order.status, rates.box(V).interval_s) == ("acknowledged", 5.0)
    assert rates.due(500.0) == []
    assert rates.due(1000.0) == []
    assert order.status == "expired"


def test_a_box_that_never_acknowledges_is_tried_again_and_then_shown():
    rates = Rates(RULES)
    order = rates.order(V, 5.0, 1000.0, 0.0)
    rates.order("ANSWERS", 5.0, 1000.0, 0.0)
    sent = [now_s for now_s in range(60) for vehicle_id, _ in rates.due(float(now_s)) if vehicle_id == V]
    assert sent == [0, 10, 20]
    assert order.status == "unanswered"
    assert rates.newly_silent() == [V, "ANSWERS"]
    assert rates.newly_silent() == []
    assert rates.box(V).silent_since_s == 0.0
    rates.state(V, state(), 70.0)  # it shows itself: it is told again
    assert [vehicle_id for vehicle_id, _ in rates.due(70.0)] == [V]
    rates.acknowledged(V, BoxAck(order.command_id, True, 5.0, ""), 71.0)
    assert math.isnan(rates.box(V).silent_since_s)
    assert [box.vehicle_id for box in rates.boxes()] == ["ANSWERS", V]


def test_what_is_refused_says_why_and_is_not_tried_again():
    rates = Rates(RULES)
    order = rates.order(V, 5.0, 1000.0, 0.0)
    rates.due(0.0)
    rates.acknowledged(V, BoxAck(order.command_id, False, None, "low supply"), 1.0)
    assert (order.status, order.why, rates.due(50.0)) == ("refused", "low supply", [])


def test_a_parked_box_is_asked_for_no_less_than_the_floor():
    rates = Rates(RULES)
    rates.state(V, state(parked=True), 0.0)
    order = rates.order(V, 5.0, 1000.0, 0.0)
    assert order.asked_s == 60.0
    rates.due(0.0)
    rates.acknowledged(V, BoxAck(order.command_id, True, 60.0, ""), 1.0)
    before = order.command_id
    rates.state(V, state(parked=False), 10.0)
    assert (order.asked_s, order.status) == (5.0, "waiting")
    assert order.command_id != before
    assert rates.due(10.0) == [(V, order)]
    assert rates.order(V, 0.1, 1000.0, 20.0).asked_s == 1.0


def test_a_later_order_takes_the_place_of_the_one_before():
    rates = Rates(RULES)
    first = rates.order(V, 5.0, 1000.0, 0.0)
    rates.due(0.0)
    second = rates.order(V, 30.0, 1000.0, 1.0)
    assert not rates.acknowledged(V, BoxAck(first.command_id, True, 5.0, ""), 2.0)
    assert rates.due(2.0) == [(V, second)]


def test_a_box_that_restarted_and_forgot_is_told_again():
    rates = Rates(RULES)
    order = rates.order(V, 5.0, 1000.0, 0.0)
    rates.due(0.0)
    rates.acknowledged(V, BoxAck(order.command_id, True, 5.0, ""), 1.0)
    rates.state(V, state(online=False), 50.0)
    rates.state(V, state(interval_s=30.0), 60.0)
    assert rates.due(60.0) == [(V, order)]


def test_an_order_expires_unsent_and_unanswered_alike():
    rates = Rates(RULES)
    order = rates.order(V, 5.0, 15.0, 0.0)
    assert len(rates.due(0.0)) + len(rates.due(10.0)) == 2
    assert rates.due(15.0) == []
    assert order.status == "expired"
    assert not rates.acknowledged(V, BoxAck(order.command_id, True, 5.0, ""), 16.0)


def test_what_cannot_be_wanted():
    rates = Rates(RULES)
    for interval_s, until_s in ((0.0, 10.0), (float("nan"), 10.0), (5.0, 0.0)):
        with pytest.raises(ValueError, match=r"above|past"):
            rates.order(V, interval_s, until_s, 0.0)
