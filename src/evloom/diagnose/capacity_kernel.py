"""One hypothesis of a pack's curve and capacity after another, brought together with what was measured. Compiled.

A hypothesis is a curve of the library with a Gaussian over x = (capacity, charge, resistance, bends of the curve). A charge window
is a matrix of points (charge counted, voltage, drop of the usual resistance, hours, rate, variance); the best x is found by
Gauss-Newton steps in information form, its covariance is the inverse of the information, the evidence that of Laplace.
"""

from typing import NamedTuple

import numpy as np

from evloom.diagnose.capacity_curves import N_BEND, N_SOC
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int

X_CAP, X_SOC, X_OHM, X_BEND = 0, 1, 2, 3
N_X = 3 + N_BEND
Y_OFFSET, Y_SLOPE, Y_COUNT, Y_LEAD = N_X, N_X + 1, N_X + 2, N_X + 3
N_OWN = 4
N_Y = N_X + N_OWN
"""What is only of this window comes after what is kept: an offset of all voltages (hysteresis), how the resistance changes with charge, an
offset of the current, and by how many hours of charging the surface of the particles is ahead of their mean."""
P_Q, P_V, P_DROP, P_H, P_RATE, P_VAR = range(6)
N_POINT_COLUMN = 6
N_ITERATION = 6


class Curves(NamedTuple):
    """Of the library: ocv_v (n, N_SOC), bend_v (n, N_BEND, N_SOC)."""

    ocv_v: Float
    bend_v: Float


class Bank(NamedTuple):
    """The hypotheses (m): number of the curve, mean (m, N_X), covariance (m, N_X, N_X), logarithm of the weight."""

    curve: Int
    mean: Float
    cov: Float
    log_weight: Float


@compiled
def invert(a: Float, out: Float) -> float:
    """Inverse of a positive definite matrix by Cholesky's factors; returns the logarithm of its determinant, NaN where it is not so."""
    n = len(a)
    low = np.zeros((n, n))
    log_det = 0.0
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                if not total > 1e-300:
                    return np.nan
                low[i, i] = np.sqrt(total)
                log_det += 2.0 * np.log(low[i, i])
            else:
                low[i, j] = total / low[j, j]
    for i in range(n):  # the inverse of the factor, in place
        low[i, i] = 1.0 / low[i, i]
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total -= low[i, k] * low[k, j]
            low[i, j] = total * low[i, i]
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += low[k, i] * low[k, j]
            out[i, j] = total
            out[j, i] = total
    return log_det


@compiled
def expect(point: Float, y: Float, shape: tuple[Float, Float], row: Float) -> float:
    """Voltage expected at a point under y, its derivatives into `row` (N_Y,); shape = (curve, bends)."""
    ocv_v, bend_v = shape
    cap = max(y[X_CAP], 0.05)
    passed = point[P_Q] - y[Y_COUNT] * point[P_H]
    soc = y[X_SOC] + passed / cap + y[Y_LEAD] * point[P_RATE]
    at = soc * (N_SOC - 1)
    j = min(max(int(at), 0), N_SOC - 2)
    part = at - j
    rise = ocv_v[j + 1] - ocv_v[j]
    volt = ocv_v[j] + part * rise
    held = min(max(part, 0.0), 1.0)
    for b in range(N_BEND):
        step = bend_v[b, j + 1] - bend_v[b, j]
        value = bend_v[b, j] + held * step
        row[X_BEND + b] = value
        volt += y[X_BEND + b] * value
        rise += y[X_BEND + b] * step
    slope = max(rise * (N_SOC - 1), 0.005)
    drop = point[P_DROP]
    away = min(max(soc, 0.0), 1.0) - 0.5
    row[X_CAP] = -slope * passed / (cap * cap)
    row[X_SOC] = slope
    row[X_OHM] = drop * (1.0 + y[Y_SLOPE] * away)
    row[Y_OFFSET] = 1.0
    row[Y_SLOPE] = drop * y[X_OHM] * away
    row[Y_COUNT] = -slope * point[P_H] / cap
    row[Y_LEAD] = slope * point[P_RATE]
    return float(volt + drop * y[X_OHM] * (1.0 + y[Y_SLOPE] * away) + y[Y_OFFSET])


