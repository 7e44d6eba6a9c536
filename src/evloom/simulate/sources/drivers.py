"""What drivers say, and how wrong: measured on ACN-Data.

Measured on the 9,868 claimed sessions of three files of ACN-Data (Caltech and JPL, May to August 2019 and February
to May 2020; Lee, Li and Low, e-Energy 2019): drivers ask for far more energy than they take, and
say a stay that is right within a few hours at best. In hours, one driver in ten leaves more than 2.1 h
before the time he said, and one in ten more than 5.4 h after it.
"""

import numpy as np
from numpy.random import Generator

from evloom.kernel.timegrid import Float, Int
from evloom.simulate.sources.normal import blend, rank_of

RANK = np.array([0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99])
TAKEN_OF_ASKED = np.array([0.065, 0.118, 0.155, 0.236, 0.339, 0.432, 0.514, 0.588, 0.669, 0.744, 0.834, 0.979, 1.001, 1.043, 1.482])
TOLD_OF_STAY = np.array([0.097, 0.127, 0.207, 0.364, 0.561, 0.717, 0.827, 0.903, 0.96, 1.012, 1.171, 1.724, 2.556, 3.734, 6.144])
HABIT_SHARE = 0.5
"""Share of the variance of both errors that belongs to the driver. ACN-Data as packed names no drivers: an assumption of ours."""
ASKED_MAX_KWH = 100.0
"""Nobody asks for more than this, or than he takes if that is more: the size of a large car battery. An assumption of ours."""


def told_by(rng: Generator, driver: Int, stay_s: Float, energy_kwh: Float, driver_error: float) -> tuple[Float, Float]:
    """What the driver of each session (n,) says: length of stay in seconds and energy in kWh.

    `driver` (n,) numbers the drivers from 0. `driver_error` 0 is the truth, 1 is as wrong as measured,
    in between and beyond the ratios are raised to that power.
    """
    n_driver = int(driver.max()) + 1 if len(driver) else 0
    ratio = []
    for measured in (TAKEN_OF_ASKED, TOLD_OF_STAY):
        habit, occasion = rng.standard_normal(n_driver), rng.standard_normal(len(driver))
        rank = rank_of(blend(HABIT_SHARE, habit[driver], occasion))
        ratio.append(np.exp(driver_error * np.interp(rank, RANK, np.log(measured))))
    asked_kwh = np.minimum(energy_kwh / ratio[0], np.maximum(ASKED_MAX_KWH, energy_kwh))
    return np.maximum(stay_s * ratio[1], 60.0), asked_kwh
