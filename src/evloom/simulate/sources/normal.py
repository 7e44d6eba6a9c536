"""Normal scores: ranks 0..1 to normal numbers and back, so that ranks can be correlated."""

import math
from statistics import NormalDist

import numpy as np

from evloom.kernel.timegrid import Float

_STANDARD = NormalDist()
_EDGE = 1e-9


def rank_of(score: Float) -> Float:
    """Share of the standard normal distribution below each score (n,) -> 0..1."""
    return np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in score])


def score_of(rank: Float) -> Float:
    """Standard normal number below which the share `rank` (n,) lies; ranks at the very ends are held 1e-9 off them."""
    return np.array([_STANDARD.inv_cdf(min(max(float(u), _EDGE), 1.0 - _EDGE)) for u in rank])


def blend(share: float, first: Float, second: Float) -> Float:
    """Standard normal numbers of which `share` 0..1 of the variance comes from `first` and the rest from `second`."""
    return math.sqrt(share) * first + math.sqrt(1.0 - share) * second


def correlated(correlation: float, first: Float, second: Float) -> Float:
    """Standard normal numbers with the given `correlation` -1..1 to `first`; `second` is independent of it."""
    return correlation * first + math.sqrt(1.0 - correlation * correlation) * second


def quantile(rank: Float, value: Float) -> Float:
    """Value at each rank (n,), `value` (m,) being given at m equally spaced ranks from 0 to 1."""
    return np.interp(rank, np.linspace(0.0, 1.0, len(value)), value)
