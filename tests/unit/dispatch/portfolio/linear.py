"""A second opinion on flexibility: the largest shift as a dense linear programme for scipy, written from the definitions."""

import numpy as np
from scipy.optimize import linprog


def largest_shift_kw(problem, baseline, window, sign):
    """Most kW by which the units below a node can differ from their baseline in every step of the window; vehicles that only charge."""
    stays, n_step, parent = problem.stays, problem.n_step, problem.nodes.parent
    path: list[set[int]] = [set() for _ in parent]
    for row in range(len(parent)):
        path[row] = {row} | (path[parent[row]] if parent[row] >= 0 else set())
    mine = [i for i in range(stays.n) if window.node in path[stays.node[i]]]
    cells = [(i, k) for i in mine for k in range(stays.first[i], stays.last[i])]
    column = {cell: j for j, cell in enumerate(cells)}
    rows, limits = [], []

    def at_most(terms, limit):
        row = np.zeros(len(cells) + 1)
        for j, value in terms:
            row[j] += value
        rows.append(row)
        limits.append(limit)

    for i in mine:
        own = [(column[c], 1.0) for c in cells if c[0] == i]
        at_most([(j, -1.0) for j, _ in own], -max(stays.need_kwh[i] - baseline.short_kwh[i], 0.0))
        at_most(own, stays.room_kwh[i])
    for row in range(len(parent)):
        for k in range(n_step):
            room = max(problem.nodes.import_max_kw[row, k] - problem.nodes.base_kw[row, k], 0.0) * problem.step_h[k]
            others = sum(baseline.charge_kwh[i, k] for i in range(stays.n) if i not in mine and row in path[stays.node[i]])
            if np.isfinite(room):
                at_most([(column[c], 1.0) for c in cells if c[1] == k and row in path[stays.node[c[0]]]], room - others)
    equal, right = [], []
    for k in range(window.first, window.last):
        moved = np.zeros(len(cells) + 1)
        moved[[column[c] for c in cells if c[1] == k]] = 1.0
        moved[-1] = -sign * problem.step_h[k]
        equal.append(moved)
        right.append(sum(baseline.charge_kwh[i, k] for i in mine))
    bounds = [(0.0, stays.charge_max_kw[i] * hours(problem, i, k)) for i, k in cells] + [(0.0, None)]
    cost = np.zeros(len(cells) + 1)
    cost[-1] = -1.0
    found = linprog(cost, np.array(rows), np.array(limits) + 1e-10, np.array(equal), np.array(right), bounds)
    assert found.success, found.message
    assert found.x is not None
    return found.x[-1]


def hours(problem, i, k):
    """Hours for which the vehicle of stay i is there in step k."""
    stays = problem.stays
    share = stays.first_share[i] if k == stays.first[i] else stays.last_share[i] if k == stays.last[i] - 1 else 1.0
    return share * problem.step_h[k]
