"""What needs somebody's attention, what broke the protocol, and what stations said word for word."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor, hidden
from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Endpoint, Stream, endpoint
from evloom.serve.api.shape import UNSET, Input, Instant, Line, Page, Paging, StationId, changes, given, instant, of_row, seconds
from evloom.serve.api.stations import StationPath, found_station
from evloom.serve.people.roles import LOOK
from evloom.store import billing, frames, registry, views, warnings
from evloom.store.connection import Connection, Row
from evloom.store.frames import Frame, Wanted

LISTED = 200
EXPORTED = 100_000
PAGE = 500
Kind = Literal["offline", "fault", "pending", "suspect-session", "held-bill", "astray", "battery"]
_PROFILE_WORDS = ("ReportChargingProfiles", "NotifyChargingLimit", "ClearedChargingLimit", "NotifyEVChargingSchedule")
_FOLLOWING = ("follows", "untried", "")


class Notice(msgspec.Struct):
    """Something that needs attention: of what kind, at what, since when, in words. The subject of "battery" is a warning of its doctor."""

    kind: Kind
    subject: str
    station_id: str
    site_id: str
    text: str
    since: Instant | None = None


class Deviation(msgspec.Struct):
    """A way in which stations of a kind broke the protocol: how many of them how often, what came (one case), what to do about it."""

    vendor: str
    model: str
    action: str
    rule: str
    field: str
    n_station: int
    n: int
    last: Instant
    value: str
    advice: str


class DeviationQuery(Input):
    """Of which vendor, model, station."""

    vendor: Line | UnsetType = UNSET
    model: Line | UnsetType = UNSET
    station_id: StationId | UnsetType = UNSET


class Message(msgspec.Struct):
    """An OCPP message as it went over the wire. direction "in", "out", or "lost": the text says how many were not kept."""

    frame_id: int
    station_id: str
    at: Instant
    direction: str
    action: str
    text: str


class MessageSearch(Input):
    """Which messages: text that they contain, an action, a span of time."""

    text: Annotated[str, Meta(max_length=200, pattern=r"^[^\u0000]*$")] | UnsetType = UNSET
    action: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9]+$(?!\n)")] | UnsetType = UNSET
    begin: Instant | UnsetType = UNSET
    end: Instant | UnsetType = UNSET


class MessageQuery(MessageSearch):
    """The same in pages."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_=-]+$(?!\n)")] | UnsetType = UNSET


class LogQuery(Paging):
    """Entries of one station, of one kind."""

    station_id: StationId | UnsetType = UNSET
    kind: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z]+$(?!\n)")] | UnsetType = UNSET


class LogLine(msgspec.Struct):
    """An entry of the platform's log: what a station said, in our words."""

    number: int
    station_id: str
    kind: str
    body: dict[str, Any]
    happened_at: Instant
    known_at: Instant


class Profiles(msgspec.Struct):
    """Messages by which profiles were set (and their answers), and the station's own reports of its profiles and limits."""

    sent: list[Message]
    reported: list[LogLine]


