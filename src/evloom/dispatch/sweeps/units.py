"""What is steered, vehicles and stationary batteries, sorted by path, so that units that share walls lie together."""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem
from evloom.dispatch.service import short_price_per_kwh
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int

PATH, FIRST, LENGTH, TWO_WAY = range(4)
(
    FIRST_SHARE,
    LAST_SHARE,
    CHARGE_KW,
    DISCHARGE_KW,
    NEED_KWH,
    ROOM_KWH,
    BELOW_KWH,
    CHARGE_EFFICIENCY,
    DISCHARGE_EFFICIENCY,
    WEAR,
    SHORT_PRICE,
    END_KWH,
) = range(12)


class Units(NamedTuple):
    """Few tables instead of many columns: compiled code passes them around quickly.

    row     (n_unit,) row of the problem's stays; those of stores come after them
    begin   (n_unit + 1,) cells of each unit in the plan
    place   (n_unit, 4): PATH row of `walls.Ways`, FIRST step, LENGTH in steps, TWO_WAY 1 where it can discharge
    rate    (n_unit, 12): as in `problem.Stays`; WEAR per kWh in units of the objective; SHORT_PRICE what the last part of a need is
            worth, objective per kWh at the meter, priority included; END_KWH energy in the cells that must be there at the end,
            against now: 0 for vehicles, <= 0 for stores
    """

    row: Int
    begin: Int
    place: Int
    figures: Float

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.row)


def units_of(problem: Problem, objective: Objective, n_phase: int) -> Units:
    """The units of a problem; path = node x n_phase + phase (phase 0 = all three)."""
    stays, stores, n_step = problem.stays, problem.stores, problem.n_step
    wear = dict(objective.stages[-1].weights).get("wear", 0.0)
    n_store, ones = len(stores.node), np.ones(len(stores.node))
    phase = np.zeros(stays.n, dtype=np.int64) if stays.phase is None or n_phase == 1 else stays.phase + 1
    path = np.concatenate((stays.node * n_phase + phase, stores.node * n_phase))
    order = np.argsort(path, kind="stable")
    length = np.concatenate((np.maximum(stays.last - stays.first, 0), np.full(n_store, n_step)))[order]
    end_kwh = -stores.stored_kwh if stores.end_min_kwh is None else np.minimum(stores.end_min_kwh, stores.stored_kwh) - stores.stored_kwh
    short_per_kwh = short_price_per_kwh(problem, objective)
    room_kwh = (stores.capacity_kwh - stores.stored_kwh) / stores.charge_efficiency

    first = np.concatenate((stays.first, np.zeros(n_store, dtype=np.int64)))[order]
    is_two_way = np.concatenate((stays.discharge_max_kw > 0, np.ones(n_store, dtype=np.bool_)))[order]
    figures = np.empty((len(order), 12))
    columns: tuple[tuple[Float, Float], ...] = (
        (stays.first_share, ones),
        (stays.last_share, ones),
        (stays.charge_max_kw, stores.charge_max_kw),
        (stays.discharge_max_kw, stores.discharge_max_kw),
        (stays.need_kwh, 0.0 * ones),
        (stays.room_kwh, room_kwh),
        (stays.below_kwh, stores.stored_kwh),
        (stays.charge_efficiency, stores.charge_efficiency),
        (stays.discharge_efficiency, stores.discharge_efficiency),
        (stays.wear_per_kwh * wear, stores.wear_per_kwh * wear),
        (stays.priority * short_per_kwh, short_per_kwh * ones),
        (np.zeros(stays.n), end_kwh),
    )
    for number, pair in enumerate(columns):
        figures[:, number] = np.concatenate(pair)[order]
    begin = np.concatenate(([0], np.cumsum(length)))
    place = np.ascontiguousarray(np.stack((path[order], first, length, is_two_way.astype(np.int64)), axis=1))
    return Units(order, begin, place, figures)


@compiled
def cell_energies(power_kw: float, shares: tuple[float, float], first: int, n: int, step_h: Float, out: Float) -> None:
    """Most energy of a power in each of n cells, the first and last of which may be parts of steps."""
    for j in range(n):
        out[j] = power_kw * step_h[first + j]
    if n > 0:
        out[0] *= shares[0]
    if n > 1:
        out[n - 1] *= shares[1]
