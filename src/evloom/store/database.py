"""The platform's database: SQLite in a file of its own, or PostgreSQL. One thread writes, a few read.

    database = opened("sqlite:///evloom-data/evloom.db")
    numbers = await database.append([LogEntry(...)])                    the log: durable when it returns
    epoch = await database.write(lambda conn: cluster.claim(conn, station_id, gateway, now_s))
    values = await database.read(lambda conn: meters.of_session(conn, session_id))

A job gets the connection and must use no other; it may be run again when the database was in the way, so it does nothing but SQL.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from evloom.store.append import Appender, PostgresAppender, SqliteAppender
from evloom.store.copies import copied
from evloom.store.engine import checked_url, not_opened, reading_engine, sqlite_of, writing_engine
from evloom.store.errors import ProgrammerError, StoreClosed, StoreError
from evloom.store.failure import ours, wrote
from evloom.store.follow import Follower
from evloom.store.frames import Frame, FrameBuffer
from evloom.store.inside import check_blocking, check_outside, inside
from evloom.store.log import Appended, LogEntry, Row, rows_of
from evloom.store.migrate import migrate
from evloom.store.projector import Lag, Projector
from evloom.store.work import Job, Work
from evloom.store.writer import Writer

T = TypeVar("T")
N_READER = 4
WAIT_MAX_S = 20.0
"""How long a call waits for a database that is gone, unless told otherwise: less than a charger waits for an answer (30 s)."""


def opened(url: str, *, wait_max_s: float = WAIT_MAX_S, gateway: str = "") -> "Database":
    """Open the database that `url` names, making it where it is not there. Raises InputError for what cannot be opened.

    gateway: name of this gateway where several share a PostgreSQL; it then works out the projections of the stations it owns.
    """
    checked = checked_url(url)
    try:
        return Database(checked, wait_max_s, gateway)
    except (DBAPIError, OSError) as error:
        raise not_opened(checked, error) from error


class Database:
    """See the module. Made by `opened`; `close` it. kind is "sqlite" or "postgresql"."""

    def __init__(self, url: URL, wait_max_s: float, gateway: str) -> None:
        self._wait_max_s = wait_max_s
        self._closed = False
        self._writing = writing_engine(url)
        self._reading = reading_engine(url, N_READER)
        try:
            migrate(self._writing)
        except BaseException:
            self._writing.dispose()
            raise
        self.kind = url.get_backend_name()
        appender: Appender = SqliteAppender() if self.kind == "sqlite" else PostgresAppender()
        self._readers = ThreadPoolExecutor(N_READER, thread_name_prefix="store-reader")
        self._frames = FrameBuffer()
        self._follower = Follower(Projector(gateway), self._frames)
        self._writer = Writer(self._writing, appender, self._follower)
        self._writer.start()

    async def append(self, entries: Sequence[LogEntry]) -> list[Appended]:
        """Put entries into the log; they are on the disk when this returns. Raises StoreFull, StoreGone, StoreClosed."""
        entries, rows = rows_of(entries)
        if not rows:
            return []
        done: list[Appended] = await self._asked(entries, rows, None)
        return done

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job that may write, in the writer's thread and within its next transaction; committed when this returns."""
        done: T = await self._asked((), (), job)
        return done

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job that only reads, in a reader's thread: it sees one state of the database."""
        self._check_open()
        check_outside()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, job)

    def append_now(self, entries: Sequence[LogEntry]) -> list[Appended]:
        """`append` for tools and tests; never from an event loop."""
        entries, rows = rows_of(entries)
        done: list[Appended] = self._waited(entries, rows, None) if rows else []
        return done

    def write_now(self, job: Callable[[Connection], T]) -> T:
        """`write` for tools and tests; never from an event loop."""
        done: T = self._waited((), (), job)
        return done

    def read_now(self, job: Callable[[Connection], T]) -> T:
        """`read` for tools and tests; never from an event loop."""
        check_blocking()
        self._check_open()
        return self._readers.submit(self._read, job).result()

    def note_frame(self, frame: Frame) -> None:
        """Keep an OCPP message without waiting for it; from any thread. Under pressure it is dropped and counted."""
        if self._frames.note(frame):
            self._writer.nudge()

    @property
    def n_frame_lost(self) -> int:
        """OCPP messages that were dropped since the database was opened."""
        return self._frames.n_lost

    def lag(self) -> Lag:
        """How far the projections are behind the log."""
        return self._follower.projector.lag()

    @property
    def is_full(self) -> bool:
        """Whether a write found no room within the last minute, and nothing was appended since."""
        return self._writer.is_full

    async def caught_up(self, station_id: str = "") -> None:
        """Return when everything that was appended here before this call is in the projections; of `station_id`, which this gateway may
        have just taken over, also what others appended."""
        await self._asked((), (), None, caught_up=True, station_id=station_id)

    async def rebuild(self, empty: Callable[[Connection], None]) -> None:
        """Use `store.projections.rebuild`."""
        await self._asked((), (), empty, after=self._follower.look_again)
        await self.caught_up()

    def rebuild_now(self, empty: Callable[[Connection], None]) -> None:
        """Use `store.projections.rebuild_now`."""
        self._waited((), (), empty, after=self._follower.look_again)
        self.caught_up_now()

    def caught_up_now(self, station_id: str = "") -> None:
        """`caught_up` for tools and tests; never from an event loop."""
        self._waited((), (), None, caught_up=True, station_id=station_id)

    async def backup(self, file: Path) -> None:
        """Copy the database, as it stands at one moment, into a new file while it goes on. SQLite only: PostgreSQL has pg_dump."""
        if self.kind != "sqlite":
            raise StoreError("a copy of a PostgreSQL is made by pg_dump")
        await self.read(lambda conn: copied(sqlite_of(conn), file))

    async def close(self) -> None:
        """Write what is waiting, then let go of the database."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def close_now(self) -> None:
        """`close` for tools and tests; never from an event loop."""
        check_blocking()
        self._close()

    def _asked(self, entries: Sequence[LogEntry], rows: Sequence[Row], job: Job | None, **more: Any) -> "asyncio.Future[Any]":
        self._check_open()
        check_outside()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._writer.put(Work(future, loop, time.monotonic() + self._wait_max_s, entries, rows, job, **more))
        return future

    def _waited(self, entries: Sequence[LogEntry], rows: Sequence[Row], job: Job | None, **more: Any) -> Any:
        check_blocking()
        self._check_open()
        future: Future[Any] = Future()
        self._writer.put(Work(future, None, time.monotonic() + self._wait_max_s, entries, rows, job, **more))
        return future.result()

    def _read(self, job: Callable[[Connection], T]) -> T:
        check_outside()
        try:
            with self._reading.connect() as conn, inside():
                return job(conn)
        except Exception as error:
            if wrote(error):
                raise ProgrammerError("a job of `read` only reads; what writes goes through `write`") from error
            told = ours(error)
            if told is error:
                raise
            raise told from error

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("the store was closed")

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._writer.stop()
        self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()
