"""The mean cell of a pack that sends no single cells: voltage of the pack over the number of cells in series.

How many these are is told by a column or deduced: voltage of the pack over the middle of its highest and lowest cell, where these lie close
together. The two are measured apart and differ by up to a percent, so the pack's voltage is brought to the cells' by that ratio, and the
number is only said.
"""

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Float
from evloom.store.battery.account import Account, Note
from evloom.store.battery.pieces import LINE

LEARN = 500
"""Rows of a pack from which the ratio is taken; rows are held till then."""
LEAST = 10
CALM_SHARE = 0.3
"""The part of them in which highest and lowest are closest."""
LEAST_SERIES = 40
"""Below so many a tenth of a volt of the pack is coarser than the extremes of its cells."""
LEAST_V, MOST_V = 1.0, 5.0
MOST_SERIES = 1000
MOST_SCATTER = 0.01
"""Mean scatter of the ratio from which on pack and cells do not belong together."""
APART = 0.02
"""A told number this far from the deduced one is not believed."""
FROM_PACK = Note(
    "frames.mean-cell",
    "warning",
    "V_1..V_n",
    "the voltage of each cell",
    "one mean cell stands for all: nothing can be said of single cells",
)
SERIES = Note("frames.series-unsure", "warning", "n_series", "pack_v = cells in series times their voltage", "")
SWAPPED = Note(
    "frames.extremes-swapped", "repaired", "cell_max_v, cell_min_v", "the highest at or above the lowest", "read the other way round"
)
CROSSED = Note("frames.extremes-crossed", "repaired", "cell_max_v, cell_min_v", "the highest at or above the lowest", "both read as absent")


def lacks_cells(table: pl.DataFrame) -> bool:
    """Whether a table sends no cell but what a mean one can be made of."""
    have = set(table.columns)
    return "V_1" not in have and bool({"cell_max_v", "cell_min_v"} <= have or {"n_series", "pack_v"} <= have)


class MeanCell:
    """Adds V_1, the mean cell, and T_1, the middle of the probes, to the tables of one pack."""

    def __init__(self, pack_id: str, source: str, account: Account) -> None:
        self._pack_id, self._source, self._account = pack_id, source, account
        self._held: pl.DataFrame | None = None
        self._ratio: float | None = None
        self._swapped = False
        self.n_series = 0

    def feed(self, table: pl.DataFrame, last: bool) -> pl.DataFrame:
        """The rows with V_1 and T_1; none before enough are there to tell the ratio."""
        if self._held is not None:
            table = pl.concat([self._held, table], how="diagonal_relaxed")
            self._held = None
        if self._ratio is None and not last and len(table) < LEARN:
            self._held = table
            return table.clear()
        if not len(table):
            return table
        if self._ratio is None:
            self._learn(table.head(LEARN))
        return self._filled(table)

    def _learn(self, table: pl.DataFrame) -> None:
        high, low, pack_v = (_column(table, name) for name in ("cell_max_v", "cell_min_v", "pack_v"))
        there = np.abs(high - low) > 1e-4
        self._swapped = bool(there.sum() >= LEAST and float(np.mean((high < low)[there])) > 0.9)
        if self._swapped:
            self._account.whole(SWAPPED, self._source, f"pack {self._pack_id}: {int((high < low).sum())} of {len(table)} rows")
            high, low = low, high
        use = np.isfinite(high + low + pack_v) & (low > LEAST_V) & (high < MOST_V) & (high >= low) & (pack_v > high)
        told = _column(table, "n_series")
        told = told[np.isfinite(told) & (told >= 1.0) & (told <= MOST_SERIES)]
        said = float(np.median(told)) if len(told) else 0.0
        ratio = said
        if use.sum() >= LEAST:
            ratio = self._deduced(high[use], low[use], pack_v[use], said)
        self._ratio, self.n_series = ratio, round(said or ratio)
        how = "told" if said else "deduced from the voltage of the pack" if self.n_series else "not known"
        value = f"pack {self._pack_id}: no single cells; {self.n_series or '?'} in series, {how}"
        if use.any():
            apart_v = (high - low)[use]
            value += f"; highest and lowest apart by {1e3 * np.median(apart_v):.0f} mV, at most {1e3 * apart_v.max():.0f} mV"
        self._account.whole(FROM_PACK, self._source, value)

    def _deduced(self, high: Float, low: Float, pack_v: Float, said: float) -> float:
        """Voltage of the pack over the middle of the cells, 0 where the two do not belong together."""
        calm = high - low <= np.quantile(high - low, CALM_SHARE)
        each = pack_v[calm] / (0.5 * (high + low)[calm])
        ratio = float(np.median(each))
        scatter = float(np.median(np.abs(each / ratio - 1.0)))
        if scatter > MOST_SCATTER or not 1.5 <= ratio <= MOST_SERIES:
            value = f"pack {self._pack_id}: pack_v is {ratio:.1f} times the middle cell, scatter {scatter:.1%}"
            self._account.whole(SERIES, self._source, f"{value}; the middle of highest and lowest cell is taken")
            return 0.0
        if said and abs(ratio / said - 1.0) > APART:
            value = f"pack {self._pack_id}: {said:g} told, {ratio:.1f} by pack_v over the middle cell"
            self._account.whole(SERIES, self._source, f"{value}; the voltage of the pack is brought to that of the cells")
        return ratio

    def _filled(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with the mean cell and the middle of the probes."""
        high, low, pack_v = (_column(table, name) for name in ("cell_max_v", "cell_min_v", "pack_v"))
        high, low = (low, high) if self._swapped else (high, low)
        crossed = np.flatnonzero(high < low - 1e-4)
        if len(crossed):
            values = [f"{high[k]:g} < {low[k]:g}" for k in crossed]
            self._account.rows(CROSSED, self._source, table[LINE][crossed].to_list(), values)
            self._account.n_repaired += len(crossed)
            high[crossed] = low[crossed] = np.nan
        middle = np.where((low > LEAST_V) & (high < MOST_V), 0.5 * (high + low), np.nan)
        mean = pack_v / self._ratio if self._ratio else np.full(len(table), np.nan)
        if self._ratio and self._ratio < LEAST_SERIES:
            mean = np.where(np.isfinite(middle), middle, mean)
        mean = np.where(np.isfinite(mean), mean, middle)
        hot, cold = _column(table, "probe_max_c"), _column(table, "probe_min_c")
        probe = np.where(np.isfinite(hot) & np.isfinite(cold), 0.5 * (hot + cold), np.where(np.isfinite(hot), hot, cold))
        table = table.with_columns(pl.Series("V_1", mean, dtype=pl.Float32))
        return table if "T_1" in table.columns else table.with_columns(pl.Series("T_1", probe, dtype=pl.Float32))


def _column(table: pl.DataFrame, name: str) -> Float:
    if name not in table.columns:
        return np.full(len(table), np.nan)
    return np.array(table[name].fill_null(float("nan")).to_numpy(), dtype=np.float64)
