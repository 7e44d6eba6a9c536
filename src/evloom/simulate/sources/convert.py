"""Columns of text to columns of numbers and instants.

Each function gives NaN where nothing was said, and says apart which cells were said but cannot be read:
an unreadable cell is never taken for an unknown one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.timegrid import Bool, Float

MISSING = frozenset(("", "NA", "N/A", "na", "NaN", "nan", "NULL", "null", "None", "-"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Column:
    """`value` (n,), NaN where unknown; `bad` (n,) true where there was a text that cannot be read."""

    value: Float
    bad: Bool


def _convert(texts: list[str], read: Callable[[str], float]) -> Column:
    value = np.full(len(texts), np.nan)
    bad = np.zeros(len(texts), dtype=np.bool_)
    for i, text in enumerate(texts):
        if text in MISSING:
            continue
        try:
            value[i] = read(text)
        except (ValueError, OverflowError):
            bad[i] = True
    return Column(value, bad)


def _read_decimal(text: str) -> float:
    number = float(text)
    if not np.isfinite(number) or "_" in text:
        raise ValueError(text)
    return number


def _read_decimal_comma(text: str) -> float:
    if "." in text:
        raise ValueError(text)
    return _read_decimal(text.replace(",", "."))


def numbers(texts: list[str], decimal: str = ".") -> Column:
    """Decimal numbers with a point, or with a comma when `decimal` is ",". Infinite and grouped numbers cannot be read."""
    return _convert(texts, _read_decimal_comma if decimal == "," else _read_decimal)


def _read_instant(text: str) -> float:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return (instant - _EPOCH) / _SECOND


def instants(texts: list[str]) -> Column:
    """ISO 8601 instants with their UTC offset, in seconds since the epoch. An instant without an offset cannot be read."""
    return _convert(texts, _read_instant)


def local_clock_s(texts: list[str], pattern: str) -> Column:
    """Wall-clock readings as seconds since the same wall clock showed 1970-01-01 00:00.

    `pattern` is a regular expression with the groups y, m, d, H, M and perhaps S; a two-digit year is
    of this century. Whether the clock showed that reading at all is for `to_utc` to say.
    """
    compiled = re.compile(pattern)

    def read(text: str) -> float:
        match = compiled.fullmatch(text)
        if match is None:
            raise ValueError(text)
        part = match.groupdict(default="0")
        year = int(part["y"]) + (2000 if len(part["y"]) == 2 else 0)
        hour, minute, second = int(part["H"]), int(part["M"]), int(part.get("S", 0))
        return (datetime(year, int(part["m"]), int(part["d"]), hour, minute, second, tzinfo=UTC) - _EPOCH) / _SECOND

    return _convert(texts, read)


@dataclass(frozen=True, slots=True)
class UtcReading:
    """Instants of wall-clock readings, each (n,), NaN where the reading was.

    first_s, second_s   seconds since the epoch for the first and the second time the clock showed the reading
    doubled             the reading came twice (clock put back): first_s < second_s
    skipped             the reading never came (clock put forward): both are the instant the reading would
                        have been without the change, an hour later by the new clock
    """

    first_s: Float
    second_s: Float
    doubled: Bool
    skipped: Bool


def to_utc(clock_s: Float, zone: ZoneInfo) -> UtcReading:
    """Instants of wall-clock readings (n,) in `zone`.

    Zones change their offset only at whole quarter-hours of the wall clock, so one look-up per
    quarter-hour is enough; `fold` has the meaning of PEP 495.
    """
    known = np.isfinite(clock_s)
    quarter, inverse = np.unique(np.floor_divide(clock_s[known], 900.0), return_inverse=True)
    offset_s = np.zeros((2, len(quarter)))
    for k, number in enumerate(quarter):
        reading = _EPOCH + timedelta(seconds=900.0 * number)
        for fold in (0, 1):
            offset = reading.replace(tzinfo=zone, fold=fold).utcoffset()
            offset_s[fold, k] = offset.total_seconds() if offset else 0.0
    first_s = np.full(len(clock_s), np.nan)
    second_s = np.full(len(clock_s), np.nan)
    doubled = np.zeros(len(clock_s), dtype=np.bool_)
    skipped = np.zeros(len(clock_s), dtype=np.bool_)
    before_s, after_s = offset_s[0][inverse], offset_s[1][inverse]
    first_s[known] = clock_s[known] - before_s
    second_s[known] = clock_s[known] - np.where(after_s < before_s, after_s, before_s)
    doubled[known] = after_s < before_s
    skipped[known] = after_s > before_s
    return UtcReading(first_s, second_s, doubled, skipped)


def iso(second_s: float) -> str:
    """An instant as text in UTC for messages and files; "" for NaN. Whole microseconds."""
    if not np.isfinite(second_s):
        return ""
    return (_EPOCH + timedelta(seconds=float(second_s))).isoformat()
