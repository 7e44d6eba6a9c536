"""Sessions and meter values as tables for people and their tools: CSV and Parquet, a page at a time.

for page in export.sessions(conn, Selection(site_id="depot")): ...          polars frames
export.to_files(export.meter_values(conn, selection), folder, "meters", "parquet")
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl
from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from evloom.store import scoped
from evloom.store.meters import value_of
from evloom.store.scope import EVERYTHING, Scope
from evloom.store.tables.projections import meter_shape, meter_value, session

PAGE_ROWS = 5000
FILE_ROWS = 250_000
"""Rows of a file at most."""
_FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for a formula at the beginning of a text (OWASP, CSV injection, 2024); our CSV puts a ' before it."""

_INSTANT = pl.Datetime("us", "UTC")
_SESSION_SCHEMA = {
    **dict.fromkeys("session_id station_id site_id".split(), pl.String),
    **dict.fromkeys("evse connector".split(), pl.Int64),
    **dict.fromkeys("transaction token token_type group_id protocol".split(), pl.String),
    **dict.fromkeys("started_at_s ended_at_s begin_kwh end_kwh energy_kwh discharged_kwh soc".split(), pl.Float64),
    **dict.fromkeys("charging_state reason suspect".split(), pl.String),
    "offline": pl.Boolean,
}
_METER_SCHEMA = {
    **dict.fromkeys("session_id station_id".split(), pl.String),
    "evse": pl.Int64,
    "at_s": pl.Float64,
    **dict.fromkeys("measurand phase location context".split(), pl.String),
    "value": pl.Float64,
    "signed": pl.String,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sessions, or meter values of which: by site, station or session ("" any), that began from `from_s` up to before `until_s`,
    of those that `scope` may see."""

    site_id: str = ""
    station_id: str = ""
    session_id: str = ""
    from_s: float = float("-inf")
    until_s: float = float("inf")
    scope: Scope = EVERYTHING

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a query over sessions."""
        named = ((session.c.site_id, self.site_id), (session.c.station_id, self.station_id), (session.c.session_id, self.session_id))
        found: list[ColumnElement[bool]] = [*scoped.sessions(self.scope), *(column == value for column, value in named if value)]
        if self.from_s > float("-inf"):
            found.append(session.c.started_at_s >= self.from_s)
        if self.until_s < float("inf"):
            found.append(session.c.started_at_s < self.until_s)
        return found


def sessions(conn: Connection, selection: Selection, *, page: int = PAGE_ROWS) -> Iterator[pl.DataFrame]:
    """Pages of sessions in the order of their start; `started_at`, `ended_at` are UTC instants."""
    for rows in _pages(conn, select(*(session.c[name] for name in _SESSION_SCHEMA)).where(*selection.conditions()), page):
        table = pl.DataFrame([tuple(row) for row in rows], schema=_SESSION_SCHEMA, orient="row")
        yield table.with_columns(_instant("started_at_s"), _instant("ended_at_s")).rename(
            {"started_at_s": "started_at", "ended_at_s": "ended_at"}
        )


def meter_values(conn: Connection, selection: Selection, *, page: int = PAGE_ROWS) -> Iterator[pl.DataFrame]:
    """Pages of meter values in long form, one row for each value of each phase: session by session, in order of time."""
    query = select(session.c.session_id, session.c.started_at_s).where(*selection.conditions())
    for rows in _pages(conn, query, page):
        for row in rows:
            yield from _of_session(conn, row.session_id, page)


def csv(pages: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """The pages as one CSV file, piece by piece: a head, then rows; instants are ISO 8601 in UTC."""
    head = True
    for table in pages:
        texts = [name for name, kind in table.schema.items() if kind == pl.String]
        guarded = table.with_columns(
            pl.when(pl.col(name).str.contains(_FORMULA)).then(pl.concat_str(pl.lit("'"), name)).otherwise(pl.col(name)).alias(name)
            for name in texts
        )
        yield guarded.write_csv(include_header=head, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ").encode()
        head = False


def to_files(
    pages: Iterator[pl.DataFrame], folder: Path, name: str, kind: Literal["csv", "parquet"], *, file_rows: int = FILE_ROWS
) -> list[Path]:
    """Write the pages to NAME-0001.KIND and so on in `folder`, each with `file_rows` rows at most; returns the files."""
    files: list[Path] = []
    for table in _filled(pages, file_rows):
        file = folder / f"{name}-{len(files) + 1:04}.{kind}"
        if kind == "csv":
            file.write_bytes(b"".join(csv(iter([table]))))
        else:
            table.write_parquet(file)
        files.append(file)
    return files


def _pages(conn: Connection, query: Select[*tuple[object, ...]], page: int) -> Iterator[list[Row[*tuple[object, ...]]]]:
    """Rows in pages by (started_at_s, session_id), both of which the query must give."""
    keys = (session.c.started_at_s, session.c.session_id)
    after: tuple[float, str] | None = None
    while True:
        beyond = query if after is None else query.where(tuple_(*keys) > after)
        rows = list(conn.execute(beyond.order_by(*keys).limit(page)))
        if not rows:
            return
        yield rows
        after = (rows[-1].started_at_s, rows[-1].session_id)


def _of_session(conn: Connection, session_id: str, page: int) -> Iterator[pl.DataFrame]:
    query = (
        select(meter_value, meter_shape.c.body)
        .join(meter_shape, meter_shape.c.shape_id == meter_value.c.shape_id)
        .where(meter_value.c.session_id == session_id)
        .order_by(meter_value.c.at_s, meter_value.c.meter_value_id)
    )
    for rows in conn.execute(query).partitions(page):
        values = [value_of(row) for row in rows]
        long = [
            (
                value.session_id,
                value.station_id,
                value.evse,
                value.at_s,
                one.measurand,
                one.phase,
                one.location,
                one.context,
                one.value,
                one.signed,
            )
            for value in values
            for one in value.samples
        ]
        yield pl.DataFrame(long, schema=_METER_SCHEMA, orient="row").with_columns(_instant("at_s")).rename({"at_s": "at"})


def _instant(name: str) -> pl.Expr:
    return (pl.col(name) * 1e6).round().cast(pl.Int64).cast(_INSTANT)


def _filled(pages: Iterator[pl.DataFrame], file_rows: int) -> Iterator[pl.DataFrame]:
    """Tables of exactly `file_rows` rows, the last one with what is left."""
    waiting: list[pl.DataFrame] = []
    for table in pages:
        waiting.append(table)
        while sum(part.height for part in waiting) >= file_rows:
            whole = pl.concat(waiting)
            yield whole[:file_rows]
            waiting = [whole[file_rows:]]
    if waiting and (last := pl.concat(waiting)).height:
        yield last
