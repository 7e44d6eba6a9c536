"""The stays of a scenario: at which EVSE each car stands, what is true of it, and what is believed."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np

from evloom.dispatch.belief import Likeness, Trust, condition, history_of, like_stays, newcomer, told_belief
from evloom.kernel.timegrid import Float, Int
from evloom.loop.snapshot import NOTHING_LIKE, Likely
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.stride import Beliefs
from evloom.simulate.twin import Cars
from evloom.vehicle.battery import hours_to_reach

TRUST = Trust()


def trust_of(scenario: Scenario) -> Trust:
    """How cautious plans for this scenario are with what they believe."""
    return replace(TRUST, departure_risk=scenario.control.departure_risk)


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
        full_h = hours_to_reach(
            (cars.soc[car], end), inlet_kw, per_kw_h, (cars.curve_soc[model], cars.curve_kw[model]), max(stay_h, least_h)
        )
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
        np.where(cars.v2g, evse.discharge_max_kw[at], 0.0),
        fleet.priority[cars.model] if scenario.control.scarcity == "priority" else np.ones(len(kept)),
        at,
    )
    return beliefs, likely


def _stay_beliefs(scenario: Scenario, kept: Int, cars: Cars) -> tuple[Float, Float, tuple[Likely, ...]]:
    """Believed departure and need, and how like stays went, as the scenario's [driver] says.

    A car that may discharge tells its state of charge and what it must hold at departure: its energy is never guessed.
    """
    sessions, driver = scenario.sessions, scenario.driver
    told = [
        told_belief(sessions.told_departure_s[i], sessions.requested_kwh[i], arrival_s, draw_kw)
        for i, arrival_s, draw_kw in zip(kept, cars.arrival_s, cars.draw_max_kw, strict=True)
    ]
    told_s, told_kwh = np.array(told).reshape(len(told), 2).T
    by_history = _by_history(scenario, kept) if "history" in (driver.departure, driver.energy) else [NOTHING_LIKE] * len(kept)
    likely = []
    for car, like in enumerate(by_history):
        departures_s = like.departure_s if driver.departure == "history" else np.zeros(0)
        energies_kwh = like.energy_kwh if driver.energy == "history" and not cars.v2g[car] else np.zeros(0)
        likely.append(Likely(departures_s, energies_kwh))
    trust = trust_of(scenario)
    start_kwh = [
        condition(like.departure_s, like.energy_kwh, arrival_s, 0.0, trust) for like, arrival_s in zip(likely, cars.arrival_s, strict=True)
    ]
    guess_s, guess_kwh = np.array(start_kwh).reshape(len(likely), 2).T
    departure_s = np.where([len(like.departure_s) > 0 for like in likely], guess_s, told_s)
    wanted_kwh = np.where([len(like.energy_kwh) > 0 for like in likely], guess_kwh, told_kwh)
    departure_s = cars.departure_s.copy() if driver.departure == "true" else departure_s
    wanted_kwh = cars.energy_kwh.copy() if driver.energy == "true" else wanted_kwh
    return departure_s, np.where(cars.v2g, cars.energy_kwh, wanted_kwh), tuple(likely)


def _by_history(scenario: Scenario, kept: Int) -> list[Likely]:
    """For each session of `kept` the departures and energies of the most alike that had ended when it began."""
    past, now, zone = scenario.history, scenario.sessions, ZoneInfo(scenario.site.zone)
    drivers = {name: number for number, name in enumerate(dict.fromkeys([*past.driver_id, *now.driver_id])) if name}

    def joined(name: str) -> Float:
        return np.concatenate([getattr(past, name), getattr(now, name)[kept]])

    number = np.array([drivers.get(name, -1) for name in [*past.driver_id, *(now.driver_id[i] for i in kept)]], dtype=np.int64)
    told = joined("told_departure_s"), joined("requested_kwh")
    history = history_of(joined("arrival_s"), joined("departure_s"), joined("energy_kwh"), told, number, zone)
    return [
        Likely(
            *like_stays(history, newcomer(now.arrival_s[i], told[0][at], told[1][at], int(number[at]), zone), TRUST.least_stays, Likeness())
        )
        for at, i in enumerate(kept, len(past))
    ]
