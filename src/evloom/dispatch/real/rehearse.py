"""A plan rehearsed step by step with the currents of real chargers: what of it arrives, without planning anew in between."""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.problem import Nodes, Problem, Schedule
from evloom.dispatch.real.currents import THREE_PHASE_KW_PER_A, Currents
from evloom.dispatch.real.quantise import Ask, follow, owed_after
from evloom.kernel.timegrid import Bool, Float, Int

NO_LIMIT_A = 1e6  # for a phase without a limit beside one that has one; infinity less infinity is no number


class Rehearsal(NamedTuple):
    """order_kw (n_stay, n_step) what each vehicle is set to, reason (n_stay, n_step) why not more, drawn_kwh (n_stay, n_step) what it
    takes of it (it stops when it is full), short_kwh (n_stay,) what its promise then lacks."""

    order_kw: Float
    reason: Int
    drawn_kwh: Float
    short_kwh: Float


def rehearse(problem: Problem, schedule: Schedule, chargers: Currents, carries_debt: bool = True) -> Rehearsal:
    """Follow the plan of vehicles that only charge. `carries_debt` False: every step is rounded down by itself, for comparison."""
    stays, hours = problem.stays, presence_h(problem)
    plan_kw = np.divide(schedule.charge_kwh, hours, out=np.zeros_like(hours), where=hours > 0.0)
    to_come_kwh = np.cumsum(schedule.charge_kwh[:, ::-1], axis=1)[:, ::-1] - schedule.charge_kwh
    order_kw, drawn_kwh = np.zeros_like(hours), np.zeros_like(hours)
    reason = np.zeros(hours.shape, dtype=np.int64)
    owed_kwh, room_kwh = np.zeros(stays.n), stays.room_kwh.copy()
    path = paths(problem.nodes.parent)
    for step in range(problem.n_step):
        there = hours[:, step] > 0.0
        present_h = np.where(there, hours[:, step], 1.0)
        bays = bays_at(problem, chargers, there, room_kwh)
        wires = wires_at(problem.nodes, path, step)
        rank = by_laxity(problem, step, np.flatnonzero(there & (room_kwh > 1e-9)), room_kwh)
        ask = Ask(plan_kw[:, step], owed_kwh, present_h, to_come_kwh[:, step] <= 1e-9)
        if carries_debt:
            order_kw[:, step], reason[:, step] = follow(bays, wires, ask, rank)
        else:
            order_kw[:, step], reason[:, step] = allocate(bays, wires, ask.plan_kw, rank)
        drawn_kwh[:, step] = np.minimum(order_kw[:, step] * present_h, room_kwh)
        room_kwh = room_kwh - drawn_kwh[:, step]
        owed_kwh = owed_after(ask, drawn_kwh[:, step] / present_h)
    short_kwh = np.maximum(stays.need_kwh - drawn_kwh.sum(axis=1), 0.0)
    return Rehearsal(order_kw, reason, drawn_kwh, short_kwh)


def by_laxity(problem: Problem, step: int, rows: Int, left_kwh: Float) -> Int:
    """The rows in the order of how long each could still wait (Mok 1983), ties by row."""
    stays = problem.stays
    until = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    rest_h = until[stays.last[rows]] - until[step] - left_kwh[rows] / np.maximum(stays.charge_max_kw[rows], 1e-6)
    return rows[np.argsort(rest_h, kind="stable")]


def presence_h(problem: Problem) -> Float:
    """Hours for which each vehicle is there in each step, (n_stay, n_step)."""
    stays, step = problem.stays, np.arange(problem.n_step)
    first, last = stays.first[:, None], stays.last[:, None]
    share = np.where(step == first, stays.first_share[:, None], np.where(step == last - 1, stays.last_share[:, None], 1.0))
    hours: Float = np.where((step >= first) & (step < last), share, 0.0) * problem.step_h
    return hours


def bays_at(problem: Problem, chargers: Currents, there: Bool, left_kwh: Float) -> Bays:
    """The stays as connectors, one each; `there` (n_stay,) of them are connected and still want `left_kwh`."""
    stays, n = problem.stays, problem.stays.n
    phase = np.full(n, -1) if stays.phase is None else stays.phase
    nothing = np.zeros(n)
    return Bays(
        there, stays.first.astype(np.float64), stays.last.astype(np.float64), left_kwh, stays.charge_max_kw, nothing,
        *chargers, phase, stays.node, np.arange(n), np.zeros(n, dtype=np.bool_), stays.priority, nothing,
    )  # fmt: skip


def paths(parent: Int) -> Int:
    """For every node the way to the root, itself first: (n_node, depth), filled up with -1."""
    ways: list[list[int]] = []
    for row, above in enumerate(parent):
        ways.append([row] + (ways[above] if above >= 0 else []))
    depth = max(len(way) for way in ways)
    return np.array([way + [-1] * (depth - len(way)) for way in ways], dtype=np.int64)


def wires_at(nodes: Nodes, path: Int, step: int) -> Wires:
    """The tree in a step of the plan; limits of phases as room in ampere on top of a load that takes the rest."""
    n_node, per_a = len(nodes.parent), THREE_PHASE_KW_PER_A / 3.0
    limit_a, base_a = np.full(n_node, np.inf), np.zeros((n_node, 3))
    if nodes.phase_room_kw is not None:
        room_a = np.minimum(nodes.phase_room_kw[:, :, step] / per_a, NO_LIMIT_A)
        limit_a = np.where((room_a < NO_LIMIT_A).any(axis=1), room_a.max(axis=1), np.inf)
        base_a = np.where(np.isfinite(limit_a)[:, None], limit_a[:, None] - room_a, 0.0)
    return Wires(
        path, nodes.import_max_kw[:, step], nodes.export_max_kw[:, step], limit_a, nodes.base_kw[:, step], base_a, per_a
    )  # fmt: skip
