"""What one frame says of the cells: their mean, deviations at rest and in a charge window, answers to steps of current. Compiled."""

import numpy as np

from evloom.diagnose.segment_places import (
    C_LAST,
    C_STEP,
    C_STEP_AA,
    CHARGE_AT,
    DAY,
    I_A,
    I_B,
    I_DAYS,
    I_FIRST,
    I_LN,
    I_N,
    I_T,
    I_YY,
    LAST_A,
    LAST_N,
    LAST_V,
    N_BIN,
    S_AA,
    S_N,
    S_VA,
    S_VV,
    SCALE_AH,
    SEEN_DAYS,
    TEMP_C,
    W_AH,
    W_FAST,
    W_FROM,
    W_HOLE,
    W_MAX_A,
    W_N,
    W_OPEN,
    W_SOC0,
    W_SOC1,
    W_TO,
    W_V0,
    W_V1,
    W_WIDTH,
    X_A,
    X_N,
    X_Q,
    X_S,
    X_T,
    X_V,
)  # fmt: skip
from evloom.diagnose.segment_sums import Columns, Sums
from evloom.kernel.compiled import compiled, lean
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import INSULATION_PLACEHOLDER, Float32, ReadingFlag

STEP_C = 0.08  # a step of current is at least this share of the capacity
STEP_S = 45.0  # and happens within that time
FADE_DAYS = 20.0
FIRST_DAYS = 30.0
RESISTANCE_K = 2500.0  # activation energy over gas constant, about 21 kJ/mol: between the 15 and 30 kJ/mol measured on cells of cars
EMPTY_RISE, EMPTY_SOC = 0.8, 0.09  # resistance rises when empty: LG M50 and A123 by Chen et al. 2020, Prada et al. 2013


@lean
def _row_is_clean(flags: ReadingFlag) -> bool:
    total = 0
    for k in range(len(flags)):
        total |= flags[k]
    return total == 0


@lean
def is_good(flag: int, volt: float) -> bool:
    """Whether a reading of a cell counts."""
    return flag == 0 and volt > 1.0 and volt < 5.0


@lean
def cells_mean(row: Float32, flags: ReadingFlag) -> tuple[float, int]:
    """Mean of the cells that are not doubted, and how many they are; 0 of them where fewer than three quarters are left."""
    n = len(row)
    if n == 0:
        return np.nan, 0
    if _row_is_clean(flags):
        a0, a1, a2, a3, good = 0.0, 0.0, 0.0, 0.0, 0
        whole = n - n % 4
        for k in range(0, whole, 4):
            a0 += row[k]
            a1 += row[k + 1]
            a2 += row[k + 2]
            a3 += row[k + 3]
        for k in range(whole, n):
            a0 += row[k]
        mean = (a0 + a1 + a2 + a3) / n
        for k in range(n):
            good += row[k] > 1.0 and row[k] < 5.0
        if good == n:
            return mean, n
    total, count = 0.0, 0
    for k in range(n):
        if is_good(flags[k], row[k]):
            total += row[k]
            count += 1
    if 4 * count < 3 * n or count == 0:
        return np.nan, 0
    return total / count, count


@compiled
def probe_mean(row: Float32, flags: ReadingFlag) -> float:
    """Median of the probes that are not doubted, NaN where there is none."""
    good = np.empty(len(row))
    count = 0
    for k in range(len(row)):
        if flags[k] == 0 and row[k] > -40.0 and row[k] < 125.0:
            good[count] = row[k]
            count += 1
    if count == 0:
        return np.nan
    return float(np.median(good[:count]))


@lean
def resistance_factor(temp_c: float, soc: float) -> float:
    """Resistance at a temperature and charge as a multiple of that at 25 degC and half charge; NaN counts as 25 degC and half."""
    kelvin = 273.15 + (temp_c if np.isfinite(temp_c) else 25.0)
    at = soc if np.isfinite(soc) else 0.5
    half = 1.0 + EMPTY_RISE * np.exp(-0.5 / EMPTY_SOC)
    return float(np.exp(RESISTANCE_K * (1.0 / kelvin - 1.0 / 298.15)) * (1.0 + EMPTY_RISE * np.exp(-at / EMPTY_SOC)) / half)


@lean
def add_step(row: Float32, flags: ReadingFlag, cell: Float, steps: Float, scalar: Float, now: tuple[float, float, float, int]) -> None:
    """Note how the cells answer to a step of current since the last frame; now = (mean, current, management's charge, good cells)."""
    mean_v, current_a, soc, n_valid = now
    day, last = steps[0], cell[C_LAST]
    x = (current_a - scalar[LAST_A]) * resistance_factor(scalar[TEMP_C], soc)
    rise = mean_v - scalar[LAST_V]
    n = len(row)
    day[S_AA] += x * x
    day[S_VA] += rise * x
    day[S_VV] += rise * rise
    day[S_N] += 1.0
    if n_valid == n and scalar[LAST_N] == n:
        for k in range(n):
            cell[C_STEP, k] += (row[k] - last[k]) * x
            cell[C_STEP_AA, k] += x * x
    else:
        for k in range(n):
            if is_good(flags[k], row[k]) and last[k] > 0.0:
                cell[C_STEP, k] += (row[k] - last[k]) * x
                cell[C_STEP_AA, k] += x * x


@lean
def keep_cells(row: Float32, flags: ReadingFlag, cell: Float, n_valid: int) -> None:
    """Keep the voltages of a frame, 0 where they are doubted."""
    n = len(row)
    if n_valid == n:
        for k in range(n):
            cell[C_LAST, k] = row[k]
    else:
        for k in range(n):
            cell[C_LAST, k] = row[k] if is_good(flags[k], row[k]) else 0.0


