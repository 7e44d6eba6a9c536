"""A charge's own trace: on a flat curve, a cell that stays behind is placed on what the pack went through before."""

import numpy as np

from evloom.diagnose.estimate import CHARGE, fresh_memory, learn
from evloom.diagnose.evidence import columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.vehicle.chemistry import LFP
from evloom.vehicle.telemetry import Frames, Pack, unflagged

DAY_S = 86400.0
AH, N_CELL, BEHIND = 150.0, 32, 5
RATE = 0.12


def charges(days: int, warp: float, apart: np.ndarray) -> Frames:
    """A charge from 60 to 99.5 % each day, at a constant current; the cells' curve lies `warp` off the table's."""
    n = int(0.395 / RATE * 60.0)
    minute = np.arange(n)
    soc = 0.60 + RATE * minute / 60.0
    at_s = np.concatenate([day * DAY_S + 3600.0 + 60.0 * minute for day in range(days)])
    soc = np.tile(soc, days)
    rng = np.random.default_rng(2)
    ohm = 0.14 / AH * rng.normal(1.0, 0.02, N_CELL)
    volts = LFP.ocv(np.clip(soc[:, None] + warp + apart, 0.0, 1.0)) + 0.012 + RATE * AH * ohm
    pack = Pack("car", "pack", N_CELL, 0, "LFP", AH)
    return unflagged(
        pack,
        at_s=at_s,
        current_a=np.full(len(at_s), RATE * AH),
        pack_v=volts.sum(axis=1),
        soc=np.round(soc, 2),
        speed_km_per_h=np.zeros(len(at_s)),
        charging=np.ones(len(at_s), dtype=np.int64),
        cell_v=np.round(volts + rng.normal(0.0, 0.0005, volts.shape), 3).astype(np.float32),
    )


def told(frames: Frames) -> np.ndarray:
    """Charge of each cell against the pack after all days."""
    sums, columns, row, memory = fresh_sums(frames.pack), columns_of(frames), 0, fresh_memory(N_CELL)
    value = np.zeros(N_CELL)
    while row < frames.n:
        row, why = run(columns, sums, row)
        if why == NEW_DAY:
            memory, estimate = learn(memory, read_day(sums, float(columns.at_s[row])))
            next_day(sums)
            value = np.asarray(estimate.value[CHARGE])
    return value


def test_a_cell_that_stays_behind_is_seen_on_a_flat_curve_whose_table_is_off() -> None:
    apart = np.random.default_rng(1).normal(0.0, 0.002, N_CELL)
    apart[BEHIND] = -0.03
    for warp in (-0.012, 0.0, 0.012):
        value = told(charges(12, warp, apart))
        assert -0.04 < value[BEHIND] < -0.008
        assert int(np.argmin(value)) == BEHIND
        assert np.abs(np.delete(value, BEHIND)).max() < 0.6 * abs(value[BEHIND])
