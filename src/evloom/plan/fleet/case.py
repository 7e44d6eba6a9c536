"""A dispatch problem with what it does not know itself: names, time, currency, where it came from."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from evloom.dispatch.problem import Problem
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import TimeGrid


@dataclass(frozen=True)
class Case:
    """What `evloom dispatch` works on.

    name         title; a file name or what was generated
    grid         when the steps are; zone: the clock on which they are shown
    currency     of every price
    node_id      (n_node,) names, rows as in problem.nodes
    store_id     names of the stationary batteries, rows as in problem.stores
    vehicles     table of the vehicles, columns as in `columns.VEHICLES`; row i is stay i of the problem
    sources      where generated numbers come from; empty for files
    findings     what is doubtful but was accepted
    """

    name: str
    grid: TimeGrid
    zone: ZoneInfo
    currency: str
    node_id: tuple[str, ...]
    vehicles: pl.DataFrame
    problem: Problem
    store_id: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def vehicle_id(self) -> pl.Series:
        """Names of the vehicles, rows as in problem.stays."""
        return self.vehicles["vehicle_id"]
