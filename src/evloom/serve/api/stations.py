"""Charging stations and their EVSE."""

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change, needs_org
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, missing
from evloom.serve.api.shape import UNSET, Id, IdOrNone, Input, Instant, Line, Page, Paging, StationId, changes, given, of_row
from evloom.serve.api.tell import accepted, cut_off, site_changed, station_changed
from evloom.serve.gateway.credential import hashed, new_password
from evloom.serve.people.roles import LOOK, OPERATE
from evloom.store import registry
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING, Scope

Accepted = Literal["accepted", "pending", "refused"]
StationPassword = Annotated[
    str, Meta(min_length=16, max_length=40, pattern=r"^[A-Za-z0-9*_=:+|@.-]+$(?!\n)", description="BasicAuthPassword: 16 to 40 characters")
]


class StationPath(Input):
    """Which station."""

    station_id: StationId


class StationQuery(Paging):
    """Which stations."""

    site_id: Id | UnsetType = UNSET
    accepted: Accepted | UnsetType = UNSET
    connected: bool | UnsetType = UNSET
    vendor: Line | UnsetType = UNSET


class NewStation(Input):
    """A station. password is made where it is left out; security_profile 0 needs none, 3 knows it by its certificate. Without site_id it
    stands at the site of an organisation that has one only."""

    station_id: StationId
    site_id: Id | UnsetType = UNSET
    org_id: Id | UnsetType = UNSET
    security_profile: Annotated[int, Meta(ge=0, le=3)] = 1
    password: StationPassword | UnsetType = UNSET
    certificate_serial: Line = ""


class StationChange(Input):
    """What is to change: accept or refuse a pending station, move it to a site, demand another security profile."""

    accepted: Accepted | UnsetType = UNSET
    site_id: IdOrNone | UnsetType = UNSET
    org_id: Id | UnsetType = UNSET
    security_profile: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET
    certificate_serial: Line | UnsetType = UNSET


class Removal(Input):
    """force: remove it although a session runs."""

    force: bool = False


class Connector(msgspec.Struct):
    """The last status of a connector."""

    evse: int
    connector: int
    status: str
    detail: str
    error: str
    info: str
    vendor_error: str
    since: Instant


class Station(msgspec.Struct):
    """A station."""

    station_id: str
    org_id: str
    site_id: str
    vendor: str
    model: str
    serial: str
    firmware: str
    protocol: str
    security_profile: int
    certificate_serial: str
    accepted: Accepted
    boot_status: str
    has_password: bool
    connected: bool
    gateway: str
    n_deviation: int
    created_at: Instant
    last_seen: Instant | None = None
    connected_at: Instant | None = None
    disconnected_at: Instant | None = None
    booted_at: Instant | None = None


class StationDetail(msgspec.Struct):
    """A station with its EVSE and connectors and the sessions that run there."""

    station: Station
    evse: list["Evse"]
    connectors: list[Connector]
    open_sessions: list[str]


class MadeStation(msgspec.Struct):
    """A fresh station. `password` is shown this once, "" where it is to have none."""

    station: Station
    password: str


class EvsePath(Input):
    """Which EVSE of which station."""

    station_id: StationId
    evse: Annotated[int, Meta(ge=1, le=10_000)]


