"""What a suspected cell, probe or pack looks like: how far beyond its limits, and the row of figures from which the cause is told."""

import functools
from typing import NamedTuple

import numpy as np

from evloom.diagnose.cause_figures import figures_of
from evloom.diagnose.detect import (
    CHANNELS,
    N_CHANNEL,
    N_PACK,
    PACE,
    PROBE,
    Scores,
    Track,
    fresh_track,
    slopes,
)
from evloom.diagnose.detect_table import LIMITS, Limits
from evloom.diagnose.evidence import DayFeatures, fresh_sums, read_day
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Pack

PACK_KEYS = (
    "zero-current", "idle-current", "charge-balance", "insulation", "outside-resistance", "pack-resistance", "counted-capacity",
    "current-gain", "cell-order",
)  # fmt: skip
"""The figures of the pack as keys of cases, in the order of detect.PACK."""

MOVED, FAR, STAYS = 0.6, 2.0, 0.95
"""A place in the pack is no fault by itself: from which share of the limit of drift a cell has moved, from which multiple of the limit
of place it is far off, and the most that one counts that is neither."""


TWO_REST, TWO_LEAST = 6.0, 0.5
"""Pace at rest that counts as 1 beside a charge that falls, and the least share that each of the two must bring."""


class Severity(NamedTuple):
    """Largest score over its limit, 1 at the limit of `inspect`: of each cell (n_cell,), probe (n_probe,), pack figure (N_PACK,)."""

    cell: Float
    probe: Float
    pack: Float


def severity(scores: Scores, kind: str) -> Severity:
    """How far each part is beyond the limits of its chemistry."""
    limits = limits_of(kind)
    probe = (np.abs(scores.probe) / limits.probe[:, None]).max(axis=0, initial=0.0)
    cell = np.maximum(_over(scores, limits).max(axis=0, initial=0.0), _by_two_witnesses(scores, limits))
    return Severity(cell, probe, np.abs(scores.pack) / limits.pack)


def _by_two_witnesses(scores: Scores, limits: Limits) -> Float:
    """A leak shows in what a cell loses while parked and in how its charge falls over days, and these share no error: where both fall,
    they count together, (n_cell,)."""
    fall, rest = np.maximum(-scores.pace, 0.0), PACE.index("rest")
    parked = fall[rest] / TWO_REST
    charge = np.delete(fall / limits.pace[:, None], rest, axis=0).max(axis=0, initial=0.0)
    return np.where(np.minimum(parked, charge) >= TWO_LEAST, np.hypot(parked, charge), 0.0)


def limits_of(kind: str) -> Limits:
    """The limits for a chemistry; one without a table of its own is held to the wider of the others."""
    return LIMITS[kind] if kind in LIMITS else Limits(*(np.maximum(*pair) for pair in zip(LIMITS["NMC"], LIMITS["LFP"], strict=True)))


def _over(scores: Scores, limits: Limits) -> Float:
    """Every test of every cell over its limit, (n_test, n_cell)."""
    parts = ((scores.drift, limits.drift), (scores.place, limits.place), (scores.pace, limits.pace))
    drift, place, pace = (np.abs(score) / limit[:, None] for score, limit in parts)
    # A cell that has always been a little off is no fault: only what moves, or is far off, is more than to be watched.
    stays = (drift < MOVED) & (place < FAR)
    return np.concatenate([drift, np.where(stays, np.minimum(place, STAYS), place), pace])


def foremost(scores: Scores, kind: str, cell: int) -> str:
    """Name of the test that speaks loudest for a cell."""
    tests = [f"{name}, {how}" for how, names in (("drift", CHANNELS), ("place", CHANNELS), ("pace", PACE)) for name in names]
    return tests[int(np.argmax(_over(scores, limits_of(kind))[:, cell]))]


def leak_a(track: Track, features: DayFeatures, cell: int) -> float:
    """Current (A) that the cell loses beyond its pack's cells, from the pace of its charge over ten days; not below zero."""
    slope = slopes(track, 10)
    if slope.shape[1] == 0:
        return 0.0
    return float(max(-min(slope[0, cell], slope[1, cell]), 0.0) * features.scale_ah / 24.0)


def signature(track: Track, scores: Scores, features: DayFeatures, part: tuple[str, int]) -> Float:
    """The row of figures (LENGTH,) from which the cause is told; part: ("cell", 17), ("probe", 3)
    or ("pack", place in PACK_KEYS). Squashed by the inverse hyperbolic sine; nothing in it is infinite."""
    told = figures_of(track, scores, features, part)
    severe = severity(scores, features.kind)
    told |= {f"severity of {name}": float(each.max(initial=0.0)) for name, each in zip(Severity._fields, severe, strict=True)}
    return np.asarray(np.arcsinh(np.nan_to_num(np.array(list(told.values())), nan=0.0, posinf=1e3, neginf=-1e3)))


@functools.cache
def names() -> tuple[str, ...]:
    """What each figure of a signature is."""
    nothing = read_day(fresh_sums(Pack("", "", 0, 0)), 0.0)
    zeros = np.zeros((N_CHANNEL, 0))
    scores = Scores(zeros, zeros, np.zeros((len(PACE), 0)), np.zeros(N_PACK), np.zeros((len(PROBE), 0)))
    told = figures_of(fresh_track(0, 0), scores, nothing, ("pack", 0))
    return (*told, *(f"severity of {name}" for name in Severity._fields))
