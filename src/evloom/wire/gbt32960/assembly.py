"""Reports of one vehicle put together to rows of its batteries: a row may come in several units, frames and sub-packets of one instant."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from evloom.vehicle import telemetry as t
from evloom.vehicle.telemetry import Frames, Pack, unflagged
from evloom.wire.gbt32960.spoken import Battery, Car, Reported

CELLS_MAX = 4096
"""More cells of one battery are not put together: somebody's count lies."""
_SENTINEL = 0xFFFE
_PROBE_SENTINEL = 0xFE
_NAN = float("nan")
_VOLTS = (np.arange(65536) / 1000.0).astype(np.float32)
_DEGREES = (np.arange(256) - 40.0).astype(np.float32)
_NO_CAR = Car(_NAN, _NAN, _NAN, _NAN, _NAN, -1, _NAN, False)


class _Part:
    """One battery of a row."""

    __slots__ = ("covered", "current_a", "n_cell", "pack_v", "pieces", "probes")

    def __init__(self) -> None:
        self.current_a = self.pack_v = _NAN
        self.n_cell = self.covered = 0
        self.pieces: list[tuple[int, bytes]] = []
        self.probes: bytes | None = None

    def add(self, battery: Battery) -> None:
        if battery.current_a == battery.current_a:
            self.current_a = battery.current_a
        if battery.pack_v == battery.pack_v:
            self.pack_v = battery.pack_v
        if battery.cells is not None and battery.n_cell <= CELLS_MAX:
            self.n_cell = max(self.n_cell, battery.n_cell)
            if all(first != battery.first for first, _ in self.pieces):
                self.pieces.append((battery.first, battery.cells))
                self.covered += len(battery.cells) // 2
        if battery.probes is not None and len(battery.probes) <= CELLS_MAX:
            self.probes = battery.probes

    def written(self, cells: NDArray[np.float32], flags: t.ReadingFlag) -> None:
        """The cells into their row."""
        for first, data in self.pieces:
            raw = np.frombuffer(data, dtype=">u2")
            cells[first : first + len(raw)] = _VOLTS[raw]
            flags[first : first + len(raw)] = np.where(raw >= _SENTINEL, t.CELL_SENTINEL, 0)


class _Row:
    """One instant of a vehicle."""

    __slots__ = ("at_s", "car", "known_at_s", "late", "level", "parts")

    def __init__(self, reported: Reported, known_at_s: float) -> None:
        self.at_s, self.known_at_s, self.late = float(reported.at_s), known_at_s, reported.late
        self.car: Car | None = None
        self.level: int | None = None
        self.parts: dict[int, _Part] = {}

    def add(self, reported: Reported) -> None:
        if reported.car is not None:
            self.car = reported.car
        if reported.bms_level is not None:
            self.level = reported.bms_level
        for battery in reported.batteries:
            part = self.parts.get(battery.number)
            if part is None:
                part = self.parts[battery.number] = _Part()
            part.add(battery)

    def contents(self) -> frozenset[tuple[int, str]]:
        """What there is of which battery."""
        cells = {(number, "cells") for number, part in self.parts.items() if part.pieces and part.covered >= part.n_cell}
        return frozenset(cells | {(number, "probes") for number, part in self.parts.items() if part.probes is not None})

    def whole(self, usual: frozenset[tuple[int, str]]) -> bool:
        """Whether nothing more is to be expected."""
        if self.car is None or any(part.covered < part.n_cell for part in self.parts.values()):
            return False
        return usual <= self.contents()


class Assembly:
    """What is known of one vehicle's batteries, and the rows that are not whole yet."""

    def __init__(self, vehicle_id: str) -> None:
        self.vehicle_id = vehicle_id
        self.packs: tuple[str, ...] = ()
        self._open: dict[bool, _Row] = {}
        self._done: list[tuple[_Row, tuple[str, ...]]] = []
        self._usual: frozenset[tuple[int, str]] = frozenset()
        self._cells: dict[int, int] = {}
        self._probes: dict[int, int] = {}

    def log_in(self, packs: tuple[str, ...]) -> None:
        """The codes of the batteries, as the login names them. A battery that was swapped brings its own code."""
        if packs != self.packs:
            self._close_all()
            self.packs = packs
            self._cells.clear()
            self._probes.clear()

    def add(self, reported: Reported, known_at_s: float) -> None:
        """A report that came at `known_at_s`."""
        row = self._open.get(reported.late)
        if row is not None and row.at_s != reported.at_s:
            self._close(row)
            row = None
        if row is None:
            row = self._open[reported.late] = _Row(reported, known_at_s)
        row.add(reported)
        if row.whole(self._usual):
            self._close(row)

    def take(self, everything: bool = False) -> list[Frames]:
        """The rows that are whole (all that there are, if `everything`), for each battery in the order of arrival."""
        if everything:
            self._close_all()
        done, self._done = self._done, []
        entries = [entry for row, packs in done for entry in self._entries(row, packs)]
        numbers = sorted({number for number, _, _, _ in entries})
        return [
            _frames(key, [(row, part) for _, row, part in group])
            for number in numbers
            for key, group in groupby((entry[1:] for entry in entries if entry[0] == number), key=lambda entry: entry[0])
        ]

    def nothing(self) -> Frames:
        """No rows, for a frame that is kept as evidence and says nothing of a battery."""
        return _frames(self._pack(1, self.packs), [])

    def _close_all(self) -> None:
        for row in list(self._open.values()):
            self._close(row)

    def _close(self, row: _Row) -> None:
        """No more is taken into a row. What it had is what is expected of the next."""
        del self._open[row.late]
        if row.car is None and not row.parts:
            return
        self._usual = row.contents()
        self._done.append((row, self.packs))

    def _entries(self, row: _Row, packs: tuple[str, ...]) -> Iterator[tuple[int, Pack, _Row, _Part]]:
        """A row for each battery. A count of cells or probes that is not said is the last one."""
        for number, part in row.parts.items() or ((1, _Part()),):
            if part.n_cell:
                self._cells[number] = part.n_cell
            if part.probes is not None:
                self._probes[number] = len(part.probes)
            yield number, self._pack(number, packs), row, part

    def _pack(self, number: int, packs: tuple[str, ...]) -> Pack:
        code = packs[number - 1] if number <= len(packs) else ""
        pack_id = code or (self.vehicle_id if number == 1 else f"{self.vehicle_id}-{number}")
        return Pack(self.vehicle_id, pack_id, self._cells.get(number, 0), self._probes.get(number, 0))


