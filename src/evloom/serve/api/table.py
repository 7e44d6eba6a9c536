"""The endpoint table of the whole interface, and the routes made from it."""

from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from evloom.serve.api import (
    about,
    access,
    acknowledge,
    attention,
    batteries,
    commands,
    drivers,
    exports,
    money,
    openapi,
    organisations,
    sessions,
    sites,
    stations,
    steering,
    terms,
    users,
    vehicles,
)
from evloom.serve.api.endpoint import Endpoint
from evloom.serve.api.headers import add_headers
from evloom.serve.api.problem import MEDIA, Problem
from evloom.serve.api.routing import routes_of
from evloom.serve.platform import Platform

TABLE: tuple[Endpoint, ...] = (
    *about.ENDPOINTS,
    *access.ENDPOINTS,
    *organisations.ENDPOINTS,
    *users.ENDPOINTS,
    *sites.ENDPOINTS,
    *stations.ENDPOINTS,
    *drivers.ENDPOINTS,
    *sessions.ENDPOINTS,
    *steering.ENDPOINTS,
    *commands.ENDPOINTS,
    *vehicles.ENDPOINTS,
    *batteries.ENDPOINTS,
    *attention.ENDPOINTS,
    *acknowledge.ENDPOINTS,
    *exports.ENDPOINTS,
    *terms.ENDPOINTS,
    *money.ENDPOINTS,
)


def api_routes(platform: Platform) -> list[Route]:
    """Every route of the interface, with one that answers for whatever else is asked under /api."""
    platform.document = openapi.document(TABLE, platform.version, platform.config.server.public_url or "/")
    return [*routes_of(platform, TABLE), Route("/api/{rest:path}", _Nothing(secure=platform.secure))]


class _Nothing:
    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = Problem(404, "no-such-path", "there is nothing at this path; /api/openapi.json says what there is").body(scope["path"][:300])
        headers = MutableHeaders({"content-type": MEDIA, "content-length": str(len(body)), "cache-control": "no-store"})
        add_headers(headers, secure=self._secure)
        await send({"type": "http.response.start", "status": 404, "headers": headers.raw})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
