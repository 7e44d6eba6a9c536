"""A small town that is short of power: a root, two feeders, three transformers, eight cars, one of which may discharge."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import optimise
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores
from evloom.dispatch.solved import Round
from evloom.plan.fleet.report.labels import Labels

HOSTILE = "</script><script>alert('x')</script>&<b>"
N_STEP = 16
# root, feeder west and east, transformers: two in the west, one in the east
PARENT = np.array([-1, 0, 0, 1, 1, 2])
LIMIT_KW = np.array([40.0, 16.0, 20.0, 5.0, 9.0, 12.0])
OWN_KW = np.array([3.0, 0.0, 0.0, 1.0, 1.0, 2.0])


def _town(n_step: int) -> Problem:
    base_kw = np.array([own + sum(OWN_KW[below]) for own, below in zip(OWN_KW, ([1, 2, 3, 4, 5], [3, 4], [5], [], [], []), strict=True)])
    n = 8
    stays = Stays(
        first=np.array([0, 0, 2, 3, 0, 4, 6, 9]),
        last=np.array([8, 8, 10, 12, 16, 16, 14, 11]),
        first_share=np.array([1.0, 0.5, 1.0, 1.0, 1.0, 0.25, 1.0, 1.0]),
        last_share=np.array([1.0, 1.0, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]),
        node=np.array([3, 3, 3, 3, 4, 4, 5, 5]),
        charge_max_kw=np.full(n, 7.0),
        discharge_max_kw=np.array([0.0, 0, 0, 0, 7.0, 0, 0, 0]),
        need_kwh=np.array([9.0, 8.0, 6.0, 5.0, 4.0, 10.0, 8.0, 6.0]),
        room_kwh=np.full(n, 30.0),
        below_kwh=np.full(n, 5.0),
        charge_efficiency=np.full(n, 0.95),
        discharge_efficiency=np.full(n, 0.95),
        wear_per_kwh=np.full(n, 0.02),
        priority=np.array([1.0, 1, 1, 2, 1, 1, 1, 1]),
    )
    price = np.where(np.arange(n_step) < n_step / 2, 0.4, 0.1)
    signals = Signals(price, price / 2, np.full(n_step, 0.3), np.arange(n_step), 0.0, 0.0, 0.0, 0.0)
    wide = np.ones((1, n_step))
    nodes = Nodes(PARENT, LIMIT_KW[:, None] * wide, LIMIT_KW[:, None] * wide, base_kw[:, None] * wide)
    return Problem(np.full(n_step, 0.5), stays, _no_stores(), nodes, signals)


def _no_stores() -> Stores:
    return Stores(np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in range(7)))


@pytest.fixture(scope="session")
def town():
    """The problem; node 3 cannot give its four cars what they need."""
    return _town(N_STEP)


@pytest.fixture(scope="session")
def solved(town):
    """Its optimum, with prices and rounds as the sweeps would give them: any numbers, for the report only tells them."""
    best = optimise(town, parse_objective("cost"))
    price = np.zeros(town.nodes.base_kw.shape)
    price[3, 2:9], price[1, 4:6], price[4, 7] = np.linspace(0.1, 0.7, 7), [0.01, 0.02], -0.05
    rounds = (Round(1, np.inf, -np.inf, 0.5), Round(2, 110.0, 90.0, 0.1), Round(3, 100.0, 99.95, 0.0))
    return replace(best, node_price_per_kwh=price, rounds=rounds)


@pytest.fixture(scope="session")
def labels():
    """Names, one of them out to do harm."""
    node_ids = ["root <1>", "west", "east", f"T1 {HOSTILE}", "T2", "T3"]
    start = datetime(2025, 6, 4, 10, 0, tzinfo=UTC)
    vehicle_ids = [f"car {k} {HOSTILE}" for k in range(8)]
    return Labels(
        "town <script>", start, ZoneInfo("Europe/Berlin"), "EUR", node_ids, vehicle_ids.__getitem__, "cost", 1.25, 3 * 10**8, 2e-9
    )


def first_stays(problem, n):
    """The same problem with its first n stays only."""
    stays = problem.stays
    kept = {name: column[:n] for name, column in vars(stays).items() if column is not None}
    return replace(problem, stays=replace(stays, **kept))


@pytest.fixture
def only():
    """Makes a problem smaller."""
    return first_stays


@pytest.fixture
def timeless():
    """The town with a horizon of no steps: nobody is there for any of it."""
    problem = _town(0)
    nothing = np.zeros(problem.stays.n, dtype=np.int64)
    return replace(problem, stays=replace(problem.stays, first=nothing, last=nothing))
