"""The compiled rows of `quality`: one pass over the frames, in the order of their arrival."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evloom.diagnose.quality_cells import flag_cells, flag_probes
from evloom.diagnose.quality_state import (
    IDLE_AH,
    LAST_AT,
    LAST_CURRENT,
    LAST_MEAN,
    LAST_SOC,
    LAST_SPEED,
    N_ODOMETER,
    N_OFFSET,
    N_OTHER,
    NEWEST_AT,
    NEWEST_ODOMETER,
    OFFSET,
    OFFSET_SCALE,
    OTHER_AT,
    RING,
    RING_AT,
)
from evloom.kernel.compiled import compiled, lean
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import (
    CELL_STUCK,
    CLOCK_JUMP,
    CORRUPT,
    CURRENT_ABSENT,
    CURRENT_RANGE,
    DUPLICATE_TIME,
    INSULATION_PLACEHOLDER,
    LATE,
    ODOMETER_DOUBT,
    OUT_OF_ORDER,
    PACK_VOLTAGE_ABSENT,
    PACK_VOLTAGE_RANGE,
    SOC_ABSENT,
    SOC_RANGE,
    STALE,
    STATUS_NULL,
    SUM_MISMATCH,
    Float32,
    FrameFlag,
    ReadingFlag,
)

LATE_S = 600.0  # GB/T 32960.3 asks for a frame every 30 s at the latest; re-sent ones come minutes to days later
JUMP_BACK_S = 43200.0  # a box re-sends the frames of some hours; older by more than this, its clock was set
JUMP_AHEAD_S = 400 * 86400.0  # no car in use is silent for longer than a year
N_NEW_CLOCK = 60  # frames in a row by another clock, after which that clock is taken for the right one
CURRENT_MAX_A = 2000.0  # above any car's; GB/T 32960.3 can say 1000 A
PACK_MAX_V = 2000.0  # GB/T 32960.3 can say 1000 V
SPEED_MOVING_KM_PER_H = 0.5
REPEAT_S = 5.0  # a moving car whose every value rests for this long
CURRENT_STEP_A = 20.0  # a current that leaps so far does not return to every cell's earlier millivolt
ODOMETER_STEP_KM = 5.0
SPEED_MAX_KM_PER_H = 300.0
N_NEW_ODOMETER = 20
SUM_SHARE = 0.03  # of the pack's voltage. Measured: 99.8 % of a car whose cells and pack are sampled apart within 2 %
SUM_SCALES = 10.0  # mean absolute distances from the learnt offset
IDLE_MAX_AH = 10.0  # a tenth of a small car's charge moves every cell
N_SUM = 20  # frames after which the offset is known


# Columns of `Columns.signal`, one row a frame.
AT, KNOWN, CURRENT, PACK_V, SOC, SPEED, ODOMETER, INSULATION, CHARGING = range(9)
SIGNALS = ("at_s", "known_at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm", "charging")


class Columns(NamedTuple):
    """What the kernels read: `signal` (n, 9) the columns SIGNALS of `Frames`, cells and probes; `cell_bits` the bits of `cell_v`."""

    signal: Float
    cell_v: Float32
    cell_bits: NDArray[np.uint32]
    probe_c: Float32


class Flags(NamedTuple):
    """What the kernels write: flags of frames, cells and probes as in `Frames`."""

    frame: FrameFlag
    cell: ReadingFlag
    probe: ReadingFlag


class State(NamedTuple):
    """The arrays of `quality_state.Carry`, in its order."""

    frame: Float
    cell: Float32
    cell_at: NDArray[np.int32]
    probe: Float32
    probe_at: NDArray[np.int32]
    ring: NDArray[np.uint64]


Clock = tuple[float, float, float]
"""Newest believed instant, that of another clock, and how many frames in a row spoke by it."""


@compiled
def flag_rows(columns: Columns, flags: Flags, state: State) -> None:
    """Set the flags of every row and bring `state` to the last row."""
    _flag_rows(columns, flags, state, _keys(columns.cell_v.shape[1]))


@lean
def _flag_rows(columns: Columns, flags: Flags, state: State, keys: tuple[NDArray[np.uint32], NDArray[np.uint32]]) -> None:
    signal, cell_v, cell_bits, probe_c = columns
    frame_flags, cell_flags, probe_flags = flags
    frame, cell, cell_at, probe, probe_at, ring = state
    first, second = keys
    n_many = max(2, cell_v.shape[1] // 8)
    for i in range(len(signal)):
        row = signal[i]
        at_s, gap_s = row[AT], row[AT] - frame[LAST_AT]
        found, clock = _clock(at_s, row[KNOWN], gap_s, (frame[NEWEST_AT], frame[OTHER_AT], frame[N_OTHER]))
        frame[NEWEST_AT], frame[OTHER_AT], frame[N_OTHER] = clock
        n_changed, n_bad, n_sound, corrupt, total_v = flag_cells(cell_v[i], cell_flags[i], cell, cell_at, (at_s, gap_s, frame[LAST_MEAN]))
        corrupt = flag_probes(probe_c[i], probe_flags[i], probe, probe_at, at_s) or corrupt
        again, frame[RING_AT], since_s = _look_up(ring, frame[RING_AT], _digest(row, _mix(cell_bits[i], first, second)), at_s)
        if again > 0 and gap_s > 0.0:
            found |= _stale(row, frame, again == 1, since_s, n_changed >= n_many)
        doubt, frame[NEWEST_ODOMETER], frame[N_ODOMETER] = _odometer(row[ODOMETER], gap_s, frame[NEWEST_ODOMETER], frame[N_ODOMETER])
        found |= frame_flags[i] | _range(row) | doubt
        if corrupt:
            found |= np.uint32(CORRUPT)
        elif n_bad == 0 and n_sound > 0:
            found |= _sum(total_v - row[PACK_V], row[PACK_V], frame)
        if _rest_under_load(row[CURRENT], gap_s, n_changed, frame):
            for c in range(cell_v.shape[1]):
                cell_flags[i, c] |= np.uint8(CELL_STUCK)
        frame_flags[i] = found
        frame[LAST_AT], frame[LAST_CURRENT], frame[LAST_SOC], frame[LAST_SPEED] = at_s, row[CURRENT], row[SOC], row[SPEED]
        if n_sound > 0:
            frame[LAST_MEAN] = total_v / n_sound


@compiled
def _keys(n_cell: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Two odd multipliers a cell, for the digest."""
    keys = np.empty((2, n_cell), dtype=np.uint32)
    word = np.uint64(0x9E3779B97F4A7C15)
    for row in range(2):
        for c in range(n_cell):
            word = word * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            keys[row, c] = np.uint32((word >> np.uint64(33)) | np.uint64(1))
    return keys[0], keys[1]


