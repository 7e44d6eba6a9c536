"""How the cells of the twin lose capacity and gain resistance over the years: `vehicle.ageing` with numbers of the twin's own."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.fault import Fault
from evloom.vehicle.ageing import Ageing

ACTIVATION_K = 3500.0  # of ageing, self-discharge: doubles about every 14 degC
RESISTANCE_PER_LOSS = 1.6  # a cell that lost 10 % of its capacity has 16 % more resistance
TWIN = Ageing(
    "twin",
    calendar=0.0011,  # at 25 degC: 4 % after four years
    calendar_exponent=0.5,
    activation_k=ACTIVATION_K,
    charged=(1.0, 1.0),
    cycle=3.0e-5,  # 6 % after 2000 full cycles
    cycle_exponent=1.0,
    depth_slope=0.0,
    knee_at=0.8,
    knee_factor=3.0,
    source="sizes after Schmalstieg et al. 2014, doi:10.1016/j.jpowsour.2014.02.012; milder than any of vehicle.ageing, so that fleets of a"
    " few years keep healthy packs",
)


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
        return TWIN.lost(self.age_days, self.full_cycles, self.mean_c, self.pace)


def worn(fault: Fault, at_s: float, n_cell: int) -> tuple[Float, Float]:
    """What a fault makes of capacity and resistance at an instant: two factors, (n_cell,) each."""
    left, thicker = np.ones(n_cell), np.ones(n_cell)
    if fault.kind in ("weak-cell", "electrolyte-loss", "capacity-dive"):
        share = float(fault.share(np.array([at_s]))[0])
        share = share ** fault.number("bend", 1.7) if fault.kind == "capacity-dive" else share
        left[fault.cells] -= share * fault.number("capacity_share")
        thicker[fault.cells] += share * fault.number("resistance_share")
    return left, thicker
