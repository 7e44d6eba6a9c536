"""Populations that only charge: the exact description, against linear programmes and against all sets of steps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.portfolio.aggregate import aggregate_of, all_sets
from evloom.dispatch.portfolio.part import Window, load_kwh, part_of
from evloom.dispatch.portfolio.shift import largest_decrease, largest_increase
from evloom.dispatch.problem import Schedule
from evloom.dispatch.terms import term_values
from evloom.dispatch.verify import verify_schedule
from tests.unit.dispatch.oracle import random_problem
from tests.unit.dispatch.portfolio.linear import hours, largest_shift_kw


def charging_case(seed, *, tree=True):
    """A problem of vehicles that only charge, a baseline that is not an extreme point, and a window at some node."""
    rng = np.random.default_rng(seed)
    while True:
        problem = random_problem(rng, v2g=False, storage=False, tree=tree, negative=False, tight=float(rng.choice([6.0, 15.0, 1e9])))
        stays = problem.stays
        node, first = int(rng.integers(0, len(problem.nodes.parent))), int(rng.integers(0, problem.n_step))
        window = Window(node, first, int(rng.integers(first + 1, problem.n_step + 1)))
        problem = replace(problem, stays=replace(stays, room_kwh=stays.need_kwh + rng.uniform(0.0, 8.0, stays.n)))
        base = solve(problem, parse_objective(str(rng.choice(["cost", "valley", "carbon", "earliest"]))))
        if len(part_of(problem, base, window).stay):
            return problem, base, window


@pytest.mark.parametrize("block", range(8))
def test_the_largest_shift_is_that_of_a_linear_programme(block):
    moved = 0
    for seed in range(20 * block, 20 * block + 20):
        problem, base, window = charging_case(seed)
        part = part_of(problem, base, window)
        for sign, largest in ((1, largest_increase), (-1, largest_decrease)):
            shift = largest(part)
            assert shift.power_kw == pytest.approx(largest_shift_kw(problem, base, window, sign), abs=1e-6)
            assert part.violations(shift.own) == ()
            assert sign * part.shift_kw(shift.own)[window.steps] == pytest.approx(np.full(len(window.steps), shift.power_kw), abs=1e-6)
            moved += shift.power_kw > 0.01
    assert moved >= 4  # enough cases with something to find


@pytest.mark.parametrize("seed", range(30))
def test_the_largest_shift_is_the_least_slack_of_a_set_of_steps(seed):
    problem, base, window = charging_case(seed, tree=False)
    problem = replace(problem, nodes=replace(problem.nodes, import_max_kw=np.full_like(problem.nodes.import_max_kw, np.inf)))
    part = part_of(problem, base, window)
    whole = aggregate_of(problem)
    load = load_kwh(base)
    sets = all_sets(problem.n_step)
    inside = sets[sets.any(axis=1) & ~sets[:, np.delete(np.arange(problem.n_step), window.steps)].any(axis=1)]
    up = min((whole.most_kwh(s) - load[s].sum()) / problem.step_h[s].sum() for s in inside)
    down = min((load[s].sum() - whole.least_kwh(s)) / problem.step_h[s].sum() for s in inside)
    assert largest_increase(part).power_kw == pytest.approx(max(up, 0.0), abs=1e-6)
    assert largest_decrease(part).power_kw == pytest.approx(max(down, 0.0), abs=1e-6)


def reachable(problem, load):
    """Whether a linear programme finds a schedule with this total load, limits of the tree apart."""
    stays = problem.stays
    cells = [(i, k) for i in range(stays.n) for k in range(stays.first[i], stays.last[i])]
    by_stay = np.array([[float(c[0] == i) for c in cells] for i in range(stays.n)])
    by_step = np.array([[float(c[1] == k) for c in cells] for k in range(problem.n_step)])
    most = np.array([stays.charge_max_kw[i] * hours(problem, i, k) for i, k in cells])
    need = np.minimum(stays.need_kwh, by_stay @ most)
    upper, limit = np.vstack((by_stay, -by_stay)), np.concatenate((stays.room_kwh, -need)) + 1e-9
    found = linprog(np.zeros(len(cells)), upper, limit, by_step, load, [(0.0, m) for m in most])
    return found.success


@pytest.mark.parametrize("seed", range(20))
def test_the_sums_of_set_functions_hold_exactly_the_loads_that_a_population_can_take(seed):
    problem, _, _ = charging_case(seed, tree=False)
    whole, rng = aggregate_of(problem), np.random.default_rng(seed)
    sets = all_sets(problem.n_step)
    inside = [whole.cells.dense(whole.vertex(rng.normal(size=problem.n_step)), problem.n_step).sum(axis=0) for _ in range(6)]
    mixed = [rng.dirichlet(np.ones(6)) @ np.array(inside) for _ in range(4)]
    nudged = [load + rng.normal(0.0, 0.3, problem.n_step) for load in mixed]
    for load in (*inside, *mixed):
        assert whole.holds(load, sets, 1e-7)
        assert reachable(problem, load)
    for load in nudged:
        assert whole.holds(load, sets, 1e-9) == reachable(problem, load)


@pytest.mark.parametrize("seed", range(20))
def test_extreme_points_and_points_between_are_schedules(seed):
    problem, *_ = charging_case(seed, tree=False)
    problem = replace(problem, nodes=replace(problem.nodes, import_max_kw=np.full_like(problem.nodes.import_max_kw, np.inf)))
    whole, rng = aggregate_of(problem), np.random.default_rng(seed)
    prices = rng.normal(size=(5, problem.n_step))
    tables = [whole.cells.dense(whole.vertex(price), problem.n_step) for price in prices]
    for charge, price in zip(tables, prices, strict=True):
        assert verify_schedule(problem, as_schedule(problem, charge)) == ()
        best = min(float(price @ other.sum(axis=0)) for other in tables)
        assert float(price @ charge.sum(axis=0)) == pytest.approx(best)
    between = np.tensordot(rng.dirichlet(np.ones(5)), np.array(tables), axes=1)
    assert verify_schedule(problem, as_schedule(problem, between)) == ()


def as_schedule(problem, charge):
    none, store = np.zeros_like(charge), np.zeros((0, problem.n_step))
    short = np.maximum(problem.stays.need_kwh - charge.sum(axis=1), 0.0)
    return Schedule(charge, none, store, np.where(short > 1e-9, short, 0.0), term_values(problem, charge, none, store))


def test_vehicles_that_may_discharge_have_no_such_description():
    problem = random_problem(np.random.default_rng(5), v2g=True, storage=False, tree=False, negative=False, tight=1e9)
    assert (problem.stays.discharge_max_kw > 0).any()
    with pytest.raises(ValueError, match="discharge"):
        aggregate_of(problem)
    rows = np.flatnonzero(problem.stays.discharge_max_kw == 0)
    assert aggregate_of(problem, rows).most_kwh(np.ones(problem.n_step, dtype=bool)) >= 0.0
