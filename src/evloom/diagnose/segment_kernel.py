"""One pass over the frames of a pack for its health: conditions, charge counted, rests, charge windows, steps of current. Compiled.

The pass stops where a rest ends or a charge window is over, so that its state is that of this very frame, whatever the chunks.
"""

import numpy as np

from evloom.diagnose.segment_cells import (
    STEP_C,
    STEP_S,
    add_rest,
    add_step,
    add_window,
    cells_mean,
    fold_day,
    keep_cells,
    note_insulation,
    probe_mean,
    start_window,
)
from evloom.diagnose.segment_places import (
    AC,
    BALANCING,
    BLED_AH,
    BLEED_S,
    BRANCH,
    C_BLED,
    C_REST,
    CHARGE_AT,
    COUNT_AH,
    COUNT_H,
    COUNT_S,
    COUNT_VAR,
    DAY,
    DRIVE,
    FAST,
    FIRST_AT,
    HIGH_V,
    IDLE,
    KM,
    LAST_A,
    LAST_AT,
    LAST_N,
    LAST_SOC,
    LAST_V,
    LOAD_AT,
    N_BACK,
    N_FRAME,
    N_LEAPT,
    N_REST,
    N_SKIPPED,
    OFF_A,
    OFF_AA,
    OFF_N,
    REST,
    REST_AGE,
    REST_I,
    REST_N,
    REST_V,
    SCALE_AH,
    SEEN_DAYS,
    TEMP_AT,
    TEMP_C,
    TURNED_AH,
    W_FAST,
    W_N,
    W_OPEN,
    WAKE,
)  # fmt: skip
from evloom.diagnose.segment_sums import Columns, Sums
from evloom.kernel.compiled import compiled, lean
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import CLOCK_JUMP, CORRUPT, CURRENT_ABSENT, CURRENT_RANGE, DUPLICATE_TIME, OUT_OF_ORDER, STALE

SKIP = STALE | DUPLICATE_TIME | OUT_OF_ORDER | CLOCK_JUMP | CURRENT_ABSENT | CURRENT_RANGE | CORRUPT
DAY_S = 86400.0
GAP_S = 300.0  # longer than this without frames is a gap
HOLE_S = 1800.0  # a charge that was not heard of for longer is two charges
PAUSE_S = 600.0  # a charge that pauses for longer is over
RELAXED_S = 1800.0
RESTING_C = 0.02  # less current than this share of the capacity is no load
CHARGE_C = 0.02
FAST_C = 0.35
SLEEP_S = 1200.0
DRAWN_A = 0.25  # readings of a parked car this far below the others are what it draws while awake
DRAWN_FORGET, DRAWN_WEIGHT = 0.1, 0.05
LEAP_V, LEAP_OHM_AH, LEAP_SLOPE_V = 0.012, 0.5, 6.0  # noise; resistance times capacity when very cold; slope of the steepest end
MOST_LEAPT = 2.0
HIGH_PULL = 0.1  # the highest voltage is one that stays for some frames
BLED_A = 0.06  # current of passive balancing, of the size usual in cars

MORE, RESTED, CHARGED = 0, 1, 2
"""Why the pass stopped: no more frames; before this frame a rest ended; before this frame a charge window was over."""


@lean
def run(columns: Columns, sums: Sums, start: int) -> tuple[int, int]:
    """Take in frames from row `start` on; returns (row of the next frame, why it stopped)."""
    scalar, at_s, current_a, flags = sums.scalar, columns.at_s, columns.current_a, columns.flags
    before = -1  # row of the frame before, where it is one of these
    stop, why = len(at_s), MORE
    for i in range(start, len(at_s)):
        if (flags[i] & SKIP) != 0 or not np.isfinite(current_a[i]) or not _is_later(scalar, at_s[i]):
            scalar[N_SKIPPED] += 1.0
            continue
        why = _take(columns, sums, i, before)
        if why != MORE:
            stop = i
            break
        before = i
    if before >= 0:
        keep_cells(columns.cell_v[before], columns.cell_flags[before], sums.cell, int(scalar[LAST_N]))
    return stop, why


