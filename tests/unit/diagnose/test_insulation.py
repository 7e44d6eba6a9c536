"""Insulation at equal temperature."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import health
from evloom.vehicle.telemetry import INSULATION_PLACEHOLDER, Frames
from tests.unit.diagnose.health_frames import Plan, frames_of


def told(frames: Frames) -> health.Health:
    return health.report(health.step(health.fresh(frames.pack), frames))


def test_the_level_is_told_and_no_trend_where_there_is_none() -> None:
    found = told(frames_of(Plan(n_cell=4, days=30)))
    assert found.insulation_ohm is not None
    assert found.insulation_ohm.p50 == pytest.approx(2e6, rel=0.05)
    assert found.insulation_per_month is not None
    assert found.insulation_per_month.p50 == pytest.approx(1.0, abs=0.1)


def test_warm_days_are_no_loss_of_insulation() -> None:
    frames = frames_of(Plan(n_cell=4, days=40))
    day = (frames.at_s - frames.at_s[0]) / 86400.0
    temp_c = 25.0 + 12.0 * np.sin(day / 3.0)
    warm = replace(
        frames,
        probe_c=np.repeat(temp_c[:, None], 3, axis=1).astype(np.float32),
        insulation_ohm=frames.insulation_ohm * np.exp(-0.03 * (temp_c - 25.0)),
    )
    found = told(warm)
    assert found.insulation_ohm is not None
    assert found.insulation_ohm.p50 == pytest.approx(2e6, rel=0.06)


def test_a_fall_shows_as_a_factor_of_a_month() -> None:
    frames = frames_of(Plan(n_cell=4, days=45))
    day = (frames.at_s - frames.at_s[0]) / 86400.0
    found = told(replace(frames, insulation_ohm=frames.insulation_ohm * 0.5 ** (day / 30.0)))
    assert found.insulation_per_month is not None
    assert found.insulation_per_month.p50 == pytest.approx(0.5, rel=0.15)


def test_placeholders_are_no_measurement() -> None:
    frames = frames_of(Plan(n_cell=4, days=10))
    found = told(replace(frames, flags=frames.flags | np.uint32(INSULATION_PLACEHOLDER)))
    assert found.insulation_ohm is None
    assert "insulation" in found.missing
