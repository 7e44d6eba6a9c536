"""The store of battery frames: journal first, Parquet files of buckets and months behind it.

A folder holds store.json, lock, journal/*.log and frames/bucket=NN/YYYY-MM.parquet. One process writes; any number read meanwhile.
Frames are put by the day at which they were known, so that a pack is read in the order in which its frames arrived.
"""

import fcntl
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
import numpy as np

from evloom.kernel.errors import EvloomError
from evloom.store.battery import parquet_journal as journal
from evloom.store.battery.codec import decode
from evloom.store.battery.parquet import DAY_S, day_of, joined_days, merged, read_all, read_index, read_rows, to_row, write_file
from evloom.store.battery.parquet_journal import Position, Row
from evloom.vehicle.telemetry import Frames

N_BUCKET = 64
LAYOUT = 1
ROLL_BYTES = 1 << 26
"""Journal that has grown over this is brought into the Parquet files by the next `write`."""

ALL_TIME_S = (float("-inf"), float("inf"))
_EPOCH = date(1970, 1, 1)


class StoreError(EvloomError):
    """The folder cannot be used as a store of frames: another process writes it, or another program made it."""


class _About(msgspec.Struct):
    layout: int
    n_bucket: int


class FrameReader:
    """Reads a store, also while another process writes it."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError where there is no store of this layout."""
        self.folder = Path(folder)
        try:
            about = msgspec.json.decode((self.folder / "store.json").read_bytes(), type=_About)
        except (FileNotFoundError, msgspec.MsgspecError) as error:
            raise StoreError(f"{folder} is no store of battery frames: {error}") from error
        if about.layout != LAYOUT:
            raise StoreError(f"{folder} has layout {about.layout}: this program reads layout {LAYOUT}")
        self.n_bucket = about.n_bucket

    def bucket(self, pack_id: str) -> int:
        """The bucket of a pack."""
        return zlib.crc32(pack_id.encode()) % self.n_bucket

    def packs(self) -> list[str]:
        """All packs of which there are frames, sorted."""
        with ExitStack() as stack:
            opened = _opened(self.folder, stack)
            found = {row.pack_id for _, stream in opened for _, _, row in journal.read(stream)}
            for path in self.folder.glob("frames/bucket=*/*.parquet"):
                with path.open("rb") as file:
                    found.update(read_index(file).table["pack_id"].unique().to_list())
        return sorted(found)

    def read(
        self, pack_id: str, from_s: float = ALL_TIME_S[0], to_s: float = ALL_TIME_S[1], until: Position | None = None
    ) -> Iterator[Frames]:
        """Frames of a pack that were known in [from_s, to_s), in order of arrival, a day at a time.

        Everything that was acknowledged before the first is asked for is there; what is written later may be, unless it lies behind
        `until` in the journal.
        """
        bucket = self.bucket(pack_id)
        with ExitStack() as stack:  # the journal is opened before the files: what leaves it meanwhile is in both
            fresh: list[tuple[int, int, Row]] = []
            for number, stream in _opened(self.folder, stack):
                if until is not None and number > until.segment:
                    continue
                end = until.offset if until is not None and number == until.segment else None
                fresh += [(month, number, row) for _, month, row in journal.read(stream, bucket, end) if row.pack_id == pack_id]
        paths = {_month_of(path): path for path in (self.folder / "frames" / f"bucket={bucket:02d}").glob("*.parquet")}
        for month in sorted({*paths, *(month for month, _, _ in fresh)}):
            new = [(number, row) for its_month, number, row in fresh if its_month == month]
            for frames in self._month(paths.get(month), new, (pack_id, from_s, to_s)):
                known = (frames.known_at_s >= from_s) & (frames.known_at_s < to_s)
                if known.any():
                    yield frames if known.all() else frames.part(known)

    def _month(self, path: Path | None, new: list[tuple[int, Row]], wanted: tuple[str, float, float]) -> Iterator[Frames]:
        if path is None:
            yield from _in_order(iter(()), [row for _, row in new], wanted)
            return
        with path.open("rb") as file:
            index = read_index(file)
            late = [row for number, row in new if number > index.through]
            yield from _in_order(read_rows(index, *wanted), late, wanted)


def _in_order(stored: Iterator[Row], late: list[Row], wanted: tuple[str, float, float]) -> Iterator[Frames]:
    """Frames day by day: those of the file, then those of the journal."""
    by_day: dict[int, list[Row]] = {}
    for row in late:
        if row.last_s >= wanted[1] and row.first_s < wanted[2]:
            by_day.setdefault(day_of(row.first_s), []).append(row)
    for day, rows in groupby(stored, key=lambda row: day_of(row.first_s)):
        for earlier in sorted(key for key in by_day if key < day):
            yield from _frames(by_day.pop(earlier))
        yield from _frames([*rows, *by_day.pop(day, [])])
    for day in sorted(by_day):
        yield from _frames(by_day[day])


