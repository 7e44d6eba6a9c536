"""The whole road of an operator on a running platform: set-up, site, prices, drivers, sessions, receipts, doubts, a kill, and the books."""

import asyncio
import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from evloom.simulate.station.bay import one_car
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, StationSpec
from evloom.simulate.station.station import Station
from evloom.wire.ocpp.version import Version
from tests.system.api_server import PASSWORD, Served, served
from tests.system.ocpp_client import OcppClient
from tests.unit.store.postgres import postgres_server

pytestmark = pytest.mark.usefixtures("socket_enabled")

SPEED = 30.0
"""How much faster than the machine's the clocks of platform and stations run."""
TARIFF = {
    "name": "flat and dear at noon", "currency": "CNY", "zone": "Asia/Shanghai",
    "periods": [
        {"category": "peak", "start": "10:00", "end": "14:00", "price_per_kwh": 1.2},
        {"category": "flat", "start": "14:00", "end": "10:00", "price_per_kwh": 0.6},
    ],
}  # fmt: skip
CONTRACT = {"name": "guests", "currency": "CNY", "service_price_per_kwh": "0.40", "session_fee": "1.00", "tax_share": "0.06"}
STATIONS = {"J16": Version.V16, "J201": Version.V201, "J21": Version.V21}
CAR = one_car(60.0, 0.3, 11.04)
DAY = "2026-12-01"
START_S = 3.0
"""About how long a process takes until its clock runs."""


