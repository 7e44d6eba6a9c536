"""Bad input on a running platform. BAD_INPUT lists, for each kind of it, the tests that hold what happens; these and others."""

import ast
import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.system.api_server import PASSWORD, Served, served
from tests.system.gateway_room import until
from tests.system.ocpp_client import OcppClient, frame
from tests.unit.store.postgres import PostgresServer, postgres_server

ROOT = Path(__file__).parents[2]
HERE = "tests/system/test_serve_bad_input.py"
GATEWAY_BAD, LIFE, TLS = (f"tests/system/test_gateway_{name}.py" for name in ("bad", "life", "tls"))
API_INPUT, API_STATIONS, EVENTS = (f"tests/unit/serve/api/test_{name}.py" for name in ("input", "stations", "events"))
WRONG_VALUE = "test_a_wrong_value_is_answered_with_its_field_and_what_is_allowed"
BAD_INPUT: dict[str, dict[str, list[str]]] = {
    "half a JSON": {
        HERE: ["test_half_a_json_and_ten_thousand_brackets"],
        API_INPUT: ["test_what_is_not_the_business_of_a_handler_is_answered_in_one_way"],
    },
    "20 MB message": {
        HERE: ["test_twenty_megabytes"],
        GATEWAY_BAD: ["test_20_mb_are_refused_by_their_length_alone"],
        TLS: ["test_a_huge_message_over_tls_is_refused_and_said"],
    },
    "10,000 deep nesting": {
        HERE: ["test_half_a_json_and_ten_thousand_brackets"],
        "tests/unit/wire/ocpp/test_frame.py": ["test_deep_nesting_is_refused_at_once"],
    },
    "wrong sub-protocol": {
        HERE: ["test_sub_protocols_that_nobody_speaks"],
        LIFE: ["test_wrong_sub_protocol_is_closed_after_the_handshake_as_ocpp_asks"],
    },
    "wrong password 1,000 times": {
        HERE: ["test_a_thousand_wrong_passwords_of_a_person"],
        LIFE: ["test_a_wrong_password_a_thousand_times_and_then_the_right_one"],
    },
    "two stations with one identity": {
        HERE: ["test_two_devices_of_one_name"],
        LIFE: ["test_the_newer_connection_closes_the_older_and_flapping_is_noticed"],
        "tests/system/test_cluster.py": ["test_the_newer_connection_wins_across_gateways_and_the_older_can_do_no_harm"],
    },
    "a certificate for another station": {TLS: ["test_a_certificate_of_another_station_is_refused_and_said"]},
    "clock jumps": {
        "tests/unit/serve/desk/test_dirty_stations.py": ["test_a_clock_that_is_off_by_years"],
        "tests/unit/serve/test_system_clock.py": ["test_a_clock_that_is_set_back_makes_nobody_wait_for_ever"],
        "tests/unit/serve/billing/test_job.py": ["test_a_clock_that_was_ahead_and_is_set_right_delays_no_bill"],
    },
    "disk full": {
        HERE: ["test_a_full_disk_refuses_what_is_new_and_keeps_who_charges"],
        "tests/unit/store/test_full.py": ["test_sqlite_without_room", "test_a_disk_without_room"],
    },
    "database gone for a minute": {
        HERE: ["test_a_database_that_is_gone_for_a_while"],
        "tests/system/test_store_gone.py": ["test_appends_wait_while_it_is_away", "test_what_waits_too_long_is_refused_in_the_open"],
        "tests/system/test_cluster.py": ["test_a_database_that_is_gone_refuses_newcomers_and_keeps_the_others"],
    },
    "a slow reader": {
        GATEWAY_BAD: ["test_a_slow_reader_is_given_up_when_its_buffer_is_full"],
        EVENTS: ["test_a_slow_reader_is_let_go_visibly"],
    },
    "SQL and HTML in every text field": {
        API_INPUT: ["test_harmful_text_anywhere_is_never_a_server_error", "test_harmful_text_is_kept_as_text_in_every_text_field"],
        "tests/unit/serve/desk/test_desk_transactions.py": ["test_texts_with_html_sql_and_nul_are_texts"],
        "tests/unit/serve/console/test_injection.py": ["test_what_people_and_stations_say_stays_text"],
        "tests/unit/serve/billing/test_receipts.py": ["test_the_page_escapes_what_others_wrote", "test_a_sheet_runs_no_formula_of_others"],
    },
    "a tariff without currency": {HERE: ["test_prices_and_limits_that_are_none"], API_INPUT: [WRONG_VALUE]},
    "a limit of zero or negative": {HERE: ["test_prices_and_limits_that_are_none"], API_INPUT: [WRONG_VALUE]},
    "time zone changes": {
        HERE: ["test_another_time_zone_while_a_car_charges"],
        "tests/unit/market/test_offer.py": ["test_days_on_which_the_clock_changes"],
        "tests/unit/serve/site/test_scenario.py": ["test_a_run_ends_at_local_midnight"],
    },
    "deleting a station with an open session": {
        HERE: ["test_a_station_is_removed_while_it_charges"],
        API_STATIONS: ["test_a_station_with_a_running_session_is_removed_only_when_forced"],
    },
}


