"""A second opinion on the optimum: random problems, a dense programme for scipy written from the definitions, and a check of limits.

Nothing here is shared with the solver under test, except the types of the problem.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Nodes, Problem, Requests, Schedule, Signals, Stays, Stores


def random_problem(rng: np.random.Generator, *, v2g: bool, storage: bool, tree: bool, negative: bool, tight: float) -> Problem:
    """Small, odd and possibly infeasible: uneven steps, part steps, running interval, solar, priorities.

    tight   size of the limits in kW; the base load alone is above one in twenty of them
    """
    n_step, n_node = int(rng.integers(1, 8)), int(rng.integers(2, 5)) if tree else 1
    stays = _random_stays(rng, n_step, n_node, v2g)
    stores = _random_stores(rng, int(rng.integers(1, 3)) if storage else 0, n_node)
    nodes, signals = _random_nodes(rng, (n_node, n_step), tight), _random_signals(rng, n_step, negative)
    return Problem(rng.choice([0.25, 0.5, 1.0], n_step), stays, stores, nodes, signals)


def with_extras(problem: Problem, rng: np.random.Generator) -> Problem:
    """The same with any of: prices of zones, limits of phases, requests of the grid."""
    nodes, n_step = problem.nodes, problem.n_step
    shape, n = nodes.import_max_kw.shape, int(rng.integers(0, 4))
    wants = rng.random(3) < 0.7
    first = rng.integers(0, n_step, n)
    requests = Requests(
        node=rng.integers(0, shape[0], n),
        first=first,
        last=np.minimum(n_step, first + rng.integers(0, 4, n)),
        target_kw=rng.uniform(-3.0, 12.0, n),
        is_ceiling=rng.random(n) < 0.6,
        penalty_per_kwh=rng.choice([0.2, 5.0], n),
    )
    room_kw = np.where(rng.random((shape[0], 1, 1)) < 0.7, rng.uniform(0.0, 8.0, (shape[0], 3, shape[1])), np.inf)
    zone = rng.choice([-0.3, 0.0, 0.4], (shape[0], 1)) + rng.uniform(0.0, 0.2, shape)
    nodes = replace(nodes, price_per_kwh=zone if wants[0] else None, phase_room_kw=room_kw if wants[1] else None)
    phase = rng.integers(-1, 3, problem.stays.n) if rng.random() < 0.8 else None
    problem = replace(problem, nodes=nodes, stays=replace(problem.stays, phase=phase))
    return replace(problem, requests=requests) if wants[2] else problem


def _random_stays(rng: np.random.Generator, n_step: int, n_node: int, v2g: bool) -> Stays:
    n = int(rng.integers(0, 6))
    first = rng.integers(0, n_step, n)
    last = np.minimum(n_step, first + rng.integers(1, 6, n))
    first_share = rng.uniform(0.1, 1.0, n)
    charge_max_kw = rng.uniform(2.0, 12.0, n)
    need_kwh = rng.uniform(0.0, 9.0, n) * (rng.random(n) > 0.1)
    is_v2g = (rng.random(n) < 0.7) & v2g
    return Stays(
        first=first,
        last=last,
        first_share=first_share,
        last_share=np.where(last - first == 1, first_share, rng.uniform(0.1, 1.0, n)),
        node=rng.integers(0, n_node, n),
        charge_max_kw=charge_max_kw,
        discharge_max_kw=np.where(is_v2g, charge_max_kw, 0.0),
        need_kwh=need_kwh,
        room_kwh=need_kwh + rng.uniform(0.0, 8.0, n) * (rng.random(n) > 0.5),
        below_kwh=np.where(is_v2g, rng.uniform(0.0, 10.0, n), 0.0),
        charge_efficiency=rng.uniform(0.85, 1.0, n),
        discharge_efficiency=rng.uniform(0.85, 1.0, n),
        wear_per_kwh=rng.uniform(0.0, 0.1, n),
        priority=rng.choice([1.0, 1.0, 3.0], n),
    )


def _random_stores(rng: np.random.Generator, n: int, n_node: int) -> Stores:
    capacity_kwh = rng.uniform(2.0, 15.0, n)
    power_kw = rng.uniform(1.0, 8.0, n)
    return Stores(
        node=rng.integers(0, n_node, n),
        capacity_kwh=capacity_kwh,
        stored_kwh=capacity_kwh * rng.random(n),
        charge_max_kw=power_kw,
        discharge_max_kw=power_kw,
        charge_efficiency=rng.uniform(0.85, 1.0, n),
        discharge_efficiency=rng.uniform(0.85, 1.0, n),
        wear_per_kwh=rng.uniform(0.0, 0.05, n),
    )


def _random_nodes(rng: np.random.Generator, shape: tuple[int, int], tight: float) -> Nodes:
    parent = np.array([-1] + [int(rng.integers(0, row)) for row in range(1, shape[0])])
    base_kw = rng.uniform(-4.0, 8.0, shape) * (rng.random() < 0.7)
    limit_kw = np.where(rng.random((shape[0], 1)) < 0.8, rng.uniform(0.3, 1.0, shape) * tight + np.maximum(base_kw, 0), np.inf)
    limit_kw = np.where(rng.random(shape) < 0.05, base_kw - 1.0, limit_kw)
    export_kw = np.where(rng.random((shape[0], 1)) < 0.5, rng.uniform(0.0, 6.0, (shape[0], 1)), np.inf)
    return Nodes(parent, limit_kw, export_kw * np.ones(shape), base_kw)


def _random_signals(rng: np.random.Generator, n_step: int, negative: bool) -> Signals:
    price = rng.choice([0.3, 0.5, 0.9, 1.2], n_step) + (rng.choice([-1.5, 0.0], n_step) if negative else 0.0)
    export_prices = [price, price * 0.5, np.zeros(n_step), price + 0.2]
    return Signals(
        price_per_kwh=price,
        export_price_per_kwh=export_prices[int(rng.integers(0, 4 if negative else 3))],
        carbon_kg_per_kwh=rng.uniform(0.0, 0.6, n_step),
        demand_period=np.cumsum(rng.random(n_step) < 0.6),
        demand_price_per_kw=float(rng.uniform(0.0, 4.0)),
        peak_so_far_kw=float(rng.choice([0.0, 5.0])),
        period_done_kwh=float(rng.uniform(0.0, 2.0)),
        period_done_h=float(rng.choice([0.0, 0.2])),
    )


class Dense:
    """The problem as a dense mixed-integer programme, one variable and one row at a time, every direction a binary."""

    def __init__(self, problem: Problem, short_kwh: np.ndarray | None) -> None:
        """short_kwh: what each stay may lack; None to make it a variable."""
        self.p = problem
        self.low: list[float] = []
        self.high: list[float] = []
        self.whole: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        n_step, stays, stores = problem.n_step, problem.stays, problem.stores
        self.c = {(i, k): self.var(0, stays.charge_max_kw[i] * self.hours(i, k)) for i in range(stays.n) for k in self.steps(i)}
        self.d = {(i, k): self.var(0, stays.discharge_max_kw[i] * self.hours(i, k)) for i in range(stays.n) for k in self.steps(i)}
        n_store = len(stores.node)
        self.sc = {(s, k): self.var(0, stores.charge_max_kw[s] * problem.step_h[k]) for s in range(n_store) for k in range(n_step)}
        self.sd = {(s, k): self.var(0, stores.discharge_max_kw[s] * problem.step_h[k]) for s in range(n_store) for k in range(n_step)}
        self.imported = [self.var(0, 1e4) for _ in range(n_step)]
        self.exported = [self.var(0, 1e4) for _ in range(n_step)]
        self.peak, self.excess = self.var(-1e4, 1e4), self.var(0, 1e4)
        self.short = [self.var(0, stays.need_kwh[i] if short_kwh is None else short_kwh[i]) for i in range(stays.n)]
        for a, b in [(self.c[key], self.d[key]) for key in self.c] + [(self.sc[key], self.sd[key]) for key in self.sc]:
            self.one_of(a, b)
        for a, b in zip(self.imported, self.exported, strict=True):
            self.one_of(a, b)
        self.stay_of = {v: i for column in (self.c, self.d) for (i, _), v in column.items()}
        self.missed: dict[int, float] = {}
        self.batteries()
        self.limits()
        self.asked()

    def hours(self, i: int, k: int) -> float:
        s = self.p.stays
        share = s.first_share[i] if k == s.first[i] else s.last_share[i] if k == s.last[i] - 1 else 1.0
        return float(share * self.p.step_h[k])

    def steps(self, i: int) -> range:
        return range(int(self.p.stays.first[i]), int(self.p.stays.last[i]))

    def var(self, low: float, high: float, whole: int = 0) -> int:
        self.low.append(float(low))
        self.high.append(float(high))
        self.whole.append(whole)
        return len(self.low) - 1

    def row(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def one_of(self, a: int, b: int) -> None:
        if self.high[a] > 0 and self.high[b] > 0:
            z = self.var(0, 1, 1)
            self.row({a: 1.0, z: -self.high[a]}, -np.inf, 0.0)
            self.row({b: 1.0, z: self.high[b]}, -np.inf, self.high[b])

    def batteries(self) -> None:
        s, b = self.p.stays, self.p.stores
        for i in range(s.n):
            cells: dict[int, float] = {}
            for k in self.steps(i):
                cells[self.c[i, k]], cells[self.d[i, k]] = s.charge_efficiency[i], -1 / s.discharge_efficiency[i]
                self.row(dict(cells), -s.below_kwh[i], s.room_kwh[i] * s.charge_efficiency[i])
            cells[self.short[i]] = s.charge_efficiency[i]
            self.row(cells, s.need_kwh[i] * s.charge_efficiency[i], np.inf)
        for u in range(len(b.node)):
            level: dict[int, float] = {}
            for k in range(self.p.n_step):
                level[self.sc[u, k]], level[self.sd[u, k]] = b.charge_efficiency[u], -1 / b.discharge_efficiency[u]
                self.row(dict(level), -b.stored_kwh[u], b.capacity_kwh[u] - b.stored_kwh[u])

    def limits(self) -> None:
        p, n = self.p, self.p.nodes
        self.mean: dict[int, dict[int, float]] = {}
        self.at_node: dict[tuple[int, int], dict[int, float]] = {}
        hours: dict[int, float] = {}
        known: dict[int, float] = {}
        for k in range(p.n_step):
            for node in range(len(n.parent)):
                terms = {}
                for column, sign, where in (
                    (self.c, 1, p.stays.node),
                    (self.d, -1, p.stays.node),
                    (self.sc, 1, p.stores.node),
                    (self.sd, -1, p.stores.node),
                ):
                    terms.update({v: float(sign) for (u, step), v in column.items() if step == k and self.below(int(where[u]), node)})
                self.at_node[node, k] = terms
                if n.phase_room_kw is not None:
                    for phase in range(3):
                        parts = {v: x * self.phase_share(v, phase) for v, x in terms.items()}
                        self.row(parts, -np.inf, n.phase_room_kw[node, phase, k] * p.step_h[k])
                room = max(n.import_max_kw[node, k] - n.base_kw[node, k], 0.0) * p.step_h[k]
                self.row(terms, -n.export_max_kw[node, k] * p.step_h[k], room)
                if node == 0:
                    base = n.base_kw[0, k] * p.step_h[k]
                    self.row({**terms, self.imported[k]: -1.0, self.exported[k]: 1.0}, -base, -base)
                    q = int(p.signals.demand_period[k])
                    self.mean.setdefault(q, {}).update(terms)
                    start = (p.signals.period_done_h, p.signals.period_done_kwh) if k == 0 else (0.0, 0.0)
                    hours[q] = hours.get(q, 0.0) + p.step_h[k] + start[0]
                    known[q] = known.get(q, 0.0) + base + start[1]
        for q, terms in self.mean.items():
            self.row({**terms, self.peak: -hours[q]}, -np.inf, -known[q])
        self.row({self.peak: 1.0, self.excess: -1.0}, -np.inf, p.signals.peak_so_far_kw)

    def phase_share(self, variable: int, phase: int) -> float:
        stay = self.stay_of.get(variable, -1)
        on = -1 if stay < 0 or self.p.stays.phase is None else int(self.p.stays.phase[stay])
        return 1 / 3 if on < 0 else float(on == phase)

    def asked(self) -> None:
        """Requests: one variable for each request and step."""
        p, q = self.p, self.p.requests
        for r in range(q.n):
            for k in range(int(q.first[r]), int(q.last[r])):
                sign = 1.0 if q.is_ceiling[r] else -1.0
                v = self.var(0, 1e4)
                terms = {u: sign * x for u, x in self.at_node[int(q.node[r]), k].items()}
                self.row({**terms, v: -1.0}, -np.inf, sign * (q.target_kw[r] - p.nodes.base_kw[q.node[r], k]) * p.step_h[k])
                self.missed[v] = float(q.penalty_per_kwh[r])

    def zone_costs(self) -> dict[int, float]:
        """Price of zones for each variable."""
        price = self.p.nodes.price_per_kwh
        costs: dict[int, float] = {}
        if price is None:
            return costs
        for (node, k), terms in self.at_node.items():
            for v, x in terms.items():
                costs[v] = costs.get(v, 0.0) + x * float(price[node, k])
        return costs

    def below(self, node: int, top: int) -> bool:
        while node >= 0:
            if node == top:
                return True
            node = int(self.p.nodes.parent[node])
        return False

    def cost(self, weights: tuple[tuple[str, float], ...]) -> np.ndarray:
        p, g = self.p, self.p.signals
        out = np.zeros(len(self.low))
        middle = np.cumsum(p.step_h) - p.step_h / 2
        for term, w in weights:
            for v, x in {"cost": self.zone_costs(), "request": self.missed}.get(term, {}).items():
                out[v] += w * x
            for k in range(p.n_step):
                out[self.imported[k]] += w * {"cost": g.price_per_kwh[k], "carbon": g.carbon_kg_per_kwh[k]}.get(term, 0.0)
                out[self.exported[k]] += w * {"cost": -g.export_price_per_kwh[k], "export": 1.0}.get(term, 0.0)
            for (_, k), v in self.c.items():
                out[v] += w * middle[k] * (term == "earliest")
            for (i, _), v in self.d.items():
                out[v] += w * p.stays.wear_per_kwh[i] * (term == "wear")
            for (u, _), v in self.sd.items():
                out[v] += w * p.stores.wear_per_kwh[u] * (term == "wear")
            out[self.peak] += w * (term == "peak")
            out[self.excess] += w * g.demand_price_per_kw * (term == "demand")
        return out

    def minimise(self, cost: np.ndarray) -> float | None:
        if not len(cost):
            return 0.0
        A = np.zeros((len(self.rows), len(self.low)))
        for number, (terms, _, _) in enumerate(self.rows):
            for v, value in terms.items():
                A[number, v] = value
        low, high = np.array([r[1] for r in self.rows]), np.array([r[2] for r in self.rows])
        options: Any = {"mip_rel_gap": 0.0}
        answer = milp(
            cost,
            constraints=LinearConstraint(A, low, high),
            bounds=Bounds(self.low, self.high),
            integrality=np.array(self.whole),
            options=options,
        )
        return float(answer.fun) if answer.success else None


def best_values(problem: Problem, objective: Objective, short_kwh: np.ndarray) -> list[float]:
    """The best value of each stage in turn, with short_kwh allowed to be lacking."""
    # A hair of room, as the shortfall lies on the border of what is feasible.
    dense, values = Dense(problem, short_kwh + 1e-5), []
    for stage in objective.with_requests().stages:
        cost = dense.cost(stage.weights)
        value = dense.minimise(cost)
        assert value is not None
        values.append(value)
        hold = value + (stage.slack - 1) * abs(value) + 1e-7
        dense.row({int(v): float(cost[v]) for v in np.flatnonzero(cost)}, -np.inf, hold)
    return values


def least_loss(problem: Problem) -> float:
    """Least shortfall weighted by priority."""
    dense = Dense(problem, None)
    cost = np.zeros(len(dense.low))
    cost[dense.short] = problem.stays.priority
    value = dense.minimise(cost)
    assert value is not None
    return value


def assert_feasible(problem: Problem, schedule: Schedule, tolerance: float = 1e-7) -> None:
    """Every bound exactly, every limit and balance to `tolerance`, nothing both ways."""
    p, s, dense = problem, problem.stays, Dense(problem, problem.stays.need_kwh)
    c, d, b = schedule.charge_kwh, schedule.discharge_kwh, schedule.store_kwh
    assert c.shape == d.shape == (s.n, p.n_step)
    assert b.shape == (len(p.stores.node), p.n_step)
    assert not ((c > 0) & (d > 0)).any()
    for i in range(s.n):
        for k in range(p.n_step):
            hours = dense.hours(i, k) if k in dense.steps(i) else 0.0
            assert 0 <= c[i, k] <= s.charge_max_kw[i] * hours * (1 + 1e-15)
            assert 0 <= d[i, k] <= s.discharge_max_kw[i] * hours * (1 + 1e-15)
    level = np.cumsum(c * s.charge_efficiency[:, None] - d / s.discharge_efficiency[:, None], axis=1)
    assert (level >= -s.below_kwh[:, None] - tolerance).all()
    assert (level <= (s.room_kwh * s.charge_efficiency)[:, None] + tolerance).all()
    if p.n_step:
        assert (level[:, -1] / s.charge_efficiency + schedule.short_kwh >= s.need_kwh - 2e-9).all()
    stored = p.stores.stored_kwh[:, None] + np.cumsum(
        np.maximum(b, 0) * p.stores.charge_efficiency[:, None] - np.maximum(-b, 0) / p.stores.discharge_efficiency[:, None], axis=1
    )
    assert (stored >= -tolerance).all()
    assert (stored <= p.stores.capacity_kwh[:, None] + tolerance).all()
    for node in range(len(p.nodes.parent)):
        inside = np.array([dense.below(int(n), node) for n in s.node], dtype=bool)
        net = (c - d)[inside].sum(axis=0) + b[np.array([dense.below(int(n), node) for n in p.stores.node], dtype=bool)].sum(axis=0)
        room = np.maximum(p.nodes.import_max_kw[node] - p.nodes.base_kw[node], 0.0) * p.step_h
        assert (net <= room + tolerance).all()
        if p.nodes.phase_room_kw is None:
            continue
        for phase in range(3):
            on = np.full(s.n, -1) if s.phase is None else s.phase
            share = np.where(on < 0, 1 / 3, on == phase)
            drawn = ((c - d) * share[:, None])[inside].sum(axis=0) + (net - (c - d)[inside].sum(axis=0)) / 3
            assert (drawn <= p.nodes.phase_room_kw[node, phase] * p.step_h + tolerance).all()
        assert (net >= -p.nodes.export_max_kw[node] * p.step_h - tolerance).all()
