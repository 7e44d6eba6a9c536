"""The exact optimum of a planning problem. docs/optimum.md states the formulation and the rules."""

from dataclasses import replace

import numpy as np

from evloom.dispatch.cells import Cells, cells_of, deliverable_kwh, room_of, tight_phases, up_the_tree
from evloom.dispatch.check import check_problem
from evloom.dispatch.closed import closed_form
from evloom.dispatch.formulate import formulate
from evloom.dispatch.formulation import Formulation, OneWay
from evloom.dispatch.highs import Recall
from evloom.dispatch.objective import REQUEST, Objective
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.share import fair_need_kwh
from evloom.dispatch.staged import least_short_kwh, solve_stages, stage_constant, stage_cost
from evloom.dispatch.terms import stage_value, steered_kwh, term_values, terms_in
from evloom.dispatch.transport import by_flow
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Float

# Energies below this are rounding of the solver, whose own feasibility tolerance is 1e-7.
_ZERO_KWH = 1e-9
_NEAR_KWH = 1e-6
# Money below this is rounding.
_ZERO_COST = 1e-9
_ROUNDS_MAX = 50


def solve(problem: Problem, objective: Objective, recall: Recall | None = None) -> Schedule:
    """The best schedule: service first, then the stages of the objective in their order, then the earliest delivery.

    Service: what can be delivered by departure is delivered. Under scarcity the loss weighted by `priority` is the
    least possible (a kWh goes to the higher priority where there is a choice), and among all ways to lose no more
    than that, sum of priority x need x (short / need)^2 is least: stays of equal priority that compete for the same
    power lack the same share of their need. A vehicle that may discharge has its promise kept in its cells:
    need_kwh x charge_efficiency above today's charge, so that round-trip losses are never the driver's.

    Where the base load alone is above a limit, steered units draw nothing there and the limit counts as met.
    No unit charges and discharges in one step. The same input gives the same bits. With `recall`, which a caller keeps from
    one replan to the next, a programme of the same size starts where the last one ended: the value is the same and found in a
    half to two thirds of the time (V2G), but among plans equal in all stages and in earliness another may be taken.

    Raises InputError with all findings if the problem holds impossible numbers, SolverError if HiGHS fails.
    """
    check_problem(problem)
    cells = cells_of(problem)
    need_kwh = deliverable_kwh(problem, cells)
    schedule, need_kwh = _without_programme(problem, cells, need_kwh, objective)
    # Requests are left out there: where a schedule misses none, it is also the best with them.
    if schedule is not None and schedule.objective[REQUEST] <= _ZERO_COST:
        return schedule
    objective = objective.with_requests() if problem.requests.n else objective
    return _by_programme(problem, cells, need_kwh, objective, recall)


def _without_programme(problem: Problem, cells: Cells, need_kwh: Float, objective: Objective) -> tuple[Schedule | None, Float]:
    """The optimum but for requests, where a quicker way than the programme finds it, and the needs (n_stay,) that can be kept."""
    charge = closed_form(problem, cells, need_kwh, objective)
    if charge is None:
        charge = by_flow(problem, cells, need_kwh, objective)
    only_charging = not (problem.stays.discharge_max_kw > 0).any() and len(problem.stores.node) == 0
    if charge is None and only_charging and not tight_phases(problem, cells).any():
        need_kwh = fair_need_kwh(problem, cells, need_kwh)
        charge = by_flow(problem, cells, need_kwh, objective)
    if charge is None:
        return None, need_kwh
    charge = np.clip(charge, 0.0, cells.charge_max_kwh)
    return _schedule(problem, cells, charge, np.zeros(cells.n), np.zeros((len(problem.stores.node), problem.n_step))), need_kwh


def _by_programme(problem: Problem, cells: Cells, need_kwh: Float, objective: Objective, recall: Recall | None = None) -> Schedule:
    """Solve, first as if every promise could be kept, then with least losses; add directions until none is mixed."""
    terms, one_way, is_scarce = terms_in(objective), OneWay(), False
    is_emptied = False
    for _ in range(_ROUNDS_MAX):
        f = formulate(problem, cells, need_kwh, terms, one_way)
        found = solve_stages(f, objective, recall or Recall())
        if not found and not is_scarce:
            is_emptied = problem.stores.end_min_kwh is not None and problem.stores.node.size > 0
            problem = replace(problem, stores=replace(problem.stores, end_min_kwh=None))  # drivers come before a full battery
            short_kwh = least_short_kwh(formulate(problem, cells, need_kwh, (), OneWay(), scarce=True))
            need_kwh, is_scarce = np.maximum(need_kwh - short_kwh - _NEAR_KWH / 10 * (short_kwh > 0), 0.0), True
            continue
        if not found:
            raise SolverError("the promise that can be kept was not found again")
        known, one_way = one_way, _with_mixed(f, found, objective, one_way, need_kwh)
        if one_way.n == known.n:
            return replace(finish(f, found[-1], need_kwh), is_emptied=is_emptied)
    raise SolverError("no choice of directions was found")


def _with_mixed(f: Formulation, found: list[Float], objective: Objective, known: OneWay, need_kwh: Float) -> OneWay:
    """The known directions and those to be chosen because a solution went both ways there and is worth less without it.

    A stage that later ones may give some of up must be right itself, for its value is the measure of what is given up.
    """
    one_way = known
    for number, x in enumerate(found):
        is_last = number == len(found) - 1
        if not is_last and objective.stages[number].slack == 1.0:
            continue
        mixed = _mixed(f, x, known)
        stages = Objective(objective.stages[: number + 1])
        if mixed.n and not _is_as_good(f, x, stages, finish(f, x, need_kwh)):
            one_way = OneWay(*(np.union1d(old, new) for old, new in zip(one_way.parts, mixed.parts, strict=True)))
    return one_way


