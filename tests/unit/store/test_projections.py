"""Sessions, meter values and states are worked out from the log, once, and can be worked out again."""

import pytest
from sqlalchemy import select, update

from evloom.pile.station import Deviated, MeterSeen, StationBooted, StationConnected, StationDisconnected, StatusSeen, TransactionSaid
from evloom.pile.transaction import Session, fold
from evloom.store import log, meters, projections, session_rows
from evloom.store.batch import _HANDLERS
from evloom.store.database import Database, opened
from evloom.store.tables import assets
from evloom.store.tables import projections as tables
from evloom.store.tables.log import dead_letter
from evloom.store.tables.log import log as log_table
from tests.unit.store.words import PROJECTIONS, START_S, charging, entry, nine_samples, said


def rows(database: Database, table):
    return database.read_now(lambda conn: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))])


def test_a_session_is_what_the_fold_says(database):
    entries = charging("S1", "T1", 5)
    database.append_now(entries)
    database.caught_up_now()
    session = None
    for kept in entries:
        assert isinstance(kept.event, TransactionSaid)
        session = fold(session or Session(station_id="S1"), kept.event, kept.happened_at_s, kept.known_at_s)
    found = database.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))
    assert found == {"S1:T1": session}
    row = database.read_now(lambda conn: conn.execute(select(tables.session)).one())
    assert (row.station_id, row.transaction, row.token, row.evse) == ("S1", "T1", "CARD", 1)
    assert row.energy_kwh == pytest.approx(11.0 * 5 / 60)
    assert row.ended_at_s == START_S + 301
    assert row.changed_at_s == START_S + 301


def test_meter_values_keep_every_measurand_and_phase(database):
    database.append_now(charging("S1", "T1", 2))
    database.caught_up_now()
    values = database.read_now(lambda conn: meters.of_session(conn, "S1:T1"))
    assert [value.at_s - START_S for value in values] == [0.0, 60.0, 120.0, 121.0]
    second = values[1]
    assert second.samples == nine_samples(START_S + 60, 100.0 + 11.0 / 60)
    assert (second.power_kw, second.soc, second.voltage_v) == (11.0, 0.5, 231.0)
    assert second.current_a == pytest.approx(11.0 / 3 / 0.23)
    assert values[0].energy_kwh == 100.0
    assert [sample.context for value in (values[0], values[3]) for sample in value.samples] == ["Transaction.Begin", "Transaction.End"]


def test_states_of_stations_and_connectors(database):
    database.append_now(
        [
            entry("S1", StationConnected("ocpp2.0.1", "127.0.0.1", 1, "g1"), 0.0),
            entry("S1", StationBooted("Volt", "X1", firmware="1.2"), 1.0),
            entry("S1", StatusSeen(1, 1, "Available"), 2.0),
            entry("S1", StatusSeen(1, 1, "Occupied", "Charging"), 3.0),
            entry("S1", StatusSeen(1, 1, "Occupied", "Charging"), 9.0),
            entry("S1", MeterSeen(1, nine_samples(START_S)), 9.0),
            entry("S1", Deviated("StatusNotification", "enum", "status", "busy"), 10.0),
            entry("S1", Deviated("StatusNotification", "enum", "status", "idle", "tell the maker"), 11.0),
            entry("S1", StationDisconnected("closed"), 12.0),
            entry("S2", StationConnected("ocpp1.6"), 13.0),
        ]
    )
    database.caught_up_now()
    first, second = rows(database, tables.station_state)
    state = dict(zip(tables.station_state.c.keys(), first, strict=True))
    assert (state["connected"], state["protocol"], state["vendor"], state["firmware"]) == (False, "ocpp2.0.1", "Volt", "1.2")
    assert (state["cursor"], state["last_seen_s"], state["n_deviation"]) == (9, START_S + 12, 2)
    assert second[2] == 1
    connector = rows(database, tables.connector_state)
    assert connector == [("S1", 1, 1, "Occupied", "Charging", "", "", "", START_S + 3, START_S + 9)]
    assert rows(database, tables.deviation) == [("S1", "StatusNotification", "enum", "status", 2, START_S + 11, "idle", "tell the maker")]
    assert database.read_now(lambda conn: meters.of_session(conn, ""))[0].samples == nine_samples(START_S)


def everything(database: Database):
    return {table.name: rows(database, table) for table in PROJECTIONS}


def test_rebuilt_they_are_the_same(database):
    for station in ("S1", "S2", "S3"):
        database.append_now([entry(station, StationConnected("ocpp2.1")), *charging(station, "T1", 3), *charging(station, "T2", 3)[:-1]])
    database.caught_up_now()
    before = everything(database)
    assert len(before["session"]) == 6
    projections.rebuild_now(database)
    assert everything(database) == before
    database.append_now(charging("S1", "T2", 3)[-1:])
    database.caught_up_now()
    assert [row[9] is None for row in rows(database, tables.session)] == [False, False, False, True, False, True]


def test_what_was_not_projected_is_projected_when_opened(url):
    database = opened(url)
    database.append_now(charging("S1", "T1", 3))
    database.caught_up_now()
    whole = everything(database)
    database.write_now(projections._emptied)
    database.close_now()
    again = opened(url)
    again.caught_up_now()
    assert everything(again) == whole
    assert again.lag().n == 0
    again.close_now()


