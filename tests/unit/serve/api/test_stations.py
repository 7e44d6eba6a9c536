"""Stations through the interface: credentials, accepting, removing."""

from evloom.pile.station import StatusSeen, TransactionSaid
from evloom.serve.desk.desk import Caller, Desk, DeskRules
from evloom.serve.gateway.credential import matches
from evloom.store.log import LogEntry
from evloom.store.scope import EVERYTHING
from evloom.wire.ocpp.version import Version
from tests.unit.serve.api.world import NOW_S, World, run


def test_a_new_station_gets_a_password_that_fits_and_is_shown_once(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            made = (await client.post("/api/v1/stations", json={"station_id": "pile-7", "site_id": "north-site"})).json()
            assert made["station"]["has_password"] is True
            row = await world.db.read(lambda conn: registry_row(conn, "pile-7"))
            assert matches(row["password_hash"], made["password"].encode())
            read = await client.get("/api/v1/stations/pile-7")
            assert made["password"] not in read.text
            assert row["password_hash"] not in read.text
            again = await client.post("/api/v1/stations/pile-7/password")
            assert again.json()["password"] != made["password"]
            taken = await client.post("/api/v1/stations", json={"station_id": "south-1"})
            assert taken.status_code == 409
            other = await client.post("/api/v1/stations", json={"station_id": "pile-8", "site_id": "south-site"})
            assert (other.status_code, other.json()["code"]) == (409, "no-site")
            alone = await client.post("/api/v1/stations", json={"station_id": "pile-9"})
            assert alone.json()["station"]["site_id"] == "north-site"  # there is no other
            await client.post("/api/v1/sites", json={"site_id": "second", "name": "second", "zone": "UTC", "max_kw": 10.0})
            unsaid = await client.post("/api/v1/stations", json={"station_id": "pile-10"})
            assert unsaid.json()["station"]["site_id"] == ""

    run(tmp_path, job)


def registry_row(conn, station_id: str) -> dict:
    """The station's row."""
    from evloom.store import registry

    row = registry.station_of(conn, EVERYTHING, station_id)
    assert row is not None
    return row


def test_a_station_with_a_running_session_is_removed_only_when_forced(tmp_path):
    async def job(world: World) -> None:
        said = TransactionSaid("t9", "started", 0, 1, 1, token="north-card", register_kwh=1.0)
        await world.db.append([LogEntry("north-1", said, NOW_S, NOW_S)])
        await world.db.caught_up()
        async with world.client("north/operator") as client:
            assert (await client.get("/api/v1/stations/north-1")).json()["open_sessions"] == ["north-1:t9"]
            refused = await client.delete("/api/v1/stations/north-1")
            assert (refused.status_code, refused.json()["code"]) == (409, "session-runs")
            assert (await client.delete("/api/v1/stations/north-1", params={"force": "true"})).status_code == 204
            assert (await client.get("/api/v1/stations/north-1")).status_code == 404
            assert (await client.post("/api/v1/stations", json={"station_id": "north-1"})).status_code == 201

    run(tmp_path, job)


def test_faults_and_stations_that_wait_are_among_the_warnings(tmp_path):
    async def job(world: World) -> None:
        await world.db.append([LogEntry("north-1", StatusSeen(1, 1, "Faulted", error="GroundFailure"), NOW_S, NOW_S)])
        await world.db.caught_up()
        async with world.client("north/operator") as client:
            await client.patch("/api/v1/stations/north-1", json={"accepted": "pending"})
            kinds = {(line["kind"], line["station_id"]) for line in (await client.get("/api/v1/warnings")).json()}
            assert {("fault", "north-1"), ("pending", "north-1")} <= kinds
            await client.patch("/api/v1/stations/north-1", json={"accepted": "accepted"})
            left = {line["kind"] for line in (await client.get("/api/v1/warnings")).json()}
            assert left == {"battery", "fault", "offline"}

    run(tmp_path, job)


def test_an_operators_word_on_a_station_holds_for_its_next_message(tmp_path):
    async def job(world: World) -> None:
        desk = world.platform.desk = Desk(world.db, world.platform.bus, DeskRules(), world.clock)
        caller = Caller("north-1", Version.V16)
        boot = b'{"chargePointVendor":"v","chargePointModel":"m"}'
        assert b'"Accepted"' in (await desk.handle(caller, "BootNotification", boot, b"")).payload
        async with world.client("north/operator") as client:
            await client.patch("/api/v1/stations/north-1", json={"accepted": "pending"})
            start = b'{"connectorId":1,"idTag":"a","meterStart":0,"timestamp":"2026-09-21T14:13:20Z"}'
            assert (await desk.handle(caller, "StartTransaction", start, b"")).code == "SecurityError"
            await client.patch("/api/v1/stations/north-1", json={"accepted": "accepted"})
            assert (await desk.handle(caller, "StartTransaction", start, b"")).code == ""

    run(tmp_path, job)
