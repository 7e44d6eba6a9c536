"""Tariffs: the price of energy over local time, behind one small interface.

Two kinds: `TouTariff`, periods that repeat by time of day, weekday and month, and `SeriesTariff`, prices that are
published as a series (day-ahead). Both say which exact instants a price changes at, so a bill can be split there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, Int, TimeGrid, from_epoch_s, local_clock
from evloom.market.period import Period, check_periods, period_table
from evloom.market.place import Place


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """Money per kW of the highest mean power in a local calendar month, the mean taken over `interval_s` (> 0)."""

    price_per_kw_month: float
    interval_s: int = 900


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tariff says beside its energy prices.

    currency              ISO 4217, e.g. "CNY"
    zone                  the clock the periods are read on
    demand                None: no demand charge
    export_price_per_kwh  what the supplier pays for energy fed in; None: nothing
    tax_share             0..1, added on top of energy and demand prices (0 where prices include tax)
    source                where the prices come from, with date; "" where the user wrote them
    """

    name: str
    currency: str
    zone: ZoneInfo
    demand: DemandCharge | None = None
    export_price_per_kwh: float | None = None
    tax_share: float = 0.0
    source: str = ""

    def export_price_on(self, grid: TimeGrid) -> Float:
        """What energy fed in earns in each step -> (n,) per kWh, 0 where it earns nothing."""
        return np.full(grid.n, self.export_price_per_kwh or 0.0)


@dataclass(frozen=True, slots=True)
class Segments:
    """Stretches of constant price without a gap: edges_s (m+1,), price_per_kwh (m,) before tax, category (m,) index."""

    edges_s: Float
    price_per_kwh: Float
    category: Int


class Tariff(Protocol):
    """What every tariff can say."""

    @property
    def terms(self) -> Terms:
        """Currency, clock, demand charge, export price, tax."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the period categories; arrays of categories hold indices into it."""
        ...

    def price_on(self, grid: TimeGrid) -> Float:
        """Price with tax in each step -> (n,) per kWh, time-weighted where it changes inside a step."""
        ...

    def price_known_on(self, grid: TimeGrid, now: datetime) -> Float:
        """The same with what was published at `now`: what a plan without foresight may use."""
        ...

    def category_on(self, grid: TimeGrid) -> Int:
        """Category at the start of each step -> (n,) index into `categories`."""
        ...

    def segments(self, start_s: float, end_s: float) -> Segments:
        """The stretches of constant price in [start_s, end_s), borders exact to the second."""
        ...


@dataclass(frozen=True)
class TouTariff:
    """A time-of-use tariff. Made by `tou_tariff`, which proves that its periods fill every day exactly once."""

    terms: Terms
    periods: tuple[Period, ...]
    categories: tuple[str, ...]
    table: Int

    def price_on(self, grid: TimeGrid) -> Float:
        """Price with tax in each step -> (n,) per kWh, time-weighted where a period ends inside a step."""
        segments = self.segments(grid.start_s, grid.start_s + grid.n * grid.step_s)
        return _mean_on(segments, grid.edges_s()) * (1.0 + self.terms.tax_share)

    def price_known_on(self, grid: TimeGrid, now: datetime) -> Float:
        """As `price_on`: a time-of-use tariff is published long before it holds, so `now` changes nothing."""
        return self.price_on(grid)

    def category_on(self, grid: TimeGrid) -> Int:
        """Category at the start of each step -> (n,) index into `categories`."""
        return self._category_of_period()[self._period_at(grid.edges_s()[:-1])]

    def segments(self, start_s: float, end_s: float) -> Segments:
        """The stretches of constant period in [start_s, end_s); periods change at whole minutes only."""
        if end_s <= start_s:
            return Segments(np.array([start_s]), np.zeros(0), np.zeros(0, dtype=np.int64))
        minute_s = 60.0 * np.arange(np.floor(start_s / 60.0), np.ceil(end_s / 60.0), dtype=np.float64)
        period = self._period_at(minute_s)
        change = np.flatnonzero(np.diff(period)) + 1
        edges_s = np.concatenate(([start_s], minute_s[change], [end_s]))
        held = period[np.concatenate(([0], change))]
        price = np.array([p.price_per_kwh for p in self.periods])
        return Segments(edges_s, price[held], self._category_of_period()[held])

    def _period_at(self, instant_s: Float) -> Int:
        clock = local_clock(instant_s, self.terms.zone)
        weekend = (clock.weekday >= 5).astype(np.int64)
        return self.table[clock.month - 1, weekend, clock.minute_of_day]

    def _category_of_period(self) -> Int:
        return np.array([self.categories.index(p.category) for p in self.periods], dtype=np.int64)


