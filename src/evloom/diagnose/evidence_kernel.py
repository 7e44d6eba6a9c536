"""One pass over the frames of a pack: sums by block of ten minutes, folded into sums of the day. Everything here is compiled.

A cell's deviation is its voltage less the mean of its frame. A faulty cell moves that mean, but by the same in all cells, so what
is left after the median over the cells is taken from every sum does not depend on it.
"""

from typing import NamedTuple

import numpy as np

from evloom.diagnose.evidence_block import BLOCK_S, DAY_S, GAP_S, WEIGHT_MAX_S, Sums, fold
from evloom.diagnose.evidence_pack import add_pack, probes, same_since
from evloom.diagnose.evidence_places import (
    B_A,
    B_BLED,
    B_C,
    B_CC,
    B_COND,
    B_CP,
    B_FROM,
    B_N,
    B_P,
    B_PP,
    B_SOC,
    B_V,
    B_WEIGHT,
    C_BAD,
    C_CD,
    C_D,
    C_LAST,
    C_LESS,
    C_NOISE,
    C_PAIR,
    C_PD,
    CHARGE,
    CHARGED_AT,
    D_FRAMES,
    D_GAUGE_AH,
    D_GAUGE_SOC,
    D_NOISE_N,
    DAY,
    DRIVE,
    FIRST_AT,
    HEAT,
    IDLE,
    LAST_A,
    LAST_AT,
    LAST_SOC,
    LAST_V,
    LOAD_AT,
    LOW_C,
    N_BACK,
    N_FRAME,
    N_SKIPPED,
    REST,
    REST_AT,
    SCALE_AH,
    SHOULDER,
    SINCE_AH,
)  # fmt: skip
from evloom.diagnose.evidence_rest import hear
from evloom.diagnose.evidence_trace import note
from evloom.kernel.compiled import lean
from evloom.kernel.timegrid import Float, Int
from evloom.vehicle.telemetry import (
    CLOCK_JUMP,
    CURRENT_ABSENT,
    CURRENT_RANGE,
    DUPLICATE_TIME,
    INSULATION_PLACEHOLDER,
    OUT_OF_ORDER,
    STALE,
    Float32,
    FrameFlag,
    ReadingFlag,
)  # fmt: skip

SKIP = STALE | DUPLICATE_TIME | OUT_OF_ORDER | CLOCK_JUMP | CURRENT_ABSENT | CURRENT_RANGE
LOW_PASS_S = 600.0
HEAT_S = 1800.0
RELAXED_S = 1800.0  # polarisation is gone after half an hour for our purpose
REST_C_RATE, SLOW_C_RATE = 0.05, 0.015  # the second: less into a car that stands is no slow charge, where nobody tells what it does
STEADY_C_RATE = 0.02  # boxes read cells one after the other: where the current changes by more, neighbours differ by that alone
BLOCK_Q, BLOCK_V = 0.03, 0.01  # a block of a charge ends where this share of the capacity went in, or the voltage left its mean
SHOULDER_S = 7200.0  # plated lithium dissolves within two hours of a charge

MORE, NEW_DAY, FAST = 0, 1, 2
"""Why the kernel returned: the frames are used up, a day is over before this frame, a cell left the pack."""


class Columns(NamedTuple):
    """The columns of `Frames` that are looked at."""

    at_s: Float
    current_a: Float
    pack_v: Float
    soc: Float
    speed_km_per_h: Float
    charging: Int
    insulation_ohm: Float
    balancing: Int
    cell_v: Float32
    probe_c: Float32
    flags: FrameFlag
    cell_flags: ReadingFlag
    probe_flags: ReadingFlag


@lean
def run(columns: Columns, sums: Sums, start: int) -> tuple[int, int]:
    """Take in frames from row `start` on; returns (row of the next frame, why it stopped)."""
    scalar = sums.scalar
    for i in range(start, len(columns.at_s)):
        at_s = columns.at_s[i]
        if not _usable(scalar, at_s, (columns.flags[i] & SKIP) != 0 or not np.isfinite(columns.current_a[i])):
            scalar[N_SKIPPED] += 1.0
            continue
        if np.floor(at_s / DAY_S) > scalar[DAY]:
            if scalar[DAY] >= 0.0:
                if sums.block[B_WEIGHT] > 0.0 and fold(sums):
                    return i, FAST
                return i, NEW_DAY
            scalar[DAY] = np.floor(at_s / DAY_S)
            scalar[FIRST_AT] = at_s
        if _take(columns, sums, i):
            return i + 1, FAST
    return len(columns.at_s), MORE


