"""Server-sent events: what the bus tells, to whoever may see it, as long as they keep up.

Every listener reads the same ring of the last events at its own pace, so a slow one costs no memory. One that falls out of the ring is told
so (`event: dropped`) and its connection ends; it comes back with Last-Event-ID and sees by `event: missed` that it lacks some.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import msgspec

from evloom.serve.bus import Bus, Happening
from evloom.serve.live.tail import Tail
from evloom.serve.logs import told
from evloom.serve.metrics import TOPICS, Metrics
from evloom.serve.people.roles import Caller
from evloom.store import scoped
from evloom.store.database import Database

KEPT = 5000
HEARTBEAT_S = 15.0
_OWNER_S = 60.0
"""How long it is remembered whose a station is."""
_LOG = logging.getLogger(__name__)
_ENCODER = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    happening: Happening


@dataclass(frozen=True, slots=True)
class _Owner:
    org_id: str
    site_id: str
    at_s: float


class EventHub:
    """The ring of last events of one process, and who waits for the next one."""

    def __init__(self, bus: Bus, db: Database, metrics: Metrics, now_s: Callable[[], float], kept: int = KEPT) -> None:
        self.metrics = metrics
        self._db, self._now_s = db, now_s
        self._run = secrets.token_hex(4)
        self._ring: deque[_Kept] = deque(maxlen=kept)
        self._last = 0
        self._news: set[asyncio.Event] = set()
        self._owners: dict[tuple[str, str], _Owner] = {}
        self._closed = False
        self._tail = Tail(db, self._keep) if db.kind != "sqlite" else None
        self._ends = [bus.listen(topic, self._happened) for topic in TOPICS]

    async def start(self) -> None:
        """Hear what stations say that are connected to other processes on the same database."""
        if self._tail is not None:
            await self._tail.start()

    async def stop(self) -> None:
        """End every stream, and hear nothing more."""
        self.close()
        if self._tail is not None:
            await self._tail.stop()

    def close(self) -> None:
        """End every listener's stream, so that a server can stop."""
        self._closed = True
        for end in self._ends:
            end()
        self._ends = []
        self._wake()

    async def listen(
        self, caller: Caller, topics: frozenset[str], last_id: str, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncGenerator[bytes, None]:
        """What `caller` is to read: events of `topics` after the one with id `last_id` ("" from now on), and heartbeats.

        Without end; with heartbeat_s 0 until there is nothing more to read just now.
        """
        news = asyncio.Event()
        self._news.add(news)
        self.metrics.readers.inc()
        try:
            at, missed = self._begin(last_id)
            yield b"retry: 3000\n\n" + (b"event: missed\ndata: {}\n\n" if missed else b"")
            while not self._closed:
                news.clear()
                if self._ring and at < self._ring[0].number - 1:
                    self.metrics.readers_dropped.inc()
                    told(_LOG, logging.WARNING, "events.dropped", actor=caller.actor, remote=caller.remote)
                    yield b"event: dropped\ndata: {}\n\n"
                    return
                waiting = self._after(at)
                for kept in waiting:
                    if kept.happening.topic in topics and await self._may_see(caller, kept.happening):
                        yield self._text(kept)
                if waiting:
                    at = waiting[-1].number
                    continue
                if not heartbeat_s:
                    return
                try:
                    await asyncio.wait_for(news.wait(), heartbeat_s)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._news.discard(news)
            self.metrics.readers.dec()

    def _happened(self, happening: Happening) -> None:
        if self._tail is not None and happening.topic == "station" and happening.number:
            self._tail.said(happening)
        self._keep(happening)

    def _keep(self, happening: Happening) -> None:
        self._last += 1
        self._ring.append(_Kept(self._last, happening))
        self._wake()

    def _wake(self) -> None:
        for news in self._news:
            news.set()

    def _begin(self, last_id: str) -> tuple[int, bool]:
        run, _, number = last_id.partition("-")
        if not last_id:
            return self._last, False
        if run != self._run or not number.isdecimal() or len(number) > 15 or int(number) > self._last:
            return self._last, True
        first = self._ring[0].number if self._ring else self._last + 1
        return max(int(number), first - 1), int(number) < first - 1

    def _after(self, at: int) -> list[_Kept]:
        """Up to 100 of the events after `at`: a listener that is far behind does not hold up the others."""
        if not self._ring or at >= self._last:
            return []
        start = max(0, at + 1 - self._ring[0].number)
        return [self._ring[index] for index in range(start, min(start + 100, len(self._ring)))]

    def _text(self, kept: _Kept) -> bytes:
        happening = kept.happening
        body = {
            "topic": happening.topic,
            "subject": happening.subject,
            "kind": type(happening.event).__name__,
            "at_s": happening.at_s,
            "known_s": happening.known_s,
            "number": happening.number,
            "event": _shown(happening),
        }
        return f"id: {self._run}-{kept.number}\nevent: {happening.topic}\ndata: ".encode() + _ENCODER.encode(body) + b"\n\n"

    async def _may_see(self, caller: Caller, happening: Happening) -> bool:
        scope = caller.scope
        if scope.org_id is None:
            return True
        if happening.topic == "battery":
            return getattr(happening.event, "org_id", "") == scope.org_id and scope.site_ids is None
        kind, name = _belongs(happening)
        owner = await self._owner(kind, name)
        return owner.org_id == scope.org_id and (scope.site_ids is None or owner.site_id in scope.site_ids)

    async def _owner(self, kind: str, name: str) -> _Owner:
        known = self._owners.get((kind, name))
        if known is not None and self._now_s() - known.at_s < _OWNER_S:
            return known
        found = await self._db.read(lambda conn: scoped.owner_of(conn, kind, name))
        owner = _Owner(*found, self._now_s())
        if len(self._owners) > 100_000:
            self._owners.clear()
        self._owners[kind, name] = owner
        return owner


def _shown(happening: Happening) -> object:
    """The event; of a command without its body, which may hold a password for the station."""
    if happening.topic != "command":
        return happening.event
    return {name: value for name, value in msgspec.to_builtins(happening.event).items() if name != "body"}


def _belongs(happening: Happening) -> tuple[str, str]:
    """What an event is about: ("station", id) or ("site", id)."""
    event, topic = happening.event, happening.topic
    named = getattr(event, "station_id", "")
    if topic == "station" or named:
        return "station", named or happening.subject
    if topic in ("cycle", "site"):
        return "site", happening.subject
    at = getattr(event, "site_id", "")
    return ("site", at) if at else ("station", happening.subject)
