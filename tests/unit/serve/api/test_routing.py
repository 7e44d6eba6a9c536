"""What becomes of a request on its way to a handler and back, whatever goes wrong."""

import httpx
import pytest
from starlette.applications import Starlette

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.routing import routes_of
from evloom.serve.people.roles import ALL
from evloom.store.errors import Conflict, StoreClosed, StoreFull, StoreGone
from tests.unit.serve.api.world import World, run

FINDING = Finding("a.b", "refused", "x", None, "power_kw", "-1 kW", ">= 0 kW", "correct it")


async def write(call: Call) -> None:
    """Write something without a line of audit of its own."""


async def asked(world: World, row: Endpoint, who: str = "north/operator") -> httpx.Response:
    """The answer of a platform that has this row alone."""
    transport = httpx.ASGITransport(Starlette(routes=routes_of(world.platform, [row])), client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://evloom.test") as client:
        return await client.request(row.method, row.path, headers={"authorization": f"Bearer {world.key[who]}"})


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreFull("full"), 503, "database-full"),
        (StoreGone("gone"), 503, "database-gone"),
        (StoreClosed("closed"), 503, "database-gone"),
        (Conflict("used before"), 409, "conflict"),
        (InputError([FINDING]), 422, "wrong-input"),
        (RuntimeError("a mistake of ours"), 500, "internal"),
    ],
)
def test_an_error_is_told_in_one_form_and_nothing_of_our_inside(tmp_path, error, status, code):
    async def job(world: World) -> None:
        async def fail(call: Call) -> None:
            """Fail."""
            raise error

        answer = await asked(world, endpoint(fail, "GET /fail", "x", ALL))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "a mistake of ours" not in answer.text
        assert answer.headers["x-request-id"]
        if status == 503:
            assert int(answer.headers["retry-after"]) > 0

    run(tmp_path, job)


def test_a_write_that_left_no_line_of_audit_gets_one(tmp_path):
    async def job(world: World) -> None:
        assert (await asked(world, endpoint(write, "POST /write", "x", ALL))).status_code == 204
        async with world.client("north/operator") as client:
            line = (await client.get("/api/v1/audit")).json()["items"][0]
        assert (line["action"], line["subject"], line["actor"]) == ("write", "/api/v1/write", "key:north-operator")

    run(tmp_path, job)


def test_a_path_twice_or_a_parameter_that_is_not_in_the_path_is_a_mistake_of_ours(tmp_path):
    async def job(world: World) -> None:
        row = endpoint(write, "POST /write", "x", ALL)
        with pytest.raises(ValueError, match="twice"):
            routes_of(world.platform, [row, row])

    run(tmp_path, job)
