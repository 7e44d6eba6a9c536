"""Forty stations of 1.6, 2.0.1 and 2.1 over real websockets on a transformer of 200 kW, on a platform whose clock runs fast.

Five ignore their profiles, five lose their link, ten were never registered. What counts is the stations' true power. Drivers say that they
leave in three quarters of an hour; a night is over when every car has what it wants.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import msgspec
import pytest

from evloom.serve import system_clock
from evloom.serve.app import started
from evloom.serve.config import Config
from evloom.serve.data_folder import DataFolder
from evloom.serve.site.plan import SitePlan
from evloom.simulate.station.bay import Bay, one_car
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, Manners, StationSpec, Stay, Traffic
from evloom.store import registry, sites
from evloom.store.scope import EVERYTHING
from evloom.store.sites import Need
from evloom.wire.ocpp.version import Version

LIMIT_KW, BASE_KW, RATING_KW = 200.0, 30.0, 11.0
SPEED, PERIOD_S, LOOK_S = 40.0, 40.0, 0.02
EVENING_S = 1_780_053_600.0  # 2026-05-29 19:20 in Shanghai
ARRIVE_S, DEAR_S, LEAVES_S, LAST_S = 160.0, 600.0, 3300.0, 2000.0
DEAR, CHEAP = 1.2, 0.3
TARIFF: dict[str, object] = {
    "name": "evening",
    "periods": [
        {"category": "peak", "start": "00:00", "end": "19:30", "price_per_kwh": DEAR},
        {"category": "valley", "start": "19:30", "end": "24:00", "price_per_kwh": CHEAP},
    ],
}
CRUMB_KWH = 1e-6
IGNORE, LOSE, STRANGERS = range(10, 15), range(20, 25), range(28, 38)
VERSIONS = (Version.V16, Version.V201, Version.V21)


@dataclass
class Night:
    """What an evening came to, by the stations' own power: longest time above the limit, highest load, energy, cost, standings.

    late_s: longest time between two looks of the test itself, which it cannot see into on a busy machine. pushed: stations whose dynamic
    schedule was told new values.
    """

    longest_s: float = 0.0
    late_s: float = 0.0
    highest_kw: float = 0.0
    energy_kwh: float = 0.0
    cost: float = 0.0
    trusted_s: float = float("inf")
    standings: dict[str, str] = field(default_factory=dict)
    pushed: set[str] = field(default_factory=set)


def spec_of(k: int) -> StationSpec:
    manners = Manners(ignores_profiles=k in IGNORE, offline_every_s=400.0 + 60.0 * (k - 20) if k in LOSE else 0.0, offline_for_s=500.0)
    bays = (BaySpec(RATING_KW, 3),)
    return StationSpec(f"CP{k:02}", VERSIONS[k % 3], bays, RATING_KW, meter_s=30.0, seed=k, manners=manners, wait_min_s=0.1, wait_max_s=0.5)


def filled(conn, policy: str) -> str:
    site_id = sites.sites(conn)[0][0]
    site = registry.site_of(conn, EVERYTHING, site_id)
    assert site is not None
    plan = SitePlan(site_id, LIMIT_KW, zone="Asia/Shanghai", tariff=TARIFF, policy=policy, step_s=300, horizon_h=1.0)
    sites.save_plan(conn, site_id, msgspec.json.encode(plan).decode(), EVENING_S, "test")
    for k in set(range(40)) - set(STRANGERS):
        registry.put_station(conn, f"CP{k:02}", {"org_id": site["org_id"], "site_id": site_id, "created_at_s": EVENING_S})
        registry.put_evse(conn, f"CP{k:02}", 1, {"rating_kw": RATING_KW, "n_phase": 3})
    return site_id


async def night_of(folder, policy: str) -> Night:
    config = msgspec.convert(
        {
            "server": {"data": str(folder)},
            "ocpp": {"port": 0, "tls_port": 0, "sample_s": 0},
            "authorisation": {"unknown_tokens": "accept"},
            "control": {"period_s": PERIOD_S, "policy": policy, "step_s": 300},
            "site": {"zone": "Asia/Shanghai", "limit_kw": LIMIT_KW, "rating_kw": RATING_KW, "n_phase": 3},
        },
        Config,
    )
    system_clock.pace(SPEED, EVENING_S - 120.0)
    async with AsyncExitStack() as stack:
        stack.callback(system_clock.unpace)
        platform = await started(config, stack.enter_context(DataFolder(config)), stack)
        site_id = await platform.db.write(lambda conn: filled(conn, policy))
        assert platform.live is not None
        await platform.live.site_changed(site_id)
        begun = asyncio.Event()
        platform.bus.listen("cycle", lambda _: begun.set())
        await begun.wait()
        return await evening(platform, site_id, stack)


async def evening(platform, site_id: str, stack: AsyncExitStack) -> Night:
    system_clock.pace(SPEED, EVENING_S - 60.0)
    platform.live.base_load(site_id, "", BASE_KW, system_clock.now_s(), 1e9)
    pool = Pool([spec_of(k) for k in range(40)], StationClock(SPEED))
    stack.push_async_callback(pool.stop)
    pool.start(f"ws://127.0.0.1:{platform.gateway.port}/ocpp", 0.5)
    await pool.wait_accepted()
    rng, night = random.Random(11), Night()
    wants = {f"CP{k:02}": rng.uniform(0.2, 0.6) for k in range(40)}
    for name, kwh in wants.items():
        stay = Stay(1, 0, EVENING_S + rng.uniform(0.0, ARRIVE_S), EVENING_S + LEAVES_S, f"card-{name}")
        pool.drive(name, Traffic(one_car(60.0, 0.3, RATING_KW, kwh), (stay,)))
    told: set[str] = set()
    above_s, before_kwh, before_s, looked_s = 0.0, 0.0, system_clock.now_s(), 0.0
    while (now_s := system_clock.now_s()) < EVENING_S + LAST_S and before_kwh < sum(wants.values()) - CRUMB_KWH:
        await asyncio.sleep(LOOK_S)
        await tell_needs(platform, pool, wants, told)
        tally = pool.tally()
        load_kw, step_s = tally.power_kw + BASE_KW, now_s - before_s
        night.late_s = max(night.late_s, step_s)
        above_s = above_s + step_s if load_kw > LIMIT_KW * 1.001 else 0.0
        night.longest_s, night.highest_kw = max(night.longest_s, above_s), max(night.highest_kw, load_kw)
        night.cost += (tally.energy_kwh - before_kwh) * (DEAR if now_s <= EVENING_S + DEAR_S else CHEAP)
        before_kwh, before_s, night.energy_kwh = tally.energy_kwh, now_s, tally.energy_kwh
        if now_s - looked_s >= PERIOD_S / 2.0:
            looked_s = now_s
            look(platform.live.board(site_id), night, now_s)
    night.pushed = {name for name, station in pool.stations.items() if station.heard["UpdateDynamicSchedule"]}
    return night


async def tell_needs(platform, pool, wants, told) -> None:
    """What drivers say when they plug in."""
    for name, station in pool.stations.items():
        running = station.bays[1].transaction
        if name not in told and running is not None and running.number:
            told.add(name)
            session = f"{name}:{running.number}"
            await platform.live.tell_need(Need(f"session:{session}", EVENING_S + LEAVES_S - 120.0, wanted_kwh=wants[name]))


def look(board, night: Night, now_s: float) -> None:
    """Since when every station that obeys and has a car is trusted, and how all of them stand at last."""
    if board is None:
        return
    for evse in board.evses:
        if evse.session_id:
            night.standings[evse.station_id] = evse.follows
    honest = [night.standings.get(f"CP{k:02}") for k in range(40) if k not in IGNORE]
    if all(one == "follows" for one in honest):
        night.trusted_s = min(night.trusted_s, now_s - EVENING_S)


@pytest.fixture(scope="module")
def _warm():
    """Kernels of the cars are compiled before there is a clock to fall behind."""
    bay = Bay(1, BaySpec(RATING_KW, 3), 230.0)
    bay.plug(one_car(60.0, 0.3, RATING_KW, 1.0), 0, 0.0)
    bay.offer(RATING_KW)
    bay.advance(60.0)


@pytest.mark.usefixtures("socket_enabled", "_warm")
def test_forty_stations_over_sockets(tmp_path):
    nights = {policy: asyncio.run(night_of(tmp_path / policy, policy)) for policy in ("optimal", "equal-share")}
    for night in nights.values():
        assert night.longest_s <= PERIOD_S + night.late_s
        assert night.highest_kw > 0.8 * LIMIT_KW  # the limit counts
        found = {name for name, standing in night.standings.items() if standing == "ignores"}
        assert found >= {f"CP{k:02}" for k in IGNORE}
        assert len(found) <= len(IGNORE) + 1  # a reading that comes late on a busy machine may cast doubt on one more, for a while
        assert night.trusted_s <= ARRIVE_S + 15.0 * PERIOD_S
        assert night.pushed <= {f"CP{k:02}" for k in range(40) if VERSIONS[k % 3] is Version.V21}
        assert len(night.pushed) >= 8  # of thirteen; some of them lost their link, or had no more than one order
    optimal, equal = nights["optimal"], nights["equal-share"]
    assert optimal.energy_kwh >= equal.energy_kwh - 2.0 * CRUMB_KWH  # what cars got, not what meters said: a night ends with a crumb to go
    assert optimal.cost < 0.9 * equal.cost
