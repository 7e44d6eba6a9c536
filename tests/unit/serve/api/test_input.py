"""Wrong input: every answer says what is wrong, and nothing harmful does harm."""

import msgspec
import pytest

from evloom.serve.api.problem import Problem
from evloom.serve.api.reading import read_json, read_query
from evloom.serve.api.sessions import SessionQuery
from evloom.serve.api.table import TABLE
from tests.unit.serve.api.sample import BODIES, body_of, path_of
from tests.unit.serve.api.world import World, run

HARM = ["'; DROP TABLE station; --", '<script>alert("x")</script>', '" onload="x', "{{7*7}}", "%s%n", "../../etc/passwd", "名前 ünï ☃"]


def test_harmful_text_is_kept_as_text_in_every_text_field(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            for text in HARM:
                made = (await client.post("/api/v1/drivers", json={"name": text, "note": text, "vehicle": text, "email": text})).json()
                read = (await client.get(f"/api/v1/drivers/{made['driver_id']}")).json()
                assert (read["name"], read["note"], read["vehicle"], read["email"]) == (text, text, text, text)
                site = await client.post("/api/v1/sites", json={"name": text, "zone": "UTC", "max_kw": 5.0, "source": text})
                assert site.json()["name"] == text
                for path in ("/api/v1/audit", "/api/v1/stations", "/api/v1/tokens"):
                    assert (await client.get(path, params={"actor": text} if "audit" in path else {})).status_code == 200
            assert len((await client.get("/api/v1/stations")).json()["items"]) == 2

    run(tmp_path, job)


def test_harmful_text_anywhere_is_never_a_server_error(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            for row in TABLE:
                if "body" not in row.arguments or row.name in ("login", "change_password", "set_up"):
                    continue
                sound = body_of(row, "north") or {}
                fields = msgspec.structs.fields(row.arguments["body"])
                for field in fields:
                    for text in ("\0", "x" * 10_000, *HARM[:2]):
                        answer = await client.request(row.method, path_of(row, "north"), json={**sound, field.encode_name: text})
                        assert answer.status_code < 500 or answer.status_code == 503, (row.name, field.name, text[:30], answer.text)
                        if text in ("\0",):
                            assert answer.status_code == 422, (row.name, field.name)

    run(tmp_path, job)


def test_unknown_fields_are_refused_and_every_fault_is_told(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            for row in TABLE:
                if "body" in row.arguments and row.name not in ("login", "set_up"):
                    answer = await client.request(row.method, path_of(row, "north"), json={**(body_of(row, "north") or {}), "no_such": 1})
                    assert answer.status_code == 422, row.name
                    assert answer.json()["findings"][0]["field"] == "no_such"
            answer = await client.post("/api/v1/sites", json={"name": "", "zone": "Mars/Olympus", "max_kw": 0, "currency": "yuan"})
            assert {fault["field"] for fault in answer.json()["findings"]} == {"name", "max_kw", "currency"}

    run(tmp_path, job)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/api/v1/sites/north-site/limits/site", {"max_kw": 0}, "max_kw"),
        ("PUT", "/api/v1/sites/north-site/limits/site", {"max_kw": -5}, "max_kw"),
        ("POST", "/api/v1/sites", {"name": "x", "zone": "Mars/Olympus", "max_kw": 5}, "zone"),
        ("PATCH", "/api/v1/sites/north-site", {"zone": "Europe/Atlantis"}, "zone"),
        ("PUT", "/api/v1/tariffs/flat", {"document": {"price_per_kwh": 0.3, "zone": "UTC"}}, "currency"),
        ("PUT", "/api/v1/stations/north-1/evse/1", {"rating_kw": -1}, "rating_kw"),
        ("POST", "/api/v1/stations/north-1/commands", {"command": {"command": "Explode"}}, "command"),
        ("POST", "/api/v1/sites/north-site/base-load", {"readings": []}, "readings"),
    ],
)
def test_a_wrong_value_is_answered_with_its_field_and_what_is_allowed(tmp_path, method, path, body, field):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 422, answer.text
            (fault,) = [fault for fault in answer.json()["findings"] if fault["field"].endswith(field)]
            assert fault["allowed"]
            assert fault["advice"]

    run(tmp_path, job)


def test_what_is_not_the_business_of_a_handler_is_answered_in_one_way(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            path = "/api/v1/drivers"
            wrong = {
                404: await client.get("/api/v1/nothing"),
                405: await client.request("TRACE", path),
                406: await client.get(path, headers={"accept": "image/png"}),
                415: await client.post(path, content=b"name=x", headers={"content-type": "application/x-www-form-urlencoded"}),
                400: await client.post(path, content=b'{"name": "x', headers={"content-type": "application/json"}),
                413: await client.post(path, content=b'"' + b"x" * (1 << 21) + b'"', headers={"content-type": "application/json"}),
            }
            for status, answer in wrong.items():
                assert answer.status_code == status
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == status
            assert wrong[405].headers["allow"] == "GET, HEAD, OPTIONS, POST"
            deep = b"[" * 100_000 + b"]" * 100_000
            assert (await client.post(path, content=deep, headers={"content-type": "application/json"})).status_code == 400
            options = await client.options(path)
            assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
            head = await client.head(path)
            assert (head.status_code, head.content) == (200, b"")

    run(tmp_path, job)


def test_every_answer_has_the_security_headers(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            for path in ("/api/v1/drivers", "/api/v1/nothing", "/healthz"):
                headers = (await client.get(path)).headers
                assert "script-src 'self'" in headers["content-security-policy"]
                assert "frame-ancestors 'none'" in headers["content-security-policy"]
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"]

    run(tmp_path, job)


def test_a_whole_number_may_be_written_as_json_allows():
    assert read_json(b'{"a": 2.0, "b": [3.5, 1e2]}') == {"a": 2, "b": [3.5, 100]}


@pytest.mark.parametrize(
    ("name", "value"), [("open", "1"), ("started_from", "0.5"), ("limit", "0"), ("limit", "501"), ("evse", "x"), ("station_id", "a\0b")]
)
def test_a_parameter_means_what_the_document_says(name, value):
    with pytest.raises(Problem) as raised:
        read_query(SessionQuery, [(name, value)])
    assert raised.value.findings[0].field == name


def test_a_parameter_that_is_sent_twice_is_refused():
    with pytest.raises(Problem):
        read_query(SessionQuery, [("limit", "1"), ("limit", "2")])


def test_every_endpoint_with_a_body_has_a_sample():
    assert {row.name for row in TABLE if "body" in row.arguments} == set(BODIES)
