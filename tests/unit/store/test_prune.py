"""The log has an end: what is old and settled is removed, and what came of it stays, also when projections are worked out again."""

from functools import partial

import pytest
from sqlalchemy import select, update

from evloom.pile.station import Deviated, StationBooted, StatusSeen
from evloom.store import days, log, projections, prune
from evloom.store.database import Database
from evloom.store.tables import projections as tables
from evloom.store.tables.log import log as log_table
from evloom.store.tables.money import billing
from tests.unit.store.words import PROJECTIONS, START_S, charging, entry

DAY_S = 86_400.0
BILL = {"org_id": "o", "state": "billed", "seen_changed_at_s": 0.0, "at_s": 0.0, "findings": "[]"}


def later(entries, days_later: float):
    """The same words said some days later."""
    return [entry(one.station_id, one.event, one.happened_at_s - START_S + days_later * DAY_S, key=one.key) for one in entries]


def said(database: Database, entries) -> None:
    database.append_now(entries)
    database.caught_up_now()


def settle(database: Database, *names: str, state: str = "billed") -> None:
    database.write_now(
        lambda conn: [conn.execute(billing.insert().values(**BILL | {"session_id": name, "state": state})) for name in names]
    )


def pruned(database: Database, before_days: float, now_days: float = 100.0, unsettled_days: float = -1000.0) -> int:
    """Remove all that is old; how many entries."""
    before_s, unsettled_s = START_S + before_days * DAY_S, START_S + unsettled_days * DAY_S
    n = 0
    for station in database.read_now(lambda conn: prune.old(conn, before_s, unsettled_s)):
        one = partial(prune.prune, station=station, now_s=START_S + now_days * DAY_S)
        while removed := database.write_now(one):
            n += removed
    return n


def left(database: Database) -> list[tuple[str, str]]:
    return [(kept.station_id, kept.kind) for kept in database.read_now(lambda conn: list(log.every(conn)))]


def everything(database: Database):
    def read(conn):
        return {table.name: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))] for table in PROJECTIONS}

    return database.read_now(read)


def history(database: Database) -> None:
    """Two stations with a session on day 0 and one on day 50 each, deviations and a status on both days."""
    for station in ("S1", "S2"):
        deviated = [entry(station, Deviated("StatusNotification", "enum", "status", f"idle{n}"), 20.0 + n) for n in range(3)]
        first = [entry(station, StationBooted("Volt", "X1"), 1.0), entry(station, StatusSeen(1, 1, "Occupied"), 2.0), *deviated]
        said(database, [*first, *charging(station, "T1", 4)])
        said(database, [*later(deviated[:2], 50.0), *later(charging(station, "T2", 4), 50.0)])


def test_what_is_old_and_settled_goes_and_what_came_of_it_stays(database, monkeypatch):
    monkeypatch.setattr(prune, "ROWS_MAX", 4)
    history(database)
    settle(database, "S1:T1", "S2:T1", "S1:T2", "S2:T2")
    before = everything(database)
    assert pruned(database, 40.0) == 2 * (5 + 6)
    assert len(left(database)) == 2 * (2 + 6)
    assert everything(database) == before
    projections.rebuild_now(database)
    assert everything(database) == before
    assert pruned(database, 40.0) == 0
    assert pruned(database, 60.0) == 2 * 8 - 1  # the newest of all stays
    projections.rebuild_now(database)
    assert everything(database) == before
    said(database, [entry("S1", Deviated("StatusNotification", "enum", "status", "again"), 70 * DAY_S)])
    (one,) = [row for row in everything(database)["deviation"] if row[0] == "S1"]
    assert (one[4], one[6]) == (6, "again")
    projections.rebuild_now(database)
    assert one in everything(database)["deviation"]


@pytest.mark.parametrize(
    ("state", "kept"), [("billed", False), ("void", False), ("unpriced", False), ("held", True), ("review", True), ("", True)]
)
def test_a_session_that_is_not_settled_keeps_its_log(database, state, kept):
    said(database, charging("S1", "T1", 4))
    said(database, later(charging("S2", "T9", 4), 50.0))
    if state:
        settle(database, "S1:T1", state=state)
    assert (pruned(database, 40.0) == 0) is kept
    if kept:  # but not for ever
        assert pruned(database, 40.0, unsettled_days=30.0) == 6


def test_a_session_that_runs_keeps_its_log(database):
    said(database, charging("S1", "T1", 4)[:-1])
    said(database, later(charging("S2", "T9", 4), 50.0))
    assert pruned(database, 40.0) == 0
    said(database, later(charging("S1", "T1", 4)[-1:], 41.0))
    settle(database, "S1:T1")
    assert pruned(database, 40.0) == 5


def test_a_session_goes_on_whose_first_words_are_gone(database):
    entries = charging("S1", "T1", 8)
    said(database, entries[:5])
    said(database, later(charging("S2", "T9", 4), 50.0))
    settle(database, "S1:T1", state="void")
    database.write_now(lambda conn: conn.execute(update(tables.session).values(ended_at_s=START_S)))
    assert pruned(database, 40.0) == 5
    said(database, entries[5:])
    projections.rebuild_now(database)
    row = next(row for row in everything(database)["session"] if row[0] == "S1:T1")
    assert row[tuple(tables.session.c.keys()).index("energy_kwh")] == pytest.approx(11.0 * 8 / 60)


def test_a_clock_that_was_wrong_makes_nothing_old(database):
    """Ahead: an entry dated so says nothing of its age and goes with its neighbours. Behind: nothing before it goes because of it."""
    said(database, charging("S1", "T1", 2)[:2])
    said(database, later(charging("S1", "T1", 2)[2:3], 3000.0))
    said(database, charging("S1", "T1", 2)[3:])
    said(database, later(charging("S1", "T2", 2), 90.0))
    said(database, later(charging("S1", "T3", 2), -8000.0))
    said(database, later(charging("S2", "T9", 1), 95.0))
    settle(database, "S1:T1", "S1:T2", "S1:T3", "S2:T9")
    before = everything(database)
    assert pruned(database, 40.0) == 4
    projections.rebuild_now(database)
    assert everything(database) == before


def test_what_is_not_worked_out_stays(database):
    history(database)
    settle(database, "S1:T1", "S2:T1", "S1:T2", "S2:T2")

    def spoil(conn):
        number = (
            conn.execute(select(log_table.c.number).where(log_table.c.station_id == "S1").order_by(log_table.c.number)).scalars().all()[7]
        )
        conn.execute(update(log_table).where(log_table.c.number == number).values(body=b"{"))

    database.write_now(spoil)
    projections.rebuild_now(database)
    assert len(everything(database)["dead_letter"]) == 1
    assert pruned(database, 40.0) == 7 + 11


def test_days_are_those_on_which_it_ran(database):
    now_s = 20_000 * DAY_S + 3600.0

    def start(days_back: float, at_s: float = now_s):
        return database.read_now(lambda conn: days.start_of(conn, at_s, days_back))

    def ran(*numbers: int) -> None:
        for number in numbers:
            database.write_now(partial(days.note, now_s=number * DAY_S + 7.0))

    ran(*range(19_990, 20_001))
    assert start(10.0) == now_s - 10 * DAY_S
    assert start(0.5) == now_s - 0.5 * DAY_S
    assert start(11.0) is None  # it has not run for so long
    ran(23_000)  # a clock that was far ahead for a while
    assert start(10.0) == now_s - 10 * DAY_S
    ahead_s = 23_000 * DAY_S + 3600.0
    assert start(10.0, ahead_s) == 19_991 * DAY_S + 3600.0  # and as long as it is ahead, one day more is all that counts
