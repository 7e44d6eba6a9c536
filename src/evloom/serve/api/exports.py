"""Tables as files: CSV and Parquet, and the meter values of a session."""

import asyncio
import io
from typing import Any, Literal

import msgspec
import polars as pl
from msgspec import UnsetType

from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Blob, Endpoint, endpoint
from evloom.serve.api.sessions import SessionPath, between_of, found_session
from evloom.serve.api.shape import UNSET, Input, Instant
from evloom.serve.people.roles import ALL, LOOK
from evloom.store import meters, registry, views
from evloom.store.connection import Connection, Row
from evloom.store.views import Between

ROWS_MAX = 200_000
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
_SESSION = (
    "session_id station_id site_id evse connector transaction token token_type group_id started_at_s ended_at_s begin_kwh end_kwh "
    "energy_kwh reason suspect offline protocol"
).split()
_HIDDEN = frozenset({"password_hash"})


class ExportPath(Input):
    """Which table."""

    table: Literal["sessions", "stations", "tokens"]


class ExportQuery(Input):
    """As what; of sessions, begun when."""

    format: Literal["csv", "parquet"] = "csv"
    started_from: Instant | UnsetType = UNSET
    started_until: Instant | UnsetType = UNSET


class FormatQuery(Input):
    """As what."""

    format: Literal["csv", "parquet"] = "csv"


async def export_table(call: Call, path: ExportPath, query: ExportQuery) -> Blob:
    """A table as CSV or Parquet, at most 200,000 rows. Instants are epoch seconds."""
    between = between_of(query.started_from, query.started_until)
    rows = await call.read(lambda conn: _rows(conn, call, path.table, between))
    return await _file(rows, path.table, query.format)


async def export_meter_values(call: Call, path: SessionPath, query: FormatQuery) -> Blob:
    """What the meter said in a session, one row for each measured value."""

    def read(conn: Connection) -> list[Row]:
        found_session(conn, call, path.session_id)
        return [
            {"session_id": path.session_id, **msgspec.structs.asdict(_Sampled(value.at_s, *_parts(sample)))}
            for value in meters.every(conn, path.session_id)
            for sample in value.samples
        ]

    return await _file(await call.read(read), "meter-values", query.format)


class _Sampled(msgspec.Struct):
    at_s: float
    measurand: str
    phase: str
    location: str
    context: str
    value: float


def _parts(sample: Any) -> tuple[Any, ...]:
    return (sample.measurand, sample.phase, sample.location, sample.context, sample.value)


def _rows(conn: Connection, call: Call, table: str, between: Between) -> list[Row]:
    if table == "sessions":
        return views.session_batches(conn, call.scope, between, _SESSION, ROWS_MAX)
    if table == "stations":
        rows = registry.station_page(conn, call.scope, None, ROWS_MAX, {})[0]
    else:
        rows = registry.token_page(conn, call.scope, None, ROWS_MAX, {})[0]
    return [{name: value for name, value in row.items() if name not in _HIDDEN} for row in rows]


async def _file(rows: list[Row], name: str, form: str) -> Blob:
    content = await asyncio.to_thread(written, rows, form)
    return Blob(content, CSV if form == "csv" else PARQUET, f"{name}.{form}")


def written(rows: list[Row], form: str) -> bytes:
    """Rows as a file. In CSV a text that a spreadsheet would run as a formula is kept as text by an apostrophe before it."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    file = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(file)
    else:
        text = pl.col(pl.String)
        guarded = pl.when(text.str.contains(r"^[=+@\t\r-]")).then(pl.lit("'") + text).otherwise(text)
        frame.with_columns(guarded.name.keep()).write_csv(file)
    return file.getvalue()


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(export_table, "GET /exports/{table}", "exports", LOOK, media=(CSV, PARQUET)),
    endpoint(export_meter_values, "GET /sessions/{session_id}/meter-values", "exports", ALL, media=(CSV, PARQUET)),
)
