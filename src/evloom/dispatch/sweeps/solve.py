"""Near-optimal schedules with a proof: sweeps, prices of the walls, repair, bound."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.solved import Round
from evloom.dispatch.sweeps.arbitrage import scratch
from evloom.dispatch.sweeps.coarse import foretold, sampled
from evloom.dispatch.sweeps.layout import Layout, Peak
from evloom.dispatch.sweeps.passes import Plan, Setting, View, least_total, repair, sweep
from evloom.dispatch.sweeps.tally import own_cost, write_rows
from evloom.dispatch.sweeps.walls import Prices, Zeal, conjugate, cost, loads, raised, renewed, slopes
from evloom.dispatch.terms import term_values
from evloom.kernel.timegrid import Float

# Sweeps between two looks at the gap, and how firmly a unit is held near its plan in the repair, against the sweeps.
_BETWEEN = 4
# Largest step of a price, as a share of what a missing kWh is worth.
_LEAP = 0.1
# Sweeps over a sample, and into how many parts everybody is split for the first sweep after it.
_SAMPLE_SWEEPS, _PARTS = 8, 16
FIRM = 1e4
_REPAIRS_MAX = 4
_REST_KWH = 1e-9


@dataclass
class Best:
    """The best schedule so far, as net energies per cell, with its value, and the best bound with the prices that proved it."""

    net_kwh: Float
    value: float
    bound: float
    price_per_kwh: Float


def view_of(setting: Setting) -> View:
    """Working memory for units of a setting."""
    n_step, n_tier = len(setting.step_h), len(setting.tiers)
    return View(np.zeros((9, n_step)), np.zeros((2, n_tier + 1)), scratch(max(n_step, 1), n_tier + 1))


class Sweeper:
    """A problem on its way to a schedule."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.setting = layout.setting
        self.view = view_of(self.setting)
        self.everybody = np.arange(self.setting.units.n)
        start = np.full(
            self.setting.units.n, float(np.median(self.setting.ways.price_per_kwh)) if self.setting.ways.price_per_kwh.size else 0.0
        )
        self.plan = Plan(np.zeros(int(self.setting.units.begin[-1])), start)
        self.true_right = self.setting.walls.right.copy()
        self.prices = renewed(self.setting.walls, np.zeros(self.true_right.shape), np.zeros(self.true_right.shape))
        self.best = Best(self.plan.net_kwh[:0], np.inf, -np.inf, self.prices.price_per_kwh)
        self.moved_kwh = np.inf
        self.zeal = Zeal(np.ones(len(self.true_right)), np.zeros(len(self.true_right)), _LEAP * layout.short_per_kwh)

    def start_from_sample(self) -> None:
        """Begin at the prices, and against the loads, that a sample of the units comes to."""
        sample = sampled(self.layout)
        if sample is None:
            return
        few = Sweeper(sample.layout)
        few.start_from_sample()
        for _ in range(_SAMPLE_SWEEPS):
            few.sweep()
        price_per_kwh, load_kwh = foretold(self.layout, sample, few.setting.walls, few.prices)
        if self.layout.peak is not None:
            place_peak(self.layout.peak, self.setting, load_kwh, price_per_kwh)
        s = renewed(self.setting.walls, load_kwh, price_per_kwh).s
        # What is foretold makes way, a share after the other, for those who answer.
        for part in range(_PARTS):
            s -= load_kwh / _PARTS
            sweep(self.setting, self.plan, s, np.ascontiguousarray(self.everybody[part::_PARTS]), self.view)
        self.prices = raised(self.setting.walls, Prices(price_per_kwh, s), self.zeal)

    def sweep(self) -> None:
        """One sweep over everybody and the step of the prices."""
        self.moved_kwh = float(sweep(self.setting, self.plan, self.prices.s, self.everybody, self.view))
        walls = self.setting.walls
        if self.layout.peak is not None:
            load_kwh = loads(walls, self.prices)
            place_peak(self.layout.peak, self.setting, load_kwh, self.prices.price_per_kwh)
            self.prices = renewed(walls, load_kwh, self.prices.price_per_kwh)
        self.prices = raised(walls, self.prices, self.zeal)

    def excess(self) -> float:
        """Largest excess of the plan over a hard wall, relative to the room there (or to its mean, where that is larger)."""
        walls = self.setting.walls
        if not walls.right.size:
            return 0.0
        over = loads(walls, self.prices) - walls.right
        over = np.where(walls.is_export[:, None], -over, over)[walls.is_hard]
        size = np.abs(walls.right[walls.is_hard])
        size = np.maximum(size, size.mean(axis=1, keepdims=True))
        return float((over / np.maximum(size, 1e-6)).max(initial=0.0))

    @property
    def exact(self) -> Setting:
        """The setting with prices without the tie-break."""
        return self.setting._replace(ways=self.setting.ways._replace(price_per_kwh=self.layout.exact_price_per_kwh))

    def common_bound(self, price_per_kwh: Float) -> float:
        """What a lower bound at these prices of the walls (changed in place to what a peak may cost) has beside the least of each unit."""
        peak, constant, right = self.layout.peak, self.layout.constant, self.true_right
        if peak is not None:
            right = right.copy()
            right[peak.wall] = 0.0
            constant += _peak_dual(peak, price_per_kwh)
        return constant - conjugate(self.setting.walls, right, price_per_kwh)

    def bound(self) -> None:
        """A lower bound at the present prices."""
        price_per_kwh = slopes(self.setting.walls, self.prices)
        common = self.common_bound(price_per_kwh)
        found = common + float(least_total(self.exact, price_per_kwh, self.plan, self.view))
        if found > self.best.bound:
            self.best.bound, self.best.price_per_kwh = found, price_per_kwh

    def room(self, load_kwh: Float) -> tuple[Float, Float]:
        """What the hard walls leave, upward and downward, (n_wall, n_step) each; negative where there is too much."""
        is_export = self.setting.walls.is_export[:, None]
        return np.where(is_export, np.inf, self.true_right - load_kwh), np.where(is_export, load_kwh - self.true_right, np.inf)

    def repaired(self) -> tuple[Plan, float]:
        """The plan with every limit held, and its value; infinity where that was not achieved."""
        plan = Plan(self.plan.net_kwh.copy(), self.plan.level.copy())
        firm = self.setting._replace(hold=self.setting.hold * FIRM)
        load_kwh = loads(self.setting.walls, self.prices)
        price_per_kwh = slopes(self.setting.walls, self.prices)
        for _ in range(_REPAIRS_MAX):
            up, down = self.room(load_kwh)
            moved = repair(firm, price_per_kwh, plan, (up, down), self.view)
            # The repair books every change in both tables; the one that began as infinity tells nothing.
            load_kwh = np.where(self.setting.walls.is_export[:, None], self.true_right + down, self.true_right - up)
            if moved == 0.0 or self.is_held(load_kwh):
                break
        if not self.is_held(load_kwh):
            return plan, np.inf
        own, _ = own_cost(self.setting, self.layout.exact_price_per_kwh, plan)
        return plan, float(own) + self.common_cost(load_kwh)

    def is_held(self, load_kwh: Float) -> bool:
        """Whether loads are within every hard wall."""
        up, down = self.room(load_kwh)
        least = np.minimum(up, down)[self.setting.walls.is_hard]
        return bool((least >= -_REST_KWH * (1.0 + np.abs(self.true_right[self.setting.walls.is_hard]))).all())

    def common_cost(self, load_kwh: Float) -> float:
        """What loads cost beside what each unit costs: walls that are not hard, the peak, and the base load."""
        value = cost(self.setting.walls, load_kwh) + self.layout.constant
        peak = self.layout.peak
        if peak is not None:
            highest = float(((load_kwh[peak.wall, : len(peak.length_h)] + peak.known_kwh) / peak.length_h).max())
            value += peak.weight * highest + peak.dear * max(0.0, highest - peak.so_far_kw)
        return value

    def resume(self, load_kwh: Float, price_per_kwh: Float) -> None:
        """Go on from loads and prices as they are now; what was best before no longer counts."""
        self.prices = renewed(self.setting.walls, load_kwh, np.where(self.setting.walls.is_smooth[:, None], 0.0, price_per_kwh))
        self.best = Best(self.plan.net_kwh[:0], np.inf, -np.inf, self.prices.price_per_kwh)

    def look(self) -> None:
        """Repair, and keep the result if it is the best so far; a new bound."""
        self.bound()
        plan, value = self.repaired()
        if value < self.best.value or not len(self.best.net_kwh):
            self.best.net_kwh, self.best.value = plan.net_kwh, value


