"""What is remembered of each battery, kept as bytes beside the frames: up to which place in the journal they are in it.

A folder holds HH/NAME.state, a file for each pack; NAME is a digest of its id. A file is put in the place of the one before at once, so
that a crash leaves one or the other. It begins with the length of its head (uint32, little-endian); head and parts are MessagePack.
"""

import os
import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

from evloom.store.battery.parquet_journal import Position, sync_folder

_SIZE = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Kept:
    """A pack's memory: `parts` by name, after everything up to `position` in the journal."""

    pack_id: str
    position: Position
    parts: dict[str, bytes]


class _Head(msgspec.Struct, array_like=True):
    pack_id: str
    segment: int
    offset: int


class StateFolder:
    """The memories of all packs. One process writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)

    def put(self, kept: Kept) -> None:
        """Keep a memory in the place of the one before; durable when this returns."""
        path = self._path(kept.pack_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        head = msgspec.msgpack.encode(_Head(kept.pack_id, *kept.position))
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as stream:
            stream.write(_SIZE.pack(len(head)) + head + msgspec.msgpack.encode(kept.parts))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
        sync_folder(path.parent)

    def get(self, pack_id: str) -> Kept | None:
        """The memory of a pack; None where there is none, or none that can be read."""
        try:
            content = self._path(pack_id).read_bytes()
            head, size = _head(content)
            return Kept(head.pack_id, Position(head.segment, head.offset), msgspec.msgpack.decode(content[size:], type=dict[str, bytes]))
        except (FileNotFoundError, ValueError, struct.error):
            return None

    def drop(self, pack_id: str) -> None:
        """Forget a pack."""
        self._path(pack_id).unlink(missing_ok=True)

    def positions(self) -> dict[str, Position]:
        """Every pack that is remembered, with the place up to which it is."""
        found = {}
        for path in sorted(self._folder.glob("*/*.state")):
            try:
                with path.open("rb") as stream:
                    head, _ = _head(stream.read(4096))
            except (FileNotFoundError, ValueError, struct.error):
                continue
            found[head.pack_id] = Position(head.segment, head.offset)
        return found

    def _path(self, pack_id: str) -> Path:
        name = blake2b(pack_id.encode(), digest_size=12).hexdigest()
        return self._folder / name[:2] / f"{name}.state"


def _head(content: bytes) -> tuple[_Head, int]:
    """The head of a file and where its parts begin. Raises ValueError (msgspec's errors are ones) or struct.error."""
    size = _SIZE.size + _SIZE.unpack_from(content)[0]
    return msgspec.msgpack.decode(content[_SIZE.size : size], type=_Head), size
