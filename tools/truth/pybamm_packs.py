"""Write labelled packs whose cells PyBaMM solved: `python -m tools.truth.pybamm_packs out/truth/a --seed 1 --minutes 25`.

Journeys alternate between the chemistries; of each a dozen packs are made, faults in an order that gives every kind a few packs
first. What is there already is kept.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from evloom.simulate.pack.fault import NAMED, UNKNOWN
from tools.truth.assemble import make_truth_pack
from tools.truth.files import gather, has_pack, write_pack
from tools.truth.journey import make_journey

FAULTY, HEALTHY = 7, 6
"""Packs a journey."""
ORDER = (
    "internal-short", "connection", "sensing-wire", "plating", "insulation", "current-sensor", "capacity-dive",
    "self-discharge", "temperature-sensor", "weak-cell", "internal-short", "swapped-cells", "connection", "sensing-wire",
    "balancing-stuck", "intermittent-contact", "electrolyte-loss", "plating", "module-overheating", "self-discharge", "weak-cell",
)  # fmt: skip


def packs_of(number: int) -> list[str]:
    """Kinds of the packs of a journey: two journeys of two chemistries take the same stretch of ORDER."""
    begin = (number // 2) * FAULTY
    kinds = [ORDER[(begin + k) % len(ORDER)] for k in range(FAULTY)]
    return [*kinds, *["none"] * HEALTHY]


def write_journey(folder: Path, seed: int, number: int, days: int) -> int:
    """Write the packs of one journey that are not there yet; returns how many were written."""
    name, chemistry = f"truth-{seed}-{number:03d}", ("NMC", "LFP")[number % 2]
    missing = [(k, kind) for k, kind in enumerate(packs_of(number)) if not has_pack(folder, f"{name}-{k:02d}")]
    if not missing:
        return 0
    journey = make_journey(seed, number, chemistry, days, cold="plating" in packs_of(number))
    for k, kind in missing:
        frames, truth = make_truth_pack(journey, k, kind, seed * 1000 + number)
        write_pack(folder, frames, truth)
    return len(missing)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="write labelled packs whose cells PyBaMM solved")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journeys", type=int, default=20)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=25.0, help="no journey is begun after that many minutes of CPU")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    for number in range(told.journeys):
        if time.process_time() > told.minutes * 60.0:
            break
        made = write_journey(told.folder, told.seed, number, told.days)
        gather(told.folder)
        print(f"journey {number}: {made} packs, {time.process_time():.0f} s of CPU so far", flush=True)
    count = gather(told.folder)
    documents = json.loads((told.folder / "truth.json").read_text())
    kinds = [f"{entry['truth']['fault']} {entry['pack']['chemistry']}" for entry in documents]
    print(f"{count} packs in {told.folder}, {len(NAMED) + len(UNKNOWN)} kinds of fault")
    for kind, times in zip(*np.unique(kinds, return_counts=True), strict=True):
        print(f"  {kind:28} {times}")


if __name__ == "__main__":
    main()
