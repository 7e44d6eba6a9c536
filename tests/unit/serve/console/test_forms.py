"""What forms do: what is right is done, what is wrong is said at its field, and nothing that was typed is lost."""

import html
import re
from datetime import UTC, datetime

import pytest
from starlette.datastructures import FormData

from evloom.serve.api.sessions import NeedInput
from evloom.serve.api.sites import LimitInput
from evloom.serve.api.stations import EvseSettings, NewStation
from evloom.serve.console.forms import body_of
from evloom.serve.console.pages.own import next_time
from evloom.serve.console.site_form import form_of_plan, plan_of_form
from evloom.serve.site.plan import LimitPlan, SitePlan
from evloom.store.frames import Frame
from tests.unit.serve.console.room import Room, csrf, post, run, shown

SITE = {
    "name": "Garage",
    "max_kw": "250",
    "source": "transformer 250 kVA",
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "voltage_v": "230",
    "margin": "2",
    "policy": "optimal",
    "objective": "cost",
    "step_s": "900",
    "horizon_h": "24",
    "export_max_kw": "0",
    "tariff.kind": "none",
    "op": "save",
}


def field(text: str, name: str) -> str:
    """What stands in a field of a page."""
    found = re.search(rf'name="{re.escape(name)}"[^>]*? value="([^"]*)"', text)
    assert found, name
    return html.unescape(found[1])


def findings(text: str, name: str) -> str:
    """What a page says is wrong with a field."""
    found = re.findall(rf'id="[a-z0-9]+-finding-{re.escape(name)}\d*">(.*?)</p>', text)
    return shown(re.sub(r"</?b>", "", " ".join(found)))


@pytest.mark.parametrize(
    ("kind", "fields", "content"),
    [
        (NeedInput, {"departure": "2026-07-01T18:30"}, {"departure": "2026-07-01T18:30:00+08:00"}),
        (
            NeedInput,
            {"departure": "", "wanted_kwh": "", "flag": "v2g_consent"},
            {"departure": None, "wanted_kwh": None, "v2g_consent": False},
        ),
        (NeedInput, {"v2g_consent": "true", "soc_target": "80"}, {"v2g_consent": True, "soc_target": 0.8}),
        (NeedInput, {"soc_target": "eighty", "wanted_kwh": "nan"}, {"soc_target": "eighty", "wanted_kwh": "nan (not a number)"}),
        (NewStation, {"station_id": " CS-1 ", "site_id": "", "password": ""}, {"station_id": "CS-1"}),
        (LimitInput, {"max_kw": "12.5", "source": "", "until": "soon"}, {"max_kw": "12.5", "source": "", "until": "soon"}),
        (EvseSettings, {"rating_kw": "7", "phase": "", "flag": "dc"}, {"rating_kw": "7", "phase": "", "dc": False}),
    ],
)
def test_from_fields_to_a_body(kind, fields, content):
    assert body_of(kind, FormData(list(fields.items())), "Asia/Shanghai", ("soc_target",)) == content


def test_a_document_comes_back_from_its_own_form():
    periods = [
        {"category": "day", "start": "06:00", "end": "22:00", "price_per_kwh": 0.31, "months": "4-9", "days": "weekdays"},
        {"category": "night", "start": "22:00", "end": "06:00", "price_per_kwh": 0.22, "months": "all", "days": "all"},
    ]
    plan = SitePlan(
        "s", 100.0, name="a", margin=0.025, limits=(LimitPlan("a", max_kw=12.5), LimitPlan("b", "a", phase_max_a=63.0, source="x")),
        tariff={"periods": periods, "tax_share": 0.13, "demand_per_kw_month": 9.5},
    )  # fmt: skip
    form = FormData(list(form_of_plan(plan).values.items()))
    import msgspec

    assert msgspec.convert(plan_of_form(form, "s"), SitePlan, strict=False) == plan


