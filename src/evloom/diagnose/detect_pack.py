"""Sequential tests of the figures that a pack has as a whole: what its current sensor, its insulation, its contacts and the order of
its cells say of themselves, against what they said in their first days."""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.estimate import OHM_AH
from evloom.diagnose.evidence import DayFeatures
from evloom.kernel.timegrid import Float

PACK = (
    "zero current",
    "idle current",
    "charge balance",
    "insulation",
    "outside resistance",
    "pack resistance",
    "counted capacity",
    "current gain",
    "cell order",
)
N_PACK = len(PACK)
(
    J_ZERO, J_IDLE, J_BALANCE, J_INSULATION, J_OUTSIDE, J_OHM, J_COUNTED, J_GAIN, J_ORDER,
) = range(N_PACK)  # fmt: skip
PACK_LEAST = np.array([0.1, 0.15, 0.25, 0.15, 0.06, 0.02, 0.015, 1.0, 1.0])
"""Smallest units: A, A, A, logarithm, share of the pack's resistance, logarithm, logarithm; the last two are scores themselves."""
SMOOTH = np.array([0.25, 0.25, 0.25, 0.25, 0.25, 0.06, 0.15, 1.0, 1.0])
LEARN_DAYS = np.array([10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 5.0, 10.0, 10.0])
WINDOW_DAYS = 8
SLOWEST = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 10.0, 10.0, 1.0, 1.0]) / 300.0
"""How fast what was at first follows what is, a day: a pack ages, and its resistance with it."""
CAP = np.array([10.0, 8.0, 8.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0])
"""What a day may count at most. A sensor's zero stands every day: no single odd day (a car awake all night) makes a fault of it."""
BALANCE_DOUBT, BALANCE_MOST = 2.0, 0.3
"""How much change of charge it takes to believe how far the capacity is off the rated one, and the most that it may be."""
WARM_K, WARM_DOUBT = 2500.0, 2.0e-8
"""Rise of the resistance's logarithm with 1/T (K), as with most cells; how many square 1/K it takes to believe the pack's own."""
WINDOW_LEAST = 0.12
"""Charge between two voltages that a charge has to pass, as a share of the capacity."""
COUNTED_LEAST, GAUGE_LEAST, OHM_LEAST = 0.012, 0.035, 0.025
"""What charge between two voltages, charge against the management's gauge, and resistance at one warmth cannot tell of the gain."""
LIKE_AGE = 0.6
"""What a gain that is too low counts, of one too high: age takes charge and adds resistance, too."""
GAUGE_KEEP, GAUGE_FIRST, GAUGE_LATER, GAUGE_ENOUGH = 0.9, 1.5, 0.07, 0.5
"""What a day leaves of the sums of gauge and charge; how many full charges teach how they agreed at first, how little later ones
count there; how much of a full charge the latest days must have."""
STILL_DAYS, CHARGES = 4, 0.01
"""Days of which the least current is looked at; from which rate on a car that stands is charged, whatever its box says."""
OUTSIDE_SWING = 0.01
"""How much steady currents must differ to show what resists outside of the cells: sum of their squares from their mean, in rates squared
times hours. A car that is only heard while it drives has less."""
BLOCK_CELLS = 8
Z_MOST = 9.0


@dataclass
class PackTrack:
    """What is remembered of the pack as a whole. pool (5,) decayed sums of weight, current, its square, voltage outside the
    cells, their product; gauge (2, 2) lately and at first, sums of the charge counted and of what the management's gauge rose by;
    level (2, N_LEVEL - 1) charge taken in between two voltages and how often it was seen; warm (6,) mean of 1/T in the first days,
    then sums of weight, 1/T, logarithm of the resistance, square and product; balance (2,) sums of square and product by which
    charge counted and charge by the curve are told apart from the capacity; still (2, STILL_DAYS) current while parked and while
    standing awake on the last days that showed it; pack (4, N_PACK) now, first, days, smoothed;
    pack_noise (N_PACK,)."""

    pool: Float
    gauge: Float
    level: Float
    warm: Float
    balance: Float
    still: Float
    pack: Float
    pack_noise: Float


def fresh_pack_track() -> tuple[Float, ...]:
    """Nothing seen: the fields of `PackTrack` in their order."""
    return (
        np.zeros(5),
        np.zeros((2, 2)),
        np.zeros((2, at.N_LEVEL - 1)),
        np.zeros(6),
        np.zeros(2),
        np.full((2, STILL_DAYS), np.nan),
        np.zeros((4, N_PACK)),
        np.zeros(N_PACK),
    )