def _mean_on(segments: Segments, edges_s: Float) -> Float:
    """Time-weighted mean price over each [edges_s[k], edges_s[k+1]); exact, not interpolated, inside one segment."""
    first = np.searchsorted(segments.edges_s, edges_s[:-1], side="right") - 1
    last = np.searchsorted(segments.edges_s, edges_s[1:], side="left") - 1
    price = segments.price_per_kwh[first] if len(first) else np.zeros(0)
    for k in np.flatnonzero(last > first):
        inner = slice(first[k], last[k] + 1)
        borders_s = np.concatenate(([edges_s[k]], segments.edges_s[first[k] + 1 : last[k] + 1], [edges_s[k + 1]]))
        price[k] = np.dot(segments.price_per_kwh[inner], np.diff(borders_s)) / (edges_s[k + 1] - edges_s[k])
    return price


def tou_tariff(terms: Terms, periods: Sequence[Period], place: Place) -> TouTariff:
    """The tariff of `periods`. Raises InputError with `place.findings` if they leave a hole, overlap or were misread."""
    if periods and not place.findings:
        check_periods(periods, place)
    if not periods and not place.findings:
        place.refuse("tariff.no-periods", "periods", "no period", "at least one period", "give periods that fill the day")
    if place.findings:
        raise InputError(place.findings)
    categories = tuple(dict.fromkeys(p.category for p in periods))
    return TouTariff(terms, tuple(periods), categories, period_table(periods))


@dataclass(frozen=True)
class SeriesTariff:
    """Prices that are published as a series. Made by `series_tariff`, which refuses missing prices.

    `signal` holds the price before tax; its `known_ahead_s` says how long before it holds a price is public.
    """

    terms: Terms
    signal: Signal

    @property
    def categories(self) -> tuple[str, ...]:
        """One: the series by its name."""
        return (self.signal.name,)

    def price_on(self, grid: TimeGrid) -> Float:
        """Price with tax in each step -> (n,) per kWh. Raises InputError where the series does not reach."""
        price = self.signal.actual_on(grid)
        if np.isnan(price).any():
            self._refuse(grid.start, grid.end)
        return price * (1.0 + self.terms.tax_share)

    def price_known_on(self, grid: TimeGrid, now: datetime) -> Float:
        """The best estimate with what was published at `now`; steps nobody could price take the mean of the others.

        Raises InputError where no step has a price.
        """
        price = self.signal.known_on(grid, now)
        known = np.isfinite(price)
        if grid.n and not known.any():
            self._refuse(grid.start, grid.end)
        return np.where(known, price, price[known].mean() if known.any() else 0.0) * (1.0 + self.terms.tax_share)

    def category_on(self, grid: TimeGrid) -> Int:
        """All zero: there is one category."""
        return np.zeros(grid.n, dtype=np.int64)

    def segments(self, start_s: float, end_s: float) -> Segments:
        """One stretch for each step of the series in [start_s, end_s). Raises InputError where it does not reach."""
        edges_s = self.signal.grid.edges_s()
        if end_s <= start_s:
            return Segments(np.array([start_s]), np.zeros(0), np.zeros(0, dtype=np.int64))
        if start_s < edges_s[0] or end_s > edges_s[-1]:
            self._refuse(from_epoch_s(start_s), from_epoch_s(end_s))
        inner = edges_s[(edges_s > start_s) & (edges_s < end_s)]
        cut_s = np.concatenate(([start_s], inner, [end_s]))
        step = np.searchsorted(edges_s, cut_s[:-1], side="right") - 1
        return Segments(cut_s, self.signal.actual[step], np.zeros(len(step), dtype=np.int64))

    def _refuse(self, start: datetime, end: datetime) -> None:
        grid = self.signal.grid
        value = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
        allowed = f"{grid.start:%Y-%m-%d %H:%M} to {grid.end:%Y-%m-%d %H:%M} UTC"
        advice = "shorten the run, or give a series of prices that covers it"
        raise InputError([Finding("tariff.series-too-short", "refused", self.terms.name, None, "prices", value, allowed, advice)])


def series_tariff(terms: Terms, signal: Signal, source: str) -> SeriesTariff:
    """The tariff of a series of prices per kWh. Raises InputError naming every stretch of missing (NaN, infinite) prices."""
    bad = ~np.isfinite(signal.actual)
    edge = np.flatnonzero(np.diff(np.concatenate(([0], bad.astype(np.int64), [0]))))
    findings = [
        Finding(
            "tariff.price-missing",
            "refused",
            source,
            None,
            "prices",
            f"no price from {signal.grid.at(int(a)):%Y-%m-%d %H:%M} to {signal.grid.at(int(b)):%Y-%m-%d %H:%M} UTC",
            f"a finite price in {signal.unit} for every step",
            "fill the gap in the file, or run a period without it",
        )
        for a, b in zip(edge[::2], edge[1::2], strict=True)
    ]
    if findings:
        raise InputError(findings)
    return SeriesTariff(terms, signal)
