"""PostgreSQL goes away and comes back: what waits is kept or refused in the open, and nothing is answered that was not committed."""

import asyncio
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from evloom.pile.station import TransactionSaid
from evloom.store import log
from evloom.store.database import opened
from evloom.store.errors import StoreGone
from evloom.store.frames import Frame
from tests.system.postgres_proxy import CuttingProxy
from tests.unit.store.postgres import PostgresServer, postgres_server
from tests.unit.store.words import charging


@pytest.fixture
def server():
    server = postgres_server()
    yield server
    server.start()


def test_appends_wait_while_it_is_away(server: PostgresServer):
    database = opened(server.fresh(), wait_max_s=60.0)
    answered: list[tuple[int, str, int]] = []

    async def station(name: str) -> None:
        for place, word in enumerate(charging(name, "T1", 60)):
            (done,) = await database.append([word])
            answered.append((done.number, name, place))
            database.note_frame(Frame(name, 1.0, "in", "[2]"))

    async def run() -> None:
        stations = asyncio.gather(*(station(f"S{number}") for number in range(20)))
        for _ in range(3):
            await asyncio.sleep(0.15)
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
        await stations
        await database.caught_up()

    asyncio.run(run())
    kept = {entry.number: entry for entry in database.read_now(lambda conn: list(log.every(conn)))}
    assert len(kept) == len(answered) == 20 * 62
    for number, name, place in answered:
        event = kept[number].event
        assert isinstance(event, TransactionSaid)
        assert (kept[number].station_id, event.seq) == (name, place)
    assert database.lag().n == 0
    database.close_now()


def test_what_waits_too_long_is_refused_in_the_open(server: PostgresServer):
    database = opened(server.fresh(), wait_max_s=0.5)
    words = charging("S1", "T1", 10)
    database.append_now(words[:1])
    server.stop()
    for ask in (lambda: database.append_now(words[1:2]), lambda: database.write_now(lambda conn: 1), lambda: database.read_now(log.read)):
        with pytest.raises(StoreGone, match="cannot be reached"):
            ask()
    asyncio.run(many_are_refused(database))
    server.start()
    done = database.append_now(words[2:3])
    assert [entry.event for entry in database.read_now(log.read)] == [words[0].event, words[2].event]
    assert not done[0].duplicate
    database.close_now()


async def many_are_refused(database) -> None:
    """Those who come while others wait are told in their time too."""
    waiting = []
    for word in charging("S2", "T1", 20):
        waiting.append(asyncio.ensure_future(database.append([word])))
        await asyncio.sleep(0.02)
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 8.0)
    assert {type(outcome) for outcome in outcomes} == {StoreGone}


def test_a_connection_that_dies_in_the_middle_is_made_anew(server: PostgresServer):
    url = server.fresh()
    database = opened(url, wait_max_s=30.0)
    stop = threading.Event()

    def shoot() -> None:
        while not stop.is_set():
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            time.sleep(0.03)

    async def station(name: str) -> list[int]:
        return [(await database.append([word]))[0].number for word in charging(name, "T1", 40)]

    async def run() -> list[list[int]]:
        return await asyncio.gather(*(station(f"S{number}") for number in range(10)))

    shooter = threading.Thread(target=shoot)
    shooter.start()
    numbers = asyncio.run(run())
    stop.set()
    shooter.join()
    kept = database.read_now(lambda conn: list(log.every(conn)))
    assert sorted(entry.number for entry in kept) == sorted(number for mine in numbers for number in mine)
    database.caught_up_now()
    assert database.lag().n == 0
    database.close_now()


def test_while_it_is_away_the_processor_rests(server: PostgresServer):
    database = opened(server.fresh(), wait_max_s=0.2)
    database.append_now(charging("S1", "T1", 10))
    server.stop()
    database.note_frame(Frame("S1", 1.0, "in", "[2]"))
    with pytest.raises(StoreGone):
        database.append_now(charging("S2", "T1", 1))
    begun_s = time.process_time()
    time.sleep(1.0)
    assert time.process_time() - begun_s < 0.5
    server.start()
    database.append_now(charging("S2", "T1", 1))
    database.caught_up_now()
    database.close_now()


def test_closing_while_it_is_away(server: PostgresServer):
    database = opened(server.fresh(), wait_max_s=30.0)
    server.stop()

    async def run():
        waiting = asyncio.ensure_future(database.append(charging("S1", "T1", 1)))
        await asyncio.sleep(0.2)
        await database.close()
        return await asyncio.gather(waiting, return_exceptions=True)

    (outcome,) = asyncio.run(run())
    assert isinstance(outcome, StoreGone)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("cut", [12, 13])
def test_a_commit_whose_answer_was_lost_is_neither_repeated_nor_forgotten(server: PostgresServer, after, cut):
    address = server.fresh()
    opened(address).close_now()
    folder = Path(tempfile.mkdtemp(prefix="evloom-proxy-"))
    proxy = CuttingProxy(folder, server.folder / "data", cut=cut, after=after)
    database = opened(address.replace(str(server.folder / "data"), str(folder)), wait_max_s=30.0)

    async def station(name: str) -> list[int]:
        return [(await database.append([replace(word, key=None)]))[0].number for word in charging(name, "T1", 30)]

    async def run() -> list[list[int]]:
        numbers = await asyncio.gather(*(station(f"S{number}") for number in range(5)))
        await database.caught_up()
        return numbers

    numbers = asyncio.run(run())
    assert proxy.n_cut == 1
    kept = database.read_now(lambda conn: list(log.every(conn)))
    assert sorted(entry.number for entry in kept) == sorted(number for mine in numbers for number in mine)
    assert len(kept) == 5 * 32
    database.close_now()
    proxy.close()
    shutil.rmtree(folder)