@compiled
def misfit(points: Float, y: Float, shape: tuple[Float, Float], row: Float) -> float:
    """Sum of squares of what is not explained, each over its variance."""
    total = 0.0
    for i in range(len(points)):
        left = points[i, P_V] - expect(points[i], y, shape, row)
        total += left * left / points[i, P_VAR]
    return total


@compiled
def _distance(y: Float, prior: Float, info: Float) -> float:
    total = 0.0
    for a in range(N_Y):
        for b in range(N_Y):
            total += (y[a] - prior[a]) * info[a, b] * (y[b] - prior[b])
    return total


@compiled
def fit(points: Float, prior: Float, cov: Float, shape: tuple[Float, Float], y: Float, out: Float) -> float:
    """Best y (in place, begun at its value) and its covariance into `out` for a prior (N_Y) with covariance; returns the evidence's log."""
    info, work, row = np.empty((N_Y, N_Y)), np.empty((N_Y, N_Y)), np.empty(N_Y)
    log_prior = invert(cov, info)
    if not np.isfinite(log_prior):
        return -np.inf
    cost = misfit(points, y, shape, row) + _distance(y, prior, info)
    log_post = np.nan
    for _ in range(N_ITERATION):
        right = np.zeros(N_Y)
        for a in range(N_Y):
            for b in range(N_Y):
                work[a, b] = info[a, b]
                right[a] -= info[a, b] * (y[b] - prior[b])
        for i in range(len(points)):
            left = (points[i, P_V] - expect(points[i], y, shape, row)) / points[i, P_VAR]
            for a in range(N_Y):
                right[a] += row[a] * left
                scaled = row[a] / points[i, P_VAR]
                for b in range(a + 1):
                    work[a, b] += scaled * row[b]
        for a in range(N_Y):
            for b in range(a):
                work[b, a] = work[a, b]
        log_post = invert(work, out)
        if not np.isfinite(log_post):
            return -np.inf
        gained = _step(points, (y, prior), (info, out, right), shape, cost)
        cost -= gained
        if gained < 0.01:
            break
    chi = misfit(points, y, shape, row)
    scatter = 0.0
    for i in range(len(points)):
        scatter += np.log(points[i, P_VAR])
    # out is the inverse of `work`: its determinant is the negative of that of the information.
    return -0.5 * (chi + _distance(y, prior, info) + scatter + log_prior + log_post)


@compiled
def _step(points: Float, state: tuple[Float, Float], system: tuple[Float, Float, Float], shape: tuple[Float, Float], cost: float) -> float:
    """A Gauss-Newton step of y, halved until it helps; returns by how much the cost fell."""
    y, prior = state
    info, cov, right = system
    row, tried = np.empty(N_Y), np.empty(N_Y)
    share = 1.0
    for _ in range(4):
        for a in range(N_Y):
            move = 0.0
            for b in range(N_Y):
                move += cov[a, b] * right[b]
            tried[a] = y[a] + share * move
        now = misfit(points, tried, shape, row) + _distance(tried, prior, info)
        if now < cost and tried[X_CAP] > 0.05:
            y[:] = tried
            return cost - now
        share *= 0.4
    return 0.0


@compiled
def pass_charge(mean: Float, cov: Float, passed: tuple[float, float], noise: Float) -> None:
    """Move the charge of a hypothesis on by what was counted; passed = (charge, its variance), noise (N_X,) variances."""
    charge, variance = passed
    cap = max(mean[X_CAP], 0.05)
    by_cap = -charge / (cap * cap)
    mean[X_SOC] = min(max(mean[X_SOC] + charge / cap, -0.1), 1.1)
    for a in range(N_X):
        cov[X_SOC, a] += by_cap * cov[X_CAP, a]
    for a in range(N_X):
        cov[a, X_SOC] += by_cap * cov[a, X_CAP]
    cov[X_SOC, X_SOC] += variance / (cap * cap)
    for a in range(N_X):
        cov[a, a] += noise[a]
    # More than a whole charge of doubt is no more doubt than that.
    if cov[X_SOC, X_SOC] > MOST_SOC_VAR:
        _forget_soc(cov)


