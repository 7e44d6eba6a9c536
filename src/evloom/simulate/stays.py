"""The stays of a scenario: at which EVSE each car stands, what is true of it, and what is believed."""

import numpy as np

from evloom.kernel.timegrid import Float, Int
from evloom.loop.snapshot import NOTHING_LIKE, Likely
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.stride import Beliefs
from evloom.simulate.twin import Cars
from evloom.vehicle.battery import hours_to_reach


def seats(scenario: Scenario) -> Int:
    """EVSE row of every session, (n_session,): its own, else the first that is free at its arrival; -1 = turned away.

    An EVSE is free from the instant its car leaves. A session whose own EVSE is still taken is turned away.
    """
    sessions = scenario.sessions
    row_of = {name: row for row, name in enumerate(scenario.evse.evse_id)}
    free_s = np.full(scenario.evse.n, -np.inf)
    at = np.full(len(sessions), -1)
    for i in range(len(sessions)):
        own = row_of.get(sessions.evse_id[i])
        rows = np.flatnonzero(free_s <= sessions.arrival_s[i]) if own is None else np.array([own])
        if len(rows) and free_s[rows[0]] <= sessions.arrival_s[i]:
            at[i] = rows[0]
            free_s[rows[0]] = sessions.departure_s[i]
    return at


def cars_of(scenario: Scenario, kept: Int, at: Int) -> Cars:
    """The truth about the cars of the sessions `kept`, which stand at the EVSE rows `at`.

    Where the state of charge at arrival is not recorded the car is taken to leave full: it arrives with what is then missing.
    """
    sessions, fleet, evse = scenario.sessions, scenario.fleet, scenario.evse
    model = np.array(scenario.model_row, dtype=np.int64)[kept]
    energy_kwh = sessions.energy_kwh[kept]
    recorded_kwh = sessions.battery_kwh[kept]
    battery_kwh = np.where(np.isfinite(recorded_kwh) & np.isfinite(fleet.battery_kwh[model]), recorded_kwh, fleet.battery_kwh[model])
    known = np.isfinite(battery_kwh)
    rise = np.where(known, energy_kwh * evse.efficiency[at] * fleet.charge_efficiency[model] / np.where(known, battery_kwh, 1.0), 0.0)
    told_soc = sessions.soc_arrival[kept]
    soc = np.clip(np.where(np.isfinite(told_soc), np.minimum(told_soc, 1.0 - rise), 1.0 - rise), 0.0, 1.0)
    v2g = fleet.v2g[model] & known & (evse.discharge_max_kw[at] > 0.0)
    return Cars(
        sessions.arrival_s[kept], sessions.departure_s[kept], energy_kwh, battery_kwh, np.where(known, soc, np.nan),
        _draw_max_kw(scenario, kept, at, model), fleet.charge_efficiency[model], fleet.discharge_efficiency[model],
        np.minimum(fleet.soc_floor[model], np.where(known, soc, 1.0)), np.ones(len(kept)), model, v2g, fleet.curve_soc, fleet.curve_kw,
    )  # fmt: skip


def slow_h(cars: Cars, efficiency: Float) -> Float:
    """By how many hours the taper near full lengthens each car's charging, (n_session,); efficiency of its pile (n_session,)."""
    loss_h = np.zeros(len(cars.energy_kwh))
    for car in np.flatnonzero(np.isfinite(cars.battery_kwh) & (cars.energy_kwh > 0.0)):
        per_kw_h = cars.charge_efficiency[car] / cars.battery_kwh[car]
        inlet_kw, model = cars.draw_max_kw[car] * efficiency[car], cars.model[car]
        end = min(1.0, cars.soc[car] + cars.energy_kwh[car] * efficiency[car] * per_kw_h)
        stay_h = (cars.departure_s[car] - cars.arrival_s[car]) / 3600.0
        least_h = cars.energy_kwh[car] / cars.draw_max_kw[car]
        full_h = hours_to_reach(end, cars.soc[car], inlet_kw, per_kw_h, cars.curve_soc[model], cars.curve_kw[model], max(stay_h, least_h))
        loss_h[car] = max(0.0, full_h - least_h)
    return loss_h


def _draw_max_kw(scenario: Scenario, kept: Int, at: Int, model: Int) -> Float:
    """Most power each car draws at the meter: by its on-board charger on AC, by its curve on DC, and as the session says."""
    fleet, evse = scenario.fleet, scenario.evse
    share = np.minimum(fleet.n_phase[model], evse.n_phase[at]) / fleet.n_phase[model]
    inlet_kw = np.where(evse.dc[at], fleet.curve_kw[model].max(axis=1), fleet.ac_max_kw[model] * share)
    phase_share = np.where(evse.dc[at], 1.0, np.minimum(fleet.n_phase[model], evse.n_phase[at]) / evse.n_phase[at])
    pile_kw = evse.charge_max_kw[at] * phase_share
    said_kw = scenario.sessions.power_max_kw[kept]
    return np.minimum(np.minimum(inlet_kw / evse.efficiency[at], pile_kw), np.where(np.isfinite(said_kw), said_kw, np.inf))


def beliefs_of(scenario: Scenario, kept: Int, at: Int, cars: Cars) -> tuple[Beliefs, tuple[Likely, ...]]:
    """What the system believes of the same stays at their arrival."""
    evse, fleet, voltage_v = scenario.evse, scenario.fleet, scenario.site.voltage_v
    dc = evse.dc[at]
    n_phase = np.where(dc, 3, np.minimum(fleet.n_phase[cars.model], evse.n_phase[at]))
    departure_s, wanted_kwh, likely = _stay_beliefs(scenario, kept, cars)
    beliefs = Beliefs(
        departure_s,
        wanted_kwh,
        cars.draw_max_kw.copy(),
        voltage_v / 1000.0 * n_phase,
        np.where(dc, 0.0, np.maximum(fleet.current_min_a[cars.model], evse.current_min_a[at])),
        np.where(dc, 0.0, evse.current_step_a[at]),
        np.where(n_phase == 3, -1, evse.phase[at]),
        np.ones(len(kept)),
        at,
    )
    return beliefs, likely


def _stay_beliefs(scenario: Scenario, kept: Int, cars: Cars) -> tuple[Float, Float, tuple[Likely, ...]]:
    """Believed departure and need, and how like stays went, as the scenario's [driver] says."""
    sessions, driver = scenario.sessions, scenario.driver
    told_s, told_kwh = sessions.told_departure_s[kept], sessions.requested_kwh[kept]
    departure_s = np.where(np.isfinite(told_s), np.maximum(told_s, cars.arrival_s + 900.0), cars.departure_s)
    wanted_kwh = np.where(np.isfinite(told_kwh), told_kwh, cars.energy_kwh)
    if driver.departure == "true":
        departure_s = cars.departure_s.copy()
    if driver.energy == "true":
        wanted_kwh = cars.energy_kwh.copy()
    return departure_s, np.where(cars.v2g, cars.energy_kwh, wanted_kwh), (NOTHING_LIKE,) * len(kept)
