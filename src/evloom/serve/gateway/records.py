"""What the gateway looks up and keeps: stations, who owns them, their coming and going."""

import logging

from evloom.serve.bus import Bus, Happening
from evloom.serve.desk.caller import Caller
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store import cluster, gate
from evloom.store.cluster import Claimed
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.store.gate import GateRow
from evloom.store.log import LogEntry

_LOG = logging.getLogger("evloom.gateway")


class Records:
    """On the database and the bus of this process; `name` is the gateway's."""

    def __init__(self, db: Database, bus: Bus, name: str) -> None:
        self._db = db
        self._bus = bus
        self._name = name

    async def find(self, station_id: str) -> GateRow | None:
        """A station that knocks."""
        return await self._db.read(lambda conn: gate.find(conn, station_id))

    async def claim(self, station_id: str) -> Claimed:
        """Make this gateway the owner of a station: the new epoch, above all before it, and who was."""
        return await self._db.write(lambda conn: cluster.claim(conn, station_id, self._name, now_s()))

    async def retake(self, station_id: str, epoch: int) -> bool:
        """Own a station again that was released over our head; False when somebody has claimed it since."""
        return await self._db.write(lambda conn: cluster.retake(conn, station_id, self._name, epoch))

    async def release(self, station_id: str, epoch: int) -> None:
        """Nobody owns the station any more, unless somebody has taken it over since."""
        try:
            await self._db.write(lambda conn: cluster.release(conn, station_id, epoch))
        except StoreError as error:
            told(_LOG, logging.WARNING, "ownership.unreleased", station=station_id, why=str(error))

    async def say(self, caller: Caller, event: object) -> bool:
        """Keep an event about a link and tell it, unless the link was fenced meanwhile; False where the database did not let it be kept."""
        at_s = now_s()
        entry = LogEntry(caller.station_id, event, at_s, at_s, epoch=caller.epoch)
        try:
            (kept,) = await self._db.append([entry])
        except StoreError as error:
            told(_LOG, logging.ERROR, "event.lost", station=caller.station_id, kind=type(event).__name__, why=str(error))
            return False
        if not kept.fenced:
            self._bus.publish(Happening("station", caller.station_id, event, at_s, at_s, kept.number))
        return True
