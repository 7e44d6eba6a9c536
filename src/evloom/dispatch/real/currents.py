"""What the chargers of a planning problem can be set to, and what that means for the plan."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float, Int
from evloom.pile.limit import quantise_down

THREE_PHASE_KW_PER_A = 0.69  # at 230 V between phase and neutral


class Currents(NamedTuple):
    """What each stay's charger can be set to, columns (n_stay,); as in `dispatch.moment.Bays`.

    kw_per_a        kW per ampere of the conductors in use: 0.23 on one phase of 230 V, 0.69 on three
    current_min_a   least current that charges: 6 A by IEC 61851-1, 0 for direct current
    current_step_a  steps of the current, 1 or 0.1 A by the charger; 0: continuous
    """

    kw_per_a: Float
    current_min_a: Float
    current_step_a: Float

    @property
    def least_kw(self) -> Float:
        """Least power at which each charger charges at all, (n_stay,)."""
        return self.kw_per_a * self.current_min_a


def currents(phase: Int, current_min_a: float = 6.0, current_step_a: float = 1.0) -> Currents:
    """The chargers of stays that load one phase (`phase` 0, 1 or 2) or all three (-1) of 230 V."""
    single = np.where(phase < 0, THREE_PHASE_KW_PER_A, THREE_PHASE_KW_PER_A / 3.0)
    return Currents(single, np.full(len(phase), current_min_a), np.full(len(phase), current_step_a))


def settable_kw(power_kw: Float, chargers: Currents) -> Float:
    """The largest power (n_stay,) that each charger can be set to within `power_kw` (n_stay,); 0 below its least current."""
    pairs = zip(power_kw, *chargers, strict=True)
    return np.array([quantise_down(*row) for row in pairs], dtype=np.float64)


def within_currents(problem: Problem, chargers: Currents) -> Problem:
    """The problem with powers that can be set: a plan of 32.2 A that no charger can follow would owe 0.2 A in every step.

    A vehicle or pile that cannot carry the least current has power 0 and is short of its whole need from the start, so that the
    plan gives what it would have had to others, and says who goes without.
    """
    stays = problem.stays
    charge_kw, give_kw = settable_kw(stays.charge_max_kw, chargers), settable_kw(stays.discharge_max_kw, chargers)
    return replace(problem, stays=replace(stays, charge_max_kw=charge_kw, discharge_max_kw=give_kw))


def beneath(problem: Problem, chargers: Currents) -> Int:
    """Rows of the stays that have a need but whose power is below the least current of their charger."""
    stays = problem.stays
    return np.flatnonzero((stays.need_kwh > 0.0) & (settable_kw(stays.charge_max_kw, chargers) <= 0.0))
