"""Plans of 0 or at least the least power: against every way to switch the cells of tiny problems, and by what they must keep."""

from itertools import product

import numpy as np
import pytest

from evloom.dispatch.discrete import solve_discrete
from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.service import N_TIER, short_price_per_kwh, tier_weights
from evloom.dispatch.verify import verify_schedule, worst_violation
from evloom.kernel.errors import InputError, SolverError
from tests.unit.dispatch.instances import Shape, realistic
from tests.unit.dispatch.oracle import Dense, random_problem, with_extras
from tests.unit.dispatch.test_exact_rules import site

COST = parse_objective("cost")


def tiny(seed, *, v2g):
    """Up to three stays with at most six cells in all."""
    rng = np.random.default_rng(seed)
    while True:
        problem = random_problem(rng, v2g=v2g, storage=False, tree=True, negative=seed % 3 == 0, tight=6.0)
        problem = with_extras(problem, rng)
        n_cell = int((problem.stays.last - problem.stays.first).sum())
        ways = 3**n_cell if v2g else 2**n_cell
        if problem.stays.n and ways <= 250:
            return problem, rng.uniform(1.0, 5.0, problem.stays.n)


def by_trying_all(problem, objective, least_kw):
    """The least value over all ways to put each cell on charge, on discharge or off, each by the dense programme."""
    dense, price, stays = Dense(problem, None), short_price_per_kwh(problem, objective), problem.stays
    tiers = []
    for i in range(stays.n):
        parts = [dense.var(0.0, stays.need_kwh[i] / N_TIER) for _ in range(N_TIER)]
        dense.row({dense.short[i]: -1.0, **dict.fromkeys(parts, 1.0)}, 0.0, 0.0)
        tiers += [(v, price * stays.priority[i] * weight) for v, weight in zip(parts, tier_weights(), strict=True)]
    cost = dense.cost(objective.with_requests().stages[0].weights)
    for v, x in tiers:
        cost[v] = x
    low, high, best = list(dense.low), list(dense.high), np.inf
    keys = list(dense.c)
    states = [(0, 1, 2) if stays.discharge_max_kw[i] > 0 else (0, 1) for i, _ in keys]
    for way in product(*states):
        dense.low, dense.high = low.copy(), high.copy()
        for (i, k), state in zip(keys, way, strict=True):
            least_kwh = least_kw[i] * dense.hours(i, k)
            c, d = dense.c[i, k], dense.d[i, k]
            dense.low[c], dense.high[c] = (min(least_kwh, stays.room_kwh[i]), high[c]) if state == 1 else (0.0, 0.0)
            dense.low[d], dense.high[d] = (least_kwh, high[d]) if state == 2 else (0.0, 0.0)
        if all(a <= b for a, b in zip(dense.low, dense.high, strict=True)):
            value = dense.minimise(cost)
            best = best if value is None else min(best, value)
    return best


def assert_in_steps(problem, schedule, least_kw):
    dense, stays = Dense(problem, None), problem.stays
    for i, k in dense.c:
        least_kwh = least_kw[i] * dense.hours(i, k)
        for energy_kwh, least in (
            (schedule.charge_kwh[i, k], min(least_kwh, stays.room_kwh[i])),
            (schedule.discharge_kwh[i, k], least_kwh),
        ):
            assert energy_kwh == 0.0 or energy_kwh >= least - 1e-6


@pytest.mark.parametrize("v2g", [False, True])
@pytest.mark.parametrize("text", ["cost", "cost+demand+wear", "peak+0.01*earliest"])
def test_no_way_to_switch_the_cells_is_better(text, v2g):
    objective, n_binding = parse_objective(text), 0
    for seed in range(12):
        problem, least_kw = tiny(seed, v2g=v2g)
        best = by_trying_all(problem, objective, least_kw)
        solved = solve_discrete(problem, objective, least_kw)
        # `cost` of the dense programme leaves nothing out: import and export are the whole of the site's
        assert solved.value == pytest.approx(best, rel=2e-4, abs=1e-5)
        assert solved.bound <= best + 1e-6 * (1 + abs(best))
        assert verify_schedule(problem, solved.schedule) == ()
        assert_in_steps(problem, solved.schedule, least_kw)
        free = solve_discrete(problem, objective, np.zeros(problem.stays.n))
        n_binding += free.value < solved.value - 1e-4 * abs(solved.value)
    assert n_binding >= 3