@lean
def _usable(scalar: Float, at_s: float, doubted: bool) -> bool:
    """Whether the frame is one to compute with: not doubted as a whole, and later than the last one."""
    if doubted:
        return False
    if at_s > scalar[LAST_AT]:
        scalar[N_BACK] = 0.0
        return True
    scalar[N_BACK] += 1.0
    if scalar[LAST_AT] - at_s > DAY_S and scalar[N_BACK] > 30.0:
        # The clock was wrong before, not now: half a minute of frames says so. The day goes on under its new date.
        scalar[DAY] = np.floor(at_s / DAY_S)
        scalar[LAST_AT] = at_s - 10.0
        scalar[REST_AT] = np.nan
        return True
    return False


@lean
def _condition(scalar: Float, at_s: float, said: tuple[float, float, float, int], gap: bool) -> int:
    """What the pack is doing, and when it was last loaded or charged; said = (current as a rate, speed, state of charge, status)."""
    c_rate, speed, soc, status = said
    stands = not speed > 0.5
    if gap and np.isfinite(soc) and abs(soc - scalar[LAST_SOC]) > 0.015:
        scalar[LOAD_AT] = at_s  # it was used while nothing was heard of it
        if soc > scalar[LAST_SOC]:
            scalar[CHARGED_AT] = at_s
    if stands and c_rate > 0.005 and (status == 1 or (status == -1 and c_rate > (SLOW_C_RATE if speed <= 0.5 else REST_C_RATE))):
        scalar[LOAD_AT] = at_s
        scalar[CHARGED_AT] = at_s
        return CHARGE
    if not stands or abs(c_rate) > REST_C_RATE:
        scalar[LOAD_AT] = at_s
        return DRIVE
    if at_s - scalar[CHARGED_AT] < SHOULDER_S and scalar[CHARGED_AT] >= scalar[LOAD_AT] - 1.0:
        return SHOULDER
    if at_s - scalar[LOAD_AT] >= RELAXED_S:
        return REST
    return IDLE


@lean
def _take(columns: Columns, sums: Sums, i: int) -> bool:
    """Add one frame to the block, which is closed first where its time or its condition is over. True where a cell left the pack."""
    scalar, block, day = sums.scalar, sums.block, sums.day
    at_s, current_a, soc = columns.at_s[i], columns.current_a[i], columns.soc[i]
    row, c_rate = columns.cell_v[i], current_a / scalar[SCALE_AH]
    passed = at_s - scalar[LAST_AT]
    gap = not passed <= GAP_S
    condition = _condition(scalar, at_s, (c_rate, columns.speed_km_per_h[i], soc, columns.charging[i]), gap)
    steady = passed <= WEIGHT_MAX_S and condition != DRIVE and condition == block[B_COND]
    steady &= abs(current_a - scalar[LAST_A]) < STEADY_C_RATE * scalar[SCALE_AH]
    is_fast, moved = False, condition == CHARGE and _moved(scalar, block, at_s, current_a)
    if block[B_WEIGHT] > 0.0 and (condition != block[B_COND] or gap or moved or at_s - block[B_FROM] >= BLOCK_S):
        is_fast = fold(sums)
    if block[B_WEIGHT] == 0.0:
        block[B_COND], block[B_FROM] = condition, at_s
        probes(sums, columns.probe_c[i], columns.probe_flags[i])
    weight = min(passed, WEIGHT_MAX_S) if np.isfinite(passed) else 10.0
    keep = np.exp(-passed / LOW_PASS_S) if not gap else 0.0
    scalar[LOW_C] = keep * scalar[LOW_C] + (1.0 - keep) * (0.0 if gap else c_rate)
    keep = np.exp(-passed / HEAT_S) if np.isfinite(passed) else 0.0
    scalar[HEAT] = keep * scalar[HEAT] + (1.0 - keep) * (0.0 if gap else c_rate * c_rate)
    mean_v, n_valid = _cells(sums.cell, day, row, columns.cell_flags[i], (weight, c_rate, scalar[LOW_C], steady))
    if n_valid == len(row) > 0 or condition != REST:
        hear(sums, row, condition == REST and not columns.balancing[i] > 0, (at_s, passed, mean_v, soc))
    scalar[N_FRAME], day[D_FRAMES] = scalar[N_FRAME] + 1.0, day[D_FRAMES] + 1.0
    if condition == CHARGE and np.isfinite(soc - scalar[LAST_SOC]) and not gap:
        day[D_GAUGE_AH] += current_a * passed / 3600.0
        day[D_GAUGE_SOC] += soc - scalar[LAST_SOC]
    if n_valid > 0:
        if block[B_COND] == CHARGE:
            note(sums, row, at_s, (weight, c_rate, mean_v, passed))
        _frame(scalar, block, (current_a, soc, columns.balancing[i]), (weight, c_rate, mean_v, passed))
        ohm = columns.insulation_ohm[i] if (columns.flags[i] & INSULATION_PLACEHOLDER) == 0 else np.nan
        outside_v = columns.pack_v[i] - mean_v * len(row) if n_valid == len(row) else np.nan
        same = same_since(scalar, at_s, current_a, passed)
        add_pack(scalar, day, (current_a, outside_v if same else np.nan, ohm), (weight, mean_v, passed))
    scalar[LAST_AT], scalar[LAST_SOC] = at_s, soc
    return is_fast


