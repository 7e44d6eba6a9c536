"""Drivers and the tokens with which they charge."""

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change, needs_driver, needs_org, new_id
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Problem, conflict, missing
from evloom.serve.api.shape import (
    UNSET,
    Id,
    IdOrNone,
    Input,
    Instant,
    Line,
    Name,
    Page,
    Paging,
    Text,
    TokenId,
    TokenIdOrNone,
    changes,
    given,
    of_row,
)
from evloom.serve.people.roles import OFFICE, OPERATE, OWN, Role
from evloom.store import people, registry
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING

TokenType = Literal["ISO14443", "ISO15693", "eMAID", "Central", "Local", "KeyCode", "MacAddress", "DirectPayment", "EVCCID", "VIN"]
"""Types of 2.1, without NoAuthorization; a card of 1.6 is ISO14443."""
TokenStatus = Literal["Accepted", "Blocked", "Expired", "Invalid"]
Language = Annotated[str, Meta(max_length=8, pattern=r"^([A-Za-z]{2,3}(-[A-Za-z]{2,4})?)?$(?!\n)")]
BatteryKwh = Annotated[float, Meta(gt=0, le=2000)]


class DriverPath(Input):
    """Which driver."""

    driver_id: Id


class NewDriver(Input):
    """A driver; driver_id is chosen where it is left out."""

    name: Name
    driver_id: Id | UnsetType = UNSET
    org_id: Id | UnsetType = UNSET
    email: Line = ""
    phone: Line = ""
    language: Language = ""
    vehicle: Line = ""
    battery_kwh: BatteryKwh | None = None
    note: Text = ""


class DriverChange(Input):
    """What is to change of a driver."""

    name: Name | UnsetType = UNSET
    email: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    vehicle: Line | UnsetType = UNSET
    battery_kwh: BatteryKwh | UnsetType | None = UNSET
    note: Text | UnsetType = UNSET


class Driver(msgspec.Struct):
    """Who charges."""

    driver_id: str
    org_id: str
    name: str
    email: str
    phone: str
    language: str
    vehicle: str
    note: str
    created_at: Instant
    battery_kwh: float | None = None


class TokenPath(Input):
    """Which token."""

    token_type: TokenType
    token: TokenId


class TokenQuery(Paging):
    """Which tokens."""

    driver_id: Id | UnsetType = UNSET
    group_id: TokenId | UnsetType = UNSET
    status: TokenStatus | UnsetType = UNSET
    master: bool | UnsetType = UNSET


class NewToken(Input):
    """A card, an app's or a contract's id. Tokens of one group may stop each other's sessions; a master token stops any session
    of its group."""

    token: TokenId
    token_type: TokenType = "ISO14443"
    org_id: Id | UnsetType = UNSET
    driver_id: Id | UnsetType = UNSET
    group_id: TokenId | UnsetType = UNSET
    master: bool = False
    status: TokenStatus = "Accepted"
    expiry: Instant | UnsetType = UNSET
    language: Language = ""
    note: Text = ""


class TokenChange(Input):
    """What is to change of a token; an empty group or driver takes it out."""

    driver_id: IdOrNone | UnsetType = UNSET
    group_id: TokenIdOrNone | UnsetType = UNSET
    master: bool | UnsetType = UNSET
    status: TokenStatus | UnsetType = UNSET
    expiry: Instant | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    note: Text | UnsetType = UNSET


class Token(msgspec.Struct):
    """A token."""

    token: str
    token_type: str
    org_id: str
    driver_id: str
    group_id: str
    master: bool
    status: str
    language: str
    note: str
    expiry: Instant | None = None


async def list_drivers(call: Call, query: Paging) -> Page[Driver]:
    """Drivers."""
    after = cursor.read(query.cursor, (str,))
    rows, last = await call.read(lambda conn: people.driver_page(conn, call.scope, after, query.limit))
    return Page([of_row(Driver, row) for row in rows], cursor.following(last))


async def read_driver(call: Call, path: DriverPath) -> Driver:
    """One driver."""
    return of_row(Driver, await call.read(lambda conn: found_driver(conn, call, path.driver_id)))


async def create_driver(call: Call, body: NewDriver) -> Driver:
    """Make a driver."""
    driver_id, org_id = given(body.driver_id, "") or new_id("drv"), call.org_for(body.org_id)
    values = {**changes(body, "driver_id", "org_id"), "org_id": org_id, "created_at_s": call.now_s}

    def make(conn: Connection) -> Change[Driver]:
        needs_org(conn, org_id)
        if people.driver_of(conn, EVERYTHING, driver_id) is not None:
            raise conflict("driver-taken", "there is a driver with that id")
        people.put_driver(conn, driver_id, values)
        row = found_driver(conn, call, driver_id)
        return Change(of_row(Driver, row), None, row, org_id)

    made = await call.change("driver.create", driver_id, make)
    call.made(f"/api/v1/drivers/{driver_id}")
    return made


