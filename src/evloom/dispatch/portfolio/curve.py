"""A convex curve from kW to money, found by asking for the cost at a few powers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Schedule
from evloom.kernel.timegrid import Float

# Refine no further where the curve is known to this share of its height.
_NEAR = 1e-4


@dataclass(frozen=True)
class Point:
    """A power that was reached, what it costs in money, and the schedule that does it."""

    power_kw: float
    value: float
    schedule: Schedule


@dataclass(frozen=True)
class Curve:
    """Convex and piecewise linear between points.

    power_kw   (n,) rising from 0
    value      (n,) what it costs in money, against 0 kW; between points the cost is at most on the line between them
    error      most by which that line can lie above the true cost, where the cost is convex; 0: the curve is exact
    schedules  (n,) behind each point
    """

    power_kw: Float
    value: Float
    error: float
    schedules: tuple[Schedule, ...]

    def price_per_kw(self) -> Float:
        """Slope of each piece, (n - 1,), rising: what one kW more costs for the whole window."""
        slope: Float = np.diff(self.value) / np.diff(self.power_kw)
        return slope

    def at(self, power_kw: float) -> float:
        """Cost of a power within the curve; infinity beyond its end."""
        return float(np.interp(power_kw, self.power_kw, self.value)) if power_kw <= self.power_kw.max(initial=-1.0) else float("inf")


def convex_curve(power_max_kw: float, ask: Callable[[float], Point | None], points_max: int) -> Curve:
    """The curve from 0 to power_max_kw by at most points_max calls of `ask`, the two ends first; with none it has no points.

    A convex function lies below the chord of two points and above the continued chords of their neighbours: it is asked next where the
    two are furthest apart (the sandwich algorithm; Rote 1992). A breakpoint is hit exactly once its two pieces are known.
    `ask` gives None for what cannot be reached; the curve ends before it then.
    """
    asked = {kw: ask(kw) for kw in dict.fromkeys((0.0, power_max_kw)[:points_max])}
    while len(asked) < points_max:
        known = _known(asked.values())
        where_kw, gap = _widest(known)
        height = max((abs(point.value - known[0].value) for point in known), default=0.0)
        if gap <= _NEAR * height or where_kw in asked:
            break
        asked[where_kw] = ask(where_kw)
    known = _known(asked.values())
    if not known or known[0].power_kw > 0.0:
        return Curve(np.zeros(0), np.zeros(0), float("inf"), ())
    value = np.array([point.value for point in known]) - known[0].value
    error = _widest(known)[1]
    return Curve(np.array([point.power_kw for point in known]), value, error, tuple(point.schedule for point in known))


def _known(points: Iterable[Point | None]) -> list[Point]:
    """Those that were reached, by power, the cheapest of each power."""
    best: dict[float, Point] = {}
    for point in points:
        if point is not None and (point.power_kw not in best or point.value < best[point.power_kw].value):
            best[point.power_kw] = point
    return [best[power_kw] for power_kw in sorted(best)]


def _widest(known: list[Point]) -> tuple[float, float]:
    """Where between points the curve is known least, and how far it may lie below the chord there."""
    where_kw, widest = 0.0, 0.0
    for left in range(len(known) - 1):
        place_kw, gap = _gap(known, left)
        if gap > widest:
            where_kw, widest = place_kw, gap
    return where_kw, widest


def _gap(known: list[Point], left: int) -> tuple[float, float]:
    """Piece from point `left` to the next: where the continued neighbours meet below its chord, and how deep.

    At the ends the missing neighbour is taken as flat on the left (costs do not fall) and as vertical on the right.
    """
    a, b = known[left], known[left + 1]
    width_kw, chord = b.power_kw - a.power_kw, (b.value - a.value) / (b.power_kw - a.power_kw)
    before = _slope(known[left - 1], a) if left > 0 else min(0.0, chord)
    if left + 2 >= len(known):
        return (a.power_kw + b.power_kw) / 2, (chord - before) * width_kw
    after = _slope(b, known[left + 2])
    if after - before <= 1e-12 * max(abs(after), abs(before), 1e-300):
        return a.power_kw, 0.0
    place = float(np.clip((after - chord) / (after - before), 0.0, 1.0)) * width_kw
    return a.power_kw + place, max((chord - before) * place, 0.0)


def _slope(a: Point, b: Point) -> float:
    return (b.value - a.value) / (b.power_kw - a.power_kw)
