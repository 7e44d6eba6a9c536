"""The simulated field: twins of piles, cars, storage and meters behind the loop's field port.

It tells events and takes orders; nothing else passes between it and the loop.
"""

from datetime import datetime

import numpy as np

from evloom.dispatch.moment import wires
from evloom.kernel.forecast import outlook
from evloom.kernel.timegrid import Float, Int, TimeGrid, from_epoch_s
from evloom.loop.sight import Sight, blank_sight, piles
from evloom.loop.told import Plan, value_at
from evloom.pile.events import Event, Known, LinkBack, LinkLost, PackSeen, PluggedIn, Readings, Tick, Unplugged
from evloom.pile.orders import SetPower
from evloom.simulate.link_twin import BACK, ENDED, LOST, LinkTwin
from evloom.simulate.scenario.model import Diagnosis
from evloom.simulate.stage import Stage
from evloom.simulate.stays import TRUST
from evloom.simulate.storage_twin import StorageTwin
from evloom.simulate.track import Span, Track, Wiring, blank_track, enter_cars, enter_nodes
from evloom.simulate.twin import World, draw, empty_world, plug_in, unplug


class SimulatedField:
    """Runs the twins from cycle to cycle. `track` is what it leaves behind."""

    def __init__(self, stage: Stage) -> None:
        scenario = stage.scenario
        self.stage = stage
        self.world: World = empty_world(scenario.evse.efficiency)
        self.piles = piles(scenario.evse)
        self.wiring: Sight = blank_sight(scenario.evse.n)
        self.track: Track = blank_track(stage.cars, stage.grid.edges_s(), scenario.site.tree.n)
        self.storage = StorageTwin(scenario.site.storage, stage.grid.n)
        self.order_kw = np.zeros(scenario.evse.n)
        self.reason = np.full(scenario.evse.n, 0)
        self.site_kwh = 0.0
        self.links = LinkTwin(scenario.link, scenario.evse.pile, stage.grid.start_s, stage.grid.edges_s()[-1])
        self._row = {name: row for row, name in enumerate(scenario.evse.evse_id)}
        self._storage_row = {name: row for row, name in enumerate(scenario.site.storage.storage_id)}
        self._wires = wires(scenario.site.tree, np.zeros(scenario.site.tree.n), scenario.site.voltage_v)
        self._plan: list[Plan] = [()] * scenario.evse.n
        self._told: dict[str, Float] = {}
        self._at_s = stage.grid.start_s
        self._cycle = 0
        self._arrived = 0
        self._step = -1
        self._carbon_ahead: Float | None = None
        self._level: dict[int, int] = {}

    def advance(self, until_s: float) -> list[Event]:
        """Let time pass to `until_s`, which must be the next instant of the stage's cycles, and tell what happened."""
        events: list[Event] = []
        if until_s > self._at_s:
            events += self._run(until_s)
            events.append(self._readings(until_s))
        events += self._departures(until_s)
        events += self._arrivals(until_s)
        events += self._diagnosed(until_s)
        step = int((until_s - self.stage.grid.start_s) // self.stage.grid.step_s)
        if step != self._step and step < self.stage.grid.n:
            self._step = step
            events += self._news(until_s, step)
        edge_s = self.stage.grid.start_s + (step + 1) * self.stage.grid.step_s
        events.append(Tick(until_s, (edge_s - until_s) / 3600.0))
        return events

    def act(self, orders: tuple[SetPower, ...]) -> None:
        """Take orders; they hold from now on. Those to piles without a link do not arrive."""
        for order in orders:
            if order.unit_id in self._row:
                row = self._row[order.unit_id]
                if not self.links.down[row]:
                    self.order_kw[row], self._plan[row] = order.power_kw, order.ahead
            else:
                self.storage.order_kw[self._storage_row[order.unit_id]] = order.power_kw

    def note(self, reason: Int) -> None:
        """Why each EVSE gets what it gets from now on, for the track."""
        self.reason = reason

    def close(self) -> Track:
        """Let the last span pass and end the run: cars still there are entered as they are."""
        self._run(float(self.stage.cycle_s[-1]))
        for row in np.flatnonzero(self.world.session >= 0):
            self._leave(int(row))
        return self.track

    def _run(self, until_s: float) -> list[Event]:
        """Let time pass, and tell of links that were lost and found."""
        told: list[Event] = []
        for change in self.links.changes(until_s):
            self._pass(change.at_s)
            evse_id = self.stage.scenario.evse.evse_id[change.row]
            if change.kind == LOST:
                told.append(LinkLost(change.at_s, evse_id))
            elif change.kind == BACK:
                told += [*self.links.untold(change.row), LinkBack(change.at_s, evse_id)]
            elif change.kind == ENDED and self.world.session[change.row] >= 0:
                self.order_kw[change.row], self._plan[change.row] = self._default_kw(change.row), ()
        self._pass(until_s)
        return told

    def _default_kw(self, row: int) -> float:
        """What a car at an EVSE is given by the pile alone."""
        default_kw = self.stage.scenario.link.default_a * self.wiring.kw_per_a[row]
        return float(min(default_kw, self.piles.charge_max_kw[row]))

    def _pass(self, until_s: float) -> None:
        if until_s <= self._at_s:
            return
        hours = (until_s - self._at_s) / 3600.0
        for row, plan in enumerate(self._plan):
            if plan and plan[0][0] <= self._at_s:  # plans change at borders of steps, and so does what is run here
                self.order_kw[row] = value_at(plan, self._at_s)
        step = int((self._at_s - self.stage.grid.start_s) // self.stage.grid.step_s)
        energy_kwh = np.zeros(len(self.order_kw))
        draw(self.order_kw, self._at_s, until_s, self.world, self.stage.cars, energy_kwh)
        storage_kw = self.storage.run(hours, step)
        base_kw = self.stage.base_kw[:, step]
        per_phase_a = np.repeat((base_kw / (3.0 * self._wires.kw_per_a))[:, None], 3, axis=1)
        now = self._wires._replace(base_kw=base_kw, base_phase_a=per_phase_a)
        extra_kw = self.storage.at_nodes(storage_kw, len(base_kw))
        enter_cars(step, self._at_s, self.reason, energy_kwh, self.world, self.track)
        wiring = Wiring(self.piles.node, self.wiring.phase, self.wiring.kw_per_a)
        enter_nodes(Span(step, hours, energy_kwh, extra_kw), now, wiring, self.world, self.track)
        self.site_kwh += float(energy_kwh.sum() + (base_kw[0] + storage_kw.sum()) * hours)
        self._at_s = until_s

    def _readings(self, until_s: float) -> Readings:
        world, cars, evse_id = self.world, self.stage.cars, self.stage.scenario.evse.evse_id
        rows = np.flatnonzero((world.session >= 0) & ~self.links.down)
        car = world.session[rows]
        pile = world.efficiency[rows]
        v2g = cars.v2g[car]
        cells_kwh = np.where(v2g, cars.battery_kwh[car], 0.0)
        soc = np.where(v2g, world.soc[rows], 0.0)
        round_trip = cars.charge_efficiency[car] * cars.discharge_efficiency[car] * pile * pile
        spare_kwh = np.maximum(0.0, soc - cars.soc_floor[car]) * cells_kwh * cars.discharge_efficiency[car] * pile
        room_kwh = np.maximum(0.0, cars.soc_full[car] - soc) * cells_kwh / (cars.charge_efficiency[car] * pile)
        return Readings(
            until_s,
            self.site_kwh,
            [evse_id[row] for row in rows],
            (world.in_kwh[rows] - world.out_kwh[rows] / round_trip).tolist(),
            world.draw_kw[rows].tolist(),
            world.done[rows].tolist(),
            spare_kwh.tolist(),
            [float(room) if able else None for room, able in zip(room_kwh, v2g, strict=True)],
            self.storage.stored_kwh.tolist(),
        )

    def _departures(self, until_s: float) -> list[Event]:
        gone = [row for row in np.flatnonzero(self.world.session >= 0) if self.stage.cars.departure_s[self.world.session[row]] <= until_s]
        return [event for row in gone for event in self.links.tell(int(row), self._leave(int(row)))]

    def _leave(self, row: int) -> Unplugged:
        car = int(self.world.session[row])
        self.track.in_kwh[car] = self.world.in_kwh[row]
        self.track.out_kwh[car] = self.world.out_kwh[row]
        self.track.soc_end[car] = self.world.soc[row]
        self.order_kw[row], self._plan[row] = 0.0, ()
        unplug(row, self.world)
        stage = self.stage
        session_id = stage.scenario.sessions.session_id[stage.session[car]]
        return Unplugged(float(stage.cars.departure_s[car]), stage.scenario.evse.evse_id[row], session_id)

    def _arrivals(self, until_s: float) -> list[Event]:
        cars = self.stage.cars
        events: list[Event] = []
        while self._arrived < len(cars.arrival_s) and cars.arrival_s[self._arrived] <= until_s:
            car, self._arrived = self._arrived, self._arrived + 1
            row = int(self.stage.beliefs.evse[car])
            if cars.departure_s[car] > until_s and self.world.session[row] < 0:
                for event in (self._plug_in(row, car), *self._pack_of(row, car)):
                    events += self.links.tell(row, event)
        return events

    def _plug_in(self, row: int, car: int) -> PluggedIn:
        stage, cars, beliefs = self.stage, self.stage.cars, self.stage.beliefs
        plug_in(row, car, self.world, cars)
        self.track.served[car] = row
        self.order_kw[row], self._plan[row] = 0.0, ()
        self.wiring.phase[row], self.wiring.kw_per_a[row] = beliefs.phase[car], beliefs.kw_per_a[car]
        if self.links.down[row]:
            self.order_kw[row] = self._default_kw(row)
        model, pile = int(cars.model[car]), float(self.world.efficiency[row])
        fleet = stage.scenario.fleet
        return PluggedIn(
            at_s=float(cars.arrival_s[car]),
            evse_id=stage.scenario.evse.evse_id[row],
            session_id=stage.scenario.sessions.session_id[stage.session[car]],
            departure_s=float(beliefs.departure_s[car]),
            wanted_kwh=float(beliefs.wanted_kwh[car]),
            car_max_kw=float(beliefs.car_max_kw[car]),
            n_phase=int(fleet.n_phase[model]),
            current_min_a=float(fleet.current_min_a[model]),
            give_max_kw=float(beliefs.give_max_kw[car]),
            charge_efficiency=float(cars.charge_efficiency[car]) * pile,
            discharge_efficiency=float(cars.discharge_efficiency[car]) * pile,
            wear_per_kwh=float(fleet.wear_per_kwh[model]),
            priority=float(beliefs.priority[car]),
            slow_h=float(stage.slow_h[car]) if stage.scenario.driver.taper == "model" else 0.0,
            like_departure_s=stage.likely[car].departure_s.tolist(),
            like_kwh=stage.likely[car].energy_kwh.tolist(),
            vehicle_id=self._vehicle_id(car),
        )

    def _pack_of(self, row: int, car: int) -> list[Event]:
        """What a car that may discharge tells of its battery, where there is a guard to hear it."""
        cars, scenario = self.stage.cars, self.stage.scenario
        if scenario.guard is None or not cars.v2g[car]:
            return []
        told = float(cars.soc[car]), float(cars.battery_kwh[car])
        return [PackSeen(float(cars.arrival_s[car]), scenario.evse.evse_id[row], None, *told)]

    def _diagnosed(self, until_s: float) -> list[Event]:
        """What the diagnosis says of the batteries here, where it has changed or the car has just come."""
        events: list[Event] = []
        for row in np.flatnonzero(self.world.session >= 0) if self.stage.scenario.diagnoses else ():
            car = int(self.world.session[row])
            level = max((each.level for each in self._diagnoses(car) if each.from_s <= until_s < each.until_s), default=0)
            if level != self._level.get(car, 0):
                self._level[car] = level
                told = float(self.world.soc[row]), float(self.stage.cars.battery_kwh[car]), level
                events += self.links.tell(int(row), PackSeen(until_s, self.stage.scenario.evse.evse_id[row], None, *told))
        return events

    def _diagnoses(self, car: int) -> list[Diagnosis]:
        sessions, session = self.stage.scenario.sessions, self.stage.session[car]
        names = (sessions.driver_id[session], sessions.session_id[session])
        return [each for each in self.stage.scenario.diagnoses if each.vehicle in names]

    def _vehicle_id(self, car: int) -> str:
        """What tells the car again, where the loop is to learn from its stays: its driver's name."""
        scenario = self.stage.scenario
        is_used = scenario.driver.taper == "learnt" or scenario.guard is not None
        return scenario.sessions.driver_id[self.stage.session[car]] if is_used else ""

    def _news(self, now_s: float, step: int) -> list[Event]:
        """What became known of prices, carbon and base load since the last step: only what changed is told."""
        stage, scenario = self.stage, self.stage.scenario
        n = stage.n_ahead
        span = TimeGrid(stage.ahead.at(step), stage.ahead.step_s, n)
        now = from_epoch_s(now_s)
        news: dict[str, Float] = {
            "price": scenario.tariff.price_known_on(span, now),
            "export-price": stage.export_price_per_kwh[step : step + n],
        }
        if scenario.carbon is not None:
            news["carbon"] = self._carbon(step)
        for node, name in enumerate(scenario.site.tree.node_id):
            own_kw = self._own_known_kw(node, span, step, now)
            if own_kw is not None:
                news[f"base-load {name}"] = own_kw
        return [event for name, values in news.items() for event in self._changed(now_s, name, step, values)]

    def _carbon(self, step: int) -> Float:
        """The carbon intensity expected from `step` on, a far hour the dearer the more such estimates erred."""
        if self._carbon_ahead is None:
            assert self.stage.scenario.carbon is not None
            self._carbon_ahead = outlook(self.stage.scenario.carbon, self.stage.grid, self.stage.n_ahead).cautious(TRUST.forecast_caution)
        ahead: Float = self._carbon_ahead[step]
        return ahead

    def _own_known_kw(self, node: int, span: TimeGrid, step: int, now: datetime) -> Float | None:
        """Load nobody steers at a node: metered now, forecast for later."""
        site = self.stage.scenario.site
        parts = [(1.0, load.signal) for load in site.base_load if load.node == node]
        parts += [(-1.0, solar.signal) for solar in site.solar if solar.node == node]
        if not parts:
            return None
        metered_kw = self.stage.own_kw[node, step]
        known_kw: Float = np.sum([sign * signal.known_on(span, now) for sign, signal in parts], axis=0)
        known_kw[0] = metered_kw
        known_kw[~np.isfinite(known_kw)] = metered_kw
        return known_kw

    def _changed(self, now_s: float, name: str, step: int, values: Float) -> list[Event]:
        table = self._told.setdefault(name, np.full(self.stage.ahead.n, np.nan))
        before = table[step : step + len(values)]
        differs = np.flatnonzero((before != values) & ~(np.isnan(before) & np.isnan(values)))
        if len(differs) == 0:
            return []
        first, last = int(differs[0]), int(differs[-1]) + 1
        before[first:last] = values[first:last]
        return [Known(now_s, name, step + first, [value if value == value else None for value in values[first:last].tolist()])]
