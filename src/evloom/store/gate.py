"""What the gateway looks up of a station that knocks."""

from dataclasses import dataclass

from sqlalchemy import Connection

from evloom.store import raw

_FIND = "SELECT password_hash, certificate_serial, serial, security_profile, accepted, removed_at_s FROM station WHERE station_id = ?"


@dataclass(frozen=True, slots=True)
class GateRow:
    """A station as its gateway sees it: Argon2 hash of its password, serial number of the certificate that was tied to it, its own serial
    number, the least security profile, "accepted", "pending" or "refused", and when it was removed."""

    password_hash: str
    certificate_serial: str
    serial: str
    security_profile: int
    accepted: str
    removed_at_s: float | None


def find(conn: Connection, station_id: str) -> GateRow | None:
    """The station, also where it was removed; None where nobody has registered it."""
    found = raw.rows(conn, _FIND, (station_id,))
    return GateRow(*found[0]) if found else None