@lean
def add_rest(row: Float32, flags: ReadingFlag, rest: Float, now: tuple[float, float, int]) -> None:
    """Mean deviation of each cell over a rest; now = (mean, what this frame counts, good cells). A doubted reading changes nothing."""
    mean_v, share, n_valid = now
    n = len(row)
    if n_valid == n and share != 1.0:
        for k in range(n):
            d = row[k] - mean_v
            rest[k] = rest[k] + share * (d - rest[k]) if np.isfinite(rest[k]) else d
        return
    for k in range(n):
        if share == 1.0:
            rest[k] = row[k] - mean_v if is_good(flags[k], row[k]) else np.nan
        elif is_good(flags[k], row[k]):
            d = row[k] - mean_v
            rest[k] = rest[k] + share * (d - rest[k]) if np.isfinite(rest[k]) else d


@lean
def start_window(columns: Columns, sums: Sums, i: int, mean_v: float) -> None:
    """Open a charge window where none is."""
    window = sums.window
    if window[W_OPEN] > 0.0:
        return
    window[:] = 0.0
    sums.bin[:] = 0.0
    sums.bin_cell[:] = 0.0
    window[W_OPEN], window[W_FROM], window[W_V0] = 1.0, columns.at_s[i], mean_v
    window[W_WIDTH] = sums.scalar[SCALE_AH] / 96.0
    window[W_SOC0] = columns.soc[i]


@lean
def add_window(columns: Columns, sums: Sums, i: int, now: tuple[float, float, bool, bool]) -> None:
    """Add a frame to the window; now = (mean voltage, time passed, whether the current is that of a fast charge, whether the voltage leapt:
    then its charge counts and nothing else of it)."""
    mean_v, passed, is_fast, leapt = now
    scalar, window = sums.scalar, sums.window
    at_s, current_a = columns.at_s[i], columns.current_a[i]
    if window[W_N] > 0.0:
        window[W_AH] += 0.5 * (current_a + scalar[LAST_A]) * passed / 3600.0
        if passed > 300.0:
            window[W_HOLE] += 0.5 * (current_a + scalar[LAST_A]) * passed / 3600.0
    scalar[CHARGE_AT] = at_s
    if leapt:
        return
    window[W_TO], window[W_V1], window[W_SOC1] = at_s, mean_v, columns.soc[i]
    window[W_N] += 1.0
    window[W_FAST] += 1.0 if is_fast else 0.0
    window[W_MAX_A] = max(window[W_MAX_A], current_a)
    b = int(max(window[W_AH], 0.0) / window[W_WIDTH])
    while b >= N_BIN:
        _widen(sums)
        b = int(max(window[W_AH], 0.0) / window[W_WIDTH])
    bins = sums.bin[b]
    bins[X_N] += 1.0
    bins[X_V] += mean_v
    bins[X_A] += current_a
    bins[X_T] += scalar[TEMP_C] if np.isfinite(scalar[TEMP_C]) else 25.0
    bins[X_S] += at_s - window[W_FROM]
    bins[X_Q] += window[W_AH]
    row, flags, apart = columns.cell_v[i], columns.cell_flags[i], sums.bin_cell[b]
    for k in range(len(row)):
        if is_good(flags[k], row[k]):
            apart[k] += row[k] - mean_v


@compiled
def _widen(sums: Sums) -> None:
    """Make bins twice as wide: the pack is larger than was thought."""
    half = N_BIN // 2
    for b in range(half):
        sums.bin[b] = sums.bin[2 * b] + sums.bin[2 * b + 1]
        sums.bin_cell[b] = sums.bin_cell[2 * b] + sums.bin_cell[2 * b + 1]
    sums.bin[half:] = 0.0
    sums.bin_cell[half:] = 0.0
    sums.window[W_WIDTH] *= 2.0


@lean
def note_insulation(insulation: Float, ohm: float, flags: int, temp_c: float) -> None:
    """Add a measured insulation resistance to the day, with the temperature it was measured at."""
    if not ohm > 0.0 or not np.isfinite(ohm) or (flags & INSULATION_PLACEHOLDER) != 0:
        return
    insulation[I_N] += 1.0
    insulation[I_LN] += np.log(ohm)
    insulation[I_T] += temp_c if np.isfinite(temp_c) else 25.0


@compiled
def fold_day(sums: Sums) -> None:
    """Close the day: steps of current go into the running sums, insulation into its regression over the days."""
    day, kept, first = sums.steps[0], sums.steps[1], sums.steps[2]
    keep = np.exp(-1.0 / FADE_DAYS)
    kept *= keep
    kept += day
    if sums.scalar[SEEN_DAYS] <= FIRST_DAYS:
        first += day
    day[:] = 0.0
    sums.cell[C_STEP] *= keep
    sums.cell[C_STEP_AA] *= keep
    ins = sums.insulation
    if ins[I_N] >= 5.0:
        if ins[I_DAYS] == 0.0:
            ins[I_FIRST] = sums.scalar[DAY]
        x = np.array([1.0, 0.1 * (ins[I_T] / ins[I_N] - 25.0), (sums.scalar[DAY] - ins[I_FIRST]) / 30.0])
        y = ins[I_LN] / ins[I_N]
        for j in range(3):
            for m in range(3):
                ins[I_A + 3 * j + m] += x[j] * x[m]
            ins[I_B + j] += x[j] * y
        ins[I_YY] += y * y
        ins[I_DAYS] += 1.0
    ins[I_N : I_T + 1] = 0.0
