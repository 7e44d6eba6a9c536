"""`optimal` replanned for many vehicles at once: CPU of one decision, and how far its plan is from another solver's.

The vehicles come home between 16:00 and 20:00 and leave between half a horizon and a whole one after 20:00, at an apartment
block whose transformer cannot carry them all at once, half of them behind a board with a limit of its own; the price is
Zhejiang's, with a demand charge. Every quarter of an hour from 20:00 to 23:00, with all of them there, the policy plans anew;
the whole decision counts: beliefs, problem, optimum, allocation and quantising.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from evloom.dispatch.belief import Trust
from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Bool, Float, from_epoch_s
from evloom.loop.driver import Loop, drive
from evloom.loop.optimal_policy import OptimalPolicy, believed, problem_of
from evloom.loop.snapshot import Orders, Snapshot
from evloom.loop.state import State
from evloom.simulate.field import SimulatedField
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import Stage, stage

RATING_KW = 7.4
BOARD_KWH = 12.2  # what the board carries in a horizon, per vehicle of the site: the vehicles behind it want 8.5
DEMAND_PRICE_PER_KW = 38.0

SCENARIO = """
[time]
zone = "Asia/Shanghai"
from = 2025-06-02
to = 2025-06-05
[transformer]
rating_kva = {limit_kw}
power_factor = 1
[[base_load]]
profile = "apartment-block"
peak_kw = {base_kw}
[[limit]]
id = "board"
kind = "board"
max_kw = {board_kw}
[[pile]]
id = "P{{n}}"
count = {half}
rating_kw = {rating_kw}
[[pile]]
id = "Q{{n}}"
count = {half}
rating_kw = {rating_kw}
node = "board"
[sessions]
file = "{sessions}"
[driver]
departure = "told"
energy = "told"
[control]
replan = "step"
horizon_h = {horizon_h}
[tariff]
name = "zhejiang-jiaxing-2025"
demand_per_kw_month = {demand}
"""


@dataclass(frozen=True)
class Replan:
    """CPU seconds of each decision, and of the other solver once; gap (plan - other) / other of the objective;
    loading is how full the fullest of transformer and board is at most in the plan."""

    cpu_s: Float
    other_s: float
    gap: float
    loading: float


class Timed:
    """`optimal`, timed where all vehicles are there; keeps the snapshots."""

    controlled = True

    def __init__(self, inner: OptimalPolicy, count: int) -> None:
        self.inner, self.count = inner, count
        self.name = inner.name
        self.cpu_s: list[float] = []
        self.seen: list[Snapshot] = []

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """What `optimal` decides."""
        began = time.process_time()
        answer = self.inner.decide(snapshot, memory)
        if int(snapshot.sight.connected.sum()) == self.count:
            self.cpu_s.append(time.process_time() - began)
            self.seen.append(snapshot)
        return answer


def evening(count: int, horizon_h: int, folder: Path) -> Stage:
    """A stage with `count` vehicles; its files are written to `folder`."""
    rng = np.random.default_rng(count)
    midnight_s = 1748793600.0  # 2025-06-02 00:00 in Shanghai
    arrival_s = midnight_s + np.sort(rng.uniform(16.0, 20.0, count)) * 3600.0
    departure_s = midnight_s + (20.0 + horizon_h * rng.uniform(0.5, 1.0, count)) * 3600.0
    energy_kwh = rng.uniform(4.0, 30.0, count)
    lines = ["session_id,evse_id,arrival,departure,energy_kwh,requested_kwh,told_departure,zone"]
    for i in range(count):
        arrival, departure = from_epoch_s(arrival_s[i]).isoformat(), from_epoch_s(departure_s[i]).isoformat()
        lines.append(
            f"s{i},{'PQ'[i % 2]}{i // 2 + 1},{arrival},{departure},{energy_kwh[i]:.3f},{energy_kwh[i]:.3f},{departure},Asia/Shanghai"
        )
    sessions = folder / f"replan-{count}.csv"
    sessions.write_text("\n".join(lines) + "\n")
    path = folder / f"replan-{count}.toml"
    text = SCENARIO.format(
        limit_kw=2.0 * count, base_kw=1.0 * count, board_kw=BOARD_KWH / horizon_h * count, half=count // 2, rating_kw=RATING_KW,
        sessions=sessions.name, horizon_h=horizon_h, demand=DEMAND_PRICE_PER_KW,
    )  # fmt: skip
    path.write_text(text)
    return stage(load_scenario(path))


def replan(count: int, horizon_h: int, objective: str, folder: Path) -> Replan:
    """Plan for `count` vehicles through the loop, at 20:00 and the eleven quarters after it."""
    ready = evening(count, horizon_h, folder)
    policy = Timed(OptimalPolicy(parse_objective(objective), Trust()), count)
    scenario = ready.scenario
    loop = Loop(State(scenario.site, scenario.evse, ready.terms), policy)
    twelve = ready.cycle_s[(ready.cycle_s < ready.grid.start_s + 23 * 3600)]
    drive(loop, SimulatedField(ready), twelve, lambda *_: None)
    problem = _problem(policy.seen[0])
    plan = solve(problem, parse_objective(objective))
    ours = plan.objective["cost"] + (plan.objective["demand"] if "demand" in objective else 0.0)
    began = time.process_time()
    other = least_cost(problem, "demand" in objective)
    other_s = time.process_time() - began
    loading = max(_loading(problem, node, plan.charge_kwh) for node in range(len(problem.nodes.parent)))
    return Replan(np.array(policy.cpu_s), other_s, (ours - other) / other, loading)


def _problem(snapshot: Snapshot) -> Problem:
    rows = np.flatnonzero(snapshot.sight.connected)
    return problem_of(snapshot, rows, *believed(snapshot, rows, Trust(), 0.0))


def _behind(problem: Problem, node: int) -> Bool:
    """The stays (n_stay,) at or below a node."""
    at = problem.stays.node.copy()
    inside = at == node
    while (at >= 0).any():
        at = np.where(at >= 0, problem.nodes.parent[at], -1)
        inside = inside | (at == node)
    return np.asarray(inside, dtype=np.bool_)


def _loading(problem: Problem, node: int, charge_kwh: Float) -> float:
    load_kw = charge_kwh[_behind(problem, node)].sum(axis=0) / problem.step_h + problem.nodes.base_kw[node]
    return float((load_kw / problem.nodes.import_max_kw[node]).max())


def least_cost(problem: Problem, demand: bool) -> float:
    """The least cost (and demand charge) as one sparse linear programme for scipy, written from the definitions.

    One variable per stay and step, one for the demand above the peak so far. Base load included, as in the plan's own value.
    """
    stays, signals, n_step = problem.stays, problem.signals, problem.n_step
    owner = np.repeat(np.arange(stays.n), stays.last - stays.first)
    step = np.concatenate([np.arange(stays.first[i], stays.last[i]) for i in range(stays.n)])
    hours = problem.step_h[step] * np.where(step == stays.last[owner] - 1, stays.last_share[owner], 1.0)
    n = len(owner)
    base_kwh = problem.nodes.base_kw[0] * problem.step_h
    energy = sp.csr_matrix((np.ones(n), (owner, np.arange(n))), (stays.n, n + 1))
    total = sp.csr_matrix((np.ones(n), (step, np.arange(n))), (n_step, n + 1))
    rows: list[Any] = []
    most = []
    for node in range(len(problem.nodes.parent)):
        inside = np.append(_behind(problem, node)[owner], False).astype(float)
        rows.append(total @ sp.diags(inside))
        most.append((problem.nodes.import_max_kw[node] - problem.nodes.base_kw[node]) * problem.step_h)
    if demand:
        above, left_kwh = _demand(problem, base_kwh, total)
        rows.append(above)
        most.append(left_kwh)
    cost = np.append(signals.price_per_kwh[step], signals.demand_price_per_kw if demand else 0.0)
    bounds = np.column_stack([np.zeros(n + 1), np.append(stays.charge_max_kw[owner] * hours, np.inf)])
    solver: Any = linprog
    found = solver(cost, sp.vstack(rows), np.concatenate(most), energy, stays.need_kwh, bounds, method="highs")
    if found.x is None:
        raise ValueError(f"the other solver found nothing: {found.message}")
    return float(found.fun + signals.price_per_kwh @ base_kwh)


def _demand(problem: Problem, base_kwh: Float, total: Any) -> tuple[Any, Float]:
    """Rows that hold each demand interval below the peak so far and the last variable, and their right sides in kWh."""
    signals = problem.signals
    _, interval = np.unique(signals.demand_period, return_inverse=True)
    length_h, known_kwh = np.bincount(interval, problem.step_h), np.bincount(interval, base_kwh)
    length_h[0] += signals.period_done_h
    known_kwh[0] += signals.period_done_kwh
    shape = len(length_h), total.shape[1]
    gather = sp.csr_matrix((np.ones(problem.n_step), (interval, np.arange(problem.n_step))))
    column = np.full(shape[0], shape[1] - 1)
    above: Any = sp.csr_matrix((length_h, (np.arange(shape[0]), column)), shape)
    return gather @ total - above, np.asarray(signals.peak_so_far_kw * length_h - known_kwh, dtype=np.float64)
