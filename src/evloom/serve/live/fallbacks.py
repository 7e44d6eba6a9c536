"""Keeps the fallback profiles of a site's EVSE such that they hold every limit together with the plans, should all links be lost at once.

While plans leave room, every EVSE may fall back to its least current. Where a plan needs the room, fallbacks are lowered to 0 first, and
the plan goes out once the stations have said so. They are raised again after an hour: a station keeps each in flash.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from evloom.kernel.timegrid import Bool, Float
from evloom.serve.live.actuator import Actuator
from evloom.serve.live.bay import Bay
from evloom.serve.live.defaults import Planned, default_currents, least_currents
from evloom.serve.live.field import LiveField
from evloom.serve.live.site_loop import SiteLoop
from evloom.serve.logs import told as log_told

_LOG = logging.getLogger("evloom.live")
REST_S = 3600.0  # a fallback that was lowered is not raised before this
PATIENCE_S = 30.0  # a station that has just booted may take its time for its first one: nobody waits for it
AT_ONCE_N = 16  # and so many stations are asked at once, however many come back together
AGAIN_S = 600.0  # one that was not taken is tried again after this
UNSTEERED_A = 1e4  # what a station may take that has no fallback profile: its rating


class Fallbacks:
    """For one site. `take_up` whenever its loop is built anew; now_s is the present by the loop's clock."""

    field: LiveField
    loop: SiteLoop

    def __init__(self, actuator: Actuator, now_s: Callable[[], float], later: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self.actuator, self._now_s, self._later = actuator, now_s, later
        self._changed_s: dict[str, float] = {}
        self._kept: dict[str, float] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._places = asyncio.Semaphore(AT_ONCE_N)

    def take_up(self, field: LiveField, loop: SiteLoop) -> None:
        """The site was built anew."""
        self.field, self.loop = field, loop

    def wanted_a(self) -> tuple[float, ...]:
        """The currents that EVSE should fall back to now, (n_evse,): what is safe whatever is planned where nothing is planned yet."""
        made, bays = self.field.made, list(self.field.bays.values())
        highest_kw = np.array([self.field.base.nodes[name].highest_kw() for name in made.site.tree.node_id])
        if self.loop.record is None or self.loop.run is None:
            return default_currents(made, highest_kw)
        fixed, now_a = self._fixed(bays, least_currents(made))
        return default_currents(made, highest_kw, Planned(self.field.limit_kw(), self._planned_kw(bays), now_a, fixed))

    def _fixed(self, bays: list[Bay], least_a: Float) -> tuple[Bool, Float]:
        """Which EVSE cannot be told another fallback, and what each has: the least current where it is not known."""
        fixed = np.array([not bay.link or bay.default == "refused" or bay.evse_id in self._kept for bay in bays], dtype=np.bool_)
        said = np.array([bay.default_a if bay.default == "installed" else 0.0 for bay in bays], dtype=np.float64)
        unknown = np.array([bay.default == "" and not bay.link for bay in bays], dtype=np.bool_)
        refused = np.array([bay.default == "refused" for bay in bays], dtype=np.bool_)
        return fixed, np.where(refused, UNSTEERED_A, np.where(unknown, least_a, said))

    def _planned_kw(self, bays: list[Bay]) -> Float:
        """What each EVSE may draw over the time ahead: by what it was told, by what it is about to be told, and what it draws anyhow."""
        record = self.loop.record
        assert record is not None
        at_s = self.loop.edges_s(record)[:-1]
        planned_kw = np.zeros((len(bays), len(at_s)))
        for bay in bays:
            if bay.session_id:
                planned_kw[bay.row] = bay.ahead_kw(at_s)
                if bay.link:
                    new_kw = record.power_kw[bay.row] if record.ahead_kw is None else record.ahead_kw[bay.row]
                    anyhow_kw = 0.0 if self.field.is_steered(bay) else np.nan_to_num(bay.room_kw)
                    planned_kw[bay.row] = np.maximum(np.maximum(planned_kw[bay.row], new_kw), anyhow_kw)
        return planned_kw

    async def make_room(self) -> bool:
        """Lower what plans need the room of; whether all of it was lowered."""
        wanted_a = self.wanted_a()
        bays = [bay for bay in self.field.bays.values() if self._is_told(bay) and wanted_a[bay.row] < bay.default_a]
        return all(await asyncio.gather(*(self.install(bay, wanted_a[bay.row]) for bay in bays)))

    def _is_told(self, bay: Bay) -> bool:
        return bay.link and bay.default == "installed" and bay.evse_id not in self._kept

    def look(self) -> None:
        """After each cycle: lower what is too high by now, raise what was low for long, try again what was not taken."""
        now_s = self._now_s()
        for evse_id in [name for name, since_s in self._kept.items() if now_s - since_s > AGAIN_S or name not in self.field.bays]:
            del self._kept[evse_id]
        wanted_a = self.wanted_a()
        for bay in self.field.bays.values():
            rested = now_s - self._changed_s.get(bay.evse_id, float("-inf")) > REST_S
            if self._is_told(bay) and (wanted_a[bay.row] < bay.default_a or (wanted_a[bay.row] > bay.default_a and rested)):
                self._later(self._change(bay, wanted_a[bay.row]))

    async def _change(self, bay: Bay, current_a: float) -> None:
        await self.install(bay, current_a)

    async def install(self, bay: Bay, current_a: float) -> bool:
        """Have an EVSE fall back to a current; whether it does. One that does not take a lower one keeps its room."""
        async with self._turns.setdefault(bay.evse_id, asyncio.Lock()):
            return (bay.default == "installed" and bay.default_a == current_a) or await self._install(bay, current_a)

    async def install_first(self, bay: Bay) -> None:
        """Have an EVSE whose station has come fall back to what is safe now."""
        async with self._places:
            if bay.link:
                await self.install(bay, self.wanted_a()[bay.row])

    async def _install(self, bay: Bay, current_a: float) -> bool:
        had = bay.default
        self._changed_s[bay.evse_id] = self._now_s()
        told = await self.actuator.install_default(bay, current_a, None if had == "installed" else PATIENCE_S)
        if told.accepted:
            bay.default, bay.default_a = "installed", current_a
            self._kept.pop(bay.evse_id, None)
        elif had == "installed":
            self._kept[bay.evse_id] = self._now_s()
        else:
            bay.default = "" if told.accepted is None else "refused"
        if not told.accepted:
            log_told(_LOG, logging.WARNING, "default.not-installed", evse=bay.evse_id, why=told.status)
        bay.default_kept = bay.evse_id in self._kept
        self.field.falls_back(bay, self._now_s())
        return told.accepted is True or had != "installed"
