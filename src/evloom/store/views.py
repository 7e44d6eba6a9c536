"""Charging sessions, commands and what needs attention, as lists for people: every query stays inside its caller's scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from evloom.store import scoped
from evloom.store.listing import Key, Row, Rows, every, one, page
from evloom.store.pack import unpacked
from evloom.store.scope import Scope
from evloom.store.tables.assets import station, token
from evloom.store.tables.log import log
from evloom.store.tables.operations import command
from evloom.store.tables.projections import connector_state, deviation, session, station_state


@dataclass(frozen=True, slots=True)
class Between:
    """Instants that are looked for: from from_s up to but without until_s, None for open."""

    from_s: float | None = None
    until_s: float | None = None


def _sessions(scope: Scope, wanted: Mapping[str, Any], between: Between) -> Select[Any]:
    query = select(session).where(*scoped.sessions(scope))
    for name, value in wanted.items():
        if name == "open":
            query = query.where(session.c.ended_at_s.is_(None) if value else session.c.ended_at_s.is_not(None))
        elif name == "suspect":
            query = query.where(session.c.suspect != "" if value else session.c.suspect == "")
        else:
            query = query.where(session.c[name] == value)
    if between.from_s is not None:
        query = query.where(session.c.started_at_s >= between.from_s)
    if between.until_s is not None:
        query = query.where(session.c.started_at_s < between.until_s)
    return query


def session_page(
    conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any], between: Between = Between()
) -> Rows:
    """Charging sessions, the latest first; `wanted` are values of columns, and `open` and `suspect`."""
    keys = [session.c.started_at_s, session.c.session_id]
    return page(conn, _sessions(scope, wanted, between), keys, after, limit, descending=True)


def session_of(conn: Connection, scope: Scope, session_id: str) -> Row | None:
    """One charging session."""
    return one(conn, select(session).where(*scoped.sessions(scope), session.c.session_id == session_id))


def open_sessions_of_driver(conn: Connection, driver_id: str) -> list[str]:
    """Ids of the running sessions of a driver's tokens."""
    own = select(token.c.token).where(token.c.driver_id == driver_id)
    query = select(session.c.session_id).where(session.c.ended_at_s.is_(None), session.c.token.in_(own)).limit(100)
    return list(conn.execute(query).scalars())


def command_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Commands, the latest first."""
    query = select(command).where(*scoped.by_station(scope, command), *(command.c[name] == value for name, value in wanted.items()))
    return page(conn, query, [command.c.created_at_s, command.c.command_id], after, limit, descending=True)


def command_of(conn: Connection, scope: Scope, command_id: str) -> Row | None:
    """One command."""
    return one(conn, select(command).where(*scoped.by_station(scope, command), command.c.command_id == command_id))


def log_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Entries of the log, the latest first."""
    columns = [log.c[name] for name in ("number", "station_id", "kind", "body", "happened_at_s", "known_at_s")]
    query = select(*columns).where(*scoped.by_station(scope, log), *(log.c[name] == value for name, value in wanted.items()))
    rows, last = page(conn, query, [log.c.number], after, limit, descending=True)
    return [{**row, "body": unpacked(row["body"]).decode()} for row in rows], last


def faulted(conn: Connection, scope: Scope, limit: int) -> list[Row]:
    """Connectors that are faulted or report an error."""
    wrong = (connector_state.c.status == "Faulted") | (~connector_state.c.error.in_(("", "NoError")))
    query = select(connector_state, station.c.site_id).join(station, station.c.station_id == connector_state.c.station_id)
    query = query.where(*scoped.stations(scope), station.c.removed_at_s.is_(None), wrong)
    return every(conn, query.order_by(connector_state.c.known_at_s.desc()).limit(limit))


def offline(conn: Connection, scope: Scope, limit: int) -> list[Row]:
    """Accepted stations that are not connected, the longest first."""
    joined = station.outerjoin(station_state, station.c.station_id == station_state.c.station_id)
    gone = func.coalesce(station_state.c.connected, False).is_(False)
    columns = (station.c.station_id, station.c.site_id, station_state.c.disconnected_at_s, station_state.c.last_seen_s)
    query = select(*columns).select_from(joined)
    query = query.where(*scoped.stations(scope), station.c.removed_at_s.is_(None), station.c.accepted == "accepted", gone)
    return every(conn, query.order_by(func.coalesce(station_state.c.disconnected_at_s, 0.0), station.c.station_id).limit(limit))


def pending(conn: Connection, scope: Scope, limit: int) -> list[Row]:
    """Stations that wait to be accepted."""
    query = select(station).where(*scoped.stations(scope), station.c.accepted == "pending", station.c.removed_at_s.is_(None))
    return every(conn, query.order_by(station.c.station_id).limit(limit))


def suspect_sessions(conn: Connection, scope: Scope, limit: int) -> list[Row]:
    """Sessions with doubts, the latest first."""
    query = select(session).where(*scoped.sessions(scope), session.c.suspect != "")
    return every(conn, query.order_by(session.c.started_at_s.desc()).limit(limit))


def deviating(conn: Connection, scope: Scope, wanted: Mapping[str, Any]) -> list[Row]:
    """How often which rule was broken, by vendor and model, the most often first; value and advice are of one of the cases."""
    named = [station.c.vendor, station.c.model, deviation.c.action, deviation.c.rule, deviation.c.field]
    total = func.sum(deviation.c.n).label("n")
    figures = [func.count().label("n_station"), total, func.max(deviation.c.last_s).label("last_s")]
    shown = [func.max(deviation.c.value).label("value"), func.max(deviation.c.advice).label("advice")]
    query = select(*named, *figures, *shown).select_from(station.join(deviation, station.c.station_id == deviation.c.station_id))
    query = query.where(
        *scoped.stations(scope), station.c.removed_at_s.is_(None), *(station.c[name] == value for name, value in wanted.items())
    )
    return every(conn, query.group_by(*named).order_by(total.desc()).limit(500))
