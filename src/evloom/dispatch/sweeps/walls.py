"""Everything that couples units, in one form: walls.

A wall looks at the net energy L that passes a point of the tree in a step (or in a demand interval). It stands at `right` and costs
max over low <= p <= high of p (L - right): a limit is 0..infinity, a request that gives way 0..penalty, the change from export
to import price lies between the two prices. A smooth wall costs rho / 2 (L - right)^2 (valley filling).

Units see a wall as a price: its augmented Lagrangian (Hestenes 1969, Powell 1969; Rockafellar, "Augmented Lagrangians and applications
of the proximal point algorithm in convex programming", Mathematics of Operations Research 1, 1976) has the slope
clip(rho x s, low, high) with s = p / rho + L - right.
"""

from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int

CEILING, CLIP, SMOOTH = range(3)
KIND, BY_INTERVAL, HARD = range(3)
RIGHT, LOW, HIGH, RHO = range(4)
_ZEAL, _STUCK, _SMALL = 1.5, 0.95, 2e-4


class Ways(NamedTuple):
    """What a unit meets between its connector and the root. A path is a pair of node and phase.

    wall      (n_path, depth) walls on the way, -1 at the end of short ways
    weight    (n_path, depth) share of the unit's energy that the wall sees
    price     (n_path, n_step) price of a kWh of net energy that does not depend on anybody else, tie-break included
    """

    wall: Int
    weight: Float
    price_per_kwh: Float


class Walls(NamedTuple):
    """Few tables instead of many columns: compiled code passes them around quickly.

    trait    (n_wall, 3): KIND (CEILING 0..infinity, CLIP or SMOOTH); BY_INTERVAL 1 where it looks at demand intervals, whose number is its
             column; HARD 1 for a limit that no schedule may break
    table    (4, n_wall, n_step): RIGHT, LOW, HIGH as above; RHO curvature of the augmented Lagrangian
    column   (n_step,) demand interval of each step
    most     most steps in one interval
    """

    trait: Int
    table: Float
    column: Int
    most: float

    @property
    def right(self) -> Float:
        """(n_wall, n_step)"""
        found: Float = self.table[RIGHT]
        return found

    @property
    def low(self) -> Float:
        """(n_wall, n_step)"""
        found: Float = self.table[LOW]
        return found

    @property
    def high(self) -> Float:
        """(n_wall, n_step)"""
        found: Float = self.table[HIGH]
        return found

    @property
    def rho(self) -> Float:
        """(n_wall, n_step)"""
        found: Float = self.table[RHO]
        return found

    @property
    def is_smooth(self) -> Bool:
        """(n_wall,)"""
        found: Bool = self.trait[:, KIND] == SMOOTH
        return found

    @property
    def is_hard(self) -> Bool:
        """(n_wall,)"""
        found: Bool = self.trait[:, HARD] == 1
        return found

    @property
    def is_export(self) -> Bool:
        """(n_wall,) limits of export"""
        found: Bool = (self.trait[:, KIND] == CLIP) & self.is_hard
        return found


class Prices(NamedTuple):
    """What changes from sweep to sweep, tables (n_wall, n_step): price of each wall and s = price / rho + L - right."""

    price_per_kwh: Float
    s: Float


class Zeal(NamedTuple):
    """How much faster than usual a price rises, by how much its load was beyond the limit last, columns (n_wall,); the largest step."""

    factor: Float
    over_kwh: Float
    most_per_kwh: float


def loads(walls: Walls, prices: Prices) -> Float:
    """Net energy L at each wall, (n_wall, n_step)."""
    return prices.s + walls.right - prices.price_per_kwh / walls.rho


def renewed(walls: Walls, load_kwh: Float, price_per_kwh: Float) -> Prices:
    """Prices with s for these loads."""
    return Prices(price_per_kwh, price_per_kwh / walls.rho + load_kwh - walls.right)


def raised(walls: Walls, prices: Prices, zeal: Zeal) -> Prices:
    """The step of the multipliers: every wall's price becomes the slope that units met last.

    Where a load stays as far beyond a limit as it was the sweep before, the price rises faster and faster (zeal, changed in place): it may
    have to rise to what a missing kWh is worth, far above all other prices.
    """
    load_kwh = loads(walls, prices)
    over_kwh = np.where(walls.high == np.inf, np.maximum(load_kwh - walls.right, 0.0), 0.0)
    total_kwh = over_kwh.sum(axis=1)
    stuck = (total_kwh > _STUCK * zeal.over_kwh) & (over_kwh > _SMALL * np.abs(walls.right)).any(axis=1)
    np.copyto(zeal.factor, np.where(stuck, zeal.factor * _ZEAL, 1.0))
    np.copyto(zeal.over_kwh, total_kwh)
    usual = walls.rho * over_kwh
    more = np.clip((zeal.factor[:, None] - 1.0) * usual, 0.0, np.maximum(zeal.most_per_kwh - usual, 0.0))
    slope = np.clip(walls.rho * prices.s + more, walls.low, walls.high)
    price_per_kwh = np.where(walls.is_smooth[:, None], 0.0, slope)
    return renewed(walls, load_kwh, price_per_kwh)


