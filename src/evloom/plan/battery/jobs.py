"""What there is to examine, cut into jobs that do not need each other: files, packs of a store, vehicles that are made up."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.battery.demo import INTERVAL_S, ROW_BYTES, DemoCar, demo_frames
from evloom.store.battery.account import Account, Note
from evloom.store.battery.parquet_store import FrameReader, StoreError
from evloom.store.battery.read import Source, list_sources, read_source
from evloom.vehicle.telemetry import Frames

CHUNK = 16384
"""Frames at a time: two days at 10 s, 6 MB of 96 cells; fewer are read at more cost, more do not fit into the caches."""


ENDINGS = (".csv", ".csv.gz", ".parquet", ".zip")
NOTHING = Note("file.empty", "refused", None, "at least one frame", "wait until vehicles have sent some")


@dataclass(frozen=True)
class StorePacks:
    """Some packs of one bucket of a Parquet store."""

    folder: Path
    pack_ids: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """One piece of work: no pack is in two of them. `size` weighs jobs against each other, in bytes."""

    number: int
    size: int
    what: Source | StorePacks | DemoCar

    @property
    def name(self) -> str:
        """What it is, for people."""
        if isinstance(self.what, Source):
            return ", ".join(piece.name for piece in self.what.pieces)
        return self.what.vehicle_id if isinstance(self.what, DemoCar) else ", ".join(self.what.pack_ids)


def list_jobs(path: Path, account: Account) -> list[Job]:
    """The jobs of a path, those of most work first; what cannot be read at all is told in the account."""
    if path.is_dir() and (path / "store.json").is_file():
        found: list[tuple[int, Source | StorePacks]] = list(_of_store(path, account))
    else:
        found = [(source.size_bytes, source) for source in list_sources(path, account)]
    ordered = sorted(found, key=lambda one: -one[0])
    return [Job(number, size, what) for number, (size, what) in enumerate(ordered)]


def passed_over(path: Path) -> list[str]:
    """Files of a folder that are of no kind that is read, hidden ones apart."""
    if not path.is_dir() or (path / "store.json").is_file():
        return []
    names = (each.relative_to(path) for each in path.rglob("*") if each.is_file())
    return sorted(
        name.as_posix() for name in names if not name.name.lower().endswith(ENDINGS) and not any(part[0] == "." for part in name.parts)
    )


def demo_jobs(n: int, seed: int, days: int) -> list[Job]:
    """The jobs of a fleet that is made up."""
    return [Job(k, int(days * 86400 / INTERVAL_S / 8) * ROW_BYTES, DemoCar(seed, k, days)) for k in range(n)]


def _of_store(folder: Path, account: Account) -> Iterator[tuple[int, Source | StorePacks]]:
    try:
        reader = FrameReader(folder)
        pack_ids = reader.packs()
    except (StoreError, ValueError) as error:
        advice = "name the folder of a store that this version wrote, or files of frames"
        raise InputError([Finding("battery.store", "refused", str(folder), None, None, str(error), "a store of frames", advice)]) from None
    for bucket, members in itertools.groupby(sorted(pack_ids, key=lambda one: (reader.bucket(one), one)), key=reader.bucket):
        files = (folder / "frames" / f"bucket={bucket:02d}").glob("*.parquet")
        yield sum(each.stat().st_size for each in files), StorePacks(folder, tuple(members))
    if not pack_ids:
        account.whole(NOTHING, str(folder), "a store without frames")


def frames_of(job: Job, account: Account, only: frozenset[str] | None = None) -> Iterator[Frames]:
    """The frames of a job, pack by pack or in turns, each pack's in their order. only: of these packs."""
    what = job.what
    if isinstance(what, DemoCar):
        yield from demo_frames(what, account)
    elif isinstance(what, StorePacks):
        reader = FrameReader(what.folder)
        for pack_id in what.pack_ids:
            if only is None or pack_id in only:
                for frames in reader.read(pack_id):
                    account.n_accepted += frames.n
                    yield frames
    else:
        yield from read_source(what if only is None else _narrowed(what, only), CHUNK, account).frames


def _narrowed(source: Source, only: frozenset[str]) -> Source:
    """The source with these packs alone; a segment of another number of cells (`PACK~90c20p`) is found under its pack."""
    packs = only | {pack_id.rpartition("~")[0] for pack_id in only if "~" in pack_id}
    return replace(source, only=packs if source.only is None else source.only & packs)
