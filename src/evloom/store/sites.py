"""Sites in the database: documents, limits, base load, needs, and what beliefs of a stay are made of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select

from evloom.store.tables.assets import evse, site, station, token
from evloom.store.tables.projections import session, station_state
from evloom.store.tables.sites import base_load, conduct, need, site_limit, site_plan


@dataclass(frozen=True, slots=True)
class Need:
    """What a driver told; None: not told. subject "session:ID" or "driver:ID".

    departure_s   epoch seconds; ready_minute: local minute of the day by which the car is usually to be ready
    wanted_kwh    energy at the meter; soc_target with battery_kwh says the same where the state of charge is known
    source        "app", "api", "car", "console"
    """

    subject: str
    departure_s: float | None = None
    ready_minute: int | None = None
    wanted_kwh: float | None = None
    soc_target: float | None = None
    battery_kwh: float | None = None
    v2g_consent: bool = False
    priority: float = 1.0
    told_at_s: float = 0.0
    source: str = "api"


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A limit of a node set from outside, in kW, from since_s until until_s (None: until it is taken back)."""

    node: str
    import_max_kw: float
    source: str
    since_s: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A session as beliefs see it; ended_at_s None while it runs. told_s, asked_kwh: what its driver told, None for nothing.

    suspect: its marks
    """

    session_id: str
    station_id: str
    evse: int
    transaction: str
    token: str
    started_at_s: float
    ended_at_s: float | None
    begin_kwh: float | None
    last_kwh: float | None
    energy_kwh: float
    power_kw: float
    told_s: float | None = None
    asked_kwh: float | None = None
    suspect: str = ""


def sites(conn: Connection) -> list[tuple[str, str, str]]:
    """(site_id, name, zone) of every site."""
    return [(row.site_id, row.name, row.zone) for row in conn.execute(select(site).order_by(site.c.site_id))]


def site_of(conn: Connection, station_id: str) -> str:
    """The site that a station belongs to, "" for none."""
    found: str | None = conn.execute(select(station.c.site_id).where(station.c.station_id == station_id)).scalar()
    return found or ""


def plan_body(conn: Connection, site_id: str) -> str | None:
    """The newest document of a site as JSON."""
    query = select(site_plan.c.body).where(site_plan.c.site_id == site_id).order_by(site_plan.c.version.desc()).limit(1)
    found: str | None = conn.execute(query).scalar()
    return found


def save_plan(conn: Connection, site_id: str, body: str, at_s: float, actor: str) -> int:
    """Keep a new version of a site's document; returns its number."""
    last = conn.execute(select(func.max(site_plan.c.version)).where(site_plan.c.site_id == site_id)).scalar() or 0
    conn.execute(site_plan.insert().values(site_id=site_id, version=last + 1, body=body, changed_at_s=at_s, actor=actor))
    return int(last) + 1


def plan_version(conn: Connection, site_id: str) -> int:
    """The number of the newest version of a site's document, 0 without one."""
    return int(conn.execute(select(func.max(site_plan.c.version)).where(site_plan.c.site_id == site_id)).scalar() or 0)


def evses_of(conn: Connection, site_id: str) -> list[dict[str, Any]]:
    """The EVSE of a site's stations, in the order of stations and numbers, columns as in the table evse."""
    query = (
        select(evse)
        .join(station, station.c.station_id == evse.c.station_id)
        .where(station.c.site_id == site_id, station.c.removed_at_s.is_(None))
        .order_by(evse.c.station_id, evse.c.evse)
    )
    return [dict(row._mapping) for row in conn.execute(query)]


def add_evse(conn: Connection, station_id: str, number: int, rating_kw: float, n_phase: int) -> None:
    """An EVSE that a station spoke of and nobody had entered."""
    there = conn.execute(select(evse.c.evse).where(evse.c.station_id == station_id, evse.c.evse == number)).first()
    if there is None:
        conn.execute(evse.insert().values(station_id=station_id, evse=number, rating_kw=rating_kw, n_phase=n_phase, assumed=True))


def see_three_phases(conn: Connection, station_id: str, number: int) -> bool:
    """A car draws on three phases of an EVSE whose rating was assumed for one: it has three. Whether that was new."""
    there = (evse.c.station_id == station_id, evse.c.evse == number, evse.c.assumed, evse.c.n_phase == 1)
    return bool(conn.execute(evse.update().where(*there).values(n_phase=3, rating_kw=3.0 * evse.c.rating_kw)).rowcount)


def limits_of(conn: Connection, site_id: str, now_s: float) -> list[SetLimit]:
    """Limits set from outside that hold now or later."""
    query = select(site_limit).where(site_limit.c.site_id == site_id)
    query = query.where(or_(site_limit.c.until_s.is_(None), site_limit.c.until_s > now_s)).order_by(site_limit.c.node)
    rows = conn.execute(query)
    return [SetLimit(row.node, row.import_max_kw, row.source, row.since_s, row.until_s) for row in rows]


