"""Data units from bytes and to bytes, by edition."""

import struct
from collections.abc import Callable
from typing import TypeVar

from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.cursor import Reader, count_bytes, counted_bytes, fields_bytes, sentinel_bytes
from evloom.wire.gbt32960.number import Fields
from evloom.wire.gbt32960.words import Edition

Read = Callable[[Reader], u.Unit]
Written = Callable[[u.Unit], bytes]
T = TypeVar("T")
_PAIRS = 2


def _listed(reader: Reader, item: Callable[[Reader], T]) -> tuple[T, ...] | int:
    """A byte of how many, and so many items."""
    n = reader.whole(1)
    return n if n >= 0xFE else tuple([item(reader) for _ in range(n)])


def _list_bytes(items: tuple[T, ...] | int, item: Callable[[T], bytes]) -> bytes:
    if isinstance(items, int):
        return sentinel_bytes(items, 1)
    return count_bytes(len(items), 1) + b"".join(item(one) for one in items)


def _plain(kind: type[Fields]) -> Read:
    return lambda reader: reader.fields(kind)  # type: ignore[return-value]  # every kind in the tables below is a Unit


def _fuel_cell(reader: Reader) -> u.FuelCell2016:
    return u.FuelCell2016(reader.fields(u.Stack2016), reader.counted(2), reader.fields(u.Hydrogen2016))


def _fuel_cell_bytes(of: u.FuelCell2016) -> bytes:
    return fields_bytes(of.stack) + counted_bytes(of.probes, 2) + fields_bytes(of.hydrogen)


def _stack(reader: Reader) -> u.Stack2025:
    return u.Stack2025(*reader.numbers(u.Stack2025), reader.counted(2))  # type: ignore[call-arg]  # six numbers, then the probes


def _stack_bytes(of: u.Stack2025) -> bytes:
    return fields_bytes(of, -1) + counted_bytes(of.probes, 2)


def _cells_2016(reader: Reader) -> u.CellPack2016:
    number, voltage_raw, current_raw, n_cell, first_cell = reader.numbers(u.CellPack2016)
    return u.CellPack2016(number, voltage_raw, current_raw, n_cell, first_cell, reader.counted(1, 2))


def _cells_2016_bytes(of: u.CellPack2016) -> bytes:
    return fields_bytes(of, -1) + counted_bytes(of.cells, 1, 2)


def _cells_2025(reader: Reader) -> u.CellPack2025:
    number, voltage_raw, current_raw = reader.numbers(u.CellPack2025)
    return u.CellPack2025(number, voltage_raw, current_raw, reader.counted(2, 2))


def _cells_2025_bytes(of: u.CellPack2025) -> bytes:
    return fields_bytes(of, -1) + counted_bytes(of.cells, 2, 2)


def _probes(reader: Reader) -> u.ProbePack:
    (number,) = reader.numbers(u.ProbePack)
    return u.ProbePack(number, reader.counted(2))


def _probes_bytes(of: u.ProbePack) -> bytes:
    return fields_bytes(of, -1) + counted_bytes(of.probes, 2)


def _capacitor(reader: Reader) -> u.Supercapacitor:
    return u.Supercapacitor(reader.fields(u.CapacitorHead), reader.counted(2, 2), reader.counted(2))


def _capacitor_bytes(of: u.Supercapacitor) -> bytes:
    return fields_bytes(of.head) + counted_bytes(of.cells, 2, 2) + counted_bytes(of.probes, 2)


def _codes(reader: Reader) -> u.Codes:
    items = reader.counted(1, 4)
    return items if isinstance(items, int) else struct.unpack(f">{len(items) // 4}I", items)


def _code_bytes(codes: u.Codes) -> bytes:
    return _list_bytes(codes, lambda code: code.to_bytes(4, "big"))


def _alarms_2016(reader: Reader) -> u.Alarms2016:
    return u.Alarms2016(reader.fields(u.AlarmHead), _codes(reader), _codes(reader), _codes(reader), _codes(reader))


def _alarms_2025(reader: Reader) -> u.Alarms2025:
    head = reader.fields(u.AlarmHead)
    storage, motors, engines, others = _codes(reader), _codes(reader), _codes(reader), _codes(reader)
    pairs = reader.counted(1, _PAIRS)
    levels = pairs if isinstance(pairs, int) else tuple(zip(pairs[::2], pairs[1::2], strict=True))
    return u.Alarms2025(head, storage, motors, engines, others, levels)


