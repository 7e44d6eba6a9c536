"""Sampling control, live: suspect batteries are sampled faster within the budget, others slower, and boxes are told both ways."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose.sampling import Rates, spent_bytes
from evloom.serve.bus import Bus, Happening
from evloom.serve.doctor.events import BatteryWarned
from evloom.serve.doctor.rates import HOLD_S, RateShares, need_of
from evloom.serve.telematics.databox import DataBoxes
from evloom.serve.telematics.settings import Telematics
from evloom.store import batteries
from evloom.store.batteries import BatterySeen
from evloom.store.database import opened
from evloom.store.scope import EVERYTHING

NOW_S = 1_790_000_000.0
SEEN = BatterySeen("A-pack", "A", "NMC", 96, 24, 150.0, NOW_S, NOW_S, NOW_S, 10, 9, 2, 1.5, 0.5, -1, '{"active_h":2.0}')


async def keep_nothing(frames, raw) -> None:
    """Telemetry is of no interest here."""


class Scene:
    """Two boxes: A's battery is suspect, B's is not; C is a car of which nothing is known."""

    def __init__(self, tmp_path) -> None:
        self.db, self.bus, self.now_s = opened(f"sqlite:///{tmp_path}/evloom.db"), Bus(), NOW_S
        self.boxes = DataBoxes(Telematics(), keep_nothing, lambda: self.now_s)

        def fill(conn) -> None:
            batteries.save(conn, SEEN)
            batteries.save(conn, replace(SEEN, pack_id="B-pack", vehicle_id="B", level=0, severity=0.0))

        self.db.write_now(fill)
        for name in "ABC":
            self.boxes._rates.heard(name, NOW_S)

    def shares(self, budget_bytes: float) -> RateShares:
        return RateShares(self.db, self.bus, (self.boxes,), budget_bytes, lambda: self.now_s)

    def ordered(self) -> dict[str, float]:
        return {box.vehicle_id: box.order.interval_s for box in self.boxes.boxes() if box.order is not None}

    def run(self, job) -> None:
        async def whole() -> None:
            try:
                await job()
            finally:
                await self.db.close()

        asyncio.run(whole())


def order_of(box):
    assert box.order is not None
    return box.order


def test_the_suspect_gets_more_within_the_budget(tmp_path):
    scene = Scene(tmp_path)

    async def job() -> None:
        await scene.shares(600_000.0).share()
        got = scene.ordered()
        assert got["A"] < got["B"]
        assert {order_of(box).until_s for box in scene.boxes.boxes()} == {NOW_S + HOLD_S}
        rows = await scene.db.read(lambda conn: batteries.battery_page(conn, EVERYTHING, None, 9, {})[0])
        need = need_of(scene.boxes.boxes(), {row["vehicle_id"]: row for row in rows})
        assert need.severity.tolist() == [1.5, 0.0, 0.0]
        in_use = Rates(np.array([got[name] for name in "ABC"]), np.full(3, np.inf), np.zeros(3))
        assert spent_bytes(need, in_use).sum() <= 600_000.0

    scene.run(job)


def test_what_is_still_wanted_is_not_said_again_and_what_changed_is(tmp_path):
    scene = Scene(tmp_path)

    async def job() -> None:
        shares = scene.shares(600_000.0)
        await shares.share()
        first = {box.vehicle_id: order_of(box).command_id for box in scene.boxes.boxes()}
        scene.now_s += 600.0
        await shares.share()
        assert {box.vehicle_id: order_of(box).command_id for box in scene.boxes.boxes()} == first
        was = scene.ordered()
        await scene.db.write(lambda conn: batteries.save(conn, replace(SEEN, level=0, severity=0.0)))
        await scene.db.write(lambda conn: batteries.save(conn, replace(SEEN, pack_id="B-pack", vehicle_id="B", severity=3.0)))
        await shares.share()
        now = scene.ordered()
        assert now["A"] > was["A"]
        assert now["B"] < was["B"]
        scene.now_s += HOLD_S
        await shares.share()
        assert all(order_of(box).until_s == scene.now_s + HOLD_S for box in scene.boxes.boxes())

    scene.run(job)


def test_a_parked_car_is_woken_for_many_frames_and_its_order_outlasts_the_next_wake_up(tmp_path):
    scene = Scene(tmp_path)

    async def job() -> None:
        for box in scene.boxes.boxes():
            box.parked = True
        shares = scene.shares(600_000.0)
        await shares.share()
        orders = [order_of(box) for box in scene.boxes.boxes()]
        assert min(order.interval_s for order in orders) >= 1800.0
        assert min(order.burst for order in orders) >= 3
        assert orders[0].burst > orders[1].burst
        assert all(order.until_s - NOW_S >= 2.0 * order.interval_s for order in orders)
        assert not shares.is_due()
        scene.boxes.boxes()[0].parked = False
        assert shares.is_due()

    scene.run(job)


@pytest.mark.parametrize("kind", ["opened", "closed"])
def test_a_warning_has_the_bytes_shared_anew_at_once_and_no_budget_means_no_orders(tmp_path, kind):
    scene = Scene(tmp_path)

    async def job() -> None:
        await scene.shares(0.0).share()
        assert scene.ordered() == {}
        running = asyncio.create_task(scene.shares(600_000.0).run())
        while not scene.ordered():  # noqa: ASYNC110  what the box is told
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        for box in scene.boxes.boxes():
            box.order = None
        event = BatteryWarned("", "A-pack", "A", "w", kind, "inspect", "internal-short", 3, None, 1.5)
        scene.bus.publish(Happening("battery", "A-pack", event, NOW_S, NOW_S))
        while not scene.ordered():  # noqa: ASYNC110  what the box is told
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    scene.run(job)
