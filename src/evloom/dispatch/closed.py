"""Where no limit couples the stays, each one's cheapest steps are the optimum: no linear programme is needed."""

import numpy as np

from evloom.dispatch.cells import Cells, overload_kwh, total_by, zone_prices_per_kwh
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem
from evloom.dispatch.terms import export_steps, interval_means_kw, middle_h, terms_in
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int

# Terms that are a price per kWh charged in a step once nothing discharges and nothing is exported.
_PER_STEP = {"cost", "carbon", "earliest", "export", "wear"}


def step_costs(problem: Problem, objective: Objective) -> Float | None:
    """Cost of a kWh charged in each step, one row per stage, (n_stage, n_step); None where that is not all there is.

    A demand charge is left out: it must be seen afterwards whether it is due.
    """
    terms = terms_in(objective)
    alone = not (problem.stays.discharge_max_kw > 0).any() and len(problem.stores.node) == 0
    per_step = terms <= _PER_STEP | {"demand"}
    if not alone or not per_step or any(stage.slack > 1.0 for stage in objective.stages[:-1]):
        return None
    if len(export_steps(problem.signals, terms, problem.nodes.base_kw[0])):
        return None
    zone_price = _common_zone_price(problem) if "cost" in terms else np.zeros(problem.n_step)
    if zone_price is None:
        return None
    price = {
        "cost": problem.signals.price_per_kwh + zone_price,
        "carbon": problem.signals.carbon_kg_per_kwh,
        "earliest": middle_h(problem),
    }
    nothing = np.zeros(problem.n_step)
    stages = [sum((weight * price.get(term, nothing) for term, weight in stage.weights), nothing) for stage in objective.stages]
    return np.array(stages).reshape(len(objective.stages), problem.n_step)


def _common_zone_price(problem: Problem) -> Float | None:
    """What zones add to the price of a step, (n_step,); None where it is not the same for all stays."""
    zone = zone_prices_per_kwh(problem)
    if zone is None or problem.stays.n == 0:
        return np.zeros(problem.n_step)
    of_nodes = zone[np.unique(problem.stays.node)]
    return of_nodes[0] if (of_nodes == of_nodes[0]).all() else None


def rank_steps(costs: Float) -> tuple[Int, Int]:
    """Steps from cheapest to dearest, stage before stage, then earliest first; and the sign of each step's first cost that is not 0."""
    n_stage, n_step = costs.shape
    order = np.lexsort((np.arange(n_step), *costs[::-1]))
    first = np.argmax(costs != 0, axis=0) if n_stage else np.zeros(n_step, dtype=np.int64)
    sign = np.sign(costs[first, np.arange(n_step)]).astype(np.int64) if n_stage else np.zeros(n_step, dtype=np.int64)
    return order, sign


@compiled
def fill_cheapest(rank: Int, pays: Int, begin: Int, step: Int, most_kwh: Float, wanted_kwh: Float) -> Float:
    """Charge in the cheapest cells of each stay until its need is reached, and up to its room while charging pays.

    rank   (n_step,) place of each step in the order of costs; pays (n_step,) 1 where a kWh costs less than nothing
    begin  (n_stay + 1,), step and most_kwh (n_cell,): see Cells; wanted_kwh (2, n_stay): need, room.
    Returns the charge of each cell, (n_cell,).
    """
    charge = np.zeros(len(step))
    for stay in range(len(begin) - 1):
        cells = np.arange(begin[stay], begin[stay + 1])
        filled = 0.0
        for j in np.argsort(rank[step[cells]]):
            cell = cells[j]
            target = wanted_kwh[pays[step[cell]], stay]
            if filled >= target:
                break
            charge[cell] = min(most_kwh[cell], target - filled)
            filled += charge[cell]
    return charge


def closed_form(problem: Problem, cells: Cells, need_kwh: Float, objective: Objective) -> Float | None:
    """Optimal charge of each cell (n_cell,), or None where limits, peaks, batteries or export couple the stays.

    need_kwh (n_stay,) is what each stay could get if it were alone.
    """
    costs = step_costs(problem, objective)
    if costs is None:
        return None
    order, sign = rank_steps(costs)
    rank = np.empty(problem.n_step, dtype=np.int64)
    rank[order] = np.arange(problem.n_step)
    pays = (sign < 0).astype(np.int64)
    wanted_kwh = np.stack((need_kwh, problem.stays.room_kwh))
    charge = fill_cheapest(rank, pays, cells.begin, cells.step, cells.charge_max_kwh, wanted_kwh)
    if overload_kwh(problem, cells, charge) > 0:
        return None
    if "demand" in terms_in(objective) and _is_new_peak(problem, cells, charge):
        return None
    return charge


def _is_new_peak(problem: Problem, cells: Cells, charge: Float) -> bool:
    net = problem.nodes.base_kw[0] * problem.step_h + total_by(cells.step, charge, problem.n_step)
    return bool(interval_means_kw(problem, net)[0].max(initial=-np.inf) > problem.signals.peak_so_far_kw)
