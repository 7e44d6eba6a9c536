"""Many cycles of the loop in one compiled run, for the rule policies.

It calls the same compiled functions as the loop (`loop.sight.moment`, `dispatch.rules.decide`, `simulate.twin.draw`);
only the bookkeeping around them is its own, and a test drives both on generated scenarios and compares every order.
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Wires
from evloom.dispatch.rules import Outlook, decide
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int
from evloom.loop.sight import Piles, Sight, learn_draw, moment
from evloom.simulate.track import Span, Track, Wiring, enter_cars, enter_nodes
from evloom.simulate.twin import Cars, World, draw, plug_in, unplug


class Beliefs(NamedTuple):
    """What the system knows or believes of each stay when the car arrives, columns (n_session,).

    As the columns of the same name in `loop.sight.Sight`; evse is the row it goes to, -1 for the first free one.
    """

    departure_s: Float
    wanted_kwh: Float
    car_max_kw: Float
    kw_per_a: Float
    current_min_a: Float
    current_step_a: Float
    phase: Int
    give_max_kw: Float
    priority: Float
    evse: Int


class Clockwork(NamedTuple):
    """When the loop runs, and the forecasts the price queue reads.

    cycle_s (n_cycle + 1,) epoch seconds, step (n_cycle,) the step each cycle lies in, edges_s (n_step + n_ahead + 1,);
    base_kw (n_node, n_step) load nobody steers at or below each node;
    price_per_kwh, room_kw (n_step + n_ahead,) as known in advance.
    begin, end: the cycles to run now, end not included and -1 meaning all; the next call goes on where one ended.
    """

    cycle_s: Float
    step: Int
    edges_s: Float
    base_kw: Float
    price_per_kwh: Float
    room_kw: Float
    n_ahead: int
    begin: int = 0
    end: int = -1


class Plant(NamedTuple):
    """What a run takes place at: the tree with its base load (changed in place), the piles, the cars and what is believed of them."""

    wires: Wires
    piles: Piles
    cars: Cars
    beliefs: Beliefs


@compiled
def _free_evse(car: int, world: World, beliefs: Beliefs) -> int:
    """The EVSE row for an arriving car: its own if that is free, the first free one if it has none, else -1."""
    row = beliefs.evse[car]
    if row >= 0:
        return row if world.session[row] < 0 else -1
    for free in range(len(world.session)):
        if world.session[free] < 0:
            return free
    return -1


@compiled
def seat(row: int, car: int, world: World, cars: Cars, beliefs: Beliefs, sight: Sight) -> None:
    """A car takes an EVSE, in the world and in what the loop sees."""
    plug_in(row, car, world, cars)
    sight.connected[row] = True
    sight.arrival_s[row] = cars.arrival_s[car]
    sight.departure_s[row] = beliefs.departure_s[car]
    sight.wanted_kwh[row] = beliefs.wanted_kwh[car]
    sight.car_max_kw[row] = beliefs.car_max_kw[car]
    sight.kw_per_a[row] = beliefs.kw_per_a[car]
    sight.current_min_a[row] = beliefs.current_min_a[car]
    sight.current_step_a[row] = beliefs.current_step_a[car]
    sight.phase[row] = beliefs.phase[car]
    sight.give_max_kw[row] = beliefs.give_max_kw[car]
    sight.spare_kwh[row] = 0.0
    sight.priority[row] = beliefs.priority[car]
    sight.net_kwh[row] = 0.0
    sight.draw_kw[row] = 0.0
    sight.ordered_kw[row] = 0.0
    sight.seen_max_kw[row] = np.inf
    sight.done[row] = False
    sight.debt_kwh[row] = 0.0


@compiled
def leave(row: int, world: World, sight: Sight, track: Track) -> None:
    """A car leaves its EVSE; its totals go into the track."""
    car = world.session[row]
    track.in_kwh[car] = world.in_kwh[row]
    track.out_kwh[car] = world.out_kwh[row]
    track.soc_end[car] = world.soc[row]
    sight.connected[row] = False
    sight.ordered_kw[row] = 0.0
    sight.draw_kw[row] = 0.0
    unplug(row, world)


@compiled
def read_meters(world: World, cars: Cars, sight: Sight) -> None:
    """What meters and connectors tell after a span; the loop learns from it."""
    for row in range(len(world.session)):
        car = world.session[row]
        if car >= 0:
            if cars.v2g[car]:
                cells_kwh = max(0.0, world.soc[row] - cars.soc_floor[car]) * cars.battery_kwh[car]
                sight.spare_kwh[row] = cells_kwh * cars.discharge_efficiency[car] * world.efficiency[row]
            sight.net_kwh[row] = world.in_kwh[row]
            sight.draw_kw[row] = world.draw_kw[row]
            sight.done[row] = world.done[row]
            learn_draw(row, sight)


@compiled
def run_rule(rule: int, clock: Clockwork, plant: Plant, sight: Sight, world: World, track: Track) -> float:
    """Run the cycles of `clock`; `sight`, `world` and `track` change in place. Returns a digest of their orders (a weighted sum).

    Departures at an instant come before arrivals at it; a car that arrives between two cycles is seen at the next.
    """
    wires, piles, cars, beliefs = plant.wires, plant.piles, plant.cars, plant.beliefs
    n_evse = len(world.session)
    energy_kwh = np.zeros(n_evse)
    storage_kw = np.zeros(len(wires.base_kw))
    wiring = Wiring(piles.node, sight.phase, sight.kw_per_a)
    end = len(clock.step) if clock.end < 0 else clock.end
    arrived = 0 if clock.begin == 0 else np.searchsorted(cars.arrival_s, clock.cycle_s[clock.begin - 1], side="right")
    digest = 0.0
    for cycle in range(clock.begin, end):
        now_s, next_s, step = clock.cycle_s[cycle], clock.cycle_s[cycle + 1], clock.step[cycle]
        for row in range(n_evse):
            if world.session[row] >= 0 and cars.departure_s[world.session[row]] <= now_s:
                leave(row, world, sight, track)
        while arrived < len(cars.arrival_s) and cars.arrival_s[arrived] <= now_s:
            row = _free_evse(arrived, world, beliefs)
            if row >= 0 and cars.departure_s[arrived] > now_s:
                seat(row, arrived, world, cars, beliefs, sight)
                track.served[arrived] = row
            arrived += 1
        for node in range(len(wires.base_kw)):
            wires.base_kw[node] = clock.base_kw[node, step]
            wires.base_phase_a[node] = clock.base_kw[node, step] / (3.0 * wires.kw_per_a)
        bays = moment(now_s, (clock.edges_s[step + 1] - now_s) / 3600.0, piles, sight)
        ahead_s = clock.edges_s[step : step + clock.n_ahead + 1].copy()
        ahead_s[0] = now_s
        span = slice(step, step + clock.n_ahead)
        outlook = Outlook(clock.room_kw[span], clock.price_per_kwh[span], ahead_s)
        order_kw, reason = decide(rule, bays, wires, now_s, (ahead_s[1] - now_s) / 3600.0, outlook)
        for row in range(n_evse):
            if sight.connected[row]:
                digest += order_kw[row] * (1.0 + (cycle * 31 + row) % 1009)
                sight.ordered_kw[row] = order_kw[row]
        draw(order_kw, now_s, next_s, world, cars, energy_kwh)
        enter_cars(step, now_s, reason, energy_kwh, world, track)
        enter_nodes(Span(step, (next_s - now_s) / 3600.0, energy_kwh, storage_kw), wires, wiring, world, track)
        read_meters(world, cars, sight)
    for row in range(n_evse):
        if end == len(clock.step) and world.session[row] >= 0:
            leave(row, world, sight, track)
    return digest
