from concurrent.futures import ThreadPoolExecutor

import pytest

from evloom.pile.station import StationBooted, TransactionSaid
from evloom.store import desk
from evloom.store.database import opened
from evloom.store.errors import Conflict
from evloom.store.log import LogEntry
from evloom.store.tables.assets import evse, site, station, token
from evloom.store.tables.operations import command


def add(database, table, **values):
    database.write_now(lambda conn: conn.execute(table.insert().values(**values)))


def test_a_station_is_entered_once_and_at_the_first_site(database):
    add(database, site, site_id="b", org_id="o2", name="B", zone="UTC")
    add(database, site, site_id="a", org_id="o1", name="A", zone="UTC")
    for accepted in ("pending", "accepted"):
        database.write_now(lambda conn, accepted=accepted: desk.enrol(conn, "S", accepted, 5.0))
    database.write_now(lambda conn: desk.note_boot(conn, "S", StationBooted("ACME", "One", "no. 7"), "ocpp1.6", 6.0))
    database.write_now(lambda conn: desk.enter_evses(conn, "S", {1, 2}, 11.0, 3))
    database.write_now(lambda conn: desk.enter_evses(conn, "S", {2, 3}, 7.0, 1))
    known = database.read_now(lambda conn: desk.registered(conn, "S"))
    assert known == desk.Registered("S", "a", "pending", ("ACME", "One", "no. 7", "", "ocpp1.6", "Accepted"), frozenset({1, 2, 3}))
    rated = database.read_now(lambda conn: [row.rating_kw for row in conn.execute(evse.select().order_by(evse.c.evse))])
    assert rated == [11.0, 11.0, 7.0]


def test_a_removed_station_is_not_known_and_not_entered_again(database):
    add(database, station, station_id="S", removed_at_s=1.0)
    database.write_now(lambda conn: desk.enrol(conn, "S", "accepted", 5.0))
    assert database.read_now(lambda conn: desk.registered(conn, "S")) is None


def test_tokens_are_found_in_any_case(database):
    add(database, token, token="AbC", token_type="ISO14443", group_id="G", expiry_s=9.0, language="de", master=True)
    add(database, token, token="abc", token_type="")
    found = database.read_now(lambda conn: desk.tokens(conn, "aBc", "S"))
    assert found[0] == desk.TokenRow("abc", "", "", False, "Accepted", None, "")
    assert found[1] == desk.TokenRow("AbC", "ISO14443", "G", True, "Accepted", 9.0, "de")
    assert database.read_now(lambda conn: desk.tokens(conn, "' OR 1=1 --", "S")) == []


def test_organisations_are_apart(database):
    for station_id, org_id in (("S1", "one"), ("S2", "two"), ("S0", "")):
        add(database, station, station_id=station_id, org_id=org_id)
    for text, org_id in (("A", "one"), ("B", "")):
        add(database, token, token=text, token_type="", org_id=org_id)
    found = {
        (text, station_id): len(database.read_now(lambda conn, text=text, at=station_id: desk.tokens(conn, text, at)))
        for text in "AB"
        for station_id in ("S0", "S1", "S2")
    }
    assert [at for at, n in found.items() if not n] == [("A", "S2")]


@pytest.mark.parametrize(
    ("body", "state", "at_s", "ordered"),
    [
        ('{"token":{"token":"A"}}', "answered", 10.0, True),
        ('{"token":{"token":"A"}}', "sent", 10.0, True),
        ('{"token":{"token":"A"}}', "failed", 10.0, False),
        ('{"token":{"token":"A"}}', "answered", 4.0, False),
        ('{"token":{"token":"B"}}', "answered", 10.0, False),
        ("nonsense", "answered", 10.0, False),
    ],
)
def test_what_was_ordered(database, body, state, at_s, ordered):
    row = {"command_id": "c", "station_id": "S", "action": "StartCharging", "body": body, "state": state, "created_at_s": at_s}
    add(database, command, **row, deadline_s=0.0, result="{}", error="", gateway="", actor="")
    assert database.read_now(lambda conn: desk.was_ordered(conn, "S", "a", 5.0)) == ordered


def test_what_runs(database):
    said = [TransactionSaid("1", "started", evse=1, token="A"), TransactionSaid("2", "started", evse=2, token="B")]
    said.append(TransactionSaid("2", "ended"))
    database.append_now([LogEntry("S", one, 10.0 + n, 10.0 + n) for n, one in enumerate(said)])
    database.caught_up_now()
    assert database.read_now(lambda conn: desk.running(conn, "S")) == [desk.Running("1", 1, "A", "", 10.0)]
    assert database.read_now(lambda conn: desk.runs_elsewhere(conn, "a", "S", "2"))
    assert not database.read_now(lambda conn: desk.runs_elsewhere(conn, "A", "S", "1"))
    assert not database.read_now(lambda conn: desk.runs_elsewhere(conn, "B", "T", "1"))


def test_numbers_hold(database):
    ask = [("S", "k1"), ("S", "k2"), ("S", "k1"), ("T", "k1")]
    numbers = [database.write_now(lambda conn, one=one: desk.allot(conn, *one)) for one in ask]
    assert numbers == [1, 2, 1, 1]


def test_two_processes_never_give_the_same_number(url):
    """Each start is asked of both, as when a station changes its gateway while the old one has it still in hand."""
    databases = [opened(url), opened(url)]

    def allotted(database, key):
        while True:
            try:
                return database.write_now(lambda conn: desk.allot(conn, "S", key))
            except Conflict:
                continue

    keys = [f"k{n}" for n in range(20)]
    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda database: [allotted(database, key) for key in keys], databases)
        assert first == second
        assert sorted(first) == list(range(1, 21))
    finally:
        for database in databases:
            database.close_now()
