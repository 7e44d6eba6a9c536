"""Which profiles a virtual station takes, and what it makes of them."""

import pytest

from evloom.pile.profile import ChargingProfile, Period, Schedule
from evloom.simulate.station.bay import Bay, Transaction, one_car
from evloom.simulate.station.profiles import PROFILES_MAX, ProfileBook
from evloom.simulate.station.spec import BaySpec


def bays():
    made = {1: Bay(1, BaySpec(11.04), 230.0), 2: Bay(2, BaySpec(11.04), 230.0)}
    made[1].plug(one_car(60.0, 0.2, 11.04), 0, 0.0)
    made[1].transaction = Transaction("t", "CARD", "ISO14443", 0.0, 0.0)
    return made


def profile(number, purpose, *periods, kind="Absolute", level=0, **more):
    schedule = Schedule(more.pop("unit", "A"), periods or (Period(0.0, 10.0),))
    return ChargingProfile(number, purpose, level, kind, (schedule,), **more)


@pytest.mark.parametrize(
    ("evse", "asked", "refusal"),
    [
        (0, profile(1, "TxDefaultProfile"), ""),
        (1, profile(1, "TxProfile", transaction="t"), ""),
        (1, profile(1, "TxProfile"), ""),
        (1, profile(1, "TxProfile", transaction="u"), "TxNotFound"),
        (2, profile(1, "TxProfile"), "TxNotFound"),
        (0, profile(1, "TxProfile"), "TxNotFound"),
        (3, profile(1, "TxDefaultProfile"), "UnknownEvse"),
        (1, profile(1, "TxDefaultProfile", Period(5.0, 10.0)), "InvalidProfile"),
        (1, profile(1, "TxDefaultProfile", level=11), "InvalidStackLevel"),
        (1, profile(1, "TxDefaultProfile", *(Period(float(k), 10.0) for k in range(65))), "InvalidSchedule"),
        (1, profile(1, "ChargingStationMaxProfile"), "InvalidProfile"),
        (0, profile(1, "ChargingStationMaxProfile", kind="Relative"), "InvalidProfile"),
        (0, profile(1, "ChargingStationMaxProfile"), ""),
        (0, profile(1, "ChargingStationExternalConstraints"), "InvalidProfile"),
    ],
)
def test_a_profile_is_taken_or_refused_for_a_reason(evse, asked, refusal):
    assert ProfileBook().refusal(evse, asked, bays()) == refusal


def test_there_is_room_for_so_many():
    book = ProfileBook()
    for number in range(PROFILES_MAX):
        book.take(1, profile(number, "TxDefaultProfile", level=number), 0.0)
    assert book.refusal(1, profile(99, "TxDefaultProfile"), bays()) == "TooManyProfiles"
    assert book.refusal(1, profile(3, "TxDefaultProfile"), bays()) == ""


def test_a_transaction_takes_its_profiles_with_it():
    book = ProfileBook()
    book.take(0, profile(1, "TxDefaultProfile"), 0.0)
    book.take(1, profile(2, "TxProfile", Period(0.0, 16.0), transaction="t"), 0.0)
    bay = bays()[1]
    assert book.wanted_kw(bay, 0.0) == pytest.approx(11.04)
    book.forget_transaction("t")
    assert book.wanted_kw(bay, 0.0) == pytest.approx(6.9)
    assert book.clear(None, 0, "TxDefaultProfile", 0) == 1
    assert book.wanted_kw(bay, 0.0) == 11.04


def test_a_profile_that_ends_offline_is_gone_for_ever():
    book = ProfileBook()
    book.take(1, profile(1, "TxProfile", transaction="t", offline_max_s=60.0, offline_ends=True), 0.0)
    book.take(1, profile(2, "TxProfile", level=1, transaction="t", offline_max_s=60.0), 0.0)
    book.offline_since_s = 100.0
    assert book.wanted_kw(bays()[1], 130.0) == pytest.approx(6.9)
    assert book.wanted_kw(bays()[1], 170.0) == 11.04
    book.end_offline(170.0)
    assert [item.profile.profile_id for item in book.installed] == [2]


def test_a_dynamic_profile_is_updated_in_what_is_said():
    book = ProfileBook()
    period = Period(0.0, 11.0, setpoint=5.0, mode="CentralSetpoint")
    book.take(1, profile(1, "TxProfile", period, kind="Dynamic", unit="kW", transaction="t"), 0.0)
    assert book.update(1, Period(0.0, setpoint=3.0), 60.0)
    assert book.wanted_kw(bays()[1], 60.0) == 3.0
    assert book.installed[0].profile.schedule.periods[0].ceiling == 11.0
    assert not book.update(2, Period(0.0, setpoint=3.0), 60.0)


def test_the_station_as_a_whole_is_its_bays_under_its_own_limit():
    book, made = ProfileBook(), bays()
    listed = list(made.values())
    assert book.station_kw(listed, 0.0) is None
    assert [item.ceiling for item in book.whole_schedule(listed, 15.0, 0.0, 600.0)] == [15.0]
    book.take(0, profile(1, "ChargingStationMaxProfile", Period(0.0, 12.0), Period(60.0, 3.0), unit="kW"), 0.0)
    assert book.station_kw(listed, 0.0) == 12.0
    assert [(item.at_s, item.ceiling) for item in book.whole_schedule(listed, 15.0, 0.0, 600.0)] == [(0.0, 12.0), (60.0, 3.0)]
