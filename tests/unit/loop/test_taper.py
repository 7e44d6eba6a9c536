"""Cars that take less than they are offered: the rest goes to others at once, and plans learn how long such cars take."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.loop import state
from evloom.loop.driver import Loop
from evloom.loop.rule_policy import RulePolicy
from evloom.loop.sight import blank_sight
from evloom.loop.taper import TaperBook
from evloom.pile.events import PluggedIn, Readings, Tick
from evloom.simulate.run import run_policy
from evloom.simulate.stage import stage
from tools.charger_study import scenario_of

NIGHTS = """
name = "one car, ten nights"
[time]
zone = "Europe/Berlin"
from = 2025-01-06
to = 2025-01-17
[transformer]
rating_kva = {kva}
[[pile]]
id = "P{{n}}"
count = 2
rating_kw = 7.36
[[vehicle]]
model = "car"
battery_kwh = 40
ac_max_kw = 7.36
curve_soc = {soc}
curve_kw = {kw}
[sessions]
file = "sessions.csv"
[driver]
departure = "told"
energy = "told"
taper = "{taper}"
[tariff]
currency = "EUR"
zone = "Europe/Berlin"
periods = [
  {{category="day", start="07:30", end="04:30", price_per_kwh=0.40}},
  {{category="morning", start="04:30", end="07:30", price_per_kwh=0.10}},
]
"""
NEAR_FULL = "[0, 0.75, 0.85, 1]", "[11, 11, 3, 1.2]"
COLD = "[0, 0.56, 0.57, 0.62, 0.68, 1]", "[1.5, 1.5, 1.5, 2.5, 11, 11]"  # at 57 %, as it arrives, cold; warm after some 4 kWh
HEADER = "session_id,evse_id,driver_id,arrival,departure,energy_kwh,told_departure,requested_kwh\n"


def nights(tmp_path, taper: str, curve: tuple[str, str]):
    """Share of its need that the car got each night, and what it paid for a kWh."""
    rows = [
        f"n{day},P1,ann,2025-01-{day:02}T19:00+01:00,2025-01-{day + 1:02}T07:30+01:00,17,2025-01-{day + 1:02}T07:30+01:00,17\n"
        for day in range(6, 16)
    ]
    (tmp_path / "sessions.csv").write_text(HEADER + "".join(rows))
    path = tmp_path / "scenario.toml"
    path.write_text(NIGHTS.format(kva=50, taper=taper, soc=curve[0], kw=curve[1]))
    from evloom.simulate.scenario.load import load_scenario

    laid_out = stage(load_scenario(path))
    run = run_policy(laid_out, "optimal", "cost")
    return run.track.in_kwh / laid_out.cars.energy_kwh


@pytest.mark.parametrize("curve", [NEAR_FULL, COLD], ids=["near full", "cold"])
def test_a_learnt_taper_lets_the_plan_finish_on_time(tmp_path, curve):
    without, learnt = nights(tmp_path, "unknown", curve), nights(tmp_path, "learnt", curve)
    assert (without < 0.97).all()  # every night it starts so late that its rating would just do
    assert learnt[0] == pytest.approx(without[0])
    assert (learnt[4:] > 0.99).all()
    assert (np.diff(learnt[:4]) > -1e-6).all()


def test_what_a_tapering_car_leaves_goes_to_another_in_the_same_cycle(monkeypatch):
    """Two cars share 7.6 kW. The first begins to taper: at the very tick that sees it the second gets what it leaves."""

    def second_kw() -> tuple[float, float]:
        scenario = scenario_of(SMALL)
        laid_out = stage(scenario)
        folded = state.State(scenario.site, scenario.evse, laid_out.terms)
        loop, at_s = Loop(folded, RulePolicy("earliest-deadline")), laid_out.grid.start_s
        came = [PluggedIn(at_s, f"P{n}", f"s{n}", at_s + n * 20_000.0, 30.0, 7.36, 1, 6.0, 0.0, 1, 1, 0, 1, 0, [], []) for n in (1, 2)]
        _, before = loop.tick([*came, Tick(at_s, 0.25)])
        read = Readings(at_s + 900.0, 2.0, ["P1", "P2"], [1.5, 0.0], [2.3, 0.0], [False] * 2, [0.0] * 2, [None] * 2, [])
        _, after = loop.tick([read, Tick(at_s + 900.0, 0.25)])
        return float(before.power_kw[1]), float(after.power_kw[1])

    assert second_kw() == pytest.approx((0.0, 22 * 0.23))  # 33 A less the 11 A that the first keeps
    monkeypatch.setattr(state, "learn_draw", lambda *_: None)
    assert second_kw() == (0.0, 0.0)


SMALL = """
name = "two"
[time]
zone = "Europe/Berlin"
from = 2025-01-06
to = 2025-01-08
[transformer]
rating_kva = 8
[[pile]]
id = "P{n}"
count = 2
rating_kw = 7.36
[sessions.generate]
kind = "home"
[tariff]
name = "zhejiang-jiaxing-2025"
zone = "Europe/Berlin"
"""


def test_time_is_lost_only_where_the_car_is_the_limit():
    evse = replace(scenario_of(SMALL).evse)
    book, sight = TaperBook(evse), blank_sight(2)
    sight.car_max_kw[:] = 7.36
    assert book.arrive(0, "ann") == 0.0

    def hour(ordered_kw: float, taken_kwh: float, draw_kw: float, before_kw: float = 7.36) -> None:
        sight.ordered_kw[0], sight.draw_kw[0] = ordered_kw, before_kw
        book.metered(0, taken_kwh, 1.0, draw_kw, sight)

    hour(3.68, 3.68, 3.68)  # the site gave half: no loss
    hour(7.36, 7.36, 7.36)
    hour(7.36, 3.68, 2.0)  # it took half of what it was offered
    hour(7.36, 1.84, 0.0, before_kw=3.68)  # half an hour at 3.68 kW, then it was full
    hour(0.0, 0.0, 0.0)
    book.leave(0)
    assert book.arrive(0, "ann") == pytest.approx(0.5 + 0.25)
    book.leave(0)
    assert book.arrive(0, "ben") == 0.0


def test_a_mild_night_does_not_undo_what_a_cold_one_taught():
    book, sight = TaperBook(scenario_of(SMALL).evse), blank_sight(2)
    sight.car_max_kw[:] = sight.ordered_kw[:] = sight.draw_kw[:] = 7.0
    for taken_kwh in (3.5, 7.0, 7.0):
        book.arrive(0, "ann")
        book.metered(0, taken_kwh, 1.0, 7.0, sight)
    assert book.arrive(0, "ann") == pytest.approx(0.5)
    book.metered(0, 7.0, 1.0, 7.0, sight)
    assert book.arrive(0, "ann") == 0.0
