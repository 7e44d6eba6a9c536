"""From a planning problem to units, ways and walls."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem
from evloom.dispatch.service import tier_weights
from evloom.dispatch.sweeps.passes import Setting
from evloom.dispatch.sweeps.units import SHORT_PRICE, units_of
from evloom.dispatch.sweeps.walls import CEILING, CLIP, SMOOTH, Walls, Ways
from evloom.dispatch.terms import middle_h
from evloom.kernel.timegrid import Bool, Float, Int

# Right sides beyond this many times what could ever come are as good as none, and infinity would spoil sums.
_BEYOND = 4.0
# By how much of a wall's mean room units may exceed it before its price has risen by the whole spread of prices: small walls
# are stiffer, for a few units each move a large share of them. Found by trial, flat within a factor of two.
_GIVE_SMALL, _GIVE_LARGE, _FEW, _MANY = 0.25, 0.8, 150.0, 5000.0
# Shares of the spread of prices: by which a unit is held near its present plan (per kW of its power); by which the last hour is dearer.
_HOLD, _TIE = 1e-3, 1e-5


@dataclass(frozen=True)
class Peak:
    """The wall of the highest demand interval, which can be moved at a price: weight x P + dear x max(0, P - so_far_kw).

    wall   its row; length_h, known_kwh (n_interval,) of each interval
    """

    wall: int
    weight: float
    dear: float
    so_far_kw: float
    length_h: Float
    known_kwh: Float


@dataclass(frozen=True)
class Layout:
    """A problem ready to be swept.

    setting     what the kernels take; its ways.price holds the tie-break, exact_price (n_path, n_step) does not
    constant    what the objective is worth for the base load alone, in the terms that are not walls
    spread      scale of prices, objective per kWh
    short_per_kwh   what a missing kWh is worth, objective per kWh
    node_wall   (n_node, 2) wall of the import and of the export limit, -1 where none can bind
    wall_group  (n_wall,) walls of one kind at one depth of the tree have one number
    """

    setting: Setting
    exact_price_per_kwh: Float
    constant: float
    spread: float
    short_per_kwh: float
    node_wall: Int
    wall_group: Int
    peak: Peak | None


class _Rows:
    """Walls being collected, blocks of rows of one kind at a time."""

    def __init__(self, n_step: int) -> None:
        self.n, self.n_step = 0, n_step
        self.kind: list[Int] = []
        self.interval: list[Int] = []
        self.hard: list[Int] = []
        self.tables: tuple[list[Float], ...] = ([], [], [], [])  # right, low, high, rho

    def add(
        self, kind: int, right: Float, bounds: tuple[Float | float, Float | float], rho: Float, *, hard: bool, interval: bool = False
    ) -> Int:
        """Append walls with right sides (n, n_column), low and high and rho that broadcast to them -> their rows (n,)."""
        n, n_column = right.shape
        self.kind.append(np.full(n, kind))
        self.interval.append(np.full(n, int(interval)))
        self.hard.append(np.full(n, int(hard)))
        for table, values, rest in zip(self.tables, (right, *bounds, rho), (0.0, 0.0, 0.0, 1.0), strict=True):
            block = np.full((n, self.n_step), rest)
            block[:, :n_column] = values
            table.append(block)
        self.n += n
        return np.arange(self.n - n, self.n)

    def walls(self, column: Int, most: int) -> Walls:
        """All walls as tables; column (n_step,) and most as in Walls."""
        if not self.n:
            self.add(CEILING, np.zeros((0, self.n_step)), (0.0, np.inf), np.ones((0, 1)), hard=True)
        trait = np.ascontiguousarray(np.stack([np.concatenate(part) for part in (self.kind, self.interval, self.hard)], axis=1))
        return Walls(trait, np.stack([np.concatenate(table) for table in self.tables]), column, float(most))


def lay_out(problem: Problem, objective: Objective, *, every_wall: bool = False) -> Layout:
    """Units, ways and walls of a problem, whose objective has no `obstacle`.

    every_wall   walls for limits, too, that the units of today cannot reach
    """
    weight = {term: w for term, w in objective.stages[-1].weights if w}
    n_phase = 1 if problem.nodes.phase_room_kw is None else 4
    units = units_of(problem, objective, n_phase)
    steps, low_price, high_price, two_priced = _market(problem, weight)
    short_per_kwh = float(units.figures[:, SHORT_PRICE].mean()) if units.n else 1.0
    spread = _spread(problem, weight, high_price, short_per_kwh)
    rows = _Rows(problem.n_step)
    ranges = _ranges_kwh(problem)
    node_wall = _limit_walls(problem, rows, ranges, spread, every_wall=every_wall)
    phase_wall = _phase_walls(problem, rows, spread)
    request_wall = _request_walls(problem, rows, spread)
    top, peak = _root_walls(problem, rows, weight, ranges, (low_price, high_price, two_priced), spread)
    ways_wall, ways_weight = _ways(problem, node_wall, phase_wall, request_wall, top)
    zone = np.zeros((1, problem.n_step))
    if problem.nodes.price_per_kwh is not None:
        zone = _down_the_tree(problem, problem.nodes.price_per_kwh) * weight.get("cost", 0.0)
    exact = np.repeat(np.broadcast_to(zone + steps, problem.nodes.import_max_kw.shape), n_phase, axis=0)
    tied = exact + _TIE * spread * middle_h(problem) / max(float(problem.step_h.sum()), 1e-9)
    column, most = _columns(problem)
    hold = _HOLD * spread / float(problem.step_h.min(initial=np.inf)) if problem.n_step else 0.0
    setting = Setting(
        units, Ways(ways_wall, ways_weight, np.ascontiguousarray(tied)), rows.walls(column, most), problem.step_h, tier_weights(), hold
    )
    base_kwh = problem.nodes.base_kw[0] * problem.step_h
    group = _groups(problem, rows.n, node_wall, phase_wall)
    return Layout(setting, np.ascontiguousarray(exact), float(steps @ base_kwh), spread, short_per_kwh, node_wall, group, peak)


def obstacle(problem: Problem, objective: Objective) -> str:
    """Why sweeps cannot treat this objective; empty where they can."""
    weight = dict(objective.stages[-1].weights)
    if len(objective.stages) > 1:
        return "sweeps take one stage: put the terms together with weights, a+0.5*b"
    turns = bool((problem.stays.discharge_max_kw > 0).any() or len(problem.stores.node))
    if weight.get("earliest") and turns:
        return "sweeps cannot weigh the time of delivery where something discharges: leave out 'earliest'"
    _, low, high, both = _market(problem, weight)
    if (both & (low > high)).any():
        return "sweeps cannot treat an export price above the import price where the site could export"
    return ""


def _market(problem: Problem, weight: dict[str, float]) -> tuple[Float, Float, Float, Bool]:
    """Price of net energy at the root (n_step,); its slopes for export and for import; steps in which they differ and both can come."""
    signals = problem.signals
    high = weight.get("cost", 0.0) * signals.price_per_kwh + weight.get("carbon", 0.0) * signals.carbon_kg_per_kwh
    low = weight.get("cost", 0.0) * signals.export_price_per_kwh - weight.get("export", 0.0)
    base_kwh = problem.nodes.base_kw[0] * problem.step_h
    (down, up), nodes = _ranges_kwh(problem), problem.nodes
    least = base_kwh - np.minimum(down[0], nodes.export_max_kw[0] * problem.step_h)
    greatest = base_kwh + np.minimum(up[0], np.maximum(nodes.import_max_kw[0] - nodes.base_kw[0], 0.0) * problem.step_h)
    both = (least < 0.0) & (greatest > 0.0) & (low != high)
    steps = np.where(both, 0.0, np.where(greatest <= 0.0, low, high))
    steps += weight.get("earliest", 0.0) * middle_h(problem)
    return steps, low, high, both


def _spread(problem: Problem, weight: dict[str, float], price_per_kwh: Float, short_per_kwh: float) -> float:
    """A scale for prices: what moves load from one step to another."""
    if not problem.n_step:
        return 1.0
    spread = float(price_per_kwh.max() - price_per_kwh.min()) + 0.1 * float(np.abs(price_per_kwh).mean())
    dear = weight.get("demand", 0.0) * problem.signals.demand_price_per_kw + weight.get("peak", 0.0)
    spread += dear / float(problem.step_h.min()) / 8.0
    base_kw = problem.nodes.base_kw[0]
    uneven_kw = float(base_kw.max() - base_kw.min()) + float(problem.stays.need_kwh.sum()) / float(problem.step_h.sum())
    spread += 2.0 * weight.get("valley", 0.0) * uneven_kw / float(problem.step_h.sum())
    return max(spread, 1e-3 * short_per_kwh)


def _ranges_kwh(problem: Problem) -> tuple[Float, Float]:
    """Most that steered units could push back and draw at or below each node, (n_node, n_step), limits below taken into account."""
    stays, stores, nodes, n_step = problem.stays, problem.stores, problem.nodes, problem.n_step
    shape = nodes.import_max_kw.shape
    room = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h, nodes.export_max_kw * problem.step_h
    here = np.flatnonzero(stays.last > stays.first)
    most: list[Float] = []
    for power_kw, store_kw, limit in (
        (stays.discharge_max_kw, stores.discharge_max_kw, room[1]),
        (stays.charge_max_kw, stores.charge_max_kw, room[0]),
    ):
        change = np.zeros((shape[0], n_step + 1))
        for at, sign in ((stays.first, 1.0), (stays.last, -1.0)):
            flat = stays.node[here] * (n_step + 1) + at[here]
            change += sign * np.bincount(flat, weights=power_kw[here], minlength=change.size).reshape(change.shape)
        total = np.cumsum(change[:, :n_step], axis=1) + np.bincount(stores.node, weights=store_kw, minlength=shape[0])[:, None]
        total = np.maximum(total, 0.0) * problem.step_h
        for row in range(shape[0] - 1, 0, -1):
            total[nodes.parent[row]] += np.minimum(total[row], limit[row])
        most.append(total)
    return most[0], most[1]


def _rho(problem: Problem, room_kwh: Float, spread: float, node: Int) -> Float:
    """Curvature of walls (n, 1) at nodes, from their mean room over the steps."""
    count = np.bincount(problem.stays.node, minlength=len(problem.nodes.parent)).astype(np.float64)
    for row in range(len(count) - 1, 0, -1):
        count[problem.nodes.parent[row]] += count[row]
    size = np.clip(np.log(np.maximum(count[node], 1.0) / _FEW) / np.log(_MANY / _FEW), 0.0, 1.0)
    give = _GIVE_SMALL + (_GIVE_LARGE - _GIVE_SMALL) * size
    rho: Float = (spread / (give * np.maximum(room_kwh, 1e-6)))[:, None]
    return rho


def _limit_walls(problem: Problem, rows: _Rows, ranges: tuple[Float, Float], spread: float, *, every_wall: bool) -> Int:
    """Walls of import and export limits where they can bind, or wherever there is a limit."""
    nodes, (down, up) = problem.nodes, ranges
    wall = np.full((len(nodes.parent), 2), -1)
    if not problem.n_step:
        return wall
    room = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h
    reached = np.isfinite(room) if every_wall else up > room * (1.0 + 1e-12)
    at = np.flatnonzero(reached.any(axis=1))
    mean = np.minimum(room[at], up[at]).mean(axis=1)
    mean = np.maximum(mean, 0.02 * up[at].mean(axis=1))
    right = room[at] if every_wall else np.minimum(room[at], _BEYOND * up[at] + 1.0)
    wall[at, 0] = rows.add(CEILING, right, (0.0, np.inf), _rho(problem, mean, spread, at), hard=True)
    limit = nodes.export_max_kw * problem.step_h
    reached = np.isfinite(limit) if every_wall else down > limit * (1.0 + 1e-12)
    at = np.flatnonzero(reached.any(axis=1))
    mean = np.maximum(np.minimum(limit[at], down[at]).mean(axis=1), 0.05 * down[at].mean(axis=1))
    right = -limit[at] if every_wall else -np.minimum(limit[at], _BEYOND * down[at] + 1.0)
    wall[at, 1] = rows.add(CLIP, right, (-np.inf, 0.0), _rho(problem, mean, spread, at), hard=True)
    return wall


def _phase_walls(problem: Problem, rows: _Rows, spread: float) -> Int:
    """Walls of the phases of every node with a finite limit, (n_node, 3)."""
    wall = np.full((len(problem.nodes.parent), 3), -1)
    room_kw = problem.nodes.phase_room_kw
    if room_kw is None or not problem.n_step:
        return wall
    for phase in range(3):
        room = room_kw[:, phase] * problem.step_h
        at = np.flatnonzero(np.isfinite(room).any(axis=1))
        finite = np.where(np.isfinite(room[at]), room[at], 1e9)
        wall[at, phase] = rows.add(CEILING, finite, (0.0, np.inf), _rho(problem, finite.min(axis=1), spread, at), hard=True)
    return wall


def _request_walls(problem: Problem, rows: _Rows, spread: float) -> list[tuple[int, int]]:
    """(node, wall) of every request."""
    requests, k, found = problem.requests, np.arange(problem.n_step), []
    for number in range(requests.n):
        node, penalty = int(requests.node[number]), float(requests.penalty_per_kwh[number])
        right = (requests.target_kw[number] - problem.nodes.base_kw[node]) * problem.step_h
        on = ((k >= requests.first[number]) & (k < requests.last[number])) * penalty
        bounds = (0.0, on) if requests.is_ceiling[number] else (-on, 0.0)
        scale = np.array([max(float(np.abs(right).mean()), 1e-3)])
        row = rows.add(CLIP, right[None], bounds, _rho(problem, scale, max(spread, penalty), np.array([node])), hard=False)
        found.append((node, int(row[0])))
    return found


def _root_walls(
    problem: Problem, rows: _Rows, weight: dict[str, float], ranges: tuple[Float, Float], market: tuple[Float, Float, Bool], spread: float
) -> tuple[list[int], Peak | None]:
    """Walls that everybody meets last: import against export price, the highest interval, valley filling."""
    top: list[int] = []
    low, high, both = market
    base_kwh, root = problem.nodes.base_kw[0] * problem.step_h, np.zeros(1, dtype=np.int64)
    size = np.array([max(float(np.maximum(ranges[1][0], ranges[0][0]).mean() if problem.n_step else 0.0), 1e-6)]) / 4.0
    if both.any():
        bounds = np.where(both, low, 0.0), np.where(both, high, 0.0)
        top += list(rows.add(CLIP, -base_kwh[None], bounds, _rho(problem, size, spread, root), hard=False))
    dear = weight.get("demand", 0.0) * problem.signals.demand_price_per_kw
    peak = None
    length_h, known_kwh = _intervals(problem)
    if problem.n_step and (dear > 0.0 or "peak" in weight):
        rho = _rho(problem, size * length_h.mean() / problem.step_h.mean(), spread, root)
        row = rows.add(CEILING, -known_kwh[None], (0.0, np.inf), rho, hard=False, interval=True)
        peak = Peak(int(row[0]), weight.get("peak", 0.0), dear, problem.signals.peak_so_far_kw, length_h, known_kwh)
        top.append(peak.wall)
    if problem.n_step and "valley" in weight:
        rho = 2.0 * weight["valley"] / (length_h.sum() * length_h)
        top += list(rows.add(SMOOTH, -known_kwh[None], (-np.inf, np.inf), rho[None], hard=False, interval=True))
    return [int(w) for w in top], peak


def _intervals(problem: Problem) -> tuple[Float, Float]:
    """Hours of each demand interval, and its energy known before anything is steered (base load, what is past)."""
    if not problem.n_step:
        return np.zeros(0), np.zeros(0)
    interval = _columns(problem)[0]
    length_h = np.bincount(interval, weights=problem.step_h).astype(np.float64)
    known_kwh = np.bincount(interval, weights=problem.nodes.base_kw[0] * problem.step_h).astype(np.float64)
    length_h[0] += problem.signals.period_done_h
    known_kwh[0] += problem.signals.period_done_kwh
    return length_h, known_kwh


def _columns(problem: Problem) -> tuple[Int, int]:
    """(n_step,) demand interval of each step; most steps in an interval."""
    if not problem.n_step:
        return np.zeros(0, dtype=np.int64), 1
    _, interval = np.unique(problem.signals.demand_period, return_inverse=True)
    return interval.astype(np.int64), int(np.bincount(interval).max())


def _groups(problem: Problem, n_wall: int, node_wall: Int, phase_wall: Int) -> Int:
    """(n_wall,) number of the kind and depth of each wall; those of requests and of the root are of their own kind."""
    depth = np.zeros(len(node_wall), dtype=np.int64)
    for row in range(1, len(depth)):
        depth[row] = depth[problem.nodes.parent[row]] + 1
    group = -1 - np.arange(n_wall)
    for kind, wall in enumerate((*node_wall.T, *phase_wall.T)):
        group[wall[wall >= 0]] = depth[wall >= 0] * 5 + kind
    return group


def _down_the_tree(problem: Problem, price_per_kwh: Float) -> Float:
    """Sum of a table (n_node, n_step) over each node and all above it."""
    total = price_per_kwh.copy()
    for row in range(1, len(total)):
        total[row] += total[problem.nodes.parent[row]]
    return total


def _ways(problem: Problem, node_wall: Int, phase_wall: Int, request_wall: list[tuple[int, int]], top: list[int]) -> tuple[Int, Float]:
    """Walls and weights of every path (node, phase), from the connector up."""
    parent, n_phase = problem.nodes.parent, 1 if problem.nodes.phase_room_kw is None else 4
    n_node = len(parent)
    path_node, path_phase = np.repeat(np.arange(n_node), n_phase), np.tile(np.arange(n_phase), n_node) - 1
    most = max((sum(node == other for other, _ in request_wall) for node, _ in request_wall), default=0)
    asked = np.full((n_node, most), -1)
    for node, wall in request_wall:
        asked[node, np.flatnonzero(asked[node] < 0)[0]] = wall
    columns: list[Int] = []
    weights: list[Float] = []
    here = path_node
    while (here >= 0).any():
        on, at = here >= 0, np.maximum(here, 0)
        for wall in (*node_wall.T, *asked.T):
            columns.append(np.where(on, wall[at], -1))
            weights.append(np.ones(len(here)))
        for phase in range(3 if n_phase == 4 else 0):
            mine = (path_phase == -1) | (path_phase == phase)
            columns.append(np.where(on & mine, phase_wall[at, phase], -1))
            weights.append(np.where(path_phase == -1, 1.0 / 3.0, 1.0))
        here = np.where(on, parent[at], -1)
    for row in top:
        columns.append(np.full(len(path_node), row))
        weights.append(np.ones(len(path_node)))
    table, weight = np.stack(columns, axis=1), np.stack(weights, axis=1)
    order = np.argsort(table < 0, axis=1, kind="stable")  # walls first, in their order, the gaps after them
    table, weight = np.take_along_axis(table, order, axis=1), np.take_along_axis(weight, order, axis=1)
    depth = max(int((table >= 0).sum(axis=1).max(initial=0)), 1)
    return np.ascontiguousarray(table[:, :depth]), np.ascontiguousarray(weight[:, :depth])
