"""What a schedule is worth and by how much it breaks limits, computed once more from the definitions, for tests of the solvers."""

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Schedule

TIERS = np.linspace(1.0, 1.5, 8)  # of the value of a need: what a missing kWh weighs in the last eighth of it .. in the first


def presence_h(problem: Problem) -> np.ndarray:
    """Hours for which each vehicle is there in each step, (n_stay, n_step)."""
    s, k = problem.stays, np.arange(problem.n_step)[None]
    hours = np.where((k >= s.first[:, None]) & (k < s.last[:, None]), problem.step_h, 0.0)
    hours = np.where(k == s.first[:, None], hours * s.first_share[:, None], hours)
    return np.where((k == s.last[:, None] - 1) & (k != s.first[:, None]), hours * s.last_share[:, None], hours)


def is_inside(problem: Problem) -> np.ndarray:
    """[a, b]: node b is node a or hangs below it."""
    inside = np.eye(len(problem.nodes.parent), dtype=bool)
    for node in range(1, len(inside)):
        inside[:, node] |= inside[:, problem.nodes.parent[node]]
    return inside


def phase_share(problem: Problem) -> np.ndarray:
    """What of each stay's power loads each phase, (n_stay, 3)."""
    phase = problem.stays.phase
    even = np.full((problem.stays.n, 3), 1 / 3)
    return even if phase is None else np.where(phase[:, None] < 0, even, phase[:, None] == np.arange(3))


