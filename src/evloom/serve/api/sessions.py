"""Charging sessions: list, power curve, what their drivers need."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change
from evloom.serve.api.drivers import DriverPath, found_driver
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, missing
from evloom.serve.api.shape import (
    UNSET,
    EnergyKwh,
    EvseNumber,
    Id,
    Input,
    Instant,
    Page,
    Paging,
    SessionId,
    StationId,
    TokenId,
    changes,
    instant,
    of_row,
    seconds,
)
from evloom.serve.api.tell import need_changed
from evloom.serve.people.roles import ALL, OFFICE, OWN
from evloom.store import meters, sites, views
from evloom.store.connection import Connection, Row
from evloom.store.views import Between

DEPARTURE_MAX_S = 366 * 86400.0
POINTS_MAX = 2000
"""Points of a power curve; of longer sessions every n-th."""


class SessionPath(Input):
    """Which session."""

    session_id: SessionId


class SessionQuery(Paging):
    """Which sessions: at what, by whom, begun when."""

    station_id: StationId | UnsetType = UNSET
    site_id: Id | UnsetType = UNSET
    evse: EvseNumber | UnsetType = UNSET
    token: TokenId | UnsetType = UNSET
    group_id: TokenId | UnsetType = UNSET
    open: bool | UnsetType = UNSET
    suspect: bool | UnsetType = UNSET
    started_from: Instant | UnsetType = UNSET
    started_until: Instant | UnsetType = UNSET


class Session(msgspec.Struct):
    """A charging session. suspect: codes of what is doubtful about it, joined by commas."""

    session_id: str
    station_id: str
    site_id: str
    evse: int
    connector: int
    transaction: str
    token: str
    token_type: str
    group_id: str
    started_at: Instant
    energy_kwh: float
    power_kw: float
    charging_state: str
    reason: str
    suspect: str
    offline: bool
    protocol: str
    ended_at: Instant | None = None
    begin_kwh: float | None = None
    last_kwh: float | None = None
    end_kwh: float | None = None
    soc: float | None = None


class Point(msgspec.Struct):
    """What the meter said at one instant; null where it did not say it."""

    at: Instant
    power_kw: float | None
    energy_kwh: float | None
    soc: float | None
    voltage_v: float | None
    current_a: float | None


class SessionDetail(msgspec.Struct):
    """A session, its power curve, and what its driver needs. `every` is 2 where every second point is given, and so on."""

    session: Session
    curve: list[Point]
    every: int
    need: "NeedView | None"


class NeedInput(Input):
    """What a driver needs; null: not known.

    departure when the car must be ready; ready_minute the local minute of the day by which it usually is; wanted_kwh energy at the meter,
    or soc_target with battery_kwh; v2g_consent whether the battery may be discharged.
    """

    departure: Instant | None = None
    ready_minute: Annotated[int, Meta(ge=0, le=1439)] | None = None
    wanted_kwh: EnergyKwh | None = None
    soc_target: Annotated[float, Meta(ge=0, le=1)] | None = None
    battery_kwh: Annotated[float, Meta(gt=0, le=2000)] | None = None
    v2g_consent: bool = False
    priority: Annotated[float, Meta(gt=0, le=1000)] = 1.0


class NeedView(msgspec.Struct):
    """What is needed: told for the session, or what the driver usually needs (subject "driver:ID")."""

    subject: str
    v2g_consent: bool
    priority: float
    told_at: Instant
    source: str
    departure: Instant | None = None
    ready_minute: int | None = None
    wanted_kwh: float | None = None
    soc_target: float | None = None
    battery_kwh: float | None = None


def found_session(conn: Connection, call: Call, session_id: str) -> Row:
    """A session's row. Raises Problem 404 where the caller sees none."""
    row = views.session_of(conn, call.scope, session_id)
    if row is None:
        raise missing("session", session_id)
    return row


async def list_sessions(call: Call, query: SessionQuery) -> Page[Session]:
    """Charging sessions, the latest first."""
    after = cursor.read(query.cursor, (float, str))
    wanted = changes(query, "limit", "cursor", "started_from", "started_until")
    between = between_of(query.started_from, query.started_until)
    rows, last = await call.read(lambda conn: views.session_page(conn, call.scope, after, query.limit, wanted, between))
    return Page([of_row(Session, row) for row in rows], cursor.following(last))


