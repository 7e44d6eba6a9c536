"""The page as a whole: offline, safe, complete, the same twice, and every figure from the arrays."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import optimise
from evloom.dispatch.problem import Requests, Schedule
from evloom.dispatch.solved import Solved
from evloom.kernel.finding import Finding
from evloom.plan.fleet.report import lexicon
from evloom.plan.fleet.report.lexicon import PAGE, SCRIPT
from evloom.plan.fleet.report.loads import loads_of
from evloom.plan.fleet.report.page import report_html, write_report
from evloom.plan.fleet.report.words import Words
from evloom.simulate.report.lexicon import SCRIPT as SHARED
from evloom.simulate.report.words import LANGS
from tests.unit.plan.fleet.report.conftest import HOSTILE

EN = Words("en")
FOLDER = Path(lexicon.__file__).parent
COST = parse_objective("cost")


class Outline(HTMLParser):
    """Tags with their attributes, the text that people read, the cells of tables, and the data of the page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.data, self.cells, self._inside = [], "", "", [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self._inside = "data" if dict(attrs).get("id") == "data" else "script"
        elif tag == "style":
            self._inside = "style"
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "data":
            self.data += data
        elif not self._inside:
            self.text += data
            if self.cells:
                self.cells[-1] += data


def data_of(html):
    return json.loads(Outline(html).data)


def series(packed, n):
    """A packed series as numbers; None is no limit."""
    values = packed if isinstance(packed, list) else [packed] * n
    return np.array([np.inf if value is None else value for value in values])


def close(packed, values):
    """Five significant digits of the largest number are kept."""
    size = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    np.testing.assert_allclose(series(packed, len(values)), values, atol=5.01e-5 * size + 1e-12)


@pytest.mark.parametrize("lang", LANGS)
def test_it_asks_nothing_of_a_network(town, solved, labels, lang):
    html = report_html(town, solved, labels, lang)
    outline = Outline(html)
    for tag, attributes in outline.tags:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes), tag
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|importScripts|import\(|https?://", html)
    policy = next(a["content"] for tag, a in outline.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert next(a["lang"] for tag, a in outline.tags if tag == "html") == Words(lang)("lang")


def test_names_stay_text(town, solved, labels):
    finding = Finding("dispatch.note", "warning", "problem", 4, "node", HOSTILE, "a name", "choose another")
    html = report_html(town, replace(solved, findings=(finding,)), labels)
    outline = Outline(html)
    assert sum(tag == "script" for tag, _ in outline.tags) == 2
    assert not any(tag == "b" for tag, _ in outline.tags)
    assert "<script>alert" not in html
    assert "town <script>" in outline.text
    assert f"node = {HOSTILE}" in outline.text
    assert any(cell.startswith(f"car 0 {HOSTILE}") for cell in outline.cells)
    data = json.loads(outline.data)
    assert {node["id"] for node in data["nodes"]} == set(labels.node_ids)
    assert f"T1 {HOSTILE}" in data["prices"]["id"]


def test_loads_in_the_page_are_those_of_the_arrays(town, solved, labels):
    data = data_of(report_html(town, solved, labels))
    loads, base_kw = loads_of(town, solved.schedule), town.nodes.base_kw
    assert data["n"] == town.n_step
    assert data["start"] == labels.start.timestamp()
    assert data["step"] == 1800.0
    assert data["edges"] is None
    assert data["offsets"] == [[labels.start.timestamp(), 7200.0]]
    assert len(data["nodes"]) == 6
    for node in data["nodes"]:
        row = labels.node_ids.index(node["id"])
        close(node["base"], base_kw[row])
        close(node["kw"], base_kw[row] + loads.steered_kw[row])
        close(node["once"], base_kw[row] + loads.at_once_kw[row])
        close(node["limit"], town.nodes.import_max_kw[row])
        assert node["gives"] == bool((loads.steered_kw[row] < 0).any())
    for level, rows in zip(data["levels"], ([0], [1, 2], [3, 4, 5]), strict=True):
        close(level["sum"]["kw"], (base_kw + loads.steered_kw)[rows].sum(axis=0))
        close(level["sum"]["limit"], town.nodes.import_max_kw[rows].sum(axis=0))
        assert {labels.node_ids.index(data["nodes"][place]["id"]) for place in level["worst"]} == set(rows)


def test_prices_classes_and_rounds_in_the_page_are_those_of_the_arrays(town, solved, labels):
    data = data_of(report_html(town, solved, labels))
    prices = data["prices"]
    assert prices["id"] == ["west", f"T1 {HOSTILE}", "T2"]
    for name, values in zip(prices["id"], prices["values"], strict=True):
        close(values, solved.node_price_per_kwh[labels.node_ids.index(name)])
    assert prices["cold"]
    assert prices["breaks"][-1] >= 0.7
    assert sum(one["n"] for one in data["classes"]) == 8
    assert sum(sum(one["counts"]) for one in data["classes"]) == (solved.schedule.short_kwh > 0.01).sum()
    assert data["rounds"]["sweep"] == [1, 2, 3]
    assert data["rounds"]["value"] == [None, 110.0, 100.0]
    assert data["rounds"]["bound"] == [None, 90.0, 99.95]
    assert data["rounds"]["gap"][2] == pytest.approx(0.05)
    assert data["unit"] == "EUR"


def test_the_headline_and_the_tables_are_made_of_the_same_figures(town, solved, labels):
    text = Outline(report_html(town, solved, labels)).text.replace("\u00a0", " ")
    schedule = solved.schedule
    short = int((schedule.short_kwh > 0.01).sum())
    assert f"{short} of 8 vehicles short, {schedule.short_kwh.sum():.2f} kWh" in text
    assert f"{solved.value:.2f}" in text
    assert "2.0e-09" in text
    assert "0.30" in text  # GB
    worst = int(np.argmax(schedule.short_kwh))
    cells = Outline(report_html(town, solved, labels)).cells
    at = next(k for k, cell in enumerate(cells) if cell == labels.vehicle_id(worst))
    need_kwh = town.stays.need_kwh[worst]
    assert cells[at + 3 : at + 5] == [f"{need_kwh:.2f}", f"{schedule.short_kwh[worst]:.2f}"]
    assert cells[at + 6] == f"T1 {HOSTILE}"
    assert re.fullmatch(r"\d\d:\d\d–\d\d:\d\d(, \d\d:\d\d–\d\d:\d\d)*( …)?\s*", cells[at + 7])


def test_nobody_short(town, labels, only):
    problem = only(town, 1)
    solved = optimise(problem, COST)
    html = report_html(problem, solved, labels)
    outline = Outline(html)
    assert EN("short.nobody") in outline.text
    assert EN("story.served", all="1") in outline.text
    assert "short-note" not in html
    assert data_of(html)["classes"][0]["full"] == 1


def test_no_prices_prices_that_are_all_zero_and_exact_methods(town, solved, labels):
    exact = replace(solved, node_price_per_kwh=None, rounds=())
    html = report_html(town, exact, labels)
    assert EN("prices.none") in Outline(html).text
    assert data_of(html)["prices"] is None
    assert data_of(html)["rounds"] is None
    assert 'id="rounds"' not in html
    free = replace(solved, node_price_per_kwh=np.zeros(town.nodes.base_kw.shape))
    html = report_html(town, free, labels)
    assert EN("prices.zero") in Outline(html).text
    assert data_of(html)["prices"] is None


@pytest.mark.parametrize("lang", LANGS)
def test_no_vehicles(town, labels, only, lang):
    problem = only(town, 0)
    html = report_html(problem, optimise(problem, COST), labels, lang)
    words = Words(lang)
    outline = Outline(html)
    assert words("story.nobody") in outline.text
    assert words("short.nobody") in outline.text
    data = json.loads(outline.data)
    close(data["nodes"][0]["kw"], problem.nodes.base_kw[0])
    assert data["classes"] == []


@pytest.mark.parametrize("lang", LANGS)
def test_no_steps(timeless, labels, lang):
    nothing = np.zeros((8, 0))
    need_kwh = timeless.stays.need_kwh
    solved = Solved(Schedule(nothing, nothing, np.zeros((0, 0)), need_kwh, {}), "closed", 5.0, 5.0, 1.0, np.zeros((6, 0)), (), ())
    html = report_html(timeless, solved, labels, lang)
    outline = Outline(html)
    assert not any(tag == "script" for tag, _ in outline.tags)
    assert not any(attributes.get("id") in ("tree", "price-map", "classes") for _, attributes in outline.tags)
    assert Words(lang)("short.stay") in outline.text


def test_requests_of_the_grid_are_drawn_where_they_are_asked(town, solved, labels):
    asked = Requests(np.array([2]), np.array([4]), np.array([6]), np.array([8.0]), np.array([True]), np.array([0.5]))
    problem = replace(town, requests=asked)
    data = data_of(report_html(problem, solved, labels))
    start = labels.start.timestamp()
    told = {node["id"]: node.get("requests") for node in data["nodes"]}
    assert told["east"] == [[start + 4 * 1800, start + 6 * 1800, 8.0, True]]
    assert told["west"] is None


def test_uneven_steps_keep_their_lengths(town, solved, labels):
    step_h = np.where(np.arange(town.n_step) < 8, 0.25, 0.5)
    data = data_of(report_html(replace(town, step_h=step_h), solved, labels))
    edges_s = labels.start.timestamp() + np.concatenate(([0.0], np.cumsum(step_h))) * 3600.0
    assert data["edges"] == edges_s.tolist()
    assert data["step"] * data["n"] == pytest.approx(step_h.sum() * 3600.0)


def test_a_stopped_run_says_so_and_unknown_bounds_are_no_numbers(town, solved, labels):
    stopped = replace(solved, is_interrupted=True, bound=-np.inf)
    text = Outline(report_html(town, stopped, labels)).text
    assert EN("interrupted") in text
    assert EN("story.no-gap") in text
    assert "inf" not in text
    assert not re.search(r"\bnan\b", text.lower())


def test_what_was_not_measured_is_not_shown(town, solved, labels):
    text = Outline(report_html(town, solved, replace(labels, cpu_s=None, memory_bytes=None, largest_violation=None))).text
    assert EN("card.cpu") not in text
    assert EN("card.memory") not in text
    assert EN("card.violation-note") not in text
    assert EN("card.excess") in text


@pytest.mark.parametrize(
    ("objective", "unit"), [("cost", "EUR"), ("cost+demand+wear", "EUR"), ("peak>carbon", "kg CO₂"), ("cost+0.1*carbon", EN("unit.mixed"))]
)
def test_the_value_has_the_unit_of_the_last_stage(town, solved, labels, objective, unit):
    assert data_of(report_html(town, solved, replace(labels, objective=objective)))["unit"] == unit


def test_many_findings_of_a_kind_are_counted(town, solved, labels):
    found = tuple(Finding("dispatch.short", "warning", "problem", k, "stay", f"row {k}", "none short", "raise it") for k in range(14))
    text = Outline(report_html(town, replace(solved, findings=found), labels)).text
    assert "row 9" in text
    assert "row 10" not in text
    assert EN("findings.more", n="4", code="dispatch.short") in text


def test_the_file_is_the_same_twice(town, solved, labels, tmp_path):
    for name in ("a.html", "b.html"):
        write_report(tmp_path / name, town, solved, labels, "zh")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert Words("zh")("short") in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_every_word_is_used_and_has_the_same_places_in_both_languages():
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.rglob("*")) if path.is_file())
    for key, (english, chinese) in (PAGE | SCRIPT).items():
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", chinese)), key
    built = ("level.", "method.", "severity.", "fig.", "col.")
    for key in [*PAGE, *(key for key in SCRIPT if key not in SHARED)]:
        assert key.startswith(built) or len(re.findall(rf'["\'.]{re.escape(key)}\b', code)) > 1, key
