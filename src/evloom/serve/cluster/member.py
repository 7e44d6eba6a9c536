"""This process among the others: it shows that it lives, lets go of stations that have moved, and settles what dead ones left behind."""

import asyncio
import logging

from evloom.pile.station import StationDisconnected
from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.wakeups import Body, Wakeups
from evloom.serve.commands import Commands
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.logs import told
from evloom.serve.system_clock import machine_s, now_s
from evloom.store import cluster
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.store.log import LogEntry

_LOG = logging.getLogger("evloom.cluster")
LOOK_S = 1.0
BEAT_EVERY, BURY_EVERY = 2, 5
DEAD_AFTER_S = 12.0
"""A gateway that has not shown itself for so long is dead: what it had sent is settled, and its stations are not connected."""


class Member:
    """`start` after the gateway, `stop` before it."""

    def __init__(self, db: Database, bus: Bus, gateway: Gateway, commands: Commands, wakeups: Wakeups) -> None:
        self._db = db
        self._bus = bus
        self._gateway = gateway
        self._commands = commands
        self._looking: asyncio.Task[None] | None = None
        self._others = True
        gateway.wakeups = wakeups
        wakeups.on("fence", self._fence)
        wakeups.on("dismiss", lambda body: gateway.close(str(body.get("station", "")), str(body.get("reason", ""))))

    async def start(self) -> None:
        """Show that this process lives, and settle what a former one left behind: of its name, or any on a database for one process."""
        former = {self._gateway.name}
        if self._db.kind == "sqlite":
            former |= {row.gateway for row in await self._db.read(cluster.gateways)}
        for name in former:
            await self._settle(name)
            await self._forget(name)
        await self._beat()
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Leave: the others need not wait to learn it."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def leave(self) -> None:
        """Say that this process is gone; after the gateway was stopped."""
        try:
            await self._forget(self._gateway.name)
        except StoreError as error:
            told(_LOG, logging.WARNING, "cluster.store", why=str(error))

    async def _forget(self, name: str) -> None:
        await self._db.write(lambda conn: cluster.forget(conn, name))

    def _fence(self, body: Body) -> None:
        self._gateway.fence(str(body.get("station", "")), int(body.get("epoch", 0)))

    async def _look(self) -> None:
        n = 0
        while True:
            await asyncio.sleep(LOOK_S)
            n += 1
            try:
                if n % BEAT_EVERY == 0:
                    await self._beat()
                await self._let_go()
                if n % BURY_EVERY == 0:
                    await self._bury()
            except StoreError as error:
                told(_LOG, logging.WARNING, "cluster.store", why=str(error))

    async def _beat(self) -> None:
        name, n_station, at_s = self._gateway.name, len(self._gateway.connected()), machine_s()
        await self._db.write(lambda conn: cluster.beat(conn, name, at_s, n_station))

    async def _let_go(self) -> None:
        """Stations that have connected elsewhere, though nobody told us; and those of which others believed that we were dead."""
        if not self._others:
            return
        name, here = self._gateway.name, [link.station_id for link in self._gateway.connected()]
        if here:
            for owned in await self._db.read(lambda conn: cluster.not_owned(conn, name, here)):
                if owned.gateway:
                    self._gateway.fence(owned.station_id, owned.epoch)
                else:
                    await self._gateway.resume(owned.station_id, owned.epoch)

    async def _bury(self) -> None:
        silent_s = await self._db.read(lambda conn: cluster.silent_s(conn, machine_s()))
        silent_s.pop(self._gateway.name, None)
        self._others = bool(silent_s)
        for name, seconds in silent_s.items():
            if seconds > DEAD_AFTER_S:
                told(_LOG, logging.WARNING, "gateway.dead", gateway=name)
                await self._settle(name)
                await self._forget(name)

    async def _settle(self, name: str) -> None:
        """What a gateway that is gone had in hand."""
        await self._commands.book.fail_lost(name)
        for owned in await self._db.read(lambda conn: cluster.owned_by(conn, name)):
            if self._gateway.is_here(owned.station_id):
                continue
            at_s = now_s()
            event = StationDisconnected(f"gateway {name} is gone")
            (kept,) = await self._db.append([LogEntry(owned.station_id, event, at_s, at_s, epoch=owned.epoch)])
            await self._release(owned)
            if not kept.fenced and not kept.duplicate:
                self._bus.publish(Happening("station", owned.station_id, event, at_s, at_s, kept.number))

    async def _release(self, owned: cluster.Owned) -> None:
        await self._db.write(lambda conn: cluster.release(conn, owned.station_id, owned.epoch))
