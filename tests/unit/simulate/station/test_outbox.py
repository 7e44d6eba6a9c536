"""Words of transactions go out in their order, whatever the link does; on virtual time."""

import asyncio

import pytest

from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.connection import CallFailed
from evloom.simulate.station.outbox import ATTEMPTS, Outbox, Word
from evloom.simulate.virtual_time import run_virtually


def run(scene):
    async def main():
        async with asyncio.TaskGroup() as tasks:
            await scene(tasks)

    run_virtually(main)


def word(name, heard=None):
    return Word(name, lambda: {"name": name}, heard)


def test_words_keep_their_order_over_a_lost_link():
    async def scene(tasks):
        sent: list[str] = []
        answers: list[dict] = []
        down = False

        async def ask(action, said):
            await asyncio.sleep(1.0)
            if down:
                raise CallFailed(action, "Closed", "")
            sent.append(said["name"])
            return {"n": len(sent)}

        outbox = Outbox(ask)
        running = tasks.create_task(outbox.run())
        outbox.put(word("a", answers.append))
        await asyncio.sleep(5.0)
        assert sent == []
        outbox.set_open(True)
        await outbox.drained()
        down = True
        outbox.put(word("b"))
        outbox.put(word("c"))
        await asyncio.sleep(5.0)
        assert (sent, len(outbox), outbox.is_open) == (["a"], 2, False)
        down = False
        outbox.set_open(True)
        await outbox.drained()
        assert (sent, answers, outbox.n_sent) == (["a", "b", "c"], [{"n": 1}], 3)
        running.cancel()

    run(scene)


def test_a_word_that_nobody_takes_is_dropped_after_some_attempts():
    async def scene(tasks):
        tried = []

        async def ask(action, said):
            tried.append(said["name"])
            if said["name"] == "bad":
                raise CallFailed(action, "InternalError", "")
            return {}

        outbox = Outbox(ask)
        outbox.set_open(True)
        running = tasks.create_task(outbox.run())
        outbox.put(word("bad"))
        outbox.put(word("good"))
        await outbox.drained()
        assert tried == ["bad"] * ATTEMPTS + ["good"]
        assert (outbox.n_sent, outbox.n_dropped) == (1, 1)
        running.cancel()

    run(scene)


def test_words_are_said_twice_where_that_is_asked():
    async def scene(tasks):
        sent = []

        async def ask(action, said):
            sent.append(said["name"])
            return {}

        outbox = Outbox(ask, duplicate_every=2)
        outbox.set_open(True)
        running = tasks.create_task(outbox.run())
        for name in "abcd":
            outbox.put(word(name))
        await outbox.drained()
        assert sent == ["a", "b", "b", "c", "d", "d"]
        running.cancel()

    run(scene)


def test_the_clock_is_set_once_and_runs_as_fast_as_asked():
    async def scene(tasks):
        clock = StationClock(60.0)
        waiting = tasks.create_task(clock.wait_set())
        await asyncio.sleep(5.0)
        assert not clock.is_set
        clock.set(1000.0)
        clock.set(5000.0)
        await waiting
        assert clock.now_s() == pytest.approx(1000.0)
        await clock.sleep(120.0)
        assert clock.now_s() == pytest.approx(1120.0)
        assert asyncio.get_running_loop().time() == pytest.approx(7.0)
        await clock.sleep_until(0.0)
        await clock.sleep_until(1180.0)
        assert clock.now_s() == pytest.approx(1180.0)
        with pytest.raises(ValueError, match="must be above 0"):
            StationClock(0.0)
        assert StationClock(1.0, 50.0).is_set

    run(scene)
