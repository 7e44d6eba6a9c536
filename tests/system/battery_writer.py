"""A process that writes frames to a store and says after each write how many are acknowledged, until it is killed."""

import sys
from pathlib import Path

import numpy as np

from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames, Pack, unflagged

STEP = 50
STEP_S = 100.0
PACKS = ("P1", "P2", "P3")


def frames(pack_id: str, first: int, n: int = STEP) -> Frames:
    """Frames number first..first+n of a pack: each can be told from its number. A month is 26,000 of them."""
    number = np.arange(first, first + n)
    cell_v = ((3000 + number[:, None] * 7 % 1000 + np.arange(8)) / 1000).astype(np.float32)
    at_s = 1.7e9 + STEP_S * number
    return unflagged(
        Pack("car", pack_id, 8, 0), at_s=at_s, cell_v=cell_v, odometer_km=number.astype(np.float64), current_a=number % 100 / 10
    )


def main(folder: Path, start: int) -> None:
    """Write for ever from frame `start` on; compact now and then."""
    with FrameStore(folder, n_bucket=2) as store:
        first = start
        while True:
            store.write([frames(pack_id, first) for pack_id in PACKS])
            first += STEP
            sys.stdout.write(f"{first}\n")
            sys.stdout.flush()
            if first // STEP % 9 == 0:
                store.compact()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
