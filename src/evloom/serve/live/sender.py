"""Sends orders: what lowers first, and what raises only once every station has said that it is lower, fallback profiles included.

So a station that does not answer, or refuses, never leaves others with room that it still takes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from evloom.loop.told import Plan
from evloom.pile.follow import answered
from evloom.pile.orders import SetPower
from evloom.serve.live.actuator import Actuator
from evloom.serve.live.bay import Bay
from evloom.serve.live.told import Told

AGAIN_S = 30.0  # a station that refused or did not answer is tried again after this
SOON_S = 10.0  # and after its first refusal: its transaction may have ended just now
REFUSALS = 2  # so many in a row, of a transaction that it spoke of since its link is there, and it counts as one that refuses
SAME_KW = 1e-6


async def _nothing_to_do() -> bool:
    return True


class Sender:
    """Carries out the newest order of each EVSE, one batch after the other. untold(bay) is called for every order that is not in force.

    make_room() has what stations fall back to lowered where the plans need its room; it says whether that was done.
    """

    def __init__(self, actuator: Actuator, now_s: Callable[[], float], untold: Callable[[Bay], None]) -> None:
        self.actuator, self._now_s, self._untold = actuator, now_s, untold
        self.make_room: Callable[[], Awaitable[bool]] = _nothing_to_do
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
        if all(done) and (not raises or await self.make_room()):
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
            bay.conduct, bay.trouble, bay.again_s, bay.n_refused = answered(bay.conduct, True), "", 0.0, 0
            return True
        self.n_failed += 1
        kind = "unanswered" if told.accepted is None else "refused"
        bay.trouble = f"{kind}: {told.status}"
        if told.accepted is False:
            bay.not_taken(plan)
            bay.n_refused += bay.sure
            bay.conduct = answered(bay.conduct, False) if bay.n_refused >= REFUSALS else bay.conduct
        again_s = SOON_S if told.accepted is False and bay.n_refused < REFUSALS else AGAIN_S
        bay.again_s = self._now_s() + again_s
        self._untold(bay)
        return False