def look_at_pack(track: PackTrack, features: DayFeatures, drift: Float) -> Float:
    """Advance the figures of the pack; returns their distance from what they were at first, (N_PACK,).

    drift (n_channel, n_cell): the scores of those channels in which cells that changed their places differ
    """
    value = pack_figures(track, features)
    seen = np.isfinite(value)
    now, first, days, smooth = track.pack
    fresh = np.where(seen, value, now)
    moved = np.abs(fresh - now)
    moved[[J_ZERO, J_IDLE]] = np.nan_to_num(np.abs(track.still[:, -1] - track.still[:, -2]))  # from day to day, not from least to least
    moved = np.minimum(moved, 4.0 * np.maximum(track.pack_noise, PACK_LEAST))
    noise = np.where(days < 1.0, PACK_LEAST, track.pack_noise + 0.15 * (moved - track.pack_noise))
    track.pack_noise[:] = np.where(seen, noise, track.pack_noise)
    rate = np.where(days < LEARN_DAYS, 1.0 / (days + 1.0), SLOWEST)
    first += np.where(seen, rate * (fresh - first), 0.0)
    unit = np.maximum(PACK_LEAST, track.pack_noise)
    score = np.where(days < LEARN_DAYS, 0.0, np.clip((fresh - first) / unit, -CAP, CAP))
    smooth += np.where(seen, SMOOTH * (score - smooth), 0.0)
    smooth[J_GAIN] = _gain(smooth * unit, unit, days, track.gauge)
    smooth[J_ORDER] = cell_order(drift)
    now[:] = fresh
    now[[J_GAIN, J_ORDER]] = smooth[[J_GAIN, J_ORDER]]
    days += seen
    return np.asarray(smooth.copy())


def _gain(gone: Float, unit: Float, days: Float, gauge: Float) -> float:
    """A current that reads too high makes the capacity look larger and the resistance smaller by the same share. Age moves either
    alone, and the weather: they must agree, and count by what they have in common, in standard deviations."""
    left = unit * np.sqrt(SMOOTH / (2.0 - SMOOTH))
    told = []
    if days[J_COUNTED] > LEARN_DAYS[J_COUNTED]:
        told.append((float(gone[J_COUNTED]), max(float(left[J_COUNTED]), COUNTED_LEAST)))
    if gauge[0, 1] >= GAUGE_ENOUGH and gauge[1, 1] >= GAUGE_FIRST and (gauge[:, 0] > 0.0).all():
        lately, at_first = np.log(gauge[:, 0] / gauge[:, 1])
        told.append((float(lately - at_first), GAUGE_LEAST))
    if not told or days[J_OHM] <= LEARN_DAYS[J_OHM]:
        return 0.0
    sure = sum(1.0 / error**2 for _, error in told)
    charge = sum(value / error**2 for value, error in told) / np.sqrt(sure)
    ohm = -float(gone[J_OHM]) / max(float(left[J_OHM]), OHM_LEAST)
    gain = np.sign(charge) * np.sqrt(2.0 * charge * ohm) if charge * ohm > 0.0 else 0.0
    return float(gain if gain > 0.0 else LIKE_AGE * gain)


def _learn_gauge(gauge: Float, day: Float, scale_ah: float) -> None:
    """Add a day to the sums of the charge counted and of what the management's gauge rose by."""
    more = np.array([day[at.D_GAUGE_AH] / scale_ah, day[at.D_GAUGE_SOC]])
    if more[1] < 0.03:
        return
    gauge[0] = GAUGE_KEEP * gauge[0] + more
    if gauge[1, 1] < GAUGE_FIRST:
        gauge[1] += more
    else:
        gauge[1] = (gauge[1] + GAUGE_LATER * more) * gauge[1, 1] / (gauge[1, 1] + GAUGE_LATER * more[1])


def cell_order(drift: Float) -> float:
    """How strange the strangest stretch of neighbours is, in which all have changed but not together: the root of the mean square
    of their drifts, about 1 in a healthy pack."""
    n_cell = drift.shape[1]
    if n_cell < 2 * BLOCK_CELLS:
        return 0.0
    z = np.clip(drift, -Z_MOST, Z_MOST)
    rows = np.lib.stride_tricks.sliding_window_view(z, BLOCK_CELLS, axis=1)
    apart = np.minimum((rows - np.median(rows, axis=2, keepdims=True)) ** 2, Z_MOST)
    # A single cell that moved makes no disorder: the two largest of a stretch do not count.
    inner = np.sort(apart, axis=2)[:, :, :-2].mean(axis=2)
    return float(np.sqrt(inner.mean(axis=0).max()))