class ReportQuery(Input):
    """How many entries at most."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 50


async def list_warnings(call: Call) -> list[Notice]:
    """What needs attention: faults, stations offline or pending, who does not follow, doubtful sessions, held bills, batteries.

    Warnings of batteries are those that nobody has acknowledged; /battery-warnings has all of them."""
    found = await call.read(lambda conn: _kept_warnings(conn, call))
    site_ids = await call.read(lambda conn: [row["site_id"] for row in registry.site_page(conn, call.scope, None, 500)[0]])
    for site_id in site_ids:
        found += _of_loop(call, site_id)
    return found


def _kept_warnings(conn: Connection, call: Call) -> list[Notice]:
    scope = call.scope
    found = [_fault(row) for row in views.faulted(conn, scope, LISTED)]
    for row in views.offline(conn, scope, LISTED):
        since_s = row["disconnected_at_s"] or row["last_seen_s"]
        since = None if since_s is None else instant(since_s)
        text = "never connected" if since is None else "not connected"
        found.append(Notice("offline", row["station_id"], row["station_id"], row["site_id"], text, since))
    found += [_of_row("pending", row, "waits to be accepted", row["created_at_s"]) for row in views.pending(conn, scope, LISTED)]
    doubtful = views.suspect_sessions(conn, scope, LISTED)
    found += [_of_row("suspect-session", row, row["suspect"], row["started_at_s"]) for row in doubtful]
    if scope.site_ids is None and scope.driver_id is None:
        for bill in billing.in_state(conn, scope, ["held", "review", "unpriced"], LISTED):
            text = ", ".join(dict.fromkeys(finding.code for finding in bill.findings)) or bill.state
            found.append(Notice("held-bill", bill.session_id, "", "", f"{bill.state}: {text}"))
        rows, _ = warnings.warning_page(conn, scope, None, LISTED, {"open": True, "acknowledged": False})
        found += [_battery(row) for row in rows]
    return found


def _battery(row: Row) -> Notice:
    """A warning of a battery; cells and probes by their names in files: V_83 is cell 82."""
    part = f", V_{row['cell'] + 1}" if row["cell"] is not None else f", T_{row['probe'] + 1}" if row["probe"] is not None else ""
    text = f"level {row['level']}, cause {row['cause']}{part}, battery {row['pack_id']}"
    return Notice("battery", row["warning_id"], "", "", text, instant(row["opened_s"]))


def _of_row(kind: Kind, row: Row, text: str, since_s: float) -> Notice:
    return Notice(kind, row.get("session_id") or row["station_id"], row["station_id"], row["site_id"], text, instant(since_s))


def _fault(row: Row) -> Notice:
    text = ", ".join(word for word in (row["status"], row["error"], row["vendor_error"], row["info"]) if word)
    subject = f"{row['station_id']}/{row['evse']}"
    return Notice("fault", subject, row["station_id"], row["site_id"], text, instant(row["since_s"]))


def _of_loop(call: Call, site_id: str) -> list[Notice]:
    """Who does not follow, by the loop of the site where it runs in this process."""
    live = call.platform.live
    board = None if live is None else live.board(site_id)
    if board is None:
        return []
    return [
        Notice("astray", evse.evse_id, evse.station_id, site_id, f"{evse.follows}: {evse.trouble}".rstrip(": "))
        for evse in board.evses
        if evse.follows not in _FOLLOWING
    ]


async def list_deviations(call: Call, query: DeviationQuery) -> list[Deviation]:
    """How stations broke the protocol and were understood all the same, by vendor and model."""
    wanted = changes(query)
    return [of_row(Deviation, row) for row in await call.read(lambda conn: views.deviating(conn, call.scope, wanted))]


async def search_messages(call: Call, path: StationPath, query: MessageQuery) -> Page[Message]:
    """OCPP messages of a station, the newest first."""
    after = cursor.read(query.cursor, (int,))
    before = int(after[0]) if after else 0

    def read(conn: Connection) -> list[Frame]:
        found_station(conn, call, path.station_id)
        return frames.search(conn, path.station_id, _wanted(query), before=before, n_max=query.limit)

    found = await call.read(read)
    following = cursor.written((found[-1].frame_id,)) if len(found) == query.limit else None
    return Page([_message(one) for one in found], following)


async def export_messages(call: Call, path: StationPath, query: MessageSearch) -> Stream:
    """OCPP messages of a station as lines of JSON, the newest first, at most 100,000."""
    await call.read(lambda conn: found_station(conn, call, path.station_id))
    call.out["Content-Disposition"] = 'attachment; filename="messages.jsonl"'
    return Stream(_lines(call, path.station_id, _wanted(query)), "application/x-ndjson")


async def _lines(call: Call, station_id: str, wanted: Wanted) -> AsyncGenerator[bytes, None]:
    before = 0
    for _ in range(EXPORTED // PAGE):
        last = before

        def read(conn: Connection, last: int = last) -> list[Frame]:
            return frames.search(conn, station_id, wanted, before=last, n_max=PAGE)

        found = await call.read(read)
        yield b"".join(msgspec.json.encode(_message(one)) + b"\n" for one in found)
        if len(found) < PAGE:
            return
        before = found[-1].frame_id


async def read_log(call: Call, query: LogQuery) -> Page[LogLine]:
    """The platform's log, the newest first."""
    after = cursor.read(query.cursor, (int,))
    wanted = changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: views.log_page(conn, call.scope, after, query.limit, wanted))
    return Page([of_row(LogLine, row, "body") for row in rows], cursor.following(last))


async def list_reports(call: Call, path: StationPath, query: ReportQuery) -> list[LogLine]:
    """What a station reported of itself, the newest first: variables, profiles, firmware, logs, security, DER, displays."""

    def read(conn: Connection) -> list[Row]:
        found_station(conn, call, path.station_id)
        wanted = {"station_id": path.station_id, "kind": "Noted"}
        return views.log_page(conn, call.scope, None, query.limit, wanted)[0]

    return [of_row(LogLine, row, "body") for row in await call.read(read)]


async def list_profiles(call: Call, path: StationPath) -> Profiles:
    """Charging profiles of a station: what it was sent last, and what it reported last."""

    def read(conn: Connection) -> Profiles:
        found_station(conn, call, path.station_id)
        sent = frames.search(conn, path.station_id, Wanted(action="SetChargingProfile"), n_max=40)
        wanted = {"station_id": path.station_id, "kind": "Noted"}
        noted = [of_row(LogLine, row, "body") for row in views.log_page(conn, call.scope, None, 500, wanted)[0]]
        reported = [line for line in noted if line.body.get("what") in _PROFILE_WORDS]
        return Profiles([_message(one) for one in sent], reported[:40])

    return await call.read(read)


def _wanted(query: MessageSearch) -> Wanted:
    begin_s = float("-inf") if isinstance(query.begin, UnsetType) else seconds(query.begin)
    end_s = float("inf") if isinstance(query.end, UnsetType) else seconds(query.end)
    return Wanted(given(query.text, ""), given(query.action, ""), begin_s, end_s)


def _message(one: Frame) -> Message:
    return Message(one.frame_id, one.station_id, instant(one.at_s), one.direction, one.action, hidden.in_text(one.text))


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_warnings, "GET /warnings", "warnings", LOOK),
    endpoint(list_deviations, "GET /deviations", "warnings", LOOK),
    endpoint(search_messages, "GET /stations/{station_id}/messages", "messages", LOOK),
    endpoint(export_messages, "GET /stations/{station_id}/messages.jsonl", "messages", LOOK, media=("application/x-ndjson",)),
    endpoint(list_profiles, "GET /stations/{station_id}/profiles", "profiles", LOOK),
    endpoint(list_reports, "GET /stations/{station_id}/reports", "variables", LOOK),
    endpoint(read_log, "GET /log", "log", LOOK),
)