def test_a_session_knows_its_site_and_what_its_evse_can_give(database):
    def registered(conn):
        conn.execute(assets.station.insert().values(station_id="S1", site_id="depot"))
        conn.execute(assets.evse.insert().values(station_id="S1", evse=1, rating_kw=22.0))

    database.write_now(registered)
    database.append_now([entry("S1", StationConnected("ocpp2.1")), *charging("S1", "T1", 1)])
    database.caught_up_now()
    session = database.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))["S1:T1"]
    assert (session.site_id, session.rating_kw, session.protocol) == ("depot", 22.0, "ocpp2.1")


def test_an_entry_that_cannot_be_projected_is_buried_and_stops_nothing(database, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a rule that fails")

    with monkeypatch.context() as patch:
        patch.setitem(_HANDLERS, "StationBooted", broken)
        database.append_now([entry("S1", StationBooted("V", "M"), 1.0), entry("S1", StatusSeen(1, 1, "Available"), 2.0)])
        database.caught_up_now()
    assert rows(database, dead_letter) == [(1, "S1", "StationBooted", "ZeroDivisionError: a rule that fails", START_S + 1)]
    assert len(rows(database, tables.connector_state)) == 1
    projections.rebuild_now(database)
    assert rows(database, dead_letter) == []


def test_an_entry_that_the_database_does_not_take_is_buried_too(database):
    too_big = said("T1", "started", 0, token="CARD")
    odd = StatusSeen(2**70, 1, "Available")
    database.append_now([entry("S1", StatusSeen(1, 1, "Available")), entry("S1", odd), entry("S1", too_big), entry("S2", too_big)])
    database.caught_up_now()
    buried = rows(database, dead_letter)
    assert [(row[0], row[2]) for row in buried] == [(2, "StatusSeen")]
    assert len(rows(database, tables.session)) == 2
    assert [row[1] for row in rows(database, tables.station_state)] == [3, 4]


def test_a_session_of_another_station_with_the_same_name_is_not_touched(database):
    database.append_now([entry("A:B", said("C", "started", 0)), entry("A", said("B:C", "started", 0))])
    database.caught_up_now()
    assert [row[1] for row in rows(database, tables.session)] == ["A:B"]
    assert "is a session of station A:B" in rows(database, dead_letter)[0][3]


def test_another_gateway_left_entries_that_it_did_not_project(url):
    if url.startswith("sqlite"):
        pytest.skip("several gateways share a PostgreSQL only")
    one, two = opened(url, gateway="one"), opened(url, gateway="two")
    words = charging("S1", "T1", 6)
    one.append_now(words[:2])
    one.caught_up_now()
    two.append_now(words[2:4])
    two.caught_up_now()
    # What one appended after this was not projected when it died.
    cursor = one.read_now(lambda conn: conn.execute(select(tables.station_state.c.cursor)).scalar_one())
    one.append_now(words[4:6])
    one.caught_up_now()
    two.write_now(lambda conn: conn.execute(update(tables.station_state).values(cursor=cursor)).rowcount)
    two.caught_up_now("S1")
    running = two.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))["S1:T1"]
    assert running.trail.seqs == ((0, 5),)
    two.write_now(lambda conn: conn.execute(update(tables.station_state).values(cursor=cursor)).rowcount)
    two.append_now(words[6:])
    two.caught_up_now()
    session = two.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))["S1:T1"]
    assert session.missing_seq == ()
    assert session.ended_at_s is not None
    assert two.read_now(lambda conn: log.read(conn, after=0))[-1].number == two.read_now(
        lambda conn: conn.execute(select(tables.station_state.c.cursor)).scalar_one()
    )
    one.close_now()
    two.close_now()


def test_an_entry_that_cannot_be_read_is_buried(url):
    database = opened(url)
    database.append_now([entry("S1", StatusSeen(1, 1, "Available")), entry("S1", StatusSeen(1, 2, "Available"))])
    database.caught_up_now()
    database.write_now(projections._emptied)
    damaged = update(log_table).where(log_table.c.number == 1).values(body=b'{"evse":null')
    database.write_now(lambda conn: conn.execute(damaged).rowcount)
    database.close_now()
    again = opened(url)
    again.caught_up_now()
    assert [row[3] for row in rows(again, dead_letter)] == ["ValueError: its body cannot be read"]
    assert [row[2] for row in rows(again, tables.connector_state)] == [2]
    again.close_now()


def test_the_log_is_flushed_to_the_disk_and_the_projections_need_not_be(tmp_path):
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")

    def synchronous(conn) -> int:
        found: int = conn.exec_driver_sql("PRAGMA synchronous").scalar_one()
        return found

    for word in charging("S1", "T1", 3):
        database.append_now([word])
        database.caught_up_now()
        assert database.write_now(synchronous) == 2
    assert database.read_now(lambda conn: conn.exec_driver_sql("PRAGMA journal_mode").scalar_one()) == "wal"
    assert database.write_now(lambda conn: conn.exec_driver_sql("PRAGMA foreign_keys").scalar_one()) == 1
    database.close_now()
