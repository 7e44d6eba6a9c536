"""Works out the projections from the log: what was just appended, and first what the log holds of a station beyond its cursor.

Each station has a cursor in station_state, saved in the same transaction as what was worked out, so nothing is counted twice or left out,
whichever gateway does it. On PostgreSQL the cursor rows are locked while they are worked on.
"""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import Session, session_id
from evloom.store import log, raw, session_rows, states
from evloom.store.batch import Batch
from evloom.store.log import Kept
from evloom.store.meters import Shapes
from evloom.store.states import ConnectorKey, ConnectorRow, StationState

ENTRIES_MAX = 512
"""Entries in one transaction."""
STATIONS_MAX = 64
"""Stations in one transaction, where they are read from the log."""
PENDING_MAX = 20_000
"""Entries that wait in memory; beyond that their stations are read from the log again."""
CACHE_MAX = 50_000
"""Open sessions and stations that are remembered."""

_METER = (
    "INSERT INTO meter_value (meter_value_id, station_id, evse, session_id, at_s, power_kw, energy_kwh, soc, voltage_v, current_a,"
    " shape_id, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_SHAPE = "INSERT INTO meter_shape (shape_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING"
_DEAD = "INSERT INTO dead_letter (number, station_id, kind, error, at_s) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DEVIATION = (
    "INSERT INTO deviation (station_id, action, rule, field, n, last_s, value, advice) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (station_id, action, rule, field) DO UPDATE SET n = deviation.n + excluded.n, last_s = excluded.last_s,"
    " value = excluded.value, advice = excluded.advice"
)
_BETWEEN = (
    "SELECT log.station_id, count(*) FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS given (station_id, low, high)"
    " JOIN log ON log.station_id = given.station_id AND log.number > given.low AND log.number <= given.high GROUP BY log.station_id"
)
_STATIONS = (
    "WITH RECURSIVE every (station_id) AS (SELECT min(station_id) FROM log UNION ALL"
    " SELECT (SELECT min(log.station_id) FROM log WHERE log.station_id > every.station_id) FROM every WHERE every.station_id IS NOT NULL)"
    " SELECT every.station_id FROM every LEFT JOIN station_state ON station_state.station_id = every.station_id"
    " LEFT JOIN ownership ON ownership.station_id = every.station_id WHERE every.station_id IS NOT NULL"
    " AND (SELECT max(number) FROM log WHERE log.station_id = every.station_id) > coalesce(station_state.cursor, 0)"
    " AND (? = '' OR coalesce(ownership.gateway, '') IN ('', ?))"
)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the projections are behind the log: entries, and seconds since the oldest of them was appended."""

    n: int
    seconds: float


class Projector:
    """Used by the writer's thread alone, but for `lag`. gateway: whose stations it works on, "" for all."""

    def __init__(self, gateway: str = "") -> None:
        self._gateway = gateway
        self._pending: deque[Kept] = deque()
        self._since: deque[tuple[int, float]] = deque()
        self._behind: dict[str, None] = {}
        self._taken: tuple[list[str], int] = ([], 0)
        self._careful = 0
        self._states: dict[str, StationState] = {}
        self._sessions: dict[str, Session] = {}
        self._connectors: dict[ConnectorKey, ConnectorRow] = {}
        self._shapes = Shapes()

    @property
    def waiting(self) -> int:
        """Entries that wait, a station that must be read from the log counted as one."""
        return len(self._pending) + len(self._behind)

    def lag(self) -> Lag:
        """How far behind; from any thread."""
        try:
            since_s = self._since[0][1]
        except IndexError:
            return Lag(self.waiting, 0.0)
        return Lag(self.waiting, time.monotonic() - since_s)

    def take(self, kept: Sequence[Kept]) -> None:
        """Entries that were just committed, in order."""
        if not kept:
            return
        if len(self._pending) + len(kept) > PENDING_MAX:
            self._behind.update(dict.fromkeys(entry.station_id for entry in (*self._pending, *kept)))
            self._pending.clear()
        else:
            self._pending.extend(kept)
        self._since.append((kept[-1].number, time.monotonic()))

    def find_behind(self, conn: Connection) -> None:
        """Have all stations read from the log that are behind."""
        self.read_again([row[0] for row in raw.rows(conn, _STATIONS, (self._gateway, self._gateway))])

    def read_again(self, stations: Iterable[str]) -> None:
        """Have these stations read from the log, from where they were projected to."""
        self._behind.update(dict.fromkeys(stations))
        if self._behind and not self._since:
            self._since.append((0, time.monotonic()))

    def project(self, conn: Connection) -> None:
        """Work out one transaction's worth; `committed` or `failed` must follow."""
        entries = self._at_hand(conn)
        gaps = [] if self._behind else self._gaps(conn, entries)
        if gaps:
            self._behind.update(dict.fromkeys(gaps))
            self._taken = ([], 0)
        elif entries:
            self._work(conn, entries)

    def committed(self) -> None:
        """What `project` did is kept."""
        stations, n = self._taken
        for station in stations:
            self._behind.pop(station, None)
        last = 0
        for _ in range(n):
            last = self._pending.popleft().number
        if not self._pending and not self._behind:
            self._since.clear()
        while len(self._since) > 1 and self._since[0][0] <= last:
            self._since.popleft()
        self._careful = max(self._careful - 1, 0)
        self._shapes.new.clear()
        if len(self._sessions) + len(self._states) > CACHE_MAX:
            self.forget()

    def failed(self, asked: bool) -> bool:
        """What `project` did is undone. asked: the database did not like it; then it is tried entry by entry. Returns whether it was a
        single entry already, which is to be buried."""
        single = self._careful > 0
        if asked and not single:
            self._careful = ENTRIES_MAX
        self.forget()
        return asked and single

    def bury(self, conn: Connection, error: str) -> None:
        """Make the entry at hand a dead letter, and pass over it; `committed` or `failed` must follow."""
        for entry in self._at_hand(conn):
            state = self._known(conn, [entry.station_id])[entry.station_id]
            raw.run_many(conn, _DEAD, [(entry.number, entry.station_id, entry.kind, error, entry.known_at_s)])
            state.cursor = max(state.cursor, entry.number)
            states.save(conn, [state])

    def forget(self) -> None:
        """Everything that is remembered of the database."""
        self._states.clear()
        self._sessions.clear()
        self._connectors.clear()
        self._shapes.forget()

    def _at_hand(self, conn: Connection) -> list[Kept]:
        """The entries that are to be worked on next, a single one when care is taken."""
        n_max = 1 if self._careful else ENTRIES_MAX
        if not self._behind:
            entries = list(islice(self._pending, n_max))
            self._taken = ([], len(entries))
            return entries
        known = self._known(conn, list(islice(self._behind, STATIONS_MAX)))
        found: list[Kept] = []
        done: list[str] = []
        for station, state in known.items():
            left = n_max - len(found)
            entries = log.read(conn, station, after=state.cursor, n_max=left)
            found += entries
            if len(entries) == left:
                break
            done.append(station)
        self._taken = (done, 0)
        return found

    def _work(self, conn: Connection, entries: Sequence[Kept]) -> None:
        known = self._known(conn, sorted({entry.station_id for entry in entries}))
        self._load_sessions(conn, entries)
        batch = Batch(known, self._sessions, self._connectors, self._shapes, partial(session_rows.begun, conn))
        for entry in entries:
            batch.fold(entry)
        if self._shapes.new:
            raw.run_many(conn, _SHAPE, self._shapes.new)
        raw.run_many(conn, _METER, batch.meters)
        session_rows.save(conn, self._sessions, batch.changed_sessions)
        states.save(conn, known.values())
        if batch.changed_connectors:
            states.save_connectors(conn, batch.changed_connectors)
        if batch.deviations:
            raw.run_many(conn, _DEVIATION, [(*key, *batch.deviations[key]) for key in sorted(batch.deviations)])
        if batch.dead:
            raw.run_many(conn, _DEAD, batch.dead)
        for name in batch.changed_sessions:
            if self._sessions[name].ended_at_s is not None:
                del self._sessions[name]

    def _known(self, conn: Connection, stations: Sequence[str]) -> dict[str, StationState]:
        """The states of the stations, locked, as they are in the database now."""
        missing = [station for station in stations if station not in self._states]
        if missing:
            states.make(conn, missing)
        if not raw.is_sqlite(conn):
            there = states.cursors(conn, stations)
            if len(there) < len(stations):
                states.make(conn, stations)
                there = states.cursors(conn, stations)
            stale = [station for station in stations if station in self._states and self._states[station].cursor != there[station]]
            self._forget_stations(stale)
            missing += stale
        if missing:
            self._states |= states.load(conn, missing)
            self._connectors |= states.load_connectors(conn, missing)
        return {station: self._states[station] for station in stations}

    def _forget_stations(self, stations: Iterable[str]) -> None:
        gone = set(stations)
        if gone:
            self._sessions = {name: session for name, session in self._sessions.items() if session.station_id not in gone}
            self._connectors = {key: row for key, row in self._connectors.items() if key[0] not in gone}

    def _load_sessions(self, conn: Connection, entries: Sequence[Kept]) -> None:
        names = {session_id(entry.station_id, entry.event.transaction) for entry in entries if isinstance(entry.event, TransactionSaid)}
        self._sessions |= session_rows.load(conn, sorted(names - self._sessions.keys()))

    def _gaps(self, conn: Connection, entries: Sequence[Kept]) -> list[str]:
        """Stations of which the log holds entries that are neither projected nor at hand: another gateway left them."""
        if raw.is_sqlite(conn) or not entries:
            return []
        numbers: dict[str, list[int]] = {}
        for entry in entries:
            numbers.setdefault(entry.station_id, []).append(entry.number)
        known = self._known(conn, sorted(numbers))
        low = [known[station].cursor for station in numbers]
        high = [mine[-1] for mine in numbers.values()]
        there = dict(raw.rows(conn, _BETWEEN, (list(numbers), low, high)))
        return [
            station for station, mine in numbers.items() if there.get(station, 0) != sum(number > known[station].cursor for number in mine)
        ]
