"""Cells of a pack against each other: capacity, self-discharge, resistance."""

import numpy as np
import pytest

from evloom.diagnose import health
from evloom.diagnose.spread import SIZE, SPREAD, fresh_cells, learn, weakest
from tests.unit.diagnose.health_frames import Plan, frames_of


def test_a_weak_cell_is_named_and_sets_the_capacity_of_the_pack() -> None:
    share = [1.0] * 12
    share[7] = 0.95
    frames = frames_of(Plan(cell_share=tuple(share), days=20))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert found.weakest_cell == 7
    assert found.cell_capacity_share[7] == pytest.approx(0.95, abs=0.015)
    assert np.abs(np.delete(found.cell_capacity_share, 7) - 1.0).max() < 0.012
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(0.95 * 135.0, rel=0.04)


def test_a_cell_that_loses_charge_by_itself_is_found_over_days() -> None:
    leak = [0.0] * 12
    leak[3] = 0.008
    frames = frames_of(Plan(leak_a=tuple(leak), days=25))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert int(np.argmax(found.self_discharge_a)) == 3
    assert found.self_discharge_a[3] == pytest.approx(0.008, rel=0.35)
    assert np.abs(np.delete(found.self_discharge_a, 3)).max() < 0.002
    assert int(np.argmax(found.cell_charge_spread_ah)) == 3


def test_a_cell_that_is_drained_is_not_taken_for_a_small_one() -> None:
    """0.02 A for 60 days are 29 Ah of 135: the cell ends far down the curve, its capacity is what it was."""
    leak = [0.0] * 12
    leak[3] = 0.02
    frames = frames_of(Plan(leak_a=tuple(leak), days=60))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert found.cell_charge_spread_ah[3] > 15.0
    assert found.cell_capacity_share[3] > 0.95
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=0.05)


def test_before_ten_days_self_discharge_is_refused() -> None:
    frames = frames_of(Plan(days=6))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert np.isnan(found.self_discharge_a).all()
    assert "self-discharge" in found.missing


def test_where_nothing_was_seen_the_weakest_of_many_is_expected_below_the_mean() -> None:
    expected, doubt, cell = weakest(fresh_cells(100))
    assert 1.0 - 3.5 * SPREAD[SIZE] < expected < 1.0 - 1.5 * SPREAD[SIZE]
    assert doubt > 0.0
    assert cell is None
    assert weakest(fresh_cells(1)) == (1.0, 0.0, 0)
    assert weakest(fresh_cells(0))[2] is None


def test_points_without_a_reading_change_nothing_for_that_cell() -> None:
    cells = fresh_cells(4)
    rows = np.array([[1.0, 0.2, 0.01], [1.0, 0.5, 0.01], [1.0, 0.8, 0.01]])
    apart = np.zeros((3, 4))
    apart[:, 1] = np.nan
    apart[:, 2] = 0.004
    after = learn(cells, 1e9, rows, apart, np.ones(3))
    assert after.value[:, 1] == pytest.approx(0.0)
    assert after.value[0, 2] + after.value[1, 2] > 0.0
