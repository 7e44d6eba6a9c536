"""Files of frames for tests."""

from pathlib import Path

import numpy as np

from evloom.store.battery.read import Reading, read_frames
from evloom.vehicle.telemetry import Frames, joined


def rows(n: int, n_cell: int, n_probe: int = 2, start_s: float = 1.7e9) -> list[list[str]]:
    """Header and `n` rows in our own format: a car that drives at 30 s, discharging."""
    header = ["at", "current_a", "pack_v", "soc", *(f"V_{k + 1}" for k in range(n_cell)), *(f"T_{k + 1}" for k in range(n_probe))]
    table = [header]
    for i in range(n):
        current_a = -float(i % 7)
        cells = [f"{3.7 + 0.001 * current_a - 1e-4 * i + 0.001 * (k % 3):.3f}" for k in range(n_cell)]
        table.append(
            [
                f"{start_s + 30 * i:.0f}",
                f"{current_a}",
                f"{n_cell * 3.7 + current_a:.1f}",
                f"{0.9 - 1e-4 * i:.4f}",
                *cells,
                *["25"] * n_probe,
            ]
        )
    return table


def write(path: Path, table: list[list[str]]) -> Path:
    """The rows as csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(row) + "\n" for row in table), encoding="utf-8")
    return path


def with_column(table: list[list[str]], name: str, values: list[str]) -> list[list[str]]:
    """The table with one column more."""
    return [[*row, value] for row, value in zip(table, [name, *values], strict=True)]


def read(path: Path, chunk: int = 65536) -> tuple[list[Frames], Reading]:
    """All frames of a path, and the reading with its account."""
    reading = read_frames(path, chunk)
    return list(reading), reading


def by_pack(parts: list[Frames]) -> dict[str, Frames]:
    """The frames of each pack, in their order."""
    packs: dict[str, list[Frames]] = {}
    for part in parts:
        packs.setdefault(part.pack.pack_id, []).append(part)
    return {pack_id: joined(each) for pack_id, each in packs.items()}


def codes(reading: Reading) -> list[str]:
    """The codes of the findings, sorted."""
    return sorted({finding.code for finding in reading.account.findings})


def same(one: Frames, other: Frames) -> bool:
    """Whether two packs' columns are equal bit by bit, NaN to NaN."""
    names = [name for name in one.__dict__ if name != "pack"]
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in names)
