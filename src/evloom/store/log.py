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
from evloom.store.pack import SAID, SENT, packed, unpacked
from evloom.store.tables.log import log

KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(station.StationEvent)}
"""Classes of the events that the log may hold, by name."""

Row = tuple[str, str, bytes, float, float, str | None, bytes, int]
"""station_id, kind, body (packed), happened_at_s, known_at_s, key, raw (packed), epoch"""

_NUL = b"\\u0000"
_NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
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


def _body_of(entry: LogEntry) -> bytes:
    event = entry.event
    if KINDS.get(type(event).__name__) is not type(event):
        raise ProgrammerError(f"the log holds events of pile.station, not {type(event).__qualname__}")
    return _encode(event)


def row_of(entry: LogEntry) -> Row:
    """The entry as the row of the log without its number."""
    return _row_of(entry, _body_of(entry))


def _row_of(entry: LogEntry, body: bytes) -> Row:
    kind, raw = type(entry.event).__name__, packed(entry.raw, SENT)
    return (entry.station_id, kind, packed(body, SAID), entry.happened_at_s, entry.known_at_s, entry.key, raw, entry.epoch)


def rows_of(entries: Sequence[LogEntry]) -> tuple[Sequence[LogEntry], list[Row]]:
    """The entries as rows, and as they are kept: without the character NUL, which stations send that fill their texts up with it, and
    which PostgreSQL does not take. The frame, `raw`, keeps it."""
    bodies = [_body_of(entry) for entry in entries]
    if any(_NUL in body or (entry.key is not None and "\0" in entry.key) for entry, body in zip(entries, bodies, strict=True)):
        entries = [_without_nul(entry, body) for entry, body in zip(entries, bodies, strict=True)]
        bodies = [_body_of(entry) for entry in entries]
    return entries, [_row_of(entry, body) for entry, body in zip(entries, bodies, strict=True)]


def _without_nul(entry: LogEntry, body: bytes) -> LogEntry:
    event = event_of(type(entry.event).__name__, _NUL_IN_JSON.sub(rb"\1", body))
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
    return [_entry(row) for row in conn.execute(query)]


def _entry(row: Any) -> Kept:
    body = unpacked(row.body)
    said = (row.happened_at_s, row.known_at_s, row.key, unpacked(row.raw), body.decode())
    return Kept(row.number, row.station_id, row.kind, event_of(row.kind, body), *said)
