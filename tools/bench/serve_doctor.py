"""What the doctor's rounds of the live platform cost: frames a core-second from the journal to warnings, bytes of memory on the disk, and
for how long they hold the event loop: by the CPU time of their thread, which other programs do not lengthen.

python -m tools.bench.serve_doctor [vehicles] [days]

Frames of the pack twin (96 cells, one each 30 s) are written to a store an hour at a time, vehicle by vehicle, as a platform gets them;
then the rounds follow the journal. Machine code is compiled before.
"""

import asyncio
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from evloom.serve.app import SWITCH_S
from evloom.serve.doctor.rounds import News, Rounds
from evloom.simulate.pack.fleet import fleet
from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames, Pack

HOUR_S = 3600.0


def hours(frames: Frames) -> list[Frames]:
    """Frames by the hour in which they arrived."""
    hour = (frames.known_at_s // HOUR_S).astype(int)
    return [frames.part(hour == one) for one in sorted(set(hour.tolist()))]


async def held_s(rounds: Rounds) -> list[float]:
    """CPU time of the rounds' thread between two turns of an event loop that wants one every millisecond, until all is looked at."""
    thread = next(one for one in threading.enumerate() if one.name == "doctor")
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    found = []
    while rounds.lag_bytes():
        before_s = time.clock_gettime(clock)
        await asyncio.sleep(0.001)
        found.append(time.clock_gettime(clock) - before_s)
    return found


def run(folder: Path, fleet_frames: list[Frames]) -> tuple[float, int, int, list[float]]:
    """CPU seconds of the rounds, how many changes of warnings they told, bytes of memory kept, for how long the event loop was held."""
    told: list[int] = []

    def tell(news: list[News]) -> bool:
        told.append(sum(len(one.changes) for one in news))
        return True

    def named(pack: Pack) -> Pack:
        return pack

    with FrameStore(folder) as store:
        for part in sorted((part for frames in fleet_frames for part in hours(frames)), key=lambda part: float(part.known_at_s[0])):
            store.write([part])
        rounds = Rounds(store, folder / "doctor", tell, named)
        cpu_s = time.process_time()
        rounds.start()
        held = asyncio.run(held_s(rounds))
        rounds.stop()
        cpu_s = time.process_time() - cpu_s
    kept = sum(path.stat().st_size for path in (folder / "doctor").glob("*/*.state"))
    return cpu_s, sum(told), kept, held


def main(n_vehicle: int, n_day: int) -> None:
    """Print the table."""
    sys.setswitchinterval(SWITCH_S)
    made = [frames for frames, _ in fleet(17, n_vehicle, {"none": 0.5, "internal-short": 0.5}, n_day, {"NMC": 1.0}, 30.0)]
    made = [replace(frames, pack=replace(frames.pack, pack_id=f"P{k}")) for k, frames in enumerate(made)]
    for frames in ([made[0]], made):
        with tempfile.TemporaryDirectory() as folder:
            cpu_s, n_change, kept, held = run(Path(folder), frames)
    n = sum(frames.n for frames in made)
    most, max_ms = 1000.0 * np.percentile(held, 99.0), 1000.0 * max(held)
    print("| frames | frames a core-second | changes told | memory of a battery, kB | event loop held, 99 % of turns, ms | at most, ms |")
    print("|--:|--:|--:|--:|--:|--:|")
    print(f"| {n:,} | {n / cpu_s:,.0f} | {n_change} | {kept / n_vehicle / 1000.0:.0f} | {most:.1f} | {max_ms:.1f} |")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (4, 12))
