"""A table as a file holds it, to our columns in our units; rows without an instant are refused."""

import numpy as np
import polars as pl

from evloom.store.battery.account import Account, Note
from evloom.store.battery.habits import ABSENT_FROM_C, Habits
from evloom.store.battery.instants import since_begin, to_epoch_s
from evloom.store.battery.layout import AGGREGATES, NUMBERS, TEXTS, Layout
from evloom.store.battery.pieces import LINE, Piece
from evloom.store.battery.words import said_of_pack

NO_TIME = Note("frames.no-time", "refused", "at", "an instant, e.g. 2026-05-05T09:10:00Z, or epoch seconds", "the row is left out")
STATUS = Note("frames.status-unknown", "repaired", "charging", "1, 2, 3, 4 (GB/T 32960.3)", "read as unknown")
GBT_CHARGING = {1: 1, 2: 2, 3: 0, 4: 3}
"""GB/T 32960.3 table 7: 1 parked and charging, 2 driving and recuperating, 3 not charging, 4 charged; to `Frames.charging`."""

WHOLE = ("charging", "bms_level", "balancing")


def timed(table: pl.DataFrame, layout: Layout, source: str, account: Account, charge: int = 0) -> pl.DataFrame:
    """The table with at_s and known_at_s, without the rows that have no instant. charge: number of the charge that the whole file is."""
    at_s = to_epoch_s(table["at"], source, account).alias("at_s")
    if layout.name != "field":
        number = table["charge_id"] if "charge_id" in layout.columns else pl.Series([charge or None] * len(table), dtype=pl.Int64)
        at_s = since_begin(at_s, number, source, account)
    known = to_epoch_s(table["known_at"], source, account).fill_null(at_s) if "known_at" in layout.columns else at_s
    table = table.hstack([at_s, known.alias("known_at_s")])  # no query: that costs by every column of a wide table
    lost = np.flatnonzero(at_s.is_null().to_numpy())
    if len(lost):
        texts = table["at"][lost].cast(pl.String).to_list()
        account.rows(NO_TIME, source, table[LINE][lost].to_list(), [repr(text) for text in texts])
        account.n_refused += len(lost)
        table = table.filter(pl.col("at_s").is_not_null())
    for name in {"at", "known_at", "charge_id"} & set(table.columns):
        table.drop_in_place(name)
    return table


def normal(table: pl.DataFrame, layout: Layout, habits: Habits, piece: Piece, account: Account) -> pl.DataFrame:
    """All columns of `Frames` that a file can tell, in our units; V_1..V_n and T_1..T_m as float32, absent ones as NaN."""
    _report_status(table, layout, piece.name, account)
    have = set(table.columns)
    columns = [pl.col("at_s"), pl.col("known_at_s"), pl.col(LINE)]
    columns += [_number(name, layout, habits) if name in have else _unknown(name) for name in NUMBERS]
    columns += [_aggregate(name, habits) for name in AGGREGATES if name in have and not (layout.cells and layout.probes)]
    columns += [
        pl.col("capacity_ah").cast(pl.Float64, strict=False) if "capacity_ah" in have else pl.lit(None, pl.Float64).alias("capacity_ah")
    ]
    stem = {"vehicle_id": piece.stem, "chemistry": ""}
    columns += [(pl.col(n).cast(pl.String).fill_null(v) if n in have else pl.lit(v).alias(n)) for n, v in stem.items()]
    columns += [pl.col("pack_id").cast(pl.String).alias("pack_id") if "pack_id" in have else pl.lit(None, pl.String).alias("pack_id")]
    there = {column.name: column for column in table.get_columns()}
    readings = [_series(f"V_{k + 1}", there, 0.0, habits.cell_factor) for k in range(len(layout.cells))]
    readings += [_series(f"T_{k + 1}", there, habits.probe_offset_c) for k in range(len(layout.probes))]
    few = table.select([name for name in there if name[:2] not in ("V_", "T_")])
    whole = few.select(columns).with_columns(pl.coalesce("pack_id", "vehicle_id").alias("pack_id"))
    return said_of_pack(whole, piece.name, account).hstack(readings)


