"""Tariffs on a time grid: clock changes, leap days, borders inside a step, published series."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid, epoch_s
from evloom.market.named import NAMED_TARIFFS, named_tariff
from evloom.market.period import ALL_MONTHS, Period
from evloom.market.place import Place
from evloom.market.tariff import SeriesTariff, Terms, TouTariff, series_tariff, tou_tariff

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT_DAY = (Period("night", 1320, 360, 0.2), Period("day", 360, 1320, 0.4))


def tariff(*periods: Period, zone: ZoneInfo = BERLIN, tax_share: float = 0.0) -> TouTariff:
    return tou_tariff(Terms("t", "EUR", zone, tax_share=tax_share), periods, Place("t", "", lambda _: None))


def berlin_hours(year: int, month: int, day: int, hour: int, n: int) -> TimeGrid:
    return TimeGrid(datetime(year, month, day, hour, tzinfo=BERLIN), 3600, n)


@pytest.mark.parametrize(
    ("day", "hours", "night_hours"),
    [((2025, 3, 30), 23, 7), ((2025, 10, 26), 25, 9), ((2025, 6, 1), 24, 8), ((2024, 2, 29), 24, 8)],
)
def test_a_local_day_of_23_24_or_25_hours(day: tuple[int, int, int], hours: int, night_hours: int) -> None:
    price = tariff(*NIGHT_DAY).price_on(berlin_hours(*day, 0, hours))
    assert np.count_nonzero(price == 0.2) == night_hours
    assert np.count_nonzero(price == 0.4) == 16


def test_the_leap_day_belongs_to_february() -> None:
    t = tariff(Period("feb", 0, 1440, 1.0, frozenset({2})), Period("rest", 0, 1440, 2.0, ALL_MONTHS - {2}))
    assert t.price_on(berlin_hours(2024, 2, 28, 22, 28)).tolist() == [1.0] * 26 + [2.0] * 2
    assert t.price_on(berlin_hours(2023, 2, 28, 22, 3)).tolist() == [1.0, 1.0, 2.0]


def test_weekend_by_local_day_not_by_utc() -> None:
    t = tariff(Period("week", 0, 1440, 1.0, days="weekdays"), Period("end", 0, 1440, 2.0, days="weekend"))
    grid = TimeGrid(datetime(2025, 6, 6, 20, tzinfo=UTC), 3600, 4)  # Friday 22:00 in Berlin
    assert [t.categories[k] for k in t.category_on(grid)] == ["week", "week", "end", "end"]


def test_a_border_inside_a_step_is_weighted_by_time() -> None:
    grid = TimeGrid(datetime(2025, 6, 1, 5, 45, tzinfo=BERLIN), 3600, 2)
    price = tariff(*NIGHT_DAY).price_on(grid)
    assert price == pytest.approx([0.2 * 0.25 + 0.4 * 0.75, 0.4], abs=1e-15)


def test_tax_is_on_top() -> None:
    grid = TimeGrid(datetime(2025, 6, 1, tzinfo=UTC), 900, 4)
    assert tariff(Period("flat", 0, 1440, 0.30), tax_share=0.19).price_on(grid) == pytest.approx([0.357] * 4)


def test_no_steps_no_prices() -> None:
    assert tariff(*NIGHT_DAY).price_on(TimeGrid(datetime(2025, 1, 1, tzinfo=UTC), 900, 0)).shape == (0,)
    assert len(tariff(*NIGHT_DAY).segments(100.0, 100.0).category) == 0


@given(
    st.integers(946_684_800, 2_114_380_800),  # 2000 to 2037
    st.integers(1, 400_000),
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Asia/Shanghai"]),
)
def test_segments_agree_with_asking_the_clock(start_s: int, length_s: int, zone: str) -> None:
    t = tariff(
        Period("w", 1320, 360, 0.2, days="weekdays"),
        Period("d", 360, 1320, 0.4, days="weekdays"),
        Period("e", 0, 1440, 0.1, days="weekend"),
        zone=ZoneInfo(zone),
    )
    segments = t.segments(float(start_s), float(start_s + length_s))
    assert segments.edges_s[[0, -1]].tolist() == [start_s, start_s + length_s]
    assert (np.diff(segments.edges_s) > 0).all()
    for k, price in enumerate(segments.price_per_kwh):
        for instant_s in (segments.edges_s[k], segments.edges_s[k + 1] - 0.5):
            local = datetime.fromtimestamp(instant_s, ZoneInfo(zone))
            minute = local.hour * 60 + local.minute
            weekday_price = 0.2 if minute >= 1320 or minute < 360 else 0.4
            assert price == (0.1 if local.weekday() >= 5 else weekday_price)


@given(st.integers(0, 86_400), st.integers(1, 20_000), st.integers(1, 60))
def test_price_on_any_grid_keeps_the_mean(offset_s: int, step_s: int, n: int) -> None:
    t = tariff(*NIGHT_DAY)
    grid = TimeGrid(datetime(2025, 3, 29, tzinfo=UTC) + timedelta(seconds=offset_s), step_s, n)
    segments = t.segments(grid.start_s, grid.start_s + n * step_s)
    exact = float(np.dot(segments.price_per_kwh, np.diff(segments.edges_s)))
    assert float(t.price_on(grid).sum()) * step_s == pytest.approx(exact, rel=1e-12)


def series(values: list[float], known_ahead_s: float = 0.0) -> Signal:
    return Signal("day-ahead", "EUR/kWh", TimeGrid(datetime(2025, 6, 1, tzinfo=UTC), 3600, len(values)), np.array(values), known_ahead_s)


def test_a_series_is_a_tariff_too() -> None:
    t = series_tariff(Terms("s", "EUR", BERLIN, tax_share=0.5), series([0.1, -0.2, 0.3]), "prices.csv")
    assert t.price_on(TimeGrid(datetime(2025, 6, 1, tzinfo=UTC), 5400, 2)) == pytest.approx([0.0, 0.25 * 0.8], abs=1e-15)
    start_s = epoch_s(datetime(2025, 6, 1, 0, 30, tzinfo=UTC))
    assert t.segments(start_s, start_s + 7200).price_per_kwh.tolist() == [0.1, -0.2, 0.3]
    assert t.category_on(TimeGrid(datetime(2025, 6, 1, tzinfo=UTC), 900, 3)).tolist() == [0, 0, 0]


def test_a_plan_sees_published_prices_only() -> None:
    t = SeriesTariff(Terms("s", "EUR", BERLIN), series([1.0, 2.0, 3.0, 9.0], known_ahead_s=7200))
    grid = TimeGrid(datetime(2025, 6, 1, tzinfo=UTC), 3600, 4)
    assert t.price_known_on(grid, grid.at(0)).tolist()[:2] == [1.0, 2.0]
    assert 9.0 not in t.price_known_on(grid, grid.at(1)).tolist()
    assert t.price_known_on(grid, grid.at(2)).tolist() == [1.0, 2.0, 3.0, 9.0]


def test_prices_beyond_the_series_are_refused_not_nan() -> None:
    t = SeriesTariff(Terms("s", "EUR", BERLIN), series([1.0, 2.0]))
    late = TimeGrid(datetime(2025, 6, 1, 1, tzinfo=UTC), 3600, 2)
    for ask in (lambda: t.price_on(late), lambda: t.segments(late.start_s, late.start_s + 7200)):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.findings[0].code == "tariff.series-too-short"


def test_missing_prices_are_refused_by_stretch() -> None:
    with pytest.raises(InputError) as caught:
        series_tariff(Terms("s", "EUR", BERLIN), series([1.0, float("nan"), float("inf"), 2.0, float("nan")]), "prices.csv")
    assert [f.value for f in caught.value.findings] == [
        "no price from 2025-06-01 01:00 to 2025-06-01 03:00 UTC",
        "no price from 2025-06-01 04:00 to 2025-06-01 05:00 UTC",
    ]


@pytest.mark.parametrize("name", sorted(NAMED_TARIFFS))
def test_packaged_tariffs_fill_every_day_and_say_where_they_come_from(name: str) -> None:
    t = named_tariff(name)
    assert (t.table >= 0).all()
    assert NAMED_TARIFFS[name].date in t.terms.source


def test_zhejiang_has_its_valley_at_noon() -> None:
    grid = TimeGrid(datetime(2019, 8, 29, tzinfo=ZoneInfo("Asia/Shanghai")), 3600, 24)
    price = named_tariff("zhejiang-jiaxing-2025").price_on(grid)
    assert price.tolist() == [0.3784] * 8 + [0.9014] * 3 + [0.3784] * 2 + [0.9014] * 6 + [1.2064] * 2 + [0.9014] + [0.3784] * 2
