"""What `evloom diagnose` costs: vehicle-days for a second of CPU, peak memory, and frames a second of a stream.

python -m tools.bench.diagnose_command [vehicles] [days]

Two fleets of 96 cells and 24 probes with a frame every 10 s: one whose boxes never sleep (8,640 frames a day; the worst case), and one of
the pack twin, awake while it drives, charges and for a moment every hour. Each is looked at from plain Parquet as others write it (float64,
snappy, row groups of 2**20), from plain Parquet in float32, from the store, and as a stream. CPU is of all threads and of all processes
that the command starts, its own start included; the baseline is `polars.read_parquet` of every column of the same float64 files by a
process of its own, its start included too. Start: the same command over one frame.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from evloom.plan.battery.demo import to_table
from evloom.simulate.pack.fleet import vehicle
from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames
from tools.bench.diagnose_store import made

EVLOOM = Path(sys.executable).parent / "evloom"
BASELINE = "import sys, polars\nfor name in sys.argv[1:]: polars.read_parquet(name)"
DAY_S = 86400.0
REPEATS = 2
"""Runs of each; the one of least CPU counts, since other work on the machine only adds."""


@dataclass(frozen=True)
class Cost:
    """One run: vehicle-days, frames, CPU and wall seconds, peak memory of all its processes, CPU of the baseline."""

    name: str
    days: int
    frames: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    baseline_s: float = float("nan")


def awake(n: int, days: int) -> Iterator[Frames]:
    """Vehicles whose boxes never sleep."""
    frames = made(days)
    for k in range(n):
        yield replace(frames, pack=replace(frames.pack, vehicle_id=f"car-{k}", pack_id=f"car-{k}", capacity_ah=150.0, chemistry="NMC"))


def twins(n: int, days: int) -> Iterator[Frames]:
    """Vehicles of the pack twin."""
    for k in range(n):
        yield vehicle(77, k, {"none": 1.0}, days, {"NMC": 1.0}, 10.0)[0]


def as_others(table: pl.DataFrame) -> pl.DataFrame:
    """The table as somebody else would write it: an instant with its zone, float64 readings in millivolts' steps."""
    at = pl.from_epoch((pl.col("at_s") * 1e6).round().cast(pl.Int64), time_unit="us").dt.replace_time_zone("UTC").alias("at")
    readings = [(pl.col(name).cast(pl.Float64) * 1000.0).round() / 1000.0 for name in table.columns if name[:2] in ("V_", "T_")]
    return table.select(at, pl.exclude("at_s", "known_at_s", "^[VT]_.*$"), *readings)


def least(name: str, size: tuple[int, int], order: Sequence[object], source: Path | None = None) -> Cost:
    """The run of least CPU of some; size = (vehicle-days, frames)."""
    return min((run(name, size, order, source) for _ in range(REPEATS)), key=lambda cost: cost.cpu_s)


def run(name: str, size: tuple[int, int], order: Sequence[object], source: Path | None = None) -> Cost:
    """Run a command and count what it and the processes that it started cost."""
    begun_s = time.monotonic()
    with source.open("rb") if source is not None else Path(os.devnull).open("rb") as stream:
        running = subprocess.Popen([str(part) for part in order], stdin=stream, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)  # the usage of a process has that of those it waited for in it
        if pid:
            break
        peak = max(peak, sum(peak_bytes(each) for each in family(running.pid)))
        time.sleep(0.05)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode != 0:
        raise SystemExit(f"{order[0]} ended with {running.returncode}")
    return Cost(name, *size, usage.ru_utime + usage.ru_stime, time.monotonic() - begun_s, peak)


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in family(int(child)))]


def peak_bytes(pid: int) -> int:
    """Most memory that a process has held so far; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


def written(fleet: Iterator[Frames], folder: Path) -> tuple[int, int]:
    """Write a fleet in every way; its vehicle-days and frames."""
    for name in ("float64", "float32"):
        (folder / name).mkdir(parents=True)
    days = frames = 0
    with FrameStore(folder / "store", n_bucket=4) as store, (folder / "all.csv").open("wb") as stream:
        for each in fleet:
            days += len(np.unique(each.at_s // DAY_S))
            frames += each.n
            table, name = to_table(each), f"{each.pack.vehicle_id}.parquet"
            table.write_parquet(folder / "float32" / name, compression="zstd", row_group_size=50_000)
            as_others(table).write_parquet(folder / "float64" / name, compression="snappy", row_group_size=1 << 20)
            store.write([each])
            head = table.head(100_000).with_columns(pl.col(pl.Float32).round(3))
            head.write_csv(stream, include_header=stream.tell() == 0)
        store.compact()
    return days, frames


def measured(name: str, fleet: Iterator[Frames], folder: Path) -> list[Cost]:
    """A fleet from plain Parquet, from the store, by two processes, and as a stream."""
    size = written(fleet, folder)
    files = sorted((folder / "float64").iterdir())
    baseline_s = least("", size, [sys.executable, "-c", BASELINE, *files]).cpu_s
    costs = []
    for how, place, n_worker in (
        ("float64", "float64", 1),
        ("float32", "float32", 1),
        ("store", "store", 1),
        ("float64, 2 workers", "float64", 2),
    ):
        title = f"{name}, {how if place == 'store' else 'Parquet ' + how}"
        cost = least(title, size, [EVLOOM, "diagnose", folder / place, "--workers", n_worker])
        costs.append(replace(cost, baseline_s=baseline_s))
    n_line = sum(1 for _ in (folder / "all.csv").open("rb")) - 1
    return [*costs, least(f"{name}, stream of csv", (0, n_line), [EVLOOM, "diagnose", "-", "--stream"], folder / "all.csv")]


def line(cost: Cost, start_s: float) -> str:
    """A row of the table."""
    pace = ["", "", "", ""]
    if cost.days:
        beside_s = cost.cpu_s - start_s
        pace = [
            f"{cost.days:,}", f"{cost.days / cost.cpu_s:,.0f}", f"{1e3 * beside_s / cost.days:.1f}", f"{cost.cpu_s / cost.baseline_s:.1f}"
        ]  # fmt: skip
    speed = [f"{cost.frames:,}", f"{cost.cpu_s:.1f}", f"{cost.frames / cost.wall_s:,.0f}", f"{cost.peak_bytes / 2**20:,.0f}"]
    return "| " + " | ".join([cost.name, *speed[:2], *pace, *speed[2:]]) + " |\n"


def main(n: int, days: int) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("", (0, 0), [EVLOOM, "diagnose", "--demo", 1, "--days", 2])  # machine code is there afterwards
        to_table(made(1).part(slice(0, 1))).write_parquet(folder / "one.parquet")
        start = least("start: one frame", (0, 1), [EVLOOM, "diagnose", folder / "one.parquet"])
        costs = measured("always awake", awake(n, days), folder / "awake") + measured("pack twin", twins(n, 3 * days), folder / "twin")
    sys.stdout.write(
        "| fleet | frames | CPU s | vehicle-days | vehicle-days/CPU s | CPU ms/day beside the start | CPU, times a plain read "
    )
    sys.stdout.write("| frames/s | peak MiB |\n|---|---|---|---|---|---|---|---|---|\n")
    for cost in [start, *costs]:
        sys.stdout.write(line(cost, start.cpu_s))


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] + ["4", "20"][len(sys.argv) - 1 :])))
