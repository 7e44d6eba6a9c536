"""What flows through the nodes of the tree, as scheduled and if everybody charged at once, summed up a few vehicles at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.cells import up_the_tree
from evloom.dispatch.problem import Problem, Schedule
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.plan.fleet.loads import presence_h, uncontrolled_kw

CELLS_MAX = 2_000_000  # of one table that is held at a time: 16 MB
BINDS = 1e-3  # a node whose steered load is this near to its room, as a share of the room, is at its limit
_NEAR_KW = 1e-6


@dataclass(frozen=True)
class Loads:
    """Sums at and below every node; power of steered units, positive = drawn.

    steered_kw       (n_node, n_step) as scheduled, stationary batteries included
    at_once_kw       (n_node, n_step) if every vehicle charged from its arrival at full power until its need is met, whatever the limits
    phase_kw         (n_node, 3, n_step) as scheduled; None where the problem has no limit of phases
    at_once_short_kwh  (n_stay,) what would be lacking then, because the stay is too short
    """

    steered_kw: Float
    at_once_kw: Float
    phase_kw: Float | None
    at_once_short_kwh: Float


def loads_of(problem: Problem, schedule: Schedule) -> Loads:
    """Sum up a schedule. Besides the result it needs room for a few tables of CELLS_MAX numbers, however many stays there are."""
    stays, shape = problem.stays, problem.nodes.import_max_kw.shape
    steered = np.zeros(shape)
    has_phases = problem.nodes.phase_room_kw is not None
    phase = np.zeros((3, *shape)) if has_phases else None
    for rows in _chunks(stays.n, problem.n_step):
        node = stays.node[rows]
        net_kwh = schedule.charge_kwh[rows] - schedule.discharge_kwh[rows]
        _add(steered, node, net_kwh)
        if phase is not None:
            for number in range(3):
                _add(phase[number], node, net_kwh * _share_on(stays.phase, rows, number))
    np.add.at(steered, problem.stores.node, schedule.store_kwh)
    if phase is not None:
        for number in range(3):
            np.add.at(phase[number], problem.stores.node, schedule.store_kwh / 3.0)
    tables = [up_the_tree(problem, table) / problem.step_h for table in (steered, *([] if phase is None else phase))]
    phase_kw = np.stack(tables[1:], axis=1) if has_phases else None
    return Loads(tables[0], uncontrolled_kw(problem), phase_kw, at_once_short_kwh(problem))


def at_once_short_kwh(problem: Problem) -> Float:
    """What each stay lacks even at full power from its arrival to its departure, (n_stay,)."""
    begin_h, leave_h = presence_h(problem.stays, np.concatenate(([0.0], np.cumsum(problem.step_h))))
    lacking_kwh: Float = np.maximum(problem.stays.need_kwh - problem.stays.charge_max_kw * (leave_h - begin_h), 0.0)
    return lacking_kwh


def there_h(problem: Problem, rows: slice | Int) -> Float:
    """Hours for which the vehicles of some stays are there in each step, (n_row, n_step)."""
    stays, step = problem.stays, np.arange(problem.n_step)
    first, last = stays.first[rows], stays.last[rows]
    share = ((step >= first[:, None]) & (step < last[:, None])).astype(np.float64)
    some = np.flatnonzero(last > first)
    share[some, last[some] - 1] = stays.last_share[rows][some]
    share[some, first[some]] = stays.first_share[rows][some]
    share *= problem.step_h
    return share


@dataclass(frozen=True)
class Binding:
    """Where there is no more room: total (n_node, n_step) of the import limit, phase (n_node, 3, n_step) of those of the phases."""

    total: Bool
    phase: Bool | None

    def of(self, node: Int, phase: Int) -> Bool:
        """Whether some nodes hold back vehicles on some phases (-1: all three), both (n,) -> (n, n_step)."""
        held: Bool = self.total[node]
        if self.phase is None:
            return held
        alone = self.phase[node, np.maximum(phase, 0)]
        return held | np.where(phase[:, None] < 0, self.phase[node].any(axis=1), alone)


def binding_of(problem: Problem, loads: Loads) -> Binding:
    """Nodes and steps in which the steered load has used up what the base load leaves under the limit."""
    nodes = problem.nodes
    total = _is_full(np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0), loads.steered_kw)
    if nodes.phase_room_kw is None or loads.phase_kw is None:
        return Binding(total, None)
    return Binding(total, _is_full(nodes.phase_room_kw, loads.phase_kw))


def over_kw(problem: Problem, steered_kw: Float) -> Float:
    """By how much a steered load exceeds the limit of each node, or the base load where that alone is above it, (n_node, n_step)."""
    nodes = problem.nodes
    over: Float = np.maximum(steered_kw - np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0), 0.0)
    over[over <= _NEAR_KW] = 0.0
    return over


def _is_full(room_kw: Float, used_kw: Float) -> Bool:
    finite = np.isfinite(room_kw)
    least_kw = np.where(finite, room_kw * (1.0 - BINDS) - _NEAR_KW, np.inf)
    full: Bool = used_kw >= least_kw
    return full


def _share_on(phase: Int | None, rows: slice, number: int) -> Float:
    """What share of their power some stays draw on a phase, (n_row, 1)."""
    if phase is None:
        return np.full((1, 1), 1.0 / 3.0)
    share: Float = np.where(phase[rows] < 0, 1.0 / 3.0, phase[rows] == number)[:, None]
    return share


def _chunks(n_row: int, n_step: int) -> Iterator[slice]:
    length = max(1, CELLS_MAX // max(n_step, 1))
    for first in range(0, n_row, length):
        yield slice(first, min(first + length, n_row))


def _add(total: Float, node: Int, table: Float) -> None:
    """Add rows of a table to the rows `node` of a total: sums of neighbours after sorting, ten times as fast as np.add.at."""
    if not len(node):
        return
    order = np.argsort(node, kind="stable")
    begins = np.flatnonzero(np.diff(node[order], prepend=-1))
    total[node[order[begins]]] += np.add.reduceat(table[order], begins, axis=0)
