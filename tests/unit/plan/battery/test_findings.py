"""Findings on a page: in both languages, by kind, and no more than a page has room for."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import evloom.plan.battery
import evloom.store.battery
from evloom.kernel.finding import Finding
from evloom.plan.battery.report.both import Both
from evloom.plan.battery.report.finding_texts import PHRASES, VALUES, in_chinese
from evloom.plan.battery.report.findings import MOST_LETTERS, MOST_OF_KIND, told_findings
from evloom.plan.battery.report.index import index_html
from evloom.plan.battery.report.words import Words
from evloom.store.battery.account import Account, Note

NEUTRAL = {"0..1", "UTF-8"}


def notes() -> Iterator[tuple[str, Note]]:
    """Every note of the reader and of the command, by its place."""
    for package in (evloom.store.battery, evloom.plan.battery):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            yield from ((f"{info.name}.{name}", value) for name, value in vars(module).items() if isinstance(value, Note))


def finding(code: str, value: str = "nothing", severity: str = "warning", row: int | None = None) -> Finding:
    return Finding(code, severity, "a.csv", row, None, value, "at least one frame", "as above")  # type: ignore[arg-type]


def test_every_note_has_chinese_for_what_is_allowed_and_what_to_do() -> None:
    missing = [
        (place, text)
        for place, note in notes()
        for text in (note.allowed, note.advice)
        if text and text not in NEUTRAL and in_chinese(text) == text
    ]
    names = [one for one in missing if not re.search(r"V_1\.\.V_n.*tboxTime", one[1])]  # names of columns are the same in all languages
    assert names == []
    assert len(list(notes())) > 20


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("no rows", "没有数据行"),
        ("5 fields", "5 个字段"),
        ("17 rows more", "另有 17 行"),
        ("no column pack_v, soc", "缺少列 pack_v, soc"),
        ("the voltage falls when it rises (correlation -0.93 over 214 steps)", "电流上升时电压下降（214 次变化的相关系数 -0.93）"),
        ("median 3712, taken as millivolts", "中位数 3712，视为毫伏"),
        ("90 cells and 20 probes, before (96, 24); segment car~90c20p", "90 个电芯、20 个探头，此前为 96 个、24 个；分段 car~90c20p"),
        ("pack p1 from vehicle a to b", "电池包 p1 由车辆 a 换到 b"),
        ("a mean cell of 96 in series", "96 串的平均电芯"),
        (
            "pack a: no single cells; 96 in series, told; highest and lowest apart by 12 mV, at most 40 mV",
            "电池包 a：没有单体电压；96 串（数据给出）；最高与最低相差 12 mV，最大 40 mV",
        ),
        ("the voltage rises under steady negative current", "持续负电流时电压上升"),
        ("curent_a (nearest: current_a), x0 and 17 more", "curent_a（最接近：current_a）, x0 等，另有 17 个"),
        ("columns foo, tiem (nearest: at)", "各列为 foo, tiem（最接近：at）"),
        ("'abc'", "'abc'"),
    ],
)
def test_values_are_told_in_chinese_with_their_numbers(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese


def test_every_form_fills_all_of_its_groups() -> None:
    for form, told in VALUES:
        assert {int(place) for place in re.findall(r"\{(\d)\}", told)} <= set(range(re.compile(form).groups)), form
    assert all(text != key for key, text in PHRASES.items() if key not in NEUTRAL)


def test_findings_stand_by_kind_with_the_refused_first() -> None:
    many = [finding("frames.no-time", f"'x{k}'", row=k + 2) for k in range(MOST_OF_KIND + 3)]
    told = told_findings([*many, finding("file.empty", severity="refused")], Both(Words("en")))
    assert [kind["code"] for kind in told] == ["file.empty", "frames.no-time"]
    assert [one["place"] for one in told[1]["shown"]] == [f"a.csv:{k + 2}" for k in range(MOST_OF_KIND)]
    assert "and 3 more of this kind" in told[1]["more"]
    assert told[0]["more"] == ""
    assert [one["is_alike"] for one in told[1]["shown"]] == [True] * (MOST_OF_KIND - 1) + [False]  # what to do stands once


def test_a_value_as_long_as_a_file_is_cut() -> None:
    (kind,) = told_findings([finding("file.unknown-format", "x" * 5000)], Both(Words("en")))
    assert len(kind["shown"][0]["what"]) <= MOST_LETTERS + 2


def test_the_page_of_a_fleet_tells_findings_in_both_languages_and_escapes_them() -> None:
    account = Account()
    account.rows(
        Note("frames.no-number", "repaired", "V_<b>", "a number, or nothing where there is none", "read as absent"),
        "车.csv",
        [7],
        ["'<i>'"],
    )
    page = index_html([], account, Words("zh"), "车队", partial=False)
    assert "<b>车.csv:7</b> V_&lt;b&gt; = &#39;&lt;i&gt;&#39;" in page
    assert '<span lang="en">read as absent</span><span lang="zh-CN">按无读数处理</span>' in page
    assert "frames.no-number" in page
