"""Several processes on one database: who owns a station, who holds a lease, which gateways live.

Ownership is a row (station, gateway, epoch) that is only ever changed by comparing: a claim raises the epoch, and whoever comes late with
an older epoch changes nothing, neither here nor in the log (`store.append`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from evloom.store import raw

_OWNER = "SELECT station_id, gateway, epoch, since_s FROM ownership WHERE station_id = ?"
_CLAIM = (
    "INSERT INTO ownership (station_id, gateway, epoch, since_s) VALUES (?, ?, 1, ?) ON CONFLICT (station_id) DO UPDATE"
    " SET gateway = excluded.gateway, epoch = ownership.epoch + 1, since_s = excluded.since_s RETURNING epoch"
)
_LEASE = (
    "INSERT INTO lease (name, holder, until_s, epoch) VALUES (?, ?, ?, 1) ON CONFLICT (name) DO UPDATE"
    " SET holder = excluded.holder, until_s = excluded.until_s,"
    " epoch = lease.epoch + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END"
    " WHERE lease.holder = excluded.holder OR lease.until_s <= ? RETURNING epoch"
)
_BEAT = (
    "INSERT INTO gateway (gateway, address, started_at_s, seen_at_s, n_station) VALUES (?, '', ?, ?, ?) ON CONFLICT (gateway) DO UPDATE"
    " SET seen_at_s = excluded.seen_at_s, n_station = excluded.n_station"
)


@dataclass(frozen=True, slots=True)
class Owned:
    """Which gateway holds the link of a station, since when, under which epoch. gateway is "" while nobody does."""

    station_id: str
    gateway: str
    epoch: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim: the new epoch, and the gateway that held the link before ("" for nobody)."""

    epoch: int
    before: str


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway that has shown itself: when it began, when last, how many stations it had."""

    gateway: str
    started_at_s: float
    seen_at_s: float
    n_station: int


def owner_of(conn: Connection, station_id: str) -> Owned | None:
    """Who owns a station; None when nobody ever did."""
    found = raw.rows(conn, _OWNER, (station_id,))
    return Owned(*found[0]) if found else None


def claim(conn: Connection, station_id: str, gateway: str, now_s: float) -> Claimed:
    """Make `gateway` the owner, whoever was."""
    lock = "" if raw.is_sqlite(conn) else " FOR UPDATE"
    before = raw.rows(conn, _OWNER + lock, (station_id,))
    ((epoch,),) = raw.rows(conn, _CLAIM, (station_id, gateway, now_s))
    return Claimed(int(epoch), str(before[0][1]) if before else "")


def release(conn: Connection, station_id: str, epoch: int) -> bool:
    """Nobody owns the station any more; False, and nothing changed, when it was claimed since."""
    return raw.run(conn, "UPDATE ownership SET gateway = '' WHERE station_id = ? AND epoch = ?", (station_id, epoch)) == 1


def owned_by(conn: Connection, gateway: str) -> list[Owned]:
    """Stations of a gateway."""
    sql = "SELECT station_id, gateway, epoch, since_s FROM ownership WHERE gateway = ? ORDER BY station_id"
    return [Owned(*row) for row in raw.rows(conn, sql, (gateway,))]


def not_owned(conn: Connection, gateway: str, station_ids: Sequence[str]) -> list[Owned]:
    """Those of the stations that another gateway owns, or nobody."""
    sql = "SELECT station_id, gateway, epoch, since_s FROM ownership WHERE gateway <> ? AND station_id IN {any}"
    return [Owned(*row) for row in raw.rows(conn, sql, (gateway, raw.texts(conn, station_ids)))]


def retake(conn: Connection, station_id: str, gateway: str, epoch: int) -> bool:
    """Own a station again that was released over one's head, as nobody has claimed it since; False when somebody has, or it was not."""
    sql = "UPDATE ownership SET gateway = ? WHERE station_id = ? AND epoch = ? AND gateway = ''"
    return raw.run(conn, sql, (gateway, station_id, epoch)) == 1


def take_lease(conn: Connection, name: str, holder: str, now_s: float, term_s: float) -> int | None:
    """Take a lease that is free or one's own, until now_s + term_s; its epoch, None when another holds it.

    On PostgreSQL the server's clock is taken instead of `now_s`: those of several machines differ.
    """
    now_s = _clock_s(conn, now_s)
    found = raw.rows(conn, _LEASE, (name, holder, now_s + term_s, now_s))
    return int(found[0][0]) if found else None


def give_up(conn: Connection, name: str, holder: str) -> bool:
    """End a lease that `holder` holds; False when it does not."""
    return raw.run(conn, "UPDATE lease SET until_s = 0 WHERE name = ? AND holder = ?", (name, holder)) == 1


def beat(conn: Connection, gateway: str, now_s: float, n_station: int) -> None:
    """A gateway shows that it lives; by the server's clock on PostgreSQL, as `take_lease`."""
    now_s = _clock_s(conn, now_s)
    raw.run(conn, _BEAT, (gateway, now_s, now_s, n_station))


def gateways(conn: Connection) -> list[GatewayRow]:
    """Gateways that have shown themselves and did not leave."""
    return [GatewayRow(*row) for row in raw.rows(conn, "SELECT gateway, started_at_s, seen_at_s, n_station FROM gateway ORDER BY gateway")]


def silent_s(conn: Connection, now_s: float) -> dict[str, float]:
    """How long ago each gateway showed itself, by the server's clock on PostgreSQL."""
    now_s = _clock_s(conn, now_s)
    return {row.gateway: now_s - row.seen_at_s for row in gateways(conn)}


def forget(conn: Connection, gateway: str) -> None:
    """A gateway has left, or is dead and settled."""
    raw.run(conn, "DELETE FROM gateway WHERE gateway = ?", (gateway,))


def _clock_s(conn: Connection, now_s: float) -> float:
    """`now_s` on SQLite, which is of one machine; the clock of the server on PostgreSQL, because those of several machines differ."""
    if raw.is_sqlite(conn):
        return now_s
    return float(raw.rows(conn, "SELECT extract(epoch FROM clock_timestamp())")[0][0])