def _peak_dual(peak: Peak, price_per_kwh: Float) -> float:
    """Bring the prices of the peak's wall (in place) to what a peak may cost, and what they are worth in a lower bound."""
    n = len(peak.length_h)
    rise = float(price_per_kwh[peak.wall, :n] @ peak.length_h)
    allowed = min(max(rise, peak.weight), peak.weight + peak.dear)
    if rise > 0.0:
        price_per_kwh[peak.wall, :n] *= allowed / rise
    elif allowed > 0.0:
        price_per_kwh[peak.wall, :n] = allowed / peak.length_h.sum()
    return float(price_per_kwh[peak.wall, :n] @ peak.known_kwh) + (peak.weight - allowed) * peak.so_far_kw


def place_peak(peak: Peak, setting: Setting, load_kwh: Float, price_per_kwh: Float) -> None:
    """Move the peak's wall (in place) to where its own price balances what the intervals pay for it."""
    n, row = len(peak.length_h), peak.wall
    load_kwh, rho = load_kwh[row, :n] + peak.known_kwh, setting.walls.rho[row, 0]
    reach = (price_per_kwh[row, :n] / rho + load_kwh) / peak.length_h
    low, high = float(reach.min()) - 1.0 - (peak.weight + peak.dear) / rho, float(reach.max()) + 1.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        paid = float(peak.length_h @ np.maximum(price_per_kwh[row, :n] + rho * (load_kwh - middle * peak.length_h), 0.0))
        if paid > peak.weight + (peak.dear if middle >= peak.so_far_kw else 0.0):
            low = middle
        else:
            high = middle
    setting.walls.right[row, :n] = high * peak.length_h - peak.known_kwh


