"""What the store of battery frames costs: bytes a cell sample and CPU milliseconds a vehicle-day, against plain float64 Parquet.

python -m tools.bench.diagnose_store [days]

The two recorded cars (where the data is), and a made vehicle of 96 cells and 24 probes at 10 s with noise of 1 mV on every cell.
Milliseconds are of CPU, all threads of the process, for 8,640 frames.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from evloom.diagnose.quality import flag
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.battery.read import read_frames
from evloom.vehicle.telemetry import Frames, Pack, joined, unflagged
from tools.fault import ROOT

DAY_FRAMES = 8640
REPEATS = 5


@dataclass(frozen=True)
class Cost:
    """One vehicle: bytes a cell sample plain and in the store, CPU milliseconds a vehicle-day of each way."""

    name: str
    n: int
    n_cell: int
    plain_bytes: float
    store_bytes: float
    plain_read: float
    store_read: float
    store_write: float
    flagging: float


def made(n_day: int) -> Frames:
    """A vehicle that drives, charges and rests at 10 s."""
    rng = np.random.default_rng(5)
    n, n_cell = n_day * DAY_FRAMES, 96
    hour = np.arange(n) / 360.0 % 24.0
    driving = ((hour > 7.0) & (hour < 9.0)) | ((hour > 17.0) & (hour < 19.0))
    current_a = np.rint(10 * np.where(driving, rng.normal(-25.0, 30.0, n), np.where(hour < 5.0, 15.0, 0.0))) / 10
    mean_v = 3.75 + 0.15 * np.sin(2 * np.pi * hour / 24.0) + 0.001 * current_a
    own_v = rng.normal(0.0, 0.005, n_cell)
    cell_v = (np.rint(1000 * (mean_v[:, None] + own_v + rng.normal(0.0, 0.001, (n, n_cell)))) / 1000).astype(np.float32)
    probe_c = np.rint(20.0 + 5.0 * np.sin(2 * np.pi * hour / 24.0)[:, None] + rng.normal(0.0, 0.3, (n, 24))).astype(np.float32)
    return unflagged(
        Pack("made", "made", n_cell, 24),
        at_s=1.7e9 // 86400 * 86400 + 10.0 * np.arange(n),
        current_a=current_a,
        pack_v=np.rint(10 * cell_v.sum(axis=1, dtype=np.float64)) / 10,
        soc=np.rint(100 * (0.6 + 0.3 * np.sin(2 * np.pi * hour / 24.0))) / 100,
        speed_km_per_h=np.where(driving, np.rint(10 * rng.uniform(0.0, 80.0, n)) / 10, 0.0),
        odometer_km=np.rint(10 * np.cumsum(driving * 0.1)) / 10,
        cell_v=cell_v,
        probe_c=probe_c,
    )


def vehicles(n_day: int) -> Iterator[Frames]:
    """The recorded cars, where they are, and the made one."""
    data = Path(os.environ.get("EVLOOM_DATA", ROOT.parent / "shared" / "data")) / "battery_field_frames"
    for path in sorted(data.glob("*.zip")):
        yield joined(list(read_frames(path)))
    yield made(n_day)


def wide(frames: Frames) -> pl.DataFrame:
    """The plain table: a float64 column for each signal, cell and probe."""
    names = ("at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "charging", "insulation_ohm", "bms_level")
    columns = {name: getattr(frames, name).astype(np.float64) for name in names}
    columns |= {f"V_{k + 1}": np.rint(frames.cell_v[:, k] * 1e4) / 1e4 for k in range(frames.pack.n_cell)}
    columns |= {f"T_{k + 1}": frames.probe_c[:, k].astype(np.float64) for k in range(frames.pack.n_probe)}
    return pl.DataFrame({name: values.astype(np.float64) for name, values in columns.items()})


def least(work: Callable[[], object], n: int) -> float:
    """Least CPU milliseconds of some tries, for a vehicle-day of frames where the work is `n` frames."""
    tries = []
    for _ in range(REPEATS):
        begun_s = time.process_time()
        work()
        tries.append(time.process_time() - begun_s)
    return min(tries) * 1e3 * DAY_FRAMES / n


def measured(frames: Frames) -> Cost:
    """All costs of one vehicle."""
    flagged = flag(frames)[0]
    n, n_sample = frames.n, frames.cell_v.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wide(frames).write_parquet(folder / "plain.parquet", compression="zstd")
        begun_s = time.process_time()
        with FrameStore(folder / "store") as store:
            store.write([flagged])
            store.compact()
            write = (time.process_time() - begun_s) * 1e3 * DAY_FRAMES / n
            read = least(lambda: [part.n for part in store.read(frames.pack.pack_id)], n)
        size = sum(path.stat().st_size for path in (folder / "store").rglob("*.parquet"))
        plain_read = least(lambda: pl.read_parquet(folder / "plain.parquet").to_numpy(), n)
        plain = (folder / "plain.parquet").stat().st_size
    flagging = least(lambda: flag(frames), n)
    return Cost(frames.pack.pack_id, n, frames.pack.n_cell, plain / n_sample, size / n_sample, plain_read, read, write, flagging)


def main(n_day: int) -> None:
    """Print a table."""
    sys.stdout.write(
        "| vehicle | frames | cells | plain B/sample | store B/sample | plain read ms | store read ms | write ms | flags ms |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|\n")
    for frames in vehicles(n_day):
        cost = measured(frames)
        sizes = f"{cost.plain_bytes:.3f} | {cost.store_bytes:.3f}"
        times = f"{cost.plain_read:.1f} | {cost.store_read:.1f} | {cost.store_write:.0f} | {cost.flagging:.1f}"
        sys.stdout.write(f"| {cost.name} | {cost.n:,} | {cost.n_cell} | {sizes} | {times} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
