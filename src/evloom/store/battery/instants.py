"""Instants as files write them, to epoch seconds."""

import polars as pl

from evloom.store.battery.account import Account, Note

NAIVE = Note("frames.time-without-zone", "warning", "at", "an instant with its zone, e.g. 2026-05-05T09:10:00+08:00", "taken as UTC")
ZONED = ("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z")
PLAIN = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y%m%d%H%M%S")
LATE = ("%d.%m.%Y %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%Y年%m月%d日 %H:%M:%S%.f", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日%H时%M分%S秒")
"""Tried last. Days and months with strokes, 5/6/2026, are not read: whether that is in May or June nobody can tell."""
DIGITS_FROM, DIGITS_TO = 1.97e13, 2.1e13
"""Numbers within these are 20190722134001: as milliseconds they would be in the 27th century."""
RELATIVE_END_S, DAY_S = 1e8, 86400.0
"""Instants before 1973 are no dates but seconds since a record began."""
RELATIVE = Note(
    "frames.clock-relative",
    "warning",
    "at",
    "instants, e.g. 2026-05-05T09:10:00+08:00",
    "read as seconds since the record began: dates mean nothing; where each charge begins at 0, charge_id must number the charges",
)
MILLISECONDS_FROM, MICROSECONDS_FROM, NANOSECONDS_FROM = 1e11, 1e14, 1e17
"""Epoch numbers from here on are milliseconds (microseconds, nanoseconds): as seconds they would be the year 5138."""
END_S = 4102444800.0
"""2100: no frame is of later, nor of before 1970."""


def to_epoch_s(column: pl.Series, source: str, account: Account) -> pl.Series:
    """Epoch seconds, null where there is no instant that can be. Numbers may be seconds, milliseconds, microseconds or nanoseconds."""
    found = _epoch_s(column, source, account)
    value = pl.col(found.name)
    return found.to_frame().select(pl.when(value.is_between(0.0, END_S)).then(value).otherwise(None).alias(found.name)).to_series()


def since_begin(at_s: pl.Series, charge: pl.Series, source: str, account: Account) -> pl.Series:
    """Instants of a clock that runs from 0: as they are, or a day later for each charge where these are numbered (the last digits of
    `charge`), since how long the car was away is not known. Other instants stay."""
    low = at_s < RELATIVE_END_S
    if not bool(low.any()):
        return at_s
    number = charge.cast(pl.String).str.extract(r"(\d{1,5})(?:\.0*)?$").cast(pl.Float64, strict=False).fill_null(0.0)
    account.whole(
        RELATIVE,
        source,
        f"from {float(at_s.fill_nan(None).to_numpy()[low.fill_null(False).to_numpy()].min()):g} s on"
        + (", charges numbered" if bool((number > 0.0).any()) else ""),
    )
    table = pl.DataFrame({"at_s": at_s, "low": low, "day": number * DAY_S})
    return table.select(pl.when(pl.col("low")).then(pl.col("at_s") + pl.col("day")).otherwise(pl.col("at_s")).alias("at_s")).to_series()


def _epoch_s(column: pl.Series, source: str, account: Account) -> pl.Series:
    if column.dtype == pl.String:
        numbers = column.cast(pl.Float64, strict=False)
        plain = numbers.is_not_null() & (column.str.len_chars() != 14)  # 14 digits are 20210505091000
        return _scaled(numbers) if bool(plain.any()) else _texts(column, source, account)
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is None:
            account.whole(NAIVE, source, "instants without a zone")
        return column.dt.epoch("us").cast(pl.Float64) / 1e6
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    numbers = column.cast(pl.Float64, strict=False)
    if bool(numbers.is_between(DIGITS_FROM, DIGITS_TO).any()):
        return _texts(numbers.cast(pl.Int64, strict=False).cast(pl.String), source, account)
    return _scaled(numbers)


def _scaled(numbers: pl.Series) -> pl.Series:
    value = pl.col(numbers.name)
    size = value.abs()
    large = pl.when(size >= NANOSECONDS_FROM).then(value / 1e9).otherwise(value / 1e6)
    scaled = pl.when(size >= MICROSECONDS_FROM).then(large).when(size >= MILLISECONDS_FROM).then(value / 1e3).otherwise(value)
    finite = pl.when(value.is_finite()).then(scaled).otherwise(None)
    return numbers.to_frame().select(finite.alias(numbers.name)).to_series()


def _texts(column: pl.Series, source: str, account: Account) -> pl.Series:
    """Each text by the first format that reads it; columns are uniform, so later formats are tried only while something is left."""
    text = column.str.strip_chars().str.replace(r"[Zz]$", "+00:00")
    result = pl.Series(column.name, [None] * len(column), dtype=pl.Float64)
    for form in (*PLAIN, *ZONED, *LATE):
        if form == LATE[0]:  # a zone in hours or by its name
            text = text.str.replace(r" ?(?:UTC|GMT)$", "+00:00").str.replace(r"(:\d\d(?:\.\d+)?) ?([+-]\d\d)$", "${1}${2}:00")
            result = _filled(result, text, ZONED)
        if result.null_count() == column.null_count():
            break
        zoned = form in ZONED
        read = text.str.to_datetime(form, time_unit="us", time_zone="UTC" if zoned else None, strict=False, ambiguous="earliest")
        if read.null_count() == len(read):
            continue
        if not zoned:
            account.whole(NAIVE, source, "instants without a zone")
        result = result.fill_null(read.dt.epoch("us").cast(pl.Float64) / 1e6)
    return result


def _filled(result: pl.Series, text: pl.Series, forms: tuple[str, ...]) -> pl.Series:
    """What is still missing, by formats that name a zone."""
    for form in forms:
        if result.null_count():
            read = text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
            result = result.fill_null(read.dt.epoch("us").cast(pl.Float64) / 1e6)
    return result
