"""Charging sessions: the list, and one with its power curve, what bound it and why, its cost, its receipt, its bill."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from evloom.serve.api import batteries, commands, money, sessions, steering
from evloom.serve.api.problem import Problem
from evloom.serve.billing.page import receipt_html
from evloom.serve.console.forms import Form, body_of, in_percent, instant_text, of_struct, refused
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.pages.orders import WAIT_S, told
from evloom.serve.console.series import Words, session_chart
from evloom.serve.console.visit import Visit
from evloom.serve.doctor.piles import Standing
from evloom.serve.live.board import Explanation
from evloom.serve.people.roles import ALL, LOOK, OPERATE, OWN, Role

FILTERS = ("site_id", "station_id", "token", "open", "suspect", "started_from", "started_until")


async def listed(visit: Visit) -> Response:
    """All sessions, filtered, the latest first."""
    zone = await visit.zone()
    shown = {name: value for name in FILTERS if (value := visit.query.get(name, "").strip())}
    query = {name: instant_text(value, zone) if name.startswith("started") else value for name, value in shown.items()}
    if visit.query.get("cursor"):
        query["cursor"] = visit.query["cursor"]
    form, status = Form(dict(shown)), 200
    try:
        found = await visit.do(sessions.list_sessions, query=query)
    except Problem as problem:
        if problem.status != 422:
            raise
        form, status, found = Form(dict(shown), list(problem.findings), problem.detail), 422, None
    return await page(
        visit, "sessions.html", visit.t("Sessions"), zone, status, found=found, recent=[] if found is None else found.items, form=form,
        shown=shown, sites=await visit.sites(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart of a session needs beside its values; now_s None: it has ended."""

    zone: str
    t: Words
    now_s: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about a session that the visitor may see."""

    detail: sessions.SessionDetail
    chart: dict[str, Any] | None
    explanation: Explanation | None
    sentences: list[str]
    cost: Any
    bill: money.Bill | None
    receipts: list[str]
    zone: str
    battery: Standing | None


async def story_of(visit: Visit, session_id: str) -> Story:
    """Gather a session. Raises Problem 404 where the visitor sees none."""
    path = {"session_id": session_id}
    detail = await visit.do(sessions.read_session, path=path)
    session = detail.session
    cost = await visit.maybe(steering.read_cost, None, path=path)
    zone = cost.zone if cost is not None and visit.caller.role == Role.DRIVER else await visit.zone(session.site_id)
    live = visit.platform.live
    explanation = live.explain(session_id) if live is not None and session.ended_at is None else None
    ordered = [] if visit.trace is None else visit.trace.of(session_id)
    frame = Frame(zone, visit.t, visit.now_s if session.ended_at is None else None)
    chart = session_chart(detail.curve, ordered, explanation.plan if explanation is not None else (), frame)
    bill = await visit.maybe(money.read_bill, None, path=path)
    care = visit.platform.care
    return Story(
        detail=detail,
        chart=chart if chart["t"] else None,
        explanation=explanation,
        sentences=[] if explanation is None else [sentence.text(visit.lang) for sentence in explanation.sentences],
        cost=cost,
        bill=bill,
        receipts=[] if bill is None else [receipt_html(paper, visit.lang) for paper in bill.receipts],
        zone=zone,
        battery=care.piles.standing(session_id) if care is not None and visit.may(batteries.read_battery) else None,
    )


async def one(visit: Visit) -> Response:
    """One session."""
    return await _one(visit, Form(), Form(), 200)


async def _one(visit: Visit, need: Form, release: Form, status: int) -> Response:
    story = await story_of(visit, visit.path("session_id"))
    session = story.detail.session
    own = need if need.is_wrong or story.detail.need is None else of_struct(story.detail.need, story.zone, SHARES)
    return await page(
        visit, "session.html", session.session_id, story.zone, status, story=story, session=session, need=own.named("need"),
        release=release.named("bill"), may_stop=visit.may(commands.stop_session), may_bill=visit.may(money.release_bill),
        may_tell=visit.may(sessions.put_session_need), may_refund=visit.may(money.refund),
    )  # fmt: skip


SHARES = ("soc_target",)


async def stop(visit: Visit) -> Response:
    """Stop a session from afar."""
    session_id = visit.path("session_id")
    said = await visit.do(commands.stop_session, path={"session_id": session_id}, query={"wait_s": WAIT_S})
    return await told(visit, "Stop", said, visit.back(f"/sessions/{session_id}"))


async def tell_need(visit: Visit) -> Response:
    """What the driver needs of this session."""
    session_id = visit.path("session_id")
    story = await story_of(visit, session_id)
    try:
        body = body_of(sessions.NeedInput, visit.form, story.zone, SHARES)
        await visit.do(sessions.put_session_need, path={"session_id": session_id}, body=body)
    except Problem as problem:
        return await _one(visit, refused(visit.form, in_percent(problem, visit.form, SHARES)), Form(), problem.status)
    return go(f"/sessions/{session_id}", "saved")


async def release(visit: Visit) -> Response:
    """Bill a held session with the values that a person gives."""
    story = await story_of(visit, visit.path("session_id"))
    return await _settle(visit, money.release_bill, body_of(money.Release, visit.form, story.zone), "released")


async def void(visit: Visit) -> Response:
    """Let a session never be paid."""
    return await _settle(visit, money.void_bill, body_of(money.Voiding, visit.form), "voided")


async def refund(visit: Visit) -> Response:
    """Give back a part."""
    return await _settle(visit, money.refund, body_of(money.Refund, visit.form), "refunded")


async def _settle(visit: Visit, handler: Any, body: dict[str, Any], done: str) -> Response:
    session_id = visit.path("session_id")
    try:
        await visit.do(handler, path={"session_id": session_id}, body=body)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _one(visit, Form(), refused(visit.form, problem), problem.status)
    return go(f"/sessions/{session_id}", done)


PAGES = (
    Page("GET", "/sessions", listed, LOOK),
    Page("GET", "/sessions/{session_id}", one, ALL),
    Page("POST", "/sessions/{session_id}/stop", stop, OWN),
    Page("POST", "/sessions/{session_id}/need", tell_need, OWN),
    Page("POST", "/sessions/{session_id}/release", release, OPERATE),
    Page("POST", "/sessions/{session_id}/void", void, OPERATE),
    Page("POST", "/sessions/{session_id}/refund", refund, OPERATE),
)
