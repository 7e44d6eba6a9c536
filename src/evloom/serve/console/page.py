"""From a table of pages to answers: who is it, may one, what came of it; and the pages for when something is wrong."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evloom.serve.api.headers import add_headers
from evloom.serve.api.problem import Problem
from evloom.serve.api.routing import NOBODY, told_of
from evloom.serve.console.language import chosen
from evloom.serve.console.shown import render
from evloom.serve.console.trace import Trace
from evloom.serve.console.visit import Visit, read_form
from evloom.serve.logs import told
from evloom.serve.people.door import CSRF_HEADER, csrf_fits
from evloom.serve.people.roles import Roles
from evloom.serve.platform import Platform

_LOG = logging.getLogger(__name__)
Handler = Callable[[Visit], Awaitable[Response]]

TITLES = {
    401: "Please log in",
    403: "This is not for you to see or do",
    404: "There is no such page",
    405: "This cannot be done here",
    409: "It is in a state that does not allow it",
    412: "It was changed meanwhile",
    413: "That was too much at once",
    422: "Something in the input is wrong",
    429: "Too many attempts",
    503: "Not available now",
}
SAID = {
    "saved": "Saved.",
    "made": "Made.",
    "removed": "Removed.",
    "accepted": "The station is accepted.",
    "refused": "The station is refused.",
    "sent": "Sent.",
    "done": "Done.",
    "released": "The bill is released.",
    "voided": "Nothing is to be paid for this session.",
    "refunded": "The refund is entered.",
    "paid": "The payment is entered.",
    "registered": "The token is registered.",
    "blocked": "The token is blocked.",
    "password": "The password is changed. Log in with the new one.",
    "logged-out": "You are logged out.",
    "acknowledged": "Acknowledged.",
}
"""What a page says after something was done, by the word in its address."""


@dataclass(frozen=True, slots=True)
class Page:
    """A method of a path, who may, and what answers. roles None: anybody, logged in or not."""

    method: str
    path: str
    handler: Handler
    roles: Roles | None


def routes_of(platform: Platform, table: Sequence[Page], trace: Trace | None = None) -> list[Route]:
    """A route for every path of the table; fixed paths come before those with a parameter in the same place."""
    paths: dict[str, dict[str, Page]] = {}
    for row in table:
        paths.setdefault(row.path, {})[row.method] = row
    return [Route(path, PageApp(platform, path, paths[path], trace)) for path in sorted(paths, key=lambda path: path.replace("{", "\x7f"))]


class PageApp:
    """Answers every method of one path."""

    def __init__(self, platform: Platform, path: str, rows: dict[str, Page], trace: Trace | None = None) -> None:
        self._platform, self._path, self._rows, self._trace = platform, path, rows, trace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        began_s = time.perf_counter()
        visit = Visit(self._platform, request, NOBODY, chosen(request.headers), secrets.token_hex(8), known=False, trace=self._trace)
        try:
            answer = await self._answer(visit)
        except ClientDisconnect:
            return
        for cookie in visit.cookies:
            answer.headers.append("set-cookie", cookie)
        answer.headers.setdefault("cache-control", "no-store")
        answer.headers["x-request-id"] = visit.request_id
        add_headers(answer.headers, secure=self._platform.secure)
        took_s = time.perf_counter() - began_s
        method = request.method if request.method in ("GET", "HEAD", "POST") else "other"
        self._platform.metrics.answered(method, f"page {self._path}", answer.status_code, took_s)
        await answer(scope, receive, send)

    async def _answer(self, visit: Visit) -> Response:
        request = visit.request
        try:
            caller = await self._platform.door.caller(request.headers, visit.remote)
            if caller is not None:
                visit.caller, visit.known = caller, True
            row = self._rows.get("GET" if request.method == "HEAD" else request.method)
            if row is None:
                raise Problem(405, "no-such-method", "this page knows " + ", ".join(sorted(self._rows)))
            if row.roles is not None:
                if caller is None:
                    return await _stranger(visit)
                if caller.role not in row.roles:
                    raise Problem(403, "role", f"this needs one of the roles {', '.join(sorted(row.roles))}; yours is {caller.role}")
            if request.method == "POST":
                await _check_post(visit)
            return await row.handler(visit)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  whatever went wrong, the visitor is told and it is logged
            return await failed(visit, told_of(error))


async def _check_post(visit: Visit) -> None:
    """Read the form of a write, and refuse what no page of ours sent."""
    if visit.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Problem(403, "csrf", "this form came from another site")
    visit.form = await read_form(visit.request)
    token = visit.request.headers.get(CSRF_HEADER, "") or str(visit.form.get("csrf", ""))
    if visit.known and not csrf_fits(visit.caller, token):
        raise Problem(403, "csrf", "the page is too old: load it anew and try again")


async def _stranger(visit: Visit) -> Response:
    """Nobody is logged in: to the door, and from there back to where one wanted to go."""
    there = visit.request.url.path + (f"?{visit.request.url.query}" if visit.request.url.query else "")
    back = f"?next={quote(there, safe='')}" if visit.request.method == "GET" and not visit.by_htmx and there != "/" else ""
    if visit.by_htmx:
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(f"/login{back}", 303)


async def failed(visit: Visit, problem: Problem) -> Response:
    """The page for a problem, or one line where a part of a page was asked for."""
    told(
        _LOG, logging.INFO, "page.refused", status=problem.status, code=problem.code, path=visit.request.url.path[:300],
        request=visit.request_id,
    )  # fmt: skip
    title = TITLES.get(problem.status, "Something went wrong here")
    values = {"problem": problem, "title": visit.t(title), "request_id": visit.request_id}
    if visit.by_htmx:
        answer = HTMLResponse(render(visit, "part_failed.html", "UTC", **values), problem.status)
    else:
        shown = visit if problem.status < 500 else replace(visit, known=False)
        answer = HTMLResponse(render(shown, "failed.html", "UTC", **values), problem.status)
    answer.headers.update(problem.headers)
    return answer


async def page(visit: Visit, template: str, title: str, zone: str = "", status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page."""
    clock = zone or await visit.zone()
    done = SAID.get(visit.query.get("said", ""), "")
    return HTMLResponse(render(visit, template, clock, title=title, done=visit.t(done) if done else "", **values), status)


async def part(visit: Visit, template: str, zone: str = "", status: int = 200, **values: Any) -> HTMLResponse:
    """A part of a page."""
    return HTMLResponse(render(visit, template, zone or await visit.zone(), **values), status)


def go(path: str, done: str = "") -> Response:
    """To another page, which says what was done."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}said={done}" if done else path, 303)


def inside(path: str, default: str = "/") -> str:
    """A path that leads nowhere else than to our own pages."""
    parts = urlsplit(path)
    bad = parts.scheme or parts.netloc or not path.startswith("/") or path.startswith(("//", "/\\")) or "\\" in path
    return default if bad or any(ord(sign) < 32 for sign in path) else path
