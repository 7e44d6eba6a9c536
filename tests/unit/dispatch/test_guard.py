"""What a battery that gives must keep: one case a row."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from evloom.dispatch.guard import GuardRules, Limit, Packs, Store, guard
from evloom.dispatch.moment import Bays

SOUND = {"temperature_c": 20.0, "soc": 0.6, "battery_kwh": 50.0, "diagnosis": 0.0, "given_today_kwh": 0.0, "given_year_kwh": 0.0}
STEP_H = 0.25


def bays(n: int = 1, connected: bool = True) -> Bays:
    """Cars that want 5 kWh and may give 10 kW."""
    full, zero, one = np.ones(n), np.zeros(n, dtype=np.int64), np.ones(n)
    return Bays(
        np.full(n, connected), 0 * full, 3600 * full, 5 * full, 11 * full, 10 * full, 0.69 * full, 0 * full, 0 * full, zero - 1, zero, zero,
        np.zeros(n, dtype=np.bool_), one, 0 * full,
    )  # fmt: skip


def judged(rules: GuardRules, *, connected: bool = True, spare_kwh: float = 20.0, **seen: float):
    packs = Packs(**{name: np.array([value]) for name, value in (SOUND | seen).items()})
    store = Store(np.array([spare_kwh]), np.array([20.0]), np.array([0.9]), np.array([0.8]))
    return guard(bays(connected=connected), packs, store, rules, STEP_H)


def of(**limits: float) -> GuardRules:
    rules = GuardRules()
    for name, value in limits.items():
        rules = replace(rules, **{name: Limit(value, f"who set {name}")})  # type: ignore[arg-type]  # a field by its name
    return rules


REFUSED = [
    (of(temperature_min_c=5.0), {"temperature_c": 4.9}, "guard.temperature-low", 4.9),
    (of(temperature_min_c=5.0), {"temperature_c": nan}, "guard.temperature-low", nan),
    (of(temperature_max_c=45.0), {"temperature_c": 45.1}, "guard.temperature-high", 45.1),
    (of(temperature_max_c=45.0), {"temperature_c": nan}, "guard.temperature-high", nan),
    (of(soc_min=0.4), {"soc": 0.4}, "guard.soc-low", 0.4),
    (of(soc_min=0.4), {"soc": nan}, "guard.soc-low", nan),
    (of(daily_kwh=12.0), {"given_today_kwh": 12.0}, "guard.daily-throughput", 12.0),
    (of(yearly_kwh=1500.0), {"given_year_kwh": 1600.0}, "guard.warranty-kwh", 1600.0),
    (of(yearly_cycles=30.0), {"given_year_kwh": 1500.0}, "guard.warranty-cycles", 30.0),
    (of(yearly_cycles=30.0), {"battery_kwh": nan}, "guard.warranty-cycles", nan),
    (of(diagnosis_max=1.0), {"diagnosis": 2.0}, "guard.diagnosis", 2.0),
    (of(diagnosis_max=1.0), {"diagnosis": nan}, "guard.diagnosis", nan),
]


@pytest.mark.parametrize(("rules", "seen", "code", "value"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_refused_with_reason_value_limit_and_source(rules, seen, code, value):
    result = judged(rules, **seen)
    (refusal,) = result.refusals
    assert refusal.code == code
    assert refusal.value == pytest.approx(value, nan_ok=True)
    (limit,) = [each for each in vars(rules).values() if isinstance(each, Limit)]
    assert (refusal.allowed, refusal.source) == (limit.value, limit.source)
    assert limit.source in refusal.text()
    assert ("not known" in refusal.text()) == np.isnan(value)
    assert result.bays.discharge_max_kw[0] == 0.0
    assert result.spare_kwh[0] == 0.0
    assert result.bays.charge_max_kw[0] == 11.0  # it may still be charged


@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        (GuardRules(), dict.fromkeys(SOUND, nan)),
        (of(temperature_min_c=5.0, temperature_max_c=45.0), {"temperature_c": 5.0}),
        (of(temperature_min_c=5.0, temperature_max_c=45.0), {"temperature_c": 45.0}),
        (of(diagnosis_max=1.0), {"diagnosis": 1.0}),
        (of(soc_min=0.2, daily_kwh=12.0, yearly_kwh=1500.0, yearly_cycles=30.0), {}),
    ],
)
def test_within_the_limits_it_may_give(rules, seen):
    result = judged(rules, **seen)
    assert result.refusals == ()
    assert result.bays.discharge_max_kw[0] == 10.0


@pytest.mark.parametrize(
    ("rules", "seen", "spare_kwh"),
    [
        (of(soc_min=0.4), {}, 0.2 * 50.0 * 0.8),
        (of(daily_kwh=12.0), {"given_today_kwh": 11.0}, 1.0),
        (of(yearly_kwh=1500.0), {"given_year_kwh": 1499.5}, 0.5),
        (of(yearly_cycles=30.0), {"given_year_kwh": 1498.0}, 2.0),
        (of(soc_min=0.4, daily_kwh=12.0), {"given_today_kwh": 5.0}, 7.0),
        (of(soc_min=0.1), {}, 20.0),  # its own floor is higher
    ],
)
def test_what_is_left_of_a_limit_is_all_it_gives(rules, seen, spare_kwh):
    result = judged(rules, **seen)
    assert result.refusals == ()
    assert result.spare_kwh[0] == pytest.approx(spare_kwh)
    assert result.bays.discharge_max_kw[0] == pytest.approx(min(10.0, spare_kwh / STEP_H))


@pytest.mark.parametrize(
    ("soc", "room_kwh"), [(0.3, 20.0), (0.6, 0.3 * 50 / 0.9), (0.8, 0.1 * 50 / 0.9), (0.85, 5.0), (0.95, 5.0), (nan, 5.0)]
)
def test_above_the_window_it_is_charged_for_its_driver_only(soc, room_kwh):
    result = judged(of(soc_max=0.9), soc=soc)
    assert result.room_kwh[0] == pytest.approx(room_kwh)
    assert [refusal.code for refusal in result.refusals] == ([] if soc < 0.9 else ["guard.soc-high"])
    assert result.bays.discharge_max_kw[0] == 10.0


def test_a_suspect_battery_is_charged_gently_and_every_reason_is_told():
    rules = GuardRules(diagnosis_max=Limit(1.0, "diagnosis"), temperature_min_c=Limit(5.0, "maker"), gentle_share=0.5)
    result = judged(rules, diagnosis=2.0, temperature_c=-3.0)
    assert {refusal.code for refusal in result.refusals} == {"guard.diagnosis", "guard.temperature-low"}
    assert result.bays.charge_max_kw[0] == 5.5
    assert judged(rules, diagnosis=nan).bays.charge_max_kw[0] == 11.0  # nobody looked: no discharge, but full charging


def test_who_is_not_there_or_cannot_give_is_not_asked():
    strict = of(temperature_max_c=-50.0)
    assert judged(strict, connected=False).refusals == ()
    nobody = bays()._replace(discharge_max_kw=np.zeros(1))
    packs = Packs(**{name: np.array([value]) for name, value in SOUND.items()})
    assert guard(nobody, packs, Store(*np.array([[0.0], [inf], [1.0], [1.0]])), strict, STEP_H).refusals == ()
