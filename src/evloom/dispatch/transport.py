"""The optimum as a flow: exact for vehicles that only charge, under a tree of limits, for costs per step and a peak.

Much faster than the linear programme and equal to it; whatever does not have this form goes to the programme.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.cells import Cells, at_nodes, room_of, tight_phases, total_by
from evloom.dispatch.closed import rank_steps, step_costs
from evloom.dispatch.flow import Flow, Network, fill, new_search, reach
from evloom.dispatch.objective import Objective, Stage
from evloom.dispatch.problem import Problem
from evloom.dispatch.terms import terms_in
from evloom.kernel.timegrid import Float, Int

# A stay may lack this much (kWh) for rounding and still count as served.
_REST_KWH = 1e-9
_ROUNDS_MAX = 200


@dataclass(frozen=True)
class Task:
    """What is asked of the flow.

    order,          terminals from cheapest to dearest, and what a kWh costs at each (in the stage that the peak belongs to)
    cost_per_kwh
    terminal        (n_step,) terminal of each step: a step, or a demand interval where there is a peak to keep
    length_h,       (n_terminal,) hours, and energy already known, of the interval: the mean is (known + sent) / length
    known_kwh
    """

    order: Int
    cost_per_kwh: Float
    terminal: Int
    length_h: Float
    known_kwh: Float


class Transport:
    """One network, to be filled again under other caps on the mean power of each terminal."""

    def __init__(self, problem: Problem, cells: Cells, need_kwh: Float, task: Task) -> None:
        self.task, self.need_kwh = task, need_kwh
        self.n_terminal = len(task.length_h)
        self.network, self._room_kwh = network_of(problem, cells, task)
        self.terminals = np.arange(len(self.network.up) - self.n_terminal, len(self.network.up))
        self.flow = self._empty(np.inf)

    def _empty(self, peak_kw: float) -> Flow:
        n_vertex = len(self.network.up)
        flow = Flow(np.zeros(len(self.network.stay)), np.zeros(n_vertex), self._room_kwh.copy(), self.need_kwh.copy())
        flow.cap[self.terminals] = self._cap_kwh(peak_kw)
        return flow

    def _cap_kwh(self, peak_kw: float) -> Float:
        if not np.isfinite(peak_kw):
            return np.full(self.n_terminal, np.inf)
        return np.maximum(peak_kw * self.task.length_h - self.task.known_kwh, 0.0)

    def fill(self, peak_kw: float = np.inf) -> bool:
        """Fill in the order of costs under a cap on every mean; whether every need was met."""
        self.flow = self._empty(peak_kw)
        fill(self.network, self.flow, new_search(self.network), self.terminals[self.task.order])
        return bool(self.flow.rest.max(initial=0.0) <= _REST_KWH)

    @property
    def cost(self) -> float:
        """Cost of the present flow."""
        return float(self.task.cost_per_kwh @ self.flow.through[self.terminals])

    @property
    def peak_kw(self) -> float:
        """Highest mean of the present flow."""
        return float(((self.flow.through[self.terminals] + self.task.known_kwh) / self.task.length_h).max(initial=-np.inf))

    def least_peak_kw(self, floor_kw: float) -> float | None:
        """Lowest cap >= floor_kw under which every need is met; None where a limit of the tree forbids it at any peak.

        Newton's method on the cut that stops the flow: the cap rises by what is missing over the hours that the cut spans.
        The flow already sent stays.
        """
        peak_kw = floor_kw
        self.flow = self._empty(peak_kw)
        for _ in range(_ROUNDS_MAX):
            fill(self.network, self.flow, new_search(self.network), self.terminals)
            lacking = np.flatnonzero(self.flow.rest > _REST_KWH / 10)
            if not len(lacking):
                return peak_kw
            search = new_search(self.network)
            reach(self.network, self.flow, search, len(self.network.up) + lacking)
            span_h = float(self.task.length_h @ (search.seen[self.terminals] > 0))
            if span_h == 0.0:
                return None
            peak_kw += float(self.flow.rest[lacking].sum()) / span_h
            self.flow.cap[self.terminals] = self._cap_kwh(peak_kw)
        return None

    def slope(self) -> float:
        """How the cost of the present optimal flow changes per kW that its cap on the mean is raised, <= 0.

        The value of room at a terminal is what the dearest terminal that could give up load to it costs more:
        the least potentials of the residual network, hence the right-hand derivative.
        """
        search = new_search(self.network)
        worth = np.full(self.n_terminal, -np.inf)
        loads = self.flow.through[self.terminals]
        for number in self.task.order[::-1]:
            if loads[number] <= 1e-9 or search.seen[self.terminals[number]]:
                continue
            reach(self.network, self.flow, search, self.terminals[number : number + 1])
            new = np.isneginf(worth) & (search.seen[self.terminals] > 0)
            worth[new] = self.task.cost_per_kwh[number]
        full = self.flow.cap[self.terminals] - loads <= 1e-9
        return -float(self.task.length_h @ np.where(full, np.maximum(worth - self.task.cost_per_kwh, 0.0), 0.0))


def network_of(problem: Problem, cells: Cells, task: Task) -> tuple[Network, Float]:
    """The network of a problem, and the room of each vertex (terminals: infinity)."""
    room, parent, n_terminal = room_of(problem).import_max_kwh, problem.nodes.parent, len(task.length_h)
    most = at_nodes(problem, cells, cells.charge_max_kwh)
    for row in range(len(most) - 1, 0, -1):
        most[parent[row]] += np.minimum(most[row], room[row])
    active = most > room
    n_inner = int(active.sum())
    number = np.full(active.shape, -1)
    number[active] = np.arange(n_inner)
    carrier, above = number.copy(), np.empty_like(number)
    for row in range(len(active)):
        above[row] = n_inner + task.terminal if row == 0 else carrier[parent[row]]
        carrier[row] = np.where(active[row], number[row], above[row])
    up = np.concatenate((above[active], np.full(n_terminal, -1)))
    vertex = carrier[problem.stays.node[cells.stay], cells.step]
    cell_begin, cell = _grouped(vertex, len(up))
    child_begin, child = _grouped(up[:n_inner], len(up))
    under_begin, under = _grouped(task.terminal[cells.step], n_terminal)
    network = Network(cells.begin, cells.stay, cells.charge_max_kwh, vertex, up, cell_begin, cell, child_begin, child, under_begin, under)
    return network, np.concatenate((room[active], np.full(n_terminal, np.inf)))


def _grouped(group: Int, n_group: int) -> tuple[Int, Int]:
    """Members of each group: (n_group + 1,) begins, and the numbers of the members, group by group."""
    begin = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=n_group)))).astype(np.int64)
    return begin, np.argsort(group, kind="stable")


def by_flow(problem: Problem, cells: Cells, need_kwh: Float, objective: Objective) -> Float | None:
    """Optimal charge of each cell (n_cell,), or None where the problem has not the form or the needs cannot all be met.

    The form: no discharge, no storage, no export that matters, no phase that could be full, no zone dearer than another, nothing
    worth charging beyond the need; stages of costs
    per step (cost, carbon, earliest); before them a stage "peak" alone, or with them, in a single stage, peak and demand.
    """
    first, *later = objective.stages or (Stage(()),)
    rest = tuple(later)
    has_peak = bool(terms_in(objective) & {"peak", "demand"})
    leads = terms_in(Objective((first,))) == {"peak"} and len(rest) > 0
    priced = Objective(rest) if leads else Objective((_without_peak(first), *rest))
    costs = step_costs(problem, priced)
    if costs is None or terms_in(priced) & {"demand"} or (has_peak and not leads and rest) or problem.n_step == 0:
        return None
    if (rank_steps(costs)[1] < 0).any() or tight_phases(problem, cells).any():
        return None
    task = _task(problem, costs, has_peak)
    if task is None:
        return None
    transport = Transport(problem, cells, need_kwh, task)
    if not has_peak:
        return transport.flow.charge if transport.fill() else None
    floor_kw = float((task.known_kwh / task.length_h).max())
    if "peak" not in terms_in(Objective((first,))):
        floor_kw = max(floor_kw, problem.signals.peak_so_far_kw)  # below it a demand charge gains nothing
    least_kw = transport.least_peak_kw(floor_kw)
    if least_kw is None:
        return None
    if leads:
        return transport.flow.charge if transport.fill(least_kw + (first.slack - 1.0) * abs(least_kw)) else None
    return _least_with_peak(transport, least_kw, _peak_charge(problem, first))


def _without_peak(stage: Stage) -> Stage:
    return Stage(tuple((term, weight) for term, weight in stage.weights if term not in ("peak", "demand")), stage.slack)


def _peak_charge(problem: Problem, stage: Stage) -> Callable[[float], tuple[float, float]]:
    """What a highest mean costs in a stage, and how that changes per kW just above it."""
    weight = {"peak": 0.0, "demand": 0.0}
    for term, value in stage.weights:
        if term in weight:
            weight[term] += value
    per_kw = weight["demand"] * problem.signals.demand_price_per_kw
    so_far_kw = problem.signals.peak_so_far_kw
    return lambda kw: (
        weight["peak"] * kw + per_kw * max(0.0, kw - so_far_kw),
        weight["peak"] + (per_kw if kw >= so_far_kw else 0.0),
    )


def _task(problem: Problem, costs: Float, has_peak: bool) -> Task | None:
    """Terminals are steps, or demand intervals if a peak is to be kept; None where the steps of an interval differ in cost."""
    if not has_peak:
        order, _ = rank_steps(costs)
        n_step = problem.n_step
        return Task(order, costs[0], np.arange(n_step), problem.step_h, np.zeros(n_step))
    _, first, interval = np.unique(problem.signals.demand_period, return_index=True, return_inverse=True)
    if (costs != costs[:, first][:, interval]).any():
        return None
    base_kwh = problem.nodes.base_kw[0] * problem.step_h
    known_kwh, length_h = total_by(interval, base_kwh, len(first)), total_by(interval, problem.step_h, len(first))
    known_kwh[0] += problem.signals.period_done_kwh
    length_h[0] += problem.signals.period_done_h
    order, _ = rank_steps(costs[:, first])
    return Task(order, costs[0, first], interval, length_h, known_kwh)


def _least_with_peak(transport: Transport, least_kw: float, peak_charge: Callable[[float], tuple[float, float]]) -> Float | None:
    """Least cost plus price of the peak, a convex function of the cap, piecewise linear: cutting lines from both sides."""

    def at(cap_kw: float) -> tuple[float, float, Float] | None:
        if not transport.fill(cap_kw):
            return None
        charge, (price, per_kw) = transport.flow.charge, peak_charge(cap_kw)
        return transport.cost + price, transport.slope() + per_kw, charge

    left_kw = least_kw
    left = at(left_kw)
    if left is None or left[1] >= 0.0:
        return None if left is None else left[2]
    transport.fill()
    right_kw = max(transport.peak_kw, left_kw)
    right = at(right_kw)
    for _ in range(_ROUNDS_MAX):
        if right is None or left is None:
            return None
        best = min(left, right, key=lambda point: point[0])
        if right[1] - left[1] <= 0.0:
            return best[2]
        middle_kw = (left[0] - right[0] + right[1] * right_kw - left[1] * left_kw) / (right[1] - left[1])
        bound = left[0] + left[1] * (middle_kw - left_kw)
        if best[0] - bound <= 1e-11 * max(1.0, abs(best[0])):
            return best[2]
        middle = at(middle_kw)
        if middle is not None and middle[1] < 0.0:
            left_kw, left = middle_kw, middle
        else:
            right_kw, right = middle_kw, middle
    return None
