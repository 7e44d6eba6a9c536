"""The job that bills finished sessions: it waits for their late words, bills once, corrects when more words come.

It may run in every process: billing the same session twice gives one entry. What it has in hand is lost with the process; at its start,
and every hour, it looks through all sessions for what was left.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from evloom.kernel.errors import EvloomError
from evloom.market.guard import GuardRules
from evloom.market.receipt import Notes
from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import session_id
from evloom.serve.billing.battery_note import with_battery
from evloom.serve.bus import Bus, Happening
from evloom.store.billing import SYSTEM, State, Wait, bill_session, ripe_at_s, unfinished, unpriced
from evloom.store.database import Database
from evloom.store.money import By

_log = logging.getLogger("evloom.billing")
_PAGE = 1000
NOTE_S = 600.0
"""How often a running session is asked why it charges when it does."""
NOTES_MAX = 20_000
JUMP_S = 60.0
"""A clock that is so far behind what it was at the last look was set back: nothing waits for instants that it told before."""


class Told(Protocol):
    """An explanation that can be said in a language: `serve.live.board.Explanation`."""

    def text(self, lang: str = "en") -> str:
        """All of it in one line."""
        ...


def notes_from(explain: Callable[[str], Told | None]) -> Callable[[str], Notes | None]:
    """What the live loop explains of a session, as notes of its receipt."""

    def notes_of(session_id: str) -> Notes | None:
        told = explain(session_id)
        return None if told is None else Notes(why=(told.text("en"),), why_zh=(told.text("zh"),))

    return notes_of


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How the job works: how long late words are waited for, what is held, how often it looks."""

    wait: Wait = field(default=Wait())
    rules: GuardRules = field(default=GuardRules())
    poll_s: float = 5.0
    sweep_s: float = 3600.0
    unpriced_s: float = 60.0
    retry_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Billed:
    """Told on the bus (topic "bill", subject the session): the state of a session's bill after the job looked at it."""

    state: State


class BillingJob:
    """Bills sessions as they end. notes_of tells why a session charges when it does, None where that is not known: it is asked while
    the session runs, and the last that was told is printed."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        now_s: Callable[[], float],
        options: JobOptions = JobOptions(),
        notes_of: Callable[[str], Notes | None] | None = None,
    ) -> None:
        self._db = db
        self._bus = bus
        self._now_s = now_s
        self._options = options
        self._notes_of = notes_of
        self._due: dict[str, float] = {}
        self._notes: dict[str, tuple[float, Notes]] = {}
        self._sweep_at_s = 0.0
        self._unpriced_at_s = 0.0
        self._looked_s = float("-inf")
        self._ending: Callable[[], None] | None = None

    async def run(self) -> None:
        """Work until cancelled. A database that is in the way is tried again."""
        self._ending = self._bus.listen("station", self._heard)
        try:
            while True:
                try:
                    await self.once()
                except EvloomError as error:
                    _log.warning("billing waits: %s", error)
                await asyncio.sleep(self._options.poll_s)
        finally:
            self._ending()

    async def once(self) -> dict[str, State]:
        """Bill what is due now; returns what was looked at, with the state of its bill."""
        now_s = self._now_s()
        if now_s < self._looked_s - JUMP_S:
            self._set_back(now_s)
        self._looked_s = now_s
        if now_s >= self._sweep_at_s:
            await self._sweep(now_s)
            self._sweep_at_s = now_s + self._options.sweep_s
        if now_s >= self._unpriced_at_s:
            self._add(await self._db.read(unpriced), now_s)
            self._unpriced_at_s = now_s + self._options.unpriced_s
        due = [name for name, at_s in self._due.items() if at_s <= now_s]
        return {name: state for name in due if (state := await self._bill(name, now_s)) is not None}

    def _set_back(self, now_s: float) -> None:
        """The clock was set back: look at everything now, as instants to wait for were of the wrong time."""
        _log.warning("the clock was set back by %.0f s; all sessions are looked at again", self._looked_s - now_s)
        self._sweep_at_s = self._unpriced_at_s = now_s
        self._due = dict.fromkeys(self._due, now_s)

    def look_again(self) -> None:
        """Look at all that waits for a tariff at the next turn: one was assigned."""
        self._unpriced_at_s = 0.0

    async def _sweep(self, now_s: float) -> None:
        after: str | None = ""
        while after is not None:
            found, after = await self._db.read(partial(unfinished, after=after, limit=_PAGE))
            self._add(found, now_s)

    def _add(self, names: Iterable[str], now_s: float) -> None:
        for name in names:
            self._due.setdefault(name, now_s)

    def _heard(self, happening: Happening) -> None:
        """A word of a transaction: it is looked at when it has been silent long enough."""
        said = happening.event
        if not isinstance(said, TransactionSaid):
            return
        name = session_id(happening.subject, said.transaction)
        self._due[name] = happening.known_s + self._options.wait.settle_s
        self._note(name, happening.known_s, said.phase == "ended")

    def _note(self, name: str, at_s: float, ended: bool) -> None:
        """Ask why it charges when it does, now and then and at its end; what was told before stands where nothing is told."""
        before = self._notes.get(name)
        if self._notes_of is None or (before is not None and not ended and at_s - before[0] < NOTE_S):
            return
        told = self._notes_of(name)
        if told is not None:
            self._notes.pop(name, None)
            while len(self._notes) >= NOTES_MAX:
                self._notes.pop(next(iter(self._notes)))
            self._notes[name] = (at_s, told)

    async def _bill(self, name: str, now_s: float) -> State | None:
        """Bill one session if it is ripe; None where it is not."""
        taken_s = self._due[name]
        ripe_s = await self._db.read(lambda conn: ripe_at_s(conn, name, self._options.wait))
        if ripe_s is None:
            if self._due.get(name) == taken_s:
                self._due.pop(name, None)  # it runs: its next word puts it here again
            return None
        if ripe_s > now_s:
            self._due[name] = ripe_s
            return None
        by, (_, notes) = By(SYSTEM, now_s), self._notes.get(name, (0.0, Notes()))
        try:
            state = await self._db.write(lambda conn: bill_session(conn, name, by, self._options.rules, with_battery(conn, name, notes)))
        except Exception:  # noqa: BLE001  one session must not stop the others
            self._due[name] = now_s + self._options.retry_s
            _log.exception("session %s could not be billed; it is tried again", name)
            return None
        if self._due.get(name) == taken_s:  # else a word came meanwhile
            self._due.pop(name, None)
        if state != "unpriced":
            self._notes.pop(name, None)
        if state in ("held", "review"):
            _log.warning("session %s is %s: a person must look at its bill", name, state)
        self._bus.publish(Happening("bill", name, Billed(state), now_s, now_s))
        return state
