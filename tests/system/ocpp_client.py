"""A plain client for OCPP-J, light enough to be many: for tests of the gateway and for benches. It knows no message.

It frames by itself, so that thousands of it cost little CPU beside the server under test. It is not the virtual station of the demo.
"""

import asyncio
import base64
import json
import secrets
import ssl
from collections.abc import Callable

from websockets.utils import apply_mask

KEY = base64.b64encode(bytes(16)).decode()
MASK = b"\x12\x34\x56\x78"
Answer = Callable[[str, object], object]


class NotLetInError(Exception):
    """The handshake was answered with another status than 101."""

    def __init__(self, status: int, head: str, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.head, self.body = status, head, body


def frame(text: bytes, opcode: int = 1, fin: bool = True) -> bytes:
    """A masked frame."""
    n = len(text)
    head = bytes((opcode | (0x80 if fin else 0),))
    if n < 126:
        head += bytes((0x80 | n,))
    else:
        head += b"\xfe" + n.to_bytes(2, "big") if n < 65536 else b"\xff" + n.to_bytes(8, "big")
    return head + MASK + apply_mask(text, MASK)


class OcppClient(asyncio.Protocol):
    """One connection. `answers` says what to answer when the platform calls: action, payload -> payload, or None for no answer at all."""

    def __init__(self, answers: Answer | None = None) -> None:
        self.answers = answers or (lambda action, payload: {"status": "Accepted"})
        self.asked: list[tuple[str, object]] = []
        self.head = ""
        self.subprotocol = ""
        self.close_code = 0
        self.close_reason = ""
        self.pongs = self.n_answer = self.n_ping = 0
        self.mute = False
        self.transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self.opened = self._loop.create_future()
        self.closed = self._loop.create_future()
        self.calls: dict[str, asyncio.Future] = {}
        self._buffer = b""
        self._n_call = 0
        self.on_answer: Callable[[bytes], None] | None = None

    @classmethod
    async def connect(
        cls, port: int, path: str, versions: tuple[str, ...] = ("ocpp1.6",), *, auth: tuple[str, str] | None = None, **options
    ) -> "OcppClient":
        """A client that was let in; raises NotLetInError. options: tls (context), answers, headers (text), source (local address)."""
        loop = asyncio.get_running_loop()
        tls: ssl.SSLContext | None = options.get("tls")
        source = options.get("source")
        _, client = await loop.create_connection(
            lambda: cls(options.get("answers")), "127.0.0.1", port, ssl=tls, local_addr=(source, 0) if source else None
        )
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}"]
        lines.append("Sec-WebSocket-Version: 13")
        if versions:
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(versions))
        if auth is not None:
            lines.append("Authorization: Basic " + base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode())
        client.transport.write(("\r\n".join(lines) + "\r\n" + options.get("headers", "") + "\r\n").encode())
        try:
            await client.opened
        except BaseException:
            client.transport.abort()
            raise
        return client

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.head and not self._read_head():
            return
        while (found := self._next()) is not None:
            self._frame(*found)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc) -> None:
        gone = ConnectionError(f"connection lost: {self.close_code} {self.close_reason} {exc or ''}")
        if not self.opened.done():
            self.opened.set_exception(gone)
        for future in self.calls.values():
            if not future.done():
                future.set_exception(gone)
                future.exception()
        if not self.closed.done():
            self.closed.set_result(None)

    def _read_head(self) -> bool:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        text = head.decode()
        status = int(text.split(" ")[1])
        fields = {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in text.split("\r\n")[1:]}
        if status != 101:
            if len(rest) < int(fields.get("content-length", "0")):
                return False
            self.head = text
            if not self.opened.done():
                self.opened.set_exception(NotLetInError(status, text, rest.decode()))
            return False
        self.head, self._buffer = text, rest
        self.subprotocol = fields.get("sec-websocket-protocol", "")
        self.opened.set_result(None)
        return True

    def _next(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        n, at = data[1] & 127, 2
        if n >= 126:
            at = 4 if n == 126 else 10
            n = int.from_bytes(data[2:at], "big")
        if len(data) < at + n:
            return None
        self._buffer = data[at + n :]
        return data[0], data[at : at + n]

    def _frame(self, head: int, body: bytes) -> None:
        opcode = head & 15
        if opcode == 8:
            self.close_code, self.close_reason = int.from_bytes(body[:2], "big"), body[2:].decode()
            self.transport.write(frame(body[:2], 8))
            self.transport.close()
        elif opcode == 9:
            self.n_ping += 1
            if not self.mute:
                self.transport.write(frame(body, 10))
        elif opcode == 10:
            self.pongs += 1
        elif body.startswith(b"[2,"):
            self._asked(body)
        else:
            self.n_answer += 1
            if self.on_answer is not None:
                self.on_answer(body)
            else:
                parts = json.loads(body)
                future = self.calls.pop(parts[1], None)
                if future is not None and not future.done():
                    future.set_result(parts)

    def _asked(self, body: bytes) -> None:
        _, call_id, action, payload = json.loads(body)
        self.asked.append((action, payload))
        answer = self.answers(action, payload)
        if answer is not None:
            self.send(json.dumps([3, call_id, answer]).encode())

    def send(self, text: bytes) -> None:
        """A text message as it stands."""
        self.transport.write(frame(text))

    async def call(self, action: str, payload: object, timeout_s: float = 20.0):
        """The answer's payload; a RuntimeError for an error."""
        self._n_call += 1
        call_id = f"{self._n_call}-{secrets.token_hex(3)}"
        future = self.calls[call_id] = self._loop.create_future()
        self.send(json.dumps([2, call_id, action, payload]).encode())
        parts = await asyncio.wait_for(future, timeout_s)
        if parts[0] != 3:
            raise RuntimeError(f"{parts[2]}: {parts[3]}")
        return parts[2]

    async def close(self) -> None:
        """Close with the closing handshake."""
        self.transport.write(frame((1000).to_bytes(2, "big"), 8))
        try:
            await asyncio.wait_for(asyncio.shield(self.closed), 5.0)
        finally:
            self.transport.abort()

    def drop(self) -> None:
        """Cut the connection as a dead modem does."""
        self.transport.abort()
