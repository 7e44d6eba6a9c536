"""Sampling control, live: the bytes of a day go to battery boxes and terminals by suspicion; what is decided goes out as commands do."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np

from evloom.diagnose.sampling import Need, share_out
from evloom.serve.bus import Bus, Happening
from evloom.serve.doctor.events import BatteryWarned
from evloom.serve.logs import told
from evloom.serve.telematics.rates import Box, Order
from evloom.store import batteries
from evloom.store.connection import Connection, Row
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.store.scope import EVERYTHING

_LOG = logging.getLogger("evloom.doctor")
SHARE_S, LOOK_S = 600.0, 5.0
"""How often bytes are shared out anew, and looked whether a car was parked or driven away; a warning that changes does it at once."""
HOLD_S = 3600.0
"""A box keeps its interval for so long, and then goes back to its own unless it is told again."""
FRAME_BYTES, CELL_BYTES, PROBE_BYTES = 80.0, 2.0, 3.0
"""A frame in a batch of MessagePack: everything else, a cell, a probe."""
ACTIVE_H = 2.0
"""Hours of a day in use of a vehicle of which nothing is known."""
PAGE = 500


class Told(Protocol):
    """Things that sample, and take orders: boxes of a broker, terminals of the port for vehicles."""

    def boxes(self) -> list[Box]:
        """Every one that is known."""
        ...

    def order(self, vehicle_id: str, interval_s: float, until_s: float, burst: int = 1) -> Order:
        """Want `burst` frames every `interval_s` seconds until `until_s`."""
        ...


class RateShares:
    """Shares out `budget_bytes` a day among those that were heard of; 0: they keep their own intervals."""

    def __init__(self, db: Database, bus: Bus, told: Sequence[Told], budget_bytes: float, now_s: Callable[[], float]) -> None:
        self._db, self._bus, self._told, self._now_s = db, bus, told, now_s
        self._budget_bytes = budget_bytes
        self._news = asyncio.Event()
        self._shared_s = float("-inf")
        self._parked: dict[str, bool | None] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        ending = self._bus.listen("battery", self._heard)
        try:
            while True:
                if self._news.is_set() or self.is_due():
                    self._news.clear()
                    try:
                        await self.share()
                    except StoreError as error:
                        told(_LOG, logging.WARNING, "rates.not-shared", why=str(error))
                try:
                    await asyncio.wait_for(self._news.wait(), LOOK_S)
                except TimeoutError:
                    continue
        finally:
            ending()

    def is_due(self) -> bool:
        """Whether it is time, or a car that was parked drives, or the other way round."""
        return not 0.0 <= self._now_s() - self._shared_s < SHARE_S or self._standing() != self._parked

    def _standing(self) -> dict[str, bool | None]:
        return {box.vehicle_id: box.parked for one in self._told for box in one.boxes()}

    def _heard(self, happening: Happening) -> None:
        if isinstance(happening.event, BatteryWarned) and happening.event.kind != "acknowledged":
            self._news.set()

    async def share(self) -> None:
        """Decide on every box, and order what is new."""
        by = [(one, box) for one in self._told for box in one.boxes()]
        boxes = [box for _, box in by]
        self._shared_s, self._parked = self._now_s(), self._standing()
        if not boxes or not self._budget_bytes > 0.0:
            return
        rows = await self._db.read(_batteries)
        need = need_of(boxes, rows)
        rates = await asyncio.to_thread(share_out, need, self._budget_bytes)
        wanted = zip(by, rates.interval_s.tolist(), rates.wake_s.tolist(), rates.burst.tolist(), strict=True)
        for (one, box), interval_s, wake_s, burst in wanted:
            self._order(one, box, *((wake_s, int(burst)) if box.parked else (interval_s, 1)))

    def _order(self, one: Told, box: Box, interval_s: float, burst: int) -> None:
        now_s, order = self._now_s(), box.order
        hold_s = max(HOLD_S, 2.0 * interval_s)
        same = order is not None and (order.interval_s, order.burst) == (interval_s, burst) and order.until_s - now_s > hold_s / 3.0
        if not same or order is None:
            one.order(box.vehicle_id, interval_s, now_s + hold_s, burst)


def need_of(boxes: list[Box], rows: dict[str, Row]) -> Need:
    """What is known of the boxes' vehicles, columns in their order."""
    found = [rows.get(box.vehicle_id) for box in boxes]
    severity = [0.0 if row is None else row["severity"] for row in found]
    active_h = [ACTIVE_H if row is None else _active_h(row) for row in found]
    size = [FRAME_BYTES if row is None else FRAME_BYTES + CELL_BYTES * row["n_cell"] + PROBE_BYTES * row["n_probe"] for row in found]
    return Need(np.array(severity), np.array(active_h), np.array(size))


def _active_h(row: Row) -> float:
    hours = msgspec.json.decode(row["view"]).get("active_h") if row["view"] else None
    return ACTIVE_H if hours is None else float(np.clip(hours, 0.1, 24.0))


def _batteries(conn: Connection) -> dict[str, Row]:
    """The worst battery of each vehicle."""
    found: dict[str, Row] = {}
    after = None
    while True:
        rows, after = batteries.battery_page(conn, EVERYTHING, after, PAGE, {})
        for row in rows:
            found.setdefault(row["vehicle_id"], row)
        if after is None:
            return found
