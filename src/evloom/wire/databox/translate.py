"""Documents of a box to words of ours, and back. A box counts charging positive, as the house does."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float
from evloom.vehicle import telemetry as t
from evloom.vehicle.telemetry import Frames, Pack, unflagged
from evloom.wire.databox import messages as m

DOCUMENT_MAX_BYTES = 8 * 1024 * 1024
_FIRST_S, _LAST_S = 946684800.0, 4102444800.0
_SENTINEL = 65534
_FLOATS = ("current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm")
_WHOLES = {"charging": 3, "bms_level": 100, "balancing": m.CELLS_MAX}
_VOLTS = (np.arange(65536) / 1000.0).astype(np.float32)
D = TypeVar("D")


class BadDocument(ValueError):  # noqa: N818  what is wrong is the document
    """A document that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Told:
    """A batch of telemetry."""

    seq: int
    frames: Frames


@dataclass(frozen=True, slots=True)
class BoxState:
    """How a box says it is; None where it does not say."""

    online: bool
    parked: bool | None
    interval_s: float | None
    until_s: float | None
    supply_v: float | None
    firmware: str


@dataclass(frozen=True, slots=True)
class BoxAck:
    """What a box says to a command."""

    command_id: str
    done: bool
    interval_s: float | None
    why: str


def told(vehicle_id: str, document: bytes, known_at_s: float) -> Told:
    """A batch of telemetry that came at `known_at_s`. Raises BadDocument."""
    batch = _read(document, m.Batch)
    n, said = len(batch.at_s), batch.pack
    at_s = np.array(batch.at_s, dtype=np.float64)
    if not ((at_s >= _FIRST_S) & (at_s < _LAST_S)).all():
        raise BadDocument("at_s: every time must lie in the years 2000 to 2099, in epoch seconds")
    if said.probe_of_cell and (len(said.probe_of_cell) != said.n_cell or not all(-1 <= k < said.n_probe for k in said.probe_of_cell)):
        raise BadDocument("pack.probe_of_cell: one probe for each cell, from 0, -1 where there is none")
    capacity_ah = math.nan if said.capacity_ah is None else said.capacity_ah
    pack = Pack(vehicle_id, said.id, said.n_cell, said.n_probe, said.chemistry, capacity_ah, tuple(said.probe_of_cell))
    columns: dict[str, Any] = {name: _floats(name, getattr(batch, name), n) for name in _FLOATS}
    columns |= {name: _wholes(name, getattr(batch, name), n, most) for name, most in _WHOLES.items()}
    cell_v, cell_flags = _cells(batch, n, said.n_cell)
    probe_c, probe_flags = _probes(batch, n, said.n_probe)
    return Told(
        batch.seq,
        unflagged(
            pack,
            at_s=at_s,
            known_at_s=np.full(n, known_at_s),
            **columns,
            flags=_flags(columns),
            cell_v=cell_v,
            cell_flags=cell_flags,
            probe_c=probe_c,
            probe_flags=probe_flags,
        ),
    )


def box_state(document: bytes) -> BoxState:
    """How a box is. Raises BadDocument."""
    said = _read(document, m.State)
    return BoxState(said.online, said.parked, said.rate_s, said.until_s, said.supply_v, said.firmware)


def box_ack(document: bytes) -> BoxAck:
    """What a box says to a command. Raises BadDocument."""
    said = _read(document, m.Ack)
    return BoxAck(said.id, said.ok, said.rate_s, said.why)


def command_bytes(command_id: str, interval_s: float, until_s: float, parked_floor_s: float, burst: int = 1) -> bytes:
    """A command, in JSON: the smallest box can read that."""
    return msgspec.json.encode(m.Command(command_id, interval_s, until_s, parked_floor_s, burst))


def received_bytes(seq: int) -> bytes:
    """That a batch is kept, in JSON."""
    return msgspec.json.encode(m.Received(seq))


