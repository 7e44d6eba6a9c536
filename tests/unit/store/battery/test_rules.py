"""Rules of grades and prices: every packaged number has its source, a user's file goes over them, mistakes are all told."""

import re
from pathlib import Path

import pytest

from evloom.diagnose.card_rules import ROUTES
from evloom.kernel.errors import InputError
from evloom.store.battery.rules import load_rules

ASSUMPTION = '[[assumption]]\nkey = "{key}"\n{more}p10 = 1.0\np50 = 2.0\np90 = 3.0\nunit = "CNY"\nsource = "offer"\ndate = "2026-11-01"\n'


def own(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def codes(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_rules(own(folder, text))
    assert all(finding.allowed and finding.advice and finding.source == "own.toml" for finding in caught.value.findings)
    return [finding.code for finding in caught.value.findings]


def test_every_packaged_number_has_a_source_and_a_date() -> None:
    rules = load_rules()
    assert rules.currency == "CNY"
    for each in rules.assumptions:
        assert len(each.source) > 3
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", each.date)
        assert each.p10 <= each.p50 <= each.p90
    for source in [rule.source for part in (rules.grades, rules.faults, rules.routes) for rule in part]:
        assert len(source) > 10
    assert [rule.name for rule in rules.routes] == list(ROUTES)
    assert [rule.name for rule in rules.grades] == ["A", "B", "C", "D", "E"]
    for fault in rules.faults:
        assert not fault.repair or rules.assumed(fault.repair).p50 >= 0.0


def test_an_assumption_of_the_chemistry_comes_before_the_general_one() -> None:
    rules = load_rules()
    assert rules.assumed("pack_price_per_kwh", "LFP").p50 < rules.assumed("pack_price_per_kwh", "NMC").p50
    assert rules.assumed("discount_rate", "LFP") == rules.assumed("discount_rate")
    with pytest.raises(KeyError, match="no assumption"):
        rules.assumed("luck")


def test_a_file_of_ones_own_goes_over_the_packaged_ones(tmp_path: Path) -> None:
    text = (
        ASSUMPTION.format(key="module_cost", more="")
        + ASSUMPTION.format(key="pack_price_per_kwh", more='chemistry = "LFP"\n')
        + '[[fault]]\nkey = "fault.stop"\ncause = "*"\nlevel_from = "stop"\nchance_from = 0\nrules_out = ["keep"]\nsource = "ours"\n'
        + '[[route]]\nname = "swap"\nsoh_from = 0.9\nsoh_end = 0.8\nchemistries = ["LFP"]\nsource = "ours"\n'
        + '[pack."p 1"]\nmade = 2021-03-01\nenergy_kwh = 60\nswappable = true\n'
    )
    plain, mine = load_rules(), load_rules(own(tmp_path, text))
    assert mine.assumed("module_cost").p50 == 2.0
    assert mine.assumed("pack_price_per_kwh", "LFP").p90 == 3.0
    assert mine.assumed("pack_price_per_kwh", "NMC") == plain.assumed("pack_price_per_kwh", "NMC")
    assert len(mine.assumptions) == len(plain.assumptions)
    assert mine.route("swap").needs == ""
    assert next(rule for rule in mine.faults if rule.key == "fault.stop").rules_out == ("keep",)
    assert mine.grades == plain.grades
    assert mine.facts["p 1"].made_s == 1614556800.0
    assert mine.facts["p 1"].energy_kwh == 60.0
    assert mine.facts["p 1"].swappable is True


def test_grades_of_ones_own_take_the_place_of_all(tmp_path: Path) -> None:
    grade = '[[grade]]\nname = "{}"\nsoh_from = {}\ncapacity_share_from = 0\nresistance_share_to = 9\nlevel_to = "stop"\nsource = "ours"\n'
    mine = load_rules(own(tmp_path, grade.format("good", 0.8) + grade.format("rest", 0.0)))
    assert [rule.name for rule in mine.grades] == ["good", "rest"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prices = 3\n", ["rules.unknown-key"]),
        ("[assumption]\nkey = 3\n", ["rules.wrong-type"]),
        (ASSUMPTION.format(key="luck", more=""), ["rules.unknown-assumption"]),
        (ASSUMPTION.format(key="pace", more='chemistry = "LTO"\n'), ["rules.wrong-word"]),
        (ASSUMPTION.format(key="pace", more="").replace("p10 = 1.0", "p10 = 9.0"), ["rules.quantiles"]),
        (ASSUMPTION.format(key="pace", more="").replace("p10 = 1.0", 'p10 = "a"'), ["rules.wrong-type"]),
        (ASSUMPTION.format(key="pace", more="").replace("p10 = 1.0", "p10 = nan"), ["rules.wrong-type"]),
        (ASSUMPTION.format(key="pace", more="").replace("p10 = 1.0\n", "best = 1\n"), ["rules.unknown-key", "rules.missing-key"]),
        ('[pack."x"]\nmade = "yesterday"\nenergy_kwh = -1\nswappable = 1\ncolour = "red"\n', ["rules.wrong-type", "rules.out-of-range",
         "rules.wrong-type", "rules.unknown-key"]),
        ("pack = 3\n", ["rules.wrong-type"]),
        ("points = 3\n", ["rules.out-of-range"]),
        ('currency = "yuan"\n', ["rules.currency"]),
        ('currency = "EUR"\n', ["rules.currency"]),
        ('[[grade]]\nname = "A"\nsoh_from = 9\ncapacity_share_from = 0\nresistance_share_to = 9\nlevel_to = "fire"\nsource = "x"\n',
         ["rules.out-of-range", "rules.wrong-word"]),
        ('[[route]]\nname = "moon"\nsoh_from = 0\nsoh_end = 0\nchemistries = ["LFP", "LTO"]\nsource = "x"\n', ["rules.wrong-word"]),
        ("a = \n", ["rules.syntax"]),
    ],
)  # fmt: skip
def test_mistakes_are_all_told(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert codes(tmp_path, text) == expected


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not-found"):
        load_rules(tmp_path / "none.toml")
    (tmp_path / "own.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"rules\.syntax"):
        load_rules(tmp_path / "own.toml")
    with pytest.raises(InputError, match="rules"):
        load_rules(tmp_path)


def test_another_currency_needs_every_price(tmp_path: Path) -> None:
    money = [each for each in load_rules().assumptions if "CNY" in each.unit]
    text = 'currency = "EUR"\n' + "".join(
        ASSUMPTION.format(key=each.key, more=f'chemistry = "{each.chemistry}"\n').replace('"CNY"', '"EUR"') for each in money
    )
    assert load_rules(own(tmp_path, text)).currency == "EUR"
