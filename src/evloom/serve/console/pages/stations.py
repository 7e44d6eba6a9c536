"""Stations: the list, a new one, one with its state, sessions and commands, its settings and credentials."""

from typing import Any

from starlette.responses import Response

from evloom.serve.api import commands, sessions, stations
from evloom.serve.api.problem import Problem
from evloom.serve.console.forms import Form, body_of, of_struct, refused
from evloom.serve.console.page import Page, go, page, part
from evloom.serve.console.visit import Visit
from evloom.serve.live.board import EvseBoard
from evloom.serve.people.roles import LOOK, OPERATE

FILTERS = ("site_id", "accepted", "connected", "vendor")


async def listed(visit: Visit) -> Response:
    """All stations, filtered."""
    wanted = {name: value for name in (*FILTERS, "cursor") if (value := visit.query.get(name, ""))}
    found = await visit.do(stations.list_stations, query=wanted)
    shown = {name: value for name, value in wanted.items() if name != "cursor"}
    query = "&".join(f"{name}={value}" for name, value in shown.items())
    return await page(
        visit, "stations.html", visit.t("Stations"), found=found, form=Form(shown), sites=await visit.sites(), query=query,
        may_make=visit.may(stations.create_station),
    )  # fmt: skip


async def new(visit: Visit) -> Response:
    """A form for a new station."""
    return await _new(visit, Form({"security_profile": "1", "site_id": visit.query.get("site_id", "")}), 200)


async def _new(visit: Visit, form: Form, status: int) -> Response:
    return await page(
        visit, "station_new.html", visit.t("Register a station"), status=status, form=form, sites=await visit.sites(), made=None
    )


async def create(visit: Visit) -> Response:
    """Register a station; its password is shown this once."""
    try:
        made = await visit.do(stations.create_station, body=body_of(stations.NewStation, visit.form))
    except Problem as problem:
        return await _new(visit, refused(visit.form, problem, "password"), problem.status)
    if not made.password:
        return go(f"/stations/{made.station.station_id}", "made")
    return await page(visit, "station_new.html", visit.t("Register a station"), form=Form(), sites={}, made=made)


async def detail_of(visit: Visit) -> Any:
    """The station that the address names."""
    return await visit.do(stations.read_station, path={"station_id": visit.path("station_id")})


async def frame_of(visit: Visit, tab: str) -> dict[str, Any]:
    """What every page of a station shows: the station, and which of its pages this is."""
    detail = await detail_of(visit)
    return {
        "detail": detail,
        "station": detail.station,
        "tab": tab,
        "site": (await visit.sites()).get(detail.station.site_id),
        "may_order": visit.may(commands.order),
        "may_edit": visit.may(stations.change_station),
    }


async def one(visit: Visit) -> Response:
    """State, EVSE and connectors, sessions, commands."""
    frame = await frame_of(visit, "state")
    station_id = frame["station"].station_id
    recent = await visit.do(sessions.list_sessions, query={"station_id": station_id, "limit": "10"})
    ordered = await visit.do(commands.list_commands, query={"station_id": station_id, "limit": "15"})
    return await page(
        visit, "station.html", station_id, await visit.zone(frame["station"].site_id), **frame, recent=recent.items,
        ordered=ordered.items, bays=bays_of(visit, frame["station"]), form=Form(),
    )  # fmt: skip


def bays_of(visit: Visit, station: stations.Station) -> dict[int, EvseBoard]:
    """The EVSE of a station as its site's loop sees them, by number."""
    live = visit.platform.live
    board = live.board(station.site_id) if live is not None and station.site_id else None
    return {} if board is None else {bay.evse: bay for bay in board.evses if bay.station_id == station.station_id}


async def accept(visit: Visit) -> Response:
    """Accept a pending station, or refuse one."""
    accepted = str(visit.form.get("accepted", ""))
    body: dict[str, object] = {"accepted": accepted}
    detail = await detail_of(visit)
    if accepted == "accepted" and not detail.station.site_id:
        found = await visit.sites()
        body["site_id"] = str(visit.form.get("site_id", "")) or next(iter(found), "")
    await visit.do(stations.change_station, path={"station_id": detail.station.station_id}, body=body)
    if visit.by_htmx:
        words = visit.t("The station is accepted.") if accepted == "accepted" else visit.t("The station is refused.")
        return await part(visit, "part_said.html", kind="", words=words)
    return go(f"/stations/{detail.station.station_id}", accepted)


