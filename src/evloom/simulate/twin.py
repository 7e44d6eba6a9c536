"""The twin of piles and batteries: what cars really draw when ordered, and the true energy that flows.

Compiled, on arrays over EVSE; the loop's simulated world and the fast simulation both run it.
"""

from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.vehicle.battery import charge_along_curve, curve_at

SLACK_KWH = 1e-12


class Cars(NamedTuple):
    """The truth about the cars, columns (n_session,); curves (n_model, n_point).

    arrival_s, departure_s    epoch seconds
    energy_kwh                what the car takes (or, with V2G, must hold on balance) by departure, at the meter
    battery_kwh               usable energy; infinity where nothing is known of the battery: it then takes any order
    soc                       state of charge at arrival
    draw_max_kw               most it draws at the meter whatever its charge (on-board charger x pile)
    charge_efficiency         inlet to cells, discharge_efficiency cells to inlet
    soc_floor                 how far discharge may go; soc_full how far it charges
    model                     row of the curves
    v2g                       True: charges beyond energy_kwh up to soc_full, and discharges
    """

    arrival_s: Float
    departure_s: Float
    energy_kwh: Float
    battery_kwh: Float
    soc: Float
    draw_max_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    soc_floor: Float
    soc_full: Float
    model: Int
    v2g: Bool
    curve_soc: Float
    curve_kw: Float


class World(NamedTuple):
    """The state of every EVSE, columns (n_evse,), changed in place by the kernels.

    efficiency     of the pile, meter to inlet; never changes
    session        row of Cars at the EVSE, -1 for none
    soc            state of charge of its car
    in_kwh, out_kwh  energy charged and discharged (both unsigned) at the meter since it came
    draw_kw        power at the end of the last span, positive = import
    peak_kw        highest power during the last span (where it discharged: the least discharge, negative, or 0 if it ended)
    trough_kw      lowest: minus the most it discharged; 0 where it charged, since it may have stopped
    done           the car has stopped drawing although it was offered power
    """

    efficiency: Float
    session: Int
    soc: Float
    in_kwh: Float
    out_kwh: Float
    draw_kw: Float
    peak_kw: Float
    trough_kw: Float
    done: Bool


def empty_world(efficiency: Float) -> World:
    """A site with no car at any of its connectors; `efficiency` of the piles (n_evse,)."""
    n_evse = len(efficiency)
    soc, in_kwh, out_kwh, draw_kw, peak_kw, trough_kw = (np.zeros(n_evse) for _ in range(6))
    return World(efficiency, np.full(n_evse, -1), soc, in_kwh, out_kwh, draw_kw, peak_kw, trough_kw, np.zeros(n_evse, dtype=np.bool_))


@compiled
def plug_in(row: int, session: int, world: World, cars: Cars) -> None:
    """A car takes an EVSE."""
    world.session[row] = session
    world.soc[row] = cars.soc[session]
    world.in_kwh[row] = 0.0
    world.out_kwh[row] = 0.0
    world.draw_kw[row] = 0.0
    world.peak_kw[row] = 0.0
    world.trough_kw[row] = 0.0
    world.done[row] = False


@compiled
def unplug(row: int, world: World) -> None:
    """A car leaves its EVSE."""
    world.session[row] = -1
    world.draw_kw[row] = 0.0
    world.peak_kw[row] = 0.0
    world.trough_kw[row] = 0.0
    world.done[row] = False


@compiled
def _curve_peak(soc: float, soc_end: float, curve_soc: Float, curve_kw: Float) -> float:
    """Highest power the curve allows between two states of charge: at an end or at a point in between."""
    peak_kw = max(curve_at(soc, curve_soc, curve_kw), curve_at(soc_end, curve_soc, curve_kw))
    for j in range(len(curve_soc)):
        if soc < curve_soc[j] < soc_end:
            peak_kw = max(peak_kw, curve_kw[j])
    return peak_kw


