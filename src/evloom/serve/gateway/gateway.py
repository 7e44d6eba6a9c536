"""The gateway: ports for chargers, and one link for each station that is connected."""

import asyncio
import itertools
import json
import logging
import ssl
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from evloom.pile.station import Noted, StationConnected, StationDisconnected
from evloom.serve.bus import Bus
from evloom.serve.cluster.wakeups import Wakeups
from evloom.serve.config import Ocpp
from evloom.serve.desk.caller import Caller
from evloom.serve.gateway import open_files
from evloom.serve.gateway.credential import Credentials
from evloom.serve.gateway.door import Admitted, Door, DoorRules
from evloom.serve.gateway.metrics import GatewayMetrics
from evloom.serve.gateway.reception import Reception
from evloom.serve.gateway.records import Records
from evloom.serve.gateway.refusal import Refusals
from evloom.serve.gateway.registry import Registry
from evloom.serve.gateway.socket_rules import SocketRules, deflate
from evloom.serve.gateway.station_link import NOT_CONNECTED, Answering, CallOutcome, Go, Office, StationLink
from evloom.serve.gateway.station_socket import StationSocket
from evloom.serve.gateway.throttle import Echo
from evloom.serve.gateway.tls import Renewal
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store.database import Database
from evloom.wire.ocpp.link import LinkLimits
from evloom.wire.ocpp.version import Version

