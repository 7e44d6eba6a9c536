"""Sessions through the interface: power curve, needs, files, and what a driver sees."""

import io

import polars as pl

from evloom.pile.station import Sample, TransactionSaid
from evloom.store.log import LogEntry
from tests.unit.serve.api.world import NOW_S, World, run


async def charge(world: World) -> None:
    """A session of an hour with a reading a minute at 7 kW, after the register at its start."""
    said = TransactionSaid("t5", "started", 0, 1, 1, token="north-card", token_type="ISO14443", register_kwh=100.0)
    entries = [LogEntry("north-1", said, NOW_S, NOW_S, "t5:0")]
    for minute in range(1, 61):
        at_s = NOW_S + 60.0 * minute
        samples = (
            Sample(at_s, "Power.Active.Import", 7.0),
            Sample(at_s, "Energy.Active.Import.Register", 100.0 + 7.0 * minute / 60.0),
            Sample(at_s, "Voltage", 230.0, "L1-N"),
        )
        entries.append(LogEntry("north-1", TransactionSaid("t5", "updated", minute, 1, 1, samples=samples), at_s, at_s, f"t5:{minute}"))
    await world.db.append(entries)
    await world.db.caught_up()


def test_a_session_comes_with_its_power_curve(tmp_path, url):
    async def job(world: World) -> None:
        await charge(world)
        async with world.client("north/operator") as client:
            found = (await client.get("/api/v1/sessions/north-1:t5")).json()
            assert (found["session"]["started_at"], found["session"]["ended_at"]) == ("2026-09-21T14:13:20Z", None)
            assert found["session"]["energy_kwh"] == 7.0
            assert (len(found["curve"]), found["every"]) == (61, 1)
            assert found["curve"][1]["power_kw"] == 7.0
            opened = (await client.get("/api/v1/sessions", params={"open": "true"})).json()["items"]
            assert [one["session_id"] for one in opened] == ["north-1:t5"]
            spans = {"started_from": "2026-09-21T14:13:21Z"}
            assert (await client.get("/api/v1/sessions", params=spans)).json()["items"] == []

    run(tmp_path, job, url=url)


def test_a_driver_sees_and_says_what_is_one_s_own(tmp_path):
    async def job(world: World) -> None:
        await charge(world)
        async with world.client("north/driver") as client:
            need = {"departure": "2026-09-22T07:00:00Z", "wanted_kwh": 20.0, "v2g_consent": True}
            told = (await client.put("/api/v1/sessions/north-1:t5/need", json=need)).json()
            assert (told["subject"], told["wanted_kwh"], told["departure"]) == ("session:north-1:t5", 20.0, need["departure"])
            assert (await client.get("/api/v1/sessions/north-1:t5")).json()["need"]["v2g_consent"] is True
            usual = (await client.put("/api/v1/drivers/north-driver/need", json={"ready_minute": 420})).json()
            assert usual["subject"] == "driver:north-driver"
            late = await client.put("/api/v1/sessions/north-1:t5/need", json={"departure": "2036-09-22T07:00:00Z"})
            assert (late.status_code, late.json()["findings"][0]["field"]) == (409, "departure")
        async with world.client("south/driver") as client:
            assert (await client.get("/api/v1/sessions/north-1:t5")).status_code == 404
            assert (await client.put("/api/v1/drivers/north-driver/need", json={})).status_code == 404

    run(tmp_path, job)


def test_sessions_and_meter_values_come_as_files(tmp_path):
    async def job(world: World) -> None:
        await charge(world)
        async with world.client("north/operator") as client:
            parquet = await client.get("/api/v1/exports/meter-values", params={"format": "parquet"})
            table = pl.read_parquet(io.BytesIO(parquet.content))
            assert table.height == 181
            csv = await client.get("/api/v1/sessions/north-1:t5/meter-values")
            assert csv.headers["content-type"].startswith("text/csv")
            assert len(csv.text.splitlines()) == 182
            sessions = await client.get("/api/v1/exports/sessions")
            assert {line.split(",")[0] for line in sessions.text.splitlines()[1:]} == {"north-1:t1", "north-1:t5"}
            stations = (await client.get("/api/v1/exports/stations")).text
            assert "password" not in stations

    run(tmp_path, job)
