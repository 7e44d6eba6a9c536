"""Small packs as files: what tests of the command look at."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from evloom.plan.battery.demo import to_table
from evloom.vehicle.telemetry import Frames
from tests.unit.diagnose.packs import make

CELLS = 24


def pack(name: str, days: int = 18, leak_ah: float = 0.0, more: dict[str, float] | None = None, pack_id: str = "") -> Frames:
    """The frames of a small pack under a name of its own, a frame every two minutes in use."""
    frames = make(days, leak_ah, from_day=6, interval_s=120.0, more=more)
    return replace(frames, pack=replace(frames.pack, vehicle_id=name, pack_id=pack_id or name))


def as_csv(frames: Frames) -> pl.DataFrame:
    """A table as people write it: times in ISO 8601, what is unknown left out."""
    table = to_table(frames).drop("known_at_s", "insulation_ohm", "bms_level", "balancing", "odometer_km")
    at = pl.from_epoch((pl.col("at_s") * 1000).cast(pl.Int64), time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").alias("at")
    return table.select(at, pl.exclude("at_s"))


def write_csv(path: Path, *packs: Frames) -> Path:
    """Packs in one csv, in turns as they send."""
    whole = pl.concat([as_csv(frames) for frames in packs], how="diagonal").sort("at", maintain_order=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.write_csv(path)
    return path


def write_parquet(path: Path, frames: Frames) -> Path:
    """A pack as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    to_table(frames).write_parquet(path, row_group_size=1000)
    return path


def fleet(folder: Path) -> Path:
    """Five packs in a folder: two sound ones, one that leaks, one with a bad contact, one with a bad probe."""
    for k, (leak_ah, more) in enumerate([(0.0, {}), (2.5, {}), (0.0, {"contact_ohm": 0.0012}), (0.0, {}), (0.0, {"probe_c": 9.0})]):
        write_parquet(folder / f"car-{k}.parquet", pack(f"car-{k}", leak_ah=leak_ah, more=more))
    return folder
