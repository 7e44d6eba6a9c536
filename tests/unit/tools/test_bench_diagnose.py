"""The counting of the doctor's figures: exact bounds, areas, calibration, baselines that see what sticks out."""

import numpy as np
import pytest

from tools.bench.diagnose_baselines import ecod, robust_z
from tools.bench.diagnose_causes import strangeness
from tools.bench.diagnose_figures import area, calibration, f1, upper_bound


@pytest.mark.parametrize(("count", "mean"), [(0, 2.9957), (1, 4.7439), (2, 6.2958), (10, 16.9622), (400, 434.59)])
def test_the_upper_bound_of_a_rate_is_that_of_the_poisson_distribution(count, mean):
    """Chi-square quantiles, from tables: half of that of 2 (count + 1) degrees of freedom at 95 %."""
    assert upper_bound(count, 1.0) == pytest.approx(mean, rel=3e-4)
    assert upper_bound(count, 100.0) == pytest.approx(mean / 100.0, rel=3e-4)


def test_areas_count_ties_half():
    score = np.array([3.0, 1.0, 1.0, 0.0])
    assert area(score, np.array([True, True, False, False])) == pytest.approx((1.0 + 1.0 + 0.5 + 1.0) / 4.0)
    assert np.isnan(area(score, np.ones(4, dtype=bool)))


def test_calibration_is_the_distance_of_what_was_said_from_what_came():
    sure, right = np.array([0.85, 0.85, 0.25, 0.25]), np.array([True, True, False, True])
    assert calibration(sure, right) == pytest.approx(0.5 * 0.15 + 0.5 * 0.25)
    assert f1(np.array(["a", "b", "a"]), np.array(["a", "a", "b"]), "a") == pytest.approx(0.5)


def test_baselines_see_the_row_that_sticks_out():
    x = np.random.default_rng(0).normal(0.0, 1.0, (200, 4))
    x[17, :3] = 12.0
    x[:, 3] = 5.0
    for detector in (robust_z, ecod):
        assert int(detector(x).argmax()) == 17
        assert np.isfinite(detector(x)).all()


def test_ecod_by_hand():
    """Three rows of one feature: the tails are -log of the share at or beyond each value."""
    told = ecod(np.array([[0.0], [1.0], [5.0]]))
    assert told == pytest.approx([np.log(3.0), -np.log(2.0 / 3.0), np.log(3.0)])


def test_strangeness_parts_what_can_be_parted_and_says_how_surely():
    rng = np.random.default_rng(1)
    said = rng.uniform(-2.0, 2.0, 4000)
    right = rng.random(4000) < 1.0 / (1.0 + np.exp(-0.5 - said))
    weights = strangeness(np.column_stack([np.ones(4000), said]), right.astype(float), np.full(4000, 1.0 / 4000.0))
    assert weights == pytest.approx([0.5, 1.0], abs=0.12)
    told = np.column_stack([np.ones(400), np.concatenate([rng.normal(-2.0, 1.0, 200), rng.normal(2.0, 1.0, 200)])])
    unknown = np.repeat([0.0, 1.0], 200)
    weights = strangeness(told, unknown, np.full(400, 1.0 / 400.0))
    assert np.mean((told @ weights > 0.0) == (unknown > 0.5)) > 0.95
