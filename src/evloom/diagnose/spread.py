"""How the cells of a pack differ: charge, capacity, resistance, offset of the wire; and what each loses by itself over the days.

A cell's deviation from the mean of the pack in a charge window or at rest is explained by four things: an offset, a difference of
charge times the slope of the pack's own curve, of capacity times slope and charge, of resistance times the drop. A Kalman filter,
its doubt the same for all cells, brings windows and rests together (as `estimate` does from day to day, for other figures).
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose.capacity import normal_share
from evloom.kernel.timegrid import Bool, Float

OFFSET, CHARGE, SIZE, OHM = range(4)
SPREAD = np.array([0.003, 0.02, 0.007, 0.1])
"""Standard deviations at first: 3 mV, 2 % of charge, 0.7 % of capacity (cells of a batch: 0.5-1 %, Baumhoefer et al. 2014,
doi:10.1016/j.jpowsour.2013.09.108), 10 % of the resistance."""
DAILY = np.array([0.0001, 0.0012, 0.0003, 0.01])
ERROR_V = 0.0012
STEEP_V = 1.2
LEAST_DAYS, LEAST_SAMPLES = 10.0, 8
KNOWN_CHARGE = 0.006
STRAYED = 0.05
"""Share of the capacity by which a cell may leave its pack before the straight line between deviation and capacity is given up."""
DAY_S = 86400.0


@dataclass(frozen=True)
class Cells:
    """What is known of the cells. doubt (4, 4) covariance, the same for all; value (4, n_cell) in the order OFFSET..OHM (V, shares);
    times (4,) sums of 1, t, t squared, and the last t, in days since `begin_s`, of the samples of charge; drift (2, n_cell) sums of the
    charge and of it times t; seen_s when it was last brought up to date."""

    doubt: Float
    value: Float
    times: Float
    drift: Float
    begin_s: float = float("nan")
    seen_s: float = float("nan")


def fresh_cells(n_cell: int) -> Cells:
    """Nothing known."""
    return Cells(np.diag(SPREAD**2), np.zeros((4, n_cell)), np.zeros(4), np.zeros((2, n_cell)))


def learn(cells: Cells, at_s: float, rows: Float, apart_v: Float, weight: Float) -> Cells:
    """Bring in points: rows (n, 3) slope (V per unit), charge 0..1, drop (V); apart_v (n, n_cell) deviations, NaN unknown; weight (n,)."""
    if len(rows) == 0 or cells.value.shape[1] == 0:
        return cells
    days = max(at_s - cells.seen_s, 0.0) / DAY_S if np.isfinite(cells.seen_s) else 0.0
    before = cells.doubt + np.diag(np.minimum(DAILY**2 * days, SPREAD**2))
    slope, soc, drop = rows.T
    x = np.column_stack([np.ones(len(rows)), slope, slope * (soc - 0.5), drop])
    trust = weight / (ERROR_V**2 * (1.0 + (slope / STEEP_V) ** 4))
    told = x @ cells.value
    known = np.isfinite(apart_v)
    left = np.where(known, apart_v - np.median(np.where(known, apart_v, 0.0), axis=1, keepdims=True) - told, 0.0)
    normal = x.T @ (x * trust[:, None])
    doubt = np.linalg.inv(np.linalg.inv(before) + normal)
    value = cells.value + doubt @ (x.T @ (left * trust[:, None]))
    value = value - np.median(value, axis=1, keepdims=True)
    value[SIZE] = np.where(_strayed(cells), cells.value[SIZE], value[SIZE])
    return replace(cells, doubt=0.5 * (doubt + doubt.T), value=value, seen_s=at_s)


def _strayed(cells: Cells) -> Bool:
    """Cells (n_cell,) whose charge has moved so far from the pack, and not by what they hold less, that they lie on another part of the
    curve: a slope of the pack's says no more of their capacity, and a drained cell would look like a small one."""
    moved = np.abs(_per_day(cells)) * cells.times[3]
    return np.asarray(moved > STRAYED + 0.5 * np.abs(cells.value[SIZE]))


