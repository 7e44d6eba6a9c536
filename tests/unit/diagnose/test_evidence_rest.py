"""What a parked pack tells: wake-ups of many readings show a leak of milliamperes, and readings that do not move show none."""

import numpy as np
import pytest

from evloom.diagnose.detect import PACE, fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.evidence import DayFeatures, columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.vehicle.chemistry import NMC
from evloom.vehicle.telemetry import Frames, Pack, unflagged

DAY_S = 86400.0
AH, N_CELL, LEAKY = 150.0, 48, 11
NOISE_V = 0.0005


def nights(n: int, frames: int, leak_a: float = 0.01, noise_v: float = NOISE_V, balancing: int = 0) -> Frames:
    """A short drive each morning, and a wake-up of so many frames every hour of the rest of the day; one cell leaks."""
    rng = np.random.default_rng(3)
    drive = 3600.0 + 30.0 * np.arange(40)
    wakes = (6.0 + np.arange(17))[:, None] * 3600.0 + np.arange(frames)
    of_day = np.concatenate([drive, wakes.ravel()])
    at_s = (DAY_S * (1.0 + np.arange(n))[:, None] + of_day).ravel()
    current_a = np.tile(np.where(of_day < 3.0 * 3600.0, -30.0, 0.0), n)
    soc = np.full((len(at_s), N_CELL), 0.62)
    soc[:, LEAKY] -= leak_a / AH * (at_s - at_s[0]) / 3600.0
    volts = NMC.ocv(soc) + rng.normal(0.0, 0.0012, N_CELL) + 0.001 * current_a[:, None]
    return unflagged(
        Pack("car", "pack", N_CELL, 0, "NMC", AH),
        at_s=at_s,
        current_a=current_a,
        pack_v=volts.sum(axis=1),
        soc=np.full(len(at_s), 0.62),
        speed_km_per_h=np.where(current_a < 0.0, 40.0, 0.0),
        charging=np.zeros(len(at_s), dtype=np.int64),
        balancing=np.full(len(at_s), balancing, dtype=np.int64),
        cell_v=np.round(volts + noise_v * rng.normal(size=volts.shape), 3).astype(np.float32),
    )


def days_of(frames: Frames) -> list[DayFeatures]:
    """The features of every whole day."""
    sums, columns, row, days = fresh_sums(frames.pack), columns_of(frames), 0, []
    while row < frames.n:
        row, why = run(columns, sums, row)
        if why == NEW_DAY:
            days.append(read_day(sums, float(columns.at_s[row])))
            next_day(sums)
    return days


def leaks_a(days: list[DayFeatures]) -> np.ndarray:
    """Current (A) that each cell loses beyond the pack, by all rests."""
    return np.asarray(-AH * sum(day.creep for day in days) / sum(day.creep_known for day in days))


def test_wake_ups_of_many_readings_show_a_leak_of_milliamperes() -> None:
    found = leaks_a(days_of(nights(6, 30, leak_a=0.004)))
    assert int(np.argmax(found)) == LEAKY
    assert found[LEAKY] == pytest.approx(0.004, rel=0.35)
    assert np.abs(np.delete(found, LEAKY)).max() < 0.0015


def test_more_readings_are_surer_and_their_doubt_is_honest() -> None:
    few, many = days_of(nights(6, 2, leak_a=0.0)), days_of(nights(6, 30, leak_a=0.0))
    for days in (few, many):
        doubt_a = AH / np.sqrt(sum(day.creep_known for day in days))
        assert 0.3 < np.std(leaks_a(days)) / doubt_a < 1.5
    assert many[-1].creep_known > 2.5 * few[-1].creep_known


def test_readings_that_do_not_move_tell_no_part_of_a_step() -> None:
    still, moving = days_of(nights(4, 30, noise_v=0.0)), days_of(nights(4, 30))
    assert still[-1].creep_known < 0.4 * moving[-1].creep_known


def test_cells_that_are_bled_meanwhile_tell_nothing() -> None:
    assert all(day.creep_known == 0.0 for day in days_of(nights(4, 30, balancing=2)))


def test_the_pace_at_rest_speaks_of_the_cell_that_leaks_alone() -> None:
    memory, track = fresh_memory(N_CELL), fresh_track(N_CELL, 0)
    for day in days_of(nights(8, 30, leak_a=0.012)):
        memory, estimate = learn(memory, day)
        scores = look(track, estimate, day)
    pace = scores.pace[PACE.index("rest")]
    assert pace[LEAKY] < -10.0
    assert np.abs(np.delete(pace, LEAKY)).max() < 4.0


def test_a_day_kept_before_rests_were_looked_at_says_nothing_of_them() -> None:
    day = days_of(nights(3, 30))[-1]
    day.creep, day.creep_known = np.zeros(0), 0.0
    track = fresh_track(N_CELL, 0)
    scores = look(track, learn(fresh_memory(N_CELL), day)[1], day)
    assert not scores.pace[PACE.index("rest")].any()
