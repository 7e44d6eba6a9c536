"""A gateway with a small desk, for tests of the side of the chargers alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evloom.pile.station import StationDisconnected
from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.member import Member
from evloom.serve.cluster.wakeups import Wakeups
from evloom.serve.commands import Commands
from evloom.serve.config import Ocpp
from evloom.serve.desk.caller import Caller, Reply
from evloom.serve.gateway.gateway import Gateway, GatewaySettings
from evloom.serve.gateway.station_link import StationLink
from evloom.store.database import Database, opened
from tests.system.ocpp_client import NotLetInError, OcppClient


@dataclass
class EchoDesk:
    """Answers every call with its action; keeps what it was asked, in order. With `hold` it waits before it answers."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    busy: set[str] = field(default_factory=set)
    n_together: int = 0

    async def handle(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> Reply:
        assert caller.station_id not in self.busy, "one at a time for each station"
        self.busy.add(caller.station_id)
        self.n_together = max(self.n_together, len(self.busy))
        try:
            if self.hold is not None:
                await self.hold.wait()
            else:
                await asyncio.sleep(0)
        finally:
            self.busy.discard(caller.station_id)
        self.asked.append((caller.station_id, action))
        if action == "Gone":
            return Reply(code="InternalError", description="the database cannot be reached", gone=True)
        if action == "Fail":
            raise RuntimeError("the desk is broken")
        return (
            Reply(code="NotImplemented", description="no such action")
            if action == "Unknown"
            else Reply(b'{"heard":"%b"}' % action.encode())
        )

    async def sent(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> None:
        self.asked.append((caller.station_id, action))


@dataclass
class Room:
    """One process of the platform, as far as chargers see it."""

    db: Database
    bus: Bus
    desk: EchoDesk
    gateway: Gateway
    commands: Commands
    wakeups: Wakeups
    member: Member
    happened: list[Happening]

    @property
    def port(self) -> int:
        return self.gateway.port

    def events(self, station_id: str) -> list[str]:
        """Kinds of what was told of a station, in order."""
        return [type(h.event).__name__ for h in self.happened if h.subject == station_id]

    @property
    def last_reason(self) -> str:
        """Why the link that was lost last was lost."""
        return next(h.event.reason for h in reversed(self.happened) if isinstance(h.event, StationDisconnected))

    def link(self, station_id: str) -> StationLink:
        """The link of a station that is connected."""
        found = self.gateway.link(station_id)
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def room(folder: Path, *, url: str = "", name: str = "gateway-1", nats_url: str = "", tls=None, **ocpp) -> AsyncIterator[Room]:
    """A room on a database of its own, or on `url`."""
    db = opened(url or f"sqlite:///{folder / 'evloom.db'}")
    bus, desk, wakeups = Bus(), EchoDesk(), Wakeups(nats_url, name)
    happened: list[Happening] = []
    bus.listen("station", happened.append)
    settings = GatewaySettings(Ocpp(**{"port": 0, "tls_port": 0, **ocpp}), name=name, tls=tls)
    gateway = Gateway(settings, db, bus, desk)
    commands = Commands(db, bus, gateway, wakeups, call_timeout_s=settings.ocpp.call_timeout_s)
    member = Member(db, bus, gateway, commands, wakeups)
    await wakeups.start()
    await gateway.start()
    await commands.start()
    await member.start()
    try:
        yield Room(db, bus, desk, gateway, commands, wakeups, member, happened)
    finally:
        await commands.stop()
        await member.stop()
        await gateway.stop()
        await member.leave()
        await wakeups.stop()
        await db.close()


async def refused(port: int, path: str, versions: Sequence[str] = ("ocpp1.6",), **options) -> NotLetInError:
    """How a handshake is refused."""
    try:
        client = await OcppClient.connect(port, path, tuple(versions), **options)
    except NotLetInError as error:
        return error
    client.drop()
    raise AssertionError("it was let in")


async def until(condition, limit_s: float = 10.0) -> None:
    """Wait until `condition()` holds."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  conditions of any kind
            await asyncio.sleep(0.01)
