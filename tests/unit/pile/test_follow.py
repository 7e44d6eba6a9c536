"""Who follows its orders, by what the meter says."""

import pytest

from evloom.pile.follow import Check, Conduct, answered, is_over, judged, room_kw

FULL_KW = 11.04


def after(conduct: Conduct, *checks: Check) -> Conduct:
    for check in checks:
        conduct = judged(conduct, check)
    return conduct


def test_two_readings_above_the_order_and_it_ignores():
    over = Check(4.14, FULL_KW, FULL_KW)
    assert after(Conduct("follows"), over).standing == "follows"
    assert after(Conduct("follows"), over, over).standing == "ignores"
    assert after(Conduct("untried"), over, over).standing == "ignores"


def test_one_in_between_begins_the_count_anew():
    over, fine = Check(4.14, FULL_KW, FULL_KW), Check(4.14, 4.1, FULL_KW)
    assert after(Conduct("follows"), over, fine, over).standing == "follows"


def test_meters_and_cars_are_not_exact():
    assert not is_over(Check(4.14, 4.14 * 1.06 + 0.2, FULL_KW))
    assert is_over(Check(0.0, 0.3, FULL_KW))


def test_trust_takes_two_readings_that_tell_something():
    held = Check(4.14, 4.1, FULL_KW)
    assert after(Conduct("untried"), held).standing == "untried"
    assert after(Conduct("untried"), held, held).standing == "follows"
    full = Check(FULL_KW, FULL_KW, FULL_KW)  # an order that holds nothing back tells nothing
    idle = Check(4.14, 0.0, FULL_KW)  # neither does a car that draws nothing
    assert after(Conduct("untried"), full, full, idle, idle).standing == "untried"


def test_nothing_drawn_at_an_order_of_nothing_tells():
    paused = Check(0.0, 0.0, FULL_KW)
    assert after(Conduct("untried"), paused, paused).standing == "follows"


def test_lost_trust_takes_longer():
    held = Check(4.14, 4.1, FULL_KW)
    assert after(Conduct("ignores"), held, held, held).standing == "ignores"
    assert after(Conduct("ignores"), held, held, held, held).standing == "follows"


def test_refusal_and_its_end():
    refused = answered(Conduct("follows"), False)
    assert refused.standing == "refused"
    assert judged(refused, Check(0.0, FULL_KW, FULL_KW)).standing == "refused"
    assert answered(refused, True).standing == "untried"
    assert answered(Conduct("ignores"), True).standing == "ignores"


@pytest.mark.parametrize(
    ("measured_kw", "since_s", "begun", "room"),
    [
        (0.0, 5.0, False, FULL_KW),
        (4.0, 5.0, False, FULL_KW),
        (4.0, 20.0, True, 4.32),
        (0.0, 100.0, False, 0.2),
        (11.0, 20.0, True, FULL_KW),
    ],
)
def test_room_that_is_kept(measured_kw, since_s, begun, room):
    assert room_kw(measured_kw, FULL_KW, since_s, begun) == pytest.approx(room)
