"""What sessions cost, for the displays of stations of OCPP 2.x: in memory for their answers, by CostUpdated, and at the end the final one.

A running cost is worked out at most once a minute for a session. A station of 2.1 is told it with its answers, one of 2.0.1 that says it
can show costs by CostUpdated, when it has changed enough to be worth a message. The answer to the end of a transaction bears what it
came to.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from evloom.market.contract import minor_unit
from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import session_id
from evloom.serve.billing.running import RunningCost, final_cost
from evloom.serve.bus import Bus, Happening
from evloom.serve.desk.ports import Cost
from evloom.serve.displays import Displays
from evloom.serve.system_clock import machine_s
from evloom.store.database import Database
from evloom.store.errors import StoreError

FRESH_S = 60.0
"""The cost of one session is worked out at most this often: a display needs no more, and a bill is made from the registers."""
SHARE_MIN = 0.005
"""A cost that has changed by less than this share of itself, or than the smallest coin, is not shown anew."""
FINAL_S = 5.0
"""So long the answer to an end may wait for the final cost; then it goes without: a station waits 30 s for an answer."""
WAITING_MAX = 2000


@dataclass(frozen=True, slots=True)
class _Due:
    """A session whose cost is to be worked out."""

    name: str
    station_id: str
    transaction: str
    now_s: float


class Costs:
    """Listens to transactions and works out what they cost, one after the other, in the background. displays: where stations hear of it
    beside their answers; None: nowhere."""

    def __init__(self, db: Database, bus: Bus, running: RunningCost) -> None:
        self._running = running
        self._known: dict[str, Cost] = {}
        self._shown: dict[str, Cost] = {}
        self._asked_s: dict[str, float] = {}
        self._waiting: deque[_Due] = deque(maxlen=WAITING_MAX)
        self._news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._showing: set[asyncio.Task[None]] = set()
        self._ending = bus.listen("station", self._heard)
        self._db = db
        self.displays: Displays | None = None

    def of(self, session: str) -> Cost | None:
        """What the session has cost so far; None where it is not known, has ended, or nothing prices it."""
        return self._known.get(session)

    async def final(self, station_id: str, session: str) -> Cost | None:
        """What a session that has just ended came to; None where nothing prices it, where it is doubtful and so not billed as it stands,
        and where it could not be found out in time."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(FINAL_S):
                await self._db.caught_up()
                running = await self._db.read(lambda conn: final_cost(conn, session))
                if running is not None and self._fits(station_id, running.currency):
                    return Cost(float(running.total), running.currency)
        return None

    async def start(self) -> None:
        """Begin to work."""
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End."""
        self._ending()
        tasks = [*self._showing, *([self._worker] if self._worker is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self, happening: Happening) -> None:
        said = happening.event
        # OCPP 1.6 has no field for a cost, and no sequence numbers.
        if not isinstance(said, TransactionSaid) or said.seq < 0:
            return
        name = session_id(happening.subject, said.transaction)
        if said.phase == "ended":
            for memory in (self._known, self._shown, self._asked_s):
                memory.pop(name, None)
        elif machine_s() - self._asked_s.get(name, 0.0) >= FRESH_S:
            self._asked_s[name] = machine_s()
            self._waiting.append(_Due(name, happening.subject, said.transaction, happening.known_s))
            self._news.set()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                with suppress(StoreError):
                    await self._look(self._waiting.popleft())

    async def _look(self, due: _Due) -> None:
        await self._db.caught_up()
        running = await self._running.of(due.name, due.now_s)
        if running is None or due.name not in self._asked_s:
            return
        cost = Cost(float(running.total), running.currency)
        if self._fits(due.station_id, cost.currency):
            self._known[due.name] = cost
        if self.displays is not None and _is_news(cost, self._shown.get(due.name)):
            task = asyncio.get_running_loop().create_task(self._show(self.displays, due, cost))
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)

    async def _show(self, displays: Displays, due: _Due, cost: Cost) -> None:
        """A station may take its time to answer: others do not wait for it."""
        if due.name not in self._asked_s:
            return  # it has ended meanwhile, and the last word was what it came to
        taken = await displays.show(due.station_id, due.transaction, cost)
        if not displays.fits(due.station_id, cost.currency):
            self._known.pop(due.name, None)
        elif taken and due.name in self._asked_s:
            self._shown[due.name] = cost

    def _fits(self, station_id: str, currency: str) -> bool:
        return self.displays is None or self.displays.fits(station_id, currency)


def _is_news(cost: Cost, shown: Cost | None) -> bool:
    """Whether a cost is worth a message: the first one above 0, which would say that it is free, and each that differs enough from the
    one before."""
    before = 0.0 if shown is None else shown.amount
    least = max(float(minor_unit(cost.currency)), SHARE_MIN * abs(before))
    return cost.amount > 0.0 and abs(cost.amount - before) >= least - 1e-9
