"""The loop and piles that cannot be reached: no orders to them, their room kept free, told anew when they are back."""

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest

from evloom.dispatch.fallback import DEFAULT, Fallback
from evloom.dispatch.reason import OFFLINE
from evloom.loop.driver import Loop
from evloom.loop.rule_policy import RulePolicy
from evloom.loop.state import State
from evloom.pile.events import LinkBack, LinkLost, PluggedIn, Readings, Tick, Unplugged
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import stage


@pytest.fixture(scope="module")
def small():
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        return stage(load_scenario(path))


class World:
    """A loop with cars at its first EVSE, driven by hand."""

    def __init__(self, laid_out, fallback: Fallback = DEFAULT, most_kw: float = np.inf) -> None:
        tree = laid_out.scenario.site.tree
        tree = replace(tree, import_max_kw=np.minimum(tree.import_max_kw, most_kw))
        site = replace(laid_out.scenario.site, base_load=(), solar=(), tree=tree)
        self.evse = laid_out.scenario.evse
        self.state = State(site, self.evse, replace(laid_out.terms, fallback=fallback))
        self.loop = Loop(self.state, RulePolicy("earliest-deadline"))
        self.at_s = laid_out.grid.start_s

    def plug(self, row: int) -> PluggedIn:
        name = self.evse.evse_id[row]
        return PluggedIn(self.at_s, name, f"s{row}", self.at_s + 40_000.0, 50.0, 7.36, 1, 6.0, 0.0, 1, 1, 0, 1, 0, [], [])

    def read(self, *rows: int, net_kwh: float = 1.0) -> Readings:
        n = len(rows)
        names = [self.evse.evse_id[row] for row in rows]
        draw_kw = self.state.sight.ordered_kw[list(rows)].tolist()
        return Readings(self.at_s, 1.0, names, [net_kwh] * n, draw_kw, [False] * n, [0.0] * n, [None] * n, [])

    def tick(self, *events, hours: float = 0.25):
        orders, record = self.loop.tick([*events, Tick(self.at_s, hours)])
        self.at_s += hours * 3600.0
        return {order.unit_id: order.power_kw for order in orders}, record


def test_a_lost_pile_gets_no_orders_and_its_room_is_kept(small):
    world = World(small, Fallback(6.0, np.inf))
    ids = world.evse.evse_id
    sent, record = world.tick(world.plug(0), world.plug(1))
    assert sent[ids[0]] > 0.0
    first_kw = record.power_kw[0]
    before = world.state.snapshot().wires.base_kw[0]
    sent, record = world.tick(world.read(0, 1), LinkLost(world.at_s, ids[0]))
    assert ids[0] not in sent
    assert record.reason[0] == OFFLINE
    assert world.state.snapshot().wires.base_kw[0] == pytest.approx(before + first_kw)
    assert world.state.snapshot().ahead.base_kw[0].min() >= first_kw


def test_without_reservation_orders_to_it_are_counted_on(small):
    world = World(small, Fallback(6.0, np.inf, is_reserved=False))
    ids = world.evse.evse_id
    world.tick(world.plug(0))
    _, record = world.tick(world.read(0), LinkLost(world.at_s, ids[0]))
    assert record.power_kw[0] > 0.0
    assert world.state.snapshot().wires.base_kw[0] == 0.0


def test_back_again_it_is_told_anew_and_its_meter_counts(small):
    world = World(small, Fallback(6.0, 0.0))
    ids = world.evse.evse_id
    sent, _ = world.tick(world.plug(0))
    full_kw = sent[ids[0]]
    world.tick(world.read(0), LinkLost(world.at_s, ids[0]))
    world.tick()
    sent, record = world.tick(LinkBack(world.at_s, ids[0]), world.read(0, net_kwh=3.25))
    assert sent[ids[0]] == full_kw  # although nothing else was ordered since
    assert record.reason[0] != OFFLINE
    assert world.state.sight.net_kwh[0] == 3.25


def test_what_happened_meanwhile_is_told_later_in_either_order(small):
    for back_first in (True, False):
        world = World(small, Fallback(6.0, 0.0))
        name = world.evse.evse_id[0]
        world.tick(world.plug(0))
        world.tick(LinkLost(world.at_s, name))
        meanwhile = [Unplugged(world.at_s - 60.0, name, "s0"), replace(world.plug(0), at_s=world.at_s - 30.0, session_id="next")]
        back = [LinkBack(world.at_s, name)]
        sent, _ = world.tick(*(back + meanwhile if back_first else meanwhile + back), world.read(0, net_kwh=0.5))
        assert name in sent
        assert world.state.session_id[0] == "next"
        assert world.state.sight.net_kwh[0] == 0.5


def test_even_an_order_of_nothing_is_told_anew(small):
    """A car that comes to a lost pile draws the default; that it shall not must be said."""
    world = World(small, Fallback(6.0, 0.0), most_kw=0.0)
    name = world.evse.evse_id[0]
    world.tick(LinkLost(world.at_s, name))
    sent, _ = world.tick(world.plug(0), LinkBack(world.at_s, name), world.read(0))
    assert sent == {name: 0.0}


def test_a_silent_pile_counts_as_lost_once_its_readings_are_old(small):
    world = World(small, Fallback(6.0, np.inf, stale_s=1800.0))
    name = world.evse.evse_id[0]
    world.tick(world.plug(0))
    ages_s = []
    for _ in range(4):
        _, record = world.tick()
        snapshot = world.state.snapshot()
        ages_s.append(snapshot.now_s - snapshot.heard_s[0])
        assert (record.reason[0] == OFFLINE) == (ages_s[-1] > 1800.0)
    assert ages_s == [900.0, 1800.0, 2700.0, 3600.0]
    sent, record = world.tick(world.read(0))
    assert record.reason[0] != OFFLINE
    assert record.power_kw[0] > 0.0
    assert name not in sent  # it was never told anything else


def test_whatever_was_sent_since_it_was_last_heard_may_be_in_force(small):
    world = World(small, Fallback(0.0, np.inf, stale_s=1000.0))
    world.tick(world.plug(0))
    high_kw = float(world.state.sight.ordered_kw[0])
    world.state.ordered(np.zeros(world.evse.n))  # lowered, but nobody knows whether that arrived
    world.at_s += 3600.0
    world.tick()
    assert world.state.snapshot().wires.base_kw[0] == pytest.approx(high_kw)
