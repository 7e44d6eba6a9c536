"""Appending to the log: prepared SQL, many rows at a time, the hot path of the platform."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import psycopg
from sqlalchemy import Connection

from evloom.store.engine import sqlite_of
from evloom.store.log import Appended, Row

_COLUMNS = "number, station_id, kind, body, happened_at_s, known_at_s, key, raw, epoch"
_INSERT = f"INSERT INTO log ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OWNERS = "SELECT station_id, epoch FROM ownership WHERE station_id IN (SELECT value FROM json_each(?))"
_FENCED = Appended(0, fenced=True)
_STATION: Final = 0
_KEY: Final = 5
_EPOCH: Final = 7


class Appender(Protocol):
    """How rows get into the log of one kind of database, inside the transaction of `conn`."""

    def append(self, conn: Connection, rows: Sequence[Row]) -> list[Appended]:
        """Append rows in order; a key that is there already, or an epoch that is out of date, appends nothing."""
        ...

    def in_change(self, conn: Connection, stations: Sequence[str]) -> set[str]:
        """Those of the stations whose owner is being changed by somebody at this moment; the others' cannot until this transaction ends."""
        ...

    def mark(self, conn: Connection, writer: str, batch: int) -> None:
        """Leave a trace of this transaction, where a COMMIT can be in doubt."""
        ...

    def was_committed(self, conn: Connection, writer: str, batch: int) -> bool:
        """Whether the transaction that left this trace was committed."""
        ...


class SqliteAppender:
    """Numbers are consecutive: whoever is in a transaction that writes is alone, so the next number is one above the highest."""

    def append(self, conn: Connection, rows: Sequence[Row]) -> list[Appended]:
        """Optimistic: all at once; row by row only where a key turns out to be there already."""
        raw = sqlite_of(conn)
        allowed = _unfenced(rows, lambda stations: dict(raw.execute(_OWNERS, (msgspec.json.encode(stations).decode(),)).fetchall()))
        number = raw.execute("SELECT coalesce(max(number), 0) FROM log").fetchone()[0] + 1
        given = rows if allowed is None else [row for row, allow in zip(rows, allowed, strict=True) if allow]
        done = self._all(raw, number, given)
        return done if allowed is None else _with_fenced(done, allowed)

    def in_change(self, conn: Connection, stations: Sequence[str]) -> set[str]:
        """None: whoever is in a transaction that writes is alone."""
        return set()

    def mark(self, conn: Connection, writer: str, batch: int) -> None:
        """Needs none: the database is in this process."""

    def was_committed(self, conn: Connection, writer: str, batch: int) -> bool:
        """Never asked."""
        return False

    def _all(self, raw: sqlite3.Connection, number: int, rows: Sequence[Row]) -> list[Appended]:
        numbered = [(number + place, *row) for place, row in enumerate(rows)]
        raw.execute("SAVEPOINT many")
        done = raw.executemany(f"{_INSERT} ON CONFLICT DO NOTHING", numbered).rowcount if numbered else 0
        if done == len(numbered):
            raw.execute("RELEASE many")
            return [Appended(row[0]) for row in numbered]
        raw.execute("ROLLBACK TO many")
        raw.execute("RELEASE many")
        return self._each(raw, number, rows)

    def _each(self, raw: sqlite3.Connection, number: int, rows: Sequence[Row]) -> list[Appended]:
        done = []
        for row in rows:
            found = (
                row[_KEY] is not None
                and raw.execute("SELECT number FROM log WHERE station_id = ? AND key = ?", (row[_STATION], row[_KEY])).fetchone()
            )
            if found:
                done.append(Appended(found[0], duplicate=True))
                continue
            raw.execute(_INSERT, (number, *row))
            done.append(Appended(number))
            number += 1
        return done


