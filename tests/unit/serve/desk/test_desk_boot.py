import pytest

from evloom.pile.command import Trigger
from evloom.serve.desk.ports import Ports
from evloom.store.tables.assets import evse, station
from tests.unit.serve.desk.counter import NOON_S, V16, V21, V201, run

VERSIONS = pytest.mark.parametrize("version", [V16, V201, V21])


async def status(here, version, station_id="S"):
    """A message that only an accepted station may send, of each version: what becomes of it."""
    if version is V16:
        return await here.ask(version, "Authorize", station_id, idTag="A")
    return await here.ask(version, "Authorize", station_id, idToken={"idToken": "A", "type": "ISO14443"})


@VERSIONS
def test_an_unknown_station_is_entered_at_the_first_site(tmp_path, version):
    async def story(here):
        assert await status(here, version) == "SecurityError"
        assert await here.ask(version, "Heartbeat") == "SecurityError"
        answer = await here.boot(version)
        assert (answer["status"], answer["interval"], answer["currentTime"]) == ("Accepted", 77, "2030-03-17T17:46:40Z")
        (row,) = await here.rows(station)
        assert (row["site_id"], row["org_id"], row["vendor"], row["model"]) == ("home", "org", "ACME", "One")
        assert (row["accepted"], row["protocol"], row["boot_status"]) == ("accepted", version.value, "Accepted")
        assert isinstance(await status(here, version), dict)
        assert (await here.ask(version, "Heartbeat"))["currentTime"] == "2030-03-17T17:46:40Z"

    run(tmp_path, story, heartbeat_s=77)


def test_a_station_that_nobody_knows_is_asked_to_boot(tmp_path):
    orders = []

    async def order(station_id, command):
        orders.append((station_id, command))

    async def story(here):
        for _ in range(3):
            assert await here.ask(V16, "Heartbeat") == "SecurityError"
            assert await status(here, V16) == "SecurityError"
        here.now_s += 400
        assert await here.ask(V16, "Heartbeat") == "SecurityError"
        await here.boot(V16)
        await here.ask(V16, "Heartbeat")

    run(tmp_path, story, ports=Ports(order=order))
    assert orders == [("S", Trigger("BootNotification"))] * 2


def test_a_station_that_boots_as_before_is_not_written_again(tmp_path):
    async def story(here):
        await here.boot(V16)
        here.now_s += 3600
        await here.boot(V16)
        (row,) = await here.rows(station)
        assert row["last_seen_s"] == NOON_S
        assert len(await here.kept("StationBooted")) == 2

    run(tmp_path, story)


@VERSIONS
def test_a_pending_station_waits_until_an_operator_accepts_it(tmp_path, version):
    async def story(here):
        answer = await here.boot(version)
        assert (answer["status"], answer["interval"]) == ("Pending", 60)
        assert await status(here, version) == "SecurityError"
        assert isinstance(await here.ask(version, "Heartbeat"), dict)
        assert isinstance(await here.ask(version, "SecurityEventNotification", type="X", timestamp="2030-03-17T17:46:40Z"), dict)
        await here.db.write(lambda conn: conn.execute(station.update().values(accepted="accepted")))
        assert (await here.boot(version))["status"] == "Accepted"
        assert isinstance(await status(here, version), dict)
        assert [one.status for one in await here.kept("StationBooted")] == ["Pending", "Accepted"]

    run(tmp_path, story, unknown_stations="pending")


@VERSIONS
def test_refused(tmp_path, version):
    async def story(here):
        assert (await here.boot(version))["status"] == "Rejected"
        assert await here.rows(station) == []
        assert await status(here, version) == "SecurityError"
        assert await here.ask(version, "Heartbeat") == "SecurityError"

    run(tmp_path, story, unknown_stations="refuse")


def test_a_station_that_an_operator_refuses_or_removes_later(tmp_path):
    async def story(here):
        await here.boot(V201)
        await here.db.write(lambda conn: conn.execute(station.update().values(accepted="refused")))
        assert isinstance(await status(here, V201), dict)
        here.now_s += 61
        assert await status(here, V201) == "SecurityError"
        await here.set_station(accepted="accepted", removed_at_s=1.0)
        assert (await here.boot(V201))["status"] == "Rejected"

    run(tmp_path, story)


def test_evses_are_entered_as_they_are_spoken_of(tmp_path):
    async def story(here):
        await here.boot(V16)
        for connector in (0, 1, 2, 2, 999):
            await here.ask(V16, "StatusNotification", connectorId=connector, errorCode="NoError", status="Available")
        await here.ask(V16, "StartTransaction", connectorId=3, idTag="A", meterStart=0, timestamp="2030-03-17T17:46:40Z")
        rows = await here.rows(evse)
        assert [(row["evse"], row["rating_kw"], row["n_phase"]) for row in rows] == [(1, 11.0, 3), (2, 11.0, 3), (3, 11.0, 3)]

    run(tmp_path, story, rating_kw=11.0, n_phase=3)


def test_when_nothing_can_be_kept_the_station_hears_it(tmp_path):
    async def story(here):
        await here.boot(V201)
        await here.db.close()
        said = {"timestamp": "2030-03-17T17:46:40Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        assert await here.ask(V201, "StatusNotification", **said) == "InternalError"
        assert isinstance(await here.ask(V201, "Heartbeat"), dict)

    run(tmp_path, story)
