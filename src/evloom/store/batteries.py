"""Vehicles and batteries: what is registered, what the doctor saw last, and whose battery stands at a pile."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal, or_, select, update

from evloom.store import scoped
from evloom.store.listing import Key, Row, Rows, every, one, page
from evloom.store.scope import Scope
from evloom.store.tables.assets import organisation, station, token
from evloom.store.tables.batteries import battery, battery_stay, vehicle
from evloom.store.tables.people import driver
from evloom.store.tables.warnings import battery_warning


@dataclass(frozen=True, slots=True)
class BatterySeen:
    """A battery as the doctor saw it, columns as in the table `battery`; view, health and card are JSON, None leaves what was kept."""

    pack_id: str
    vehicle_id: str
    chemistry: str
    n_cell: int
    n_probe: int
    capacity_ah: float | None
    first_s: float
    last_s: float
    known_s: float
    n_frame: int
    days: int
    level: int
    severity: float
    soc: float | None
    charging: int
    view: str | None = None
    health: str | None = None
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle that may stand at a pile, with its batteries' rows; battery_kwh, capacity_ah None where nobody told."""

    vehicle_id: str
    battery_kwh: float | None
    capacity_ah: float | None
    batteries: tuple[Row, ...]


def save(conn: Connection, seen: BatterySeen) -> str:
    """Keep what was seen of a battery; the organisation that it belongs to. One that moved takes its history along."""
    values = {name: value for name, value in asdict(seen).items() if value is not None or name in ("capacity_ah", "soc")}
    values["urgency"] = 100.0 * seen.level + min(seen.severity, 99.0)
    mine = battery.c.pack_id == seen.pack_id
    before = one(conn, select(battery.c.vehicle_id, battery.c.org_id).where(mine))
    org_id = str(before["org_id"]) if before is not None else ""
    if before is None or before["vehicle_id"] != seen.vehicle_id or not org_id:
        org_id = _org_of(conn, seen) or org_id
    if before is None:
        empty = {"view": "", "health": "", "card": ""}
        conn.execute(insert(battery).values(**{**empty, **values, "org_id": org_id}))
    else:
        conn.execute(update(battery).where(mine).values(**values, org_id=org_id))
    if before is None or before["vehicle_id"] != seen.vehicle_id:
        _moved(conn, seen)
    return org_id


def _moved(conn: Connection, seen: BatterySeen) -> None:
    """The battery is in another vehicle: what somebody said by hand of the vehicle before holds no more."""
    there = (battery_stay.c.pack_id == seen.pack_id) & (battery_stay.c.from_s == seen.known_s)
    conn.execute(delete(battery_stay).where(there))
    conn.execute(insert(battery_stay).values(pack_id=seen.pack_id, from_s=seen.known_s, vehicle_id=seen.vehicle_id))
    others = (vehicle.c.pack_id == seen.pack_id) & (vehicle.c.vehicle_id != seen.vehicle_id)
    conn.execute(update(vehicle).where(others).values(pack_id=""))
    open_ones = (battery_warning.c.pack_id == seen.pack_id) & battery_warning.c.closed_s.is_(None)
    conn.execute(update(battery_warning).where(open_ones).values(vehicle_id=seen.vehicle_id))


def _org_of(conn: Connection, seen: BatterySeen) -> str:
    """The vehicle's organisation; of one that nobody registered the only organisation, where there is only one."""
    mine = or_(vehicle.c.vehicle_id == seen.vehicle_id, vehicle.c.pack_id == seen.pack_id)
    found: str | None = conn.execute(select(vehicle.c.org_id).where(mine).limit(1)).scalar()
    if found is not None:
        return found
    names = list(conn.execute(select(organisation.c.org_id).limit(2)).scalars())
    return names[0] if len(names) == 1 else ""


def batteries(scope: Scope) -> scoped.Conditions:
    """Batteries that may be seen: of a driver those of own vehicles; who sees some sites only sees none."""
    return scoped.of_org(scope, battery) + _own(scope, battery)


def vehicles(scope: Scope) -> scoped.Conditions:
    """Vehicles that may be seen."""
    return scoped.of_org(scope, vehicle) + _own(scope, vehicle)


def _own(scope: Scope, table: Any) -> scoped.Conditions:
    if scope.site_ids is not None:
        return [table.c.vehicle_id == "" if table is vehicle else table.c.pack_id == ""]
    if scope.driver_id is None:
        return []
    if table is vehicle:
        return [vehicle.c.driver_id == scope.driver_id]
    own = select(vehicle.c.vehicle_id).where(vehicle.c.driver_id == scope.driver_id)
    packs = select(vehicle.c.pack_id).where(vehicle.c.driver_id == scope.driver_id, vehicle.c.pack_id != "")
    return [or_(battery.c.vehicle_id.in_(own), battery.c.pack_id.in_(packs))]


