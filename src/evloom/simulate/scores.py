"""What a run amounts to: peak, bill, carbon, service and wear, side by side for every policy."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float, TimeGrid
from evloom.market.cost import demand_months, energy_cost_on
from evloom.simulate.run import PolicyRun
from evloom.simulate.stage import Stage

SHORT_KWH = 0.01  # a session counts as short above this


@dataclass(frozen=True)
class Score:
    """Figures of one policy over the whole run. Money is in `currency`; what charging adds to the bill of the site without it.

    peak_ev_kw, peak_site_kw   highest mean over a demand interval (15 min unless the tariff says otherwise)
    power_max_kw               highest power of the site at any moment
    loading                    power_max_kw over the transformer's limit, 0 where there is none
    violation_kw, overload_h   worst excess over any limit; hours in which any node was over
    short_kwh                  energy wanted by departure and not delivered, infeasible_kwh of it by no policy (stay too short)
    sessions, sessions_short, turned_away   turned-away cars found no free EVSE; their energy is in short_kwh
    cost                       energy_cost + demand_cost
    revenue                    worth of the energy discharged, at the price of its step; wear_cost of the batteries that gave it
    wait_mean_h, wait_p95_h    from plug-in to the first energy, of the sessions that got any
    steps                      cycles of the loop; rejected of them had orders that failed the check and were replaced
    """

    policy: str
    peak_ev_kw: float
    peak_site_kw: float
    power_max_kw: float
    loading: float
    violation_kw: float
    overload_h: float
    energy_kwh: float
    short_kwh: float
    infeasible_kwh: float
    sessions: int
    sessions_short: int
    turned_away: int
    currency: str
    cost: float
    energy_cost: float
    demand_cost: float
    carbon_kg: float | None
    discharge_kwh: float
    revenue: float
    wear_cost: float
    wait_mean_h: float
    wait_p95_h: float
    steps: int
    rejected: int
    cpu_s: float
    digest: str


def score(stage: Stage, run: PolicyRun) -> Score:
    """Count up a run."""
    scenario, track = stage.scenario, run.track
    ev_kwh, added_kwh = track.ev_kwh, track.ev_kwh + run.storage_kwh.sum(axis=0)
    site_kwh = stage.base_kw[0] * stage.grid.step_h + added_kwh
    energy_cost, demand_cost = _added_cost(stage, site_kwh / stage.grid.step_h)
    lacking_kwh = short_kwh(stage, run)
    lost_kwh = float(scenario.sessions.energy_kwh[stage.turned_away].sum())
    wait_h = (track.start_s - stage.cars.arrival_s)[np.isfinite(track.start_s)] / 3600.0
    carbon = stage.carbon_kg_per_kwh[: stage.grid.n]
    limit_kw = scenario.site.tree.import_max_kw[0]
    power_max_kw = float(track.node_max_kw[0].max(initial=0.0))
    return Score(
        policy=run.policy,
        peak_ev_kw=_highest_mean(ev_kwh, stage.grid, stage.terms.demand_interval_s),
        peak_site_kw=_highest_mean(site_kwh, stage.grid, stage.terms.demand_interval_s),
        power_max_kw=power_max_kw,
        loading=float(power_max_kw / limit_kw) if np.isfinite(limit_kw) and limit_kw > 0 else 0.0,
        violation_kw=float(track.over_kw.max(initial=0.0)),
        overload_h=float(track.over_h.max(initial=0.0)),
        energy_kwh=float(track.in_kwh.sum() - track.out_kwh.sum()),
        short_kwh=float(lacking_kwh.sum()) + lost_kwh,
        infeasible_kwh=float(_infeasible_kwh(stage).sum()),
        sessions=len(scenario.sessions),
        sessions_short=int((lacking_kwh > SHORT_KWH).sum()) + len(stage.turned_away),
        turned_away=len(stage.turned_away),
        currency=scenario.tariff.terms.currency,
        cost=energy_cost + demand_cost,
        energy_cost=energy_cost,
        demand_cost=demand_cost,
        carbon_kg=float(added_kwh @ carbon) if scenario.carbon is not None else None,
        discharge_kwh=float(track.out_kwh.sum()),
        revenue=float(outflow_kwh(stage, run) @ stage.price_per_kwh[: stage.grid.n]),
        wear_cost=_wear_cost(stage, run),
        wait_mean_h=float(wait_h.mean()) if len(wait_h) else 0.0,
        wait_p95_h=float(np.quantile(wait_h, 0.95)) if len(wait_h) else 0.0,
        steps=run.cycles,
        rejected=run.rejected,
        cpu_s=run.cpu_s,
        digest=run.digest,
    )


def short_kwh(stage: Stage, run: PolicyRun) -> Float:
    """What each session (n_session,) wanted by its departure and did not get, at the meter.

    What discharging took from the cells counts with the losses of putting it back: they are never the driver's.
    """
    cars = stage.cars
    pile = stage.scenario.evse.efficiency[stage.beliefs.evse]
    round_trip = cars.charge_efficiency * cars.discharge_efficiency * pile * pile
    return np.maximum(0.0, cars.energy_kwh - (run.track.in_kwh - run.track.out_kwh / round_trip))


def outflow_kwh(stage: Stage, run: PolicyRun) -> Float:
    """Energy that cars discharged in each step, (n_step,), unsigned."""
    track = run.track
    at = np.concatenate(
        [np.arange(track.offset[i + 1] - track.offset[i]) + track.first[i] for i in range(len(track.first))] or [np.zeros(0, int)]
    )
    out_kwh = np.bincount(at.astype(np.int64), weights=np.maximum(0.0, -track.flow_kwh), minlength=stage.grid.n)
    return out_kwh[: stage.grid.n].astype(np.float64)


def _infeasible_kwh(stage: Stage) -> Float:
    """Energy of each session that its stay is too short for, even at full power."""
    cars = stage.cars
    return np.maximum(0.0, cars.energy_kwh - cars.draw_max_kw * (cars.departure_s - cars.arrival_s) / 3600.0)


def _wear_cost(stage: Stage, run: PolicyRun) -> float:
    """What the discharge of cars and stationary batteries cost in battery life."""
    scenario = stage.scenario
    of_cars = run.track.out_kwh @ scenario.fleet.wear_per_kwh[stage.cars.model]
    return float(of_cars + run.storage_out_kwh @ scenario.site.storage.wear_per_kwh)


def _added_cost(stage: Stage, site_kw: Float) -> tuple[float, float]:
    """What charging adds to the site's bill: (energy, demand charge). site_kw (n_step,) is the load with charging."""
    tariff, base_kw = stage.scenario.tariff, stage.base_kw[0]
    energy_cost = np.sum(energy_cost_on(tariff, stage.grid, site_kw) - energy_cost_on(tariff, stage.grid, base_kw))
    return float(energy_cost), _demand_cost(stage, site_kw) - _demand_cost(stage, base_kw)


def _demand_cost(stage: Stage, power_kw: Float) -> float:
    return sum(float(month.cost) for month in demand_months(stage.scenario.tariff, stage.grid, power_kw))


def _highest_mean(energy_kwh: Float, grid: TimeGrid, interval_s: int) -> float:
    """Highest mean power over intervals of `interval_s` (of one step where steps are longer)."""
    if grid.n == 0:
        return 0.0
    period = (grid.edges_s()[:-1] // max(interval_s, grid.step_s)).astype(np.int64)
    total_kwh = np.bincount(period - period[0], weights=energy_kwh)
    return float(total_kwh.max() * 3600.0 / max(interval_s, grid.step_s))
