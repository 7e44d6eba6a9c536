"""What running sessions cost, in memory: a station of OCPP 2.x is told with every answer, so it must be there at once."""

import asyncio
from collections import deque
from contextlib import suppress

from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import session_id
from evloom.serve.billing.running import RunningCost
from evloom.serve.bus import Bus, Happening
from evloom.serve.desk.ports import Cost
from evloom.serve.system_clock import machine_s
from evloom.store.database import Database
from evloom.store.errors import StoreError

FRESH_S = 60.0
"""The cost of one session is worked out at most this often: a display needs no more, and a bill is made from the registers."""
WAITING_MAX = 2000


class Costs:
    """Listens to transactions and works out what they cost, one after the other, in the background."""

    def __init__(self, db: Database, bus: Bus, running: RunningCost) -> None:
        self._running = running
        self._known: dict[str, Cost] = {}
        self._asked_s: dict[str, float] = {}
        self._waiting: deque[tuple[str, float]] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._ending = bus.listen("station", self._heard)
        self._db = db

    def of(self, session: str) -> Cost | None:
        """What the session has cost so far; None where it is not known, has ended, or nothing prices it."""
        return self._known.get(session)

    async def start(self) -> None:
        """Begin to work."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End."""
        self._ending()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    def _heard(self, happening: Happening) -> None:
        said = happening.event
        # OCPP 1.6 has no field for a cost, and no sequence numbers.
        if not isinstance(said, TransactionSaid) or said.seq < 0:
            return
        name = session_id(happening.subject, said.transaction)
        if said.phase == "ended":
            self._known.pop(name, None)
            self._asked_s.pop(name, None)
        elif machine_s() - self._asked_s.get(name, 0.0) >= FRESH_S:
            self._asked_s[name] = machine_s()
            self._waiting.append((name, happening.known_s))
            self._news.set()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                name, now_s = self._waiting.popleft()
                with suppress(StoreError):
                    await self._look(name, now_s)

    async def _look(self, name: str, now_s: float) -> None:
        await self._db.caught_up()
        running = await self._running.of(name, now_s)
        if running is not None and name in self._asked_s:
            self._known[name] = Cost(float(running.total), running.currency)
