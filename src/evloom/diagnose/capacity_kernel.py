"""How well a curve and a capacity explain what was measured: over a whole grid of both. Compiled.

A charge window with the rests around it is a matrix of points (charge counted, voltage, drop of the usual resistance, hours, rate,
variance). For a curve and a capacity the rest is a small problem, solved by Gauss-Newton steps in information form: z = (charge at the
begin, resistance, offset of the voltages, how the resistance changes with charge, offset of the current, by how many hours of charging the
surface of the particles is ahead of their mean, two bends of the curve). What it leaves, and how sharply it is determined, is the evidence
for curve and capacity (Laplace).
"""

from typing import NamedTuple

import numpy as np

from evloom.diagnose.capacity_curves import N_BEND, N_SOC
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float

Z_SOC, Z_OHM, Z_OFFSET, Z_SLOPE, Z_COUNT, Z_LEAD, Z_BEND = range(7)
N_Z = Z_BEND + N_BEND
P_Q, P_V, P_DROP, P_H, P_RATE, P_VAR = range(6)
N_POINT_COLUMN = 6
N_ITERATION = 4
N_SEARCH = 24
LEAST_SLOPE = 0.005


class Curves(NamedTuple):
    """Of the library: ocv_v (n, N_SOC), bend_v (n, N_BEND, N_SOC), log_prior (n,)."""

    ocv_v: Float
    bend_v: Float
    log_prior: Float


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
def expect(point: Float, z: Float, cap: float, shape: tuple[Float, Float], row: Float) -> float:
    """Voltage expected at a point under z and a capacity, its derivatives into `row` (N_Z,); shape = (curve, bends)."""
    ocv_v, bend_v = shape
    passed = point[P_Q] - z[Z_COUNT] * point[P_H]
    soc = z[Z_SOC] + passed / cap + z[Z_LEAD] * point[P_RATE]
    at = soc * (N_SOC - 1)
    j = min(max(int(at), 0), N_SOC - 2)
    part = at - j
    rise = ocv_v[j + 1] - ocv_v[j]
    volt = ocv_v[j] + part * rise
    held = min(max(part, 0.0), 1.0)
    for b in range(N_BEND):
        value = bend_v[b, j] + held * (bend_v[b, j + 1] - bend_v[b, j])
        row[Z_BEND + b] = value
        volt += z[Z_BEND + b] * value
    slope = max(rise * (N_SOC - 1), LEAST_SLOPE)
    drop = point[P_DROP]
    away = min(max(soc, 0.0), 1.0) - 0.5
    row[Z_SOC] = slope
    row[Z_OHM] = drop * (1.0 + z[Z_SLOPE] * away)
    row[Z_OFFSET] = 1.0
    row[Z_SLOPE] = drop * z[Z_OHM] * away
    row[Z_COUNT] = -slope * point[P_H] / cap
    row[Z_LEAD] = slope * point[P_RATE]
    return float(volt + drop * z[Z_OHM] * (1.0 + z[Z_SLOPE] * away) + z[Z_OFFSET])


@compiled
def misfit(points: Float, z: Float, cap: float, shape: tuple[Float, Float], prior: tuple[Float, Float]) -> float:
    """Sum of squares of what is not explained, each over its variance, and of z from what was expected; prior = (mean, variance)."""
    row = np.empty(N_Z)
    total = 0.0
    for i in range(len(points)):
        left = points[i, P_V] - expect(points[i], z, cap, shape, row)
        total += left * left / points[i, P_VAR]
    for a in range(N_Z):
        total += (z[a] - prior[0][a]) ** 2 / prior[1][a]
    return total


@compiled
def search_soc(points: Float, z: Float, cap: float, shape: tuple[Float, Float]) -> None:
    """Put the charge of z at the best of many places: a curve has several that look alike."""
    ocv_v = shape[0]
    low, high = 0.0, 0.0
    for i in range(len(points)):
        low, high = min(low, points[i, P_Q] / cap), max(high, points[i, P_Q] / cap)
    first, last = -0.03 - low, max(1.03 - high, -0.02 - low)
    best, least = first, np.inf
    stride = 1 if len(points) < 16 else 2
    for step in range(N_SEARCH):
        soc = first + (last - first) * step / (N_SEARCH - 1.0)
        cost = 0.0
        for i in range(0, len(points), stride):
            at = (soc + points[i, P_Q] / cap + z[Z_LEAD] * points[i, P_RATE]) * (N_SOC - 1)
            j = min(max(int(at), 0), N_SOC - 2)
            left = points[i, P_V] - z[Z_OHM] * points[i, P_DROP] - ocv_v[j] - (at - j) * (ocv_v[j + 1] - ocv_v[j])
            cost += left * left / points[i, P_VAR]
        if cost < least:
            best, least = soc, cost
    z[Z_SOC] = best


@compiled
def fit(points: Float, z: Float, cap: float, shape: tuple[Float, Float], prior: tuple[Float, Float]) -> float:
    """Best z (in place, begun at its value); returns the logarithm of the evidence."""
    work, cov, row = np.empty((N_Z, N_Z)), np.empty((N_Z, N_Z)), np.empty(N_Z)
    right, tried = np.empty(N_Z), np.empty(N_Z)
    mean, variance = prior
    cost = misfit(points, z, cap, shape, prior)
    log_info = np.nan
    for _ in range(N_ITERATION):
        work[:] = 0.0
        for a in range(N_Z):
            work[a, a] = 1.0 / variance[a]
            right[a] = (mean[a] - z[a]) / variance[a]
        for i in range(len(points)):
            weight = 1.0 / points[i, P_VAR]
            left = (points[i, P_V] - expect(points[i], z, cap, shape, row)) * weight
            for a in range(N_Z):
                right[a] += row[a] * left
                for b in range(a + 1):
                    work[a, b] += row[a] * row[b] * weight
        for a in range(N_Z):
            for b in range(a):
                work[b, a] = work[a, b]
        log_info = invert(work, cov)
        if not np.isfinite(log_info):
            return -np.inf
        share, gained = 1.0, 0.0
        for _ in range(3):
            for a in range(N_Z):
                move = 0.0
                for b in range(N_Z):
                    move += cov[a, b] * right[b]
                tried[a] = z[a] + share * move
            now = misfit(points, tried, cap, shape, prior)
            if now < cost:
                gained = cost - now
                z[:] = tried
                cost = now
                break
            share *= 0.4
        if gained < 0.05:
            break
    return -0.5 * (cost + log_info)


@compiled
def weigh(points: Float, curves: Curves, caps: Float, active: Bool, prior: tuple[Float, Float]) -> tuple[Float, Float]:
    """Evidence (n_curve, n_cap) of a window, and the z (n_curve, n_cap, N_Z) that explains it best; -inf where not `active`."""
    n_curve, n_cap = active.shape
    told, best = np.full((n_curve, n_cap), -np.inf), np.zeros((n_curve, n_cap, N_Z))
    z = np.empty(N_Z)
    for m in range(n_curve):
        shape = (curves.ocv_v[m], curves.bend_v[m])
        for c in range(n_cap):
            if not active[m, c]:
                continue
            z[:] = prior[0]
            search_soc(points, z, caps[c], shape)
            told[m, c] = fit(points, z, caps[c], shape, prior)
            best[m, c] = z
    return told, best