def save_limit(conn: Connection, site_id: str, limit: SetLimit) -> None:
    """Set a limit of a node in place of the one before."""
    drop_limit(conn, site_id, limit.node)
    conn.execute(site_limit.insert().values(site_id=site_id, **asdict(limit)))


def drop_limit(conn: Connection, site_id: str, node: str) -> None:
    """Take a limit back."""
    conn.execute(delete(site_limit).where(site_limit.c.site_id == site_id, site_limit.c.node == node))


def save_base_load(conn: Connection, site_id: str, rows: Sequence[tuple[str, float, float]]) -> None:
    """Keep means (node, begin_s, mean_kw) in place of what there was."""
    for node, begin_s, mean_kw in rows:
        same = (base_load.c.site_id == site_id, base_load.c.node == node, base_load.c.begin_s == begin_s)
        if conn.execute(base_load.update().where(*same).values(mean_kw=mean_kw)).rowcount == 0:
            conn.execute(base_load.insert().values(site_id=site_id, node=node, begin_s=begin_s, mean_kw=mean_kw))


def base_loads(conn: Connection, site_id: str, since_s: float) -> list[tuple[str, float, float]]:
    """The means (node, begin_s, mean_kw) from since_s on, rising in time."""
    query = select(base_load.c.node, base_load.c.begin_s, base_load.c.mean_kw)
    query = query.where(base_load.c.site_id == site_id, base_load.c.begin_s >= since_s).order_by(base_load.c.begin_s)
    return [(row.node, row.begin_s, row.mean_kw) for row in conn.execute(query)]


def save_need(conn: Connection, told: Need) -> None:
    """Keep what a driver needs in place of what was told before."""
    conn.execute(delete(need).where(need.c.subject == told.subject))
    conn.execute(need.insert().values(**asdict(told)))


def need_of(conn: Connection, subject: str) -> Need | None:
    """What was told of a subject."""
    row = conn.execute(select(need).where(need.c.subject == subject)).first()
    return None if row is None else Need(**row._mapping)


def needs_of(conn: Connection, session_id: str) -> Need | None:
    """What is needed of a session: as told for it, else what its driver usually needs."""
    told = need_of(conn, f"session:{session_id}")
    if told is not None:
        return told
    row = conn.execute(select(session.c.token, session.c.token_type).where(session.c.session_id == session_id)).first()
    return None if row is None else usual_need(conn, row.token)


def usual_need(conn: Connection, token_id: str) -> Need | None:
    """What the driver of a token usually needs."""
    if not token_id:
        return None
    driver: str | None = conn.execute(select(token.c.driver_id).where(token.c.token == token_id).limit(1)).scalar()
    return need_of(conn, f"driver:{driver}") if driver else None


def open_stays(conn: Connection, site_id: str) -> list[Stay]:
    """Sessions at the site's stations that have not ended, the oldest first."""
    query = _stays(site_id).where(session.c.ended_at_s.is_(None)).order_by(session.c.started_at_s)
    return [Stay(**row._mapping) for row in conn.execute(query)]


def ended_stays(conn: Connection, site_id: str, since_s: float, most: int) -> list[Stay]:
    """The newest sessions of the site that began since and have ended without suspicion, the oldest first."""
    query = _stays(site_id).where(session.c.ended_at_s.is_not(None), session.c.started_at_s >= since_s, session.c.suspect == "")
    return [Stay(**row._mapping) for row in conn.execute(query.order_by(session.c.started_at_s.desc()).limit(most))][::-1]


def _stays(site_id: str) -> Any:
    columns = [session.c[name] for name in Stay.__dataclass_fields__ if name in session.c]
    told = need.c.departure_s.label("told_s"), need.c.wanted_kwh.label("asked_kwh")
    joined = session.join(station, station.c.station_id == session.c.station_id)
    joined = joined.outerjoin(need, need.c.subject == "session:" + session.c.session_id)
    return select(*columns, *told).select_from(joined).where(station.c.site_id == site_id)


def connected_elsewhere(conn: Connection, station_ids: Sequence[str], gateway: str) -> dict[str, str]:
    """Stations that are connected to another process than `gateway`, each with its protocol."""
    query = select(station_state).where(station_state.c.station_id.in_(station_ids), station_state.c.connected)
    return {row.station_id: row.protocol for row in conn.execute(query.where(station_state.c.gateway != gateway))}


def conducts(conn: Connection, station_ids: Sequence[str]) -> dict[tuple[str, int], str]:
    """How EVSE of stations were last seen to follow."""
    rows = conn.execute(select(conduct).where(conduct.c.station_id.in_(station_ids)))
    return {(row.station_id, row.evse): row.standing for row in rows}


def save_conduct(conn: Connection, station_id: str, number: int, standing: str, at_s: float) -> None:
    """Keep how an EVSE was seen to follow."""
    conn.execute(delete(conduct).where(conduct.c.station_id == station_id, conduct.c.evse == number))
    conn.execute(conduct.insert().values(station_id=station_id, evse=number, standing=standing, since_s=at_s))
