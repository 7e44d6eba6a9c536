"""Asks stations for meter values in an interval: many send none, or one in a quarter of an hour, unless they are told otherwise."""

import asyncio
import logging
from collections.abc import Callable

from evloom.pile.command import Setting, Variable, WriteVariables
from evloom.pile.station import StationBooted
from evloom.serve.bus import Bus, Happening
from evloom.serve.commands import Commands
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.logs import told
from evloom.store.errors import StoreError
from evloom.wire.ocpp.version import Version

_LOG = logging.getLogger("evloom.sampling")
SETTLE_S = 3.0
"""A station that was just accepted is given so long before it is asked for something."""
ORDER_S = 600.0
"""A station that has gone again meanwhile is told at its next boot."""
DAY_S = 86_400.0


class Sampling:
    """Tells a station its interval after it was accepted, once a day at most, however often it boots. With interval_s 0 it tells none."""

    def __init__(self, bus: Bus, commands: Commands, gateway: Gateway, interval_s: int, now_s: Callable[[], float]) -> None:
        self._bus = bus
        self._commands = commands
        self._gateway = gateway
        self._interval_s = interval_s
        self._now_s = now_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._unlisten: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin to listen for boots."""
        if self._interval_s > 0:
            self._unlisten = self._bus.listen("station", self._heard)

    async def stop(self) -> None:
        """Tell nobody any more."""
        if self._unlisten is not None:
            self._unlisten()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _heard(self, happening: Happening) -> None:
        event = happening.event
        if isinstance(event, StationBooted) and event.status == "Accepted" and self._gateway.is_here(happening.subject):
            task = asyncio.get_running_loop().create_task(self._tell(happening.subject, event.firmware))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, station_id: str, firmware: str) -> None:
        await asyncio.sleep(SETTLE_S)
        link = self._gateway.link(station_id)
        if link is None:
            return
        now_s = self._now_s()
        key = f"sampling:{station_id}:{link.version.value}:{firmware}:{self._interval_s}:{now_s // DAY_S:.0f}"
        command = interval_of(link.version, self._interval_s)
        try:
            await self._commands.order(station_id, command, deadline_s=now_s + ORDER_S, key=key, actor="platform")
        except StoreError as error:
            told(_LOG, logging.WARNING, "sampling.not_told", station=station_id, why=str(error))


def interval_of(version: Version, interval_s: int) -> WriteVariables:
    """The command that sets the interval of meter values within a transaction."""
    if version is Version.V16:
        return WriteVariables((Setting(Variable("MeterValueSampleInterval"), str(interval_s)),))
    return WriteVariables((Setting(Variable("TxUpdatedInterval", "SampledDataCtrlr"), str(interval_s)),))
