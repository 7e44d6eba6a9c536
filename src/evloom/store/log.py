"""The log: what stations said, kept before it is answered, and how an entry is written down and read back.

Kind is the name of the event's class, body its fields as JSON. Kinds and fields are kept for ever: fields are only added, with a default.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import msgspec
from sqlalchemy import Connection, Select, select

from evloom.pile import station
from evloom.store.errors import ProgrammerError
from evloom.store.tables.log import log

KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(station.StationEvent)}
"""Classes of the events that the log may hold, by name."""

Row = tuple[str, str, str, float, float, str | None, bytes, int]
"""station_id, kind, body, happened_at_s, known_at_s, key, raw, epoch"""

_NUL = "\\u0000"
_NUL_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""The escape of NUL, where its backslash is not itself escaped."""
_encode = msgspec.json.Encoder().encode
_decoders: dict[str, msgspec.json.Decoder[object]] = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something a station said, to be kept.

    event          a dataclass of `pile.station`
    happened_at_s  when it happened by the station's clock, known_at_s when we learnt it
    key            what makes it the same entry when it is said again, within the station; None: each is a new one
    raw            the frame as it came
    epoch          epoch of the ownership under which it was received (`store.cluster`), 0 where stations are not fenced
    """

    station_id: str
    event: object
    happened_at_s: float
    known_at_s: float
    key: str | None = None
    raw: bytes = b""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an entry: its number in the log, that of the first where it was a duplicate, 0 where it was fenced off."""

    number: int
    duplicate: bool = False
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it stands in the log. event is None where this version does not know its kind or cannot read it."""

    number: int
    station_id: str
    kind: str
    event: object
    happened_at_s: float
    known_at_s: float
    key: str | None = None
    raw: bytes = b""
    body: str = ""


def row_of(entry: LogEntry) -> Row:
    """The entry as the row of the log without its number."""
    event = entry.event
    kind = type(event).__name__
    if KINDS.get(kind) is not type(event):
        raise ProgrammerError(f"the log holds events of pile.station, not {type(event).__qualname__}")
    body = _encode(event).decode()
    return (entry.station_id, kind, body, entry.happened_at_s, entry.known_at_s, entry.key, entry.raw, entry.epoch)


def rows_of(entries: Sequence[LogEntry]) -> tuple[Sequence[LogEntry], list[Row]]:
    """The entries as rows, and as they are kept: without the character NUL, which stations send that fill their texts up with it, and
    which PostgreSQL does not take. The frame, `raw`, keeps it."""
    rows = [row_of(entry) for entry in entries]
    if any(_NUL in row[2] or (row[5] is not None and "\0" in row[5]) for row in rows):
        entries = [_without_nul(entry, row) for entry, row in zip(entries, rows, strict=True)]
        rows = [row_of(entry) for entry in entries]
    return entries, rows


def _without_nul(entry: LogEntry, row: Row) -> LogEntry:
    event = event_of(row[1], _NUL_IN_JSON.sub(r"\1", row[2]))
    return replace(entry, event=event, key=entry.key and entry.key.replace("\0", ""))


def event_of(kind: str, body: str | bytes) -> object:
    """The event that a row holds, None where this version does not know the kind or cannot read the body."""
    decoder = _decoders.get(kind)
    try:
        return None if decoder is None else decoder.decode(body)
    except msgspec.DecodeError:
        return None


def read(conn: Connection, station_id: str = "", *, after: int = 0, n_max: int = 1000, kinds: Sequence[str] = ()) -> list[Kept]:
    """Entries with a number above `after`, oldest first: of one station or of all, of some kinds or of all."""
    query = select(log).where(log.c.number > after).order_by(log.c.number).limit(n_max)
    return _kept(conn, query, station_id, kinds)


def latest(conn: Connection, station_id: str = "", *, before: int = 0, n_max: int = 100, kinds: Sequence[str] = ()) -> list[Kept]:
    """Entries with a number below `before` (0: the newest), newest first."""
    query = select(log).order_by(log.c.number.desc()).limit(n_max)
    return _kept(conn, query.where(log.c.number < before) if before else query, station_id, kinds)


def entry_of(conn: Connection, number: int) -> Kept | None:
    """One entry by its number."""
    return next(iter(_kept(conn, select(log).where(log.c.number == number), "", ())), None)


def every(conn: Connection, station_id: str = "", *, page: int = 1000) -> Iterator[Kept]:
    """All entries in order, read in pages."""
    after = 0
    while kept := read(conn, station_id, after=after, n_max=page):
        yield from kept
        after = kept[-1].number


def _kept(conn: Connection, query: Select[Any], station_id: str, kinds: Sequence[str]) -> list[Kept]:
    if station_id:
        query = query.where(log.c.station_id == station_id)
    if kinds:
        query = query.where(log.c.kind.in_(kinds))
    return [Kept(row.number, row.station_id, row.kind, event_of(row.kind, row.body), *_rest(row)) for row in conn.execute(query)]


def _rest(row: Any) -> tuple[float, float, str | None, bytes, str]:
    return row.happened_at_s, row.known_at_s, row.key, row.raw, row.body
