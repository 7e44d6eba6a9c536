"""One websocket of a virtual station to a central system: calls out and answers back, calls in to a listener."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from evloom.wire.ocpp.base import custom_data
from evloom.wire.ocpp.check import catalog, read_request, write
from evloom.wire.ocpp.link import CLOSED, Answered, Asked, Failed, Link
from evloom.wire.ocpp.version import Version

Said = dict[str, Any]
Hearer = Callable[[str, Said], Said | None]
"""Answers a call of the central system; None: the action is not implemented."""
UNREACHABLE = (OSError, TimeoutError, WebSocketException)
"""What connecting may raise where nobody listens, or somebody refuses."""


class CallFailed(Exception):  # noqa: N818 - an outcome of normal work
    """A call got no answer, or an error: code by OCPP, or "Timeout" or "Closed"."""

    def __init__(self, action: str, code: str, description: str) -> None:
        super().__init__(f"{action}: {code} {description}".rstrip())
        self.code = code


def payload_of(version: Version, action: str, said: Said, *, answer: bool = False) -> bytes:
    """What is said as a payload that its schema takes. Raises msgspec.ValidationError where it would not."""
    entry = catalog(version)[action]
    kind = entry.response if answer else entry.request
    return write(msgspec.convert(said, kind, dec_hook=custom_data))


class Connection:
    """An open link. `run` reads it until it closes; meanwhile `ask` and `tell` may be used."""

    def __init__(self, socket: ClientConnection, version: Version, hear: Hearer, timeout_s: float) -> None:
        self._socket = socket
        self._version = version
        self._link = Link(version)
        self._hear = hear
        self._timeout_s = timeout_s
        self._waiting: dict[str, asyncio.Future[Said]] = {}
        self._expiring: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def ask(self, action: str, said: Said) -> Said:
        """Call and wait for the answer. Raises CallFailed."""
        call_id = self._link.call(action, payload_of(self._version, action, said), self._now_s(), self._timeout_s)
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = future
        await self._flush()
        return await future

    async def send(self, action: str, said: Said) -> None:
        """Tell something that wants no answer (2.1)."""
        self._link.send(action, payload_of(self._version, action, said))
        await self._flush()

    async def run(self) -> None:
        """Read until the link closes; then every call that waits has failed."""
        self._expiring = asyncio.get_running_loop().create_task(self._expire())
        try:
            async for frame in self._socket:
                for received in self._link.receive(frame, self._now_s()):
                    self._take(received)
                await self._flush()
        except ConnectionClosed:
            pass
        finally:
            self._expiring.cancel()
            self._link.close()
            waiting, self._waiting = self._waiting, {}
            for future in waiting.values():
                if not future.done():
                    future.set_exception(CallFailed("call", CLOSED, "the link went down"))
                    future.exception()  # nobody may be left who waits for it

    async def close(self, code: int = 1000) -> None:
        """Close the link in good order, after what was said."""
        await self._flush()
        await self._socket.close(code)

    def abort(self) -> None:
        """Drop the link as a cut cable does."""
        self._socket.transport.abort()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(min(self._timeout_s, 1.0))
            for failed in self._link.expire(self._now_s()):
                self._take(failed)
            await self._flush()

    async def _flush(self) -> None:
        async with self._sending:
            for frame in self._link.take_outgoing():
                try:
                    await self._socket.send(frame, text=True)
                except ConnectionClosed:
                    return

    def _take(self, received: object) -> None:
        if isinstance(received, Asked):
            self._answer(received)
        elif isinstance(received, Answered | Failed):
            future = self._waiting.pop(received.call_id, None)
            if future is None or future.done():
                return
            if isinstance(received, Answered):
                future.set_result(msgspec.json.decode(received.payload))
            else:
                future.set_exception(CallFailed(received.action, received.code, received.description))
                future.exception()

    def _answer(self, asked: Asked) -> None:
        reading = read_request(self._version, asked.action, asked.payload)
        if reading.refusal is not None:
            self._link.refuse(asked.call_id, *reading.refusal)
            return
        answer = self._hear(asked.action, msgspec.json.decode(asked.payload))
        if answer is None:
            self._link.refuse(asked.call_id, "NotImplemented", f"{asked.action} is not implemented")
        else:
            self._link.answer(asked.call_id, payload_of(self._version, asked.action, answer, answer=True))


async def open_socket(url: str, station_id: str, version: Version, password: str) -> ClientConnection:
    """Connect to `url`/`station_id` offering one version. Raises one of UNREACHABLE."""
    headers = {}
    if password:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{station_id}:{password}".encode()).decode()
    return await connect(
        f"{url.rstrip('/')}/{station_id}",
        subprotocols=[Subprotocol(version.value)],
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        close_timeout=1.0,
        open_timeout=10.0,
        proxy=None,
    )
