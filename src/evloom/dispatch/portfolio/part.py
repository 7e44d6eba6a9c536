"""The portfolio at a node: what hangs at or below it as a problem of its own, with everything else kept at its baseline."""

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from evloom.dispatch.cells import phase_shares, up_the_tree
from evloom.dispatch.problem import Nodes, Problem, Schedule, Stays, Stores
from evloom.dispatch.verify import Violation, verify_schedule
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int

_Table = TypeVar("_Table", Stays, Stores)


@dataclass(frozen=True)
class Window:
    """A node and the steps first <= k < last of the horizon."""

    node: int
    first: int
    last: int

    @property
    def steps(self) -> Int:
        """Numbers of the steps."""
        return np.arange(self.first, self.last)


@dataclass(frozen=True)
class Part:
    """stay, store: rows of the whole problem that belong to the portfolio; problem: those alone; load_kwh (n_step,): their baseline."""

    whole: Problem
    baseline: Schedule
    window: Window
    stay: Int
    store: Int
    problem: Problem
    load_kwh: Float

    @property
    def only_charges(self) -> bool:
        """Nothing in it can discharge, and no limit is of a phase: the case in which loads form a generalised polymatroid."""
        is_plain = self.problem.nodes.phase_room_kw is None
        return is_plain and len(self.store) == 0 and not (self.problem.stays.discharge_max_kw > 0).any()

    def merged(self, own: Schedule) -> Schedule:
        """A schedule of the part put into the baseline of the rest. `objective` is that of the part."""
        tables = [self.baseline.charge_kwh.copy(), self.baseline.discharge_kwh.copy(), self.baseline.store_kwh.copy()]
        tables[0][self.stay], tables[1][self.stay], tables[2][self.store] = own.charge_kwh, own.discharge_kwh, own.store_kwh
        kept_kwh = _kept_kwh(self.whole.stays, tables[0], tables[1])
        lacking_kwh = self.whole.stays.need_kwh - kept_kwh
        return Schedule(tables[0], tables[1], tables[2], np.where(lacking_kwh > 1e-9, lacking_kwh, 0.0), own.objective)

    def violations(self, own: Schedule) -> tuple[Violation, ...]:
        """What is wrong with a schedule of the part, seen in the whole problem; one driver served worse than before is wrong too."""
        merged = self.merged(own)
        worse = np.flatnonzero(~(merged.short_kwh <= self.baseline.short_kwh + 1e-6))
        shorter = [Violation("stay.shorter", int(i), float(merged.short_kwh[i]), float(self.baseline.short_kwh[i]), "kWh") for i in worse]
        return (*verify_schedule(self.whole, merged), *shorter)

    def shift_kw(self, own: Schedule) -> Float:
        """Load of a schedule of the part above the baseline in each step, (n_step,)."""
        shift: Float = (load_kwh(own) - self.load_kwh) / self.problem.step_h
        return shift


def load_kwh(schedule: Schedule) -> Float:
    """Net energy of all steered units in each step, (n_step,)."""
    total: Float = schedule.charge_kwh.sum(axis=0) - schedule.discharge_kwh.sum(axis=0) + schedule.store_kwh.sum(axis=0)
    return total


def part_of(problem: Problem, baseline: Schedule, window: Window) -> Part:
    """The portfolio at window.node. Raises InputError where the window or the baseline cannot be used, with all findings."""
    _check(problem, baseline, window)
    below = at_or_below(problem.nodes.parent, window.node)
    stay, store = np.flatnonzero(below[problem.stays.node]), np.flatnonzero(below[problem.stores.node])
    stays = _rows(problem.stays, stay)
    promised_kwh = np.maximum(stays.need_kwh - baseline.short_kwh[stay], 0.0)
    own = replace(
        problem,
        stays=replace(stays, need_kwh=promised_kwh),
        stores=_rows(problem.stores, store),
        nodes=_beside(problem, baseline, (~below[problem.stays.node], ~below[problem.stores.node])),
    )
    load = baseline.charge_kwh[stay].sum(axis=0) - baseline.discharge_kwh[stay].sum(axis=0) + baseline.store_kwh[store].sum(axis=0)
    return Part(problem, baseline, window, stay, store, own, load)


