"""Piles that lose their link: with their room kept free nothing is overloaded; what they draw is on their meters."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.simulate.link_twin import outages
from evloom.simulate.replay import replay_journal
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Link
from evloom.simulate.stage import stage
from evloom.simulate.study import study
from tools.charger_study import CAR_PARK, lost_links, overload_min_per_day, scenario_of

LINK = Link(drops_per_day=6.0, outage_min=15.0, default_a=6.0, hold_min=5.0)


@pytest.fixture(scope="module")
def car_park():
    return scenario_of(CAR_PARK)


def test_outages_are_as_frequent_and_as_long_as_said_and_each_piles_own():
    spans = [outages(LINK, 0.0, 100 * 86400.0, pile) for pile in range(20)]
    lengths_s = np.concatenate([each[:, 1] - each[:, 0] for each in spans])
    assert len(lengths_s) / 2000.0 == pytest.approx(6.0 * 0.94, rel=0.05)  # 6 % of the time a link is down and cannot be lost
    assert lengths_s.mean() == pytest.approx(900.0, rel=0.05)
    assert all((each[1:, 0] > each[:-1, 1]).all() for each in spans)
    assert not np.isin(spans[0], spans[1]).any()
    np.testing.assert_array_equal(spans[3], outages(LINK, 0.0, 100 * 86400.0, 3))
    assert len(outages(Link(), 0.0, 86400.0, 0)) == 0


def test_without_reservation_over_100_overload_minutes_a_day_with_it_none(car_park):
    laid_out, run, _ = lost_links(car_park, replace(LINK, reserve=False))
    assert overload_min_per_day(laid_out, run) > 100.0
    laid_out, run, result = lost_links(car_park, LINK)
    assert run.track.over_h.max() == 0.0
    assert result.rejected == 0
    assert result.short_kwh < 0.25 * laid_out.cars.energy_kwh.sum()  # the site is scarce: 16 % without any drop


@pytest.mark.parametrize(("default_a", "hold_min"), [(0.0, 5.0), (0.0, np.inf), (6.0, 0.0), (6.0, np.inf)])
def test_whatever_the_piles_were_told_nothing_is_overloaded(car_park, default_a, hold_min):
    _, run, _ = lost_links(car_park, replace(LINK, default_a=default_a, hold_min=hold_min))
    assert run.track.over_h.max() == 0.0


def test_what_is_drawn_without_a_link_is_on_the_meter(car_park):
    """Every kWh of every session is in its meter column, and the loop knows it when the link is back."""
    laid_out, run, _ = lost_links(car_park, LINK)
    per_session = np.add.reduceat(run.track.flow_kwh, run.track.offset[:-1])
    np.testing.assert_allclose(per_session, run.track.in_kwh, atol=1e-9)
    assert run.track.ev_kwh.sum() == pytest.approx(run.track.in_kwh.sum())
    unheard = replace(LINK, drops_per_day=0.0)
    assert stage(replace(car_park, link=unheard)).cycle_s.size < laid_out.cycle_s.size  # the loop runs when a link changes


SMALL = """
name = "eight"
objective = "cost+wear"
[time]
zone = "Asia/Shanghai"
from = 2025-03-03
to = 2025-03-05
[transformer]
rating_kva = 16
export_max_kw = 5
[[base_load]]
profile = "apartment-block"
peak_kw = 5
[[pile]]
id = "P{n}"
count = 6
rating_kw = 7
discharge_max_kw = 5
[[vehicle]]
model = "van"
battery_kwh = 50
ac_max_kw = 7
v2g = true
[sessions.generate]
kind = "home"
seed = 7
[driver]
departure = "told"
energy = "told"
taper = "learnt"
[link]
drops_per_day = 20
outage_min = 20
hold_min = 5
[guard]
soc_min = 0.4
daily_kwh = 3
[tariff]
name = "zhejiang-jiaxing-2025"
"""


def test_optimal_holds_the_limits_too_and_its_journal_replays_bit_for_bit(tmp_path):
    (tmp_path / "scenario.toml").write_text(SMALL, encoding="utf-8")
    scenario = load_scenario(tmp_path / "scenario.toml")
    journal = tmp_path / "run.jsonl"
    done = study(scenario, ("optimal",), scenario.objective, journal, lambda *_: None)
    assert done.runs[0].track.over_h.max() == 0.0
    written = journal.read_text(encoding="utf-8")
    assert {kind for kind in ("LinkLost", "LinkBack", "PackSeen") if f'{{"{kind}":' in written} == {"LinkLost", "LinkBack", "PackSeen"}
    (replayed,) = replay_journal(scenario, journal)
    assert replayed.same_digest
    assert replayed.differing == 0
    assert replayed.part.findings == ()
