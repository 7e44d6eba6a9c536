"""Charging under a tree of limits as a minimum-cost flow in whole numbers: a second opinion on fleets too large for a linear programme.

Vehicle -> (node, step) -> (node above, step) -> ... -> sink; what a need lacks flows past the grid at the price of its tiers.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float, Int
from tools.bench.environment import ORTOOLS, NoEnvironmentError, interpreter

UNITS_PER_KWH = 1e5
UNITS_PER_MONEY = 1e5
TIER_WEIGHTS = np.linspace(1.0, 1.5, 8)


@dataclass(frozen=True)
class Net:
    """Arcs (n_arc,) with their cost per kWh as it is, capacities in whole units of energy, and the supply of each node."""

    tail: Int
    head: Int
    capacity: Int
    cost_per_kwh: Float
    supply: Int


def net_of(problem: Problem, short_price_per_kwh: float) -> Net:
    """The network of a problem of vehicles that only charge at prices >= 0, with limits of import and nothing else."""
    stays, nodes, n_step = problem.stays, problem.nodes, problem.n_step
    n_node = len(nodes.parent)
    length = np.maximum(stays.last - stays.first, 0)
    owner = np.repeat(np.arange(stays.n), length)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length) + stays.first[owner]
    share = np.where(step == stays.last[owner] - 1, stays.last_share[owner], 1.0)
    share = np.where(step == stays.first[owner], stays.first_share[owner], share)
    cell = _units(stays.charge_max_kw[owner] * share * problem.step_h[step])
    room = _units(np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h)
    place = stays.n + np.arange(n_node * n_step).reshape(n_node, n_step)
    sink = stays.n + n_node * n_step
    above = np.where(nodes.parent[:, None] < 0, sink, place[nodes.parent])
    need = _units(stays.need_kwh)
    price = np.zeros(room.shape)
    price[0] = problem.signals.price_per_kwh
    tail, head, capacity, cost = [owner, place.ravel()], [place[stays.node[owner], step], above.ravel()], [cell, room.ravel()], []
    cost += [np.zeros(len(owner)), price.ravel()]
    for weight in TIER_WEIGHTS:
        tail.append(np.arange(stays.n))
        head.append(np.full(stays.n, sink))
        capacity.append(-(-need // len(TIER_WEIGHTS)))
        cost.append(short_price_per_kwh * stays.priority * weight)
    supply = np.concatenate([need, np.zeros(n_node * n_step, dtype=np.int64), [-need.sum()]])
    return Net(np.concatenate(tail), np.concatenate(head), np.concatenate(capacity), np.concatenate(cost), supply)


def _units(energy_kwh: Float) -> Int:
    return np.floor(np.minimum(energy_kwh, 1e9) * UNITS_PER_KWH + 1e-6).astype(np.int64)


def least_cost(problem: Problem, short_price_per_kwh: float, folder: Path) -> tuple[float, float]:
    """Least cost of energy and of what is short, base load included, to the rounding of the units, and the solver's CPU seconds."""
    net = net_of(problem, short_price_per_kwh)
    given, found = folder / "flow.npz", folder / "flow.npy"
    cost = np.rint(net.cost_per_kwh * UNITS_PER_MONEY).astype(np.int64)
    np.savez(given, tail=net.tail, head=net.head, capacity=net.capacity, cost=cost, supply=net.supply)
    command = [str(interpreter(ORTOOLS)), str(ORTOOLS.script), str(given), str(found)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEnvironmentError(f"OR-tools failed: {done.stderr.strip().splitlines()[-1:]}")
    answer = json.loads(done.stdout)
    if not answer["is_optimal"]:
        raise ValueError("the flow has no solution, though standing still is one")
    base = float(problem.signals.price_per_kwh @ (problem.nodes.base_kw[0] * problem.step_h))
    return base + float(net.cost_per_kwh @ np.load(found)) / UNITS_PER_KWH, float(answer["cpu_s"])
