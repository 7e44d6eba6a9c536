"""docs/dispatch.md and the README of its example say what the reader reads and what the command prints."""

import re

import pytest

from tests.docs.pages import ROOT
from tools.dispatch_page import MAKER, PAGE, README, columns_text, example, figures_text, renewed, settable_text, thousands

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


def part_of(text, name):
    found = re.search(rf"<!-- {name} begin: {MAKER} -->\n(.*?)\n<!-- {name} end -->", text, re.DOTALL)
    assert found
    return found[1]


def test_the_page_lists_the_columns_that_are_read():
    assert part_of(PAGE.read_text(encoding="utf-8"), "columns") == columns_text(), f"run {MAKER}"


@pytest.mark.parametrize(("page", "case"), [(PAGE, thousands), (README, example)], ids=["page", "example"])
def test_the_pages_show_what_the_command_prints(page, case):
    shown, now = part_of(page.read_text(encoding="utf-8"), "figures"), figures_text(case())
    # How near the bound came, and by how little who is short, differ between plans that are equally good.
    lines = [re.sub(r"(gap|energy short|vehicles short|served) .*", r"\1", text) for text in (shown, now)]
    assert re.sub(r"\s+", " ", NUMBER.sub("#", lines[0])) == re.sub(r"\s+", " ", NUMBER.sub("#", lines[1])), f"run {MAKER}"
    old, new = ([float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in lines)
    assert old == pytest.approx(new, rel=0.02, abs=3.0), f"run {MAKER}"


def test_the_page_shows_how_much_energy_chargers_cannot_be_set_to():
    shown, now = part_of(PAGE.read_text(encoding="utf-8"), "settable"), settable_text()
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", now), f"run {MAKER}"
    old, new = ([float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in (shown, now))
    assert old == pytest.approx(new, rel=0.1, abs=1.0), f"run {MAKER}"
    pairs = re.findall(r"([\d.]+)% \| ([\d.]+)%", now)
    assert len(pairs) == 3
    assert all(float(before) > 10.0 > 1.0 > float(after) for before, after in pairs)


def test_the_readme_says_what_the_page_shows():
    shown = part_of(PAGE.read_text(encoding="utf-8"), "figures")
    said = re.search(
        r"costs\s+([\d,]+) CNY instead of ([\d,]+) CNY.*?all (\d+) were", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert said
    cost = re.search(r"cost of charging, CNY +([\d,.]+) +([\d,.]+)", shown)
    over = re.search(r"nodes over their limit +(\d+) +0\n", shown)
    assert cost
    assert over
    exact = [float(number.replace(",", "")) for number in (cost[2], cost[1], over[1])]
    assert [float(number.replace(",", "")) for number in said.groups()] == pytest.approx(exact, abs=0.5)


def test_a_page_without_marks_is_not_written_over():
    with pytest.raises(ValueError, match="no marks of columns"):
        renewed("nothing", {"columns": "x"})
