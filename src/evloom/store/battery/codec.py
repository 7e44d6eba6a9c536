"""Frames of one pack to bytes and back, without any loss, small once a general compressor has been over them.

Layout (version 1, MessagePack of the structs below; documented in docs/battery-frames.md): every number that is a whole multiple of a
sensor's step is kept as whole number, in the order of the frames as difference to the one before or plain, whichever is smaller,
zigzagged and cut into planes of bytes. What is no multiple (placeholders of another scale, minus zero) and NaN are kept beside it,
bit by bit. Cells and probes: `matrix`.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float, Int
from evloom.store.battery.matrix import Matrix, Sparse, pack_matrix, pack_sparse, unpack_matrix, unpack_sparse
from evloom.vehicle.telemetry import Frames, Pack

VERSION = 1
SCALES = (1, 10, 100, 1000, 10000, 1000000)
FLOATS = ("at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm")
WHOLES = ("charging", "bms_level", "balancing")
ODD_SHARE = 0.02
"""Share of values off the grid of a scale up to which that scale is taken."""


class Column(msgspec.Struct, array_like=True, frozen=True):
    """A column of n numbers: whole multiples of 1/scale in `planes`; scale 0: the eight planes of the bits of float64.

    NaN stands at `nan` (int32 pairs: first row and number of rows); at `odd_at` (int32) the float64 of `odd` stand instead.
    """

    scale: int
    is_step: bool
    width: int
    planes: bytes
    nan: bytes = b""
    odd_at: bytes = b""
    odd: bytes = b""


class PackRecord(msgspec.Struct, array_like=True, frozen=True):
    """`Pack`, field by field."""

    vehicle_id: str
    pack_id: str
    n_cell: int
    n_probe: int
    chemistry: str
    capacity_ah: float
    probe_of_cell: tuple[int, ...]


class Block(msgspec.Struct, array_like=True, frozen=True):
    """All columns of frames but the cells."""

    version: int
    pack: PackRecord
    n: int
    columns: dict[str, Column]
    probes: Matrix
    probe_flags: Sparse
    cell_flags: Sparse


def _record(pack: Pack) -> PackRecord:
    shape = (pack.n_cell, pack.n_probe)
    return PackRecord(pack.vehicle_id, pack.pack_id, *shape, pack.chemistry, pack.capacity_ah, pack.probe_of_cell)


def _pack(record: PackRecord) -> Pack:
    known: dict[str, Any] = {} if np.isnan(record.capacity_ah) else {"capacity_ah": record.capacity_ah}
    return Pack(
        record.vehicle_id, record.pack_id, record.n_cell, record.n_probe, record.chemistry, probe_of_cell=record.probe_of_cell, **known
    )


def encode(frames: Frames) -> tuple[bytes, bytes]:
    """Frames as two blocks: everything but the cells' voltages, and these."""
    columns = {name: _pack_floats(getattr(frames, name)) for name in FLOATS}
    with np.errstate(invalid="ignore", over="ignore"):
        later_s = frames.known_at_s - frames.at_s
        known_at_s = frames.at_s + later_s
    if np.array_equal(known_at_s.view(np.int64), np.ascontiguousarray(frames.known_at_s).view(np.int64)):
        columns["later_s"] = _pack_floats(later_s)
    else:
        columns["known_at_s"] = _pack_floats(frames.known_at_s)
    columns |= {name: _pack_whole(getattr(frames, name), 1) for name in WHOLES}
    columns["flags"] = _pack_whole(frames.flags.astype(np.int64), 1)
    block = Block(
        VERSION,
        _record(frames.pack),
        frames.n,
        columns,
        pack_matrix(frames.probe_c, (1, 2, 10, 100)),
        pack_sparse(frames.probe_flags),
        pack_sparse(frames.cell_flags),
    )
    return msgspec.msgpack.encode(block), msgspec.msgpack.encode(pack_matrix(frames.cell_v, (1000, 10000, 200)))


