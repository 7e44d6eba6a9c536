"""Current steps: 0 or at least the least current, never more than asked, never a step too little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.pile.limit import quantise_down, quantise_up

POWER = st.floats(0.0, 400.0, allow_nan=False)
PER_A = st.sampled_from([0.12, 0.23, 0.24, 0.69, 0.72])
LEAST_A = st.sampled_from([0.0, 6.0, 6.5, 8.0])
STEP_A = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 4.0])
# The first example may have to compile; the same examples on every run.
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=400)


@pytest.mark.parametrize(
    ("power_kw", "down_kw", "up_kw"),
    [
        (0.0, 0.0, 0.0),
        (0.01, 0.0, 1.38),  # below 6 A of one phase
        (1.38, 1.38, 1.38),
        (1.5, 1.38, 1.61),
        (3.68, 3.68, 3.68),  # 16 A, which is not a round number of kW
        (15.999999999 * 0.23, 15.999999999 * 0.23, 3.68),
        (3.6799, 3.45, 3.68),
    ],
)
def test_one_phase_in_steps_of_one_ampere(power_kw, down_kw, up_kw):
    assert quantise_down(power_kw, 0.23, 6.0, 1.0) == pytest.approx(down_kw, abs=1e-12)
    assert quantise_up(power_kw, 0.23, 6.0, 1.0) == pytest.approx(up_kw, abs=1e-8)


def test_a_least_current_between_two_steps_is_kept():
    assert quantise_down(6.9 * 0.23, 0.23, 6.5, 1.0) == 0.0  # 6 A would be below it
    assert quantise_up(6.1 * 0.23, 0.23, 6.5, 1.0) == pytest.approx(7 * 0.23)
    assert quantise_down(7.0 * 0.69, 0.69, 6.0, 4.0) == 0.0


def test_direct_current_is_continuous():
    assert quantise_down(33.3, 0.69, 0.0, 0.0) == 33.3
    assert quantise_up(33.3, 0.69, 0.0, 0.0) == 33.3


@REPEATABLE
@given(POWER, PER_A, LEAST_A, STEP_A)
def test_down_is_the_largest_setting_within(power_kw, kw_per_a, least_a, step_a):
    got_kw = quantise_down(power_kw, kw_per_a, least_a, step_a)
    assert 0.0 <= got_kw <= power_kw
    current_a = got_kw / kw_per_a
    assert got_kw == 0.0 or current_a >= least_a * (1 - 1e-8)
    if step_a == 0.0:
        assert got_kw == (power_kw if power_kw / kw_per_a >= least_a * (1 - 1e-9) else 0.0)
        return
    steps = current_a / step_a
    assert steps == pytest.approx(np.rint(steps), abs=1e-5)
    settings_a = np.arange(0, int(power_kw / kw_per_a / step_a) + 2) * step_a
    allowed_a = settings_a[(settings_a == 0.0) | (settings_a >= least_a - 1e-9)]
    best_a = allowed_a[allowed_a * kw_per_a <= power_kw * (1 + 1e-9)].max()
    assert current_a == pytest.approx(best_a, abs=1e-6)


@REPEATABLE
@given(POWER, PER_A, LEAST_A, STEP_A)
def test_up_is_the_smallest_setting_that_is_enough(power_kw, kw_per_a, least_a, step_a):
    got_kw = quantise_up(power_kw, kw_per_a, least_a, step_a)
    assert got_kw >= power_kw
    if power_kw > 0.0 and step_a > 0.0:
        one_less_a = (np.rint(got_kw / kw_per_a / step_a) - 1) * step_a
        assert one_less_a * kw_per_a < power_kw or one_less_a < least_a


@REPEATABLE
@given(POWER, PER_A, LEAST_A, STEP_A)
def test_what_was_rounded_once_stays(power_kw, kw_per_a, least_a, step_a):
    down_kw = quantise_down(power_kw, kw_per_a, least_a, step_a)
    up_kw = quantise_up(power_kw, kw_per_a, least_a, step_a)
    assert quantise_down(down_kw, kw_per_a, least_a, step_a) == pytest.approx(down_kw, rel=1e-8)
    assert quantise_down(up_kw, kw_per_a, least_a, step_a) == pytest.approx(up_kw, rel=1e-8)


@REPEATABLE
@given(POWER, POWER, PER_A, LEAST_A, STEP_A)
def test_more_power_is_never_set_lower(a_kw, b_kw, kw_per_a, least_a, step_a):
    low_kw, high_kw = sorted((a_kw, b_kw))
    slack_kw = 1e-8 * (1 + high_kw)
    assert quantise_down(low_kw, kw_per_a, least_a, step_a) <= quantise_down(high_kw, kw_per_a, least_a, step_a) + slack_kw
    assert quantise_up(low_kw, kw_per_a, least_a, step_a) <= quantise_up(high_kw, kw_per_a, least_a, step_a) + slack_kw
