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
    N_SEEN,
    NEWEST_AT,
    NEWEST_ODOMETER,
    OFFSET,
    OFFSET_SCALE,
    OTHER_AT,
    RING,
    RING_AT,
)
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int
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


class Columns(NamedTuple):
    """The columns of `Frames` that the kernels read and write, and the bits of `cell_v`."""

    at_s: Float
    known_at_s: Float
    current_a: Float
    pack_v: Float
    soc: Float
    speed_km_per_h: Float
    odometer_km: Float
    charging: Int
    insulation_ohm: Float
    cell_v: Float32
    probe_c: Float32
    flags: FrameFlag
    cell_flags: ReadingFlag
    probe_flags: ReadingFlag
    cell_bits: NDArray[np.uint32]


class State(NamedTuple):
    """The arrays of `quality_state.Carry`, in its order."""

    frame: Float
    cell: Float32
    cell_at: Float
    probe: Float32
    probe_at: Float
    ring: NDArray[np.uint64]
    ring_at: Float


@compiled
def flag_rows(rows: Columns, state: State) -> None:
    """Set the flags of every row and bring `state` to the last row."""
    keys = _keys(rows.cell_v.shape[1])
    frame = state.frame
    for i in range(len(rows.at_s)):
        at_s = rows.at_s[i]
        flags = rows.flags[i] | _clock(at_s, rows.known_at_s[i], frame) | _range(rows, i)
        gap_s = at_s - frame[LAST_AT]
        n_changed, n_bad, n_sound, corrupt, total_v = flag_cells(rows.cell_v[i], rows.cell_flags[i], state, at_s, gap_s)
        corrupt = flag_probes(rows.probe_c[i], rows.probe_flags[i], state, at_s) or corrupt
        digest = _digest(rows, i, keys)
        flags |= _stale(rows, i, state, digest, n_changed)
        flags |= _odometer(rows.odometer_km[i], gap_s, frame)
        if corrupt:
            flags |= np.uint32(CORRUPT)
        elif n_bad == 0 and n_sound > 0:
            flags |= _sum(total_v - rows.pack_v[i], rows.pack_v[i], frame)
        _idle(rows, i, state, n_changed, gap_s)
        rows.flags[i] = flags
        _remember(rows, i, state, digest)
        if n_sound > 0:
            frame[LAST_MEAN] = total_v / n_sound


@compiled
def _keys(n_cell: int) -> NDArray[np.uint32]:
    """Two odd multipliers a cell, for the digest (2, n_cell)."""
    keys = np.empty((2, n_cell), dtype=np.uint32)
    word = np.uint64(0x9E3779B97F4A7C15)
    for row in range(2):
        for c in range(n_cell):
            word = word * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            keys[row, c] = np.uint32((word >> np.uint64(33)) | np.uint64(1))
    return keys


@compiled
def _digest(rows: Columns, i: int, keys: NDArray[np.uint32]) -> np.uint64:
    """A number of everything that a repeated frame repeats: cells, current, voltage, charge, odometer and speed."""
    bits = rows.cell_bits[i]
    one, two = np.uint32(1), np.uint32(2)
    for c in range(len(bits)):
        one += bits[c] * keys[0, c]
        two += (bits[c] >> np.uint32(7)) * keys[1, c] + bits[c]
    word = (np.uint64(one) << np.uint64(32)) | np.uint64(two)
    for value in (rows.current_a[i], rows.pack_v[i], rows.soc[i], rows.odometer_km[i], rows.speed_km_per_h[i]):
        scaled = np.int64(value * 1000.0) if abs(value) < 1e12 else np.int64(-1)
        word = (word ^ np.uint64(scaled)) * np.uint64(0x9FB21C651E98DF25)
        word ^= word >> np.uint64(29)
    return word


@compiled
def _clock(at_s: float, known_at_s: float, frame: Float) -> np.uint32:
    """Flags of the instant; another clock is taken on when it has held for long enough."""
    flags = np.uint32(LATE) if known_at_s - at_s > LATE_S else np.uint32(0)
    if at_s == frame[LAST_AT]:
        flags |= np.uint32(DUPLICATE_TIME)
    newest_s = frame[NEWEST_AT]
    ahead_s = at_s - newest_s
    if np.isnan(newest_s) or 0.0 <= ahead_s <= JUMP_AHEAD_S:
        frame[NEWEST_AT] = at_s
        frame[N_OTHER] = 0.0
        return flags
    if -JUMP_BACK_S <= ahead_s < 0.0:
        return flags | np.uint32(OUT_OF_ORDER)
    other_s = frame[OTHER_AT]
    follows = frame[N_OTHER] > 0.0 and 0.0 <= at_s - other_s <= JUMP_AHEAD_S
    frame[N_OTHER] = frame[N_OTHER] + 1.0 if follows else 1.0
    frame[OTHER_AT] = at_s
    if frame[N_OTHER] >= N_NEW_CLOCK:
        frame[NEWEST_AT] = at_s
        frame[N_OTHER] = 0.0
    return flags | np.uint32(CLOCK_JUMP)


