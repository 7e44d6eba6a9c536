"""What a station is told of a plan: never more than the plan, seldom, and at once when a limit falls."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.pile.profile import faults_of
from evloom.pile.profile_composite import Installed, Situation, composite
from evloom.pile.profile_plan import (
    Change,
    ChangeRule,
    Plan,
    PlanStep,
    StationForm,
    Transaction,
    WriteRule,
    change_of,
    default_profile,
    dynamic_profile,
    dynamic_update,
    full_bucket,
    is_meaningful,
    plan_of,
    plan_profile,
    settle,
    take,
)

THREE = StationForm()
ONE = StationForm(n_phase=1)
DC = StationForm(unit="kW", n_phase=0, current_min_a=0.0, current_step_a=0.0)
V2G = StationForm(unit="kW", two_way=True)
RUN = Transaction("42", 0.0)
RULE = ChangeRule()


def plan(*steps, end_s=7200.0):
    return Plan(tuple(PlanStep(float(at_s), float(power_kw)) for at_s, power_kw in steps), end_s)


def test_a_plan_is_one_profile_in_settable_amps():
    made = plan_profile(plan((1000, 11.5), (1900, 4.0), (2800, 11.1), (3700, 0)), THREE, RUN, 7)
    assert (made.purpose, made.kind, made.transaction, made.stack_level) == ("TxProfile", "Absolute", "42", 1)
    assert (made.schedule.unit, made.schedule.start_at_s, made.schedule.length_s) == ("A", 1000.0, 6200.0)
    assert [(p.start_s, p.ceiling) for p in made.schedule.periods] == [(0.0, 16.0), (900.0, 0.0), (1800.0, 16.0), (2700.0, 0.0)]
    assert {p.n_phase for p in made.schedule.periods} == {3}
    assert faults_of(made) == []


def test_direct_current_is_told_in_kilowatts_and_not_rounded():
    made = plan_profile(plan((0, 47.3)), DC, RUN, 7)
    assert (made.schedule.unit, made.schedule.periods[0].ceiling, made.schedule.periods[0].n_phase) == ("kW", 47.3, None)
    assert default_profile(DC, 6.0, 1).schedule.periods[0].ceiling == pytest.approx(6.0 * 0.69)


def test_discharging_is_a_setpoint_where_it_can_be_said_else_a_pause():
    made = plan_profile(plan((0, 7.36), (900, -6.9)), V2G, RUN, 7)
    charging, giving = made.schedule.periods
    assert (charging.floor, giving.ceiling, charging.mode, giving.mode) == (0.0, 0.0, "CentralSetpoint", "CentralSetpoint")
    assert charging.setpoint == charging.ceiling == pytest.approx(6.9)
    assert giving.setpoint == giving.floor == pytest.approx(-6.9)
    assert faults_of(made) == []
    assert [p.ceiling for p in plan_profile(plan((0, 7.36), (900, -6.9)), THREE, RUN, 7).schedule.periods] == [10.0, 0.0]


def test_a_station_with_a_wrong_clock_counts_from_the_start():
    made = plan_profile(plan((1000, 11.1), (1900, 6.9)), StationForm(relative=True), Transaction("42", 400.0), 7)
    assert (made.kind, made.schedule.start_at_s, made.schedule.length_s) == ("Relative", None, 6800.0)
    assert [(p.start_s, p.ceiling) for p in made.schedule.periods] == [(0.0, 16.0), (1500.0, 10.0)]


def test_the_default_lies_under_every_plan_and_rules_after_it():
    default = default_profile(THREE, 8.0, 1)
    made = plan_profile(plan((0, 11.1), end_s=600.0), THREE, RUN, 7)
    allowed = composite([Installed(1, default), Installed(1, made)], Situation(1, "42", 0.0), 0.0, 3600.0)
    assert [(a.at_s, a.ceiling) for a in allowed] == [(0.0, 16.0), (600.0, 8.0)]


def test_few_periods_lose_little_and_keep_what_is_set_now():
    told = settle(plan((0, 6.9), (900, 7.0), (1800, 11.1), (2700, 10.4), (3600, 11.1), end_s=4500.0), StationForm(periods_max=2))
    assert [(step.at_s, round(step.power_kw, 2)) for step in told.steps] == [(0.0, 6.9), (1800.0, 10.35)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-22.0, 22.0), min_size=1, max_size=40), st.integers(1, 8), st.sampled_from([THREE, ONE, DC, V2G]))
def test_what_is_told_is_never_beyond_the_plan(powers_kw, periods_max, form):
    form = StationForm(**{**{name: getattr(form, name) for name in StationForm.__slots__}, "periods_max": periods_max})
    asked = plan_of(powers_kw, [900.0 * k for k in range(len(powers_kw))], 900.0 * len(powers_kw))
    told = settle(asked, form)
    assert len(told.steps) <= periods_max
    assert settle(told, form) == told
    for k, power_kw in enumerate(powers_kw):
        said_kw = told.power_at(900.0 * k + 1.0)
        assert said_kw is not None
        assert min(power_kw, 0.0) - 1e-6 <= said_kw <= max(power_kw, 0.0) + 1e-6
    profile = plan_profile(told, form, RUN, 1)
    assert faults_of(profile) == []
    assert len(profile.schedule.periods) <= periods_max


def test_a_lower_limit_goes_out_at_once_a_small_rise_waits():
    told = plan((0, 11.04), (3600, 6.9))
    assert change_of(None, told, 0.0, RULE) is Change.LOWER
    assert change_of(told, told, 10.0, RULE) is Change.NONE
    assert change_of(told, plan((0, 10.35), (3600, 6.9)), 10.0, RULE) is Change.LOWER
    assert change_of(told, plan((0, 11.04), (100, 10.35), (200, 11.04), (3600, 6.9)), 10.0, RULE) is Change.LOWER
    assert change_of(told, plan((0, 11.04), (800, 10.35), (900, 11.04), (3600, 6.9)), 10.0, RULE) is Change.RISE
    assert change_of(told, plan((0, 11.04), (1000, 10.35), (1100, 11.04), (3600, 6.9)), 10.0, RULE) is Change.NONE
    assert change_of(told, plan((0, 11.73), (100, 11.04), (3600, 6.9)), 10.0, RULE) is Change.NONE
    assert change_of(told, plan((0, 12.42), (100, 11.04), (3600, 6.9)), 10.0, RULE) is Change.RISE
    assert change_of(told, plan((0, 11.04), (3600, 7.59)), 10.0, RULE) is Change.RISE
    assert is_meaningful(told, plan((0, 10.35)), 10.0, RULE)


def test_a_plan_that_ends_is_renewed_and_one_that_ended_at_once():
    told, longer = plan((0, 6.9), end_s=1800.0), plan((0, 6.9), end_s=7200.0)
    assert change_of(told, longer, 100.0, RULE) is Change.NONE
    assert change_of(told, longer, 1000.0, RULE) is Change.RISE
    assert change_of(told, longer, 1800.0, RULE) is Change.LOWER
    assert change_of(told, plan((0, 6.9), end_s=1850.0), 1000.0, RULE) is Change.NONE


def test_discharging_less_is_a_lower_limit_too():
    told = plan((0, -6.9))
    assert change_of(told, plan((0, -4.6)), 10.0, RULE) is Change.LOWER
    assert change_of(told, plan((0, 6.9)), 10.0, RULE) is Change.LOWER
    assert change_of(told, plan((0, -7.0)), 10.0, RULE) is Change.NONE
    assert change_of(told, plan((0, -9.2)), 10.0, RULE) is Change.RISE


def test_the_bucket_bounds_writes_but_not_what_must_not_wait():
    rule = WriteRule(burst=2.0, per_h=2.0)
    bucket = full_bucket(rule, 0.0)
    sent = []
    for minute in range(120):
        may, bucket = take(bucket, Change.RISE, minute * 60.0, rule)
        sent.append(may)
    assert sum(sent) == 5
    assert sent[:2] == [True, True]
    may, bucket = take(bucket, Change.LOWER, 7200.0, rule)
    assert may
    assert take(bucket, Change.NONE, 1e9, rule)[0] is False
    assert take(bucket, Change.RISE, 0.0, rule)[0] is False


def test_a_dynamic_profile_begins_with_the_value_of_now_and_is_updated():
    made = dynamic_profile(plan((0, 7.0), (900, 3.0)), V2G, RUN, 9, 300.0)
    assert (made.kind, made.offline_max_s, len(made.schedule.periods)) == ("Dynamic", 300.0, 1)
    assert faults_of(made) == []
    update = dynamic_update(-5.0, V2G, 9)
    assert (update.profile_id, update.unit, update.ceiling) == (9, "kW", 0.0)
    assert update.floor == update.setpoint == pytest.approx(-4.83)
    assert dynamic_update(5.0, THREE, 9).ceiling == 7.0


def test_the_page_prints_what_it_says(capsys):
    page = (Path(__file__).parents[3] / "docs" / "charging-profiles.md").read_text(encoding="utf-8")
    [program], [printed] = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S), re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S)
    exec(program, {})
    assert capsys.readouterr().out == printed
