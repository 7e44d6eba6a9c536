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


class Pack(NamedTuple):
    """What one car's charging depends on beside its curve: numbers only, which the kernels pass quickly.

    left_kwh is what it still takes at the meter; per_kwh the rise of soc per kWh at the inlet, 0 for a battery not known.
    """

    left_kwh: float
    soc: float
    soc_full: float
    per_kwh: float
    pile_efficiency: float


@compiled
def _charge(power_kw: float, hours: float, pack: Pack, curve_soc: Float, curve_kw: Float) -> tuple[float, float, float]:
    """Energy at the meter (kWh) the car takes in `hours` when offered `power_kw`, its power at the end and its highest."""
    energy_kwh = power_kw * hours
    end_kw = power_kw
    peak_kw = power_kw
    pile = pack.pile_efficiency
    if pack.per_kwh > 0.0:
        soc = min(charge_along_curve(pack.soc, power_kw * pile, hours, pack.per_kwh, curve_soc, curve_kw), pack.soc_full)
        energy_kwh = min(energy_kwh, max(0.0, soc - pack.soc) / (pack.per_kwh * pile))
        end_kw = min(power_kw, curve_at(soc, curve_soc, curve_kw) / pile) if soc < pack.soc_full else 0.0
        peak_kw = min(peak_kw, _curve_peak(pack.soc, soc, curve_soc, curve_kw) / pile) if energy_kwh > 0.0 else 0.0
    if energy_kwh >= pack.left_kwh - SLACK_KWH:
        energy_kwh = pack.left_kwh
        end_kw = 0.0
    return energy_kwh, end_kw, peak_kw


@compiled
def _charge_rows(order_kw: Float, from_s: float, to_s: float, world: World, cars: Cars, energy_kwh: Float) -> None:
    """Charge every car that is offered power; notes what each draws at the end and at most."""
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    session, soc, in_kwh, efficiency = world.session, world.soc, world.in_kwh, world.efficiency
    draw_kw, peak_kw, trough_kw, done = world.draw_kw, world.peak_kw, world.trough_kw, world.done
    departure_s, wanted_kwh, battery_kwh, soc_full = cars.departure_s, cars.energy_kwh, cars.battery_kwh, cars.soc_full
    draw_max_kw, into_cells, model, v2g = cars.draw_max_kw, cars.charge_efficiency, cars.model, cars.v2g
    for row in range(len(order_kw)):
        car = session[row]
        if car < 0 or not order_kw[row] > 0.0:
            continue
        known = np.isfinite(battery_kwh[car])
        left_kwh = np.inf if v2g[car] and known else max(0.0, wanted_kwh[car] - in_kwh[row])
        taken_kwh = end_kw = highest_kw = 0.0
        if left_kwh > SLACK_KWH:
            hours = max(0.0, min(to_s, departure_s[car]) - from_s) / 3600.0
            per_kwh = into_cells[car] / battery_kwh[car] if known else 0.0
            pack = Pack(left_kwh, soc[row], soc_full[car], per_kwh, efficiency[row])
            power_kw = min(order_kw[row], draw_max_kw[car])
            taken_kwh, end_kw, highest_kw = _charge(power_kw, hours, pack, cars.curve_soc[model[car]], cars.curve_kw[model[car]])
        soc[row] += taken_kwh * efficiency[row] * (into_cells[car] / battery_kwh[car] if known else 0.0)
        in_kwh[row] += taken_kwh
        energy_kwh[row] = taken_kwh
        draw_kw[row] = end_kw
        peak_kw[row] = highest_kw
        trough_kw[row] = 0.0
        done[row] = end_kw <= 0.0


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
    energy_kwh[:] = 0.0
    _charge_rows(order_kw, from_s, to_s, world, cars, energy_kwh)
    session = world.session
    for row in range(len(order_kw)):
        car = session[row]
        if car < 0 or order_kw[row] > 0.0:
            continue
        world.trough_kw[row] = 0.0
        if order_kw[row] < 0.0:
            hours = max(0.0, min(to_s, cars.departure_s[car]) - from_s) / 3600.0
            energy_kwh[row] = -_discharge(row, car, -order_kw[row], hours, world, cars)
            if cars.departure_s[car] < to_s:
                world.peak_kw[row] = 0.0  # from then on nothing holds up the load of the others
        else:
            world.draw_kw[row] = 0.0
            world.peak_kw[row] = 0.0
