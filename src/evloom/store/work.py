"""What the writer is asked to do, and how the answer gets back to whoever waits for it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from evloom.store.log import LogEntry, Row

Job = Callable[[Connection], Any]


@dataclass(slots=True, eq=False)
class Work:
    """Rows for the log, or a job, or neither (it only wants its turn). after: run in the writer's thread when it was committed.
    caught_up: it is answered when the projections have caught up with the log.
    station_id: of this station too what another gateway appended and did not project, with caught_up.
    told: it was refused because its time was up.

    future of `loop`, or of concurrent.futures where loop is None; give_up_s by the monotonic clock: it is not begun after that.
    """

    future: "asyncio.Future[Any] | Future[Any]"
    loop: asyncio.AbstractEventLoop | None
    give_up_s: float
    entries: Sequence[LogEntry] = ()
    rows: Sequence[Row] = ()
    job: Job | None = None
    after: Callable[[], None] | None = None
    caught_up: bool = False
    station_id: str = ""
    told: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of a work: its result or its error."""

    work: Work
    result: Any = None
    error: Exception | None = None


def settle(outcomes: Iterable[Outcome]) -> None:
    """Give everybody his answer: one call into each event loop, however many wait there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.work.loop is None:
            _set(outcome)
        else:
            by_loop.setdefault(outcome.work.loop, []).append(outcome)
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_set_all, waiting)


def _set_all(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        _set(outcome)


def _set(outcome: Outcome) -> None:
    future = outcome.work.future
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.result)
