"""Do what the grid asks for, and say in kW and money what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.optimise import Effort, go_on, optimise
from evloom.dispatch.portfolio.part import at_or_below
from evloom.dispatch.problem import NO_REQUESTS, Problem, Requests, Schedule
from evloom.dispatch.service import short_price_per_kwh
from evloom.dispatch.solved import Round, Solved
from evloom.dispatch.terms import stage_value
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float

# A request counts as met when no step misses its target by more than this; solver and verifier hold energies to 1e-6 kWh.
MISSED_KW = 1e-4
USUAL = Effort()


@dataclass(frozen=True)
class Response:
    """A dispatch under requests, with what each of them got, computed from the schedule alone.

    solved      the schedule with its proof
    requests    what was asked, with the penalties in force
    load_kw     (n_request, n_step) net power through the node of each request, base load included
    missed_kw   (n_request, n_step) by how much the target is missed, >= 0; 0 outside the steps of the request
    is_met      (n_request,) missed by no more than MISSED_KW anywhere
    value       weighted terms of the last stage: what the dispatch costs, without penalties and short energy
    penalty     what the missed energy costs
    findings    those of the solver, and a warning for each request that is not met
    """

    solved: Solved
    requests: Requests
    load_kw: Float
    missed_kw: Float
    is_met: Bool
    value: float
    penalty: float
    findings: tuple[Finding, ...]

    def delivered_kw(self, problem: Problem, baseline: Schedule) -> Float:
        """Change of load towards each request against a baseline, (n_request, n_step): less load for a ceiling, more for a floor.

        Signed: negative where the dispatch went the other way. 0 outside the steps of the request.
        """
        before_kw = np.stack([node_kw(problem, baseline, int(node)) for node in self.requests.node])
        toward = np.where(self.requests.is_ceiling, -1.0, 1.0)[:, None]
        delivered: Float = np.where(_in_force(self.requests, problem.n_step), toward * (self.load_kw - before_kw), 0.0)
        return delivered


def respond(
    problem: Problem,
    requests: Requests,
    objective: Objective,
    effort: Effort = USUAL,
    watch: Callable[[Round], bool] = go_on,
) -> Response:
    """Dispatch a problem under requests, in addition to those that it holds already.

    A penalty of infinity makes a request hard: a penalty is put on it that is above anything a kWh can cost to shift
    (`hard_penalty_per_kwh`), so that it is missed only where drivers or limits would suffer. Raises InputError with all findings.
    """
    hard_per_kwh = hard_penalty_per_kwh(problem, objective)
    penalty = np.where(np.isposinf(requests.penalty_per_kwh), hard_per_kwh, requests.penalty_per_kwh)
    requests = joined(problem.requests, replace(requests, penalty_per_kwh=penalty))
    solved = optimise(replace(problem, requests=requests), objective, effort, watch)
    return response_of(problem, requests, objective, solved)


def response_of(problem: Problem, requests: Requests, objective: Objective, solved: Solved) -> Response:
    """What a schedule means for requests."""
    shape = (requests.n, problem.n_step)
    load_kw = np.array([node_kw(problem, solved.schedule, int(node)) for node in requests.node]).reshape(shape)
    above_kw = load_kw - requests.target_kw[:, None]
    missed_kw = np.maximum(np.where(requests.is_ceiling[:, None], above_kw, -above_kw), 0.0) * _in_force(requests, problem.n_step)
    is_met: Bool = missed_kw.max(axis=1, initial=0.0) <= MISSED_KW
    missed_kwh = missed_kw @ problem.step_h
    value = stage_value(objective, len(objective.stages) - 1, solved.schedule.objective)
    findings = solved.findings + tuple(_not_met(requests, int(row), missed_kw[row], missed_kwh[row]) for row in np.flatnonzero(~is_met))
    return Response(solved, requests, load_kw, missed_kw, is_met, value, float(requests.penalty_per_kwh @ missed_kwh), findings)


def hard_penalty_per_kwh(problem: Problem, objective: Objective) -> float:
    """A penalty above what shifting any kWh can cost, and far below what short energy costs, which grows with it."""
    return 2.0 * short_price_per_kwh(replace(problem, requests=NO_REQUESTS), objective)


def joined(first: Requests, second: Requests) -> Requests:
    """The requests of both, one after the other."""
    names = [field.name for field in fields(Requests)]
    return Requests(**{name: np.concatenate((getattr(first, name), getattr(second, name))) for name in names})


def node_kw(problem: Problem, schedule: Schedule, node: int) -> Float:
    """Net power through a node, base load included, (n_step,)."""
    below = at_or_below(problem.nodes.parent, node)
    stay, store = below[problem.stays.node], below[problem.stores.node]
    steered_kwh = (schedule.charge_kwh[stay] - schedule.discharge_kwh[stay]).sum(axis=0) + schedule.store_kwh[store].sum(axis=0)
    power_kw: Float = problem.nodes.base_kw[node] + steered_kwh / problem.step_h
    return power_kw


def _in_force(requests: Requests, n_step: int) -> Bool:
    """(n_request, n_step) which steps a request speaks of."""
    k = np.arange(n_step)
    inside: Bool = (k >= requests.first[:, None]) & (k < requests.last[:, None])
    return inside


def _not_met(requests: Requests, row: int, missed_kw: Float, missed_kwh: float) -> Finding:
    wanted = "at most" if requests.is_ceiling[row] else "at least"
    return Finding(
        "request.missed",
        "warning",
        "requests",
        row,
        f"target_kw[{row}]",
        f"missed by up to {missed_kw.max():.6g} kW, {missed_kwh:.6g} kWh in all",
        f"{wanted} {requests.target_kw[row]:g} kW",
        "drivers and limits come first: ask `flexibility` what the node can do",
    )
