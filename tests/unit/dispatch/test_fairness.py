"""Scarcity shared: nobody is left at nothing for the sake of others, at the same total and the same cost."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_array

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, optimise
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores
from evloom.dispatch.service import short_cost, short_price_per_kwh
from evloom.dispatch.verify import verify_schedule

N, K, STEP_H = 40, 32, 0.25
CAP_KW = 40.0


def scarce() -> Problem:
    """Forty cars for eight hours at DC piles under one cap of 40 kW, which carries 320 of the 400 kWh they need."""
    rng = np.random.default_rng(4)
    need_kwh = rng.uniform(5.0, 15.0, N)
    need_kwh *= 400.0 / need_kwh.sum()
    one = np.ones(N)
    stays = Stays(
        np.zeros(N, dtype=np.int64), np.full(N, K), one, one, np.zeros(N, dtype=np.int64), 40.0 * one, 0 * one, need_kwh, need_kwh, 0 * one,
        one, one, 0 * one, one,
    )  # fmt: skip
    none = np.zeros(0)
    stores = Stores(none.astype(np.int64), none, none, none, none, none, none, none)
    nodes = Nodes(np.array([-1]), np.full((1, K), CAP_KW), np.zeros((1, K)), np.zeros((1, K)))
    price = 0.2 + 0.1 * (np.arange(K, dtype=np.float64) % 5)
    return Problem(np.full(K, STEP_H), stays, stores, nodes, Signals(price, 0 * price, 0 * price, np.arange(K), 0.0, 0.0, 0.0, 0.0))


def plain(problem: Problem) -> np.ndarray:
    """Charge (N, K) of a linear programme with one price for whatever is missing, by the simplex method of scipy."""
    price = problem.signals.price_per_kwh
    car, step = np.divmod(np.arange(N * K), K)
    rows, columns = np.concatenate([step, K + car]), np.tile(np.arange(N * K), 2)
    limits = coo_array((np.ones(2 * N * K), (rows, columns)), shape=(K + N, N * K))
    most = np.concatenate([np.full(K, CAP_KW * STEP_H), problem.stays.need_kwh])
    worth = price[step] - short_price_per_kwh(problem, parse_objective("cost"))
    answer = linprog(worth, A_ub=limits.toarray(), b_ub=most, bounds=(0.0, 40.0 * STEP_H), method="highs-ds")
    assert answer.status == 0
    charge_kwh: np.ndarray = np.asarray(answer.x).reshape(N, K)
    return charge_kwh


@pytest.mark.parametrize("method", ["exact", "sweeps"])
def test_the_worst_served_car_gets_three_quarters_instead_of_nothing(method):
    problem = scarce()
    unfair = plain(problem)
    solved = optimise(problem, parse_objective("cost"), Effort(method))
    fair = solved.schedule.charge_kwh
    assert verify_schedule(problem, solved.schedule) == ()
    need_kwh, price = problem.stays.need_kwh, problem.signals.price_per_kwh
    assert (unfair.sum(axis=1) / need_kwh).min() < 1e-9
    assert (fair.sum(axis=1) / need_kwh).min() >= 0.75 - 1e-9
    assert fair.sum() == pytest.approx(unfair.sum(), rel=1e-3)
    assert (fair @ price).sum() == pytest.approx((unfair @ price).sum(), rel=1e-3)


def test_what_the_tiers_say_of_both():
    """By the value of need with tiers the shared schedule is the better one; by one price both are worth the same."""
    problem = scarce()
    short_kwh = problem.stays.need_kwh - plain(problem).sum(axis=1)
    shared_kwh = optimise(problem, parse_objective("cost"), Effort("exact")).schedule.short_kwh
    assert shared_kwh.sum() == pytest.approx(short_kwh.sum(), rel=1e-3)
    assert short_cost(problem, 1.0, shared_kwh).sum() < 0.95 * short_cost(problem, 1.0, short_kwh).sum()
