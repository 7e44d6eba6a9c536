"""Frames of small packs for the tests of the doctor: cells that differ a little, driven, charged and parked, with what a test asks for."""

import numpy as np

from evloom.vehicle.chemistry import NMC
from evloom.vehicle.telemetry import Frames, Pack, unflagged

DAY_S = 86400.0
BEGIN_S = 1704067200.0
N_CELL, N_PROBE = 24, 6
AH = 150.0
CELL = 7


def day_of(rng: np.random.Generator, day: int, interval_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, current and charging status of a day: a drive, a charge, and a wake-up every two hours."""
    at_s = np.concatenate([np.arange(8 * 3600.0, 9.5 * 3600.0, interval_s), np.arange(18 * 3600.0, 21 * 3600.0, interval_s)])
    drive = at_s < 10 * 3600.0
    current_a = np.where(drive, -30.0 + 25.0 * rng.normal(size=len(at_s)), np.where(at_s < 20.4 * 3600.0, 18.0, 0.0))
    status = np.where(~drive & (current_a > 0.0), 1, 0)
    wakes = np.array([hour * 3600.0 + step * interval_s for hour in (0, 2, 4, 6, 12, 14, 16, 23) for step in range(3)])
    order = np.argsort(np.concatenate([at_s, wakes]), kind="stable")
    rest = np.zeros(len(wakes))
    return (
        BEGIN_S + day * DAY_S + np.concatenate([at_s, wakes])[order],
        np.round(np.concatenate([current_a, rest])[order], 1),
        np.concatenate([status, rest.astype(np.int64)])[order],
    )


def make(days: int, leak_ah: float = 0.0, from_day: int = 10, interval_s: float = 60.0, more: dict[str, float] | None = None) -> Frames:
    """Frames of a pack; cell CELL loses `leak_ah` a day from `from_day` on.

    more: contact_ohm (a contact of the cell), wire_v (a wire below the cell), probe_c (offset of probe 2), all from `from_day` on.
    """
    more = more or {}
    rng, cell = np.random.default_rng(1), CELL
    parts = [day_of(rng, day, interval_s) for day in range(days)]
    at_s, current_a, status = (np.concatenate(column) for column in zip(*parts, strict=True))
    late = at_s >= BEGIN_S + from_day * DAY_S
    passed_h = np.diff(at_s, prepend=at_s[0]) / 3600.0
    moved = np.cumsum(np.where(passed_h < 0.5, current_a * passed_h, 0.0)) / AH
    level = 0.6 + moved - moved.mean()
    soc = level[:, None] + rng.normal(0.0, 0.003, N_CELL)
    soc[:, cell] -= leak_ah / AH * np.maximum(at_s - BEGIN_S - from_day * DAY_S, 0.0) / DAY_S
    ohm = 0.0011 * rng.normal(1.0, 0.02, N_CELL)
    cell_v = NMC.ocv(np.clip(soc, 0.02, 0.98)) + current_a[:, None] * ohm
    cell_v[late, cell] += more.get("contact_ohm", 0.0) * current_a[late]
    cell_v[late, cell] += more.get("wire_v", 0.0)
    cell_v[late, cell - 1] -= more.get("wire_v", 0.0)
    cell_v = np.round(cell_v + rng.normal(0.0, 0.0005, cell_v.shape), 3).astype(np.float32)
    probe_c = np.round(20.0 + 3.0 * np.sin(at_s / DAY_S * 6.28)[:, None] + rng.normal(0.0, 0.2, (len(at_s), N_PROBE))).astype(np.float32)
    probe_c[late, 2] += more.get("probe_c", 0.0)
    pack = Pack("car", "pack", N_CELL, N_PROBE, "NMC", AH)
    return unflagged(
        pack,
        at_s=at_s,
        current_a=current_a,
        pack_v=np.round(cell_v.sum(axis=1, dtype=np.float64), 1),
        soc=np.round(level, 2),
        speed_km_per_h=np.where((current_a != 0.0) & (status == 0), 45.0, 0.0),
        charging=status,
        cell_v=cell_v,
        probe_c=probe_c,
    )