def _alarm_bytes(of: u.Alarms2016 | u.Alarms2025) -> bytes:
    return fields_bytes(of.head) + b"".join(_code_bytes(codes) for codes in (of.storage, of.motors, of.engines, of.others))


def _alarms_2025_bytes(of: u.Alarms2025) -> bytes:
    return _alarm_bytes(of) + _list_bytes(of.levels, bytes)


READERS: dict[Edition, dict[int, Read]] = {
    Edition.V2016: {
        0x01: _plain(u.Vehicle2016),
        0x02: lambda reader: u.Motors2016(_listed(reader, lambda inner: inner.fields(u.Motor2016))),
        0x03: _fuel_cell,
        0x04: _plain(u.Engine2016),
        0x05: _plain(u.Position2016),
        0x06: _plain(u.Extremes2016),
        0x07: _alarms_2016,
        0x08: lambda reader: u.Cells2016(_listed(reader, _cells_2016)),
        0x09: lambda reader: u.Probes(_listed(reader, _probes)),
    },
    Edition.V2025: {
        0x01: _plain(u.Vehicle2025),
        0x02: lambda reader: u.Motors2025(_listed(reader, lambda inner: inner.fields(u.Motor2025))),
        0x03: _plain(u.Hydrogen2025),
        0x04: _plain(u.Engine2025),
        0x05: _plain(u.Position2025),
        0x06: _alarms_2025,
        0x07: lambda reader: u.Cells2025(_listed(reader, _cells_2025)),
        0x08: lambda reader: u.Probes(_listed(reader, _probes)),
        0x30: lambda reader: u.Stacks2025(_listed(reader, _stack)),
        0x31: _capacitor,
        0x32: _plain(u.SupercapacitorExtremes),
    },
}
"""Units that the tables define, by their id."""

_KINDS: dict[Edition, dict[type[u.Unit], int]] = {
    Edition.V2016: {
        u.Vehicle2016: 0x01,
        u.Motors2016: 0x02,
        u.FuelCell2016: 0x03,
        u.Engine2016: 0x04,
        u.Position2016: 0x05,
        u.Extremes2016: 0x06,
        u.Alarms2016: 0x07,
        u.Cells2016: 0x08,
        u.Probes: 0x09,
    },
    Edition.V2025: {
        u.Vehicle2025: 0x01,
        u.Motors2025: 0x02,
        u.Hydrogen2025: 0x03,
        u.Engine2025: 0x04,
        u.Position2025: 0x05,
        u.Alarms2025: 0x06,
        u.Cells2025: 0x07,
        u.Probes: 0x08,
        u.Stacks2025: 0x30,
        u.Supercapacitor: 0x31,
        u.SupercapacitorExtremes: 0x32,
    },
}


def _body(unit: u.Unit) -> bytes:
    """The bytes of a defined unit, without its id."""
    match unit:
        case u.Motors2016() | u.Motors2025():
            return _list_bytes(unit.motors, fields_bytes)
        case u.FuelCell2016():
            return _fuel_cell_bytes(unit)
        case u.Stacks2025():
            return _list_bytes(unit.stacks, _stack_bytes)
        case u.Alarms2025():
            return _alarms_2025_bytes(unit)
        case u.Alarms2016():
            return _alarm_bytes(unit)
        case u.Cells2016():
            return _list_bytes(unit.packs, _cells_2016_bytes)
        case u.Cells2025():
            return _list_bytes(unit.packs, _cells_2025_bytes)
        case u.Probes():
            return _list_bytes(unit.packs, _probes_bytes)
        case u.Supercapacitor():
            return _capacitor_bytes(unit)
        case Fields():
            return fields_bytes(unit)
    raise ValueError(f"{type(unit).__name__} is no unit of the standard")


def unit_bytes(unit: u.Unit, edition: Edition) -> bytes:
    """A unit with its id. Raises ValueError for one that the edition does not have, or that holds too much."""
    match unit:
        case u.Custom():
            if len(unit.data) > 0xFFFF:
                raise ValueError(f"{len(unit.data)} bytes: a unit of one's own holds at most 65535")
            return bytes((unit.kind,)) + len(unit.data).to_bytes(2, "big") + unit.data
        case u.Unread():
            return bytes((unit.kind,)) + unit.data
    kind = _KINDS[edition].get(type(unit))
    if kind is None:
        raise ValueError(f"the edition {edition.name[1:]} has no {type(unit).__name__}")
    return bytes((kind,)) + _body(unit)
