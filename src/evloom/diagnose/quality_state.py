"""What the quality flags remember of a pack from one chunk of frames to the next."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Float32

RING = 128
"""Frames that are remembered for finding repetitions: 21 minutes at 10 s."""

# Places in `Carry.frame`.
LAST_AT, NEWEST_AT, OTHER_AT, N_OTHER, N_SEEN = 0, 1, 2, 3, 4
LAST_MEAN, LAST_CURRENT, LAST_SOC, LAST_SPEED = 5, 6, 7, 8
NEWEST_ODOMETER, N_ODOMETER = 9, 10
OFFSET, OFFSET_SCALE, N_OFFSET = 11, 12, 13
IDLE_AH, RING_AT = 14, 15
SIZE = 16


@dataclass(frozen=True)
class Carry:
    """Memory of one pack's frames; `fresh` makes it, `flag` takes and returns it, `encode` and `decode` keep it.

    frame     (SIZE,) places named above
    cell      (3, n_cell) last reading, mean of the pack when it last changed, frames in a row without a usable reading
    cell_at   (n_cell,) when it last changed
    probe     (3, n_probe) and probe_at (n_probe,) the same of the probes
    ring      (RING,) digests of the last frames, ring_at (RING,) when each was first seen
    """

    frame: Float
    cell: Float32
    cell_at: Float
    probe: Float32
    probe_at: Float
    ring: NDArray[np.uint64]
    ring_at: Float


def fresh(n_cell: int, n_probe: int) -> Carry:
    """The memory before the first frame."""
    frame = np.full(SIZE, np.nan)
    frame[[N_OTHER, N_SEEN, N_ODOMETER, N_OFFSET, IDLE_AH, RING_AT]] = 0.0
    readings = [np.full((3, n), np.nan, dtype=np.float32) for n in (n_cell, n_probe)]
    for each in readings:
        each[2] = 0.0
    ring = np.zeros(RING, dtype=np.uint64)
    return Carry(frame, readings[0], np.full(n_cell, np.nan), readings[1], np.full(n_probe, np.nan), ring, np.full(RING, np.nan))


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
