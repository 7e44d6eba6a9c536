"""The figures of a dispatch beside those of charging at once: power, service and what charging adds to the bill."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.terms import interval_means_kw, missed_kwh
from evloom.kernel.timegrid import Float
from evloom.plan.fleet.report.levels import loading_of
from evloom.plan.fleet.report.loads import Loads, over_kw
from evloom.simulate.scores import SHORT_KWH


@dataclass(frozen=True)
class Tally:
    """What one way of charging comes to.

    peak_kw                  highest load of the root, base load included
    loading                  highest load over limit of any node
    nodes                    of the tree
    over_node, over_kw       nodes above their limit at some time, and the worst excess; where the base load alone
                             is above a limit, the excess over the base load
    over_base_node           nodes at which the load nobody steers is itself above the limit at some time
    over_h                   hours in which some node is above its limit
    energy_kwh               drawn by steered units less what they give back, at the meters
    need_kwh, short_kwh      what was to be delivered and what of it lacks; short and stays count stays with more than SHORT_KWH
    bill, currency           what steering adds to the bill of the base load: energy_bill + zone_bill + demand_bill
    carbon_kg                of the energy drawn through the root, over that of the base load
    missed                   penalties for requests of the grid that are missed, not in the bill
    wear                     of batteries that discharge, not in the bill
    """

    currency: str
    nodes: int
    peak_kw: float
    loading: float
    over_node: int
    over_base_node: int
    over_kw: float
    over_h: float
    energy_kwh: float
    need_kwh: float
    short_kwh: float
    stays: int
    short: int
    energy_bill: float
    zone_bill: float
    demand_bill: float
    carbon_kg: float
    missed: float
    wear: float

    @property
    def bill(self) -> float:
        """All that is added to the bill."""
        return self.energy_bill + self.zone_bill + self.demand_bill


def tallies(problem: Problem, schedule: Schedule, loads: Loads, currency: str) -> tuple[Tally, Tally]:
    """(charging at once, as scheduled)."""
    wear = schedule.objective.get("wear", 0.0)
    at_once = _tally(problem, loads.at_once_kw, loads.at_once_short_kwh, 0.0, currency)
    return at_once, _tally(problem, loads.steered_kw, schedule.short_kwh, wear, currency)


def _tally(problem: Problem, steered_kw: Float, short_kwh: Float, wear: float, currency: str) -> Tally:
    over = over_kw(problem, steered_kw)
    energy_bill, zone_bill, demand_bill, carbon_kg = (
        a - b for a, b in zip(_bill(problem, steered_kw), _bill(problem, np.zeros_like(steered_kw)), strict=True)
    )
    root_kw = problem.nodes.base_kw[0] + steered_kw[0]
    return Tally(
        currency=currency,
        nodes=len(over),
        peak_kw=float(root_kw.max()) if len(root_kw) else 0.0,
        loading=float(loading_of(problem, steered_kw).max(initial=0.0)),
        over_node=int(over.any(axis=1).sum()),
        over_base_node=int((problem.nodes.base_kw > problem.nodes.import_max_kw).any(axis=1).sum()),
        over_kw=float(over.max(initial=0.0)),
        over_h=float(problem.step_h @ over.any(axis=0)),
        energy_kwh=float(steered_kw[0] @ problem.step_h),
        need_kwh=float(problem.stays.need_kwh.sum()),
        short_kwh=float(short_kwh.sum()),
        stays=problem.stays.n,
        short=int((short_kwh > SHORT_KWH).sum()),
        energy_bill=energy_bill,
        zone_bill=zone_bill,
        demand_bill=demand_bill,
        carbon_kg=carbon_kg,
        missed=float(problem.requests.penalty_per_kwh @ missed_kwh(problem, steered_kw * problem.step_h)),
        wear=wear,
    )


def _bill(problem: Problem, steered_kw: Float) -> tuple[float, float, float, float]:
    """Energy at the root's prices, extra prices of zones, demand charge, and carbon in kg."""
    signals, extra = problem.signals, problem.nodes.price_per_kwh
    net_kwh = (problem.nodes.base_kw[0] + steered_kw[0]) * problem.step_h
    import_kwh, export_kwh = np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)
    energy_bill = float(signals.price_per_kwh @ import_kwh - signals.export_price_per_kwh @ export_kwh)
    zone_bill = float((extra * steered_kw).sum(axis=0) @ problem.step_h) if extra is not None else 0.0
    mean_kw, _ = interval_means_kw(problem, net_kwh)
    peak_kw = float(mean_kw.max(initial=0.0))
    demand_bill = signals.demand_price_per_kw * max(0.0, peak_kw - signals.peak_so_far_kw)
    return energy_bill, zone_bill, demand_bill, float(signals.carbon_kg_per_kwh @ import_kwh)
