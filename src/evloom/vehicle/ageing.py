"""How cells lose capacity: by the calendar, by use, and faster after the knee. The one ageing model of Evloom.

The battery twin ages its cells by it (`simulate.pack.ageing`, with numbers of its own), the value of a battery looks ahead with it
(`diagnose.value_life`). Each kind of cell names the publication of its numbers; what one car's battery does differs by its `pace`.
"""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float

REFERENCE_K = 298.15
DEPTH, SOC = 0.5, 0.5
"""Depth of a cycle and state of charge at which the factors of a kind are 1."""


@dataclass(frozen=True)
class Ageing:
    """One kind of cell. Lost share of capacity = pace (calendar t^p + cycle N^q), and `knee_factor` times as fast beyond the knee.

    calendar, calendar_exponent  share lost after one day at 25 degC and half charge; exponent of the days
    activation_k              of the calendar's loss: factor exp(activation (1/298.15 K - 1/T))
    charged                   factors of the calendar's loss at states of charge 0, 1/4 .. 1
    cycle, cycle_exponent        share lost after one full cycle of half depth; exponent of the full cycles
    depth_slope               factor of the loss by cycles: 1 + depth_slope (depth - 1/2)
    knee_at, knee_factor      state of health at which the knee is, how many times faster it goes on
    """

    name: str
    calendar: float
    calendar_exponent: float
    activation_k: float
    charged: tuple[float, ...]
    cycle: float
    cycle_exponent: float
    depth_slope: float
    knee_at: float
    knee_factor: float
    source: str

    def calendar_rate(self, mean_c: Float | float, soc: Float | float = SOC) -> Float:
        """Share lost after one day at a mean temperature and state of charge; grows with days ** calendar_exponent."""
        warm = np.exp(self.activation_k * (1.0 / REFERENCE_K - 1.0 / (273.15 + np.asarray(mean_c, dtype=np.float64))))
        return np.asarray(self.calendar * warm * np.interp(soc, np.linspace(0.0, 1.0, len(self.charged)), self.charged))

    def cycle_rate(self, depth: Float | float = DEPTH) -> Float:
        """Share lost after one full cycle in cycles of a depth; grows with full cycles ** cycle_exponent."""
        return np.asarray(self.cycle * np.maximum(1.0 + self.depth_slope * (np.asarray(depth) - DEPTH), 0.1))

    def plain(self, days: Float | float, full_cycles: Float | float, mean_c: Float | float) -> Float:
        """Share lost at pace 1 before any knee, at half charge and in cycles of half depth."""
        by_time = self.calendar_rate(mean_c) * np.power(days, self.calendar_exponent)
        return np.asarray(by_time + self.cycle_rate() * np.power(full_cycles, self.cycle_exponent))

    def lost(self, days: float, full_cycles: float, mean_c: float, pace: Float | float = 1.0) -> Float:
        """Share of the capacity that is lost, the knee included; `pace` of each cell, any shape."""
        return after_knee(np.asarray(pace) * self.plain(days, full_cycles, mean_c), self.knee_at, self.knee_factor)


def after_knee(plain: Float, knee_at: Float | float, knee_factor: Float | float) -> Float:
    """Lost share with the knee of the lost share without it."""
    return np.asarray(plain + (knee_factor - 1.0) * np.maximum(plain - (1.0 - knee_at), 0.0))


def before_knee(lost: Float, knee_at: Float | float, knee_factor: Float | float) -> Float:
    """What `after_knee` made `lost` of."""
    knee = 1.0 - np.asarray(knee_at)
    return np.asarray(np.where(lost > knee, knee + (lost - knee) / knee_factor, lost))


_KNEES = "Knees: Attia et al. 2022, doi:10.1149/1945-7111/ac6d13 (a review: mostly between 70 and 85 % of the first capacity)."
NMC = Ageing(
    "NMC",
    calendar=3.1325e-4,
    calendar_exponent=0.75,
    activation_k=6976.0,
    charged=(0.45, 0.63, 1.0, 1.40, 1.75),
    cycle=5.77e-3,
    cycle_exponent=0.5,
    depth_slope=1.43,
    knee_at=0.78,
    knee_factor=3.0,
    source="Schmalstieg et al. 2014, doi:10.1016/j.jpowsour.2014.02.012: Sanyo UR18650E of 2.05 Ah; (7.543 V - 23.75) 1e6 exp(-6976/T)"
    " t^0.75 with days, and (7.348e-3 (V - 3.667)^2 + 7.6e-4 + 4.081e-3 depth) Q^0.5 with Ah through the cell;"
    " voltages by vehicle.chemistry.NMC. " + _KNEES,
)
LFP = Ageing(
    "LFP",
    calendar=2.2254e-3,
    calendar_exponent=0.5,
    activation_k=2059.8,
    charged=(0.407, 0.926, 1.0, 1.074, 1.593),
    cycle=1.3995e-3,
    cycle_exponent=0.5,
    depth_slope=0.0,
    knee_at=0.70,
    knee_factor=3.0,
    source="Sony US26650FTC1 of 3 Ah. Calendar: Naumann et al. 2018, doi:10.1016/j.est.2018.01.019, 1.2571e-5 (2.8575 (SOC - 0.5)^3 +"
    " 0.60225) t^0.5 with seconds, 17,126 J/mol. Cycles: Naumann et al. 2020, doi:10.1016/j.jpowsour.2019.227666, (0.0630 C + 0.0971)"
    " (4.0253 (depth - 0.6)^3 + 1.0923) N^0.5 in percent, at 0.5 C; between depths of 0.2 and 0.9 its factor is flat within 20 %. "
    + _KNEES,
)
SODIUM = Ageing(
    "Na",
    calendar=3.1325e-4,
    calendar_exponent=0.75,
    activation_k=6976.0,
    charged=(0.45, 0.63, 1.0, 1.40, 1.75),
    cycle=5.77e-3,
    cycle_exponent=0.5,
    depth_slope=1.43,
    knee_at=0.75,
    knee_factor=3.0,
    source="No ageing model of a traction cell was found published by 2026-11; the form of NMC is taken, and the pace is wide on purpose."
    " That layered-oxide cells of 2023-24 miss their makers' cycle life: doi:10.1039/D5EB00161G.",
)
BY_CHEMISTRY = {kind.name: kind for kind in (NMC, LFP, SODIUM)}
"""The kinds by the chemistry that a pack bears."""
