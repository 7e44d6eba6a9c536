"""Cards: what a pack is worth where, what forbids it, what the data cannot tell; in plain values and in two languages."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose.card import Card, Route, card_of, plain
from evloom.diagnose.card_inputs import ASSUMED
from evloom.diagnose.card_rules import ROUTES, Facts, Rules
from evloom.diagnose.card_texts import TEXTS, measure_of, text
from evloom.diagnose.card_told import told
from evloom.diagnose.segment import Coverage
from evloom.diagnose.warning import Warning  # noqa: A004
from evloom.simulate.pack.ageing import Life
from evloom.store.battery.rules import load_rules
from tests.unit.diagnose.cards import N_CELL, health_of, pack_of, warning_of

RULES = load_rules()


def route(card: Card, name: str) -> Route:
    return next(each for each in card.routes if each.name == name)


def with_facts(**facts: object) -> Rules:
    return replace(RULES, facts={"pack": Facts(**facts)})  # type: ignore[arg-type]


@pytest.mark.parametrize("chemistry", ["NMC", "LFP", "Na"])
@pytest.mark.parametrize("soh", [0.97, 0.85, 0.72, 0.55])
def test_a_whole_card(chemistry: str, soh: float) -> None:
    shares = np.full(N_CELL, 1.0)
    shares[41] = 0.95
    card = card_of(pack_of(chemistry), health_of(soh, shares=shares), [], RULES)
    assert card.identity.energy_kwh == pytest.approx({"NMC": 54.0, "LFP": 47.0, "Na": 55.3}[chemistry], rel=0.02)
    assert card.weakest_cell is not None
    assert card.weakest_cell.cell == 41
    assert tuple(each.name for each in card.routes) == ROUTES
    present, v2g = card.lives
    assert present.years is not None
    assert v2g.years is not None
    assert v2g.years.p50 <= present.years.p50
    assert present.years.p10 <= present.years.p50 <= present.years.p90
    assert (present.years.p50 > 0.0) == (soh > 0.7)
    for each in card.routes:
        assert (each.worth is not None) == each.open
        if each.worth is not None:
            assert each.worth.p10 <= each.worth.p50 <= each.worth.p90
        else:
            assert each.reasons
    valued = {each.name: each.worth.expected for each in card.routes if each.worth is not None and not each.needs}
    assert card.best == max(valued, key=valued.__getitem__)
    assert 1 <= len(card.matters) <= 3
    assert card.matters[0].share >= card.matters[-1].share
    assert set(card.measure) <= set(TEXTS)
    assert card.missing == ()


def test_a_card_is_plain_and_the_same_every_time() -> None:
    warnings = [warning_of("watch", "sensing-wire")]
    card = card_of(pack_of("LFP"), health_of(0.9), warnings, RULES)
    again = card_of(pack_of("LFP"), health_of(0.9), list(reversed(warnings)), RULES)
    assert plain(card) == plain(again)
    values = json.loads(json.dumps(plain(card), allow_nan=False))
    assert values["soh"]["p50"] == 0.9
    assert values["routes"][0]["name"] == "keep"


def test_without_a_state_of_health_nothing_is_made_up() -> None:
    card = card_of(pack_of(), health_of(None), [], RULES)
    assert card.soh is None
    assert card.grade.name == ""
    assert card.best == ""
    assert card.v2g_gain is None
    assert [life.years for life in card.lives] == [None, None]
    assert {each.name for each in card.routes if each.worth is not None} == {"recycle"}
    assert card.missing == ("missing.soh", "health.charge-span")
    assert card.measure == ("measure.soh",)
    words = " ".join(line for section in told(card) for _, line in section.lines)
    assert "needs a charge over at least 40 % SOC" in words


def test_an_unknown_chemistry_or_capacity_is_asked_for() -> None:
    for chemistry in ("", "LTO"):
        nameless = card_of(pack_of(chemistry), health_of(0.9), [], RULES)
        assert {each.worth for each in nameless.routes} == {None}
        assert nameless.missing[:2] == ("missing.chemistry", "missing.energy")
        assert nameless.lives[0].missing == ("missing.chemistry",)
    unrated = card_of(pack_of("LFP", math.nan), health_of(None), [], RULES)
    assert unrated.identity.capacity_ah is None
    assert unrated.missing[:2] == ("missing.energy", "missing.soh")
    assert {each.worth for each in unrated.routes} == {None}


def test_what_the_owner_knows_takes_the_place_of_what_is_missing() -> None:
    blind = replace(health_of(0.9), soh=None, missing=("rated-capacity",))
    card = card_of(pack_of("LFP", math.nan), blind, [], with_facts(capacity_ah=150.0))
    assert card.soh is not None
    assert card.soh.p50 == pytest.approx(0.9)
    assert card.identity.energy_kwh == pytest.approx(47.0, rel=0.02)
    assert card.best
    energy = card_of(pack_of("LFP"), health_of(0.9), [], with_facts(energy_kwh=40.0))
    assert energy.identity.energy_kwh == 40.0


def test_a_known_age_narrows_the_remaining_life() -> None:
    made_s = 1.75e9 - 6 * 365.25 * 86400.0
    with_age = card_of(pack_of("LFP"), health_of(0.85), [], with_facts(made_s=made_s))
    without = card_of(pack_of("LFP"), health_of(0.85), [], RULES)
    pace = next(each for each in with_age.inputs if each.key == "pace")
    assert pace.origin == "data"
    assert pace.spread.p90 - pace.spread.p10 < 0.6
    years, wide = with_age.lives[0].years, without.lives[0].years
    assert years is not None
    assert wide is not None
    assert years.p90 - years.p10 < wide.p90 - wide.p10
    assert next(each for each in with_age.inputs if each.key == "car_years").origin == "owner"


@pytest.mark.parametrize(
    ("warning", "closed", "grade"),
    [
        (warning_of("stop"), {"keep", "swap", "second-life", "parts"}, "E"),
        (warning_of("stop", "unknown"), {"keep", "swap", "second-life", "parts"}, "E"),
        (warning_of("inspect"), {"keep", "swap", "second-life"}, "D"),
        (warning_of("inspect", chance=0.2), {"swap", "second-life"}, "D"),
        (warning_of("watch"), set(), "B"),
        (warning_of("inspect", "plating"), {"swap", "second-life"}, "D"),
        (warning_of("watch", "capacity-dive"), {"swap", "second-life"}, "B"),
        (warning_of("inspect", "sensing-wire"), set(), "D"),
        (warning_of("stop", closed=True), set(), "A"),
    ],
)
def test_open_faults_close_routes(warning: Warning, closed: set[str], grade: str) -> None:
    card = card_of(pack_of("LFP"), health_of(0.95), [warning], RULES)
    assert {each.name for each in card.routes if not each.open} == closed
    for name in closed:
        assert route(card, name).worth is None
        assert route(card, name).reasons[0].subject == warning.warning_id
    assert card.grade.name == grade
    assert card.best not in closed
    assert (card.v2g_gain is None) == (warning.closed_s is None and warning.level != "watch")
    assert [fault.warning_id for fault in card.faults] == ([] if warning.closed_s else [warning.warning_id])


def test_a_dangerous_pack_goes_to_the_recycler_and_costs_more() -> None:
    sound = card_of(pack_of("NMC"), health_of(0.95), [], RULES)
    burnt = card_of(pack_of("NMC"), health_of(None), [warning_of("stop")], RULES)
    assert burnt.best == "recycle"
    assert burnt.grade.name == "E"
    there, here = route(sound, "recycle").worth, route(burnt, "recycle").worth
    assert there is not None
    assert here is not None
    assert here.expected < there.expected - 2000.0


def test_a_module_to_be_renewed_is_paid_for_once_for_each_fault() -> None:
    sound = card_of(pack_of("LFP"), health_of(0.95), [], RULES)
    one = card_of(pack_of("LFP"), health_of(0.95), [warning_of("watch", "weak-cell")], RULES)
    two = card_of(pack_of("LFP"), health_of(0.95), [warning_of("watch", "weak-cell"), warning_of("watch", "connection", cell=30)], RULES)
    keeps = [route(card, "keep").worth for card in (sound, one, two)]
    assert keeps[0] is not None
    assert keeps[1] is not None
    assert keeps[2] is not None
    module, visit = RULES.assumed("module_cost"), RULES.assumed("service_cost")
    assert module.p10 < keeps[0].expected - keeps[1].expected < module.p90
    assert visit.p10 < keeps[1].expected - keeps[2].expected < visit.p90


def test_a_swap_pool_is_valued_and_is_the_best_only_when_the_owner_says_so() -> None:
    silent = card_of(pack_of("LFP"), health_of(0.95), [], RULES)
    assert route(silent, "swap").needs == "swappable"
    assert route(silent, "swap").worth is not None
    assert silent.best == "keep"
    assert card_of(pack_of("LFP"), health_of(0.95), [], with_facts(swappable=True)).best == "swap"
    no = card_of(pack_of("LFP"), health_of(0.95), [], with_facts(swappable=False))
    assert [reason.key for reason in route(no, "swap").reasons] == ["route.not-swappable"]


@pytest.mark.parametrize("chemistry", ["NMC", "LFP"])
def test_lives_by_another_ageing_law_mostly_lie_inside(chemistry: str) -> None:
    """Packs that age by the twin's law, which the card does not know; their age is told. P10..P90 should hold most of them."""
    rng, per_day = np.random.default_rng(3), 0.55
    inside = []
    for _ in range(40):
        age_days, pace = rng.uniform(200.0, 1500.0), rng.uniform(0.7, 1.4)
        life = Life(age_days, age_days * per_day, rng.uniform(18.0, 26.0), np.array([pace]))
        years = np.arange(0.0, 25.0, 0.1)
        sohs = np.array([1.0 - life.later(year * 365.25, year * 365.25 * per_day).lost()[0] for year in years])
        true = years[np.argmax(sohs <= 0.7)] if sohs[-1] <= 0.7 else 25.0
        health = health_of(float(sohs[0] + rng.normal(0.0, 0.01)), half=0.0128)
        health = replace(health, coverage=Coverage(days=200.0, full_cycles=200.0 * per_day))
        told_years = card_of(pack_of(chemistry), health, [], with_facts(made_s=1.75e9 - age_days * 86400.0)).lives[0].years
        assert told_years is not None
        inside.append(told_years.p10 <= true <= told_years.p90)
    assert np.mean(inside) >= 0.7