def battery_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Batteries, the worst first; `wanted` are values of columns, and `level_min`."""
    query = select(battery).where(*batteries(scope))
    for name, value in wanted.items():
        query = query.where(battery.c.level >= value if name == "level_min" else battery.c[name] == value)
    return page(conn, query, [battery.c.urgency, battery.c.pack_id], after, limit, descending=True)


def battery_of(conn: Connection, scope: Scope, pack_id: str) -> Row | None:
    """One battery."""
    return one(conn, select(battery).where(*batteries(scope), battery.c.pack_id == pack_id))


def stays_of(conn: Connection, pack_id: str) -> list[Row]:
    """Which vehicles a battery was in, the latest first."""
    query = select(battery_stay).where(battery_stay.c.pack_id == pack_id).order_by(battery_stay.c.from_s.desc())
    return every(conn, query.limit(100))


def vehicle_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Vehicles, by id; `wanted` are values of columns."""
    query = select(vehicle).where(*vehicles(scope), *(vehicle.c[name] == value for name, value in wanted.items()))
    return page(conn, query, [vehicle.c.vehicle_id], after, limit)


def vehicle_of(conn: Connection, scope: Scope, vehicle_id: str) -> Row | None:
    """One vehicle."""
    return one(conn, select(vehicle).where(*vehicles(scope), vehicle.c.vehicle_id == vehicle_id))


def put_vehicle(conn: Connection, vehicle_id: str, values: Mapping[str, Any]) -> None:
    """Make a vehicle, or change one. Its battery belongs to its organisation from then on."""
    if one(conn, select(vehicle.c.vehicle_id).where(vehicle.c.vehicle_id == vehicle_id)) is None:
        conn.execute(insert(vehicle).values(vehicle_id=vehicle_id, **values))
    elif values:
        conn.execute(update(vehicle).where(vehicle.c.vehicle_id == vehicle_id).values(**values))
    row = one(conn, select(vehicle).where(vehicle.c.vehicle_id == vehicle_id))
    if row is not None:
        its = _batteries_of(row)
        conn.execute(update(battery).where(its, battery.c.org_id.in_(("", row["org_id"]))).values(org_id=row["org_id"]))


def drop_vehicle(conn: Connection, vehicle_id: str) -> None:
    """Remove a vehicle; its battery stays."""
    conn.execute(delete(vehicle).where(vehicle.c.vehicle_id == vehicle_id))


def told_packs(conn: Connection) -> dict[str, Row]:
    """What people said of vehicles that a doctor wants to know, by vehicle_id: chemistry, capacity_ah."""
    query = select(vehicle.c.vehicle_id, vehicle.c.chemistry, vehicle.c.capacity_ah)
    return {row["vehicle_id"]: row for row in every(conn, query)}


def _batteries_of(row: Row) -> ColumnElement[bool]:
    """Batteries of a vehicle: the one that was said by hand, else those that telemetry puts into it."""
    column, name = (battery.c.pack_id, row["pack_id"]) if row["pack_id"] else (battery.c.vehicle_id, row["vehicle_id"])
    return column == literal(name)


def cars_of(conn: Connection, station_id: str, text: str) -> list[Car]:
    """Vehicles that the token `text` may mean at a station: by VIN, by a token of the vehicle, by its driver. Only vehicles of the
    station's organisation: nobody else's say touches what charges here."""
    org_id: str | None = conn.execute(select(station.c.org_id).where(station.c.station_id == station_id)).scalar()
    if not text or org_id is None:
        return []
    lower = text.lower()
    by_card = [row for row in every(conn, _named(org_id, lower)) if _means(row, lower)]
    found = by_card or every(conn, select(vehicle).where(vehicle.c.org_id == org_id, vehicle.c.driver_id.in_(_drivers(org_id, lower))))
    if found:
        return [_car(conn, row) for row in found]
    loose = every(conn, select(battery).where(battery.c.org_id == org_id, func.lower(battery.c.vehicle_id) == lower))
    return [Car(loose[0]["vehicle_id"], None, None, tuple(loose))] if loose else []


def _named(org_id: str, lower: str) -> Any:
    quoted = msgspec.json.encode(lower).decode()
    said = or_(func.lower(vehicle.c.vehicle_id) == lower, func.lower(vehicle.c.tokens).contains(quoted, autoescape=True))
    return select(vehicle).where(vehicle.c.org_id == org_id, said)


def _means(row: Row, lower: str) -> bool:
    return bool(row["vehicle_id"].lower() == lower) or lower in [one.lower() for one in msgspec.json.decode(row["tokens"], type=list[str])]


def _drivers(org_id: str, lower: str) -> Any:
    return select(token.c.driver_id).where(func.lower(token.c.token) == lower, token.c.org_id == org_id, token.c.driver_id != "")


def _car(conn: Connection, row: Row) -> Car:
    rows = every(conn, select(battery).where(battery.c.org_id == row["org_id"], _batteries_of(row)))
    kwh = row["battery_kwh"]
    if kwh is None and row["driver_id"]:
        kwh = conn.execute(select(driver.c.battery_kwh).where(driver.c.driver_id == row["driver_id"])).scalar()
    return Car(row["vehicle_id"], kwh, row["capacity_ah"], tuple(rows))
