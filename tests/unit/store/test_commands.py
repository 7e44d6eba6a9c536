"""Commands are rows that change their state by comparing it; a key makes two askings one command."""

import asyncio
from dataclasses import replace

import pytest

from evloom.store import cluster, commands
from evloom.store.commands import CommandRow
from evloom.store.errors import Conflict

ROW = CommandRow("c1", "S1", "Reset", '{"hard":true}', "queued", deadline_s=100.0, created_at_s=1.0, actor="me")


def do(database, function, *given, **more):
    return database.write_now(lambda conn: function(conn, *given, **more))


def test_the_same_key_is_the_same_command_and_another_content_a_conflict(database):
    first = do(database, commands.add, replace(ROW, idempotency_key="k"))
    again = do(database, commands.add, replace(ROW, command_id="c2", idempotency_key="k", deadline_s=500.0))
    assert again == first
    with pytest.raises(Conflict, match="used for another command"):
        do(database, commands.add, replace(ROW, command_id="c3", body="{}", idempotency_key="k"))
    assert do(database, commands.find, "c2") is None


def test_two_askings_at_once_are_one_command(database):
    async def both():
        rows = [replace(ROW, command_id=f"c{number}", idempotency_key="k") for number in range(10)]
        return await asyncio.gather(*(database.write(lambda conn, row=row: commands.add(conn, row)) for row in rows))

    assert len({row.command_id for row in asyncio.run(both())}) == 1


def test_the_way_of_a_command(database):
    do(database, commands.add, ROW)
    do(database, commands.add, replace(ROW, command_id="c0", created_at_s=2.0))
    assert do(database, commands.next_queued, "S1").command_id == "c1"
    sent = do(database, commands.mark_sent, "c1", "one", 10.0)
    assert (sent.state, sent.gateway, sent.sent_at_s) == ("sent", "one", 10.0)
    assert do(database, commands.mark_sent, "c1", "two", 10.0) is None
    assert do(database, commands.next_queued, "S1").command_id == "c0"
    assert do(database, commands.mark_unsent, "c1").state == "queued"
    do(database, commands.mark_sent, "c1", "one", 20.0)
    ended = do(database, commands.end, "c1", "answered", result='{"status":"Accepted"}', at_s=21.0)
    assert (ended.state, ended.result, ended.answered_at_s) == ("answered", '{"status":"Accepted"}', 21.0)
    assert do(database, commands.end, "c1", "failed", error="late", at_s=22.0) is None
    assert do(database, commands.mark_unsent, "c1") is None


def test_past_its_deadline_it_expires_and_is_not_sent(database):
    do(database, commands.add, ROW)
    do(database, commands.add, replace(ROW, command_id="c2", deadline_s=300.0))
    assert not do(database, commands.overdue, 99.0)
    assert do(database, commands.overdue, 100.0)
    assert do(database, commands.mark_sent, "c1", "one", 100.0) is None
    assert [row.command_id for row in do(database, commands.expire, 100.0)] == ["c1"]
    assert do(database, commands.find, "c1").state == "expired"
    assert do(database, commands.expire, 100.0) == []


def test_what_waits_for_a_gateway_and_what_it_left_without_an_answer(database):
    do(database, cluster.claim, "S1", "one", 0.0)
    do(database, cluster.claim, "S2", "two", 0.0)
    do(database, commands.add, ROW)
    do(database, commands.add, replace(ROW, command_id="c2", station_id="S2"))
    assert do(database, commands.waiting_stations, "one") == ["S1"]
    do(database, commands.mark_sent, "c1", "one", 10.0)
    assert do(database, commands.sent_by, "one", 10.0) == []
    assert do(database, commands.sent_by, "one", 11.0) == ["c1"]
    assert [row.state for row in do(database, commands.fail_sent, ["c1", "c2"], "the gateway died", 12.0)] == ["failed"]
