"""Realistic problems of any size from a seed: overnight and daytime stays of 7 to 22 kW, a time-of-use price, one or two levels."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores

# A tariff of three levels over the day, per kWh: (from hour, price).
TARIFF = ((0, 0.31), (8, 0.65), (10, 0.98), (12, 0.65), (14, 0.98), (19, 0.65), (22, 0.31))
KW = (7.4, 11.0, 22.0)


@dataclass(frozen=True)
class Shape:
    """How a problem looks. limit_share: the root's limit as a share of all ratings; n_board: boards below the root, 0 for one node."""

    n_stay: int
    n_step: int = 96
    step_h: float = 0.25
    is_v2g: bool = False
    limit_share: float = 0.35
    n_board: int = 0


def day_price(n_step: int, step_h: float, start_h: float = 12.0) -> np.ndarray:
    """The tariff over steps that begin at noon."""
    hour = (start_h + np.arange(n_step) * step_h) % 24
    begin = np.array([h for h, _ in TARIFF])
    return np.array([price for _, price in TARIFF])[np.searchsorted(begin, hour, side="right") - 1]


def realistic(shape: Shape, seed: int) -> Problem:
    """Stays from noon on: two in three overnight (from 18 h for some 12 h), one in three by day; 15 kWh +- 8 of need."""
    rng = np.random.default_rng(seed)
    n, n_step, step_h = shape.n_stay, shape.n_step, shape.step_h
    day = rng.integers(0, max(round(n_step * step_h / 24), 1), n) * 24.0
    overnight = rng.random(n) < 2 / 3
    arrival_h = day + np.where(overnight, rng.normal(6.0, 1.5, n), rng.normal(-3.5, 1.0, n) % 24)
    length_h = np.where(overnight, rng.normal(12.5, 1.5, n), rng.normal(8.0, 1.5, n))
    begin = np.clip(arrival_h, 0.0, n_step * step_h - 2.0) / step_h
    end = np.clip(begin + np.maximum(length_h, 1.0) / step_h, 0.0, n_step)
    first, last = np.floor(begin).astype(np.int64), np.ceil(end).astype(np.int64)
    one = last - first == 1
    power_kw = rng.choice(KW, n, p=(0.5, 0.4, 0.1))
    hours = (end - begin) * step_h
    need_kwh = np.minimum(np.clip(rng.normal(15.0, 8.0, n), 2.0, 60.0), 0.9 * power_kw * hours)
    is_v2g = shape.is_v2g & (rng.random(n) < 0.8)
    stays = Stays(
        first=first,
        last=last,
        first_share=np.where(one, end - begin, first + 1 - begin),
        last_share=np.where(one, end - begin, end - last + 1),
        node=rng.integers(1, shape.n_board + 1, n) if shape.n_board else np.zeros(n, dtype=np.int64),
        charge_max_kw=power_kw,
        discharge_max_kw=np.where(is_v2g, power_kw, 0.0),
        need_kwh=need_kwh,
        room_kwh=need_kwh + np.where(is_v2g, rng.uniform(0.0, 15.0, n), 0.0),
        below_kwh=np.where(is_v2g, rng.uniform(0.0, 15.0, n), 0.0),
        charge_efficiency=np.full(n, 0.94),
        discharge_efficiency=np.full(n, 0.94),
        wear_per_kwh=np.full(n, 0.05),
        priority=np.ones(n),
    )
    stores = Stores(np.zeros(0, dtype=np.int64), *[np.zeros(0)] * 7)
    return Problem(np.full(n_step, step_h), stays, stores, _nodes(shape, rng, stays), _signals(shape))


def _nodes(shape: Shape, rng: np.random.Generator, stays: Stays) -> Nodes:
    total_kw, n_step = float(stays.charge_max_kw.sum()), shape.n_step
    hour = (12 + np.arange(n_step) * shape.step_h) % 24
    base_kw = total_kw * (0.06 + 0.05 * np.exp(-(((hour - 19) / 3) ** 2)) + 0.01 * rng.random(n_step))
    n_node = shape.n_board + 1
    limit_kw = np.full((n_node, n_step), total_kw * shape.limit_share)
    bases = np.zeros((n_node, n_step))
    bases[0] = base_kw
    rating_kw = np.bincount(stays.node, weights=stays.charge_max_kw, minlength=n_node)
    limit_kw[1:] = rating_kw[1:, None] * shape.limit_share * 1.1
    return Nodes(np.array([-1] + [0] * shape.n_board), limit_kw, np.full((n_node, n_step), np.inf), bases)


def _signals(shape: Shape) -> Signals:
    price = day_price(shape.n_step, shape.step_h)
    interval = (np.arange(shape.n_step) * shape.step_h // 0.25).astype(np.int64)
    return Signals(price, price, np.full(shape.n_step, 0.4), interval, 8.0, 0.0, 0.0, 0.0)


def with_wide_limits(problem: Problem) -> Problem:
    """The same without any limit."""
    return replace(problem, nodes=replace(problem.nodes, import_max_kw=np.full_like(problem.nodes.import_max_kw, np.inf)))
