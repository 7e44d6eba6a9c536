"""What the writer does when nobody waits for it: projections and OCPP messages, in transactions without a flush to the disk.

Both can be lost in a power failure without harm: projections are worked out again from the log.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from evloom.store import raw
from evloom.store.errors import StoreClosed
from evloom.store.failure import Meaning, meaning_of
from evloom.store.frames import FrameBuffer
from evloom.store.inside import inside
from evloom.store.projector import Projector
from evloom.store.work import Outcome, settle

logger = logging.getLogger(__name__)
FRAME_S = 0.5
"""Longest that a message stays in the buffer of a writer that has time."""
FRAMES_MAX = 1000
"""Messages in one transaction."""
LAG_MAX_N = 2000
LAG_MAX_S = 0.3
"""Beyond these the projections have their turn before more is appended."""
PAUSE_S = 1.0
"""Before another try, when the database did not let it be done."""


class Follower:
    """Used by the writer's thread, which passes its connection."""

    def __init__(self, projector: Projector, frames: FrameBuffer) -> None:
        self.projector = projector
        self.frames = frames
        self._not_before_s = 0.0
        self._written_s = 0.0
        self._behind_known = False
        self._waiters: list[Outcome] = []

    def wait_for(self, outcomes: Sequence[Outcome]) -> None:
        """Answer these when the projections have caught up."""
        self._waiters.extend(outcomes)

    def dismiss(self) -> None:
        """Answer those who wait although it will not come to that."""
        for outcome in self._waiters:
            outcome.error = StoreClosed("the store was closed")
        self._settle_waiters()

    def patience_s(self) -> float | None:
        """How long the writer may wait for something to do; None for ever."""
        now_s = time.monotonic()
        if self._has_work():
            return max(self._not_before_s - now_s, 0.0)
        if self.frames:
            return max(self._written_s + FRAME_S - now_s, self._not_before_s - now_s, 0.0)
        return None

    def is_late(self) -> bool:
        """Whether it must have its turn although others wait."""
        if time.monotonic() < self._not_before_s:
            return False
        lag = self.projector.lag()
        return lag.n > LAG_MAX_N or lag.seconds > LAG_MAX_S or len(self.frames) > FRAMES_MAX

    def pause(self) -> None:
        """Not again before a moment has passed."""
        self._not_before_s = time.monotonic() + PAUSE_S

    def look_again(self) -> None:
        """Forget what is known of the database, and find out anew which stations are behind."""
        self.projector.forget()
        self._behind_known = False

    def turn(self, conn: Connection) -> bool:
        """Do a transaction's worth of each. False when the connection is of no more use."""
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            return True
        if self._has_work():
            error = _tried(conn, self._project)
            if error is not None:
                return self._excused(conn, error)
            self.projector.committed()
            self._behind_known = True
        if self._waiters and not self.projector.waiting:
            self._settle_waiters()
        if len(self.frames) > FRAMES_MAX or (self.frames and now_s >= self._written_s + FRAME_S):
            return self._write_frames(conn)
        return True

    def finish(self, conn: Connection, within_s: float) -> None:
        """Do what is left, for no longer than that."""
        end_s = time.monotonic() + within_s
        while self.projector.waiting and time.monotonic() < end_s and self._not_before_s < end_s:
            if not self.turn(conn):
                return
        while self.frames and self._write_frames(conn):
            pass

    def _has_work(self) -> bool:
        return bool(self.projector.waiting or self._waiters or not self._behind_known)

    def _settle_waiters(self) -> None:
        waiters, self._waiters = self._waiters, []
        settle(waiters)

    def _project(self, conn: Connection) -> None:
        if not self._behind_known:
            self.projector.find_behind(conn)
        self.projector.project(conn)

    def _excused(self, conn: Connection, error: Exception) -> bool:
        """After a failure: bury the entry that causes it, or try entry by entry, or try again later."""
        meaning = meaning_of(error)
        asked = meaning is Meaning.ASKED and self._behind_known
        logger.warning("projections stopped (%s): %s: %s", meaning.value, type(error).__name__, error)
        if self.projector.failed(asked):
            text = f"{type(error).__name__}: {error}"
            if _tried(conn, lambda conn: self.projector.bury(conn, text)) is None:
                self.projector.committed()
                return True
            self.projector.forget()
            asked = False
        if not asked:
            self.pause()
        return meaning is not Meaning.GONE

    def _write_frames(self, conn: Connection) -> bool:
        messages = self.frames.take(FRAMES_MAX)
        self._written_s = time.monotonic()
        error = _tried(conn, lambda conn: self.frames.write(conn, messages))
        if error is not None:
            self.frames.lose(messages)
            return meaning_of(error) is not Meaning.GONE
        return True


def _tried(conn: Connection, do: Callable[[Connection], None]) -> Exception | None:
    """Do it in a transaction that need not reach the disk at once; the error where it could not be done."""
    try:
        with inside(), _unflushed(conn), conn.begin():
            if not raw.is_sqlite(conn):
                raw.run(conn, "SET LOCAL synchronous_commit = off")
            do(conn)
    except Exception as error:  # noqa: BLE001  whatever it is, the writer's thread must go on
        return error
    return None


@contextmanager
def _unflushed(conn: Connection) -> Iterator[None]:
    if not raw.is_sqlite(conn):
        yield
        return
    raw.run(conn, "PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        raw.run(conn, "PRAGMA synchronous=FULL")
