"""Energy of a pack from its capacity and its curve."""

import numpy as np

from evloom.diagnose import capacity_kernel as kernel
from evloom.diagnose.capacity import Filter, shapes_of
from evloom.diagnose.window import Interval
from evloom.vehicle.chemistry import BY_NAME

RATE = 1.0 / 3.0
"""Energy is that of a discharge in three hours, as usual for cars."""
NEW_OHM = 1.3
"""Drop of hours over that of ten seconds, of a new cell: diffusion adds to it."""


def energy_soh(told: Filter, soh: Interval | None) -> Interval | None:
    """Energy that the pack gives in three hours, in multiples of the rated charge times the mean voltage of its chemistry when new."""
    if soh is None or told.bank is None or not told.kind:
        return None
    chemistry, curves = BY_NAME[told.kind], shapes_of(told.kind)
    m = int(np.argmax(told.bank.log_weight))
    bends = told.bank.mean[m, kernel.X_BEND :] @ curves.bend_v[told.bank.curve[m]]
    mean_v = float(np.mean(curves.ocv_v[told.bank.curve[m]] + bends))
    drop_v = chemistry.resistance_ohm_ah * RATE
    new_v = float(np.mean(chemistry.ocv(np.linspace(0.0, 1.0, 101)))) - NEW_OHM * drop_v
    now_v = mean_v - float(np.clip(told.bank.mean[m, kernel.X_OHM], 0.3, 3.0)) * drop_v
    return soh.times(now_v / new_v)
