"""Files to rows of text: what can be wrong with a whole file is found here.

Plain or gzip-compressed CSV in UTF-8, and parquet (turned into the same rows of text, so that one code
path converts and checks both).
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding, Severity
from evloom.kernel.timegrid import Bool, Int

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Note:
    """The unchanging part of a finding about rows: see `Finding` for the fields."""

    code: str
    severity: Severity
    field: str
    allowed: str
    advice: str


class FindingLog:
    """Collects findings about the rows of one file; `line` holds the file's line number of each row."""

    def __init__(self, source: str, line: Int) -> None:
        self.source = source
        self.line = line
        self.findings: list[Finding] = []

    def add(self, rows: Bool, note: Note, value: Callable[[int], str]) -> None:
        """One finding for each row where `rows` (n_row,) is true; `value(i)` is the offending text of row i."""
        for i in np.flatnonzero(rows):
            row = int(self.line[i])
            self.findings.append(Finding(note.code, note.severity, self.source, row, note.field, value(int(i)), note.allowed, note.advice))


@dataclass(frozen=True)
class RawTable:
    """The rows of a file as text. `column[name]` (n,) and `line` (n,) are of equal length.

    n_row counts the ragged rows too, which are in `findings` and not in the columns.
    """

    source: str
    header: tuple[str, ...]
    column: dict[str, list[str]]
    line: Int
    n_row: int
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.line)


def refuse_file(source: str, code: str, value: str, allowed: str, advice: str) -> InputError:
    """The error for a file that cannot be used at all."""
    return InputError([Finding(code, "refused", source, None, None, value, allowed, advice)])


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked when it is gzip. Raises InputError saying what to do when it cannot be had."""
    name = path.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise refuse_file(name, "file.missing", f"no file {path}", "a file that exists", "check the path and the spelling") from None
    except IsADirectoryError:
        raise refuse_file(name, "file.is-directory", f"{path} is a directory", "one file", "name one of the files in it") from None
    except OSError as error:
        raise refuse_file(
            name, "file.unreadable", f"{path}: {error.strerror}", "a readable file", "check permissions and the disk"
        ) from None
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise refuse_file(name, "file.broken-gzip", str(error), "a complete gzip file", "copy or download the file again") from None
    if not content.strip():
        raise refuse_file(name, "file.empty", "0 bytes of data", "a header line and rows", "check that the export has finished")
    return content


def decode(content: bytes, source: str) -> str:
    """Bytes as UTF-8 text without its byte-order mark. Raises InputError for UTF-16, binary data and other encodings."""
    advice = 'save it again as "CSV UTF-8"'
    head = content[:4000]
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or (head.count(0) > len(head) // 3 and not head.startswith(b"PK")):
        raise refuse_file(source, "file.utf-16", "UTF-16 text", "UTF-8 text", advice)
    if content[:2] == b"PK":
        raise refuse_file(source, "file.binary", "a spreadsheet or zip file", "CSV text", 'open it and save the sheet as "CSV UTF-8"')
    if b"\x00" in content:
        at = content.index(b"\x00")
        raise refuse_file(
            source, "file.binary", f"byte 0 at position {at}", "CSV text in UTF-8", "give the CSV file, not a program's own file"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse_file(source, "file.not-utf-8", f"byte {content[error.start]:#x} in line {line}", "UTF-8 text", advice) from None
    if not text.strip():
        raise refuse_file(source, "file.empty", "no text", "a header line and rows", "check that the export has finished")
    return text


def read_header(content: bytes, source: str) -> tuple[str, ...]:
    """Column names of a CSV or parquet file, whichever delimiter splits the first line into most cells."""
    if content[:4] == b"PAR1":
        return _read_parquet(content, source).header
    first = decode(content, source).lstrip("\r\n").splitlines()[0]
    rows = [next(csv.reader([first], delimiter=delimiter)) for delimiter in DELIMITERS]
    return tuple(cell.strip() for cell in max(rows, key=len))


def read_rows(content: bytes, source: str, delimiter: str, required: Sequence[str]) -> RawTable:
    """All rows of a CSV (or parquet) file with at least the `required` columns.

    Raises InputError when columns are missing or doubled, when the delimiter is another one, or when
    quotation marks are not closed. A row with too few or too many cells is refused and listed.
    """
    table = _read_parquet(content, source) if content[:4] == b"PAR1" else _read_csv(decode(content, source), source, delimiter)
    missing = [name for name in required if name not in table.header]
    if missing:
        used = next((d for d in DELIMITERS if d != delimiter and any(d in name for name in table.header)), None)
        if used is not None and len(table.header) == 1:
            advice = f"save the file with '{delimiter}' between the cells"
            raise refuse_file(source, "file.wrong-delimiter", f"cells divided by {used!r}", f"cells divided by {delimiter!r}", advice)
        found = ", ".join(table.header) or "none"
        advice = f"found: {found}. Add the missing columns, or name the right format"
        raise refuse_file(source, "file.missing-columns", "no column " + ", ".join(missing), "columns " + ", ".join(required), advice)
    return table


def _read_csv(text: str, source: str, delimiter: str) -> RawTable:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    line: list[int] = []
    start = 1
    try:
        for row in reader:
            if row:
                rows.append(row)
                line.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        place = f"line {start}: {error}"
        raise refuse_file(source, "file.broken-csv", place, "rows of cells, quotation marks closed", "mend or remove that line") from None
    header = tuple(cell.strip() for cell in rows[0])
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        advice = "rename or delete one of each"
        raise refuse_file(source, "file.doubled-column", "two columns " + ", ".join(doubled), "each column name once", advice)
    return _to_columns(source, header, rows[1:], line[1:])


def _to_columns(source: str, header: tuple[str, ...], rows: list[list[str]], line: list[int]) -> RawTable:
    whole = [len(row) == len(header) for row in rows]
    findings = [
        Finding("row.cells", "refused", source, at, None, f"{len(row)} cells", f"{len(header)} cells", "mend the row")
        for row, at, good in zip(rows, line, whole, strict=True)
        if not good
    ]
    if not rows:
        advice = "nothing to simulate; check the export"
        findings.append(Finding("file.no-rows", "warning", source, None, None, "0 rows", "at least 1 row", advice))
    kept = [row for row, good in zip(rows, whole, strict=True) if good]
    column = {name: [row[k].strip() for row in kept] for k, name in enumerate(header)}
    at_line = np.array([at for at, good in zip(line, whole, strict=True) if good], dtype=np.int64)
    return RawTable(source, header, column, at_line, len(rows), tuple(findings))


def _read_parquet(content: bytes, source: str) -> RawTable:
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise refuse_file(source, "file.broken-parquet", text, "a complete parquet file", "write or copy it again") from None
    as_text = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Datetime):
            stamp = pl.col(name).dt.convert_time_zone("UTC") if kind.time_zone else pl.col(name)
            as_text.append(stamp.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("+00:00" if kind.time_zone else "")))
        else:
            as_text.append(pl.col(name).cast(pl.String, strict=False))
    texts = frame.select(as_text)
    column = {name: ["" if cell is None else cell.strip() for cell in texts[name].to_list()] for name in texts.columns}
    line = np.arange(1, len(frame) + 1, dtype=np.int64)
    empty = Finding("file.no-rows", "warning", source, None, None, "0 rows", "at least 1 row", "nothing to simulate; check the export")
    return RawTable(source, tuple(texts.columns), column, line, len(frame), () if len(frame) else (empty,))
