"""Signals: a quantity over time, together with what was known of it when."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Float, TimeGrid, epoch_s

HISTORY_DAYS = 7  # days whose same time of day stands in for a forecast


def mean_on(values: Float, grid: TimeGrid, onto: TimeGrid) -> Float:
    """Time-weighted mean of a step series `values` (grid.n,) over each step of `onto` -> (onto.n,).

    Steps of `onto` that `grid` does not cover wholly come out NaN; so do those that touch a NaN.
    """
    finite = np.isfinite(values)
    integral = np.concatenate(([0.0], np.cumsum(np.where(finite, values, 0.0)))) * grid.step_s
    known_s = np.concatenate(([0.0], np.cumsum(finite.astype(np.float64)))) * grid.step_s
    edges = grid.edges_s()
    wanted = onto.edges_s()
    inside = (wanted >= edges[0]) & (wanted <= edges[-1])
    total = np.interp(wanted, edges, integral)
    covered_s = np.interp(wanted, edges, known_s)
    whole = inside[:-1] & inside[1:] & (np.diff(covered_s) > onto.step_s * (1 - 1e-9))
    return np.where(whole, np.diff(total) / onto.step_s, np.nan)


@dataclass(frozen=True)
class Signal:
    """A quantity on a grid, and what could be known of it at any moment.

    name, unit      e.g. "carbon intensity", "kgCO2/kWh"; the unit is the model's own, never a scale
    grid, actual    the values that came true, (grid.n,); NaN where nothing was recorded
    known_ahead_s   how far ahead the true value was public: infinity for a published tariff,
                    0 for a meter. A day-ahead price bears the time from publication to the last hour.
    issued          forecasts as they were issued: row k holds, as known at grid.at(k), the value of
                    steps k, k + 1, ... (grid.n, n_lead); None where no forecast was recorded
    published       what was issued are the true values made public, as of an auction, not forecasts
    """

    name: str
    unit: str
    grid: TimeGrid
    actual: Float
    known_ahead_s: float = 0.0
    issued: NDArray[np.float64] | None = None
    published: bool = False

    def actual_on(self, onto: TimeGrid) -> Float:
        """What came true, averaged over each step of `onto` -> (onto.n,). Only `foresight` and scores may ask."""
        return mean_on(self.actual, self.grid, onto)

    def known_on(self, onto: TimeGrid, now: datetime) -> Float:
        """The best estimate on `onto` with what was known at `now` -> (onto.n,).

        In this order of trust: the true value where it is already past or was published; the newest
        forecast issued at or before `now`; the mean of the same time of day over the seven days
        before `now`; the last known value. NaN only where nothing at all was known.
        """
        window = self._window(onto, now)
        return mean_on(window._known(now), window.grid, onto)

    def _window(self, onto: TimeGrid, now: datetime) -> "Signal":
        """The part of the signal that an estimate on `onto` can depend on: so that a long series costs no more."""
        per_day = -(-86400 // self.grid.step_s)
        first = min(self.grid.position(onto.start), self.grid.position(now) - (HISTORY_DAYS + 1) * per_day)
        last = self.grid.position(onto.end) + per_day
        a = min(max(0, int(np.floor(first))), self.grid.n)
        b = min(max(a, int(np.ceil(last))), self.grid.n)
        issued = None if self.issued is None else self.issued[a:b]
        return replace(self, grid=TimeGrid(self.grid.at(a), self.grid.step_s, b - a), actual=self.actual[a:b], issued=issued)

    def _known(self, now: datetime) -> Float:
        k_now = int(np.floor((epoch_s(now) - self.grid.start_s) / self.grid.step_s))
        k_true = min(
            self.grid.n, max(0, k_now + int(self.known_ahead_s / self.grid.step_s) if np.isfinite(self.known_ahead_s) else self.grid.n)
        )
        known = self.actual.copy()
        known[k_true:] = np.nan
        if self.issued is not None and 0 <= k_now < self.grid.n:
            lead = min(self.issued.shape[1], self.grid.n - k_now)
            span = known[k_now : k_now + lead]
            known[k_now : k_now + lead] = np.where(np.isfinite(span), span, self.issued[k_now, :lead])
        per_day = round(86400 / self.grid.step_s)
        missing = np.flatnonzero(~np.isfinite(known[k_true:])) + k_true
        if len(missing) and k_true > 0:
            back = missing[:, None] - per_day * (1 + np.arange(HISTORY_DAYS) + (missing[:, None] - k_true) // per_day)
            past = np.where((back >= 0) & (back < k_true), self.actual[np.clip(back, 0, self.grid.n - 1)], np.nan)
            seen = np.isfinite(past)
            mean = np.where(seen, past, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
            last = self.actual[:k_true][np.isfinite(self.actual[:k_true])]
            fallback = last[-1] if len(last) else np.nan
            known[missing] = np.where(seen.any(axis=1), mean, fallback)
        return known
