"""How Dutch charging points are used: ElaadNL's tables, ready to draw from.

Source, unit, date and licence of the numbers: `simulate/data/elaad-nl.csv` and `elaad-nl.LICENSE.txt`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from evloom.kernel.timegrid import Float

DAY_START_H = 5
"""A day of arrivals is counted from 5 in the morning, so that a driver who comes late stays late past midnight."""


@dataclass(frozen=True)
class Behaviour:
    """One kind of charging point.

    arrival_weekday, arrival_weekend   share of the day's arrivals before each quarter-hour since DAY_START_H (97,), 0..1
    stay_h, energy_kwh   value at the quantiles 0, 0.01 .. 1 (101,), rising
    stay_rank, energy_rank   (48, 2): for each half-hour of arrival from midnight the interval of ranks 0..1 that its mean
                         takes among all arrivals, lowest mean first
    day_factor           sessions on Monday .. Sunday, 1 is the mean day (7,)
    power_kw             charging power at the quantiles 0, 0.01 .. 1 (101,), rising
    """

    arrival_weekday: Float
    arrival_weekend: Float
    stay_h: Float
    energy_kwh: Float
    stay_rank: Float
    energy_rank: Float
    day_factor: Float
    power_kw: Float


@cache
def _tables() -> dict[str, list[dict[str, str]]]:
    text = (files("evloom.simulate") / "data" / "elaad-nl.csv").read_text(encoding="utf-8")
    tables: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(text.splitlines()):
        tables.setdefault(row["table"], []).append(row)
    return tables


def _column(table: str, kind: str) -> Float:
    return np.array([float(row[kind]) if row[kind] else np.nan for row in _tables()[table]])


def _cumulated(percent: Float) -> Float:
    from_start = np.roll(percent, -DAY_START_H * 4)
    share: Float = np.concatenate(([0.0], np.cumsum(from_start))) / from_start.sum()
    return share


def _ranks(mean: Float, arrival_weight: Float) -> Float:
    weight = arrival_weight.reshape(48, 2).sum(axis=1) / arrival_weight.sum()
    filled = np.where(np.isfinite(mean), mean, np.nanmean(mean))
    order = np.argsort(filled, kind="stable")
    upper = np.empty(48)
    upper[order] = np.cumsum(weight[order])
    return np.stack([upper - weight, upper], axis=1)


@cache
def behaviour(kind: str) -> Behaviour:
    """The tables of "home", "public" or "workplace". Workplaces have no weekend arrivals of their own: weekday's are used."""
    weekday = _column("arrival-weekday", kind)
    weekend = _column("arrival-weekend", kind)
    share = np.nan_to_num(_column("day-share", kind))
    return Behaviour(
        arrival_weekday=_cumulated(weekday),
        arrival_weekend=_cumulated(np.where(np.isfinite(weekend), weekend, weekday)),
        stay_h=_column("stay", kind)[::-1],
        energy_kwh=_column("energy", kind)[::-1],
        stay_rank=_ranks(_column("mean-stay", kind), weekday),
        energy_rank=_ranks(_column("mean-energy", kind), weekday),
        day_factor=7.0 * share / share.sum(),
        power_kw=_column("power-2020", kind)[::-1],
    )