async def settings(visit: Visit) -> Response:
    """Site, security, EVSE: forms."""
    return await _settings(visit, Form(), Form(), 200)


async def _settings(visit: Visit, form: Form, evse_form: Form, status: int, **more: object) -> Response:
    frame = await frame_of(visit, "settings")
    own = form if form.is_wrong else of_struct(frame["station"])
    rows = {}
    for evse in frame["detail"].evse:
        row = evse_form if evse_form.value("evse") == str(evse.evse) else of_struct(evse)
        rows[evse.evse] = row.named(f"evse{evse.evse}")
    fresh = evse_form if evse_form.is_wrong and evse_form.value("evse") not in {str(n) for n in rows} else Form(dict(_FRESH))
    fresh.named("fresh")
    return await page(
        visit, "station_settings.html", frame["station"].station_id, status=status, **frame, form=own, rows=rows, fresh=fresh,
        sites=await visit.sites(), password=more.get("password", ""),
    )  # fmt: skip


_FRESH = {"rating_kw": "7", "n_phase": "1", "phase": "", "current_min_a": "6", "current_step_a": "1", "discharge_max_kw": "0", "dc": ""}


async def change(visit: Visit) -> Response:
    """Move a station, demand another security profile."""
    station_id = visit.path("station_id")
    try:
        await visit.do(stations.change_station, path={"station_id": station_id}, body=body_of(stations.StationChange, visit.form))
    except Problem as problem:
        return await _settings(visit, refused(visit.form, problem), Form(), problem.status)
    return go(visit.request.url.path, "saved")


async def renew_password(visit: Visit) -> Response:
    """Another password, shown this once."""
    made = await visit.do(stations.renew_station_password, path={"station_id": visit.path("station_id")})
    return await _settings(visit, Form(), Form(), 200, password=made.password)


async def put_evse(visit: Visit) -> Response:
    """Make or change an EVSE."""
    station_id, number = visit.path("station_id"), str(visit.form.get("evse", ""))
    try:
        path = {"station_id": station_id, "evse": number}
        await visit.do(stations.put_evse, path=path, body=body_of(stations.EvseSettings, visit.form))
    except Problem as problem:
        if problem.status == 404:
            problem = Problem(422, "wrong-input", "the number of an EVSE is a whole number from 1 on", problem.findings)
        return await _settings(visit, Form(), refused(visit.form, problem), problem.status)
    return go(f"/stations/{station_id}/settings", "saved")


async def drop_evse(visit: Visit) -> Response:
    """Remove an EVSE."""
    station_id = visit.path("station_id")
    await visit.do(stations.remove_evse, path={"station_id": station_id, "evse": str(visit.form.get("evse", ""))})
    return go(f"/stations/{station_id}/settings", "removed")


async def remove(visit: Visit) -> Response:
    """Remove a station; one with a running session only when that is meant."""
    force = "true" if visit.form.get("force") == "true" else "false"
    try:
        await visit.do(stations.remove_station, path={"station_id": visit.path("station_id")}, query={"force": force})
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _settings(visit, refused(visit.form, problem), Form(), problem.status)
    return go("/stations", "removed")


PAGES = (
    Page("GET", "/stations", listed, LOOK),
    Page("GET", "/stations/new", new, OPERATE),
    Page("POST", "/stations/new", create, OPERATE),
    Page("GET", "/stations/{station_id}", one, LOOK),
    Page("POST", "/stations/{station_id}/accept", accept, OPERATE),
    Page("GET", "/stations/{station_id}/settings", settings, LOOK),
    Page("POST", "/stations/{station_id}/settings", change, OPERATE),
    Page("POST", "/stations/{station_id}/password", renew_password, OPERATE),
    Page("POST", "/stations/{station_id}/evse", put_evse, OPERATE),
    Page("POST", "/stations/{station_id}/evse/remove", drop_evse, OPERATE),
    Page("POST", "/stations/{station_id}/remove", remove, OPERATE),
)