@compiled
def _charge(row: int, car: int, power_kw: float, hours: float, world: World, cars: Cars) -> float:
    """Energy at the meter (kWh) the car takes in `hours` when offered `power_kw`; notes its power at the end."""
    power_kw = min(power_kw, cars.draw_max_kw[car])
    known = np.isfinite(cars.battery_kwh[car])
    left_kwh = np.inf if cars.v2g[car] and known else max(0.0, cars.energy_kwh[car] - world.in_kwh[row])
    energy_kwh = power_kw * hours
    end_kw = power_kw
    peak_kw = power_kw if left_kwh > SLACK_KWH else 0.0
    pile = world.efficiency[row]
    per_kwh = cars.charge_efficiency[car] / cars.battery_kwh[car] if known else 0.0
    if known:
        curve_soc, curve_kw = cars.curve_soc[cars.model[car]], cars.curve_kw[cars.model[car]]
        soc = min(charge_along_curve(world.soc[row], power_kw * pile, hours, per_kwh, curve_soc, curve_kw), cars.soc_full[car])
        energy_kwh = min(energy_kwh, max(0.0, soc - world.soc[row]) / (per_kwh * pile))
        end_kw = min(power_kw, curve_at(soc, curve_soc, curve_kw) / pile) if soc < cars.soc_full[car] else 0.0
        peak_kw = min(peak_kw, _curve_peak(world.soc[row], soc, curve_soc, curve_kw) / pile) if energy_kwh > 0.0 else 0.0
    if energy_kwh >= left_kwh - SLACK_KWH:
        energy_kwh = left_kwh
        end_kw = 0.0
    world.soc[row] += energy_kwh * pile * per_kwh
    world.in_kwh[row] += energy_kwh
    world.draw_kw[row] = end_kw
    world.peak_kw[row] = peak_kw
    world.done[row] = end_kw <= 0.0
    return energy_kwh


@compiled
def _discharge(row: int, car: int, power_kw: float, hours: float, world: World, cars: Cars) -> float:
    """Energy at the meter (kWh, unsigned) the car gives in `hours` when asked for `power_kw` (unsigned)."""
    if not cars.v2g[car] or not np.isfinite(cars.battery_kwh[car]):
        world.draw_kw[row] = 0.0
        world.peak_kw[row] = 0.0
        return 0.0
    cells_kwh = max(0.0, world.soc[row] - cars.soc_floor[car]) * cars.battery_kwh[car]
    per_kwh = cars.discharge_efficiency[car] * world.efficiency[row]
    energy_kwh = float(min(power_kw * hours, cells_kwh * per_kwh))
    world.draw_kw[row] = -power_kw if energy_kwh >= power_kw * hours - SLACK_KWH else 0.0
    world.peak_kw[row] = world.draw_kw[row]
    world.trough_kw[row] = -power_kw if energy_kwh > 0.0 else 0.0
    world.soc[row] -= energy_kwh / per_kwh / cars.battery_kwh[car]
    world.out_kwh[row] += energy_kwh
    world.done[row] = False
    return energy_kwh


@compiled
def draw(order_kw: Float, from_s: float, to_s: float, world: World, cars: Cars, energy_kwh: Float) -> None:
    """Let time pass under `order_kw` (n_evse,), positive = charge; a car that leaves in between draws until it leaves.

    energy_kwh (n_evse,) gets the net import at the meter.
    """
    for row in range(len(order_kw)):
        energy_kwh[row] = 0.0
        car = world.session[row]
        if car < 0:
            continue
        hours = (min(to_s, cars.departure_s[car]) - from_s) / 3600.0
        world.trough_kw[row] = 0.0
        if order_kw[row] > 0.0:
            energy_kwh[row] = _charge(row, car, order_kw[row], hours, world, cars)
        elif order_kw[row] < 0.0:
            energy_kwh[row] = -_discharge(row, car, -order_kw[row], hours, world, cars)
            if cars.departure_s[car] < to_s:
                world.peak_kw[row] = 0.0  # from then on nothing holds up the load of the others
        else:
            world.draw_kw[row] = 0.0
            world.peak_kw[row] = 0.0
