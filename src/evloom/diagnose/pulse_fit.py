"""Kernel ridge regression with the error that it has on cells it has not seen, in plain numpy.

Whatever is chosen (reach of the kernel, ridge) and whatever is promised (the interval) goes by predictions of each physical cell from
all others. Leaving a cell out needs no new fit: with H = K + ridge, its residuals are the solution of (H^-1)_cc r = (H^-1 y)_c
(for single points: Craven and Wahba 1979, doi:10.1007/BF01404567).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float

REACHES = (0.7, 1.5, 3.0, 6.0)
RIDGES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4)
"""What is tried: reach of the kernel in standard deviations of a feature, ridge relative to the variance of a point."""
_UNLIKE = 3.0  # so many times further from any other cell than nearly all reference cells are
_NEARLY_ALL = 0.99
Names = NDArray[np.str_]


@dataclass(frozen=True)
class Fit:
    """What was learnt from n tests.

    centre, scale  of the features; mean, spread of the target; points (n, n_feature) scaled; weights (n,)
    reach, ridge   as chosen; near  distance to the nearest point above which something is unlike all of them
    cells (n,)     names; misses (n,) of each test when its physical cell was left out, in units of the target
    """

    centre: Float
    scale: Float
    mean: float
    points: Float
    weights: Float
    reach: float
    ridge: float
    near: float
    cells: tuple[str, ...]
    misses: Float


def fitted(given: Float, target: Float, origins: Names, cells: Names) -> Fit:
    """Fit of `target` (n,) by features `given` (n, n_feature).

    origins (n,) name the physical cell that was tested, cells (n,) the cell at one age
    """
    centre, scale = given.mean(axis=0), given.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    points = (given - centre) / scale
    mean, spread = float(target.mean()), max(float(target.std()), 1e-9)
    y = (target - mean) / spread
    groups = [np.flatnonzero(origins == name) for name in np.unique(origins)]
    best: tuple[float, float, float, Float] | None = None
    for reach in REACHES:
        alike = _alike(points, points, reach)
        for ridge in RIDGES:
            misses = _left_out(alike, y, groups, ridge)
            error = float(np.abs(misses).mean())
            if best is None or error < best[0]:
                best = (error, reach, ridge, misses)
    if best is None:
        raise ValueError("nothing was tried")
    _, reach, ridge, misses = best
    weights: Float = np.asarray(np.linalg.solve(_alike(points, points, reach) + ridge * np.eye(len(y)), y), dtype=np.float64)
    near = _usual_distance(points, origins) * _UNLIKE
    names = tuple(str(name) for name in cells)
    return Fit(centre, scale, mean, points, weights * spread, reach, ridge, near, names, misses * spread)


def predicted(fit: Fit, given: Float) -> Float:
    """What the fit says of features (m, n_feature), (m,)."""
    return np.asarray(fit.mean + _alike((given - fit.centre) / fit.scale, fit.points, fit.reach) @ fit.weights)


def nearness(fit: Fit, given: Float) -> Float:
    """Distance (m,) of features to the nearest point, relative to what is still like the reference: above 1 it is unlike."""
    return np.asarray(np.sqrt(_squares((given - fit.centre) / fit.scale, fit.points).min(axis=1)) / fit.near)


def half_width(fits: Sequence[Fit], inside: float) -> float:
    """Half width of an interval about the mean of what the fits say of one cell, which holds a share `inside` of the cells left out.

    Fits of several states of charge: cells that have a miss in each are taken by the mean of their misses. The same fit several
    times (a cell tested as found again and again): what differs between the tests of one cell averages out.
    """
    once = {id(fit): fit for fit in fits}
    if len(once) == 1:
        fit = fits[0]
        return _quantile(np.abs(fit.misses), inside) * _shrink(fit, len(fits))
    means: dict[str, list[float]] = {}
    for fit in once.values():
        for name, miss in misses_by_cell(fit).items():
            means.setdefault(name, []).append(miss)
    full = [float(np.mean(misses)) for misses in means.values() if len(misses) == len(once)]
    return _quantile(np.abs(np.array(full)), inside) if full else max(_quantile(np.abs(fit.misses), inside) for fit in once.values())


def misses_by_cell(fit: Fit) -> dict[str, float]:
    """What is said of a cell, less what is true, where its physical cell was left out; the mean over its tests."""
    sums: dict[str, list[float]] = {}
    for name, miss in zip(fit.cells, fit.misses, strict=True):
        sums.setdefault(name, []).append(float(miss))
    return {name: float(np.mean(misses)) for name, misses in sums.items()}


def _shrink(fit: Fit, n_test: int) -> float:
    """Factor of the width where a cell was tested n times: root of (between + within / n) over (between + within)."""
    if n_test == 1:
        return 1.0
    total = float(np.mean(fit.misses**2))
    per_cell = misses_by_cell(fit)
    within = float(np.mean([(miss - per_cell[name]) ** 2 for name, miss in zip(fit.cells, fit.misses, strict=True)]))
    return math.sqrt((max(total - within, 0.0) + within / n_test) / total) if total > 0.0 else 1.0


def _quantile(sizes: Float, inside: float) -> float:
    """Quantile that holds for one more cell (split conformal): the ceil((n + 1) inside)-th smallest."""
    n = len(sizes)
    return float(np.sort(sizes)[min(math.ceil((n + 1) * inside), n) - 1])


def _left_out(alike: Float, y: Float, groups: Sequence[NDArray[np.int64]], ridge: float) -> Float:
    """Residuals (n,) of each group when it is left out."""
    inverse = np.linalg.inv(alike + ridge * np.eye(len(y)))
    weights, misses = inverse @ y, np.empty_like(y)
    for rows in groups:
        misses[rows] = -np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
    return misses


def _alike(one: Float, other: Float, reach: float) -> Float:
    """Kernel: straight lines and bends within the reach."""
    n_feature = one.shape[1]
    bends = np.exp(-0.5 * _squares(one, other) / (reach**2 * n_feature))
    return np.asarray(bends + one @ other.T / n_feature)


def _squares(one: Float, other: Float) -> Float:
    sums: Float = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2.0 * one @ other.T
    return np.maximum(sums, 0.0)


def _usual_distance(points: Float, origins: Names) -> float:
    """Distance to the nearest test of another cell which nearly all tests keep."""
    squares = _squares(points, points)
    squares[origins[:, None] == origins[None, :]] = np.inf
    nearest = np.sqrt(squares.min(axis=1))
    return max(float(np.quantile(nearest, _NEARLY_ALL)), 1e-6)
