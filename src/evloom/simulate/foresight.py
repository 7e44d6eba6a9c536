"""`foresight`: the optimum with perfect knowledge, named as such: the bound that the others are measured against.

It knows every stay, price and load of the whole run, and it sets any power, not only what a pile can be set to.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.exact import solve
from evloom.dispatch.moment import Bays, with_units
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Signals, Stays, Stores
from evloom.kernel.timegrid import Float, Int
from evloom.loop.optimal_policy import nodes_of
from evloom.loop.snapshot import Orders, Snapshot
from evloom.simulate.stage import Stage


@dataclass(frozen=True)
class ForesightPolicy:
    """Executes a plan made beforehand, as far as limits allow: a car that lags behind its plan (taper) catches up when it can.

    cycle_s (n_cycle + 1,) instants; planned_kwh for each session (by its row of id) the energy from plug-in to the end of each
    cycle from `first` on, counted as in `pile.events.Readings`; round_trip (n_session,) efficiency of out and in again;
    storage_kw (n_storage, n_cycle); objective: the terms of the plan.
    """

    cycle_s: Float
    row: dict[str, int]
    departure_s: Float
    first: Int
    planned_kwh: tuple[Float, ...]
    round_trip: Float
    storage_kw: Float
    objective: dict[str, float]
    name: str = "foresight"
    controlled: bool = False

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """The planned power of the cars that are there."""
        cycle = int(np.searchsorted(self.cycle_s, snapshot.now_s))
        rows = np.flatnonzero(snapshot.sight.connected)
        cars = np.array([self.row[snapshot.session_id[at]] for at in rows], dtype=np.int64)
        hours = (np.minimum(self.cycle_s[cycle + 1], self.departure_s[cars]) - snapshot.now_s) / 3600.0
        target_kw = np.zeros(len(snapshot.evse_id))
        lag_kwh = np.array([self._planned_kwh(car, cycle) for car in cars]) - snapshot.sight.net_kwh[rows]
        lag_kwh = np.where(lag_kwh < 0.0, lag_kwh * self.round_trip[cars], lag_kwh)
        target_kw[rows] = np.where(np.abs(lag_kwh) > 1e-9, lag_kwh / hours, 0.0)
        storage_kw = self.storage_kw[:, cycle]
        now = with_units(snapshot.wires, snapshot.site.storage.node, storage_kw)
        rank = rows[np.argsort(self.departure_s[cars], kind="stable")]
        power_kw, reason = allocate(_continuous(snapshot.bays), now, target_kw, rank)
        return Orders(power_kw, reason, storage_kw), None

    def _planned_kwh(self, car: int, cycle: int) -> float:
        plan = self.planned_kwh[car]
        return float(plan[min(cycle - self.first[car], len(plan) - 1)])


def _continuous(bays: Bays) -> Bays:
    """The bays as if they could be set to any power at any time: a bound need not be what a real pile can do."""
    zero = np.zeros(len(bays.need_kwh))
    return bays._replace(current_min_a=zero, current_step_a=zero, one_at_a_time=np.zeros(len(zero), dtype=np.bool_))


def foresight(stage: Stage, objective: Objective) -> ForesightPolicy:
    """Plan the whole run at once. Steps are the cycles of the run, so that in each of them a car is there or not."""
    problem = problem_of_run(stage)
    schedule = solve(problem, objective)
    ids = stage.scenario.sessions.session_id
    row = {ids[i]: at for at, i in enumerate(stage.session)}
    stays = problem.stays
    round_trip = stays.charge_efficiency * stays.discharge_efficiency
    planned_kwh = tuple(
        np.cumsum(schedule.charge_kwh[i, a:b] - schedule.discharge_kwh[i, a:b] / round_trip[i])
        for i, (a, b) in enumerate(zip(stays.first, stays.last, strict=True))
    )
    storage_kw = schedule.store_kwh / problem.step_h
    return ForesightPolicy(stage.cycle_s, row, stage.cars.departure_s, stays.first, planned_kwh, round_trip, storage_kw, schedule.objective)


def problem_of_run(stage: Stage) -> Problem:
    """The planning problem of the whole run, with everything as it came true.

    Power is taken as constant up to full; the time that the taper costs is left free before the departure.
    """
    cars, beliefs, scenario = stage.cars, stage.beliefs, stage.scenario
    first = np.searchsorted(stage.cycle_s, cars.arrival_s)
    soonest_s = stage.cycle_s[first] + cars.energy_kwh / cars.draw_max_kw * 3600.0
    end_s = np.minimum(cars.departure_s, np.maximum(soonest_s, cars.departure_s - stage.slow_h * 3600.0))
    last = np.maximum(np.searchsorted(stage.cycle_s, end_s, side="left"), first + 1)
    step_h = np.diff(stage.cycle_s) / 3600.0
    last = np.minimum(last, len(step_h))
    share = np.clip((end_s - stage.cycle_s[last - 1]) / 3600.0 / step_h[last - 1], 0.0, 1.0)
    pile = scenario.evse.efficiency[beliefs.evse]
    known = np.isfinite(cars.battery_kwh)
    battery_kwh = np.where(known, cars.battery_kwh, 0.0)
    soc = np.where(known, cars.soc, 0.0)
    give_kw = np.where(cars.v2g, scenario.evse.discharge_max_kw[beliefs.evse], 0.0)
    room_kwh = np.where(cars.v2g, (cars.soc_full - soc) * battery_kwh / (cars.charge_efficiency * pile), cars.energy_kwh)
    stays = Stays(
        first, last, np.ones(len(first)), np.maximum(share, 1e-9), scenario.evse.node[beliefs.evse], cars.draw_max_kw, give_kw,
        cars.energy_kwh, np.maximum(room_kwh, cars.energy_kwh), np.maximum(0.0, soc - cars.soc_floor) * battery_kwh,
        cars.charge_efficiency * pile, cars.discharge_efficiency * pile, scenario.fleet.wear_per_kwh[cars.model], beliefs.priority,
    )  # fmt: skip
    table = scenario.site.storage
    stores = Stores(
        table.node, table.capacity_kwh, table.soc_initial * table.capacity_kwh, table.charge_max_kw, table.discharge_max_kw,
        table.charge_efficiency, table.discharge_efficiency, table.wear_per_kwh, table.soc_initial * table.capacity_kwh,
    )  # fmt: skip
    step = stage.step
    nodes = nodes_of(scenario.site.tree, stage.base_kw[:, step])
    terms = stage.terms
    signals = Signals(
        stage.price_per_kwh[step], stage.export_price_per_kwh[step], np.nan_to_num(stage.carbon_kg_per_kwh[step]),
        (stage.cycle_s[:-1] // terms.demand_interval_s).astype(np.int64), terms.demand_price_per_kw, 0.0, 0.0, 0.0,
    )  # fmt: skip
    return Problem(step_h, stays, stores, nodes, signals)
