"""How a block of ten minutes goes into the sums of a day: the deviation of every cell with what could explain it. Compiled."""

from typing import NamedTuple

import numpy as np

from evloom.diagnose.evidence_curve import FLAT_V, KNEE_V, along, bend, charge_at, kind_of, rest_tells
from evloom.diagnose.evidence_places import (
    B_A,
    B_BLED,
    B_C,
    B_CC,
    B_COND,
    B_CP,
    B_FROM,
    B_P,
    B_PP,
    B_Q,
    B_SOC,
    B_V,
    B_WEIGHT,
    C_BLED,
    C_CD,
    C_D,
    C_K0,
    C_LESS,
    C_LOW,
    C_PD,
    C_R0,
    C_REST,
    C_SHOULDER,
    CHARGE,
    CHEMISTRY,
    D_BALANCE_AH,
    D_BALANCE_S,
    D_BALANCE_SOC,
    D_BLED_S,
    D_CAP_AH,
    D_CAP_SOC,
    D_CHARGE_S,
    D_COLD_CHARGE_S,
    D_DRIVE_S,
    D_FAST_CHARGE_S,
    D_REST_S,
    D_REST_SOC,
    D_REST_SS,
    D_REST_WEIGHT,
    D_SHOULDER_P,
    D_SHOULDER_Q,
    D_SHOULDER_S,
    D_SHOULDER_WEIGHT,
    D_SOC_MAX,
    D_SOC_MIN,
    D_STILL_A,
    D_STILL_WEIGHT,
    D_ZERO_A,
    D_ZERO_WEIGHT,
    DRIVE,
    HIGH_V,
    IDLE,
    LAST_SOC,
    N_LEVEL,
    N_SCALAR,
    N_TRACE,
    OHM,
    READY,
    RESIDUAL_V,
    REST,
    REST_AT,
    REST_SOC,
    SCALE_AH,
    SHOULDER,
    SINCE_AH,
    T_Q,
    T_V,
    TEMP_C,
    TRACE_N,
)  # fmt: skip
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

DAY_S = 86400.0
BLOCK_S = 600.0
STEEP_V = 1.2  # V per unit of charge: beyond, the slope itself is hardly known and changes within a block
WEIGHT_MAX_S = 60.0  # a frame stands for at most a minute
GAP_S = 300.0  # longer than this without frames is a gap
STILL_S = 200.0  # standing for so long is no stop at a light
SLOPE_V, SLOPE_Q = 0.006, 0.03  # a slope is read off a stretch of the trace of so many volts, or so much charge
TRACED_LEAST_V = 0.26  # less is flat
AHEAD_V = 3.0  # V per unit
MOVED_MOST = 0.12  # share of the capacity that one block may tell
BLUR_V, FAR_V = 0.004, 0.02
LFP_TOP_V, LFP_STEEP_V = 3.355, 0.3  # V, V per unit: an LFP cell beyond either tells its charge, and nothing of an offset of its wire
ZERO_UP, ZERO_DOWN = 0.7, 0.02  # how far a block at rest moves the day's zero of the current, towards less load and towards more
NEARLY_FULL = 0.88  # below, no cell of a pack is at its top yet
FLOOR_V = 0.2  # V per unit of charge: a charge's trace rises at least so much, or noise would look like charge
TRACED_V = 0.8  # V per unit of charge: the same for a slope that the charge itself shows
SLOPE_SHARE, DOUBT_V = 0.02, 0.0015  # a slope read off a table is off by what it changes over 2.5 % charge, for cells 2 % apart
EMPTY = 0.25  # under this a cell may fall that is no worse than it was yesterday
FAST_SIGMA, FAST_LEAST_V = 12.0, 0.05  # a cell that leaves the pack within a day, in multiples of the pack's spread and in volts


class Sums(NamedTuple):
    """The running sums, changed in place; places in `evidence_places`. scalar ends with the trace (2, N_TRACE) of the charge that is
    going on; normal (5, 5) of the day; curve_v (3, n_point + N_LEVEL) of the chemistries. Few arrays: each costs time at every call."""

    scalar: Float
    block: Float
    day: Float
    normal: Float
    cell: Float
    probe: Float
    curve_v: Float


