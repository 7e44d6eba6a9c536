"""What the loop counts of batteries that give, and a month of a guarded site beside one that is not."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.guard import GuardRules, Limit
from evloom.loop.packs import PackBook
from evloom.loop.sight import blank_sight
from evloom.pile.events import PackSeen
from evloom.simulate.run import run_policy
from evloom.simulate.stage import stage
from tools.charger_study import scenario_of

ZONE = "Europe/Berlin"


def at_s(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()


def lossy():
    sight = blank_sight(1)
    sight.charge_efficiency[0], sight.discharge_efficiency[0] = 0.9, 0.8
    return sight


def test_energy_given_is_counted_by_day_and_year_and_across_stays():
    book, sight = PackBook(1, ZONE), lossy()
    book.arrive(0, "car", at_s("2025-12-30T18:00"))
    book.metered(0, -1.0 / 0.72, sight, at_s("2025-12-30T19:00"))
    assert book.packs.given_today_kwh[0] == pytest.approx(1.0)
    book.metered(0, 5.0, sight, at_s("2025-12-30T20:00"))
    assert book.packs.given_today_kwh[0] == pytest.approx(1.0)  # charging gives nothing back
    book.leave(0)
    book.arrive(0, "car", at_s("2025-12-30T23:00"))
    assert book.packs.given_today_kwh[0] == pytest.approx(1.0)
    book.turn(0, at_s("2025-12-31T00:00"))
    assert (book.packs.given_today_kwh[0], book.packs.given_year_kwh[0]) == (0.0, pytest.approx(1.0))
    book.leave(0)
    book.arrive(0, "other", at_s("2025-12-31T01:00"))
    assert book.packs.given_year_kwh[0] == 0.0
    book.arrive(0, "car", at_s("2026-01-02T01:00"))
    assert book.packs.given_year_kwh[0] == 0.0


def test_state_of_charge_follows_the_meter_from_what_was_told():
    book, sight = PackBook(1, ZONE), lossy()
    book.arrive(0, "", at_s("2025-06-01T18:00"))
    assert np.isnan(book.packs.soc[0])
    book.seen(0, PackSeen(0.0, "P1", soc=0.5, battery_kwh=50.0, given_year_kwh=7.0))
    book.seen(0, PackSeen(0.0, "P1", temperature_c=-4.0, diagnosis=1))
    book.metered(0, 5.0, sight, at_s("2025-06-01T19:00"))
    assert book.packs.soc[0] == pytest.approx(0.5 + 0.09)
    book.metered(0, -5.0, sight, at_s("2025-06-01T20:00"))
    assert book.packs.soc[0] == pytest.approx(0.5)
    told = book.packs.temperature_c[0], book.packs.diagnosis[0]
    assert told == (-4.0, 1.0)
    assert book.packs.given_year_kwh[0] == pytest.approx(7.0 + 5.0 * 0.72)


SITE = """
name = "street"
objective = "cost+wear"
[time]
zone = "Europe/Berlin"
from = 2025-06-02T12:00:00
to = 2025-06-04T12:00:00
step_s = 1800
[transformer]
rating_kva = 200
export_max_kw = 100
[[pile]]
id = "P{n}"
count = 3
dc = true
rating_kw = 11
discharge_max_kw = 11
[[vehicle]]
model = "van"
battery_kwh = 60
ac_max_kw = 11
v2g = true
soc_floor = 0.2
charge_efficiency = 0.95
discharge_efficiency = 0.95
[sessions.generate]
kind = "home"
vehicles = 3
[driver]
departure = "true"
energy = "true"
[control]
replan = "step"
[tariff]
currency = "EUR"
zone = "Europe/Berlin"
export_price_per_kwh = 0.3
periods = [
  {category="day", start="06:00", end="17:00", price_per_kwh=0.25},
  {category="evening", start="17:00", end="22:00", price_per_kwh=0.60},
  {category="night", start="22:00", end="06:00", price_per_kwh=0.10},
]
"""


@pytest.fixture(scope="module")
def street():
    return scenario_of(SITE)


def given(scenario, guard: GuardRules | None):
    """Energy given by session and local day, the lowest state of charge at departure, all refusals of the run."""
    laid_out = stage(replace(scenario, guard=guard))
    refusals = []
    run = run_policy(laid_out, "optimal", "cost", lambda *seen: refusals.extend(seen[2].refusals))
    track = run.track
    length = np.diff(track.offset)
    session = np.repeat(np.arange(len(length)), length)
    step = np.arange(track.offset[-1]) - track.offset[session] + track.first[session]
    day = np.floor((laid_out.grid.start_s + step * laid_out.grid.step_s + 7200.0) / 86400.0)
    drivers = [laid_out.scenario.sessions.driver_id[i] for i in laid_out.session]
    by_day: dict[tuple[str, float], float] = {}
    for cell, flow_kwh in enumerate(track.flow_kwh):
        if flow_kwh < 0.0:
            key = drivers[session[cell]], day[cell]
            by_day[key] = by_day.get(key, 0.0) - flow_kwh
    return laid_out, run, by_day, refusals


def test_daily_throughput_is_kept_by_every_car_across_its_stays(street):
    _, free, by_day, none = given(street, None)
    assert none == []
    assert max(by_day.values()) > 10.0  # what it would give
    guard = GuardRules(daily_kwh=Limit(4.0, "maker's warranty"))
    laid_out, run, by_day, refusals = given(street, guard)
    assert 3.5 < max(by_day.values()) <= 4.0 + 1e-6
    assert {refusal.code for refusal in refusals} == {"guard.daily-throughput"}
    assert {refusal.source for refusal in refusals} == {"maker's warranty"}
    short_kwh = laid_out.cars.energy_kwh - (run.track.in_kwh - run.track.out_kwh / (0.95 * 0.95))
    assert short_kwh.max() < 0.3  # drivers get what they were promised
    assert run.track.out_kwh.sum() < 0.6 * free.track.out_kwh.sum()


def test_a_floor_of_the_site_holds_where_the_cars_own_is_lower(street):
    """Lowest state of charge of every stay, from its energies."""

    def lowest(guard: GuardRules | None) -> float:
        laid_out, run, *_ = given(street, guard)
        cars, track = laid_out.cars, run.track
        soc = []
        for car in range(len(cars.soc)):
            flow_kwh = track.flow_kwh[track.offset[car] : track.offset[car + 1]]
            cells_kwh = np.where(flow_kwh > 0, flow_kwh * 0.95, flow_kwh / 0.95)
            below = np.append(0.0, np.cumsum(cells_kwh)).min()
            if below < 0.0:
                soc.append(cars.soc[car] + below / cars.battery_kwh[car])
        return float(min(soc))

    assert lowest(None) < 0.55
    assert lowest(GuardRules(soc_min=Limit(0.6, "owner"))) >= 0.6 - 1e-6


def test_what_must_be_known_and_is_not_keeps_every_battery_from_giving(street):
    _, run, _, refusals = given(street, GuardRules(temperature_min_c=Limit(0.0, "maker")))
    assert run.track.out_kwh.sum() == 0.0
    assert {refusal.code for refusal in refusals} == {"guard.temperature-low"}
