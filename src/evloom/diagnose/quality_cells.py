"""The compiled part of `quality` that looks at single cells and probes of one frame."""

import numpy as np
from numpy.typing import NDArray

from evloom.diagnose.quality_state import ORIGIN_S
from evloom.kernel.compiled import lean
from evloom.vehicle.telemetry import (
    CELL_ABSENT,
    CELL_JUMP,
    CELL_RANGE,
    CELL_SENTINEL,
    CELL_STUCK,
    PROBE_ABSENT,
    PROBE_RANGE,
    PROBE_SENTINEL,
    PROBE_STUCK,
    Float32,
    ReadingFlag,
)

CELL_LOW_V, CELL_HIGH_V = np.float32(0.5), np.float32(4.8)  # no lithium or sodium cell that still works is outside
SENTINEL_ONE_V = np.float32(1.28)  # measured in field data
SENTINEL_FIVE_V = np.float32(5.0)  # measured in field data: the end of the scale
SENTINEL_FROM_V = np.float32(59.9)  # 60.001 and more cannot be said by GB/T 32960.3; 0xFFFE, 0xFFFF mV, with 1 V more in one car
STUCK_V = np.float32(0.1)  # the mean of the pack moved so far while the cell did not move at all
STUCK_S = 60.0  # boxes send cells up to 20 s apart (measured)
JUMP_V = np.float32(0.8)  # more than a bad connection loses at full current
JUMP_NEAR_V = np.float32(0.3)
JUMP_GAP_S = 120.0
N_NEW_FAULT = 200  # a cell that has been unusable for longer is a dead channel; its frame is no longer called corrupt
PROBE_LOW_C, PROBE_HIGH_C = np.float32(-40.0), np.float32(125.0)  # GB/T 32960.3 can say -40..210
PROBE_STUCK_C = np.float32(10.0)
PROBE_STUCK_S = 3600.0


Seconds = NDArray[np.int32]
Now = tuple[np.int32, float, np.float32, np.float32]
When = tuple[float, float, float]
"""Instant of the frame, seconds since the one before, mean of its cells."""


@lean
def flag_cells(row: Float32, flags: ReadingFlag, cell: Float32, cell_at: Seconds, when: When) -> tuple[int, int, int, bool, float]:
    """Flag one row of cells and remember it.

    Returns how many changed, how many cannot be used, how many can, whether some became unusable lately, and the sum of the usable.
    """
    last_mean, second = np.float32(when[2]), _second(when[0])
    last, mean_at = cell[0], cell[1]
    n_sound, n_changed, total_e4 = _count(row, last)
    mean = np.float32(total_e4 * 1e-4 / n_sound) if n_sound > 0 else last_mean
    apart = _follow(row, last, mean_at, cell_at, (second, mean, mean - last_mean))
    n_bad = len(row) - n_sound
    corrupt = False
    if apart > 0 or n_bad > 0:
        corrupt = _look_closely(row, flags, cell, cell_at, (second, when[1], mean, last_mean))
    _keep(row, last)
    return int(n_changed), int(n_bad), int(n_sound), corrupt, float(total_e4 * 1e-4)


@lean
def _second(at_s: float) -> np.int32:
    """Whole seconds since ORIGIN_S, held within 32 bits."""
    return np.int32(min(max(at_s - ORIGIN_S, 0.0), 2e9))


@lean
def _count(row: Float32, last: Float32) -> tuple[np.int32, np.int32, np.int32]:
    """How many readings are usable, how many changed, and the sum of the usable in 0.1 mV. All of 32 bits: eight go at once."""
    one, none = np.int32(1), np.int32(0)
    n_sound, n_changed, total_e4 = none, none, none
    for c in range(len(row)):
        reading = row[c]
        sound = (reading > CELL_LOW_V) & (reading < CELL_HIGH_V) & (reading != SENTINEL_ONE_V)
        n_sound += one if sound else none
        n_changed += one if reading != last[c] else none
        total_e4 += np.int32(reading * np.float32(1e4) + np.float32(0.5)) if sound else none
    return n_sound, n_changed, total_e4


@lean
def _follow(row: Float32, last: Float32, mean_at: Float32, at: Seconds, now: tuple[np.int32, np.float32, np.float32]) -> np.int32:
    """Bring the pack's mean at each cell's last change, and when that was, to this row; how many cells should be looked at.

    now: the second, the mean, and how far the mean moved
    """
    second, mean, moved = now
    apart = np.int32(0)
    for c in range(len(row)):
        rests = row[c] == last[c]
        since = mean_at[c] if rests else mean
        mean_at[c] = since
        at[c] = at[c] if rests else second
        odd = (abs(mean - since) > STUCK_V) | (abs(row[c] - last[c] - moved) > JUMP_V)
        apart += np.int32(1) if odd else np.int32(0)
    return apart


