"""A car that gives, over a real websocket of OCPP 2.1: the set-point is pushed, and without a link nobody is left to discharge."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from evloom.serve import system_clock
from evloom.serve.app import started
from evloom.serve.config import Config
from evloom.serve.data_folder import DataFolder
from evloom.serve.live.dynamic import DYNAMIC_ID, OFFLINE_S
from evloom.serve.site.plan import SitePlan
from evloom.simulate.station.bay import Bay, one_car
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, StationSpec, Stay, Traffic
from evloom.store import registry, sites
from evloom.store.scope import EVERYTHING
from evloom.store.sites import Need
from evloom.wire.ocpp.phrase import when
from evloom.wire.ocpp.version import Version

EVENING_S = 1_780_053_600.0  # 2026-05-29 19:20 in Shanghai
SPEED, BASE_KW, RATING_KW, GIVE_KW = 40.0, 30.0, 11.0, 10.0
LEAVES_S = EVENING_S + 8.0 * 3600.0
PATIENCE_S, LOOK_S = 60.0, 0.05
TARIFF: dict[str, object] = {
    "name": "evening",
    "periods": [
        {"category": "peak", "start": "00:00", "end": "21:00", "price_per_kwh": 2.0},
        {"category": "valley", "start": "21:00", "end": "24:00", "price_per_kwh": 0.2},
    ],
}
NEEDS = {
    "evseId": 1,
    "chargingNeeds": {
        "requestedEnergyTransfer": "DC_BPT",
        "departureTime": when(LEAVES_S),
        "v2xChargingParameters": {
            "minChargePower": 0,
            "maxChargePower": RATING_KW * 1000.0,
            "minDischargePower": 0,
            "maxDischargePower": GIVE_KW * 1000.0,
            "evTargetEnergyRequest": 2000.0,
        },
        "dcChargingParameters": {"evMaxCurrent": 28, "evMaxVoltage": 1000, "stateOfCharge": 80, "evEnergyCapacity": 60000},
    },
}


def filled(conn) -> str:
    site_id = sites.sites(conn)[0][0]
    site = registry.site_of(conn, EVERYTHING, site_id)
    assert site is not None
    plan = SitePlan(site_id, 100.0, zone="Asia/Shanghai", tariff=TARIFF, step_s=900, horizon_h=9.0)
    sites.save_plan(conn, site_id, msgspec.json.encode(plan).decode(), EVENING_S, "test")
    registry.put_station(conn, "V2X", {"org_id": site["org_id"], "site_id": site_id, "created_at_s": EVENING_S})
    registry.put_evse(conn, "V2X", 1, {"rating_kw": RATING_KW, "n_phase": 3, "dc": True, "discharge_max_kw": GIVE_KW})
    return site_id


async def until(true) -> None:
    """Wait for something, in real time."""
    for _ in range(round(PATIENCE_S / LOOK_S)):
        if true():
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError("it did not come to that")


async def evening(folder) -> None:
    values = {
        "server": {"data": str(folder)},
        "ocpp": {"port": 0, "tls_port": 0},
        "authorisation": {"unknown_tokens": "accept"},
        "control": {"period_s": 20.0},
        "site": {"zone": "Asia/Shanghai"},
    }
    config = msgspec.convert(values, Config)
    system_clock.pace(SPEED, EVENING_S)
    async with AsyncExitStack() as stack:
        stack.callback(system_clock.unpace)
        platform = await started(config, stack.enter_context(DataFolder(config)), stack)
        assert platform.live is not None
        site_id = await platform.db.write(filled)
        await platform.live.site_changed(site_id)
        await until(lambda: bool(platform.live.posts[site_id].bays))
        bay = BaySpec(RATING_KW, 3, dc=True, discharge_max_kw=GIVE_KW)
        pool = Pool([StationSpec("V2X", Version.V21, (bay,), RATING_KW, meter_s=15.0, wait_min_s=0.1, wait_max_s=0.3)], StationClock(SPEED))
        stack.push_async_callback(pool.stop)
        assert platform.gateway is not None
        pool.start(f"ws://127.0.0.1:{platform.gateway.port}/ocpp")
        await pool.wait_accepted()
        platform.live.base_load(site_id, "", BASE_KW, system_clock.now_s(), 1e9)
        stay = Stay(1, 0, system_clock.now_s(), LEAVES_S, "card", tells=False)
        pool.drive("V2X", Traffic(one_car(60.0, 0.8, RATING_KW, v2g=True), (stay,)))
        await gives(platform, pool.stations["V2X"])


async def gives(platform, station) -> None:
    one = station.bays[1]
    await until(lambda: one.transaction is not None)
    session = f"session:V2X:{one.transaction.number}"
    await platform.live.tell_need(Need(session, LEAVES_S, wanted_kwh=2.0, v2g_consent=True))
    station.tell(("NotifyEVChargingNeeds", NEEDS))
    await until(lambda: one.power_kw < -1.0)
    held = {item.profile.profile_id: item.profile for item in station.book.installed}
    assert held[DYNAMIC_ID + 1].kind == "Dynamic"
    setpoint_kw = held[DYNAMIC_ID + 1].schedule.periods[0].setpoint
    assert setpoint_kw is not None
    assert setpoint_kw < -1.0
    assert station.heard["UpdateDynamicSchedule"] > 0
    beneath = [period for profile in held.values() if profile.kind != "Dynamic" for period in profile.schedule.periods]
    assert all((period.setpoint or 0.0) >= 0.0 for period in beneath)
    station.cut(10.0 * OFFLINE_S)
    await until(lambda: one.power_kw >= 0.0)
    assert not station.is_accepted  # it is still without a link
    await until(lambda: one.power_kw < -1.0)  # and gives again once it is back


@pytest.fixture
def _warm():
    """Kernels of the car are compiled before there is a clock to fall behind."""
    bay = Bay(1, BaySpec(RATING_KW, 3, dc=True, discharge_max_kw=GIVE_KW), 230.0)
    bay.plug(one_car(60.0, 0.8, RATING_KW, v2g=True), 0, 0.0)
    bay.offer(-GIVE_KW)
    bay.advance(60.0)


@pytest.mark.usefixtures("socket_enabled", "_warm")
def test_a_set_point_reaches_the_car_and_ends_with_the_link(tmp_path):
    asyncio.run(evening(tmp_path))
