"""The TCP port of vehicles: sockets around `link.py`. Nothing is read while what came is being kept: a slow disk slows the senders."""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from evloom.serve.logs import told
from evloom.serve.telematics.link import Link, Reply, Turn, reply_bytes
from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.terminals import Terminals
from evloom.serve.telematics.vehicles import Vehicles
from evloom.vehicle.telemetry import Frames

Sink = Callable[[Frames, list[bytes]], Awaitable[None]]
"""Keeps rows and the frames that they came in. It returns when they would survive a crash, and raises when they are not kept."""

_LOG = logging.getLogger("evloom.telematics")
READ_BYTES = 65536
WRITE_MAX_BYTES = 65536
CLOSE_S = 2.0
TELL_S = 0.5
UNREAD = "it leaves our answers unread"


class TelematicsGateway:
    """Listens for vehicles and platforms. `counts` are figures since the start, by the words of the log."""

    def __init__(self, rules: Telematics, host: str, sink: Sink, now_s: Callable[[], float], tls: ssl.SSLContext | None = None) -> None:
        self._rules, self._host, self._sink, self._now_s, self._tls = rules, host, sink, now_s, tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.vehicles = Vehicles()
        self.terminals = Terminals(rules, self.vehicles, now_s)
        self._telling: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port that is listened on; 0 while there is none."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None and self._server.sockets else 0

    @property
    def n_connection(self) -> int:
        """Connections that are open."""
        return len(self._tasks)

    async def start(self) -> None:
        """Begin to listen, where the settings say so."""
        if self._rules.enabled:
            self._server = await asyncio.start_server(self._accept, self._host, self._rules.port, ssl=self._tls, backlog=1024)
            self._telling = asyncio.create_task(self._tell_periods(), name="terminals")

    async def stop(self) -> None:
        """Close every connection. What came is kept before."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._tasks) >= self._rules.connections_max:
            self.counts["connection.refused"] += 1
            writer.transport.abort()
            return
        self._tasks.add(task)
        link, reason = Link(self.vehicles, self._rules), "stopped"
        try:
            _bound(writer)
            reason = await self._talk(link, reader, writer)
        except (OSError, ssl.SSLError) as error:
            reason = f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            pass  # the platform stops; what came is kept below
        finally:
            self._tasks.discard(task)
            await self._finish(link, reason, writer)

    async def _finish(self, link: Link, reason: str, writer: asyncio.StreamWriter) -> None:
        told(_LOG, logging.INFO, "connection.closed", peer=_peer(writer), platform=link.platform, why=reason)
        for frames in link.ended():
            await self._kept(frames, [])
        if reason == UNREAD:
            writer.transport.abort()
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await writer.wait_closed()

    async def _talk(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Serve a connection to its end; why it ended."""
        link.on_leave, link.on_tell = writer.transport.close, writer.write
        clock = asyncio.get_running_loop().time
        marks = _Marks(clock(), self._rules)
        budget = _Budget(clock())
        while True:
            data = await _read(reader, marks.wait_s(link, clock()))
            if data == b"" or link.leaving:
                return link.leaving or "closed by the peer"
            if data is None and (reason := marks.over(link, clock())):
                return reason
            if data is not None or link.waiting:
                turn = link.give_up(self._now_s()) if data is None else link.receive(data, self._now_s())
                marks.heard(link, turn.n_frame, data is not None, clock())
                if reason := await self._serve(link, turn, writer, budget):
                    return reason

    async def _serve(self, link: Link, turn: Turn, writer: asyncio.StreamWriter, budget: "_Budget") -> str:
        """Keep, then answer; a reason to end, or ""."""
        self._tell(turn, writer)
        for vin, done in turn.answers:
            self.terminals.answered(vin, done)
        kept = dict(zip(turn.raw, await asyncio.gather(*(self._keep(link, vin, raw) for vin, raw in turn.raw.items())), strict=True))
        if not await self._write(turn.replies, kept, writer):
            return UNREAD
        if turn.close or link.leaving:
            return turn.close or link.leaving
        per_s = self._rules.platform_frames_per_s if link.platform else self._rules.frames_per_s
        wait_s = budget.spend(turn.n_frame, per_s, asyncio.get_running_loop().time())
        if wait_s > 0.0:
            self.counts["slowed"] += 1
            await asyncio.sleep(wait_s)
        return ""

    async def _keep(self, link: Link, vin: str, raw: list[bytes]) -> bool:
        """Keep what came of a vehicle; whether that was done."""
        rows = link.rows(vin)
        done = [await self._kept(frames, raw if k == 0 else []) for k, frames in enumerate(rows)]
        if not all(done):
            link.not_kept(vin, raw)
        return all(done)

    async def _kept(self, frames: Frames, raw: list[bytes]) -> bool:
        try:
            await self._sink(frames, raw)
        except Exception:  # noqa: BLE001  whatever the store's trouble is, the vehicle must hear of it
            self.counts["not-kept"] += 1
            _LOG.exception("what came of %s was not kept", frames.pack.vehicle_id)
            return False
        self.counts["rows"] += frames.n
        self.counts["frames"] += len(raw)
        return True

    async def _write(self, replies: list[Reply], kept: dict[str, bool], writer: asyncio.StreamWriter) -> bool:
        """Send the answers; False where the peer does not read them."""
        data = b"".join(reply_bytes(reply, kept.get(reply.vin, True), self._now_s()) for reply in replies)
        if not data:
            return True
        writer.write(data)
        try:
            await asyncio.wait_for(writer.drain(), self._rules.write_s)
        except TimeoutError:
            return False
        return True

    async def _tell_periods(self) -> None:
        """Tell terminals how often to report, where somebody wants something of them."""
        while True:
            await asyncio.sleep(TELL_S)
            for speaker, data in self.terminals.due():
                speaker.tell(data)
                self.counts["terminal.told"] += 1
            for vin in self.terminals.newly_silent():
                self.counts["terminal.silent"] += 1
                told(_LOG, logging.WARNING, "terminal.silent", vin=vin, tries=self._rules.box_tries)

    def _tell(self, turn: Turn, writer: asyncio.StreamWriter) -> None:
        for note in turn.notes:
            self.counts[note.what] += 1
            level = logging.INFO if note.what.startswith(("vehicle.", "platform.")) else logging.WARNING
            level = level if note.loud else logging.DEBUG
            told(_LOG, level, note.what, vin=note.vin, why=note.why, peer=_peer(writer))