def _per_day(cells: Cells) -> Float:
    """Change of each cell's charge against the pack's (share a day); zeros where nothing can be said."""
    n, sum_t, sum_tt, _ = cells.times
    scatter = sum_tt - sum_t * sum_t / n if n > 1.0 else 0.0
    if scatter <= 0.0:
        return np.zeros(cells.value.shape[1])
    return np.asarray((cells.drift[1] - cells.drift[0] * sum_t / n) / scatter)


def note_charge(cells: Cells, at_s: float, bled_share: Float) -> Cells:
    """Keep where the charge of each cell stands for its drift, at most twice a day; what balancing took is given back."""
    if cells.doubt[CHARGE, CHARGE] > KNOWN_CHARGE**2:
        return cells
    begin_s = cells.begin_s if np.isfinite(cells.begin_s) else at_s
    t = (at_s - begin_s) / DAY_S
    if cells.times[0] > 0.0 and t - cells.times[3] < 0.5:
        return cells
    own = cells.value[CHARGE] + bled_share
    times = np.array([cells.times[0] + 1.0, cells.times[1] + t, cells.times[2] + t * t, t])
    return replace(cells, times=times, drift=cells.drift + np.stack([own, own * t]), begin_s=begin_s)


def self_discharge_a(cells: Cells, capacity_ah: float) -> Float:
    """What each cell loses more than the median cell (A), over all days, parked ones too. NaN where too little was seen."""
    if cells.times[0] < LEAST_SAMPLES or cells.times[3] < LEAST_DAYS:
        return np.full(cells.value.shape[1], np.nan)
    per_day = _per_day(cells)
    lost = -(per_day - np.median(per_day)) if len(per_day) else per_day
    return np.asarray(lost * capacity_ah / 24.0)


def capacity_share(cells: Cells) -> Float:
    """Capacity of each cell in multiples of the median cell's; NaN where nothing was seen."""
    if not np.isfinite(cells.seen_s):
        return np.full(cells.value.shape[1], np.nan)
    return np.asarray(1.0 / np.maximum(1.0 + cells.value[SIZE], 0.2))


def room_ah(cells: Cells, capacity_ah: float) -> Float:
    """Charge that each cell could still take when the median cell is full, more than 0 where it is behind; NaN where nothing was seen."""
    if not np.isfinite(cells.seen_s):
        return np.full(cells.value.shape[1], np.nan)
    return np.asarray(-(cells.value[CHARGE] + 0.5 * cells.value[SIZE]) * capacity_ah)


def weakest(cells: Cells) -> tuple[float, float, int | None]:
    """Capacity of the weakest cell in multiples of the median one: expected, its doubt; and which it is, None where that cannot be told.

    The least of many uncertain figures is less than the least of their means: its distribution is taken from the product of the
    shares of all cells that lie above.
    """
    n = cells.value.shape[1]
    if n <= 1:
        return 1.0, 0.0, 0 if n == 1 else None
    mean, sd = 1.0 - cells.value[SIZE], max(float(np.sqrt(cells.doubt[SIZE, SIZE])), 1e-4)
    grid = np.linspace(float(mean.min()) - 5.0 * sd, float(mean.min()) + 3.0 * sd, 81)
    above = np.prod(1.0 - normal_share((grid[:, None] - mean) / sd), axis=1)
    dens = np.maximum(-np.diff(above), 0.0)
    middle = 0.5 * (grid[1:] + grid[:-1])
    total = max(float(dens.sum()), 1e-12)
    expected = float(dens @ middle) / total
    spread = float(np.sqrt(max(dens @ (middle - expected) ** 2 / total, 0.0)))
    order = np.argsort(mean, kind="stable")
    clear = mean[order[1]] - mean[order[0]] > 1.5 * sd
    return expected, spread, int(order[0]) if clear else None
