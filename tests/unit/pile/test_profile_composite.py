"""The composite schedule against a slow second opinion that looks at every second anew, and known answers from the standard."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.pile.profile import ChargingProfile, Period, Schedule, faults_of
from evloom.pile.profile_composite import Installed, Situation, allowed_at, composite, install

DAY_S = 86_400


def amps(*periods, **more):
    return Schedule("A", tuple(Period(float(start), ceiling=float(limit)) for start, limit in periods), **more)


def profile(number, purpose, level, *schedules, kind="Absolute", **more):
    return ChargingProfile(number, purpose, level, kind, schedules, **more)


def limits(profiles, situation, start_s=0.0, length_s=3600.0):
    return [(allowed.at_s, allowed.ceiling) for allowed in composite(profiles, situation, start_s, length_s)]


CHARGING = Situation(1, transaction="t", started_at_s=0.0)


def test_within_a_purpose_the_highest_level_that_has_a_period_rules():
    low = Installed(0, profile(1, "TxDefaultProfile", 0, amps((0, 32))))
    high = Installed(0, profile(2, "TxDefaultProfile", 5, amps((0, 10), (600, 20), start_at_s=300.0, length_s=900.0)))
    assert limits([low, high], CHARGING) == [(0.0, 32.0), (300.0, 10.0), (900.0, 20.0), (1200.0, 32.0)]
    assert limits([high, low], CHARGING) == limits([low, high], CHARGING)


def test_a_transaction_profile_takes_the_place_of_the_default_even_where_it_is_higher():
    default = Installed(0, profile(1, "TxDefaultProfile", 9, amps((0, 10))))
    own = Installed(1, profile(2, "TxProfile", 0, amps((0, 20), length_s=60.0), transaction="t"))
    other = Installed(1, profile(3, "TxProfile", 1, amps((0, 6)), transaction="another"))
    assert limits([default, own, other], CHARGING) == [(0.0, 20.0), (60.0, 10.0)]


def test_station_maximum_and_external_constraints_are_upper_limits():
    held = [
        Installed(1, profile(1, "TxProfile", 0, amps((0, 32)), transaction="t")),
        Installed(0, profile(2, "ChargingStationMaxProfile", 0, amps((0, 25), (60, 40)))),
        Installed(1, profile(3, "ChargingStationExternalConstraints", 0, amps((0, 30), (120, 12)))),
    ]
    assert limits(held, CHARGING) == [(0.0, 25.0), (60.0, 30.0), (120.0, 12.0)]
    assert limits(held, Situation(2)) == [(0.0, 25.0), (60.0, 40.0)]


def test_local_generation_is_added_on_top_of_the_lowest():
    held = [
        Installed(0, profile(1, "TxDefaultProfile", 0, Schedule("kW", (Period(0.0, 8.0),)))),
        Installed(0, profile(2, "ChargingStationMaxProfile", 0, Schedule("kW", (Period(0.0, 5.0),)))),
        Installed(0, profile(3, "LocalGeneration", 0, Schedule("kW", (Period(0.0, 2.0),)))),
        Installed(0, profile(4, "LocalGeneration", 1, Schedule("kW", (Period(0.0, 1.0),), length_s=60.0))),
    ]
    situation = Situation(1, "t", 0.0, unit="kW")
    assert limits(held, situation) == [(0.0, 6.0), (60.0, 7.0)]
    assert limits(held[2:], situation) == [(0.0, None)]


def test_priority_charging_overrules_the_transaction_when_it_is_active():
    held = [
        Installed(1, profile(1, "TxProfile", 3, amps((0, 6)), transaction="t")),
        Installed(1, profile(2, "PriorityCharging", 0, amps((0, 32)))),
    ]
    assert limits(held, CHARGING) == [(0.0, 6.0)]
    assert limits(held, Situation(1, "t", 0.0, priority=True)) == [(0.0, 32.0)]


def test_daily_and_weekly_recur_from_their_start_on():
    twice = amps((0, 6), (3600, 16), start_at_s=7200.0, length_s=7200.0)
    daily = Installed(0, profile(1, "TxDefaultProfile", 0, twice, kind="Recurring", recurrency="Daily"))
    changes = [(at_s / 3600.0, limit) for at_s, limit in limits([daily], CHARGING, 0.0, 2 * DAY_S)]
    assert changes == [(0, None), (2, 6.0), (3, 16.0), (4, None), (26, 6.0), (27, 16.0), (28, None)]
    minute = amps((0, 6), start_at_s=0.0, length_s=60.0)
    weekly = Installed(0, profile(1, "TxDefaultProfile", 0, minute, kind="Recurring", recurrency="Weekly"))
    assert limits([weekly], CHARGING, 7 * DAY_S - 60.0, 600.0) == [(7 * DAY_S - 60.0, None), (7.0 * DAY_S, 6.0), (7 * DAY_S + 60.0, None)]


def test_a_relative_schedule_starts_with_the_charging():
    relative = Installed(0, profile(1, "TxDefaultProfile", 0, amps((0, 6), (600, 16)), kind="Relative"), since_s=-5000.0)
    assert limits([relative], Situation(1, "t", 100.0)) == [(0.0, None), (100.0, 6.0), (700.0, 16.0)]


def test_validity_and_time_without_a_link():
    dated = Installed(0, profile(1, "TxDefaultProfile", 1, amps((0, 6)), valid_from_s=60.0, valid_to_s=120.0))
    live = Installed(1, profile(2, "TxProfile", 1, amps((0, 20)), transaction="t", offline_max_s=300.0))
    below = Installed(0, profile(3, "TxDefaultProfile", 0, amps((0, 8))))
    assert limits([dated, below], CHARGING) == [(0.0, 8.0), (60.0, 6.0), (120.0, 8.0)]
    assert limits([live, below], CHARGING) == [(0.0, 20.0)]
    assert limits([live, below], Situation(1, "t", 0.0, offline_since_s=100.0)) == [(0.0, 20.0), (400.0, 8.0)]


def test_units_are_converted_by_the_phases_of_the_period():
    power = Schedule("kW", (Period(0.0, 6.9, n_phase=3), Period(60.0, 6.9, n_phase=1)))
    held = [
        Installed(1, profile(1, "TxProfile", 0, power, transaction="t")),
        Installed(0, profile(2, "ChargingStationMaxProfile", 0, amps((0, 16)))),
    ]
    in_a = composite(held, CHARGING, 0.0, 600.0)
    assert [(a.at_s, round(a.ceiling or 0.0, 6), a.n_phase) for a in in_a] == [(0.0, 10.0, 3), (60.0, 16.0, 1)]
    in_kw = composite(held, Situation(1, "t", 0.0, unit="kW"), 0.0, 600.0)
    assert [round(a.ceiling or 0.0, 6) for a in in_kw] == [6.9, 6.9]


def test_a_setpoint_stays_within_the_limits_of_all_purposes():
    periods = (Period(0.0, 11.0, floor=-11.0, setpoint=9.0), Period(60.0, 11.0, floor=-3.0, setpoint=-9.0, mode="CentralSetpoint"))
    two_way = Schedule("kW", periods)
    held = [
        Installed(1, profile(1, "TxProfile", 0, two_way, transaction="t")),
        Installed(0, profile(2, "ChargingStationMaxProfile", 0, Schedule("kW", (Period(0.0, 7.0),)))),
    ]
    first, second = composite(held, Situation(1, "t", 0.0, unit="kW"), 0.0, 600.0)
    assert (first.setpoint, first.ceiling, first.floor) == (7.0, 7.0, -11.0)
    assert (second.setpoint, second.ceiling, second.floor, second.mode) == (-3.0, 7.0, -3.0, "CentralSetpoint")


def test_a_new_profile_takes_the_place_of_one_with_its_id_or_its_place():
    first = Installed(1, profile(1, "TxDefaultProfile", 0, amps((0, 6))))
    same_place = Installed(1, profile(2, "TxDefaultProfile", 0, amps((0, 7))))
    elsewhere = Installed(2, profile(3, "TxDefaultProfile", 0, amps((0, 8))))
    moved = Installed(1, profile(3, "TxDefaultProfile", 4, amps((0, 9))))
    assert install([first], same_place) == (same_place,)
    assert install([first], elsewhere) == (first, elsewhere)
    assert install([first, elsewhere], moved) == (first, moved)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (profile(1, "Tx", 0, amps((0, 6))), "purpose 'Tx'"),
        (profile(1, "TxProfile", -1, amps((0, 6))), "stack level -1"),
        (profile(1, "TxProfile", 0, amps((0, 6)), kind="Sometimes"), "kind 'Sometimes'"),
        (profile(1, "TxProfile", 0), "0 schedules"),
        (profile(1, "TxProfile", 0, amps((0, 6)), kind="Recurring"), "needs a recurrency"),
        (profile(1, "TxProfile", 0, amps((0, 6), start_at_s=0.0), kind="Relative"), "no start of its own"),
        (profile(1, "TxDefaultProfile", 0, amps((0, 6)), transaction="t"), "belongs to TxProfile"),
        (profile(1, "TxProfile", 0, amps((0, 6)), valid_from_s=5.0, valid_to_s=5.0), "valid until before"),
        (profile(1, "TxProfile", 0, amps((10, 6))), "starts at 0"),
        (profile(1, "TxProfile", 0, amps((0, 6), (0, 7))), "follow each other"),
        (profile(1, "TxProfile", 0, Schedule("W", (Period(0.0, 6.0),))), "unit 'W'"),
        (profile(1, "TxProfile", 0, Schedule("A", (Period(0.0),))), "has no limit"),
        (profile(1, "TxProfile", 0, Schedule("A", (Period(0.0, 6.0, mode="CentralSetpoint"),))), "has no setpoint"),
        (profile(1, "TxProfile", 0, Schedule("A", (Period(0.0, 6.0, floor=1.0),))), "above 0"),
        (profile(1, "TxProfile", 0, Schedule("A", (Period(0.0, 6.0, mode="Fast"),))), "operation mode 'Fast'"),
    ],
)
def test_an_unsound_profile_is_told_by_its_faults(bad, fault):
    assert any(fault in said for said in faults_of(bad))
    assert faults_of(profile(1, "TxProfile", 0, amps((0, 6), (60, 0)))) == []


# The second opinion: one instant at a time, by tables of who is valid; it shares nothing with the code but the classes.


def opinion(held, situation, at_s):
    """Limit at an instant in amps, or None."""

    def of_purpose(purpose):
        table = {}
        for item in held:
            p, s = item.profile, item.profile.schedules[0]
            if p.purpose != purpose or item.evse not in {0, situation.evse} or (p.transaction and p.transaction != situation.transaction):
                continue
            if not (p.valid_from_s or float("-inf")) <= at_s < (p.valid_to_s or float("inf")):
                continue
            begin = s.start_at_s
            if begin is None:
                begin = situation.started_at_s if purpose.startswith("Tx") else max(item.since_s, p.valid_from_s or item.since_s)
            since = at_s - begin
            if since < 0:
                continue
            if p.kind == "Recurring":
                since %= DAY_S * (7 if p.recurrency == "Weekly" else 1)
            if s.length_s is not None and not since < s.length_s:
                continue
            table[(p.stack_level, item.evse > 0)] = [q.ceiling for q in s.periods if q.start_s <= since][-1]
        return table[max(table)] if table else None

    of_transaction = of_purpose("TxProfile")
    if of_transaction is None:
        of_transaction = of_purpose("TxDefaultProfile")
    if not situation.transaction:
        of_transaction = None
    others = [of_transaction, of_purpose("ChargingStationMaxProfile"), of_purpose("ChargingStationExternalConstraints")]
    known = [limit for limit in others if limit is not None]
    extra = of_purpose("LocalGeneration")
    return min(known) + (extra or 0.0) if known else None


TIMES = st.integers(-40, 60).map(lambda n: n * 10.0)


@st.composite
def held_profiles(draw):
    purposes = ["TxProfile", "TxDefaultProfile", "ChargingStationMaxProfile", "ChargingStationExternalConstraints", "LocalGeneration"]
    held, places = [], set()
    for number in range(draw(st.integers(0, 6))):
        purpose = draw(st.sampled_from(purposes))
        place = (purpose, draw(st.integers(0, 2)), draw(st.sampled_from([0, 1])))
        if place in places:
            continue
        places.add(place)
        kind = draw(st.sampled_from(["Absolute", "Recurring", "Relative"]))
        starts = sorted(draw(st.sets(st.integers(1, 30).map(lambda n: n * 10.0), max_size=4)))
        periods = tuple(Period(start, ceiling=float(draw(st.integers(0, 32)))) for start in [0.0, *starts])
        begin = draw(TIMES) if kind == "Recurring" or (kind == "Absolute" and draw(st.booleans())) else None
        begin = begin - 86_400.0 * draw(st.integers(0, 15)) if kind == "Recurring" and begin is not None else begin
        length_s = draw(st.none() | st.integers(1, 60).map(lambda n: n * 10.0))
        valid_from_s, valid_to_s = draw(st.none() | TIMES.filter(bool)), draw(st.none() | st.integers(1, 60).map(lambda n: n * 10.0))
        sound = ChargingProfile(
            number,
            purpose,
            place[1],
            kind,
            (Schedule("A", periods, start_at_s=begin, length_s=length_s),),
            recurrency=draw(st.sampled_from(["Daily", "Weekly"])) if kind == "Recurring" else "",
            valid_from_s=valid_from_s,
            valid_to_s=valid_to_s,
            transaction=draw(st.sampled_from(["", "t", "other"])) if purpose == "TxProfile" else "",
        )
        held.append(Installed(place[2], sound, since_s=draw(TIMES)))
    return held


@settings(max_examples=300, deadline=None)
@given(held_profiles(), st.sampled_from(["", "t"]), TIMES)
def test_the_composite_is_what_the_second_opinion_says_at_every_tenth_second(held, transaction, started_at_s):
    situation = Situation(1, transaction, started_at_s)
    schedule = composite(held, situation, 0.0, 600.0)
    assert schedule[0].at_s == 0.0
    for tenth in range(60):
        at_s = tenth * 10.0 + 0.5
        said = [allowed for allowed in schedule if allowed.at_s <= at_s][-1]
        assert said.ceiling == opinion(held, situation, at_s), at_s
        assert allowed_at(held, situation, at_s).ceiling == said.ceiling
    for earlier, later in pairwise(schedule):
        assert (earlier.ceiling, earlier.n_phase) != (later.ceiling, later.n_phase)
