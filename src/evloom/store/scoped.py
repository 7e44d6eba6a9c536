"""Conditions that keep every query inside what its caller may see. Rows without an organisation are an administrator's alone."""

from sqlalchemy import ColumnElement, Connection, Table, false, select

from evloom.store.scope import Scope
from evloom.store.tables.assets import site, station, token
from evloom.store.tables.projections import session

Conditions = list[ColumnElement[bool]]


def of_org(scope: Scope, table: Table) -> Conditions:
    """Rows of a table with a column org_id."""
    return [] if scope.org_id is None else [table.c.org_id == scope.org_id]


def sites(scope: Scope) -> Conditions:
    """Sites that may be seen."""
    return of_org(scope, site) + ([] if scope.site_ids is None else [site.c.site_id.in_(scope.site_ids)])


def stations(scope: Scope) -> Conditions:
    """Stations that may be seen; a driver sees none."""
    if scope.driver_id is not None:
        return [false()]
    return of_org(scope, station) + ([] if scope.site_ids is None else [station.c.site_id.in_(scope.site_ids)])


def by_station(scope: Scope, table: Table) -> Conditions:
    """Rows of a table with a column station_id."""
    seen = stations(scope)
    return [table.c.station_id.in_(select(station.c.station_id).where(*seen))] if seen else []


def by_site(scope: Scope, table: Table) -> Conditions:
    """Rows of a table with a column site_id."""
    seen = sites(scope)
    return [table.c.site_id.in_(select(site.c.site_id).where(*seen))] if seen else []


def tokens(scope: Scope) -> Conditions:
    """Tokens that may be seen: of a driver one's own."""
    return of_org(scope, token) + ([] if scope.driver_id is None else [token.c.driver_id == scope.driver_id])


def sessions(scope: Scope) -> Conditions:
    """Charging sessions that may be seen: of a driver those of own tokens at stations of the organisation."""
    if scope.driver_id is None:
        return by_station(scope, session)
    own = select(token.c.token).where(token.c.driver_id == scope.driver_id, *of_org(scope, token))
    here = select(station.c.station_id).where(*of_org(scope, station))
    return [session.c.token.in_(own), session.c.station_id.in_(here)]


def owner_of(conn: Connection, kind: str, name: str) -> tuple[str, str]:
    """Organisation and site of a "station" or "site"; ("", "") for what is not registered."""
    table, column = (site, site.c.site_id) if kind == "site" else (station, station.c.station_id)
    row = conn.execute(select(table.c.org_id, table.c.site_id).where(column == name)).first()
    return (row[0], row[1]) if row else ("", "")
