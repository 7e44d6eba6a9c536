"""Keys and sessions: what lets somebody in, and when no longer."""

from evloom.serve.people.door import ABSOLUTE_S, COOKIE, IDLE_S, Entry, Turned, csrf_fits, digest, session_cookie
from evloom.store import people
from evloom.store.scope import EVERYTHING
from tests.unit.serve.api.world import PASSWORD, World, run


async def with_user(world: World) -> None:
    """Give the user of north a password."""
    kept = await world.platform.door.hashed(PASSWORD)
    await world.db.write(lambda conn: people.change_user(conn, "north-user", {"password_hash": kept}))


async def entered(world: World) -> Entry:
    """Log the user of north in."""
    entry = await world.platform.door.login("North@X", PASSWORD, "192.0.2.1")
    assert isinstance(entry, Entry)
    return entry


def test_a_session_ends_when_idle_when_old_and_at_logout(tmp_path):
    async def job(world: World) -> None:
        door = world.platform.door
        await with_user(world)
        entry = await entered(world)
        headers = {"cookie": f"a=b; {COOKIE}={entry.cookie}"}
        assert (await door.caller(headers, "")) is not None
        world.clock.at_s += IDLE_S - 1.0
        assert (await door.caller(headers, "")) is not None
        world.clock.at_s += IDLE_S + 1.0
        assert (await door.caller(headers, "")) is None
        entry, began_s = await entered(world), world.clock.at_s
        headers = {"cookie": f"{COOKIE}={entry.cookie}"}
        while world.clock.at_s < began_s + ABSOLUTE_S:
            assert (await door.caller(headers, "")) is not None
            world.clock.at_s += IDLE_S / 2.0
        world.clock.at_s += 1.0
        assert (await door.caller(headers, "")) is None
        entry = await entered(world)
        await door.logout(entry.caller)
        assert (await door.caller({"cookie": f"{COOKIE}={entry.cookie}"}, "")) is None

    run(tmp_path, job)


def test_what_a_cookie_or_key_holds_is_not_in_the_database(tmp_path):
    async def job(world: World) -> None:
        await with_user(world)
        entry = await entered(world)
        content = (tmp_path / "evloom.db").read_bytes() + (tmp_path / "evloom.db-wal").read_bytes()
        assert digest(entry.cookie).encode() in content
        for secret in (entry.cookie, PASSWORD, *world.key.values()):
            assert secret.encode() not in content

    run(tmp_path, job)


def test_a_changed_password_or_a_closed_account_ends_every_session(tmp_path):
    async def job(world: World) -> None:
        await with_user(world)
        entry = await entered(world)
        async with world.client("north/operator") as client:
            assert (await client.patch("/api/v1/users/north-user", json={"disabled": True})).status_code == 200
        assert (await world.platform.door.caller({"cookie": f"{COOKIE}={entry.cookie}"}, "")) is None
        assert await world.platform.door.login("north@x", PASSWORD, "192.0.2.1") == Turned()

    run(tmp_path, job)


def test_wrong_passwords_are_slowed_and_the_right_user_gets_in_from_elsewhere(tmp_path):
    async def job(world: World) -> None:
        await with_user(world)
        async with world.client(remote="192.0.2.66") as bad:
            codes = [(await bad.post("/api/v1/login", json={"login": "north@x", "password": f"no{n}"})).status_code for n in range(60)]
            assert codes[0] == 401
            assert codes.count(401) < 10
            late = await bad.post("/api/v1/login", json={"login": "north@x", "password": PASSWORD})
            assert late.status_code == 429
            assert int(late.headers["retry-after"]) >= 1
        async with world.client(remote="198.51.100.1") as good:
            answer = await good.post("/api/v1/login", json={"login": "north@x", "password": PASSWORD})
            assert answer.status_code == 200
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie

    run(tmp_path, job)


def test_a_key_ends_when_it_expires_or_is_revoked(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            made = (
                await client.post("/api/v1/api-keys", json={"name": "x", "role": "reader", "expires_at": "2026-10-01T00:00:00Z"})
            ).json()
            headers = {"authorization": f"Bearer {made['key']}"}
            assert made["key"].startswith(made["about"]["prefix"])
            assert (await client.get("/api/v1/me", headers=headers)).json()["role"] == "reader"
            world.clock.at_s += 400 * 86400.0
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
            mine = (await client.post("/api/v1/api-keys", json={"name": "y", "role": "reader"})).json()
            headers = {"authorization": f"Bearer {mine['key']}"}
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
            assert (await client.delete(f"/api/v1/api-keys/{mine['about']['key_id']}")).status_code == 204
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
            for broken in ("", "Bearer", "Bearer x", "Bearer evk_zz_zz", "Basic evk", f"Bearer {mine['key'][:-1]}é"):
                sent = {"authorization": broken.encode()}
                assert (await client.get("/api/v1/me", headers=sent)).status_code == 401

    run(tmp_path, job)


def test_nobody_gives_away_more_than_the_own_role(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            body = {"login": "eve", "password": PASSWORD, "name": "Eve", "role": "admin"}
            assert (await client.post("/api/v1/users", json=body)).status_code == 403
            assert (await client.patch("/api/v1/users/north-user", json={"role": "admin"})).status_code == 403
            assert (await client.post("/api/v1/api-keys", json={"name": "x", "role": "admin"})).status_code == 403
            assert (await client.post("/api/v1/users", json={**body, "role": "reader", "org_id": "south"})).status_code == 403
            assert (await client.delete("/api/v1/api-keys/north-admin")).status_code == 403
        async with world.client("north/driver") as client:
            assert (await client.patch("/api/v1/tokens/ISO14443/north-card", json={"master": True})).status_code == 403
            assert (await client.patch("/api/v1/tokens/ISO14443/north-card", json={"status": "Blocked"})).status_code == 200

    run(tmp_path, job)


def test_the_last_administrator_stays(tmp_path):
    async def job(world: World) -> None:
        async with world.client("north/admin") as client:
            body = {"login": "ada", "password": PASSWORD, "name": "Ada", "role": "admin"}
            user_id = (await client.post("/api/v1/users", json=body)).json()["user_id"]
            for change in ({"disabled": True}, {"role": "reader"}):
                assert (await client.patch(f"/api/v1/users/{user_id}", json=change)).status_code == 409
            assert (await client.delete(f"/api/v1/users/{user_id}")).status_code == 409
            row = await world.db.read(lambda conn: people.user_of(conn, EVERYTHING, user_id))
            assert row is not None
            assert row["role"] == "admin"

    run(tmp_path, job)


def test_cookies_of_others_are_no_session():
    assert session_cookie("a=b; c") == ""
    assert session_cookie(f"{COOKIE}=x") == "x"
    assert session_cookie("\x00;;==") == ""


def test_csrf_binds_sessions_only(tmp_path):
    async def job(world: World) -> None:
        await with_user(world)
        caller = (await entered(world)).caller
        assert csrf_fits(caller, caller.csrf)
        assert not csrf_fits(caller, "")
        assert not csrf_fits(caller, "ü")

    run(tmp_path, job)
