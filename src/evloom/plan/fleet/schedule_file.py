"""The schedule of a fleet as one long table: who draws how much in which step. Written piece by piece."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from evloom.dispatch.problem import Schedule
from evloom.kernel.timegrid import Float
from evloom.plan.fleet.case import Case

CELLS_AT_ONCE = 4_000_000
SCHEMA = {"vehicle_id": pl.String(), "time": pl.Datetime("us", "UTC"), "power_kw": pl.Float64()}


def write_schedule(path: Path, case: Case, schedule: Schedule) -> None:
    """Write vehicle_id, time (start of the step) and power_kw (mean over the step, positive = charge) of all that is not 0.

    CSV where `path` ends in .csv, else parquet. Stationary batteries follow the vehicles. Raises OSError.
    """
    if path.suffix == ".csv":
        with path.open("wb") as file:
            pl.DataFrame(schema=SCHEMA).write_csv(file)
            for frame in _frames(case, schedule):
                local = frame.with_columns(pl.col("time").dt.convert_time_zone(case.zone.key).dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
                local.write_csv(file, include_header=False)
        return
    with path.open("wb"):  # an OSError that names the file, before polars raises one of its own
        pass

    def source(columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        for frame in _frames(case, schedule):
            yield frame if columns is None else frame.select(columns)

    register_io_source(source, schema=SCHEMA).sink_parquet(path)


def _frames(case: Case, schedule: Schedule) -> Iterator[pl.DataFrame]:
    """The rows that are not 0, in the order of the vehicles and then of time; at least one frame."""
    step_h = case.problem.step_h
    start = pl.Series([case.grid.at(k) for k in range(case.grid.n)], dtype=SCHEMA["time"])
    at_once = max(1, CELLS_AT_ONCE // max(case.grid.n, 1))
    for first in range(0, case.problem.stays.n, at_once):
        rows = slice(first, first + at_once)
        power_kw = (schedule.charge_kwh[rows] - schedule.discharge_kwh[rows]) / step_h
        yield _frame(case.vehicle_id[rows], start, power_kw)
    yield _frame(pl.Series(case.store_id, dtype=pl.String), start, schedule.store_kwh / step_h)


def _frame(names: pl.Series, start: pl.Series, power_kw: Float) -> pl.DataFrame:
    row, step = np.nonzero(power_kw)
    return pl.DataFrame(
        {"vehicle_id": names.gather(pl.Series(row)), "time": start.gather(pl.Series(step)), "power_kw": power_kw[row, step]}, schema=SCHEMA
    )
