"""One signature for all algorithms: the best schedule of a problem with a proof, exact where that is quick, by sweeps beyond."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from evloom.dispatch.binding import bindings
from evloom.dispatch.cells import cells_of, deliverable_kwh
from evloom.dispatch.check import check_problem
from evloom.dispatch.exact import solve
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Schedule, Stays, Stores
from evloom.dispatch.service import short_cost, short_price_per_kwh
from evloom.dispatch.solved import Round, Solved
from evloom.dispatch.sweeps.layout import lay_out, obstacle
from evloom.dispatch.sweeps.solve import Sweeper, node_prices, schedule_of, sweep_until
from evloom.dispatch.terms import stage_value, term_values
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Bool

METHODS = ("auto", "exact", "sweeps")
# Up to these sizes the exact optimum is quicker than a proof by sweeps, or about as quick (docs/algorithms.md): cells of vehicles that
# only charge where nothing but a price per step and limits matters, cells of any kind otherwise.
# It takes far longer where something discharges and directions have to be chosen (negative prices) or squares are filled by tangents.
EXACT_FLOW_CELLS, EXACT_PROGRAMME_CELLS, EXACT_HARD_CELLS = 100_000, 4_000, 300
# An energy (kWh) that is rounding.
_NEAR_KWH = 1e-6


@dataclass(frozen=True)
class Effort:
    """How hard to try.

    method      "auto" chooses by size and kind; "exact" and "sweeps" insist
    gap         stop when the schedule is proved to be within this share of the best
    sweeps_max  and in any case after so many sweeps
    """

    method: str = "auto"
    gap: float = 1e-3
    sweeps_max: int = 200


Watch = Callable[[Round], bool]
"""Told of every measured round; returns False to stop with the best schedule so far."""


def go_on(_: Round) -> bool:
    """The watch that never stops anything."""
    return True


def optimise(problem: Problem, objective: Objective, effort: Effort = Effort(), watch: Watch = go_on) -> Solved:
    """The best schedule of a problem, with its value, a proved lower bound, and the prices of the nodes where they are known.

    Raises InputError with all findings if the problem holds impossible numbers, SolverError if the method that is insisted on
    cannot treat the objective.
    """
    check_problem(problem)
    why_not = obstacle(problem, objective)
    if effort.method == "sweeps" and why_not:
        raise SolverError(why_not)
    if effort.method == "exact" or why_not or (effort.method == "auto" and _is_small(problem, objective)):
        try:
            solved = _exactly(problem, objective, watch, has_bound=not why_not)
        except SolverError:
            # Sweeps need no solver; where they can treat the problem an answer with a stated gap is better than none.
            if effort.method == "exact" or why_not:
                raise
        else:
            # Under scarcity the exact optimum may leave stationary batteries emptier than asked; sweeps let drivers go short instead.
            if effort.method == "exact" or why_not or not solved.schedule.is_emptied:
                return solved
    return _by_sweeps(problem, objective, effort, watch)


def value_of(problem: Problem, objective: Objective, schedule: Schedule, price_per_kwh: float) -> float:
    """The weighted terms of the last stage with requests, and short energy at its price."""
    terms = stage_value(objective, len(objective.stages) - 1, schedule.objective) + schedule.objective["request"]
    return terms + float(np.sum(short_cost(problem, price_per_kwh, schedule.short_kwh)))


def fixed_value(problem: Problem, objective: Objective) -> float:
    """What the objective is worth when nothing is steered at all, short energy not counted."""
    nobody = replace(problem, stays=_no_rows(problem.stays), stores=_no_rows(problem.stores))
    nothing = np.zeros((0, problem.n_step))
    values = term_values(nobody, nothing, nothing, nothing)
    return stage_value(objective, len(objective.stages) - 1, values) + values["request"]


_Table = TypeVar("_Table", Stays, Stores)


def _no_rows(table: _Table) -> _Table:
    empty: dict[str, Any] = {name: None if column is None else column[:0] for name, column in vars(table).items()}
    return replace(table, **empty)


def _is_small(problem: Problem, objective: Objective) -> bool:
    stays = problem.stays
    n_cell = int(np.maximum(stays.last - stays.first, 0).sum()) + problem.stores.node.size * problem.n_step
    turns = bool((stays.discharge_max_kw > 0).any()) or len(problem.stores.node) > 0
    terms = {term for stage in objective.stages for term, weight in stage.weights if weight}
    plain = not turns and terms <= {"cost", "carbon", "earliest", "wear", "export", "demand", "peak"} and problem.requests.n == 0
    plain &= problem.nodes.price_per_kwh is None and problem.nodes.phase_room_kw is None
    hard = turns and (bool((problem.signals.price_per_kwh < 0).any()) or "valley" in terms)
    return n_cell <= (EXACT_HARD_CELLS if hard else EXACT_FLOW_CELLS if plain else EXACT_PROGRAMME_CELLS)


def _is_scarce(problem: Problem, schedule: Schedule) -> Bool:
    """(n_stay,) stays that others, or limits, kept from what they could have had alone."""
    alone_kwh = deliverable_kwh(problem, cells_of(problem))
    scarce: Bool = schedule.short_kwh > problem.stays.need_kwh - alone_kwh + _NEAR_KWH
    return scarce


def _exactly(problem: Problem, objective: Objective, watch: Watch, *, has_bound: bool) -> Solved:
    """The exact optimum. Its service under scarcity is lexicographic, so the bound in money is then that of a few sweeps."""
    schedule = solve(problem, objective)
    price, fixed = short_price_per_kwh(problem, objective), fixed_value(problem, objective)
    value = value_of(problem, objective, schedule, price)
    bound = value
    if _is_scarce(problem, schedule).any():
        bound = -np.inf
        if has_bound:
            sweeper, _, _ = sweep_until(Sweeper(lay_out(problem, objective)), Effort().gap / 10.0, 40, fixed, watch)
            bound = min(sweeper.best.bound, value)
    return Solved(schedule, "exact", value, bound, price, None, (), bindings(problem, schedule), fixed=fixed)


def _by_sweeps(problem: Problem, objective: Objective, effort: Effort, watch: Watch) -> Solved:
    fixed = fixed_value(problem, objective)
    sweeper = Sweeper(lay_out(problem, objective))
    sweeper, rounds, stopped = sweep_until(sweeper, effort.gap, effort.sweeps_max, fixed, watch)
    bound, prices, price = sweeper.best.bound, node_prices(problem, sweeper), short_price_per_kwh(problem, objective)
    schedule = schedule_of(problem, sweeper)
    value = value_of(problem, objective, schedule, price)
    return Solved(schedule, "sweeps", value, min(bound, value), price, prices, rounds, bindings(problem, schedule), stopped, fixed)
