"""What the quality flags remember of a pack from one chunk of frames to the next."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Float32

RING = 128
"""Frames that are remembered for finding repetitions: 21 minutes at 10 s."""

ORIGIN_S = 946684800.0
"""2000-01-01: whole seconds from here fit 32 bits, which the loops over cells run on."""

# Places in `Carry.frame`.
LAST_AT, NEWEST_AT, OTHER_AT, N_OTHER = 0, 1, 2, 3
LAST_MEAN, LAST_CURRENT, LAST_SOC, LAST_SPEED = 4, 5, 6, 7
NEWEST_ODOMETER, N_ODOMETER = 8, 9
OFFSET, OFFSET_SCALE, N_OFFSET = 10, 11, 12
IDLE_AH, RING_AT = 13, 14
SIZE = 15

# Places in `Carry.rest`.
SEEN_AT, REST_FROM, TOLD_AT, TOLD_A, TOLD_SOC, TOLD_STATUS, TOLD_BLED, TOLD_FLAGS, HELD, HELD_FLAGS = range(10)
N_REST = 10
N_HELD = 11
N_FLAGGER = 6
"""So many of the memory's arrays are what the flags are set with; the others are of what a parked pack repeats (`quality_rest`)."""


@dataclass(frozen=True)
class Carry:
    """Memory of one pack's frames; `fresh` makes it, `flag` takes and returns it, `encode` and `decode` keep it.

    frame     (SIZE,) places named above
    cell      (3, n_cell) last reading, mean of the pack when it last changed, frames in a row without a usable reading
    cell_at   (n_cell,) int32, when it last changed, seconds since ORIGIN_S
    probe     (3, n_probe) and probe_at (n_probe,) the same of the probes
    ring      (2, RING) digests of the last frames, and when each was first seen in epoch milliseconds
    rest      (N_REST,) since when the pack rests, and the frame that was passed on last; told_v, told_probe its cells and probes' flags
    held      (N_HELD,) the last frame where it was held back; held_v its cells, held_probe (2, n_probe) its probes and their flags
    """

    frame: Float
    cell: Float32
    cell_at: NDArray[np.int32]
    probe: Float32
    probe_at: NDArray[np.int32]
    ring: NDArray[np.uint64]
    rest: Float
    told_v: Float32
    told_probe: NDArray[np.uint8]
    held: Float
    held_v: Float32
    held_probe: Float32


def fresh(n_cell: int, n_probe: int) -> Carry:
    """The memory before the first frame."""
    frame = np.full(SIZE, np.nan)
    frame[[N_OTHER, N_ODOMETER, N_OFFSET, IDLE_AH, RING_AT]] = 0.0
    readings = [np.full((3, n), np.nan, dtype=np.float32) for n in (n_cell, n_probe)]
    for each in readings:
        each[2] = 0.0
    ring = np.zeros((2, RING), dtype=np.uint64)
    rest = np.full(N_REST, np.nan)
    rest[[TOLD_FLAGS, HELD, HELD_FLAGS]] = 0.0
    cell_v, probe_c = np.zeros(n_cell, np.float32), np.zeros((2, n_probe), np.float32)
    flagger = (frame, readings[0], np.zeros(n_cell, np.int32), readings[1], np.zeros(n_probe, np.int32), ring)
    return Carry(*flagger, rest, cell_v, np.zeros(n_probe, np.uint8), np.zeros(N_HELD), cell_v.copy(), probe_c)


def copied(carry: Carry) -> Carry:
    """The same memory in arrays of its own, which a kernel may write."""
    return Carry(*(getattr(carry, field.name).copy() for field in fields(Carry)))


def encode(carry: Carry) -> bytes:
    """The memory as bytes: n_cell and n_probe as two int64, then the arrays in the order of the fields."""
    head = np.array([carry.cell.shape[1], carry.probe.shape[1]], dtype=np.int64)
    return b"".join(np.ascontiguousarray(each).tobytes() for each in (head, *(getattr(carry, field.name) for field in fields(Carry))))


def decode(content: bytes) -> Carry:
    """The memory that `encode` wrote. Raises ValueError where the bytes are not that."""
    n_cell, n_probe = (int(n) for n in np.frombuffer(content, dtype=np.int64, count=2))
    empty = fresh(n_cell, n_probe)
    at, arrays = 16, {}
    for field in fields(Carry):
        like: NDArray[Any] = getattr(empty, field.name)
        arrays[field.name] = np.frombuffer(content, like.dtype, like.size, at).reshape(like.shape).copy()
        at += like.nbytes
    if at != len(content):
        raise ValueError(f"{len(content)} bytes: the memory of {n_cell} cells and {n_probe} probes has {at}")
    return Carry(**arrays)
