"""Frames as they come: bytes of a pipe or of a file that grows, cut into whole lines, read into tables."""

import io
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import polars as pl

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.store.battery.account import Account, Note
from evloom.store.battery.habits import Habits
from evloom.store.battery.layout import NUMBERS, TEXTS, Layout, detect
from evloom.store.battery.normal import normal, timed
from evloom.store.battery.pieces import LINE, Piece
from evloom.store.battery.text import Lines, read_table
from evloom.vehicle.telemetry import Float32

BLOCK = 1 << 22
WAIT_S = 0.2
NO_JSON = Note(
    "frames.no-json",
    "refused",
    None,
    'one object a line: {"at": ..., "current_a": ..., "cell_v": [...]}',
    "the line is left out; send it again",
)
GONE = Note("file.gone", "warning", None, "a file that only grows", "it is waited for")
CUT = Note("file.cut", "warning", None, "a file that only grows", "read anew from its beginning, as frames that came later")


class Bytes(Protocol):
    """Where bytes come from."""

    def read(self) -> bytes | None:
        """What is there, b"" where nothing came within WAIT_S, None at the end."""
        ...


class Pipe:
    """Standard input, or any other open descriptor that ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self) -> bytes | None:
        """See `Bytes`."""
        ready, _, _ = select.select([self._descriptor], [], [], WAIT_S)
        return (os.read(self._descriptor, BLOCK) or None) if ready else b""


class Growing:
    """A file that another program appends to; it never ends."""

    def __init__(self, path: Path, account: Account) -> None:
        self._path, self._account = path, account
        self._at = 0

    def read(self) -> bytes | None:
        """See `Bytes`."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:  # who writes it begins a new one under its name
            self._account.whole(GONE, self._path.name, "no such file")
            time.sleep(WAIT_S)
            return b""
        if size < self._at:
            self._account.whole(CUT, self._path.name, f"{size:,} bytes, {self._at:,} before")
            self._at = 0
        if size == self._at:
            time.sleep(WAIT_S)
            return b""
        with self._path.open("rb") as stream:
            stream.seek(self._at)
            content = stream.read(BLOCK)
        self._at += len(content)
        return content


