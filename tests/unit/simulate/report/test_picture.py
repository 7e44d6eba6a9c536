"""The still picture: well-formed, on one scale, and red only where a limit is exceeded."""

import re
from datetime import datetime
from xml.etree import ElementTree

import pytest

from evloom.simulate.report.picture import LEFT, OVER, PANEL, TOP, WIDTH, picture
from evloom.simulate.report.words import LANGS, Words

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn(study):
    stage, runs, scores = study
    start = datetime(2025, 3, 29, tzinfo=stage.scenario.tariff.terms.zone)
    return {lang: picture(stage, runs[::2], scores[::2], start, 3, Words(lang)) for lang in LANGS}


@pytest.mark.parametrize("lang", LANGS)
def test_it_is_well_formed_and_holds_names_as_text(drawn, lang):
    root = ElementTree.fromstring(drawn[lang])
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert "small <site>" in texts
    assert "2025-03-30" in texts
    assert not re.search(r"(href|url\()", drawn[lang])


def test_only_the_policy_that_exceeds_the_limit_has_an_area_above_it(drawn):
    root = ElementTree.fromstring(drawn["en"])
    above = [node.attrib["d"] for node in root.iter(f"{SVG}path") if node.get("fill") == OVER]
    assert len(above) == 1
    first_y = float(re.findall(r"M[\d.]+ ([\d.]+)", above[0])[0])
    assert TOP <= first_y <= TOP + PANEL  # in the panel of uncontrolled


def test_the_highest_point_stands_at_the_highest_load(study, drawn):
    stage, runs, _ = study
    root = ElementTree.fromstring(drawn["en"])
    line = next(node.attrib["d"] for node in root.iter(f"{SVG}path") if node.get("stroke-width") == "1.2")
    heights = [float(y) for y in re.findall(r"[MV](?:[\d.]+ )?([\d.]+)", line)]
    most_kw = float((stage.base_kw[0] + runs[0].track.ev_kwh / stage.grid.step_h).max())
    assert min(heights) == pytest.approx(TOP + PANEL * (1 - 1 / 1.06), abs=0.06)
    assert most_kw > 38.0
    assert line.startswith(f"M{LEFT}.0 ")
    assert max(float(x) for x in re.findall(r"H([\d.]+)", line)) <= WIDTH


def test_drawn_twice_it_is_the_same(study, drawn):
    stage, runs, scores = study
    start = datetime(2025, 3, 29, tzinfo=stage.scenario.tariff.terms.zone)
    assert picture(stage, runs[::2], scores[::2], start, 3, Words("zh")) == drawn["zh"]
