"""Figures of a suspected part from which its cause is told: shares, ratios and multiples of the pack's own spread, so free of scale.

Each kind of fault explains a cell's deviation in its own way: an offset of a wire, a charge that runs away evenly or ever faster, a
resistance, a smaller capacity, a neighbour that shows the opposite. How much of what the day's equations hold against the cell each
of these explains alone, how its charge came to where it is, and what the rest of the pack does meanwhile are the figures.
"""

import functools

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_course import course, wear_course
from evloom.diagnose.cause_physics import verdict_of
from evloom.diagnose.detect import (
    CHANNELS,
    DRIFT_LEAST,
    I_CHARGE,
    I_MIRROR,
    I_NOISE,
    I_OFFSET,
    I_OWN,
    I_QUICK,
    I_REST,
    I_SHOULDER,
    I_SIZE,
    I_SLOW,
    N_CHANNEL,
    PACK,
    PACK_LEAST,
    PLACE_LEAST,
    PROBE,
    Scores,
    Track,
    first_slopes,
    fresh_track,
    slopes,
)  # fmt: skip
from evloom.diagnose.estimate import OHM_AH
from evloom.diagnose.evidence import DayFeatures, fresh_sums, read_day
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Pack

Figures = dict[str, float]
EXPLANATIONS = {
    "offset": (0,), "charge": (1,), "resistance": (3, 4), "offset and charge": (0, 1), "charge and capacity": (1, 2),
    "capacity and resistance": (2, 3, 4),
}  # fmt: skip
"""What a deviation may come from, as places in the five terms of `estimate`."""
_FIVE = (I_OFFSET, I_CHARGE, I_SIZE, I_QUICK, I_SLOW)
_TO_V = np.array([1.0, 1.0, 1.0, OHM_AH, OHM_AH])
_GONE = (I_OWN, I_QUICK, I_OFFSET, I_SIZE, I_SHOULDER, I_NOISE)
_NOW = (I_OWN, I_QUICK, I_OFFSET, I_SIZE, I_SHOULDER, I_MIRROR, I_NOISE)
_BESIDE, _BEYOND = (I_OFFSET, I_REST, I_NOISE, I_CHARGE), (I_OFFSET, I_NOISE)
_MANY = (I_CHARGE, I_OWN, I_QUICK, I_OFFSET, I_SIZE, I_NOISE, I_REST)
_RANK = (I_OWN, I_QUICK, I_REST, I_SIZE, I_CHARGE)
_PACK_GONE = ("zero current", "insulation", "outside resistance")
_SLOPE = 1e-4  # share of the capacity a day
_FAR = 4.0  # a drift in units of the spread beyond which a cell counts among the many
_NEAR = 5  # cells on either side that count as near
_LEAST_V = 2e-4  # noise below this is that of the converter


def figures_of(track: Track, scores: Scores, features: DayFeatures, part: tuple[str, int]) -> Figures:
    """Every figure by name; part as in `signature`. Those of a cell are 0 where the part is none."""
    what, number = part
    is_cell = what == "cell" and 0 <= number < track.now.shape[1]
    of_cell = _of_cell(track, scores, features, number) if is_cell else dict.fromkeys(cell_names(), 0.0)
    of_probe = _of_probe(scores, number if what == "probe" else -1)
    hot = {"is cell": float(what == "cell"), "is probe": float(what == "probe")}
    hot |= {f"is {name}": float(what == "pack" and number == place) for place, name in enumerate(PACK)}
    of_cell |= says(track, features, number if is_cell else -1)
    return {**of_cell, **of_probe, **_of_pack(track, scores, features), **hot}


def says(track: Track, features: DayFeatures, cell: int) -> Figures:
    """What physics says of the cell; see `cause_physics`."""
    return {f"says {name}": value for name, value in verdict_of(track, features, cell)._asdict().items()}


@functools.cache
def cell_names() -> tuple[str, ...]:
    """Names of the figures of a cell."""
    zeros = np.zeros((N_CHANNEL, 1))
    scores = Scores(zeros, zeros, np.zeros((2, 1)), np.zeros(len(PACK)), np.zeros((len(PROBE), 0)))
    nothing = read_day(fresh_sums(Pack("", "", 1, 0)), 0.0)
    return tuple(_of_cell(fresh_track(1, 0), scores, nothing, 0))


