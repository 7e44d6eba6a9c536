"""What a load costs under a tariff: energy step by step, demand month by month."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from evloom.kernel.timegrid import Float, TimeGrid, from_epoch_s
from evloom.market.tariff import Tariff


@dataclass(frozen=True, slots=True)
class DemandMonth:
    """The demand charge of one local calendar month: the highest interval, when it began, and what it costs with tax."""

    year: int
    month: int
    peak_kw: float
    at: datetime
    cost: float
    currency: str


def energy_cost_on(tariff: Tariff, grid: TimeGrid, power_kw: Float) -> Float:
    """Cost of net power (n,), positive = import, in each step -> (n,) in the tariff's currency, tax included.

    Import pays the price of the step; export earns the tariff's export price (negative cost). Balanced within the step.
    """
    energy_kwh = power_kw * grid.step_h
    price_per_kwh = np.where(energy_kwh >= 0.0, tariff.price_on(grid), tariff.terms.export_price_on(grid))
    return energy_kwh * price_per_kwh


def demand_months(tariff: Tariff, grid: TimeGrid, power_kw: Float) -> tuple[DemandMonth, ...]:
    """The demand charge of every local month that `grid` touches, in order; () for a tariff without one.

    power_kw (n,) net, positive = import. The peak is the highest mean over intervals counted from midnight UTC (quarter-hours
    of every local clock, too); an interval that `grid` covers in part counts with the energy seen in it; export counts as 0.
    """
    demand = tariff.terms.demand
    if demand is None or grid.n == 0:
        return ()
    edges_s = grid.edges_s()
    energy_kws = np.concatenate(([0.0], np.cumsum(power_kw * float(grid.step_s))))
    first, last = np.floor(edges_s[0] / demand.interval_s), np.ceil(edges_s[-1] / demand.interval_s)
    borders_s = demand.interval_s * np.arange(first, last + 1)
    mean_kw = np.maximum(np.diff(np.interp(borders_s, edges_s, energy_kws)) / demand.interval_s, 0.0)
    price = demand.price_per_kw_month * (1.0 + tariff.terms.tax_share)
    local = [from_epoch_s(max(s, edges_s[0])).astimezone(tariff.terms.zone) for s in borders_s[:-1]]
    months: dict[tuple[int, int], int] = {}
    for k, when in enumerate(local):
        best = months.setdefault((when.year, when.month), k)
        if mean_kw[k] > mean_kw[best]:
            months[when.year, when.month] = k
    return tuple(
        DemandMonth(y, m, float(mean_kw[k]), from_epoch_s(borders_s[k]), float(mean_kw[k]) * price, tariff.terms.currency)
        for (y, m), k in months.items()
    )
