"""How far the load of vehicles that only charge can be moved in a window: exact, by flows, for any number of them.

The loads that a vehicle can take, power up to its limit while it is there and an energy between its need and its room, are a generalised
polymatroid, and so are their sums under a tree of limits (Frank and Tardos, "Generalized polymatroids and submodular flows",
Mathematical Programming 42, 1988; for vehicles: Mukhi, Loho and Abate, "Exact characterization of aggregate flexibility via generalized
polymatroids", arXiv 2503.23458, 2025; under network limits: Mukhi and Abate, arXiv 2509.16134, 2025). Seen in the steps of a window alone
it is one again, bounded by the same two set functions: the most and the least energy that a set of its steps can take. So the largest
constant shift is the least slack over sets of steps, per hour of the set, and Newton's method on the cut that stops a flow finds it
(Dinkelbach 1967) without listing the sets.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.cells import Cells, cells_of, total_by
from evloom.dispatch.closed import rank_steps, step_costs
from evloom.dispatch.flow import Flow, fill, new_search, reach
from evloom.dispatch.objective import Objective
from evloom.dispatch.portfolio.part import Part
from evloom.dispatch.problem import Schedule
from evloom.dispatch.terms import term_values, terms_in
from evloom.dispatch.transport import Task, network_of
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Float, Int

_REST_KWH = 1e-9
_ROUNDS_MAX = 100


@dataclass(frozen=True)
class Shift:
    """power_kw: largest constant change of load in the window, unsigned; own: a schedule of the part that does it."""

    power_kw: float
    own: Schedule


class Charging:
    """The flows of one part, to be filled again under other targets for the load in the window."""

    def __init__(self, part: Part) -> None:
        problem = part.problem
        self.part, self.cells, self.steps = part, cells_of(problem), part.window.steps
        nothing, k = np.zeros(problem.n_step), np.arange(problem.n_step)
        self.network, self._room_kwh = network_of(problem, self.cells, Task(k, nothing, k, problem.step_h, nothing))
        self.terminal = len(self.network.up) - problem.n_step + k
        self.outside = np.delete(k, self.steps)
        most_kwh = self.cells.per_stay(self.cells.charge_max_kwh)
        self.need_kwh = np.minimum(problem.stays.need_kwh, most_kwh)
        self.spare_kwh = np.minimum(problem.stays.room_kwh, most_kwh) - self.need_kwh

    def fill(self, target_kwh: Float) -> Flow:
        """Needs first, the window before other steps, then what batteries can take beyond, up to target_kwh in the window (n_window,).

        Augmenting flows in this order finds a schedule with just these loads wherever there is one: `rest` of it beyond need is spare.
        """
        n_vertex, window = len(self.network.up), self.terminal[self.steps]
        flow = Flow(np.zeros(self.cells.n), np.zeros(n_vertex), self._room_kwh.copy(), self.need_kwh.copy())
        flow.cap[window] = target_kwh
        fill(self.network, flow, new_search(self.network), np.concatenate((window, self.terminal[self.outside])))
        if flow.rest.max(initial=0.0) <= _REST_KWH:
            flow.rest[:] = np.maximum(self.spare_kwh, 0.0)
            fill(self.network, flow, new_search(self.network), window)
        return flow

    def fill_cheapest(self, target_kwh: Float, order: Int, *, is_floor: bool) -> Flow:
        """The flow of least cost, for steps in the `order` of costs >= 0, with at least (is_floor) or at most target_kwh in the window.

        Greedy on a generalised polymatroid. For a floor, needs go to the window first, for what lies there is due in any case.
        """
        n_vertex, window = len(self.network.up), self.terminal[self.steps]
        flow = Flow(np.zeros(self.cells.n), np.zeros(n_vertex), self._room_kwh.copy(), self.need_kwh.copy())
        flow.cap[window] = target_kwh
        if not is_floor:
            fill(self.network, flow, new_search(self.network), self.terminal[order])
            return flow
        fill(self.network, flow, new_search(self.network), window)
        flow.cap[window] = np.inf
        fill(self.network, flow, new_search(self.network), self.terminal[order])
        if flow.rest.max(initial=0.0) <= _REST_KWH:
            flow.cap[window] = np.maximum(target_kwh, flow.through[window])
            flow.rest[:] = np.maximum(self.spare_kwh, 0.0)
            fill(self.network, flow, new_search(self.network), window)
        return flow

    def unserved(self, flow: Flow) -> bool:
        """A need was not met under the targets."""
        return bool((self.cells.per_stay(flow.charge) < self.need_kwh - _REST_KWH).any())

    def own(self, flow: Flow) -> Schedule:
        """The flow as a schedule of the part."""
        problem, cells = self.part.problem, self.cells
        charge = cells.dense(np.clip(flow.charge, 0.0, cells.charge_max_kwh), problem.n_step)
        store_kwh, none = np.zeros((0, problem.n_step)), np.zeros_like(charge)
        lacking = problem.stays.need_kwh - charge.sum(axis=1)
        return Schedule(charge, none, store_kwh, np.where(lacking > _REST_KWH, lacking, 0.0), term_values(problem, charge, none, store_kwh))


def largest_increase(part: Part) -> Shift:
    """The most kW by which the load of a charging part can be above its baseline in every step of the window."""
    charging = Charging(part)
    steps, step_h = charging.steps, part.problem.step_h[charging.steps]
    base_kwh = part.load_kwh[steps]
    most_kwh = _most_kwh(charging.cells, part.problem.n_step)[steps]
    power_kw = max(float(((most_kwh - base_kwh) / step_h).min()), 0.0)
    for _ in range(_ROUNDS_MAX):
        flow = charging.fill(base_kwh + power_kw * step_h)
        through = flow.through[charging.terminal]
        if float((base_kwh + power_kw * step_h - through[steps]).max()) <= _REST_KWH:
            return Shift(power_kw, charging.own(flow))
        search, n_vertex = new_search(charging.network), len(charging.network.up)
        spare = n_vertex + np.flatnonzero(flow.rest > _REST_KWH)
        loaded = charging.terminal[charging.outside][through[charging.outside] > _REST_KWH]
        reach(charging.network, flow, search, np.concatenate((spare, loaded)))
        tight = search.seen[charging.terminal[steps]] == 0
        if not tight.any():
            break
        power_kw = max(float((through[steps] - base_kwh)[tight].sum() / step_h[tight].sum()), 0.0)
    raise SolverError("the largest increase of load was not found")


def largest_decrease(part: Part) -> Shift:
    """The most kW by which the load of a charging part can be below its baseline in every step of the window."""
    charging = Charging(part)
    steps, step_h = charging.steps, part.problem.step_h[charging.steps]
    base_kwh = part.load_kwh[steps]
    power_kw = max(float((base_kwh / step_h).min()), 0.0)
    for _ in range(_ROUNDS_MAX):
        flow = charging.fill(np.maximum(base_kwh - power_kw * step_h, 0.0))
        if not charging.unserved(flow):
            return Shift(power_kw, charging.own(flow))
        search, n_vertex = new_search(charging.network), len(charging.network.up)
        lacking = np.flatnonzero(flow.rest > _REST_KWH / 10)
        reach(charging.network, flow, search, n_vertex + lacking)
        span_h = float(step_h @ (search.seen[charging.terminal[steps]] > 0))
        if span_h == 0.0:
            break
        power_kw = max(power_kw - float(flow.rest[lacking].sum()) / span_h, 0.0)
    raise SolverError("the largest decrease of load was not found")


def cheapest_shift(part: Part, objective: Objective, sign: int, power_kw: float) -> Schedule | None:
    """The cheapest schedule of a charging part with at least (sign 1) baseline + power or at most (-1) baseline - power in the window.

    None where costs are not a price >= 0 of each step alone, as with a demand charge, or where no schedule reaches it.
    """
    costs = step_costs(part.problem, objective)
    if costs is None or part.problem.requests.n or terms_in(objective) & {"demand"} or (costs < 0).any():
        return None
    charging, step_h = Charging(part), part.problem.step_h[part.window.steps]
    target_kwh = part.load_kwh[part.window.steps] + sign * power_kw * step_h
    flow = charging.fill_cheapest(np.maximum(target_kwh, 0.0), rank_steps(costs)[0], is_floor=sign > 0)
    gap_kwh = sign * (target_kwh - flow.through[charging.terminal[part.window.steps]])
    if charging.unserved(flow) or gap_kwh.max(initial=0.0) > 1e-6:
        return None
    return charging.own(flow)


def _most_kwh(cells: Cells, n_step: int) -> Float:
    """What all vehicles together could draw in each step, limits apart, (n_step,)."""
    return total_by(cells.step, cells.charge_max_kwh, n_step)
