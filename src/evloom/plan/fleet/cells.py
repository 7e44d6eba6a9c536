"""The cells of a sheet become values of the types that `columns` asks for; whatever does not is a finding."""

import difflib

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Bool
from evloom.plan.fleet.columns import TABLES, Column
from evloom.plan.fleet.log import Log, Note
from evloom.plan.fleet.sheet import Sheet

TIME_FORMATS = ("%+", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")
INSTANT = pl.Datetime("us", "UTC")
TYPES: dict[str, pl.DataType] = {"text": pl.String(), "time": INSTANT, "number": pl.Float64()}


def typed(sheet: Sheet, log: Log) -> pl.DataFrame:
    """The table with all its columns, in order, empty cells filled with their defaults; wrong cells are null and in the log."""
    columns = TABLES[sheet.name]
    known = [column.name for column in columns]
    missing = [column.name for column in columns if column.required and column.name not in sheet.frame.columns]
    if missing and not sheet.is_empty_list:
        advice = f"found: {', '.join(sheet.frame.columns) or 'none'}. Add what is missing or rename what is meant"
        log.whole(
            sheet.place.source,
            Note("dispatch.missing-columns", "refused", sheet.place.inside, f"columns {', '.join(known)}", advice),
            "no column " + ", ".join(missing),
        )
    for name in sheet.frame.columns:
        if name not in known:
            like = difflib.get_close_matches(name, known, 1)
            advice = f"not read; was {like[0]} meant?" if like else "not read; take it out if it is not for another reader"
            note = Note("dispatch.unknown-column", "warning", name, f"columns {', '.join(known)}", advice)
            log.whole(sheet.place.source, note, "a column that nobody reads")
    return pl.DataFrame([_typed_column(sheet, column, log) for column in columns])


def _typed_column(sheet: Sheet, column: Column, log: Log) -> pl.Series:
    n_row = len(sheet.frame)
    if column.name not in sheet.frame.columns:
        values = pl.Series(column.name, [None], dtype=TYPES[column.kind]).new_from_index(0, n_row)
    else:
        raw = sheet.frame[column.name]
        values, wrong = _converted(raw, column)
        note = Note("dispatch.wrong-type", "refused", column.name, column.allowed, "write the value in that form")
        log.rows(sheet.place, wrong, note, lambda i: _shown(raw, i))
        if column.required:
            note = Note("dispatch.empty-cell", "refused", column.name, column.allowed, "fill the cell")
            log.rows(sheet.place, values.is_null().to_numpy() & ~wrong, note, lambda _: "(empty)")
        if column.kind == "number":
            _check_range(sheet, column, values, log)
    return values if column.default is None else values.fill_null(column.default)


def _check_range(sheet: Sheet, column: Column, values: pl.Series, log: Log) -> None:
    number = values.to_numpy()
    given = values.is_not_null().to_numpy()
    finite = np.isfinite(number)
    note = Note("dispatch.not-a-number", "refused", column.name, column.allowed, "give a number; an unknown one is left empty")
    log.rows(sheet.place, given & ~finite, note, lambda i: str(number[i]))
    low = number <= column.least if column.is_open else number < column.least
    note = Note("dispatch.out-of-range", "refused", column.name, column.allowed, "check the value, its sign and its unit")
    log.rows(sheet.place, given & finite & (low | (number > column.most)), note, lambda i: f"{number[i]:g}{column.unit}")


def _converted(raw: pl.Series, column: Column) -> tuple[pl.Series, Bool]:
    """The values, null where there is none or a wrong one, and where they are wrong."""
    if column.kind == "text":
        values = raw.cast(pl.String, strict=False) if raw.dtype in (pl.Categorical, pl.Enum) or raw.dtype.is_integer() else raw
        values = values if values.dtype == pl.String else pl.Series(raw.name, [None] * len(raw), dtype=pl.String)
    elif column.kind == "time":
        values = _instants(raw)
    elif raw.dtype.is_numeric() or raw.dtype == pl.String:
        values = raw.cast(pl.Float64, strict=False)
    else:
        values = pl.Series(raw.name, [None] * len(raw), dtype=pl.Float64)
    return values.rename(column.name), (raw.is_not_null() & values.is_null()).to_numpy()


def _instants(raw: pl.Series) -> pl.Series:
    """Instants in UTC; null where a time has no offset or cannot be read."""
    if isinstance(raw.dtype, pl.Datetime) and raw.dtype.time_zone:
        return raw.cast(pl.Datetime("us", raw.dtype.time_zone)).dt.convert_time_zone("UTC")
    values = pl.Series(raw.name, [None], dtype=INSTANT).new_from_index(0, len(raw))
    if raw.dtype != pl.String:
        return values
    for form in TIME_FORMATS:
        if values.null_count() == raw.null_count():
            break
        read = raw.str.to_datetime(form, strict=False, time_zone="UTC", time_unit="us")
        values = values.fill_null(read) if len(values) else values
    return values


def _shown(raw: pl.Series, row: int) -> str:
    text = str(raw[row])
    return text if len(text) <= 60 else text[:57] + "..."