def sweep_until(
    sweeper: Sweeper, gap: float, sweeps_max: int, fixed: float, watch: Callable[[Round], bool]
) -> tuple[Sweeper, tuple[Round, ...], bool]:
    """Sweep until the gap is proved, or the watch says stop -> the sweeper, rounds, whether it was stopped."""
    rounds: list[Round] = []
    sweeper.start_from_sample()
    for number in range(1, sweeps_max + 1):
        sweeper.sweep()
        if number > 1 and number % _BETWEEN and number < sweeps_max:
            continue
        sweeper.look()
        best = sweeper.best
        rounds.append(Round(number, best.value, best.bound, sweeper.excess(), fixed))
        if not watch(rounds[-1]):
            return sweeper, tuple(rounds), True
        if rounds[-1].gap <= gap:
            break
    return sweeper, tuple(rounds), False


def node_prices(problem: Problem, sweeper: Sweeper) -> Float:
    """What a kWh more room at each node would save, (n_node, n_step): positive for import, negative for export."""
    wall, price_per_kwh = sweeper.layout.node_wall, sweeper.best.price_per_kwh
    found = np.zeros((len(problem.nodes.parent), problem.n_step))
    for column in range(2):
        on = np.flatnonzero(wall[:, column] >= 0)
        found[on] += price_per_kwh[wall[on, column]]
    return found


def schedule_of(problem: Problem, sweeper: Sweeper) -> Schedule:
    """The best plan as a schedule."""
    n_stay, n_step = problem.stays.n, problem.n_step
    turns = bool((problem.stays.discharge_max_kw > 0).any())
    charge, store, short_kwh = np.zeros((n_stay, n_step)), np.zeros((len(problem.stores.node), n_step)), np.zeros(n_stay)
    # Where nothing discharges: a table of zeros that takes no memory.
    discharge = np.zeros((n_stay, n_step)) if turns else np.broadcast_to(np.zeros(1), (n_stay, n_step))
    plan, setting = Plan(sweeper.best.net_kwh, sweeper.plan.level), sweeper.setting
    tables = charge, discharge if turns else np.zeros((0, n_step)), store
    write_rows(setting, plan, n_stay, sweeper.everybody, (*tables, short_kwh))
    return Schedule(charge, discharge, store, short_kwh, term_values(problem, charge, discharge, store))
