"""The levels of the tree: which node is where, what is above and below it, and which nodes are worth showing."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.plan.fleet.report.loads import Binding, Loads, over_kw


@dataclass(frozen=True)
class Level:
    """One level of the tree, power at its nodes together in every step, (n_step,).

    node          rows of its nodes, the most loaded first
    limit_kw      sum of their limits, infinity where one has none
    over_node     how many nodes are above their limit at some time: at once, as scheduled
    """

    depth: int
    node: Int
    base_kw: Float
    limit_kw: Float
    at_once_kw: Float
    steered_kw: Float
    over_node: tuple[int, int]


def depth_of(parent: Int) -> Int:
    """Steps up to the root, (n_node,)."""
    depth = np.zeros(len(parent), dtype=np.int64)
    for row in range(1, len(parent)):
        depth[row] = depth[parent[row]] + 1
    return depth


def tree_order(parent: Int) -> Int:
    """Place of each node (n_node,) when every node is followed by all that is below it, children in the order of their rows."""
    size = np.ones(len(parent), dtype=np.int64)
    for row in range(len(parent) - 1, 0, -1):
        size[parent[row]] += size[row]
    place = np.zeros(len(parent), dtype=np.int64)
    free = np.ones(len(parent), dtype=np.int64)  # the next free place below each node
    for row in range(1, len(parent)):
        place[row] = free[parent[row]]
        free[parent[row]] += size[row]
        free[row] = place[row] + 1
    return place


def loading_of(problem: Problem, steered_kw: Float) -> Float:
    """Highest load over limit of each node, base load included, (n_node,); 0 where there is no limit above 0."""
    limit_kw = problem.nodes.import_max_kw
    known = np.isfinite(limit_kw) & (limit_kw > 0.0)
    loading: Float = np.where(known, (problem.nodes.base_kw + steered_kw) / np.where(known, limit_kw, 1.0), 0.0)
    return np.asarray(loading.max(axis=1, initial=0.0))


def rank(problem: Problem, loads: Loads, binding: Binding) -> Int:
    """Rows of the nodes, the most loaded first: by highest loading in whole percent, hours at the limit, loading if all charged at once."""
    full_h = binding.total @ problem.step_h
    percent = np.round(loading_of(problem, loads.steered_kw) * 100.0)
    row = np.arange(len(full_h))
    return np.lexsort((row, -loading_of(problem, loads.at_once_kw), -full_h, -percent))


def levels_of(problem: Problem, loads: Loads, ranked: Int) -> list[Level]:
    """The levels from the root down; `ranked` as from `rank`."""
    nodes, depth = problem.nodes, depth_of(problem.nodes.parent)
    is_over: list[Bool] = [np.asarray(over_kw(problem, table).any(axis=1)) for table in (loads.at_once_kw, loads.steered_kw)]
    levels = []
    for number in range(int(depth.max(initial=-1)) + 1):
        node = ranked[depth[ranked] == number]
        base_kw, limit_kw = nodes.base_kw[node].sum(axis=0), nodes.import_max_kw[node].sum(axis=0)
        at_once_kw, steered_kw = loads.at_once_kw[node].sum(axis=0), loads.steered_kw[node].sum(axis=0)
        n_over = int(is_over[0][node].sum()), int(is_over[1][node].sum())
        levels.append(Level(number, node, base_kw, limit_kw, at_once_kw, steered_kw, n_over))
    return levels


def choose(levels: list[Level], n_max: int) -> Int:
    """At most n_max (>= 1) nodes to show: the most loaded of every level in turn, so that small levels are shown whole."""
    taken: list[tuple[int, int, int]] = []
    for level in levels:
        taken += [(place, level.depth, int(node)) for place, node in enumerate(level.node[:n_max].tolist())]
    chosen = sorted(taken)[:n_max]
    return np.array([node for _, _, node in sorted(chosen, key=lambda one: (one[1], one[0]))], dtype=np.int64)
