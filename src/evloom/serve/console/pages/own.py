"""A driver's own pages, for a phone: my car, when it must be ready, what it costs and earns, my charging, my receipts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from evloom.serve.api import drivers, money, sessions
from evloom.serve.api.problem import Fault, Problem, wrong
from evloom.serve.console.forms import Form, body_of, in_percent, refused
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.pages.drivers import SHARES, minute_of_day, need_form
from evloom.serve.console.pages.sessions import Story, story_of
from evloom.serve.console.shown import local
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import Role

DRIVER = frozenset({Role.DRIVER})


@dataclass(frozen=True, slots=True)
class Earned:
    """What the driver paid and was paid for energy given back, by the receipts that were read, in a currency."""

    currency: str
    paid: Decimal
    earned: Decimal


async def mine(visit: Visit) -> Response:
    """My car."""
    return await _mine(visit, None, 200)


async def _mine(visit: Visit, form: Form | None, status: int) -> Response:
    path = {"driver_id": visit.caller.driver_id or "-"}
    driver = await visit.maybe(drivers.read_driver, None, path=path)
    if driver is None:
        return await page(visit, "own_nobody.html", visit.t("My car"))
    running = (await visit.do(sessions.list_sessions, query={"open": "true", "limit": "5"})).items
    stories = [await story_of(visit, one.session_id) for one in running]
    usual = await visit.maybe(sessions.read_driver_need, None, path=path)
    statement = await visit.do(money.read_statement, path=path)
    zone = stories[0].zone if stories else await visit.zone()
    return await page(
        visit, "own.html", visit.t("My car"), zone, status, driver=driver, stories=stories, statement=statement,
        form=(form or _need(visit, stories, usual, zone)).named("own"), cards=(await visit.do(drivers.list_tokens, query={})).items,
    )  # fmt: skip


def _need(visit: Visit, stories: list[Story], usual: Any, zone: str) -> Form:
    """The need as a form: what was said of the running session, else the usual one."""
    need = stories[0].detail.need if stories else usual
    form = need_form(need if need is not None else usual)
    if need is not None and need.departure is not None and need.departure.timestamp() > visit.now_s:
        form.values["ready_by"] = f"{local(need.departure, zone):%H:%M}"
    return form


async def tell(visit: Visit) -> Response:
    """Ready by, energy, consent: of the running session, and as what I usually need where that is wanted."""
    driver_id = visit.caller.driver_id
    running = (await visit.do(sessions.list_sessions, query={"open": "true", "limit": "5"})).items
    zone = (await story_of(visit, running[0].session_id)).zone if running else await visit.zone()
    try:
        body = body_of(sessions.NeedInput, visit.form, percent=SHARES)
        text = str(visit.form.get("ready_by", "")).strip()
        minute = minute_of_day(text) if text else None
        if isinstance(minute, str):
            raise wrong(Fault("input.wrong", "ready_by", text[:50], "a time such as 07:30", "correct it"))
        body |= {"ready_minute": minute, "priority": 1.0}
        for one in running:
            own = body | ({} if minute is None else {"departure": next_time(visit.now_s, int(str(minute)), zone).isoformat()})
            await visit.do(sessions.put_session_need, path={"session_id": one.session_id}, body=own)
        if not running or visit.form.get("usual") == "true":
            await visit.do(sessions.put_driver_need, path={"driver_id": driver_id}, body=body)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _mine(visit, refused(visit.form, in_percent(problem, visit.form, SHARES)), problem.status)
    return go("/me", "saved")


def next_time(now_s: float, minute: int, zone: str) -> datetime:
    """The next instant at which clocks of a zone show a minute of the day."""
    here = local(now_s, zone)
    there = here.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
    later = there if there > here else there + timedelta(days=1)
    return later.replace(tzinfo=ZoneInfo(zone))


async def my_sessions(visit: Visit) -> Response:
    """My charging."""
    query = {"limit": "30"} | ({"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {})
    found = await visit.do(sessions.list_sessions, query=query)
    return await page(visit, "own_sessions.html", visit.t("My charging"), found=found, recent=found.items)


async def my_receipts(visit: Visit) -> Response:
    """My receipts, and what they come to."""
    path = {"driver_id": visit.caller.driver_id or "-"}
    query = {"limit": "50"} | ({"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {})
    found = await visit.do(money.list_receipts, query=query)
    return await page(
        visit, "own_receipts.html", visit.t("My receipts"), found=found, statement=await visit.maybe(money.read_statement, None, path=path),
        sums=await _sums(visit, found.items),
    )  # fmt: skip


async def _sums(visit: Visit, lines: list[money.ReceiptLine]) -> list[Earned]:
    """Paid, and earned by giving back, of the sessions of these receipts."""
    paid: dict[str, Decimal] = {}
    earned: dict[str, Decimal] = {}
    for session_id in dict.fromkeys(line.session_id for line in lines if line.session_id):
        for paper in await visit.maybe(money.read_receipts, [], path={"session_id": session_id}):
            sign = -1 if paper.kind == "credit" else 1
            for line in paper.lines:
                side = earned if line.kind.name == "V2G_CREDIT" else paid
                side[paper.currency] = side.get(paper.currency, Decimal(0)) + sign * line.amount
    return [Earned(name, paid.get(name, Decimal(0)), -earned.get(name, Decimal(0))) for name in sorted({*paid, *earned})]


PAGES = (
    Page("GET", "/me", mine, DRIVER),
    Page("POST", "/me", tell, DRIVER),
    Page("GET", "/me/sessions", my_sessions, DRIVER),
    Page("GET", "/me/receipts", my_receipts, DRIVER),
)