def test_days_of_data_tell_the_use_and_too_few_do_not() -> None:
    long, short = (card_of(pack_of(), health_of(0.9, days=days), [], RULES) for days in (200.0, 5.0))
    assert long.lives[0].cycles_per_year.p50 == pytest.approx(0.2 * 365.25, rel=0.03)
    assert next(each for each in long.inputs if each.key == "cycles_per_year").origin == "data"
    assert next(each for each in short.inputs if each.key == "cycles_per_year").origin == "assumption"


def test_prices_are_those_of_the_rules() -> None:
    dear = [replace(each, p10=2 * each.p10, p50=2 * each.p50, p90=2 * each.p90) for each in RULES.assumptions if "CNY" in each.unit]
    rest = [each for each in RULES.assumptions if "CNY" not in each.unit]
    plainly, doubled = (
        card_of(pack_of("LFP"), health_of(0.9), [], rules) for rules in (RULES, replace(RULES, assumptions=tuple(dear + rest)))
    )
    for name in ROUTES:
        one, two = route(plainly, name).worth, route(doubled, name).worth
        assert one is not None
        assert two is not None
        assert two.expected == pytest.approx(2.0 * one.expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["NMC", "LFP", "Na"]), st.floats(0.3, 1.05), st.floats(0.002, 0.1), st.integers(1, 400), st.floats(10.0, 400.0))
