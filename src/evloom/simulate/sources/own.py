"""Evloom's own session format: one row a session, one column a quantity, unit in the column's name.

Instants are ISO 8601 with their UTC offset. The same columns in CSV (comma, UTF-8, perhaps gzip) and in
parquet. An empty cell is an unknown value.
"""

import csv
import gzip
import io
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float, from_epoch_s
from evloom.simulate.sources.checks import Draft, draft_of
from evloom.simulate.sources.convert import Column, instants, numbers
from evloom.simulate.sources.formats import SessionFormat, one_currency
from evloom.simulate.sources.rows import RawTable, refuse_file
from evloom.simulate.sources.table import INSTANT_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS, SessionTable

REQUIRED = ("session_id", "arrival", "departure", "energy_kwh")
INSTANTS = {name.removesuffix("_s"): name for name in INSTANT_COLUMNS}
COMMON = ("currency", "zone")
COLUMNS = (*TEXT_COLUMNS, *INSTANTS, *NUMBER_COLUMNS, *COMMON)


def _convert(raw: RawTable) -> Draft:
    cell = raw.column
    column: dict[str, Column] = {INSTANTS[name]: instants(cell[name]) for name in INSTANTS if name in cell}
    column.update({name: numbers(cell[name]) for name in NUMBER_COLUMNS if name in cell})
    draft = draft_of(raw, {name: list(cell[name]) for name in TEXT_COLUMNS if name in cell}, column)
    draft.shown = {instant: plain for plain, instant in INSTANTS.items()}
    for name in raw.header:
        if name not in COLUMNS:
            allowed = ", ".join(COLUMNS)
            draft.log.findings.append(
                Finding(
                    "session.unknown-column",
                    "warning",
                    raw.source,
                    None,
                    name,
                    "an unknown column",
                    allowed,
                    "not used; mind units and spelling",
                )
            )
    draft.zone = _one_zone(raw)
    one_currency(draft, cell.get("currency", []))
    return draft


def _one_zone(raw: RawTable) -> str:
    names = sorted({text for text in raw.column.get("zone", []) if text})
    for name in names:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            allowed = "an IANA name such as Europe/Berlin"
            raise refuse_file(raw.source, "session.unknown-zone", name, allowed, "mend the column zone") from None
    if len(names) > 1:
        raise refuse_file(raw.source, "session.many-zones", ", ".join(names), "one zone in a file", "split the file by site")
    return names[0] if names else ""


OWN = SessionFormat("evloom", ",", REQUIRED, _convert)


def _texts(value: Float) -> list[str]:
    return ["" if np.isnan(x) else repr(float(x)).removesuffix(".0") for x in value]


def _instant_texts(second_s: Float) -> list[str]:
    """Instants in UTC, to the second where nothing is lost by it."""
    rounded = [None if np.isnan(x) else from_epoch_s(float(x)) for x in second_s]
    return ["" if instant is None else instant.isoformat().replace("+00:00", "Z") for instant in rounded]


def own_columns(table: SessionTable) -> dict[str, list[str]]:
    """The table as columns of text in Evloom's own format; columns that are unknown on every row are left out."""
    column: dict[str, list[str]] = {name: getattr(table, name) for name in TEXT_COLUMNS}
    column.update({plain: _instant_texts(getattr(table, name)) for plain, name in INSTANTS.items()})
    column.update({name: _texts(getattr(table, name)) for name in NUMBER_COLUMNS})
    column.update({name: [getattr(table, name)] * len(table) for name in COMMON})
    return {name: cells for name, cells in column.items() if name in REQUIRED or any(cells)}


def write_sessions(table: SessionTable, path: Path) -> None:
    """Write a table in Evloom's own format: CSV, gzip-compressed CSV (.gz) or parquet (.parquet), by the file's name.

    The same table gives the same bytes (the gzip header bears no time). Raises OSError when it cannot be written.
    """
    column = own_columns(table)
    if path.suffix == ".parquet":
        import polars as pl

        typed = {name: pl.Series(name, getattr(table, name), nan_to_null=True) for name in column if name in NUMBER_COLUMNS}
        pl.DataFrame({name: typed.get(name, pl.Series(name, cells)) for name, cells in column.items()}).write_parquet(path)
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column)
    writer.writerows(zip(*column.values(), strict=True))
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
