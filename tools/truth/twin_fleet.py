"""Write a labelled fleet of the twin: `python -m tools.truth.twin_fleet out/twin-dev --seed 1 --vehicles 60 --days 60`.

A vehicle that is there already is kept, so a broken run goes on where it stopped. `--mix none=0.9,internal-short=0.1` and
`--chemistry NMC=1` choose what is in it; without them half of the packs are healthy, the rest has all faults evenly, and both
chemistries are as frequent.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evloom.simulate.pack.fleet import BOTH, HALF_FAULTY, vehicle
from tools.truth.files import gather, has_pack, write_pack


def shares(text: str) -> dict[str, float]:
    """`a=1,b=2` as a dictionary."""
    return {name: float(value) for name, value in (part.split("=") for part in text.split(","))}


def write_fleet(
    folder: Path, seed: int, size: tuple[int, int], mix: Mapping[str, float], chemistry: Mapping[str, float], interval_s: float
) -> int:
    """Write the fleet of `seed`, size = (vehicles, days); returns the number of frames that were made."""
    n, days = size
    folder.mkdir(parents=True, exist_ok=True)
    frames_made = 0
    for k in range(n):
        if has_pack(folder, f"twin-{seed}-{k:05d}"):
            continue
        frames, truth = vehicle(seed, k, mix, days, chemistry, interval_s)
        write_pack(folder, frames, truth)
        frames_made += frames.n
    gather(folder)
    return frames_made


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="write a labelled fleet of the pack twin")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vehicles", type=int, default=60)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--interval", type=float, default=30.0, help="seconds between frames")
    parser.add_argument("--mix", type=shares, default=dict(HALF_FAULTY))
    parser.add_argument("--chemistry", type=shares, default=dict(BOTH))
    told = parser.parse_args()
    begun = time.process_time()
    frames = write_fleet(told.folder, told.seed, (told.vehicles, told.days), told.mix, told.chemistry, told.interval)
    spent = time.process_time() - begun
    size = sum(path.stat().st_size for path in told.folder.glob("*.parquet"))
    kinds = [entry["truth"]["fault"] for entry in json.loads((told.folder / "truth.json").read_text())]
    print(f"{len(kinds)} packs in {told.folder}: {frames:,} new frames in {spent:.1f} s of CPU, {size / 1e6:.0f} MB")
    for kind, count in zip(*np.unique(kinds, return_counts=True), strict=True):
        print(f"  {kind:22} {count}")


if __name__ == "__main__":
    main()
