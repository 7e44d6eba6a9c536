"""What is known of a session for its bill, gathered from the tables of the store."""

import msgspec
from sqlalchemy import Connection, select

from evloom.market.offer import Offer
from evloom.market.stay import Stay
from evloom.pile.station import Sample
from evloom.pile.transaction import RATING_MAX_KW, SUSPECT, Session
from evloom.store import log, meters
from evloom.store.listing import Row, one
from evloom.store.money import Who, offer_at
from evloom.store.tables.assets import evse, organisation, site, station, token
from evloom.store.tables.people import driver
from evloom.store.tables.projections import meter_value, session

_session = msgspec.json.Decoder(Session)
_BOUGHT = "Energy.Active.Import.Register"
_SOLD = "Energy.Active.Export.Register"
_LAST_WORDS = 300


def stay_of(conn: Connection, session_id: str, *, quick: bool = False) -> Stay | None:
    """Everything that the bill of a session needs; None for one that is not known.

    quick: for a cost on the way. Signed values are left out, and the export register where nothing was given back.
    """
    row = one(conn, select(session).where(session.c.session_id == session_id))
    if row is None:
        return None
    known = _session.decode(row["body"])
    place, where = _place(conn, row), _evse(conn, row)
    bought, sold, signed = _charted(conn, session_id) if quick and not known.discharged_kwh else _readings(conn, session_id)
    org_id = place["org_id"] if place is not None else ""
    who = _driver(conn, known, org_id)
    return Stay(
        session_id=session_id,
        org_id=org_id,
        org_name=(place["org_name"] or "") if place is not None else "",
        site_id=row["site_id"] or (place["site_id"] if place is not None else ""),
        site_name=(place["site_name"] or "") if place is not None else "",
        zone=(place["zone"] or "UTC") if place is not None else "UTC",
        station_id=row["station_id"],
        evse=known.evse,
        connector=known.connector,
        token=known.token,
        driver_id="" if who is None else who["driver_id"],
        driver_name="" if who is None else who["name"] or "",
        started_s=known.started_at_s,
        ended_s=known.ended_at_s,
        known_s=row["changed_at_s"],
        begin_kwh=known.begin_kwh,
        end_kwh=known.end_kwh if known.ended_at_s is not None else _latest(known),
        samples=bought,
        given=sold,
        rating_kw=_rating_kw(where, known),
        discharge_rating_kw=where["discharge_max_kw"] if where is not None else None,
        held_back=_held_back(conn, known),
        suspect=tuple((code, SUSPECT.get(code, code)) for code in known.codes),
        missing=sum(last - first + 1 for first, last in known.missing_seq),
        signed=signed,
    )


def offer_of(conn: Connection, stay: Stay) -> Offer:
    """What a stay is billed by: what held when it started. Raises InputError where no tariff does."""
    return offer_at(conn, Who(stay.org_id, stay.site_id, stay.driver_id, stay.zone), stay.started_s)


def _latest(known: Session) -> float | None:
    return known.last_kwh if known.begin_kwh is None or known.last_kwh is None else max(known.last_kwh, known.begin_kwh)


def _place(conn: Connection, row: Row) -> Row | None:
    """Organisation and site of a session's station."""
    at = row["site_id"] or station.c.site_id
    query = (
        select(station.c.org_id, station.c.site_id, organisation.c.name.label("org_name"), site.c.name.label("site_name"), site.c.zone)
        .select_from(station)
        .outerjoin(organisation, organisation.c.org_id == station.c.org_id)
        .outerjoin(site, site.c.site_id == at)
        .where(station.c.station_id == row["station_id"])
    )
    return one(conn, query)


def _evse(conn: Connection, row: Row) -> Row | None:
    return one(conn, select(evse).where(evse.c.station_id == row["station_id"], evse.c.evse == row["evse"]))


def _rating_kw(where: Row | None, known: Session) -> float | None:
    """What the EVSE is rated, where somebody said it."""
    if where is not None and not where["assumed"]:
        rating_kw: float = where["rating_kw"]
        return rating_kw
    return known.rating_kw if known.rating_kw != RATING_MAX_KW else None


def _driver(conn: Connection, known: Session, org_id: str) -> Row | None:
    if not known.token:
        return None
    query = (
        select(token.c.driver_id, driver.c.name, token.c.token_type)
        .select_from(token)
        .outerjoin(driver, driver.c.driver_id == token.c.driver_id)
        .where(token.c.token == known.token, token.c.org_id == org_id)
    )
    rows = [dict(row) for row in conn.execute(query).mappings()]
    same = [row for row in rows if row["token_type"] == known.token_type]
    return next(iter(same or rows), None)


_Readings = tuple[tuple[float, float], ...]


def _readings(conn: Connection, session_id: str) -> tuple[_Readings, _Readings, tuple[str, ...]]:
    """Import and export registers by time, and the first and last signed meter value."""
    bought: list[tuple[float, float]] = []
    sold: list[tuple[float, float]] = []
    signed: list[str] = []
    for value in meters.every(conn, session_id):
        for name, found in ((_BOUGHT, bought), (_SOLD, sold)):
            total = _total(value.samples, name)
            if total is not None:
                found.append((value.at_s, total))
        signed += [sample.signed for sample in value.samples if sample.signed]
    return tuple(bought), tuple(sold), tuple(dict.fromkeys([*signed[:1], *signed[-1:]]))


def _charted(conn: Connection, session_id: str) -> tuple[_Readings, _Readings, tuple[str, ...]]:
    """The import register as charts show it, read without unpacking what else was measured."""
    query = select(meter_value.c.at_s, meter_value.c.energy_kwh).where(
        meter_value.c.session_id == session_id, meter_value.c.energy_kwh.is_not(None)
    )
    return tuple((row.at_s, row.energy_kwh) for row in conn.execute(query)), (), ()


def _total(samples: tuple[Sample, ...], measurand: str) -> float | None:
    """A register at the outlet: its total, else the sum of its phases."""
    found = {sample.phase: sample.value for sample in samples if sample.measurand == measurand and sample.location == "Outlet"}
    if "" in found:
        return found[""]
    lines = [found[phase] for phase in ("L1", "L2", "L3") if phase in found]
    return sum(lines) if lines else None


def _held_back(conn: Connection, known: Session) -> bool:
    """Whether the pile was pausing the car when the session ended: the last word before the end that says what charging did."""
    if known.charging_state == "SuspendedEVSE":
        return True
    if known.ended_at_s is None:
        return False
    for kept in log.latest(conn, known.station_id, n_max=_LAST_WORDS, kinds=("TransactionSaid", "StatusSeen")):
        if not known.started_at_s <= kept.happened_at_s <= known.ended_at_s:
            continue
        said = kept.event
        if getattr(said, "evse", 0) != known.evse or getattr(said, "phase", "") == "ended":
            continue
        state = getattr(said, "charging_state", "") or getattr(said, "detail", "")
        if state in ("SuspendedEVSE", "SuspendedEV", "Charging", "EVConnected"):
            return state == "SuspendedEVSE"
    return False
