"""Register readings become intervals; what they count is never lost, and a pause that we ordered is no overstay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.market.bill import MeterSeries
from evloom.market.register import charging_end_s, meter_series, registers, with_ends


def test_intervals_between_readings_in_any_order() -> None:
    series = meter_series(registers([(1800.0, 107.0), (0.0, 100.0), (900.0, 103.5)]))
    assert series.edges_s.tolist() == [0.0, 900.0, 1800.0]
    assert series.energy_kwh.tolist() == [3.5, 3.5]
    assert series.discharge_kwh is None


def test_import_and_export_read_at_other_instants() -> None:
    series = meter_series(registers([(0.0, 10.0), (1000.0, 12.0)], [(0.0, 5.0), (500.0, 5.0), (1000.0, 6.0)]))
    assert series.edges_s.tolist() == [0.0, 500.0, 1000.0]
    assert series.charged_kwh().tolist() == [1.0, 1.0]
    assert series.given_kwh().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("readings", [[], [(50.0, 7.0)]])
def test_too_few_readings_are_one_empty_interval(readings: list[tuple[float, float]]) -> None:
    series = meter_series(registers(readings))
    assert series.energy_kwh.tolist() == [0.0]
    assert not len(series.used())


def test_a_small_fall_is_nobody_s_discharge() -> None:
    """100.00 -> 100.01 -> 100.005: two fields of one message, rounded differently."""
    series = meter_series(registers([(0.0, 100.0), (900.0, 100.01), (1000.0, 100.005)]))
    assert series.energy_kwh.sum() == pytest.approx(0.005)
    assert (series.energy_kwh >= 0.0).all()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**7)), min_size=2, max_size=30))
def test_intervals_sum_to_last_less_first(raw: list[tuple[int, int]]) -> None:
    times = sorted({at for at, _ in raw})
    values = sorted(value / 1000.0 for _, value in raw)[: len(times)]
    readings = list(zip((float(t) for t in times), values, strict=True))
    series = meter_series(registers(readings))
    assert series.energy_kwh.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


def test_charging_ends_with_the_last_interval_that_moves_energy() -> None:
    """Two hours at 7 kW, then eight at the pile's own 5 W."""
    meter = MeterSeries(np.array([0.0, 7200.0, 36000.0]), np.array([14.0, 0.04]))
    assert charging_end_s(meter, 0.0, 36000.0, held_back=False) == 7200.0
    assert charging_end_s(meter, 0.0, 36000.0, held_back=True) == 36000.0


def test_corrected_ends_drop_what_contradicts_them() -> None:
    meter = registers([(0.0, 0.0), (900.0, 5003.5), (1800.0, 5007.0), (2700.0, 4000.0)])
    fixed = with_ends(meter, (0.0, 5000.0), (2700.0, 5010.5))
    assert fixed.import_at_s.tolist() == [0.0, 900.0, 1800.0, 2700.0]
    assert fixed.import_kwh.tolist() == [5000.0, 5003.5, 5007.0, 5010.5]