@lean
def _is_later(scalar: Float, at_s: float) -> bool:
    """Whether a frame is later than the last one, or the clock was wrong before."""
    if not np.isfinite(at_s):
        return False
    if not at_s <= scalar[LAST_AT]:
        scalar[N_BACK] = 0.0
        return True
    scalar[N_BACK] += 1.0
    if scalar[LAST_AT] - at_s > DAY_S and scalar[N_BACK] > 30.0:
        # What was counted in between is not known any more.
        scalar[LAST_AT] = at_s - 10.0
        scalar[DAY] = np.floor(at_s / DAY_S)
        scalar[LOAD_AT] = at_s
        scalar[CHARGE_AT] = at_s
        scalar[TEMP_AT] = -np.inf
        scalar[COUNT_VAR] += (0.2 * scalar[SCALE_AH]) ** 2
        return True
    return False


@lean
def _take(columns: Columns, sums: Sums, i: int, before: int) -> int:
    """Add one frame, unless something has to be looked at before."""
    scalar, open_ = sums.scalar, sums.window
    at_s, current_a, soc, speed = columns.at_s[i], columns.current_a[i], columns.soc[i], columns.speed_km_per_h[i]
    passed = at_s - scalar[LAST_AT]
    c_rate = current_a / scalar[SCALE_AH]
    stands = not speed > 0.5
    status = columns.charging[i]
    charges = stands and c_rate > CHARGE_C and (status == 1 or status == -1 or status == 3)
    if open_[W_OPEN] > 0.0 and _is_over(scalar, (at_s, passed, c_rate, charges, stands)):
        return CHARGED
    loaded = not stands or abs(c_rate) > RESTING_C or charges
    change = soc - scalar[LAST_SOC]
    unseen = passed > GAP_S and scalar[N_FRAME] > 0.0 and abs(change) > 0.015
    if scalar[REST_N] > 0.0 and (loaded or unseen):
        return RESTED
    if scalar[N_FRAME] > 0.0:
        _count(scalar, open_[W_OPEN] > 0.0, (current_a, passed, speed, change, unseen))
    if loaded or unseen or scalar[N_FRAME] == 0.0:
        scalar[LOAD_AT] = at_s
    _look(columns, sums, i, before, (passed, c_rate, loaded, charges))
    return MORE


@lean
def _look(columns: Columns, sums: Sums, i: int, before: int, now: tuple[float, float, bool, bool]) -> None:
    """What the frame shows: temperature once a minute, cells, conditions; now = (time passed, rate, loaded, charges)."""
    passed, c_rate, loaded, charges = now
    scalar, at_s, current_a = sums.scalar, columns.at_s[i], columns.current_a[i]
    if np.floor(at_s / DAY_S) != scalar[DAY]:
        _day(sums, at_s)
    if at_s - scalar[TEMP_AT] >= 60.0:
        scalar[TEMP_AT] = at_s
        scalar[TEMP_C] = probe_mean(columns.probe_c[i], columns.probe_flags[i])
        note_insulation(sums.insulation, columns.insulation_ohm[i], columns.flags[i], scalar[TEMP_C])
    mean_v, n_valid = cells_mean(columns.cell_v[i], columns.cell_flags[i])
    balancing = columns.balancing[i]
    kind = _kind(scalar, sums.window[W_FAST] > 0.0, (at_s, passed, loaded, charges, c_rate, balancing))
    if passed <= GAP_S:
        sums.hours[kind] += passed / 3600.0
    if n_valid > 0:
        stepped = passed <= STEP_S and scalar[LAST_N] > 0.0 and abs(current_a - scalar[LAST_A]) > STEP_C * scalar[SCALE_AH]
        if stepped:
            if before >= 0:
                keep_cells(columns.cell_v[before], columns.cell_flags[before], sums.cell, int(scalar[LAST_N]))
            add_step(columns.cell_v[i], columns.cell_flags[i], sums.cell, sums.steps, scalar, (mean_v, current_a, columns.soc[i], n_valid))
        if charges:
            if sums.window[W_OPEN] == 0.0:
                start_window(columns, sums, i, mean_v)
            leapt = _leapt(scalar, sums.window[W_N], (mean_v, current_a, passed))
            add_window(columns, sums, i, (mean_v, passed, c_rate > FAST_C, leapt))
            mean_v = scalar[LAST_V] if leapt else mean_v
        elif not loaded and at_s - scalar[LOAD_AT] >= RELAXED_S:
            share = _rest(scalar, at_s, current_a, mean_v)
            add_rest(columns.cell_v[i], columns.cell_flags[i], sums.cell[C_REST], (mean_v, share, n_valid))
        if balancing > 0:
            _bleed(columns, sums, i, passed)
        high = scalar[HIGH_V] if scalar[HIGH_V] > 0.0 else mean_v
        scalar[HIGH_V] = high + HIGH_PULL * max(mean_v - high, 0.0)
    _remember(scalar, (at_s, current_a, columns.soc[i], mean_v, n_valid))


