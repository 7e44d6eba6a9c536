"""Cases keep the quantiles they are given and are uncorrelated; lives and worths move the way they must."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose import value
from evloom.diagnose.card_inputs import ASSUMED, inputs_of, scene_of
from evloom.diagnose.card_rules import Facts
from evloom.diagnose.value_life import HORIZON_YEARS, Drawn, course_of, pace_told
from evloom.diagnose.value_points import Spread, cases, share_of, spread_over
from evloom.store.battery.rules import load_rules
from evloom.vehicle.ageing import BY_CHEMISTRY, LFP, NMC
from tests.unit.diagnose.cards import health_of, pack_of

N = 256


def drawn(soh: float, n: int = 4, **change: float) -> Drawn:
    figures = {"pace": 1.0, "mean_c": 20.0, "knee_at": 0.75, "knee_factor": 3.0, "straight": 0.0, "cycles_per_year": 60.0, **change}
    return Drawn(np.full(n, soh), **{name: np.full(n, figure) for name, figure in figures.items()})


def scene(soh: float | None, chemistry: str = "NMC") -> value.Scene:
    pack = pack_of(chemistry)
    spread = None if soh is None else Spread(soh - 0.02, soh, soh + 0.02)
    return scene_of(pack, 60.0, spread, inputs_of(pack, health_of(soh), Facts(), load_rules()), (), N)


def test_cases_are_uncorrelated_and_always_the_same() -> None:
    z = cases(512, 39)
    apart = np.corrcoef(z) - np.eye(39)
    assert np.abs(apart).max() < 0.05
    assert np.array_equal(z, cases(512, 39))
    assert not z.flags.writeable


@given(st.floats(0.1, 100.0), st.floats(1.0, 3.0), st.floats(1.0, 3.0))
def test_values_keep_their_quantiles(low: float, up: float, further: float) -> None:
    spread = Spread(low, low * up, low * up * further)
    values = spread_over(spread, cases(512, 3)[1])
    assert np.quantile(values, (0.1, 0.5, 0.9)) == pytest.approx(list(spread), rel=0.02)
    assert values.min() >= 0.0


def test_quantiles_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        spread_over(Spread(2.0, 1.0, 3.0), cases(64, 1)[0])


def test_shares_of_the_variance_are_found() -> None:
    one, other, idle = cases(512, 3)
    result = 3.0 * one + other
    assert share_of(one, result).share == pytest.approx(0.9, abs=0.04)
    assert share_of(other, result).share == pytest.approx(0.1, abs=0.04)
    assert share_of(idle, result).share < 0.03
    assert share_of(one, result).low < -3.0 < 3.0 < share_of(one, result).high
    assert share_of(one, np.ones(512)).share == 0.0


@pytest.mark.parametrize("kind", BY_CHEMISTRY.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("soh", [1.02, 0.97, 0.85, 0.73])
def test_a_course_begins_at_today_and_ends_where_it_says(kind, soh: float) -> None:
    course = course_of(kind, drawn(soh))
    use = np.full(4, 60.0)
    assert course.soh_at(np.zeros(4), use) == pytest.approx(soh, abs=1e-4)
    years = course.years_to(0.7, use)
    inside = years < HORIZON_YEARS
    assert course.soh_at(years, use)[inside] == pytest.approx(0.7, abs=1e-4)
    assert (course.soh_at(years, use)[~inside] >= 0.7).all()


def test_below_the_end_no_life_is_left() -> None:
    assert (course_of(NMC, drawn(0.65)).years_to(0.7, np.full(4, 60.0)) == 0.0).all()


def test_the_age_behind_is_the_time_that_the_model_took() -> None:
    """A pack that aged by the model for six years is put at six years of age, and goes on as the model does."""
    lost = float(LFP.lost(6 * 365.25, 6 * 60.0, 20.0))
    course = course_of(LFP, drawn(1.0 - lost, knee_at=0.5))
    assert course.behind_years == pytest.approx(6.0, abs=0.01)
    later = 1.0 - float(LFP.lost(10 * 365.25, 10 * 60.0, 20.0))
    assert course.soh_at(np.full(4, 4.0), np.full(4, 60.0)) == pytest.approx(later, abs=1e-4)


@settings(max_examples=40)
@given(st.floats(0.72, 1.0), st.floats(0.0, 0.1), st.floats(0.0, 200.0), st.floats(0.0, 15.0))
def test_better_health_lives_longer_and_more_use_or_heat_shorter(soh: float, better: float, more: float, hotter: float) -> None:
    use = np.full(4, 60.0)
    years = course_of(NMC, drawn(soh)).years_to(0.7, use)
    assert (course_of(NMC, drawn(soh + better)).years_to(0.7, use) >= years - 1e-4).all()
    assert (course_of(NMC, drawn(soh)).years_to(0.7, use + more) <= years + 1e-4).all()
    assert (course_of(NMC, drawn(soh, mean_c=20.0 + hotter)).years_to(0.7, use) <= years + 1e-3).all()


def test_a_straight_course_goes_on_at_the_mean_pace_so_far() -> None:
    lost = float(LFP.lost(10 * 365.25, 10 * 60.0, 20.0))
    course = course_of(LFP, drawn(1.0 - lost, knee_at=0.5, straight=1.0))
    assert course.soh_at(np.full(4, 5.0), np.full(4, 60.0)) == pytest.approx(1.0 - 1.5 * lost, abs=1e-4)
    slowing = course_of(LFP, drawn(1.0 - lost, knee_at=0.5))
    assert (course.years_to(0.7, np.full(4, 60.0)) < slowing.years_to(0.7, np.full(4, 60.0))).all()


def test_a_known_age_narrows_the_pace_and_moves_it() -> None:
    prior, use = Spread(0.57, 0.88, 1.15), (60.0, 20.0)
    lost = 1.3 * float(NMC.plain(5 * 365.25, 300.0, 20.0))
    told = pace_told(NMC, prior, Spread(1 - lost - 0.01, 1 - lost, 1 - lost + 0.01), 5.0, use)
    assert prior.p50 < told.p50 < 1.3
    assert told.p90 - told.p10 < 0.5 * (prior.p90 - prior.p10)
    vague = pace_told(NMC, prior, Spread(0.6, 0.85, 1.1), 5.0, use)
    assert vague.p90 - vague.p10 > told.p90 - told.p10
    young = pace_told(NMC, prior, Spread(0.98, 1.0, 1.02), 0.05, use)
    assert young.p50 == pytest.approx(prior.p50, abs=0.1)


def test_worth_rises_with_health_on_every_route() -> None:
    rules = load_rules()
    for chemistry in BY_CHEMISTRY:
        better, worse = scene(0.93, chemistry), scene(0.83, chemistry)
        for worth in (
            lambda each: value.keep(each, rules.route("keep").soh_end),
            lambda each: value.swap(each, rules.route("swap").soh_end),
            lambda each: value.second_life(each, rules.route("second-life").soh_end),
            value.parts,
        ):
            assert worth(better).mean() > worth(worse).mean()
        assert np.array_equal(value.recycle(better), value.recycle(worse))


def test_worth_of_material_is_its_metals_less_the_work() -> None:
    lfp = scene(None, "LFP")
    plain = {name: np.full(1, figure) for name, figure in zip(lfp.x, [0.0] * len(ASSUMED), strict=True)}
    told = {"lithium_kg_per_kwh": 0.1, "lithium_price_per_kg": 400.0, "copper_kg_per_kwh": 1.0, "copper_price_per_kg": 80.0}
    told |= {"payable_share": 0.5, "pack_kg_per_kwh": 7.0, "recycle_cost_per_kg": 2.0}
    one = replace(lfp, x=plain | {name: np.full(1, figure) for name, figure in told.items()}, hazard=np.full(1, 1000.0))
    assert value.recycle(one)[0] == pytest.approx(60.0 * ((40.0 + 80.0) * 0.5 - 14.0) - 1000.0)


def test_repairs_and_bad_modules_cost() -> None:
    sound = scene(0.9)
    mended = replace(sound, repair=np.full(N, 5000.0))
    assert value.keep(sound, 0.7) - value.keep(mended, 0.7) == pytest.approx(5000.0)
    assert value.parts(replace(sound, good_share=0.5)).mean() < value.parts(sound).mean()


def test_without_a_state_of_health_only_material_is_valued() -> None:
    blind = scene(None)
    assert np.isfinite(value.recycle(blind)).all()
    with pytest.raises(ValueError, match="not known"):
        value.keep(blind, 0.7)


def test_v2g_costs_life_and_brings_its_margin() -> None:
    sound = scene(0.9, "LFP")
    free = replace(sound, x={**sound.x, "v2g_margin_per_kwh": np.zeros(N)})
    assert (value.keep(free, 0.7, v2g=True) <= value.keep(free, 0.7) + 1e-6).all()
    assert value.keep(sound, 0.7, v2g=True).mean() > value.keep(free, 0.7, v2g=True).mean()
    assert (value.wear_price_per_kwh(sound, 0.7) >= 0.0).all()
    assert value.wear_price_per_kwh(scene(0.9, "NMC"), 0.7).mean() > value.wear_price_per_kwh(sound, 0.7).mean()
