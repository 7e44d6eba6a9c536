"""The end of the log: what is older than wanted, and is worked out, is removed station by station, from the oldest entry on.

What stays for ever: sessions (their rows), bills and receipts, the last state of stations and connectors, and counts of deviations. So
`store.projections.rebuild` goes on from the rows that are there, where the log no longer tells how they came about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from evloom.pile.station import Deviated
from evloom.store import log, raw

ROWS_MAX = 5000
"""Entries that one call removes: some tens of milliseconds, so that appends do not wait."""
SPARE_S = 86_400.0
"""So much of the log is kept before the first word of a session that keeps it: words come late and mixed up."""
SETTLED = "'billed', 'void', 'unpriced'"
"""Bills that need the log no more. One that waits for a price is made from the session and its meter values."""

_OLDEST = (
    "SELECT station_id, (SELECT known_at_s FROM log WHERE log.station_id = station_state.station_id ORDER BY number LIMIT 1)"
    " FROM station_state"
)
_UNSETTLED = (
    "SELECT session.station_id, min(session.known_start_s), min(session.started_at_s) FROM session"
    " LEFT JOIN billing ON billing.session_id = session.session_id"
    f" WHERE session.ended_at_s IS NULL OR billing.state IS NULL OR billing.state NOT IN ({SETTLED})"
    " GROUP BY session.station_id"
)
_ENTRIES = "SELECT number, kind, known_at_s FROM log WHERE station_id = ? AND number <= ? ORDER BY number LIMIT ?"
_CURSOR = "SELECT cursor FROM station_state WHERE station_id = ?"
_KEPT = "SELECT coalesce(min(number), 0), (SELECT coalesce(max(number), 0) FROM log) FROM dead_letter WHERE station_id = ?"
_FLOOR = (
    "INSERT INTO log_floor (station_id, number, before_s, deviations) VALUES (?, ?, ?, ?) ON CONFLICT (station_id) DO UPDATE"
    " SET number = excluded.number, before_s = excluded.before_s, deviations = excluded.deviations"
)

Counted = tuple[str, str, str, int, float, str, str]
"""action, rule, field, how often, and when, with which value and advice the last time"""
_counted = msgspec.json.Decoder(tuple[Counted, ...])


@dataclass(frozen=True, slots=True)
class Old:
    """A station whose log begins before an instant up to which it may be removed."""

    station_id: str
    before_s: float


def old(conn: Connection, before_s: float, unsettled_before_s: float) -> list[Old]:
    """Stations whose log begins before `before_s`. One with a session that runs, or whose bill is not final, keeps its log from that
    session's first word on, but nothing that is older than `unsettled_before_s`."""
    begins = {station: first_s for station, first_s in raw.rows(conn, _OLDEST) if first_s is not None and first_s < before_s}
    if not begins:
        return []
    wanted = {station: min(known_s, started_s) - SPARE_S for station, known_s, started_s in raw.rows(conn, _UNSETTLED)}
    found = [Old(station, min(before_s, max(wanted.get(station, before_s), unsettled_before_s))) for station in sorted(begins)]
    return [one for one in found if begins[one.station_id] < one.before_s]


def prune(conn: Connection, station: Old, now_s: float) -> int:
    """Remove the oldest entries of a station, up to ROWS_MAX; how many. Call again while it is ROWS_MAX.

    Entries that were not worked out stay, and dead letters, and everything after them; so does the newest of the whole log, which says
    where the numbers go on. An instant that lies ahead of `now_s` comes from a clock that was wrong, and says nothing of an entry's age.
    """
    name = station.station_id
    lock = "" if raw.is_sqlite(conn) else " FOR UPDATE"  # two gateways at once would count deviations twice
    cursors = raw.rows(conn, f"{_CURSOR}{lock}", (name,))
    dead, newest = raw.rows(conn, _KEPT, (name,))[0]
    last = min(cursors[0][0] if cursors else 0, newest - 1, dead - 1 if dead else newest)
    entries = _prefix(raw.rows(conn, _ENTRIES, (name, last, ROWS_MAX)), station.before_s, now_s)
    if not entries:
        return 0
    last = entries[-1][0]
    deviated = [number for number, kind, _ in entries if kind == Deviated.__name__]
    counted = floor_of(conn, name)
    if deviated:
        counted = _with(counted, log.read(conn, name, after=deviated[0] - 1, n_max=len(deviated), kinds=(Deviated.__name__,)))
    # Sessions of entries that a wrong clock dated ahead are among those whose words are gone.
    before_s = max(station.before_s, *(known_s + 1.0 for _, _, known_s in entries))
    raw.run(conn, _FLOOR, (name, last, before_s, msgspec.json.encode(counted).decode()))
    return raw.run(conn, "DELETE FROM log WHERE station_id = ? AND number <= ?", (name, last))


def floor_of(conn: Connection, station_id: str) -> tuple[Counted, ...]:
    """What is known of deviations whose entries were removed."""
    found = raw.rows(conn, "SELECT deviations FROM log_floor WHERE station_id = ?", (station_id,))
    return _counted.decode(found[0][0]) if found else ()


def floors(conn: Connection) -> list[tuple[str, tuple[Counted, ...]]]:
    """Every station whose log was shortened, with the same."""
    return [(station, _counted.decode(body)) for station, body in raw.rows(conn, "SELECT station_id, deviations FROM log_floor")]


def _prefix(rows: Sequence[Any], before_s: float, now_s: float) -> Sequence[Any]:
    """The rows up to the last that is old, with none among them that is not."""
    n = 0
    for place, (_, _, known_s) in enumerate(rows, 1):
        if known_s < before_s:
            n = place
        elif known_s <= now_s:
            break
    return rows[:n]


def _with(before: Sequence[Counted], kept: Sequence[log.Kept]) -> tuple[Counted, ...]:
    """The counts with some entries more."""
    found = {one[:3]: one for one in before}
    for entry in kept:
        event = entry.event
        if isinstance(event, Deviated):
            key = (event.action, event.rule, event.field)
            n = found[key][3] if key in found else 0
            found[key] = (*key, n + 1, entry.known_at_s, event.value, event.advice)
    return tuple(found.values())
