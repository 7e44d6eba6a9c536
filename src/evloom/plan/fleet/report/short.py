"""Who goes short and why: the node that holds a vehicle back, and in which steps."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem, Schedule
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.plan.fleet.report.loads import CELLS_MAX, Binding, there_h
from evloom.simulate.scores import SHORT_KWH

STAY = -1  # no node: full power for the whole stay would not have been enough
UNSEEN = -2  # no node at its limit while it was charged below full power
N_BIN = 10
CLASSES_MAX = 5
_NEAR_KWH = 1e-6


@dataclass(frozen=True)
class Short:
    """The stays that lack more than SHORT_KWH, those that lack most first.

    stay    rows of the problem
    node    what held each back in most of the steps in which it got less than its power: a row of the tree, STAY or UNSEEN
    """

    stay: Int
    node: Int


def short_of(problem: Problem, schedule: Schedule, binding: Binding) -> Short:
    """Find them, a few at a time."""
    lacking_kwh = schedule.short_kwh
    stay = np.flatnonzero(lacking_kwh > SHORT_KWH)
    stay = stay[np.argsort(-lacking_kwh[stay], kind="stable")]
    node = np.full(len(stay), STAY, dtype=np.int64)
    length = max(1, CELLS_MAX // max(problem.n_step, 1))
    for first in range(0, len(stay), length):
        rows = stay[first : first + length]
        held = held_back(problem, schedule, rows)
        node[first : first + length] = _most_binding(problem, binding, rows, held)
    return Short(stay, node)


def held_back(problem: Problem, schedule: Schedule, rows: Int) -> Bool:
    """Steps in which some stays are charged at less than their power while the vehicle is there, (n_row, n_step)."""
    most_kwh = problem.stays.charge_max_kw[rows, None] * there_h(problem, rows)
    held: Bool = schedule.charge_kwh[rows] < most_kwh - _NEAR_KWH
    return held


def phase_of(problem: Problem, rows: Int) -> Int:
    """The phase on which each of some stays loads, -1 for all three."""
    phase = problem.stays.phase
    return np.full(len(rows), -1, dtype=np.int64) if phase is None else phase[rows]


def _most_binding(problem: Problem, binding: Binding, rows: Int, held: Bool) -> Int:
    """For each stay the node on its path that is at its limit in most of the steps in which it was held back; of equals the lowest."""
    parent, phase = problem.nodes.parent, phase_of(problem, rows)
    best = np.where(held.any(axis=1), UNSEEN, STAY)
    most = np.zeros(len(rows), dtype=np.int64)
    node, inside = problem.stays.node[rows].copy(), np.ones(len(rows), dtype=np.bool_)
    while inside.any():
        count = (binding.of(node, phase) & held).sum(axis=1)
        better = inside & (count > most)
        best[better], most[better] = node[better], count[better]
        inside &= node > 0
        node = np.where(inside, parent[node], node)
    return best


@dataclass(frozen=True)
class Class:
    """Stays of like priority that need something: how many, how many were served in full, and the others by share served.

    counts (N_BIN,): shares of the need from k / N_BIN to (k + 1) / N_BIN.
    """

    low: float
    high: float
    n: int
    full: int
    counts: Int


def by_priority(problem: Problem, schedule: Schedule) -> list[Class]:
    """The classes of priority, the highest first; many different priorities are put together, about as many stays in each class."""
    need_kwh, priority = problem.stays.need_kwh, problem.stays.priority
    wants = need_kwh > 0.0
    if not wants.any():
        return []
    share = 1.0 - schedule.short_kwh[wants] / need_kwh[wants]
    full = schedule.short_kwh[wants] <= SHORT_KWH
    priority = priority[wants]
    group = _grouped(priority)
    classes = []
    for number in range(int(group.max()), -1, -1):
        mine = group == number
        place = np.clip((share[mine & ~full] * N_BIN).astype(np.int64), 0, N_BIN - 1)
        counts = np.bincount(place, minlength=N_BIN).astype(np.int64)
        low, high = float(priority[mine].min()), float(priority[mine].max())
        classes.append(Class(low, high, int(mine.sum()), int((mine & full).sum()), counts))
    return classes


def _grouped(priority: Float) -> Int:
    """A class 0.. for each stay, higher for a higher priority, no class empty."""
    values, place = np.unique(priority, return_inverse=True)
    if len(values) > CLASSES_MAX:
        edges = np.unique(np.quantile(priority, np.arange(1, CLASSES_MAX) / CLASSES_MAX))
        _, place = np.unique(np.searchsorted(edges, priority, side="left"), return_inverse=True)
    return place.astype(np.int64)
