"""How capacity moved over weeks, told from time and from the hours of cold and of fast charging."""

import numpy as np
import pytest

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_course import NAMES, wear_course
from evloom.diagnose.cause_wear import COLD, DAY, EVERY_DAYS, ROWS, fresh_wear, note_wear
from evloom.diagnose.detect import Track, fresh_track

N_CELL, CELL = 12, 5


def lived(capacity: np.ndarray, cold_h: np.ndarray) -> Track:
    """A pack of which one cell has this capacity, day by day, and which was charged in the cold for so many hours on each."""
    track = fresh_track(N_CELL, 2)
    for number, (size, hours) in enumerate(zip(capacity, cold_h, strict=True)):
        day = np.zeros(at.N_DAY)
        day[[at.D_COLD_CHARGE_S, at.D_CHARGE_S]] = 3600.0 * hours, 7200.0
        cells = np.zeros((2, N_CELL))
        cells[0, CELL] = size
        note_wear(track.wear, track.wear_at, track.hours, day, float(number), cells)
    return track


DAYS = np.arange(60.0)


def test_a_row_is_kept_every_few_days_and_hours_are_counted_on_all():
    track = lived(-0.001 * DAYS, np.full(60, 0.5))
    assert np.isfinite(track.wear_at[:, DAY]).sum() == min(ROWS, 60 // EVERY_DAYS)
    assert np.diff(track.wear_at[:, DAY]).tolist() == [EVERY_DAYS] * (ROWS - 1)
    assert track.hours.tolist() == [30.0, 0.0, 120.0]
    wear, wear_at, hours = fresh_wear(N_CELL)
    note_wear(wear, wear_at, hours, np.zeros(at.N_DAY), 3.0, None)
    assert np.isnan(wear).all()


def test_the_course_of_capacity_tells_an_even_loss_from_one_that_runs_away():
    even = wear_course(lived(-0.002 * DAYS, np.zeros(60)), 0, CELL)
    assert even["line"] > 0.95
    assert abs(even["bend of pace"]) < 0.1
    assert even["pace"] < 0.0
    falling = wear_course(lived(-0.00004 * DAYS**2, np.zeros(60)), 0, CELL)
    assert falling["bend of pace"] < -0.2
    assert wear_course(fresh_track(N_CELL, 2), 0, CELL) == dict.fromkeys((*NAMES, "by cold", "by fast"), 0.0)


def test_loss_with_every_cold_charge_is_told_by_their_hours():
    cold = np.where((DAYS > 20.0) & (DAYS < 40.0), 2.0, 0.0)
    told = wear_course(lived(-0.003 * np.cumsum(cold), cold), 0, CELL)
    assert told["by cold"] > 0.05
    assert told["by fast"] == pytest.approx(-told["line"])
    assert lived(DAYS, cold).wear_at[-1, 1 + 0] == pytest.approx(cold[:58].sum())
    assert COLD == 1
