"""Every word exists in both languages, says the same places, and every key that the page asks for is there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import evloom.simulate.report as package
from evloom.dispatch.reason import TEXT
from evloom.market.bill import LineKind
from evloom.simulate.report.figures import FIGURES
from evloom.simulate.report.lexicon import PAGE, SCRIPT
from evloom.simulate.report.why import CODES
from evloom.simulate.report.words import LANGS, REASONS, Words
from evloom.simulate.run import POLICIES
from evloom.simulate.scores import Score

FOLDER = Path(package.__file__).parent


@pytest.mark.parametrize("table", [PAGE, SCRIPT], ids=["page", "script"])
def test_both_languages_have_every_key_with_the_same_places(table):
    for key, pair in table.items():
        assert len(pair) == len(LANGS), key
        assert all(text.strip() for text in pair) or key == "between", key
        places = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in pair]
        assert places[0] == places[1], key


def test_chinese_is_chinese():
    for table in (PAGE, SCRIPT):
        for key, (english, chinese) in table.items():
            assert not re.search(r"[\u4e00-\u9fff]", english), key
            if re.search(r"[a-z]{3}", re.sub(r"\{\w+\}", "", english)):
                assert re.search(r"[\u4e00-\u9fff]", chinese), key


def test_every_key_that_is_asked_for_exists_and_no_other():
    page = (FOLDER / "assets/page.html").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    asked = set(re.findall(r'\bw\("([\w .-]+)"', page)) | set(re.findall(r'\bwords\(\s*"([\w .-]+)"', code))
    assert {key for key in asked if not key.endswith(".")} <= set(PAGE)
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (FOLDER / "assets").glob("*.js"))
    wanted = set(re.findall(r'say\("([\w.-]+)"', scripts)) | set(re.findall(r'D\.words\["([\w-]+)"\]', scripts))
    wanted |= set(re.findall(r"D\.words\.(\w+)", scripts))
    assert wanted <= set(SCRIPT)
    everything = page + code + scripts
    built = ("policy.", "about.", "fig.", "hint.", "group.", "card.", "bill.", "phase.", "short.", "reason.", "story.", "money.")
    unused = [key for key in (*PAGE, *SCRIPT) if not key.startswith(built) and f'"{key}"' not in everything and f".{key}" not in everything]
    assert unused == []


@pytest.mark.parametrize("lang", LANGS)
def test_policies_figures_reasons_and_bill_lines_all_have_words(lang):
    words = Words(lang)
    for name in POLICIES:
        assert words.policy(name)
        assert words(f"about.{name}")
    for figure in FIGURES:
        assert figure.name in {field.name for field in fields(Score)}
        assert words(f"fig.{figure.name}")
        assert words(f"hint.{figure.name}")
        assert words(f"group.{figure.group}")
    for kind in LineKind:
        assert words(f"bill.{kind.value}")
    assert set(TEXT) <= set(REASONS) == set(CODES)
    for code in CODES:
        assert words.loss(code, ())
        assert words.script()[f"reason.{code}"]


def test_sources_worded_by_the_program_are_translated_and_those_of_users_are_not():
    words = Words("zh")
    assert words.source("transformer 200 kVA x 0.95") == "变压器 200 kVA × 0.95"
    assert words.source("pile B01 rating 7.04 kW") == "充电桩 B01 额定功率 7.04 kW"
    assert words.source("main breaker of the hall") == "main breaker of the hall"
    assert words.loss(0, ("transformer 200 kVA x 0.95",)) == "最常受限于：变压器 200 kVA × 0.95"
    assert Words("en").source("transformer 200 kVA x 0.95") == "transformer 200 kVA x 0.95"


def test_a_key_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        Words("en")("no such key")
