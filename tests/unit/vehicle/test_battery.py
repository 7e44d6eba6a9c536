"""The exact charging step against fine numerical integration, and what it must keep whatever the curve."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.vehicle.battery import charge_along_curve, curve_at

CURVE_SOC = np.array([0.0, 0.1, 0.5, 0.8, 1.0])
POINTS = st.tuples(*[st.floats(0.5, 300.0)] * 4, st.sampled_from([0.0, 0.5, 3.0, 11.0, 80.0])).map(np.array)
SOC = st.floats(0.0, 1.0)
POWER = st.sampled_from([0.5, 3.68, 7.36, 11.0, 22.0, 50.0, 150.0, 400.0])
HOURS = st.floats(0.0, 3.0)
PER_KW_H = st.floats(0.005, 0.1)
# The first example may have to compile; the same examples on every run.
REPEATABLE = settings(deadline=None, derandomize=True, max_examples=400)


def integrated(soc: float, power_kw: float, hours: float, per_kw_h: float, curve_kw) -> float:
    """Runge-Kutta of the fourth order in 20,000 steps; where the curve kinks it is of the first order, hence so many."""

    def rate(at: float) -> float:
        return per_kw_h * min(power_kw, float(np.interp(at, CURVE_SOC, curve_kw)))

    step_h = hours / 20_000
    for _ in range(20_000):
        a = rate(soc)
        b = rate(soc + a * step_h / 2)
        c = rate(soc + b * step_h / 2)
        soc = min(1.0, soc + step_h / 6 * (a + 2 * b + 2 * c + rate(soc + c * step_h)))
    return soc


def test_flat_curve_is_a_line():
    flat_kw = np.full(5, 50.0)
    assert charge_along_curve(0.2, 10.0, 1.5, 0.02, CURVE_SOC, flat_kw) == pytest.approx(0.2 + 10 * 1.5 * 0.02, abs=1e-14)
    assert charge_along_curve(0.2, 80.0, 0.5, 0.02, CURVE_SOC, flat_kw) == pytest.approx(0.2 + 50 * 0.5 * 0.02, abs=1e-14)
    assert charge_along_curve(0.2, 80.0, 5.0, 0.02, CURVE_SOC, flat_kw) == 1.0


def test_taper_to_nothing_is_an_exponential():
    """From 0.8 the curve falls from 20 kW to 0 at 1: d soc/dt = -0.02 x 100 (soc - 1), so 1 - soc = 0.2 exp(-2 t)."""
    curve_kw = np.array([20.0, 20.0, 20.0, 20.0, 0.0])
    for hours in (0.1, 1.0, 3.0):
        got = charge_along_curve(0.8, 99.0, hours, 0.02, CURVE_SOC, curve_kw)
        assert got == pytest.approx(1.0 - 0.2 * math.exp(-2.0 * hours), abs=1e-12)


def test_rising_curve_is_a_growing_exponential():
    curve_kw = np.array([10.0, 20.0, 20.0, 20.0, 20.0])  # 100 kW per unit of charge below 0.1
    got = charge_along_curve(0.0, 99.0, 0.25, 0.02, CURVE_SOC, curve_kw)
    assert got == pytest.approx(0.1 * (math.exp(2.0 * 0.25) - 1.0), abs=1e-12)


def test_power_crosses_the_curve_inside_a_piece():
    """10 kW until the taper of 100 kW per unit reaches 10 kW at 0.9, then 1 - soc = 0.1 exp(-2 t)."""
    curve_kw = np.array([20.0, 20.0, 20.0, 20.0, 0.0])
    to_cross_h = 0.1 / (10.0 * 0.02)
    got = charge_along_curve(0.8, 10.0, to_cross_h + 0.5, 0.02, CURVE_SOC, curve_kw)
    assert got == pytest.approx(1.0 - 0.1 * math.exp(-1.0), abs=1e-12)


def test_a_steep_piece_is_tapered_from_where_the_power_meets_it():
    """350 kW fall to 3 within 0.1 % of charge: the power at the crossing is rounded by more than 1e-12 kW, which must not matter."""
    curve_soc, curve_kw = np.array([0.0, 0.37, 0.371, 1.0]), np.array([350.0, 350.0, 3.0, 3.0])
    slope_kw = (3.0 - 350.0) / (0.371 - 0.37)
    for power_kw in np.random.default_rng(0).uniform(10.0, 340.0, 2000):
        cross = 0.37 + (power_kw - 350.0) / slope_kw
        taper_h = 0.5 * np.log(3.0 / power_kw) / (0.01 * slope_kw)  # half of the way in time down to 3 kW
        got = charge_along_curve(0.3, power_kw, (cross - 0.3) / (power_kw * 0.01) + taper_h, 0.01, curve_soc, curve_kw)
        assert got == pytest.approx(cross + power_kw * np.expm1(0.01 * slope_kw * taper_h) / slope_kw, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_against_numerical_integration(seed):
    rng = np.random.default_rng(seed)
    curve_kw = rng.uniform(0.5, 300.0, 5)
    curve_kw[-1] = rng.choice([0.0, 2.0, 40.0])
    soc, power_kw = float(rng.uniform(0.0, 1.0)), float(rng.choice([3.68, 11.0, 50.0, 150.0, 400.0]))
    hours, per_kw_h = float(rng.uniform(0.05, 2.0)), float(rng.uniform(0.008, 0.05))
    got = charge_along_curve(soc, power_kw, hours, per_kw_h, CURVE_SOC, curve_kw)
    assert got == pytest.approx(integrated(soc, power_kw, hours, per_kw_h, curve_kw), abs=1e-7)


@REPEATABLE
@given(SOC, POWER, HOURS, HOURS, PER_KW_H, POINTS)
def test_two_spans_are_as_good_as_one(soc, power_kw, first_h, second_h, per_kw_h, curve_kw):
    middle = charge_along_curve(soc, power_kw, first_h, per_kw_h, CURVE_SOC, curve_kw)
    twice = charge_along_curve(middle, power_kw, second_h, per_kw_h, CURVE_SOC, curve_kw)
    once = charge_along_curve(soc, power_kw, first_h + second_h, per_kw_h, CURVE_SOC, curve_kw)
    assert twice == pytest.approx(once, abs=1e-9)


@REPEATABLE
@given(SOC, POWER, HOURS, PER_KW_H, POINTS)
def test_never_back_never_over_full_never_more_than_offered(soc, power_kw, hours, per_kw_h, curve_kw):
    end = charge_along_curve(soc, power_kw, hours, per_kw_h, CURVE_SOC, curve_kw)
    assert soc <= end <= 1.0
    assert end - soc <= per_kw_h * power_kw * hours + 1e-12
    assert end - soc <= per_kw_h * float(curve_kw.max()) * hours + 1e-12


@REPEATABLE
@given(SOC, POWER, HOURS, HOURS, PER_KW_H, POINTS)
def test_longer_never_charges_less(soc, power_kw, short_h, more_h, per_kw_h, curve_kw):
    short = charge_along_curve(soc, power_kw, short_h, per_kw_h, CURVE_SOC, curve_kw)
    assert charge_along_curve(soc, power_kw, short_h + more_h, per_kw_h, CURVE_SOC, curve_kw) >= short - 1e-15


@REPEATABLE
@given(SOC, POWER, POWER, HOURS, PER_KW_H, POINTS)
def test_more_power_never_charges_less(soc, a_kw, b_kw, hours, per_kw_h, curve_kw):
    low = charge_along_curve(soc, min(a_kw, b_kw), hours, per_kw_h, CURVE_SOC, curve_kw)
    assert charge_along_curve(soc, max(a_kw, b_kw), hours, per_kw_h, CURVE_SOC, curve_kw) >= low - 1e-12


def test_nothing_offered_or_no_time_or_a_dead_curve_charges_nothing():
    curve_kw = np.array([20.0, 20.0, 20.0, 20.0, 0.0])
    assert charge_along_curve(0.4, 0.0, 1.0, 0.02, CURVE_SOC, curve_kw) == 0.4
    assert charge_along_curve(0.4, 9.0, 0.0, 0.02, CURVE_SOC, curve_kw) == 0.4
    assert charge_along_curve(0.4, 9.0, 1.0, 0.02, CURVE_SOC, np.zeros(5)) == 0.4
    assert charge_along_curve(1.0, 9.0, 1.0, 0.02, CURVE_SOC, curve_kw) == 1.0


def test_curve_between_its_points():
    curve_kw = np.array([10.0, 20.0, 20.0, 8.0, 0.0])
    assert curve_at(0.05, CURVE_SOC, curve_kw) == pytest.approx(15.0)
    assert curve_at(0.9, CURVE_SOC, curve_kw) == pytest.approx(4.0)
