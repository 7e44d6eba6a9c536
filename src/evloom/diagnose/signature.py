"""What a suspected cell, probe or pack looks like: how far beyond its limits, and the row of figures from which the cause is told."""

from typing import NamedTuple

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.detect import (
    CHANNELS,
    I_CHARGE,
    I_MIRROR,
    I_OWN,
    I_REST,
    N_CHANNEL,
    N_PACK,
    PACK,
    PROBE,
    Scores,
    Track,
    first_slopes,
    slopes,
)  # fmt: skip
from evloom.diagnose.detect_table import LIMITS, Limits
from evloom.diagnose.evidence import DayFeatures
from evloom.kernel.timegrid import Float

PACK_KEYS = ("zero-current", "charge-balance", "insulation", "outside-resistance", "pack-resistance", "counted-capacity")
"""The figures of the pack as keys of cases, in the order of detect.PACK."""


class Severity(NamedTuple):
    """Largest score over its limit, 1 at the limit of `inspect`: of each cell (n_cell,), probe (n_probe,), pack figure (N_PACK,)."""

    cell: Float
    probe: Float
    pack: Float


def severity(scores: Scores, kind: str) -> Severity:
    """How far each part is beyond the limits of its chemistry."""
    limits = limits_of(kind)
    probe = (np.abs(scores.probe) / limits.probe[:, None]).max(axis=0, initial=0.0)
    return Severity(_over(scores, limits).max(axis=0, initial=0.0), probe, np.abs(scores.pack) / limits.pack)


def limits_of(kind: str) -> Limits:
    """The limits for a chemistry; one without a table of its own is held to the wider of the others."""
    return LIMITS[kind] if kind in LIMITS else Limits(*(np.maximum(*pair) for pair in zip(LIMITS["NMC"], LIMITS["LFP"], strict=True)))


def _over(scores: Scores, limits: Limits) -> Float:
    """Every test of every cell over its limit, (n_test, n_cell)."""
    parts = ((scores.drift, limits.drift), (scores.place, limits.place), (scores.pace, limits.pace))
    return np.concatenate([np.abs(score) / limit[:, None] for score, limit in parts])


def foremost(scores: Scores, kind: str, cell: int) -> str:
    """Name of the test that speaks loudest for a cell."""
    tests = [f"{name}, drift" for name in CHANNELS] + [f"{name}, place" for name in CHANNELS] + ["charge, pace", "own charge, pace"]
    return tests[int(np.argmax(_over(scores, limits_of(kind))[:, cell]))]


def leak_a(track: Track, features: DayFeatures, cell: int) -> float:
    """Current (A) that the cell loses beyond its pack's cells, from the pace of its charge over ten days; not below zero."""
    slope = slopes(track, 10)
    if slope.shape[1] == 0:
        return 0.0
    return float(max(-min(slope[0, cell], slope[1, cell]), 0.0) * features.scale_ah / 24.0)


_KEY_ROWS = (I_CHARGE, I_OWN, I_REST, I_MIRROR)
LENGTH = 2 * N_CHANNEL + 2 + 2 * N_CHANNEL + len(_KEY_ROWS) * 2 + 10 + 2 * N_PACK + len(PROBE) + 7 + N_PACK
"""Figures in a signature."""


def signature(track: Track, scores: Scores, features: DayFeatures, part: tuple[str, int]) -> Float:
    """The row of figures (LENGTH,) from which the cause is told; part: ("cell", 17), ("probe", 3)
    or ("pack", place in PACK_KEYS). Squashed: sign times log(1 + size)."""
    n_cell, what = scores.drift.shape[1], part[0]
    cell = part[1] if what == "cell" else -1
    k = cell if 0 <= cell < n_cell else -1
    zeros = np.zeros(N_CHANNEL)
    own = [scores.drift[:, k], scores.place[:, k], scores.pace[:, k]] if k >= 0 else [zeros, zeros, np.zeros(2)]
    raw = (track.now[:, k] - track.first[:, k], track.now[:, k]) if k >= 0 else (zeros, zeros)
    size = np.array([1e3, 1e3, 1e2, 1e2, 1e3, 1e2, 1e3, 1e3, 1e1, 1e3, 1e1])
    near = [scores.drift[row, j] if 0 <= j < n_cell and k >= 0 else 0.0 for row in _KEY_ROWS for j in (k - 1, k + 1)]
    long, short = slopes(track, 40), slopes(track, 8)
    pace = [1e4 * (each[0, k] if k >= 0 else 0.0) for each in (long, short)] + [
        1e4 * (each[1, k] if k >= 0 else 0.0) for each in (long, short)
    ]
    pace += [1e4 * each[k] if k >= 0 else 0.0 for each in first_slopes(track)]
    pace += [1e4 * raw[0][row] / max(track.days[row], 1.0) for row in (I_CHARGE, I_OWN)]
    many = [float(np.sum(np.abs(scores.drift[row]) > 4.0)) for row in (I_CHARGE, I_REST)]
    figures = (track.pack[0] - track.pack[1]) * np.array([10.0, 10.0, 10.0, 30.0, 30.0, 30.0])
    probe = np.abs(scores.probe).max(axis=1, initial=0.0)
    day = features.day
    rest = [
        3.0 * (features.kind == "LFP"),
        np.log1p(day[at.D_FAST_CHARGE_S] / 3600.0),
        np.log1p(day[at.D_COLD_CHARGE_S] / 3600.0),
        np.log1p(day[at.D_BLED_S] / 3600.0),
        day[at.D_TEMP] / max(day[at.D_PROBE_N], 1.0) / 20.0,
    ]
    rest += [3.0 * (what == "cell"), 3.0 * (what == "probe"), *(3.0 * (what == "pack" and part[1] == place) for place in range(N_PACK))]
    parts = [*own, raw[0] * size, raw[1] * size, np.array(near), np.array(pace + many), scores.pack, figures, probe]
    whole = np.concatenate(parts)
    return np.concatenate([np.sign(whole) * np.log1p(np.abs(whole)), np.array(rest)])


def names() -> list[str]:
    """What each figure of a signature is."""
    out = [f"{name} {how}" for how in ("drift", "place") for name in CHANNELS] + ["charge pace", "own charge pace"]
    out += [f"{name} {how}" for how in ("gone", "now") for name in CHANNELS]
    out += [f"{CHANNELS[row]} of neighbour {j}" for row in _KEY_ROWS for j in ("before", "after")]
    out += ["charge slope 40", "charge slope 8", "own slope 40", "own slope 8", "charge slope at first", "own slope at first"]
    out += ["charge slope in all", "own slope in all", "cells charge", "cells rest"]
    out += [f"{name} {how}" for how in ("score", "gone") for name in PACK] + [f"probe {name}" for name in PROBE]
    out += ["LFP", "fast charging", "cold charging", "balancing", "temperature", "is cell", "is probe"]
    return [*out, *(f"is {name}" for name in PACK)]