@compiled
def fold(sums: Sums) -> bool:
    """Close the block: its sums go into those of the day. True where a cell left the pack."""
    scalar, block = sums.scalar, sums.block
    width = block[B_WEIGHT]
    condition = int(block[B_COND])
    mean_v = block[B_V] / width
    if scalar[CHEMISTRY] < 0.0 and condition != CHARGE:
        scalar[HIGH_V] = max(scalar[HIGH_V], mean_v)
    kind = kind_of(scalar)
    rest_v = mean_v - scalar[OHM] * (block[B_A] + 0.5 * scalar[SCALE_AH] * block[B_P]) / width
    soc, slope = charge_at(rest_v, block[B_SOC] / width, sums.curve_v[kind, :-N_LEVEL])
    middle = _block_cells(sums, (condition, soc, slope))
    is_fast = _residual(sums, (soc, slope, middle))
    _block_pack(sums, (condition, soc, slope))
    block[:] = 0.0
    sums.cell[: C_LESS + 1] = 0.0
    return is_fast


@compiled
def _block_cells(sums: Sums, now: tuple[int, float, float]) -> float:
    """Fold the cells' sums; now = (condition, charge, slope). Leaves each cell's mean in its first row; returns their median."""
    condition = now[0]
    block, cell = sums.block, sums.cell
    width = block[B_WEIGHT]
    n = cell.shape[1]
    for k in range(n):
        seen = width - cell[C_LESS, k]
        share = width / seen if seen > 0.3 * width else 0.0
        cell[C_D, k] *= share
        cell[C_CD, k] *= share
        cell[C_PD, k] *= share
    if condition in (REST, DRIVE, CHARGE):
        _equations(sums, now)
    counts = rest_tells(kind_of(sums.scalar), now[1], now[2], sums.curve_v)
    for k in range(n):
        if condition == REST and counts:
            cell[C_REST, k] += cell[C_D, k]
        elif condition == SHOULDER and counts:
            cell[C_SHOULDER, k] += cell[C_D, k]
        cell[C_D, k] /= width
    _bleed(sums)
    return float(np.median(cell[C_D]))


@compiled
def _equations(sums: Sums, now: tuple[int, float, float]) -> None:
    """Add the block to the day's equations of each cell; now = (condition, charge, slope of the curve)."""
    condition, soc, slope = now
    block, cell, normal, kind = sums.block, sums.cell, sums.normal, kind_of(sums.scalar)
    width = block[B_WEIGHT]
    share_c, share_p = block[B_C] / width, block[B_P] / width
    traced = _traced_slope(sums) if condition == CHARGE else 0.0
    is_top, slope = _at_top(sums, soc, max(slope, traced)), traced if traced > 0.0 else slope
    if traced == 0.0 and (is_top or (kind == 1 and slope > KNEE_V)):
        return
    if traced > 0.0:
        trust = 1.0 / BLOCK_S / (1.0 + (slope / TRACED_V) ** 2)
        told = _unbent(sums, slope)
    else:
        # Where the curve is steep its error counts most: a block says the less of a cell, the steeper the curve is there.
        trust = 1.0 / BLOCK_S / (1.0 + (slope / STEEP_V) ** 4) / (1.0 + (bend(kind, soc, sums.curve_v) * SLOPE_SHARE / DOUBT_V) ** 2)
        told = cell[C_D].copy()
    by_charge = slope * (soc - 0.5)
    x = (0.0 if is_top else width, slope * width, by_charge * width, block[B_C], block[B_P])
    for j in range(5):
        normal[0, j] += (0.0 if is_top else x[j]) * trust
        normal[1, j] += slope * x[j] * trust
        normal[2, j] += by_charge * x[j] * trust
    normal[3, 3] += block[B_CC] * trust
    normal[3, 4] += block[B_CP] * trust
    normal[4, 4] += block[B_PP] * trust
    for k in range(cell.shape[1]):
        d, more = told[k] * trust, (told[k] - cell[C_D, k]) * trust
        cell[C_R0, k] += 0.0 if is_top else d
        cell[C_R0 + 1, k] += slope * d
        cell[C_R0 + 2, k] += by_charge * d
        cell[C_R0 + 3, k] += cell[C_CD, k] * trust + share_c * more
        cell[C_R0 + 4, k] += cell[C_PD, k] * trust + share_p * more


