"""The job: bills what has ended and been silent long enough, after a restart too, and is not stopped by one that fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from evloom.market.receipt import Notes
from evloom.serve.billing.job import Billed, BillingJob, JobOptions, notes_from
from evloom.serve.bus import Bus, Happening
from evloom.store.billing import Billing, Wait, billing_of
from evloom.store.database import Database, opened
from evloom.store.log import LogEntry
from tests.unit.store.charged import HOUR_S, T0, operator, priced, words

END_S = T0 + 2 * HOUR_S


class World:
    """A database, a bus, and a clock that a test sets."""

    def __init__(self, db: Database) -> None:
        self.db, self.bus, self.at_s = db, Bus(), END_S
        self.told: list[tuple[str, object]] = []
        self.bus.listen("bill", lambda happening: self.told.append((happening.subject, happening.event)))

    def now_s(self) -> float:
        return self.at_s

    def job(self, notes_of: Callable[[str], Notes | None] | None = None) -> BillingJob:
        return BillingJob(self.db, self.bus, self.now_s, JobOptions(wait=Wait(60.0, 600.0), poll_s=0.0), notes_of)

    async def hear(self, entries: Sequence[LogEntry]) -> None:
        await self.db.append(entries)
        await self.db.caught_up()
        for entry in entries:
            self.bus.publish(Happening("station", entry.station_id, entry.event, entry.happened_at_s, entry.known_at_s))

    async def bill(self, name: str = "A:1") -> Billing:
        return await self.db.read(lambda conn: billing_of(conn, name))


def run(tmp_path: Path, test: Callable[[World], Awaitable[None]], *, prices: bool = True) -> None:
    async def whole() -> None:
        db = opened(f"sqlite:///{tmp_path / 'evloom.db'}")
        try:
            await db.write(operator)
            if prices:
                await db.write(priced)
            await test(World(db))
        finally:
            await db.close()

    asyncio.run(whole())


async def listening(job: BillingJob) -> "asyncio.Task[None]":
    task = asyncio.create_task(job.run())
    await asyncio.sleep(0)
    return task


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  the job is tried from outside, as others see it
            await asyncio.sleep(0.005)


def test_it_bills_when_late_words_had_their_time(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        job = world.job()
        await world.hear(words())
        assert await job.once() == {}  # ended a moment ago
        world.at_s = END_S + 62.0
        assert await job.once() == {"A:1": "billed"}
        assert await job.once() == {}
        assert world.told == [("A:1", Billed("billed"))]

    run(tmp_path, test)


def test_it_hears_of_ends_while_it_runs_and_keeps_why_it_charged_when_it_did(tmp_path: Path) -> None:
    class Words:
        def text(self, lang: str = "en") -> str:
            return f"why, in {lang}"

    told: list[Words | None] = [Words(), None]  # at the end the loop has forgotten the car

    async def test(world: World) -> None:
        task = await listening(world.job(notes_from(lambda name: told.pop(0) if name == "A:1" and told else None)))
        await world.hear(words())
        world.at_s = END_S + 62.0
        await until(lambda: bool(world.told))
        await stopped(task)
        paper = (await world.bill()).receipts[0]
        assert (paper.notes.why, paper.notes.why_zh) == (("why, in en",), ("why, in zh",))
        assert told == []

    run(tmp_path, test)


def test_what_was_left_at_a_restart_is_found(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        await world.hear([*words("1"), *words("2", start_s=T0 + 60.0)[:-1]])
        world.at_s = END_S + 62.0
        assert await world.job().once() == {"A:1": "billed"}  # a job that heard nothing
        assert await world.job().once() == {}
        assert len((await world.bill()).entries) == 1

    run(tmp_path, test)


def test_two_jobs_bill_once(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        await world.hear([entry for k in range(8) for entry in words(f"{k}", start_s=T0 + 60.0 * k, hours=1.0)])
        world.at_s = END_S + 900.0
        one, two = await asyncio.gather(world.job().once(), world.job().once())
        assert set(one) | set(two) == {f"A:{k}" for k in range(8)}
        for k in range(8):
            assert len((await world.bill(f"A:{k}")).entries) == 1

    run(tmp_path, test)


def test_late_words_are_billed_by_a_correction(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        task = await listening(world.job())
        said = words()
        await world.hear([said[0], *said[2:]])  # one word is missing: it is waited for longer
        world.at_s = END_S + 100.0
        await asyncio.sleep(0.05)
        assert world.told == []
        world.at_s = END_S + 700.0
        await until(lambda: len(world.told) == 1)
        await world.hear([LogEntry("A", said[1].event, said[1].happened_at_s, world.at_s, said[1].key)])
        world.at_s += 61.0
        await until(lambda: len(world.told) == 2)
        await stopped(task)
        assert [state for _, state in world.told] == [Billed("billed")] * 2
        assert len((await world.bill()).entries) == 1  # it changed nothing of the money

    run(tmp_path, test)


def test_sessions_without_a_price_are_billed_when_there_is_one(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        job = world.job()
        await world.hear(words())
        world.at_s = END_S + 62.0
        assert await job.once() == {"A:1": "unpriced"}
        await world.db.write(priced)
        assert await job.once() == {}
        job.look_again()
        assert await job.once() == {"A:1": "billed"}

    run(tmp_path, test, prices=False)


def test_a_held_session_is_told_to_the_operator(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(world: World) -> None:
        await world.hear(words()[1:])
        world.at_s = END_S + 3600.0
        with caplog.at_level(logging.WARNING, "evloom.billing"):
            assert await world.job().once() == {"A:1": "held"}

    run(tmp_path, test)
    assert "A:1 is held" in caplog.text


def test_one_that_fails_does_not_stop_the_others_and_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(world: World) -> None:
        await world.hear([*words("1"), *words("2")])
        await world.db.write(lambda conn: conn.exec_driver_sql("UPDATE session SET body = 'broken' WHERE session_id = 'A:1'"))
        world.at_s = END_S + 62.0
        job = world.job()
        assert await job.once() == {"A:2": "billed"}
        assert await job.once() == {}
        world.at_s += 31.0
        assert await job.once() == {}

    run(tmp_path, test)
    assert caplog.text.count("A:1 could not be billed") == 2


def test_a_clock_that_was_ahead_and_is_set_right_delays_no_bill(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        job, year_s = world.job(), 365 * 24 * HOUR_S
        world.at_s = END_S + year_s
        await job.once()  # an empty database is looked through, a year too early
        world.at_s = END_S
        await world.hear(words())  # heard, not told to this job: only looking through everything finds it
        world.at_s = END_S + 61.0
        assert await job.once() == {"A:1": "billed"}

    run(tmp_path, test)
