"""Sends what waits for the stations that are connected here, one command at a time for each, in the order in which they were given."""

import asyncio
import logging

import msgspec

from evloom.pile.command import Command, StartCharging, StopCharging
from evloom.serve.commands.book import Book, Ending
from evloom.serve.commands.passwords import changed_password
from evloom.serve.gateway.credential import hashed
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.gateway.station_link import NOT_CONNECTED, CallOutcome, StationLink
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store import commands as rows
from evloom.store import registry
from evloom.store.commands import CommandRow
from evloom.store.database import Database
from evloom.store.desk import registered
from evloom.store.errors import StoreError
from evloom.wire.ocpp.command import Unsupported, from_json, outcome_of, request_of

_LOG = logging.getLogger("evloom.commands")
NOT_ACCEPTED = "this station is not accepted yet: accept it first"


class Sender:
    """`wake` for a station has one task send what waits for it."""

    def __init__(self, db: Database, book: Book, gateway: Gateway, call_timeout_s: float) -> None:
        self._db = db
        self._book = book
        self._gateway = gateway
        self._call_timeout_s = call_timeout_s
        self._runners: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._in_hand: set[str] = set()
        self._closed = False

    @property
    def in_hand(self) -> frozenset[str]:
        """Commands that are being sent, or wait for the station's answer."""
        return frozenset(self._in_hand)

    def wake(self, station_id: str) -> None:
        """Send what waits for a station, when it is connected here."""
        if self._closed or not self._gateway.is_here(station_id):
            return
        if station_id in self._runners:
            self._again.add(station_id)
            return
        task = self._runners[station_id] = asyncio.get_running_loop().create_task(self._run(station_id))
        task.add_done_callback(lambda _: self._ran(station_id))

    async def close(self, limit_s: float) -> None:
        """Begin nothing more; wait a moment for what is under way."""
        self._closed = True
        tasks = tuple(self._runners.values())
        if tasks:
            await asyncio.wait(tasks, timeout=limit_s)
        lost = self.in_hand
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for command_id in lost:
            await self._book.end(command_id, Ending("failed", error="not known whether it arrived: the platform was stopped"))

    def _ran(self, station_id: str) -> None:
        del self._runners[station_id]
        if station_id in self._again:
            self._again.discard(station_id)
            self.wake(station_id)

    async def _run(self, station_id: str) -> None:
        try:
            while not self._closed and (link := self._gateway.link(station_id)) is not None:
                row = await self._db.read(lambda conn: rows.next_queued(conn, station_id))
                if row is None or not await self._send(link, row):
                    return
        except StoreError as error:
            told(_LOG, logging.WARNING, "commands.store", station=station_id, why=str(error))

    async def _send(self, link: StationLink, row: CommandRow) -> bool:
        """Send one command and keep what came of it; False when the rest must wait."""
        if row.deadline_s <= now_s():
            await self._book.expire()
            return True
        try:
            command = from_json(row.body)
            action, payload = request_of(link.version, command)
        except (Unsupported, ValueError) as error:
            await self._book.end(row.command_id, Ending("failed", error=str(error)))
            return True
        if isinstance(command, StartCharging | StopCharging) and await self._waits(link.station_id):
            await self._book.end(row.command_id, Ending("failed", error=NOT_ACCEPTED))
            return True
        self._in_hand.add(row.command_id)
        try:
            return await self._called(link, row, command, (action, payload))
        finally:
            self._in_hand.discard(row.command_id)

    async def _waits(self, station_id: str) -> bool:
        """Whether a station still waits to be accepted; until then it must not be told to charge (1.6, 4.2.1; 2.0.1 B02)."""
        found = await self._db.read(lambda conn: registered(conn, station_id))
        return found is not None and found.accepted == "pending"

    async def _called(self, link: StationLink, row: CommandRow, command: Command, request: tuple[str, bytes]) -> bool:
        marked = False

        async def go() -> bool:
            nonlocal marked
            marked = row.deadline_s > now_s() and await self._book.mark_sent(row.command_id, self._gateway.name)
            return marked

        called = await link.call(*request, self._call_timeout_s, go)
        if called.payload is not None and (password := changed_password(*request, called.payload)):
            await self._keep_password(row.station_id, password)
        if called.code != NOT_CONNECTED:
            await self._book.end(row.command_id, _ending(link, command, called, request[0]))
            return True
        if marked:
            await self._book.unsend(row.command_id)
        return False

    async def _keep_password(self, station_id: str, password: str) -> None:
        """The station will show this one from now on: the old one would lock it out."""
        kept = await asyncio.to_thread(hashed, password)
        await self._db.write(lambda conn: registry.put_station(conn, station_id, {"password_hash": kept}))
        told(_LOG, logging.INFO, "station.password_changed", station=station_id)


def _ending(link: StationLink, command: Command, called: CallOutcome, action: str) -> Ending:
    if called.payload is not None:
        outcome = outcome_of(link.version, command, called.payload, action)
        return Ending("answered", msgspec.json.encode(outcome).decode())
    if called.is_doubtful:
        return Ending("failed", error=f"{called.description}; it is not known whether it was carried out")
    return Ending("failed", error=f"the station answered {called.code}: {called.description}")
