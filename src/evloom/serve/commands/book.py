"""The rows of commands, and who is told when one changes: listeners in this process, whoever waits for it, the other processes."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from evloom.pile.command import Command
from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.wakeups import Wakeups
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store import commands as rows
from evloom.store.commands import CommandRow
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.wire.ocpp.command import to_json

_LOG = logging.getLogger("evloom.commands")
LOOK_S = 0.25
"""How often `wait` looks for what another process has done, should its word be lost."""
FRESH_S = 5.0
FINAL = ("answered", "failed", "expired")
LOST = "not known whether it arrived: the process that sent it ended before the station answered"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended: state, result as JSON, error in words."""

    state: str
    result: str = "{}"
    error: str = ""


class Book:
    """Every change of a command goes through here."""

    def __init__(self, db: Database, bus: Bus, wakeups: Wakeups) -> None:
        self._db = db
        self._bus = bus
        self._wakeups = wakeups
        self._unsaved: dict[str, Ending] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        wakeups.on("done", lambda body: self._notify(str(body.get("command", ""))))

    async def add(self, station_id: str, command: Command, deadline_s: float, key: str | None, actor: str) -> tuple[CommandRow, bool]:
        """Keep a command; the row, and whether it is new (else its key was used before for the same command)."""
        row = CommandRow(
            command_id=uuid.uuid4().hex,
            station_id=station_id,
            action=type(command).__name__,
            body=to_json(command).decode(),
            state="queued",
            deadline_s=deadline_s,
            idempotency_key=key,
            created_at_s=now_s(),
            actor=actor,
        )
        kept = await self._db.write(lambda conn: rows.add(conn, row))
        is_new = kept.command_id == row.command_id
        if is_new:
            self._tell(kept)
        return kept, is_new

    async def mark_sent(self, command_id: str, gateway: str) -> bool:
        """Mark a queued command as sent by this process; False when it is no longer queued or its time is over."""
        row = await self._db.write(lambda conn: rows.mark_sent(conn, command_id, gateway, now_s()))
        if row is not None:
            self._tell(row)
        return row is not None

    async def unsend(self, command_id: str) -> None:
        """Put a command back that was marked and certainly never left."""
        await self._db.write(lambda conn: rows.mark_unsent(conn, command_id))

    async def end(self, command_id: str, ending: Ending) -> None:
        """Keep how a command ended; where the database is away, it is tried again by `mend`."""
        try:
            row = await self._db.write(
                lambda conn: rows.end(conn, command_id, ending.state, result=ending.result, error=ending.error, at_s=now_s())
            )
        except StoreError as error:
            self._unsaved[command_id] = ending
            told(_LOG, logging.WARNING, "command.unsaved", command=command_id, why=str(error))
            return
        self._unsaved.pop(command_id, None)
        if row is not None:
            self._tell(row)

    async def mend(self) -> None:
        """Save what could not be saved."""
        for command_id, ending in tuple(self._unsaved.items()):
            await self.end(command_id, ending)

    async def expire(self) -> None:
        """Expire what was not sent before its deadline."""
        at_s = now_s()
        if await self._db.read(lambda conn: rows.overdue(conn, at_s)):
            self._tell_each(await self._db.write(lambda conn: rows.expire(conn, at_s)))

    async def fail_lost(self, gateway: str, in_hand: frozenset[str] | None = None) -> None:
        """Fail what `gateway` has sent and can have no answer to any more: all, or for this process all but what is in hand.

        What was sent in the last seconds is then spared too: it may have come into hand since `in_hand` was made.
        """
        spared, at_s = (in_hand or frozenset()) | frozenset(self._unsaved), now_s()
        before_s = at_s + 1.0 if in_hand is None else at_s - FRESH_S
        sent = await self._db.read(lambda conn: rows.sent_by(conn, gateway, before_s))
        lost = [command_id for command_id in sent if command_id not in spared]
        if lost:
            self._tell_each(await self._db.write(lambda conn: rows.fail_sent(conn, lost, LOST, at_s)))

    async def wait(self, command_id: str, timeout_s: float) -> CommandRow:
        """The command when it has ended, or as it stands after `timeout_s` real seconds. Raises KeyError for an unknown id."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        event = asyncio.Event()
        self._waiting.setdefault(command_id, set()).add(event)
        try:
            while True:
                event.clear()
                row = await self._db.read(lambda conn: rows.find(conn, command_id))
                if row is None:
                    raise KeyError(command_id)
                left_s = end_s - loop.time()
                if row.state in FINAL or left_s <= 0.0:
                    return row
                await _set_within(event, min(left_s, LOOK_S))
        finally:
            self._waiting[command_id].discard(event)
            if not self._waiting[command_id]:
                del self._waiting[command_id]

    async def close(self) -> None:
        """Let the last words go out."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=1.0)

    def _tell_each(self, changed: Sequence[CommandRow]) -> None:
        for row in changed:
            self._tell(row)

    def _tell(self, row: CommandRow) -> None:
        self._bus.publish(Happening("command", row.command_id, row, now_s(), now_s()))
        if row.state not in FINAL:
            return
        what = {"command": row.command_id, "station": row.station_id, "action": row.action, "why": row.error}
        told(_LOG, logging.INFO, f"command.{row.state}", **what)
        self._notify(row.command_id)
        if self._wakeups.is_up:
            task = asyncio.get_running_loop().create_task(self._wakeups.tell_all("done", command=row.command_id))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _notify(self, command_id: str) -> None:
        for event in self._waiting.get(command_id, ()):
            event.set()


async def _set_within(event: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return
