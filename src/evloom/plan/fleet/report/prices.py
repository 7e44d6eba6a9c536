"""The prices of the nodes as a map: which rows, and classes of colour that a heavy tail does not wash out."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float, Int

WARM = ("#FEE391", "#FEC44F", "#FE9929", "#EC7014", "#CC4C02", "#7F2704")
"""One more kWh of import room would save this; light to dark, "YlOrBr" of ColorBrewer (Brewer 2003), for colour-blind readers too."""
COLD = ("#C6DBEF", "#9ECAE1", "#6BAED6", "#4292C6", "#2171B5", "#08306B")
"""The same for export room: "Blues" of ColorBrewer."""


@dataclass(frozen=True)
class PriceMap:
    """row (n_row,) of the nodes in tree order; breaks: upper ends of the classes of the size of a price, rising;
    quiet: how many nodes have no price at any time, hidden: how many with a price are left out."""

    row: Int
    breaks: list[float]
    quiet: int
    hidden: int


def price_map(price_per_kwh: Float, place: Int, rows_max: int) -> PriceMap:
    """The nodes that have a price at some time, at most rows_max of those with the highest sum of sizes; place: their place in the tree."""
    size = np.where(np.isfinite(price_per_kwh), np.abs(price_per_kwh), 0.0)
    least = 1e-6 * size.max(initial=0.0)
    priced = np.flatnonzero((size > least).any(axis=1))
    weight = size[priced].sum(axis=1)
    row = priced[np.argsort(-weight, kind="stable")[:rows_max]]
    row = row[np.argsort(place[row], kind="stable")]
    return PriceMap(row, classes(size[row][size[row] > least]), len(price_per_kwh) - len(priced), len(priced) - len(row))


def classes(size: Float) -> list[float]:
    """Upper ends of at most len(WARM) classes that cover all sizes > 0, numbers of the row 1, 2, 5, 10.

    The first one reaches up to the 10 % quantile, or to a thousandth of the largest where that is more.
    """
    if not len(size):
        return []
    low, high = _up(max(float(np.quantile(size, 0.1)), 1e-3 * float(size.max()))), _up(float(size.max()))
    decades = np.arange(np.floor(np.log10(low)) - 1, np.ceil(np.log10(high)) + 1)
    ends = np.sort((np.array([1.0, 2.0, 5.0])[:, None] * 10.0**decades).ravel())
    ends = ends[(ends >= low * (1 - 1e-9)) & (ends <= high * (1 + 1e-9))]
    keep = np.unique(np.round(np.linspace(0, len(ends) - 1, min(len(ends), len(WARM)))).astype(np.int64))
    return [float(f"{end:.3g}") for end in ends[keep].tolist()]


def shades(colours: tuple[str, ...], n: int) -> list[str]:
    """n of the colours, spread from the lightest to the darkest; a single class has a middle one."""
    if n == 1:
        return [colours[len(colours) // 2]]
    return [colours[round(k * (len(colours) - 1) / (n - 1))] for k in range(n)]


def _up(value: float) -> float:
    """The next number 1, 2 or 5 times a power of ten that is not below a value > 0."""
    ten = 10.0 ** np.floor(np.log10(value))
    return float(next(m * ten for m in (1.0, 2.0, 5.0, 10.0) if m * ten >= value * (1.0 - 1e-9)))