def slopes(walls: Walls, prices: Prices) -> Float:
    """The price of every wall for a lower bound: multipliers, and for smooth walls the slope at the present load."""
    return np.where(walls.is_smooth[:, None], walls.rho * prices.s, prices.price_per_kwh)


def conjugate(walls: Walls, right: Float, price_per_kwh: Float) -> float:
    """Sum over all walls of the greatest price x L - cost(L): what a lower bound takes off."""
    smooth = walls.is_smooth[:, None]
    return float((price_per_kwh * right + np.where(smooth, price_per_kwh**2 / (2.0 * walls.rho), 0.0)).sum())


def cost(walls: Walls, load_kwh: Float) -> float:
    """What all walls that are not hard cost at these loads (the peak is not among them)."""
    over = load_kwh - walls.right
    clip = ((walls.trait[:, KIND] == CLIP) & ~walls.is_hard)[:, None]
    with np.errstate(invalid="ignore"):
        given = np.where(clip, np.maximum(walls.low * over, walls.high * over), 0.0)
    smooth = np.where(walls.is_smooth[:, None], walls.rho / 2.0 * over**2, 0.0)
    return float((given + smooth).sum())


@compiled
def add_slopes(way: tuple[Int, Float], walls: Walls, s: Float, cells: tuple[int, int], view: tuple[Float, Float, Float, Float]) -> None:
    """Add what the walls on a way (wall, weight) cost, and how fast that rises, to a view (price, curvature, down, up).

    cells = (first step, n); down and up (kWh >= 0) are how far the unit could move; a wall that it cannot reach adds no curvature.
    """
    price_per_kwh, curvature, down, up = view
    trait, table, (first, n) = walls.trait, walls.table, cells
    for d in range(len(way[0])):
        w, a = way[0][d], way[1][d]
        if w < 0:
            break
        if trait[w, KIND] == CEILING and trait[w, BY_INTERVAL] == 0:
            r = table[RHO, w, 0]
            for j in range(n):
                here = s[w, first + j]
                price_per_kwh[j] += a * r * max(here, 0.0)
                curvature[j] += a * a * r if here > -a * up[j] else 0.0
        else:
            for j in range(n):
                c = walls.column[first + j] if trait[w, BY_INTERVAL] else first + j
                low, high, rho = table[LOW, w, c], table[HIGH, w, c], table[RHO, w, c]
                slope = rho * s[w, c]
                reach = rho * a * (walls.most if trait[w, BY_INTERVAL] else 1.0)
                price_per_kwh[j] += a * min(max(slope, low), high)
                curvature[j] += a * reach if slope + reach * up[j] > low and slope - reach * down[j] < high else 0.0


@compiled
def add_prices(way: tuple[Int, Float], walls: Walls, values: Float, cells: tuple[int, int], price_per_kwh: Float) -> None:
    """Add the prices of a table (n_wall, n_step) on a way to `price`; cells = (first step, n)."""
    first, n = cells
    for d in range(len(way[0])):
        w, a = way[0][d], way[1][d]
        if w < 0:
            break
        if walls.trait[w, BY_INTERVAL] == 0:
            for j in range(n):
                price_per_kwh[j] += a * values[w, first + j]
        else:
            for j in range(n):
                price_per_kwh[j] += a * values[w, walls.column[first + j]]


@compiled
def move(way: tuple[Int, Float], walls: Walls, values: Float, cells: tuple[int, int], change: Float) -> None:
    """Add a change of energy to a table (n_wall, n_step) on a way; cells = (first step, n)."""
    first, n = cells
    for d in range(len(way[0])):
        w, a = way[0][d], way[1][d]
        if w < 0:
            break
        if walls.trait[w, BY_INTERVAL] == 0:
            for j in range(n):
                values[w, first + j] += a * change[j]
        else:
            for j in range(n):
                values[w, walls.column[first + j]] += a * change[j]


@compiled
def least_room(way: tuple[Int, Float], walls: Walls, room: tuple[Float, Float], cells: tuple[int, int], most: tuple[Float, Float]) -> None:
    """Lower `most` (up, down) to what the hard walls on a way leave; room (up, down) (n_wall, n_step); cells = (first step, n)."""
    first, n = cells
    for d in range(len(way[0])):
        w, a = way[0][d], way[1][d]
        if w < 0:
            break
        if walls.trait[w, HARD] == 1 and a > 0.0:
            for j in range(n):
                most[0][j] = min(most[0][j], room[0][w, first + j] / a)
                most[1][j] = min(most[1][j], room[1][w, first + j] / a)
