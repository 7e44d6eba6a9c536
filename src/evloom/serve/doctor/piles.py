"""The loop obeys: which battery stands at which pile, and what its diagnosis allows there, told to the loop as soon as either changes.

A car is known at a pile by its token: the VIN or EVCCID that it showed itself, a card of the vehicle, a card of its driver. Of a driver
with several cars the one that charges by its telemetry is meant; where that does not tell, the most suspect one, to be on the safe side.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from evloom.diagnose.limits import INSPECT, SOUND, SOURCE
from evloom.pile.events import PackSeen
from evloom.pile.station import TransactionSaid
from evloom.serve.bus import Bus, Happening
from evloom.serve.doctor.events import BatteryHeard, BatteryWarned
from evloom.serve.live import Live
from evloom.serve.live.bay import Bay
from evloom.serve.live.post import Post
from evloom.serve.logs import told
from evloom.store import batteries, warnings
from evloom.store.batteries import Car
from evloom.store.connection import Connection, Row
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.vehicle.chemistry import BY_NAME

_LOG = logging.getLogger("evloom.doctor")
FRESH_S = 900.0
"""Telemetry older than this does not say how full a battery is now, nor whether it charges."""
LOOK_S = 1.0
"""How often it is looked whether another process changed a warning."""
MID_SOC = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose battery stands at a pile, and how it is: level 0 none .. 3 stop, energy and state of charge where known."""

    vehicle_id: str
    pack_id: str
    level: int
    battery_kwh: float | None
    soc: float | None
    warning_id: str = ""


@dataclass(slots=True)
class _Told:
    """What was found for a session; held: the highest level of which it is kept that it held the session back."""

    token: str
    standing: Standing | None = None
    held: int = SOUND


