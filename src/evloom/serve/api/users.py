"""Users and API keys: who may come in, as what."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.access import Login, NewPassword, check_password
from evloom.serve.api.call import Call, Change, needs_driver, needs_org, new_id
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, Problem, conflict, missing
from evloom.serve.api.shape import UNSET, Id, Input, Instant, Name, Page, Paging, changes, given, of_row, seconds
from evloom.serve.people.door import new_key
from evloom.serve.people.roles import MAY_GIVE, OFFICE, OPERATE, Role
from evloom.store import people
from evloom.store.connection import Connection, Row

RoleName = Literal["admin", "operator", "owner", "driver", "reader"]
SiteIds = Annotated[list[Id], Meta(max_length=200)]


class UserPath(Input):
    """Which user."""

    user_id: Id


class KeyPath(Input):
    """Which key."""

    key_id: Id


class NewUser(Input):
    """A user. An owner needs site_ids, a driver driver_id. org_id is for administrators."""

    login: Login
    password: NewPassword
    name: Name
    role: RoleName
    org_id: Id | UnsetType = UNSET
    site_ids: SiteIds = msgspec.field(default_factory=list)
    driver_id: Id | UnsetType = UNSET


class UserChange(Input):
    """What is to change of a user."""

    name: Name | UnsetType = UNSET
    role: RoleName | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    site_ids: SiteIds | UnsetType = UNSET
    driver_id: Id | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class User(msgspec.Struct):
    """A user."""

    user_id: str
    org_id: str
    login: str
    name: str
    role: RoleName
    site_ids: list[str]
    driver_id: str
    disabled: bool
    created_at: Instant
    last_login_at: Instant | None = None


class NewKey(Input):
    """An API key: its role is all that it may do."""

    name: Name
    role: RoleName
    org_id: Id | UnsetType = UNSET
    site_ids: SiteIds = msgspec.field(default_factory=list)
    driver_id: Id | UnsetType = UNSET
    expires_at: Instant | UnsetType = UNSET


class ApiKey(msgspec.Struct):
    """An API key; `prefix` is how it begins."""

    key_id: str
    prefix: str
    org_id: str
    name: str
    role: RoleName
    site_ids: list[str]
    driver_id: str
    created_at: Instant
    created_by: str
    expires_at: Instant | None = None
    last_used_at: Instant | None = None
    revoked_at: Instant | None = None


class MadeKey(msgspec.Struct):
    """A fresh key. `key` is shown this once."""

    key: str
    about: ApiKey


def _user(row: Row) -> User:
    return of_row(User, {**row, "last_login_at_s": row["last_login_s"]}, "site_ids")


def _key(row: Row) -> ApiKey:
    return of_row(ApiKey, {**row, "prefix": f"evk_{row['prefix']}", "last_used_at_s": row["last_used_s"]}, "site_ids")


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    """A row without what is secret, for the audit log's digest."""
    return {name: value for name, value in row.items() if name not in ("password_hash", "key_hash")}


async def list_users(call: Call, query: Paging) -> Page[User]:
    """Users."""
    after = cursor.read(query.cursor, (str,))
    rows, last = await call.read(lambda conn: people.user_page(conn, call.scope, after, query.limit))
    return Page([_user(row) for row in rows], cursor.following(last))


async def read_user(call: Call, path: UserPath) -> User:
    """One user."""
    return _user(await call.read(lambda conn: _found_user(conn, call, path.user_id)))


async def create_user(call: Call, body: NewUser) -> User:
    """Make a user."""
    _check_grant(call, body.role)
    check_password(body.password, body.login)
    user_id, org_id = new_id("usr"), call.org_for(body.org_id)
    row = {
        "user_id": user_id,
        "org_id": org_id,
        "login": body.login,
        "name": body.name,
        "role": body.role,
        "password_hash": await call.platform.door.hashed(body.password),
        "site_ids": msgspec.json.encode(body.site_ids).decode(),
        "driver_id": given(body.driver_id, ""),
        "disabled": False,
        "created_at_s": call.now_s,
    }

    def make(conn: Connection) -> Change[User]:
        needs_org(conn, org_id)
        needs_driver(conn, org_id, str(row["driver_id"]))
        if people.user_by_login(conn, body.login) is not None:
            raise conflict(
                "login-taken", "somebody has that login", Fault("user.taken", "login", body.login, "a free one", "choose another")
            )
        people.add_user(conn, row)
        return Change(_user(_found_user(conn, call, user_id)), None, _shown(row), org_id)

    made = await call.change("user.create", user_id, make)
    call.made(f"/api/v1/users/{user_id}")
    return made


async def change_user(call: Call, path: UserPath, body: UserChange) -> User:
    """Change a user; every session of the user ends where role, password or state changed."""
    values = changes(body, "password", "site_ids")
    if not isinstance(body.site_ids, UnsetType):
        values["site_ids"] = msgspec.json.encode(body.site_ids).decode()
    if not isinstance(body.role, UnsetType):
        _check_grant(call, body.role)
    if not isinstance(body.password, UnsetType):
        check_password(body.password, "")
        values["password_hash"] = await call.platform.door.hashed(body.password)

    def change(conn: Connection) -> Change[User]:
        before = _found_user(conn, call, path.user_id)
        _check_grant(call, before["role"])
        needs_driver(conn, before["org_id"], values.get("driver_id", ""))
        people.change_user(conn, path.user_id, values)
        _check_last(conn, call)
        after = _found_user(conn, call, path.user_id)
        return Change(_user(after), _shown(before), _shown(after), before["org_id"])

    return await call.change("user.change", path.user_id, change)


