"""A full disk: nothing new is kept and everybody is told, what is kept can be read, and it goes on when there is room."""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from evloom.pile.station import StationBooted
from evloom.store import log
from evloom.store.database import Database, opened
from evloom.store.errors import StoreFull
from evloom.store.frames import Frame
from evloom.store.tables.projections import session
from tests.unit.store.words import charging, entry

BOOT = StationBooted("Volt", "X1")

NOISE = random.Random(1).randbytes(60_000)
"""What does not shrink when it is packed."""


def page_limit(n_page: int):
    return lambda conn: conn.exec_driver_sql(f"PRAGMA max_page_count={n_page}").scalar_one()


def fill(database: Database) -> int:
    """Append until it is full; how many were kept."""
    for number in range(2000):
        try:
            database.append_now([entry("S1", BOOT, raw=NOISE[:20_000])])
        except StoreFull as error:
            assert "no room" in str(error)  # noqa: PT017  the loop ends at the first error
            return number
    pytest.fail("it never got full")


def test_sqlite_without_room(tmp_path):
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    database.append_now(charging("S1", "T1", 3)[:3])
    database.caught_up_now()
    database.write_now(page_limit(200))
    kept = fill(database)
    assert kept > 5
    database.note_frame(Frame("S1", 1.0, "in", NOISE[:30_000].hex()))

    async def many():
        works = [database.append([entry(f"S{number}", BOOT, raw=NOISE[:20_000])]) for number in range(30)]
        return await asyncio.gather(*works, return_exceptions=True)

    assert all(isinstance(outcome, StoreFull) for outcome in asyncio.run(many()))
    assert database.is_full
    assert len(database.read_now(log.read)) == 3 + kept
    assert database.read_now(lambda conn: conn.execute(select(session.c.session_id)).scalars().all()) == ["S1:T1"]
    database.write_now(page_limit(1_000_000))
    done = database.append_now(charging("S1", "T1", 3)[3:])
    assert done[0].number == 3 + kept + 1
    assert not database.is_full
    database.caught_up_now()
    assert database.read_now(lambda conn: conn.execute(select(session.c.ended_at_s)).scalar_one()) is not None
    assert database.lag().n == 0
    database.close_now()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine does not let the test mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_without_room(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    database = opened(f"sqlite:///{small_disk / 'a.db'}")
    kept = fill(database)
    assert kept > 5
    assert len(database.read_now(log.read)) == kept
    with pytest.raises(StoreFull):
        database.append_now([entry("S1", BOOT, raw=b"x" * 100_000)])
    ballast.unlink()
    database.append_now([entry("S1", BOOT, raw=NOISE[:20_000])])
    assert len(database.read_now(log.read)) == kept + 1
    database.close_now()
    again = opened(f"sqlite:///{small_disk / 'a.db'}")
    assert len(again.read_now(log.read)) == kept + 1
    again.close_now()
