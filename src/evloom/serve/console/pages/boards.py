"""The live board: every site's load against its limit with the plan ahead, what needs attention, and who charges."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from evloom.serve.api import attention, commands, sites, stations
from evloom.serve.api.attention import Notice
from evloom.serve.console.news import News
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.series import board_chart
from evloom.serve.console.shown import render
from evloom.serve.console.visit import Visit
from evloom.serve.live.board import Board, EvseBoard
from evloom.serve.people.roles import ALL, LOOK

ROWS_MAX = 150
CARDS_MAX = 24
SHOWN_ELSEWHERE = ("lost", "ignores", "refused", "elsewhere")
"""Notes of the loop that the table of what needs attention has, too."""
ASTRAY = ("ignores", "refused", "unanswered")


@dataclass(frozen=True, slots=True)
class Bay:
    """A row of the board: an EVSE, its state as a badge (kind, words), and why it gets what it gets."""

    evse: EvseBoard
    kind: str
    words: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What the board of a site shows. `lack` says why its loop does not run here; remarks are what people should know of it."""

    site: sites.Site
    board: Board | None
    lack: str
    chart: dict[str, Any] | None
    busy: list[Bay]
    free: list[Bay]
    notices: list[Notice]
    n_station: int
    remarks: list[str]


async def scene_of(visit: Visit, site: sites.Site, notices: list[Notice], *, small: bool = False) -> Scene:
    """Gather a site."""
    live = visit.platform.live
    board = None if live is None else live.board(site.site_id)
    own = [one for one in notices if one.site_id == site.site_id]
    wrong = {one.subject for one in own if one.kind == "fault"}
    bays = [] if board is None else [_bay(visit, one, wrong) for one in board.evses]
    there = await visit.do(stations.list_stations, query={"site_id": site.site_id, "limit": "1"}) if not bays else None
    return Scene(
        site=site,
        board=board,
        lack=_lack(visit, board),
        chart=board_chart(board, site.zone, visit.t, small=small) if board is not None and (board.past or board.ahead) else None,
        busy=[bay for bay in bays if bay.evse.session_id],
        free=[bay for bay in bays if not bay.evse.session_id],
        notices=own,
        n_station=len({bay.evse.station_id for bay in bays}) if there is None else len(there.items),
        remarks=[] if board is None else [note.text(visit.lang) for note in board.notes if note.key not in SHOWN_ELSEWHERE],
    )


def _lack(visit: Visit, board: Board | None) -> str:
    """Why there is no loop to look at, "" where there is one."""
    if visit.platform.live is None:
        return "This process runs no loop."
    if board is None:
        return "The loop of this site does not run: its document does not hold together."
    if not board.running and visit.platform.db.kind == "sqlite":
        return "The loop of this site is starting."
    return "" if board.running else "Another process runs the loop of this site: look at that one's board."


def _bay(visit: Visit, evse: EvseBoard, wrong: set[str]) -> Bay:
    reason = evse.reason.text(visit.lang)
    if evse.evse_id in wrong:
        return Bay(evse, "bad", visit.t("faulted"), reason)
    if not evse.link:
        return Bay(evse, "warn", visit.t("offline"), reason)
    if evse.session_id and evse.follows in ASTRAY:
        return Bay(evse, "warn", visit.t("does not follow"), reason)
    if not evse.session_id:
        return Bay(evse, "", visit.t("free"), "")
    metered_kw = evse.metered_kw or 0.0
    if abs(metered_kw) > 0.05:
        return Bay(evse, "work", visit.t("charging") if metered_kw > 0 else visit.t("discharging"), reason)
    return Bay(evse, "wait", visit.t("waiting"), reason)


async def start(visit: Visit) -> Response:
    """All sites; where there is one only, its own board."""
    if visit.known and visit.caller.role == "driver":
        return go("/me")
    found = await visit.sites()
    if len(found) == 1:
        return go(f"/boards/{next(iter(found))}")
    return await page(visit, "overview.html", visit.t("Live"), scenes=await _scenes(visit), n_site=len(found))


async def _scenes(visit: Visit) -> list[Scene]:
    found = list((await visit.sites()).values())[:CARDS_MAX]
    notices = await visit.do(attention.list_warnings)
    return [await scene_of(visit, site, notices, small=True) for site in found]


async def board(visit: Visit) -> Response:
    """One site."""
    site = await visit.do(sites.read_site, path={"site_id": visit.path("site_id")})
    scene = await scene_of(visit, site, await visit.do(attention.list_warnings))
    return await page(visit, "board.html", site.name, site.zone, **_values(visit, scene))


def _values(visit: Visit, scene: Scene) -> dict[str, Any]:
    return {"scene": scene, "board": scene.board, "may_order": visit.may(commands.order), "rows_max": ROWS_MAX}


async def board_live(visit: Visit) -> Response:
    """The board of a site, as it changes."""
    site = await visit.do(sites.read_site, path={"site_id": visit.path("site_id")})

    async def draw() -> str:
        scene = await scene_of(visit, site, await visit.do(attention.list_warnings))
        return render(visit, "board_live.html", site.zone, **_values(visit, scene))

    return _stream(visit, News(visit.platform, {site.site_id}), draw)


async def overview_live(visit: Visit) -> Response:
    """All sites, as they change."""

    async def draw() -> str:
        return render(visit, "overview_live.html", await visit.zone(), scenes=await _scenes(visit))

    return _stream(visit, News(visit.platform, None), draw)


def _stream(visit: Visit, news: News, draw: Any) -> Response:
    return StreamingResponse(_parts(visit, news, draw), media_type="text/event-stream")


async def _parts(visit: Visit, news: News, draw: Any) -> AsyncGenerator[bytes, None]:
    """The page's live part whenever it differs from what was sent last; a comment now and then, so that a dead reader is noticed."""
    sent = ""
    visit.platform.metrics.readers.inc()
    try:
        yield b"retry: 2000\n\n"
        while not news.is_over and await _still_in(visit, news):
            drawn = await draw()
            if drawn != sent:
                sent = drawn
                yield b"event: part\n" + b"".join(b"data: " + line.encode() + b"\n" for line in drawn.split("\n")) + b"\n"
            else:
                yield b": still here\n\n"
            await news.wait()
    except asyncio.CancelledError:
        raise
    finally:
        news.close()
        visit.platform.metrics.readers.dec()


async def _still_in(visit: Visit, news: News) -> bool:
    """Whether the visitor is still logged in, looked at now and then."""
    if not news.looks_again():
        return True
    caller = await visit.platform.door.caller(visit.request.headers, visit.remote)
    return caller is not None and caller.role == visit.caller.role


PAGES = (
    Page("GET", "/", start, ALL),
    Page("GET", "/live", overview_live, LOOK),
    Page("GET", "/boards/{site_id}", board, LOOK),
    Page("GET", "/boards/{site_id}/live", board_live, LOOK),
)