class Office:
    """What an operator does, through the interface."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.passwords: dict[str, str] = {}

    def done(self, method: str, path: str, **more: Any) -> Any:
        """The answer of a request that must succeed."""
        answer = self.client.request(method, f"/api/v1/{path}", **more)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else answer

    def opened_for_guests(self) -> None:
        """Site, prices, a driver with a card, and three stations."""
        plan = self.client.get("/api/v1/sites/site-1/plan")
        document = {**plan.json(), "max_kw": 20.0, "source": "transformer 20 kW", "zone": "Asia/Shanghai", "evse": []}
        self.done("PUT", "sites/site-1/plan", json=document, headers={"if-match": plan.headers["etag"]})
        self.done("PATCH", "sites/site-1", json={"zone": "Asia/Shanghai"})
        self.done("PUT", "tariffs/house", json={"document": TARIFF})
        self.done("PUT", "contracts/guests", json={"document": CONTRACT})
        for kind, name in (("tariff", "house"), ("contract", "guests")):
            self.done("POST", "assignments", json={"kind": kind, "scope": "site", "subject": "site-1", "terms_id": name})
        self.done("POST", "drivers", json={"name": "Li Wei <b>", "driver_id": "li"})
        self.done("POST", "tokens", json={"token": "CARD", "driver_id": "li"})
        for name in (*STATIONS, "ODD"):
            made = self.done("POST", "stations", json={"station_id": name, "site_id": "site-1"})
            self.passwords[name] = made["password"]
            self.done("PUT", f"stations/{name}/evse/1", json={"rating_kw": 11.04, "n_phase": 3})

    def sessions(self) -> list[Any]:
        return list(self.done("GET", "sessions")["items"])

    async def until(self, found: Callable[[], Any], limit_s: float = 60.0) -> Any:
        """What `found` gives, once it gives something."""
        async with asyncio.timeout(limit_s):
            while not (result := await asyncio.to_thread(found)):  # noqa: ASYNC110  seen from outside, as others see it
                await asyncio.sleep(0.2)
        return result

    def bill(self, session_id: str, state: str) -> Any:
        """The bill of a session, where it is in that state."""
        bill = self.done("GET", f"sessions/{session_id}/bill")
        return bill if bill["state"] == state else None


@contextmanager
def platform(folder: Path, at: str, url: str, **more: str) -> Iterator[Served]:
    """The platform, its clock beginning at an instant and running fast."""
    with served(folder, password="", options=("--speed", str(SPEED), "--clock", at), DATABASE__URL=url, **more) as here:
        yield here


async def charged(office: Office, pool: Pool, names: tuple[str, ...], for_s: float) -> None:
    """A car at each of the stations, from card to card."""
    stations = [pool.stations[name] for name in names]
    for station in stations:
        station.plug(station.bays[1], CAR, 0)
        assert await station.present(station.bays[1], "CARD"), station.spec.station_id
    await office.until(
        lambda: sum(session["energy_kwh"] > 0.2 for session in office.sessions() if session["ended_at"] is None) == len(names)
    )
    await pool.clock.sleep(for_s)
    for station in stations:
        assert await station.present(station.bays[1], "CARD")
        station.unplug(station.bays[1])
        await station.outbox.drained()


def pool_of(office: Office) -> Pool:
    bays = (BaySpec(11.04),)
    specs = [
        StationSpec(name, version, bays=bays, password=office.passwords[name], wait_min_s=0.1, wait_max_s=0.5)
        for name, version in STATIONS.items()
    ]
    return Pool(specs, StationClock(SPEED))


async def impossible(office: Office, port: int, at: datetime) -> list[str]:
    """A station that says it gave 900 kWh within minutes, twice; the sessions."""
    odd = await OcppClient.connect(port, "/ocpp/ODD", ("ocpp1.6",), auth=("ODD", office.passwords["ODD"]))
    await odd.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    names = []
    for begin_wh, ago_s in ((1_000, 900.0), (901_000, 500.0)):
        start, stop = (at - timedelta(seconds=seconds) for seconds in (ago_s, ago_s - 300.0))
        said = {"connectorId": 1, "idTag": "CARD", "meterStart": begin_wh, "timestamp": start.isoformat()}
        number = (await odd.call("StartTransaction", said))["transactionId"]
        said = {"transactionId": number, "meterStop": begin_wh + 900_000, "timestamp": stop.isoformat(), "reason": "Local"}
        await odd.call("StopTransaction", said)
        names.append(f"ODD:{number}")
    await odd.close()
    return names


async def story(folder: Path, url: str, kind: str) -> None:
    """Cars charge and are billed, the odd ones are held, the platform is killed and goes on."""
    with ExitStack() as stack:
        here = await asyncio.to_thread(stack.enter_context, platform(folder, f"{DAY}T00:00+00:00", url))
        key = await asyncio.to_thread(set_up, here)
        client = stack.enter_context(here.client(key))
        office = Office(client)
        await asyncio.to_thread(office.opened_for_guests)
        port = int(here.chargers.split(":")[2].split("/")[0])
        pool = pool_of(office)
        try:
            pool.start(f"ws://127.0.0.1:{port}/ocpp")
            await pool.wait_accepted()
            await billed(office, pool)
            await a_person_decides(office, await impossible(office, port, datetime.fromtimestamp(pool.clock.now_s(), UTC)))
            await begun(office, pool.stations["J201"])
            here.process.kill()
            here.process.wait()
            at = datetime.fromtimestamp(pool.clock.now_s() + START_S * SPEED, UTC).isoformat()
            again = await asyncio.to_thread(stack.enter_context, platform(folder, at, url, OCPP__PORT=str(port)))
            office.client = stack.enter_context(again.client(key))
            await goes_on(office, pool.stations["J201"])
        finally:
            await pool.stop()
        await asyncio.to_thread(the_books, office)
        if kind == "sqlite":
            await asyncio.to_thread(the_copy, office, folder)


def set_up(here: Served) -> str:
    """The first administrator by the link that was printed; an API key."""
    link = re.search(r"administrator at (\S+)", here.said)
    assert link is not None
    with here.client() as client:
        page = client.get(link[1])
        assert page.status_code == 200
        token = link[1].partition("token=")[2]
        me = client.post("/api/v1/setup", json={"token": token, "login": "ada", "password": PASSWORD, "organisation": "Court 7"}).json()
        assert client.post("/api/v1/setup", json={"token": token, "login": "eve", "password": PASSWORD}).status_code in (403, 409)
        made = client.post("/api/v1/api-keys", json={"name": "office", "role": "admin"}, headers={"x-csrf-token": me["csrf"]})
        return str(made.json()["key"])


async def billed(office: Office, pool: Pool) -> None:
    """One session of each version, billed by the job that runs."""
    await charged(office, pool, tuple(STATIONS), 150.0)
    names = [session["session_id"] for session in office.sessions()]
    assert sorted(name.partition(":")[0] for name in names) == sorted(STATIONS)
    for name in names:
        receipts_are_right(office, name, await office.until(partial(office.bill, name, "billed")))


async def begun(office: Office, station: Station) -> None:
    """A session that charges."""
    station.plug(station.bays[1], CAR, 0)
    assert await station.present(station.bays[1], "CARD")
    await office.until(lambda: any(session["energy_kwh"] > 0.1 for session in running(office)))


def running(office: Office) -> list[Any]:
    return [session for session in office.sessions() if session["ended_at"] is None]


def receipts_are_right(office: Office, name: str, bill: Any) -> None:
    """As JSON, CSV and PDF, with the reason why it charged as it did."""
    (receipt,) = bill["receipts"]
    kwh = receipt["end_kwh"] - receipt["begin_kwh"]
    assert kwh > 0.2
    assert (receipt["driver_id"], receipt["driver_name"], receipt["currency"], receipt["zone"]) == (
        "li",
        "Li Wei <b>",
        "CNY",
        "Asia/Shanghai",
    )
    net = 1.00 + kwh * (0.40 + 0.60)
    assert float(receipt["total"]) == pytest.approx(net * 1.06, abs=0.03)
    assert sum(float(line["amount"]) for line in receipt["lines"]) == pytest.approx(float(receipt["total"]))
    assert receipt["notes"]["why"], receipt["notes"]
    assert receipt["notes"]["why_zh"] != receipt["notes"]["why"]
    rows = list(csv.reader(io.StringIO(office.done("GET", f"sessions/{name}/receipts.csv").text.lstrip("\ufeff"))))
    assert any(receipt["total"] in row for row in rows)
    for language in ("en", "zh"):
        assert office.done("GET", f"sessions/{name}/receipt.pdf", params={"language": language}).content.startswith(b"%PDF")


async def a_person_decides(office: Office, held: list[str]) -> None:
    """One session is released with another register, the other one voided; of the first something is given back."""
    for name in held:
        bill = await office.until(partial(office.bill, name, "held"))
        assert {fault["code"] for fault in bill["findings"]} >= {"guard.energy"}
        assert bill["receipts"] == []
    assert {"held-bill"} <= {line["kind"] for line in office.done("GET", "warnings")}
    first, second = held
    refused = office.client.post(f"/api/v1/sessions/{first}/bill/release", json={"reason": "looks fine to me"})
    assert refused.status_code in (409, 422), refused.text
    released = office.done("POST", f"sessions/{first}/bill/release", json={"reason": "display was read", "end_kwh": 1.1})
    assert (released["state"], len(released["receipts"])) == ("billed", 1)
    assert office.done("POST", f"sessions/{second}/bill/void", json={"reason": "a broken meter"})["state"] == "void"
    office.done("POST", f"sessions/{first}/refunds", json={"amount": "0.50", "key": "r1", "reason": "for the trouble"})


async def goes_on(office: Office, station: Station) -> None:
    """The session that ran when the platform was killed is billed once, whole."""
    bay = station.bays[1]
    assert bay.transaction is not None
    begin_kwh = bay.transaction.begin_kwh
    await office.until(lambda: any(session["energy_kwh"] > 0.4 for session in running(office)), 90.0)
    assert await station.present(bay, "CARD")
    station.unplug(bay)
    await station.outbox.drained()
    found = [s for s in office.sessions() if s["station_id"] == "J201" and s["begin_kwh"] == pytest.approx(begin_kwh, abs=0.01)]
    assert len(found) == 1
    bill = await office.until(lambda: office.bill(found[0]["session_id"], "billed"))
    assert bill["receipts"][0]["end_kwh"] == pytest.approx(bay.register_kwh, abs=0.01)


def the_books(office: Office) -> None:
    """Statement, ledger and files agree with each other."""
    account = office.done("GET", "drivers/li/statement")
    papers = office.done("GET", "receipts")["items"]
    assert [paper["kind"] for paper in papers].count("credit") == 1
    billed = [float(paper["total"]) for paper in papers if paper["kind"] == "receipt"]
    assert len(billed) == 5  # three sessions, the released one, and the one that saw the kill
    assert [float(balance["owed"]) for balance in account["closing"]] == [pytest.approx(sum(billed) - 0.50)]
    check = office.done("GET", "ledger/check")
    assert check["right"], check
    assert len(office.done("GET", "ledger")["items"]) == check["entries"]
    sessions = office.sessions()
    assert len(sessions) == 6
    table = pl.read_csv(office.done("GET", "exports/sessions").content)
    assert sorted(table["session_id"].to_list()) == sorted(session["session_id"] for session in sessions)
    frame = pl.read_parquet(io.BytesIO(office.done("GET", "exports/sessions", params={"format": "parquet"}).content))
    assert frame["energy_kwh"].to_list() == table["energy_kwh"].to_list()
    assert office.done("GET", "exports/meter-values", params={"format": "parquet"}).content[:4] == b"PAR1"
    assert {row["action"] for row in office.done("GET", "audit")["items"]} >= {"billing.release", "billing.void"}


def the_copy(office: Office, folder: Path) -> None:
    """A copy of the file, made while the platform runs, is a database with everything in it."""
    with closing(sqlite3.connect(folder / "data" / "evloom.db")) as source, closing(sqlite3.connect(folder / "copy.db")) as copy:
        source.backup(copy)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM session").fetchone() == (len(office.sessions()),)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_from_the_first_start_to_the_books(tmp_path, kind):
    asyncio.run(story(tmp_path, postgres_server().fresh() if kind == "postgresql" else "", kind))
