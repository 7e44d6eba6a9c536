"""The log: durable, in order, each word once, and closed to owners of the past."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from evloom.kernel.errors import InputError
from evloom.pile import station as events
from evloom.store import log, session_rows
from evloom.store.database import Database, opened
from evloom.store.errors import ProgrammerError
from evloom.store.tables.operations import ownership
from tests.unit.store.words import START_S, charging, entry, nine_samples

BOOT = events.StationBooted("Volt", "X1")


def test_entries_come_back_as_they_were(database):
    said: list[events.StationEvent] = [
        events.StationConnected("ocpp2.1", "127.0.0.1", 2, "g1"),
        events.StationDisconnected("bye"),
        BOOT,
        events.StatusSeen(1, 2, "Faulted", "Faulted", "GroundFailure", "hüllе 充电", "E7"),
        events.TransactionSaid("T'; DROP TABLE log; --<b>", "started", samples=nine_samples(START_S)),
        events.MeterSeen(1, nine_samples(START_S)),
        events.NeedsSeen(1, "DC_BPT", departure_s=START_S, energy_min_kwh=-5.0),
        events.Noted("NotifyReport", 0, '{"a": 1}'),
        events.Deviated("StatusNotification", "enum", "status", "x"),
    ]
    assert {type(event).__name__ for event in said} == set(log.KINDS)
    done = database.append_now([entry("S1", event, raw=b"\x00\xff") for event in said])
    assert [one.duplicate or one.fenced for one in done] == [False] * len(said)
    kept = database.read_now(log.read)
    assert [one.event for one in kept] == said
    assert [one.number for one in kept] == [one.number for one in done] == sorted(one.number for one in done)
    assert kept[0].raw == b"\x00\xff"
    assert kept[0].happened_at_s == START_S


def test_a_key_is_appended_once(database):
    first = database.append_now([entry("S1", BOOT, key="a"), entry("S1", BOOT, key="b"), entry("S2", BOOT, key="a")])
    again = database.append_now([entry("S1", BOOT, key="c"), entry("S1", BOOT, key="a"), entry("S1", BOOT), entry("S1", BOOT, key="c")])
    assert [one.duplicate for one in first] == [False, False, False]
    assert [one.duplicate for one in again] == [False, True, False, True]
    assert again[1].number == first[0].number
    assert again[3].number == again[0].number
    assert len(database.read_now(log.read)) == 5


def test_numbers_of_sqlite_are_positions(tmp_path):
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    for _ in range(3):
        database.append_now([entry("S1", BOOT, key="a"), entry("S1", BOOT)])
    assert [kept.number for kept in database.read_now(log.read)] == [1, 2, 3, 4]
    database.close_now()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from([None, "x", "y", "z"])), max_size=6), max_size=6))
def test_what_a_dictionary_would_do(tmp_path_factory, calls):
    database = opened(f"sqlite:///{tmp_path_factory.mktemp('log') / 'a.db'}")
    model: list[tuple[str, str | None]] = []
    for call in calls:
        done = database.append_now([entry(station, BOOT, key=key) for station, key in call])
        for (station, key), one in zip(call, done, strict=True):
            known = key is not None and (station, key) in model
            if not known:
                model.append((station, key))
            assert one.duplicate == known
            assert one.number == (model.index((station, key)) + 1 if known else len(model))
    assert [(kept.station_id, kept.key) for kept in database.read_now(log.read)] == model
    database.close_now()


def test_an_owner_of_the_past_appends_nothing(database):
    row = {"station_id": "S1", "gateway": "two", "epoch": 5, "since_s": 0.0}
    database.write_now(lambda conn: conn.execute(insert(ownership).values(**row)).rowcount)
    done = database.append_now(
        [
            entry("S1", BOOT, 0.0, key="old", epoch=4),
            entry("S1", BOOT, 1.0, key="new", epoch=5),
            entry("S2", BOOT, 2.0, epoch=1),
            entry("S1", BOOT, 3.0, key="free"),
        ]
    )
    assert [one.fenced for one in done] == [True, False, False, False]
    assert done[0].number == 0
    assert [kept.key for kept in database.read_now(log.read)] == ["new", None, "free"]
    assert database.append_now([entry("S1", BOOT, key="old", epoch=4)])[0].fenced


def test_only_events_of_stations(database):
    with pytest.raises(ProgrammerError, match=r"holds events of pile\.station, not str"):
        database.append_now([log.LogEntry("S1", "a text", 0.0, 0.0)])
    with pytest.raises(TypeError):
        database.append_now([entry("S1", events.Noted("x", body=object()))])  # type: ignore[arg-type]
    assert database.append_now([]) == []
    assert database.read_now(log.read) == []


def test_many_at_once_are_numbered_in_the_order_of_each_station(database):
    async def station(name: str) -> list[int]:
        return [(await database.append([word]))[0].number for word in charging(name, "T1", 10)]

    async def all_of_them() -> list[list[int]]:
        return await asyncio.gather(*(station(f"S{number}") for number in range(40)))

    numbers = asyncio.run(all_of_them())
    assert all(mine == sorted(mine) for mine in numbers)
    assert len({number for mine in numbers for number in mine}) == 40 * 12


def test_reading_pages_kinds_and_backwards(database):
    database.append_now([entry("S1", BOOT), entry("S2", events.MeterSeen(1)), entry("S1", events.MeterSeen(2)), entry("S1", BOOT)])
    numbers = [kept.number for kept in database.read_now(log.read)]
    assert [kept.number for kept in database.read_now(lambda conn: log.read(conn, "S1", after=numbers[0]))] == numbers[2:]
    assert [kept.number for kept in database.read_now(lambda conn: list(log.every(conn, page=3)))] == numbers
    assert [kept.number for kept in database.read_now(lambda conn: log.latest(conn, n_max=2))] == numbers[:1:-1]
    assert [kept.number for kept in database.read_now(lambda conn: log.latest(conn, before=numbers[2], kinds=["MeterSeen"]))] == [
        numbers[1]
    ]
    found = database.read_now(lambda conn: log.entry_of(conn, numbers[1]))
    assert found is not None
    assert found.station_id == "S2"
    assert database.read_now(lambda conn: log.entry_of(conn, 999)) is None


def test_a_kind_of_a_later_version_is_kept_and_passed_over(database):
    row = ("S1", "Unheard", "{}", 0.0, 0.0, None, b"", 0)
    database.write_now(lambda conn: database_append(database, conn, row))
    database.append_now([entry("S1", BOOT)])
    database.caught_up_now()
    assert [kept.event for kept in database.read_now(log.read)] == [None, BOOT]


def database_append(database: Database, conn, row) -> int:
    from evloom.store.append import PostgresAppender, SqliteAppender

    appender = SqliteAppender() if database.kind == "sqlite" else PostgresAppender()
    return len(appender.append(conn, [row]))


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite:///", "sqlite://", "postgresql", "a b"])
def test_a_wrong_address_is_a_finding(url):
    with pytest.raises(InputError) as caught:
        opened(url)
    assert caught.value.findings[0].code == "store.url"


def test_a_password_is_not_told():
    with pytest.raises(InputError) as caught:
        opened("mysql://me:secret@host/db")
    assert "secret" not in str(caught.value)


def test_texts_that_a_station_filled_up_with_nul(database):
    said = events.TransactionSaid("T1\0\0", "started", token="CARD\0\0\0", reason=r"\u0000 \\u0000" + "\0\\\0")
    database.append_now([entry("S1", said, key="k\0", raw=b"T1\0\0"), entry("S1", BOOT)])
    (kept, _) = database.read_now(log.read)
    assert kept.event == events.TransactionSaid("T1", "started", token="CARD", reason=r"\u0000 \\u0000" + "\\")
    assert (kept.key, kept.raw) == ("k", b"T1\0\0")
    assert database.append_now([entry("S1", said, key="k\0")])[0].duplicate
    database.caught_up_now()
    assert database.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))["S1:T1"].token == "CARD"
