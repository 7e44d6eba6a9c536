"""The driver of one site's loop: when it runs, and what goes in and out. All decisions are in `evloom.loop`, all knowledge in the field."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.loop.ports import Clock
from evloom.loop.record import Record
from evloom.loop.told import Plan, steps_of
from evloom.pile.events import Event
from evloom.pile.orders import SetPower
from evloom.serve.live.bay import Bay
from evloom.serve.live.defaults import default_currents
from evloom.serve.live.field import LiveField
from evloom.serve.live.outdated import is_outdated
from evloom.serve.live.run import Run
from evloom.serve.logs import told
from evloom.serve.site.build import Built, run_grid

_LOG = logging.getLogger("evloom.live")
DEBOUNCE_S = 0.3  # what happens together is decided on together
GAP_S = 0.05  # two ticks are at least so far apart
BACK_S = 60.0  # a clock that was set back further leaves a loop in the future: all that it knows is dated there
STALE_PERIODS = 30.0  # an EVSE with a car and no word for so many periods counts as lost
STALE_S = 900.0

Decision = tuple[tuple[SetPower, ...], Record]
Decide = Callable[[Callable[[list[Event]], Decision], list[Event]], Awaitable[Decision]]


async def in_thread(tick: Callable[[list[Event]], Decision], events: list[Event]) -> Decision:
    """Decide in a thread, so that chargers are answered meanwhile."""
    return await asyncio.to_thread(tick, events)


@dataclass(frozen=True, slots=True)
class Setting:
    """How loops are driven: clock, control period, folder of journals (None: none kept), how a decision is computed."""

    clock: Clock
    period_s: float
    folder: Path | None
    decide: Decide = in_thread


Told = Callable[["SiteLoop", Record], None]


class SiteLoop:
    """Runs the loop of a site while it is awaited. `record` is the last decision; told(loop, record) is called after each.

    is_stranded: the clock was set back, and the site is to be taken up anew.
    """

    def __init__(self, made: Built, field: LiveField, setting: Setting, after: Told) -> None:
        self.made, self.field, self.setting, self._after = made, field, setting, after
        self.run: Run | None = None
        self.record: Record | None = None
        self.is_stranded = False
        self._retired = False
        self._awake = asyncio.Event()
        self._last_s = float("-inf")
        self._turn = 0

    def retire(self) -> None:
        """Another loop takes over: nothing is heard, decided or ordered here any more."""
        self._retired = True
        self._awake.set()

    def wake(self) -> None:
        """Something happened that cannot wait for the next period."""
        self._awake.set()

    async def drive(self) -> None:
        """Run until cancelled or retired."""
        try:
            while not self._retired:
                await self._guarded()
                if not self._retired:
                    await self._pause()
        finally:
            self._close()

    async def _guarded(self) -> None:
        """A cycle. One that fails ends its run, and the next begins with empty memory: cars must charge even then."""
        try:
            await self.cycle()
        except Exception:  # noqa: BLE001  whatever it is, the site must go on
            _LOG.exception("loop.failed at site %s", self.made.plan.site_id)
            self._last_s = max(self._last_s, self.setting.clock.now_s())  # it is tried again after a period, not at once for ever
            self._close()

    def _close(self) -> None:
        if self.run is not None:
            self.run.close()
            self.run = None

    async def cycle(self) -> None:
        """One cycle, in a new run where the last one is over."""
        if self.setting.clock.now_s() < self._last_s - BACK_S:
            told(
                _LOG, logging.WARNING, "loop.clock-set-back", site=self.made.plan.site_id, seconds=self._last_s - self.setting.clock.now_s()
            )
            self.is_stranded = True
            self.retire()
            return
        now_s = max(self.setting.clock.now_s(), self._last_s + GAP_S)
        if self.run is None or not self.run.grid.start_s <= now_s < self.run.grid.edges_s()[-1]:
            self._begin(now_s)
        assert self.run is not None
        events = self.field.advance(now_s)
        self._last_s = now_s
        orders, record = await self.setting.decide(self.run.tick, events)
        if self._retired:
            return
        self.record = record
        self.field.act(orders)
        self._refresh(record)
        self._after(self, record)

    def _begin(self, now_s: float) -> None:
        self._close()
        highest_kw = [self.field.base.nodes[name].highest_kw() for name in self.made.site.tree.node_id]
        self.field.fallback_a = default_currents(self.made, np.array(highest_kw))
        folder = self.setting.folder / self.made.plan.site_id if self.setting.folder is not None else None
        stale_s = max(STALE_S, STALE_PERIODS * self.setting.period_s)
        self.run = Run(self.made, run_grid(self.made.plan, now_s), self.field.fallback_a, stale_s, folder)
        self.field.begin(self.run.grid, now_s)
        told(_LOG, logging.INFO, "loop.began", site=self.made.plan.site_id, evse=self.made.evse.n, journal=self.run.name)

    async def _pause(self) -> None:
        """Until the next period, the next step, or something that cannot wait."""
        clock, step_s = self.setting.clock, self.made.plan.step_s
        now_s = clock.now_s()
        edge_s = (now_s // step_s + 1.0) * step_s
        until_s = min(min(self._last_s, now_s) + self.setting.period_s, edge_s)
        sleep = asyncio.ensure_future(clock.sleep_until(until_s))
        awake = asyncio.ensure_future(self._awake.wait())
        try:
            await asyncio.wait({sleep, awake}, return_when=asyncio.FIRST_COMPLETED)
            if awake.done() and not sleep.done():
                await clock.sleep_until(min(clock.now_s() + DEBOUNCE_S, until_s))
        finally:
            sleep.cancel()
            awake.cancel()
            await asyncio.gather(sleep, awake, return_exceptions=True)
        self._awake.clear()

    def _refresh(self, record: Record) -> None:
        """Have plans sent again that differ by now from what was sent, or end soon; a few bays in each cycle."""
        bays = list(self.field.bays.values())
        self._turn += 1
        for bay in bays[self._turn % 6 :: 6]:
            told = bay.session_id and bay.link and bay.told and self.field.is_steered(bay)
            if told and is_outdated(bay, self.plan_of(bay, record), record.now_s):
                self.field.outdated(bay, record.now_s)

    def plan_of(self, bay: Bay, record: Record) -> Plan:
        """The plan of an EVSE from the last decision on."""
        now: Plan = ((record.now_s, float(record.power_kw[bay.row])),)
        if record.ahead_kw is None or self.run is None:
            return now
        return (*now, *steps_of(self.edges_s(record), record.ahead_kw[bay.row]))

    def edges_s(self, record: Record) -> Float:
        """The borders of the steps of a record's plan; the first is the record's instant."""
        assert self.run is not None
        grid, n = self.run.grid, 1 if record.ahead_kw is None else record.ahead_kw.shape[1]
        step = int((record.now_s - grid.start_s) // grid.step_s)
        edges = grid.start_s + grid.step_s * np.arange(step, step + n + 1, dtype=np.float64)
        edges[0] = record.now_s
        return edges
