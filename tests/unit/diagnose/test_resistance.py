"""Resistance from steps of current, and its temperature."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import health
from evloom.diagnose.segment_cells import resistance_factor
from tests.unit.diagnose.health_frames import Plan, frames_of


def test_the_resistance_of_each_cell_is_that_of_its_steps() -> None:
    frames = frames_of(Plan(ohm=0.0012))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert np.median(found.cell_resistance_ohm) == pytest.approx(0.0012, rel=0.06)
    assert "resistance" not in found.missing


def test_cold_is_taken_out() -> None:
    plan = Plan(ohm=0.0012 * resistance_factor(5.0, 0.5))
    frames = frames_of(plan)
    cold = replace(frames, probe_c=np.full_like(frames.probe_c, 5.0))
    found = health.report(health.step(health.fresh(frames.pack), cold))
    assert np.median(found.cell_resistance_ohm) == pytest.approx(0.0012, rel=0.06)


def test_frames_a_minute_apart_tell_no_steps() -> None:
    frames = frames_of(Plan(step_s=60.0))
    found = health.report(health.step(health.fresh(frames.pack), frames))
    assert np.isnan(found.cell_resistance_ohm).all()
    assert {"resistance", "resistance-new"} <= set(found.missing)


def test_a_growing_resistance_shows_against_the_first_weeks() -> None:
    plan = Plan(n_cell=4, days=100)
    frames = frames_of(plan)
    grown = 1.0 + 0.3 * (frames.at_s - frames.at_s[0]) / (frames.at_s[-1] - frames.at_s[0])
    more_v = (grown - 1.0) * plan.ohm * frames.current_a
    found = health.report(
        health.step(health.fresh(frames.pack), replace(frames, cell_v=frames.cell_v + more_v[:, None].astype(np.float32)))
    )
    assert found.resistance_soh is not None
    assert 0.78 < found.resistance_soh.p50 < 0.92