async def change_driver(call: Call, path: DriverPath, body: DriverChange) -> Driver:
    """Change a driver."""

    def change(conn: Connection) -> Change[Driver]:
        before = found_driver(conn, call, path.driver_id)
        people.put_driver(conn, path.driver_id, changes(body))
        after = found_driver(conn, call, path.driver_id)
        return Change(of_row(Driver, after), before, after, before["org_id"])

    return await call.change("driver.change", path.driver_id, change)


async def remove_driver(call: Call, path: DriverPath) -> None:
    """Remove a driver; tokens stay, without a driver."""

    def remove(conn: Connection) -> Change[None]:
        before = found_driver(conn, call, path.driver_id)
        people.drop_driver(conn, path.driver_id)
        return Change(None, before, None, before["org_id"])

    await call.change("driver.remove", path.driver_id, remove)


async def list_tokens(call: Call, query: TokenQuery) -> Page[Token]:
    """Tokens."""
    after = cursor.read(query.cursor, (str, str))
    wanted = changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: registry.token_page(conn, call.scope, after, query.limit, wanted))
    return Page([of_row(Token, row) for row in rows], cursor.following(last))


async def read_token(call: Call, path: TokenPath) -> Token:
    """One token."""
    return of_row(Token, await call.read(lambda conn: _found_token(conn, call, path)))


async def create_token(call: Call, body: NewToken) -> Token:
    """Make a token."""
    org_id = call.org_for(body.org_id)
    values = {"driver_id": "", "group_id": "", **changes(body, "token", "token_type", "org_id"), "org_id": org_id}
    path = TokenPath(token_type=body.token_type, token=body.token)

    def make(conn: Connection) -> Change[Token]:
        needs_org(conn, org_id)
        needs_driver(conn, org_id, values["driver_id"])
        if registry.token_of(conn, EVERYTHING, body.token, body.token_type) is not None:
            raise conflict("token-taken", "there is such a token already")
        registry.put_token(conn, body.token, body.token_type, values)
        row = _found_token(conn, call, path)
        return Change(of_row(Token, row), None, row, org_id)

    made = await call.change("token.create", f"{body.token_type}/{body.token}", make)
    call.made(f"/api/v1/tokens/{body.token_type}/{quote(body.token)}")
    return made


async def change_token(call: Call, path: TokenPath, body: TokenChange) -> Token:
    """Change a token: block it, give it to a driver or a group, make it a master pass. A driver may only block and unblock it."""
    if call.caller.role is Role.DRIVER and changes(body).keys() - {"status", "note"}:
        raise Problem(403, "role", "a driver may change status and note only")
    values = changes(body)
    if "expiry" in values:
        values["expiry_s"] = values.pop("expiry")

    def change(conn: Connection) -> Change[Token]:
        before = _found_token(conn, call, path)
        needs_driver(conn, before["org_id"], values.get("driver_id", ""))
        registry.put_token(conn, path.token, path.token_type, values)
        after = _found_token(conn, call, path)
        return Change(of_row(Token, after), before, after, before["org_id"])

    return await call.change("token.change", f"{path.token_type}/{path.token}", change)


async def remove_token(call: Call, path: TokenPath) -> None:
    """Remove a token."""

    def remove(conn: Connection) -> Change[None]:
        before = _found_token(conn, call, path)
        registry.drop_token(conn, path.token, path.token_type)
        return Change(None, before, None, before["org_id"])

    await call.change("token.remove", f"{path.token_type}/{path.token}", remove)


def found_driver(conn: Connection, call: Call, driver_id: str) -> Row:
    """A driver's row. Raises Problem 404 where the caller sees none."""
    row = people.driver_of(conn, call.scope, driver_id)
    if row is None:
        raise missing("driver", driver_id)
    return row


def _found_token(conn: Connection, call: Call, path: TokenPath) -> Row:
    row = registry.token_of(conn, call.scope, path.token, path.token_type)
    if row is None:
        raise missing("token", path.token)
    return row


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_drivers, "GET /drivers", "drivers", OFFICE | OWN),
    endpoint(create_driver, "POST /drivers", "drivers", OPERATE, 409, status=201),
    endpoint(read_driver, "GET /drivers/{driver_id}", "drivers", OFFICE | OWN),
    endpoint(change_driver, "PATCH /drivers/{driver_id}", "drivers", OWN),
    endpoint(remove_driver, "DELETE /drivers/{driver_id}", "drivers", OPERATE),
    endpoint(list_tokens, "GET /tokens", "tokens", OFFICE | OWN),
    endpoint(create_token, "POST /tokens", "tokens", OPERATE, 409, status=201),
    endpoint(read_token, "GET /tokens/{token_type}/{token}", "tokens", OFFICE | OWN),
    endpoint(change_token, "PATCH /tokens/{token_type}/{token}", "tokens", OWN, 409),
    endpoint(remove_token, "DELETE /tokens/{token_type}/{token}", "tokens", OPERATE),
)
