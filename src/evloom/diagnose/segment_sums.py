"""The sums that health is read from, and the columns of frames that fill them."""

from typing import NamedTuple

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.kernel.timegrid import Float, Int
from evloom.vehicle.telemetry import Float32, FrameFlag, Frames, Pack, ReadingFlag

NOMINAL_AH = 150.0
"""Rated capacity where nobody said: of the size usual in cars (2026). Only the width of steps is taken from it."""


class Sums(NamedTuple):
    """Changed in place; places in `segment_places`. bin (N_BIN, columns) of the open charge window, bin_cell (N_BIN, n_cell) the
    deviations of the cells in them."""

    scalar: Float
    window: Float
    hours: Float
    steps: Float
    insulation: Float
    cell: Float
    bin: Float
    bin_cell: Float32


class Columns(NamedTuple):
    """The columns of `Frames` that are looked at."""

    at_s: Float
    current_a: Float
    soc: Float
    speed_km_per_h: Float
    charging: Int
    insulation_ohm: Float
    balancing: Int
    cell_v: Float32
    probe_c: Float32
    flags: FrameFlag
    cell_flags: ReadingFlag
    probe_flags: ReadingFlag


def columns_of(frames: Frames) -> Columns:
    """The columns that the kernel reads, in the types that it was compiled for."""
    return Columns(*(np.ascontiguousarray(getattr(frames, name)) for name in Columns._fields))


def fresh_sums(pack: Pack) -> Sums:
    """The sums before the first frame of a pack."""
    scalar = np.zeros(at.N_SCALAR)
    scalar[[at.FIRST_AT, at.DAY, at.LAST_SOC, at.LAST_A, at.LAST_V, at.TEMP_C]] = np.nan
    scalar[[at.LAST_AT, at.LOAD_AT, at.CHARGE_AT, at.TEMP_AT, at.REST_I]] = -np.inf
    scalar[at.SCALE_AH] = pack.capacity_ah if pack.capacity_ah > 0.0 and np.isfinite(pack.capacity_ah) else NOMINAL_AH
    return Sums(
        scalar,
        np.zeros(at.N_WINDOW_SCALAR),
        np.zeros(at.N_KIND),
        np.zeros((3, at.N_STEP)),
        np.zeros(at.N_INSULATION),
        np.zeros((at.N_CELL_ROW, pack.n_cell)),
        np.zeros((at.N_BIN, at.N_BIN_COLUMN)),
        np.zeros((at.N_BIN, pack.n_cell), dtype=np.float32),
    )


def copied(sums: Sums) -> Sums:
    """The same sums in arrays of their own."""
    return Sums._make([part.copy() for part in sums])
