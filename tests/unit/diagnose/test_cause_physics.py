"""What physics says of a cause, whatever was learnt."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_physics import Leak, by_fall, by_leak, leak_of
from evloom.diagnose.detect import fresh_track
from evloom.diagnose.evidence import fresh_sums, read_day
from evloom.diagnose.warning import Warning, at_level  # noqa: A004
from evloom.vehicle.telemetry import Pack

N_CELL, CELL = 12, 5


def leak(charge: np.ndarray, bled_s: float = 0.0) -> Leak:
    """The leak of one cell of 150 Ah whose charge is this, day by day, among cells that stand still."""
    track, n = fresh_track(N_CELL, 2), len(charge)
    track.ring[-n:] = 0.0
    track.ring[-n:, :, CELL] = charge[:, None]
    track.ring_day[-n:] = np.arange(n)
    quiet = read_day(fresh_sums(Pack("car", "pack", N_CELL, 2, "NMC", 150.0)), 0.0)
    day = quiet.day.copy()
    day[at.D_BLED_S], day[at.D_REST_WEIGHT] = bled_s, 40000.0
    return leak_of(track, replace(quiet, day=day, scale_ah=150.0), CELL)


DAYS = np.arange(30.0)
GROWING = -0.0002 * DAYS**2


def test_a_leak_that_grows_is_a_short_and_a_step_or_a_small_one_is_none():
    assert leak(GROWING).is_short
    assert leak(GROWING).late_a == pytest.approx(0.0002 * 2 * 25.5 * 150.0 / 24.0, rel=0.05)
    assert not leak(np.where(DAYS > 20.0, -0.05, 0.0)).is_short
    assert not leak(0.1 * GROWING).is_short
    assert not leak(-GROWING).is_short
    assert not leak(GROWING[::-1].copy() * -1.0).is_short


def test_a_hard_leak_need_not_grow_evenly_and_a_mild_one_must():
    slowing = np.where(DAYS < 22.0, 0.0, -0.03 * (DAYS - 22.0) + 0.001 * (DAYS - 22.0) ** 2)
    assert leak(slowing).is_short
    assert not leak(0.2 * slowing - 0.002 * np.minimum(DAYS, 22.0)).is_short


def test_what_the_box_bleeds_is_no_short():
    assert not leak(GROWING, bled_s=30000.0).is_short
    assert not leak(5.0 * GROWING, bled_s=30000.0).is_short


def test_a_short_takes_from_unknown_alone():
    causes = (("unknown", 0.7), ("internal-short", 0.2), ("weak-cell", 0.1))
    assert by_leak(causes, leak(0.0 * DAYS)) == causes
    told = by_leak(causes, leak(GROWING))
    assert told[0][0] == "internal-short"
    assert dict(told)["weak-cell"] == 0.1
    assert sum(chance for _, chance in told) == pytest.approx(1.0)
    assert by_leak((("connection", 1.0),), leak(GROWING)) == (("connection", 1.0),)


@pytest.mark.parametrize(
    ("causes", "first"),
    [
        ((("sensing-wire", 0.56), ("internal-short", 0.3), ("unknown", 0.14)), "internal-short"),
        ((("sensing-wire", 0.9), ("unknown", 0.1)), "unknown"),
        ((("sensing-wire", 1.0),), "unknown"),
        ((("internal-short", 0.8), ("sensing-wire", 0.2)), "internal-short"),
    ],
)
def test_a_wire_does_not_lead_at_stop(causes, first):
    told = by_fall(causes)
    assert told[0][0] == first
    assert sum(chance for _, chance in told) == pytest.approx(1.0)
    draft = Warning("", "car", "pack", 3, None, "watch", causes, 2.0, "left the pack within minutes", 0.0, 0.0, 0.0, 0.0, 0.0)
    assert at_level(draft, "inspect").causes == causes
    stop = at_level(draft, "stop")
    assert stop.causes[0][0] == first
    assert stop.advice[0] == "stop.do"