@lean
def _leapt(scalar: Float, n_frame: float, now: tuple[float, float, float]) -> bool:
    """Whether the mean voltage leaves its course within a charge as none can, for a frame or two: an old frame under a new time, or cells
    and pack read apart. now = (mean voltage, current, time passed)."""
    mean_v, current_a, passed = now
    scale_ah, last_v = scalar[SCALE_AH], scalar[LAST_V]
    most_v = LEAP_V + LEAP_OHM_AH / scale_ah * abs(current_a - scalar[LAST_A])
    most_v += LEAP_SLOPE_V * max(abs(current_a), abs(scalar[LAST_A])) / scale_ah * passed / 3600.0
    leapt = n_frame > 0.0 and passed <= GAP_S and np.isfinite(last_v) and abs(mean_v - last_v) > most_v and scalar[N_LEAPT] < MOST_LEAPT
    scalar[N_LEAPT] = scalar[N_LEAPT] + 1.0 if leapt else 0.0
    return bool(leapt)


@lean
def _is_over(scalar: Float, now: tuple[float, float, float, bool, bool]) -> bool:
    """Whether the open charge window is over before this frame; now = (time, time passed, rate, charges, stands)."""
    at_s, passed, c_rate, charges, stands = now
    if passed > HOLE_S or not stands or c_rate < -CHARGE_C:
        return True
    return not charges and at_s - scalar[CHARGE_AT] > PAUSE_S


@lean
def _count(scalar: Float, in_window: bool, now: tuple[float, float, float, float, bool]) -> None:
    """Count the charge since the last frame, and how far the count may be off; now = (current, time passed, speed, change of the
    management's charge, whether that shows use unseen)."""
    current_a, passed, speed, change, unseen = now
    last_a, scale_ah = scalar[LAST_A], scalar[SCALE_AH]
    scalar[COUNT_S] += passed
    added_ah = 0.5 * (current_a + last_a) * passed / 3600.0
    if passed <= GAP_S:
        scalar[COUNT_AH] += added_ah
        scalar[COUNT_H] += passed / 3600.0
        scalar[COUNT_VAR] += (0.4 * (current_a - last_a) * passed / 3600.0) ** 2 + (1e-4 * added_ah) ** 2
        scalar[TURNED_AH] += abs(added_ah)
        if speed > 0.5:
            scalar[KM] += speed * passed / 3600.0
        return
    if in_window and current_a > 0.0:
        scalar[COUNT_AH] += added_ah
        scalar[COUNT_VAR] += (0.1 * added_ah) ** 2
        return
    if unseen:
        added_ah = change * scale_ah
        scalar[COUNT_AH] += added_ah
        scalar[COUNT_VAR] += (0.3 * added_ah) ** 2 + (0.03 * scale_ah) ** 2
        return
    # Asleep: a little leaks away, and the first and the last minutes of use may be missing: the management's charge bounds them.
    scalar[COUNT_VAR] += (0.003 * scale_ah * passed / (30.0 * DAY_S)) ** 2
    if np.isfinite(change):
        scalar[COUNT_VAR] += (0.003 * scale_ah) ** 2
        return
    scalar[COUNT_VAR] += (0.01 * scale_ah) ** 2
    if abs(last_a) > RESTING_C * scale_ah or abs(current_a) > RESTING_C * scale_ah:
        scalar[COUNT_VAR] += (0.3 * min(passed, 1800.0) / 3600.0 * (abs(last_a) + abs(current_a))) ** 2