def test_every_kind_has_its_tests():
    for kind, files in BAD_INPUT.items():
        assert files, kind
        for path, names in files.items():
            tree = ast.parse((ROOT / path).read_text())
            there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert set(names) <= there, (kind, path, names)


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("bad"), AUTHORISATION__UNKNOWN_TOKENS="accept") as here:
        yield here


@pytest.fixture
def office(platform: Served, socket_enabled) -> Iterator[httpx.Client]:
    """The administrator's client."""
    with platform.client(_key(platform)) as client:
        yield client


_keys: dict[str, str] = {}


def _key(platform: Served) -> str:
    """One key for all tests: each login counts."""
    if platform.url not in _keys:
        _keys[platform.url] = platform.admin_key()
    return _keys[platform.url]


def port_of(platform: Served) -> int:
    return int(platform.chargers.split(":")[2].split("/")[0])


async def charging(port: int, name: str) -> tuple[OcppClient, int]:
    """A station of 1.6 with a car; its transaction."""
    station = await OcppClient.connect(port, f"/ocpp/{name}")
    await station.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    started = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": now()}
    number = (await station.call("StartTransaction", started))["transactionId"]
    await station.call("MeterValues", values(number, 1100))
    return station, number


def now() -> str:

    return datetime.now(UTC).isoformat()


def values(number: int, register_wh: int) -> dict[str, Any]:
    sampled = [{"value": str(register_wh)}, {"value": "4100", "measurand": "Power.Active.Import", "unit": "W"}]
    return {"connectorId": 1, "transactionId": number, "meterValue": [{"timestamp": now(), "sampledValue": sampled}]}


