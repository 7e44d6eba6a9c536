"""The meters of the settings, each read for as long as the platform runs. A silent meter is said once, and asked again."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import aiomqtt

from evloom.serve.config import Meter
from evloom.serve.logs import told
from evloom.serve.meters.modbus import ModbusReader
from evloom.serve.meters.values import message_value

_LOG = logging.getLogger("evloom.meters")
AGAIN_S = 5.0


class Loads(Protocol):
    """Who is told: `serve.live.Live`."""

    def base_load(self, site_id: str, node: str, kw: float, at_s: float, stale_s: float) -> bool:
        """The load at a node was metered; whether there is such a node."""
        ...

    def drawn_kw(self, site_id: str, node: str) -> float:
        """What cars draw below a node."""
        ...


class Meters:
    """Reads every meter and tells the loop."""

    def __init__(self, meters: tuple[Meter, ...], loads: Loads, now_s: Callable[[], float]) -> None:
        self.meters, self.loads, self._now_s = meters, loads, now_s
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: dict[int, str] = {}

    async def start(self) -> None:
        """Begin to read."""
        self._tasks = [asyncio.get_running_loop().create_task(self._keep(number)) for number in range(len(self.meters))]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep(self, number: int) -> None:
        meter = self.meters[number]
        while True:
            try:
                await (self._mqtt(number, meter) if meter.kind == "mqtt" else self._modbus(number, meter))
            except (OSError, aiomqtt.MqttError) as error:
                self._silent(number, f"{type(error).__name__}: {error}")
            await asyncio.sleep(AGAIN_S)

    async def _mqtt(self, number: int, meter: Meter) -> None:
        secure = aiomqtt.TLSParameters() if meter.tls else None
        user, password = meter.user or None, meter.password or None
        async with aiomqtt.Client(meter.host, meter.port or 1883, username=user, password=password, tls_params=secure) as client:
            await client.subscribe(meter.topic)
            async for message in client.messages:
                try:
                    self._value(number, message_value(bytes(message.payload), meter.key))
                except ValueError as error:
                    self._silent(number, str(error))

    async def _modbus(self, number: int, meter: Meter) -> None:
        reader = ModbusReader(meter)
        try:
            while True:
                try:
                    self._value(number, await reader.read())
                except ValueError as error:
                    self._silent(number, str(error))
                await asyncio.sleep(meter.period_s)
        finally:
            reader.close()

    def _value(self, number: int, value: float) -> None:
        """A reading, in the unit of the meter."""
        meter = self.meters[number]
        kw = value * meter.scale
        if meter.includes_charging:
            kw -= self.loads.drawn_kw(meter.site, meter.node)
        if not self.loads.base_load(meter.site, meter.node, kw, self._now_s(), meter.stale_s):
            self._silent(number, f"no node {meter.node or 'site'!r} at site {meter.site or '(first)'!r}")
        elif self._trouble.pop(number, ""):
            told(_LOG, logging.INFO, "meter.back", meter=number, kind=meter.kind)

    def _silent(self, number: int, why: str) -> None:
        """Say what is wrong with a meter, once for each kind of trouble."""
        if self._trouble.get(number) != why:
            self._trouble[number] = why
            told(_LOG, logging.WARNING, "meter.silent", meter=number, kind=self.meters[number].kind, why=why)
