"""Insulation resistance at equal temperature, and its trend: a regression of its logarithm over the days on temperature and time."""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.diagnose.segment_sums import Sums
from evloom.diagnose.window import Interval

LEAST_DAYS, TREND_DAYS = 3, 14
PRIOR = np.diag([0.0, 1.0 / 0.3**2, 1.0 / 0.5**2])
"""How much 10 degC, and a month, may do to the logarithm: factors of 1.35 and 1.65, standard deviations. Damp and dirt do more than age."""


@dataclass(frozen=True)
class Insulation:
    """ohm at 25 degC today; per_month the factor by which it changes in a month, None before two weeks were seen."""

    ohm: Interval
    per_month: Interval | None


def insulation(sums: Sums) -> Insulation | None:
    """What the days so far say; None where no day has a measurement (a constant at the end of a scale is none)."""
    told = sums.insulation
    days = told[at.I_DAYS]
    if days < LEAST_DAYS:
        return None
    a, b = told[at.I_A : at.I_A + 9].reshape(3, 3), told[at.I_B : at.I_B + 3]
    doubt = np.linalg.inv(a + 0.01 * PRIOR + 1e-9 * np.eye(3))
    value = doubt @ b
    left = max(float(told[at.I_YY] - value @ b) / max(days - 2.0, 1.0), 1e-4)
    now = (sums.scalar[at.DAY] - told[at.I_FIRST]) / 30.0
    x = np.array([1.0, 0.0, now])
    middle, sd = float(x @ value), float(np.sqrt(left * (x @ doubt @ x) + left / days))
    ohm = Interval(*(float(np.exp(middle + z * sd)) for z in (-1.2816, 0.0, 1.2816)))
    if now * 30.0 < TREND_DAYS:
        return Insulation(ohm, None)
    slope_sd = float(np.sqrt(left * doubt[2, 2]))
    return Insulation(ohm, Interval(*(float(np.exp(value[2] + z * slope_sd)) for z in (-1.2816, 0.0, 1.2816))))