def pack_figures(track: PackTrack, features: DayFeatures) -> Float:
    """The day's value of each of PACK, NaN where it says nothing. Adds the day to the sums of `track`."""
    day = features.day
    out = np.full(N_PACK, np.nan)
    if day[at.D_ZERO_WEIGHT] >= 60.0:
        out[J_ZERO] = _least_load(track.still[J_ZERO], day[at.D_ZERO_A] / day[at.D_ZERO_WEIGHT])
    if day[at.D_STILL_WEIGHT] >= 200.0 and day[at.D_STILL_A] < CHARGES * features.scale_ah * day[at.D_STILL_WEIGHT]:
        out[J_IDLE] = _least_load(track.still[J_IDLE], day[at.D_STILL_A] / day[at.D_STILL_WEIGHT])
    if day[at.D_BALANCE_S] >= 6.0 * 3600.0:
        out[J_BALANCE] = _unbalanced(track.balance, day, features.scale_ah) / (day[at.D_BALANCE_S] / 3600.0)
    warm_c = day[at.D_TEMP] / max(day[at.D_PROBE_N], 1.0) if day[at.D_PROBE_N] > 0 else 25.0
    if day[at.D_INS_WEIGHT] >= 300.0:
        out[J_INSULATION] = day[at.D_INS_LN] / day[at.D_INS_WEIGHT] + 0.015 * (warm_c - 25.0)
    if day[at.D_OUT_WEIGHT] > 0.0:
        track.pool *= 0.8
        track.pool += day[at.D_OUT_WEIGHT : at.D_OUT_VA + 1]
        weight, sum_a, sum_aa, sum_v, sum_va = track.pool
        swing = sum_aa - sum_a**2 / weight
        if swing > OUTSIDE_SWING * 3600.0 * features.scale_ah**2:
            out[J_OUTSIDE] = (sum_va - sum_v * sum_a / weight) / swing / features.ohm
    if day[at.D_STEP_AA] > 20.0 * (0.1 * features.scale_ah) ** 2 and day[at.D_STEP_VA] > 0.0:
        ln_ohm = np.log(day[at.D_STEP_VA] / day[at.D_STEP_AA] * features.scale_ah / OHM_AH)
        out[J_OHM] = _at_one_warmth(track.warm, float(ln_ohm), 1.0 / (273.15 + warm_c) - 1.0 / 298.15, track.pack[2, J_OHM])
    _learn_gauge(track.gauge, day, features.scale_ah)
    if features.kind != "LFP":  # between the voltages of a flat curve the charge is anyone's guess
        out[J_COUNTED] = _counted(track.level, day[at.D_LEVEL : at.D_LEVEL + at.N_LEVEL])
    return out


def _least_load(days: Float, seen_a: float) -> float:
    """The least current of the last days, with today's added, NaN before there were as many: what a car draws while awake, and what a
    slow charge that nobody told of brings, comes and goes; a sensor's zero stays."""
    days[:-1] = days[1:]
    days[-1] = seen_a
    return float(days[np.argmin(np.abs(days))]) if np.isfinite(days).all() else float("nan")


def _unbalanced(balance: Float, day: Float, scale_ah: float) -> float:
    """Charge (Ah) that was counted beyond what the curve tells, once what goes with the change of charge itself (a capacity that is not
    the rated one, a gain of the sensor) is taken from it."""
    change, beyond_ah = float(day[at.D_BALANCE_SOC]), float(day[at.D_BALANCE_AH])
    balance += change * change, change * beyond_ah
    share = np.clip(balance[1] / (balance[0] + BALANCE_DOUBT) / scale_ah, -BALANCE_MOST, BALANCE_MOST)
    return float(beyond_ah - share * scale_ah * change)


def _at_one_warmth(warm: Float, ln_ohm: float, inverse: float, days: float) -> float:
    """The logarithm of the resistance brought to the warmth of the first days, by a rise that is learnt of the pack itself."""
    if days < LEARN_DAYS[J_OHM]:
        warm[0] += (inverse - warm[0]) / (days + 1.0)
    warm[1:] += 1.0, inverse, ln_ohm, inverse * inverse, inverse * ln_ohm
    n, x, y, xx, xy = warm[1:]
    rise = (xy - x * y / n + WARM_DOUBT * WARM_K) / (xx - x * x / n + WARM_DOUBT)
    return float(ln_ohm - np.clip(rise, 0.4 * WARM_K, 2.0 * WARM_K) * (inverse - warm[0]))


def _counted(level: Float, passed: Float) -> float:
    """Logarithm of the charge counted between the voltages that a slow charge passed, against what it took at first."""
    charge, times = level
    step = np.where((passed[1:] > 0.0) & (passed[:-1] > 0.0), passed[1:] - passed[:-1], 0.0)
    told = (step > 0.0) & (times >= 3.0)
    usual = float(charge[told].sum())
    value = float(np.clip(np.log(step[told].sum() / usual), -0.2, 0.2)) if usual >= WINDOW_LEAST else float("nan")
    learning = (step > 0.0) & (times < WINDOW_DAYS)
    charge[learning] += (step[learning] - charge[learning]) / (times[learning] + 1.0)
    times[step > 0.0] += 1.0
    return value
