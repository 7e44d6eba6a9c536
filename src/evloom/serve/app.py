"""The composition root: the parts of the platform, made, started and stopped in order."""

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.util import find_spec

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.pile.command import Command
from evloom.serve import logs
from evloom.serve.api.headers import SecurityHeaders
from evloom.serve.api.table import api_routes
from evloom.serve.background import Background
from evloom.serve.billing.job import BillingJob, notes_from
from evloom.serve.billing.running import RunningCost
from evloom.serve.bus import Bus
from evloom.serve.certificates.authority import Authority
from evloom.serve.certificates.renewal import Renewals
from evloom.serve.cluster.member import Member
from evloom.serve.cluster.wakeups import Wakeups
from evloom.serve.commands import Commands
from evloom.serve.config import Config
from evloom.serve.console.routes import console_routes
from evloom.serve.costs import Costs
from evloom.serve.data_folder import DataFolder
from evloom.serve.desk.desk import Desk, DeskRules, Ports
from evloom.serve.displays import Displays
from evloom.serve.doctor.care import Ground, care_for_batteries
from evloom.serve.first_start import first_site
from evloom.serve.gateway.gateway import Gateway, GatewaySettings
from evloom.serve.gateway.tls import server_context
from evloom.serve.live import Live
from evloom.serve.live.answers import Answers
from evloom.serve.metrics import Metrics
from evloom.serve.people import first
from evloom.serve.people.passwords import faults_of
from evloom.serve.platform import Platform
from evloom.serve.retention import Retaining
from evloom.serve.sampling import Sampling
from evloom.serve.system_clock import now_s
from evloom.store.database import opened
from evloom.store.engine import is_away

Say = Callable[[str], None]


SWITCH_S = 0.001
"""A thread that computes, as the doctor of batteries does, gives way to the event loop after this; with Python's 5 ms it waits up to 40."""
GRACE_S = 3
"""How long pages that are open may hold up a stop."""
ORDER_S = 3600.0
"""What the platform itself asks of a station is given up after this."""


def run(config: Config, say: Say, warn: Say) -> int:
    """Run the platform until SIGTERM or Ctrl-C; the exit code. Raises InputError for settings that cannot be."""
    logs.configure(config.log.level, config.log.format)
    sys.setswitchinterval(SWITCH_S)
    with DataFolder(config) as folder:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                return runner.run(_serve(config, folder, say))
        except InputError as error:
            if not is_away(error):
                raise
            warn(str(error))
            warn("evloom: the database cannot be opened; start again when it can")
            return 1
        except OSError as error:
            warn(
                f"evloom: it cannot listen: {error.strerror or error}; another program has the port, or the address is not of this machine"
            )
            return 1


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop: uvloop's where it is installed, else asyncio's own."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(config: Config, folder: DataFolder, say: Say) -> int:
    http = _listening(config.server.host, config.server.port)
    async with AsyncExitStack() as stack:
        stack.callback(http.close)
        platform = await started(config, folder, stack)
        host, port = config.server.host, http.getsockname()[1]
        safe = Middleware(SecurityHeaders, secure=platform.secure)
        app = Starlette(routes=[*api_routes(platform), *console_routes(platform)], middleware=[safe])
        server = _Server(_http_settings(app), platform.events.close)
        stopping = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            stopping.add_signal_handler(number, server.leave)
        console = config.server.public_url.rstrip("/") or f"http://{_shown(host)}:{port}"
        for line in await _greeting(platform, console, _shown(host)):
            say(line)
        gc.collect()
        gc.freeze()  # what was made so far stays: the collector need not look at it again
        await server.serve(sockets=[http])
        say("evloom serve: stopped in good order")
    return 0


