"""Frames in csv: blocks of whole lines, numbers read by column, every text that is no number reported."""

import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Int
from evloom.store.battery.account import Account, Note
from evloom.store.battery.encoding import ENCODED, as_utf8, first_line

NULLS = ["", "null", "NULL", "Null", "None", "NA", "N/A", "-", "\\N"]
DELIMITERS = (",", ";", "\t")
BLOCK_BYTES = 1 << 18, 1 << 26
_TEXTS = ("at", "known_at", "vehicle_id", "pack_id", "chemistry", "charge_id")
COMMA = Note("frames.decimal-comma", "repaired", None, "a decimal point", "commas within numbers are read as points")
RAGGED = Note("frames.ragged-row", "refused", None, "as many fields as the header", "the row is left out; send it again")


class Lines:
    """A csv stream: its header is read at once, then blocks of whole lines."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        first, self.is_encoded = first_line(stream.readline(1 << 20))
        first = first.strip("\r\n")
        self.delimiter = max(DELIMITERS, key=first.count)
        self.has_comma = False
        self.header = [name.strip().strip('"') for name in first.split(self.delimiter)] if first.strip() else []

    def look(self, block: bytes) -> None:
        """Learn from the first lines whether numbers are written with a decimal comma."""
        fields = re.split(rb"[\n%b]" % self.delimiter.encode(), b"\n".join(block.split(b"\n", 50)[:50]))
        commas, points = (sum(re.fullmatch(form, each.strip()) is not None for each in fields) for form in (rb"-?\d+,\d+", rb"-?\d+\.\d+"))
        self.has_comma = self.delimiter != "," and commas > points

    def blocks(self, n_row: int) -> Iterator[bytes]:
        """Blocks of about `n_row` lines, as long as there are any."""
        rest = self._stream.readline()
        size = min(max(len(rest) * n_row, BLOCK_BYTES[0]), BLOCK_BYTES[1])
        while True:
            content = self._stream.read(size)
            end = content.rfind(b"\n") + 1
            if not content:
                break
            if end == 0:
                rest += content
                continue
            yield rest + content[:end]
            rest = content[end:]
        if rest.strip():
            yield rest if rest.endswith(b"\n") else rest + b"\n"


def read_table(stream: IO[bytes], columns: dict[str, str], n_row: int, tell: tuple[str, Account]) -> Iterator[pl.DataFrame]:
    """Tables of the named columns under their new names and the line of each row; `tell` is the file's name and its account."""
    lines = Lines(stream)
    line = 2
    if lines.is_encoded:
        tell[1].whole(ENCODED, tell[0], "text that is no UTF-8")
    for raw in lines.blocks(n_row):
        block = as_utf8(raw, *tell)
        if line == 2:
            lines.look(block)
            if lines.has_comma:
                tell[1].whole(COMMA, tell[0], "numbers such as 3,75")
        whole, numbers, n_line = _whole_rows(block, line, lines, tell)
        line += n_line
        if len(numbers):
            table = _numbers(whole, lines, columns)
            _report(table, whole, lines, columns, (numbers, *tell))
            yield table.with_columns(pl.Series("__line", numbers))


def _whole_rows(block: bytes, line: int, lines: Lines, tell: tuple[str, Account]) -> tuple[bytes, Int, int]:
    """The block without blank lines and those with too few or too many fields; the line of each row that is left; lines in all."""
    if b'"' in block:
        kept = list(block.split(b"\n")[:-1])
        good = np.array([bool(each.strip()) for each in kept], dtype=bool)
    else:
        content = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(content == ord("\n"))
        marks = np.searchsorted(np.flatnonzero(content == ord(lines.delimiter)), ends)
        fields = np.diff(marks, prepend=0) + 1
        good = fields == len(lines.header)
        if len(lines.header) == 1:
            good &= np.diff(ends, prepend=-1) > 2
        if good.all():
            return block, line + np.arange(len(ends), dtype=np.int64), len(ends)
        kept = block.split(b"\n")[:-1]
        blank = np.array([not each.strip() for each in kept], dtype=bool)
        bad = np.flatnonzero(~good & ~blank)
        tell[1].rows(RAGGED, tell[0], [int(line + k) for k in bad], [f"{fields[k]} fields" for k in bad])
        tell[1].n_refused += len(bad)
    numbers = line + np.flatnonzero(good).astype(np.int64)
    return b"".join(kept[k] + b"\n" for k in np.flatnonzero(good)), numbers, len(kept)


def _kind(ours: str) -> type[pl.DataType]:
    if ours in _TEXTS:
        return pl.String
    return pl.Float32 if ours[:2] in ("V_", "T_") else pl.Float64


def _parse(block: bytes, lines: Lines, kinds: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    schema = {name: kinds.get(name, pl.String) for name in lines.header}
    indices = [k for k, name in enumerate(lines.header) if name in kinds]
    return pl.read_csv(
        block,
        has_header=False,
        separator=lines.delimiter,
        schema=schema,
        columns=indices,
        null_values=NULLS,
        ignore_errors=True,
        encoding="utf8-lossy",
        decimal_comma=lines.has_comma,
    )


def _numbers(block: bytes, lines: Lines, columns: dict[str, str]) -> pl.DataFrame:
    table = _parse(block, lines, {theirs: _kind(ours) for theirs, ours in columns.items()}).select(
        pl.col(theirs).alias(ours) for theirs, ours in columns.items()
    )
    if not lines.has_comma:
        return table
    instants = [name for name in ("at", "known_at") if name in table.columns]
    return table.with_columns(pl.col(instants).str.replace(",", ".", literal=True))


def _report(table: pl.DataFrame, block: bytes, lines: Lines, columns: dict[str, str], tell: tuple[Int, str, Account]) -> None:
    """A finding for every text in a column of numbers; it is read as absent."""
    numbers, source, account = tell
    holes = {theirs: pl.String for theirs, ours in columns.items() if _kind(ours) is not pl.String and table[ours].null_count()}
    if not holes:
        return
    texts = _parse(block, lines, dict(holes))
    rows: set[int] = set()
    for theirs in holes:
        wrong = np.flatnonzero(
            (table[columns[theirs]].is_null() & texts[theirs].str.strip_chars().is_in(NULLS).not_()).fill_null(False).to_numpy()
        )
        if len(wrong):
            note = Note("frames.no-number", "repaired", theirs, "a number, or nothing where there is none", "read as absent")
            account.rows(
                note,
                source,
                [int(numbers[k]) for k in wrong],
                [repr(texts[theirs][int(k)]) for k in wrong[:200]] + [""] * (len(wrong) - 200),
            )
            rows.update(int(k) for k in wrong)
    account.n_repaired += len(rows)