def identities(table: pl.DataFrame, stem: str) -> set[str]:
    """The packs in a table that has TEXTS columns or none."""
    have = [pl.col(name).cast(pl.String) for name in ("pack_id", "vehicle_id") if name in table.columns]
    keys = table.select(pl.coalesce(*have, pl.lit(stem)).alias("key"))["key"] if have else pl.Series([stem])
    return set(keys.unique().to_list())


def _unknown(name: str) -> pl.Expr:
    return (pl.lit(-1, pl.Int64) if name in WHOLE else pl.lit(float("nan"), pl.Float64)).alias(name)


def _number(name: str, layout: Layout, habits: Habits) -> pl.Expr:
    value = pl.col(name).cast(pl.Float64, strict=False).fill_null(float("nan"))
    if name in WHOLE:
        whole = pl.col(name).cast(pl.Float64, strict=False).fill_nan(None).cast(pl.Int64, strict=False)
        if name == "charging" and layout.columns[name].lower() != "charging":
            return whole.replace_strict(GBT_CHARGING, default=-1, return_dtype=pl.Int64).fill_null(-1).alias(name)
        return pl.when(whole >= 0).then(whole).otherwise(-1).fill_null(-1).alias(name)
    if name == "current_a" and habits.is_unsigned:
        return _signed(value, layout)
    if name == "current_a" and habits.current_factor != 1.0:
        return (value * habits.current_factor + 0.0).alias(name)  # + 0.0: no minus zero
    if name == "soc" and habits.soc_factor != 1.0:
        return (value * habits.soc_factor).round(6).alias(name)
    if name == "insulation_ohm" and habits.insulation_factor != 1.0:
        return (value * habits.insulation_factor).round(3).alias(name)
    return value.alias(name)


def _signed(value: pl.Expr, layout: Layout) -> pl.Expr:
    """A current that came without a sign: charging where the status says so, discharging where it says anything else, else absent."""
    if "charging" not in layout.columns:
        return pl.lit(float("nan"), pl.Float64).alias("current_a")
    status = pl.col("charging").cast(pl.Float64, strict=False).fill_nan(None)
    return (
        pl.when(status == 1.0)
        .then(value.abs())
        .when(status.is_in([0.0, 2.0, 3.0, 4.0]))
        .then(-value.abs())
        .otherwise(float("nan"))
        .alias("current_a")
    )


def _aggregate(name: str, habits: Habits) -> pl.Expr:
    """The highest or lowest cell or probe in our units."""
    value = pl.col(name).cast(pl.Float64, strict=False).fill_null(float("nan"))
    if name.startswith("cell_") and habits.cell_factor != 1.0:
        value = value * habits.cell_factor
    if name.startswith("probe_") and habits.probe_offset_c != 0.0:
        value = pl.when(value < ABSENT_FROM_C).then(value + habits.probe_offset_c).otherwise(value)
    return value.alias(name)


def _series(name: str, there: dict[str, pl.Series], offset: float, factor: float = 1.0) -> pl.Series:
    if name not in there:
        return pl.Series(name, np.full(len(there["at_s"]), np.nan, dtype=np.float32))
    column = there[name]
    if column.dtype != pl.Float32:
        column = column.cast(pl.Float32, strict=False)
    if column.null_count():
        column = column.fill_null(float("nan"))
    if factor == 1.0 and offset == 0.0:
        return column
    value = pl.col(name)
    if factor != 1.0:
        value = (value * factor).cast(pl.Float32)
    if offset != 0.0:
        value = pl.when(value < ABSENT_FROM_C).then(value + pl.lit(offset, pl.Float32)).otherwise(value).alias(name)
    return column.to_frame().select(value).to_series()


def _report_status(table: pl.DataFrame, layout: Layout, source: str, account: Account) -> None:
    """GB/T statuses that mean nothing; 254 (abnormal) and 255 (invalid) are in the standard and need no word."""
    if layout.name != "field" or "charging" not in table.columns:
        return
    status = pl.col("charging")
    odd = table.filter(status.is_not_null() & status.is_nan().not_() & status.is_in([1.0, 2.0, 3.0, 4.0, 254.0, 255.0]).not_())
    if len(odd):
        account.rows(
            STATUS, source, odd[LINE].to_list(), [f"{value:g}" for value in odd["charging"].head(200)] + [""] * max(len(odd) - 200, 0)
        )
        account.n_repaired += len(odd)


__all__ = ["TEXTS", "identities", "normal", "timed"]
