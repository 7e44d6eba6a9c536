"""Prices, carbon, requests and stationary batteries: tables of a problem beside its vehicles and nodes."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from evloom.dispatch.problem import Requests, Signals, Stores
from evloom.kernel.timegrid import Bool, Float, Int, TimeGrid, from_epoch_s
from evloom.plan.fleet.header import Header
from evloom.plan.fleet.log import Log, Note, Place
from evloom.plan.fleet.stays import instants_s

REQUEST_KINDS = ("ceiling", "floor")


def floats(table: pl.DataFrame, name: str) -> Float:
    """A column of numbers (n,), NaN where it is empty."""
    return table[name].fill_null(np.nan).to_numpy().astype(np.float64)


def node_rows(table: pl.DataFrame, node_id: Sequence[str], place: Place, log: Log) -> Int:
    """Row of the node that each row of a table names, (n,); -1 and a finding where there is none (without a network no findings)."""
    names = pl.DataFrame({"node_id": pl.Series(node_id, dtype=pl.String), "row": np.arange(len(node_id))}).unique("node_id", keep="first")
    row = table.select("node_id").join(names, on="node_id", how="left", maintain_order="left")["row"].fill_null(-1).to_numpy()
    some = ", ".join(node_id[:5]) + (", ..." if len(node_id) > 5 else "")
    note = Note("dispatch.unknown-node", "refused", "node_id", f"a node_id of the network: {some}", "mend the name or add the node")
    unknown = (row < 0) & table["node_id"].is_not_null().to_numpy()
    log.rows(place, unknown & bool(node_id), note, lambda i: str(table["node_id"][i]))
    return row.astype(np.int64)


def refuse_doubled(table: pl.DataFrame, name: str, place: Place, log: Log) -> None:
    """A finding for each row whose id an earlier row bears."""
    ids = table[name]
    again = (~ids.is_first_distinct() & ids.is_not_null()).to_numpy()
    note = Note("dispatch.doubled-id", "refused", name, "each id once", "an earlier row bears it too: rename or remove one")
    log.rows(place, again, note, lambda i: str(ids[i]))


def read_signals(table: pl.DataFrame, place: Place, header: Header, log: Log) -> Signals:
    """Signals of every step. Rows may stand in any order, but there is one for each step."""
    grid = header.grid
    step = (instants_s(table["time"]) - grid.start_s) / grid.step_s
    off = ~((step >= 0) & (step < grid.n) & (step == np.floor(step)))
    allowed = f"{grid.at(0).isoformat()} and every {grid.step_s // 60} minutes, {grid.n} times"
    note = Note("dispatch.signal-time", "refused", "time", allowed, "give the start of a step of the horizon")
    log.rows(place, off & ~np.isnan(step), note, lambda i: str(table["time"][i]))
    row = np.where(off, -1, np.nan_to_num(step)).astype(np.int64)
    count = np.bincount(row[~off], minlength=grid.n)
    lacking = np.flatnonzero(count != 1)
    if len(lacking) and (len(table) or not log.is_refused):
        value = f"{count[lacking[0]]} rows for the step at {grid.at(int(lacking[0])).isoformat()}, {len(lacking)} steps like it"
        advice = "add what lacks, remove what is doubled"
        log.whole(place.source, Note("dispatch.steps", "refused", "signals.time", f"one row for each step: {allowed}", advice), value)
    # After a finding any row will do: what is read only serves to find more.
    order = np.arange(grid.n) % max(len(table), 1) if len(lacking) else np.argsort(row, kind="stable")
    columns = (floats(table, name)[order] if len(table) else np.zeros(grid.n) for name in table.columns[1:])
    price_per_kwh, export_price_per_kwh, carbon = columns
    _doubt_prices(price_per_kwh, place, log)
    demand = header.demand_price_per_kw, header.peak_so_far_kw, 0.0, 0.0
    return Signals(price_per_kwh, export_price_per_kwh, carbon, np.arange(grid.n) // header.demand_interval_steps, *demand)


def _doubt_prices(price_per_kwh: Float, place: Place, log: Log) -> None:
    allowed = "prices that differ between steps"
    if len(price_per_kwh) and not price_per_kwh.any():
        note = Note("dispatch.prices-zero", "warning", "price_per_kwh", allowed, "accepted: cost says nothing about when to charge")
        log.whole(place.source, note, "0 in every step")
    elif len(price_per_kwh) and (price_per_kwh < 0.0).all():
        advice = "accepted: energy drawn is paid for. Check the sign: positive is what import costs"
        note = Note("dispatch.prices-negative", "warning", "price_per_kwh", "mostly positive prices", advice)
        log.whole(place.source, note, f"{price_per_kwh.min():g} to {price_per_kwh.max():g}, negative in every step")


def read_requests(table: pl.DataFrame, place: Place, node: Int, grid: TimeGrid, log: Log) -> Requests:
    """Requests of the grid, each for all steps that it touches."""
    begin, end = ((instants_s(table[name]) - grid.start_s) / grid.step_s for name in ("from", "until"))
    note = Note("dispatch.ends-before-start", "refused", "until", "later than from", "mend one of the two times")
    log.rows(place, end <= begin, note, lambda i: f"{table['until'][i]}, from {table['from'][i]}")
    note = Note("dispatch.outside-horizon", "refused", "from", _span(grid), "take the row out or make the horizon longer")
    log.rows(place, (begin < end) & ((begin >= grid.n) | (end <= 0)), note, lambda i: str(table["from"][i]))
    between = (begin < end) & ((begin % 1 != 0) | (end % 1 != 0))
    note = Note("dispatch.between-steps", "repaired", "from, until", "starts of steps", "taken for all of every step that it touches")
    log.rows(place, between, note, lambda i: f"{table['from'][i]} to {table['until'][i]}")
    unknown: Bool = (~table["kind"].is_in(REQUEST_KINDS) & table["kind"].is_not_null()).to_numpy()
    note = Note("dispatch.request-kind", "refused", "kind", " or ".join(REQUEST_KINDS), "choose one of the two")
    log.rows(place, unknown, note, lambda i: str(table["kind"][i]))
    first = np.clip(np.floor(np.nan_to_num(begin)), 0, grid.n).astype(np.int64)
    last = np.clip(np.ceil(np.nan_to_num(end)), 0, grid.n).astype(np.int64)
    is_ceiling = (table["kind"] == "ceiling").fill_null(False).to_numpy()
    return Requests(node, first, last, floats(table, "target_kw"), is_ceiling, floats(table, "penalty_per_kwh"))


def read_stores(table: pl.DataFrame, place: Place, node: Int, log: Log) -> Stores:
    """Stationary batteries."""
    refuse_doubled(table, "store_id", place, log)
    stored_kwh, capacity_kwh = floats(table, "stored_kwh"), floats(table, "capacity_kwh")
    note = Note("dispatch.out-of-range", "refused", "stored_kwh", "at most capacity_kwh", "mend one of the two")
    log.rows(place, stored_kwh > capacity_kwh, note, lambda i: f"{stored_kwh[i]:g} kWh, capacity {capacity_kwh[i]:g} kWh")
    names = ("charge_max_kw", "discharge_max_kw", "charge_efficiency", "discharge_efficiency", "wear_per_kwh")
    return Stores(node, capacity_kwh, stored_kwh, *(floats(table, name) for name in names))


def _span(grid: TimeGrid) -> str:
    return f"within the horizon, {from_epoch_s(grid.start_s).isoformat()} to {grid.end.isoformat()}"