def _frames(pack: Pack, rows: list[tuple[_Row, _Part]]) -> Frames:
    cell_v, cell_flags = _cells([part for _, part in rows], pack.n_cell)
    probe_c, probe_flags = _probes([part for _, part in rows], pack.n_probe)
    columns = _columns(rows)
    return unflagged(
        pack,
        **columns,
        flags=_flags(rows, columns),
        cell_v=cell_v,
        cell_flags=cell_flags,
        probe_c=probe_c,
        probe_flags=probe_flags,
    )


def _cells(parts: list[_Part], n_cell: int) -> tuple[NDArray[np.float32], t.ReadingFlag]:
    """Voltages (n, n_cell) and their flags. Where every row came in one piece, all are turned into numbers at once."""
    n = len(parts)
    if n and n_cell and all(len(part.pieces) == 1 and len(part.pieces[0][1]) == 2 * n_cell for part in parts):
        raw = np.frombuffer(b"".join(part.pieces[0][1] for part in parts), dtype=">u2").reshape(n, n_cell)
        return _VOLTS[raw], np.where(raw >= _SENTINEL, t.CELL_SENTINEL, 0).astype(np.uint8)
    cell_v = np.full((n, n_cell), np.nan, dtype=np.float32)
    cell_flags = np.full((n, n_cell), t.CELL_ABSENT, dtype=np.uint8)
    for at, part in enumerate(parts):
        part.written(cell_v[at], cell_flags[at])
    return cell_v, cell_flags


def _probes(parts: list[_Part], n_probe: int) -> tuple[NDArray[np.float32], t.ReadingFlag]:
    """Temperatures (n, n_probe) and their flags."""
    said = np.array([part.probes is not None for part in parts], dtype=bool)
    raw = np.frombuffer(b"".join(part.probes or bytes(n_probe) for part in parts), dtype=np.uint8).reshape(len(parts), n_probe)
    flags = np.where(said[:, None], np.where(raw >= _PROBE_SENTINEL, t.PROBE_SENTINEL, 0), t.PROBE_ABSENT)
    return np.where(said[:, None], _DEGREES[raw], np.float32(np.nan)), flags.astype(np.uint8)


def _columns(rows: list[tuple[_Row, _Part]]) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """The columns of the vehicle and of the battery as a whole. A current of the vehicle is that of its only battery."""
    cars = [row.car or _NO_CAR for row, _ in rows]
    alone = [len(row.parts) < 2 for row, _ in rows]
    current_a = [
        part.current_a if part.current_a == part.current_a or not only else car.current_a
        for (_, part), car, only in zip(rows, cars, alone, strict=True)
    ]
    pack_v = [
        part.pack_v if part.pack_v == part.pack_v or not only else car.pack_v
        for (_, part), car, only in zip(rows, cars, alone, strict=True)
    ]
    floats = {
        "at_s": [row.at_s for row, _ in rows],
        "known_at_s": [row.known_at_s for row, _ in rows],
        "current_a": current_a,
        "pack_v": pack_v,
        **{name: [getattr(car, name) for car in cars] for name in ("soc", "speed_km_per_h", "odometer_km", "insulation_ohm")},
    }
    return {
        **{name: np.array(values, dtype=np.float64) for name, values in floats.items()},
        "charging": np.array([car.charging for car in cars], dtype=np.int64),
        "bms_level": np.array([-1 if row.level is None else row.level for row, _ in rows], dtype=np.int64),
    }


def _flags(rows: list[tuple[_Row, _Part]], columns: dict[str, NDArray[np.float64] | NDArray[np.int64]]) -> t.FrameFlag:
    late = np.array([row.late for row, _ in rows], dtype=bool)
    null = np.array([row.car is None or row.car.status_null for row, _ in rows], dtype=bool)
    flags = np.where(late, t.LATE, 0) | np.where(null, t.STATUS_NULL, 0)
    for name, flag in (("current_a", t.CURRENT_ABSENT), ("pack_v", t.PACK_VOLTAGE_ABSENT), ("soc", t.SOC_ABSENT)):
        flags = flags | np.where(np.isnan(columns[name]), flag, 0)
    return flags.astype(np.uint32)