def test_without_a_least_power_it_is_the_exact_optimum():
    for seed in range(4):
        problem = realistic(Shape(8, 48, 0.5, is_v2g=seed % 2 == 1), seed)
        solved = solve_discrete(problem, COST, np.zeros(8))
        assert solved.value == pytest.approx(solve(problem, COST).objective["cost"], rel=1e-6)
        assert solved.gap < 1e-4


def test_a_car_under_half_its_least_power_waits_for_its_turn():
    """Two cars of at least 6 kW under 8 kW: one after the other, where the continuous plan would give both 4."""
    problem = site([12.0, 12.0], n_step=4, cap_kw=8.0)
    solved = solve_discrete(problem, COST, np.array([6.0, 6.0]))
    assert solved.schedule.short_kwh == pytest.approx([0.0, 0.0], abs=1e-6)
    assert ((solved.schedule.charge_kwh > 0).sum(axis=0) <= 1).all()
    assert_in_steps(problem, solved.schedule, [6.0, 6.0])


def test_a_least_power_above_the_limit_leaves_a_car_without():
    solved = solve_discrete(site([8.0, 4.0], cap_kw=5.0), COST, np.array([6.0, 2.0]))
    assert solved.schedule.short_kwh == pytest.approx([8.0, 0.0], abs=1e-6)


def test_a_small_need_is_met_by_a_battery_that_gets_full():
    solved = solve_discrete(site([0.5]), COST, np.array([6.0]))
    assert solved.schedule.short_kwh == pytest.approx([0.0], abs=1e-6)


@pytest.mark.parametrize("is_v2g", [False, True])
def test_a_site_of_thirty_is_planned_near_the_continuous_optimum(is_v2g):
    problem = realistic(Shape(30, is_v2g=is_v2g), seed=0)
    least_kw = np.where(problem.stays.charge_max_kw < 8, 6 * 0.23, 6 * 0.69)
    solved = solve_discrete(problem, COST, least_kw, limit_s=20.0)
    continuous = solve(problem, COST)
    assert worst_violation(problem, solved.schedule) <= 1e-6
    assert_in_steps(problem, solved.schedule, least_kw)
    below = (continuous.charge_kwh > 1e-6) & (continuous.charge_kwh < least_kw[:, None] * 0.25 - 1e-6)
    assert below.any()  # left as it is, the continuous plan could not be ordered
    assert solved.bound >= continuous.objective["cost"] - 1e-4 * abs(continuous.objective["cost"])
    assert solved.value <= continuous.objective["cost"] * 1.05


def test_stopped_early_it_says_so_and_the_plan_still_holds():
    problem = realistic(Shape(40, limit_share=0.17, is_v2g=True), seed=1)
    least_kw = np.where(problem.stays.charge_max_kw < 8, 6 * 0.23, 6 * 0.69)
    solved = solve_discrete(problem, parse_objective("cost+demand"), least_kw, limit_s=0.3)
    assert solved.is_interrupted
    continuous = solve(problem, parse_objective("cost+demand"))
    assert continuous.objective["cost"] + continuous.objective["demand"] <= solved.bound * (1 + 1e-6) < solved.value
    assert verify_schedule(problem, solved.schedule) == ()
    assert_in_steps(problem, solved.schedule, least_kw)


def test_what_cannot_be_is_refused_in_words():
    problem = site([4.0])
    for wrong in (np.array([-1.0]), np.array([np.nan]), np.zeros(2)):
        with pytest.raises(InputError, match="least_kw"):
            solve_discrete(problem, COST, wrong)
    for text in ("valley", "peak>cost"):
        with pytest.raises(SolverError, match="one stage"):
            solve_discrete(problem, parse_objective(text), np.zeros(1))


def test_nothing_to_switch():
    for problem in (site([]), site([], n_step=0), site([3.0], last=np.array([0])), site([0.0])):
        solved = solve_discrete(problem, COST, np.full(problem.stays.n, 2.0))
        assert solved.schedule.charge_kwh.sum() == 0.0
        assert solved.schedule.short_kwh == pytest.approx(problem.stays.need_kwh)