def _of_cell(track: Track, scores: Scores, features: DayFeatures, k: int) -> Figures:
    gone = track.now - track.first
    out = {f"{name} {how}": float(score[i, k]) for how, score in (("drift", scores.drift), ("place", scores.place)) for i, name in _named()}
    out |= {f"{CHANNELS[i]} gone": float(gone[i, k] / DRIFT_LEAST[i]) for i in _GONE}
    out |= {f"{CHANNELS[i]} now": float(track.now[i, k] / PLACE_LEAST[i]) for i in _NOW}
    out |= _paces(track, scores, k)
    for row, name in ((0, "charge"), (1, "own charge")):
        out |= {f"{name}: {what}": value for what, value in course(track, row, k).items()}
    for row, name in ((0, "capacity"), (1, "resistance")):
        out |= {f"{name}: {what}": value for what, value in wear_course(track, row, k).items()}
    out |= _proportions(track, features, gone[:, k], k)
    for how, value in (("gone", gone), ("now", track.now)):
        out |= _explained(features.normal, value[list(_FIVE), k] * _TO_V, how)
    out |= _neighbours(scores, features, k)
    size = np.abs(scores.drift)
    out |= {f"cells far in {CHANNELS[i]}": float(np.sum(size[i] > _FAR)) for i in _MANY}
    out |= {f"cells beyond in {CHANNELS[i]}": float(np.sum(size[i] > size[i, k])) for i in _RANK}
    out |= _noise(track, features, k)
    out["doubted"] = float(features.bad[k])
    return out


def _proportions(track: Track, features: DayFeatures, gone: Float, k: int) -> Figures:
    """What goes with what, -1..1, and the leak in amperes: the same for every pack, however wide its spread."""
    lost, charge, ohm = float(gone[I_SIZE]), float(gone[I_OWN]), float(gone[I_QUICK])
    late, long = (-float(slopes(track, days)[:, k].max()) * features.scale_ah / 24.0 for days in (8, 24))
    return {
        "charge for capacity": charge / (abs(charge) + abs(lost) + 0.005),
        "resistance for capacity": ohm / (abs(ohm) + 2.0 * abs(lost) + 0.02),
        "leak of weeks": long / 0.005,
        "leak of days": late / 0.005,
        "leak grows": (late - long) / (abs(late) + abs(long) + 0.005),
    }


def _noise(track: Track, features: DayFeatures, k: int) -> Figures:
    """How loud the cell is against its pack, and against what its resistance makes of the day's steps of the current (logarithms):
    a contact that comes and goes is louder than one that is bad all day."""
    day = features.day
    noise = np.maximum(features.noise_v, _LEAST_V)
    quiet_v = float(np.median(noise))
    step_aa = float(day[at.D_STEP_AA]) / max(float(day[at.D_NOISE_N]), 1.0)
    ohm = float(track.now[I_QUICK, k]) * OHM_AH / features.scale_ah
    told_v = np.sqrt(quiet_v**2 + 0.5 * ohm**2 * step_aa)
    return {"loud": float(np.log(noise[k] / quiet_v)), "loud for its resistance": float(np.log(noise[k] / told_v))}


def _named() -> list[tuple[int, str]]:
    return list(enumerate(CHANNELS))


def _paces(track: Track, scores: Scores, k: int) -> Figures:
    long, short, first = slopes(track, 40), slopes(track, 8), first_slopes(track)
    return {
        "charge pace": float(scores.pace[0, k]),
        "own charge pace": float(scores.pace[1, k]),
        "charge slope 40": float(long[0, k]) / _SLOPE,
        "own charge slope 40": float(long[1, k]) / _SLOPE,
        "own charge slope 8": float(short[1, k]) / _SLOPE,
        "own charge slope at first": float(first[1, k]) / _SLOPE,
    }


def _explained(normal: Float, value: Float, how: str) -> Figures:
    """How much of the day's evidence each of EXPLANATIONS takes up alone, 0..1, and how much there is (mV squared, logarithm).

    normal (5, 5): equations of the day; value (5,): what the cell is apart by in their terms.
    """
    held = normal @ value
    total = float(value @ held)
    out = {}
    for name, places in EXPLANATIONS.items():
        rows = list(places)
        within = normal[np.ix_(rows, rows)] + 1e-9 * (np.trace(normal) + 1e-9) * np.eye(len(rows))
        taken = float(held[rows] @ np.linalg.solve(within, held[rows]))
        out[f"{how}, by {name}"] = min(max(taken / total, 0.0), 1.0) if total > 0.0 else 0.0
    out[f"{how}, in all"] = float(np.log1p(max(total, 0.0) * 1e6 / max(float(normal[0, 0]), 1e-9)))
    return out


