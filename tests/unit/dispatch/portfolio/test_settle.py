"""Measuring what was delivered, and what it is worth."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.portfolio.respond import node_kw, respond
from evloom.dispatch.portfolio.settle import HighOf, Metered, Terms, asked_of, declared, high_of, settle
from evloom.dispatch.problem import Requests
from evloom.kernel.errors import InputError
from tests.unit.dispatch.portfolio.cases import OBJECTIVE, street

TERMS = Terms(pay_per_kwh=0.5, penalty_per_kwh=0.8, tolerance_share=0.1)
HOUR = np.ones(3)


def test_pay_for_what_was_asked_and_came_and_penalty_for_what_is_short():
    asked, baseline, metered = np.array([-10.0, -10.0, -10.0]), declared(np.array([30.0, 30.0, 30.0])), np.array([20.0, 15.0, 26.0])
    found = settle(asked, baseline, metered, HOUR, TERMS)
    assert found.delivered_kw.tolist() == [10.0, 15.0, 4.0]
    assert (found.asked_kwh, found.counted_kwh, found.performance) == (30.0, 24.0, 0.8)
    assert found.short_kwh == pytest.approx(5.0)  # 10 - 4, less the tenth that may be short
    assert (found.payment, found.penalty, found.net) == pytest.approx((12.0, 4.0, 8.0))
    assert found.method == "declared schedule"


def test_more_import_is_delivered_upwards_and_the_wrong_way_counts_nothing():
    found = settle(np.array([5.0, 5.0, 0.0]), declared(np.full(3, 10.0)), np.array([15.0, 7.0, 99.0]), HOUR, TERMS)
    assert found.delivered_kw.tolist() == [5.0, -3.0, 0.0]
    assert (found.counted_kwh, found.asked_kwh) == (5.0, 10.0)
    assert found.short_kwh == pytest.approx(4.5)


def test_nothing_asked_is_settled_at_nothing():
    found = settle(np.zeros(3), declared(np.full(3, 10.0)), np.zeros(3), HOUR, TERMS)
    assert (found.net, found.performance) == (0.0, 1.0)


def test_a_dispatched_request_is_paid_in_full():
    problem = street(1)
    base = solve(problem, OBJECTIVE)
    before_kw = node_kw(problem, base, 0)[4:8]
    columns = np.array([0]), np.array([4]), np.array([8]), np.array([float(before_kw.max()) + 2.0])
    requests = Requests(*columns, np.array([False]), np.array([np.inf]))
    response = respond(problem, requests, OBJECTIVE)
    asked = asked_of(requests, 0, before_kw)
    found = settle(asked, declared(before_kw), response.load_kw[0, 4:8], problem.step_h[4:8], TERMS)
    assert asked.min() >= 2.0
    assert found.performance == pytest.approx(1.0, abs=1e-6)
    assert found.net == pytest.approx(0.5 * found.asked_kwh, rel=1e-5)
    assert asked_of(replace(requests, is_ceiling=np.array([True])), 0, before_kw).max() == 0.0


def record(n_day=8, step_h=1.0):
    """Days of a flat 10 kW with 20 kW in the event at 12..14, each day a little higher than the one before."""
    day = np.full(24, 10.0)
    day[12:14] = 20.0
    past = np.stack([day + 0.5 * number for number in range(n_day)])
    return Metered(past, np.ones(n_day, dtype=bool), day + 4.0, step_h)


def test_high_four_of_five_adjusted_by_the_hours_before():
    found = high_of(record(), 12, 14)
    # The five last days are 1.5 .. 3.5 above the first; the four highest of them 2.0 .. 3.5, 2.75 on average. The day itself ran at 4.0.
    assert found.power_kw == pytest.approx([24.0, 24.0])
    assert found.method == "high 4 of 5, days -4, -3, -2, -1, adjusted by +1.250 kW"
    plain = high_of(record(), 12, 14, HighOf(adjust_from_h=0.0, adjust_to_h=0.0))
    assert plain.power_kw == pytest.approx([22.75, 22.75])


def test_raising_the_load_in_the_last_hour_does_not_pay():
    metered = record()
    gamed = metered.day_kw.copy()
    gamed[11] = 90.0
    assert high_of(replace(metered, day_kw=gamed), 12, 14).power_kw == pytest.approx([24.0, 24.0])
    gamed[10] = 90.0
    assert high_of(replace(metered, day_kw=gamed), 12, 14).power_kw[0] > 40.0


def test_days_with_holes_and_low_days_are_passed_over_and_said():
    metered = record()
    past = metered.past_kw.copy()
    past[7, 12] = np.nan
    past[5] = 1.0
    past[6, 20] = np.nan  # not in the hours that count
    found = high_of(replace(metered, past_kw=past), 12, 14)
    assert [(f.code, f.field, f.severity) for f in found.findings] == [
        ("settle.day", "past_kw[7]", "warning"),
        ("settle.day", "past_kw[5]", "warning"),
    ]
    assert found.method.startswith("high 4 of 5, days -6, -5, -4, -2")


def test_days_of_another_kind_do_not_count():
    metered = record()
    eligible = np.array([True, True, True, True, False, False, False, True])
    assert "days -7, -6, -5, -1" in high_of(replace(metered, is_eligible=eligible), 12, 14).method


def test_quarter_hours_are_adjusted_over_the_same_hours():
    hourly = record()
    quarters = Metered(np.repeat(hourly.past_kw, 4, axis=1), hourly.is_eligible, np.repeat(hourly.day_kw, 4), 0.25)
    assert high_of(quarters, 48, 56).power_kw == pytest.approx(np.full(8, 24.0))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_eligible": np.zeros(8, dtype=bool)}, "settle.too-few-days"),
        ({"is_eligible": np.ones(3, dtype=bool)}, "settle.shape"),
        ({"day_kw": np.full(24, np.nan)}, "settle.meter"),
        ({"step_h": 0.0}, "settle.step"),
        ({"step_h": np.nan}, "settle.step"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(change, code):
    with pytest.raises(InputError) as error:
        high_of(replace(record(), **change), 12, 14)
    assert code in [finding.code for finding in error.value.findings]


def test_windows_and_rules_that_cannot_be_are_refused_together():
    with pytest.raises(InputError) as error:
        high_of(record(), 14, 12, HighOf(x=6, y=5, adjust_from_h=1.0, adjust_to_h=2.0))
    assert [finding.code for finding in error.value.findings] == ["settle.window", "settle.rule", "settle.rule"]


def test_everything_that_is_wrong_with_an_event_is_said_at_once():
    metered = np.array([1.0, np.nan, np.inf])
    with pytest.raises(InputError) as error:
        settle(np.zeros(3), declared(np.zeros(2)), metered, np.array([1.0, 0.0, np.nan]), Terms(np.nan, -1.0, 2.0))
    fields = [finding.field for finding in error.value.findings]
    assert fields == [
        "baseline",
        "metered_kw[1]",
        "metered_kw[2]",
        "step_h[2]",
        "step_h[1]",
        "step_h[2]",
        "pay_per_kwh",
        "penalty_per_kwh",
        "tolerance_share",
    ]
