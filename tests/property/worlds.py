"""Random small sites, moments and whole runs, from a seeded generator.

Everything the kernels must cope with is drawn: trees of one to four levels with limits on power and phases, base load sometimes
above a limit, one- and three-phase and direct-current piles, bays that share a pile, cars with and without a known battery,
beliefs that are wrong.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.moment import Bays, Wires
from evloom.loop.sight import Piles, Sight, blank_sight
from evloom.network.tree import LimitTree, node_total
from evloom.simulate.stride import Beliefs, Clockwork, Plant, run_rule
from evloom.simulate.track import Track, blank_track
from evloom.simulate.twin import Cars, World, empty_world

NOW_S = 1.75e9
Rng = np.random.Generator


def random_tree(rng: Rng, n_pile: int) -> tuple[LimitTree, np.ndarray]:
    """A tree whose last `n_pile` nodes are the piles, and the row of each pile; at most four levels."""
    n_inner = int(rng.integers(1, 5))
    parent, depth = [-1], [1]
    for _ in range(n_inner - 1):
        above = int(rng.choice([row for row in range(len(parent)) if depth[row] < 3]))
        parent.append(above)
        depth.append(depth[above] + 1)
    leaf = len(parent) + np.arange(n_pile)
    parent += rng.integers(0, n_inner, n_pile).tolist()
    n = len(parent)

    def limit(low: float, high: float, none_share: float) -> np.ndarray:
        return np.where(rng.random(n) < none_share, np.inf, rng.uniform(low, high, n))

    tree = LimitTree(
        tuple(f"n{row}" for row in range(n)),
        np.array(parent, dtype=np.int64),
        limit(3.0, 120.0, 0.3),
        np.where(rng.random(n) < 0.3, 0.0, limit(0.0, 40.0, 0.3)),
        limit(6.0, 150.0, 0.6),
        ("drawn at random",) * n,
    )
    return tree, leaf


@dataclass(frozen=True)
class Equipment:
    """Bays of a site with a car at each: what EVSE and car can do, columns (n_evse,), and the tree."""

    tree: LimitTree
    voltage_v: float
    node: np.ndarray
    pile: np.ndarray
    one_at_a_time: np.ndarray
    rating_kw: np.ndarray
    give_kw: np.ndarray
    kw_per_a: np.ndarray
    current_min_a: np.ndarray
    current_step_a: np.ndarray
    phase: np.ndarray

    @property
    def n(self) -> int:
        return len(self.node)


def random_equipment(rng: Rng) -> Equipment:
    """A site with one to twelve bays at one to eight piles."""
    n_pile = int(rng.integers(1, 9))
    pile = np.concatenate((np.arange(n_pile), np.flatnonzero(rng.random(n_pile) < 0.4)))
    tree, leaf = random_tree(rng, n_pile)
    n = len(pile)
    volt = float(rng.choice([120.0, 230.0, 240.0]))
    dc = (rng.random(n_pile) < 0.25)[pile]
    single = (rng.random(n) < 0.5) & ~dc
    kw_per_a = volt / 1000.0 * np.where(single, 1, 3)
    rating_a = rng.choice([8.0, 16.0, 27.3, 32.0, 63.0], n)
    rating_kw = np.where(dc, rng.choice([20.0, 50.0, 150.0], n), rating_a * kw_per_a)
    return Equipment(
        tree,
        volt,
        leaf[pile],
        pile,
        (rng.random(n_pile) < 0.5)[pile],
        rating_kw,
        np.where(rng.random(n) < 0.4, rating_kw * rng.uniform(0.2, 1.0, n), 0.0),
        kw_per_a,
        np.where(dc, 0.0, rng.choice([6.0, 6.0, 6.0, 8.0, 6.5], n)),
        np.where(dc, 0.0, rng.choice([1.0, 1.0, 0.5, 0.1, 2.0, 0.0], n)),
        np.where(single, rng.integers(0, 3, n), -1),
    )


def random_wires(rng: Rng, site: Equipment) -> Wires:
    """The limits with base load on every node, positive or negative (solar), spread unevenly over the phases."""
    tree = site.tree
    own_kw = np.where(rng.random(tree.n) < 0.5, 0.0, rng.normal(5.0, 25.0, tree.n) * rng.choice([0.2, 1.0]))
    own_a = own_kw[:, None] / (3.0 * site.voltage_v / 1000.0) * rng.dirichlet(np.full(3, 8.0), tree.n) * 3.0
    return Wires(
        tree.ancestors(),
        tree.import_max_kw,
        tree.export_max_kw,
        tree.phase_max_a,
        node_total(tree, own_kw),
        node_total(tree, own_a),
        site.voltage_v / 1000.0,
    )


def random_bays(rng: Rng, site: Equipment) -> Bays:
    """Cars at most of the bays; some believed done, some limited by themselves to an odd power, some overdue."""
    n = site.n
    seen = np.where(rng.random(n) < 0.3, rng.uniform(0.0, 1.2, n), 1.0)
    return Bays(
        rng.random(n) < 0.85,
        NOW_S - rng.uniform(0.0, 40_000.0, n),
        NOW_S + np.where(rng.random(n) < 0.1, 60.0, rng.uniform(60.0, 40_000.0, n)),
        np.where(rng.random(n) < 0.2, 0.0, rng.exponential(15.0, n)),
        site.rating_kw * np.minimum(seen, 1.0),
        site.give_kw,
        site.kw_per_a,
        site.current_min_a,
        site.current_step_a,
        site.phase,
        site.node,
        site.pile,
        site.one_at_a_time,
        rng.choice([1.0, 2.0], n),
        np.where(rng.random(n) < 0.3, rng.uniform(0.0, 2.0, n), 0.0),
    )


@dataclass(frozen=True)
class Run:
    """All that `run_rule` takes, fresh."""

    clock: Clockwork
    wires: Wires
    piles: Piles
    sight: Sight
    world: World
    cars: Cars
    beliefs: Beliefs
    track: Track

    def go(self, rule: int) -> float:
        """Run it; the digest. A run can go once."""
        return run_rule(rule, self.clock, Plant(self.wires, self.piles, self.cars, self.beliefs), self.sight, self.world, self.track)


def random_cars(rng: Rng, site: Equipment, evse: np.ndarray, arrival_s: np.ndarray, stay_s: np.ndarray) -> Cars:
    """Cars for EVSE rows `evse` (n_session,); half with a known battery and a curve."""
    n = len(evse)
    battery_kwh = np.where(rng.random(n) < 0.5, rng.uniform(10.0, 100.0, n), np.inf)
    curve_soc = np.tile(np.array([0.0, 0.3, 0.7, 0.9, 1.0]), (4, 1))
    curve_kw = rng.uniform(2.0, 150.0, (4, 5))
    curve_kw[1, -1] = 0.0
    curve_kw[2, :] = 22.0
    return Cars(
        arrival_s,
        arrival_s + stay_s,
        rng.exponential(15.0, n),
        battery_kwh,
        rng.uniform(0.0, 1.0, n),
        site.rating_kw[evse] * np.where(rng.random(n) < 0.3, rng.uniform(0.3, 1.0, n), 1.0),
        rng.uniform(0.85, 1.0, n),
        rng.uniform(0.85, 1.0, n),
        rng.uniform(0.0, 0.5, n),
        rng.choice([1.0, 0.9, 0.8], n),
        rng.integers(0, 4, n),
        np.isfinite(battery_kwh) & (rng.random(n) < 0.3),
        curve_soc,
        curve_kw,
    )


def random_run(rng: Rng, *, truthful_departure: bool = False, any_evse: bool = True) -> Run:
    """A site, its cars and a clock. Sessions of one EVSE may overlap, touch, or fall between two cycles.

    truthful_departure   the believed departure is never before the true one
    any_evse             some cars take the first free EVSE
    """
    site = random_equipment(rng)
    step_s, n_step, n_ahead = float(rng.choice([300.0, 900.0, 1800.0])), int(rng.integers(1, 49)), int(rng.integers(1, 13))
    edges_s = NOW_S + step_s * np.arange(n_step + n_ahead + 1, dtype=np.float64)
    end_s = edges_s[n_step]
    n = int(rng.integers(0, 25))
    arrival_s = np.sort(rng.uniform(NOW_S - step_s, end_s, n))
    on_edge = rng.random(n) < 0.2
    arrival_s = np.sort(np.where(on_edge, NOW_S + np.floor((arrival_s - NOW_S) / step_s) * step_s, arrival_s))
    arrival_s += np.arange(n) * 1e-3  # so that no tie decides
    stay_s = rng.exponential(0.3 * n_step * step_s, n) + 1.0
    evse = rng.integers(0, site.n, n)
    cars = random_cars(rng, site, evse, arrival_s, stay_s)
    error_s = rng.normal(0.0, 3600.0, n)
    beliefs = Beliefs(
        cars.departure_s + (np.abs(error_s) if truthful_departure else error_s),
        cars.energy_kwh * rng.choice([1.0, 0.5, 1.7], n),
        site.rating_kw[evse],
        site.kw_per_a[evse],
        site.current_min_a[evse],
        site.current_step_a[evse],
        site.phase[evse],
        np.where(cars.v2g, site.give_kw[evse], 0.0),
        np.ones(n),
        np.where(rng.random(n) < 0.1, -1, evse) if any_evse else evse,
    )
    cycle_s = edges_s[: n_step + 1]
    if rng.random() < 0.5:  # the loop runs at every event too
        events = np.concatenate((cars.arrival_s, cars.departure_s))
        cycle_s = np.unique(np.concatenate((cycle_s, events[(events > NOW_S) & (events < end_s)])))
    step = np.floor((cycle_s[:-1] - NOW_S) / step_s).astype(np.int64)
    own_kw = np.where(rng.random((site.tree.n, 1)) < 0.5, 0.0, rng.normal(3.0, 15.0, (site.tree.n, n_step)))
    base_kw = node_total(site.tree, own_kw)
    wires = random_wires(rng, site)
    clock = Clockwork(
        cycle_s, step, edges_s, base_kw, rng.uniform(-0.1, 1.0, n_step + n_ahead), rng.uniform(0.0, 80.0, n_step + n_ahead), n_ahead
    )
    piles = Piles(site.node, site.pile, site.one_at_a_time, site.rating_kw, site.give_kw)
    track = blank_track(cars, edges_s[: n_step + 1], site.tree.n)
    return Run(clock, wires, piles, blank_sight(site.n), empty_world(rng.uniform(0.9, 1.0, site.n)), cars, beliefs, track)