class Piles:
    """Tells the loop of the batteries at its piles."""

    def __init__(self, db: Database, bus: Bus, live: Live, now_s: Callable[[], float]) -> None:
        self._db, self._bus, self._live, self._now_s = db, bus, live, now_s
        self._told: dict[str, _Told] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: list[Callable[[], None]] = []
        self._last_change, self._is_stale = -1, False

    async def start(self) -> None:
        """Begin to listen."""
        self._endings = [
            self._bus.listen("station", self._said),
            self._bus.listen("cycle", lambda _: self.look()),
            self._bus.listen("battery", self._warned),
        ]
        if self._db.kind != "sqlite":
            self._task(self._watch())

    async def stop(self) -> None:
        """End."""
        for ending in self._endings:
            ending()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def standing(self, session_id: str) -> Standing | None:
        """Whose battery charges in a session, None where that is not known."""
        found = self._told.get(session_id)
        return None if found is None else found.standing

    def look(self) -> None:
        """Find out whose battery stands at each pile of which that is not known yet, and note whom it holds back."""
        there = {bay.session_id: (post, bay) for post in self._live.posts.values() for bay in post.bays.values() if bay.session_id}
        for session_id in self._told.keys() - there.keys():
            del self._told[session_id]
        for session_id, (post, bay) in there.items():
            known = self._told.get(session_id)
            if known is None or known.token != bay.token:
                self._told[session_id] = _Told(bay.token)
                self._task(self._find(bay, session_id))
            elif known.standing is not None and known.standing.level >= max(INSPECT, known.held + 1) and _is_held(post, bay):
                known.held = known.standing.level
                self._task(self._hold(session_id, known.standing))

    def _said(self, happening: Happening) -> None:
        if isinstance(happening.event, TransactionSaid) and happening.event.phase != "ended":
            session_id = f"{happening.subject}:{happening.event.transaction}"
            known = self._told.get(session_id)
            if known is None or (happening.event.token and known.token != happening.event.token):
                self.look()

    def _warned(self, happening: Happening) -> None:
        if isinstance(happening.event, BatteryWarned):
            self.again()
        elif isinstance(happening.event, BatteryHeard) and happening.event.level >= INSPECT and happening.event.soc is not None:
            self._charged(happening.event.pack_id, happening.event.soc, happening.at_s)

    def _charged(self, pack_id: str, soc: float, at_s: float) -> None:
        """A suspect battery told how full it is: it is charged to its ceiling and not beyond."""
        if abs(self._now_s() - at_s) > FRESH_S:
            return
        for post in self._live.posts.values():
            for bay in post.bays.values():
                standing = self.standing(bay.session_id) if bay.session_id else None
                if standing is not None and standing.pack_id == pack_id:
                    self._live.pack_seen(bay.station_id, bay.number, PackSeen(self._now_s(), "", soc=soc))

    def again(self) -> None:
        """A warning, a vehicle or a token changed: look again at every pile with a car."""
        if not self._is_stale:
            self._is_stale = True
            self._task(self._find_all())

    async def _watch(self) -> None:
        """Warnings of other processes on the same database."""
        while True:
            last = await self._db.read(warnings.last_change)
            if last != self._last_change:
                self._last_change = last
                self.again()
            await asyncio.sleep(LOOK_S)

    async def _find_all(self) -> None:
        self._is_stale = False
        for bay in [bay for post in self._live.posts.values() for bay in post.bays.values() if bay.session_id in self._told]:
            await self._find(bay, bay.session_id)

    async def _find(self, bay: Bay, session_id: str) -> None:
        """Whose battery stands at `bay`; the loop is told what is new of it."""
        now_s, station_id, token = self._now_s(), bay.station_id, bay.token
        standing = await self._db.read(lambda conn: standing_of(conn, station_id, token, now_s))
        known = self._told.get(session_id)
        if known is None or bay.session_id != session_id or known.token != token:
            return
        before, known.standing = known.standing, standing
        level = SOUND if standing is None else standing.level
        if (before is None) == (standing is None) and level == (SOUND if before is None else before.level):
            return
        kwh, soc, pack_id = (None, None, "") if standing is None else (standing.battery_kwh, standing.soc, standing.pack_id)
        told(_LOG, logging.INFO, "pile.battery", evse=bay.evse_id, pack=pack_id, diagnosis=level)
        self._live.pack_seen(bay.station_id, bay.number, PackSeen(now_s, "", soc=soc, battery_kwh=kwh, diagnosis=level))

    async def _hold(self, session_id: str, standing: Standing) -> None:
        """Keep that a session is held back, for its bill."""
        values = {"pack_id": standing.pack_id, "vehicle_id": standing.vehicle_id, "level": standing.level}
        values |= {"warning_id": standing.warning_id, "from_s": self._now_s()}
        await self._db.write(lambda conn: warnings.hold(conn, session_id, values))

    def _task(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_tried(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _tried(job: Coroutine[Any, Any, None]) -> None:
    try:
        await job
    except StoreError as error:
        told(_LOG, logging.WARNING, "pile.battery-not-read", why=str(error))


def _is_held(post: Post, bay: Bay) -> bool:
    """Whether the last decision gave a car less because of its diagnosis."""
    record = post.loop.record
    return record is not None and any(one.row == bay.row and one.source == SOURCE for one in record.refusals)


def standing_of(conn: Connection, station_id: str, token: str, now_s: float) -> Standing | None:
    """Whose battery a token means at a station; None where nobody knows."""
    cars = [car for car in batteries.cars_of(conn, station_id, token) if car.batteries]
    if len(cars) > 1:
        cars = [car for car in cars if _charges(car, now_s)] or cars
    if not cars:
        return None
    car = max(cars, key=lambda one: max(row["urgency"] for row in one.batteries))
    row = max(car.batteries, key=lambda row: float(row["urgency"]))
    worst = warnings.worst_open(conn, row["pack_id"]) if row["level"] else None
    soc = row["soc"] if abs(now_s - row["last_s"]) < FRESH_S else None
    return Standing(car.vehicle_id, row["pack_id"], row["level"], _kwh(car, row), soc, worst["warning_id"] if worst else "")


def _charges(car: Car, now_s: float) -> bool:
    return any(row["charging"] == 1 and abs(now_s - row["last_s"]) < FRESH_S for row in car.batteries)


def _kwh(car: Car, row: Row) -> float | None:
    """Energy of the battery: as people told, else rated capacity times the usual voltage of its cells in series."""
    if car.battery_kwh is not None:
        return car.battery_kwh
    capacity_ah, chemistry = row["capacity_ah"] or car.capacity_ah, BY_NAME.get(row["chemistry"])
    if not capacity_ah or chemistry is None or not row["n_cell"]:
        return None
    return float(capacity_ah * row["n_cell"] * chemistry.ocv(MID_SOC) / 1000.0)