@lean
def _keep(row: Float32, last: Float32) -> None:
    for c in range(len(row)):
        last[c] = row[c]


@lean
def _look_closely(row: Float32, flags: ReadingFlag, cell: Float32, cell_at: Seconds, now: Now) -> bool:
    """Flag the cells of a row in which something is doubtful; whether one became unusable lately."""
    second, gap_s, mean, last_mean = now
    corrupt = False
    for c in range(len(row)):
        reading = row[c]
        sound = (reading > CELL_LOW_V) & (reading < CELL_HIGH_V) & (reading != SENTINEL_ONE_V)
        cell[2, c] = np.float32(0.0) if sound else min(cell[2, c] + np.float32(1.0), np.float32(1e6))
        if not sound:
            flags[c] |= _unusable(reading)
            corrupt = corrupt or (not np.isnan(reading) and cell[2, c] <= N_NEW_FAULT)
            continue
        if abs(mean - cell[1, c]) > STUCK_V and second - cell_at[c] > STUCK_S:
            flags[c] |= np.uint8(CELL_STUCK)
        near = abs(cell[0, c] - last_mean) < JUMP_NEAR_V
        if near and abs(reading - cell[0, c] - (mean - last_mean)) > JUMP_V and gap_s <= JUMP_GAP_S:
            flags[c] |= np.uint8(CELL_JUMP)
    return corrupt


@lean
def _unusable(reading: np.float32) -> np.uint8:
    if np.isnan(reading):
        return np.uint8(CELL_ABSENT)
    if reading in (np.float32(0.0), SENTINEL_ONE_V, SENTINEL_FIVE_V) or reading > SENTINEL_FROM_V:
        return np.uint8(CELL_SENTINEL)
    return np.uint8(CELL_RANGE)


@lean
def flag_probes(row: Float32, flags: ReadingFlag, probe: Float32, probe_at: Seconds, at_s: float) -> bool:
    """Flag one row of probes and remember it. Whether a reading became impossible lately (an absent probe is none of that kind)."""
    total, n_sound = np.float32(0.0), 0
    for p in range(len(row)):
        sound = (row[p] > PROBE_LOW_C) & (row[p] < PROBE_HIGH_C)
        n_sound += sound
        total += row[p] if sound else np.float32(0.0)
    mean = total / np.float32(n_sound) if n_sound > 0 else np.float32(np.nan)
    second = _second(at_s)
    if _follow_probes(row, probe[0], probe[1], probe[2], probe_at, (second, mean)) == 0:
        return False
    return _look_at_probes(row, flags, probe, probe_at, (second, mean))


@lean
def _follow_probes(row: Float32, last: Float32, mean_at: Float32, lost: Float32, at: Seconds, now: tuple[np.int32, np.float32]) -> np.int32:
    """Remember the probes and when each last changed; how many have to be looked at closely. Without branches: eight go at once."""
    second, mean = now
    one, none = np.int32(1), np.int32(0)
    odd = none
    for p in range(len(row)):
        reading = row[p]
        rests = reading == last[p]
        since = mean_at[p] if rests else mean
        mean_at[p] = since
        at[p] = at[p] if rests else second
        last[p] = last[p] if rests else reading
        sound = (reading > PROBE_LOW_C) & (reading < PROBE_HIGH_C)
        lost[p] = np.float32(0.0) if sound else lost[p]
        odd += none if sound & (not abs(mean - since) > PROBE_STUCK_C) else one
    return odd


@lean
def _look_at_probes(row: Float32, flags: ReadingFlag, probe: Float32, probe_at: Seconds, now: tuple[np.int32, np.float32]) -> bool:
    """Flag the probes of a row in which something is doubtful; whether a reading became impossible lately."""
    second, mean = now
    corrupt = False
    for p in range(len(row)):
        reading = row[p]
        if not ((reading > PROBE_LOW_C) & (reading < PROBE_HIGH_C)):
            probe[2, p] += np.float32(1.0)
            flags[p] |= _no_temperature(reading)
            corrupt = corrupt or (reading == PROBE_LOW_C and probe[2, p] <= N_NEW_FAULT)
        elif abs(mean - probe[1, p]) > PROBE_STUCK_C and second - probe_at[p] > PROBE_STUCK_S:
            flags[p] |= np.uint8(PROBE_STUCK)
    return corrupt


@lean
def _no_temperature(reading: np.float32) -> np.uint8:
    if np.isnan(reading):
        return np.uint8(PROBE_ABSENT)
    for known in (255.0, 254.0, 511.0, 510.0, 215.0, 214.0, 471.0, 470.0, -40.0):
        if reading == np.float32(known):
            return np.uint8(PROBE_SENTINEL)
    return np.uint8(PROBE_RANGE)
