"""The platform's clock: the machine's, or faster for a demonstration."""

import asyncio
import time

import pytest

from evloom.serve.system_clock import SystemClock, now_s, pace, unpace


@pytest.fixture(autouse=True)
def _as_before():
    unpace()
    yield
    unpace()


def test_it_is_the_machines_time():
    before = time.time()
    assert before <= now_s() + 0.001
    assert now_s() <= time.time() + 0.001


def test_a_pace_begins_where_it_is_told_and_runs_faster():
    pace(1000.0, 5000.0)
    first = now_s()
    assert first >= 5000.0
    asyncio.run(SystemClock().sleep_until(first + 20.0))
    assert now_s() >= first + 20.0


def test_after_a_pace_it_is_the_machines_time_again():
    pace(1000.0, 5000.0)
    unpace()
    test_it_is_the_machines_time()


def test_a_clock_that_stands_still_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        pace(0.0)


def test_a_clock_that_is_set_back_makes_nobody_wait_for_ever():
    async def story() -> None:
        pace(1.0, time.time() + 86_400.0)
        waiting = asyncio.create_task(SystemClock().sleep_until(now_s() + 0.2))
        await asyncio.sleep(0.05)
        pace(1.0, time.time())
        await asyncio.wait_for(waiting, 20.0)

    asyncio.run(story())