@lean
def _digest(row: Float, word: np.uint64) -> np.uint64:
    """`word` of the cells and everything else that a repeated frame repeats: current, voltage, charge, odometer and speed."""
    for k in range(CURRENT, INSULATION):
        scaled = np.int64(np.floor(row[k] * 1e4 + 0.5)) if abs(row[k]) < 1e12 else np.int64(-1)
        word = (word ^ np.uint64(scaled)) * np.uint64(0x9FB21C651E98DF25)
        word ^= word >> np.uint64(29)
    return word


@lean
def _mix(bits: NDArray[np.uint32], first: NDArray[np.uint32], second: NDArray[np.uint32]) -> np.uint64:
    """Two sums of products, all of 32 bits so that eight go at once."""
    one, two = np.uint32(1), np.uint32(2)
    for c in range(len(bits)):
        one = np.uint32(one + np.uint32(bits[c] * first[c]))
        two = np.uint32(two + np.uint32(np.uint32(bits[c] >> np.uint32(7)) * second[c]))
    return (np.uint64(one) << np.uint64(32)) | np.uint64(two)


@lean
def _look_up(ring: NDArray[np.uint64], place: float, digest: np.uint64, at_s: float) -> tuple[int, float, float]:
    """Whether a digest is new (0), that of the frame before (1) or an earlier one (2); the next place of the ring; since when it is there.

    One that is repeated at once keeps the instant at which it was first seen; others are put at `place`.
    """
    at, found = int(place), -1
    for k in range(RING):
        if ring[0, k] == digest:
            found = k
    if found >= 0 and found == (RING - 1 if at == 0 else at - 1):
        return 1, place, float(ring[1, found]) / 1000.0
    ring[0, at] = digest
    ring[1, at] = np.uint64(max(at_s, 0.0) * 1000.0)
    return (2 if found >= 0 else 0), (0.0 if at == RING - 1 else place + 1.0), at_s


@lean
def _clock(at_s: float, known_at_s: float, gap_s: float, clock: Clock) -> tuple[np.uint32, Clock]:
    """Flags of the instant, and the clock; another clock is taken on when it has held for long enough."""
    newest_s, other_s, n_other = clock
    flags = np.uint32(LATE) if known_at_s - at_s > LATE_S else np.uint32(0)
    if gap_s == 0.0:
        flags |= np.uint32(DUPLICATE_TIME)
    ahead_s = at_s - newest_s
    if np.isnan(newest_s) or 0.0 <= ahead_s <= JUMP_AHEAD_S:
        return flags, (at_s, other_s, 0.0)
    if -JUMP_BACK_S <= ahead_s < 0.0:
        return flags | np.uint32(OUT_OF_ORDER), clock
    follows = n_other > 0.0 and 0.0 <= at_s - other_s <= JUMP_AHEAD_S
    n_other = n_other + 1.0 if follows else 1.0
    flags |= np.uint32(CLOCK_JUMP)
    return (flags, (at_s, at_s, 0.0)) if n_other >= N_NEW_CLOCK else (flags, (newest_s, at_s, n_other))


