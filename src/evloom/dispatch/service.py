"""What a kWh that a driver does not get costs: so much that service comes first, and more the larger the share that is missing.

Tiers of the value of a need: the first kWh of a need is worth a little more than the last, so that under scarcity everybody
gets a part before anybody gets all, at the same total and almost the same cost.
"""

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float

N_TIER = 8
# The dearest tier of a need is worth this much more than the cheapest.
TIER_SPREAD = 0.5


def tier_weights() -> Float:
    """What a missing kWh weighs in each tier of a need, (N_TIER,), from the part that goes missing first (1.0) to the last."""
    return 1.0 + TIER_SPREAD * np.arange(N_TIER) / (N_TIER - 1)


def short_cost(problem: Problem, price_per_kwh: float, short_kwh: Float) -> Float:
    """Cost of what each stay lacks, (n_stay,): convex in the share of the need that is missing, price x priority x tier weight."""
    cost, short = np.zeros(len(short_kwh)), np.flatnonzero(short_kwh > 0.0)
    part_kwh = problem.stays.need_kwh[short, None] / N_TIER
    tier_kwh = np.clip(short_kwh[short, None] - part_kwh * np.arange(N_TIER), 0.0, part_kwh)
    cost[short] = price_per_kwh * problem.stays.priority[short] * (tier_kwh @ tier_weights())
    return cost


def short_price_per_kwh(problem: Problem, objective: Objective) -> float:
    """A price above what any kWh can cost to deliver under a one-stage objective, so that nothing is left out to save money.

    Twice what a kWh can cost at the dearest step, in the dearest zone, with a new peak, a missed request, and bought again after
    losses and wear. In units of the objective per kWh; positive even where everything is free.
    """
    stays, nodes, signals = problem.stays, problem.nodes, problem.signals
    weight = {term: w for stage in objective.stages for term, w in stage.weights}
    shortest_h = float(problem.step_h.min(initial=np.inf))
    if not np.isfinite(shortest_h):
        return 1.0
    peak_kw = float(np.abs(nodes.base_kw[0]).max(initial=0.0) + stays.charge_max_kw.sum())
    per_kwh = weight.get("cost", 0.0) * float(np.abs(np.append(signals.price_per_kwh, signals.export_price_per_kwh)).max())
    per_kwh += weight.get("carbon", 0.0) * float(np.abs(signals.carbon_kg_per_kwh).max()) + weight.get("export", 0.0)
    per_kwh += weight.get("earliest", 0.0) * float(problem.step_h.sum())
    per_kwh += (weight.get("demand", 0.0) * signals.demand_price_per_kw + weight.get("peak", 0.0)) / shortest_h
    per_kwh += weight.get("valley", 0.0) * 2.0 * peak_kw / float(problem.step_h.sum())
    if nodes.price_per_kwh is not None:
        per_kwh += float(np.abs(nodes.price_per_kwh).max(axis=1).sum())
    per_kwh += float(problem.requests.penalty_per_kwh.sum())
    wear_per_kwh = weight.get("wear", 0.0) * float(stays.wear_per_kwh.max(initial=0.0))
    lossy = stays.discharge_max_kw > 0
    efficiency = float((stays.charge_efficiency * stays.discharge_efficiency)[lossy].min(initial=1.0))
    return (2.0 * (per_kwh + wear_per_kwh) / efficiency) or 1.0