async def started(config: Config, folder: DataFolder, stack: AsyncExitStack) -> Platform:
    """Make and start every part but HTTP; leaving `stack` stops them, the last first."""
    name = config.cluster.gateway or f"gateway-{secrets.token_hex(4)}"
    shared = config.database.url.startswith("postgresql")
    db = opened(folder.database_url, gateway=name if shared else "")
    stack.push_async_callback(db.close)
    await db.write(lambda conn: first_site(conn, config))
    bus = Bus()
    figures = Metrics(bus)
    costs = Costs(db, bus, RunningCost(db))
    orders = _Orders()
    loops = Answers()
    ports = Ports(cost=costs.of, final=costs.final, order=orders.order, dynamic=loops.dynamic, needs=loops.needs)
    desk = Desk(db, bus, _rules(config, folder), now_s, ports)
    settings = GatewaySettings(config.ocpp, config.server.host, name, server_context(config.ocpp, _authorities(config, folder)))
    gateway = Gateway(settings, db, bus, desk, figures.registry)
    wakeups = Wakeups(config.cluster.nats_url, name)
    commands = Commands(db, bus, gateway, wakeups, config.ocpp.call_timeout_s)
    orders.commands = commands
    costs.displays = Displays(commands, gateway)
    member = Member(db, bus, gateway, commands, wakeups)
    loops.live = live = Live(db, bus, commands, config, holder=name)
    platform = Platform(db, bus, config, now_s, commands, gateway, live, figures=figures, desk=desk)
    await _administrator(platform)
    stack.push_async_callback(member.leave)
    billing = Background(BillingJob(db, bus, now_s, notes_of=notes_from(live.explain)).run, "billing")
    renewals = Background(Renewals(folder.path / "certificates", db, orders.order, now_s).run, "renewals")
    retaining = Background(Retaining(db, config.retention, now_s, folder.path / "journal").run, "retention")
    sampling = Sampling(bus, commands, gateway, config.ocpp.sample_s, now_s)
    prices = Background(live.look_often, "prices")
    for part in (platform.events, wakeups, costs, gateway, commands, member, live, sampling, billing, renewals, retaining, prices):
        await part.start()
        stack.push_async_callback(part.stop)
    platform.care = await care_for_batteries(Ground(db, bus, config, now_s, live, figures), folder.path / "battery", stack)
    return platform


class _Orders:
    """The desk may order something of a station; commands are made after it."""

    commands: Commands | None = None

    async def order(self, station_id: str, command: Command) -> None:
        """Keep a command and have it sent."""
        assert self.commands is not None
        await self.commands.order(station_id, command, deadline_s=now_s() + ORDER_S, key=None, actor="platform")


def _authorities(config: Config, folder: DataFolder) -> tuple[str, ...]:
    """Our own authority, whose certificates stations may show (security profile 3); none without TLS."""
    if not config.ocpp.tls_certificate:
        return ()
    return (Authority(folder.path / "certificates").pem(now_s()),)


def _rules(config: Config, folder: DataFolder) -> DeskRules:
    return DeskRules(
        unknown_stations=GatewaySettings(config.ocpp, config.server.host).unknown,
        unknown_tokens=config.authorisation.unknown_tokens,
        concurrent=config.authorisation.concurrent,
        heartbeat_s=config.ocpp.heartbeat_s,
        rating_kw=config.site.rating_kw,
        n_phase=config.site.n_phase,
        certificates=folder.path / "certificates",
    )


async def _administrator(platform: Platform) -> None:
    """The first administrator, where the environment has a password for one."""
    password = os.environ.get(first.PASSWORD_VARIABLE, "")
    if not password or not await platform.first.is_open(platform.db):
        return
    faults = faults_of(password, first.ADMIN_LOGIN)
    if faults:
        value = f"{len(password)} characters"
        advice = "choose another one, or leave the variable out and follow the link that is printed"
        raise InputError(
            [Finding("serve.password", "refused", "environment", None, first.PASSWORD_VARIABLE, value, "; ".join(faults), advice)]
        )
    await first.admin_by_password(platform.db, await platform.door.hashed(password), platform.now_s())


async def _greeting(platform: Platform, console: str, host: str) -> list[str]:
    """What is printed at the start."""
    lines = [f"evloom serve: console  {console}/"]
    gateway = platform.gateway
    if gateway is not None and gateway.port:
        lines.append(f"              chargers ws://{host}:{gateway.port}/ocpp/STATION_ID")
    if gateway is not None and gateway.tls_port:
        lines.append(f"              with TLS wss://{host}:{gateway.tls_port}/ocpp/STATION_ID")
    if await platform.first.is_open(platform.db):
        lines.append(f"              first start: make yourself administrator at {console}/set-up?token={platform.first.token}")
    return [*lines, "              Ctrl-C stops it"]


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens; it is made before anything else, so that a port that is taken is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(1024)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"{error.strerror or error} ({host}:{port})") from None
    made.setblocking(False)
    return made


def _shown(host: str) -> str:
    """The address as people type it."""
    plain = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{plain}]" if ":" in plain else plain


def _http_settings(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=GRACE_S)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: a stop is the platform's, not only HTTP's. `leaving` is called when one begins."""

    def __init__(self, settings: uvicorn.Config, leaving: Callable[[], None]) -> None:
        super().__init__(settings)
        self._leaving = leaving

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the platform."""
        yield

    def leave(self) -> None:
        """Stop in good order; the second time without waiting for open pages."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._leaving()