def _neighbours(scores: Scores, features: DayFeatures, k: int) -> Figures:
    """What the cell's neighbours show: the one that mirrors it more, and the other."""
    drift = scores.drift
    n_cell = drift.shape[1]
    sides = [drift[:, j] if 0 <= j < n_cell else np.zeros(N_CHANNEL) for j in (k - 1, k + 1)]
    own = drift[I_OFFSET, k]
    beside, beyond = sorted(sides, key=lambda side: float(side[I_OFFSET] * own))
    near = [j for j in range(k - _NEAR, k + _NEAR + 1) if 0 <= j < n_cell and j != k]
    out = {f"{CHANNELS[i]} beside": float(beside[i]) for i in _BESIDE} | {f"{CHANNELS[i]} beyond": float(beyond[i]) for i in _BEYOND}
    out["noise of a neighbour"] = float(max(side[I_NOISE] for side in sides))
    out |= {f"{CHANNELS[i]} near": float(np.mean(drift[i, near])) if near else 0.0 for i in (I_QUICK, I_CHARGE)}
    out["pair before"] = float(features.pair[k])
    out["pair after"] = float(features.pair[k + 1]) if k + 1 < n_cell else 0.0
    return out


def _of_probe(scores: Scores, probe: int) -> Figures:
    """What a probe shows, and what those beside it and the cells around it show: heat spreads, a bad probe is alone. 0 for no probe."""
    n_probe, n_cell = scores.probe.shape[1], scores.drift.shape[1]
    if not 0 <= probe < n_probe:
        return {f"probe {name} {how}": 0.0 for name in PROBE for how in ("own", "beside")} | {"probe resistance near": 0.0}
    beside = [k for k in (probe - 1, probe + 1) if 0 <= k < n_probe]
    out = {}
    for i, name in enumerate(PROBE):
        out[f"probe {name} own"] = float(scores.probe[i, probe])
        out[f"probe {name} beside"] = float(np.mean(scores.probe[i, beside])) if beside else 0.0
    cell = probe * n_cell // n_probe
    near = scores.drift[I_QUICK, max(cell - _NEAR, 0) : cell + _NEAR + 1]
    return out | {"probe resistance near": float(np.mean(near)) if len(near) else 0.0}


def _of_pack(track: Track, scores: Scores, features: DayFeatures) -> Figures:
    """What the pack as a whole shows, its probes, and what was done with it on the day."""
    day = features.day
    gone = (track.pack[0] - track.pack[1]) / PACK_LEAST
    out = {f"{name} score": float(scores.pack[i]) for i, name in enumerate(PACK)}
    out |= {f"{name} gone": float(gone[i]) for i, name in enumerate(PACK) if name in _PACK_GONE}
    size = np.sort(np.abs(scores.probe), axis=1)
    n_probe = size.shape[1]
    for i, name in enumerate(PROBE):
        out[f"probe {name}"] = float(size[i, -1]) if n_probe else 0.0
        out[f"next probe {name}"] = float(size[i, -2]) if n_probe > 1 else 0.0
    bled_s, charge_s = float(day[at.D_BLED_S]), float(day[at.D_CHARGE_S])
    after_s, other_s = float(day[at.D_SHOULDER_WEIGHT]), float(day[at.D_DRIVE_S] + day[at.D_REST_WEIGHT])
    return {
        **out,
        "LFP": float(features.kind == "LFP"),
        "bled": 3.0 * bled_s / max(charge_s + after_s + other_s, 600.0),
        "bled while not charged": 3.0 * max(bled_s - charge_s - after_s, 0.0) / max(other_s, 600.0),
        "fast charging": float(day[at.D_FAST_CHARGE_S]) / 3600.0,
        "cold charging of weeks": float(track.hours[0]) / max(float(track.hours[2]), 1.0),
        "fast charging of weeks": float(track.hours[1]) / max(float(track.hours[2]), 1.0),
        "temperature": float(day[at.D_TEMP] / max(day[at.D_PROBE_N], 1.0)) / 20.0,
    }
