"""What must be true of every answer of `optimise`, looked at with an optimum that another solver found."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from evloom.dispatch.objective import Objective, parse_objective
from evloom.dispatch.problem import Problem
from evloom.dispatch.service import short_price_per_kwh
from evloom.dispatch.solved import Solved
from evloom.dispatch.verify import worst_violation
from tests.property.fleets import OBJECTIVES, random_fleet, random_kind
from tests.unit.dispatch.oracle_priced import Best, best
from tests.unit.dispatch.oracle_worth import excess, worth

TINY = 1e-6  # of the gross size of the value: what two solvers may differ by
VIOLATION = 1e-6  # relative


@dataclass(frozen=True)
class Case:
    """A random problem of a size: `steps_max` bounds its steps, `seconds` the search for the optimum where it needs integers."""

    seed: int
    n_least: int
    n_most: int
    steps_max: int
    seconds: float = 2.0

    def made(self) -> tuple[Problem, Objective, str]:
        """The problem, the objective, and both in words."""
        rng = np.random.default_rng([self.seed, self.n_most])
        n = int(rng.integers(self.n_least, self.n_most + 1))
        kind = random_kind(rng, n, int(rng.integers(1 if n < 100 else self.steps_max // 2, self.steps_max + 1)))
        text = OBJECTIVES[self.seed % len(OBJECTIVES)]
        return random_fleet(rng, kind), parse_objective(text), f"{self} {text} {kind}"


@cache
def optimum(case: Case) -> Best:
    """The interval in which the optimum lies."""
    problem, objective, _ = case.made()
    return best(problem, objective, short_price_per_kwh(problem, objective), case.seconds)


def tiny(gross: float) -> float:
    """What rounding and the tolerances of two solvers may make of a value of this gross size."""
    return TINY * max(gross, 10.0)


def wrong_with(problem: Problem, objective: Objective, solved: Solved) -> list[str]:
    """What is wrong with an answer by itself: limits, its own value, its order."""
    value, gross = worth(problem, objective, short_price_per_kwh(problem, objective), solved.schedule)
    broken, unseen = worst_violation(problem, solved.schedule), excess(problem, solved.schedule)
    wrong = []
    if broken > VIOLATION or unseen > VIOLATION:
        wrong.append(f"a limit is exceeded by {broken:.2e} ({unseen:.2e} by another count)")
    if not abs(value - solved.value) <= tiny(gross):
        wrong.append(f"worth {value!r}, said to be {solved.value!r}")
    if not solved.bound <= solved.value + tiny(gross):
        wrong.append(f"bound {solved.bound!r} above its value {solved.value!r}")
    return wrong


def wrong_with_case(case: Case, solved: Solved) -> list[str]:
    """What is wrong with the answer to a case, the optimum considered.

    A bound that is not above the optimum says the same as: the schedule is no further from the optimum than stated.
    """
    problem, objective, _ = case.made()
    found = optimum(case)
    wrong, slack = wrong_with(problem, objective, solved), tiny(found.scale)
    if not solved.bound <= found.upper + slack:
        wrong.append(f"bound {solved.bound!r} above the optimum {found.upper!r}")
    # Batteries that the exact optimum let off their end answer another problem than the one of this optimum.
    if not solved.value >= found.lower - slack and not solved.schedule.is_emptied:
        wrong.append(f"value {solved.value!r} below the optimum {found.lower!r}")
    return wrong


def roomier(problem: Problem, factor: float) -> Problem:
    """The problem with more room under every limit of import."""
    nodes = problem.nodes
    room_kw = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0)
    phase_kw = None if nodes.phase_room_kw is None else nodes.phase_room_kw * factor
    limit_kw = np.maximum(nodes.base_kw, nodes.import_max_kw) + room_kw * (factor - 1.0)
    return replace(problem, nodes=replace(nodes, import_max_kw=limit_kw, phase_room_kw=phase_kw))


def permuted(problem: Problem, order: np.ndarray) -> Problem:
    """The problem with its stays in another order."""
    columns = {name: column[order] for name, column in vars(problem.stays).items() if column is not None}
    return replace(problem, stays=replace(problem.stays, **columns))
