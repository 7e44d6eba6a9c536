"""Cases of uncertain inputs without chance: evenly spread points as values that keep p10, p50 and p90; and which input matters most.

The points are a Latin square in an order that a fixed mixing of the counter gives, freed of correlation (Iman and Conover 1982,
doi:10.1080/03610918208812265): nothing is drawn, the same input gives the same card.
"""

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float

_Z90 = 1.2815515655446004  # of the normal distribution, at 0.9
_REACH = 2.5  # no case lies further out than this many standard deviations
_WIDE = 2.0  # above this ratio of p90 to p10 the logarithm is taken as normal
_BINS = 12


class Spread(NamedTuple):
    """An uncertain number by its quantiles."""

    p10: float
    p50: float
    p90: float


class Share(NamedTuple):
    """What an input does to a result: share of its variance, mean result where the input is in its lowest and highest fifth."""

    share: float
    low: float
    high: float


@lru_cache(maxsize=8)
def _normal(n: int) -> Float:
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / n) for k in range(n)])


@lru_cache(maxsize=8)
def cases(n: int, n_input: int) -> Float:
    """(n_input, n) standard normal values within 2.5, each row evenly spread, the rows uncorrelated. Read only."""
    scores = _scores(_mixed(np.arange(1, n * n_input + 1, dtype=np.uint64)).reshape(n_input, n))
    for _ in range(2):  # taking ranks brings a little correlation back
        scores = _scores(np.linalg.solve(np.linalg.cholesky(np.corrcoef(scores)), scores)) if n_input > 1 else scores
    values = np.clip(scores, -_REACH, _REACH)
    values.setflags(write=False)
    return values


def _mixed(counter: NDArray[np.uint64]) -> Float:
    """Numbers without order in 0..1, the same everywhere: the finaliser of SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195)."""
    z = counter * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) / 2.0**64)


def _scores(values: Float) -> Float:
    return _normal(values.shape[1])[np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1, kind="stable")]


def spread_over(spread: Spread, z: Float) -> Float:
    """Values (n,) of standard normal ones, two halves of normal (or, where it is wide, lognormal) curves that meet at p50.

    Raises ValueError where the quantiles are not in order.
    """
    if not spread.p10 <= spread.p50 <= spread.p90:
        raise ValueError(f"quantiles out of order: {spread}")
    if spread.p10 > 0.0 and spread.p90 > _WIDE * spread.p10:
        low, mid, high = (math.log(value) for value in spread)
        return np.asarray(np.exp(mid + np.where(z < 0.0, mid - low, high - mid) * z / _Z90))
    values = spread.p50 + np.where(z < 0.0, spread.p50 - spread.p10, spread.p90 - spread.p50) * z / _Z90
    return np.maximum(values, 0.0) if spread.p10 >= 0.0 else np.asarray(values)


def share_of(given: Float, result: Float) -> Share:
    """How much of the variance of `result` (n,) goes along with `given` (n,) alone, by means in bins; less what chance would give."""
    n = len(given)
    order = np.argsort(given, kind="stable")
    parts = np.array_split(result[order], min(_BINS, n))
    fifth = max(n // 5, 1)
    low, high = float(result[order[:fifth]].mean()), float(result[order[-fifth:]].mean())
    total = float(((result - result.mean()) ** 2).sum())
    if total <= 0.0 or n <= _BINS:
        return Share(0.0, low, high)
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    return Share(max(1.0 - within / total * (n - 1) / (n - _BINS), 0.0), low, high)