def at_or_below(parent: Int, node: int) -> Bool:
    """(n_node,) which rows of the tree are the node or hang below it."""
    below: Bool = np.arange(len(parent)) == node
    for row in range(node + 1, len(parent)):
        below[row] |= below[parent[row]]
    return below


def _rows(table: _Table, rows: Int) -> _Table:
    """Some rows of a table of columns."""
    columns = {field.name: getattr(table, field.name) for field in fields(table)}
    return replace(table, **{name: column[rows] for name, column in columns.items() if column is not None})


def _beside(problem: Problem, baseline: Schedule, others: tuple[Bool, Bool]) -> Nodes:
    """The tree with what the others (stays, stores) do taken off its room."""
    nodes, step_h, (stay, store) = problem.nodes, problem.step_h, others
    flow_kw = (baseline.charge_kwh - baseline.discharge_kwh)[stay] / step_h
    net_kw = np.zeros(nodes.base_kw.shape)
    np.add.at(net_kw, problem.stays.node[stay], flow_kw)
    np.add.at(net_kw, problem.stores.node[store], baseline.store_kwh[store] / step_h)
    net_kw = up_the_tree(problem, net_kw)
    base_kw = nodes.base_kw + net_kw
    room_kw = np.maximum(np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) - net_kw, 0.0)
    phase_kw = None if nodes.phase_room_kw is None else _phase_room_kw(problem, nodes.phase_room_kw, flow_kw, others, baseline)
    return replace(
        nodes,
        import_max_kw=base_kw + room_kw,
        export_max_kw=np.maximum(nodes.export_max_kw + net_kw, 0.0),
        base_kw=base_kw,
        phase_room_kw=phase_kw,
    )


def _phase_room_kw(problem: Problem, room_kw: Float, flow_kw: Float, others: tuple[Bool, Bool], baseline: Schedule) -> Float:
    """Room of each phase that the others leave, (n_node, 3, n_step)."""
    left_kw, share = room_kw.copy(), phase_shares(problem)[:, others[0]]
    for phase in range(3):
        net_kw = np.zeros(problem.nodes.base_kw.shape)
        np.add.at(net_kw, problem.stays.node[others[0]], flow_kw * share[phase, :, None])
        np.add.at(net_kw, problem.stores.node[others[1]], baseline.store_kwh[others[1]] / problem.step_h / 3)
        left_kw[:, phase] -= up_the_tree(problem, net_kw)
    return np.maximum(left_kw, 0.0)


def _kept_kwh(stays: Stays, charge_kwh: Float, discharge_kwh: Float) -> Float:
    """What a stay has of its promise, (n_stay,): charge less what discharging took from the cells, at the meter."""
    kept: Float = charge_kwh.sum(axis=1) - discharge_kwh.sum(axis=1) / (stays.charge_efficiency * stays.discharge_efficiency)
    return kept


def _check(problem: Problem, baseline: Schedule, window: Window) -> None:
    n_node, n_step = len(problem.nodes.parent), problem.n_step
    findings = []
    for name, value, allowed, good in (
        ("node", window.node, f"0..{n_node - 1}", 0 <= window.node < n_node),
        ("first", window.first, f"0..{n_step - 1}", 0 <= window.first < n_step),
        ("last", window.last, f"above first, at most {n_step}", window.first < window.last <= n_step),
    ):
        if not good:
            findings.append(Finding("portfolio.window", "refused", "window", None, name, str(value), allowed, "choose within the problem"))
    for wrong in verify_schedule(problem, baseline):
        place = None if wrong.where < 0 else wrong.where
        findings.append(
            Finding("portfolio.baseline", "refused", "baseline", place, wrong.code, wrong.text(), "a schedule that holds", "plan it again")
        )
    if findings:
        raise InputError(findings)
