"""Sessions and meter values as CSV and Parquet."""

import io
from datetime import UTC, datetime

import polars as pl
import pytest
from sqlalchemy import update

from evloom.store import export
from evloom.store.export import Selection
from evloom.store.tables.projections import session
from tests.unit.store.words import START_S, charging


@pytest.fixture
def filled(database):
    for number in range(7):
        database.append_now(charging(f"S{number % 2}", f"T{number}", 3, power_kw=11.0 + number)[: 5 if number else 4])
    database.caught_up_now()
    changed = update(session).where(session.c.station_id == "S1").values(token="=HYPERLINK(1)", site_id="depot")
    database.write_now(lambda conn: conn.execute(changed).rowcount)
    return database


def test_sessions_in_pages(filled):
    whole = filled.read_now(lambda conn: pl.concat(export.sessions(conn, Selection())))
    paged = filled.read_now(lambda conn: list(export.sessions(conn, Selection(), page=3)))
    assert [table.height for table in paged] == [3, 3, 1]
    assert pl.concat(paged).equals(whole)
    assert whole["session_id"].n_unique() == 7
    first = whole.row(by_predicate=pl.col("session_id") == "S0:T0", named=True)
    assert first["started_at"] == datetime.fromtimestamp(START_S, UTC)
    assert first["ended_at"] is None
    assert whole.schema["energy_kwh"] == pl.Float64


@pytest.mark.parametrize(
    ("selection", "n"),
    [
        (Selection(site_id="depot"), 3),
        (Selection(station_id="S0"), 4),
        (Selection(session_id="S1:T3"), 1),
        (Selection(from_s=START_S), 7),
        (Selection(from_s=START_S + 1), 0),
        (Selection(until_s=START_S), 0),
        (Selection(station_id="S0", site_id="depot"), 0),
    ],
)
def test_selections(filled, selection, n):
    pages = filled.read_now(lambda conn: list(export.sessions(conn, selection)))
    assert sum(table.height for table in pages) == n


def test_csv_has_one_head_utc_instants_and_no_formulas(filled):
    text = b"".join(filled.read_now(lambda conn: list(export.csv(export.sessions(conn, Selection(), page=2)))))
    lines = text.decode().splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("session_id,station_id,site_id,evse")
    table = pl.read_csv(io.BytesIO(text))
    assert set(table["token"]) == {"CARD", "'=HYPERLINK(1)"}
    assert set(table["started_at"]) == {datetime.fromtimestamp(START_S, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_meter_values_in_files_of_so_many_rows(filled, kind, tmp_path):
    def write(conn):
        return export.to_files(export.meter_values(conn, Selection(), page=2), tmp_path, "meters", kind, file_rows=50)

    files = filled.read_now(write)
    read = pl.read_csv if kind == "csv" else pl.read_parquet
    tables = [read(file) for file in files]
    # 7 sessions with a begin register and 3 words of 9 values, 6 of them with an end register
    assert sum(table.height for table in tables) == 7 * (1 + 27) + 6
    assert [table.height for table in tables[:-1]] == [50] * (len(tables) - 1)
    assert [file.name for file in files][:2] == [f"meters-0001.{kind}", f"meters-0002.{kind}"]
    power = pl.concat(tables).filter(pl.col("measurand") == "Power.Active.Import")
    assert set(power["value"]) == {11.0 + number for number in range(7)}
    assert set(pl.concat(tables)["measurand"]) == {
        "Energy.Active.Import.Register",
        "Power.Active.Import",
        "Current.Import",
        "Voltage",
        "SoC",
    }


def test_nothing_makes_no_file(database, tmp_path):
    assert database.read_now(lambda conn: export.to_files(export.sessions(conn, Selection()), tmp_path, "s", "csv")) == []
    assert database.read_now(lambda conn: list(export.csv(export.meter_values(conn, Selection())))) == []
