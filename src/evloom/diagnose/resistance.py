"""Resistance of the cells from steps of current, at 25 degC and half charge.

A step is a change of current of more than 0.08 C from one frame to the next, within 45 s; what it does to the voltage of a cell, divided by
it, is the resistance over that time. Temperature and charge are taken out by `segment_cells.resistance_factor`.
"""

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.diagnose.segment_sums import Sums
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Float

LEAST_STEPS = 100
LEAST_AGREEMENT = 0.3
"""Share of the steps of voltage that the steps of current must explain. A box that sends its cells a few at a time tells no resistance."""
LEAST_DAYS = 45
TEMPERATURE_ERROR = 0.04
"""What is left of the weather in the resistance of some weeks, after it was taken out."""


def cell_ohm(sums: Sums) -> Float:
    """Resistance of each cell over the last weeks (n_cell,), NaN where too few steps were seen."""
    seen = sums.cell[at.C_STEP_AA]
    if mean_ohm(sums.steps[:2]) is None:
        return np.full(len(seen), np.nan)
    ohm = sums.cell[at.C_STEP] / np.maximum(seen, 1e-9)
    return np.where((seen > 0.2 * max(float(np.max(seen, initial=0.0)), 1e-9)) & (ohm > 0.0), ohm, np.nan)


def mean_ohm(rows: Float) -> tuple[float, float] | None:
    """Resistance of the mean cell and its standard error from sums of steps (n, N_STEP); None where they are too few."""
    total = rows.sum(axis=0)
    if total[at.S_N] < LEAST_STEPS or total[at.S_AA] <= 0.0 or total[at.S_VA] <= 0.0:
        return None
    ohm = float(total[at.S_VA] / total[at.S_AA])
    if ohm * total[at.S_VA] < LEAST_AGREEMENT * total[at.S_VV]:
        return None
    left = max(float(total[at.S_VV] - ohm * total[at.S_VA]), 0.0)
    return ohm, float(np.sqrt(left / total[at.S_N] / total[at.S_AA]))


def resistance_soh(sums: Sums) -> Interval | None:
    """Resistance of the first weeks of the record over that of the last ones; None before there are enough weeks between them."""
    first, now = mean_ohm(sums.steps[2:3]), mean_ohm(sums.steps[:2])
    if first is None or now is None or sums.scalar[at.SEEN_DAYS] < LEAST_DAYS:
        return None
    ratio = first[0] / now[0]
    doubt = 1.2816 * ratio * float(np.hypot(np.hypot(first[1] / first[0], now[1] / now[0]), TEMPERATURE_ERROR))
    return Interval(ratio - doubt, ratio, ratio + doubt)
