"""How cells lose capacity and gain resistance over the years: by the calendar, by use, and faster after the knee."""

import math
from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.fault import Fault

CALENDAR_PER_SQRT_DAY = (
    0.0011  # at 25 degC: 4 % after four years; of the size in Schmalstieg et al. 2014, doi:10.1016/j.jpowsour.2014.02.012
)
CYCLE_PER_FULL = 3.0e-5  # per full cycle: 6 % after 2000
KNEE_AT = 0.8
KNEE_FACTOR = 3.0
RESISTANCE_PER_LOSS = 1.6  # a cell that lost 10 % of its capacity has 16 % more resistance
ACTIVATION_K = 3500.0  # of ageing, self-discharge: doubles about every 14 degC


@dataclass(frozen=True)
class Life:
    """What a pack has behind it: age in days, full cycles, mean temperature; how fast each cell ages (n_cell,)."""

    age_days: float
    full_cycles: float
    mean_c: float
    pace: Float

    def later(self, days: float, full_cycles: float) -> "Life":
        """The same pack after more of both."""
        return Life(self.age_days + days, self.full_cycles + full_cycles, self.mean_c, self.pace)

    def lost(self) -> Float:
        """Share of the capacity that each cell has lost, (n_cell,)."""
        warm = math.exp(ACTIVATION_K * (1.0 / 298.15 - 1.0 / (273.15 + self.mean_c)))
        plain = self.pace * (CALENDAR_PER_SQRT_DAY * warm * math.sqrt(self.age_days) + CYCLE_PER_FULL * self.full_cycles)
        return plain + (KNEE_FACTOR - 1.0) * np.maximum(plain - (1.0 - KNEE_AT), 0.0)


def worn(fault: Fault, at_s: float, n_cell: int) -> tuple[Float, Float]:
    """What a fault makes of capacity and resistance at an instant: two factors, (n_cell,) each."""
    left, thicker = np.ones(n_cell), np.ones(n_cell)
    if fault.kind in ("weak-cell", "electrolyte-loss", "capacity-dive"):
        share = float(fault.share(np.array([at_s]))[0])
        share = share**1.7 if fault.kind == "capacity-dive" else share
        left[fault.cell] -= share * fault.number("capacity_share")
        thicker[fault.cell] += share * fault.number("resistance_share")
    return left, thicker
