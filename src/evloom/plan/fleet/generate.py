"""Seeded fleets of any size as they might be in a city: columns only, the same for the same seed on every machine.

Each vehicle has one stay within the horizon. Its arrival, length and energy follow ElaadNL's tables for home, work and public
piles, correlated through their ranks as in the session generator. `facts` holds what else comes from outside and what is assumed.
Drawn numbers are rounded (minutes, 0.001 kWh), so that the last bit of an exponential function does not matter.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.random import PCG64, Generator

from evloom.dispatch.cells import up_the_tree
from evloom.dispatch.problem import Nodes, Problem, Signals, Stores
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float, Int, TimeGrid
from evloom.market.named import NAMED_TARIFFS, named_tariff
from evloom.plan.fleet import facts
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.loads import uncontrolled_kw
from evloom.plan.fleet.stays import stays_of
from evloom.plan.fleet.tree import DEFAULT_TREE, Tree, tree_of
from evloom.simulate.scenario.profiles import load_shape_on
from evloom.simulate.sources.elaad import DAY_START_H, behaviour
from evloom.simulate.sources.generate import HABITS, fitted_kwh
from evloom.simulate.sources.normal import correlated, quantile, rank_of

START = datetime(2025, 6, 4, 12, 0, tzinfo=timezone(timedelta(hours=8)))  # a Wednesday noon, when few cars charge at home
KINDS = ("home", "public", "workplace")
DAY_S = 86400.0
FEASIBLE_SHARE = 0.95  # of what the stay can take at full power is the most that a need may be
VEHICLES_MAX = 20_000_000
STEPS_MAX = 100_000
# The normal distribution as a table: a thousand times as quick as a call for each vehicle, exact to 1e-7.
_SCORE = np.linspace(-6.0, 6.0, 12001)
_RANK = rank_of(_SCORE)


@dataclass(frozen=True)
class Recipe:
    """What to generate.

    n, seed      number of vehicles; the same seed gives the same fleet
    tree         see `tree.TREES`
    headroom_share   limit of every node as a share of its peak if nobody controls charging: 0.85 binds and leaves (almost)
                 nobody short, at 0.6 many are
    v2g_share    0..1 of the vehicles may discharge as strongly as they charge
    start, n_step, step_s   the horizon; behaviour and prices follow the clock of the tariff's zone
    """

    n: int
    seed: int = 0
    tree: str = DEFAULT_TREE
    headroom_share: float = 0.85
    v2g_share: float = 0.0
    start: datetime = START
    n_step: int = 96
    step_s: int = 900

    def __post_init__(self) -> None:
        checks = (
            ("--generate", self.n, 0 <= self.n <= VEHICLES_MAX, f"0 to {VEHICLES_MAX} vehicles"),
            ("--seed", self.seed, self.seed >= 0, "a whole number, at least 0"),
            ("--headroom", self.headroom_share, 0.0 < self.headroom_share < np.inf, "above 0; 0.85 binds, 0.6 leaves many short"),
            ("--v2g", self.v2g_share, 0.0 <= self.v2g_share <= 1.0, "a share, 0 to 1"),
            ("--steps", self.n_step, 1 <= self.n_step <= STEPS_MAX, f"1 to {STEPS_MAX} steps"),
            ("--step-minutes", self.step_s / 60.0, 60 <= self.step_s <= DAY_S, "1 to 1440 minutes"),
            ("--start", self.start, self.start.tzinfo is not None, "an instant with its offset, 2025-06-04T12:00+08:00"),
        )
        findings = [
            Finding("dispatch.option", "refused", "generated fleet", None, name, str(value), allowed, "choose another value")
            for name, value, good, allowed in checks
            if not good
        ]
        if findings:
            raise InputError(findings)

    @property
    def title(self) -> str:
        """What this is, in a few words."""
        v2g = f", {100 * self.v2g_share:g} % V2G" if self.v2g_share else ""
        return f"generated fleet (tree {self.tree}, seed {self.seed}{v2g})"


def generate(recipe: Recipe) -> Case:
    """The fleet, its tree with base loads and limits, and the signals. About 2 s for a million vehicles. Raises InputError."""
    tariff = named_tariff(facts.TARIFF)
    zone, grid = tariff.terms.zone, TimeGrid(recipe.start, recipe.step_s, recipe.n_step)
    tree = tree_of(recipe.tree, recipe.n)
    rng = Generator(PCG64(recipe.seed))
    last_nodes = tree.last_nodes
    leaf = np.arange(recipe.n) * len(last_nodes) // max(recipe.n, 1)
    kind = _kinds(rng, leaf, len(last_nodes))
    node = last_nodes[leaf]
    vehicles = _vehicles(rng, recipe, kind, zone).with_columns(node_id=pl.Series(tree.node_id, dtype=pl.String).gather(pl.Series(node)))
    own_kw = _base_kw(rng, tree, _counts(leaf, kind, len(last_nodes)), grid, zone)
    price_per_kwh = tariff.price_on(grid)
    flat = np.full(grid.n, facts.CARBON_KG_PER_KWH)
    signals = Signals(price_per_kwh, tariff.terms.export_price_on(grid), flat, np.arange(grid.n), 0.0, 0.0, 0.0, 0.0)
    nodes = Nodes(tree.parent, own_kw, own_kw, own_kw)
    problem = Problem(np.full(grid.n, grid.step_h), stays_of(vehicles, grid, node), NO_STORES, nodes, signals)
    problem = _limited(replace(problem, nodes=replace(nodes, base_kw=np.round(up_the_tree(problem, own_kw), 3))), recipe.headroom_share)
    sources = (
        "arrival, stay, energy, power: ElaadNL via EV2Gym, see NOTICE",
        f"cars: {facts.MODEL_SOURCE}",
        f"efficiency: {facts.EFFICIENCY_SOURCE}",
        f"base load of homes: {facts.HOUSEHOLD_SOURCE}",
        f"price: {NAMED_TARIFFS[facts.TARIFF].source}",
        f"carbon: {facts.CARBON_SOURCE}",
    )
    return Case(recipe.title, grid, zone, tariff.terms.currency, tree.node_id, vehicles, problem, (), sources)


_NOWHERE = np.zeros(0, dtype=np.int64)
NO_STORES = Stores(_NOWHERE, *(np.zeros(0) for _ in range(7)))


def _kinds(rng: Generator, leaf: Int, n_leaf: int) -> Int:
    """Row of KINDS for each vehicle (n,): some nodes are office districts, where most charge at work or in public."""
    is_office = rng.random(n_leaf) < facts.OFFICE_NODE_SHARE
    elsewhere = (
        np.where(is_office, facts.OFFICE_CAR_SHARES[1], facts.OFFICE_CAR_SHARES[0]) if n_leaf > 1 else np.array([facts.ONE_NODE_CAR_SHARE])
    )
    away = rng.random(len(leaf)) < elsewhere[leaf]
    return np.where(away, np.where(rng.random(len(leaf)) < facts.PUBLIC_SHARE, 1, 2), 0)


def _vehicles(rng: Generator, recipe: Recipe, kind: Int, zone: ZoneInfo) -> pl.DataFrame:
    """The table of vehicles without their nodes."""
    n, horizon_s = recipe.n, float(recipe.n_step * recipe.step_s)
    arrival_s, stay_s, energy_kwh, power_kw = _behaviour(rng, recipe, kind, zone)
    arrival_s = np.minimum(arrival_s, max(horizon_s - recipe.step_s, 0.0))
    departure_s = np.minimum(arrival_s + stay_s, horizon_s)
    share = np.divide(departure_s - arrival_s, stay_s)
    weight = np.array([model.registrations for model in facts.MODELS], dtype=np.float64)
    model = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random(n), side="right")
    battery_kwh = np.array([model.battery_kwh for model in facts.MODELS])[model]
    charge_max_kw = np.minimum(power_kw, np.array([model.charge_max_kw for model in facts.MODELS])[model])
    soc_target = facts.SOC_TARGET[0] + (facts.SOC_TARGET[1] - facts.SOC_TARGET[0]) * rng.random(n)
    room_kwh = np.minimum(FEASIBLE_SHARE * charge_max_kw * stay_s / 3600.0, (soc_target - facts.SOC_LEAST) * battery_kwh / facts.EFFICIENCY)
    for row in range(len(KINDS)):  # among their own kind those whose energies do not fit their stays exchange them
        at = np.flatnonzero(kind == row)
        energy_kwh[at] = fitted_kwh(rng, energy_kwh[at], room_kwh[at])
    need_kwh = energy_kwh * share
    soc = np.floor(1e4 * np.maximum(soc_target - need_kwh * facts.EFFICIENCY / battery_kwh, facts.SOC_LEAST)) / 1e4
    need_kwh = np.floor(1e3 * np.minimum(need_kwh, (soc_target - soc) * battery_kwh / facts.EFFICIENCY)) / 1e3
    gives = rng.random(n) < recipe.v2g_share
    single = charge_max_kw <= facts.SINGLE_PHASE_MAX_KW
    phase = pl.Series(np.where(single, rng.integers(1, 4, n), 0))
    columns = {
        "arrival": _instants(recipe.start, arrival_s),
        "departure": _instants(recipe.start, departure_s),
        "need_kwh": np.maximum(need_kwh, 0.0),
        "charge_max_kw": charge_max_kw,
        "discharge_max_kw": np.where(gives, charge_max_kw, 0.0),
        "battery_kwh": battery_kwh,
        "soc_arrival": soc,
        "soc_floor": np.full(n, facts.SOC_FLOOR),
        "soc_max": np.ones(n),
        "charge_efficiency": np.full(n, facts.EFFICIENCY),
        "discharge_efficiency": np.full(n, facts.EFFICIENCY),
        "wear_per_kwh": np.where(gives, facts.WEAR_PER_KWH, 0.0),
        "priority": np.ones(n),
        "phase": phase.replace(0, None).cast(pl.Int64),
    }
    width = len(str(max(n, 1)))
    name = pl.format("v{}", pl.int_range(1, n + 1).cast(pl.String).str.zfill(width)).alias("vehicle_id")
    return pl.DataFrame(columns).select(name, pl.lit(None, pl.String).alias("node_id"), pl.all())


def _behaviour(rng: Generator, recipe: Recipe, kind: Int, zone: ZoneInfo) -> tuple[Float, Float, Float, Float]:
    """Arrival (s after the start), length of stay (s), energy (kWh) and power (kW) of each vehicle, (n,) each."""
    n, horizon_s = recipe.n, float(recipe.n_step * recipe.step_s)
    arrival_rank, day, power_rank = rng.random(n), rng.random(n), rng.random(n)
    stay_score, energy_score = rng.standard_normal(n), rng.standard_normal(n)
    mixing = rng.random((2, n))
    local = recipe.start.astimezone(zone)
    start_clock_s = local.hour * 3600.0 + local.minute * 60.0 + local.second
    arrival_s, stay_s, energy_kwh, power_kw = (np.empty(n) for _ in range(4))
    for row, name in enumerate(KINDS):
        at, tables, habit = np.flatnonzero(kind == row), behaviour(name), HABITS[name]
        clock_s = DAY_START_H * 3600.0 + np.interp(arrival_rank[at], tables.arrival_weekday, 900.0 * np.arange(97))
        slot = (np.floor_divide(clock_s, 1800.0) % 48).astype(np.int64)
        by_time = [
            np.interp(ranks[slot, 0] + mixing[i, at] * (ranks[slot, 1] - ranks[slot, 0]), _RANK, _SCORE)
            for i, ranks in enumerate((tables.stay_rank, tables.energy_rank))
        ]
        own = correlated(habit.energy_by_stay, stay_score[at], energy_score[at])
        stay_h = quantile(_rank(correlated(habit.stay_by_arrival, by_time[0], stay_score[at])), tables.stay_h)
        energy_kwh[at] = quantile(_rank(correlated(habit.energy_by_arrival, by_time[1], own)), tables.energy_kwh)
        # In a horizon of several days each vehicle comes on one of them; a shorter one is folded.
        since_start_s = (clock_s - start_clock_s) % DAY_S + DAY_S * np.floor(day[at] * np.ceil(horizon_s / DAY_S))
        arrival_s[at] = np.floor(since_start_s % horizon_s / 60.0) * 60.0
        stay_s[at] = np.maximum(np.round(stay_h * 60.0), 5.0) * 60.0
        power_kw[at] = np.round(quantile(np.maximum(power_rank[at], 0.01), tables.power_kw), 1)
    return arrival_s, stay_s, energy_kwh, power_kw


def _rank(score: Float) -> Float:
    return np.interp(score, _SCORE, _RANK)


def _instants(start: datetime, after_s: Float) -> pl.Series:
    second = (after_s + start.timestamp()).astype(np.int64)
    return pl.from_epoch(pl.Series(second), "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _counts(leaf: Int, kind: Int, n_leaf: int) -> Int:
    """Cars that charge at home and elsewhere on each of the last nodes, (2, n_leaf)."""
    return np.bincount((kind > 0) * n_leaf + leaf, minlength=2 * n_leaf).reshape(2, n_leaf)


def _base_kw(rng: Generator, tree: Tree, cars: Int, grid: TimeGrid, zone: ZoneInfo) -> Float:
    """Load that nobody steers at each node itself (n_node, n_step): households and offices at the last ones."""
    clock = grid.local(zone)
    hour = (clock.minute_of_day + grid.step_s / 120.0) % 1440.0 / 60.0
    spread = np.round(np.exp(facts.NODE_SPREAD * rng.standard_normal(cars.shape[1])), 6)
    homes_kw = np.outer(cars[0] * spread * facts.HOUSEHOLDS_PER_HOME_CAR, facts.household_kw(hour))
    offices_kw = np.outer(cars[1] * spread * facts.OFFICE_PEAK_KW_PER_CAR, load_shape_on("office-building", grid, zone))
    own_kw = np.zeros((len(tree.parent), grid.n))
    own_kw[tree.last_nodes] = np.round(homes_kw + offices_kw, 3)
    return own_kw


def _limited(problem: Problem, headroom_share: float) -> Problem:
    """The problem with limits at a share of the peak that each node would see without control, in whole kW."""
    peak_kw = (problem.nodes.base_kw + uncontrolled_kw(problem)).max(axis=1)
    limit_kw = np.broadcast_to(np.ceil(headroom_share * peak_kw)[:, None], problem.nodes.base_kw.shape)
    return replace(problem, nodes=replace(problem.nodes, import_max_kw=limit_kw, export_max_kw=limit_kw))
