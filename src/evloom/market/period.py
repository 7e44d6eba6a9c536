"""Periods of a time-of-use tariff: reading one, and proving that all of them fill every day exactly once."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Literal, cast, get_args

import numpy as np

from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Int
from evloom.market.place import Place

Days = Literal["all", "weekdays", "weekend"]
ALL_MONTHS = frozenset(range(1, 13))
DAY_MINUTES = 1440
_DAY_TYPES: dict[Days, tuple[int, ...]] = {"all": (0, 1), "weekdays": (0,), "weekend": (1,)}
_DAY_NAMES = ("Monday to Friday", "Saturday and Sunday")


@dataclass(frozen=True, slots=True)
class Period:
    """A price that holds at some local times.

    category                  free name shown on the bill: sharp, peak, flat, valley, off-peak ...
    start_minute, end_minute  local minutes of the day, [start, end); 0..1440. end <= start means that
                              the period passes midnight: it then covers both ends of the *same* calendar day
    price_per_kwh             in the tariff's currency; may be negative
    months                    1..12
    days                      weekdays are Monday to Friday; public holidays are not told apart
    season, row               how the source names the time of year, and its line there: for findings only
    """

    category: str
    start_minute: int
    end_minute: int
    price_per_kwh: float
    months: frozenset[int] = ALL_MONTHS
    days: Days = "all"
    season: str = ""
    row: int | None = None

    def minutes(self) -> tuple[slice, ...]:
        """The minutes of the day it covers, as one slice, or two where it passes midnight."""
        if self.start_minute < self.end_minute:
            return (slice(self.start_minute, self.end_minute),)
        return (slice(0, self.end_minute), slice(self.start_minute, DAY_MINUTES))


def clock_text(minute: int) -> str:
    """A minute of the day 0..1440 as "HH:MM"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def months_text(months: Sequence[int] | frozenset[int]) -> str:
    """Months as runs: {1, 2, 3, 11} -> "1-3,11"."""
    ordered = sorted(months)
    starts = [m for m in ordered if m - 1 not in months]
    ends = [m for m in ordered if m + 1 not in months]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def minute_of(value: object) -> int | None:
    """ "HH:MM" (up to "24:00") or a TOML local time as minutes of the day; None where it is neither, or has seconds."""
    if isinstance(value, time):
        return None if value.second or value.microsecond else value.hour * 60 + value.minute
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::00)?", value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2])
    return hour * 60 + minute if minute < 60 and hour * 60 + minute <= DAY_MINUTES else None


def months_of(value: object) -> frozenset[int] | None:
    """Months from [1, 2, 12], "1-2,12", "11-2" (over the new year) or "all"; None where it is none of these."""
    if isinstance(value, str):
        if value.strip().lower() in ("all", ""):
            return ALL_MONTHS
        months: set[int] = set()
        for part in value.split(","):
            run = re.fullmatch(r"\s*(\d{1,2})(?:\s*-\s*(\d{1,2}))?\s*", part)
            if run is None:
                return None
            first, last = int(run[1]), int(run[2] or run[1])
            if not {first, last} <= ALL_MONTHS:
                return None
            months.update((first + k - 1) % 12 + 1 for k in range((last - first) % 12 + 1))
        return frozenset(months)
    if isinstance(value, list | tuple) and value and all(type(m) is int and 1 <= m <= 12 for m in value):
        return frozenset(value)
    return None


