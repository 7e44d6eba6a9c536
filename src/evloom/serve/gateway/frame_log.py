"""The log of OCPP messages as they went over the wire: gathered here, written in bundles, never in the way of an answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store.errors import StoreError
from evloom.store.frames import FrameRow

_LOG = logging.getLogger("evloom.gateway")
WAITING_MAX = 20_000
"""Frames in memory; further ones are lost, and a row says how many."""
EVERY_S = 0.5
BUNDLE = 1000


class FrameLog:
    """Takes frames; `run` writes them by `keep`."""

    def __init__(self, keep: Callable[[Sequence[FrameRow]], Awaitable[None]]) -> None:
        self._keep = keep
        self._waiting: list[FrameRow] = []
        self._lost: dict[str, int] = {}
        self._closing = False

    def add(self, station_id: str, direction: str, action: str, frame: bytes) -> None:
        """Keep a frame: direction "in" or "out"."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(FrameRow(station_id, now_s(), direction, action, frame.decode("utf-8", "backslashreplace")))
        else:
            self._lost[station_id] = self._lost.get(station_id, 0) + 1

    async def run(self) -> None:
        """Write what was gathered about twice a second; ends after `close` with everything written."""
        while not self._closing:
            await asyncio.sleep(EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what was gathered."""
        while self._waiting or self._lost:
            bundle, self._waiting = self._waiting[:BUNDLE], self._waiting[BUNDLE:]
            if not self._waiting:
                lost, self._lost = self._lost, {}
                bundle += [FrameRow(station_id, now_s(), "lost", "", str(n)) for station_id, n in lost.items()]
            try:
                await self._keep(bundle)
            except StoreError as error:
                for row in bundle:
                    self._lost[row.station_id] = self._lost.get(row.station_id, 0) + 1
                told(_LOG, logging.WARNING, "frames.lost", n=len(bundle), why=str(error))
                return

    def close(self) -> None:
        """Have `run` end."""
        self._closing = True
