"""Drivers and the tokens with which they charge; tokens that were refused lately, to be registered by one click."""

from typing import Any

from starlette.responses import Response

from evloom.serve.api import acknowledge, drivers, money, sessions, terms
from evloom.serve.api.problem import Problem
from evloom.serve.console.forms import Form, body_of, in_percent, of_struct, refused
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.shown import path_part
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import OFFICE, OPERATE

SHARES = ("soc_target",)
TYPES = ("ISO14443", "ISO15693", "eMAID", "Central", "Local", "KeyCode", "MacAddress", "DirectPayment", "EVCCID", "VIN")
STATES = ("Accepted", "Blocked", "Expired", "Invalid")


async def listed(visit: Visit) -> Response:
    """All drivers."""
    return await _listed(visit, Form(), 200)


async def _listed(visit: Visit, form: Form, status: int) -> Response:
    found = await visit.do(drivers.list_drivers, query=_cursor(visit))
    return await page(
        visit, "drivers.html", visit.t("Drivers"), status=status, found=found, form=form, may_edit=visit.may(drivers.create_driver)
    )


def _cursor(visit: Visit) -> dict[str, str]:
    return {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}


async def create(visit: Visit) -> Response:
    """Make a driver."""
    try:
        made = await visit.do(drivers.create_driver, body=body_of(drivers.NewDriver, visit.form))
    except Problem as problem:
        return await _listed(visit, refused(visit.form, problem), problem.status)
    return go(f"/drivers/{made.driver_id}", "made")


async def one(visit: Visit) -> Response:
    """One driver: facts, tokens, usual need, account."""
    return await _one(visit, 200)


async def _one(visit: Visit, status: int, **forms: Form) -> Response:
    path = {"driver_id": visit.path("driver_id")}
    driver = await visit.do(drivers.read_driver, path=path)
    need = await visit.maybe(sessions.read_driver_need, None, path=path)
    assigned = await visit.maybe(terms.list_assignments, [], query={"kind": "contract"})
    own = [
        row for row in assigned if (row.scope, row.subject) == ("driver", driver.driver_id) and row.holds_from.timestamp() <= visit.now_s
    ]
    contracts = await visit.maybe(terms.list_contracts, None)
    cards = await visit.do(drivers.list_tokens, query={"driver_id": driver.driver_id})
    pay = forms.get("pay", Form({"currency": visit.platform.config.site.currency}))
    return await page(
        visit, "driver.html", driver.name, status=status, driver=driver, form=forms.get("form") or of_struct(driver),
        tokens=cards.items, statement=await visit.do(money.read_statement, path=path),
        need=(forms.get("need") or need_form(need)).named("need"), pay=pay.named("pay"),
        contract=own[-1].terms_id if own else "", contracts=[] if contracts is None else contracts.items,
        card=forms.get("card", Form({"token_type": "ISO14443"})).named("card"), types=TYPES, may_edit=visit.may(drivers.create_driver),
    )  # fmt: skip


def need_form(need: Any) -> Form:
    """What a driver usually needs; the minute of the day as a time."""
    if need is None:
        return Form()
    form = of_struct(need, percent=SHARES)
    minute = need.ready_minute
    form.values["ready_by"] = "" if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"
    return form


def need_body(visit: Visit) -> dict[str, Any]:
    """The body for a usual need. Raises Problem 422 for a time that is none."""
    body = body_of(sessions.NeedInput, visit.form, percent=SHARES)
    text = str(visit.form.get("ready_by", "")).strip()
    body["ready_minute"] = minute_of_day(text) if text else None
    return body


def minute_of_day(text: str) -> object:
    """ "07:30" as minutes of the day; the text itself where it is no time."""
    hour, _, minute = text.partition(":")
    if hour.isdecimal() and minute[:2].isdecimal() and int(hour) < 24 and int(minute[:2]) < 60:
        return 60 * int(hour) + int(minute[:2])
    return text


async def change(visit: Visit) -> Response:
    """Change the facts."""
    return await _write(visit, drivers.change_driver, body_of(drivers.DriverChange, visit.form), "form", "saved")


async def tell_need(visit: Visit) -> Response:
    """What the driver usually needs."""
    return await _write(visit, sessions.put_driver_need, need_body(visit), "need", "saved")


async def pay(visit: Visit) -> Response:
    """Enter a payment."""
    return await _write(visit, money.enter_payment, body_of(money.NewPayment, visit.form), "pay", "paid")


async def _write(visit: Visit, handler: Any, body: dict[str, Any], name: str, done: str) -> Response:
    driver_id = visit.path("driver_id")
    try:
        await visit.do(handler, path={"driver_id": driver_id}, body=body)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, problem.status, **{name: refused(visit.form, in_percent(problem, visit.form, SHARES))})
    return go(f"/drivers/{driver_id}", done)


