"""What physics says of a cause, whatever was learnt."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_physics import (
    Causes,
    Contact,
    Leak,
    Loss,
    by_contact,
    by_fall,
    by_heat,
    by_physics,
    is_warm_around,
    judged,
    leak_of,
    loss_of,
)
from evloom.diagnose.detect import I_CHARGE, I_OWN, I_QUICK, I_SIZE, fresh_track
from evloom.diagnose.evidence import fresh_sums, read_day
from evloom.diagnose.warning import Warning, at_level  # noqa: A004
from evloom.vehicle.telemetry import Pack

N_CELL, CELL = 12, 5


def leak(charge: np.ndarray, bled_s: float = 0.0) -> Leak:
    """The leak of one cell of 150 Ah whose charge is this, day by day, among cells that stand still."""
    track, n = fresh_track(N_CELL, 2), len(charge)
    track.ring[-n:] = 0.0
    track.ring[-n:, :, CELL] = charge[:, None]
    track.ring_day[-n:] = np.arange(n)
    quiet = read_day(fresh_sums(Pack("car", "pack", N_CELL, 2, "NMC", 150.0)), 0.0)
    day = quiet.day.copy()
    day[at.D_BLED_S], day[at.D_REST_WEIGHT] = bled_s, 40000.0
    return leak_of(track, replace(quiet, day=day, scale_ah=150.0), CELL)


NOTHING = Loss(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SELDOM, OFTEN, NEVER = np.array([0.0, 5.0, 100.0]), np.array([40.0, 5.0, 100.0]), np.array([0.0, 0.0, 100.0])
"""Hours of cold, fast and all charging."""


def by_leak(causes: Causes, leak: Leak) -> Causes:
    return by_physics(causes, judged(leak, NOTHING, SELDOM))


def by_loss(causes: Causes, loss: Loss, leak: Leak, hours: np.ndarray = SELDOM) -> Causes:
    return by_physics(causes, judged(leak, loss, hours))


DAYS = np.arange(30.0)
GROWING = -0.0002 * DAYS**2


def test_a_leak_that_grows_is_a_short_and_a_step_or_a_small_one_is_none():
    assert leak(GROWING).is_short
    assert leak(GROWING).late_a == pytest.approx(0.0002 * 2 * 25.5 * 150.0 / 24.0, rel=0.05)
    assert not leak(np.where(DAYS > 20.0, -0.05, 0.0)).is_short
    assert not leak(0.1 * GROWING).is_short
    assert not leak(-GROWING).is_short
    assert not leak(GROWING[::-1].copy() * -1.0).is_short


def test_a_hard_leak_need_not_grow_evenly_and_a_mild_one_must():
    slowing = np.where(DAYS < 22.0, 0.0, -0.03 * (DAYS - 22.0) + 0.001 * (DAYS - 22.0) ** 2)
    assert leak(slowing).is_short
    assert not leak(0.2 * slowing - 0.002 * np.minimum(DAYS, 22.0)).is_short


def test_what_the_box_bleeds_is_no_short():
    assert not leak(GROWING, bled_s=30000.0).is_short
    assert not leak(5.0 * GROWING, bled_s=30000.0).is_short


def test_a_short_takes_from_unknown_alone():
    causes = (("unknown", 0.7), ("internal-short", 0.2), ("weak-cell", 0.1))
    assert by_leak(causes, leak(0.0 * DAYS)) == causes
    told = by_leak(causes, leak(GROWING))
    assert told[0][0] == "internal-short"
    assert dict(told)["weak-cell"] == 0.1
    assert sum(chance for _, chance in told) == pytest.approx(1.0)
    assert by_leak((("connection", 1.0),), leak(GROWING)) == (("connection", 1.0),)


UNKNOWN = (("unknown", 0.7), ("capacity-dive", 0.2), ("connection", 0.1))
NO_LEAK, SMALL = Leak(0.0, 0.0, 0.0, 0.0), Leak(0.010, 0.011, 0.010, 0.0)
WORN = Loss(capacity_share=0.12, resistance_share=0.2, charge_share=0.03, told=3.0, line=0.5, late=0.5)
EVEN = Loss(capacity_share=0.0, resistance_share=0.02, charge_share=0.05, told=0.0, line=0.9, late=0.9)


def test_capacity_that_is_gone_is_a_dive_or_a_weak_cell_by_how_much():
    assert by_loss(UNKNOWN, WORN, NO_LEAK) == (("capacity-dive", 0.62), ("unknown", 0.28), ("connection", 0.1))
    assert by_loss(UNKNOWN, WORN._replace(capacity_share=0.07), NO_LEAK)[0] == ("weak-cell", 0.42)
    rather_weak = (("unknown", 0.9), ("weak-cell", 0.1))
    assert by_loss(rather_weak, WORN, NO_LEAK)[0] == ("weak-cell", 0.64)
    assert by_loss((("plating", 1.0),), WORN._replace(capacity_share=0.07), NO_LEAK) == (("plating", 1.0),)
    assert by_loss(UNKNOWN, WORN, Leak(0.4, 0.4, 0.2, 0.0, 150.0))[0] == ("internal-short", 0.42)  # a leak speaks first
    assert by_loss((("plating", 1.0),), WORN, NO_LEAK) == (("capacity-dive", 1.0),)  # a tenth, and hardly ever fast or cold


def test_a_worn_cell_of_a_pack_that_is_charged_in_the_cold_has_plated():
    causes = (("unknown", 0.7), ("capacity-dive", 0.2), ("connection", 0.1))
    assert by_loss(causes, WORN._replace(capacity_share=0.08), NO_LEAK, OFTEN)[0] == ("plating", 0.42)
    assert by_loss(causes, WORN, NO_LEAK, OFTEN)[0][0] == "capacity-dive"


def test_nothing_plates_where_no_charge_is_cold_or_fast():
    causes = (("plating", 0.6), ("weak-cell", 0.3), ("capacity-dive", 0.1))
    assert by_loss(causes, NOTHING, NO_LEAK, NEVER) == (("weak-cell", 0.75), ("capacity-dive", 0.25))
    assert by_loss(causes, NOTHING, NO_LEAK, SELDOM) == causes
    assert by_loss((("plating", 1.0),), NOTHING, NO_LEAK, NEVER) == (("capacity-dive", 0.5), ("weak-cell", 0.5))


@pytest.mark.parametrize(
    ("loss", "leak"),
    [
        (WORN._replace(told=0.9), NO_LEAK),  # within what cells drift by
        (WORN._replace(capacity_share=0.03), NO_LEAK),
        (WORN._replace(capacity_share=-0.12), NO_LEAK),  # a module that was exchanged for a better one
        (WORN._replace(capacity_share=0.9, charge_share=0.1), NO_LEAK),
        (WORN._replace(resistance_share=0.8), NO_LEAK),  # dry electrolyte, a contact
        (WORN._replace(resistance_share=-0.5), NO_LEAK),
        (WORN._replace(charge_share=0.1), NO_LEAK),  # runs empty: its end of discharge is no matter of size
        (WORN, NO_LEAK._replace(bled=0.5)),  # stuck balancing
    ],
)
def test_what_wear_does_not_explain_stays_unknown(loss, leak):
    assert by_loss(UNKNOWN, loss, leak) == UNKNOWN


def test_charge_that_alone_falls_evenly_is_self_discharge():
    assert by_loss(UNKNOWN, EVEN, SMALL) == (("self-discharge", 0.42), ("unknown", 0.28), ("capacity-dive", 0.2), ("connection", 0.1))


@pytest.mark.parametrize(
    ("loss", "leak"),
    [
        (EVEN._replace(charge_share=0.008), SMALL),
        (EVEN._replace(line=0.5, late=0.5), SMALL),  # a step
        (EVEN._replace(line=0.8, late=0.95), SMALL),  # begins later and grows: a short
        (EVEN._replace(resistance_share=0.4), SMALL),
        (EVEN._replace(capacity_share=0.06), SMALL),
        (EVEN, NO_LEAK),
        (EVEN, Leak(0.025, 0.015, 0.010, 0.0)),
        (EVEN, Leak(0.040, 0.040, 0.040, 0.2)),
        (EVEN, SMALL._replace(bled=0.3)),
    ],
)
def test_what_is_no_even_loss_of_charge_stays_unknown(loss, leak):
    assert by_loss(UNKNOWN, loss, leak) == UNKNOWN


def test_the_loss_is_what_has_changed_since_the_first_days():
    track = fresh_track(N_CELL, 2)
    for row, first, now in ((I_SIZE, 0.05, 0.15), (I_QUICK, 0.0, 0.3), (I_CHARGE, 0.0, -0.03), (I_OWN, 0.0, -0.02)):
        track.first[row, CELL], track.now[row, CELL] = first, now
    track.drift[I_SIZE, CELL] = 60.0
    track.ring[-30:], track.ring_day[-30:] = 0.0, DAYS
    track.ring[-30:, :, CELL] = -0.002 * DAYS[:, None]
    features = read_day(fresh_sums(Pack("car", "pack", N_CELL, 2, "NMC", 150.0)), 0.0)
    loss = loss_of(track, features, CELL)
    assert loss[:3] == pytest.approx((0.1, 0.3, 0.02))
    assert loss.told > 3.0
    assert loss.line > 0.98
    assert loss.is_worn
    other = loss_of(track, features, CELL + 1)
    assert other[:4] == (0.0, 0.0, 0.0, 0.0)
    assert not other.is_worn
    assert loss_of(track, features, N_CELL) == (0.0,) * 6


@pytest.mark.parametrize(
    ("causes", "first"),
    [
        ((("sensing-wire", 0.56), ("internal-short", 0.3), ("unknown", 0.14)), "internal-short"),
        ((("sensing-wire", 0.9), ("unknown", 0.1)), "unknown"),
        ((("sensing-wire", 1.0),), "unknown"),
        ((("internal-short", 0.8), ("sensing-wire", 0.2)), "internal-short"),
    ],
)
def test_a_wire_does_not_lead_at_stop(causes, first):
    told = by_fall(causes)
    assert told[0][0] == first
    assert sum(chance for _, chance in told) == pytest.approx(1.0)
    draft = Warning("", "car", "pack", 3, None, "watch", causes, 2.0, "left the pack within minutes", 0.0, 0.0, 0.0, 0.0, 0.0)
    assert at_level(draft, "inspect").causes == causes
    stop = at_level(draft, "stop")
    assert stop.causes[0][0] == first
    assert stop.advice[0] == "stop.do"


def test_resistance_that_alone_has_grown_is_a_contact():
    contact = Contact(drift=20.0, gone=0.9, now=0.9, noise=3.0, size=0.2, charge=-0.5)
    causes = (("unknown", 0.7), ("weak-cell", 0.3))
    assert by_contact(causes, contact)[0] == ("connection", 0.42)
    for other in ({"noise": 15.0}, {"size": 5.0}, {"charge": -4.0}, {"gone": 0.5}, {"now": 0.5}, {"drift": 5.0}, {"drift": -20.0}):
        assert by_contact(causes, contact._replace(**other)) == causes


def test_heat_spreads_and_a_bad_sensor_is_alone():
    assert not is_warm_around((8.0, 0.1), (-19.0, 0.3))
    assert not is_warm_around((8.0, -3.0), (0.0, 0.0))
    assert is_warm_around((10.0, 7.0), (0.0, 0.0))
    assert is_warm_around((0.2, 0.0), (20.0, 15.0))
    causes = (("temperature-sensor", 0.9), ("unknown", 0.1))
    assert by_heat(causes)[0][0] == "unknown"
    assert sum(chance for _, chance in by_heat(causes)) == pytest.approx(1.0)
    assert by_heat((("unknown", 1.0),)) == (("unknown", 1.0),)
