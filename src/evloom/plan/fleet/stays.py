"""Vehicles as a table become the stays of a dispatch problem."""

import numpy as np
import polars as pl

from evloom.dispatch.problem import Stays
from evloom.kernel.timegrid import Float, Int, TimeGrid

THREE_PHASES = -1


def instants_s(times: pl.Series) -> Float:
    """Seconds since the epoch of a column of instants (n,); NaN where there is none."""
    return times.dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy() / 1e6


def stays_of(vehicles: pl.DataFrame, grid: TimeGrid, node: Int) -> Stays:
    """The stays of checked vehicles (columns as in `columns.VEHICLES`, all there) whose nodes are the rows `node` (n_stay,).

    A stay is cut at both ends of the horizon.
    """
    column = {
        name: vehicles[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
        for name, kind in vehicles.schema.items()
        if kind.is_numeric()
    }
    first, first_share, last, last_share = _steps(instants_s(vehicles["arrival"]), instants_s(vehicles["departure"]), grid)
    battery_kwh, soc, into = column["battery_kwh"], column["soc_arrival"], column["charge_efficiency"]
    room_kwh = np.where(np.isnan(battery_kwh) | np.isnan(soc), np.inf, (column["soc_max"] - soc) * battery_kwh / into)
    below_kwh = np.where(column["discharge_max_kw"] > 0.0, np.maximum(soc - column["soc_floor"], 0.0) * battery_kwh, 0.0)
    phase = np.where(np.isnan(column["phase"]), THREE_PHASES + 1, column["phase"]).astype(np.int64) - 1
    return Stays(
        first=first,
        last=last,
        first_share=first_share,
        last_share=last_share,
        node=node,
        charge_max_kw=column["charge_max_kw"],
        discharge_max_kw=column["discharge_max_kw"],
        need_kwh=column["need_kwh"],
        room_kwh=np.maximum(room_kwh, column["need_kwh"]),
        below_kwh=below_kwh,
        charge_efficiency=into,
        discharge_efficiency=column["discharge_efficiency"],
        wear_per_kwh=column["wear_per_kwh"],
        priority=column["priority"],
        phase=phase,
    )


def _steps(arrival_s: Float, departure_s: Float, grid: TimeGrid) -> tuple[Int, Float, Int, Float]:
    """First step and its share, step after the last and the share of the last, (n_stay,) each."""
    begin = np.clip((arrival_s - grid.start_s) / grid.step_s, 0.0, grid.n)
    end = np.clip(np.where(np.isnan(departure_s), np.inf, (departure_s - grid.start_s) / grid.step_s), begin, grid.n)
    first = np.minimum(np.floor(begin), max(grid.n - 1, 0)).astype(np.int64)
    last = np.ceil(end).astype(np.int64)
    one = last - first <= 1
    first_share = np.where(one, end - begin, first + 1 - begin)
    return first, first_share, last, np.where(one, end - begin, end - (last - 1))