class EvseSettings(Input):
    """What an EVSE can be set to, and where it hangs in the site's tree of limits (node, "" the root)."""

    rating_kw: Annotated[float, Meta(gt=0, le=10_000)]
    node: Annotated[str, Meta(max_length=64, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")] = ""
    n_phase: Literal[1, 3] = 3
    phase: Literal["", "L1", "L2", "L3"] = ""
    current_min_a: Annotated[float, Meta(ge=0, le=1000)] = 6.0
    current_step_a: Annotated[float, Meta(gt=0, le=100)] = 1.0
    dc: bool = False
    discharge_max_kw: Annotated[float, Meta(ge=0, le=10_000)] = 0.0


class Evse(msgspec.Struct):
    """An EVSE."""

    station_id: str
    evse: int
    node: str
    rating_kw: float
    n_phase: int
    phase: str
    current_min_a: float
    current_step_a: float
    dc: bool
    discharge_max_kw: float


def station_view(row: Row) -> Station:
    """A station's row as it is shown."""
    known = {"connected": bool(row["connected"]), "gateway": row["gateway"] or "", "n_deviation": row["n_deviation"] or 0}
    return of_row(Station, row, has_password=bool(row["password_hash"]), **known)


def found_station(conn: Connection, call: Call, station_id: str) -> Row:
    """A station's row. Raises Problem 404 where the caller sees none."""
    row = registry.station_of(conn, call.scope, station_id)
    if row is None:
        raise missing("station", station_id)
    return row


async def list_stations(call: Call, query: StationQuery) -> Page[Station]:
    """Stations."""
    after = cursor.read(query.cursor, (str,))
    wanted = changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: registry.station_page(conn, call.scope, after, query.limit, wanted))
    return Page([station_view(row) for row in rows], cursor.following(last))


async def read_station(call: Call, path: StationPath) -> StationDetail:
    """One station with its EVSE, connectors and running sessions."""

    def read(conn: Connection) -> StationDetail:
        row = found_station(conn, call, path.station_id)
        return StationDetail(
            station_view(row),
            [of_row(Evse, evse) for evse in registry.evse_of(conn, path.station_id)],
            [of_row(Connector, state) for state in registry.connectors_of(conn, path.station_id)],
            registry.open_sessions(conn, path.station_id),
        )

    return await call.read(read)


async def create_station(call: Call, body: NewStation) -> MadeStation:
    """Register a station with its credentials. The answer shows the password this once."""
    org_id = call.org_for(body.org_id)
    password = given(body.password, new_password() if body.security_profile in (1, 2) else "")
    values = {
        "org_id": org_id,
        "security_profile": body.security_profile,
        "password_hash": hashed(password) if password else "",
        "certificate_serial": body.certificate_serial,
        "accepted": "accepted",
        "created_at_s": call.now_s,
        "removed_at_s": None,
    }

    def make(conn: Connection) -> Change[Station]:
        needs_org(conn, org_id)
        site_id = only_site(conn, org_id) if body.site_id is UNSET else body.site_id
        needs_site(conn, org_id, site_id)
        if registry.is_known(conn, body.station_id):
            raise conflict("station-taken", "there is a station with that identity")
        registry.put_station(conn, body.station_id, {**values, "site_id": site_id})
        row = found_station(conn, call, body.station_id)
        return Change(station_view(row), None, shown(row), org_id)

    made = await call.change("station.create", body.station_id, make)
    station_changed(call, body.station_id)
    await site_changed(call, made.site_id)
    call.made(f"/api/v1/stations/{quote(body.station_id)}")
    return MadeStation(made, password)


async def change_station(call: Call, path: StationPath, body: StationChange) -> Station:
    """Change a station: accept or refuse it, move it. In another organisation it stands at no site until it is given one."""
    values = changes(body)
    if "org_id" in values:
        call.org_for(values["org_id"])

    def change(conn: Connection) -> Change[tuple[Station, str, bool]]:
        before = found_station(conn, call, path.station_id)
        org_id = values.get("org_id", before["org_id"]) or call.caller.org_id
        needs_org(conn, org_id)
        site_id = values.get("site_id", before["site_id"] if org_id == before["org_id"] else "")
        needs_site(conn, org_id, values.get("site_id", ""))
        registry.put_station(conn, path.station_id, {**values, "org_id": org_id, "site_id": site_id})
        after = found_station(conn, call, path.station_id)
        waited = before["accepted"] != "accepted" and after["accepted"] == "accepted"
        return Change((station_view(after), before["site_id"], waited), shown(before), shown(after), org_id)

    made, site_before, waited = await call.change("station.change", path.station_id, change)
    station_changed(call, path.station_id)
    await site_changed(call, site_before, made.site_id)
    if waited:
        await accepted(call, path.station_id)
    if body.accepted == "refused":
        await cut_off(call, path.station_id, "this station was refused")
    return made


async def renew_station_password(call: Call, path: StationPath) -> MadeStation:
    """Give a station a new password, which the answer shows this once."""
    password = new_password()

    def change(conn: Connection) -> Change[Station]:
        before = found_station(conn, call, path.station_id)
        registry.put_station(conn, path.station_id, {"password_hash": hashed(password)})
        after = found_station(conn, call, path.station_id)
        return Change(station_view(after), None, None, before["org_id"])

    made = await call.change("station.password", path.station_id, change)
    await cut_off(call, path.station_id, "the password of this station was changed")
    return MadeStation(made, password)


async def remove_station(call: Call, path: StationPath, query: Removal) -> None:
    """Remove a station. One with a running session is refused unless forced; what it charged stays."""

    def remove(conn: Connection) -> Change[str]:
        before = found_station(conn, call, path.station_id)
        running = registry.open_sessions(conn, path.station_id)
        if running and not query.force:
            fault = Fault(
                "station.in-use", "station_id", ", ".join(running)[:200], "no running session", "stop it first, or send force=true"
            )
            raise conflict("session-runs", f"{len(running)} session runs at this station", fault)
        registry.put_station(conn, path.station_id, {"removed_at_s": call.now_s, "accepted": "refused", "password_hash": ""})
        return Change(before["site_id"], shown(before), {"forced": query.force, "running": running}, before["org_id"])

    site_id = await call.change("station.remove", path.station_id, remove)
    station_changed(call, path.station_id)
    await cut_off(call, path.station_id, "this station was removed")
    await site_changed(call, site_id)


async def list_evse(call: Call, path: StationPath) -> list[Evse]:
    """EVSE of a station."""

    def read(conn: Connection) -> list[Evse]:
        found_station(conn, call, path.station_id)
        return [of_row(Evse, row) for row in registry.evse_of(conn, path.station_id)]

    return await call.read(read)


async def put_evse(call: Call, path: EvsePath, body: EvseSettings) -> Evse:
    """Make an EVSE, or change what it can be set to."""

    def put(conn: Connection) -> Change[tuple[Evse, str]]:
        station = found_station(conn, call, path.station_id)
        rows = {row["evse"]: row for row in registry.evse_of(conn, path.station_id)}
        registry.put_evse(conn, path.station_id, path.evse, changes(body))
        after = {row["evse"]: row for row in registry.evse_of(conn, path.station_id)}[path.evse]
        return Change((of_row(Evse, after), station["site_id"]), rows.get(path.evse), after, station["org_id"])

    made, site_id = await call.change("evse.put", f"{path.station_id}/{path.evse}", put)
    await site_changed(call, site_id)
    return made


async def remove_evse(call: Call, path: EvsePath) -> None:
    """Remove an EVSE."""

    def remove(conn: Connection) -> Change[str]:
        station = found_station(conn, call, path.station_id)
        if not registry.drop_evse(conn, path.station_id, path.evse):
            raise missing("EVSE", str(path.evse))
        return Change(station["site_id"], {"evse": path.evse}, None, station["org_id"])

    site_id = await call.change("evse.remove", f"{path.station_id}/{path.evse}", remove)
    station_changed(call, path.station_id)
    await site_changed(call, site_id)


def only_site(conn: Connection, org_id: str) -> str:
    """The site of an organisation that has just one, "" where it has none or several."""
    sites = registry.site_page(conn, Scope(org_id), None, 2)[0]
    return str(sites[0]["site_id"]) if len(sites) == 1 else ""


def needs_site(conn: Connection, org_id: str, site_id: str) -> None:
    """Raises Problem 409 where the organisation has no such site; "" is none and always there."""
    row = registry.site_of(conn, EVERYTHING, site_id) if site_id else None
    if site_id and (row is None or row["org_id"] != org_id):
        fault = Fault("site.unknown", "site_id", site_id, "a site of the organisation", "make the site first")
        raise conflict("no-site", "there is no such site", fault)


def shown(row: Row) -> dict[str, object]:
    """A station's row without what is secret, for the audit log's digest."""
    return {name: value for name, value in row.items() if name != "password_hash"}


TAG = "stations"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_stations, "GET /stations", TAG, LOOK),
    endpoint(create_station, "POST /stations", TAG, OPERATE, 409, status=201),
    endpoint(read_station, "GET /stations/{station_id}", TAG, LOOK),
    endpoint(change_station, "PATCH /stations/{station_id}", TAG, OPERATE, 409),
    endpoint(remove_station, "DELETE /stations/{station_id}", TAG, OPERATE, 409),
    endpoint(renew_station_password, "POST /stations/{station_id}/password", TAG, OPERATE),
    endpoint(list_evse, "GET /stations/{station_id}/evse", TAG, LOOK),
    endpoint(put_evse, "PUT /stations/{station_id}/evse/{evse}", TAG, OPERATE),
    endpoint(remove_evse, "DELETE /stations/{station_id}/evse/{evse}", TAG, OPERATE),
)
