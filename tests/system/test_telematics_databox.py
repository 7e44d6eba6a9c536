"""Battery data boxes over a real broker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiomqtt
import pytest

from evloom.serve.telematics.databox import DataBoxes
from evloom.serve.telematics.settings import Telematics
from evloom.vehicle.telemetry import Frames
from tests.system.box_twin import DEFAULT_S, BoxTwin
from tests.system.mosquitto import answers, broker, needs_mosquitto

pytestmark = [pytest.mark.usefixtures("socket_enabled"), needs_mosquitto]
V = "LEVLM000000000001"


class Kept:
    """A sink that remembers, and breaks when it is told to."""

    def __init__(self) -> None:
        self.frames: list[Frames] = []
        self.broken = False

    async def __call__(self, frames: Frames, raw: list[bytes]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        assert len(raw) == 1
        self.frames.append(frames)


class Clock:
    """The test's."""

    now_s = 1750000000.0


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with broker(tmp_path) as number:
        yield number


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not what():  # noqa: ASYNC110  several things are waited for, none of which has an event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(job: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def boxes(port: int, clock: Clock, kept: Kept, **rules: float) -> AsyncIterator[DataBoxes]:
    await until(lambda: answers(port))
    made = DataBoxes(Telematics(mqtt_url=f"mqtt://127.0.0.1:{port}", **rules), kept, lambda: clock.now_s)  # type: ignore[arg-type]
    await made.start()
    try:
        await until(lambda: made.connected)
        await asyncio.sleep(0.2)  # its subscriptions
        yield made
    finally:
        await made.stop()


def test_batches_are_kept_before_they_are_received_and_kept_once(port):
    async def test() -> None:
        clock, kept = Clock(), Kept()
        async with boxes(port, clock, kept) as platform:
            twin = BoxTwin(V, port, lambda: clock.now_s)
            async with running(twin.run()):
                await twin.changed.wait()
                await twin.sample(packed=True)
                await twin.sample(packed=False)
                await until(lambda: not twin.unreceived)
                kept.broken = True
                await twin.sample()
                await until(lambda: platform.counts["not-kept"] == 1)
                assert len(twin.unreceived) == 1
                kept.broken = False
                document = next(iter(twin.unreceived.values()))
                await twin.send_again()
                await until(lambda: not twin.unreceived)
                twin.unreceived[3] = document  # as if `received` had been lost
                await twin.send_again()
                await until(lambda: not twin.unreceived)
        assert [frames.n for frames in kept.frames] == [3, 3, 3]
        assert kept.frames[0].pack.vehicle_id == V
        assert kept.frames[0].current_a.tolist() == [12.5] * 3
        assert platform.boxes()[0].n_repeated >= 1

    asyncio.run(test())


def test_the_interval_is_set_both_ways_and_falls_back_when_it_expires(port):
    async def test() -> None:
        clock = Clock()
        async with boxes(port, clock, Kept(), box_parked_floor_s=60.0) as platform:
            twin = BoxTwin(V, port, lambda: clock.now_s)
            async with running(twin.run()):
                await twin.changed.wait()
                faster = platform.order(V, 1.0, clock.now_s + 100)
                await until(lambda: faster.status == "acknowledged")
                assert twin.interval_s == 1.0
                slower = platform.order(V, 300.0, clock.now_s + 100)
                await until(lambda: slower.status == "acknowledged")
                assert twin.interval_s == 300.0
                clock.now_s += 100
                await until(lambda: slower.status == "expired")
                await twin.sample()
                assert twin.interval_s == DEFAULT_S
                twin.parked = True
                await twin.tell_state()
                await until(lambda: platform.boxes()[0].parked is True)
                floor = platform.order(V, 1.0, clock.now_s + 100)
                await until(lambda: floor.status == "acknowledged")
                assert (floor.asked_s, twin.interval_s, platform.boxes()[0].interval_s) == (60.0, 60.0, 60.0)
                twin.parked = False
                await twin.tell_state()
                await until(lambda: twin.interval_s == 1.0)

    asyncio.run(test())


def test_a_box_that_never_acknowledges_is_shown(port, caplog):
    async def test() -> None:
        clock = Clock()
        async with boxes(port, clock, Kept(), box_retry_s=10.0, box_tries=3) as platform:
            twin = BoxTwin(V, port, lambda: clock.now_s, deaf=True)
            async with running(twin.run()):
                await twin.changed.wait()
                order = platform.order(V, 1.0, clock.now_s + 1000)
                for n_try in (1, 2, 3):
                    await until(partial(twin.was_told, n_try))
                    clock.now_s += 10
                await until(lambda: order.status == "unanswered")
                (box,) = platform.boxes()
                assert box.silent_since_s == 1750000000.0
                assert box.order is order
                await until(lambda: platform.counts["box.silent"] == 1)
                await twin.leave()
                await until(lambda: not box.online)

    asyncio.run(test())
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ["box.silent"]


def test_rubbish_from_a_box_costs_the_others_nothing(port):
    async def test() -> None:
        clock, kept = Clock(), Kept()
        async with boxes(port, clock, kept) as platform:
            twin = BoxTwin(V, port, lambda: clock.now_s)
            async with aiomqtt.Client("127.0.0.1", port) as other, running(twin.run()):
                await twin.changed.wait()
                for what in ("telemetry", "state", "ack"):
                    for document in (b"", b"{", b"\xff" * 50, b"[" * 5000):
                        await other.publish(f"evloom/box/OTHER/{what}", document, qos=1)
                await other.publish("evloom/box/OTHER/ack", b'{"id": "none", "ok": true}', qos=1)
                await twin.sample()
                await until(lambda: not twin.unreceived and platform.counts["document.bad"] == 12 and platform.counts["ack.unknown"] == 1)
        assert len(kept.frames) == 1

    asyncio.run(test())


def test_a_broker_that_is_not_there_is_waited_for(port, monkeypatch):
    from evloom.serve.telematics import databox

    monkeypatch.setattr(databox, "AGAIN_S", 0.1)

    async def test() -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            nobody = int(sock.getsockname()[1])
        made = DataBoxes(Telematics(mqtt_url=f"mqtt://127.0.0.1:{nobody}"), Kept(), lambda: Clock.now_s)
        await made.start()
        await asyncio.sleep(0.5)
        assert not made.connected
        await made.stop()

    asyncio.run(test())
