"""Tariffs as scenario files write them."""

import tomllib
from datetime import UTC, datetime

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.market.mapping import ReadText, series_tariff_from_mapping, tariff_from_mapping
from evloom.market.tariff import Tariff

HOUR = TimeGrid(datetime(2025, 6, 2, tzinfo=UTC), 3600, 1)


def read(toml: str, read_text: ReadText | None = None) -> Tariff:
    return tariff_from_mapping(tomllib.loads(toml), "s.toml", lambda path: 7 if path.endswith("start") else None, read_text)


def refused(toml: str) -> list[Finding]:
    with pytest.raises(InputError) as caught:
        read(toml)
    return list(caught.value.findings)


def test_a_packaged_name_may_be_read_on_another_clock() -> None:
    tariff = read('name = "zhejiang-jiaxing-2025"\nzone = "America/Los_Angeles"\ndemand_per_kw_month = 38.0\ndemand_interval_s = 1800')
    assert (tariff.terms.currency, tariff.terms.zone.key) == ("CNY", "America/Los_Angeles")
    assert tariff.terms.demand is not None
    assert (tariff.terms.demand.price_per_kw_month, tariff.terms.demand.interval_s) == (38.0, 1800)
    assert tariff.price_on(TimeGrid(datetime(2025, 6, 2, 19, tzinfo=UTC), 3600, 1)).tolist() == [0.3784]  # noon in Los Angeles


def test_periods_as_toml() -> None:
    tariff = read(
        'currency = "EUR"\nzone = "Europe/Berlin"\nexport_price_per_kwh = 0.08\ntax_share = 0.19\n'
        'periods = [{category = "day", start = 06:00:00, end = "22:00", price_per_kwh = 0.4}, '
        '{category = "night", start = "22:00", end = "06:00", price_per_kwh = 0.2, months = "all", days = "all"}]'
    )
    assert tariff.categories == ("day", "night")
    assert tariff.price_on(HOUR) == pytest.approx([0.2 * 1.19])
    assert tariff.terms.export_price_on(HOUR).tolist() == [0.08]


def test_one_price() -> None:
    assert read('price_per_kwh = 0.25\ncurrency = "EUR"\nzone = "UTC"').price_on(HOUR).tolist() == [0.25]


def test_a_file_is_read_by_the_caller() -> None:
    text = "region,season,category,start,end,price_per_kwh\nx,wet,flat,00:00,24:00,0.7\nx,dry,flat,00:00,24:00,0.6"
    toml = 'file = "x.csv"\ncurrency = "CNY"\nzone = "Asia/Shanghai"\nseason_months = {wet = "5-9", dry = [10, 11, 12, 1, 2, 3, 4]}'
    assert read(toml, {"x.csv": text}.__getitem__).price_on(HOUR).tolist() == [0.7]


@pytest.mark.parametrize(
    ("toml", "codes"),
    [
        ("", ["tariff.prices", "tariff.currency", "tariff.zone"]),
        ('name = "nowhere"\ncurrency = "cny"\nzone = "Mars/Base"', ["tariff.prices", "tariff.currency", "tariff.zone"]),
        ('name = "zhejiang-jiaxing-2025"\nprice_per_kwh = 1', ["tariff.prices"]),
        ('name = "zhejiang-jiaxing-2025"\ncurrency = "EUR"', ["tariff.currency"]),
        (
            'name = "zhejiang-jiaxing-2025"\ndemand_per_kw_month = -1\ntax_share = 19\nsone = "x"',
            ["tariff.unknown-key", "tariff.number", "tariff.number"],
        ),
        ('price_per_kwh = nan\ncurrency = "EUR"\nzone = "UTC"', ["tariff.number"]),
        ('price_per_kwh = "0.2"\ncurrency = "EUR"\nzone = "UTC"', ["tariff.number"]),
        ('periods = []\ncurrency = "EUR"\nzone = "UTC"', ["tariff.no-periods"]),
        ('periods = "x"\ncurrency = "EUR"\nzone = "UTC"', ["tariff.periods"]),
        (
            'file = ""\nregion = 3\nseason_months = {wet = [13]}\ncurrency = "EUR"\nzone = "UTC"',
            ["tariff.file", "tariff.region", "tariff.months"],
        ),
        ('price_per_kwh = 1\ncurrency = "EUR"\nzone = "../etc/passwd"', ["tariff.zone"]),
    ],
)
def test_all_mistakes_at_once(toml: str, codes: list[str]) -> None:
    assert [f.code for f in refused(toml)] == codes


def test_a_bad_period_points_at_its_line() -> None:
    findings = refused(
        'currency = "EUR"\nzone = "UTC"\nperiods = [{category = "a", start = "25:00", end = "24:00", price_per_kwh = inf, colour = 1}]'
    )
    assert [(f.code, f.field, f.row) for f in findings] == [
        ("tariff.unknown-key", "tariff.periods[0].colour", None),
        ("tariff.time", "tariff.periods[0].start", 7),
        ("tariff.price-not-a-number", "tariff.periods[0].price_per_kwh", None),
    ]


def test_a_hole_between_toml_periods_points_at_the_neighbour() -> None:
    (hole,) = refused('currency = "EUR"\nzone = "UTC"\nperiods = [{category = "a", start = "00:00", end = "23:00", price_per_kwh = 1}]')
    assert (hole.code, hole.row, hole.field) == ("tariff.hole", 7, "tariff.periods")


def test_a_series_with_terms_from_toml() -> None:
    signal = Signal("day-ahead", "EUR/kWh", HOUR, np.array([0.05]))
    tariff = series_tariff_from_mapping(
        {"currency": "EUR", "zone": "Europe/Berlin", "demand_per_kw_month": 9}, "s.toml", lambda _: None, signal
    )
    assert tariff.price_on(HOUR).tolist() == [0.05]
    with pytest.raises(InputError):
        series_tariff_from_mapping({"currency": "EUR"}, "s.toml", lambda _: None, signal)
