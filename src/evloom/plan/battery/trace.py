"""What the pictures of a suspect pack are drawn of: means of its frames in bins of time, in memory that does not grow with them.

A pack is looked at a second time for that, when it is known which of its parts are suspect and from when to when its frames are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evloom.diagnose import quality
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.vehicle import telemetry as at
from evloom.vehicle.telemetry import Float32, Frames, Pack

MOST_BINS = 360
WIDTHS_S = (900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 28 * 86400, 364 * 86400)
KINDS = ("all", "rest", "charge", "discharge")
LEFT_OUT = at.STALE | at.OUT_OF_ORDER | at.CLOCK_JUMP | at.CORRUPT
NO_CURRENT = at.CURRENT_ABSENT | at.CURRENT_RANGE
NO_PACK_V = at.PACK_VOLTAGE_ABSENT | at.PACK_VOLTAGE_RANGE
IDLE_SHARES, LEAST_POINTS, LEAST_SPREAD = 5.0, 30, 5.0
"""Idle is below this many times the current of rest; a slope needs so many frames, and a spread of so many times that current."""
REST_SHARE, REST_A = 0.01, 1.0
"""A pack is at rest below this share of its rated capacity an hour, or this current where that is not known."""


class Bins(NamedTuple):
    """Time in equal parts."""

    start_s: float
    width_s: int
    n: int


def bins_of(first_s: float, last_s: float) -> Bins:
    """The finest bins of a span that are not too many. Infinite ends (not one frame with a time) give one bin."""
    if not np.isfinite(last_s - first_s):
        return Bins(0.0, WIDTHS_S[0], 1)
    for width_s in WIDTHS_S:
        start_s = first_s // width_s * width_s
        n = int((last_s - start_s) // width_s) + 1
        if n <= MOST_BINS:
            return Bins(start_s, width_s, n)
    return Bins(first_s, int((last_s - first_s) // MOST_BINS) + 1, MOST_BINS)


@dataclass(frozen=True)
class Drawn:
    """Means over bins, NaN where there was nothing.

    deviation_v  (kinds, n_bin, n_cell) of each cell from the median of its frame, by the names of KINDS
    current_a, probe_c  (3, n_bin): least, mean, most; probe_mean_c (n_bin, n_probe); soc, insulation_ohm (n_bin,), the latter the least
    idle_a       (n_bin,) current while next to none flows; outside_ohm (n_bin,) resistance of the pack beyond that of its cells
    """

    pack: Pack
    bins: Bins
    deviation_v: Float
    current_a: Float
    probe_c: Float
    probe_mean_c: Float
    soc: Float
    insulation_ohm: Float
    idle_a: Float
    outside_ohm: Float


class Trace:
    """Adds up the frames of one pack."""

    def __init__(self, pack: Pack, bins: Bins) -> None:
        self._pack, self._bins, n = pack, bins, bins.n
        self._carry = quality.fresh(pack.n_cell, pack.n_probe)
        self._rest_a = REST_SHARE * pack.capacity_ah if np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0 else REST_A
        self._cell = np.zeros((2, len(KINDS), n, pack.n_cell))
        self._probe = np.zeros((2, n, pack.n_probe))
        self._current = _Range(n)
        self._warmth = _Range(n)
        self._soc = _Range(n)
        self._insulation = _Range(n)
        self._idle = _Range(n)
        self._outside = np.zeros((5, n))

    def add(self, frames: Frames) -> None:
        """Take in frames in their order."""
        flagged, self._carry = quality.flag(frames, self._carry)
        good = flagged.part((flagged.flags & LEFT_OUT) == 0)
        if not good.n:
            return
        place = ((good.at_s - self._bins.start_s) // self._bins.width_s).astype(np.int64)
        inside = (place >= 0) & (place < self._bins.n)
        good, place = good.part(inside), place[inside]
        current_a = np.where(good.flags & NO_CURRENT, np.nan, good.current_a)
        self._current.add(place, current_a)
        self._soc.add(place, np.where(good.flags & (at.SOC_ABSENT | at.SOC_RANGE), np.nan, good.soc))
        self._insulation.add(place, np.where(good.flags & at.INSULATION_PLACEHOLDER, np.nan, good.insulation_ohm))
        self._idle.add(place, np.where(np.abs(current_a) < IDLE_SHARES * self._rest_a, current_a, np.nan))
        self._add_outside(place, good, current_a)
        self._add_probes(place, good)
        self._add_cells(place, good, current_a)

    def _add_probes(self, place: Int, good: Frames) -> None:
        if not self._pack.n_probe:
            return
        usable = (good.probe_flags == 0) & np.isfinite(good.probe_c)
        degrees = np.where(usable, good.probe_c, 0.0).astype(np.float64)
        np.add.at(self._probe[0], place, degrees)
        np.add.at(self._probe[1], place, usable)
        some = usable.any(axis=1)
        hot = np.where(usable, good.probe_c, -np.inf).max(axis=1)
        cold = np.where(usable, good.probe_c, np.inf).min(axis=1)
        for values in (hot, cold):
            self._warmth.add(place[some], values[some].astype(np.float64))

    def _add_outside(self, place: Int, good: Frames, current_a: Float) -> None:
        """Sums of a line through current and what the pack's voltage is above the sum of its cells."""
        beyond_v = good.pack_v - good.cell_v.sum(axis=1, dtype=np.float64)
        usable = (good.cell_flags == 0).all(axis=1) & ((good.flags & NO_PACK_V) == 0) & np.isfinite(beyond_v) & np.isfinite(current_a)
        x, y = current_a[usable], beyond_v[usable]
        for row, values in enumerate((np.ones(len(x)), x, y, x * y, x * x)):
            np.add.at(self._outside[row], place[usable], values)

    def _add_cells(self, place: Int, good: Frames, current_a: Float) -> None:
        if self._pack.n_cell < 2 or not good.n:
            return
        usable = (good.cell_flags == 0) & np.isfinite(good.cell_v)
        some = usable.sum(axis=1) >= 2
        usable, place, current_a = usable[some], place[some], current_a[some]
        deviation = _deviation(good.cell_v[some], usable)
        with np.errstate(invalid="ignore"):
            which: list[Bool] = [
                np.ones(len(place), dtype=bool),
                np.abs(current_a) < self._rest_a,
                current_a >= self._rest_a,
                current_a <= -self._rest_a,
            ]
        for kind, mask in enumerate(which):
            np.add.at(self._cell[0, kind], place[mask], deviation[mask])
            np.add.at(self._cell[1, kind], place[mask], usable[mask])

    def drawn(self) -> Drawn:
        """The means."""
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = self._cell[0] / np.where(self._cell[1] > 0.0, self._cell[1], np.nan)
            probes = self._probe[0] / np.where(self._probe[1] > 0.0, self._probe[1], np.nan)
            middle = np.where(self._probe[1] > 0.0, probes, 0.0).sum(axis=1) / (self._probe[1] > 0.0).sum(axis=1)
        return Drawn(
            pack=self._pack,
            bins=self._bins,
            deviation_v=deviation,
            current_a=self._current.told(),
            probe_c=np.vstack([self._warmth.told()[0], middle, self._warmth.told()[2]]),
            probe_mean_c=probes,
            soc=self._soc.told()[1],
            insulation_ohm=self._insulation.told()[0],
            idle_a=self._idle.told()[1],
            outside_ohm=self._outside_ohm(),
        )

    def _outside_ohm(self) -> Float:
        """The slopes of the lines, where the current moved enough to tell."""
        n, x, y, xy, xx = self._outside
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = xx / n - (x / n) ** 2
            slope = (xy / n - x * y / n**2) / spread
        told: Float = np.where((n >= LEAST_POINTS) & (spread > (LEAST_SPREAD * self._rest_a) ** 2), slope, np.nan)
        return told


class _Range:
    """Least, mean and most of a figure in each bin."""

    def __init__(self, n: int) -> None:
        self._low, self._high = np.full(n, np.inf), np.full(n, -np.inf)
        self._sum, self._count = np.zeros(n), np.zeros(n)

    def add(self, place: Int, values: Float) -> None:
        known = np.isfinite(values)
        place, values = place[known], values[known]
        np.minimum.at(self._low, place, values)
        np.maximum.at(self._high, place, values)
        np.add.at(self._sum, place, values)
        np.add.at(self._count, place, 1.0)

    def told(self) -> Float:
        """(3, n): least, mean, most."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self._sum / self._count
        return np.vstack([np.where(self._count > 0, self._low, np.nan), mean, np.where(self._count > 0, self._high, np.nan)])


def _deviation(cell_v: Float32, usable: Bool) -> Float:
    """From the median of the usable cells of each frame; 0 where a cell is not usable."""
    if usable.all():
        middle = np.median(cell_v, axis=1)
    else:
        middle = np.nanmedian(np.where(usable, cell_v, np.nan), axis=1)
    found: Float = np.where(usable, cell_v.astype(np.float64) - middle[:, None], 0.0)
    return found