def _mixed(f: Formulation, x: Float, known: OneWay) -> OneWay:
    """Where x goes both ways at once and no binary forbids it yet."""
    cell = f.two_way[np.minimum(x[f.charge[f.two_way]], x[f.discharge]) > _NEAR_KWH]
    store = np.flatnonzero(np.minimum(x[f.store_charge], x[f.store_discharge]) > _NEAR_KWH)
    base_kwh = (f.problem.nodes.base_kw[0] * f.problem.step_h)[f.export_step]
    import_kwh = base_kwh + x[f.total[0, f.export_step]] + x[f.exported]
    step = f.export_step[np.minimum(import_kwh, x[f.exported]) > _NEAR_KWH]
    return OneWay(*(np.setdiff1d(new, old) for new, old in zip((cell, store, step), known.parts, strict=True)))


def _is_as_good(f: Formulation, x: Float, objective: Objective, schedule: Schedule) -> bool:
    """The schedule, in which nothing goes both ways, is worth what x is, in every stage, and keeps the export limits."""
    for number, stage in enumerate(objective.stages):
        promised = float(stage_cost(f, stage) @ x) + stage_constant(f, stage)
        if stage_value(objective, number, schedule.objective) > promised + 1e-7 * max(1.0, abs(promised)):
            return False
    return _export_excess_kwh(f.problem, schedule) <= _NEAR_KWH


def _export_excess_kwh(problem: Problem, schedule: Schedule) -> float:
    """Most energy by which steered units push back more than a node allows."""
    net = steered_kwh(problem, schedule.charge_kwh, schedule.discharge_kwh, schedule.store_kwh)
    return float((-up_the_tree(problem, net) - room_of(problem).export_max_kwh).max(initial=0.0))


def finish(f: Formulation, x: Float, need_kwh: Float) -> Schedule:
    """Round off what the solver leaves: bounds hold exactly, energies to 1e-9, and nothing goes both ways."""
    problem, cells, stays, stores = f.problem, f.cells, f.problem.stays, f.problem.stores
    charge, discharge = _clean(x[f.charge], cells.charge_max_kwh), np.zeros(cells.n)
    two = f.two_way
    discharge[two] = _clean(x[f.discharge], cells.discharge_max_kwh[two])
    owner = cells.stay[two]
    charge[two], discharge[two] = _net(charge[two], discharge[two], stays.charge_efficiency[owner], stays.discharge_efficiency[owner])
    charge = _settle(cells, charge, need_kwh - _kept_kwh(problem, cells, charge, discharge))
    unit = np.repeat(np.arange(len(stores.node)), problem.n_step)
    most = stores.charge_max_kw[unit] * problem.step_h[f.store_step], stores.discharge_max_kw[unit] * problem.step_h[f.store_step]
    into, out = _clean(x[f.store_charge], most[0]), _clean(x[f.store_discharge], most[1])
    into, out = _net(into, out, stores.charge_efficiency[unit], stores.discharge_efficiency[unit])
    return _schedule(problem, cells, charge, discharge, (into - out).reshape(len(stores.node), problem.n_step))


def _clean(energy_kwh: Float, most_kwh: Float) -> Float:
    energy_kwh = np.clip(energy_kwh, 0.0, most_kwh)
    energy_kwh[energy_kwh < _ZERO_KWH] = 0.0
    return energy_kwh


def _net(charge: Float, discharge: Float, charge_efficiency: Float, discharge_efficiency: Float) -> tuple[Float, Float]:
    """The one-way flow that leaves the same energy in the cells. The meter sees no more import than before."""
    both = (charge > 0) & (discharge > 0)
    stored = charge * charge_efficiency - discharge / discharge_efficiency
    return (
        np.where(both, np.maximum(stored, 0.0) / charge_efficiency, charge),
        np.where(both, np.maximum(-stored, 0.0) * discharge_efficiency, discharge),
    )


def _kept_kwh(problem: Problem, cells: Cells, charge: Float, discharge: Float) -> Float:
    """What a stay has of its promise, (n_stay,): charge less what discharging took from the cells, at the meter."""
    stays = problem.stays
    return cells.per_stay(charge) - cells.per_stay(discharge) / (stays.charge_efficiency * stays.discharge_efficiency)


def _settle(cells: Cells, charge: Float, lacking_kwh: Float) -> Float:
    """Spread a rounding error of each stay's energy over its cells that are neither empty nor full."""
    slack = np.minimum(charge, cells.charge_max_kwh - charge)
    total = cells.per_stay(slack)
    small = (np.abs(lacking_kwh) < _NEAR_KWH) & (total > _NEAR_KWH)
    change = np.where(small, lacking_kwh, 0.0) / np.where(small, total, 1.0)
    return np.clip(charge + slack * change[cells.stay], 0.0, cells.charge_max_kwh)


def _schedule(problem: Problem, cells: Cells, charge: Float, discharge: Float, store_kwh: Float) -> Schedule:
    lacking = problem.stays.need_kwh - _kept_kwh(problem, cells, charge, discharge)
    short_kwh = np.where(lacking > _ZERO_KWH, lacking, 0.0)
    tables = cells.dense(charge, problem.n_step), cells.dense(discharge, problem.n_step)
    return Schedule(*tables, store_kwh, short_kwh, term_values(problem, *tables, store_kwh))
