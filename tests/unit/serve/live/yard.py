"""A platform in one process for tests of the live loop: a bus, a real SQLite database, piles as plain events, on a clock that jumps."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from evloom.serve.bus import Bus
from evloom.serve.config import Config
from evloom.serve.live import Board, Explanation, Live
from evloom.serve.live.site_loop import Setting
from evloom.serve.site.plan import SitePlan
from evloom.store import registry, sites
from evloom.store.database import opened
from tests.unit.serve.live.piles import Pile, Yard

START_S = 1_780_000_200.0  # 2026-05-28 20:30 UTC


class Place:
    """A site with piles, its loop and its clock."""

    def __init__(self, tmp_path, piles: list[Pile], limit_kw: float, *, start_s: float = START_S, **plan) -> None:
        self.folder, self.db = tmp_path, opened(f"sqlite:///{tmp_path}/evloom.db")
        self.bus, self.clock = Bus(), Clock(start_s)
        self.yard = Yard(self.bus, self.clock.now_s)
        self.yard.add(*piles)
        self.config = msgspec.convert(
            {"server": {"data": str(tmp_path)}, "control": {"period_s": 10.0}, "site": {"rating_kw": 11.04, "n_phase": 3}}, Config
        )
        self.plan = SitePlan("s", limit_kw, zone="Asia/Shanghai", **plan)
        self.db.write_now(lambda conn: self._fill(conn, piles))
        setting = Setting(self.clock, 10.0, tmp_path / "journal", here)
        self.live = Live(self.db, self.bus, self.yard, self.config, setting=setting)

    def _fill(self, conn, piles: list[Pile]) -> None:
        registry.put_site(conn, "s", {"org_id": "o", "name": "S", "zone": "Asia/Shanghai"})
        sites.save_plan(conn, "s", msgspec.json.encode(self.plan).decode(), START_S, "test")
        for pile in piles:
            registry.put_station(conn, pile.station_id, {"org_id": "o", "site_id": "s", "created_at_s": START_S})
            values = {"rating_kw": pile.rating_kw, "n_phase": pile.n_phase}
            registry.put_evse(conn, pile.station_id, 1, values)

    def newcomer(self, conn) -> None:
        """A station of which nothing but its site is registered."""
        registry.put_station(conn, "N", {"org_id": "o", "site_id": "s", "created_at_s": START_S})

    def board(self) -> Board:
        """What people see of the site."""
        found = self.live.board("s")
        assert found is not None
        return found

    def explain(self, session_id: str) -> Explanation:
        """Why a session gets what it gets."""
        found = self.live.explain(session_id)
        assert found is not None
        return found

    @property
    def post(self):
        return self.live.posts["s"]

    async def seconds(self, n: int, step: int = 1) -> None:
        """Let platform time pass, `step` seconds at a time; piles send their meters every ten."""
        for _ in range(0, n, step):
            await self.clock.forward(float(step), self.settled)
            if int(self.clock.now_s()) % 10 == 0:
                self.yard.read()
            else:
                self.yard.pass_time()
            await self.settled()

    async def settled(self) -> None:
        """Let everything run that can run without time passing, also what waits for the database's threads."""
        for _ in range(8):
            await asyncio.sleep(0)
        while tasks := self._background():
            await asyncio.wait(tasks, timeout=1.0)
            for _ in range(8):
                await asyncio.sleep(0)

    async def begun(self) -> None:
        """Until the first cycle, before which kernels are compiled in a thread."""
        first = asyncio.Event()
        self.bus.listen("cycle", lambda _: first.set())
        await first.wait()

    def _background(self):
        tasks = {*self.live._later, *(task for post in self.live.posts.values() for task in post._tasks)}
        return [task for task in tasks if not task.done() and "_install" not in repr(_job(task))]

    def run(self, main: Callable[["Place"], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            await self.live.start()
            await self.begun()
            try:
                await main(self)
            finally:
                await self.live.stop()
                await self.db.close()

        asyncio.run(whole())


def _job(task):
    """What a background task does."""
    frame = task.get_coro().cr_frame
    return None if frame is None else frame.f_locals.get("job")


class Clock:
    """A clock that a test moves."""

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []

    def now_s(self) -> float:
        return self._at_s

    async def sleep_until(self, instant_s: float) -> None:
        if instant_s <= self._at_s:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((instant_s, future))
        await future

    def set(self, at_s: float) -> None:
        """Somebody sets the clock; who sleeps notices at once."""
        self._at_s = at_s
        for _, future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    async def forward(self, seconds: float, settled) -> None:
        """Move on, and let everybody run whose instant has come."""
        end_s = self._at_s + seconds
        while due := sorted((at_s, n) for n, (at_s, future) in enumerate(self._waiting) if at_s <= end_s or future.done()):
            at_s, n = due[0]
            _, future = self._waiting.pop(n)
            self._at_s = max(self._at_s, min(at_s, end_s))
            if not future.done():
                future.set_result(None)
            await settled()
        self._at_s = end_s


async def here(tick, events):
    """Decide at once: time must not pass meanwhile."""
    return tick(events)