class Tables:
    """Bytes of one stream to normal tables (see `store.battery.normal`). Raises InputError where they are no frames at all."""

    def __init__(self, name: str, stem: str, form: str | None, account: Account) -> None:
        self._piece = Piece(Path(name), "", stem, name)
        self._form, self._account = form, account
        self._rest = b""
        self._line = 1
        self._header = b""
        self._layout: Layout | None = None

    def feed(self, content: bytes, last: bool = False) -> Iterator[pl.DataFrame]:
        """The tables of the lines that are whole now; `last`: the line that was begun is whole too."""
        content = self._rest + content
        if last and content and not content.endswith(b"\n"):
            content += b"\n"
        end = content.rfind(b"\n") + 1
        self._rest, block = content[end:], content[:end]
        if not block:
            return
        if self._form is None:
            self._form = "ndjson" if block.lstrip().startswith(b"{") else "csv"
        if self._form == "csv" and self._layout is None:
            self._header, _, block = block.partition(b"\n")
            self._header += b"\n"
            self._layout = self._read_header()
            self._line = 2
        if block.strip():
            yield from self._ndjson(block) if self._form == "ndjson" else self._csv(block, self._layout)
        self._line += block.count(b"\n")

    def _read_header(self) -> Layout:
        try:
            names = Lines(io.BytesIO(self._header)).header
        except RuntimeError as error:  # no text, or text in UTF-16
            text, advice = "lines of text in UTF-8", "send csv or NDJSON; of a file of another kind, leave out --stream"
            raise InputError([Finding("stream.no-text", "refused", self._piece.name, 1, None, str(error), text, advice)]) from None
        layout = detect(names, self._piece.name, self._account)
        if layout is None:
            raise InputError([one for one in self._account.findings if one.severity == "refused"])
        if layout.name != "own":
            value = "columns of a telematics box" if layout.name == "field" else "columns by other names, of which the unit is not sure"
            allowed = "columns of docs/battery-frames.md, current positive = charging"
            advice = "a stream is not guessed at: rename the columns, or diagnose the file without --stream"
            raise InputError([Finding("stream.layout", "refused", self._piece.name, 1, None, value, allowed, advice)])
        return layout

    def _csv(self, block: bytes, layout: Layout | None) -> Iterator[pl.DataFrame]:
        assert layout is not None  # read from the header before the first block
        told, shift = Account(), self._line - 2
        for raw in read_table(io.BytesIO(self._header + block), layout.used(), BLOCK, (self._piece.name, told)):
            yield from self._normal(raw.with_columns(pl.col(LINE) + shift), layout)
        self._account.n_refused += told.n_refused
        self._account.n_repaired += told.n_repaired
        for finding in told.listed:
            note = Note(finding.code, finding.severity, finding.field, finding.allowed, finding.advice)
            if finding.row is None:
                self._account.whole(note, finding.source, finding.value)
            else:
                self._account.rows(note, finding.source, [finding.row + shift], [finding.value])

    def _ndjson(self, block: bytes) -> Iterator[pl.DataFrame]:
        frames, lines = _decoded(block, self._line, self._piece.name, self._account)
        if not frames:
            return
        columns: dict[str, Any] = {LINE: pl.Series(lines, dtype=pl.Int64)}
        for name in (*ALL, "at", "known_at"):
            values = [getattr(each, name) for each in frames]
            if any(value is not None and value != "" for value in values) or name == "at":
                columns[name] = pl.Series(name, _alike(values))
        names: dict[str, tuple[str, ...]] = {}
        for kind, rows in (("V", [each.cell_v for each in frames]), ("T", [each.probe_c for each in frames])):
            matrix = _matrix(rows)
            names[kind] = tuple(f"{kind}_{k + 1}" for k in range(matrix.shape[1]))
            columns |= {name: matrix[:, k] for k, name in enumerate(names[kind])}
        layout = Layout("own", {name: name for name in columns if name in (*ALL, "at", "known_at")}, names["V"], names["T"])
        yield from self._normal(pl.DataFrame(columns), layout)

    def _normal(self, raw: pl.DataFrame, layout: Layout) -> Iterator[pl.DataFrame]:
        table = timed(raw, layout, self._piece.name, self._account)
        if len(table):
            yield normal(table, layout, Habits(), self._piece, self._account)


class Frame(msgspec.Struct):
    """A line of NDJSON: the columns of docs/battery-frames.md, cells and probes as lists."""

    at: str | float | None = None
    known_at: str | float | None = None
    vehicle_id: str = ""
    pack_id: str = ""
    chemistry: str = ""
    capacity_ah: float | None = None
    current_a: float | None = None
    pack_v: float | None = None
    soc: float | None = None
    speed_km_per_h: float | None = None
    odometer_km: float | None = None
    charging: int | None = None
    insulation_ohm: float | None = None
    bms_level: int | None = None
    balancing: int | None = None
    cell_v: list[float | None] = []
    probe_c: list[float | None] = []


_DECODER = msgspec.json.Decoder(Frame)
ALL = (*NUMBERS, *TEXTS, "capacity_ah")


def _decoded(block: bytes, line: int, source: str, account: Account) -> tuple[list[Frame], list[int]]:
    """The frames of a block and the line of each; a line that is none is told and left out."""
    texts = block.split(b"\n")[:-1]
    try:
        if all(texts):
            return _DECODER.decode_lines(block), list(range(line, line + len(texts)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # which line it was is found one by one
    frames, lines = [], []
    for number, text in enumerate(texts, line):
        if not text.strip():
            continue
        try:
            frames.append(_DECODER.decode(text))
            lines.append(number)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            account.n_refused += 1
            account.rows(NO_JSON, source, [number], [f"{text[:60].decode('utf-8', 'replace')!r}: {error}"])
    return frames, lines


def _alike(values: list[Any]) -> list[Any]:
    """Values of one type: texts where any of them is one."""
    is_text = any(isinstance(value, str) for value in values)
    return [None if value is None else str(value) for value in values] if is_text else [None if v is None else float(v) for v in values]


def _matrix(rows: list[list[float | None]]) -> Float32:
    """Lists of any length as (n_row, longest) float32, NaN where there is nothing."""
    width = max(map(len, rows), default=0)
    filled = rows if all(len(row) == width for row in rows) else [row + [None] * (width - len(row)) for row in rows]
    return np.array(filled, dtype=np.float32).reshape(len(rows), width)