_LOG = logging.getLogger("evloom.gateway")
TICK_S = 1.0
RENEWAL_TICKS = 60
BACKLOG = 4096
STOP_S = 5.0
"""How long a stop waits for stations to close and for what is being written."""
_VERSIONS = {"1.6": Version.V16, "2.0.1": Version.V201, "2.1": Version.V21}


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What a gateway is told: section `ocpp` of the settings, address to listen on, its name in the cluster, TLS where there is some."""

    ocpp: Ocpp
    host: str = "127.0.0.1"
    name: str = "gateway"
    tls: ssl.SSLContext | None = None

    @property
    def unknown(self) -> str:
        """What a station meets that nobody registered."""
        return self.ocpp.unknown_stations or ("accept" if self.host in ("127.0.0.1", "::1", "localhost") else "pending")


class Gateway:
    """`start` opens the ports, `stop` closes them and says goodbye. Everything runs in one event loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        db: Database,
        bus: Bus,
        desk: Answering,
        registry: CollectorRegistry | None = None,
    ) -> None:
        ocpp = settings.ocpp
        self.settings = settings
        self.name = settings.name
        self.wakeups: Wakeups | None = None
        self.metrics = GatewayMetrics(registry if registry is not None else CollectorRegistry())
        self._records = Records(db, bus, settings.name)
        self._office = Office(desk, db.note_frame, self.metrics, LinkLimits(message_max_bytes=ocpp.message_max_bytes))
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="gateway-password")
        rules = DoorRules(tuple(_VERSIONS[word] for word in ocpp.versions), settings.unknown, ocpp.security_profile_min)
        door = Door(rules, self._records.find, Credentials(self._threads))
        self.rules = SocketRules(
            message_max_bytes=ocpp.message_max_bytes,
            ping_s=ocpp.ping_s,
            messages_per_s=ocpp.messages_per_s,
            messages_at_once=4.0 * ocpp.messages_per_s + 50.0,
            extensions=deflate() if ocpp.compression else (),
        )
        self._reception = Reception(door, self._enter, self.metrics, ocpp.connections_max)
        self._links = Registry()
        self._sockets: set[StationSocket] = set()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._echo = Echo()
        self.metrics.gauge("evloom_stations_connected", "Stations connected to this process", lambda: float(len(self._links)))
        self.metrics.gauge("evloom_ocpp_unread_bytes", "Written and not yet read by stations", lambda: float(self._unread()))

    # Life.

    async def start(self) -> None:
        """Open the ports. Raises OSError where one cannot be had."""
        ocpp = self.settings.ocpp
        room = open_files.allow(ocpp.connections_max)
        if room < ocpp.connections_max:
            advice = "raise the limit of open files (ulimit -n), or lower ocpp.connections_max"
            told(_LOG, logging.WARNING, "gateway.few_files", room=room, connections_max=ocpp.connections_max, advice=advice)
        self._keeper = asyncio.create_task(self._keep())
        if ocpp.enabled:
            self._servers.append(await self._listening(ocpp.port, None))
        if self.settings.tls is not None:
            self._servers.append(await self._listening(ocpp.tls_port, self.settings.tls))
        told(_LOG, logging.INFO, "gateway.listening", gateway=self.name, port=self.port, tls_port=self.tls_port)

    async def stop(self) -> None:
        """Close the ports and every link, write what is to be written."""
        self._reception.closed = True
        for server in self._servers:
            server.close()
        for socket in tuple(self._sockets):
            socket.close(1001, "the platform is going down")
        end_s = asyncio.get_running_loop().time() + STOP_S
        while (self._sockets or self._tasks) and asyncio.get_running_loop().time() < end_s:  # noqa: ASYNC110  they end one by one
            await asyncio.sleep(0.02)
        for socket in tuple(self._sockets):
            socket.cut("the platform is going down")
        await asyncio.sleep(0)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._threads.shutdown(wait=False)

    @property
    def port(self) -> int:
        """The port without TLS, 0 when it is not open."""
        return self._port_of(secure=False)

    @property
    def tls_port(self) -> int:
        """The port with TLS, 0 when it is not open."""
        return self._port_of(secure=True)

    # What others ask.

    @property
    def refusals(self) -> Refusals:
        """The latest handshakes that were refused."""
        return self._reception.refusals

    def is_here(self, station_id: str) -> bool:
        """Whether the station is connected to this process."""
        return self._links.get(station_id) is not None

    def link(self, station_id: str) -> StationLink | None:
        """The link of a station that is connected here."""
        return self._links.get(station_id)

    def connected(self) -> list[StationLink]:
        """Every link."""
        return [link for link in self._links if link.is_open]

    async def call(self, station_id: str, action: str, payload: bytes, timeout_s: float, go: Go | None = None) -> CallOutcome:
        """Call a station that is connected here. Never raises for what it does."""
        link = self._links.get(station_id)
        if link is None:
            return CallOutcome(None, NOT_CONNECTED, "not sent: the station is not connected")
        return await link.call(action, payload, timeout_s, go)

    def fence(self, station_id: str, epoch: int) -> None:
        """The station is connected elsewhere since `epoch`: a link of an older one is closed and its late words do not count."""
        link = self._links.get(station_id)
        if link is not None and link.caller.epoch < epoch:
            told(_LOG, logging.WARNING, "station.moved", station=station_id, gateway=self.name)
            self.metrics.takeovers.inc()
            link.fence("this station has connected to another gateway")

    async def dismiss(self, station_id: str, reason: str) -> None:
        """Close the link of a station, wherever it is: it was removed or refused, or must come with other credentials."""
        self.close(station_id, reason)
        if self.wakeups is not None:
            await self.wakeups.tell_all("dismiss", station=station_id, reason=reason)

    def close(self, station_id: str, reason: str) -> None:
        """Close the link of a station that is connected to this process."""
        link = self._links.get(station_id)
        if link is not None:
            told(_LOG, logging.INFO, "station.dismissed", station=station_id, reason=reason)
            link.socket.close(1008, reason)

    async def resume(self, station_id: str, epoch: int) -> None:
        """The station was taken for disconnected by another process, and is connected here under that epoch all the same."""
        link = self._links.get(station_id)
        if link is not None and link.caller.epoch == epoch and await self._records.retake(station_id, epoch):
            told(_LOG, logging.WARNING, "station.resumed", station=station_id, gateway=self.name)
            await self._connected(link, None)

    # Coming and going.

    async def _listening(self, port: int, tls: ssl.SSLContext | None) -> asyncio.Server:
        secure = tls is not None
        return await asyncio.get_running_loop().create_server(
            lambda: StationSocket(self.rules, secure, self),
            self.settings.host,
            port,
            ssl=tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=self.rules.handshake_s if secure else None,
            ssl_shutdown_timeout=2.0 if secure else None,
        )

    def opened(self, socket: StationSocket) -> None:
        """A socket is connected."""
        self._sockets.add(socket)

    def ended(self, socket: StationSocket) -> None:
        """A socket is gone."""
        self._sockets.discard(socket)

    def knocked(self, socket: StationSocket) -> None:
        """A station asks to be let in."""
        if self._reception.may_ask(socket, len(self._sockets)):
            self._spawn(self._reception.admit(socket, self.rules.handshake_s))

    def _port_of(self, secure: bool) -> int:
        for server, is_secure in zip(self._servers, self._kinds(), strict=False):
            if is_secure is secure and server.sockets:
                return int(server.sockets[0].getsockname()[1])
        return 0

    def _kinds(self) -> list[bool]:
        return [False, True] if self.settings.ocpp.enabled else [True]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _enter(self, socket: StationSocket, verdict: Admitted, version: Version) -> None:
        station_id, remote = verdict.station_id, socket.remote
        claimed = await self._records.claim(station_id)
        epoch = claimed.epoch
        caller = Caller(station_id, version, epoch, remote, verdict.security_profile)
        link = StationLink(self._office, caller, socket, now_s())
        if not socket.let_in(version.value, _Host(self, link)):
            await self._records.release(station_id, epoch)
            return
        older = self._links.enter(link)
        self.metrics.connects.labels(version.value, str(verdict.security_profile)).inc()
        told(_LOG, logging.INFO, "station.connected", station=station_id, version=version.value, remote=remote, epoch=epoch)
        self._spawn(self._connected(link, older))
        if self.wakeups is not None and claimed.before not in ("", self.name):
            await self.wakeups.tell(claimed.before, "fence", station=station_id, epoch=epoch)

    async def _connected(self, link: StationLink, older: StationLink | None) -> None:
        caller = link.caller
        event = StationConnected(caller.version.value, caller.remote, caller.security_profile, self.name)
        await self._records.say(caller, event)
        if older is None:
            return
        self.metrics.takeovers.inc()
        if self._links.flapping(caller.station_id, asyncio.get_running_loop().time()):
            remotes = sorted({caller.remote, older.caller.remote})
            advice = "two devices seem to use one identity"
            told(_LOG, logging.WARNING, "station.flapping", station=caller.station_id, remotes=remotes, advice=advice)
            await self._records.say(caller, Noted("IdentityFlapping", body=json.dumps({"remotes": remotes})))

    async def left(self, link: StationLink, reason: str) -> None:
        """A link is down."""
        await link.done()
        counted = self._links.leave(link)
        told(_LOG, logging.INFO, "station.disconnected", station=link.station_id, reason=reason, counted=counted)
        if counted:
            await self._said_gone(link, reason)
            await self._records.release(link.station_id, link.caller.epoch)

    async def _said_gone(self, link: StationLink, reason: str) -> None:
        """Keep that a station has gone, as soon as the database lets it be kept: else one that never returns would seem connected."""
        while not await self._records.say(link.caller, StationDisconnected(reason)):
            if self._links.get(link.station_id) is not None or self._reception.closed:
                return
            await asyncio.sleep(TICK_S)

    def lost(self, link: StationLink, reason: str) -> None:
        """A link went down: what is to be written about it is written in a task."""
        self._spawn(self.left(link, reason))

    async def _keep(self) -> None:
        """Deadlines of every socket, about once a second; once a minute whether the certificate was renewed."""
        loop = asyncio.get_running_loop()
        renewal = Renewal(self.settings.tls, self.settings.ocpp) if self.settings.tls is not None else None
        for n in itertools.count(1):
            await asyncio.sleep(TICK_S)
            if renewal is not None and n % RENEWAL_TICKS == 0:
                renewal.look()
            now = loop.time()
            for socket in tuple(self._sockets):
                socket.tick(now)
                if socket.n_slowed:
                    self._slowed(socket, now)

    def _slowed(self, socket: StationSocket, now: float) -> None:
        n, socket.n_slowed = socket.n_slowed, 0
        self.metrics.slowed.inc(n)
        times = self._echo.times("slowed", socket.remote, now)
        if times:
            why = f"more than {self.rules.messages_per_s:g} messages a second on average"
            told(_LOG, logging.WARNING, "station.slowed", path=socket.target, remote=socket.remote, times=times, why=why)

    def _unread(self) -> int:
        return sum(socket.n_unread for socket in self._sockets)


class _Host:
    """The guest of a socket: passes on what comes to the link, and the end to the gateway."""

    __slots__ = ("_gateway", "_link", "received")

    def __init__(self, gateway: Gateway, link: StationLink) -> None:
        self._gateway = gateway
        self._link = link
        self.received = link.received

    def lost(self, reason: str) -> None:
        """The link is down."""
        self._link.lost(reason)
        self._gateway.lost(self._link, reason)
