"""kill -9 under load, again and again, through the whole platform: what was answered is there, and projected, after the next start."""

import asyncio
import json
import sqlite3

import pytest

from evloom.store.pack import unpacked
from tests.system.ocpp_client import OcppClient
from tools.bench.serve_load import boot, connected, word
from tools.bench.serve_server import Server

pytestmark = pytest.mark.usefixtures("socket_enabled")

VERSION = "ocpp2.0.1"
N_STATION, N_ANSWERED, N_KILL = 20, 300, 3


async def _until_killed(server: Server, first_turn: int) -> set[tuple[int, str, int]]:
    """Words under load until some hundreds are answered, then kill -9; (station, transaction, sequence) of those that were answered."""
    clients = await connected(server.port, N_STATION, VERSION)
    await asyncio.gather(*(client.call(*boot(VERSION, number), timeout_s=60.0) for number, client in enumerate(clients)))
    answered: set[tuple[int, str, int]] = set()
    turns = [first_turn] * N_STATION

    def came(number: int, client: OcppClient, body: bytes) -> None:
        assert body.startswith(b"[3,"), body
        said = json.loads(word(number, turns[number]))[3]
        answered.add((number, said["transactionInfo"]["transactionId"], said["seqNo"]))
        turns[number] += 1
        client.send(word(number, turns[number]))

    for number, client in enumerate(clients):
        client.on_answer = lambda body, number=number, client=client: came(number, client, body)
        client.send(word(number, turns[number]))
    async with asyncio.timeout(60.0):
        while len(answered) < N_ANSWERED:  # noqa: ASYNC110  answers come by themselves
            await asyncio.sleep(0.01)
    server.kill()
    await asyncio.gather(*(client.closed for client in clients))
    return answered


def test_nothing_that_was_answered_is_missing(tmp_path):
    answered: set[tuple[int, str, int]] = set()
    for turn in range(N_KILL):
        with Server(tmp_path / "data", LOG__LEVEL="warning", AUTHORISATION__UNKNOWN_TOKENS="accept") as server:
            answered |= asyncio.run(_until_killed(server, 1000 * turn))
    with Server(tmp_path / "data", LOG__LEVEL="warning") as server:
        while server.metric("evloom_projection_lag_events"):
            pass
        conn = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
        kept = {
            (int(station.removeprefix("CP")), body["transaction"], body["seq"])
            for station, body in (
                (row[0], json.loads(unpacked(row[1])))
                for row in conn.execute("SELECT station_id, body FROM log WHERE kind = 'TransactionSaid'")
            )
        }
        sessions = {row[0] for row in conn.execute("SELECT session_id FROM session")}
        conn.close()
    assert len(answered) >= N_KILL * N_ANSWERED
    assert answered <= kept
    assert {f"CP{number}:{transaction}" for number, transaction, _ in answered} <= sessions