def _frames(rows: list[Row]) -> list[Frames]:
    return joined_days([decode(row.frames, row.cells) for row in rows])


def _opened(folder: Path, stack: ExitStack) -> list[tuple[int, IO[bytes]]]:
    """All segments, open: one that is deleted meanwhile can still be read. One that is gone is in the files already."""
    opened: list[tuple[int, IO[bytes]]] = []
    for segment in journal.segments(folder / "journal"):
        try:
            opened.append((journal.number(segment), stack.enter_context(segment.open("rb"))))
        except FileNotFoundError:
            continue
    return opened


def _month(day: int) -> int:
    """Months since 1970 of a day since 1970."""
    when = _EPOCH + timedelta(days=day)
    return (when.year - 1970) * 12 + when.month - 1


def _month_of(path: Path) -> int:
    year, month = path.stem.split("-")
    return (int(year) - 1970) * 12 + int(month) - 1


class FrameStore(FrameReader):
    """The one writer of a store; made where there is none. `with FrameStore(folder) as store: store.write([frames])`.

    end is the place in the journal up to which everything is durable; keep_from says from which segment on the journal must stay though
    it is in the files already, since somebody follows it (`parquet_journal.follow`).
    """

    end: Position

    def __init__(self, folder: Path, n_bucket: int = N_BUCKET, keep_from: Callable[[], int] | None = None) -> None:
        """Raises StoreError while another process (or object) writes the same store."""
        folder = Path(folder)
        self._keep_from = keep_from
        self._still = threading.Lock()
        (folder / "journal").mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StoreError(f"{folder} is being written by another process") from error
        try:
            if not (folder / "store.json").exists():
                fresh = folder / "store.json.new"
                fresh.write_bytes(msgspec.json.encode(_About(LAYOUT, n_bucket)))
                fresh.replace(folder / "store.json")
            super().__init__(folder)
            self._turn = threading.Lock()
            self._begin()
        except BaseException:
            self._lock.close()
            raise

    def _begin(self) -> None:
        there = journal.segments(self.folder / "journal")
        self._segment = journal.begin(self.folder / "journal", journal.number(there[-1]) if there else 0)
        self._stream = self._segment.open("ab")
        self.end = Position(journal.number(self._segment), 0)

    def write(self, parts: list[Frames]) -> None:
        """Keep frames; they are durable when this returns. Thread-safe."""
        records = [record for frames in parts for record in self._records(frames)]
        with self._turn:
            try:
                journal.append(self._stream, records)
            except OSError:  # what of it was written is not known: go on in a segment of its own
                self._stream.close()
                self._begin()
                raise
            self.end = Position(self.end.segment, self._stream.tell())
            if self.end.offset > ROLL_BYTES and self._still.acquire(blocking=False):
                try:
                    self._compact()
                finally:
                    self._still.release()

    def _records(self, frames: Frames) -> Iterator[tuple[int, int, Row]]:
        if not frames.n:
            return
        bucket, days = self.bucket(frames.pack.pack_id), np.floor_divide(frames.known_at_s, DAY_S).astype(np.int64)
        for day in np.unique(days).tolist():
            yield bucket, _month(day), to_row(frames if (days == day).all() else frames.part(days == day))

    def compact(self) -> None:
        """Bring the journal into the Parquet files. Thread-safe; readers see every frame once before, meanwhile and after."""
        with self._still, self._turn:
            self._compact()

    @contextmanager
    def still(self) -> Iterator[None]:
        """The journal stays as it is, but for what is appended: what is read up to a place in it is then all that there was."""
        with self._still:
            yield

    def _compact(self) -> None:
        done = journal.segments(self.folder / "journal")
        self._stream.close()
        self._begin()
        places: dict[tuple[int, int], list[tuple[int, Row]]] = {}
        for segment in done:
            with segment.open("rb") as stream:
                for bucket, month, row in journal.read(stream):
                    places.setdefault((bucket, month), []).append((journal.number(segment), row))
        for (bucket, month), fresh in sorted(places.items()):
            path = self.folder / "frames" / f"bucket={bucket:02d}" / f"{1970 + month // 12}-{month % 12 + 1:02d}.parquet"
            rows, through = read_all(path)
            new = [row for number, row in fresh if number > through]
            if new:
                write_file(path, merged(rows + new), journal.number(done[-1]))
        keep_from = journal.number(done[-1]) + 1 if self._keep_from is None else self._keep_from()
        for segment in done:
            if journal.number(segment) < keep_from:
                segment.unlink()

    def close(self) -> None:
        """Let another process write. The journal stays as it is."""
        self._stream.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
