"""What a drift is and what it is not: the weather moves all cells alike, a border between two chips mirrors no louder than its pack."""

from dataclasses import replace

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.detect import I_CHARGE, I_QUICK, I_SLOW, N_CHANNEL, grown_by_weather, less_rising, mirrored_noise, of_order
from evloom.diagnose.evidence import fresh_sums, read_day
from evloom.vehicle.telemetry import Pack

ROWS = np.array([I_CHARGE, I_QUICK, I_SLOW])
N_CELL = 96


def test_resistances_that_all_double_in_the_cold_are_no_drift_and_a_single_one_is() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(0.0, 0.05, (3, N_CELL))
    winter = 2.0 * first + rng.normal(0.0, 0.002, (3, N_CELL))
    winter[2, 17] += 0.6
    grown = grown_by_weather(winter, first, ROWS)
    assert grown[0, 0] == 1.0
    assert np.all(np.abs(grown[1:, 0] - 2.0) < 0.15)
    gone = winter / grown - first
    assert np.abs(gone[1]).max() < 0.02
    assert np.abs(gone[2]).argmax() == 17
    assert gone[2, 17] > 0.2


def test_cells_that_hardly_differed_and_packs_without_cells_have_no_weather() -> None:
    assert np.allclose(grown_by_weather(np.full((3, N_CELL), 1e-4), np.full((3, N_CELL), -1e-4), ROWS), 1.0, atol=0.02)
    assert np.all(grown_by_weather(np.zeros((3, 0)), np.zeros((3, 0)), ROWS) == 1.0)


def test_a_mirror_counts_where_both_cells_are_louder_than_their_pack() -> None:
    features = read_day(fresh_sums(Pack("car", "pack", N_CELL, 4, "NMC", 100.0)), 0.0)
    pair = np.zeros(N_CELL)
    pair[[30, 48]] = -0.95
    noise_v = np.full(N_CELL, 0.0012)
    noise_v[[29, 30]] = 0.006
    features.day[at.D_NOISE_N] = 4000.0
    told = mirrored_noise(replace(features, pair=pair, noise_v=noise_v))
    assert told[30] < -0.8
    assert told[48] == 0.0
    assert len(mirrored_noise(read_day(fresh_sums(Pack("car", "pack", 0, 0)), 0.0))) == 0


def test_the_order_of_cells_is_told_in_units_of_the_pack_but_not_of_nothing() -> None:
    rng = np.random.default_rng(2)
    quiet = rng.normal(0.0, 0.3, (N_CHANNEL, N_CELL))
    assert np.allclose(np.std(of_order(quiet), axis=1), 1.0, atol=0.35)
    assert np.abs(of_order(0.01 * quiet)).max() < 0.1
    assert np.allclose(of_order(10.0 * quiet), 10.0 * quiet[[I_QUICK, 4]])


def test_a_cell_that_rises_counts_less_than_one_that_falls() -> None:
    told = less_rising(np.array([[-5.0, 0.0, 5.0]]))
    assert told[0, 0] == -5.0
    assert told[0, 1] == 0.0
    assert 0.0 < told[0, 2] < 5.0
