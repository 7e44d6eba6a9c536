"""From the endpoint table to answers: one small ASGI application for each path."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evloom.kernel.errors import EvloomError, InputError
from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Blob, Endpoint, Stream
from evloom.serve.api.headers import add_headers
from evloom.serve.api.problem import MEDIA, Fault, Problem, of_findings
from evloom.serve.api.reading import read_json, read_query, read_struct
from evloom.serve.logs import told
from evloom.serve.people.door import CSRF_HEADER, csrf_fits
from evloom.serve.people.first import is_loopback
from evloom.serve.people.roles import Caller, Role
from evloom.serve.platform import Platform
from evloom.store.errors import Conflict, StoreClosed, StoreError, StoreFull

_LOG = logging.getLogger(__name__)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NOBODY = Caller("nobody", "", Role.READER, "")
_ENCODER = msgspec.json.Encoder()
STUCK_S = 30.0
"""How long a listener to events may take nothing before its connection is closed."""


class _Answer:
    """Status, headers and body on their way out."""

    def __init__(self, status: int, body: bytes = b"", media: str = "") -> None:
        self.status, self.body = status, body
        self.headers = MutableHeaders()
        if media:
            self.headers["content-type"] = media
        self.stream: AsyncGenerator[bytes, None] | None = None


def routes_of(platform: Platform, table: Sequence[Endpoint]) -> list[Route]:
    """A route for every path of the table; fixed paths come before those with a parameter in the same place."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for row in table:
        if row.method in paths.setdefault(row.path, {}):
            raise ValueError(f"{row.method} {row.path} is in the table twice")
        paths[row.path][row.method] = row
    return [Route(path, PathApp(platform, path, paths[path])) for path in sorted(paths, key=lambda path: path.replace("{", "\x7f"))]


