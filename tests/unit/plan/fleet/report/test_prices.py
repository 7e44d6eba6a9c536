"""Classes of colour, and which nodes are on the map of prices."""

import numpy as np
import pytest

from evloom.plan.fleet.report.prices import COLD, WARM, classes, price_map, shades


@pytest.mark.parametrize("seed", range(20))
def test_classes_cover_every_price_and_are_told_apart(seed):
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(-20, 10) + rng.uniform(0.01, 6) * rng.normal(size=int(rng.integers(1, 500))))
    ends = classes(size)
    assert 1 <= len(ends) <= len(WARM)
    assert (np.diff(ends) > 0).all()
    assert size.max() <= ends[-1] * (1 + 1e-9)
    assert ends[-1] <= 5.01 * size.max()
    assert len(set(shades(WARM, len(ends)))) == len(ends)


def test_classes_are_round_numbers():
    assert classes(np.array([0.02, 0.02, 0.3, 0.9])) == [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    assert classes(np.array([0.1])) == [0.1]
    assert classes(np.zeros(0)) == []


def test_a_heavy_tail_does_not_wash_out_the_rest():
    size = np.concatenate((np.full(99, 0.01), [5.0]))
    ends = classes(size)
    assert ends[0] == 0.01
    assert ends[-1] == 5.0
    assert classes(np.array([1e-6, 1e-6, 1.0]))[0] == 0.001


def luminance(colour):
    part = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in part]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [WARM, COLD])
def test_higher_prices_are_darker_whatever_colours_one_sees(colours):
    assert (np.diff([luminance(colour) for colour in colours]) < -0.02).all()


def test_nodes_with_the_highest_prices_are_kept_in_the_order_of_the_tree():
    price = np.zeros((5, 4))
    price[1, 0], price[2, 1], price[4, 2], price[4, 3] = 0.3, -0.5, 0.1, 0.1
    place = np.array([0, 3, 1, 4, 2])
    chosen = price_map(price, place, 9)
    assert chosen.row.tolist() == [2, 4, 1]
    assert (chosen.quiet, chosen.hidden) == (2, 0)
    fewer = price_map(price, place, rows_max=2)
    assert fewer.row.tolist() == [2, 1]
    assert (fewer.quiet, fewer.hidden) == (2, 1)


def test_no_prices_at_all():
    chosen = price_map(np.zeros((3, 4)), np.arange(3), 9)
    assert len(chosen.row) == 0
    assert chosen.breaks == []
    assert chosen.quiet == 3
    assert len(price_map(np.zeros((3, 0)), np.arange(3), 9).row) == 0
