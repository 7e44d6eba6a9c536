"""A fleet that is made up by the pack twin, for who has no data: vehicle k depends on the seed and on k alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evloom.store.battery.account import Account
from evloom.store.battery.layout import NUMBERS
from evloom.vehicle.telemetry import Frames

if TYPE_CHECKING:
    from evloom.simulate.pack.truth import Truth

KINDS = ("internal-short", "none", "connection", "weak-cell", "none", "insulation", "sensing-wire", "none", "self-discharge", "none")
"""What is wrong with the vehicles, one after the other and over again."""
INTERVAL_S = 30.0
ROW_BYTES = 60
"""About what a frame of such a fleet takes in Parquet; only to weigh jobs."""


@dataclass(frozen=True)
class DemoCar:
    """Vehicle `number` of the fleet of a seed, for so many days."""

    seed: int
    number: int
    days: int

    @property
    def vehicle_id(self) -> str:
        """As it stands in its frames."""
        return f"demo-{self.seed}-{self.number:03d}"

    @property
    def kind(self) -> str:
        """The fault that it is given."""
        return KINDS[self.number % len(KINDS)]


def make(car: DemoCar) -> "tuple[Frames, Truth]":
    """The frames of a vehicle, and what is truly wrong with it."""
    from evloom.simulate.pack.fleet import BOTH, vehicle  # late: who has data does not wait for its kernels

    frames, truth = vehicle(car.seed, car.number, {car.kind: 1.0}, car.days, BOTH, INTERVAL_S)
    return replace(frames, pack=replace(frames.pack, vehicle_id=car.vehicle_id, pack_id=f"{car.vehicle_id}-pack")), truth


def demo_frames(car: DemoCar, account: Account) -> Iterator[Frames]:
    """The same in pieces of a day or so."""
    frames, _ = make(car)
    account.n_accepted += frames.n
    for at in range(0, frames.n, 4096):
        yield frames.part(slice(at, at + 4096))


def write_car(car: DemoCar, folder: Path) -> Path:
    """Write a vehicle as a Parquet file in the format of docs/battery-frames.md."""
    path = folder / f"{car.vehicle_id}.parquet"
    to_table(make(car)[0]).write_parquet(path, compression="zstd", row_group_size=50_000, statistics=False)
    return path


def to_table(frames: Frames) -> pl.DataFrame:
    """Frames as a table of our format."""
    pack = frames.pack
    columns: dict[str, Any] = {name: getattr(frames, name) for name in ("at_s", "known_at_s", *NUMBERS)}
    columns |= {f"V_{k + 1}": np.ascontiguousarray(frames.cell_v[:, k]) for k in range(pack.n_cell)}
    columns |= {f"T_{k + 1}": np.ascontiguousarray(frames.probe_c[:, k]) for k in range(pack.n_probe)}
    same = {"vehicle_id": pack.vehicle_id, "pack_id": pack.pack_id, "chemistry": pack.chemistry, "capacity_ah": pack.capacity_ah}
    return pl.DataFrame(columns).with_columns(**{name: pl.lit(value) for name, value in same.items()})