@lean
def _range(row: Float) -> np.uint32:
    """Flags of single values of the frame: absent, impossible, or a placeholder."""
    flags = np.uint32(0)
    current_a, pack_v, soc = row[CURRENT], row[PACK_V], row[SOC]
    if np.isnan(current_a):
        flags |= np.uint32(CURRENT_ABSENT)
    elif abs(current_a) > CURRENT_MAX_A:
        flags |= np.uint32(CURRENT_RANGE)
    if np.isnan(pack_v):
        flags |= np.uint32(PACK_VOLTAGE_ABSENT)
    elif not 0.0 < pack_v <= PACK_MAX_V:
        flags |= np.uint32(PACK_VOLTAGE_RANGE)
    if np.isnan(soc):
        flags |= np.uint32(SOC_ABSENT)
    elif not 0.0 <= soc <= 1.0:
        flags |= np.uint32(SOC_RANGE)
    if row[CHARGING] < 0.0:
        flags |= np.uint32(STATUS_NULL)
    if _is_placeholder(row[INSULATION]):
        flags |= np.uint32(INSULATION_PLACEHOLDER)
    return flags


@lean
def _is_placeholder(insulation_ohm: float) -> bool:
    """Ends of scales that boxes send for "not measured": 5 Mohm, 11,520 kohm (measured), 0xFFFE and 0xFFFF kohm, 60 Mohm, 0 and less."""
    kilo = insulation_ohm / 1000.0
    for known in (5000.0, 11520.0, 60000.0, 65534.0, 65535.0):
        if abs(kilo - known) < 0.01:
            return True
    return kilo <= 0.0


@lean
def _stale(row: Float, frame: Float, at_once: bool, since_s: float, is_other: bool) -> np.uint32:
    """STALE where an earlier frame comes again although something shows that the car was not at rest in between.

    at_once: it is the frame before, first seen at `since_s`; is_other: many cells differ from the frame before
    """
    moving = row[SPEED] > SPEED_MOVING_KM_PER_H
    if at_once:
        return np.uint32(STALE) if moving and row[AT] - since_s >= REPEAT_S else np.uint32(0)
    moving = moving or frame[LAST_SPEED] > SPEED_MOVING_KM_PER_H
    shown = row[ODOMETER] < frame[NEWEST_ODOMETER] or abs(row[SOC] - frame[LAST_SOC]) > 0.0
    shown = shown or abs(row[CURRENT] - frame[LAST_CURRENT]) > CURRENT_STEP_A or (moving and is_other)
    return np.uint32(STALE) if shown else np.uint32(0)


@lean
def _odometer(odometer_km: float, gap_s: float, newest_km: float, n_odd: float) -> tuple[np.uint32, float, float]:
    """ODOMETER_DOUBT where it is 0, went back, or went further than a car can; a new reading that stays is believed.

    Also the newest believed reading and how many since were not.
    """
    if np.isnan(odometer_km):
        return np.uint32(0), newest_km, n_odd
    reach_km = ODOMETER_STEP_KM + max(gap_s, 0.0) / 3600.0 * SPEED_MAX_KM_PER_H
    if odometer_km > 0.0 and (np.isnan(newest_km) or 0.0 <= odometer_km - newest_km <= reach_km or n_odd >= N_NEW_ODOMETER):
        return np.uint32(0), odometer_km, 0.0
    return np.uint32(ODOMETER_DOUBT), newest_km, (n_odd + 1.0 if odometer_km > 0.0 else n_odd)


@lean
def _sum(excess_v: float, pack_v: float, frame: Float) -> np.uint32:
    """SUM_MISMATCH where the cells are further from the pack's voltage than usual; learns what is usual from every such frame."""
    if np.isnan(excess_v):
        return np.uint32(0)
    n = frame[N_OFFSET]
    if n == 0.0:
        frame[OFFSET], frame[OFFSET_SCALE] = excess_v, 0.0
    away_v = excess_v - frame[OFFSET]
    wide_v = max(SUM_SHARE * abs(pack_v), SUM_SCALES * frame[OFFSET_SCALE])
    flagged = n >= N_SUM and abs(away_v) > wide_v
    pull = max(1.0 / (n + 1.0), 0.002)
    bound_v = away_v if n < N_SUM else min(max(away_v, -wide_v), wide_v)
    frame[OFFSET] += pull * bound_v
    frame[OFFSET_SCALE] += pull * (abs(bound_v) - frame[OFFSET_SCALE])
    frame[N_OFFSET] = n + 1.0
    return np.uint32(SUM_MISMATCH) if flagged else np.uint32(0)


@lean
def _rest_under_load(current_a: float, gap_s: float, n_changed: int, frame: Float) -> bool:
    """Whether more than IDLE_MAX_AH went through the pack while no cell moved: all of them are stuck."""
    if n_changed > 0 or np.isnan(gap_s):
        frame[IDLE_AH] = 0.0
    elif gap_s > 0.0 and not np.isnan(current_a):
        frame[IDLE_AH] += abs(current_a) * min(gap_s, 300.0) / 3600.0
    return bool(frame[IDLE_AH] > IDLE_MAX_AH)
