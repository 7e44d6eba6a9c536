"""One signature for all algorithms: the best schedule of a problem with a proof, exact where that is quick, by sweeps beyond."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.service import short_cost, short_price_per_kwh
from evloom.dispatch.solved import Round, Solved
from evloom.dispatch.terms import stage_value

METHODS = ("auto", "exact", "sweeps")


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
    """The best schedule of a problem, with its value, a proved lower bound, and the prices of the nodes where they are known."""
    schedule = solve(problem, objective)
    price = short_price_per_kwh(problem, objective)
    value = value_of(problem, objective, schedule, price)
    return Solved(schedule, "exact", value, value, price, None, (), ())


def value_of(problem: Problem, objective: Objective, schedule: Schedule, price_per_kwh: float) -> float:
    """The weighted terms of the last stage with requests, and short energy at its price."""
    last = len(objective.stages) - 1
    terms = stage_value(objective, last, schedule.objective) + schedule.objective.get("request", 0.0)
    return terms + float(np.sum(short_cost(problem, price_per_kwh, schedule.short_kwh)))
