"""Portfolios for tests: a street of cars on a small tree, some of which may discharge."""

import numpy as np

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores

OBJECTIVE = parse_objective("cost+wear")
NO_STORES = Stores(*(np.zeros(0, dtype=np.int64), *(np.zeros(0),) * 7))


def street(seed, *, n=12, n_step=16, v2g_share=0.0, cap_kw=40.0):
    """n cars on two branches of a transformer over n_step quarter-hours with a cheap and a dear half."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 6, n)
    last = rng.integers(9, n_step + 1, n)
    v2g, power_kw = rng.random(n) < v2g_share, rng.choice([3.7, 7.4, 11.0], n)
    most_kwh = power_kw * 0.25 * (last - first)
    need_kwh = most_kwh * rng.uniform(0.1, 0.7, n)
    efficiency = np.where(v2g, 0.93, 1.0)
    stays = Stays(
        first=first,
        last=last,
        first_share=np.ones(n),
        last_share=np.ones(n),
        node=rng.integers(1, 3, n),
        charge_max_kw=power_kw,
        discharge_max_kw=np.where(v2g, power_kw, 0.0),
        need_kwh=need_kwh,
        room_kwh=need_kwh + rng.uniform(0.0, 6.0, n),
        below_kwh=np.where(v2g, rng.uniform(2.0, 8.0, n), 0.0),
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        wear_per_kwh=np.full(n, 0.03),
        priority=np.ones(n),
    )
    base_kw = np.stack((np.full(n_step, 8.0), np.full(n_step, 3.0), np.full(n_step, 5.0)))
    limit_kw = np.stack((np.full(n_step, cap_kw + 8.0), np.full(n_step, cap_kw), np.full(n_step, cap_kw)))
    nodes = Nodes(np.array([-1, 0, 0]), limit_kw, np.full((3, n_step), 30.0), base_kw)
    price = np.where(np.arange(n_step) < n_step // 2, 0.30, 0.20) + rng.uniform(0.0, 0.05, n_step)
    signals = Signals(price, price * 0.9, np.full(n_step, 0.3), np.arange(n_step), 0.0, 0.0, 0.0, 0.0)
    return Problem(np.full(n_step, 0.25), stays, NO_STORES, nodes, signals)
