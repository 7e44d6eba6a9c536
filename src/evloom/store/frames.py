"""The log of OCPP messages, for people who look for what went wrong: kept without a flush to the disk, and given up first under pressure.

`Database.note_frame` puts a message into a buffer that the writer empties twice a second. What does not fit is dropped, counted, and
said by a row of direction "lost" in the station's own log. A message that the log has as evidence of an entry is not kept a second time.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from evloom.store import raw
from evloom.store.pack import SENT, packed, unpacked
from evloom.store.tables.log import log
from evloom.store.tables.operations import frame

BUFFER_MAX = 20_000
"""Messages that wait at most."""
TEXT_MAX = 65_536
"""Characters of a message that are kept."""

_INSERT = "INSERT INTO frame (station_id, at_s, direction, action, body, number) VALUES (?, ?, ?, ?, ?, ?)"
NUMBERS_MAX = 50_000
"""Entries of the log that are remembered for messages which have not come to be written yet."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it went over the wire. direction "in", "out", or "lost": its text says how many were not kept before it."""

    station_id: str
    at_s: float
    direction: str
    text: str
    action: str = ""
    frame_id: int = 0


class FrameBuffer:
    """Messages on their way to the database. `note` from any thread; the rest from the writer's."""

    def __init__(self) -> None:
        self._waiting: deque[Frame] = deque()
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._lost: dict[str, int] = {}
        self._lock = threading.Lock()
        self.n_lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, message: Frame) -> bool:
        """Put a message in; True when there was none before it."""
        waiting = self._waiting
        if len(waiting) >= BUFFER_MAX:
            self.lose((message,))
            return False
        waiting.append(message)
        return len(waiting) == 1

    def lose(self, messages: Sequence[Frame]) -> None:
        """Count messages that are not kept."""
        with self._lock:
            self.n_lost += len(messages)
            for message in messages:
                self._lost[message.station_id] = self._lost.get(message.station_id, 0) + 1

    def is_in_log(self, station_id: str, text: bytes, number: int) -> None:
        """A message that was just kept as evidence of an entry of the log: it is not kept a second time."""
        if self._waiting and len(self._numbers) < NUMBERS_MAX:
            self._numbers[station_id, text] = number

    def take(self, n_max: int) -> list[Frame]:
        """The oldest messages, up to `n_max`."""
        return [self._waiting.popleft() for _ in range(min(n_max, len(self._waiting)))]

    def write(self, conn: Connection, messages: Sequence[Frame]) -> None:
        """Write messages, and what was lost."""
        rows = [self._row(message) for message in messages]
        if not self._waiting:
            self._numbers.clear()
        with self._lock:
            lost, self._lost = self._lost, {}
        last_s = messages[-1].at_s if messages else 0.0
        rows += [
            (station_id, last_s, "lost", "", f"{n} messages were not kept: too many at once".encode(), None)
            for station_id, n in lost.items()
        ]
        raw.run_many(conn, _INSERT, rows)

    def _row(self, message: Frame) -> tuple[str, float, str, str, bytes, int | None]:
        text = message.text[:TEXT_MAX].encode()
        number = self._numbers.pop((message.station_id, text), None) if message.direction == "in" else None
        body = packed(text, SENT) if number is None else b""
        return (message.station_id, message.at_s, message.direction, message.action, body, number)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages: those that contain `text` in any case, of `action`, from `from_s` up to but without `until_s`."""

    text: str = ""
    action: str = ""
    from_s: float = float("-inf")
    until_s: float = float("inf")


def search(conn: Connection, station_id: str, wanted: Wanted = Wanted(), *, before: int = 0, n_max: int = 100) -> list[Frame]:
    """Messages of a station, newest first; go on with the frame_id of the last one as `before`."""
    conditions: list[ColumnElement[bool]] = [frame.c.station_id == station_id]
    if wanted.action:
        conditions.append(frame.c.action == wanted.action)
    if wanted.from_s > float("-inf"):
        conditions.append(frame.c.at_s >= wanted.from_s)
    if wanted.until_s < float("inf"):
        conditions.append(frame.c.at_s < wanted.until_s)
    if before:
        conditions.append(frame.c.frame_id < before)
    if not wanted.text:
        return _page(conn, conditions, n_max)
    text = wanted.text.lower()
    return list(islice((message for message in newest_first(conn, conditions) if text in message.text.lower()), n_max))


def newest_first(conn: Connection, conditions: Sequence[ColumnElement[bool]]) -> Iterator[Frame]:
    """Messages for which conditions over the table hold, read in pages."""
    before: list[ColumnElement[bool]] = []
    while found := _page(conn, [*conditions, *before], _PAGE):
        yield from found
        before = [frame.c.frame_id < found[-1].frame_id]


def _page(conn: Connection, conditions: Sequence[ColumnElement[bool]], n_max: int) -> list[Frame]:
    query = select(frame, log.c.raw).outerjoin(log, log.c.number == frame.c.number).where(*conditions)
    return [_read(row) for row in conn.execute(query.order_by(frame.c.frame_id.desc()).limit(n_max))]


def _read(row: Any) -> Frame:
    text = unpacked(row.raw or b"" if row.number is not None else row.body).decode("utf-8", "backslashreplace")
    return Frame(row.station_id, row.at_s, row.direction, text, row.action, row.frame_id)


def lines(conn: Connection, station_id: str, wanted: Wanted = Wanted(), *, n_max: int = 100_000) -> Iterator[bytes]:
    """Messages as lines of JSON, newest first, read in pages."""
    before, left = 0, n_max
    while left > 0 and (found := search(conn, station_id, wanted, before=before, n_max=min(left, 1000))):
        for message in found:
            yield msgspec.json.encode(message) + b"\n"
        before = found[-1].frame_id
        left -= len(found)
