"""A table as it stands in a file: parquet, CSV, JSON or a list in a JSON document. Nothing is checked of its content yet."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evloom.plan.fleet.log import Place
from evloom.simulate.sources.rows import decode, read_bytes, refuse_file

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".json")
ROWS_ALLOWED = "a list of rows [{column: value, ...}, ...] or an object of columns {column: [value, ...], ...}"


@dataclass(frozen=True)
class Sheet:
    """A table and where its rows are: `frame` (n_row) with columns of any type, text as it was written."""

    name: str
    frame: pl.DataFrame
    place: Place

    @property
    def is_empty_list(self) -> bool:
        """Whether it is a list without rows in a document, which says nothing of columns."""
        return bool(self.place.inside) and self.frame.width == 0


def read_json(path: Path) -> Any:
    """The content of a JSON file; NaN and Infinity are read, so that they can be named where they stand. Raises InputError."""
    text = decode(read_bytes(path), path.name)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise refuse_file(path.name, "file.broken-json", str(error), "JSON", "mend the place that is named") from None


def find_sheet(folder: Path, name: str) -> Path | None:
    """The file of a table in a folder. Raises InputError where there are two."""
    found = [folder / f"{name}{suffix}" for suffix in SUFFIXES if (folder / f"{name}{suffix}").exists()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise refuse_file(names, "file.doubled", f"two files of {name}", "one file for each table", "remove the one that does not count")
    return found[0] if found else None


def read_sheet(path: Path, name: str) -> Sheet:
    """The table in a file. Raises InputError where the file cannot be read at all."""
    if path.suffix == ".json":
        return sheet_of(read_json(path), name, path.name, name)
    content = read_bytes(path)
    if content[:4] == b"PAR1":
        try:
            frame = pl.read_parquet(io.BytesIO(content))
        except (pl.exceptions.PolarsError, OSError) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise refuse_file(path.name, "file.broken-parquet", text, "a complete parquet file", "write or copy it again") from None
        return Sheet(name, frame, Place(path.name, np.arange(1, len(frame) + 1)))
    return _csv_sheet(decode(content, path.name), name, path.name)


def _csv_sheet(text: str, name: str, source: str) -> Sheet:
    try:
        frame = pl.read_csv(text.encode(), infer_schema=False, row_index_name="\n")
    except pl.exceptions.PolarsError as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise refuse_file(source, "file.broken-csv", why, "rows of as many cells as the header", "mend or remove that row") from None
    line = frame["\n"].to_numpy().astype(np.int64) + 2
    frame = frame.drop("\n").rename(str.strip).with_columns(pl.all().str.strip_chars().replace("", None))
    filled = ~frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy() if frame.width else np.zeros(len(frame), np.bool_)
    return Sheet(name, frame.filter(filled), Place(source, line[filled]))


def sheet_of(value: Any, name: str, source: str, inside: str) -> Sheet:
    """The table in a JSON value that stands at `inside` in a document. Raises InputError where it is no table."""
    columns = _columns_of(value)
    if columns is None:
        shown = json.dumps(value)
        raise refuse_file(source, "file.no-table", f"{inside} = {shown[:60]}", ROWS_ALLOWED, "write it as a table")
    n_row = len(next(iter(columns.values()), []))
    frame = pl.DataFrame([_series(key, cells) for key, cells in columns.items()])
    return Sheet(name, frame, Place(source, np.arange(n_row), inside))


def _columns_of(value: Any) -> Mapping[str, Sequence[Any]] | None:
    """Columns of equal length, or None where the value is no table."""
    if isinstance(value, dict):
        lists = all(isinstance(cells, list) for cells in value.values())
        return value if lists and len({len(cells) for cells in value.values()}) <= 1 else None
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return None
    names = list(dict.fromkeys(key for row in value for key in row))
    return {key: [row.get(key) for row in value] for key in names}


def _series(name: str, cells: Sequence[Any]) -> pl.Series:
    """Numbers as numbers; a column that holds anything else as text, which shows what was written."""
    if all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells):
        return pl.Series(name, [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64)
    return pl.Series(name, [(cell or None) if isinstance(cell, str | None) else json.dumps(cell) for cell in cells], dtype=pl.String)