def test_the_site_editor_says_everything_that_is_wrong_at_its_field(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            wrong = SITE | {
                "max_kw": "much",
                "margin": "80",
                "zone": "Asia/Shanghai",
                "limits[0].id": "",
                "limits[0].parent": "site",
                "limits[0].max_kw": "-3",
                "limits[4].id": "b",
                "limits[4].parent": "nowhere",
            }
            answer = await post(client, "/sites/north-site", **wrong)
            assert answer.status_code == 422
            assert "much: allowed is a number" in findings(answer.text, "max_kw")
            assert "80: allowed is 0 to 50 %" in findings(answer.text, "margin")
            assert "fill this in" in findings(answer.text, "limits[0].id")
            assert "0 or more" in findings(answer.text, "limits[0].max_kw")
            for name, value in wrong.items():
                if name not in ("op", "policy", "tariff.kind"):
                    assert field(answer.text, name) == value
            assert "correct its parent" in findings(answer.text, "limits[4].parent")
            tariff = {"tariff.kind": "periods", "objective": "riches"} | {
                f"tariff.periods[{k}].{name}": value
                for k, row in enumerate(["peak,08:00,22:00,0.9", "valley,23:00,08:00,cheap"])
                for name, value in zip(("category", "start", "end", "price_per_kwh"), row.split(","), strict=True)
            }
            answer = await post(client, "/sites/north-site", **(SITE | tariff))
            assert "cheap" in findings(answer.text, "tariff.periods[1].price_per_kwh")
            assert "choose from the allowed terms" in findings(answer.text, "objective")
            async with room.browser("north-operator", "zh") as chinese:
                text = (await post(chinese, "/sites/north-site", **wrong)).text
                assert "允许：数字" in findings(text, "max_kw")

    run(tmp_path, job)


def test_the_site_editor_saves_adds_and_drops_rows(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            answer = await post(client, "/sites/north-site", **(SITE | {"op": "add-limit", "name": "typed"}))
            assert (field(answer.text, "limits[0].parent"), field(answer.text, "name")) == ("site", "typed")
            answer = await post(client, "/sites/north-site", **(SITE | {"op": "add-period"}))
            rows = {name: field(answer.text, name) for name in re.findall(r'name="(tariff\.periods\[\d\]\.\w+)"', answer.text)}
            assert rows["tariff.periods[1].category"] == "valley"
            answer = await post(client, "/sites/north-site", **(SITE | rows | {"op": "drop-period-0"}))
            assert "tariff.periods[0]" not in answer.text
            kept = SITE | rows | {"tariff.kind": "periods", "limits[2].id": "board", "limits[2].parent": "site", "limits[2].max_kw": "60"}
            answer = await post(client, "/sites/north-site", **kept)
            assert answer.headers["location"] == "/sites/north-site?said=saved", shown(answer.text)
            text = (await client.get("/sites/north-site?said=saved")).text
            assert field(text, "limits[0].id") == "board"
            assert "Saved." in text
            assert "0.9000" in text  # the price by the hour
            preview = await post(
                client, "/sites/north-site/preview", "/sites/north-site", **(kept | {"tariff.periods[0].price_per_kwh": "0.77"})
            )
            assert "0.7700" in preview.text
            assert "<html" not in preview.text

    run(tmp_path, job)


def test_two_editors_at_one_site(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client, room.browser("north-admin") as other:
            first = field((await client.get("/sites/north-site")).text, "etag")
            assert (await post(other, "/sites/north-site", **(SITE | {"etag": first, "name": "theirs"}))).status_code == 303
            answer = await post(client, "/sites/north-site", **(SITE | {"etag": first, "name": "mine"}))
            assert answer.status_code == 412
            assert "Somebody saved this site while you were typing" in answer.text
            assert field(answer.text, "name") == "mine"
            assert (
                await post(client, "/sites/north-site", **(SITE | {"etag": first, "name": "mine", "op": "overwrite"}))
            ).status_code == 303
            assert field((await client.get("/sites/north-site")).text, "name") == "mine"

    run(tmp_path, job)


def test_piles_are_edited_together(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            start = {"evse[0].station": "north-1", "evse[0].evse": "1", "evse[0].node": "site", "evse[0].n_phase": "3", "evse[0].phase": ""}
            row = start | {"evse[0].rating_kw": "none", "evse[0].current_min_a": "6", "evse[0].discharge_max_kw": "0"}
            answer = await post(client, "/sites/north-site/piles", "/sites/north-site", **row)
            assert (answer.status_code, field(answer.text, "evse[0].rating_kw")) == (422, "none")
            assert "allowed is a number" in findings(answer.text, "evse[0].rating_kw")
            answer = await post(
                client, "/sites/north-site/piles", "/sites/north-site", **(row | {"evse[0].rating_kw": "11", "evse[0].dc": "true"})
            )
            assert answer.status_code == 303
            assert field((await client.get("/sites/north-site")).text, "evse[0].rating_kw") == "11"

    run(tmp_path, job)


def test_a_station_is_registered_once_and_its_password_shown_once(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            answer = await post(client, "/stations/new", station_id="CS-9", site_id="north-site", security_profile="1")
            password = re.search(r'id="password">([^<]+)<', answer.text)
            assert password is not None
            assert len(password[1]) >= 16
            assert password[1] not in (await client.get("/stations/CS-9/settings")).text
            answer = await post(client, "/stations/new", station_id="CS-9", site_id="north-site", security_profile="1")
            assert answer.status_code == 409
            assert field(answer.text, "station_id") == "CS-9"
            answer = await post(client, "/stations/new", station_id="no spaces allowed", security_profile="1")
            assert "letters, digits and the usual signs" in findings(answer.text, "station_id")

    run(tmp_path, job)


def test_a_refused_token_is_registered_by_one_click(tmp_path):
    async def job(room: Room) -> None:
        now_s = room.world.clock.at_s
        asked = '[2,"b","Authorize",{"idToken":{"idToken":"CARD-201","type":"eMAID"}}]'
        for question, given in (
            ('[2,"a","Authorize",{"idTag":"CARD-16"}]', '[3,"a",{"idTagInfo":{"status":"Invalid"}}]'),
            (asked, '[3,"b",{"idTokenInfo":{"status":"Unknown"}}]'),
            ('[2,"c","Authorize",{"idTag":"GOOD"}]', '[3,"c",{"idTagInfo":{"status":"Accepted"}}]'),
        ):
            room.world.db.note_frame(Frame("north-1", now_s, "in", question, "Authorize"))
            room.world.db.note_frame(Frame("north-1", now_s, "out", given, "Authorize"))
        async with room.browser("north-operator") as client, room.browser("south-operator") as other:
            for _ in range(100):
                text = (await client.get("/tokens")).text
                if "CARD-201" in text:
                    break
            assert "CARD-16" in text
            assert "GOOD" not in text
            assert "CARD-16" not in (await other.get("/tokens")).text
            assert (await post(client, "/tokens", token="CARD-201", token_type="eMAID")).status_code == 303
            text = (await client.get("/tokens")).text
            assert 'href="/tokens/eMAID/CARD-201"' in text
            assert "Refused lately" in text
            assert (await post(client, "/tokens/eMAID/CARD-201", status="Blocked", back="/tokens")).headers[
                "location"
            ] == "/tokens?said=saved"

    run(tmp_path, job)


def test_an_alarm_is_acknowledged_until_it_begins_anew(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client, room.browser("south-operator") as other:
            assert "Nobody has seen to these yet" in (await client.get("/alarms")).text
            assert (await post(client, "/battery-warnings/north-warning/acknowledge", "/batteries/north-pack")).status_code == 303
            fields = {"kind": "offline", "subject": "north-1", "note": "the electrician comes"}
            assert (await post(other, "/alarms/acknowledge", "/alarms", **fields)).status_code == 404
            assert (await post(client, "/alarms/acknowledge", "/alarms", **fields)).status_code == 303
            text = (await client.get("/alarms")).text
            assert "Nobody has seen to these yet" not in text
            assert "the electrician comes" in text
            assert "the electrician comes" not in (await other.get("/alarms")).text
            room.world.clock.at_s += 100.0
            from evloom.pile.station import StationConnected, StationDisconnected
            from evloom.store.log import LogEntry

            at_s = room.world.clock.at_s
            await room.world.db.append([LogEntry("north-1", StationConnected("ocpp1.6"), at_s, at_s)])
            await room.world.db.append([LogEntry("north-1", StationDisconnected("gone"), at_s + 1, at_s + 1)])
            for _ in range(100):
                text = (await client.get("/alarms")).text
                if "Nobody has seen to these yet" in text:
                    break
            assert "Nobody has seen to these yet" in text

    run(tmp_path, job)


def test_a_driver_says_when_and_how_much(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-driver") as client:
            answer = await post(client, "/me", ready_by="07:30", wanted_kwh="20", v2g_consent="true", flag="v2g_consent")
            assert answer.headers["location"] == "/me?said=saved", shown(answer.text)
            text = (await client.get("/me")).text
            assert (field(text, "ready_by"), field(text, "wanted_kwh")) == ("07:30", "20")
            assert re.search(r'name="v2g_consent" value="true" checked', text)
            answer = await post(client, "/me", ready_by="at dawn", soc_target="120", flag="v2g_consent")
            assert (answer.status_code, field(answer.text, "ready_by")) == (422, "at dawn")
            assert "a time such as 07:30" in findings(answer.text, "ready_by")
            answer = await post(client, "/me", ready_by="", soc_target="120", flag="v2g_consent")
            assert "120: allowed is 0 to 100 %" in findings(answer.text, "soc_target")
            for path in ("/stations", "/sites", "/users", "/boards/north-site"):
                assert (await client.get(path)).status_code == 403
            assert (await client.get("/sessions/north-1%3At1")).status_code == 200
            assert (await client.get("/sessions/south-1%3At1")).status_code == 404

    run(tmp_path, job)


def test_the_next_half_past_seven_is_never_in_the_past():
    noon = datetime(2026, 7, 1, 4, 0, tzinfo=UTC).timestamp()  # 12:00 in Shanghai
    assert next_time(noon, 13 * 60, "Asia/Shanghai").isoformat() == "2026-07-01T13:00:00+08:00"
    assert next_time(noon, 7 * 60 + 30, "Asia/Shanghai").isoformat() == "2026-07-02T07:30:00+08:00"
    assert next_time(noon, 12 * 60, "Asia/Shanghai").isoformat() == "2026-07-02T12:00:00+08:00"


def test_tariffs_and_contracts(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            text = (await client.get("/contracts/mine?from=orderly-cny")).text
            inputs = re.findall(r'<input id="[^"]*"(?: class="")? name="([^"]+)"[^>]*? value="([^"]*)"', text)
            fields = {name: html.unescape(value) for name, value in inputs}
            fields |= {"op": "save", "time_fees[0].counts": "after charging", "session_fee": "0.005"}
            fields.pop("tax_included", None)
            fields.pop("waived_if_no_energy", None)
            answer = await post(client, "/contracts/mine", **fields)
            assert (answer.status_code, field(answer.text, "service_price_per_kwh")) == (422, "0.40")
            assert "round it" in findings(answer.text, "session_fee")
            answer = await post(client, "/contracts/mine", **(fields | {"session_fee": "0.50"}))
            assert answer.status_code == 303, shown(answer.text)
            assert "0.50" in (await client.get("/contracts/mine")).text
            answer = await post(client, "/contracts/mine", **(fields | {"session_fee": "0.70", "etag": '"0"'}))
            assert answer.status_code == 412
            answer = await post(
                client, "/tariffs/flat", op="save", currency="CNY", zone="UTC", **{"tariff.kind": "flat", "tariff.price_per_kwh": "-1"}
            )
            assert "0 or more per kWh" in findings(answer.text, "tariff.price_per_kwh")
            answer = await post(
                client, "/tariffs/flat", op="save", currency="CNY", zone="UTC", **{"tariff.kind": "flat", "tariff.price_per_kwh": "1"}
            )
            assert answer.status_code == 303

    run(tmp_path, job)


def test_set_up_and_login(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser() as client:
            assert (await client.get("/set-up?token=x")).headers["location"] == "/login"
            answer = await client.post("/login", data={"login": "north-operator", "password": "wrong"})
            assert answer.status_code == 401
            assert "name or password is wrong" in answer.text
            assert 'value="wrong"' not in answer.text
            for _ in range(6):
                answer = await client.post("/login", data={"login": "north-reader", "password": "wrong"})
            assert answer.status_code == 429
            assert "too many wrong passwords" in answer.text
        async with room.browser("north-owner") as client:
            token = csrf((await client.get("/account")).text)
            assert (await client.post("/logout", data={"csrf": token})).headers["location"] == "/login?said=logged-out"
            assert (await client.get("/account")).status_code == 303

    run(tmp_path, job)