def decode(rest: bytes, cells: bytes) -> Frames:
    """The frames that `encode` wrote. Raises ValueError for another version."""
    block = msgspec.msgpack.decode(rest, type=Block)
    if block.version != VERSION:
        raise ValueError(f"layout {block.version} of stored frames: this program reads layout {VERSION}")
    n, pack = block.n, _pack(block.pack)
    floats = {name: _unpack_floats(column, n) for name, column in block.columns.items() if name in FLOATS}
    late = block.columns.get("later_s")
    floats["known_at_s"] = floats["at_s"] + _unpack_floats(late, n) if late else _unpack_floats(block.columns["known_at_s"], n)
    columns: dict[str, Any] = {**floats, **{name: _unpack_whole(block.columns[name], n) for name in WHOLES}}
    return Frames(
        pack,
        **columns,
        cell_v=unpack_matrix(msgspec.msgpack.decode(cells, type=Matrix), n, pack.n_cell),
        probe_c=unpack_matrix(block.probes, n, pack.n_probe),
        flags=_unpack_whole(block.columns["flags"], n).astype(np.uint32),
        cell_flags=unpack_sparse(block.cell_flags, (n, pack.n_cell)),
        probe_flags=unpack_sparse(block.probe_flags, (n, pack.n_probe)),
    )


def _pack_floats(values: Float) -> Column:
    values = np.ascontiguousarray(values, dtype=np.float64)
    bits = values.view(np.int64)
    nan = bits == np.float64(np.nan).view(np.int64)
    for scale in SCALES:
        with np.errstate(invalid="ignore", over="ignore"):
            whole = np.rint(values * scale)
            whole = np.where(np.abs(whole) < 2.0**52, whole, 0.0).astype(np.int64)
        odd = ((whole / scale).view(np.int64) != bits) & ~nan
        if odd.sum() <= ODD_SHARE * len(values):
            return _with_odd(whole, scale, values, nan, odd)
    planes = np.ascontiguousarray(values.view(np.uint8).reshape(-1, 8).T).tobytes()
    return Column(0, False, 8, planes)


def _with_odd(whole: Int, scale: int, values: Float, nan: NDArray[np.bool_], odd: NDArray[np.bool_]) -> Column:
    """The column of `whole` where neither `nan` nor `odd`; elsewhere the value before is repeated, which costs least."""
    gap = nan | odd
    if gap.any():
        last = np.maximum.accumulate(np.where(gap, -1, np.arange(len(whole))))
        whole = np.where(last >= 0, whole[np.maximum(last, 0)], 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], nan.view(np.int8), [0]])))
    runs = np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).astype(np.int32)
    column = _pack_whole(whole, scale)
    at = np.flatnonzero(odd).astype(np.int32)
    return Column(scale, column.is_step, column.width, column.planes, runs.tobytes(), at.tobytes(), values[at].tobytes())


def _pack_whole(values: Int, scale: int) -> Column:
    steps = np.diff(values, prepend=0)
    is_step = bool(np.abs(steps[1:]).sum() < np.abs(values[1:]).sum()) if len(values) > 1 else False
    chosen = steps if is_step else values
    coded = ((chosen << 1) ^ (chosen >> 63)).view(np.uint64)
    top = int(coded.max()) if len(coded) else 0
    width = next(width for width in (0, 1, 2, 4, 8) if top < 1 << (8 * width))
    planes = np.ascontiguousarray(coded.view(np.uint8).reshape(-1, 8)[:, :width].T).tobytes()
    return Column(scale, is_step, width, planes)


def _unpack_whole(column: Column, n: int) -> Int:
    if column.width == 0:
        return np.zeros(n, dtype=np.int64)
    planes = np.frombuffer(column.planes, dtype=np.uint8).reshape(column.width, n)
    coded = planes[0].astype(np.uint64)
    for k in range(1, column.width):
        coded |= planes[k].astype(np.uint64) << np.uint64(8 * k)
    values: Int = (coded >> np.uint64(1)).view(np.int64) ^ -(coded & np.uint64(1)).view(np.int64)
    return np.cumsum(values) if column.is_step else values


def _unpack_floats(column: Column, n: int) -> Float:
    if column.scale == 0:
        planes = np.frombuffer(column.planes, dtype=np.uint8).reshape(8, n)
        return np.ascontiguousarray(planes.T).view(np.float64).reshape(n)
    values: Float = _unpack_whole(column, n) / float(column.scale)
    for first, length in np.frombuffer(column.nan, dtype=np.int32).reshape(-1, 2):
        values[first : first + length] = np.nan
    if column.odd_at:
        values[np.frombuffer(column.odd_at, dtype=np.int32)] = np.frombuffer(column.odd, dtype=np.float64)
    return values
