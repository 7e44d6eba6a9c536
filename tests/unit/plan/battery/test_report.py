"""Pages and index: they say what is known, ask nothing of a network, and let nobody's names become code."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from evloom.diagnose.advice import CAUSES as ALL_CAUSES
from evloom.diagnose.card import card_of
from evloom.plan.battery.examine import Examined, examine
from evloom.plan.battery.output import row_of
from evloom.plan.battery.report.both import Both, merged
from evloom.plan.battery.report.index import index_html
from evloom.plan.battery.report.lexicon import CAUSES, FLAGS, PAGE, SCRIPT
from evloom.plan.battery.report.page import bin_key, page_html, page_name
from evloom.plan.battery.report.shape import levels_of, limit_v
from evloom.plan.battery.report.words import Words
from evloom.plan.battery.tally import CELL_FLAGS, FRAME_FLAGS, PROBE_FLAGS
from evloom.plan.battery.trace import MOST_BINS, Drawn, Trace, bins_of
from evloom.simulate.report.words import Lang
from evloom.store.battery.account import Account
from evloom.store.battery.rules import load_rules
from evloom.vehicle.telemetry import Frames
from tests.unit.diagnose.packs import BEGIN_S, DAY_S
from tests.unit.plan.battery.fleets import pack

RULES = load_rules()


def drawn_of(frames: Frames) -> tuple[Examined, Drawn]:
    """A pack that was looked at twice, the second time in small pieces."""
    examined = examine([frames])
    trace = Trace(examined.pack, bins_of(examined.tally.first_s, examined.tally.last_s))
    for at in range(0, frames.n, 700):
        trace.add(frames.part(slice(at, at + 700)))
    return examined, trace.drawn()


@pytest.fixture(scope="module")
def leaking() -> tuple[Examined, Drawn]:
    """A pack with a cell that leaks, of a vehicle with a nasty name."""
    frames = pack("car", leak_ah=2.5)
    return drawn_of(replace(frames, pack=replace(frames.pack, vehicle_id="</script><b>&'\"", pack_id="../../etc")))


def page(leaking: tuple[Examined, Drawn], lang: Lang) -> str:
    examined, drawn = leaking
    return page_html(examined, card_of(examined.pack, examined.health, examined.warnings, RULES), drawn, Words(lang))


class Balanced(HTMLParser):
    """Counts tags that are opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "link", "img", "input"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_whole_in_both_languages_and_asks_nothing_of_a_network(leaking: tuple[Examined, Drawn], lang: Lang) -> None:
    text = page(leaking, lang)
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert parser.links == ["index.html"]
    assert "default-src 'none'" in text
    assert "<b>&" not in text
    assert ("电芯 V_8" if lang == "zh" else "cell V_8") in text
    assert not re.search(r"https?://", text)
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    data = json.loads(match[1])
    assert (data["n_cell"], data["warnings"][0]["cell"], data["start"] <= BEGIN_S + DAY_S) == (24, 7, True)
    assert set(data["maps"]) >= {"all", "rest", "charge", "discharge"}


def test_texts_stand_in_both_languages_and_names_once() -> None:
    told = Both(Words("zh")).of(lambda words: {"cause": words.cause("plating"), "lines": [("V_8", words("index.watch", n=3))], "n": 2})
    assert told["cause"] == '<span lang="en">lithium plating</span><span lang="zh-CN">析锂</span>'
    assert told["lines"] == [["V_8", '<span lang="en">3 to be watched</span><span lang="zh-CN">3 个需关注</span>']]
    assert told["n"] == 2
    assert "&lt;b&gt;" in merged(["<b>", "<i>"])


def test_the_same_pack_gives_the_same_page(leaking: tuple[Examined, Drawn]) -> None:
    assert page(leaking, "en") == page(leaking, "en")


def test_the_map_shows_the_cell_below_its_pack(leaking: tuple[Examined, Drawn]) -> None:
    _, drawn = leaking
    last = drawn.deviation_v[0, -8:]
    assert int(np.nanargmin(np.nanmean(last, axis=0))) == 7
    assert np.nanmax(drawn.current_a[2]) > 17.0
    assert 15.0 < np.nanmean(drawn.probe_c[1]) < 25.0


@pytest.mark.parametrize("span_s", [0.0, 3600.0, 5 * DAY_S, 800 * DAY_S, 40 * 365 * DAY_S, float("inf"), float("-inf")])
def test_bins_are_few_and_cover_the_span(span_s: float) -> None:
    bins = bins_of(BEGIN_S, BEGIN_S + span_s)
    assert 1 <= bins.n <= MOST_BINS
    if np.isfinite(span_s):
        assert bins.start_s <= BEGIN_S
        assert bins.start_s + bins.n * bins.width_s > BEGIN_S + span_s
        assert Words("en")(**bin_key(bins.width_s))


def test_packs_without_cells_or_probes_have_a_page_too() -> None:
    frames = pack("car", leak_ah=2.5)
    examined, _ = drawn_of(frames)
    bare = replace(examined, pack=replace(examined.pack, n_cell=0, n_probe=0))
    empty = Trace(bare.pack, bins_of(float("inf"), float("-inf"))).drawn()
    text = page_html(bare, card_of(examined.pack, examined.health, (), RULES), empty, Words("en"))
    assert "Every cell over time" not in text


def test_the_index_names_every_pack_and_links_the_suspect_ones(leaking: tuple[Examined, Drawn]) -> None:
    rows = [replace(row_of(leaking[0]), page="x.html"), row_of(examine([pack("sound", days=8)]))]
    for lang in ("en", "zh"):
        text = index_html(rows, Account(), Words(lang), "folder", True)
        parser = Balanced()
        parser.feed(text)
        assert parser.links == ["x.html"]
        assert "sound" in text
        assert "default-src 'none'" in text


def test_levels_of_a_warning_are_stretches_of_time(leaking: tuple[Examined, Drawn]) -> None:
    examined, _ = leaking
    stretches = levels_of(examined.warnings[0], examined.changes, BEGIN_S + 20 * DAY_S)
    assert stretches[0][0] == examined.warnings[0].opened_s
    assert stretches[-1][1] == BEGIN_S + 20 * DAY_S
    assert all(before[1] == after[0] and before[2] != after[2] for before, after in pairwise(stretches))


def test_names_of_pages_are_safe_and_one_each() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.html", page_name("../苏E 12345/x", "p"))
    assert page_name("a", "1") != page_name("a", "2")
    assert not page_name("../..", "x").startswith(".")


def test_there_are_words_for_everything() -> None:
    assert set(CAUSES) == set(ALL_CAUSES)
    assert set(FRAME_FLAGS) | set(CELL_FLAGS) | set(PROBE_FLAGS) == set(FLAGS)
    for key, pair in {**PAGE, **SCRIPT, **CAUSES, **FLAGS}.items():
        assert all(pair) or key == "between", key
        assert set(re.findall(r"{\w+}", pair[0])) == set(re.findall(r"{\w+}", pair[1])), key


def test_colours_end_at_a_round_number() -> None:
    assert limit_v(np.full((3, 3), np.nan)) == pytest.approx(0.005)
    assert limit_v(np.full((10, 10), -0.013)) == pytest.approx(0.02)
