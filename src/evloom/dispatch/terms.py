"""What each term of an objective is worth for a given schedule, computed from the schedule alone."""

from collections.abc import Collection

import numpy as np

from evloom.dispatch.cells import total_by
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Signals
from evloom.kernel.timegrid import Float, Int


def terms_in(objective: Objective) -> frozenset[str]:
    """The terms that have a weight other than 0 in any stage."""
    return frozenset(term for stage in objective.stages for term, weight in stage.weights if weight)


def middle_h(problem: Problem) -> Float:
    """Middle of each step, hours after the start of the horizon, (n_step,)."""
    return np.cumsum(problem.step_h) - problem.step_h / 2


def export_steps(signals: Signals, terms: Collection[str], low_kwh: Float) -> Int:
    """Steps in which the site could export (low_kwh (n_step,) < 0 is the least net import) and in which
    export is worth something else to these terms than the import it saves."""
    matters = np.full(len(low_kwh), "export" in terms)
    if "cost" in terms:
        matters |= signals.price_per_kwh != signals.export_price_per_kwh
    if "carbon" in terms:
        matters |= signals.carbon_kg_per_kwh != 0
    return np.flatnonzero(matters & (low_kwh < 0))


def net_import_kwh(problem: Problem, charge_kwh: Float, discharge_kwh: Float, store_kwh: Float) -> Float:
    """Net import of the whole site in each step, base load included, (n_step,)."""
    steered: Float = charge_kwh.sum(axis=0) - discharge_kwh.sum(axis=0) + store_kwh.sum(axis=0)
    net: Float = problem.nodes.base_kw[0] * problem.step_h + steered
    return net


def interval_means_kw(problem: Problem, net_kwh: Float) -> tuple[Float, Float]:
    """Mean net import of each demand interval in kW and its length in hours, what is already past of the first included."""
    if problem.n_step == 0:
        return np.zeros(0), np.zeros(0)
    signals = problem.signals
    _, interval = np.unique(signals.demand_period, return_inverse=True)
    n_interval = int(interval.max()) + 1
    energy_kwh = total_by(interval, net_kwh, n_interval)
    length_h = total_by(interval, problem.step_h, n_interval)
    energy_kwh[0] += signals.period_done_kwh
    length_h[0] += signals.period_done_h
    return energy_kwh / length_h, length_h


def term_values(problem: Problem, charge_kwh: Float, discharge_kwh: Float, store_kwh: Float) -> dict[str, float]:
    """Every term of objective.TERMS for a schedule (arrays as in Schedule), each in its own unit."""
    signals = problem.signals
    net_kwh = net_import_kwh(problem, charge_kwh, discharge_kwh, store_kwh)
    import_kwh, export_kwh = np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)
    mean_kw, length_h = interval_means_kw(problem, net_kwh)
    peak_kw = float(mean_kw.max(initial=-np.inf)) if len(mean_kw) else 0.0
    wear = float(problem.stays.wear_per_kwh @ discharge_kwh.sum(axis=1)) + float(
        problem.stores.wear_per_kwh @ np.maximum(-store_kwh, 0.0).sum(axis=1)
    )
    return {
        "cost": float(signals.price_per_kwh @ import_kwh - signals.export_price_per_kwh @ export_kwh),
        "peak": peak_kw,
        "demand": signals.demand_price_per_kw * max(0.0, peak_kw - signals.peak_so_far_kw),
        "carbon": float(signals.carbon_kg_per_kwh @ import_kwh),
        "earliest": float(middle_h(problem) @ charge_kwh.sum(axis=0)),
        "export": float(export_kwh.sum()),
        "wear": wear,
        "valley": float(mean_kw**2 @ length_h / length_h.sum()) if len(mean_kw) else 0.0,
    }


def stage_value(objective: Objective, stage: int, values: dict[str, float]) -> float:
    """The weighted sum of one stage."""
    return sum(weight * values[term] for term, weight in objective.stages[stage].weights)
