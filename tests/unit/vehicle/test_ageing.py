"""The ageing model says what its sources say, computed here by their own formulas; the knee can be undone; the twin has the same form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.simulate.pack.ageing import Life
from evloom.vehicle.ageing import BY_CHEMISTRY, LFP, NMC, after_knee, before_knee
from evloom.vehicle.chemistry import NMC as NMC_CELL

SECONDS = 86400.0


@pytest.mark.parametrize(("days", "mean_c"), [(365.0, 25.0), (2922.0, 25.0), (1000.0, 40.0), (200.0, 5.0)])
def test_calendar_of_nmc_is_that_of_schmalstieg(days: float, mean_c: float) -> None:
    volts = float(NMC_CELL.ocv(0.5))
    there = (7.543 * volts - 23.75) * 1e6 * np.exp(-6976.0 / (273.15 + mean_c)) * days**0.75
    assert float(NMC.plain(days, 0.0, mean_c)) == pytest.approx(there, rel=2e-3)


@pytest.mark.parametrize(("cycles", "depth"), [(100.0, 0.5), (1000.0, 0.8), (500.0, 0.2)])
def test_cycles_of_nmc_are_those_of_schmalstieg(cycles: float, depth: float) -> None:
    beta = 7.348e-3 * (float(NMC_CELL.ocv(0.5)) - 3.667) ** 2 + 7.6e-4 + 4.081e-3 * depth
    there = beta * np.sqrt(cycles * 2 * 2.05)
    assert float(NMC.cycle_rate(depth)) * cycles**NMC.cycle_exponent == pytest.approx(there, rel=5e-3)


@pytest.mark.parametrize(("days", "mean_c"), [(365.0, 25.0), (885.0, 40.0), (2922.0, 10.0)])
def test_calendar_of_lfp_is_that_of_naumann(days: float, mean_c: float) -> None:
    warm = np.exp(-17126.0 / 8.3144598 * (1.0 / (273.15 + mean_c) - 1.0 / 298.15))
    there = 1.2571e-5 * warm * 0.60225 * np.sqrt(days * SECONDS)
    assert float(LFP.plain(days, 0.0, mean_c)) == pytest.approx(there, rel=2e-3)


def test_charge_of_lfp_while_parked_is_that_of_naumann() -> None:
    for soc in (0.0, 0.25, 0.75, 1.0):
        there = (2.8575 * (soc - 0.5) ** 3 + 0.60225) / 0.60225
        assert float(LFP.calendar_rate(25.0, soc) / LFP.calendar_rate(25.0)) == pytest.approx(there, rel=2e-3)


def test_cycles_of_lfp_are_those_of_naumann() -> None:
    there = (0.0630 * 0.5 + 0.0971) * (4.0253 * (0.5 - 0.6) ** 3 + 1.0923) / 100.0 * np.sqrt(2000.0)
    assert float(LFP.cycle_rate()) * 2000.0**LFP.cycle_exponent == pytest.approx(there, rel=2e-3)


@given(st.floats(0.0, 0.9), st.floats(0.5, 0.95), st.floats(1.0, 8.0))
def test_the_knee_can_be_undone(plain: float, knee_at: float, factor: float) -> None:
    lost = after_knee(np.array(plain), knee_at, factor)
    assert float(lost) >= plain
    assert float(before_knee(lost, knee_at, factor)) == pytest.approx(plain, abs=1e-12)


@given(
    st.sampled_from(sorted(BY_CHEMISTRY)), st.floats(1.0, 6000.0), st.floats(0.0, 5000.0), st.floats(-10.0, 45.0), st.floats(0.0, 2000.0)
)
def test_more_days_cycles_and_heat_never_lose_less(name: str, days: float, cycles: float, mean_c: float, more: float) -> None:
    kind = BY_CHEMISTRY[name]
    lost = float(kind.lost(days, cycles, mean_c))
    assert float(kind.lost(days + more, cycles, mean_c)) >= lost
    assert float(kind.lost(days, cycles + more, mean_c)) >= lost
    assert float(kind.lost(days, cycles, mean_c + more / 100.0)) >= lost
    assert lost >= 0.0


@given(st.floats(1.0, 6000.0), st.floats(0.0, 5000.0), st.floats(-10.0, 45.0), st.floats(0.5, 1.6))
def test_the_twin_ages_by_the_same_form(days: float, cycles: float, mean_c: float, pace: float) -> None:
    warm = np.exp(3500.0 * (1.0 / 298.15 - 1.0 / (273.15 + mean_c)))
    plain = pace * (0.0011 * warm * np.sqrt(days) + 3.0e-5 * cycles)
    there = plain + 2.0 * max(plain - 0.2, 0.0)
    assert float(Life(days, cycles, mean_c, np.array([pace])).lost()[0]) == pytest.approx(there, rel=1e-9)
