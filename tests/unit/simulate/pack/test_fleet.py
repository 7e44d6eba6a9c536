from dataclasses import replace

import numpy as np
import pytest

from evloom.simulate.pack.fault import NAMED, UNKNOWN
from evloom.simulate.pack.fleet import EPOCH_S, fleet
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.vehicle import live
from tests.unit.simulate.pack.packs import small_car


def short_fleet(seed, n):
    return [frames for frames, _ in fleet(seed, n, days=3, interval_s=60.0)]


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True) for name in ("at_s", "current_a", "cell_v", "probe_c")
    )


def test_a_vehicle_depends_on_seed_and_number_alone():
    one = short_fleet(7, 2)
    three = short_fleet(7, 3)
    other = short_fleet(8, 2)
    assert same(one[0], three[0])
    assert same(one[1], three[1])
    assert not same(one[0], one[1])
    assert not same(one[0], other[0])


def test_a_fleet_of_none_is_empty():
    assert list(fleet(1, 0)) == []


@pytest.mark.parametrize("chemistry", ["NMC", "LFP", "Na"])
def test_each_chemistry_keeps_within_its_limits(chemistry):
    ((frames, truth),) = fleet(3, 1, {"none": 1.0}, 4, {chemistry: 1.0}, 60.0)
    assert frames.pack.chemistry == chemistry
    assert truth.fault == "none"
    assert truth.capacity_ah.shape == (4, frames.pack.n_cell)
    assert frames.n > 100
    median = np.median(frames.cell_v, axis=1)
    assert 1.8 < np.percentile(median, 1) < np.percentile(median, 99) < 4.25


@pytest.mark.parametrize("kind", [*NAMED, *UNKNOWN])
def test_every_fault_lives(kind):
    car = small_car(kind, days=6)
    frames, truth = live(car, EPOCH_S, 6, np.random.default_rng(5))
    assert truth.fault == kind
    assert truth.cell == car.fault.cell
    assert np.all(np.isfinite(frames.cell_v))
    assert np.all(truth.capacity_ah > 0.0)


def test_a_weak_cell_is_weak_and_a_dive_goes_down():
    _, weak = live(small_car("weak-cell"), EPOCH_S, 3, np.random.default_rng(5))
    others = np.delete(weak.capacity_ah, weak.cell, axis=1)
    assert np.all(weak.capacity_ah[:, weak.cell] < 0.97 * np.median(others, axis=1))
    _, dive = live(small_car("capacity-dive", days=12), EPOCH_S, 12, np.random.default_rng(5))
    assert dive.capacity_ah[-1, dive.cell] < 0.95 * dive.capacity_ah[0, dive.cell]


def test_a_car_with_a_hard_short_is_towed_away():
    car = small_car("internal-short", seed=3, days=30)
    frames, truth = live(car, EPOCH_S, 30, np.random.default_rng(5))
    assert np.isfinite(truth.ten_ohm_s)
    assert np.median(frames.at_s[-50:]) < truth.ten_ohm_s + 6.5 * DAY_S


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_cell_that_plates_loses_capacity_after_the_onset_and_before_it_none(seed):
    car = small_car("plating", seed=seed, days=30)
    car = replace(car, fault=replace(car.fault, onset_s=EPOCH_S + 8.0 * DAY_S), climate=replace(car.climate, mean_c=8.0))
    _, truth = live(car, EPOCH_S, 30, np.random.default_rng(5))
    share = truth.capacity_ah[:, truth.cell] / np.median(np.delete(truth.capacity_ah, truth.cell, axis=1), axis=1)
    assert share[8] > share[0] - 0.005
    assert share[-1] < share[8] - 0.001