def number_of(value: object) -> float | None:
    """A finite number, given as such or as text with a decimal point; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def period_from(raw: Mapping[str, object], place: Place, row: int | None) -> Period | None:
    """One period from raw fields, or None with findings in `place`.

    Fields: category, start, end, price_per_kwh; optional months (default: all), days (all) and season.
    """
    before = len(place.findings)
    category = raw.get("category")
    if not isinstance(category, str) or not category.strip():
        place.refuse("tariff.category-missing", "category", category or "", "a name such as peak, flat or valley", "name the period")
    start, end = _clock(raw, "start", place), _clock(raw, "end", place)
    if start is not None and start == end:
        place.refuse(
            "tariff.period-empty", "end", clock_text(end or 0), f"later than {clock_text(start)}", "write 00:00 to 24:00 for a whole day"
        )
    price = number_of(raw.get("price_per_kwh"))
    if price is None:
        _refuse_price(raw.get("price_per_kwh"), place)
    months = months_of(raw.get("months", "all"))
    if months is None:
        place.refuse("tariff.months", "months", raw["months"], 'numbers 1..12: [1, 2, 12], "1-2,12" or "all"', "correct the months")
    days = raw.get("days") or "all"
    if days not in get_args(Days):
        place.refuse("tariff.days", "days", days, "all, weekdays or weekend", "correct the days")
    if len(place.findings) > before or start is None or end is None or price is None or months is None:
        return None
    return Period(str(category).strip(), start % DAY_MINUTES, end, price, months, cast(Days, days), str(raw.get("season") or ""), row)


def _clock(raw: Mapping[str, object], name: str, place: Place) -> int | None:
    minute = minute_of(raw.get(name))
    if minute is None:
        place.refuse("tariff.time", name, raw.get(name) or "", "a local time from 00:00 to 24:00, whole minutes", "write it as HH:MM")
    return minute


def _refuse_price(value: object, place: Place) -> None:
    allowed = "a finite price per kWh, e.g. 0.3784"
    if value is None or (isinstance(value, str) and not value.strip()):
        place.refuse("tariff.price-missing", "price_per_kwh", "", allowed, "give the price of this period, 0 if it is free")
    elif isinstance(value, str) and re.fullmatch(r"\s*-?\d+,\d+\s*", value):
        place.refuse("tariff.price-not-a-number", "price_per_kwh", value, allowed, "write a decimal point, not a comma")
    else:
        place.refuse("tariff.price-not-a-number", "price_per_kwh", value, allowed, "replace NaN, infinity or text by the price")


def period_table(periods: Sequence[Period]) -> Int:
    """Which period holds when: (12 months, 2 day types, 1440 minutes) -> index into `periods`, -1 for none.

    Day type 0 is Monday to Friday, 1 is Saturday and Sunday. Where periods overlap the last one stands.
    """
    table = np.full((12, 2, DAY_MINUTES), -1, dtype=np.int64)
    for index, period in enumerate(periods):
        for month in period.months:
            for day_type in _DAY_TYPES[period.days]:
                for minutes in period.minutes():
                    table[month - 1, day_type, minutes] = index
    return table


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    second: int
    start_minute: int
    end_minute: int


def check_periods(periods: Sequence[Period], place: Place) -> None:
    """Add a finding to `place` for every hole and every overlap; months with the same mistake share a finding.

    A hole names the local time, the season and the row of the period beside it; an overlap names both rows.
    """
    seen: dict[tuple[_Span, int], set[int]] = {}
    for month in range(1, 13):
        for day_type in range(2):
            for span in (*_holes(periods, month, day_type), *_overlaps(periods, month, day_type)):
                seen.setdefault((span, day_type), set()).add(month)
    merged: dict[tuple[_Span, frozenset[int]], list[int]] = {}
    for (span, day_type), months in seen.items():
        merged.setdefault((span, frozenset(months)), []).append(day_type)
    for (span, shared), day_types in merged.items():
        _add_span_finding(periods, span, f"{_when(periods, shared, span)}, {_days_text(day_types)}", place)


def _days_text(day_types: Sequence[int]) -> str:
    return "every day" if len(day_types) == 2 else _DAY_NAMES[day_types[0]]


def _when(periods: Sequence[Period], months: frozenset[int], span: _Span) -> str:
    """The season the mistake lies in, as the source calls it, with its months."""
    seasons = sorted({p.season for p in periods if p.season and p.months & months})
    named = f"season {' and '.join(seasons)}, " if seasons and span.first >= 0 else ""
    return f"{named}months {months_text(months)}"


def _add_span_finding(periods: Sequence[Period], span: _Span, when: str, place: Place) -> None:
    value = f"{clock_text(span.start_minute)}-{clock_text(span.end_minute)} local time ({when})"
    allowed = "every minute of every day in exactly one period"
    if span.second >= 0:
        first, second = periods[span.first], periods[span.second]
        other = f"line {first.row}" if first.row is not None else f"the period {first.category} from {clock_text(first.start_minute)}"
        finding = Finding(
            "tariff.overlap",
            "refused",
            place.source,
            second.row,
            place.prefix + "periods",
            value,
            allowed,
            f"change its times or those of {other}",
        )
    else:
        row = periods[span.first].row if span.first >= 0 else None
        advice = "add a period that fills this hole, or lengthen its neighbour"
        finding = Finding("tariff.hole", "refused", place.source, row, place.prefix + "periods", value, allowed, advice)
    place.findings.append(finding)


def _active(periods: Sequence[Period], month: int, day_type: int) -> list[tuple[int, slice]]:
    """(index, minutes) of the periods of one month and day type, by start."""
    spans = [(k, s) for k, p in enumerate(periods) if month in p.months and day_type in _DAY_TYPES[p.days] for s in p.minutes()]
    return sorted((pair for pair in spans if pair[1].start < pair[1].stop), key=lambda pair: (pair[1].start, pair[1].stop))


def _holes(periods: Sequence[Period], month: int, day_type: int) -> list[_Span]:
    holes, covered, last = [], 0, -1
    for index, minutes in _active(periods, month, day_type):
        if minutes.start > covered:
            holes.append(_Span(last if last >= 0 else index, -1, covered, minutes.start))
        if minutes.stop > covered:
            covered, last = minutes.stop, index
    return holes if covered == DAY_MINUTES else [*holes, _Span(last, -1, covered, DAY_MINUTES)]


def _overlaps(periods: Sequence[Period], month: int, day_type: int) -> list[_Span]:
    active = _active(periods, month, day_type)
    return [
        _Span(min(a, b), max(a, b), y.start, min(x.stop, y.stop))
        for k, (a, x) in enumerate(active)
        for b, y in active[k + 1 :]
        if y.start < x.stop
    ]
