"""What is known of an EVSE, from what its station says."""

import pytest

from evloom.pile.station import NeedsSeen, Sample, TransactionSaid
from evloom.serve.live.bay import ASK_AGAIN_S, DONE_S, Bay

T0 = 1_780_000_000.0


def bay(default_kw: float = 4.14) -> Bay:
    found = Bay("A/1", "A", 1, 0, 11.04, link=True)
    found.begin(TransactionSaid("t", "started", evse=1), "A:t", T0, default_kw)
    return found


def said(at_s: float, **values: float) -> TransactionSaid:
    names = {
        "register": "Energy.Active.Import.Register",
        "out": "Energy.Active.Export.Register",
        "power": "Power.Active.Import",
        "soc": "SoC",
    }
    return TransactionSaid("t", "updated", samples=tuple(Sample(at_s, names[name], value) for name, value in values.items()))


def test_energy_and_power_of_a_session():
    one = bay()
    one.heard(said(T0, register=100.0), T0)
    one.heard(said(T0 + 60, register=100.1, power=6.0), T0 + 60)
    assert one.net_kwh == pytest.approx(0.1)
    assert one.meter.power_kw == 6.0
    assert one.fresh


def test_power_from_energy_where_a_meter_sends_only_that():
    one = bay()
    one.heard(said(T0, register=100.0), T0)
    one.heard(said(T0 + 60, register=100.0), T0 + 60)
    one.heard(said(T0 + 120, register=100.1), T0 + 120)
    one.heard(said(T0 + 180, register=100.2), T0 + 180)
    assert one.meter.power_kw == pytest.approx(6.0)


def test_energy_from_power_where_a_meter_sends_only_that():
    one = bay()
    for k in range(4):
        one.heard(said(T0 + 60 * k, power=6.0), T0 + 60 * k)
    assert one.net_kwh == pytest.approx(0.3)


def test_what_is_given_back_counts():
    one = bay()
    one.heard(said(T0, register=100.0, out=5.0), T0)
    one.heard(said(T0 + 60, register=100.0, out=5.5), T0 + 60)
    assert one.net_kwh == pytest.approx(-0.5)


def test_a_register_that_begins_at_zero_or_goes_back_is_not_believed():
    one = bay()
    one.heard(said(T0, register=0.0), T0)
    one.heard(said(T0 + 60, register=512.0), T0 + 60)
    one.heard(said(T0 + 120, register=512.5), T0 + 120)
    one.heard(said(T0 + 180, register=3.0), T0 + 180)
    assert one.net_kwh == pytest.approx(0.5)


def test_phases_are_summed_and_seen():
    one = bay()
    lines = ("L1", "L2", "L3")
    power = tuple(Sample(T0, "Power.Active.Import", kw, phase) for phase, kw in zip(lines, (3.0, 0.0, 0.0), strict=True))
    current = tuple(Sample(T0, "Current.Import", a, phase) for phase, a in zip(lines, (13.0, 0.1, 0.0), strict=True))
    one.heard(TransactionSaid("t", "updated", samples=power + current), T0)
    assert one.meter.power_kw == 3.0
    assert one.meter.n_phase == 1


def test_a_car_that_takes_nothing_is_done_and_asked_again():
    one = bay()
    for k in range(40):
        one.heard(said(T0 + 10 * k, power=0.0), T0 + 10.0 * k)
    assert not one.is_done(T0 + DONE_S - 20.0)
    assert one.is_done(T0 + 400.0)
    assert not one.is_done(T0 + 400.0 + ASK_AGAIN_S)
    one.heard(said(T0 + 500, power=3.0), T0 + 500)
    assert not one.is_done(T0 + 500)


def test_what_may_be_in_force():
    one = bay()
    plan = ((T0 + 100.0, 11.0), (T0 + 200.0, 0.0))
    one.telling(plan, T0 + 100.0)
    assert one.allowed_kw(T0 + 101.0) == 11.0
    lower = ((T0 + 110.0, 5.0),)
    one.telling(lower, T0 + 110.0)
    assert one.allowed_kw(T0 + 130.0) == 11.0  # nobody answered yet
    one.taken(lower, T0 + 131.0)
    assert one.allowed_kw(T0 + 136.0) == 11.0  # cars may take a few seconds
    assert one.allowed_kw(T0 + 140.0) == 5.0
    one.telling(((T0 + 150.0, 9.0),), T0 + 150.0)
    one.not_taken(one.told[-1].plan)
    assert one.allowed_kw(T0 + 151.0) == 5.0


def test_a_reading_is_wanted_where_none_tells():
    one = bay()
    assert one.is_unread(T0 + 10.0, 10.0)
    one.asked_s = T0 + 10.0
    assert not one.is_unread(T0 + 15.0, 10.0)
    one.heard(said(T0 + 18, power=4.0), T0 + 18.0)
    assert not one.is_unread(T0 + 20.0, 10.0)


@pytest.mark.parametrize(("before_s", "counts"), [(5.0, True), (3600.0, False)])
def test_what_a_car_said_just_before_its_transaction_began_counts_for_it(before_s, counts):
    one = Bay("A/1", "A", 1, 0, 11.0)
    one.car, one.car_s = NeedsSeen(1, "DC_BPT", soc=0.5), 1000.0
    one.begin(TransactionSaid("t1", "started", evse=1), "A:t1", 1000.0 + before_s, 4.14)
    assert (one.car is not None) == counts
    one.end()
    assert one.car is None
