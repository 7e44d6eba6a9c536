"""What was written and is not in a Parquet file yet: records in numbered segments, each durable before it is acknowledged.

A record is 16 bytes (length, CRC-32 of what follows it, bucket, month; little-endian uint32 each) and a MessagePack of `Row`.
A segment is written by one process and ends at the first record that is not whole: what comes after was never acknowledged.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

HEAD = struct.Struct("<IIII")


class Position(NamedTuple):
    """A place in the journal: everything before it is meant. Positions compare as what was written earlier and later."""

    segment: int
    offset: int


BEGINNING = Position(0, 0)


class Row(msgspec.Struct, array_like=True, frozen=True):
    """Frames of one pack and day: their first and last instant of arrival, and the two blocks of `codec`."""

    pack_id: str
    first_s: float
    last_s: float
    frames: bytes
    cells: bytes


def segments(folder: Path) -> list[Path]:
    """The segments in the order in which they were begun."""
    return sorted(folder.glob("[0-9]*.log"), key=number)


def number(segment: Path) -> int:
    """The number of a segment."""
    return int(segment.stem)


def begin(folder: Path, after: int) -> Path:
    """A new, empty segment; its name is durable."""
    path = folder / f"{after + 1:010d}.log"
    with path.open("xb") as stream:
        os.fsync(stream.fileno())
    sync_folder(folder)
    return path


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(stream: IO[bytes], records: list[tuple[int, int, Row]]) -> None:
    """Append (bucket, month, row) and return when they are durable. After an error the segment must not be used any more."""
    for bucket, month, row in records:
        body = HEAD.pack(0, 0, bucket, month)[8:] + msgspec.msgpack.encode(row)
        stream.write(struct.pack("<II", len(body), zlib.crc32(body)) + body)
    stream.flush()
    os.fsync(stream.fileno())


def read(stream: IO[bytes], bucket: int | None = None, until: int | None = None) -> Iterator[tuple[int, int, Row]]:
    """(bucket, month, row) of the whole records, those before the offset `until` where it is given; of one bucket, where it is named,
    without reading the others."""
    for _, its_bucket, month, row in _records(stream, bucket, 0, until):
        yield its_bucket, month, row


def follow(folder: Path, after: Position, until: Position) -> Iterator[tuple[Position, Row]]:
    """Rows that were written from `after` up to `until`, in the order in which they were written, each with the place behind it."""
    for segment in segments(folder):
        its_number = number(segment)
        if its_number < after.segment or its_number > until.segment:
            continue
        try:
            stream = segment.open("rb")
        except FileNotFoundError:  # it was brought into the files meanwhile
            continue
        with stream:
            begin = after.offset if its_number == after.segment else 0
            end = until.offset if its_number == until.segment else None
            for at, _, _, row in _records(stream, None, begin, end):
                yield Position(its_number, at), row


def _records(stream: IO[bytes], bucket: int | None, begin: int, until: int | None) -> Iterator[tuple[int, int, int, Row]]:
    """(offset behind it, bucket, month, row) of the whole records from the offset `begin` on."""
    size = stream.seek(0, os.SEEK_END)
    end = size if until is None else min(size, until)
    at = begin
    while at + HEAD.size <= end:
        stream.seek(at)
        length, check, its_bucket, month = HEAD.unpack(stream.read(HEAD.size))
        at += 8 + length
        if length < 8 or at > end:
            return
        if bucket is not None and its_bucket != bucket:
            continue
        body = stream.read(length - 8)
        if zlib.crc32(body, zlib.crc32(HEAD.pack(0, 0, its_bucket, month)[8:])) != check:
            return
        yield at, its_bucket, month, msgspec.msgpack.decode(body, type=Row)