async def asked(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    return await asyncio.to_thread(client.request, method, path, **more)


async def session_of(client: httpx.Client, name: str) -> dict[str, Any]:
    """A session, once all that was said of it is worked out."""
    await lag_gone(client)
    found = await asked(client, "GET", f"/api/v1/sessions/{name}")
    session: dict[str, Any] = found.json()["session"]
    return session


async def lag_gone(client: httpx.Client) -> None:
    async with asyncio.timeout(20.0):
        while "evloom_projection_lag_events 0.0" not in (await asked(client, "GET", "/metrics")).text:  # noqa: ASYNC110  seen from outside
            await asyncio.sleep(0.05)


async def on_board(client: httpx.Client, name: str) -> None:
    """Return when the loop of the site has the session."""
    async with asyncio.timeout(30.0):
        while True:
            board = (await asked(client, "GET", "/api/v1/sites/site-1/board")).json()
            if board["running"] and any(row["session_id"] == name for row in board["evses"]):
                return
            await asyncio.sleep(0.1)


def test_half_a_json_and_ten_thousand_brackets(platform, office):
    async def story():
        station, number = await charging(port_of(platform), "HALF")
        answers: list[Any] = []
        station.on_answer = lambda body: answers.append(json.loads(body))
        deep = "[" * 10_000 + "]" * 10_000
        station.send(b'[2,"h1","MeterValues",{"connectorId":1,')
        station.send(f'[2,"h2","DataTransfer",{{"vendorId":"x","data":{deep}}}]'.encode())
        station.send(deep.encode())
        await until(lambda: len(answers) >= 3)
        station.on_answer = None
        assert [answer[0] for answer in answers] == [4, 4, 4], answers
        await station.call("MeterValues", values(number, 1200))
        await station.close()

    asyncio.run(story())
    head = {"content-type": "application/json"}
    for body in (b'{"name": "x', b"[" * 10_000 + b"]" * 10_000, b'{"document": ' * 10_000 + b"1" + b"}" * 10_000):
        answer = office.put("/api/v1/tariffs/x", content=body, headers=head)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_twenty_megabytes(platform, office):
    async def story():
        station, number = await charging(port_of(platform), "HUGE")
        station.transport.write(frame(b"x" * 20_000_000))
        await asyncio.wait_for(station.closed, 20.0)
        assert station.close_code in (0, 1009)
        again = await OcppClient.connect(port_of(platform), "/ocpp/HUGE")
        await again.call("MeterValues", values(number, 1300))
        await again.close()

    asyncio.run(story())
    body = b'{"name": "' + b"x" * 20_000_000 + b'"}'
    assert office.post("/api/v1/drivers", content=body, headers={"content-type": "application/json"}).status_code == 413
    assert office.get("/healthz").status_code == 200


def test_sub_protocols_that_nobody_speaks(platform, office):
    async def story():
        station = await OcppClient.connect(port_of(platform), "/ocpp/OLD", ("ocpp1.2", "ocpp1.5"))
        await asyncio.wait_for(station.closed, 10.0)
        assert (station.subprotocol, station.close_code) == ("", 1002)

    asyncio.run(story())
    assert office.get("/api/v1/stations/OLD").status_code == 404


def test_a_thousand_wrong_passwords_of_a_person(platform, office):
    with platform.client() as stranger:
        codes = [stranger.post("/api/v1/login", json={"login": "admin", "password": f"wrong horse {n}"}).status_code for n in range(1000)]
        assert set(codes) == {401, 429}
        assert codes.count(401) < 20
        late = stranger.post("/api/v1/login", json={"login": "admin", "password": PASSWORD})
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) >= 1
    assert office.get("/api/v1/me").status_code == 200  # who has a key works on


def test_two_devices_of_one_name(platform, office):
    async def story():
        one, number = await charging(port_of(platform), "TWIN")
        two = await OcppClient.connect(port_of(platform), "/ocpp/TWIN")
        await asyncio.wait_for(one.closed, 10.0)
        assert one.close_code == 1008
        await two.call("MeterValues", values(number, 1400))
        await two.close()

    asyncio.run(story())
    sessions = office.get("/api/v1/sessions", params={"station_id": "TWIN"}).json()["items"]
    assert len(sessions) == 1


def test_prices_and_limits_that_are_none(platform, office):
    tariff = {"document": {"price_per_kwh": 0.3, "zone": "UTC", "name": "x"}}
    refused = office.put("/api/v1/tariffs/bare", json=tariff)
    assert "currency" in {fault["field"] for fault in refused.json()["findings"]}, refused.text
    plan = office.get("/api/v1/sites/site-1/plan")
    for limit_kw in (0, -1, -0.0, 1e400, "100", None):
        for method, path, key in (("PUT", "limits/site", "max_kw"), ("PUT", "plan", "max_kw")):
            body = {**plan.json(), key: limit_kw} if path == "plan" else {key: limit_kw}
            content = json.dumps(body)
            head = {"content-type": "application/json", "if-match": plan.headers["etag"]}
            answer = office.request(method, f"/api/v1/sites/site-1/{path}", content=content, headers=head)
            assert answer.status_code in (400, 422), (path, limit_kw, answer.text)
    below = office.put("/api/v1/sites/site-1/plan", json={**plan.json(), "limits": [{"id": "a", "max_kw": -3}]}, headers=head)
    assert below.status_code == 422, below.text
    assert office.get("/api/v1/sites/site-1/plan").json() == plan.json()


