"""How a unit that only charges answers prices, against scipy, and the lower bound of what it could cost."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy.optimize import linprog

from evloom.dispatch.service import tier_weights
from evloom.dispatch.sweeps.fill import fill
from evloom.dispatch.sweeps.one_way import least_charging

TIERS = tier_weights()
minimize: Any = optimize.minimize  # its types know no bounds without constraints


def unit(seed):
    """(need, room, short price), x, most, price, curvature of a random unit, odd ones among them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    most = rng.uniform(0.0, 3.0, n) * (rng.random(n) > 0.1)
    need = float(rng.uniform(0.0, 1.3) * most.sum())
    room = need + float(rng.choice([0.0, 0.5, 3.0]))
    price = rng.uniform(-0.3, 1.2, n) if seed % 3 else rng.uniform(0.1, 4.0, n)
    return (need, room, 2.0), rng.uniform(0.0, 1.0, n) * most, most, price, rng.uniform(0.01, 2.0, n)


def short_cost(need, energy):
    part = need[0] / len(TIERS)
    lacking = need[0] - energy
    return need[2] * sum(weight * np.clip(lacking - number * part, 0.0, part) for number, weight in enumerate(TIERS))


def cost(need, cells, e):
    x, _, price, curvature = cells
    return float(price @ (e - x) + curvature / 2 @ (e - x) ** 2) + short_cost(need, e.sum())


@pytest.mark.parametrize("seed", range(120))
def test_no_feasible_step_from_the_answer_is_cheaper(seed):
    need, x, most, price, curvature = unit(seed)
    out = np.zeros(len(x))
    fill(need, TIERS, 0.4, len(x), (x, most, price, 1.0 / curvature), out)
    assert (out >= 0.0).all()
    assert (out <= most).all()
    assert out.sum() <= need[1] + 1e-9
    best = cost(need, (x, most, price, curvature), out)
    rng = np.random.default_rng(seed)
    # The problem is convex: what no small step of any kind improves is the optimum.
    for size in (1e-1, 1e-3):
        for _ in range(60):
            step = rng.normal(0.0, size, len(x)) * (rng.random(len(x)) < 0.5)
            other = np.clip(out + step, 0.0, most)
            if other.sum() <= need[1]:
                assert cost(need, (x, most, price, curvature), other) >= best - 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_the_answer_is_that_of_a_general_solver(seed):
    need, x, most, price, curvature = unit(seed)
    if most.sum() < need[0] * 1.01:
        pytest.skip("this unit cannot get its need")
    out = np.zeros(len(x))
    level = fill(need, TIERS, 0.0, len(x), (x, most, price, 1.0 / curvature), out)
    if not 0.0 < level < need[2]:
        pytest.skip("this unit takes more or less than its need")
    equal: Any = {"type": "eq", "fun": lambda e: e.sum() - need[0]}
    exact: Any = {"ftol": 1e-13, "maxiter": 500}
    start = most * need[0] / most.sum()
    found = minimize(
        lambda e: cost(need, (x, most, price, curvature), e),
        start,
        bounds=[(0.0, float(m)) for m in most],
        constraints=[equal],
        method="SLSQP",
        options=exact,
    )
    assert cost(need, (x, most, price, curvature), out) <= found.fun + 1e-7


def linear_optimum(need, most, price):
    """The least cost by a linear programme: energies and what each tier lacks."""
    n, n_tier = len(most), len(TIERS)
    objective = np.concatenate((price, need[2] * TIERS))
    whole = np.concatenate((np.ones(n), np.zeros(n_tier)))[None]
    served = -np.ones(n + n_tier)[None]
    bounds = [(0.0, m) for m in most] + [(0.0, need[0] / n_tier)] * n_tier
    found = linprog(objective, A_ub=np.vstack((whole, served)), b_ub=[need[1], -need[0]], bounds=bounds)
    assert found.fun is not None
    return float(found.fun)


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("start", [-5.0, 0.4, 50.0])
def test_the_bound_is_the_least_cost_wherever_it_starts(seed, start):
    need, _, most, price, _ = unit(seed)
    bound = least_charging(need, TIERS, start, len(most), (price, most))
    best = linear_optimum(need, most, price)
    assert bound <= best + 1e-9
    assert bound >= best - 1e-7 * (1.0 + abs(best))


def test_a_unit_without_cells_costs_what_it_lacks():
    nothing = np.zeros(0)
    assert least_charging((8.0, 8.0, 2.0), TIERS, 0.0, 0, (nothing, nothing)) == pytest.approx(short_cost((8.0, 8.0, 2.0), 0.0))
