"""Two processes' worth of live loops on one PostgreSQL: one drives a site, the other hears its stations from the log and takes over."""

import asyncio

import msgspec
import pytest

from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.lease import TERM_S
from evloom.serve.config import Config
from evloom.serve.live import Live
from evloom.serve.live.site_loop import Setting
from evloom.serve.site.plan import SitePlan
from evloom.serve.system_clock import SystemClock, now_s
from evloom.store import registry, sites
from evloom.store.database import Database, opened
from evloom.store.log import LogEntry
from tests.system.live_process import LiveProcess
from tests.unit.serve.live.piles import Pile, Yard
from tests.unit.store.postgres import postgres_server


class LoggedYard(Yard):
    """Piles that are connected to one process: what they say goes into the log first."""

    def __init__(self, bus: Bus, db: Database) -> None:
        super().__init__(bus, now_s)
        self.db = db
        self.said: list[tuple[str, object]] = []

    def say(self, station_id: str, event: object) -> None:
        self.said.append((station_id, event))

    async def tell(self) -> None:
        """Append and publish what was said."""
        said, self.said = self.said, []
        for station_id, event in said:
            [kept] = await self.db.append([LogEntry(station_id, event, now_s(), now_s())])
            self.bus.publish(Happening("station", station_id, event, now_s(), now_s(), kept.number))


async def until(yard: LoggedYard, reached, seconds: float = 40.0) -> None:
    """Let meters be sent until something is so."""
    async with asyncio.timeout(seconds):
        while not reached():
            yard.read()
            await yard.tell()
            await asyncio.sleep(0.25)


def filled(url: str) -> None:
    db = opened(url)

    def fill(conn) -> None:
        registry.put_site(conn, "s", {"org_id": "o", "name": "S", "zone": "UTC"})
        sites.save_plan(conn, "s", msgspec.json.encode(SitePlan("s", 30.0)).decode(), now_s(), "test")
        registry.put_station(conn, "A", {"org_id": "o", "site_id": "s", "created_at_s": now_s()})
        registry.put_evse(conn, "A", 1, {"rating_kw": 11.04, "n_phase": 3})

    db.write_now(fill)
    db.close_now()


@pytest.mark.usefixtures("socket_enabled")
def test_the_other_process_takes_over_with_all_that_is_known(tmp_path):
    url = postgres_server().fresh()
    filled(url)

    async def main() -> None:
        dbs, buses = [opened(url), opened(url)], [Bus(), Bus()]
        yard = LoggedYard(buses[0], dbs[0])
        yard.add(Pile("A"))
        lives = [
            Live(db, bus, yard, Config(), holder=name, setting=Setting(SystemClock(), 0.5, tmp_path / name))
            for db, bus, name in zip(dbs, buses, ("one", "two"), strict=True)
        ]
        await lives[0].start()
        await until(yard, lambda: lives[0].posts["s"].loop.run is not None, 120.0)
        await lives[1].start()
        yard.connect()
        yard.plug("A", 30.0)
        pile = yard.piles["A"]
        await until(yard, lambda: pile.plan is not None and pile.power_kw(now_s()) > 10.0)
        other = lives[1].board("s")
        assert other is not None
        assert not other.running
        assert other.evses[0].session_id == f"A:{pile.session}"  # heard from the log
        await lives[0].stop()
        n_before = pile.n_profile
        await until(yard, lambda: pile.n_profile > n_before)
        board = lives[1].board("s")
        assert board is not None
        assert board.running
        assert board.evses[0].metered_kw == pytest.approx(11.04)
        await lives[1].stop()
        for db in dbs:
            await db.close()

    asyncio.run(main())


@pytest.mark.usefixtures("socket_enabled")
def test_a_killed_process_leaves_its_site_to_the_other_as_soon_as_its_lease_is_over(tmp_path):
    """kill -9 gives nothing up: the lease of 6 s must run out, which is then seen within a third of it."""
    url = postgres_server().fresh()
    filled(url)
    holder = LiveProcess(tmp_path / "one", url, "one")

    async def main() -> None:
        assert await asyncio.to_thread(holder.wait_driving) == "s"
        db, bus = opened(url), Bus()
        yard = LoggedYard(bus, db)
        yard.add(Pile("A"))
        live = Live(db, bus, yard, Config(), holder="two", setting=Setting(SystemClock(), 0.5, tmp_path / "two"))
        await live.start()
        yard.connect()
        yard.plug("A", 30.0)
        await yard.tell()
        await asyncio.sleep(2.0 * TERM_S)  # it asks for the lease all the while
        board = live.board("s")
        assert board is not None
        assert not board.running
        holder.kill()
        await until(yard, lambda: yard.piles["A"].plan is not None, 5.0 * TERM_S)
        board = live.board("s")
        assert board is not None
        assert board.running
        await live.stop()
        await db.close()

    try:
        asyncio.run(main())
    finally:
        holder.kill()
