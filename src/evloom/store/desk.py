"""What the desk looks up and keeps beside the log: who a station is, tokens, transactions that run, numbers of transactions."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection, func, insert, or_, select, update

from evloom.pile.station import StationBooted
from evloom.store.tables.assets import evse, site, station, token
from evloom.store.tables.operations import command
from evloom.store.tables.projections import session
from evloom.store.tables.transactions import transaction_number

BOOTED = ("vendor", "model", "serial", "firmware", "protocol", "boot_status")
"""Columns of a station that it tells at its boot."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A station as it is registered: accepted is "accepted", "pending" or "refused"; booted what it said of itself at its last boot:
    vendor, model, serial number, firmware, protocol, what was answered; evses its EVSE that are entered."""

    station_id: str
    site_id: str
    accepted: str
    booted: tuple[str, str, str, str, str, str] = ("", "", "", "", "", "")
    evses: frozenset[int] = field(default=frozenset())

    @property
    def serial(self) -> str:
        """Its serial number, as it said."""
        return self.booted[BOOTED.index("serial")]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is registered."""

    token: str
    token_type: str
    group_id: str
    master: bool
    status: str
    expiry_s: float | None
    language: str


@dataclass(frozen=True, slots=True)
class Running:
    """A transaction that has not ended."""

    transaction: str
    evse: int
    token: str
    group_id: str
    started_at_s: float


def registered(conn: Connection, station_id: str) -> Registered | None:
    """The station, None where nobody knows it or it was removed."""
    row = conn.execute(select(station).where(station.c.station_id == station_id, station.c.removed_at_s.is_(None))).first()
    if row is None:
        return None
    evses = conn.execute(select(evse.c.evse).where(evse.c.station_id == station_id)).scalars()
    return Registered(
        station_id,
        row.site_id,
        row.accepted,
        (row.vendor, row.model, row.serial, row.firmware, row.protocol, row.boot_status),
        frozenset(evses),
    )


def named(conn: Connection, names: Iterable[str]) -> list[str]:
    """Stations whose identity or serial number is one of these, as certificates name them."""
    wanted = sorted(set(names))
    query = select(station.c.station_id).where(
        or_(station.c.station_id.in_(wanted), station.c.serial.in_(wanted)), station.c.removed_at_s.is_(None)
    )
    return list(conn.execute(query.order_by(station.c.station_id)).scalars()) if wanted else []


def enrol(conn: Connection, station_id: str, accepted: str, now_s: float) -> None:
    """Enter a station that nobody has registered, at the first site. Does nothing where it is known, even as removed."""
    if conn.execute(select(station.c.station_id).where(station.c.station_id == station_id)).first() is not None:
        return
    home = conn.execute(select(site.c.site_id, site.c.org_id).order_by(site.c.site_id).limit(1)).first()
    conn.execute(
        insert(station).values(
            station_id=station_id,
            site_id=home.site_id if home else "",
            org_id=home.org_id if home else "",
            accepted=accepted,
            created_at_s=now_s,
        )
    )


def told(booted: StationBooted, protocol: str) -> tuple[str, str, str, str, str, str]:
    """What a station tells at its boot, in the order of BOOTED."""
    return booted.vendor, booted.model, booted.serial, booted.firmware, protocol, booted.status


def note_boot(conn: Connection, station_id: str, booted: StationBooted, protocol: str, now_s: float) -> None:
    """Keep with the station what it said of itself."""
    values = dict(zip(BOOTED, told(booted, protocol), strict=True))
    conn.execute(update(station).where(station.c.station_id == station_id).values(**values, last_seen_s=now_s))


def enter_evses(conn: Connection, station_id: str, numbers: Iterable[int], rating_kw: float, n_phase: int) -> None:
    """Enter EVSE that the station spoke of and nobody has entered."""
    there = set(conn.execute(select(evse.c.evse).where(evse.c.station_id == station_id)).scalars())
    new = [{"station_id": station_id, "evse": number, "rating_kw": rating_kw, "n_phase": n_phase, "assumed": True} for number in numbers]
    new = [row for row in new if row["evse"] not in there]
    if new:
        conn.execute(insert(evse), new)


def tokens(conn: Connection, text: str, station_id: str) -> list[TokenRow]:
    """Tokens of this text, whatever their type; upper and lower case are the same (OCPP: CiString, identifierString). A token of one
    organisation is none at the stations of another."""
    query = select(token).where(func.lower(token.c.token) == text.lower()).order_by(token.c.token_type)
    owner = conn.execute(select(station.c.org_id).where(station.c.station_id == station_id)).scalar() or ""
    if owner:
        query = query.where(token.c.org_id.in_(("", owner)))
    return [
        TokenRow(row.token, row.token_type, row.group_id, bool(row.master), row.status, row.expiry_s, row.language)
        for row in conn.execute(query)
    ]


def was_ordered(conn: Connection, station_id: str, text: str, since_s: float) -> bool:
    """Whether we have told the station since then to start charging for this token."""
    query = select(command.c.body).where(
        command.c.station_id == station_id,
        command.c.action == "StartCharging",
        command.c.created_at_s >= since_s,
        command.c.state.in_(("sent", "answered")),
    )
    return any(_token_of(body).lower() == text.lower() for body in conn.execute(query).scalars())


def _token_of(body: str) -> str:
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    told = said.get("token", "") if isinstance(said, dict) else ""
    return str(told.get("token", "")) if isinstance(told, dict) else str(told)


def running(conn: Connection, station_id: str) -> list[Running]:
    """Transactions of a station that have not ended, as far as they are worked out from the log."""
    query = select(session).where(session.c.station_id == station_id, session.c.ended_at_s.is_(None)).order_by(session.c.started_at_s)
    return [Running(row.transaction, row.evse, row.token, row.group_id, row.started_at_s) for row in conn.execute(query)]


def runs_elsewhere(conn: Connection, text: str, station_id: str, transaction: str) -> bool:
    """Whether this token has a transaction that has not ended, other than the one named."""
    query = select(session.c.session_id).where(
        func.lower(session.c.token) == text.lower(),
        session.c.ended_at_s.is_(None),
        or_(session.c.station_id != station_id, session.c.transaction != transaction),
    )
    return conn.execute(query.limit(1)).first() is not None


def allot(conn: Connection, station_id: str, key: str) -> int:
    """The number of the transaction that this start begins: always the same one for the same key. Raises Conflict where another gateway
    takes the number at the same moment: ask again."""
    numbers = transaction_number
    of_station = numbers.c.station_id == station_id
    known: int | None = conn.execute(select(numbers.c.number).where(of_station, numbers.c.key == key)).scalar()
    if known is not None:
        return known
    number = (conn.execute(select(func.max(numbers.c.number)).where(of_station)).scalar() or 0) + 1
    while _is_taken(conn, station_id, number):
        number += 1
    conn.execute(insert(numbers).values(station_id=station_id, number=number, key=key))
    return number


def _is_taken(conn: Connection, station_id: str, number: int) -> bool:
    """Whether there is a session of this number already: a station may still end transactions that another platform has begun."""
    query = select(session.c.session_id).where(session.c.session_id == f"{station_id}:{number}")
    return conn.execute(query).first() is not None
