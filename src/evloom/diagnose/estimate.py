"""From the sums of a day to what each cell is like: its charge, its resistance, the offset of its wire, its capacity, against the pack.

A cell's deviation from the pack is explained by five things at once: an offset that is always there, a difference of charge (times
the slope of the curve), of capacity (times slope and charge), of resistance to quick and to slow current. What was known the day
before, less certain by as much as can happen in a day, is brought together with the day's equations: a Kalman filter whose
uncertainty is the same for all cells of the pack. Where the curve is flat the equations themselves say that charge cannot be told:
its `known` stays near 0.
"""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose.evidence import DayFeatures, centre
from evloom.kernel.timegrid import Float

ERROR_V = {"NMC": 0.0015, "LFP": 0.004, "Na": 0.0015}
"""What is left of a deviation unexplained in ten minutes: quantisation, and curves that are not quite the cells'. On a flat curve
cells differ in where exactly it bends."""
OHM_AH = 0.16
"""Resistance times capacity of a cell, V per rate (chemistry.resistance_ohm_ah)."""
SPREAD = np.array([0.004, 0.03, 0.02, 0.2 * OHM_AH, 0.2 * OHM_AH])
"""How far cells of a pack may lie apart: 4 mV of a wire, 3 % charge, 2 % capacity, 20 % resistance. Standard deviations at first."""
DAILY = {
    "NMC": np.array([0.0004, 0.003, 0.001, 0.02 * OHM_AH, 0.02 * OHM_AH]),
    "LFP": np.array([0.0003, 0.002, 0.0006, 0.015 * OHM_AH, 0.015 * OHM_AH]),
    "Na": np.array([0.0004, 0.003, 0.001, 0.02 * OHM_AH, 0.02 * OHM_AH]),
}
"""How far each may move in a day, by chemistry: slower where a day tells less. Resistance moves with the weather."""

OFFSET, CHARGE, SIZE, QUICK, SLOW = range(5)


@dataclass
class Memory:
    """What is known: doubt (5, 5) covariance, the same for every cell; explained (5, n_cell) in the order OFFSET..SLOW."""

    doubt: Float
    explained: Float


@dataclass(frozen=True)
class Estimate:
    """Of a day: value (5, n_cell) in the order OFFSET..SLOW (V, share, share, V per rate twice); known (5,) 0..1 how much of
    what may have moved the day itself says."""

    value: Float
    known: Float


def fresh_memory(n_cell: int) -> Memory:
    """Nothing known."""
    return Memory(np.diag(SPREAD**2), np.zeros((5, n_cell)))


def learn(memory: Memory, features: DayFeatures) -> tuple[Memory, Estimate]:
    """The memory with this day in it, and what the cells were like on the day."""
    before = memory.doubt + np.diag(DAILY[features.kind] ** 2)
    weight = 1.0 / ERROR_V[features.kind] ** 2
    doubt = np.linalg.inv(np.linalg.inv(before) + weight * features.normal)
    value = memory.explained + doubt @ (weight * (features.right - features.normal @ memory.explained))
    value = value - centre(value)
    known = np.clip(1.0 - np.diag(doubt) / np.diag(before), 0.0, 1.0)
    return Memory(0.5 * (doubt + doubt.T), value), Estimate(value, known)
