"""The link to one station: frames from its socket to the desk in their order, answers and commands back."""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from evloom.serve.desk.caller import Caller, Reply
from evloom.serve.gateway.metrics import GatewayMetrics
from evloom.serve.gateway.station_socket import BUSY, StationSocket
from evloom.serve.gateway.throttle import Echo
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store.frames import Frame
from evloom.wire.ocpp.frame import Code
from evloom.wire.ocpp.link import CLOSED, TIMEOUT, Answered, Asked, Failed, Link, LinkLimits, Received, Sent, Trouble
from evloom.wire.ocpp.version import Version

_LOG = logging.getLogger("evloom.gateway")
NOT_CONNECTED = "NotConnected"
"""Code of a call that never went out."""
WAITING_MAX = 8
"""Messages of one station that wait for their turn; with so many nothing more is read from it. OCPP allows it one at a time."""

GONE_MAX = 2
"""Answers in a row that the database cannot be reached, after which the link is closed instead. A station gives a message up after a few
refusals (three, as many are set), but without a link it keeps all it has to say about transactions."""
GONE = "the database cannot be reached: keep what you have to say, and come again"


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of a call to a station: its answer, or None and a code with a description.

    code   "" answered; NOT_CONNECTED never sent; TIMEOUT or CLOSED sent and not answered; else the error code that the station answered
    """

    payload: bytes | None
    code: str = ""
    description: str = ""

    @property
    def is_doubtful(self) -> bool:
        """Whether it is not known if the station has received and carried out the call."""
        return self.code in (TIMEOUT, CLOSED)


class Answering(Protocol):
    """Who answers stations: `serve.desk.desk.Desk`."""

    async def handle(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> Reply:
        """What to answer to a call."""

    async def sent(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> None:
        """Take notice of what wants no answer."""


@dataclass(frozen=True, slots=True)
class Office:
    """What every link needs: who answers, where frames and figures are kept."""

    desk: Answering
    note_frame: Callable[[Frame], None]
    metrics: GatewayMetrics
    limits: LinkLimits
    echo: Echo = field(default_factory=Echo)


Go = Callable[[], Awaitable[bool]]


class StationLink:
    """One connection. Calls of the station are handled one at a time in their order; different stations at the same time."""

    __slots__ = (
        "_calls",
        "_gone",
        "_link",
        "_loop",
        "_office",
        "_slot",
        "_waiting",
        "_worker",
        "caller",
        "connected_at_s",
        "fenced",
        "socket",
    )

    def __init__(self, office: Office, caller: Caller, socket: StationSocket, connected_at_s: float) -> None:
        self._office = office
        self._loop = asyncio.get_running_loop()
        self._link = Link(caller.version, office.limits, uuid.uuid4().hex[:12])
        self._waiting: deque[tuple[Asked | Sent, bytes]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._calls: dict[str, asyncio.Future[CallOutcome]] = {}
        self._slot = asyncio.Lock()
        self._gone = 0
        self.caller = caller
        self.socket = socket
        self.connected_at_s = connected_at_s
        self.fenced = False

    @property
    def station_id(self) -> str:
        """Whose link it is."""
        return self.caller.station_id

    @property
    def version(self) -> Version:
        """What is spoken."""
        return self.caller.version

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self.socket.is_open

    # What the socket says.

    def received(self, text: bytes | bytearray) -> None:
        """A frame came."""
        raw = bytes(text)
        for what in self._link.receive(raw, self._loop.time()):
            self._take(what, raw)
        self._flush()

    def lost(self, reason: str) -> None:
        """The link is down: our calls have no answer, and what waits is not handled: the station will say it again."""
        self._waiting.clear()
        for failed in self._link.close():
            self._settle(failed.call_id, CallOutcome(None, CLOSED, f"not known whether it arrived: {reason}"))

    async def done(self) -> None:
        """Return when the message in hand is handled."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    # What the gateway asks.

    async def call(self, action: str, payload: bytes, timeout_s: float, go: Go | None = None) -> CallOutcome:
        """Call the station; `timeout_s` for its turn and again for the answer. Never raises for what the station does or does not.

        `go` is asked when the turn has come, directly before the call is sent; with False it is not sent.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._slot.acquire()
        except TimeoutError:
            return CallOutcome(None, NOT_CONNECTED, f"not sent: an earlier call waited {timeout_s:g} s for its answer")
        try:
            if not self.is_open or self.fenced or (go is not None and not await go()):
                return CallOutcome(None, NOT_CONNECTED, "not sent: the station is not connected")
            return await self._called(action, payload, timeout_s)
        finally:
            self._slot.release()

    async def _called(self, action: str, payload: bytes, timeout_s: float) -> CallOutcome:
        if not self.is_open:
            return CallOutcome(None, NOT_CONNECTED, "not sent: the station is not connected")
        call_id = self._link.call(action, payload, self._loop.time(), timeout_s)
        future: asyncio.Future[CallOutcome] = self._loop.create_future()
        self._calls[call_id] = future
        timer = self._loop.call_later(timeout_s + 0.001, self._expire)
        try:
            self._flush(action)
            return await future
        finally:
            timer.cancel()
            self._calls.pop(call_id, None)

    def fence(self, reason: str) -> None:
        """Another link of this station has taken over: say so and close; nothing more of this one counts."""
        self.fenced = True
        self._waiting.clear()
        self.socket.close(1008, reason)

    # How it is done.

    def _take(self, what: Received, raw: bytes) -> None:
        if isinstance(what, Asked | Sent):
            self._waiting.append((what, raw))
            if self._worker is None:
                self._worker = self._loop.create_task(self._work())
            elif len(self._waiting) >= WAITING_MAX:
                self.socket.pause(BUSY)
        elif isinstance(what, Answered):
            self._note("in", what.action, raw)
            self._office.metrics.call_answered(what.action, what.took_s)
            self._settle(what.call_id, CallOutcome(what.payload))
        elif isinstance(what, Failed):
            self._note("in", what.action, raw)
            self._office.metrics.call_failed(what.action, what.code)
            self._settle(what.call_id, CallOutcome(None, what.code, what.description))
        else:
            self._trouble(what, raw)

    def _trouble(self, trouble: Trouble, raw: bytes) -> None:
        self._office.metrics.trouble(trouble.kind)
        self._note("in", "", raw)
        times = self._office.echo.times(trouble.kind, self.station_id, self._loop.time())
        if times:
            level = logging.INFO if trouble.kind in ("odd", "duplicate", "late") else logging.WARNING
            what = {"kind": trouble.kind, "text": trouble.text, "frame": raw[:200].decode("utf-8", "replace"), "times": times}
            told(_LOG, level, "frame.trouble", station=self.station_id, **what)

    async def _work(self) -> None:
        """Handle what waits, then end: a station that says nothing costs no task."""
        try:
            while self._waiting:
                what, raw = self._waiting.popleft()
                if len(self._waiting) < WAITING_MAX:
                    self.socket.unpause(BUSY)
                if isinstance(what, Asked):
                    await self._answer(what, raw)
                else:
                    await self._notice(what, raw)
        finally:
            self._worker = None

    async def _answer(self, asked: Asked, raw: bytes) -> None:
        begun_s = self._loop.time()
        action = asked.action
        if action != "Heartbeat":
            self._note("in", action, raw)
        try:
            reply = await self._office.desk.handle(self.caller, action, asked.payload, raw)
        except Exception as error:  # noqa: BLE001  the station is answered whatever went wrong, and the log has it
            _LOG.exception("desk.failed", extra={"fields": {"station": self.station_id, "action": action}})
            reply = Reply(b"", Code.INTERNAL.word(self.version), f"the message could not be handled now: {type(error).__name__}")
        self._gone = self._gone + 1 if reply.gone else 0
        if self._gone > GONE_MAX:
            self._waiting.clear()
            self.socket.close(1013, GONE)
        elif self.is_open and not self.fenced:
            if reply.code:
                self._link.refuse(asked.call_id, reply.code, reply.description)
            else:
                self._link.answer(asked.call_id, reply.payload)
            self._flush(action)
        self._office.metrics.answered(action, self.version, reply.code, self._loop.time() - begun_s)

    async def _notice(self, sent: Sent, raw: bytes) -> None:
        self._note("in", sent.action, raw)
        try:
            await self._office.desk.sent(self.caller, sent.action, sent.payload, raw)
        except Exception:  # noqa: BLE001
            _LOG.exception("desk.failed", extra={"fields": {"station": self.station_id, "action": sent.action}})
        self._office.metrics.answered(sent.action, self.version, "", 0.0)

    def _flush(self, action: str = "") -> None:
        for frame in self._link.take_outgoing():
            if self.socket.send(frame) and action != "Heartbeat":
                self._note("out", action, frame)

    def _note(self, direction: str, action: str, frame: bytes) -> None:
        self._office.note_frame(Frame(self.station_id, now_s(), direction, frame.decode("utf-8", "backslashreplace"), action))

    def _expire(self) -> None:
        for failed in self._link.expire(self._loop.time()):
            self._office.metrics.call_failed(failed.action, failed.code)
            self._settle(failed.call_id, CallOutcome(None, TIMEOUT, failed.description))
        self._flush()

    def _settle(self, call_id: str, outcome: CallOutcome) -> None:
        future = self._calls.pop(call_id, None)
        if future is not None and not future.done():
            future.set_result(outcome)