def test_any_pack_gets_a_card(chemistry: str, soh: float, half: float, n_cell: int, capacity_ah: float) -> None:
    card = card_of(pack_of(chemistry, capacity_ah, n_cell), health_of(soh, half), [warning_of("watch", "weak-cell", cell=0)], RULES)
    json.dumps(plain(card), allow_nan=False)
    assert card.best
    assert card.grade.name
    assert card.soh is not None
    for language in ("en", "zh"):
        for section in told(card, language):
            assert section.title
            assert all(words for _, words in section.lines)


def test_every_key_has_words_in_both_languages() -> None:
    for english, chinese in TEXTS.values():
        assert english
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    keys = {f"input.{key}" for key in (*ASSUMED, "soh")} | {measure_of(key) for key in (*ASSUMED, "soh")}
    keys |= {f"route.{name}" for name in ROUTES} | {rule.key for rule in RULES.faults} | {f"missing.{key}" for key in ("soh", "energy")}
    assert keys <= set(TEXTS)
    assert text("health.charge-span", "zh").startswith("信息不足")


def test_a_told_card_shows_no_bare_keys() -> None:
    warnings = [warning_of("watch", "weak-cell"), warning_of("inspect", "plating", cell=3)]
    card = card_of(pack_of("NMC"), health_of(0.74, half=0.05), warnings, with_facts(swappable=False))
    for language in ("en", "zh"):
        words = " ".join(" ".join(line) for section in told(card, language) for line in section.lines)
        for part in ("grade.", "fault.", "measure.", "input.", "missing.", "use.", "{"):
            assert part not in words
    assert "析锂" in " ".join(words for section in told(card, "zh") for _, words in section.lines)


@pytest.mark.parametrize(("language", "words"), [("en", "a weaker one is not seen"), ("zh", "看不出更弱的单体")])
def test_a_capacity_that_knows_no_single_cell_says_so_beside_its_figure(language: str, words: str) -> None:
    pack, known = pack_of("LFP"), health_of(0.93)
    for missing, is_said in (((), False), (("cell-capacity",), True)):
        card = card_of(pack, replace(known, missing=missing), (), load_rules())
        health = next(section for section in told(card, language) if section.title in ("Health", "健康"))
        assert (words in health.lines[0][1]) is is_said
