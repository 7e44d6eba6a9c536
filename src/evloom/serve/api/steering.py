"""The loop of a site: what it is told, and what it says of itself."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Blob, Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, missing
from evloom.serve.api.sessions import SessionPath, found_session
from evloom.serve.api.shape import UNSET, Input, Instant, SignedKw, instant, seconds
from evloom.serve.api.sites import NodeId, SitePath, found_site
from evloom.serve.billing.running import Running, cost_so_far
from evloom.serve.live.board import Ahead, Board, Explanation
from evloom.serve.live.words import Sentence
from evloom.serve.people.roles import ALL, LOOK, SITE
from evloom.serve.site.plan import ROOT
from evloom.store import sites

PAST_S = 86400.0
AHEAD_S = 60.0
"""How far a reading may lie in the future: clocks of meters differ."""
OLD_S = 3600.0
"""Older readings say nothing of the present."""


class LoadReading(Input):
    """What a meter of the building read, without the cars: positive = consuming, negative = more sun than load. at: left out, now."""

    kw: SignedKw
    node: NodeId = ROOT
    at: Instant | UnsetType = UNSET


class LoadReadings(Input):
    """Readings, the oldest first."""

    readings: Annotated[list[LoadReading], Meta(min_length=1, max_length=1000)]


class Taken(msgspec.Struct):
    """How many readings were taken."""

    taken: int


class LoadMean(msgspec.Struct):
    """The mean load of a quarter of an hour."""

    node: str
    begin: Instant
    mean_kw: float


class SinceQuery(Input):
    """Since when; a day where it is left out."""

    since: Instant | UnsetType = UNSET


class Words(Input):
    """In which language sentences are."""

    language: Literal["en", "zh"] = "en"


class JournalPath(Input):
    """Which file of a site's journal."""

    site_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$(?!\n)")]
    file: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)")]


class JournalFile(msgspec.Struct):
    """A file of the journal: .jsonl.gz what happened and was ordered, .toml the scenario by which `evloom simulate --replay` replays it."""

    file: str
    size_bytes: int
    changed_at: Instant


async def read_board(call: Call, path: SitePath, query: Words) -> Board:
    """What goes on at a site: load against limit, the plan ahead, price, and for every EVSE what is ordered, metered, and why."""
    await call.read(lambda conn: found_site(conn, call, path.site_id))
    board = call.live.board(path.site_id)
    if board is None:
        raise missing("loop of site", path.site_id)
    return cast("Board", worded(board, query.language))


async def read_forecast(call: Call, path: SitePath) -> Ahead:
    """The plan ahead: base load, cars, limit and price, step by step."""
    await call.read(lambda conn: found_site(conn, call, path.site_id))
    board = call.live.board(path.site_id)
    if board is None or board.ahead is None:
        raise missing("plan of site", path.site_id)
    return board.ahead


async def explain(call: Call, path: SessionPath, query: Words) -> Explanation:
    """Why a running session gets what it gets: the limits that bind and until when, what waiting saves."""
    await call.read(lambda conn: found_session(conn, call, path.session_id))
    found = call.live.explain(path.session_id)
    if found is None:
        raise missing("decision on session", path.session_id)
    return cast("Explanation", worded(found, query.language))


async def read_cost(call: Call, path: SessionPath) -> Running:
    """What a session costs so far, and the price that holds now. An estimate while it runs."""
    now_s = call.now_s

    def read(conn: Any) -> Running | None:
        found_session(conn, call, path.session_id)
        return cost_so_far(conn, path.session_id, now_s)

    found = await call.read(read)
    if found is None:
        raise missing("price of session", path.session_id)
    return found


