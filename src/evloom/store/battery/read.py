"""Files of battery frames to `Frames`, in chunks of bounded size, with an account of every row.

reading = read_frames(path)
for frames in reading:
    ...
reading.account.findings
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from evloom.store.battery.account import Account, Note
from evloom.store.battery.days import named_days
from evloom.store.battery.habits import Habits, learn
from evloom.store.battery.instants import to_epoch_s
from evloom.store.battery.layout import Layout, detect
from evloom.store.battery.merge import merged
from evloom.store.battery.normal import identities, normal, timed
from evloom.store.battery.pieces import Piece, list_pieces, read_blocks, read_header
from evloom.store.battery.segment import Segmenter
from evloom.vehicle.telemetry import Frames

CHUNK = 32768
"""Rows at a time: 260 MiB for 120 columns of csv, 330 MiB of Parquet."""
NAMED_FILES = 6
FIRST_ROWS = 64
MANY_FILES, SMALL_BYTES = 64, 1 << 28
TWICE = Note("frames.pack-in-several-files", "warning", "pack_id", "a pack's frames in one file", "merged in order of time")


@dataclass(frozen=True, slots=True)
class Source:
    """Files that must be read together, because packs are in several of them.

    only     the packs that are read, None: all
    without  packs that are read by another source
    """

    pieces: tuple[Piece, ...]
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, by which work can be shared out."""
        return sum(piece.path.stat().st_size for piece in self.pieces)


@dataclass
class Reading:
    """An iterator over frames; `account` is complete when it is at its end."""

    frames: Iterator[Frames]
    account: Account = field(default_factory=Account)

    def __iter__(self) -> Iterator[Frames]:
        return self.frames


def read_frames(path: Path, chunk: int = CHUNK) -> Reading:
    """Frames of a csv, csv.gz, zip, parquet or folder of these: at most `chunk` rows of one pack at a time, rows in their order.

    A pack that is in several files comes in order of time; packs of one file may come in turns.
    """
    account = Account()
    return Reading(_all(Path(path), chunk, account), account)


def _all(path: Path, chunk: int, account: Account) -> Iterator[Frames]:
    for source in list_sources(path, account):
        yield from read_source(source, chunk, account).frames


def list_sources(path: Path, account: Account) -> list[Source]:
    """What can be read independently of each other, e.g. by several processes; each pack is in one source alone."""
    homes: dict[str, list[Piece]] = {}
    pieces = named_days(list_pieces(Path(path), account), Path(path).name, _first_s)
    alone = len(pieces) == 1
    for piece in pieces:
        for pack_id in {piece.stem} if alone else _packs(piece):
            homes.setdefault(pack_id, []).append(piece)
    shared = {pack_id: tuple(where) for pack_id, where in homes.items() if len(where) > 1}
    for pack_id, where in shared.items():
        more = f" and {len(where) - NAMED_FILES} more" if len(where) > NAMED_FILES else ""
        account.whole(TWICE, ", ".join(piece.name for piece in where[:NAMED_FILES]) + more, pack_id)
    sources = [Source((piece,), None, frozenset(shared)) for piece in pieces if _has_own(piece, homes, shared)]
    return sources + [Source(where, frozenset({pack_id})) for pack_id, where in shared.items()]


def _has_own(piece: Piece, homes: dict[str, list[Piece]], shared: dict[str, tuple[Piece, ...]]) -> bool:
    return not any(piece in where for where in shared.values()) or any(piece in homes[pack_id] for pack_id in homes.keys() - shared.keys())


def _first_s(piece: Piece) -> float | None:
    """When a piece begins, None where columns of it say whose frames they are, or it cannot be read."""
    unsaid = Account()
    header = read_header(piece, unsaid)
    layout = detect(header, piece.name, unsaid) if header else None
    if layout is None or {"vehicle_id", "pack_id"} & layout.columns.keys():
        return None
    for table in read_blocks(piece, {layout.columns["at"]: "at"}, FIRST_ROWS, unsaid):
        known = to_epoch_s(table["at"], piece.name, unsaid).drop_nulls()
        return float(known[0]) if len(known) else None
    return None


def _packs(piece: Piece) -> set[str]:
    """The packs in a piece; what is wrong with it is said when it is read."""
    unsaid = Account()
    header = read_header(piece, unsaid) or []
    layout = detect(header, piece.name, unsaid) if header else None
    names: dict[str, str] = (
        {layout.columns[name]: name for name in ("vehicle_id", "pack_id") if name in layout.columns} if layout is not None else {}
    )
    if not names:
        return {piece.stem}
    found = [identities(table, piece.stem) for table in read_blocks(piece, names, CHUNK * 16, unsaid)]
    return set().union(*found) or {piece.stem}


def read_source(source: Source, chunk: int = CHUNK, account: Account | None = None) -> Reading:
    """The frames of one source."""
    account = Account() if account is None else account
    return Reading(_source(source, chunk, account), account)


def _source(source: Source, chunk: int, account: Account) -> Iterator[Frames]:
    streams = [_tables(piece, source, chunk, account) for piece in source.pieces]
    if len(streams) > MANY_FILES and source.size_bytes < SMALL_BYTES:
        streams = [iter(list(stream)) for stream in streams]  # no more files are open at a time than a system allows
    tables = merged(streams) if len(streams) > 1 else streams[0]
    name = source.pieces[0].name
    segmenters: dict[str, Segmenter] = {}
    for table in tables:
        for part in [table] if table["pack_id"].n_unique() == 1 else table.partition_by("pack_id", maintain_order=True):
            pack_id = part["pack_id"][0]
            yield from _cut(segmenters.setdefault(pack_id, Segmenter(pack_id, name, account)).feed(part), chunk, account)
    for segmenter in segmenters.values():
        yield from _cut(segmenter.feed(pl.DataFrame(), last=True), chunk, account)


def _cut(parts: Iterator[Frames], chunk: int, account: Account) -> Iterator[Frames]:
    for frames in parts:
        account.n_accepted += frames.n
        for at in range(0, frames.n, chunk):
            yield frames if frames.n <= chunk else frames.part(slice(at, at + chunk))


def _tables(piece: Piece, source: Source, chunk: int, account: Account) -> Iterator[pl.DataFrame]:
    """The normal tables of one piece; what its source does in its own way is decided by its first table that has rows."""
    header = read_header(piece, account)
    layout: Layout | None = detect(header, piece.name, account) if header else None
    if layout is None:
        return
    habits: Habits | None = None
    for raw in read_blocks(piece, layout.used(), chunk, account):
        table = timed(raw, layout, piece.name, account, piece.charge)
        if not len(table):
            continue
        habits = habits or learn(table, layout, piece.name, account)
        whole = normal(table, layout, habits, piece, account)
        wanted = whole if source.only is None else whole.filter(pl.col("pack_id").is_in(list(source.only)))
        wanted = wanted.filter(pl.col("pack_id").is_in(list(source.without)).not_()) if source.without else wanted
        if len(wanted):
            yield wanted
