"""What a parked pack says over and over again is said once a minute: frames in, those of them that tell something new out.

    told, carry = thinned(flagged, carry)

A car whose box never sleeps sends 8,640 frames a day, nine in ten of them of a pack at rest. Once a car has stood for a while without
charging, at a small and steady current, one frame a minute stands for the rest of them, unless something moves: then the frame before and
this one are both passed on, so that charge counted between frames is what it was. Frames may come in chunks of any size with equal results.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from evloom.diagnose.quality_state import (
    HELD,
    HELD_FLAGS,
    REST_FROM,
    SEEN_AT,
    TOLD_A,
    TOLD_AT,
    TOLD_BLED,
    TOLD_FLAGS,
    TOLD_SOC,
    TOLD_STATUS,
    Carry,
)
from evloom.kernel.compiled import compiled, lean
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.vehicle.telemetry import (
    CLOCK_JUMP,
    CORRUPT,
    CURRENT_ABSENT,
    CURRENT_RANGE,
    DUPLICATE_TIME,
    OUT_OF_ORDER,
    STALE,
    Float32,
    FrameFlag,
    Frames,
    Pack,
    ReadingFlag,
    joined,
)

SETTLE_S = 300.0  # a car that wakes up for less is heard whole
EACH_S = 60.0  # what a frame stands for at most
BREAK_S = 120.0  # a longer silence begins a new rest
REST_A = 3.0  # an awake parked car draws 0.3-2 A
STEP_A = 0.5
STEP_V = np.float32(0.008)  # more than the noise of a converter, far less than what a short moves within minutes
STEP_SOC = 0.004
STANDING_KM_PER_H = 0.5
UNSURE = STALE | DUPLICATE_TIME | OUT_OF_ORDER | CLOCK_JUMP | CORRUPT | CURRENT_ABSENT | CURRENT_RANGE

NUMBERS = ("at_s", "known_at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm")
STATES = ("charging", "bms_level", "balancing")


class Columns(NamedTuple):
    """The columns of `Frames` that are looked at."""

    at_s: Float
    current_a: Float
    soc: Float
    speed_km_per_h: Float
    charging: Int
    balancing: Int
    cell_v: Float32
    flags: FrameFlag
    cell_flags: ReadingFlag
    probe_flags: ReadingFlag


def thinned(flagged: Frames, carry: Carry) -> tuple[Frames, Carry]:
    """Those of the frames that tell something new, and the memory for the next ones; the first may be one that was held back before."""
    if not flagged.n:
        return flagged, carry
    rest = carry.rest.copy()
    after = replace(carry, rest=rest, told_v=carry.told_v.copy(), told_probe=carry.told_probe.copy())
    told, first = _choose(_columns_of(flagged), rest, after.told_v, after.told_probe)
    part = flagged if told.all() else flagged.part(np.flatnonzero(told))
    if first:
        part = joined([_held_frame(carry, flagged.pack), part])
    if rest[HELD] > 0.0:
        return part, _holding(after, flagged)
    return part, (_empty_handed(after) if carry.rest[HELD] > 0.0 else after)


def _columns_of(frames: Frames) -> Columns:
    return Columns(*(np.ascontiguousarray(getattr(frames, name)) for name in Columns._fields))


def _holding(carry: Carry, frames: Frames) -> Carry:
    """The memory with the last frame in it. A frame is held back only where no cell of it is doubted."""
    carry.rest[HELD_FLAGS] = frames.flags[-1]
    numbers = [getattr(frames, name)[-1] for name in NUMBERS + STATES]
    probes = np.stack([frames.probe_c[-1], frames.probe_flags[-1].astype(np.float32)])
    return replace(carry, held=np.array(numbers, dtype=np.float64), held_v=frames.cell_v[-1].copy(), held_probe=probes)


def _empty_handed(carry: Carry) -> Carry:
    """The memory with nothing in it of a frame that is held back no longer."""
    carry.rest[HELD_FLAGS] = 0.0
    return replace(carry, held=np.zeros_like(carry.held), held_v=np.zeros_like(carry.held_v), held_probe=np.zeros_like(carry.held_probe))


def _held_frame(carry: Carry, pack: Pack) -> Frames:
    """The frame that was held back."""
    one = dict(zip(NUMBERS + STATES, carry.held, strict=True))
    columns: dict[str, Any] = {name: np.array([one[name]]) for name in NUMBERS}
    columns |= {name: np.array([one[name]], dtype=np.int64) for name in STATES}
    return Frames(
        pack,
        **columns,
        cell_v=carry.held_v[None],
        probe_c=carry.held_probe[:1],
        flags=np.array([carry.rest[HELD_FLAGS]], dtype=np.uint32),
        cell_flags=np.zeros((1, pack.n_cell), dtype=np.uint8),
        probe_flags=carry.held_probe[1:].astype(np.uint8),
    )


@compiled
def _choose(columns: Columns, rest: Float, told_v: Float32, told_probe: ReadingFlag) -> tuple[Bool, bool]:
    """Which frames are passed on, and whether the one that was held back before them is."""
    told = np.zeros(len(columns.at_s), dtype=np.bool_)
    return told, _mark(columns, rest, told_v, told_probe, told)


@lean
def _mark(columns: Columns, rest: Float, told_v: Float32, told_probe: ReadingFlag, told: Bool) -> bool:
    at_s, current_a, soc, speed, charging, balancing, cell_v, flags, cell_flags, probe_flags = columns
    first = False
    for i in range(len(at_s)):
        gap_s, status = at_s[i] - rest[SEEN_AT], charging[i]
        still = abs(current_a[i]) <= REST_A and not speed[i] > STANDING_KM_PER_H and status != 1 and status != 2
        if not still or (flags[i] & UNSURE) != 0 or not 0.0 < gap_s <= BREAK_S:
            rest[REST_FROM] = at_s[i]
        news = not at_s[i] - rest[REST_FROM] >= SETTLE_S
        news = news or flags[i] != rest[TOLD_FLAGS] or status != rest[TOLD_STATUS] or balancing[i] != rest[TOLD_BLED]
        news = news or abs(current_a[i] - rest[TOLD_A]) > STEP_A or abs(soc[i] - rest[TOLD_SOC]) > STEP_SOC
        if not news:
            far, doubt = np.int32(0), np.uint8(0)
            for k in range(len(told_v)):
                far |= np.int32(0) if abs(cell_v[i, k] - told_v[k]) <= STEP_V else np.int32(1)
            for k in range(len(told_v)):
                doubt |= cell_flags[i, k]
            for k in range(len(told_probe)):
                doubt |= probe_flags[i, k] ^ told_probe[k]
            news = far != 0 or doubt != 0
        rest[SEEN_AT] = at_s[i]
        if not news and at_s[i] - rest[TOLD_AT] + gap_s <= EACH_S:
            rest[HELD] = 1.0
            continue
        if news and rest[HELD] > 0.0:
            first = first or i == 0
            told[max(i - 1, 0)] = True
        told[i] = True
        rest[HELD] = 0.0
        rest[TOLD_AT], rest[TOLD_A], rest[TOLD_SOC] = at_s[i], current_a[i], soc[i]
        rest[TOLD_STATUS], rest[TOLD_BLED], rest[TOLD_FLAGS] = status, balancing[i], flags[i]
        if still:
            _note(cell_v[i], probe_flags[i], told_v, told_probe)
    return first


@lean
def _note(cells: Float32, doubts: ReadingFlag, told_v: Float32, told_probe: ReadingFlag) -> None:
    """Remember the readings of the frame that is passed on."""
    for k in range(len(told_v)):
        told_v[k] = cells[k]
    for k in range(len(told_probe)):
        told_probe[k] = doubts[k]


__all__ = ["thinned"]
