"""The optimum of `Solved.value` by another hand: one sparse programme for scipy, written from the definitions of docs/optimum.md.

For objectives of one stage. What short energy costs, requests, zone prices and limits per phase are in it. Squares are tangents,
directions are binaries, both added only where the optimum would cheat without them; the answer is an interval, in which the optimum lies.
Nothing here is shared with the solvers under test, except the types of the problem.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Schedule
from tests.unit.dispatch.oracle_worth import TIERS, excess, intervals, net, phase_share, presence_h, worth

EXACT = 1e-9


@dataclass(frozen=True)
class Best:
    """No schedule is worth less than `lower`; `schedule`, which holds every limit, is worth `upper`. scale: gross size of its terms."""

    lower: float
    upper: float
    scale: float
    schedule: Schedule


@dataclass
class Sheet:
    """A programme in the making: columns, rows and their entries."""

    n_column: int = 0
    n_row: int = 0
    column_bounds: list[np.ndarray] = field(default_factory=list)
    row_bounds: list[np.ndarray] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)

    def columns(self, n: int, low: Any, high: Any) -> np.ndarray:
        self.column_bounds.append(np.stack([np.broadcast_to(low, n), np.broadcast_to(high, n)]).astype(float))
        self.n_column += n
        return np.arange(self.n_column - n, self.n_column)

    def rows(self, n: int, low: Any, high: Any) -> np.ndarray:
        self.row_bounds.append(np.stack([np.broadcast_to(low, n), np.broadcast_to(high, n)]).astype(float))
        self.n_row += n
        return np.arange(self.n_row - n, self.n_row)

    def put(self, row: np.ndarray, column: np.ndarray, value: Any) -> None:
        self.parts.append(np.stack([row, column, np.broadcast_to(value, len(row))]).astype(float))

    def matrix(self) -> Any:
        row, column, value = np.concatenate(self.parts, axis=1) if self.parts else np.zeros((3, 0))
        return sp.csr_matrix((value, (row.astype(int), column.astype(int))), (self.n_row, self.n_column))


class Priced:
    """The programme of one problem; see `best`."""

    def __init__(self, problem: Problem, objective: Objective, short_price_per_kwh: float) -> None:
        self.p, self.price, self.objective = problem, short_price_per_kwh, objective
        self.weight: dict[str, float] = {}
        for term, weight in objective.stages[0].weights:
            self.weight[term] = self.weight.get(term, 0.0) + weight
        self.sheet = Sheet()
        self.costs: list[np.ndarray] = []
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []  # columns of which one must be 0, once `one_way` has seen them
        self.asked: set[int] = set()
        self.stays()
        self.stores()
        self.totals()
        self.root()
        self.intervals()
        self.requests()
        self.phases()

    def w(self, term: str) -> float:
        return self.weight.get(term, 0.0)

    def cost(self, column: np.ndarray, value: Any) -> None:
        self.costs.append(np.stack([column, np.broadcast_to(value, len(column))]).astype(float))

    def stays(self) -> None:
        p, s, sheet, hours = self.p, self.p.stays, self.sheet, presence_h(self.p)
        self.stay, self.step = np.nonzero(hours > 0)
        there = hours[self.stay, self.step]
        self.charge = sheet.columns(len(there), 0.0, s.charge_max_kw[self.stay] * there)
        self.two = np.flatnonzero(s.discharge_max_kw[self.stay] > 0)
        owner = self.stay[self.two]
        self.discharge = sheet.columns(len(owner), 0.0, s.discharge_max_kw[owner] * there[self.two])
        level = sheet.columns(len(owner), -s.below_kwh[owner], s.room_kwh[owner] * s.charge_efficiency[owner])
        row = sheet.rows(len(owner), 0.0, 0.0)
        sheet.put(row, level, 1.0)
        goes_on = np.flatnonzero(owner[1:] == owner[:-1]) + 1
        sheet.put(row[goes_on], level[goes_on - 1], -1.0)
        sheet.put(row, self.charge[self.two], -s.charge_efficiency[owner])
        sheet.put(row, self.discharge, 1 / s.discharge_efficiency[owner])
        self.pairs.append((self.charge[self.two], self.discharge))
        middle_h = np.cumsum(p.step_h) - p.step_h / 2
        self.cost(self.charge, self.w("earliest") * middle_h[self.step])
        self.cost(self.discharge, self.w("wear") * s.wear_per_kwh[owner])
        self.promise(level, owner)

    def promise(self, level: np.ndarray, owner: np.ndarray) -> None:
        s, sheet = self.p.stays, self.sheet
        row = sheet.rows(s.n, s.need_kwh, np.inf)
        ends = np.flatnonzero(np.append(owner[1:] != owner[:-1], True)) if len(owner) else owner
        sheet.put(row[owner[ends]], level[ends], 1 / s.charge_efficiency[owner[ends]])
        plain = np.flatnonzero(s.discharge_max_kw[self.stay] <= 0)
        sheet.put(row[self.stay[plain]], self.charge[plain], 1.0)
        full = sheet.rows(s.n, -np.inf, s.room_kwh)
        sheet.put(full[self.stay[plain]], self.charge[plain], 1.0)
        for weight in TIERS:
            short = sheet.columns(s.n, 0.0, s.need_kwh / len(TIERS))
            sheet.put(row, short, 1.0)
            self.cost(short, self.price * s.priority * weight)

    def stores(self) -> None:
        b, sheet, n_step = self.p.stores, self.sheet, self.p.n_step
        unit, step = np.repeat(np.arange(len(b.node)), n_step), np.tile(np.arange(n_step), len(b.node))
        self.unit, self.unit_step, step_h = unit, step, self.p.step_h[step]
        self.into = sheet.columns(len(unit), 0.0, b.charge_max_kw[unit] * step_h)
        self.out = sheet.columns(len(unit), 0.0, b.discharge_max_kw[unit] * step_h)
        end_kwh = np.zeros(len(b.node)) if b.end_min_kwh is None else np.minimum(b.end_min_kwh, b.stored_kwh)
        level = sheet.columns(len(unit), np.where(step == n_step - 1, end_kwh[unit], 0.0), b.capacity_kwh[unit])
        begin = np.where(step == 0, b.stored_kwh[unit], 0.0)
        row = sheet.rows(len(unit), begin, begin)
        sheet.put(row, level, 1.0)
        sheet.put(row[step > 0], level[step > 0] - 1, -1.0)
        sheet.put(row, self.into, -b.charge_efficiency[unit])
        sheet.put(row, self.out, 1 / b.discharge_efficiency[unit])
        self.pairs.append((self.into, self.out))
        self.cost(self.out, self.w("wear") * b.wear_per_kwh[unit])

    def flows(self) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, float], ...]:
        """Columns of energy at the meter with the node they load, their step and their sign."""
        at, at_unit = self.p.stays.node[self.stay], self.p.stores.node[self.unit]
        return (
            (self.charge, at, self.step, 1.0),
            (self.discharge, at[self.two], self.step[self.two], -1.0),
            (self.into, at_unit, self.unit_step, 1.0),
            (self.out, at_unit, self.unit_step, -1.0),
        )

    def totals(self) -> None:
        """Steered net energy through every node in every step."""
        nodes, step_h = self.p.nodes, self.p.step_h
        room = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * step_h
        shape = room.shape
        self.total = self.sheet.columns(room.size, (-nodes.export_max_kw * step_h).ravel(), room.ravel()).reshape(shape)
        row = self.sheet.rows(room.size, 0.0, 0.0).reshape(shape)
        self.sheet.put(row.ravel(), self.total.ravel(), -1.0)
        for child in range(1, shape[0]):
            self.sheet.put(row[nodes.parent[child]], self.total[child], 1.0)
        for column, node, step, sign in self.flows():
            self.sheet.put(row[node, step], column, sign)
        if nodes.price_per_kwh is not None:
            self.cost(self.total.ravel(), self.w("cost") * nodes.price_per_kwh.ravel())

    def root(self) -> None:
        """Net import of the site, parted into import and export."""
        p, g, sheet = self.p, self.p.signals, self.sheet
        base, n_step = p.nodes.base_kw[0] * p.step_h, p.n_step
        most, least = base.copy(), base.copy()
        bounds = np.concatenate(sheet.column_bounds, axis=1) if sheet.column_bounds else np.zeros((2, 0))
        for column, _, step, sign in self.flows():
            np.add.at(most if sign > 0 else least, step, sign * bounds[1, column])
        self.imported = sheet.columns(n_step, 0.0, np.maximum(most, 0.0))
        self.exported = sheet.columns(n_step, 0.0, np.maximum(-least, 0.0))
        row = sheet.rows(n_step, base, base)
        sheet.put(row, self.imported, 1.0)
        sheet.put(row, self.exported, -1.0)
        sheet.put(row, self.total[0], -1.0)
        self.pairs.append((self.imported, self.exported))
        self.cost(self.imported, self.w("cost") * g.price_per_kwh + self.w("carbon") * g.carbon_kg_per_kwh)
        self.cost(self.exported, self.w("export") - self.w("cost") * g.export_price_per_kwh)

    def intervals(self) -> None:
        """Mean net import of each interval, the highest of them, what of it is new, and squares."""
        sheet, g = self.sheet, self.p.signals
        which, hours, known = intervals(self.p)
        n = len(hours)
        self.mean = sheet.columns(n, -np.inf, np.inf)
        row = sheet.rows(n, known, known)
        sheet.put(row, self.mean, hours)
        sheet.put(row[which], self.total[0], -1.0)
        self.square = sheet.columns(n, 0.0, np.inf)
        if n == 0:
            return
        self.cost(self.square, self.w("valley") * hours / hours.sum())
        if self.w("peak") or self.w("demand"):
            peak, excess = sheet.columns(1, -np.inf, np.inf), sheet.columns(1, 0.0, np.inf)
            row = sheet.rows(n, -np.inf, 0.0)
            sheet.put(row, self.mean, 1.0)
            sheet.put(row, np.repeat(peak, n), -1.0)
            row = sheet.rows(1, -np.inf, g.peak_so_far_kw)
            sheet.put(row, peak, 1.0)
            sheet.put(row, excess, -1.0)
            self.cost(peak, self.w("peak"))
            self.cost(excess, self.w("demand") * g.demand_price_per_kw)
        if self.w("valley"):
            most_kw = (
                np.abs(np.concatenate(sheet.column_bounds, axis=1)[1, self.imported]).sum() / hours.min() + np.abs(known / hours).max()
            )
            for share in np.linspace(-1.0, 1.0, 21):
                self.tangent(np.arange(n), np.full(n, share**3 * most_kw))

    def tangent(self, which: np.ndarray, at_kw: np.ndarray) -> None:
        row = self.sheet.rows(len(which), -(at_kw**2), np.inf)
        self.sheet.put(row, self.square[which], 1.0)
        self.sheet.put(row, self.mean[which], -2 * at_kw)

    def requests(self) -> None:
        p, r = self.p, self.p.requests
        for i in range(r.n):
            steps = np.arange(r.first[i], r.last[i])
            sign = 1.0 if r.is_ceiling[i] else -1.0
            missed = self.sheet.columns(len(steps), 0.0, np.inf)
            left = sign * (r.target_kw[i] - p.nodes.base_kw[r.node[i], steps]) * p.step_h[steps]
            row = self.sheet.rows(len(steps), -np.inf, left)
            self.sheet.put(row, self.total[r.node[i], steps], sign)
            self.sheet.put(row, missed, -1.0)
            self.cost(missed, r.penalty_per_kwh[i])

    def phases(self) -> None:
        room = self.p.nodes.phase_room_kw
        if room is None:
            return
        share = phase_share(self.p)[self.stay]
        even = np.full((len(self.unit), 3), 1 / 3)
        shares = share, share[self.two], even, even
        for phase in range(3):
            most = room[:, phase] * self.p.step_h
            total = self.sheet.columns(most.size, -np.inf, most.ravel()).reshape(most.shape)
            row = self.sheet.rows(most.size, 0.0, 0.0).reshape(most.shape)
            self.sheet.put(row.ravel(), total.ravel(), -1.0)
            for child in range(1, len(most)):
                self.sheet.put(row[self.p.nodes.parent[child]], total[child], 1.0)
            for (column, node, step, sign), part in zip(self.flows(), shares, strict=True):
                self.sheet.put(row[node, step], column, sign * part[:, phase])

    def one_way(self, x: np.ndarray | None) -> bool:
        """Binaries where x goes both ways, for all units in such a step; without x, where both ways pay at the root."""
        cost, new = self.cost_vector(), False
        bounds = np.concatenate(self.sheet.column_bounds, axis=1)
        for place, (a, b) in enumerate(self.pairs):
            if x is None:
                both = (cost[a] + cost[b] < 0) if place == 2 else np.zeros(len(a), dtype=bool)
            else:
                both = np.minimum(x[a], x[b]) > 1e-9
            for i in np.flatnonzero(both & (bounds[1, a] > 0) & (bounds[1, b] > 0)):
                if int(a[i]) in self.asked:
                    continue
                self.asked.add(int(a[i]))
                new = True
                z = self.sheet.columns(1, 0.0, 1.0)
                self.whole = np.append(self.whole, z)
                row = self.sheet.rows(2, -np.inf, np.array([0.0, bounds[1, b[i]]]))
                self.sheet.put(row, np.array([a[i], b[i]]), 1.0)
                self.sheet.put(row, np.repeat(z, 2), np.array([-bounds[1, a[i]], bounds[1, b[i]]]))
        return new

    whole = np.zeros(0, dtype=int)

    def cost_vector(self) -> np.ndarray:
        cost = np.zeros(self.sheet.n_column)
        for column, value in self.costs:
            np.add.at(cost, column.astype(int), value)
        return cost

    def solve(self, seconds: float) -> tuple[np.ndarray, float, bool]:
        """x, a lower bound, and whether that was not stopped early."""
        A, cost = self.sheet.matrix(), self.cost_vector()
        (low, high), (least, most) = (np.concatenate(part, axis=1) for part in (self.sheet.row_bounds, self.sheet.column_bounds))
        if len(self.whole):
            whole = np.zeros(len(cost), dtype=np.int64)
            whole[self.whole] = 1
            options: Any = {"mip_rel_gap": EXACT, "time_limit": seconds}
            found = milp(cost, constraints=LinearConstraint(A, low, high), bounds=Bounds(least, most), integrality=whole, options=options)
            assert found.x is not None, found.message
            return found.x, float(found.mip_dual_bound), found.status == 0
        solver: Any = linprog
        options = {"primal_feasibility_tolerance": EXACT, "dual_feasibility_tolerance": EXACT}
        found = solver(**self.linear(), method="highs", options=options)
        assert found.x is not None, found.message
        return found.x, float(found.fun), True

    def linear(self) -> dict[str, Any]:
        """The programme without binaries as scipy's linprog takes it."""
        A = self.sheet.matrix()
        (low, high), (least, most) = (np.concatenate(part, axis=1) for part in (self.sheet.row_bounds, self.sheet.column_bounds))
        same, upper, lower = low == high, (low != high) & np.isfinite(high), (low != high) & np.isfinite(low)
        return {
            "c": self.cost_vector(),
            "A_ub": sp.vstack([A[upper], -A[lower]]),
            "b_ub": np.concatenate([high[upper], -low[lower]]),
            "A_eq": A[same],
            "b_eq": low[same],
            "bounds": np.column_stack([least, most]),
        }

    def schedule(self, x: np.ndarray) -> Schedule:
        """x as tables, in one direction each that leaves the same energy in the cells."""
        p, s, b = self.p, self.p.stays, self.p.stores
        charge, discharge = np.zeros((2, s.n, p.n_step))
        charge[self.stay, self.step] = np.maximum(x[self.charge], 0.0)
        discharge[self.stay[self.two], self.step[self.two]] = np.maximum(x[self.discharge], 0.0)
        charge, discharge = net(charge, discharge, s.charge_efficiency[:, None], s.discharge_efficiency[:, None])
        into, out = (np.maximum(x[part], 0.0).reshape(len(b.node), p.n_step) for part in (self.into, self.out))
        into, out = net(into, out, b.charge_efficiency[:, None], b.discharge_efficiency[:, None])
        kept = charge.sum(axis=1) - discharge.sum(axis=1) / (s.charge_efficiency * s.discharge_efficiency)
        return Schedule(charge, discharge, into - out, np.maximum(s.need_kwh - kept, 0.0), {})

    def add_tangents(self, x: np.ndarray, scale: float) -> bool:
        """Add tangents where a square is worth more than the programme thinks; False where none is."""
        if not self.w("valley"):
            return False
        hours = intervals(self.p)[1]
        lacking = (x[self.mean] ** 2 - x[self.square]) * hours / hours.sum() * self.w("valley")
        which = np.flatnonzero(lacking > EXACT * scale / len(hours))
        self.tangent(which, x[self.mean[which]])
        return len(which) > 0