@lean
def _moved(scalar: Float, block: Float, at_s: float, current_a: float) -> bool:
    """Whether a block of a charge has come so far that the curve bends within it."""
    if (at_s - block[B_FROM]) * current_a >= BLOCK_Q * 3600.0 * scalar[SCALE_AH]:
        return True
    return bool(block[B_WEIGHT] > 0.0 and abs(scalar[LAST_V] - block[B_V] / block[B_WEIGHT]) > BLOCK_V)


@lean
def _cells(cell: Float, day: Float, row: Float32, flags: ReadingFlag, now: tuple[float, float, float, bool]) -> tuple[float, int]:
    """Add the cells' deviations; now = (weight, current, low-passed current, whether the frame before is alike). Mean and valid cells."""
    n = len(row)
    doubted = 0
    for k in range(n):
        doubted |= flags[k] | (1 if not (row[k] > 1.0 and row[k] < 5.0) else 0)
    if doubted != 0:
        return _doubted_cells(cell, row, flags, now)
    a0, a1, a2, a3 = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for k in range(0, whole, 4):
        a0 += row[k]
        a1 += row[k + 1]
        a2 += row[k + 2]
        a3 += row[k + 3]
    for k in range(whole, n):
        a0 += row[k]
    mean_v = (a0 + a1 + a2 + a3) / n
    _add(cell, row, mean_v, now)
    day[D_NOISE_N] += 1.0 if now[3] else 0.0
    return mean_v, n


@lean
def _add(cell: Float, row: Float32, mean_v: float, now: tuple[float, float, float, bool]) -> None:
    """Add a row of cells of which none is doubted; now as in `_cells`."""
    weight, c_rate, low_c, near = now
    n = len(row)
    sum_d, sum_cd, sum_pd, last, noise, pair = cell[C_D], cell[C_CD], cell[C_PD], cell[C_LAST], cell[C_NOISE], cell[C_PAIR]
    by_current, by_low = weight * c_rate, weight * low_c
    if near:
        before = 0.0
        for k in range(n):
            d = row[k] - mean_v
            e = d - last[k]
            noise[k] += e * e
            pair[k] += e * before
            before = e
            last[k] = d
            sum_d[k] += weight * d
            sum_cd[k] += by_current * d
            sum_pd[k] += by_low * d
    else:
        for k in range(n):
            d = row[k] - mean_v
            last[k] = d
            sum_d[k] += weight * d
            sum_cd[k] += by_current * d
            sum_pd[k] += by_low * d


@lean
def _doubted_cells(cell: Float, row: Float32, flags: ReadingFlag, now: tuple[float, float, float, bool]) -> tuple[float, int]:
    """The same for a frame in which some cells are doubted: those are left out, with the weight that they lack."""
    weight, c_rate, low_c, _ = now
    total, n_valid = 0.0, 0
    for k in range(len(row)):
        if flags[k] == 0 and row[k] > 1.0 and row[k] < 5.0:
            total += row[k]
            n_valid += 1
    if 4 * n_valid < 3 * len(row) or n_valid == 0:
        return 0.0, 0
    mean_v = total / n_valid
    for k in range(len(row)):
        if flags[k] == 0 and row[k] > 1.0 and row[k] < 5.0:
            d = row[k] - mean_v
            cell[C_LAST, k] = d
            cell[C_D, k] += weight * d
            cell[C_CD, k] += weight * c_rate * d
            cell[C_PD, k] += weight * low_c * d
        else:
            cell[C_LESS, k] += weight
            cell[C_BAD, k] += 1.0
    return mean_v, n_valid


@lean
def _frame(scalar: Float, block: Float, said: tuple[float, float, int], now: tuple[float, float, float, float]) -> None:
    """Add the frame to its block; said = (current, state of charge, cells being bled), now = (weight, current as a rate, mean of the
    cells, time since the frame before)."""
    current_a, soc, bled = said
    weight, c_rate, mean_v, passed = now
    low_c = scalar[LOW_C]
    block[B_WEIGHT] += weight
    block[B_N] += 1.0
    block[B_V] += weight * mean_v
    block[B_A] += weight * current_a
    block[B_C] += weight * c_rate
    block[B_P] += weight * low_c
    block[B_CC] += weight * c_rate * c_rate
    block[B_CP] += weight * c_rate * low_c
    block[B_PP] += weight * low_c * low_c
    block[B_SOC] += weight * soc
    if bled > 0:
        block[B_BLED] += weight * bled
    if passed <= GAP_S:
        scalar[SINCE_AH] += current_a * passed / 3600.0
    elif abs(soc - scalar[LAST_SOC]) > 0.006:
        scalar[REST_AT] = np.nan  # charge flowed unseen: nothing to balance until the next rest