async def put_base_load(call: Call, path: SitePath, body: LoadReadings) -> Taken:
    """Say what the building draws beside the cars."""
    await call.read(lambda conn: found_site(conn, call, path.site_id))
    live, now_s, faults = call.live, call.now_s, []
    times = [now_s if isinstance(reading.at, UnsetType) else seconds(reading.at) for reading in body.readings]
    for index, at_s in enumerate(times):
        if not now_s - OLD_S <= at_s <= now_s + AHEAD_S:
            allowed = f"at most {OLD_S:.0f} s old and {AHEAD_S:.0f} s ahead"
            faults.append(Fault("base-load.time", f"readings[{index}].at", str(body.readings[index].at), allowed, "set the meter's clock"))
    if faults:
        raise conflict("meter-clock", "readings are not of the present", *faults)
    for reading, at_s in zip(body.readings, times, strict=True):
        if not live.base_load(path.site_id, reading.node, reading.kw, at_s):
            raise missing("node", reading.node)
    call.audited = True  # a measurement is no change that somebody answers for
    return Taken(len(body.readings))


async def read_base_load(call: Call, path: SitePath, query: SinceQuery) -> list[LoadMean]:
    """The base load that was metered, in quarters of an hour."""
    since_s = call.now_s - PAST_S if isinstance(query.since, UnsetType) else seconds(query.since)

    def read(conn: Any) -> list[LoadMean]:
        found_site(conn, call, path.site_id)
        rows = sites.base_loads(conn, path.site_id, since_s)
        return [LoadMean(node, instant(begin_s), mean_kw) for node, begin_s, mean_kw in rows[-10_000:]]

    return await call.read(read)


async def list_journal(call: Call, path: SitePath) -> list[JournalFile]:
    """Files of a site's journal, the newest first."""
    await call.read(lambda conn: found_site(conn, call, path.site_id))
    return await asyncio.to_thread(_files, _folder(call, path.site_id))


async def read_journal(call: Call, path: JournalPath) -> Blob:
    """One file of a site's journal."""
    await call.read(lambda conn: found_site(conn, call, path.site_id))
    file = _folder(call, path.site_id) / path.file
    try:
        content = await asyncio.to_thread(file.read_bytes)
    except OSError:
        raise missing("journal file", path.file) from None
    return Blob(content, "application/gzip" if path.file.endswith(".gz") else "application/toml", path.file)


def worded(content: object, language: str) -> Any:
    """`content` ready for JSON, every sentence in it with its `text` in a language."""
    if isinstance(content, Sentence):
        return {**msgspec.to_builtins(content), "text": content.text(language)}
    if isinstance(content, tuple | list):
        return [worded(item, language) for item in content]
    if hasattr(content, "__dataclass_fields__"):
        return {name: worded(getattr(content, name), language) for name in content.__dataclass_fields__}
    return content


def _folder(call: Call, site_id: str) -> Path:
    return Path(call.platform.config.server.data) / "journal" / site_id


def _files(folder: Path) -> list[JournalFile]:
    if not folder.is_dir():
        return []
    found = []
    for file in folder.iterdir():
        if file.is_file():
            about = file.stat()
            found.append(JournalFile(file.name, about.st_size, instant(about.st_mtime)))
    return sorted(found, key=lambda one: (one.changed_at, one.file), reverse=True)[:2000]


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(read_board, "GET /sites/{site_id}/board", "board", LOOK),
    endpoint(read_forecast, "GET /sites/{site_id}/forecast", "board", LOOK),
    endpoint(put_base_load, "POST /sites/{site_id}/base-load", "base load", SITE, 409),
    endpoint(read_base_load, "GET /sites/{site_id}/base-load", "base load", LOOK),
    endpoint(explain, "GET /sessions/{session_id}/explanation", "sessions", ALL),
    endpoint(read_cost, "GET /sessions/{session_id}/cost", "sessions", ALL),
    endpoint(list_journal, "GET /sites/{site_id}/journal", "journal", LOOK),
    endpoint(read_journal, "GET /sites/{site_id}/journal/{file}", "journal", LOOK, media=("application/gzip", "application/toml")),
)