async def read_session(call: Call, path: SessionPath) -> SessionDetail:
    """One session with its power curve."""

    def read(conn: Connection) -> SessionDetail:
        row = found_session(conn, call, path.session_id)
        values = list(meters.every(conn, path.session_id))
        need = sites.needs_of(conn, path.session_id)
        step = -(-len(values) // POINTS_MAX) or 1
        return SessionDetail(of_row(Session, row), _curve(values, step), step, None if need is None else _need(need))

    return await call.read(read)


async def read_session_need(call: Call, path: SessionPath) -> NeedView:
    """What is needed of a session."""

    def read(conn: Connection) -> NeedView:
        found_session(conn, call, path.session_id)
        need = sites.needs_of(conn, path.session_id)
        if need is None:
            raise missing("need", path.session_id)
        return _need(need)

    return await call.read(read)


async def put_session_need(call: Call, path: SessionPath, body: NeedInput) -> NeedView:
    """Say what is needed of a session: ready by, energy, consent to discharge."""

    def put(conn: Connection) -> Change[NeedView]:
        found_session(conn, call, path.session_id)
        return _save(conn, call, f"session:{path.session_id}", body)

    made = await call.change("need.put", f"session:{path.session_id}", put)
    await need_changed(call, path.session_id)
    return made


async def read_driver_need(call: Call, path: DriverPath) -> NeedView:
    """What a driver usually needs."""

    def read(conn: Connection) -> NeedView:
        found_driver(conn, call, path.driver_id)
        need = sites.need_of(conn, f"driver:{path.driver_id}")
        if need is None:
            raise missing("need", path.driver_id)
        return _need(need)

    return await call.read(read)


async def put_driver_need(call: Call, path: DriverPath, body: NeedInput) -> NeedView:
    """Say what a driver usually needs."""

    def put(conn: Connection) -> Change[NeedView]:
        found_driver(conn, call, path.driver_id)
        return _save(conn, call, f"driver:{path.driver_id}", body)

    made = await call.change("need.put", f"driver:{path.driver_id}", put)
    for session_id in await call.read(lambda conn: views.open_sessions_of_driver(conn, path.driver_id)):
        await need_changed(call, session_id)
    return made


def between_of(since: Instant | UnsetType, until: Instant | UnsetType) -> Between:
    """Two parameters as a span."""
    return Between(None if isinstance(since, UnsetType) else seconds(since), None if isinstance(until, UnsetType) else seconds(until))


def _save(conn: Connection, call: Call, subject: str, body: NeedInput) -> Change[NeedView]:
    if body.departure is not None and abs(seconds(body.departure) - call.now_s) > DEPARTURE_MAX_S:
        fault = Fault("need.departure", "departure", str(body.departure), "within a year from now", "say when the car must be ready")
        raise conflict("departure", "the departure is too far from now", fault)
    before = sites.need_of(conn, subject)
    values = {name: getattr(body, name) for name in body.__struct_fields__ if name != "departure"}
    departure_s = None if body.departure is None else seconds(body.departure)
    told = sites.Need(subject, departure_s, told_at_s=call.now_s, source="api", **values)
    sites.save_need(conn, told)
    return Change(_need(told), before, told)


def _need(need: sites.Need) -> NeedView:
    row = {name: getattr(need, name) for name in need.__dataclass_fields__}
    return of_row(NeedView, row)


def _curve(values: Sequence[meters.MeterValue], step: int) -> list[Point]:
    return [Point(instant(v.at_s), v.power_kw, v.energy_kwh, v.soc, v.voltage_v, v.current_a) for v in values[::step]]


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_sessions, "GET /sessions", "sessions", ALL),
    endpoint(read_session, "GET /sessions/{session_id}", "sessions", ALL),
    endpoint(read_session_need, "GET /sessions/{session_id}/need", "needs", ALL),
    endpoint(put_session_need, "PUT /sessions/{session_id}/need", "needs", OWN, 409),
    endpoint(read_driver_need, "GET /drivers/{driver_id}/need", "needs", OFFICE | OWN),
    endpoint(put_driver_need, "PUT /drivers/{driver_id}/need", "needs", OWN, 409),
)
