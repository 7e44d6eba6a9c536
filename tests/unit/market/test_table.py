"""Tariff tables: our own layout, the published ones, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.named import named_tariff
from evloom.market.table import OWN_COLUMNS, tariff_from_table
from evloom.market.tariff import Terms

CNY = Terms("t", "CNY", ZoneInfo("Asia/Shanghai"))
HEADER = ",".join(OWN_COLUMNS)
# Not from the source, which names seasons but not months: our choice for these tests.
SEASONS = {"summer": (7, 8, 9), "non-summer": (1, 2, 3, 4, 5, 6, 10, 11, 12)}


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def refused(text: str, region: str | None = None) -> list[Finding]:
    with pytest.raises(InputError) as caught:
        tariff_from_table(text, "t.csv", CNY, SEASONS, region)
    return list(caught.value.findings)


def test_our_own_table() -> None:
    text = table(
        "summer,6-9,weekdays,peak,08:00,22:00,0.9",
        "summer,6-9,weekdays,valley,22:00,08:00,0.3",
        "summer,6-9,weekend,valley,00:00,24:00,0.3",
        "winter,10-5,all,flat,00:00,24:00,0.6",
    )
    tariff = tariff_from_table("\ufeff" + text, "t.csv", CNY)
    assert tariff.categories == ("peak", "valley", "flat")
    assert [p.row for p in tariff.periods] == [2, 3, 4, 5]


def test_every_bad_cell_is_named_with_its_line() -> None:
    text = table(
        ",all,all,a,00:00,08:00,nan",
        "",
        ",all,all,b,08:00,12:00,",
        ",all,all,c,12:00,18:00,inf",
        ",all,all,d,18:00,24:00,0.5,9",
        ",13,all,e,18:xx,24:00,0.5",
    )
    assert [(f.code, f.row) for f in refused(text)] == [
        ("tariff.cells", 6),
        ("tariff.price-not-a-number", 2),
        ("tariff.price-missing", 4),
        ("tariff.price-not-a-number", 5),
        ("tariff.time", 7),
        ("tariff.months", 7),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "tariff.empty"),
        (HEADER, "tariff.empty"),
        (HEADER.replace(",", ";") + "\nsummer;all;all;flat;00:00;24:00;0.5", "tariff.columns"),
        ("a,b\n1,2", "tariff.columns"),
        ("period,price_eur_per_kwh\n00:00-24:00,0.3", "tariff.currency"),
        ("period,price_cny_per_kwh\n00:00 to 24:00,0.3", "tariff.time"),
        ("period,price_cny_per_kwh\n00:00-12:00,0.3", "tariff.hole"),
        ("x" * 200_000, "tariff.not-a-table"),
    ],
)
def test_tables_that_cannot_be_used(text: str, code: str) -> None:
    assert code in [f.code for f in refused(text)]


def test_another_delimiter_is_recognised() -> None:
    (finding,) = refused(HEADER.replace(",", ";") + "\nsummer;all;all;flat;00:00;24:00;0.5")
    assert "delimiter" in finding.advice


def test_a_season_without_months_is_asked_for_once() -> None:
    text = "season,category,start,end,price_per_kwh\nmonsoon,a,00:00,12:00,1\nmonsoon,b,12:00,24:00,2\n"
    assert [(f.code, f.row, f.value) for f in refused(text)] == [("tariff.season-months", 2, "monsoon")]


def test_the_zhejiang_table_is_the_packaged_tariff(data_dir: Callable[[str], Path]) -> None:
    text = (data_dir("tariffs_china") / "zhejiang_jiaxing_tou.csv").read_text(encoding="utf-8")
    read, packaged = tariff_from_table(text, "zhejiang", CNY), named_tariff("zhejiang-jiaxing-2025")
    price = [np.array([p.price_per_kwh for p in t.periods])[t.table] for t in (read, packaged)]
    assert (price[0] == price[1]).all()
    assert [p.category for p in read.periods] == [p.category for p in packaged.periods]


def test_the_provincial_tables(data_dir: Callable[[str], Path]) -> None:
    """Measured on the file: three provinces fill every day once; Guangdong leaves out 15:00-17:00 outside summer; none overlaps."""
    text = (data_dir("tariffs_china") / "cn_tou_2024_UNVERIFIED.csv").read_text(encoding="utf-8")
    for province, count in (("Jiangsu", 13), ("Shandong", 10), ("West Inner Mongolia", 7)):
        assert len(tariff_from_table(text, "cn.csv", CNY, SEASONS, province).periods) == count
    (hole,) = refused(text, "Guangdong")
    assert (hole.code, hole.row) == ("tariff.hole", 14)
    assert hole.value == "15:00-17:00 local time (season non-summer, months 1-6,10-12, every day)"
    assert [f.code for f in refused(text)] == ["tariff.region"]
