"""Battery data boxes over MQTT: telemetry in, commands out. What came is kept before it is acknowledged (`received`)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote, urlsplit
from zlib import crc32

import aiomqtt

from evloom.serve.logs import told
from evloom.serve.telematics.gateway import Sink
from evloom.serve.telematics.rates import Box, Order, Rates
from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.vehicles import Seen
from evloom.wire.databox import topics
from evloom.wire.databox.translate import BadDocument, box_ack, box_state, command_bytes, received_bytes
from evloom.wire.databox.translate import told as batch_told

_LOG = logging.getLogger("evloom.databox")
AGAIN_S = 5.0
TICK_S = 0.5
WORKERS = 8
QUEUE_MAX = 64
"""Documents that wait for each worker; a broker that sends faster than we keep has to hold them itself."""
BATCHES_KEPT = 64
BOXES_MAX = 100_000


class DataBoxes:
    """All boxes of one broker. `counts` are figures since the start, by the words of the log."""

    def __init__(self, rules: Telematics, sink: Sink, now_s: Callable[[], float]) -> None:
        self._rules, self._sink, self._now_s = rules, sink, now_s
        self._rates = Rates(rules)
        self._seen: dict[str, Seen] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.connected = False
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """Begin to listen, where a broker is named."""
        if self._rules.mqtt_url:
            self._task = asyncio.create_task(self._keep(), name="databox")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def boxes(self) -> list[Box]:
        """Every box that is known; those that do not answer to their commands first."""
        return self._rates.boxes()

    def order(self, vehicle_id: str, interval_s: float, until_s: float, burst: int = 1) -> Order:
        """Want a frame of a box, or `burst` of them, every `interval_s` seconds until `until_s`. Raises ValueError for what cannot be
        wanted."""
        topics.topic(vehicle_id, topics.COMMAND)
        order = self._rates.order(vehicle_id, interval_s, until_s, self._now_s(), burst)
        self._wake.set()
        return order

    async def _keep(self) -> None:
        trouble = ""
        while True:
            try:
                async with _client(self._rules.mqtt_url) as client:
                    trouble, self.connected = "", True
                    told(_LOG, logging.INFO, "broker.connected")
                    await self._talk(client)
            except (OSError, aiomqtt.MqttError, ExceptionGroup) as error:
                why = f"{type(error).__name__}: {error}"
                if why != trouble:
                    told(_LOG, logging.WARNING, "broker.lost", why=why)
                    trouble = why
            finally:
                self.connected = False
            await asyncio.sleep(AGAIN_S)

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Serve one connection until it breaks."""
        for what in (topics.TELEMETRY, topics.STATE, topics.ACK):
            await client.subscribe(f"{topics.PREFIX}/+/{what}", qos=1)
        queues: list[asyncio.Queue[tuple[str, bytes]]] = [asyncio.Queue(QUEUE_MAX) for _ in range(WORKERS)]
        async with asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(self._work(client, queue))
            group.create_task(self._command(client))
            async for message in client.messages:
                parts = topics.parted(str(message.topic))
                if parts is None or not isinstance(message.payload, bytes):
                    self.counts["topic.unknown"] += 1
                elif parts[1] == topics.TELEMETRY:
                    await queues[crc32(parts[0].encode()) % WORKERS].put((parts[0], message.payload))
                else:
                    self._said(*parts, message.payload)

    async def _work(self, client: aiomqtt.Client, queue: "asyncio.Queue[tuple[str, bytes]]") -> None:
        """Keep batches; those of one vehicle in their order."""
        while True:
            vehicle_id, document = await queue.get()
            seq = await self._batch(vehicle_id, document)
            if seq is not None:
                await client.publish(topics.topic(vehicle_id, topics.RECEIVED), received_bytes(seq), qos=1)

    async def _batch(self, vehicle_id: str, document: bytes) -> int | None:
        """The number of a batch that is kept now; None for one that is not."""
        if vehicle_id not in self._seen and len(self._seen) >= BOXES_MAX:
            self.counts["box.too-many"] += 1
            return None
        box, now_s = self._rates.heard(vehicle_id, self._now_s()), self._now_s()
        try:
            batch = batch_told(vehicle_id, document, now_s)
        except BadDocument as error:
            self._bad(box, "telemetry", error)
            return None
        seen = self._seen.setdefault(vehicle_id, Seen(BATCHES_KEPT))
        if not seen.add(document):
            box.n_repeated += 1
            return batch.seq
        try:
            await self._sink(batch.frames, [document])
        except Exception:  # noqa: BLE001  the box keeps what is not acknowledged, and sends it again
            seen.forget(document)
            self.counts["not-kept"] += 1
            _LOG.exception("a batch of %s was not kept", vehicle_id)
            return None
        box.n_batch += 1
        self.counts["rows"] += batch.frames.n
        return batch.seq

    def _said(self, vehicle_id: str, what: str, document: bytes) -> None:
        """A state or an acknowledgement."""
        now_s = self._now_s()
        try:
            if what == topics.STATE:
                self._rates.state(vehicle_id, box_state(document), now_s)
            elif not self._rates.acknowledged(vehicle_id, box_ack(document), now_s):
                self.counts["ack.unknown"] += 1
        except BadDocument as error:
            self._bad(self._rates.box(vehicle_id), what, error)
        self._wake.set()

    async def _command(self, client: aiomqtt.Client) -> None:
        """Send what is due, as long as the connection lasts."""
        while True:
            self._wake.clear()
            for vehicle_id, order in self._rates.due(self._now_s()):
                floor_s = self._rules.box_parked_floor_s
                document = command_bytes(order.command_id, order.asked_s, order.until_s, floor_s, order.burst)
                await client.publish(topics.topic(vehicle_id, topics.COMMAND), document, qos=1)
                self.counts["commands"] += 1
            self._tell_silent()
            try:
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _tell_silent(self) -> None:
        """Say of a box once that it does not answer."""
        for vehicle_id in self._rates.newly_silent():
            self.counts["box.silent"] += 1
            told(_LOG, logging.WARNING, "box.silent", vehicle=vehicle_id, tries=self._rules.box_tries)

    def _bad(self, box: Box, what: str, error: BadDocument) -> None:
        box.n_bad += 1
        self.counts["document.bad"] += 1
        told(_LOG, logging.WARNING if box.n_bad == 1 else logging.DEBUG, "document.bad", vehicle=box.vehicle_id, what=what, why=str(error))


def _client(url: str) -> aiomqtt.Client:
    """A client for mqtt://user:password@host:port, or mqtts:// with TLS."""
    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or (8883 if secure else 1883),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls_params=aiomqtt.TLSParameters() if secure else None,
        max_queued_incoming_messages=WORKERS * QUEUE_MAX,
    )