@compiled
def _day(sums: Sums, at_s: float) -> None:
    """Close the day: this frame is the first of another."""
    scalar = sums.scalar
    if not np.isfinite(scalar[FIRST_AT]):
        scalar[FIRST_AT] = at_s
    if np.isfinite(scalar[DAY]):
        fold_day(sums)
    scalar[DAY] = np.floor(at_s / DAY_S)
    scalar[SEEN_DAYS] += 1.0


@lean
def _kind(scalar: Float, in_fast: bool, now: tuple[float, float, bool, bool, float, int]) -> int:
    """The condition of a frame; now = (time, time passed, loaded, charges, rate, cells being bled)."""
    at_s, passed, loaded, charges, c_rate, balancing = now
    if charges:
        return FAST if c_rate > FAST_C or in_fast else AC
    if loaded:
        return DRIVE
    if balancing > 0:
        return BALANCING
    if passed > SLEEP_S:
        scalar[REST_I] = at_s  # it woke up
    if at_s - scalar[REST_I] < GAP_S:
        return WAKE
    return REST if at_s - scalar[LOAD_AT] >= RELAXED_S else IDLE


@lean
def _rest(scalar: Float, at_s: float, current_a: float, mean_v: float) -> float:
    """Note a relaxed frame: the last ones count most. Returns what this one counts."""
    share = 1.0 if scalar[REST_N] == 0.0 else max(0.1, 1.0 / (1.0 + scalar[REST_N]))
    scalar[N_REST] += 1.0 if scalar[REST_N] == 0.0 else 0.0
    scalar[REST_N] += 1.0
    scalar[REST_V] = mean_v if share == 1.0 else scalar[REST_V] + share * (mean_v - scalar[REST_V])
    scalar[REST_AGE] = at_s - scalar[LOAD_AT]
    _offset(scalar, current_a)
    return share


@lean
def _offset(scalar: Float, current_a: float) -> None:
    """The mean current while parked, of the last thousand frames or so. A car that is awake draws some, and none ever charges: what is
    below the rest by more than noise says little, and what is above it says that the rest was drawn."""
    above = current_a - scalar[OFF_A] / scalar[OFF_N] if scalar[OFF_N] > 0.0 else 0.0
    keep = 1.0 - (DRAWN_FORGET if above > DRAWN_A else 1.0 / 1000.0)
    weight = DRAWN_WEIGHT if above < -DRAWN_A else 1.0
    scalar[OFF_N] = keep * scalar[OFF_N] + weight
    scalar[OFF_A] = keep * scalar[OFF_A] + weight * current_a
    scalar[OFF_AA] = keep * scalar[OFF_AA] + weight * current_a**2


@compiled
def _bleed(columns: Columns, sums: Sums, i: int, passed: float) -> None:
    """Balancing tells how many cells are bled: the highest, by what every management does. Looked at every ten minutes."""
    scalar, bled = sums.scalar, sums.cell[C_BLED]
    scalar[BLEED_S] += min(passed, GAP_S)
    if scalar[BLEED_S] < 600.0:
        return
    row = columns.cell_v[i]
    count = min(int(columns.balancing[i]), len(row))
    least = np.sort(row)[len(row) - count]
    for k in range(len(row)):
        if row[k] >= least:
            bled[k] += BLED_A * scalar[BLEED_S] / 3600.0
    scalar[BLED_AH] += BLED_A * scalar[BLEED_S] / 3600.0 * count
    scalar[BLEED_S] = 0.0


@lean
def _remember(scalar: Float, now: tuple[float, float, float, float, int]) -> None:
    """Keep what the next frame is compared with; now = (time, current, management's charge, mean voltage, good cells)."""
    at_s, current_a, soc, mean_v, n_valid = now
    scalar[N_FRAME] += 1.0
    scalar[LAST_AT], scalar[LAST_A], scalar[LAST_N], scalar[LAST_V] = at_s, current_a, n_valid, mean_v
    if np.isfinite(soc):
        scalar[LAST_SOC] = soc
    if abs(current_a) > RESTING_C * scalar[SCALE_AH]:
        scalar[BRANCH] = 1.0 if current_a > 0.0 else -1.0