def batch_bytes(frames: Frames, seq: int, packed: bool = True) -> bytes:
    """Frames as a box sends them: MessagePack, or JSON. Values are rounded to what the documents can say (1 mV)."""
    pack = frames.pack
    millivolts = np.where(np.isnan(frames.cell_v), 65535, np.rint(frames.cell_v.astype(np.float64) * 1000.0)).astype("<u2")
    said = m.PackSaid(
        pack.pack_id,
        pack.n_cell,
        pack.n_probe,
        pack.chemistry,
        None if math.isnan(pack.capacity_ah) else pack.capacity_ah,
        list(pack.probe_of_cell),
    )
    columns: dict[str, Any] = {name: _nulls(getattr(frames, name)) for name in _FLOATS}
    columns |= {name: getattr(frames, name).tolist() for name in _WHOLES}
    batch = m.Batch(
        seq,
        said,
        frames.at_s.tolist(),
        millivolts.tobytes() if packed else millivolts.tolist(),
        [_nulls(row) for row in frames.probe_c.astype(np.float64)],
        **columns,
    )
    return msgspec.msgpack.encode(batch) if packed else msgspec.json.encode(batch)


def _read(document: bytes, kind: type[D]) -> D:
    if len(document) > DOCUMENT_MAX_BYTES:
        raise BadDocument(f"{len(document)} bytes: a document has at most {DOCUMENT_MAX_BYTES}")
    try:
        if document.lstrip(b" \t\r\n")[:1] == b"{":
            return msgspec.json.decode(document, type=kind)
        return msgspec.msgpack.decode(document, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadDocument(str(error)) from None


def _floats(name: str, values: m.Some | None, n: int) -> Float:
    if values is None:
        return np.full(n, np.nan)
    if len(values) != n:
        raise BadDocument(f"{name}: {len(values)} values for {n} frames")
    return np.array(values, dtype=np.float64)


def _wholes(name: str, values: m.Whole | None, n: int, most: int) -> NDArray[np.int64]:
    if values is None:
        return np.full(n, -1, dtype=np.int64)
    if len(values) != n:
        raise BadDocument(f"{name}: {len(values)} values for {n} frames")
    return np.array([value if 0 <= value <= most else -1 for value in values], dtype=np.int64)


def _cells(batch: m.Batch, n: int, n_cell: int) -> tuple[NDArray[np.float32], t.ReadingFlag]:
    said = batch.cells_mv
    if not said:
        absent = np.full((n, n_cell), t.CELL_ABSENT, dtype=np.uint8)
        return np.full((n, n_cell), np.nan, dtype=np.float32), absent
    if isinstance(said, bytes):
        if len(said) != 2 * n * n_cell:
            raise BadDocument(f"cells_mv: {len(said)} bytes for {n} frames of {n_cell} cells, 2 bytes each")
        raw = np.frombuffer(said, dtype="<u2").reshape(n, n_cell)
    else:
        if len(said) != n or any(len(row) != n_cell for row in said):
            raise BadDocument(f"cells_mv: {n} lists of {n_cell} values are needed")
        raw = np.array(said, dtype=np.uint16).reshape(n, n_cell)
    return _VOLTS[raw], np.where(raw >= _SENTINEL, t.CELL_SENTINEL, 0).astype(np.uint8)


def _probes(batch: m.Batch, n: int, n_probe: int) -> tuple[NDArray[np.float32], t.ReadingFlag]:
    said = batch.probes_c
    if said is None:
        said = [[None] * n_probe] * n
    if len(said) != n or any(len(row) != n_probe for row in said):
        raise BadDocument(f"probes_c: {n} lists of {n_probe} values are needed")
    probe_c = np.array(said, dtype=np.float64).reshape(n, n_probe).astype(np.float32)
    return probe_c, np.where(np.isnan(probe_c), t.PROBE_ABSENT, 0).astype(np.uint8)


def _flags(columns: dict[str, Any]) -> t.FrameFlag:
    flags = np.where(columns["charging"] < 0, t.STATUS_NULL, 0)
    for name, flag in (("current_a", t.CURRENT_ABSENT), ("pack_v", t.PACK_VOLTAGE_ABSENT), ("soc", t.SOC_ABSENT)):
        flags = flags | np.where(np.isnan(columns[name]), flag, 0)
    return flags.astype(np.uint32)


def _nulls(values: Float) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
