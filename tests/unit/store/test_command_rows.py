from dataclasses import replace

import pytest

from evloom.store import cluster, commands
from evloom.store.commands import CommandRow
from evloom.store.errors import Conflict

ROW = CommandRow("c1", "CP1", "Reset", '{"command":"Reset"}', "queued", deadline_s=100.0, idempotency_key="k", created_at_s=1.0)


def _add(database, row):
    return database.write_now(lambda conn: commands.add(conn, row))


def test_a_key_is_one_command(database):
    assert _add(database, ROW) == ROW
    assert _add(database, replace(ROW, command_id="c2")) == ROW
    with pytest.raises(Conflict, match="another command: Reset to CP1"):
        _add(database, replace(ROW, command_id="c2", station_id="CP2"))
    assert _add(database, replace(ROW, command_id="c3", idempotency_key=None)).command_id == "c3"
    assert _add(database, replace(ROW, command_id="c4", idempotency_key=None)).command_id == "c4"


def test_from_queued_by_way_of_sent_to_its_end_and_no_other_way(database):
    _add(database, ROW)
    assert database.write_now(lambda conn: commands.mark_sent(conn, "c1", "one", 100.0)) is None  # too late
    sent = database.write_now(lambda conn: commands.mark_sent(conn, "c1", "one", 50.0))
    assert (sent.state, sent.gateway, sent.sent_at_s) == ("sent", "one", 50.0)
    assert database.write_now(lambda conn: commands.mark_sent(conn, "c1", "two", 51.0)) is None  # only one of two
    back = database.write_now(lambda conn: commands.mark_unsent(conn, "c1"))
    assert (back.state, back.gateway, back.sent_at_s) == ("queued", "", None)
    database.write_now(lambda conn: commands.mark_sent(conn, "c1", "two", 60.0))
    ended = database.write_now(lambda conn: commands.end(conn, "c1", "answered", result='{"x":1}', at_s=61.0))
    assert (ended.state, ended.result, ended.answered_at_s) == ("answered", '{"x":1}', 61.0)
    assert database.write_now(lambda conn: commands.end(conn, "c1", "failed", at_s=62.0)) is None
    assert database.write_now(lambda conn: commands.mark_unsent(conn, "c1")) is None
    assert database.write_now(lambda conn: commands.expire(conn, 1000.0)) == []
    assert database.read_now(lambda conn: commands.find(conn, "c1")) == ended


def test_who_waits_in_which_order_and_until_when(database):
    for number, station_id in enumerate(("CP1", "CP2", "CP1", "CP3")):
        row = replace(ROW, command_id=f"c{number}", station_id=station_id, idempotency_key=None, created_at_s=10.0 - number)
        _add(database, replace(row, deadline_s=50.0 if station_id == "CP2" else 100.0))
    for station_id, gateway in (("CP1", "one"), ("CP2", "one"), ("CP3", "two")):
        database.write_now(lambda conn, s=station_id, g=gateway: cluster.claim(conn, s, g, 0.0))
    assert sorted(database.read_now(lambda conn: commands.waiting_stations(conn, "one"))) == ["CP1", "CP2"]
    assert database.read_now(lambda conn: commands.next_queued(conn, "CP1")).command_id == "c2"  # the older of the two
    assert not database.read_now(lambda conn: commands.overdue(conn, 49.0))
    assert database.read_now(lambda conn: commands.overdue(conn, 50.0))
    (expired,) = database.write_now(lambda conn: commands.expire(conn, 50.0))
    assert (expired.command_id, expired.state, "deadline passed" in expired.error) == ("c1", "expired", True)
    assert database.read_now(lambda conn: commands.waiting_stations(conn, "one")) == ["CP1"]


def test_what_a_dead_process_had_sent(database):
    for number in range(3):
        _add(database, replace(ROW, command_id=f"c{number}", idempotency_key=None))
        database.write_now(lambda conn, n=number: commands.mark_sent(conn, f"c{n}", "dead" if n else "alive", 10.0 + n))
    assert database.read_now(lambda conn: commands.sent_by(conn, "dead", 12.0)) == ["c1"]
    failed = database.write_now(lambda conn: commands.fail_sent(conn, ["c0", "c1", "c9"], "lost", 20.0))
    assert {(row.command_id, row.state, row.error) for row in failed} == {("c0", "failed", "lost"), ("c1", "failed", "lost")}
    assert database.write_now(lambda conn: commands.fail_sent(conn, ["c0"], "again", 21.0)) == []
