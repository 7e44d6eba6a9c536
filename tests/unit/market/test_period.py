"""Periods: what can be written, and that holes and overlaps are found wherever they lie."""

from datetime import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.finding import Finding
from evloom.market.period import ALL_MONTHS, Period, check_periods, minute_of, months_of, months_text, number_of, period_from, period_table
from evloom.market.place import Place


def checked(*periods: Period) -> list[Finding]:
    place = Place("t.csv", "", lambda _: None)
    check_periods(periods, place)
    return place.findings


@pytest.mark.parametrize(
    ("value", "minute"),
    [
        ("00:00", 0),
        ("8:30", 510),
        ("24:00", 1440),
        (time(23, 59), 1439),
        ("08:30:00", 510),
        ("24:01", None),
        ("12:60", None),
        ("noon", None),
        (8, None),
        (None, None),
        (time(8, 0, 30), None),
        ("08:30:15", None),
    ],
)
def test_clock_times(value: object, minute: int | None) -> None:
    assert minute_of(value) == minute


@pytest.mark.parametrize(
    ("value", "months"),
    [
        ("all", set(range(1, 13))),
        ("1-3,11", {1, 2, 3, 11}),
        ("11-2", {11, 12, 1, 2}),
        ([7, 8], {7, 8}),
        ("0-3", None),
        ("13", None),
        ([], None),
        ([True], None),
        ([1.5], None),
        ("summer", None),
        (7, None),
    ],
)
def test_months(value: object, months: set[int] | None) -> None:
    assert months_of(value) == (None if months is None else frozenset(months))


def test_months_are_shown_as_runs() -> None:
    assert months_text(frozenset({1, 2, 3, 7, 11, 12})) == "1-3,7,11-12"


@pytest.mark.parametrize("value", ["nan", "inf", "", "0,5", float("nan"), float("-inf"), True, None, [1.0]])
def test_what_is_not_a_price(value: object) -> None:
    assert number_of(value) is None


def test_every_mistake_of_a_period_is_reported() -> None:
    place = Place("s.toml", "tariff.periods[2].", {"tariff.periods[2].start": 17}.get)
    raw = {"category": "", "start": "25:00", "end": "08:00", "price_per_kwh": float("nan"), "months": [13], "days": "sunday"}
    assert period_from(raw, place, None) is None
    codes = ["tariff.category-missing", "tariff.time", "tariff.price-not-a-number", "tariff.months", "tariff.days"]
    assert [f.code for f in place.findings] == codes
    assert (place.findings[1].row, place.findings[1].field, place.findings[1].value) == (17, "tariff.periods[2].start", "25:00")


def test_a_decimal_comma_is_named_as_such() -> None:
    place = Place("t.csv", "", lambda _: 4)
    period_from({"category": "flat", "start": "0:00", "end": "24:00", "price_per_kwh": "0,38"}, place, 4)
    assert [(f.code, f.row) for f in place.findings] == [("tariff.price-not-a-number", 4)]
    assert "comma" in place.findings[0].advice


def test_a_period_of_no_length_is_refused() -> None:
    place = Place("t.csv", "", lambda _: None)
    assert period_from({"category": "flat", "start": "08:00", "end": "08:00", "price_per_kwh": 1}, place, None) is None
    assert [f.code for f in place.findings] == ["tariff.period-empty"]


def test_a_hole_names_time_season_and_row() -> None:
    (hole,) = checked(
        Period("valley", 0, 480, 0.3, frozenset({7, 8}), "all", "summer", 2),
        Period("flat", 540, 1440, 0.6, frozenset({7, 8}), "all", "summer", 3),
        Period("flat", 0, 1440, 0.5, ALL_MONTHS - {7, 8}, "all", "rest", 4),
    )
    assert (hole.code, hole.row) == ("tariff.hole", 2)
    assert hole.value == "08:00-09:00 local time (season summer, months 7-8, every day)"


def test_an_overlap_names_both_rows_and_the_days() -> None:
    (overlap,) = checked(
        Period("flat", 0, 1440, 0.5, ALL_MONTHS, "all", "", 2),
        Period("peak", 600, 720, 0.9, frozenset({1}), "weekend", "", 3),
    )
    assert (overlap.code, overlap.row) == ("tariff.overlap", 3)
    assert overlap.value == "10:00-12:00 local time (months 1, Saturday and Sunday)"
    assert "line 2" in overlap.advice


def test_a_month_without_any_period_is_a_hole_of_a_whole_day() -> None:
    (hole,) = checked(Period("flat", 0, 1440, 0.5, ALL_MONTHS - {2}))
    assert hole.value == "00:00-24:00 local time (months 2, every day)"


def test_over_midnight_fills_both_ends_of_the_day() -> None:
    assert checked(Period("night", 1320, 360, 0.2), Period("day", 360, 1320, 0.4)) == []


@given(st.lists(st.integers(1, 1439), min_size=1, max_size=6, unique=True), st.integers(0, 6), st.booleans())
def test_a_day_cut_anywhere_is_whole_until_a_piece_goes_or_doubles(cuts: list[int], which: int, drop: bool) -> None:
    borders = [0, *sorted(cuts), 1440]
    periods = [Period("p", a, b, 0.1) for a, b in pairwise(borders)]
    assert checked(*periods) == []
    assert (period_table(periods) >= 0).all()
    piece = periods[which % len(periods)]
    spoiled = [p for p in periods if p is not piece] if drop else [*periods, piece]
    (finding,) = checked(*spoiled)
    assert finding.code == ("tariff.hole" if drop else "tariff.overlap")
    assert finding.value.startswith(f"{piece.start_minute // 60:02d}:{piece.start_minute % 60:02d}-")
