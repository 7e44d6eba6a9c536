"""Coming in: the first administrator, logging in and out, who I am."""

from typing import Annotated

import msgspec
from msgspec import Meta

from evloom.serve.api.call import Call, Change
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, Problem, conflict, wrong
from evloom.serve.api.shape import Input, Instant, Name, of_row
from evloom.serve.people import first
from evloom.serve.people.door import Turned
from evloom.serve.people.passwords import faults_of
from evloom.serve.people.roles import ALL, Caller
from evloom.store import people
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING

Login = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$(?!\n)",
        description="Name to log in with, or an e-mail address",
    ),
]
Password = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000]*$")]

NewPassword = Annotated[str, Meta(min_length=10, max_length=200, pattern=r"^[^\u0000]*$")]
"""Not one of those that are tried first, at least 5 different characters, without the login in it."""


class SetUp(Input):
    """The first administrator. `token` is what `evloom serve` printed."""

    token: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
    login: Login
    password: NewPassword
    name: Name = "Administrator"
    organisation: Name = "My organisation"


class Credentials(Input):
    """Name and password."""

    login: Login
    password: Password


class PasswordChange(Input):
    """The old password and the new one."""

    old: Password
    new: NewPassword


class Me(msgspec.Struct):
    """Who the caller is. `csrf` is what writes with the session cookie send as X-CSRF-Token; "" for an API key."""

    actor: str
    name: str
    role: str
    org_id: str
    site_ids: list[str]
    driver_id: str
    csrf: str


class SessionView(msgspec.Struct):
    """A session of a browser."""

    created_at: Instant
    seen_at: Instant
    remote: str
    agent: str
    current: bool


def check_password(password: str, login: str, field: str = "password") -> None:
    """Raises Problem 422 for a password that is none."""
    rules = faults_of(password, login)
    if rules:
        raise wrong(*(Fault("password.weak", field, "(hidden)", rule, f"choose another: {rule}") for rule in rules))


async def set_up(call: Call, body: SetUp) -> Me:
    """Make the first administrator.

    Works from this machine only, and only until there is an administrator. Logs the new one in.
    """
    platform = call.platform
    if not await platform.first.is_open(platform.db):
        raise conflict("set-up-done", "there is an administrator already")
    if not platform.first.fits(body.token, call.remote):
        raise Problem(403, "set-up-token", "the token is not the one that `evloom serve` printed, or you are not on its machine")
    check_password(body.password, body.login)
    row = first.admin_row(body.login, body.name, await platform.door.hashed(body.password), call.now_s)

    def make(conn: Connection) -> Change[Row]:
        if people.administrators(conn):
            raise conflict("set-up-done", "there is an administrator already")
        return Change(first.first_admin(conn, row, body.organisation), None, {"login": body.login}, first.FIRST_ORG)

    user = await call.change("set-up", str(row["user_id"]), make)
    return await _entered(call, user)


async def login(call: Call, body: Credentials) -> Me:
    """Log in with a password; the answer sets the session cookie."""
    entry = await call.platform.door.login(body.login, body.password, call.remote, call.agent)
    logins = call.platform.metrics.logins
    if isinstance(entry, Turned):
        if entry.wait_s:
            logins.labels("throttled").inc()
            wait_s = str(int(entry.wait_s) + 1)
            raise Problem(429, "slow-down", f"too many wrong passwords; wait {wait_s} s", headers={"Retry-After": wait_s})
        logins.labels("wrong").inc()
        raise Problem(401, "wrong-password", "name or password is wrong", headers={"WWW-Authenticate": 'Bearer realm="evloom"'})
    logins.labels("right").inc()
    call.out["Set-Cookie"] = call.platform.door.set_cookie(entry.cookie)
    return me_of(entry.caller)


async def logout(call: Call) -> None:
    """Log out: end the session of the cookie."""
    await call.platform.door.logout(call.caller)
    call.out["Set-Cookie"] = call.platform.door.set_cookie("")


async def who_am_i(call: Call) -> Me:
    """Who the caller is."""
    return me_of(call.caller)


async def change_password(call: Call, body: PasswordChange) -> None:
    """Change one's own password; every session ends."""
    user_id, door = call.caller.user_id, call.platform.door
    user = await call.read(lambda conn: people.user_of(conn, EVERYTHING, user_id))
    if user is None:
        raise conflict("no-password", "an API key has no password")
    if not await door.knows(user["login"], body.old, user["password_hash"], call.remote):
        raise Problem(403, "wrong-password", "the old password is wrong")
    check_password(body.new, user["login"], "new")
    kept = await door.hashed(body.new)

    def change(conn: Connection) -> Change[None]:
        people.change_user(conn, user_id, {"password_hash": kept})
        return Change(None)

    await call.change("user.password", user_id, change)
    call.out["Set-Cookie"] = door.set_cookie("")


async def my_sessions(call: Call) -> list[SessionView]:
    """Where one is logged in."""
    rows = await call.read(lambda conn: people.sessions_of(conn, call.caller.user_id))
    return [of_row(SessionView, row, current=row["session_hash"] == call.caller.session) for row in rows]


async def end_my_sessions(call: Call) -> None:
    """Log out everywhere."""

    def end(conn: Connection) -> Change[None]:
        people.end_sessions(conn, call.caller.user_id)
        return Change(None)

    await call.change("user.logout-everywhere", call.caller.user_id, end)


def me_of(caller: Caller) -> Me:
    """A caller as one is told of oneself."""
    return Me(caller.actor, caller.name, caller.role, caller.org_id, list(caller.site_ids), caller.driver_id, caller.csrf)


async def _entered(call: Call, user: Row) -> Me:
    entry = await call.platform.door.enter(user, call.remote, call.agent)
    call.out["Set-Cookie"] = call.platform.door.set_cookie(entry.cookie)
    return me_of(entry.caller)


TAG = "access"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(set_up, "POST /setup", TAG, None, 403, 409, status=201),
    endpoint(login, "POST /login", TAG, None, 401),
    endpoint(logout, "POST /logout", TAG, ALL),
    endpoint(who_am_i, "GET /me", TAG, ALL),
    endpoint(change_password, "POST /me/password", TAG, ALL, 409),
    endpoint(my_sessions, "GET /me/sessions", TAG, ALL),
    endpoint(end_my_sessions, "DELETE /me/sessions", TAG, ALL),
)