async def remove_user(call: Call, path: UserPath) -> None:
    """Remove a user."""

    def remove(conn: Connection) -> Change[None]:
        before = _found_user(conn, call, path.user_id)
        _check_grant(call, before["role"])
        people.drop_user(conn, path.user_id)
        _check_last(conn, call)
        return Change(None, _shown(before), None, before["org_id"])

    await call.change("user.remove", path.user_id, remove)


async def end_user_sessions(call: Call, path: UserPath) -> None:
    """Log a user out everywhere."""

    def end(conn: Connection) -> Change[None]:
        user = _found_user(conn, call, path.user_id)
        people.end_sessions(conn, path.user_id)
        return Change(None, None, None, user["org_id"])

    await call.change("user.logout-everywhere", path.user_id, end)


async def list_keys(call: Call, query: Paging) -> Page[ApiKey]:
    """API keys."""
    after = cursor.read(query.cursor, (str,))
    rows, last = await call.read(lambda conn: people.key_page(conn, call.scope, after, query.limit))
    return Page([_key(row) for row in rows], cursor.following(last))


async def read_key(call: Call, path: KeyPath) -> ApiKey:
    """One API key."""
    return _key(await call.read(lambda conn: _found_key(conn, call, path.key_id)))


async def create_key(call: Call, body: NewKey) -> MadeKey:
    """Make an API key. The answer has the key itself, which is shown this once."""
    _check_grant(call, body.role)
    key, prefix, kept = new_key()
    key_id, org_id = new_id("key"), call.org_for(body.org_id)
    row = {
        "key_id": key_id,
        "prefix": prefix,
        "key_hash": kept,
        "org_id": org_id,
        "name": body.name,
        "role": body.role,
        "site_ids": msgspec.json.encode(body.site_ids).decode(),
        "driver_id": given(body.driver_id, ""),
        "created_at_s": call.now_s,
        "created_by": call.caller.actor,
        "expires_at_s": None if isinstance(body.expires_at, UnsetType) else seconds(body.expires_at),
    }

    def make(conn: Connection) -> Change[ApiKey]:
        needs_org(conn, org_id)
        needs_driver(conn, org_id, str(row["driver_id"]))
        people.add_key(conn, row)
        return Change(_key(_found_key(conn, call, key_id)), None, _shown(row), org_id)

    made = await call.change("key.create", key_id, make)
    call.made(f"/api/v1/api-keys/{key_id}")
    return MadeKey(key, made)


async def revoke_key(call: Call, path: KeyPath) -> None:
    """Revoke an API key, for ever."""

    def revoke(conn: Connection) -> Change[None]:
        before = _found_key(conn, call, path.key_id)
        _check_grant(call, before["role"])
        if before["revoked_at_s"] is None:
            people.change_key(conn, path.key_id, {"revoked_at_s": call.now_s})
        return Change(None, _shown(before), {"revoked": True}, before["org_id"])

    await call.change("key.revoke", path.key_id, revoke)


def _found_user(conn: Connection, call: Call, user_id: str) -> Row:
    row = people.user_of(conn, call.scope, user_id)
    if row is None:
        raise missing("user", user_id)
    return row


def _found_key(conn: Connection, call: Call, key_id: str) -> Row:
    row = people.key_of(conn, call.scope, key_id)
    if row is None:
        raise missing("API key", key_id)
    return row


def _check_grant(call: Call, role: str) -> None:
    if Role(role) not in MAY_GIVE[call.caller.role]:
        raise Problem(403, "role", f"a {call.caller.role} may not give, change or take the role {role}")


def _check_last(conn: Connection, call: Call) -> None:
    """Somebody must be left who can administer."""
    if call.caller.role is Role.ADMIN and not people.administrators(conn):
        raise conflict("last-administrator", "this is the last administrator")


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_users, "GET /users", "users", OFFICE),
    endpoint(create_user, "POST /users", "users", OPERATE, 409, status=201),
    endpoint(read_user, "GET /users/{user_id}", "users", OFFICE),
    endpoint(change_user, "PATCH /users/{user_id}", "users", OPERATE, 409),
    endpoint(remove_user, "DELETE /users/{user_id}", "users", OPERATE, 409),
    endpoint(end_user_sessions, "DELETE /users/{user_id}/sessions", "users", OPERATE),
    endpoint(list_keys, "GET /api-keys", "API keys", OFFICE),
    endpoint(create_key, "POST /api-keys", "API keys", OPERATE, 409, status=201),
    endpoint(read_key, "GET /api-keys/{key_id}", "API keys", OFFICE),
    endpoint(revoke_key, "DELETE /api-keys/{key_id}", "API keys", OPERATE),
)
