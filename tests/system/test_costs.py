"""What stations are shown of costs, over sockets: running ones by CostUpdated and with answers, the final one with the last answer."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal

import msgspec
import pytest

from evloom.market.guard import GuardRules
from evloom.market.receipt import Notes
from evloom.serve import costs, system_clock
from evloom.serve.app import started
from evloom.serve.config import Config
from evloom.serve.data_folder import DataFolder
from evloom.serve.first_start import FIRST_SITE
from evloom.serve.people.first import FIRST_ORG
from evloom.simulate.station.bay import one_car
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, StationSpec
from evloom.store import money, registry
from evloom.store.billing import bill_session, billing_of
from evloom.store.money import By, NewAssignment
from evloom.wire.ocpp.version import Version
from tests.system.gateway_room import until

BEGIN_S = 1_780_053_600.0  # 2026-05-29 19:20 in Shanghai
SPEED = 400.0
VERSIONS = {"S201": Version.V201, "S21": Version.V21, "DUMB": Version.V201, "EURO": Version.V201, "FIXED": Version.V201}
CAR = one_car(60.0, 0.3, 11.04)


def priced(conn) -> None:
    for name in VERSIONS:
        registry.put_station(conn, name, {"org_id": FIRST_ORG, "site_id": FIRST_SITE, "created_at_s": BEGIN_S})
        registry.put_evse(conn, name, 1, {"rating_kw": 11.04, "n_phase": 3})
    by = By("user:anna", BEGIN_S - 60.0)
    money.assign(conn, NewAssignment(FIRST_ORG, "tariff", "organisation", FIRST_ORG, "zhejiang-jiaxing-2025"), by)
    money.assign(conn, NewAssignment(FIRST_ORG, "contract", "organisation", FIRST_ORG, "orderly-cny"), by)


def taught(station) -> None:
    """What the stations say of their displays."""
    said = station.memory.by_name
    if station.spec.station_id == "DUMB":
        said("TariffCostCtrlr", "Available").value = "false"
    if station.spec.station_id in ("EURO", "FIXED"):
        said("TariffCostCtrlr", "Currency").value = "EUR"
    if station.spec.station_id == "FIXED":
        said("TariffCostCtrlr", "Currency").readonly = True


async def charged(platform, pool) -> None:
    """A car at each station; what displays show on the way and at the end, and what was billed."""
    stations, numbers = pool.stations, {}
    for name, station in stations.items():
        station.plug(station.bays[1], CAR, 0)
        assert await station.present(station.bays[1], "CARD")
        await until(lambda station=station: station.bays[1].transaction.number)
        numbers[name] = station.bays[1].transaction.number

    def shown(name: str) -> float | None:
        told: float | None = stations[name].memory.costs.get(numbers[name])
        return told

    running = ("S201", "S21", "EURO")
    await until(lambda: all(shown(name) for name in running))
    first = {name: shown(name) for name in running}
    await until(lambda: all((shown(name) or 0.0) > (first[name] or 0.0) for name in running))
    assert (shown("DUMB"), shown("FIXED")) == (None, None)
    assert stations["EURO"].memory.by_name("TariffCostCtrlr", "Currency").value == "CNY"
    for station in stations.values():
        assert await station.present(station.bays[1], "CARD")
        station.unplug(station.bays[1])
        await station.outbox.drained()
    for name in (*running, "DUMB"):
        assert shown(name) == pytest.approx(float(await billed(platform, f"{name}:{numbers[name]}")), abs=0.005)
    assert shown("FIXED") is None


async def billed(platform, session: str) -> Decimal:
    by = By("billing", system_clock.now_s() + 60.0)
    await platform.db.write(lambda conn: bill_session(conn, session, by, GuardRules(), Notes()))
    billing = await platform.db.read(lambda conn: billing_of(conn, session))
    total: Decimal = billing.receipts[-1].total
    return total


async def evening(folder, scene) -> None:
    settings = {
        "server": {"data": str(folder)},
        "ocpp": {"port": 0, "tls_port": 0, "sample_s": 0},
        "authorisation": {"unknown_tokens": "accept"},
        "control": {"policy": "uncontrolled"},
        "site": {"zone": "Asia/Shanghai", "limit_kw": 200.0},
    }
    config = msgspec.convert(settings, Config)
    system_clock.pace(SPEED, BEGIN_S)
    async with AsyncExitStack() as stack:
        stack.callback(system_clock.unpace)
        platform = await started(config, stack.enter_context(DataFolder(config)), stack)
        await platform.db.write(priced)
        assert platform.gateway is not None
        specs = [StationSpec(name, version, (BaySpec(11.04),), meter_s=60.0, tick_s=20.0) for name, version in VERSIONS.items()]
        pool = Pool(specs, StationClock(SPEED))
        stack.push_async_callback(pool.stop)
        for station in pool.stations.values():
            taught(station)
        pool.start(f"ws://127.0.0.1:{platform.gateway.port}/ocpp", 0.2)
        await pool.wait_accepted()
        await scene(platform, pool)


@pytest.mark.usefixtures("socket_enabled")
def test_displays_show_what_it_costs_and_what_it_came_to(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "FRESH_S", 0.05)
    asyncio.run(evening(tmp_path, charged))
