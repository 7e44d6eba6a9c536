"""One thread writes, a few read; each caller hears of his own work alone, and nobody takes a second connection."""

import asyncio
import threading

import pytest
from sqlalchemy import func, insert, select, text

from evloom.pile.station import StationBooted
from evloom.store import log
from evloom.store.database import opened
from evloom.store.errors import Conflict, ProgrammerError, StoreClosed, StoreError
from evloom.store.tables.assets import site
from tests.unit.store.words import entry

BOOT = StationBooted("Volt", "X1")


def made(name: str):
    def job(conn) -> int:
        conn.execute(insert(site).values(site_id=name, org_id="", name=name, zone="UTC"))
        return 1

    return job


def names(conn):
    return sorted(conn.execute(select(site.c.site_id)).scalars())


def test_a_job_that_fails_is_undone_and_only_its_caller_hears_of_it(database):
    def half(conn):
        made("half")(conn)
        raise LookupError("changed my mind")

    async def three():
        works = [database.write(made("a")), database.write(half), database.write(made("b")), database.append([entry("S1", BOOT)])]
        return await asyncio.gather(*works, return_exceptions=True)

    one, failed, two, appended = asyncio.run(three())
    assert (one, two, appended[0].duplicate) == (1, 1, False)
    assert isinstance(failed, LookupError)
    assert database.read_now(names) == ["a", "b"]


def test_errors_of_the_database_are_told_in_our_words(database):
    database.write_now(made("a"))
    with pytest.raises(Conflict):
        database.write_now(made("a"))
    with pytest.raises(StoreError, match="nonsense"):
        database.write_now(lambda conn: conn.execute(text("SELECT nonsense")))
    with pytest.raises(StoreError, match="nonsense"):
        database.read_now(lambda conn: conn.execute(text("SELECT nonsense")))
    assert database.write_now(made("b")) == 1


def test_an_append_that_the_database_does_not_take_fails_alone(database):
    async def three():
        works = [
            database.append([entry("S1", BOOT)]),
            database.append([entry("S2", BOOT, epoch=2**70)]),
            database.append([entry("S3", BOOT)]),
        ]
        return await asyncio.gather(*works, return_exceptions=True)

    first, failed, last = asyncio.run(three())
    assert isinstance(failed, Exception)
    assert not first[0].duplicate
    assert not last[0].duplicate
    assert [kept.station_id for kept in database.read_now(log.read)] == ["S1", "S3"]


def test_a_reader_cannot_write(database):
    with pytest.raises(ProgrammerError, match="only reads"):
        database.read_now(made("a"))
    assert database.read_now(names) == []


def test_a_second_connection_inside_a_transaction_is_refused(database):
    inside = [
        lambda conn: database.read_now(names),
        lambda conn: database.write_now(made("a")),
        lambda conn: database.append_now([entry("S1", BOOT)]),
        lambda conn: asyncio.run(database.read(names)),
        lambda conn: asyncio.run(database.write(made("a"))),
        lambda conn: asyncio.run(database.append([entry("S1", BOOT)])),
        lambda conn: database._reading.connect(),
        lambda conn: database._writing.connect(),
    ]
    for job in inside:
        with pytest.raises(ProgrammerError, match="second connection"):
            database.write_now(job)
        with pytest.raises(ProgrammerError, match="second connection"):
            database.read_now(job)
    assert database.read_now(names) == []


def test_waiting_in_an_event_loop_is_refused(database):
    async def wrong(call):
        call()

    for call in (lambda: database.read_now(names), lambda: database.write_now(names), lambda: database.append_now([entry("S1", BOOT)])):
        with pytest.raises(ProgrammerError, match="await"):
            asyncio.run(wrong(call))


def test_more_readers_than_connections_wait_for_each_other(database):
    held = threading.Barrier(4, timeout=10)

    def slow(conn):
        held.wait()
        return conn.execute(select(func.count()).select_from(site)).scalar_one()

    async def many():
        return await asyncio.gather(*(database.read(slow) for _ in range(12)))

    assert asyncio.run(many()) == [0] * 12


def test_a_caller_who_gave_up_harms_nobody(database):
    async def impatient():
        waiting = asyncio.ensure_future(database.write(made("a")))
        await asyncio.sleep(0)
        waiting.cancel()
        await database.write(made("b"))

    asyncio.run(impatient())
    assert "b" in database.read_now(names)


def test_a_closed_store_does_what_waits_and_then_nothing(url):
    database = opened(url)

    async def close_behind():
        waiting = [asyncio.ensure_future(database.append([entry("S1", BOOT)])) for _ in range(50)]
        await asyncio.sleep(0)
        await database.close()
        await database.close()
        return await asyncio.gather(*waiting)

    assert len(asyncio.run(close_behind())) == 50
    for call in (lambda: database.append_now([entry("S1", BOOT)]), lambda: database.read_now(names), lambda: database.write_now(names)):
        with pytest.raises(StoreClosed):
            call()
    again = opened(url)
    assert len(again.read_now(log.read)) == 50
    again.close_now()


def test_two_event_loops_are_answered_each_in_its_own(database):
    results: list[int] = []

    def one_loop(name: str):
        async def run():
            results.extend([await database.write(made(f"{name}{number}")) for number in range(5)])

        asyncio.run(run())

    threads = [threading.Thread(target=one_loop, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1] * 10


def test_a_copy_is_a_database_too(database, tmp_path):
    database.write_now(made("a"))
    database.append_now([entry("S1", BOOT)])
    copy = tmp_path / "copy.db"
    if database.kind == "postgresql":
        with pytest.raises(StoreError, match="pg_dump"):
            asyncio.run(database.backup(copy))
        return
    asyncio.run(database.backup(copy))
    with pytest.raises(StoreError, match="there already"):
        asyncio.run(database.backup(copy))
    with pytest.raises(StoreError, match="unable to open"):
        asyncio.run(database.backup(tmp_path / "nowhere" / "copy.db"))
    database.write_now(made("b"))
    copied = opened(f"sqlite:///{copy}")
    assert copied.read_now(names) == ["a"]
    assert len(copied.read_now(log.read)) == 1
    copied.close_now()