class PostgresAppender:
    """Numbers come from the sequence, after the ownership rows are locked: the entries of a station are numbered in the order of its
    owners. A number may be skipped; none is used twice. Arrays go over in binary: as text every quote of a body would be escaped."""

    _OWNERS = "SELECT station_id, epoch FROM ownership WHERE station_id = ANY(%s) ORDER BY station_id FOR SHARE"
    _FREE = "SELECT station_id FROM ownership WHERE station_id = ANY(%s) ORDER BY station_id FOR SHARE SKIP LOCKED"
    _OWNED = "SELECT station_id FROM ownership WHERE station_id = ANY(%s)"
    _NUMBERS = "SELECT nextval('log_number_seq') FROM generate_series(1, %s)"
    _INSERT = (
        f"INSERT INTO log ({_COLUMNS}) SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bytea[], %b::float8[], %b::float8[],"
        " %b::text[], %b::bytea[], %b::bigint[]) ON CONFLICT DO NOTHING RETURNING number"
    )
    _FOUND = (
        "SELECT log.station_id, log.key, log.number FROM log JOIN unnest(%s::text[], %s::text[]) AS given (station_id, key)"
        " ON log.station_id = given.station_id AND log.key = given.key"
    )
    _MARK = (
        "INSERT INTO writer_mark (writer, batch, at_s) VALUES (%s, %s, extract(epoch FROM clock_timestamp()))"
        " ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at_s = excluded.at_s"
    )

    _OLD_MARKS = "DELETE FROM writer_mark WHERE at_s < extract(epoch FROM clock_timestamp()) - 30 * 86400"

    def append(self, conn: Connection, rows: Sequence[Row]) -> list[Appended]:
        """Three round trips: owners where stations are fenced, numbers, rows; a fourth where keys are there already."""
        raw = _psycopg_of(conn)
        allowed = _unfenced(rows, lambda stations: dict(raw.execute(self._OWNERS, (stations,)).fetchall()))
        given = rows if allowed is None else [row for row, allow in zip(rows, allowed, strict=True) if allow]
        done = self._all(raw, given) if given else []
        return done if allowed is None else _with_fenced(done, allowed)

    def in_change(self, conn: Connection, stations: Sequence[str]) -> set[str]:
        """Does not wait: who waited for one station while holding others would end in a circle with who takes several over."""
        raw = _psycopg_of(conn)
        free = {row[0] for row in raw.execute(self._FREE, (list(stations),))}
        left = [station for station in stations if station not in free]
        return {row[0] for row in raw.execute(self._OWNED, (left,))} if left else set()

    def mark(self, conn: Connection, writer: str, batch: int) -> None:
        """One small row that each transaction of this writer rewrites; the first removes those of writers of the past."""
        if batch == 1:
            _psycopg_of(conn).execute(self._OLD_MARKS)
        _psycopg_of(conn).execute(self._MARK, (writer, batch))

    def was_committed(self, conn: Connection, writer: str, batch: int) -> bool:
        """Waits, by the row's lock, until a transaction that is still under way on the server has ended."""
        found = _psycopg_of(conn).execute("SELECT batch FROM writer_mark WHERE writer = %s FOR UPDATE", (writer,)).fetchone()
        return found is not None and found[0] == batch

    def _all(self, raw: psycopg.Connection[Any], rows: Sequence[Row]) -> list[Appended]:
        numbers = [row[0] for row in raw.execute(self._NUMBERS, (len(rows),))]
        columns = [list(column) for column in zip(*rows, strict=True)]
        kept = {row[0] for row in raw.execute(self._INSERT, (numbers, *columns))}
        if len(kept) == len(rows):
            return [Appended(number) for number in numbers]
        wanted = [(row[_STATION], row[_KEY]) for row, number in zip(rows, numbers, strict=True) if number not in kept]
        found = raw.execute(self._FOUND, ([station for station, _ in wanted], [key for _, key in wanted]))
        first = {(station, key): number for station, key, number in found}
        return [
            Appended(number) if number in kept else Appended(first[row[_STATION], str(row[_KEY])], duplicate=True)
            for row, number in zip(rows, numbers, strict=True)
        ]


def _psycopg_of(conn: Connection) -> psycopg.Connection[Any]:
    raw = conn.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def _unfenced(rows: Sequence[Row], owners: Callable[[list[str]], dict[str, int]]) -> list[bool] | None:
    """For each row whether its epoch is up to date; None where none of them is fenced."""
    stations = sorted({row[_STATION] for row in rows if row[_EPOCH]})
    if not stations:
        return None
    epochs = owners(stations)
    return [not row[_EPOCH] or row[_EPOCH] >= epochs.get(row[_STATION], 0) for row in rows]


def _with_fenced(done: list[Appended], allowed: list[bool]) -> list[Appended]:
    left = iter(done)
    return [next(left) if allow else _FENCED for allow in allowed]
