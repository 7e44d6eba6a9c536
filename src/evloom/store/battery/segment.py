"""Tables of one pack to `Frames`; another number of cells begins another pack segment."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from evloom.kernel.compiled import lean
from evloom.kernel.timegrid import Int
from evloom.store.battery.account import Account, Note
from evloom.store.battery.layout import NUMBERS
from evloom.store.battery.mean_cell import MeanCell, lacks_cells
from evloom.store.battery.pieces import LINE
from evloom.vehicle.telemetry import Float32, Frames, Pack, unflagged

RUN = 10
"""Frames in a row with another number of cells that begin a segment; fewer are frames of which the end was lost."""

COUNT = Note("frames.cell-count-changed", "warning", "V_1..V_n", "one number of cells a pack", "a segment of its own is begun from here")
MOVED = Note("frames.pack-moved", "warning", "pack_id", "one vehicle a pack", "the history goes on under the pack's number")


class Segmenter:
    """Turns the tables of one pack, in their order, into frames of one number of cells each.

    The first number of cells and probes that is seen bears the pack's own number, another one that number with `~90c20p` behind it.
    A pack has the probes up to the last one that its first RUN rows sent, and more from the row on that sends more: a table that holds
    several packs has the columns of the largest. How rows are cut into tables changes nothing.
    """

    def __init__(self, pack_id: str, source: str, account: Account) -> None:
        self._pack_id, self._source, self._account = pack_id, source, account
        self._held: pl.DataFrame | None = None
        self._first: tuple[int, int] | None = None
        self._n_cell = self._n_probe = -1
        self._vehicle_id = ""
        self._mean_cell: MeanCell | None = None
        self._told_shape = False
        self._told: set[str] = set()

    def feed(self, table: pl.DataFrame, last: bool = False) -> Iterator[Frames]:
        """Frames of a table. Its last rows may be kept back until more is known; `last` gives them too."""
        if self._mean_cell is None and not self._told_shape and len(table):
            self._told_shape = True
            self._mean_cell = MeanCell(self._pack_id, self._source, self._account) if lacks_cells(table) else None
        if self._mean_cell is not None:
            table = self._mean_cell.feed(table, last)
        if self._held is not None:
            table = pl.concat([self._held, table], how="diagonal_relaxed")
            self._held = None
        if not len(table):
            return
        if self._n_cell < 0 and not last and len(table) < RUN:
            self._held = table
            return
        cells, probes = _matrix(table, "V_"), _matrix(table, "T_")
        sent = _filled(probes)
        if self._n_probe < 0:
            self._n_probe = int(sent[:RUN].max())
        starts, counts = self._runs(_filled(cells), last)
        kept = starts[-1]
        if kept < len(table):
            self._held = table.slice(kept)
        table = table.select([name for name in table.columns if name[:2] not in ("V_", "T_")])
        for start, end, n_cell in zip(starts[:-1], starts[1:], counts, strict=True):
            self._n_cell = n_cell
            for begin, end_of, n_probe in _grown(sent[start:end], self._n_probe):
                self._n_probe = n_probe
                part = slice(start + begin, start + end_of)
                yield from self._same_vehicle(table[part], _wide(cells[part], n_cell), _wide(probes[part], n_probe))

    def _runs(self, filled: Int, last: bool) -> tuple[list[int], list[int]]:
        """Borders of stretches with one number of cells (the last border: rows from there on are held back) and their numbers."""
        edges = np.flatnonzero(np.diff(filled)) + 1
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(filled)]])
        borders, counts = [0], list[int]()
        running = self._n_cell
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            n_cell = int(filled[start])
            short = end - start < RUN and end < len(filled)
            if running < 0 and (last or not short):
                running = n_cell
            if n_cell in (running, 0) or short or (last and end - start < RUN):
                n_cell = running if running >= 0 else n_cell
            elif end - start < RUN:
                return [*borders[: len(counts) + 1]], counts
            running = n_cell
            if counts and counts[-1] == n_cell:
                borders[-1] = end
            else:
                borders.append(end)
                counts.append(n_cell)
        return borders, counts

    def _same_vehicle(self, table: pl.DataFrame, cells: Float32, probes: Float32) -> Iterator[Frames]:
        vehicles = table["vehicle_id"]
        edges = np.flatnonzero((vehicles != vehicles.shift(1)).fill_null(False).to_numpy())
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(table)], strict=True):
            yield self._frames(table.slice(start, end - start), cells[start:end], probes[start:end])

    def _frames(self, table: pl.DataFrame, cells: Float32, probes: Float32) -> Frames:
        shape = (cells.shape[1], probes.shape[1])
        self._first = self._first or shape
        pack_id = self._pack_id if shape == self._first else f"{self._pack_id}~{shape[0]}c{shape[1]}p"
        self._tell(pack_id, shape, table)
        rated_ah = table["capacity_ah"].fill_nan(None).drop_nulls()
        chemistry = table["chemistry"].filter(table["chemistry"] != "")
        pack = Pack(table["vehicle_id"][0], pack_id, *shape, chemistry[0] if len(chemistry) else "")
        pack = replace(pack, capacity_ah=float(rated_ah[0])) if len(rated_ah) else pack
        if self._mean_cell is not None and shape[0] == 1:
            pack = replace(pack, n_series=self._mean_cell.n_series)
        columns = {name: table[name].to_numpy() for name in ("at_s", "known_at_s", *NUMBERS)}
        return unflagged(pack, cell_v=cells, probe_c=probes, **columns)

    def _tell(self, pack_id: str, shape: tuple[int, int], table: pl.DataFrame) -> None:
        row, vehicle_id = int(table[LINE][0]), table["vehicle_id"][0]
        if pack_id != self._pack_id and pack_id not in self._told:
            self._told.add(pack_id)
            value = f"{shape[0]} cells and {shape[1]} probes, before {self._first}; segment {pack_id}"
            self._account.whole(COUNT, self._source, value, row)
        if self._vehicle_id and vehicle_id != self._vehicle_id:
            self._account.rows(MOVED, self._source, [row], [f"pack {self._pack_id} from vehicle {self._vehicle_id} to {vehicle_id}"])
        self._vehicle_id = vehicle_id


def _matrix(table: pl.DataFrame, kind: str) -> Float32:
    """Columns kind1..kindn as (n_row, n) float32 in C order, NaN where null."""
    names = sorted((name for name in table.columns if name.startswith(kind)), key=lambda name: int(name[2:]))
    if not names:
        return np.zeros((len(table), 0), dtype=np.float32)
    filled = table.select(names)
    if any(column.null_count() for column in filled):
        filled = filled.fill_null(float("nan"))
    readings = np.empty(filled.shape, dtype=np.float32)
    _turn(np.ascontiguousarray(filled.to_numpy().T), readings)
    return readings


@lean
def _turn(columns: Float32, rows: Float32) -> None:
    """Columns (m, n) into rows (n, m), sixteen rows at a time: what is written stays in the first cache."""
    m, n = columns.shape
    whole = n - n % 16
    for i in range(0, whole, 16):
        for c in range(m):
            for k in range(16):
                rows[i + k, c] = columns[c, i + k]
    for i in range(whole, n):
        for c in range(m):
            rows[i, c] = columns[c, i]


def _grown(sent: Int, n_probe: int) -> Iterator[tuple[int, int, int]]:
    """Stretches (begin, end, probes) of rows: a new one where a row sends more probes than any before."""
    most = np.maximum(np.maximum.accumulate(sent), n_probe)
    edges = (np.flatnonzero(np.diff(most)) + 1).tolist()
    for begin, end in zip([0, *edges], [*edges, len(sent)], strict=True):
        yield begin, end, int(most[begin])


def _wide(readings: Float32, n: int) -> Float32:
    """The first n columns; those that are not there are absent readings."""
    n_row, n_there = readings.shape
    if n_there >= n:
        return np.ascontiguousarray(readings[:, :n])
    return np.hstack([readings, np.full((n_row, n - n_there), np.nan, dtype=np.float32)])


def _filled(cells: Float32) -> Int:
    """The number of cells up to the last one that was sent, for each row; 0 where none was."""
    n_row, n_cell = cells.shape
    if n_cell == 0 or not np.isnan(cells[:, -1]).any():
        return np.full(n_row, n_cell, dtype=np.int64)
    there = ~np.isnan(cells)
    return np.where(there.any(axis=1), n_cell - np.argmax(there[:, ::-1], axis=1), 0).astype(np.int64)
