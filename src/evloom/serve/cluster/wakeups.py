"""Gateways wake each other through NATS: one subject for each gateway, one for all. Nothing is lost with a lost message but time.

What must not be lost is a row of the database; whoever is not woken finds it by looking every second (`cluster.member`, `commands`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from evloom.serve.logs import told

_LOG = logging.getLogger("evloom.cluster")
_PREFIX = "evloom.gateway"
_ALL = "evloom.gateways"
RETRY_S = 2.0
Body = dict[str, Any]
Heard = Callable[[Body], None]
Asked = Callable[[Body], Awaitable[Body]]


class Wakeups:
    """`tell` and `tell_all` without waiting, `ask` for an answer. With an empty url, or while NATS is away, they do nothing."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._client: Client | None = None
        self._joining: asyncio.Task[None] | None = None
        self._heard: dict[str, Heard] = {}
        self._asked: dict[str, Asked] = {}
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """Whether NATS is connected."""
        return self._client is not None and self._client.is_connected

    def on(self, kind: str, heard: Heard) -> None:
        """Have `heard` called for every message of a kind."""
        self._heard[kind] = heard

    def on_ask(self, kind: str, asked: Asked) -> None:
        """Have `asked` answer questions of a kind."""
        self._asked[kind] = asked

    async def start(self) -> None:
        """Connect, in the background where NATS is not there yet."""
        if self._url:
            self._joining = asyncio.create_task(self._join())

    async def stop(self) -> None:
        """Leave."""
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.gather(self._joining, return_exceptions=True)
        if self._answering:
            await asyncio.wait(self._answering, timeout=1.0)
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def up(self, limit_s: float) -> bool:
        """Wait until NATS is connected; whether it is."""
        if self._joining is not None:
            await asyncio.wait([self._joining], timeout=limit_s)
        return self.is_up

    async def tell(self, gateway: str, kind: str, **body: Any) -> None:
        """Tell one gateway."""
        await self._publish(f"{_PREFIX}.{gateway}", {"kind": kind, **body})

    async def tell_all(self, kind: str, **body: Any) -> None:
        """Tell every other gateway."""
        await self._publish(_ALL, {"kind": kind, "from": self._name, **body})

    async def ask(self, gateway: str, kind: str, limit_s: float, **body: Any) -> Body | None:
        """Ask one gateway; None when no answer came in time."""
        if self._client is None or not self.is_up:
            return None
        try:
            answer = await self._client.request(f"{_PREFIX}.{gateway}", msgspec.json.encode({"kind": kind, **body}), timeout=limit_s)
        except (NatsError, TimeoutError):
            return None
        return _body(answer.data)

    async def _publish(self, subject: str, body: Body) -> None:
        if self._client is None or not self.is_up:
            return
        try:
            await self._client.publish(subject, msgspec.json.encode(body))
        except (NatsError, TimeoutError) as error:
            told(_LOG, logging.WARNING, "wakeup.lost", subject=subject, why=str(error))

    async def _join(self) -> None:
        while True:
            client = Client()
            try:
                await client.connect(
                    self._url,
                    name=f"evloom {self._name}",
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    error_cb=_failed,
                    connect_timeout=2,
                )
                for subject in (f"{_PREFIX}.{self._name}", _ALL):
                    await client.subscribe(subject, cb=self._came)
                await client.flush()
            except (NatsError, OSError, TimeoutError) as error:
                told(_LOG, logging.WARNING, "nats.away", url=self._url.rpartition("@")[2], why=str(error))
                await client.close()
                await asyncio.sleep(RETRY_S)
            else:
                self._client = client
                told(_LOG, logging.INFO, "nats.connected", url=self._url.rpartition("@")[2])
                return

    async def _came(self, message: Msg) -> None:
        body = _body(message.data)
        kind = str(body.get("kind", ""))
        if body.get("from") == self._name:
            return
        if message.reply and kind in self._asked:
            task = asyncio.get_running_loop().create_task(self._reply(message, self._asked[kind], body))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif kind in self._heard:
            self._heard[kind](body)

    async def _reply(self, message: Msg, asked: Asked, body: Body) -> None:
        answer = await asked(body)
        if self.is_up:
            await message.respond(msgspec.json.encode(answer))


def _body(data: bytes) -> Body:
    try:
        body = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}


async def _failed(error: Exception) -> None:
    told(_LOG, logging.WARNING, "nats.error", why=str(error) or type(error).__name__)
