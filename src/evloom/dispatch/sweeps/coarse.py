"""A start from a sample: the prices of walls that many units share are known well from a few of them.

Every eighth path (or unit, where paths are crowded) is swept first, against walls that are smaller in proportion. Its prices, and the loads
that it foretells, are where the sweeps over everybody begin. Samples of samples, down to a size that costs nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.sweeps.layout import Layout
from evloom.dispatch.sweeps.units import CHARGE_KW, DISCHARGE_KW, LENGTH, PATH, Units
from evloom.dispatch.sweeps.walls import RHO, RIGHT, Prices, Walls, loads
from evloom.kernel.timegrid import Float, Int

# One in so many is taken; below so many units none is. Paths with more units than a crowd are sampled unit by unit; where all units
# stand in few crowds, no more are taken than tell enough.
ONE_IN = 8
FEW_UNITS = 4000
ENOUGH = 16_000
_CROWD = 500


@dataclass(frozen=True)
class Sample:
    """layout: the sampled units against scaled walls; share (n_wall,) they are of a wall's possible load; size (n_wall,) all of it."""

    layout: Layout
    share: Float
    size: Float


def sampled(layout: Layout) -> Sample | None:
    """A sample of the units of a layout, None where there are few."""
    units = layout.setting.units
    if units.n < FEW_UNITS:
        return None
    chosen = _chosen(units)
    size, part = _sizes(layout, np.arange(units.n)), _sizes(layout, chosen)
    share = np.where(size > 0.0, part / np.maximum(size, 1e-300), 1.0)
    held = np.where(share > 0.0, share, 1.0)[:, None]
    table = layout.setting.walls.table.copy()
    table[RIGHT] *= held
    table[RHO] /= held
    walls = layout.setting.walls._replace(table=table)
    peak = layout.peak
    if peak is not None:
        of = share[peak.wall]
        peak = replace(peak, so_far_kw=peak.so_far_kw * of, known_kwh=peak.known_kwh * of)
    setting = layout.setting._replace(units=_some(units, chosen), walls=walls)
    return Sample(replace(layout, setting=setting, peak=peak), share, size)


def _chosen(units: Units) -> Int:
    """Rows of the sampled units."""
    path, number, count = np.unique(units.place[:, PATH], return_inverse=True, return_counts=True)
    if units.n > _CROWD * len(path) or len(path) < ONE_IN:
        one_in = max(ONE_IN, units.n // ENOUGH)
        return np.arange(one_in // 2, units.n, one_in)
    crowded = count[number] > _CROWD
    by_path = number % ONE_IN == ONE_IN // 2
    by_unit = np.arange(units.n) % ONE_IN == ONE_IN // 2
    return np.flatnonzero(np.where(crowded, by_unit, by_path))


def _some(units: Units, chosen: Int) -> Units:
    place = np.ascontiguousarray(units.place[chosen])
    begin = np.concatenate(([0], np.cumsum(place[:, LENGTH])))
    return Units(units.row[chosen], begin, place, np.ascontiguousarray(units.figures[chosen]))


def _sizes(layout: Layout, rows: Int) -> Float:
    """What the units `rows` could move through each wall, (n_wall,), kWh up to a factor."""
    units, ways = layout.setting.units, layout.setting.ways
    figures, place = units.figures[rows], units.place[rows]
    most = (figures[:, CHARGE_KW] + figures[:, DISCHARGE_KW]) * place[:, LENGTH]
    of_path = np.bincount(place[:, PATH], weights=most, minlength=len(ways.wall))
    size = np.zeros(len(layout.setting.walls.trait))
    for wall, weight in zip(ways.wall.T, ways.weight.T, strict=True):
        on = wall >= 0
        size += np.bincount(wall[on], weights=(of_path * weight)[on], minlength=len(size))
    return size


def foretold(layout: Layout, sample: Sample, walls: Walls, prices: Prices) -> tuple[Float, Float]:
    """From what the sample (its walls, its prices) has come to: price and load of every wall of the whole, both (n_wall, n_step).

    A wall with nobody in the sample takes after those of its kind.
    """
    share, size = sample.share, sample.size
    seen = share > 0.0
    load_kwh = loads(walls, prices) / np.where(seen, share, 1.0)[:, None]
    price_per_kwh = prices.price_per_kwh.copy()
    for kind in np.unique(layout.wall_group[~seen]):
        mine = layout.wall_group == kind
        like = np.flatnonzero(mine & seen)
        if len(like):
            rows = np.flatnonzero(mine & ~seen)
            price_per_kwh[rows] = price_per_kwh[like].mean(axis=0)
            load_kwh[rows] = size[rows, None] * (load_kwh[like].sum(axis=0) / max(float(size[like].sum()), 1e-9))
    return price_per_kwh, load_kwh