def best(problem: Problem, objective: Objective, short_price_per_kwh: float, seconds: float = 60.0) -> Best:
    """The interval in which the optimum of an objective of one stage lies; `seconds` for each mixed-integer programme."""
    assert len(objective.stages) == 1
    programme = Priced(problem, objective, short_price_per_kwh)
    programme.one_way(None)
    stays, n_step = problem.stays, problem.n_step
    empty, idle = np.zeros((stays.n, n_step)), np.zeros((len(problem.stores.node), n_step))
    nothing = Schedule(empty, empty, idle, stays.need_kwh, {})
    found = Best(-np.inf, *worth(problem, objective, short_price_per_kwh, nothing), nothing)
    stuck, gap = 0, np.inf
    while stuck < 3:
        x, lower, is_exact = programme.solve(seconds)
        schedule = programme.schedule(x)
        value, scale = worth(problem, objective, short_price_per_kwh, schedule)
        if value < found.upper and excess(problem, schedule) <= 1e-6:
            found = Best(lower, value, scale, schedule)
        found = replace(found, lower=max(lower, found.lower))
        is_better, gap = found.upper - found.lower < 0.9 * gap, found.upper - found.lower
        is_flat, is_one_way = not programme.add_tangents(x, scale), not programme.one_way(x)
        if gap <= 10 * EXACT * scale or (is_flat and is_one_way) or not is_exact:
            break
        stuck = stuck + 1 if is_one_way and not is_better else 0  # mixed-integer programmes are exact to 1e-6 only
    return found
