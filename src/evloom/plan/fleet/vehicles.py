"""What is checked of the table of vehicles beyond its single cells."""

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Float, Int, TimeGrid
from evloom.plan.fleet.columns import EFFICIENCY_MIN
from evloom.plan.fleet.loads import presence_h
from evloom.plan.fleet.log import Log, Note, Place
from evloom.plan.fleet.signals import floats, refuse_doubled
from evloom.plan.fleet.stays import instants_s, stays_of

# A need may exceed what a stay allows by the rounding of times and energies in a file.
ROUNDING_KWH = 1e-3


def check_vehicles(table: pl.DataFrame, place: Place, grid: TimeGrid | None, log: Log) -> pl.DataFrame:
    """Note what is wrong or doubtful; returns the table with needs that the battery can hold. `grid` None: the horizon is not known."""
    refuse_doubled(table, "vehicle_id", place, log)
    if len(table) == 0:
        note = Note("dispatch.no-vehicles", "warning", "", "at least one vehicle", "accepted: the schedule is empty")
        log.whole(place.source, note, "0 vehicles")
    _check_times(table, place, grid, log)
    _check_batteries(table, place, log)
    return _battery_holds(table, place, log)


def _check_times(table: pl.DataFrame, place: Place, grid: TimeGrid | None, log: Log) -> None:
    arrival_s, departure_s = instants_s(table["arrival"]), instants_s(table["departure"])
    backwards = departure_s <= arrival_s
    note = Note("dispatch.ends-before-start", "refused", "departure", "later than the arrival", "mend one of the two times")
    log.rows(place, backwards, note, lambda i: f"{table['departure'][i]}, arrival {table['arrival'][i]}")
    never = int(np.isnan(departure_s).sum())
    if never:
        advice = "accepted: they stay, and their need is due at the end of the horizon"
        log.whole(
            place.source,
            Note("dispatch.never-leaves", "warning", "departure", "an instant", advice),
            f"(empty) in {never} of {len(table)} rows",
        )
    if grid is None:
        return
    end_s = grid.start_s + grid.n * grid.step_s
    outside = ((arrival_s >= end_s) | (departure_s <= grid.start_s)) & ~backwards
    span = f"a stay that touches the horizon, {grid.start.isoformat()} to {grid.end.isoformat()}"
    note = Note("dispatch.outside-horizon", "refused", "arrival", span, "take the row out or make the horizon longer")
    log.rows(place, outside, note, lambda i: f"{table['arrival'][i]}, departure {table['departure'][i]}")
    late = int(((departure_s > end_s) & ~outside).sum())
    if late:
        note = Note(
            "dispatch.leaves-after-end", "warning", "departure", f"at most {grid.end.isoformat()}", "accepted: their need is due at the end"
        )
        log.whole(place.source, note, f"after the horizon in {late} of {len(table)} rows")


def _check_batteries(table: pl.DataFrame, place: Place, log: Log) -> None:
    soc, most, least = floats(table, "soc_arrival"), floats(table, "soc_max"), floats(table, "soc_floor")
    battery_kwh, give_kw, phase = floats(table, "battery_kwh"), floats(table, "discharge_max_kw"), floats(table, "phase")
    note = Note("dispatch.out-of-range", "refused", "soc_arrival", "at most soc_max", "mend one of the two")
    log.rows(place, soc > most, note, lambda i: f"{soc[i]:g}, soc_max {most[i]:g}")
    note = Note("dispatch.out-of-range", "refused", "soc_floor", "at most soc_max", "mend one of the two")
    log.rows(place, least > most, note, lambda i: f"{least[i]:g}, soc_max {most[i]:g}")
    unknown = (give_kw > 0.0) & (np.isnan(battery_kwh) | np.isnan(soc))
    advice = "give battery_kwh and soc_arrival, or set discharge_max_kw to 0"
    note = Note("dispatch.battery-unknown", "refused", "discharge_max_kw", "0 where the battery is not known", advice)
    log.rows(place, unknown, note, lambda i: f"{give_kw[i]:g} kW")
    note = Note("dispatch.out-of-range", "refused", "phase", "1, 2, 3, or empty for all three", "mend the number")
    log.rows(place, np.isfinite(phase) & (phase != np.floor(phase)), note, lambda i: f"{phase[i]:g}")


def _battery_holds(table: pl.DataFrame, place: Place, log: Log) -> pl.DataFrame:
    """The table with each need cut to what the battery can still take up."""
    need_kwh, into = floats(table, "need_kwh"), np.maximum(floats(table, "charge_efficiency"), EFFICIENCY_MIN)  # less was refused
    room_kwh = np.maximum((floats(table, "soc_max") - floats(table, "soc_arrival")) * floats(table, "battery_kwh") / into, 0.0)
    cut = need_kwh > room_kwh
    allowed = "(soc_max - soc_arrival) x battery_kwh / charge_efficiency"
    note = Note("dispatch.need-above-battery", "repaired", "need_kwh", allowed, "taken as what the battery can still take up")
    log.rows(place, cut & (need_kwh > room_kwh + ROUNDING_KWH), note, lambda i: f"{need_kwh[i]:g} kWh, room {room_kwh[i]:g} kWh")
    return table.with_columns(need_kwh=pl.Series(np.where(cut, room_kwh, need_kwh)))


def doubt_needs(table: pl.DataFrame, place: Place, grid: TimeGrid, node: Int, log: Log) -> None:
    """Note vehicles that need more than their stay allows at full power; `node` (n_vehicle,) is not looked at."""
    stays = stays_of(table, grid, node)
    begin_h, leave_h = presence_h(stays, grid.step_h * np.arange(grid.n + 1, dtype=np.float64))
    most_kwh: Float = stays.charge_max_kw * (leave_h - begin_h)
    note = Note(
        "dispatch.need-beyond-stay",
        "warning",
        "need_kwh",
        "charge_max_kw x length of stay",
        "accepted: it will be short, at least by the rest",
    )
    log.rows(place, stays.need_kwh > most_kwh + ROUNDING_KWH, note, lambda i: f"{stays.need_kwh[i]:g} kWh, at most {most_kwh[i]:g} kWh")
