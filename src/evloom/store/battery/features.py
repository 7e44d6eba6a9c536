"""Small records of packs by instant (features of a day, records of a charge), each kind a dataclass of numbers and arrays.

A folder holds bucket=NN/NNNNNNNNNN.parquet: parts that are written once under a name of their own, and now and then replaced by one
that holds them all. A later record of the same pack and instant stands for the earlier one, so that doing something twice is no harm.
Columns: pack_id, at_s, and the fields; arrays as lists, those of more than one dimension with their shape in `<field>.shape`.
"""

import os
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evloom.store.battery.parquet_journal import sync_folder

Record = TypeVar("Record")
N_BUCKET = 64
MOST_PARTS = 16
_TRIES = 100
_INNER: dict[np.dtype[Any], type[pl.DataType]] = {
    np.dtype(np.float64): pl.Float64,
    np.dtype(np.float32): pl.Float32,
    np.dtype(np.int64): pl.Int64,
    np.dtype(np.int32): pl.Int32,
    np.dtype(np.uint8): pl.UInt8,
    np.dtype(np.bool_): pl.Boolean,
}


class FeatureTable(Generic[Record]):
    """Records of one kind. One process appends, any number read meanwhile."""

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        """`kind` is a dataclass whose fields are float, int, bool, str, None or numpy arrays."""
        self._folder, self._kind = Path(folder), kind
        self._names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # what is no dataclass raises here

    def append(self, rows: list[tuple[str, float, Record]]) -> None:
        """Keep (pack_id, at_s, record); durable when this returns. Raises TypeError for a field that cannot be kept."""
        buckets: dict[int, list[tuple[str, float, Record]]] = {}
        for row in rows:
            buckets.setdefault(zlib.crc32(row[0].encode()) % N_BUCKET, []).append(row)
        for bucket, its_rows in sorted(buckets.items()):
            folder = self._folder / f"bucket={bucket:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            parts = _parts(folder)
            _write(folder, parts, self._table(its_rows))
            if len(parts) + 1 > MOST_PARTS:
                self._gather(folder)

    def read(self, pack_id: str, from_s: float = float("-inf"), to_s: float = float("inf")) -> list[tuple[float, Record]]:
        """(at_s, record) of a pack in [from_s, to_s), in order of time."""
        folder = self._folder / f"bucket={zlib.crc32(pack_id.encode()) % N_BUCKET:02d}"
        wanted = (pl.col("pack_id") == pack_id) & (pl.col("at_s") >= from_s) & (pl.col("at_s") < to_s)
        tables = [table.filter(wanted) for table in _tables(folder)]
        latest = {row["at_s"]: row for table in tables for row in table.iter_rows(named=True)}
        return [(at_s, self._record(latest[at_s], tables[0].schema)) for at_s in sorted(latest)]

    def table(self) -> pl.DataFrame:
        """All records as they are kept, in order of pack and time: for models that look at many packs at once."""
        tables = [table for folder in sorted(self._folder.glob("bucket=*")) for table in _tables(folder)]
        return _latest(tables) if tables else pl.DataFrame()

    def _gather(self, folder: Path) -> None:
        parts = _parts(folder)
        _write(folder, parts, _latest([pl.read_parquet(part) for part in parts]))
        for part in parts:
            part.unlink()

    def _table(self, rows: list[tuple[str, float, Record]]) -> pl.DataFrame:
        columns = [pl.Series("pack_id", [row[0] for row in rows]), pl.Series("at_s", [row[1] for row in rows], dtype=pl.Float64)]
        for name in self._names:
            columns += _columns(_column(name), [getattr(row[2], name) for row in rows])
        return pl.DataFrame(columns)

    def _record(self, row: dict[str, Any], schema: pl.Schema) -> Record:
        values = {}
        for name in self._names:
            column = _column(name)
            value, kind = row[column], schema[column]
            if isinstance(kind, pl.List):
                dtype: np.dtype[Any] = next(dtype for dtype, inner in _INNER.items() if inner == kind.inner)
                flat: NDArray[Any] = np.array(value, dtype=dtype)
                value = flat.reshape(row.get(f"{column}.shape") or -1)
            values[name] = value
        return self._kind(**values)


def _column(name: str) -> str:
    """The column of a field; a field may have the name of a column of the table itself."""
    return f"its_{name}" if name in ("pack_id", "at_s") else name


def _columns(name: str, values: list[Any]) -> list[pl.Series]:
    first = values[0]
    if not isinstance(first, np.ndarray):
        if not isinstance(first, float | int | str | np.floating | np.integer | None):
            raise TypeError(f"field {name} of {type(first).__name__}: a number, text or array can be kept")
        return [pl.Series(name, [value.item() if isinstance(value, np.generic) else value for value in values])]
    if first.dtype not in _INNER:
        raise TypeError(f"field {name} is an array of {first.dtype}: {', '.join(str(dtype) for dtype in _INNER)} can be kept")
    lists = pl.Series(name, [pl.Series(value.reshape(-1)) for value in values], dtype=pl.List(_INNER[first.dtype]))
    if first.ndim == 1:
        return [lists]
    return [lists, pl.Series(f"{name}.shape", [list(value.shape) for value in values], dtype=pl.List(pl.Int64))]


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.parquet"))


def _tables(folder: Path) -> list[pl.DataFrame]:
    """All parts in their order; once more from the start where one was gathered into another meanwhile."""
    for _ in range(_TRIES):
        try:
            return [pl.read_parquet(part) for part in _parts(folder)]
        except FileNotFoundError:
            continue
    raise OSError(f"{folder}: parts vanish faster than they can be read")


def _latest(tables: list[pl.DataFrame]) -> pl.DataFrame:
    whole = pl.concat(tables, how="diagonal_relaxed")
    return whole.unique(["pack_id", "at_s"], keep="last", maintain_order=True).sort("pack_id", "at_s", maintain_order=True)


def _write(folder: Path, parts: list[Path], table: pl.DataFrame) -> None:
    number = int(parts[-1].stem) + 1 if parts else 1
    fresh = folder / "part.new"
    with fresh.open("wb") as stream:
        table.write_parquet(stream, compression="zstd", statistics=False)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(folder / f"{number:010d}.parquet")
    sync_folder(folder)
