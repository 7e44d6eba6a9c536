"""Coming in: set-up, log-in, sessions, CSRF, throttling."""

from tests.unit.serve.api.world import PASSWORD, World, run

SET_UP = {"login": "ada", "password": PASSWORD, "name": "Ada", "organisation": "Lab"}


def test_the_first_administrator_needs_the_printed_token_and_this_machine(tmp_path):
    async def job(world: World) -> None:
        token = world.platform.first.token
        async with world.client(remote="192.0.2.7") as far:
            assert (await far.post("/api/v1/setup", json={**SET_UP, "token": token})).status_code == 403
        async with world.client() as near:
            assert (await near.get("/api/v1/me")).json()["detail"].startswith("there is no administrator yet")
            assert (await near.post("/api/v1/setup", json={**SET_UP, "token": "guess"})).status_code == 403
            weak = await near.post("/api/v1/setup", json={**SET_UP, "token": token, "password": "aaaaaaaaaaada"})
            assert weak.status_code == 422
            assert {fault["code"] for fault in weak.json()["findings"]} == {"password.weak"}
            made = await near.post("/api/v1/setup", json={**SET_UP, "token": token})
            assert made.status_code == 201
            assert made.json()["role"] == "admin"
            assert (await near.get("/api/v1/me")).json()["name"] == "Ada"
            assert (await near.post("/api/v1/setup", json={**SET_UP, "token": token})).status_code == 409

    run(tmp_path, job, filled=False)


def test_a_write_with_the_cookie_needs_the_csrf_token(tmp_path):
    async def job(world: World) -> None:
        async with world.client() as client:
            me = (await client.post("/api/v1/setup", json={**SET_UP, "token": world.platform.first.token})).json()
            refused = await client.post("/api/v1/organisations", json={"name": "x"})
            assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
            done = await client.post("/api/v1/organisations", json={"name": "x"}, headers={"X-CSRF-Token": me["csrf"]})
            assert done.status_code == 201
            assert (await client.post("/api/v1/logout", headers={"X-CSRF-Token": me["csrf"]})).status_code == 204
            assert (await client.get("/api/v1/me")).status_code == 401

    run(tmp_path, job, filled=False)
