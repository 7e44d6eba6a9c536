"""What must be true of every endpoint of the table: who may, whose it is, what is documented."""

import httpx
import jsonschema_rs
import pytest

from evloom.serve.api.endpoint import Endpoint
from evloom.serve.api.table import TABLE
from evloom.serve.people.roles import Role
from tests.unit.serve.api.sample import body_of, path_of
from tests.unit.serve.api.world import World, run


async def asked(client: httpx.AsyncClient, row: Endpoint, org: str) -> httpx.Response:
    """The answer to a sound request for things of `org`."""
    return await client.request(row.method, path_of(row, org), json=body_of(row, org))


GUARDED = [row for row in TABLE if row.roles is not None and row.name != "events"]


def may(row: Endpoint, role: str) -> bool:
    """Whether the table lets a role in."""
    return row.roles is not None and role in row.roles


def test_names_and_paths_are_unique():
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert len({(row.method, row.path) for row in TABLE}) == len(TABLE)


def test_nobody_gets_anything_without_a_key(tmp_path):
    async def job(world: World) -> None:
        async with world.client(remote="192.0.2.1") as client:
            for row in GUARDED:
                answer = await asked(client, row, "north")
                assert answer.status_code == 401, row.name
                assert answer.headers["content-type"] == "application/problem+json"

    run(tmp_path, job)


def test_only_the_roles_of_the_table_get_in(tmp_path):
    async def job(world: World) -> None:
        for role in Role:
            async with world.client(f"north/{role}", remote="192.0.2.1") as client:
                for row in GUARDED:
                    if not may(row, role):
                        answer = await asked(client, row, "north")
                        assert (answer.status_code, answer.json()["code"]) == (403, "role"), (role, row.name)

    run(tmp_path, job)


OWN_NAME = {"create_user", "create_organisation", "create_station", "create_site", "create_driver", "create_token", "create_vehicle"}


@pytest.mark.parametrize(
    ("role", "url"),
    [("operator", "sqlite"), ("owner", "sqlite"), ("driver", "sqlite"), ("reader", "sqlite"), ("operator", "postgresql")],
    indirect=["url"],
)
def test_nobody_sees_or_changes_what_is_of_another_organisation(tmp_path, role, url):
    async def job(world: World) -> None:
        before = await world.db.read(dump)
        async with world.client(f"south/{role}", remote="192.0.2.1") as client:
            for row in GUARDED:
                if not may(row, role) or "north" not in path_of(row, "north"):
                    continue
                answer = await asked(client, row, "north")
                if "terms_id" in row.path and row.method == "PUT":
                    continue  # makes a tariff of that name in one's own organisation
                assert answer.status_code == 404, (role, row.name, answer.text)
            for row in GUARDED:
                if may(row, role) and row.method == "GET" and "north" not in path_of(row, "north"):
                    text = (await asked(client, row, "north")).text
                    assert "north" not in text, (role, row.name, text)
        assert await world.db.read(dump) == before

    run(tmp_path, job, url=url)


def dump(conn) -> dict[str, list]:
    """Every row that is of north."""
    from evloom.store.tables.base import every_table

    found = {}
    for table in every_table().sorted_tables:
        rows = [tuple(row) for row in conn.execute(table.select())]
        found[table.name] = sorted((row for row in rows if any("north" in str(value) for value in row)), key=str)
    found.pop("api_key")  # keeps when it was last used
    return found


def test_the_own_organisation_is_answered_as_documented(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client() as anybody:
            document = (await anybody.get("/api/openapi.json")).json()
        for role in ("admin", "operator", "owner", "driver", "reader"):
            async with world.client(f"north/{role}", remote="192.0.2.1") as client:
                for row in GUARDED:
                    if may(row, role) and row.method == "GET":
                        check_documented(document, row, await asked(client, row, "north"))
        async with world.client("north/operator") as client:
            for row in GUARDED:
                if may(row, "operator") and row.method != "DELETE":
                    check_documented(document, row, await asked(client, row, "north"))

    run(tmp_path, job, url=url)


def check_documented(document: dict, row: Endpoint, answer: httpx.Response) -> None:
    """The answer's status, media type and body are those of the document."""
    assert answer.status_code < 500 or answer.status_code == 503, (row.name, answer.text)
    said = document["paths"][row.path][row.method.lower()]["responses"]
    assert str(answer.status_code) in said, (row.name, answer.status_code, answer.text)
    content = said[str(answer.status_code)].get("content")
    if not content:
        assert not answer.content, row.name
        return
    media = answer.headers["content-type"].partition(";")[0]
    shapes = {name.partition(";")[0]: shape for name, shape in content.items()}
    assert media in shapes, (row.name, media)
    if media in ("application/json", "application/problem+json"):
        validator(document, shapes[media]["schema"]).validate(answer.json())


VALIDATORS: dict[str, jsonschema_rs.Validator] = {}


def validator(document: dict, schema: dict) -> jsonschema_rs.Validator:
    """A validator for a schema of the document, made once."""
    key = repr(schema)
    if key not in VALIDATORS:
        VALIDATORS[key] = jsonschema_rs.validator_for({**schema, "components": document["components"]})
    return VALIDATORS[key]