MOST_SOC_VAR = 0.3**2


@compiled
def _forget_soc(cov: Float) -> None:
    """Shrink the doubt of the charge to its most, its ties to the rest with it."""
    share = np.sqrt(MOST_SOC_VAR / cov[X_SOC, X_SOC])
    for a in range(N_X):
        cov[X_SOC, a] *= share
    for a in range(N_X):
        cov[a, X_SOC] *= share


@compiled
def update(bank: Bank, curves: Curves, points: Float, own: Float, end: tuple[float, float], temper: float) -> None:
    """Bring every hypothesis together with a window, in place. own (N_OWN,) variances of what is its alone; end = (charge, hours) by
    which the charge has moved on when the window is over; temper: how far the evidence is believed."""
    prior, cov, out, y = np.zeros(N_Y), np.zeros((N_Y, N_Y)), np.empty((N_Y, N_Y)), np.empty(N_Y)
    row = np.empty(N_Y)
    for m in range(len(bank.curve)):
        shape = (curves.ocv_v[bank.curve[m]], curves.bend_v[bank.curve[m]])
        cov[:] = 0.0
        cov[:N_X, :N_X] = bank.cov[m]
        prior[:] = 0.0
        prior[:N_X] = bank.mean[m]
        for a in range(N_OWN):
            cov[N_X + a, N_X + a] = own[a]
        y[:] = prior
        _search_soc(points, y, np.sqrt(cov[X_SOC, X_SOC]), shape, row)
        evidence = fit(points, prior, cov, shape, y, out)
        if not np.isfinite(evidence):
            bank.log_weight[m] = -np.inf
            continue
        bank.log_weight[m] += temper * evidence
        # The charge when the window is over depends on the offset of the current too.
        moved = (end[0] - y[Y_COUNT] * end[1]) / y[X_CAP]
        by_cap, by_count = -moved / y[X_CAP], -end[1] / y[X_CAP]
        for a in range(N_Y):
            out[X_SOC, a] += by_cap * out[X_CAP, a] + by_count * out[Y_COUNT, a]
        for a in range(N_Y):
            out[a, X_SOC] += by_cap * out[a, X_CAP] + by_count * out[a, Y_COUNT]
        y[X_SOC] += moved
        bank.mean[m] = y[:N_X]
        bank.cov[m] = out[:N_X, :N_X]


@compiled
def _search_soc(points: Float, y: Float, doubt: float, shape: tuple[Float, Float], row: Float) -> None:
    """Where the charge is hardly known, begin at the best of many: the curve has several places that look alike."""
    if doubt < 0.02:
        return
    middle, best, least = y[X_SOC], y[X_SOC], np.inf
    for step in range(-12, 13):
        y[X_SOC] = middle + step / 5.0 * doubt
        if y[X_SOC] < -0.08 or y[X_SOC] > 1.08:
            continue
        cost = misfit(points, y, shape, row) + (step / 5.0) ** 2
        if cost < least:
            best, least = y[X_SOC], cost
    y[X_SOC] = best


@compiled
def survey(points: Float, curves: Curves, grid: tuple[Float, Float], ohm_share: float, offset_var: float) -> Float:
    """Cost (curve, capacity, charge) of a first window on a grid of capacities and charges, an even offset of the voltages left free."""
    capacities, socs = grid
    n_curve = len(curves.ocv_v)
    cost = np.empty((n_curve, len(capacities), len(socs)))
    n = len(points)
    for m in range(n_curve):
        ocv_v = curves.ocv_v[m]
        for c in range(len(capacities)):
            for s in range(len(socs)):
                total, weights, total_r = 0.0, 1.0 / offset_var, 0.0
                for i in range(n):
                    at = (socs[s] + points[i, P_Q] / capacities[c]) * (N_SOC - 1)
                    j = min(max(int(at), 0), N_SOC - 2)
                    left = points[i, P_V] - ohm_share * points[i, P_DROP] - ocv_v[j] - (at - j) * (ocv_v[j + 1] - ocv_v[j])
                    weight = 1.0 / points[i, P_VAR]
                    total += weight * left * left
                    weights += weight
                    total_r += weight * left
                cost[m, c, s] = total - total_r * total_r / weights
    return cost
