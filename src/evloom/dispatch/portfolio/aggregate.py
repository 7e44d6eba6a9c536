"""The load of many charging vehicles as one set, exactly: two set functions that are sums over the vehicles.

A vehicle that only charges, with power up to a limit while it is there and an energy between need and room at departure, can take the
loads x >= 0 of a generalised polymatroid: for every set A of steps, least(A) <= x(A) <= most(A) with
    most(A)  = min(what its cells of A can take, room)
    least(A) = max(need - what its cells outside of A can take, 0).
Minkowski sums of generalised polymatroids are those of the summed functions (Frank and Tardos 1988; Mukhi, Loho and Abate 2025, arXiv
2503.23458; for equal vehicles Mukhi and Abate 2023, arXiv 2306.16824), so the sums here describe the whole population with no loss.
Limits of the tree are not in them: `shift.py` has those.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.cells import Cells, cells_of
from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class Aggregate:
    """Vehicles that only charge, taken together; need_kwh and room_kwh (n_stay,) are what each can get of them alone."""

    cells: Cells
    n_step: int
    need_kwh: Float
    room_kwh: Float

    def most_kwh(self, steps: Bool) -> float:
        """Most energy that the population can take in a set of steps, (n_step,) true where in the set. Submodular."""
        inside_kwh = self.cells.per_stay(self.cells.charge_max_kwh * steps[self.cells.step])
        return float(np.minimum(inside_kwh, self.room_kwh).sum())

    def least_kwh(self, steps: Bool) -> float:
        """Least energy that it must take in a set of steps to leave with its needs. Supermodular."""
        outside_kwh = self.cells.per_stay(self.cells.charge_max_kwh * ~steps[self.cells.step])
        return float(np.maximum(self.need_kwh - outside_kwh, 0.0).sum())

    def vertex(self, price_per_kwh: Float) -> Float:
        """Charge of each cell (n_cell,) that costs the population least at prices (n_step,): an extreme point, shared out.

        Every vehicle fills its own cheapest steps (Edmonds' greedy algorithm), up to its need, and up to its room where the price is
        negative. An extreme point of a sum is the sum of extreme points for the same prices, so nothing is left to share out.
        """
        cells = self.cells
        order = np.lexsort((price_per_kwh[cells.step], cells.stay))
        most_kwh = cells.charge_max_kwh[order]
        before_kwh = np.cumsum(most_kwh) - most_kwh
        begin = cells.begin[:-1][np.diff(cells.begin) > 0]
        within_kwh = before_kwh - np.repeat(before_kwh[begin], np.diff(cells.begin)[np.diff(cells.begin) > 0])
        owner = cells.stay[order]
        wanted_kwh = np.where(price_per_kwh[cells.step[order]] < 0, self.room_kwh[owner], self.need_kwh[owner])
        charge = np.empty(cells.n)
        charge[order] = np.clip(wanted_kwh - within_kwh, 0.0, most_kwh)
        return charge

    def holds(self, load_kwh: Float, sets: Bool, tolerance_kwh: float = 1e-9) -> bool:
        """Whether a load (n_step,) keeps to both functions on every one of these sets of steps (n_set, n_step).

        With all sets that is: the population can take it. With some, a load that fails is certainly out of reach.
        """
        for steps in sets:
            energy_kwh = float(load_kwh[steps].sum())
            if not self.least_kwh(steps) - tolerance_kwh <= energy_kwh <= self.most_kwh(steps) + tolerance_kwh:
                return False
        return True


def aggregate_of(problem: Problem, rows: Int | None = None) -> Aggregate:
    """The vehicles of a problem (or some rows of its stays) as one. Raises ValueError where one of them may discharge."""
    stays, cells = problem.stays, cells_of(problem)
    chosen = np.ones(stays.n, dtype=np.bool_) if rows is None else np.isin(np.arange(stays.n), rows)
    if (stays.discharge_max_kw[chosen] > 0).any():
        raise ValueError("vehicles that may discharge have no such description: their losses break it")
    most_kwh = np.where(chosen, cells.per_stay(cells.charge_max_kwh), 0.0)
    return Aggregate(cells, problem.n_step, np.minimum(stays.need_kwh, most_kwh), np.minimum(stays.room_kwh, most_kwh))


def all_sets(n_step: int) -> Bool:
    """Every set of steps, (2^n_step, n_step); for horizons of up to 16 steps or so."""
    number = np.arange(2**n_step)[:, None]
    sets: Bool = (number >> np.arange(n_step)) & 1 == 1
    return sets