def intervals(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Demand interval of each step (n_step,), and hours and known kWh (base load, what went by) of each interval."""
    g = problem.signals
    which = np.searchsorted(np.unique(g.demand_period), g.demand_period)
    n = int(which.max(initial=-1)) + 1
    hours, known = np.zeros(n), np.zeros(n)
    np.add.at(hours, which, problem.step_h)
    np.add.at(known, which, problem.nodes.base_kw[0] * problem.step_h)
    if n:
        hours[0] += g.period_done_h
        known[0] += g.period_done_kwh
    return which, hours, known


def net(into: np.ndarray, out: np.ndarray, into_share: np.ndarray, out_share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Charging and discharging at once, made one of them at the same gain in the cells."""
    gain = into * into_share - out / out_share
    both = (into > 0) & (out > 0)
    return np.where(both, np.maximum(gain, 0) / into_share, into), np.where(both, np.maximum(-gain, 0) * out_share, out)


def loads(problem: Problem, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Steered net energy at or below each node, (n_node, n_step), and on each phase, (n_node, 3, n_step)."""
    inside, n_step = is_inside(problem), problem.n_step
    own, phases = np.zeros((len(inside), n_step)), np.zeros((len(inside), 3, n_step))
    flow = schedule.charge_kwh - schedule.discharge_kwh
    np.add.at(own, problem.stays.node, flow)
    np.add.at(own, problem.stores.node, schedule.store_kwh)
    np.add.at(phases, problem.stays.node, phase_share(problem)[:, :, None] * flow[:, None])
    np.add.at(phases, problem.stores.node, np.repeat(schedule.store_kwh[:, None] / 3, 3, axis=1))
    return inside @ own, np.einsum("ab,bpk->apk", inside.astype(float), phases)


def worth(problem: Problem, objective: Objective, short_price_per_kwh: float, schedule: Schedule) -> tuple[float, float]:
    """The value of a schedule under an objective of one stage, and the gross size of what it is summed from."""
    g, h, nodes = problem.signals, problem.step_h, problem.nodes
    weight = dict.fromkeys(("cost", "carbon", "export", "earliest", "wear", "peak", "demand", "valley"), 0.0)
    for term, w in objective.stages[0].weights:
        weight[term] += w
    total, _ = loads(problem, schedule)
    net_kwh = nodes.base_kw[0] * h + total[0]
    bought, sold = np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)
    zone = np.zeros(1) if nodes.price_per_kwh is None else (nodes.price_per_kwh * total).ravel()
    wear = [problem.stays.wear_per_kwh @ schedule.discharge_kwh.sum(axis=1)]
    wear += [problem.stores.wear_per_kwh @ np.maximum(-schedule.store_kwh, 0.0).sum(axis=1)]
    parts = [
        weight["cost"] * (g.price_per_kwh * bought - g.export_price_per_kwh * sold),
        weight["cost"] * zone,
        weight["carbon"] * g.carbon_kg_per_kwh * bought,
        weight["export"] * sold,
        weight["earliest"] * (np.cumsum(h) - h / 2) * schedule.charge_kwh.sum(axis=0),
        weight["wear"] * np.array(wear),
        short_price_per_kwh * problem.stays.priority * tiers(problem, schedule.short_kwh),
        missed(problem, total),
    ]
    which, hours, known = intervals(problem)
    if len(hours):
        known = known + np.bincount(which, total[0], len(hours))
        mean_kw = known / hours
        parts += [np.array([weight["peak"] * mean_kw.max()]), weight["valley"] * mean_kw**2 * hours / hours.sum()]
        parts += [np.array([weight["demand"] * g.demand_price_per_kw * max(mean_kw.max() - g.peak_so_far_kw, 0.0)])]
    every = np.concatenate(parts)
    return float(every.sum()), float(np.abs(every).sum())


def tiers(problem: Problem, short_kwh: np.ndarray) -> np.ndarray:
    """What each stay lacks, weighted by how dear that part of its need is, kWh (n_stay,)."""
    part = problem.stays.need_kwh / len(TIERS)
    return sum((np.clip(short_kwh - i * part, 0.0, part) * weight for i, weight in enumerate(TIERS)), np.zeros(problem.stays.n))


def missed(problem: Problem, total: np.ndarray) -> np.ndarray:
    """What each request costs, (n_request,)."""
    r, cost = problem.requests, np.zeros(problem.requests.n)
    for i in range(r.n):
        steps = np.arange(r.first[i], r.last[i])
        h = problem.step_h[steps]
        over = total[r.node[i], steps] + (problem.nodes.base_kw[r.node[i], steps] - r.target_kw[i]) * h
        cost[i] = r.penalty_per_kwh[i] * np.maximum(over if r.is_ceiling[i] else -over, 0.0).sum()
    return cost


def excess(problem: Problem, schedule: Schedule) -> float:
    """Largest breach of any limit, relative to that limit's size (at least 1 kWh), those per phase and of what may be short included."""
    s, b, nodes, hours = problem.stays, problem.stores, problem.nodes, presence_h(problem)
    c, d, u = schedule.charge_kwh, schedule.discharge_kwh, schedule.store_kwh
    total, phases = loads(problem, schedule)
    room = np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h
    level = np.cumsum(c * s.charge_efficiency[:, None] - d / s.discharge_efficiency[:, None], axis=1)
    full, gives = (s.room_kwh * s.charge_efficiency)[:, None], (s.discharge_max_kw > 0)[:, None]
    kept = c.sum(axis=1) - d.sum(axis=1) / s.discharge_efficiency / s.charge_efficiency
    stored = np.where(u > 0, u * b.charge_efficiency[:, None], u / b.discharge_efficiency[:, None]).cumsum(axis=1) + b.stored_kwh[:, None]
    broken = [
        _over(c, s.charge_max_kw[:, None] * hours), _over(-c, 0.0), _over(d, s.discharge_max_kw[:, None] * hours), _over(-d, 0.0),
        _over(np.minimum(c, d), 0.0), _over(level, full), _over(np.where(gives, -level, 0.0), s.below_kwh[:, None]),
        _over(s.need_kwh - schedule.short_kwh, kept, s.need_kwh), _over(-schedule.short_kwh, 0.0), _over(schedule.short_kwh, s.need_kwh),
        _over(u, b.charge_max_kw[:, None] * problem.step_h), _over(-u, b.discharge_max_kw[:, None] * problem.step_h),
        _over(stored, b.capacity_kwh[:, None]), _over(-stored, 0.0),
        _over(total, room), _over(-total, nodes.export_max_kw * problem.step_h),
    ]  # fmt: skip
    if nodes.phase_room_kw is not None:
        broken.append(_over(phases, nodes.phase_room_kw * problem.step_h))
    if b.end_min_kwh is not None and problem.n_step and not schedule.is_emptied:
        broken.append(_over(np.minimum(b.end_min_kwh, b.stored_kwh) - stored[:, -1], 0.0))
    return max(broken)


def _over(value: np.ndarray, most: np.ndarray | float, size: np.ndarray | None = None) -> float:
    """How far a value is above what it may be, in shares of its size; 0 where it is not."""
    most = np.broadcast_to(most, value.shape)
    finite = np.isfinite(most)
    size = np.abs(most) if size is None else size
    return float(((value[finite] - most[finite]) / np.maximum(size[finite], 1.0)).max(initial=0.0))
