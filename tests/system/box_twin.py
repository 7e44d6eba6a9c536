"""A battery data box in software: samples at its interval, takes commands, keeps what is not received. Its clock is the test's."""

import asyncio
import json
from collections.abc import Callable

import aiomqtt
import numpy as np

from evloom.vehicle.telemetry import Frames, Pack, unflagged
from evloom.wire.databox.translate import batch_bytes

DEFAULT_S = 30.0
GONE = b'{"online": false}'


class BoxTwin:
    """One box. `deaf` never acknowledges; `parked` keeps to the floor that the command names."""

    def __init__(self, vehicle_id: str, port: int, now_s: Callable[[], float], deaf: bool = False, parked: bool = False) -> None:
        self.vehicle_id, self.port, self.now_s, self.deaf, self.parked = vehicle_id, port, now_s, deaf, parked
        self.interval_s, self.until_s, self.burst = DEFAULT_S, float("inf"), 1
        self.commands: list[dict[str, object]] = []
        self.unreceived: dict[int, bytes] = {}
        self.changed = asyncio.Event()
        self._seq = 0
        self._client: aiomqtt.Client | None = None

    def topic(self, what: str) -> str:
        return f"evloom/box/{self.vehicle_id}/{what}"

    def was_told(self, n: int) -> bool:
        """Whether so many commands have come."""
        return len(self.commands) == n

    async def run(self) -> None:
        """Stay connected, and do what is asked."""
        will = aiomqtt.Will(self.topic("state"), GONE, qos=1)
        async with aiomqtt.Client("127.0.0.1", self.port, will=will) as client:
            await client.subscribe(self.topic("command"), qos=1)
            await client.subscribe(self.topic("received"), qos=1)
            self._client = client
            await self.tell_state()
            self.changed.set()
            async for message in client.messages:
                said = json.loads(bytes(message.payload))
                if str(message.topic).endswith("received"):
                    self.unreceived.pop(said["seq"], None)
                else:
                    await self._command(said)
                self.changed.set()

    async def tell_state(self) -> None:
        """How it is."""
        await self._publish("state", json.dumps({"online": True, "parked": self.parked, "rate_s": self.interval_s}).encode())

    async def leave(self) -> None:
        """What its last will says, too."""
        await self._publish("state", GONE)

    async def sample(self, n: int = 3, packed: bool = True) -> None:
        """Send a batch of frames at the present interval; it is kept until it is received."""
        if self.now_s() >= self.until_s:
            self.interval_s, self.until_s, self.burst = DEFAULT_S, float("inf"), 1
        frames = unflagged(
            Pack(self.vehicle_id, f"{self.vehicle_id}-pack", 4, 1, "LFP"),
            at_s=self.now_s() + self.interval_s * np.arange(n),
            current_a=np.full(n, 12.5),
            cell_v=np.full((n, 4), 3.3, dtype=np.float32),
            probe_c=np.full((n, 1), 25.0, dtype=np.float32),
        )
        await self.send(frames, packed)

    async def send(self, frames: Frames, packed: bool = True) -> None:
        """Send these as a batch; it is kept until it is received."""
        self._seq += 1
        self.unreceived[self._seq] = batch_bytes(frames, self._seq, packed)
        await self.send_again()

    async def send_again(self) -> None:
        """Everything that was not received."""
        for document in list(self.unreceived.values()):
            await self._publish("telemetry", document)

    async def _command(self, said: dict[str, float]) -> None:
        self.commands.append(dict(said))
        if self.deaf:
            return
        self.until_s, self.burst = said["until_s"], int(said.get("burst", 1))
        self.interval_s = max(said["rate_s"], said["parked_floor_s"] if self.parked else 0.0)
        await self._publish("ack", json.dumps({"id": said["id"], "ok": True, "rate_s": self.interval_s}).encode())

    async def _publish(self, what: str, document: bytes) -> None:
        assert self._client is not None
        await self._client.publish(self.topic(what), document, qos=1)
