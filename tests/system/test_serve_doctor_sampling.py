"""Sampling control from end to end: what a box sends makes the doctor warn, and the box is told to send more, over a real broker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evloom.serve.background import Background
from evloom.serve.battery import BatteryKeeper
from evloom.serve.bus import Bus, Happening
from evloom.serve.doctor.events import BatteryHeard, BatteryWarned
from evloom.serve.doctor.part import Doctor
from evloom.serve.doctor.rates import HOLD_S, SHARE_S, RateShares
from evloom.serve.telematics.databox import DataBoxes
from evloom.serve.telematics.rates import Box, Order
from evloom.serve.telematics.settings import Telematics
from evloom.store.database import Database, opened
from tests.system.box_twin import DEFAULT_S, BoxTwin
from tests.system.mosquitto import answers, broker, needs_mosquitto
from tools.demo_battery import sick_frames

pytestmark = [pytest.mark.usefixtures("socket_enabled"), needs_mosquitto]
SICK, WELL, DEAF = "LEVLM000000000001", "LEVLM000000000002", "LEVLM000000000003"
FLOOR_S = 60.0
BATCH = 1000


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with broker(tmp_path) as number:
        yield number


async def until(what: Callable[[], bool], limit_s: float = 180.0) -> None:
    async with asyncio.timeout(limit_s):
        while not what():  # noqa: ASYNC110  several things are waited for, none of which has an event
            await asyncio.sleep(0.02)


class Scene:
    """The parts of the platform that sample, and three boxes, of which one never acknowledges. The clock is the test's."""

    boxes: DataBoxes

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.now_s, self.level = folder, port, 1_790_000_000.0, ""
        self.n_heard: Counter[str] = Counter()
        self.frames = sick_frames(self.now_s - 60.0)
        self.db: Database = opened(f"sqlite:///{folder}/evloom.db")
        self.twins = {name: BoxTwin(name, port, lambda: self.now_s, deaf=name == DEAF) for name in (SICK, WELL, DEAF)}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The same parts in the same order as `serve.doctor.care` has them."""
        rules = Telematics(
            mqtt_url=f"mqtt://127.0.0.1:{self.port}", bytes_per_day=8e5, box_parked_floor_s=FLOOR_S, box_retry_s=10.0, box_tries=2
        )
        bus, now_s = Bus(), lambda: self.now_s
        bus.listen("battery", self.heard)
        keeper = BatteryKeeper(self.folder / "battery", now_s)
        doctor = Doctor(keeper.store, self.db, bus, now_s)
        keeper.kept = doctor.nudge
        self.boxes = DataBoxes(rules, keeper.sink, now_s)
        shares = RateShares(self.db, bus, (self.boxes,), rules.bytes_per_day, now_s)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.db.close)
            stack.push_async_callback(keeper.close)
            for part in (doctor, self.boxes, Background(shares.run, "rates")):
                await part.start()
                stack.push_async_callback(part.stop)
            await until(lambda: self.boxes.connected)
            await asyncio.sleep(0.2)  # its subscriptions
            for twin in self.twins.values():
                task = asyncio.ensure_future(twin.run())
                stack.push_async_callback(_ended, task)
                await twin.changed.wait()
            yield

    def box(self, name: str) -> Box:
        return next(box for box in self.boxes.boxes() if box.vehicle_id == name)

    def order(self, name: str) -> Order:
        order = self.box(name).order
        assert order is not None
        return order

    def keeps(self, name: str, *, below_s: float = float("inf")) -> bool:
        """Whether a box has taken up what was asked of it, and that is less than this."""
        found = [box for box in self.boxes.boxes() if box.vehicle_id == name and box.order is not None]
        done = [box for box in found if box.order is not None and box.order.status == "acknowledged"]
        return any(box.interval_s == self.twins[name].interval_s < below_s for box in done)

    async def send(self, name: str, rows: slice) -> None:
        """Some of sixteen days of a battery in which a short grows, as the frames of this box."""
        twin, part = self.twins[name], self.frames.part(rows)
        part = replace(part, pack=replace(part.pack, vehicle_id=name, pack_id=f"{name}-PACK"))
        for begin in range(0, part.n, BATCH):
            await twin.send(part.part(slice(begin, begin + BATCH)))
            await until(lambda: not twin.unreceived)

    def heard(self, happening: Happening) -> None:
        """What is said of batteries."""
        if isinstance(happening.event, BatteryWarned) and happening.event.vehicle_id == SICK:
            self.level = happening.event.level
        elif isinstance(happening.event, BatteryHeard):
            self.n_heard[happening.event.vehicle_id] = happening.event.n_frame


async def _ended(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def a_suspect_box_is_told_to_send_more(scene: Scene) -> None:
    """Both send four days in which nothing can be seen yet; then one sends the twelve that follow."""
    n_sound = int((scene.frames.at_s < scene.frames.at_s[0] + 4.0 * 86_400.0).sum())
    for name in (SICK, WELL):
        await scene.send(name, slice(0, n_sound))
    await until(lambda: scene.n_heard[SICK] >= n_sound and scene.n_heard[WELL] >= n_sound, 300.0)
    scene.now_s += SHARE_S
    await until(lambda: scene.keeps(SICK) and scene.keeps(WELL) and scene.order(WELL).until_s == scene.now_s + HOLD_S)
    before_s = scene.twins[SICK].interval_s
    await scene.send(SICK, slice(n_sound, None))
    await until(lambda: scene.level == "inspect", 300.0)
    await until(lambda: scene.keeps(SICK, below_s=before_s))
    assert scene.twins[SICK].interval_s < scene.order(WELL).interval_s


async def one_that_never_acknowledges_is_shown_and_holds_up_nobody(scene: Scene) -> None:
    await until(lambda: scene.order(DEAF).n_try == 1)
    since_s = scene.order(DEAF).first_s
    for _ in range(2):
        scene.now_s += 10.0
        await asyncio.sleep(1.0)
    await until(lambda: scene.order(DEAF).status == "unanswered")
    assert scene.boxes.boxes()[0].vehicle_id == DEAF
    assert scene.box(DEAF).silent_since_s >= since_s
    assert scene.boxes.counts["box.silent"] == 1
    assert scene.twins[DEAF].interval_s == DEFAULT_S
    assert scene.keeps(SICK)


async def parked_it_keeps_to_the_floor(scene: Scene) -> None:
    twin, quick_s = scene.twins[SICK], scene.twins[SICK].interval_s
    twin.parked = True
    await twin.tell_state()
    await until(lambda: twin.interval_s >= FLOOR_S and scene.box(SICK).interval_s == twin.interval_s)
    assert scene.order(SICK).asked_s >= FLOOR_S
    await until(lambda: twin.burst > 1 and scene.keeps(SICK))
    assert twin.burst == scene.order(SICK).burst >= 12
    assert twin.interval_s == scene.order(SICK).interval_s >= 1800.0
    assert twin.until_s >= scene.now_s + 2.0 * twin.interval_s
    twin.parked = False
    await twin.tell_state()
    await until(lambda: scene.keeps(SICK, below_s=FLOOR_S))
    assert twin.burst == 1
    assert twin.interval_s == pytest.approx(quick_s, rel=0.5)


async def it_goes_back_by_itself(scene: Scene) -> None:
    """The platform is gone: nobody renews what was wanted."""
    twin = scene.twins[SICK]
    assert twin.interval_s != DEFAULT_S
    assert scene.now_s < twin.until_s <= scene.now_s + HOLD_S
    scene.now_s += HOLD_S
    await twin.sample()
    assert twin.interval_s == DEFAULT_S


def test_from_what_a_box_sends_to_how_often_it_sends(tmp_path, port):
    async def story() -> None:
        await until(lambda: answers(port))
        scene = Scene(tmp_path, port)
        async with scene.running():
            await a_suspect_box_is_told_to_send_more(scene)
            await one_that_never_acknowledges_is_shown_and_holds_up_nobody(scene)
            await parked_it_keeps_to_the_floor(scene)
            await it_goes_back_by_itself(scene)

    asyncio.run(story())