@compiled
def _range(rows: Columns, i: int) -> np.uint32:
    """Flags of single values of the frame: absent, impossible, or a placeholder."""
    flags = np.uint32(0)
    current_a, pack_v, soc = rows.current_a[i], rows.pack_v[i], rows.soc[i]
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
    if rows.charging[i] < 0:
        flags |= np.uint32(STATUS_NULL)
    if _is_placeholder(rows.insulation_ohm[i]):
        flags |= np.uint32(INSULATION_PLACEHOLDER)
    return flags


@compiled
def _is_placeholder(insulation_ohm: float) -> bool:
    """Ends of scales that boxes send for "not measured": 5 Mohm, 11,520 kohm (measured), 0xFFFE and 0xFFFF kohm, 60 Mohm, 0 and less."""
    kilo = insulation_ohm / 1000.0
    for known in (5000.0, 11520.0, 60000.0, 65534.0, 65535.0):
        if abs(kilo - known) < 0.01:
            return True
    return kilo <= 0.0


@compiled
def _stale(rows: Columns, i: int, state: State, digest: np.uint64, n_changed: int) -> np.uint32:
    """STALE where an earlier frame comes again although something shows that the car was not at rest in between."""
    frame = state.frame
    found, before = -1, (int(frame[RING_AT]) + RING - 1) % RING
    for k in range(RING):
        if state.ring[k] == digest:
            found = k
    if found < 0 or frame[N_SEEN] == 0.0 or rows.at_s[i] <= frame[LAST_AT]:
        return np.uint32(0)
    moving = rows.speed_km_per_h[i] > SPEED_MOVING_KM_PER_H
    if found == before:
        rests_s = rows.at_s[i] - state.ring_at[found]
        return np.uint32(STALE) if moving and rests_s >= REPEAT_S else np.uint32(0)
    moving = moving or frame[LAST_SPEED] > SPEED_MOVING_KM_PER_H
    told = rows.odometer_km[i] < frame[NEWEST_ODOMETER] or abs(rows.soc[i] - frame[LAST_SOC]) > 0.0
    told = told or abs(rows.current_a[i] - frame[LAST_CURRENT]) > CURRENT_STEP_A
    told = told or (moving and n_changed >= max(2, rows.cell_v.shape[1] // 8))
    return np.uint32(STALE) if told else np.uint32(0)


@compiled
def _odometer(odometer_km: float, gap_s: float, frame: Float) -> np.uint32:
    """ODOMETER_DOUBT where it is 0, went back, or went further than a car can; a new reading that stays is believed."""
    if np.isnan(odometer_km):
        return np.uint32(0)
    newest_km = frame[NEWEST_ODOMETER]
    reach_km = ODOMETER_STEP_KM + max(gap_s, 0.0) / 3600.0 * SPEED_MAX_KM_PER_H
    if odometer_km > 0.0 and (np.isnan(newest_km) or 0.0 <= odometer_km - newest_km <= reach_km or frame[N_ODOMETER] >= N_NEW_ODOMETER):
        frame[NEWEST_ODOMETER] = odometer_km
        frame[N_ODOMETER] = 0.0
        return np.uint32(0)
    if odometer_km > 0.0:
        frame[N_ODOMETER] += 1.0
    return np.uint32(ODOMETER_DOUBT)


@compiled
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


@compiled
def _idle(rows: Columns, i: int, state: State, n_changed: int, gap_s: float) -> None:
    """All cells are stuck when none has moved while more than IDLE_MAX_AH went through the pack."""
    frame = state.frame
    if n_changed > 0 or np.isnan(gap_s):
        frame[IDLE_AH] = 0.0
    elif gap_s > 0.0 and not np.isnan(rows.current_a[i]):
        frame[IDLE_AH] += abs(rows.current_a[i]) * min(gap_s, 300.0) / 3600.0
    if frame[IDLE_AH] > IDLE_MAX_AH:
        for c in range(rows.cell_v.shape[1]):
            rows.cell_flags[i, c] |= np.uint8(CELL_STUCK)


@compiled
def _remember(rows: Columns, i: int, state: State, digest: np.uint64) -> None:
    """Bring the memory to row i; a digest that is repeated at once keeps the instant at which it was first seen."""
    frame = state.frame
    before = (int(frame[RING_AT]) + RING - 1) % RING
    if frame[N_SEEN] == 0.0 or state.ring[before] != digest:
        state.ring[int(frame[RING_AT])] = digest
        state.ring_at[int(frame[RING_AT])] = rows.at_s[i]
        frame[RING_AT] = (frame[RING_AT] + 1.0) % RING
    frame[LAST_AT] = rows.at_s[i]
    frame[LAST_CURRENT] = rows.current_a[i]
    frame[LAST_SOC] = rows.soc[i]
    frame[LAST_SPEED] = rows.speed_km_per_h[i]
    frame[N_SEEN] += 1.0
