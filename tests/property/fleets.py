"""Random problems for the test of the bound: from a handful of vehicles to thousands, every kind of limit, price and request."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import NO_REQUESTS, Nodes, Problem, Requests, Signals, Stays, Stores

Rng = np.random.Generator

OBJECTIVES = (
    "cost",
    "cost+demand",
    "cost+wear",
    "valley",
    "carbon",
    "peak",
    "cost+demand+wear",
    "export",
    "earliest",
    "cost+0.05*carbon+0.01*earliest",
    "cost+0.02*valley",
    "cost+wear+0.5*peak",
)
PRICES = ("usual", "usual", "negative hours", "all negative", "zero", "dear export")


@dataclass(frozen=True)
class Kind:
    """What a random problem is like.

    n, n_step, depth   vehicles, steps, levels of the tree
    give_share         share of the vehicles that may discharge
    tight              size of the limits: 1 lets about everybody charge evenly, below about 0.5 somebody goes short; infinity for none
    price              one of PRICES
    """

    n: int
    n_step: int
    depth: int
    give_share: float
    tight: float
    price: str
    n_store: int = 0
    has_phases: bool = False
    has_zones: bool = False
    n_request: int = 0


def random_kind(rng: Rng, n: int, n_step: int) -> Kind:
    """A kind with a given number of vehicles and steps."""
    return Kind(
        n=n,
        n_step=n_step,
        depth=int(rng.integers(1, 5)),
        give_share=float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        tight=float(rng.choice([0.3, 0.8, 1.5, 4.0, np.inf])),
        price=str(rng.choice(PRICES)),
        n_store=int(rng.choice([0, 0, 1, 3])),
        has_phases=bool(rng.random() < 0.25),
        has_zones=bool(rng.random() < 0.25),
        n_request=int(rng.choice([0, 0, 0, 1, 3])),
    )


def random_fleet(rng: Rng, kind: Kind) -> Problem:
    """A problem of that kind."""
    parent = random_tree(rng, kind.depth, max(1, min(kind.n // 8, 12)))
    step_h = np.full(kind.n_step, 24.0 / kind.n_step) if rng.random() < 0.7 else rng.choice([0.25, 0.5, 1.0], kind.n_step)
    stays = random_stays(rng, kind, step_h, leaves_of(parent))
    stores = random_stores(rng, kind, len(parent))
    nodes = random_nodes(rng, kind, parent, stays)
    signals = random_signals(rng, kind, float(nodes.base_kw[0].mean()))
    return Problem(step_h, stays, stores, nodes, signals, random_requests(rng, kind, nodes))


def random_tree(rng: Rng, depth: int, widest: int) -> np.ndarray:
    """Parents of a tree with `depth` levels, the last of them with up to `widest` nodes."""
    parent, above = [-1], [0]
    for level in range(1, depth):
        count = int(rng.integers(1, max(2, round(widest ** (level / (depth - 1))) + 1)))
        parent += [int(rng.choice(above)) for _ in range(count)]
        above = list(range(len(parent) - count, len(parent)))
    return np.array(parent)


def leaves_of(parent: np.ndarray) -> np.ndarray:
    """Nodes with nothing below them."""
    return np.setdiff1d(np.arange(len(parent)), parent)


def random_stays(rng: Rng, kind: Kind, step_h: np.ndarray, leaves: np.ndarray) -> Stays:
    """Vehicles mostly at the leaves; some need more than their stay allows, some nothing."""
    n, n_step = kind.n, kind.n_step
    first = rng.integers(0, n_step, n)
    last = np.minimum(n_step, first + rng.integers(1, max(2, n_step * 2 // 3), n))
    first_share = np.where(rng.random(n) < 0.5, 1.0, rng.uniform(0.05, 1.0, n))
    power_kw = rng.choice([3.7, 7.4, 11.0, 22.0], n)
    hours = np.array([step_h[a:b].sum() for a, b in zip(first, last, strict=True)])
    need_kwh = np.minimum(rng.exponential(18.0, n), power_kw * hours * rng.uniform(0.2, 1.1, n)) * (rng.random(n) > 0.05)
    gives = rng.random(n) < kind.give_share
    spare_kwh = rng.exponential(10.0, n) * (rng.random(n) > 0.3)
    node = np.where(rng.random(n) < 0.9, rng.choice(leaves, n), rng.integers(0, leaves.max() + 1, n))
    return Stays(
        first=first,
        last=last,
        first_share=first_share,
        last_share=np.where(last - first == 1, first_share, np.where(rng.random(n) < 0.5, 1.0, rng.uniform(0.05, 1.0, n))),
        node=node,
        charge_max_kw=power_kw,
        discharge_max_kw=np.where(gives, power_kw * rng.choice([1.0, 0.5], n), 0.0),
        need_kwh=need_kwh,
        room_kwh=np.where(gives | (rng.random(n) < 0.7), need_kwh + spare_kwh, np.inf),
        below_kwh=np.where(gives, rng.uniform(0.0, 20.0, n), 0.0),
        charge_efficiency=rng.uniform(0.86, 1.0, n),
        discharge_efficiency=rng.uniform(0.86, 1.0, n),
        wear_per_kwh=rng.uniform(0.0, 0.08, n),
        priority=rng.choice([1.0, 1.0, 1.0, 2.0, 5.0], n),
        phase=rng.integers(-1, 3, n) if kind.has_phases else None,
    )


def random_stores(rng: Rng, kind: Kind, n_node: int) -> Stores:
    """Stationary batteries that grow with the fleet; half the time they must end as full as they began."""
    n, size = kind.n_store, max(1.0, kind.n / 10)
    capacity_kwh, power_kw = size * rng.uniform(5.0, 40.0, n), size * rng.uniform(2.0, 15.0, (2, n))
    stored_kwh = capacity_kwh * rng.random(n)
    return Stores(
        node=rng.integers(0, n_node, n),
        capacity_kwh=capacity_kwh,
        stored_kwh=stored_kwh,
        charge_max_kw=power_kw[0],
        discharge_max_kw=power_kw[1],
        charge_efficiency=rng.uniform(0.86, 1.0, n),
        discharge_efficiency=rng.uniform(0.86, 1.0, n),
        wear_per_kwh=rng.uniform(0.0, 0.05, n),
        end_min_kwh=stored_kwh if rng.random() < 0.5 else None,
    )


def random_nodes(rng: Rng, kind: Kind, parent: np.ndarray, stays: Stays) -> Nodes:
    """Limits in proportion to what the vehicles below want on average; some nodes have none, some are below their base load."""
    n_node, shape = len(parent), (len(parent), kind.n_step)
    wanted_kw = np.zeros(n_node)
    np.add.at(wanted_kw, stays.node, np.minimum(stays.charge_max_kw, stays.need_kwh / 6.0))
    for node in range(n_node - 1, 0, -1):
        wanted_kw[parent[node]] += wanted_kw[node]
    day = 0.6 + 0.4 * np.sin(np.linspace(0, 2 * np.pi, kind.n_step, endpoint=False) + rng.uniform(0, 6))
    base_kw = wanted_kw[:, None] * rng.uniform(0.0, 1.0, (n_node, 1)) * day * rng.uniform(0.8, 1.2, shape)
    base_kw -= (rng.random() < 0.3) * wanted_kw[:, None] * rng.uniform(0.0, 2.0, shape)
    room_kw = (wanted_kw[:, None] + 1.0) * kind.tight * rng.uniform(0.5, 1.5, shape)
    limit_kw = np.where(rng.random((n_node, 1)) < 0.8, np.maximum(base_kw, 0.0) + room_kw, np.inf)
    limit_kw = np.where(rng.random(shape) < 0.03, base_kw - 1.0, limit_kw)
    export_kw = np.where(rng.random((n_node, 1)) < 0.5, (wanted_kw[:, None] + 1.0) * rng.uniform(0.0, 1.5, (n_node, 1)), np.inf)
    zone = rng.uniform(-0.05, 0.3, shape) * (rng.random((n_node, 1)) < 0.6) if kind.has_zones else None
    phase_kw = np.repeat(room_kw[:, None], 3, axis=1) * rng.uniform(0.25, 0.6, (n_node, 3, 1)) if kind.has_phases else None
    return Nodes(parent, limit_kw, export_kw * np.ones(shape), base_kw, zone, phase_kw)


def random_signals(rng: Rng, kind: Kind, base_kw: float) -> Signals:
    """Prices of the kind; demand intervals of one step, of two, or uneven."""
    n = kind.n_step
    price = np.round(0.2 + 0.15 * np.sin(np.linspace(0, 4 * np.pi, n)) + rng.uniform(0.0, 0.1, n), 3)
    if kind.price == "negative hours":
        price = np.where(rng.random(n) < 0.3, -price, price)
    if kind.price == "all negative":
        price = -price
    if kind.price == "zero":
        price = np.zeros(n)
    export = {"dear export": price + 0.05}.get(kind.price, price - rng.choice([0.0, 0.05, 0.2]))
    periods = (np.arange(n), np.arange(n) // 2, np.cumsum(rng.integers(0, 2, n)))
    return Signals(
        price_per_kwh=price,
        export_price_per_kwh=export,
        carbon_kg_per_kwh=rng.uniform(0.0, 0.6, n),
        demand_period=periods[int(rng.integers(0, 3))],
        demand_price_per_kw=float(rng.uniform(0.0, 4.0)),
        peak_so_far_kw=float(rng.choice([0.0, max(base_kw, 0.0)])),
        period_done_kwh=float(rng.uniform(0.0, 2.0)),
        period_done_h=float(rng.choice([0.0, 0.2])),
    )


def random_requests(rng: Rng, kind: Kind, nodes: Nodes) -> Requests:
    """Ceilings and floors somewhat off the base load."""
    n = kind.n_request
    if not n:
        return NO_REQUESTS
    node, first = rng.integers(0, len(nodes.parent), n), rng.integers(0, kind.n_step, n)
    last = np.minimum(kind.n_step, first + rng.integers(1, 5, n))
    size_kw = np.abs(nodes.base_kw[node]).mean(axis=1) + 5.0
    is_ceiling = rng.random(n) < 0.5
    target_kw = nodes.base_kw[node, first] + size_kw * rng.uniform(-0.5, 1.0, n)
    return Requests(node, first, last, target_kw, is_ceiling, rng.uniform(0.05, 1.0, n))
