"""What `evloom diagnose` costs: vehicle-days for a second of CPU, peak memory, and frames a second of a stream.

python -m tools.bench.diagnose_command [vehicles] [days]

Two fleets of 96 cells and 24 probes with a frame every 10 s: one whose boxes never sleep (8,640 frames a day; the worst case), and one of
the pack twin, awake while it drives, charges and for a moment every hour. Each is looked at from plain Parquet and from the store, in one
process; CPU is of all its threads, start and the reading of machine code included.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from evloom.plan.battery.demo import to_table
from evloom.simulate.pack.fleet import vehicle
from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames
from tools.bench.diagnose_store import made

EVLOOM = Path(sys.executable).parent / "evloom"
DAY_S = 86400.0


@dataclass(frozen=True)
class Cost:
    """One run: vehicle-days, frames, CPU and wall seconds, peak memory."""

    name: str
    days: int
    frames: int
    cpu_s: float
    wall_s: float
    peak_bytes: int


def awake(n: int, days: int) -> Iterator[Frames]:
    """Vehicles whose boxes never sleep."""
    frames = made(days)
    for k in range(n):
        yield replace(frames, pack=replace(frames.pack, vehicle_id=f"car-{k}", pack_id=f"car-{k}", capacity_ah=150.0, chemistry="NMC"))


def twins(n: int, days: int) -> Iterator[Frames]:
    """Vehicles of the pack twin."""
    for k in range(n):
        yield vehicle(77, k, {"none": 1.0}, days, {"NMC": 1.0}, 10.0)[0]


def command(name: str, size: tuple[int, int], *arguments: object, source: Path | None = None) -> Cost:
    """Run the command and count what it cost; size = (vehicle-days, frames)."""
    begun_s = time.monotonic()
    with source.open("rb") if source is not None else Path(os.devnull).open("rb") as stream:
        running = subprocess.Popen([EVLOOM, "diagnose", *map(str, arguments)], stdin=stream, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, peak_bytes(running.pid))
        time.sleep(0.05)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode != 0:
        raise SystemExit(f"evloom diagnose ended with {running.returncode}")
    return Cost(name, *size, usage.ru_utime + usage.ru_stime, time.monotonic() - begun_s, peak)


def peak_bytes(pid: int) -> int:
    """Most memory that a process has held so far; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


def measured(name: str, fleet: Iterator[Frames], folder: Path) -> list[Cost]:
    """A fleet from plain Parquet, from the store, and as a stream."""
    (folder / "files").mkdir(parents=True)
    days = frames = 0
    with FrameStore(folder / "store", n_bucket=4) as store, (folder / "all.csv").open("wb") as stream:
        for each in fleet:
            days += len({int(at_s // DAY_S) for at_s in each.at_s})
            frames += each.n
            table = to_table(each)
            table.write_parquet(folder / "files" / f"{each.pack.vehicle_id}.parquet", compression="zstd", row_group_size=50_000)
            store.write([each])
            head = table.head(100_000).with_columns(pl.col(pl.Float32).round(3))
            head.write_csv(stream, include_header=stream.tell() == 0)
        store.compact()
    n_line = sum(1 for _ in (folder / "all.csv").open("rb")) - 1
    runs = [("Parquet", folder / "files"), ("store", folder / "store")]
    costs = [command(f"{name}, {how}", (days, frames), path, "--workers", 1) for how, path in runs]
    return [*costs, command(f"{name}, stream of csv", (0, n_line), "-", "--stream", source=folder / "all.csv")]


def main(n: int, days: int) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command("", (0, 0), "--demo", 1, "--days", 2)  # machine code is there afterwards
        costs = measured("always awake", awake(n, days), folder / "awake") + measured("pack twin", twins(n, 3 * days), folder / "twin")
    sys.stdout.write("| fleet | vehicle-days | frames | CPU s | vehicle-days/CPU s | frames/CPU s | frames/s | peak MiB |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|---|\n")
    for cost in costs:
        pace = f"{cost.days / cost.cpu_s:,.0f}" if cost.days else ""
        sys.stdout.write(
            f"| {cost.name} | {cost.days or ''} | {cost.frames:,} | {cost.cpu_s:.1f} | {pace} | {cost.frames / cost.cpu_s:,.0f} "
            f"| {cost.frames / cost.wall_s:,.0f} | {cost.peak_bytes / 2**20:,.0f} |\n"
        )


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] + ["4", "20"][len(sys.argv) - 1 :])))
