"""Labelled packs on disk: one Parquet file a pack in the format of docs/battery-truth.md, the truth of all of them beside it."""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evloom.simulate.pack.truth import Truth
from evloom.vehicle.telemetry import Frames, Pack, unflagged

PLAIN = (
    "at_s",
    "known_at_s",
    "current_a",
    "pack_v",
    "soc",
    "speed_km_per_h",
    "odometer_km",
    "charging",
    "insulation_ohm",
    "bms_level",
    "balancing",
)
"""Columns beside V_1.. (cells, V) and T_1.. (probes, degC); named and signed as in `Frames`."""


def to_table(frames: Frames) -> pl.DataFrame:
    """Frames as columns. Cells and probes as they were sent, in float32; whole numbers as int16."""
    pack = frames.pack
    same = {"vehicle_id": pack.vehicle_id, "pack_id": pack.pack_id, "chemistry": pack.chemistry, "capacity_ah": pack.capacity_ah}
    columns: dict[str, Any] = {}
    for name in PLAIN:
        column = getattr(frames, name)
        columns[name] = column.astype(np.int16) if column.dtype.kind == "i" else column
    columns |= {f"V_{k + 1}": np.ascontiguousarray(frames.cell_v[:, k]) for k in range(frames.pack.n_cell)}
    columns |= {f"T_{k + 1}": np.ascontiguousarray(frames.probe_c[:, k]) for k in range(frames.pack.n_probe)}
    return pl.DataFrame(columns).with_columns(**{name: pl.lit(value) for name, value in same.items()})


def write_pack(folder: Path, frames: Frames, truth: Truth) -> None:
    """Write one pack: `<vehicle_id>.parquet` and `<vehicle_id>.json`, complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = frames.pack.vehicle_id
    half = folder / f"{name}.part"
    # Readings take few values, so a dictionary a column is the smallest: zstd over it leaves about a byte a reading.
    to_table(frames).write_parquet(half, compression="zstd", compression_level=3, row_group_size=200_000, statistics=False)
    half.replace(folder / f"{name}.parquet")
    half.write_text(json.dumps(_document(frames, truth)))
    half.replace(folder / f"{name}.json")


def has_pack(folder: Path, vehicle_id: str) -> bool:
    """Whether a pack is there already."""
    return (folder / f"{vehicle_id}.json").exists()


def gather(folder: Path) -> int:
    """Write `truth.json`, a list of what all packs of the folder say of themselves; returns how many there are."""
    documents = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json")) if path.name != "truth.json"]
    half = folder / f"truth.{os.getpid()}"
    half.write_text(json.dumps(documents))
    half.replace(folder / "truth.json")
    return len(documents)


def read_packs(folder: Path) -> Iterator[tuple[Frames, Truth]]:
    """All packs of a folder in the order of their names."""
    for path in sorted(folder.glob("*.json")):
        if path.name != "truth.json":
            yield read_pack(folder, path.stem)


def read_pack(folder: Path, vehicle_id: str) -> tuple[Frames, Truth]:
    """One pack."""
    document = json.loads((folder / f"{vehicle_id}.json").read_text())
    told = dict(document["pack"])
    pack = Pack(**{**told, "probe_of_cell": tuple(told["probe_of_cell"]), "capacity_ah": _number(told["capacity_ah"])})
    table = pl.read_parquet(folder / f"{vehicle_id}.parquet")
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in PLAIN}
    columns = {name: column.astype(np.int64) if column.dtype.kind == "i" else column for name, column in columns.items()}
    cell_v = table.select(f"V_{k + 1}" for k in range(pack.n_cell)).to_numpy().astype(np.float32)
    probe_c = table.select(f"T_{k + 1}" for k in range(pack.n_probe)).to_numpy().astype(np.float32)
    frames = unflagged(pack, **columns, cell_v=np.ascontiguousarray(cell_v), probe_c=np.ascontiguousarray(probe_c))
    truth = document["truth"]
    return frames, Truth(
        truth["fault"], truth["cell"], _number(truth["onset_s"]), _number(truth["ten_ohm_s"]),
        np.array(truth["capacity_ah"]), np.array(truth["resistance_ohm"]), truth["parameters"],
    )  # fmt: skip


def _document(frames: Frames, truth: Truth) -> dict[str, Any]:
    pack = frames.pack
    return {
        "vehicle_id": pack.vehicle_id,
        "n_frame": frames.n,
        "pack": {
            "vehicle_id": pack.vehicle_id, "pack_id": pack.pack_id, "n_cell": pack.n_cell, "n_probe": pack.n_probe,
            "chemistry": pack.chemistry, "capacity_ah": _plain(pack.capacity_ah), "probe_of_cell": list(pack.probe_of_cell),
        },
        "truth": {
            "fault": truth.fault,
            "cell": truth.cell,
            "onset_s": _plain(truth.onset_s),
            "ten_ohm_s": _plain(truth.ten_ohm_s),
            "capacity_ah": np.round(truth.capacity_ah, 4).tolist(),
            "resistance_ohm": np.round(truth.resistance_ohm, 8).tolist(),
            "parameters": truth.parameters,
        },
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
