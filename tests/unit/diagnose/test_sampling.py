"""Bytes go where they are worth most, and never beyond the budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose.sampling import STEPS_S, WAKES, Need, fixed_rates, known, share_out, spent_bytes, wake_at_s


def need(severity: list[float]) -> Need:
    n = len(severity)
    return Need(np.array(severity), np.full(n, 3.0), np.full(n, 250.0))


def least_bytes(wanted: Need) -> float:
    return float(spent_bytes(wanted, share_out(wanted, 0.0)).sum())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.0, 5.0), max_size=12), st.floats(0.0, 5e6))
def test_the_budget_is_kept_and_the_more_suspect_are_never_sampled_slower(severity: list[float], budget: float) -> None:
    wanted = need(severity)
    rates = share_out(wanted, budget)
    assert float(spent_bytes(wanted, rates).sum()) <= max(budget, least_bytes(wanted)) + 1e-6
    order = np.argsort(severity, kind="stable")
    spent = spent_bytes(wanted, rates)[order]
    assert np.all(np.diff(spent) >= -max(spent.max(initial=0.0), 1.0))
    assert set(rates.interval_s) <= set(STEPS_S)
    assert set(zip(rates.wake_s, rates.burst, strict=True)) <= set(WAKES)


def test_one_suspect_among_many_gets_a_faster_rate_at_the_same_bytes() -> None:
    wanted = need([2.0] + [0.0] * 49)
    fixed = float(spent_bytes(wanted, fixed_rates(50, 30.0)).sum())
    assert fixed == 50 * 3.0 * 3600.0 / 30.0 * 250.0
    rates = share_out(wanted, fixed)
    assert rates.interval_s[0] <= 15.0
    assert rates.wake_s[0] == WAKES[0][0]
    assert rates.burst[0] >= 30
    assert rates.interval_s[1:].max() <= 120.0


def test_at_the_bytes_of_a_fixed_rate_everybody_is_woken_and_more_is_known_of_all() -> None:
    wanted = need([0.0] * 12)
    fixed = fixed_rates(12, 30.0)
    rates = share_out(wanted, float(spent_bytes(wanted, fixed).sum()))
    assert rates.wake_s.max() <= 7200.0
    assert rates.burst.min() >= 12
    assert np.all(known(wanted, rates) > known(wanted, fixed) + 1.0)


def test_more_bytes_make_nobody_slower() -> None:
    wanted = need([0.0, 0.5, 1.5])
    some, more = share_out(wanted, 2e5), share_out(wanted, 2e6)
    assert np.all(spent_bytes(wanted, more) >= spent_bytes(wanted, some))


@pytest.mark.parametrize(("now_s", "at_s"), [(100.0, 3700.0), (3700.0, 7300.0), (50.0, 3700.0)])
def test_wake_ups_keep_the_beat_of_the_vehicle(now_s: float, at_s: float) -> None:
    assert wake_at_s(now_s, 100.0, 3600.0) == at_s