def test_another_time_zone_while_a_car_charges(platform, office):
    async def story():
        station, number = await charging(port_of(platform), "ZONE")
        for zone in ("Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "UTC"):
            assert (await asked(office, "PATCH", "/api/v1/sites/site-1", json={"zone": zone})).status_code == 200
            await station.call("MeterValues", values(number, 1500))
            await on_board(office, f"ZONE:{number}")
        stop = {"transactionId": number, "meterStop": 1600, "timestamp": now()}
        await station.call("StopTransaction", stop)
        await station.close()
        session = await session_of(office, f"ZONE:{number}")
        assert session["energy_kwh"] == pytest.approx(0.6)
        assert (await asked(office, "PATCH", "/api/v1/sites/site-1", json={"zone": "Mars/Olympus"})).status_code == 422

    asyncio.run(story())


def test_a_station_is_removed_while_it_charges(platform, office):
    async def story():
        station, number = await charging(port_of(platform), "GONE")
        path = "/api/v1/stations/GONE"
        refused = await asked(office, "DELETE", path)
        assert refused.status_code == 409, refused.text
        await station.call("MeterValues", values(number, 1700))
        assert (await asked(office, "DELETE", path, params={"force": "true"})).status_code == 204
        await asyncio.wait_for(station.closed, 10.0)
        session = await session_of(office, f"GONE:{number}")
        assert session["energy_kwh"] == pytest.approx(0.7)  # what it charged stays
        board = (await asked(office, "GET", "/api/v1/sites/site-1/board")).json()
        assert not [row for row in board["evses"] if row["station_id"] == "GONE"]

    asyncio.run(story())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data folder on a file system of 6 MB."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=6m", "none", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let the test mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_what_is_new_and_keeps_who_charges(tmp_path, small_disk, socket_enabled):
    with served(tmp_path, AUTHORISATION__UNKNOWN_TOKENS="accept", OCPP__UNKNOWN_STATIONS="accept") as here, here.client() as client:
        client.headers["authorization"] = f"Bearer {here.admin_key()}"

        async def story():
            station, number = await charging(port_of(here), "FULL")
            ballast = small_disk / "ballast"
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            register = 2000
            refused = None
            while refused is None:  # until the room that the database had in its files is used up
                try:
                    await station.call("MeterValues", values(number, register))
                    register += 10
                except RuntimeError as error:
                    refused = error
            assert "InternalError" in str(refused)
            await station.call("Heartbeat", {})
            wrong = await asked(client, "POST", "/api/v1/drivers", json={"name": "x" * 50, "note": "n" * 900})
            while wrong.status_code == 201:
                wrong = await asked(client, "POST", "/api/v1/drivers", json={"name": "x" * 50, "note": "n" * 900})
            assert (wrong.status_code, wrong.json()["code"]) == (503, "database-full")
            assert "full" in json.dumps((await asked(client, "GET", "/readyz")).json())
            assert (await asked(client, "GET", "/healthz")).status_code == 200
            await on_board(client, f"FULL:{number}")
            n_profile = sum(action == "SetChargingProfile" for action, _ in station.asked)
            ballast.unlink()
            await station.call("MeterValues", values(number, register + 10))
            assert sum(action == "SetChargingProfile" for action, _ in station.asked) >= n_profile
            await station.call("StopTransaction", {"transactionId": number, "meterStop": register + 20, "timestamp": now()})
            session = await session_of(client, f"FULL:{number}")
            assert session["end_kwh"] == pytest.approx((register + 20) / 1000)
            await station.close()

        asyncio.run(story())


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """PostgreSQL, which runs again afterwards."""
    server = postgres_server()
    yield server
    server.start()


def test_a_database_that_is_gone_for_a_while(tmp_path, server, socket_enabled):
    with served(tmp_path, AUTHORISATION__UNKNOWN_TOKENS="accept", DATABASE__URL=server.fresh()) as here, here.client() as client:
        client.headers["authorization"] = f"Bearer {here.admin_key()}"

        async def story():
            station, number = await charging(port_of(here), "AWAY")
            await on_board(client, f"AWAY:{number}")
            await asyncio.to_thread(server.stop)
            waiting = asyncio.create_task(station.call("MeterValues", values(number, 2000), timeout_s=60.0))
            assert await station.call("Heartbeat", {})
            ready = await asked(client, "GET", "/readyz")
            assert ready.status_code == 503
            assert (await asked(client, "GET", "/healthz")).status_code == 200
            assert (await asked(client, "GET", "/api/v1/stations")).status_code == 503
            await asyncio.to_thread(server.start)
            assert await waiting == {}
            await station.call("StopTransaction", {"transactionId": number, "meterStop": 2100, "timestamp": now()})
            session = await session_of(client, f"AWAY:{number}")
            assert session["end_kwh"] == pytest.approx(2.1)
            await station.close()

        asyncio.run(story())
