"""A battery under suspicion: what its diagnosis allows is all that any policy orders, and the record says so."""

from dataclasses import replace
from importlib.resources import as_file, files
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import pytest

from evloom.diagnose.limits import INSPECT, SOUND, STOP, limits_of
from evloom.dispatch.belief import Trust
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.reason import DIAGNOSED, DONE
from evloom.loop.driver import Loop
from evloom.loop.optimal_policy import OptimalPolicy
from evloom.loop.policies import policy_named
from evloom.loop.ports import Policy
from evloom.loop.state import State
from evloom.pile.events import Event, Known, PackSeen, PluggedIn, Tick
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import stage

BATTERY_KWH = 20.0
SOURCES = MappingProxyType({"optimal": lambda: OptimalPolicy(parse_objective("cost"), Trust())})


@pytest.fixture(scope="module")
def small():
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        return stage(load_scenario(path))


class World:
    """A loop with one car at its first EVSE, cheap power, and nothing in the way."""

    def __init__(self, laid_out, policy: Policy) -> None:
        tree = laid_out.scenario.site.tree
        site = replace(laid_out.scenario.site, base_load=(), solar=(), tree=tree)
        self.evse, self.at_s = laid_out.scenario.evse, laid_out.grid.start_s
        self.loop = Loop(State(site, self.evse, laid_out.terms), policy)
        prices = Known(self.at_s, "price", 0, [0.5] * laid_out.terms.grid.n)
        name = self.evse.evse_id[0]
        self.first: list[Event] = [
            prices,
            PluggedIn(self.at_s, name, "s", self.at_s + 4 * 3600.0, 18.0, 7.36, 1, 6.0, 5.0, 1, 1, 0, 1, 0, [], []),
        ]

    def tick(self, **seen):
        events: list[Event] = [*self.first, *([PackSeen(self.at_s, self.evse.evse_id[0], **seen)] if seen else [])]
        self.first = []
        self.at_s += 10.0
        _, record = self.loop.tick([*events, Tick(self.at_s, 0.25)])
        return record


@pytest.fixture(params=["optimal", "uncontrolled", "equal-share", "queue"])
def world(request, small):
    made = SOURCES.get(request.param)
    return World(small, made() if made else policy_named(request.param, parse_objective("cost"), Trust(), urgent_first=False, spread=False))


def test_inspect_charges_gently_and_lifts_within_one_step(world):
    free_kw = world.tick(soc=0.1, battery_kwh=BATTERY_KWH).power_kw[0]
    record = world.tick(diagnosis=INSPECT)
    assert 0.0 < record.power_kw[0] <= 0.3 * BATTERY_KWH < free_kw
    assert record.reason[0] == DIAGNOSED
    assert {refusal.source for refusal in record.refusals} == {"battery diagnosis"}
    assert "diagnosis.power" in {refusal.code for refusal in record.refusals}
    assert world.tick(diagnosis=SOUND).power_kw[0] == free_kw


def test_inspect_ends_at_80_percent(world):
    assert world.tick(soc=0.82, battery_kwh=BATTERY_KWH).power_kw[0] > 0.0
    record = world.tick(diagnosis=INSPECT)
    assert (record.power_kw[0], record.reason[0]) == (0.0, DIAGNOSED)
    assert "diagnosis.soc" in {refusal.code for refusal in record.refusals}


def test_stop_charges_nothing(world):
    assert world.tick(soc=0.3, battery_kwh=BATTERY_KWH).power_kw[0] > 0.0
    record = world.tick(diagnosis=STOP)
    assert (record.power_kw[0], record.reason[0]) == (0.0, DIAGNOSED)
    assert world.tick(diagnosis=SOUND).power_kw[0] > 0.0


def test_watch_and_what_nobody_knows_are_free(world):
    free_kw = world.tick().power_kw[0]
    assert world.tick(diagnosis=1).power_kw[0] == free_kw
    record = world.tick(diagnosis=INSPECT)
    assert 0.0 < record.power_kw[0] <= 12.0  # 0.3 C of the battery that is taken for one nobody told of
    assert any("not known" in refusal.text() for refusal in record.refusals)
    assert record.reason[0] != DONE


def test_limits_grow_stricter_with_the_level():
    levels = [limits_of(level) for level in (SOUND, 1.0, INSPECT, STOP, 9.0)]
    assert all(np.all(np.array(later) <= np.array(before)) for before, later in pairwise(levels))
    assert limits_of(float("nan")) == limits_of(SOUND)
