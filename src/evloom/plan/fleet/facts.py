"""Numbers of generated fleets that come from outside, each with its source, unit and date; and our own assumptions, named as such.

When cars come, how long they stay, what they take and how fast: ElaadNL's tables in `simulate/data/elaad-nl.csv`, as the session
generator uses them, with its correlations (`simulate/sources/generate.py`, HABITS).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float

HOUSEHOLD_SOURCE = (
    "mean of the 100 one-minute household profiles of the IEEE European Low Voltage Test Feeder (IEEE PES, 2015), "
    "as published with pandapower, commit cea2320 (BSD licence)"
)
# kW of a mean household in each hour of the day from midnight, a day's sum of 8.4 kWh; electric cooking, no electric heating.
HOUSEHOLD_KW = (
    *(0.121, 0.120, 0.109, 0.122, 0.115, 0.132, 0.195, 0.345, 0.480, 0.458, 0.342, 0.402),
    *(0.400, 0.284, 0.295, 0.355, 0.461, 0.515, 0.594, 0.624, 0.584, 0.563, 0.522, 0.286),
)


class Model(NamedTuple):
    """A car: how many were registered, usable battery, most power on an alternating-current pile."""

    name: str
    registrations: int
    battery_kwh: float
    charge_max_kw: float


MODEL_SOURCE = "registrations in the Netherlands 2024 of the models in EV2Gym's list (StavrosOrf/EV2Gym, commit c8735e7, MIT licence)"
MODELS = (
    Model("Tesla Model 3", 47783, 57.5, 11.0),
    Model("Tesla Model Y", 39261, 57.5, 11.0),
    Model("Kia Niro", 28028, 64.8, 11.0),
    Model("Volkswagen ID.3", 23033, 58.0, 11.0),
    Model("Skoda Enyaq", 21186, 58.0, 11.0),
    Model("Hyundai Kona", 19815, 64.0, 11.0),
    Model("Peugeot 208", 17785, 46.3, 7.4),
    Model("Volkswagen ID.4", 16449, 77.0, 11.0),
)

EFFICIENCY_SOURCE = "90 % from meter to cells at 16 A on three phases for seven of those eight models (EV2Gym, as above)"
EFFICIENCY = 0.9

CARBON_SOURCE = "mean of the electricity of China in 2023, 582 g/kWh, as packaged in codecarbon 3.3.2 (MIT licence); the same at all hours"
CARBON_KG_PER_KWH = 0.582

TARIFF = "zhejiang-jiaxing-2025"
"""Key of `market.named.NAMED_TARIFFS`, which bears its source."""

# Assumptions of ours, no measurements.
SINGLE_PHASE_MAX_KW = 7.4  # 32 A at 230 V: what draws no more is taken as a car on one phase
HOUSEHOLDS_PER_HOME_CAR = 2.0
OFFICE_PEAK_KW_PER_CAR = 2.0  # peak of the buildings around a pile at work or in public, shape "office-building" of the scenarios
NODE_SPREAD = 0.2  # standard deviation of the logarithm of a node's base load
SOC_TARGET = (0.8, 1.0)  # state of charge at departure, equally likely in between
SOC_LEAST = 0.05  # nobody arrives emptier
SOC_FLOOR = 0.3  # cars that may discharge keep this much
WEAR_PER_KWH = 0.1  # money for a kWh discharged: a pack of 60,000 that gives 600,000 kWh in its life
OFFICE_NODE_SHARE = 0.2  # of the last nodes, where 80 % of the cars charge at work or in public, elsewhere 15 %
OFFICE_CAR_SHARES = (0.15, 0.8)
ONE_NODE_CAR_SHARE = 0.28  # the same mixture where there is one node only
PUBLIC_SHARE = 0.5  # of the cars that do not charge at home


def household_kw(hour: NDArray[np.floating]) -> Float:
    """Mean power of a household at hours of the day (n,), 0..24, straight lines between the middles of the hours."""
    middles = np.arange(-0.5, 25.0)
    power_kw: Float = np.interp(hour, middles, np.array((HOUSEHOLD_KW[-1], *HOUSEHOLD_KW, HOUSEHOLD_KW[0])))
    return power_kw
