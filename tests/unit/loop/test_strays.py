"""EVSE that do not follow: load that nobody steers, asked for little, taken back; limits that change; plans that go along."""

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest

from evloom.dispatch.belief import Trust
from evloom.dispatch.fallback import Fallback
from evloom.dispatch.moment import wires
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.reason import OFFLINE, STRAYED, UNTRIED
from evloom.dispatch.verify import verify
from evloom.loop.driver import Loop
from evloom.loop.optimal_policy import OptimalPolicy
from evloom.loop.state import State
from evloom.loop.told import steps_of, value_at
from evloom.pile.events import Followed, Known, Limited, LinkLost, PluggedIn, Readings, Strayed, Supplied, Tick, Untold, Wanted
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import stage

PRICES = [2.0] * 8 + [0.5] * 4000


class World:
    """A loop under the optimum with cars at its first EVSE, driven by hand: dear for two hours, then cheap."""

    def __init__(self, laid_out, most_kw: float = 1000.0) -> None:
        tree = laid_out.scenario.site.tree
        tree = replace(tree, import_max_kw=np.minimum(tree.import_max_kw, most_kw))
        self.site = replace(laid_out.scenario.site, base_load=(), solar=(), tree=tree)
        self.evse, self.at_s = laid_out.scenario.evse, laid_out.grid.start_s
        terms = replace(laid_out.terms, fallback=Fallback(0.0, np.inf))
        self.state = State(self.site, self.evse, terms)
        self.loop = Loop(self.state, OptimalPolicy(parse_objective("cost"), Trust()))
        self.first = [Known(self.at_s, "price", 0, [*PRICES[: terms.grid.n]])]

    def plug(self, row: int, hours: float = 8.0, kwh: float = 20.0) -> PluggedIn:
        name = self.evse.evse_id[row]
        return PluggedIn(self.at_s, name, f"s{row}", self.at_s + hours * 3600.0, kwh, 7.36, 1, 6.0, 0.0, 1, 1, 0, 1, 0, [], [])

    def tick(self, *events, seconds: float = 10.0):
        before, self.first = self.first, []
        orders, record = self.loop.tick([*before, *events, Tick(self.at_s, seconds / 3600.0)])
        self.at_s += seconds
        return {order.unit_id: order for order in orders}, record

    def base_kw(self) -> float:
        return float(self.state.snapshot().wires.base_kw[0])


@pytest.fixture(scope="module")
def small():
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        return stage(load_scenario(path))


def test_a_stray_is_base_load_and_asked_for_little(small):
    world = World(small)
    name = world.evse.evse_id[0]
    sent, record = world.tick(world.plug(0), Strayed(world.at_s, name, 7.0, 1.38, "ignores"))
    assert sent[name].power_kw == record.power_kw[0] == 1.38
    assert record.reason[0] == STRAYED
    assert world.base_kw() == pytest.approx(7.0)
    ahead_kw = world.state.snapshot().ahead.base_kw[0]
    assert ahead_kw[0] == pytest.approx(7.0)
    assert ahead_kw[-1] == 0.0  # it is believed to leave
    sent, _ = world.tick()
    assert name not in sent  # it was asked once
    sent, record = world.tick(Followed(world.at_s, name))
    assert world.base_kw() == 0.0
    assert record.reason[0] != STRAYED
    assert name in sent  # what it is set to is told anew


def test_untried_says_so_and_an_empty_one_takes_no_room(small):
    world = World(small)
    name = world.evse.evse_id[0]
    world.tick(Strayed(world.at_s, name, 7.36, 1.38, "untried"))
    assert world.base_kw() == 0.0
    _, record = world.tick(world.plug(0))
    assert record.reason[0] == UNTRIED
    assert world.base_kw() == pytest.approx(7.36)


def test_a_stray_without_a_link_counts_with_its_rating(small):
    world = World(small)
    name = world.evse.evse_id[0]
    world.tick(world.plug(0), Strayed(world.at_s, name, 2.0, 1.38))
    _, record = world.tick(LinkLost(world.at_s, name))
    assert record.reason[0] == OFFLINE
    assert world.base_kw() == pytest.approx(float(world.evse.charge_max_kw[0]))


def test_a_limit_that_changes_and_goes_back(small):
    world = World(small)
    own_kw, node = float(world.site.tree.import_max_kw[0]), world.site.tree.node_id[0]
    world.tick(world.plug(0, hours=0.5), world.plug(1, hours=0.5))
    _, record = world.tick(Limited(world.at_s, node, 2.0, "operator"))
    assert record.power_kw.sum() <= 2.0
    assert world.state.site.tree.source[0] == "operator"
    world.tick(Limited(world.at_s, node, None, ""))
    assert world.state.snapshot().wires.import_max_kw[0] == own_kw


