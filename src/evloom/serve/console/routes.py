"""Every page of the console, and the routes made of them."""

from starlette.responses import Response
from starlette.routing import Route

from evloom.serve.api.problem import Problem
from evloom.serve.console import assets
from evloom.serve.console.page import Page, PageApp, routes_of
from evloom.serve.console.pages import alarms, batteries, boards, drivers, entrance, orders, own, people, sessions, sites, stations, terms
from evloom.serve.console.trace import Trace
from evloom.serve.console.visit import Visit
from evloom.serve.platform import Platform

PAGES: tuple[Page, ...] = (
    *entrance.PAGES,
    *boards.PAGES,
    *stations.PAGES,
    *orders.PAGES,
    *sessions.PAGES,
    *sites.PAGES,
    *drivers.PAGES,
    *batteries.PAGES,
    *alarms.PAGES,
    *terms.PAGES,
    *people.PAGES,
    *own.PAGES,
)


async def _nowhere(visit: Visit) -> Response:  # noqa: ARG001  a handler takes its visit
    """Any other path."""
    raise Problem(404, "not-found", "the address leads nowhere: perhaps it was typed wrong, or what it named was removed")


def console_routes(platform: Platform) -> list[Route]:
    """The routes of the console. They answer for every path, so they come after those of the API."""
    trace = None if platform.live is None else Trace(platform.bus, platform.live)
    elsewhere = Page("GET", "/{rest:path}", _nowhere, None)
    return [
        Route("/assets/{name}", assets.asset, methods=["GET"]),
        *routes_of(platform, PAGES, trace),
        Route(elsewhere.path, PageApp(platform, elsewhere.path, {"GET": elsewhere, "POST": elsewhere}, trace)),
    ]
