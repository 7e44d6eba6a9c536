"""Pages of batteries and vehicles: what is suspected, why, what to do, and who has taken notice."""

import pytest

from tests.unit.serve.console.room import Room, post, run, shown


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["inspect", "V_3", "internal short", "80 %", "Park outside", "What to measure next", "since", "Value card", "SOH 83 %"]),
        ("zh", ["需送检", "V_3", "内短路", "停放于室外", "下一步测量", "价值卡"]),
    ],
)
def test_a_battery_says_what_is_suspected_and_what_to_do(tmp_path, language, words):
    async def job(room: Room) -> None:
        await room.platform.db.write(valued)
        async with room.browser("north-operator", language) as client:
            fleet = shown((await client.get("/batteries")).text)
            assert "north-pack" in fleet
            assert "south-pack" not in fleet
            assert words[2] in fleet
            assert "83.0 % (81.0 – 85.0)" in fleet
            answer = await client.get("/batteries/north-pack")
            text = shown(answer.text)
            assert [word for word in words if word not in text] == []
            assert answer.text.count("<rect") >= 5
            assert "V_3: 3.650 V, -50 mV" in text
            assert (await client.get("/batteries/south-pack")).status_code == 404

    run(tmp_path, job)


def valued(conn) -> None:
    """Health and a card of the battery are known."""
    from sqlalchemy import update

    from evloom.store.tables.batteries import battery

    card = '{"card":{},"en":[["Health",[["capacity","SOH 83 %"],["","needs a full charge"]]]],"zh":[["健康",[["容量","83 %"]]]]}'
    health = '{"soh":{"p10":0.81,"p50":0.83,"p90":0.85},"capacity_ah":null,"missing":["resistance"]}'
    conn.execute(update(battery).where(battery.c.pack_id == "north-pack").values(card=card, health=health))


def test_a_warning_is_acknowledged_on_its_page(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client, room.browser("north-reader") as reader:
            alarm = (await client.get("/alarms")).text
            assert "/battery-warnings/north-warning" in alarm
            there = await client.get("/battery-warnings/north-warning")
            assert (there.status_code, there.headers["location"]) == (303, "/batteries/north-pack")
            assert "<button" not in (await reader.get("/batteries/north-pack")).text.partition("Remark")[2][:200]
            done = await post(client, "/battery-warnings/north-warning/acknowledge", "/batteries/north-pack", note="towed <b>")
            assert done.headers["location"] == "/batteries/north-pack?said=acknowledged"
            text = (await client.get("/batteries/north-pack")).text
            assert "towed &lt;b&gt;" in text
            assert "/battery-warnings/north-warning" not in (await client.get("/alarms")).text

    run(tmp_path, job)


def test_a_vehicle_is_registered_changed_and_removed(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            fields = {"vehicle_id": "LSV1", "tokens": "EVCC-1\n mac:2 \n", "driver_id": "north-driver", "capacity_ah": "x"}
            wrong = await post(client, "/vehicles", **fields)
            assert wrong.status_code == 422
            assert "LSV1" in wrong.text
            made = await post(client, "/vehicles", **{**fields, "capacity_ah": "150", "chemistry": "LFP"})
            assert made.headers["location"] == "/vehicles/LSV1?said=made"
            page = (await client.get("/vehicles/LSV1")).text
            assert "EVCC-1\nmac:2" in page
            assert (await post(client, "/vehicles/LSV1", "/vehicles/LSV1", tokens="", capacity_ah="", name="van")).status_code == 303
            assert "van" in shown((await client.get("/vehicles")).text)
            assert (await post(client, "/vehicles/LSV1/remove", "/vehicles/LSV1")).headers["location"] == "/vehicles?said=removed"
            assert (await client.get("/vehicles/LSV1")).status_code == 404

    run(tmp_path, job)