def test_the_plan_goes_along_and_is_carried_out_without_another_word(small):
    world = World(small)
    name = world.evse.evse_id[0]
    sent, record = world.tick(world.plug(0), Untold(world.at_s, name))
    plan = ((sent[name].at_s, sent[name].power_kw), *sent[name].ahead)
    assert sent[name].power_kw == 0.0  # it is dear now
    assert sum(power_kw > 0.0 for _, power_kw in plan) >= 1
    starts_s = next(at_s for at_s, power_kw in plan if power_kw > 0.0)
    assert starts_s >= sent[name].at_s + 7200.0
    np.testing.assert_array_equal(record.ahead_kw[:, 0], record.power_kw)
    world.at_s = starts_s
    sent, record = world.tick()
    assert record.power_kw[0] == value_at(plan, starts_s) > 0.0
    assert name not in sent  # it starts by itself


def test_a_lost_pile_is_reserved_by_its_plan_step_by_step(small):
    world = World(small)
    name = world.evse.evse_id[0]
    sent, _ = world.tick(world.plug(0), Untold(world.at_s, name))
    plan = ((sent[name].at_s, sent[name].power_kw), *sent[name].ahead)
    world.tick(LinkLost(world.at_s, name))
    snapshot = world.state.snapshot()
    expected_kw = [value_at(plan, at_s) for at_s in snapshot.ahead.edges_s[:-1]]
    np.testing.assert_allclose(snapshot.ahead.base_kw[0], expected_kw)
    assert max(expected_kw) > 0.0
    assert world.base_kw() == 0.0  # now it draws nothing


def test_an_outdated_plan_is_told_again_though_the_order_is_the_same(small):
    world = World(small)
    name = world.evse.evse_id[0]
    world.tick(world.plug(0), Untold(world.at_s, name))
    sent, _ = world.tick()
    assert name not in sent
    sent, record = world.tick(Untold(world.at_s, name, is_set=True))
    assert sent[name].power_kw == record.power_kw[0]
    assert not world.state.snapshot().is_outdated.any()


def test_what_is_believed_may_change(small):
    world = World(small)
    name = world.evse.evse_id[0]
    _, record = world.tick(world.plug(0))
    assert record.power_kw[0] == 0.0
    _, record = world.tick(Wanted(world.at_s, name, world.at_s + 3600.0, 20.0, 7.36, 1, 0.0, 1.0, [], []))
    assert record.power_kw[0] > 0.0  # it leaves before it is cheap


def test_plans_ahead_hold_every_limit_in_every_step(small):
    world = World(small, most_kw=9.0)
    n = min(6, world.evse.n)
    _, record = world.tick(*(world.plug(row, hours=4.0 + row, kwh=12.0) for row in range(n)))
    snapshot = world.loop.snapshot
    assert snapshot is not None
    assert record.ahead_kw.sum() > 0.0
    for step in range(record.ahead_kw.shape[1]):
        now = wires(world.site.tree, snapshot.ahead.base_kw[:, step], world.site.voltage_v)
        assert verify(snapshot.bays, now, record.ahead_kw[:, step]) == ()


def test_readings_leave_the_last_plan_as_the_one_in_force(small):
    world = World(small)
    name = world.evse.evse_id[0]
    world.tick(world.plug(0, hours=0.6, kwh=4.0), Untold(world.at_s, name))
    high_kw = float(world.state.sight.ordered_kw[0])
    assert high_kw > 0.0
    node = world.site.tree.node_id[0]
    world.tick(Limited(world.at_s, node, 0.0, "x"))
    world.tick(Readings(world.at_s, 0.0, [name], [0.1], [0.0], [False], [0.0], [None], []), LinkLost(world.at_s, name))
    assert world.base_kw() == 0.0


def test_steps_of_a_power():
    assert steps_of(np.array([0.0, 10.0, 20.0, 30.0]), np.array([1.0, 1.0, 2.0])) == ((20.0, 2.0),)
    assert value_at(((5.0, 1.0), (10.0, 2.0)), 4.0) == 0.0


def test_a_current_is_another_power_at_another_voltage(small):
    """A car told 16 A draws 3.52 kW at 220 V: it follows, and is told nothing new; what it is told next is a current of 220 V."""
    world = World(small)
    name = world.evse.evse_id[0]
    sent, _ = world.tick(world.plug(0), Strayed(world.at_s, name, 7.0, 16 * 0.23, "untried"))
    assert sent[name].power_kw == 16 * 0.23
    sent, record = world.tick(Supplied(world.at_s, name, 220.0), Strayed(world.at_s, name, 7.0, 16 * 0.22, "untried"))
    assert name not in sent
    assert record.power_kw[0] == pytest.approx(16 * 0.22)
    sent, _ = world.tick(
        Readings(world.at_s, 0.0, [name], [0.01], [16 * 0.22], [False], [0.0], [None], []), Followed(world.at_s, name), Wanted(*_now(world))
    )
    assert world.state.sight.kw_per_a[0] == pytest.approx(0.22)
    assert world.state.sight.seen_max_kw[0] == np.inf
    assert sent[name].power_kw / 0.22 == pytest.approx(round(sent[name].power_kw / 0.22))


def _now(world: World) -> tuple:
    """The car at the first EVSE must leave within two hours, and wants more than it can have."""
    return world.at_s, world.evse.evse_id[0], world.at_s + 7200.0, 20.0, 7.36, 1, 0.0, 1.0, [], []
