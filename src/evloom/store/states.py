"""What is known of stations and connectors, as the projector holds it while it works, and how it is read and saved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from evloom.store import raw

_COLUMNS = (
    "station_id, cursor, connected, protocol, remote, gateway, security_profile, connected_at_s, disconnected_at_s, vendor, model, serial,"
    " firmware, boot_status, booted_at_s, last_seen_s, n_deviation"
)
_NEW = (
    f"INSERT INTO station_state ({_COLUMNS}) VALUES (?, 0, ?, '', '', '', 0, NULL, NULL, '', '', '', '', '', NULL, 0, 0)"
    " ON CONFLICT DO NOTHING"
)
_SAVE = (
    "UPDATE station_state SET cursor = ?, connected = ?, protocol = ?, remote = ?, gateway = ?, security_profile = ?, connected_at_s = ?,"
    " disconnected_at_s = ?, vendor = ?, model = ?, serial = ?, firmware = ?, boot_status = ?, booted_at_s = ?, last_seen_s = ?,"
    " n_deviation = ? WHERE station_id = ?"
)
_SEEN = "UPDATE station_state SET cursor = ?, last_seen_s = ? WHERE station_id = ?"
_CONNECTOR = (
    "INSERT INTO connector_state (station_id, evse, connector, status, detail, error, info, vendor_error, since_s, known_at_s)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (station_id, evse, connector) DO UPDATE SET status = excluded.status,"
    " detail = excluded.detail, error = excluded.error, info = excluded.info, vendor_error = excluded.vendor_error,"
    " since_s = excluded.since_s, known_at_s = excluded.known_at_s"
)


@dataclass(slots=True)
class StationState:
    """A row of station_state; `changed` says that more than its cursor is to be saved."""

    station_id: str
    cursor: int = 0
    connected: bool = False
    protocol: str = ""
    remote: str = ""
    gateway: str = ""
    security_profile: int = 0
    connected_at_s: float | None = None
    disconnected_at_s: float | None = None
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    boot_status: str = ""
    booted_at_s: float | None = None
    last_seen_s: float = 0.0
    n_deviation: int = 0
    changed: bool = False

    def row(self) -> tuple[Any, ...]:
        """The parameters that save all of it."""
        return (
            *(self.cursor, self.connected, self.protocol, self.remote, self.gateway, self.security_profile, self.connected_at_s),
            *(self.disconnected_at_s, self.vendor, self.model, self.serial, self.firmware, self.boot_status, self.booted_at_s),
            *(self.last_seen_s, self.n_deviation, self.station_id),
        )


ConnectorKey = tuple[str, int, int]
"""station_id, evse, connector"""
ConnectorRow = tuple[str, str, str, str, str, float, float]
"""status, detail, error, info, vendor_error, since_s, known_at_s"""


def cursors(conn: Connection, stations: Sequence[str]) -> dict[str, int]:
    """Up to which entry each station was projected; on PostgreSQL nobody else projects them until this transaction ends."""
    query = "SELECT station_id, cursor FROM station_state WHERE station_id IN {any} ORDER BY station_id"
    return dict(raw.rows(conn, query if raw.is_sqlite(conn) else f"{query} FOR UPDATE", (raw.texts(conn, stations),)))


def make(conn: Connection, stations: Iterable[str]) -> None:
    """A row for each station that has none."""
    raw.run_many(conn, _NEW, [(station, False) for station in sorted(stations)])


def load(conn: Connection, stations: Sequence[str]) -> dict[str, StationState]:
    """The states of stations that have one."""
    rows = raw.rows(conn, f"SELECT {_COLUMNS} FROM station_state WHERE station_id IN {{any}}", (raw.texts(conn, stations),))
    return {row[0]: StationState(row[0], row[1], bool(row[2]), *row[3:]) for row in rows}


def save(conn: Connection, states: Iterable[StationState]) -> None:
    """Write the states back."""
    ordered = sorted(states, key=lambda state: state.station_id)
    raw.run_many(conn, _SEEN, [(state.cursor, state.last_seen_s, state.station_id) for state in ordered if not state.changed])
    raw.run_many(conn, _SAVE, [state.row() for state in ordered if state.changed])
    for state in ordered:
        state.changed = False


def load_connectors(conn: Connection, stations: Sequence[str]) -> dict[ConnectorKey, ConnectorRow]:
    """The last status of each connector of the stations."""
    query = (
        "SELECT station_id, evse, connector, status, detail, error, info, vendor_error, since_s, known_at_s FROM connector_state"
        " WHERE station_id IN {any}"
    )
    return {(row[0], row[1], row[2]): tuple(row[3:]) for row in raw.rows(conn, query, (raw.texts(conn, stations),))}


def save_connectors(conn: Connection, changed: dict[ConnectorKey, ConnectorRow]) -> None:
    """Write the changed ones."""
    raw.run_many(conn, _CONNECTOR, [(*key, *changed[key]) for key in sorted(changed)])
