"""One WebSocket of a station: an asyncio protocol around the sans-I/O protocol of `websockets`.

Bytes in, messages out to whoever was let in; and all that keeps a single peer from harming the rest: limits of headers and messages, a
bounded buffer of what it has not read, a pause for one that sends too fast, pings. Why not the library's own server: docs/decisions/0022.
"""

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from evloom.serve.gateway.refusal import Refused
from evloom.serve.gateway.socket_rules import Guest, House, SocketRules
from evloom.serve.gateway.throttle import Bucket

HEADERS_MAX_BYTES = 16 * 1024
WRITE_HIGH_BYTES = 64 * 1024
"""With so much unread by the station, nothing more is read from it."""
ADMISSION, STALLED, SLOWED, BUSY = 1, 2, 4, 8
"""Why nothing is read for now: it is not let in yet, it reads nothing itself, it sends too fast, its messages wait for their answers."""
_HOLD = SLOWED | BUSY
_LOG = logging.getLogger("evloom.gateway.websocket")
_LOG.setLevel(logging.WARNING)


class StationSocket(asyncio.Protocol):
    """The socket. `house.knocked` is called once; later `let_in` or `refuse` is called by whoever decides."""

    __slots__ = (
        "_bucket",
        "_closing_s",
        "_guest",
        "_held",
        "_house",
        "_loop",
        "_message",
        "_n_header",
        "_pauses",
        "_pinged_s",
        "_protocol",
        "_response",
        "_resume",
        "_rules",
        "_stalled_s",
        "heard_s",
        "n_slowed",
        "opened_s",
        "reason",
        "request",
        "secure",
        "transport",
    )

    def __init__(self, rules: SocketRules, secure: bool, house: House) -> None:
        self._rules = rules
        self._house = house
        self._loop = asyncio.get_running_loop()
        self.secure = secure
        self.opened_s = self.heard_s = self._loop.time()
        self.reason = ""
        self.request: Request | None = None
        self.n_slowed = 0
        self._pinged_s = self._stalled_s = 0.0
        self._closing_s = self.opened_s
        self._n_header = 0
        self._guest: Guest | None = None
        self._message: bytearray | None = None
        self._held: deque[Frame] | None = None
        self._bucket: Bucket | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._pauses = 0
        self._response: Response | None = None
        self._protocol = ServerProtocol(
            select_subprotocol=_none_yet, max_size=rules.message_max_bytes, extensions=rules.extensions or None, logger=_LOG
        )

    # What the event loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was accepted, with TLS in place where it is that port."""
        # uvloop's transports are asyncio's by behaviour, not by class.
        self.transport: asyncio.Transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self._house.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.heard_s = self._loop.time()
        if self.request is None and not self._protocol.eof_sent:
            self._n_header += len(data)
            if self._n_header > HEADERS_MAX_BYTES:
                self.refuse(Refused(431, "headers", f"the request's headers are longer than {HEADERS_MAX_BYTES} bytes"))
        self._protocol.receive_data(data)
        self._handle_events()

    def eof_received(self) -> bool:
        """The peer has ended its side."""
        self._protocol.receive_eof()
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._resume is not None:
            self._resume.cancel()
        self._house.ended(self)
        self._part(exc)

    def pause_writing(self) -> None:
        """The station does not read what we write: read nothing more from it."""
        self._stalled_s = self._loop.time()
        self.pause(STALLED)

    def resume_writing(self) -> None:
        """It reads again."""
        self._stalled_s = 0.0
        self.unpause(STALLED)

    # What the gateway does.

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._guest is not None and self._protocol.state is OPEN

    @property
    def remote(self) -> str:
        """Address of the peer."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    @property
    def target(self) -> str:
        """Path and query that were asked for."""
        return self.request.path if self.request is not None else ""

    @property
    def n_unread(self) -> int:
        """Bytes written that the system has not taken yet."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def pause(self, why: int) -> None:
        """Read nothing for now; `why` is one of the reasons ADMISSION, STALLED, SLOWED, BUSY."""
        if not self._pauses and not self.transport.is_closing():
            self.transport.pause_reading()
        self._pauses |= why

    def unpause(self, why: int) -> None:
        """This reason is gone; go on with what came already, then read again when it was the last."""
        was, self._pauses = self._pauses, self._pauses & ~why
        while self._held and not self._pauses & _HOLD:
            self._frame(self._held.popleft())
        if was and not self._pauses and not self.transport.is_closing():
            self.heard_s = self._loop.time()
            self.transport.resume_reading()

    def let_in(self, subprotocol: str, guest: Guest) -> bool:
        """Complete the handshake; whether it could be."""
        if self._response is None or self.transport.is_closing():
            return False
        self._response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._protocol.subprotocol = Subprotocol(subprotocol)
        self._guest = guest
        self._bucket = Bucket(self._rules.messages_per_s, self._rules.messages_at_once, self._loop.time())
        self._complete()
        return True

    def let_in_and_close(self, reason: str) -> None:
        """Complete the handshake without a sub-protocol and close at once: what OCPP-J asks when none of those offered is spoken."""
        self._complete()
        self.close(CloseCode.PROTOCOL_ERROR, reason)

    def refuse(self, refused: Refused) -> None:
        """Answer the handshake with an HTTP status and a line of text, and close."""
        self.reason = refused.text
        if self._protocol.state is CONNECTING and not self._protocol.eof_sent:
            response = self._protocol.reject(HTTPStatus(refused.status), refused.text + "\n")
            for name, value in refused.headers:
                response.headers[name] = value
            self._protocol.send_response(response)
        self._flush()
        self.unpause(ADMISSION)

    def send(self, text: bytes) -> bool:
        """Send a message; False when the link is no longer open, or closed now because too much is unread."""
        if not self.is_open:
            return False
        self._protocol.send_text(text)
        self._flush()
        return self._not_too_slow()

    def close(self, code: int, reason: str) -> None:
        """Say why and close; who does not follow is cut off by `tick`."""
        if self._protocol.state is OPEN:
            self.reason = self.reason or reason
            self._protocol.send_close(code, _cut(reason))
            self._closing_s = self._loop.time()
            self._flush()
        else:
            self.transport.abort()

    def cut(self, reason: str) -> None:
        """Cut the connection without a word to a peer that would not hear it."""
        self.reason = self.reason or reason
        self.transport.abort()

    def tick(self, now_s: float) -> None:
        """Deadlines: handshake, silence, unread, close. Call it about once a second."""
        rules = self._rules
        if self._guest is None or self._protocol.state is not OPEN:
            if now_s - self._closing_s > rules.handshake_s:
                self.cut(f"the handshake or the close was not completed within {rules.handshake_s:g} s")
        elif self._stalled_s and now_s - self._stalled_s > rules.stalled_s:
            self.cut(f"read nothing for {rules.stalled_s:g} s although there was something to read")
        elif rules.ping_s and not self._pauses and now_s - self.heard_s > rules.ping_s:
            if self._pinged_s <= self.heard_s:
                self._pinged_s = now_s
                self._protocol.send_ping(b"")
                self._flush()
            elif now_s - self._pinged_s > rules.ping_s:
                self.cut(f"silent for {now_s - self.heard_s:.0f} s, and no answer to a ping")

    # How it is done.

    def _handle_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                if self._pauses & _HOLD or self._held:
                    self._hold(event)
                else:
                    self._frame(event)
            elif isinstance(event, Request):
                self._asked_in(event)
        self._flush()

    def _hold(self, frame: Frame) -> None:
        """What was read together with the message that made us pause: at most what the system hands over at once."""
        if self._held is None:
            self._held = deque()
        self._held.append(frame)

    def _asked_in(self, request: Request) -> None:
        """What is no proper handshake is answered by the library (405, 426, 400); the rest waits for the door."""
        self.request = request
        response = self._protocol.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self.reason = response.body.decode("utf-8", "replace").partition("\n")[0]
            self._protocol.send_response(response)
            return
        self._response = response
        self.pause(ADMISSION)
        self._house.knocked(self)

    def _complete(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            self._protocol.send_response(response)
        self._flush()
        self.unpause(ADMISSION)

    def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY or opcode is Opcode.CONT:
            whole = self._assembled(frame)
            if whole is not None and self._guest is not None:
                self._guest.received(whole)
        self._count()

    def _assembled(self, frame: Frame) -> bytes | bytearray | None:
        data = frame.data
        if frame.fin and self._message is None:
            return data if isinstance(data, bytes | bytearray) else bytes(data)
        if self._message is None:
            self._message = bytearray()
        self._message += data
        if not frame.fin:
            return None
        whole, self._message = self._message, None
        return whole

    def _count(self) -> None:
        """Who sends too fast is not read from for as long as the mean asks."""
        if self._bucket is not None:
            wait_s = self._bucket.take(self.heard_s)
            if wait_s > 0.0 and self._resume is None:
                self.n_slowed += 1
                self.pause(SLOWED)
                self._resume = self._loop.call_later(wait_s, self._slowed_enough)

    def _slowed_enough(self) -> None:
        self._resume = None
        assert self._bucket is not None
        wait_s = self._bucket.take(self._loop.time(), 0.0)
        if wait_s > 0.0:
            self._resume = self._loop.call_later(wait_s, self._slowed_enough)
        else:
            self.unpause(SLOWED)

    def _flush(self) -> None:
        writes = self._protocol.data_to_send()
        if not writes or self.transport.is_closing():
            return
        if len(writes) == 1 and not writes[0]:
            self._say_unreadable_request()
        for data in writes:
            if data:
                self.transport.write(data)
            else:
                self._end()

    def _end(self) -> None:
        """Close; after a fault of the peer only our side, and what it still sends is thrown away, or it would not read why."""
        self._closing_s = self._loop.time()
        self._part(None)
        if self._protocol.parser_exc is None and self.request is not None:
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    def _part(self, exc: Exception | None) -> None:
        """Tell the guest, once, that the link is down."""
        guest, self._guest = self._guest, None
        if guest is not None:
            self.reason = self.reason or self._why_closed(exc)
            guest.lost(self.reason)

    def _not_too_slow(self) -> bool:
        unread = self.transport.get_write_buffer_size()
        if unread <= self._rules.unread_max_bytes:
            return True
        self.cut(f"reads too slowly: {unread} bytes were waiting for it, {self._rules.unread_max_bytes} are allowed")
        return False

    def _say_unreadable_request(self) -> None:
        """The library closes without a word on what is no HTTP; we say 400."""
        if self.request is None and not self.reason and self._protocol.handshake_exc is not None:
            self.reason = f"not a WebSocket handshake: {self._protocol.handshake_exc.__cause__ or self._protocol.handshake_exc}"
            body = b"this port speaks OCPP over WebSocket, and this was no WebSocket handshake\n"
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _why_closed(self, exc: Exception | None) -> str:
        protocol = self._protocol
        if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
            return f"closed because of what it sent: {protocol.parser_exc}"
        if protocol.close_rcvd is not None:
            return f"closed by the station: {protocol.close_rcvd}"
        return f"connection lost: {exc}" if exc is not None else "connection lost without a close"


def _none_yet(_protocol: ServerProtocol, _offered: object) -> Subprotocol | None:
    """Sub-protocols are chosen by the door (`door.Door`), not by the library."""
    return None


def _cut(reason: str) -> str:
    """A close frame has room for 123 bytes."""
    return reason.encode("utf-8")[:120].decode("utf-8", "ignore")
