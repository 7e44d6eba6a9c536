"""A plan that is kept while vehicles come, go and change their minds: only what changed is computed anew.

What a unit could cost at least does not depend on the others once the prices of the walls are given. So as long as prices stay, a
changed unit changes one term of the bound; it answers within the room that the others leave, and nobody else is asked unless the gap
becomes too large.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evloom.dispatch.check import check_problem
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.service import short_price_per_kwh
from evloom.dispatch.solved import Round, gap_of
from evloom.dispatch.sweeps.layout import lay_out
from evloom.dispatch.sweeps.passes import Plan, Setting, least_each, repair_some, sweep
from evloom.dispatch.sweeps.solve import FIRM, Sweeper, sweep_until
from evloom.dispatch.sweeps.tally import add_loads, costs_of, plan_loads, write_rows
from evloom.dispatch.sweeps.units import LENGTH, SHORT_PRICE, Units, units_of
from evloom.dispatch.sweeps.walls import renewed
from evloom.dispatch.terms import term_values
from evloom.kernel.timegrid import Int

# Sweeps over the changed units alone, and looks at everybody where that does not do.
_SWEEPS, _LOOKS_MAX = 2, 10


@dataclass(frozen=True)
class Change:
    """What a step came to: value and bound of the plan, and whether everybody was asked again (else the changed units alone)."""

    value: float
    bound: float
    fixed: float
    is_full: bool

    @property
    def gap(self) -> float:
        """See `solved.gap_of`."""
        return gap_of(self.value, self.bound, self.fixed)


def _go_on(_: Round) -> bool:
    return True


class Rolling:
    """A plan for vehicles that change. gap: what is to be proved after every step; fixed: `optimise.fixed_value`.

    The plan, changed in place by `step`: charge_kwh, discharge_kwh (n_stay, n_step), store_kwh (n_store, n_step), short_kwh (n_stay,).
    """

    def __init__(self, problem: Problem, objective: Objective, fixed: float, gap: float = 5e-3) -> None:
        check_problem(problem)
        self.problem, self.objective, self.fixed, self.gap = problem, objective, fixed, gap
        self.short_price_per_kwh = short_price_per_kwh(problem, objective)
        # Limits that cannot bind today get walls too: they may bind tomorrow.
        layout = lay_out(problem, objective, every_wall=True)
        self.sweeper, _, _ = sweep_until(Sweeper(layout), min(gap, 1e-3) / 2.0, 200, fixed, _go_on)
        self._widen()
        n_step = problem.n_step
        self.charge_kwh, self.discharge_kwh = np.zeros((problem.stays.n, n_step)), np.zeros((problem.stays.n, n_step))
        self.store_kwh, self.short_kwh = np.zeros((len(problem.stores.node), n_step)), np.zeros(problem.stays.n)
        self._take_stock()

    @property
    def _setting(self) -> Setting:
        return self.sweeper.setting

    def _widen(self) -> None:
        """Give every unit cells for the whole horizon, so that one that changes stays where it is."""
        sweeper, units, n_step = self.sweeper, self._setting.units, self.problem.n_step
        length, begin = units.place[:, LENGTH], np.arange(units.n + 1) * n_step
        within = np.arange(int(units.begin[-1])) - np.repeat(units.begin[:-1], length)
        net_kwh = np.zeros(units.n * n_step)
        net_kwh[np.repeat(begin[:-1], length) + within] = sweeper.best.net_kwh
        sweeper.setting = sweeper.setting._replace(units=Units(units.row, begin, units.place, units.figures))
        sweeper.plan = Plan(net_kwh, sweeper.plan.level)
        self.unit_of = np.empty(units.n, dtype=np.int64)
        self.unit_of[units.row] = np.arange(units.n)

    def _take_stock(self) -> None:
        """Loads, what each unit costs and could cost at least, and the tables, from scratch."""
        sweeper, everybody = self.sweeper, np.arange(self._setting.units.n)
        self.load_kwh = np.zeros(sweeper.true_right.shape)
        plan_loads(self._setting, sweeper.plan, self.load_kwh)
        self.price_per_kwh = sweeper.best.price_per_kwh
        self.least, self.cost = np.zeros(len(everybody)), np.zeros(len(everybody))
        self._tally(everybody)

    def _tally(self, which: Int) -> None:
        """What the units `which` cost and could cost at least, and their rows of the tables."""
        sweeper, setting = self.sweeper, self.sweeper.exact
        least_each(setting, self.price_per_kwh, sweeper.plan, sweeper.view, which, self.least)
        costs_of(setting, setting.ways.price_per_kwh, sweeper.plan, which, self.cost)
        tables = self.charge_kwh, self.discharge_kwh, self.store_kwh, self.short_kwh
        write_rows(setting, sweeper.plan, self.problem.stays.n, which, tables)

    def step(self, problem: Problem, changed: Int) -> Change:
        """Go on with a problem in which the stays `changed` (rows) are different, and nothing else: same rows, nodes, signals.

        Raises InputError if the problem holds impossible numbers.
        """
        check_problem(problem)
        self.problem, which = problem, np.sort(self.unit_of[changed])
        add_loads(self._setting, self.sweeper.plan, which, -1.0, self.load_kwh)
        self._replace(changed)
        self._answer(which)
        self._tally(which)
        change = self._change(is_full=False)
        return change if change.gap <= self.gap else self._ask_everybody()

    def _replace(self, changed: Int) -> None:
        """Put the changed stays into the units; what was planned for them is forgotten."""
        stays, stores = self.problem.stays, self.problem.stores
        chosen: dict[str, Any] = {name: None if column is None else column[changed] for name, column in vars(stays).items()}
        empty: dict[str, Any] = {name: None if column is None else column[:0] for name, column in vars(stores).items()}
        some, none = replace(stays, **chosen), replace(stores, **empty)
        n_phase = len(self._setting.ways.wall) // len(self.problem.nodes.parent)
        new = units_of(replace(self.problem, stays=some, stores=none), self.objective, n_phase)
        new.figures[:, SHORT_PRICE] = some.priority[new.row] * self.short_price_per_kwh
        at, units, n_step = self.unit_of[changed[new.row]], self._setting.units, self.problem.n_step
        units.place[at], units.figures[at] = new.place, new.figures
        self.sweeper.plan.net_kwh.reshape(-1, n_step)[at] = 0.0
        self.charge_kwh[changed], self.discharge_kwh[changed] = 0.0, 0.0

    def _answer(self, which: Int) -> None:
        """Let the units `which` answer at the present prices, and then within the room that all others leave."""
        sweeper, walls = self.sweeper, self._setting.walls
        s = renewed(walls, self.load_kwh, self.price_per_kwh).s
        for _ in range(_SWEEPS):
            sweep(self._setting, sweeper.plan, s, which, sweeper.view)
        add_loads(self._setting, sweeper.plan, which, 1.0, self.load_kwh)
        up, down = sweeper.room(self.load_kwh)
        firm = self._setting._replace(hold=self._setting.hold * FIRM)
        add_loads(self._setting, sweeper.plan, which, -1.0, self.load_kwh)
        repair_some(firm, self.price_per_kwh, sweeper.plan, (up, down), sweeper.view, which)
        add_loads(self._setting, sweeper.plan, which, 1.0, self.load_kwh)

    def _change(self, *, is_full: bool) -> Change:
        sweeper = self.sweeper
        value = float(self.cost.sum()) + sweeper.common_cost(self.load_kwh) if sweeper.is_held(self.load_kwh) else np.inf
        return Change(value, float(self.least.sum()) + sweeper.common_bound(self.price_per_kwh.copy()), self.fixed, is_full)

    def _ask_everybody(self) -> Change:
        """Sweep over all units from where the plan stands."""
        sweeper = self.sweeper
        sweeper.resume(self.load_kwh, self.price_per_kwh)
        for _ in range(_LOOKS_MAX):
            sweeper.sweep()
            sweeper.look()
            if gap_of(sweeper.best.value, sweeper.best.bound, self.fixed) <= self.gap:
                break
        sweeper.plan = Plan(sweeper.best.net_kwh, sweeper.plan.level)
        self.charge_kwh[:], self.discharge_kwh[:] = 0.0, 0.0
        self._take_stock()
        return self._change(is_full=True)

    def schedule(self) -> Schedule:
        """What is planned now; its tables are those of this plan, and change with it."""
        tables = self.charge_kwh, self.discharge_kwh, self.store_kwh
        return Schedule(*tables, self.short_kwh, term_values(self.problem, *tables))
