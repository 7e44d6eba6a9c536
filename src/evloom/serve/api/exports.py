"""Tables as files: CSV and Parquet."""

import io
from collections.abc import Iterator
from typing import Literal

import polars as pl

from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Blob, Endpoint, endpoint
from evloom.serve.api.sessions import SessionPath, between_of, found_session
from evloom.serve.api.shape import UNSET, Id, Input, Instant, Open, StationId, given
from evloom.serve.people.roles import ALL, LOOK
from evloom.store import export, registry
from evloom.store.connection import Connection, Row
from evloom.store.export import FILE_ROWS, Selection

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
_HIDDEN = frozenset({"password_hash"})


class ExportPath(Input):
    """Which table; "meter-values" has one row for each value of each phase."""

    table: Literal["sessions", "meter-values", "stations", "tokens"]


class FormatQuery(Input):
    """As what."""

    format: Literal["csv", "parquet"] = "csv"


class ExportQuery(FormatQuery):
    """Of sessions and meter values: at what, begun when."""

    site_id: Id | Open = UNSET
    station_id: StationId | Open = UNSET
    started_from: Instant | Open = UNSET
    started_until: Instant | Open = UNSET


async def export_table(call: Call, path: ExportPath, query: ExportQuery) -> Blob:
    """A table as CSV or Parquet, at most 250,000 rows: ask for less time where there is more."""
    between = between_of(query.started_from, query.started_until)
    begin_s = float("-inf") if between.from_s is None else between.from_s
    end_s = float("inf") if between.until_s is None else between.until_s
    chosen = Selection(given(query.site_id, ""), given(query.station_id, ""), "", begin_s, end_s, call.scope)
    content = await call.read(lambda conn: written(_pages(conn, call, path.table, chosen), query.format))
    return _file(content, path.table, query.format)


async def export_meter_values(call: Call, path: SessionPath, query: FormatQuery) -> Blob:
    """What the meter said in a session, one row for each value of each phase."""

    def read(conn: Connection) -> bytes:
        found_session(conn, call, path.session_id)
        return written(export.meter_values(conn, Selection(session_id=path.session_id, scope=call.scope)), query.format)

    return _file(await call.read(read), "meter-values", query.format)


def _pages(conn: Connection, call: Call, table: str, chosen: Selection) -> Iterator[pl.DataFrame]:
    if table == "sessions":
        return export.sessions(conn, chosen)
    if table == "meter-values":
        return export.meter_values(conn, chosen)
    if table == "stations":
        return iter([_frame(registry.station_page(conn, call.scope, None, FILE_ROWS, {})[0])])
    return iter([_frame(registry.token_page(conn, call.scope, None, FILE_ROWS, {})[0])])


def _frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame([{name: value for name, value in row.items() if name not in _HIDDEN} for row in rows], infer_schema_length=None)


def written(pages: Iterator[pl.DataFrame], form: str) -> bytes:
    """Pages of a table as one file."""
    kept, left = [], FILE_ROWS
    for page in pages:
        kept.append(page[:left])
        left -= page.height
        if left <= 0:
            break
    whole = pl.concat(kept) if kept else pl.DataFrame()
    if form == "csv":
        return b"".join(export.csv(iter([whole])))
    file = io.BytesIO()
    whole.write_parquet(file)
    return file.getvalue()


def _file(content: bytes, name: str, form: str) -> Blob:
    return Blob(content, CSV if form == "csv" else PARQUET, f"{name}.{form}")


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(export_table, "GET /exports/{table}", "exports", LOOK, media=(CSV, PARQUET)),
    endpoint(export_meter_values, "GET /sessions/{session_id}/meter-values", "exports", ALL, media=(CSV, PARQUET)),
)