class PathApp:
    """Answers every method of one path."""

    def __init__(self, platform: Platform, path: str, rows: dict[str, Endpoint]) -> None:
        self._platform, self._path, self._rows = platform, path, rows
        allowed = {*rows, "OPTIONS", *(["HEAD"] if "GET" in rows else [])}
        self._allow = ", ".join(sorted(allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        began_s = time.perf_counter()
        request_id = secrets.token_hex(8)
        try:
            answer = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        answer.headers["x-request-id"] = request_id
        took_s = time.perf_counter() - began_s
        self._platform.metrics.answered(request.method if request.method in self._allow else "other", self._path, answer.status, took_s)
        await _send(answer, request, send, secure=self._platform.secure)

    async def _answer(self, request: Request, request_id: str) -> _Answer:
        method = "GET" if request.method == "HEAD" and "GET" in self._rows else request.method
        try:
            if method not in self._rows:
                return self._no_method(method)
            return await answered(self._platform, self._rows[method], request, request_id)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  whatever went wrong, the caller is told and it is logged
            return _failed(told_of(error), request.url.path, request_id)

    def _no_method(self, method: str) -> _Answer:
        if method == "OPTIONS":
            answer = _Answer(204)
            answer.headers["allow"] = self._allow
            return answer
        raise Problem(405, "no-such-method", f"this path knows {self._allow}", headers={"Allow": self._allow})


def told_of(error: Exception) -> Problem:
    """What a caller is told of an exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, InputError):
        return of_findings(error.findings)
    if isinstance(error, Conflict):
        return Problem(409, "conflict", str(error))
    if isinstance(error, StoreFull):
        return Problem(503, "database-full", "the database has no room; reading goes on", headers={"Retry-After": "30"})
    if isinstance(error, StoreError | StoreClosed):
        return Problem(503, "database-gone", "the database cannot be reached at the moment", headers={"Retry-After": "10"})
    _LOG.error("request.failed", exc_info=error)
    said = str(error) if isinstance(error, EvloomError) else "something went wrong here; the log has it under the request id"
    return Problem(500, "internal", said)


async def answered(platform: Platform, row: Endpoint, request: Request, request_id: str) -> _Answer:
    """Answer a request of one row of the table."""
    remote = request.client.host if request.client else ""
    caller = await _allowed(platform, row, request, remote)
    _check_accept(row, request.headers)
    call = Call(platform, caller, remote, request.headers.get("user-agent", ""), request_id, request.headers.get("accept", "*/*"))
    arguments = await _arguments(row, request)
    result = await done(row, call, arguments)
    answer = _Answer(row.status)
    if isinstance(result, Stream):
        answer = _Answer(row.status, media=result.media)
        answer.stream = result.parts
    elif isinstance(result, Blob):
        answer = _Answer(row.status, result.content, result.media)
        if result.name:
            answer.headers["content-disposition"] = f'attachment; filename="{result.name}"'
    elif result is not None:
        answer = _Answer(row.status, _ENCODER.encode(result), "application/json")
    for name, value in call.out.items():
        answer.headers[name] = value
    if "etag" in answer.headers and request.headers.get("if-none-match") == answer.headers["etag"] and 304 in row.problems:
        unchanged = _Answer(304)
        unchanged.headers["etag"] = answer.headers["etag"]
        return unchanged
    return answer


async def done(row: Endpoint, call: Call, arguments: dict[str, Any]) -> Any:
    """Have a row's handler do its work, and see to it that a write leaves a line of audit. Raises Problem where the role may not."""
    _check_role(row, call.caller)
    result = await row.handler(call, **arguments)
    if row.method not in _SAFE and not call.audited and row.roles is not None:
        await call.note(row.name, row.path, after=_ENCODER.encode(arguments).decode())
    return result


async def _allowed(platform: Platform, row: Endpoint, request: Request, remote: str) -> Caller:
    """Who asks, if one may. Raises Problem 401 or 403."""
    if row.roles is None or (row.loopback and is_loopback(remote)):
        return NOBODY
    caller = await platform.door.caller(request.headers, remote)
    if caller is None:
        waiting = await platform.first.is_open(platform.db)
        detail = "there is no administrator yet; set one up first" if waiting else "send an API key, or log in"
        raise Problem(401, "not-known", detail, headers={"WWW-Authenticate": 'Bearer realm="evloom"'})
    _check_role(row, caller)
    if request.method not in _SAFE and not csrf_fits(caller, request.headers.get(CSRF_HEADER, "")):
        raise Problem(403, "csrf", f"a write with the session cookie needs the header {CSRF_HEADER}; GET /api/v1/me has its value")
    return caller


def _check_role(row: Endpoint, caller: Caller) -> None:
    if row.roles is not None and caller is not NOBODY and caller.role not in row.roles:
        raise Problem(403, "role", f"this needs one of the roles {', '.join(sorted(row.roles))}; yours is {caller.role}")


async def _arguments(row: Endpoint, request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "path" in row.arguments:
        found["path"] = _path(row.arguments["path"], request.path_params)
    query = QueryParams(request.scope.get("query_string", b""))
    if "query" in row.arguments:
        found["query"] = read_query(row.arguments["query"], query.multi_items())
    elif query.multi_items():
        name, value = query.multi_items()[0]
        raise Problem(
            422, "wrong-input", "this takes no parameters", [Fault("input.unknown", name[:200], value[:200], "none", "leave it out")]
        )
    if "headers" in row.arguments:
        kind = row.arguments["headers"]
        names = {field.encode_name for field in msgspec.structs.fields(kind)}
        sent = [(name, request.headers[name]) for name in names if name in request.headers]
        found["headers"] = read_query(kind, sent)
    if "body" in row.arguments:
        found["body"] = read_struct(row.arguments["body"], read_json(await _body(request, row.body_max)))
    return found


def _path(kind: type[Any], content: dict[str, Any]) -> Any:
    """The path's parameters; one that cannot be the name of anything is not there."""
    try:
        return read_query(kind, list(content.items()))
    except Problem as problem:
        raise Problem(404, "not-found", "nothing can have such a name", problem.findings) from None


async def _body(request: Request, most: int) -> bytes:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Problem(415, "not-json", "send Content-Type: application/json")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Problem(413, "too-large", f"at most {most} bytes", headers={"Connection": "close"})
        parts.append(part)
    return b"".join(parts)


def _check_accept(row: Endpoint, headers: Headers) -> None:
    accept = headers.get("accept", "*/*") or "*/*"
    wanted = []
    for part in accept.split(","):
        name, *details = (word.strip().lower() for word in part.split(";"))
        if not any(detail in ("q=0", "q=0.0", "q=0.00", "q=0.000") for detail in details):
            wanted.append(name)
    media = [*row.media, MEDIA] if row.response is not None else ["*/*"]
    if not any(_covers(name, one.partition(";")[0]) for name in wanted for one in media) and row.response is not None:
        raise Problem(406, "not-acceptable", f"this comes as {', '.join(row.media)}")


def _covers(wanted: str, media: str) -> bool:
    return wanted in ("*/*", "*", media) or (wanted.endswith("/*") and media.startswith(wanted[:-1]))


def _failed(problem: Problem, path: str, request_id: str) -> _Answer:
    answer = _Answer(problem.status, problem.body(path[:300]), MEDIA)
    for name, value in problem.headers.items():
        answer.headers[name] = value
    told(_LOG, logging.INFO, "request.refused", status=problem.status, code=problem.code, path=path[:300], request=request_id)
    return answer


async def _send(answer: _Answer, request: Request, send: Send, *, secure: bool) -> None:
    headers = answer.headers
    headers.setdefault("cache-control", "no-store")
    add_headers(headers, secure=secure)
    if answer.stream is not None and request.method != "HEAD":
        await _send_stream(answer, request.receive, send)
        return
    if answer.status not in (204, 304):
        headers["content-length"] = str(len(answer.body))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})


async def _send_stream(answer: _Answer, receive: Receive, send: Send) -> None:
    """Send parts as they come, until the listener is gone, or takes nothing for too long."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers.raw})
    pumping, leaving = asyncio.ensure_future(_pump(answer, send)), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({pumping, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pumping.cancel()
        leaving.cancel()
        await asyncio.gather(pumping, leaving, return_exceptions=True)


async def _pump(answer: _Answer, send: Send) -> None:
    assert answer.stream is not None
    try:
        async for part in answer.stream:
            await asyncio.wait_for(send({"type": "http.response.body", "body": part, "more_body": True}), STUCK_S)
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        told(_LOG, logging.WARNING, "events.stuck")
    except OSError:
        return
    finally:
        await answer.stream.aclose()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
