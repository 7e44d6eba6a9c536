"""The one thread that writes: groups what is asked for into transactions, commits, answers, then works out the projections.

The log comes first. A transaction of appends and jobs is committed with a flush to the disk before anyone is answered; the projections
follow in transactions of their own, which need no flush, as they can be worked out again. A job that fails is rolled back to its own
savepoint, and only its caller hears of it. When a database on the network is gone, what waits goes on waiting until its time is up.
"""

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from evloom.store.append import Appender
from evloom.store.errors import StoreClosed
from evloom.store.failure import Meaning, meaning_of, ours
from evloom.store.follow import Follower
from evloom.store.inside import inside
from evloom.store.log import Kept, LogEntry
from evloom.store.work import Outcome, Work, settle

logger = logging.getLogger(__name__)
BATCH_MAX = 512
"""Works in one transaction at most."""
FINISH_S = 5.0
"""How long a store that is closed may take for what is left of the projections; the rest is done when it is opened again."""
RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Pauses between tries to reach a database that is gone; the last one again and again."""
FULL_S = 60.0
"""A disk that had no room is taken for full so long after the last write that it refused."""

_NUDGE = object()


class Writer(threading.Thread):
    """Owns the connection that writes. `put` from any thread; `stop` does what is waiting and ends."""

    def __init__(self, engine: Engine, appender: Appender, follower: Follower) -> None:
        super().__init__(name="store-writer", daemon=True)
        self._engine = engine
        self._splits = engine.dialect.name == "postgresql"
        self._appender = appender
        self._follower = follower
        self._queue: SimpleQueue[Work | object | None] = SimpleQueue()
        self._conn: Connection | None = None
        self._name = uuid.uuid4().hex
        self._batch = 0
        self._doubtful: list[Outcome] | None = None
        self._held: list[Work] = []
        self._stopping = False
        self._full_s = float("-inf")
        self._closing = threading.Event()

    def put(self, work: Work) -> None:
        """Ask for something; the answer comes through its future."""
        self._queue.put(work)

    @property
    def is_full(self) -> bool:
        """Whether a write found no room within the last minute, and nothing was appended since."""
        return time.monotonic() - self._full_s < FULL_S

    def nudge(self) -> None:
        """Have the thread look whether there is something to follow up."""
        self._queue.put(_NUDGE)

    def stop(self) -> None:
        """Ask the thread to end when it has done what is waiting, or at once where the database is gone."""
        self._closing.set()
        self._queue.put(None)

    def run(self) -> None:
        """The thread."""
        try:
            while not self._stopping:
                try:
                    self._turn()
                except Exception:
                    logger.exception("the writer stumbled and goes on")
                    self._disconnect()
                    self._closing.wait(RETRY_S[-1])
        finally:
            self._leave()

    def _turn(self) -> None:
        works = self._gather()
        if works:
            self._write(works)
        if not works or self._follower.is_late():
            self._follow()

    def _gather(self) -> list[Work]:
        """What waits, up to a batch; waits for the first as long as there is nothing to follow up."""
        works, self._held = self._held, []
        patience_s = 0.0 if works else self._follower.patience_s()
        try:
            item = self._queue.get(patience_s != 0.0, patience_s)
            while item is not None:
                if isinstance(item, Work):
                    works.append(item)
                    if len(works) == BATCH_MAX:
                        return works
                item = self._queue.get_nowait()
        except Empty:
            return works
        self._stopping = True
        return works

    def _follow(self) -> None:
        try:
            usable = self._follower.turn(self._connected())
        except DBAPIError:
            usable = False
            self._follower.pause()
        if not usable:
            self._disconnect()

    def _write(self, works: Sequence[Work]) -> None:
        """Do the works, and answer each. On PostgreSQL words of stations and jobs do not share a transaction: jobs lock rows that the
        words of other gateways need."""
        words = [work for work in works if work.rows]
        if self._splits and 0 < len(words) < len(works):
            self._write_together(words)
            self._write_together([work for work in works if not work.rows])
        else:
            self._write_together(works)

    def _write_together(self, works: Sequence[Work]) -> None:
        """In one transaction; where they are in each other's way, one by one."""
        tries = 0
        while works:
            try:
                outcomes = self._commit(works)
            except Exception as error:  # noqa: BLE001  whatever it is, it is somebody's answer and must not end the thread
                meaning = meaning_of(error)
                if meaning is Meaning.GONE or (meaning is Meaning.AGAIN and len(works) == 1 and tries < len(RETRY_S)):
                    works = self._wait(works, error, tries)
                    tries += 1
                elif len(works) > 1 and meaning is not Meaning.FULL:
                    self._write_each(works)
                    return
                else:
                    self._refused(meaning)
                    settle([Outcome(work, error=ours(error)) for work in works])
                    return
            else:
                self._told(outcomes)
                done = {id(outcome.work) for outcome in outcomes}
                self._write_each([work for work in works if id(work) not in done and not work.told])
                return

    def _refused(self, meaning: Meaning) -> None:
        """Remember that there was no room, and say so once a minute."""
        if meaning is Meaning.FULL:
            if not self.is_full:
                logger.error("no room on the disk of the database: what is new is refused until there is")
            self._full_s = time.monotonic()

    def _write_each(self, works: Sequence[Work]) -> None:
        for work in works:
            self._write_together([work])

    def _told(self, outcomes: Sequence[Outcome]) -> None:
        """What is to be done after the commit, then the answers."""
        if self.is_full and any(outcome.work.rows for outcome in outcomes):
            self._full_s = float("-inf")
            logger.warning("there is room on the disk of the database again")
        kept: list[Kept] = []
        for outcome in outcomes:
            work = outcome.work
            if work.rows:
                for entry, done in zip(work.entries, outcome.result, strict=True):
                    if not done.duplicate and not done.fenced:
                        kept.append(_kept(entry, done.number))
                        if entry.raw:
                            self._follower.frames.is_in_log(entry.station_id, entry.raw, done.number)
            elif work.after is not None and outcome.error is None:
                work.after()
        self._follower.projector.take(kept)
        waiters = [outcome for outcome in outcomes if outcome.work.caught_up]
        self._follower.wait_for(waiters)
        self._follower.projector.read_again({outcome.work.station_id for outcome in waiters} - {""})
        settle(outcome for outcome in outcomes if not outcome.work.caught_up)

    def _commit(self, works: Sequence[Work]) -> list[Outcome]:
        """One transaction. The outcomes may be told once this has returned, not before."""
        conn = self._connected()
        if (done := self._settled_doubt(conn)) is not None:
            return done
        works = [work for work in works if not work.told]
        with inside():
            transaction = conn.begin()
            try:
                outcomes = self._appended(conn, works)
                outcomes += [self._done(conn, work) for work in works if not work.rows]
                self._batch += 1
                self._appender.mark(conn, self._name, self._batch)
                self._doubtful = outcomes
                transaction.commit()
            except BaseException:
                _rolled_back(conn)
                raise
        self._doubtful = None
        return outcomes

    def _settled_doubt(self, conn: Connection) -> list[Outcome] | None:
        """After a COMMIT that was never answered: the outcomes where it did happen, None where it did not."""
        outcomes, self._doubtful = self._doubtful, None
        if outcomes is None:
            return None
        try:
            with inside(), conn.begin():
                return outcomes if self._appender.was_committed(conn, self._name, self._batch) else None
        except Exception:
            self._doubtful = outcomes
            raise

    def _appended(self, conn: Connection, works: Sequence[Work]) -> list[Outcome]:
        """What became of those that append; those of a station whose owner is being changed have no outcome yet: they go alone."""
        given = [work for work in works if work.rows]
        if len(given) > 1:
            fenced = sorted({row[0] for work in given for row in work.rows if row[-1]})
            busy = self._appender.in_change(conn, fenced) if fenced else set()
            given = [work for work in given if not busy or busy.isdisjoint(row[0] for row in work.rows)]
        if not given:
            return []
        done = iter(self._appender.append(conn, [row for work in given for row in work.rows]))
        return [Outcome(work, [next(done) for _ in work.rows]) for work in given]

    def _done(self, conn: Connection, work: Work) -> Outcome:
        if work.job is None:
            return Outcome(work)
        savepoint = conn.begin_nested()
        try:
            result = work.job(conn)
        except Exception as error:
            if meaning_of(error) is not Meaning.ASKED:
                raise
            savepoint.rollback()
            return Outcome(work, error=ours(error))
        if savepoint.is_active:
            savepoint.commit()
        return Outcome(work, result)

    def _wait(self, works: Sequence[Work], error: Exception, tries: int) -> list[Work]:
        """A pause; tells those whose time is up what happened, and returns the others.

        While it is in doubt whether the works were committed, all are returned: they are settled together when that is known.
        """
        self._disconnect()
        self._closing.wait(RETRY_S[min(tries, len(RETRY_S) - 1)])
        self._hold()
        now_s = time.monotonic()
        late = [work for work in (*works, *self._held) if not work.told and (work.give_up_s <= now_s or self._closing.is_set())]
        for work in late:
            work.told = True
        settle([Outcome(work, error=ours(error)) for work in late])
        self._held = [work for work in self._held if not work.told]
        in_doubt = self._doubtful is not None and not self._closing.is_set()
        return [work for work in works if in_doubt or not work.told]

    def _hold(self) -> None:
        """Take over what waits in the queue, so that its time can run out too."""
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, Work):
                self._held.append(item)
            elif item is None:
                self._stopping = True

    def _connected(self) -> Connection:
        if self._conn is None:
            self._conn = self._engine.connect()
        return self._conn

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.invalidate()
            conn.close()

    def _leave(self) -> None:
        self._hold()
        settle([Outcome(work, error=StoreClosed("the store was closed")) for work in self._held])
        if self._conn is not None:
            self._follower.finish(self._conn, FINISH_S)
            self._conn.close()
        self._follower.dismiss()


def _kept(entry: LogEntry, number: int) -> Kept:
    return Kept(number, entry.station_id, type(entry.event).__name__, entry.event, entry.happened_at_s, entry.known_at_s)


def _rolled_back(conn: Connection) -> None:
    """Leave the transaction, on a connection that may be broken."""
    try:
        conn.rollback()
    except DBAPIError:
        conn.invalidate()
