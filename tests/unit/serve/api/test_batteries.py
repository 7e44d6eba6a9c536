"""Batteries, their warnings and vehicles over the interface: lists, filters, acknowledgement with audit, registration."""

from typing import Any

from evloom.store import people
from evloom.store.scope import EVERYTHING
from tests.unit.serve.api.world import World, run

WARNING = "/api/v1/battery-warnings/north-warning"


def test_a_battery_with_its_warning(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            listed = (await client.get("/api/v1/batteries")).json()["items"]
            assert [(one["pack_id"], one["level"], one["soc"]) for one in listed] == [("north-pack", "inspect", 0.5)]
            assert (await client.get("/api/v1/batteries", params={"level": "stop"})).json()["items"] == []
            detail = (await client.get("/api/v1/batteries/north-pack")).json()
            assert detail["now"]["cell_v"][3] is None
            assert (detail["health"], detail["card"]) == (None, None)
            assert [one["vehicle_id"] for one in detail["vehicles"]] == ["north-vehicle"]
            assert [one["warning_id"] for one in detail["warnings"]] == ["north-warning"]
            assert (await client.get("/api/v1/batteries/north-pack/warnings")).json()["items"] == detail["warnings"]
            told = (await client.get(WARNING)).json()
            assert told["warning"]["causes"][0] == {"cause": "internal-short", "probability": 0.8}
            assert told["evidence"][0]["value"] == [-0.01, None]
            assert told["advice"][0]["zh"].startswith("停放")
            assert [one["kind"] for one in told["history"]] == ["opened"]

    run(tmp_path, job)


def test_an_acknowledgement_is_kept_with_its_remark_and_a_line_of_audit(tmp_path, url):
    async def job(world: World) -> None:
        heard: list[Any] = []
        world.platform.bus.listen("battery", heard.append)
        async with world.client("north/operator") as client:
            waiting = [one for one in (await client.get("/api/v1/warnings")).json() if one["kind"] == "battery"]
            assert [one["subject"] for one in waiting] == ["north-warning"]
            assert waiting[0]["text"] == "level inspect, cause internal-short, V_3, battery north-pack"
            made = (await client.post(f"{WARNING}/acknowledge", json={"note": "towed"})).json()
            assert (made["acknowledged_by"], made["note"], made["closed"]) == ("key:north-operator", "towed", None)
            again = (await client.post(f"{WARNING}/acknowledge", json={"note": "later"})).json()
            assert again["note"] == "towed"
            assert not any(one["kind"] == "battery" for one in (await client.get("/api/v1/warnings")).json())
            for wanted, n in (({"acknowledged": "true"}, 1), ({"acknowledged": "false"}, 0), ({"open": "true", "level": "inspect"}, 1)):
                assert len((await client.get("/api/v1/battery-warnings", params=wanted)).json()["items"]) == n
            history = (await client.get(WARNING)).json()["history"]
            assert [(one["kind"], one["actor"]) for one in history] == [("opened", ""), ("acknowledged", "key:north-operator")]
        rows, _ = await world.db.read(lambda conn: people.audit_page(conn, EVERYTHING, None, 5, action="battery-warning.acknowledge"))
        assert {row["subject"] for row in rows} == {"north-warning"}
        assert [one.event.kind for one in heard] == ["acknowledged", "acknowledged"]

    run(tmp_path, job, url=url)


def test_a_vehicle_is_registered_changed_and_removed(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            body = {"vehicle_id": "LSV 1", "tokens": ["EVCC:1"], "driver_id": "north-driver", "chemistry": "LFP", "capacity_ah": 120.0}
            made = await client.post("/api/v1/vehicles", json=body)
            assert (made.status_code, made.headers["location"]) == (201, "/api/v1/vehicles/LSV%201")
            assert (await client.post("/api/v1/vehicles", json=body)).status_code == 409
            changed = await client.patch("/api/v1/vehicles/LSV%201", json={"tokens": [], "capacity_ah": None, "battery_kwh": 60.0})
            assert (changed.json()["tokens"], changed.json()["capacity_ah"], changed.json()["battery_kwh"]) == ([], None, 60.0)
            mine = (await client.get("/api/v1/vehicles", params={"driver_id": "north-driver"})).json()["items"]
            assert [one["vehicle_id"] for one in mine] == ["LSV 1", "north-vehicle"]
            assert (await client.post("/api/v1/vehicles", json={"vehicle_id": "x", "driver_id": "south-driver"})).status_code == 409
            assert (await client.delete("/api/v1/vehicles/LSV%201")).status_code == 204
            assert (await client.get("/api/v1/vehicles/LSV%201")).status_code == 404

    run(tmp_path, job, url=url)


def test_a_driver_sees_the_own_car(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/driver") as client:
            assert [one["pack_id"] for one in (await client.get("/api/v1/batteries")).json()["items"]] == ["north-pack"]
            assert (await client.get("/api/v1/batteries/south-pack")).status_code == 404
            assert (await client.post(f"{WARNING}/acknowledge", json={})).status_code == 403

    run(tmp_path, job)
