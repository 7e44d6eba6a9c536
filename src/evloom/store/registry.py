"""Sites, stations, EVSE and tokens as people see and edit them: every query stays inside its caller's scope."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from evloom.store import scoped
from evloom.store.listing import Key, Row, Rows, every, one, page
from evloom.store.scope import Scope
from evloom.store.tables.assets import evse, site, station, token
from evloom.store.tables.projections import connector_state, session, station_state

_STATE = (
    "connected",
    "remote",
    "gateway",
    "connected_at_s",
    "disconnected_at_s",
    "booted_at_s",
    "n_deviation",
)


def site_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> Rows:
    """Sites, by id."""
    return page(conn, select(site).where(*scoped.sites(scope)), [site.c.site_id], after, limit)


def site_of(conn: Connection, scope: Scope, site_id: str) -> Row | None:
    """One site."""
    return one(conn, select(site).where(*scoped.sites(scope), site.c.site_id == site_id))


def put_site(conn: Connection, site_id: str, values: Mapping[str, Any]) -> None:
    """Make a site, or change one."""
    if one(conn, select(site.c.site_id).where(site.c.site_id == site_id)) is None:
        conn.execute(insert(site).values(site_id=site_id, **values))
    elif values:
        conn.execute(update(site).where(site.c.site_id == site_id).values(**values))


def drop_site(conn: Connection, site_id: str) -> None:
    """Remove a site."""
    conn.execute(delete(site).where(site.c.site_id == site_id))


def stations_at(conn: Connection, site_id: str) -> int:
    """How many stations a site has."""
    query = select(func.count()).select_from(station).where(station.c.site_id == site_id, station.c.removed_at_s.is_(None))
    return int(conn.execute(query).scalar_one())


def _stations(scope: Scope) -> Select[Any]:
    states = [station_state.c[name] for name in _STATE]
    joined = station.outerjoin(station_state, station.c.station_id == station_state.c.station_id)
    return select(station, *states).select_from(joined).where(*scoped.stations(scope))


def station_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Stations with what is known of them, by id; `wanted` are values of columns, and `connected`. Removed ones are left out."""
    query = _stations(scope).where(station.c.removed_at_s.is_(None))
    for name, value in wanted.items():
        if name == "connected":
            seen = func.coalesce(station_state.c.connected, False)
            query = query.where(seen.is_(True) if value else seen.is_(False))
        else:
            query = query.where(station.c[name] == value)
    return page(conn, query, [station.c.station_id], after, limit)


def station_of(conn: Connection, scope: Scope, station_id: str) -> Row | None:
    """One station that was not removed."""
    return one(conn, _stations(scope).where(station.c.station_id == station_id, station.c.removed_at_s.is_(None)))


def is_known(conn: Connection, station_id: str) -> bool:
    """Whether the identity is taken, in whatever organisation; a removed station leaves it free."""
    query = select(station.c.station_id).where(station.c.station_id == station_id, station.c.removed_at_s.is_(None))
    return one(conn, query) is not None


def put_station(conn: Connection, station_id: str, values: Mapping[str, Any]) -> None:
    """Register a station, anew where it was removed, or change one."""
    if one(conn, select(station.c.station_id).where(station.c.station_id == station_id)) is None:
        conn.execute(insert(station).values(station_id=station_id, **values))
    elif values:
        conn.execute(update(station).where(station.c.station_id == station_id).values(**values))


def open_sessions(conn: Connection, station_id: str) -> list[str]:
    """Ids of the charging sessions that run at a station."""
    query = select(session.c.session_id).where(session.c.station_id == station_id, session.c.ended_at_s.is_(None)).limit(20)
    return list(conn.execute(query).scalars())


def evse_of(conn: Connection, station_id: str) -> list[Row]:
    """EVSE of a station, in order."""
    return every(conn, select(evse).where(evse.c.station_id == station_id).order_by(evse.c.evse))


def put_evse(conn: Connection, station_id: str, number: int, values: Mapping[str, Any]) -> None:
    """Make an EVSE, or change one. A rating that is given is assumed no more."""
    if "rating_kw" in values:
        values = {"assumed": False, **values}
    mine = (evse.c.station_id == station_id) & (evse.c.evse == number)
    if one(conn, select(evse.c.evse).where(mine)) is None:
        conn.execute(insert(evse).values(station_id=station_id, evse=number, **values))
    elif values:
        conn.execute(update(evse).where(mine).values(**values))


def drop_evse(conn: Connection, station_id: str, number: int) -> int:
    """Remove an EVSE; how many there were, 0 or 1."""
    return conn.execute(delete(evse).where(evse.c.station_id == station_id, evse.c.evse == number)).rowcount


def connectors_of(conn: Connection, station_id: str) -> list[Row]:
    """Last status of every connector of a station."""
    query = select(connector_state).where(connector_state.c.station_id == station_id)
    return every(conn, query.order_by(connector_state.c.evse, connector_state.c.connector))


def token_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Tokens, by text and type; `wanted` are values of columns."""
    query = select(token).where(*scoped.tokens(scope), *(token.c[name] == value for name, value in wanted.items()))
    return page(conn, query, [token.c.token, token.c.token_type], after, limit)


def token_of(conn: Connection, scope: Scope, text: str, token_type: str) -> Row | None:
    """One token."""
    return one(conn, select(token).where(*scoped.tokens(scope), token.c.token == text, token.c.token_type == token_type))


def put_token(conn: Connection, text: str, token_type: str, values: Mapping[str, Any]) -> None:
    """Make a token, or change one."""
    mine = (token.c.token == text) & (token.c.token_type == token_type)
    if one(conn, select(token.c.token).where(mine)) is None:
        conn.execute(insert(token).values(token=text, token_type=token_type, **values))
    elif values:
        conn.execute(update(token).where(mine).values(**values))


def drop_token(conn: Connection, text: str, token_type: str) -> None:
    """Remove a token."""
    conn.execute(delete(token).where(token.c.token == text, token.c.token_type == token_type))
