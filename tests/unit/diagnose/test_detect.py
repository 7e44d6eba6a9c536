"""What a drift is and what it is not: the weather moves all cells alike, a border between two chips mirrors no louder than its pack."""

from dataclasses import replace

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.detect import (
    I_CHARGE,
    I_PAIR,
    I_QUICK,
    I_SHOULDER,
    I_SIZE,
    I_SLOW,
    N_CHANNEL,
    N_PACK,
    PACE,
    PROBE,
    Scores,
    fresh_track,
    grown_by_weather,
    less_rising,
    look,
    mirrored_noise,
    of_order,
)
from evloom.diagnose.detect_table import LIMITS
from evloom.diagnose.estimate import CHARGE, SIZE, SLOW, Estimate
from evloom.diagnose.evidence import fresh_sums, read_day
from evloom.diagnose.signature import severity
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


def shoulders(plated_v: float) -> np.ndarray:
    """Place of the cells' shoulders after 20 days: resistances lie far apart, cell 5 is small and ahead when full, cell 9 plates."""
    rng = np.random.default_rng(6)
    value = np.zeros((5, N_CELL))
    value[SLOW] = rng.normal(0.0, 0.02, N_CELL)
    value[SIZE, 5], value[CHARGE, 5] = 0.07, -0.01
    track, known = fresh_track(N_CELL, 4), np.ones(5)
    for day in range(20):
        features = read_day(fresh_sums(Pack("car", "pack", N_CELL, 4, "NMC", 100.0)), 86400.0 * day)
        features.normal[0, 0] = 20.0
        features.day[[at.D_SHOULDER_WEIGHT, at.D_SHOULDER_S, at.D_SHOULDER_Q, at.D_SHOULDER_P]] = 3600.0 * np.array([1.0, 1.5, 0.6, 0.03])
        seen_v = 1.5 * value[CHARGE] + 0.6 * value[SIZE] + 3.0 * 0.03 * value[SLOW] + rng.normal(0.0, 5e-4, N_CELL)
        seen_v[9] += plated_v
        scores = look(track, Estimate(value, known), replace(features, shoulder_v=seen_v))
    return np.asarray(scores.place[I_SHOULDER])


def test_a_small_cell_and_a_slow_one_make_no_shoulder_and_plated_lithium_does() -> None:
    assert np.abs(shoulders(0.0)).max() < 4.0
    told = shoulders(0.02)
    assert told.argmax() == 9
    assert told[9] > 5.5


def test_what_a_cell_loses_while_parked_and_how_its_charge_falls_count_together() -> None:
    def of(parked: float, falling: float) -> float:
        zeros = np.zeros((N_CHANNEL, N_CELL))
        scores = Scores(zeros.copy(), zeros.copy(), np.zeros((len(PACE), N_CELL)), np.zeros(N_PACK), np.zeros((len(PROBE), 4)))
        scores.pace[PACE.index("rest"), 3] = -parked * 6.0
        scores.pace[PACE.index("falling charge"), 3] = -falling * LIMITS["NMC"].pace[PACE.index("falling charge")]
        return float(severity(scores, "NMC").cell[3])

    assert np.isclose(of(0.8, 0.8), np.hypot(0.8, 0.8))
    assert of(0.8, 0.0) < 0.8  # alone it is held to its own limit, which is wider
    assert np.isclose(of(0.4, 0.9), 0.9)  # one that hardly speaks adds nothing
    assert of(-0.8, -0.8) < 1.0  # a cell that rises leaks nothing


def test_a_cell_that_has_always_been_a_little_off_is_watched_and_one_that_moves_or_is_far_off_is_inspected() -> None:
    def of(channel: int, place: float, drift: float = 0.0) -> float:
        zeros = np.zeros((N_CHANNEL, N_CELL))
        scores = Scores(zeros.copy(), zeros.copy(), np.zeros((len(PACE), N_CELL)), np.zeros(N_PACK), np.zeros((len(PROBE), 4)))
        scores.place[channel, 3] = place * LIMITS["NMC"].place[channel]
        scores.drift[channel, 3] = drift * LIMITS["NMC"].drift[channel]
        return float(severity(scores, "NMC").cell[3])

    for channel in (I_CHARGE, I_SIZE, I_SHOULDER, I_PAIR):
        assert 0.65 < of(channel, 1.3) < 1.0
        assert of(channel, 1.3, 0.7) == 1.3
        assert of(channel, 2.5) == 2.5