@compiled
def _at_top(sums: Sums, soc: float, slope: float) -> bool:
    """Whether cells of an LFP pack are where the curve turns steep: there a deviation is charge, however little an offset fits it."""
    scalar, block, cell = sums.scalar, sums.block, sums.cell
    kind = kind_of(scalar)
    if kind != 1 or soc < NEARLY_FULL:
        return False
    width = block[B_WEIGHT]
    bare_v = (block[B_V] - scalar[OHM] * (block[B_A] + 0.5 * scalar[SCALE_AH] * block[B_P])) / width
    return bool(slope > LFP_STEEP_V or bare_v + np.max(cell[C_D]) / width > LFP_TOP_V)


@compiled
def _traced_slope(sums: Sums) -> float:
    """Slope (V per unit) that the charge itself shows where the block lies, 0 where it is flat or too little was seen."""
    scalar, trace = sums.scalar, sums.scalar[N_SCALAR:].reshape(2, N_TRACE)
    n = int(scalar[TRACE_N])
    middle = sums.block[B_Q] / sums.block[B_WEIGHT]
    if n < 4 or middle > trace[T_Q, n - 1] + 0.01:
        return 0.0
    low = min(max(int(np.searchsorted(trace[T_Q, :n], middle)) - 1, 0), n - 2)
    high = low + 1
    while trace[T_V, high] - trace[T_V, low] < SLOPE_V and trace[T_Q, high] - trace[T_Q, low] < SLOPE_Q and (low > 0 or high < n - 1):
        low, high = max(low - 1, 0), min(high + 1, n - 1)
    slope = (trace[T_V, high] - trace[T_V, low]) / max(trace[T_Q, high] - trace[T_Q, low], 1e-4)
    return float(slope) if slope > TRACED_LEAST_V else 0.0


@compiled
def _unbent(sums: Sums, slope: float) -> Float:
    """Sums of the cells' deviations as they were, were the curve straight: a cell that stays behind by some charge is where the pack
    was when it had taken in that much less."""
    scalar, cell, block = sums.scalar, sums.cell, sums.block
    trace = scalar[N_SCALAR:].reshape(2, N_TRACE)
    n, width = int(scalar[TRACE_N]), block[B_WEIGHT]
    at_q = block[B_Q] / width
    at_v = along(at_q, trace[T_Q], trace[T_V], n)
    middle = float(np.median(cell[C_D])) / width
    ahead_v = max(along(trace[T_Q, n - 1], trace[T_Q], trace[T_V], n) - at_v, 0.0)
    ahead_q = max(trace[T_Q, n - 1] - at_q, 0.0)
    told = np.empty(cell.shape[1])
    for k in range(cell.shape[1]):
        d = cell[C_D, k] / width - middle
        if d > ahead_v:  # where the pack has not been yet: the curve may turn steep there
            moved = ahead_q + (d - ahead_v) / max(slope, AHEAD_V)
        else:
            # One that is far below may lie on a flat part, where a millivolt of its wire would be much charge.
            d += BLUR_V * min(1.0, (d / FAR_V) ** 2) if d < 0.0 else 0.0
            moved = along(at_v + d, trace[T_V], trace[T_Q], n) - at_q
        told[k] = width * (middle + slope * min(max(moved, -MOVED_MOST), MOVED_MOST))
    return told


@compiled
def _bleed(sums: Sums) -> None:
    """Balancing tells how many cells are bled: the highest ones, by what every management does."""
    block, cell = sums.block, sums.cell
    count = int(np.round(block[B_BLED] / block[B_WEIGHT]))
    if count <= 0:
        return
    width = block[B_WEIGHT]
    count = min(count, cell.shape[1])
    least = np.sort(cell[C_D])[cell.shape[1] - count]
    for k in range(cell.shape[1]):
        if cell[C_D, k] >= least:
            cell[C_BLED, k] += width
    sums.day[D_BLED_S] += width


