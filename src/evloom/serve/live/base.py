"""The load that nobody steers, as it is metered and as it is expected: what the loop is told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from evloom.kernel.forecast import FIT_DAYS, outlook
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, TimeGrid, from_epoch_s
from evloom.pile.events import Known

STALE_S = 120.0  # a value older than this is no longer taken for the present one
NEWS_SHARE = 0.01  # of the limit: a smaller change waits for the next cycle
NEWS_KW = 0.5
CAUTION = 2.0  # without a meter the load is taken this many times the error of its forecast higher
QUARTER_S = 900
DAY = 86400 // QUARTER_S


@dataclass(slots=True)
class NodeLoad:
    """The load at one node: last value (kW, positive = consuming), when it was metered, and the mean of the running quarter of an hour."""

    kw: float = float("nan")
    at_s: float = float("-inf")
    stale_s: float = STALE_S
    quarter: int = -1
    sum_kws: float = 0.0
    span_s: float = 0.0
    means: dict[int, float] = field(default_factory=dict)
    ahead_kw: Float = field(default_factory=lambda: np.zeros(0))
    error_kw: Float = field(default_factory=lambda: np.zeros(0))

    def metered(self, kw: float, at_s: float) -> list[tuple[float, float]]:
        """A value came; returns quarters of an hour that are complete now: (begin in epoch seconds, mean kW)."""
        done: list[tuple[float, float]] = []
        if self.at_s > float("-inf") and at_s > self.at_s and at_s - self.at_s <= 2.0 * QUARTER_S:
            done = self._held(self.at_s, at_s)
        self.kw, self.at_s = kw, max(at_s, self.at_s)
        return done

    def _held(self, from_s: float, to_s: float) -> list[tuple[float, float]]:
        """The last value held from one instant to the next."""
        done = []
        while from_s < to_s:
            quarter = int(from_s // QUARTER_S)
            if quarter != self.quarter:
                self.quarter, self.sum_kws, self.span_s = quarter, 0.0, 0.0
            end_s = min(to_s, (quarter + 1.0) * QUARTER_S)
            self.sum_kws, self.span_s = self.sum_kws + self.kw * (end_s - from_s), self.span_s + end_s - from_s
            if end_s == (quarter + 1.0) * QUARTER_S and self.span_s >= 0.5 * QUARTER_S:
                self.means[quarter] = self.sum_kws / self.span_s
                done.append((quarter * float(QUARTER_S), self.means[quarter]))
            from_s = end_s
        for old in [quarter for quarter in self.means if quarter < self.quarter - FIT_DAYS * DAY]:
            del self.means[old]
        return done

    def is_stale(self, now_s: float) -> bool:
        """The last value is too old, or there never was one."""
        return now_s - self.at_s > self.stale_s

    def foresee(self, grid: TimeGrid, now_s: float, n: int) -> None:
        """Forecast the load from the step that runs at now_s on, for n steps of `grid`."""
        begin = from_epoch_s(grid.start_s + (now_s - grid.start_s) // grid.step_s * grid.step_s)
        if len(self.means) < DAY:
            self.ahead_kw, self.error_kw = np.full(n, self._usual_kw()), np.full(n, self._spread_kw())
            return
        first, last = min(self.means), max(self.means)
        actual = np.array([self.means.get(quarter, np.nan) for quarter in range(first, last + 1)])
        signal = Signal("base load", "kW", TimeGrid(from_epoch_s(first * float(QUARTER_S)), QUARTER_S, len(actual)), actual)
        expected = outlook(signal, TimeGrid(begin, grid.step_s, 1), n)
        usual_kw, spread_kw = self._usual_kw(), self._spread_kw()
        self.ahead_kw = np.where(np.isfinite(expected.mean[0]), expected.mean[0], usual_kw)
        self.error_kw = np.where(expected.error[0] > 0.0, expected.error[0], spread_kw)

    def _usual_kw(self) -> float:
        """The last value, else the mean of what is known, else nothing."""
        if self.kw == self.kw:
            return self.kw
        return float(np.mean(list(self.means.values()))) if self.means else 0.0

    def _spread_kw(self) -> float:
        return float(np.std(list(self.means.values()))) if self.means else 0.1 * abs(self._usual_kw())

    def now_kw(self, now_s: float) -> float:
        """What the load is taken for: metered, or where the meter is silent the higher of its forecast with a margin and the last value."""
        if not self.is_stale(now_s):
            return self.kw
        expected_kw = float(self.ahead_kw[0] + CAUTION * self.error_kw[0]) if len(self.ahead_kw) else 0.0
        return max(expected_kw, self.kw) if self.kw == self.kw else expected_kw

    def highest_kw(self) -> float:
        """The highest load that is believed possible: of all that was metered."""
        return max([0.0, *self.means.values(), *([self.kw] if self.kw == self.kw else [])])


class BaseLoads:
    """The loads of a site, by the names of its nodes."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self.nodes = {name: NodeLoad() for name in nodes}
        self._told_kw: dict[str, float] = {}
        self._step = -1

    def remember(self, rows: Iterable[tuple[str, float, float]]) -> None:
        """Take in what was metered before: (node, begin in epoch seconds, mean kW)."""
        for node, begin_s, mean_kw in rows:
            if node in self.nodes:
                self.nodes[node].means[int(begin_s // QUARTER_S)] = mean_kw

    def restart(self) -> None:
        """A new run begins: everything is told again."""
        self._told_kw, self._step = {}, -1

    def is_news(self, node: str, limit_kw: float) -> bool:
        """Whether the last value differs enough from what the loop was told to tell it at once."""
        told_kw = self._told_kw.get(node, float("nan"))
        return not abs(self.nodes[node].kw - told_kw) <= max(NEWS_KW, NEWS_SHARE * limit_kw if np.isfinite(limit_kw) else 0.0)

    def known(self, grid: TimeGrid, now_s: float, n_ahead: int) -> list[Known]:
        """What is new of the loads: with every step the hours ahead, in between the present."""
        step = int((now_s - grid.start_s) // grid.step_s)
        fresh, self._step = step != self._step, step
        told: list[Known] = []
        for name, load in self.nodes.items():
            if fresh and (load.means or load.kw == load.kw):
                load.foresee(grid, now_s, n_ahead)
            elif fresh:
                continue
            present_kw = load.now_kw(now_s)
            if fresh:
                told.append(Known(now_s, f"base-load {name}", step, [present_kw, *load.ahead_kw[1:].tolist()]))
            elif name in self._told_kw and present_kw != self._told_kw[name]:
                told.append(Known(now_s, f"base-load {name}", step, [present_kw]))
            elif name not in self._told_kw and load.kw == load.kw:
                load.foresee(grid, now_s, n_ahead)
                told.append(Known(now_s, f"base-load {name}", step, [present_kw, *load.ahead_kw[1:].tolist()]))
            else:
                continue
            self._told_kw[name] = present_kw
        return told
