"""Whatever the exact optimum returns on random problems passes the check that knows nothing of the solver."""

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores
from evloom.dispatch.verify import verify_schedule

Rng = np.random.Generator


def random_stays(rng: Rng, n_step: int, n_node: int, give_share: float) -> Stays:
    """Up to ten stays, some of one step only; a part of them may discharge."""
    n = int(rng.integers(0, 11))
    first = rng.integers(0, n_step, n)
    last = np.minimum(first + rng.integers(1, n_step + 1, n), n_step)
    first_share = rng.uniform(0.05, 1.0, n)
    need_kwh = rng.exponential(5.0, n)
    charge_max_kw = rng.choice([3.68, 11.0, 22.0], n)
    gives = rng.random(n) < give_share
    return Stays(
        first,
        last,
        first_share,
        np.where(last - first == 1, first_share, rng.uniform(0.05, 1.0, n)),
        rng.integers(0, n_node, n),
        charge_max_kw,
        np.where(gives, charge_max_kw, 0.0),
        need_kwh,
        np.where(gives, need_kwh + rng.uniform(0.0, 10.0, n), np.inf),
        np.where(gives, rng.uniform(0.0, 8.0, n), 0.0),
        rng.uniform(0.85, 1.0, n),
        rng.uniform(0.85, 1.0, n),
        rng.uniform(0.0, 0.05, n),
        rng.choice([1.0, 1.0, 3.0], n),
    )


def random_stores(rng: Rng, n: int, n_node: int) -> Stores:
    capacity_kwh = rng.uniform(0.0, 20.0, n)
    power_kw = rng.uniform(1.0, 10.0, (2, n))
    return Stores(
        rng.integers(0, n_node, n),
        capacity_kwh,
        capacity_kwh * rng.random(n),
        power_kw[0],
        power_kw[1],
        rng.uniform(0.85, 1.0, n),
        rng.uniform(0.85, 1.0, n),
        np.full(n, 0.01),
    )


def random_problem(rng: Rng, give_share: float, n_store: int) -> Problem:
    """Steps of unequal length, a tree of up to four nodes, limits that often bind and are sometimes below the base load."""
    n_step, n_node = int(rng.integers(1, 13)), int(rng.integers(1, 5))
    shape = (n_node, n_step)
    parent = np.array([-1] + [int(rng.integers(0, row)) for row in range(1, n_node)])
    base_kw = rng.uniform(-6.0, 10.0, shape)
    import_max_kw = np.where(rng.random((n_node, 1)) < 0.3, np.inf, base_kw + rng.uniform(-2.0, 30.0, shape))
    export_max_kw = np.where(rng.random((n_node, 1)) < 0.3, np.inf, rng.uniform(0.0, 12.0, shape))
    price = rng.uniform(-0.05, 1.0, n_step)
    signals = Signals(
        price,
        price * rng.choice([0.0, 0.5, 1.0]),
        rng.uniform(0.0, 0.8, n_step),
        np.cumsum(rng.random(n_step) < 0.6),
        float(rng.choice([0.0, 5.0])),
        float(rng.uniform(0.0, 20.0)),
        float(rng.uniform(0.0, 2.0)),
        0.25,
    )
    stays, stores = random_stays(rng, n_step, n_node, give_share), random_stores(rng, n_store, n_node)
    return Problem(rng.choice([0.25, 0.5, 1.0], n_step), stays, stores, Nodes(parent, import_max_kw, export_max_kw, base_kw), signals)


@pytest.mark.parametrize(
    ("objective", "give_share", "n_store", "n_problem"),
    [
        ("cost", 0.0, 0, 100),
        ("carbon", 0.0, 0, 60),
        ("peak>cost", 0.0, 0, 60),
        ("cost+demand", 0.0, 0, 40),
        ("valley", 0.0, 0, 20),
        ("peak:1.25>cost", 0.0, 1, 20),
        ("cost+wear", 0.6, 0, 60),
        ("cost+demand+wear", 0.6, 1, 40),
        ("carbon+0.1*wear", 0.6, 2, 20),
    ],
)
def test_optima_pass_the_check(objective, give_share, n_store, n_problem):
    rng = np.random.default_rng(n_problem + n_store)
    short = given_kwh = n_binding = 0.0
    for i in range(n_problem):
        problem = random_problem(rng, give_share, n_store)
        schedule = solve(problem, parse_objective(objective))
        violations = verify_schedule(problem, schedule)
        assert not violations, (i, [violation.text() for violation in violations])
        short += float(schedule.short_kwh.sum())
        given_kwh += float(schedule.discharge_kwh.sum())
        n_binding += float(not np.isinf(problem.nodes.import_max_kw).all())
    assert short > 1.0  # scarcity occurred
    assert n_binding > n_problem / 2
    assert (given_kwh > 1.0) == (give_share > 0.0)
