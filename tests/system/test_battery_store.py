"""The store of frames when its writer is killed, and while it is read by another process."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evloom.store.battery.parquet_store import FrameReader, FrameStore
from evloom.vehicle.telemetry import joined
from tests.system.battery_writer import PACKS, frames

ROOT = Path(__file__).parents[2]


class Writer:
    """The writing process, and how many frames of each pack it has acknowledged."""

    def __init__(self, folder: Path, start: int) -> None:
        command = [sys.executable, "-m", "tests.system.battery_writer", str(folder), str(start)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.acknowledged = start
        self.heard = threading.Event()
        self._ear = threading.Thread(target=self._listen)
        self._ear.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.acknowledged = int(line)
                self.heard.set()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._ear.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def writers() -> Iterator[list[Writer]]:
    """Writers that a test starts, killed at its end."""
    started: list[Writer] = []
    yield started
    for writer in started:
        if writer.process.poll() is None:
            writer.kill()


def assert_whole(folder: Path, at_least: int) -> int:
    """Every pack has frames 0..n in their order, each once, n at least `at_least`; the n of the first."""
    n_of = []
    for pack_id in PACKS:
        got = joined(list(FrameReader(folder).read(pack_id)))
        want = frames(pack_id, 0, got.n)
        assert got.n >= at_least
        for name in ("at_s", "cell_v", "odometer_km", "current_a"):
            assert np.array_equal(getattr(got, name), getattr(want, name)), (pack_id, name)
        n_of.append(got.n)
    return n_of[0]


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, writers: list[Writer]) -> None:
    rng = np.random.default_rng(11)
    n = 0
    for _ in range(4):
        writer = Writer(tmp_path, n)
        writers.append(writer)
        assert writer.heard.wait(60.0)
        time.sleep(float(rng.uniform(0.05, 0.5)))
        writer.kill()
        assert writer.acknowledged > n
        # a write of several packs is durable pack by pack: what was not acknowledged may be there in part, and is written again
        counts = {pack_id: sum(part.n for part in FrameReader(tmp_path).read(pack_id)) for pack_id in PACKS}
        n = min(counts.values())
        assert n >= writer.acknowledged
        with FrameStore(tmp_path) as store:
            for pack_id, count in counts.items():
                store.write([frames(pack_id, count, max(counts.values()) - count)])
        n = assert_whole(tmp_path, n)
    with FrameStore(tmp_path) as store:
        store.compact()
    assert_whole(tmp_path, n)


def test_reading_while_it_is_written(tmp_path: Path, writers: list[Writer]) -> None:
    writer = Writer(tmp_path, 0)
    writers.append(writer)
    assert writer.heard.wait(60.0)
    until = time.monotonic() + 2.0
    n_read = 0
    while time.monotonic() < until:
        assert_whole(tmp_path, writer.acknowledged)
        n_read += 1
    assert n_read > 0
    assert len(list(tmp_path.glob("frames/*/*.parquet"))) > 0
