"""The tree of limits: paths to the root and sums."""

import numpy as np
import pytest

from evloom.network.tree import LimitTree, node_total


def tree(*parent: int) -> LimitTree:
    n = len(parent)
    unlimited = np.full(n, np.inf)
    return LimitTree(tuple(f"n{row}" for row in range(n)), np.array(parent), unlimited, unlimited, unlimited, ("none",) * n)


def test_paths_start_at_the_node_and_end_at_the_root():
    assert tree(-1, 0, 1, 0, 2).ancestors().tolist() == [[0, -1, -1, -1], [1, 0, -1, -1], [2, 1, 0, -1], [3, 0, -1, -1], [4, 2, 1, 0]]
    assert tree(-1).ancestors().tolist() == [[0]]


@pytest.mark.parametrize("parent", [(), (0,), (-1, -1), (-1, 1), (-1, 2, 0), (-1, -2)])
def test_what_is_no_tree_is_refused(parent):
    with pytest.raises(ValueError, match=r"root|parent"):
        tree(*parent)


def test_totals_are_sums_over_all_below():
    rng = np.random.default_rng(2)
    for _ in range(50):
        n = int(rng.integers(1, 12))
        random = tree(-1, *(int(rng.integers(0, row)) for row in range(1, n)))
        own = rng.normal(size=(n, 3))
        expected = np.zeros((n, 3))
        for row, path in enumerate(random.ancestors()):
            for node in path[path >= 0]:
                expected[node] += own[row]
        before = own.copy()
        np.testing.assert_allclose(node_total(random, own), expected, atol=1e-12)
        np.testing.assert_allclose(node_total(random, own[:, 0]), expected[:, 0], atol=1e-12)
        np.testing.assert_array_equal(own, before)  # what came in is left alone