class _Budget:
    """Frames that a connection may send: as many at once as in two seconds, and as fast in the mean as its rate."""

    def __init__(self, now_s: float) -> None:
        self._spent, self._at_s = 0.0, now_s

    def spend(self, n: int, per_s: float, now_s: float) -> float:
        """How long to wait before more is read, seconds."""
        self._spent = max(self._spent - (now_s - self._at_s) * per_s, 0.0) + n
        self._at_s = now_s
        return max(self._spent / per_s - 2.0, 0.0)


class _Marks:
    """Since when a connection is open, silent, and in the middle of a frame; by the event loop's clock."""

    def __init__(self, now_s: float, rules: Telematics) -> None:
        self._begin_s = self._heard_s = self._half_s = now_s
        self._rules = rules

    def heard(self, link: Link, n_frame: int, anything: bool, now_s: float) -> None:
        """Something came, or was given up. A frame that has just begun has all its time before it."""
        if anything:
            self._heard_s = now_s
        if n_frame or not anything or not link.waiting:
            self._half_s = now_s

    def wait_s(self, link: Link, now_s: float) -> float:
        """How long to wait for more."""
        ends_s = [self._heard_s + self._rules.idle_s]
        if not link.logged_in:
            ends_s.append(self._begin_s + self._rules.login_s)
        if link.waiting:
            ends_s.append(self._half_s + self._rules.half_frame_s)
        return max(min(ends_s) - now_s, 0.0)

    def over(self, link: Link, now_s: float) -> str:
        """Why the connection ends, now that nothing has come for so long; "" where it goes on."""
        if not link.logged_in and now_s >= self._begin_s + self._rules.login_s:
            return "no login"
        return "silent for too long" if now_s >= self._heard_s + self._rules.idle_s else ""


async def _read(reader: asyncio.StreamReader, wait_s: float) -> bytes | None:
    """What has come; None when nothing comes in time."""
    try:
        async with asyncio.timeout(wait_s):
            return await reader.read(READ_BYTES)
    except TimeoutError:
        return None


def _bound(writer: asyncio.StreamWriter) -> None:
    """Little of what a peer leaves unread is held, by us and by the system: answers are a few bytes."""
    writer.transport.set_write_buffer_limits(high=WRITE_MAX_BYTES)
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WRITE_MAX_BYTES)


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else ""
