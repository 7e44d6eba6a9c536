"""How much the page can hold: steps that are put together, nodes and prices that are left out."""

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float

STEPS_MAX = 1_500  # more steps than this are put together
NODES_MAX = 500
LOADS_MAX = 200_000  # numbers in the series of all nodes together, about 1 MB as text
PRICE_ROWS_MAX = 200
PRICES_MAX = 100_000  # numbers in the map of prices, about 0.7 MB as text
_SERIES = 4  # base load, load as scheduled, load at once, limit


def fold_of(problem: Problem) -> int:
    """How many steps become one value of a series, at least 1."""
    return max(1, -(-problem.n_step // STEPS_MAX))


def folded(problem: Problem, values: Float, fold: int) -> Float:
    """Means of `fold` steps at a time over the last axis, weighted by their length; infinity where one of them is."""
    if fold == 1:
        return values
    starts = np.arange(0, problem.n_step, fold)
    means: Float = np.add.reduceat(values * problem.step_h, starts, axis=-1) / np.add.reduceat(problem.step_h, starts)
    return means


def nodes_max(problem: Problem) -> int:
    """For how many nodes the page can hold their loads."""
    return max(1, min(NODES_MAX, LOADS_MAX // (_SERIES * _shown(problem))))


def price_rows_max(problem: Problem) -> int:
    """For how many nodes it can hold their prices."""
    return max(1, min(PRICE_ROWS_MAX, PRICES_MAX // _shown(problem)))


def _shown(problem: Problem) -> int:
    return max(1, -(-problem.n_step // fold_of(problem)))
