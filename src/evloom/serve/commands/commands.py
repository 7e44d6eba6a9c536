"""What others call: order, wait, quick."""

import asyncio
import logging

import msgspec

from evloom.pile.command import Command
from evloom.pile.station import StationBooted, StationConnected
from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.wakeups import Wakeups
from evloom.serve.commands.book import Book
from evloom.serve.commands.quick import Quick, not_connected
from evloom.serve.commands.sender import Sender
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store import cluster
from evloom.store import commands as rows
from evloom.store.commands import CommandRow
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.wire.ocpp.command import Outcome

_LOG = logging.getLogger("evloom.commands")
POLL_S = 1.0
SETTLE_S = 1.0
"""A station that has just connected is given so long to say who it is before it is sent what was waiting."""


class Commands:
    """Made beside the gateway of this process; `start` and `stop` it with that."""

    def __init__(self, db: Database, bus: Bus, gateway: Gateway, wakeups: Wakeups, call_timeout_s: float = 30.0) -> None:
        self._db = db
        self._gateway = gateway
        self._wakeups = wakeups
        self.book = Book(db, bus, wakeups)
        self._sender = Sender(db, self.book, gateway, call_timeout_s)
        self._quick = Quick(gateway, wakeups)
        self._poller: asyncio.Task[None] | None = None
        self._unlisten = bus.listen("station", self._heard)
        wakeups.on("command", lambda body: self._sender.wake(str(body.get("station", ""))))

    async def start(self) -> None:
        """Begin to look for what waits."""
        self._poller = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """Send nothing more; what is under way is waited for, for a moment."""
        self._unlisten()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        await self._sender.close(2.0)
        await self.book.close()

    async def order(self, station_id: str, command: Command, *, deadline_s: float, key: str | None = None, actor: str = "") -> str:
        """Keep a command and have it sent; returns its id as soon as it is kept.

        deadline_s   instant, epoch seconds, after which it is no longer sent
        key          idempotency key: the same key gives the first command again; raises Conflict when it was used for another one
        """
        row, is_new = await self.book.add(station_id, command, deadline_s, key, actor)
        if is_new:
            await self._wake(station_id)
        return row.command_id

    async def wait(self, command_id: str, timeout_s: float) -> CommandRow:
        """The command when it has ended, or as it stands after `timeout_s` real seconds. Raises KeyError for an unknown id."""
        return await self.book.wait(command_id, timeout_s)

    async def quick(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """Say it at once, here or by the process that holds the link; nothing is kept. Never raises for what the station does.

        The status of an outcome that is no word of the station: "NotConnected" (not sent), "Timeout" and "Closed" (sent, not known
        whether it arrived), "Unsupported" (its version has no such message), or the error code that it answered.
        """
        link = self._gateway.link(station_id)
        if link is not None:
            return await self._quick.here(link, command, timeout_s)
        owner = await self._owner(station_id)
        if owner in ("", self._gateway.name):
            return not_connected()
        if self._wakeups.is_up:
            return await self._quick.there(owner, station_id, command, timeout_s)
        return await self._by_row(station_id, command, timeout_s)

    async def _by_row(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """Without NATS: by a row that the owner finds within a second."""
        command_id = await self.order(station_id, command, deadline_s=now_s() + timeout_s + POLL_S, actor="loop")
        row = await self.wait(command_id, timeout_s + 2.0 * POLL_S)
        if row.state == "answered":
            return msgspec.json.decode(row.result, type=Outcome)
        return Outcome(False, "NotConnected" if row.state == "expired" else "Timeout", {"info": row.error or row.state})

    async def _owner(self, station_id: str) -> str:
        owner = await self._db.read(lambda conn: cluster.owner_of(conn, station_id))
        return owner.gateway if owner is not None else ""

    async def _wake(self, station_id: str) -> None:
        if self._gateway.is_here(station_id):
            self._sender.wake(station_id)
        elif self._wakeups.is_up:
            owner = await self._owner(station_id)
            if owner not in ("", self._gateway.name):
                await self._wakeups.tell(owner, "command", station=station_id)

    def _heard(self, happening: Happening) -> None:
        """A station that comes back gets what waited: when it has booted, or a moment after it has connected."""
        if isinstance(happening.event, StationBooted):
            if happening.event.status == "Accepted":
                self._sender.wake(happening.subject)
        elif isinstance(happening.event, StationConnected):
            asyncio.get_running_loop().call_later(SETTLE_S, self._sender.wake, happening.subject)

    async def _poll(self) -> None:
        """Once a second: expire, mend, and find what nobody woke us for."""
        n, name = 0, self._gateway.name
        while True:
            try:
                await self.book.expire()
                await self.book.mend()
                if n % 10 == 0:
                    await self.book.fail_lost(name, self._sender.in_hand)
                for station_id in await self._db.read(lambda conn: rows.waiting_stations(conn, name)):
                    self._sender.wake(station_id)
            except StoreError as error:
                told(_LOG, logging.WARNING, "commands.store", why=str(error))
            n += 1
            await asyncio.sleep(POLL_S)
