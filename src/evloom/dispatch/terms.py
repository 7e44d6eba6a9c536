"""What each term of an objective is worth for a given schedule, computed from the schedule alone."""

from collections.abc import Collection

import numpy as np

from evloom.dispatch.cells import total_by, up_the_tree, zone_prices_per_kwh
from evloom.dispatch.objective import REQUEST, Objective
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


# Rows of a table that are summed at a time: they stay in the cache of the processor.
_CHUNK = 2048


def sum_at_nodes(node: Int, table: Float, n_node: int) -> Float:
    """Sum of the rows of a table (n_row, n_step) that belong to each node, node (n_row,) -> (n_node, n_step)."""
    total = np.zeros((n_node, table.shape[1]))
    for begin in range(0, len(node), _CHUNK):
        rows = node[begin : begin + _CHUNK]
        order = np.argsort(rows, kind="stable")
        heads = np.flatnonzero(np.diff(rows[order], prepend=-1))
        total[rows[order][heads]] += np.add.reduceat(table[begin : begin + _CHUNK][order], heads, axis=0)
    return total


def steered_kwh(problem: Problem, charge_kwh: Float, discharge_kwh: Float, store_kwh: Float) -> Float:
    """What the units that hang directly on each node draw, net, (n_node, n_step)."""
    n_node = len(problem.nodes.parent)
    steered = sum_at_nodes(problem.stays.node, charge_kwh, n_node) + sum_at_nodes(problem.stores.node, store_kwh, n_node)
    if (problem.stays.discharge_max_kw > 0).any():
        steered -= sum_at_nodes(problem.stays.node, discharge_kwh, n_node)
    return steered


def missed_kwh(problem: Problem, total_kwh: Float) -> Float:
    """By how much each request is missed over its steps, (n_request,).

    total_kwh   (n_node, n_step) steered net energy through each node
    """
    requests, missed = problem.requests, np.zeros(problem.requests.n)
    for row in range(requests.n):
        node, steps = requests.node[row], slice(requests.first[row], requests.last[row])
        step_h = problem.step_h[steps]
        above = total_kwh[node, steps] + (problem.nodes.base_kw[node, steps] - requests.target_kw[row]) * step_h
        missed[row] = np.maximum(above if requests.is_ceiling[row] else -above, 0.0).sum()
    return missed


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
    """Every term of objective.TERMS and "request" for a schedule (arrays as in Schedule), each in its own unit."""
    signals = problem.signals
    net_kwh = net_import_kwh(problem, charge_kwh, discharge_kwh, store_kwh)
    import_kwh, export_kwh = np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)
    mean_kw, length_h = interval_means_kw(problem, net_kwh)
    peak_kw = float(mean_kw.max(initial=-np.inf)) if len(mean_kw) else 0.0
    zone_cost, request_cost = _node_costs(problem, charge_kwh, discharge_kwh, store_kwh)
    wear = float(problem.stays.wear_per_kwh @ discharge_kwh.sum(axis=1)) + float(
        problem.stores.wear_per_kwh @ np.maximum(-store_kwh, 0.0).sum(axis=1)
    )
    return {
        "cost": float(signals.price_per_kwh @ import_kwh - signals.export_price_per_kwh @ export_kwh) + zone_cost,
        "peak": peak_kw,
        "demand": signals.demand_price_per_kw * max(0.0, peak_kw - signals.peak_so_far_kw),
        "carbon": float(signals.carbon_kg_per_kwh @ import_kwh),
        "earliest": float(middle_h(problem) @ charge_kwh.sum(axis=0)),
        "export": float(export_kwh.sum()),
        "wear": wear,
        "valley": float(mean_kw**2 @ length_h / length_h.sum()) if len(mean_kw) else 0.0,
        REQUEST: request_cost,
    }


def _node_costs(problem: Problem, charge_kwh: Float, discharge_kwh: Float, store_kwh: Float) -> tuple[float, float]:
    """What the prices of zones and what missed requests cost."""
    zone = zone_prices_per_kwh(problem)
    if zone is None and problem.requests.n == 0:
        return 0.0, 0.0
    own_kwh = steered_kwh(problem, charge_kwh, discharge_kwh, store_kwh)
    zone_cost = 0.0 if zone is None else float((zone * own_kwh).sum())
    return zone_cost, float(problem.requests.penalty_per_kwh @ missed_kwh(problem, up_the_tree(problem, own_kwh)))


def stage_value(objective: Objective, stage: int, values: dict[str, float]) -> float:
    """The weighted sum of one stage."""
    return sum(weight * values[term] for term, weight in objective.stages[stage].weights)
