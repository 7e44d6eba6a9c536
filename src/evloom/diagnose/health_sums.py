"""Energy of a pack from its capacity and its curve."""

import numpy as np

from evloom.diagnose.capacity import Filter
from evloom.diagnose.window import Interval
from evloom.vehicle.chemistry import BY_NAME

RATE = 1.0 / 3.0
"""Energy is that of a discharge in three hours, as usual for cars."""
NEW_OHM = 1.3
"""Drop of hours over that of ten seconds, of a new cell: diffusion adds to it."""


def energy_soh(told: Filter, soh: Interval | None) -> Interval | None:
    """Energy that the pack gives in three hours, in multiples of the rated charge times the mean voltage of its chemistry when new."""
    if soh is None or told.place is None or not told.kind:
        return None
    chemistry, curves, place = BY_NAME[told.kind], told.curves, told.place
    mean_v = float(np.mean(curves.ocv_v[place.curve] + place.bend @ curves.bend_v[place.curve]))
    drop_v = chemistry.resistance_ohm_ah * RATE
    new_v = float(np.mean(chemistry.ocv(np.linspace(0.0, 1.0, 101)))) - NEW_OHM * drop_v
    now_v = mean_v - float(np.clip(told.ohm[0], 0.3, 3.0)) * drop_v
    return soh.times(now_v / new_v)
