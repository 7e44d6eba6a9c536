"""The tree in order, the levels, and which nodes are worth showing."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.plan.fleet.report.levels import choose, depth_of, levels_of, loading_of, rank, tree_order
from evloom.plan.fleet.report.loads import binding_of, loads_of


def random_parent(rng, n):
    return np.array([-1, *(int(rng.integers(0, row)) for row in range(1, n))])


@pytest.mark.parametrize("seed", range(8))
def test_in_tree_order_all_below_a_node_follow_it_at_once(seed):
    rng = np.random.default_rng(seed)
    parent = random_parent(rng, int(rng.integers(1, 40)))
    place = tree_order(parent)
    assert sorted(place.tolist()) == list(range(len(parent)))
    for row in range(len(parent)):
        below = {row}
        for child in range(row + 1, len(parent)):
            if parent[child] in below:
                below.add(child)
        assert sorted(place[list(below)].tolist()) == list(range(place[row], place[row] + len(below)))
    assert all(place[child] > place[parent[child]] for child in range(1, len(parent)))


def test_depth_counts_the_steps_to_the_root():
    assert depth_of(np.array([-1, 0, 0, 1, 3])).tolist() == [0, 1, 1, 2, 3]


def test_the_sum_of_a_level_is_the_sum_of_its_nodes_and_the_most_loaded_come_first(town, solved):
    loads = loads_of(town, solved.schedule)
    ranked = rank(town, loads, binding_of(town, loads))
    levels = levels_of(town, loads, ranked)
    assert [sorted(level.node.tolist()) for level in levels] == [[0], [1, 2], [3, 4, 5]]
    np.testing.assert_allclose(levels[2].steered_kw, loads.steered_kw[[3, 4, 5]].sum(axis=0))
    np.testing.assert_allclose(levels[1].limit_kw, 36.0)
    assert levels[2].node[0] == 3  # full in most of the steps
    percent = np.round(100 * loading_of(town, loads.steered_kw)[levels[2].node])
    assert (np.diff(percent) <= 0).all()
    assert levels[2].over_node[1] == 0
    assert levels[2].over_node[0] >= 1


def test_loading_is_of_the_limit_and_nothing_where_there_is_none(town, solved):
    limit_kw = town.nodes.import_max_kw.copy()
    limit_kw[5] = np.inf
    limit_kw[4] = 0.0
    problem = replace(town, nodes=replace(town.nodes, import_max_kw=limit_kw))
    loads = loads_of(problem, solved.schedule)
    loading = loading_of(problem, loads.steered_kw)
    assert loading[3] == pytest.approx((town.nodes.base_kw[3] + loads.steered_kw[3]).max() / 5.0)
    assert loading[[4, 5]].tolist() == [0.0, 0.0]


def test_small_levels_are_shown_whole_before_large_ones(town, solved):
    loads = loads_of(town, solved.schedule)
    levels = levels_of(town, loads, rank(town, loads, binding_of(town, loads)))
    assert sorted(choose(levels, 500).tolist()) == list(range(6))
    five = choose(levels, 5)
    assert len(five) == 5
    assert {0, 1, 2} < set(five.tolist())
    assert levels[2].node[2] not in five
    assert choose(levels, 1).tolist() == [0]