@compiled
def _residual(sums: Sums, now: tuple[float, float, float]) -> bool:
    """Compare the block with what each cell's past says of it; now = (charge, slope, median). True where a cell left the pack."""
    scalar, block, cell = sums.scalar, sums.block, sums.cell
    if scalar[READY] < 1.0 or block[B_WEIGHT] < 100.0:
        return False
    soc, slope, middle = now
    if min(soc, scalar[LAST_SOC]) < EMPTY or not rest_tells(kind_of(scalar), soc, slope, sums.curve_v):
        return False  # on a knee every cell bends at a charge of its own, and a small or drained one long before its pack
    width = block[B_WEIGHT]
    c_rate, low_c, by_charge = block[B_C] / width, block[B_P] / width, slope * (soc - 0.5)
    n = cell.shape[1]
    left = np.empty(n)
    for k in range(n):
        told = (
            cell[C_K0, k]
            + slope * cell[C_K0 + 1, k]
            + by_charge * cell[C_K0 + 2, k]
            + c_rate * cell[C_K0 + 3, k]
            + low_c * cell[C_K0 + 4, k]
        )
        left[k] = (cell[C_D, k] - middle - told) / (1.0 + slope / STEEP_V) if cell[C_LESS, k] < 0.5 * width else 0.0
    spread = np.median(np.abs(left))
    scalar[RESIDUAL_V] += 0.02 * (spread - scalar[RESIDUAL_V])
    least = max(FAST_LEAST_V, FAST_SIGMA * 1.4826 * max(scalar[RESIDUAL_V], spread))
    found = False
    for k in range(n):
        low = cell[C_LOW, k]
        # Two blocks one after the other: the less of both must be beyond the limit.
        if low < -least and left[k] < -least:
            found = True
        cell[C_LOW, k] = min(left[k], 0.0)
    return found


@compiled
def _block_pack(sums: Sums, now: tuple[int, float, float]) -> None:
    """Fold what is known of the pack as a whole; now = (condition, charge, slope)."""
    scalar, block, day = sums.scalar, sums.block, sums.day
    condition, soc, slope = now
    width = block[B_WEIGHT]
    day[D_SOC_MIN] = min(day[D_SOC_MIN], soc)
    day[D_SOC_MAX] = max(day[D_SOC_MAX], soc)
    if condition == CHARGE:
        day[D_CHARGE_S] += width
        if scalar[TEMP_C] < 10.0:
            day[D_COLD_CHARGE_S] += width
        if block[B_C] / width > 0.35:
            day[D_FAST_CHARGE_S] += width
    elif condition == DRIVE:
        day[D_DRIVE_S] += width
    if condition in (SHOULDER, IDLE) and width >= STILL_S:
        day[D_STILL_WEIGHT] += width
        day[D_STILL_A] += block[B_A]
    counts = rest_tells(kind_of(scalar), soc, slope, sums.curve_v)
    if condition == SHOULDER and counts:
        day[D_SHOULDER_WEIGHT] += width
        day[D_SHOULDER_S] += width * slope
        day[D_SHOULDER_Q] += width * slope * (soc - 0.5)
        day[D_SHOULDER_P] += block[B_P]
    elif condition == REST and counts:
        day[D_REST_WEIGHT] += width
        day[D_REST_S] += width * slope
        day[D_REST_SS] += width * slope * slope
        day[D_REST_SOC] += width * soc
    if condition == REST:
        _zero_current(day, block[B_A] / width, width)
        if slope > 2.0 * FLAT_V:
            _balance_charge(sums, soc)


@compiled
def _zero_current(day: Float, seen_a: float, width: float) -> None:
    """What an awake parked car draws is one-sided and differs by habit: the least load of the day tells the sensor's zero."""
    before = day[D_ZERO_WEIGHT]
    level_a = day[D_ZERO_A] / before if before > 0.0 else seen_a
    level_a += (ZERO_UP if seen_a > level_a else ZERO_DOWN) * (seen_a - level_a)
    day[D_ZERO_WEIGHT] = before + width
    day[D_ZERO_A] = level_a * (before + width)


@compiled
def _balance_charge(sums: Sums, soc: float) -> None:
    """At rest: compare the charge counted since the last rest with the change that the curve tells."""
    scalar, day = sums.scalar, sums.day
    at_s = sums.block[B_FROM]
    since_s = at_s - scalar[REST_AT]
    if since_s < 900.0:
        return
    if since_s < 4.0 * DAY_S:
        change = soc - scalar[REST_SOC]
        day[D_BALANCE_AH] += scalar[SINCE_AH] - change * scalar[SCALE_AH]
        day[D_BALANCE_S] += since_s
        day[D_BALANCE_SOC] += change
        if abs(change) > 0.08:
            day[D_CAP_AH] += scalar[SINCE_AH] if change > 0.0 else -scalar[SINCE_AH]
            day[D_CAP_SOC] += abs(change)
    scalar[REST_AT], scalar[REST_SOC], scalar[SINCE_AH] = at_s, soc, 0.0
