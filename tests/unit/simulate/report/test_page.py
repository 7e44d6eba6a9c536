"""The page as a whole: offline, safe, complete, the same twice, and right in its headline."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from evloom.simulate.report.figures import BOUND, cards, compared, number, story, table
from evloom.simulate.report.page import report_html, write_report
from evloom.simulate.report.sections import BILLS_MAX, all_bills, money, phases
from evloom.simulate.report.words import LANGS, Words
from evloom.simulate.run import run_policy
from evloom.simulate.scores import score

EN = Words("en")


class Outline(HTMLParser):
    """Tags with their attributes, the text that people read, and the data of the page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.data, self._inside = [], "", "", ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self._inside = "data" if dict(attrs).get("id") == "data" else "script"

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "data":
            self.data += data
        elif not self._inside:
            self.text += data


def page(study, words=EN, partial=False):
    stage, runs, scores = study
    return report_html(stage, runs, scores, words, partial)


@pytest.mark.parametrize("lang", LANGS)
def test_it_asks_nothing_of_a_network(study, lang):
    html = page(study, Words(lang))
    outline = Outline(html)
    for tag, attributes in outline.tags:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes), tag
        assert tag not in ("link", "iframe", "img", "object", "embed", "base")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|importScripts|import\(|https?://", html)
    policy = next(a["content"] for tag, a in outline.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_names_from_files_stay_text(study):
    html = page(study)
    outline = Outline(html)
    assert sum(tag == "script" for tag, _ in outline.tags) == 2
    assert not any(tag == "b" and not attributes for tag, attributes in outline.tags)
    assert "small <site>" in outline.text
    data = json.loads(outline.data)
    assert data["sessions"]["id"][3] == "</script><script>alert('x')</script>&<b>"
    assert data["nodes"][1] == "garage breaker <12 kW>"
    assert "<script>alert" not in html


def test_hostile_names_in_the_table_of_short_sessions(one_stay):
    stage = one_stay("<img onerror=x>", "12:00", "13:00", 20)
    run = run_policy(stage, "queue", "cost")
    html = report_html(stage, [run], [score(stage, run)], EN, False)
    assert "<img" not in html
    assert "<img onerror=x>" in Outline(html).text
    assert EN("short.brief") in Outline(html).text


def test_every_figure_of_the_scores_is_on_the_page(study):
    _, _, scores = study
    text = Outline(page(study)).text
    for one in scores:
        for value, digits in ((one.peak_site_kw, 1), (one.cost, 2), (one.carbon_kg, 0), (one.short_kwh, 1), (one.overload_h, 1)):
            assert number(value, digits) in text
    for title in ("figures", "load", "gantt", "service", "money", "bills", "v2g", "storage", "phase", "about"):
        assert EN(title) in text


def test_the_headline_is_made_of_the_scores(study):
    stage, _, scores = study
    told = " ".join(story(scores, stage.scenario.site.tree, EN)).replace("\u00a0", " ")
    base, chosen = compared(scores)
    assert base is not None
    assert chosen is not None
    assert (base.policy, chosen.policy) == ("uncontrolled", "optimal")
    assert f"{number(base.violation_kw, 1)} kW above a limit" in told
    assert "no limit is exceeded" in told
    change = number(100 * (chosen.cost - base.cost) / base.cost, 0)
    assert f"from {number(base.cost, 0)} EUR to {number(chosen.cost, 0)} EUR ({change} %)" in told
    assert f"{chosen.sessions_short} of 5 sessions leave short, by {number(chosen.short_kwh, 1)} kWh" in told


def test_the_headline_says_so_when_control_makes_it_worse(study):
    stage, _, (base, _, chosen) = study
    worse = replace(chosen, cost=2 * base.cost, violation_kw=3.0)
    told = " ".join(story([base, worse], stage.scenario.site.tree, EN)).replace("\u00a0", " ")
    assert "the bill for charging rises from" in told
    assert "(+100 %)" in told
    assert "still exceeded by up to 3.0 kW" in told


def test_the_best_figure_is_marked_among_policies_that_keep_the_limits(study):
    _, _, scores = study
    bound = replace(scores[2], policy=BOUND, cost=1.0)
    row = next(row for row in table([*scores, bound], EN) if row.label == EN("fig.cost"))
    assert [cell.best for cell in row.cells] == [False, False, True, False]
    short = next(row for row in table([*scores, bound], EN) if row.label == EN("fig.short_kwh"))
    assert not short.cells[0].best  # uncontrolled has the least, above the limit


def test_cards_show_before_and_after(study):
    _, _, scores = study
    peak = cards(scores, EN)[0]
    assert (peak.before, peak.after) == (number(scores[0].peak_site_kw, 1), number(scores[2].peak_site_kw, 1))
    alone = cards(scores[1:2], EN)[0]
    assert (alone.before, alone.change) == ("", "")


def test_money_bars_add_up_to_the_figure_beside_them(study):
    _, _, scores = study
    bars = money(scores, EN)
    for bar, one in zip(bars, scores, strict=True):
        assert bar.text == number(one.cost + one.wear_cost, 2)
        for piece in bar.pieces:
            assert piece.left >= -1e-9
            assert piece.left + piece.width <= 100 + 1e-9
    width = [sum(piece.width for piece in bar.pieces) for bar in bars]
    spent = [s.energy_cost + s.demand_cost for s in scores[:2]]
    assert width[0] / width[1] == pytest.approx(spent[0] / spent[1])  # one scale for all


def test_phases_show_nodes_with_several_piles_and_mark_what_is_over(study, make_stage):
    stage, runs, _ = study
    blocks, more = phases(stage, runs, EN)
    assert [block.node for block in blocks] == ["transformer", "garage"]  # pile B has two bays, but is one pile
    assert more == 0
    limited = make_stage("max_kw = 12", "phase_max_a = 20")
    run = run_policy(limited, "uncontrolled", "cost")
    garage = phases(limited, [run], EN)[0][1]
    drawn = {bars.label: bars.pieces[0].kind for bars in garage.policies[0][1]}
    for phase, label in enumerate(("phase A", "phase B", "phase C")):
        assert (drawn[label] == "over") == (run.track.phase_max_a[1][phase] > 20)
    assert "over" in drawn.values()


@pytest.mark.parametrize("lang", LANGS)
def test_no_sessions_one_policy_and_no_policy(empty_stage, lang):
    stage = empty_stage
    words = Words(lang)
    run = run_policy(stage, "uncontrolled", "cost")
    text = Outline(report_html(stage, [run], [score(stage, run)], words, False)).text
    assert words("no-sessions") in text
    nothing = Outline(report_html(stage, [], [], words, True))
    assert words("no-policy") in nothing.text
    assert words("partial") in nothing.text


def test_an_interrupted_run_says_so_at_the_top(study):
    assert EN("partial") in Outline(page(study, partial=True)).text
    assert EN("partial") not in Outline(page(study)).text


def test_too_many_bills_are_left_out_and_it_is_said(study, monkeypatch):
    stage, runs, _ = study
    monkeypatch.setattr("evloom.simulate.report.sections.BILLS_MAX", 3)
    assert BILLS_MAX > 3
    assert all_bills(stage, runs, EN) == ([], EN("bills.too-many", n=15))
    assert EN("bills.too-many", n=15) in Outline(page(study)).text


def test_the_same_runs_give_the_same_file(study, tmp_path):
    stage, runs, scores = study
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    write_report(one, stage, runs, scores, lang="zh")
    write_report(two, stage, runs, scores, lang="zh")
    assert one.read_bytes() == two.read_bytes()
    assert "电量" in one.read_text(encoding="utf-8")


def test_two_weeks_of_the_apartment_block_stay_small(community, tmp_path):
    stage, run = community
    path = tmp_path / "report.html"
    write_report(path, stage, [run] * 8, [score(stage, run)] * 8)
    assert path.stat().st_size < 1_000_000