async def assign(visit: Visit) -> Response:
    """The driver's own contract."""
    driver_id = visit.path("driver_id")
    body = {"kind": "contract", "scope": "driver", "subject": driver_id, "terms_id": str(visit.form.get("contract", ""))}
    await visit.do(terms.assign, body=body)
    return go(f"/drivers/{driver_id}", "saved")


async def add_card(visit: Visit) -> Response:
    """A token for the driver."""
    driver_id = visit.path("driver_id")
    try:
        await visit.do(drivers.create_token, body={**body_of(drivers.NewToken, visit.form), "driver_id": driver_id})
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, problem.status, card=refused(visit.form, problem))
    return go(f"/drivers/{driver_id}", "registered")


async def remove(visit: Visit) -> Response:
    """Remove a driver; tokens stay."""
    await visit.do(drivers.remove_driver, path={"driver_id": visit.path("driver_id")})
    return go("/drivers", "removed")


async def tokens(visit: Visit) -> Response:
    """All tokens, and those that were refused lately."""
    return await _tokens(visit, Form({"token_type": "ISO14443", "status": "Accepted"}), 200)


async def _tokens(visit: Visit, form: Form, status: int) -> Response:
    wanted = {name: value for name in ("driver_id", "group_id", "status", "master") if (value := visit.query.get(name, "").strip())}
    search, found = Form(dict(wanted)), None
    try:
        found = await visit.do(drivers.list_tokens, query=wanted | _cursor(visit))
    except Problem as problem:
        if problem.status != 422:
            raise
        search, status = Form(dict(wanted), list(problem.findings), problem.detail), 422
    return await page(
        visit, "tokens.html", visit.t("Tokens"), status=status, found=found, form=form.named("new"), search=search, wanted=wanted,
        types=TYPES, states=STATES, refusals=await visit.maybe(acknowledge.list_refused_tokens, []), people=await _people(visit),
        may_edit=visit.may(drivers.create_token),
    )  # fmt: skip


async def _people(visit: Visit) -> dict[str, str]:
    """Names of drivers by id, for choices."""
    found = await visit.do(drivers.list_drivers, query={"limit": "500"})
    return {driver.driver_id: driver.name for driver in found.items}


async def create_token(visit: Visit) -> Response:
    """Make a token."""
    try:
        await visit.do(drivers.create_token, body=body_of(drivers.NewToken, visit.form, await visit.zone()))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _tokens(visit, refused(visit.form, problem), problem.status)
    return go("/tokens", "registered")


def _token_path(visit: Visit) -> dict[str, str]:
    return {"token_type": visit.path("token_type"), "token": visit.path("token")}


async def token(visit: Visit) -> Response:
    """One token."""
    return await _token(visit, None, 200)


async def _token(visit: Visit, form: Form | None, status: int) -> Response:
    found = await visit.do(drivers.read_token, path=_token_path(visit))
    return await page(
        visit, "token.html", found.token, status=status, token=found, form=form or of_struct(found, await visit.zone()), states=STATES,
        people=await _people(visit), may_edit=visit.may(drivers.create_token),
    )  # fmt: skip


async def change_token(visit: Visit) -> Response:
    """Change a token."""
    path = _token_path(visit)
    try:
        await visit.do(drivers.change_token, path=path, body=body_of(drivers.TokenChange, visit.form, await visit.zone()))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _token(visit, refused(visit.form, problem), problem.status)
    return go(visit.back(f"/tokens/{path['token_type']}/{path_part(path['token'])}"), "saved")


async def remove_token(visit: Visit) -> Response:
    """Remove a token."""
    await visit.do(drivers.remove_token, path=_token_path(visit))
    return go("/tokens", "removed")


PAGES = (
    Page("GET", "/drivers", listed, OFFICE),
    Page("POST", "/drivers", create, OPERATE),
    Page("GET", "/drivers/{driver_id}", one, OFFICE),
    Page("POST", "/drivers/{driver_id}", change, OPERATE),
    Page("POST", "/drivers/{driver_id}/need", tell_need, OPERATE),
    Page("POST", "/drivers/{driver_id}/payment", pay, OPERATE),
    Page("POST", "/drivers/{driver_id}/contract", assign, OPERATE),
    Page("POST", "/drivers/{driver_id}/token", add_card, OPERATE),
    Page("POST", "/drivers/{driver_id}/remove", remove, OPERATE),
    Page("GET", "/tokens", tokens, OFFICE),
    Page("POST", "/tokens", create_token, OPERATE),
    Page("GET", "/tokens/{token_type}/{token}", token, OFFICE),
    Page("POST", "/tokens/{token_type}/{token}", change_token, OPERATE),
    Page("POST", "/tokens/{token_type}/{token}/remove", remove_token, OPERATE),
)
