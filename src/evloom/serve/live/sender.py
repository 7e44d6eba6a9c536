"""Sends orders: what lowers first, and what raises only once every station has said that it is lower.

So a station that does not answer, or refuses, never leaves others with room that it still takes.
"""

import asyncio
from collections.abc import Callable

from evloom.loop.told import Plan
from evloom.pile.follow import answered
from evloom.pile.orders import SetPower
from evloom.serve.live.actuator import Actuator, Told
from evloom.serve.live.bay import Bay

AGAIN_S = 30.0  # a station that refused or did not answer is tried again after this
SAME_KW = 1e-6


class Sender:
    """Carries out the newest order of each EVSE, one batch after the other. untold(bay) is called for every order that is not in force."""

    def __init__(self, actuator: Actuator, now_s: Callable[[], float], untold: Callable[[Bay], None]) -> None:
        self.actuator, self._now_s, self._untold = actuator, now_s, untold
        self._pending: dict[str, tuple[Bay, SetPower]] = {}
        self._ready = asyncio.Event()
        self.n_sent = self.n_failed = 0

    def take(self, bay: Bay, order: SetPower) -> None:
        """An order to carry out, in place of one for the same EVSE that was not sent yet."""
        self._pending[bay.evse_id] = (bay, order)
        self._ready.set()

    async def run(self) -> None:
        """Send for ever, until cancelled."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            batch, self._pending = self._pending, {}
            await self.carry_out(list(batch.values()))

    async def carry_out(self, batch: list[tuple[Bay, SetPower]]) -> None:
        """Send a batch: reductions, then the rest."""
        now_s = self._now_s()
        lowers = [item for item in batch if item[1].power_kw < item[0].allowed_kw(now_s) - SAME_KW]
        raises = [item for item in batch if item not in lowers]
        done = await asyncio.gather(*(self._send(bay, order) for bay, order in lowers))
        if all(done):
            await asyncio.gather(*(self._send(bay, order) for bay, order in raises if bay.evse_id not in self._pending))
            return
        for bay, _ in raises:
            self._untold(bay)

    async def _send(self, bay: Bay, order: SetPower) -> bool:
        """Send one order; whether the station took it."""
        session_id, now_s = bay.session_id, self._now_s()
        if not session_id or not bay.link:
            return True  # it is not there any more: nothing to lower
        if bay.again_s > now_s:
            return False
        plan: Plan = ((order.at_s, order.power_kw), *order.ahead)
        bay.telling(plan, now_s)
        told = await self.actuator.order(bay, plan)
        if bay.session_id != session_id:
            return True
        self.n_sent += 1
        return self._noted(bay, plan, told)

    def _noted(self, bay: Bay, plan: Plan, told: Told) -> bool:
        if told.accepted:
            bay.taken(plan, self._now_s())
            bay.conduct, bay.trouble, bay.again_s = answered(bay.conduct, True), "", 0.0
            return True
        self.n_failed += 1
        kind = "unanswered" if told.accepted is None else "refused"
        bay.again_s, bay.trouble = self._now_s() + AGAIN_S, f"{kind}: {told.status}"
        if told.accepted is False:
            bay.not_taken(plan)
            bay.conduct = answered(bay.conduct, False)
        self._untold(bay)
        return False
