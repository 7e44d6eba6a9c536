"""The table of a fleet in the terminal."""

from dataclasses import replace

from evloom.diagnose.window import Interval
from evloom.plan.battery.output import Row
from evloom.plan.battery.report.index import index_html
from evloom.plan.battery.report.words import Words
from evloom.plan.battery.table import MOST_NAME, summary_text, table_text, width_of
from evloom.store.battery.account import Account


def row(name: str) -> Row:
    return Row(name, name, "NMC", 96, "watch", "V_3", "unknown", 0.8, 0.9, 1.7e9, 1, 1.7e9, 1.71e9, 30, 5000, None, "B", (), (), "")


def test_long_and_odd_names_keep_their_row() -> None:
    told = table_text([row("x" * 300), row("car\n\x1b[31m7"), row("car-8")]).splitlines()
    assert len(told) == 4
    assert max(len(line) for line in told) < MOST_NAME + 80
    assert not any("\x1b" in line for line in told)
    assert any(line.startswith("car-8") for line in told)


def test_letters_of_chinese_take_two_columns() -> None:
    told = table_text([row("沪A·12345"), row("car-8")]).splitlines()
    assert width_of(told[1].partition("watch")[0]) == width_of(told[2].partition("watch")[0])


def test_what_could_not_be_looked_at_is_said() -> None:
    poor = replace(row("car-9"), lacks=("battery.few-cells", "battery.no-probes"))
    told = summary_text([row("car-8"), poor], Account())
    assert "nothing is said of cells: 1" in told
    assert "nothing is said of heat: 1" in told


def test_a_capacity_is_told_where_no_rated_one_makes_a_share_of_it() -> None:
    capacity = Interval(109.33, 114.58, 120.09)
    bare, rated = replace(row("car-9"), capacity_ah=capacity), replace(row("car-8"), capacity_ah=capacity, soh=capacity.times(0.008))
    assert "114.6 Ah (109.3-120.1)" in table_text([bare])
    assert "Ah" not in table_text([rated])
    assert "114.6 Ah (109.3-120.1)" in index_html([bare], Account(), Words("en"), "folder", False)
    assert "Ah (" not in index_html([rated], Account(), Words("en"), "folder", False)
