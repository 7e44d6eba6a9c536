"""A scenario made ready to run: every table as arrays on the grid of the run."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.fallback import Fallback
from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import Float, Int, TimeGrid
from evloom.loop.snapshot import Likely
from evloom.loop.state import Terms
from evloom.network.tree import node_total
from evloom.simulate.link_twin import LinkTwin
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.sources.table import SessionTable
from evloom.simulate.stays import beliefs_of, cars_of, seats, slow_h
from evloom.simulate.stride import Beliefs
from evloom.simulate.twin import Cars


@dataclass(frozen=True)
class Stage:
    """grid has the steps of the run, long enough for the last departure; ahead the same and the hours looked ahead.

    cars, beliefs, likely    of the sessions that found an EVSE, rows session[i] of scenario.sessions
    slow_h                   (n_session,) by how much the taper near full lengthens each car's charging
    turned_away              rows of scenario.sessions that found none
    own_kw                   (n_node, ahead.n) load nobody steers at each node itself, solar taken off, as it came true
    base_kw                  (n_node, n_step) the same at or below each node
    price_per_kwh, export_price_per_kwh, carbon_kg_per_kwh   (ahead.n,) as they came true; carbon NaN where none is given
    cycle_s, step            when the loop runs, (n_cycle + 1,), and the step each cycle lies in (n_cycle,)
    """

    scenario: Scenario
    grid: TimeGrid
    ahead: TimeGrid
    cars: Cars
    beliefs: Beliefs
    likely: tuple[Likely, ...]
    slow_h: Float
    session: Int
    turned_away: Int
    own_kw: Float
    base_kw: Float
    price_per_kwh: Float
    export_price_per_kwh: Float
    carbon_kg_per_kwh: Float
    cycle_s: Float
    step: Int

    @property
    def n_ahead(self) -> int:
        """Steps the loop looks ahead."""
        return self.ahead.n - self.grid.n

    @property
    def terms(self) -> Terms:
        """What the loop is told once."""
        charge = self.scenario.tariff.terms.demand
        price = float(charge.price_per_kw_month) if charge else 0.0
        link = self.scenario.link
        fallback = Fallback(link.default_a, link.hold_min * 60.0, is_reserved=link.reserve)
        return Terms(self.ahead, self.n_ahead, price, charge.interval_s if charge else 900, fallback, self.scenario.guard)


def stage(scenario: Scenario) -> Stage:
    """Lay out a scenario. Sessions without an EVSE of their own take a free one at arrival, or are turned away."""
    sessions = scenario.sessions
    grid = _long_enough(scenario.grid, sessions)
    n_ahead = max(1, round(scenario.control.horizon_h * 3600 / grid.step_s))
    ahead = TimeGrid(grid.start, grid.step_s, grid.n + n_ahead)
    at = seats(scenario)
    kept = np.flatnonzero(at >= 0)
    cars = cars_of(scenario, kept, at[kept])
    beliefs, likely = beliefs_of(scenario, kept, at[kept], cars)
    own_kw = _own_kw(scenario, ahead)
    cycle_s = _cycles(scenario, grid, cars)
    step = ((cycle_s[:-1] - grid.start_s) // grid.step_s).astype(np.int64)
    carbon = np.full(ahead.n, np.nan) if scenario.carbon is None else _reaching(scenario.carbon.actual_on(ahead), ahead)
    slower_h = slow_h(cars, scenario.evse.efficiency[at[kept]])
    return Stage(
        scenario, grid, ahead, cars, beliefs, likely, slower_h, kept, np.flatnonzero(at < 0), own_kw,
        node_total(scenario.site.tree, own_kw[:, : grid.n]), _prices(scenario, ahead),
        scenario.tariff.terms.export_price_on(ahead), carbon, cycle_s, step,
    )  # fmt: skip


def _long_enough(grid: TimeGrid, sessions: SessionTable) -> TimeGrid:
    """The grid, with steps added until the last car has left."""
    last_s = float(sessions.departure_s.max(initial=grid.start_s))
    return TimeGrid(grid.start, grid.step_s, max(grid.n, int(np.ceil((last_s - grid.start_s) / grid.step_s))))


def _cycles(scenario: Scenario, grid: TimeGrid, cars: Cars) -> Float:
    """Instants at which the loop runs: the borders of steps, and where it replans at events every arrival, departure and change of
    a link."""
    edges_s = grid.edges_s()
    if scenario.control.replan != "event":
        return edges_s
    links = LinkTwin(scenario.link, scenario.evse.pile, edges_s[0], edges_s[-1])
    inside_s = np.concatenate([edges_s, cars.arrival_s, cars.departure_s, links.instants_s()])
    return np.unique(inside_s[(inside_s >= edges_s[0]) & (inside_s <= edges_s[-1])])


def _own_kw(scenario: Scenario, ahead: TimeGrid) -> Float:
    """Base load less solar at every node itself, as it came true; past the end of a series its last day repeats."""
    own_kw = np.zeros((scenario.site.tree.n, ahead.n))
    for load in scenario.site.base_load:
        own_kw[load.node] += _reaching(load.signal.actual_on(ahead), ahead)
    for solar in scenario.site.solar:
        own_kw[solar.node] -= _reaching(solar.signal.actual_on(ahead), ahead)
    return own_kw


def _prices(scenario: Scenario, ahead: TimeGrid) -> Float:
    """Price of import as it came true; a series that ends with the run is repeated by days for the hours looked ahead."""
    try:
        return scenario.tariff.price_on(ahead)
    except InputError:
        inside = scenario.tariff.price_on(TimeGrid(ahead.start, ahead.step_s, scenario.grid.n))
        return _reaching(np.concatenate([inside, np.full(ahead.n - scenario.grid.n, np.nan)]), ahead)


def _reaching(values: Float, ahead: TimeGrid) -> Float:
    """The values with what is missing taken from a day before, else from the last value known; 0 where nothing is."""
    per_day = max(1, round(86400 / ahead.step_s))
    values = values.copy()
    for k in np.flatnonzero(~np.isfinite(values)):
        values[k] = values[k - per_day] if k >= per_day else (values[k - 1] if k else np.nan)
    return np.where(np.isfinite(values), values, 0.0)
