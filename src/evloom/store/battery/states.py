"""What is remembered of each battery, kept as bytes beside the frames: up to which place in the journal they are in it.

A folder holds HH/NAME.state, a file for each pack; NAME is a digest of its id. A file is put in the place of the one before at once, so
that a crash leaves one or the other.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

from evloom.store.battery.parquet_journal import Position, sync_folder


@dataclass(frozen=True, slots=True)
class Kept:
    """A pack's memory: `parts` by name, after everything up to `position` in the journal."""

    pack_id: str
    position: Position
    parts: dict[str, bytes]


class _File(msgspec.Struct, array_like=True):
    pack_id: str
    segment: int
    offset: int
    parts: dict[str, bytes]


class StateFolder:
    """The memories of all packs. One process writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)

    def put(self, kept: Kept) -> None:
        """Keep a memory in the place of the one before; durable when this returns."""
        path = self._path(kept.pack_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as stream:
            stream.write(msgspec.msgpack.encode(_File(kept.pack_id, *kept.position, kept.parts)))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
        sync_folder(path.parent)

    def get(self, pack_id: str) -> Kept | None:
        """The memory of a pack; None where there is none, or none that can be read."""
        return _read(self._path(pack_id))

    def drop(self, pack_id: str) -> None:
        """Forget a pack."""
        self._path(pack_id).unlink(missing_ok=True)

    def all(self) -> Iterator[Kept]:
        """Every memory that can be read."""
        for path in sorted(self._folder.glob("*/*.state")):
            kept = _read(path)
            if kept is not None:
                yield kept

    def _path(self, pack_id: str) -> Path:
        name = blake2b(pack_id.encode(), digest_size=12).hexdigest()
        return self._folder / name[:2] / f"{name}.state"


def _read(path: Path) -> Kept | None:
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=_File)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return Kept(found.pack_id, Position(found.segment, found.offset), found.parts)
