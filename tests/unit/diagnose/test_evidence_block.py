"""What a day's sums take a reading for: charge or offset near full, the zero of the current sensor, cells read one after the other."""

import numpy as np

from evloom.diagnose.estimate import CHARGE, OFFSET, fresh_memory, learn
from evloom.diagnose.evidence import DayFeatures, columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.diagnose.evidence_places import D_CHARGE_S, D_ZERO_A, D_ZERO_WEIGHT
from evloom.vehicle.chemistry import LFP, NMC
from evloom.vehicle.telemetry import Frames, Pack, unflagged

DAY_S = 86400.0
AH, N_CELL, CELL = 150.0, 32, 5
RATE, OHM = 0.12, 0.14 / 150.0


def frames_of(at_s: np.ndarray, current_a: np.ndarray, cell_v: np.ndarray, soc: np.ndarray, kind: str) -> Frames:
    """Frames of a pack that charges wherever the current is positive, and drives wherever it is below -10 A."""
    rng = np.random.default_rng(2)
    return unflagged(
        Pack("car", "pack", N_CELL, 0, kind, AH),
        at_s=at_s,
        current_a=current_a,
        pack_v=cell_v.sum(axis=1),
        soc=np.round(soc, 2),
        speed_km_per_h=np.where(current_a < -10.0, 50.0, 0.0),
        charging=(current_a > 0.0).astype(np.int64),
        cell_v=np.round(cell_v + rng.normal(0.0, 0.0005, cell_v.shape), 3).astype(np.float32),
    )


def days_of(frames: Frames) -> list[DayFeatures]:
    """The features of each whole day."""
    sums, columns, row, days = fresh_sums(frames.pack), columns_of(frames), 0, []
    while row < frames.n:
        row, why = run(columns, sums, row)
        if why == NEW_DAY:
            days.append(read_day(sums, float(columns.at_s[row])))
            next_day(sums)
    return days


def estimate_of(frames: Frames) -> np.ndarray:
    """Of each cell, after the last day: offset, charge, ... ."""
    memory, value = fresh_memory(frames.pack.n_cell), np.zeros((5, N_CELL))
    for features in days_of(frames):
        memory, estimate = learn(memory, features)
        value = estimate.value
    return value


def charged_full(days: int, apart: np.ndarray, offset_v: np.ndarray) -> Frames:
    """Each day hours at rest at 60 %, a slow charge until the highest cell is at 3.6 V, then hours at rest."""
    n = int(0.4 / RATE * 60.0)
    minute = np.arange(-240, n + 300)
    soc = 0.6 + RATE * np.clip(minute, 0, n) / 60.0
    volts = LFP.ocv(np.minimum(soc[:, None] + apart, 1.0)) + 0.2 * np.maximum(soc[:, None] + apart - 0.99, 0.0) / 0.01
    charge_a = np.where((minute >= 0) & (minute < n) & (volts.max(axis=1) < 3.6), RATE * AH, 0.0)
    volts[minute > 0] = np.where((charge_a == 0.0)[:, None], volts[np.flatnonzero(charge_a)[-1]], volts)[minute > 0]
    at_s = np.concatenate([day * DAY_S + 18000.0 + 60.0 * minute for day in range(days)])
    cell_v = volts + offset_v + charge_a[:, None] * OHM
    return frames_of(at_s, np.tile(charge_a, days), np.tile(cell_v, (days, 1)), np.tile(soc, days), "LFP")


def test_near_full_a_cell_ahead_is_charge_and_no_offset() -> None:
    apart = np.random.default_rng(1).normal(0.0, 0.001, N_CELL)
    apart[CELL] = 0.015
    value = estimate_of(charged_full(12, apart, np.zeros(N_CELL)))
    assert abs(value[OFFSET, CELL]) < 0.002
    assert int(np.argmax(value[CHARGE])) == CELL


def test_an_offset_on_the_flat_part_stays_one() -> None:
    offset_v = np.zeros(N_CELL)
    offset_v[CELL] = 0.008
    value = estimate_of(charged_full(12, np.random.default_rng(1).normal(0.0, 0.001, N_CELL), offset_v))
    assert 0.005 < value[OFFSET, CELL] < 0.010
    assert int(np.argmax(value[OFFSET])) == CELL


def parked(awake_share: float) -> Frames:
    """A parked car whose computers draw 1.5 A for a share of each day; its sensor reads 0.3 A too much."""
    minute = np.arange(2 * 1440)
    awake = (minute % 1440) % 120 < 120 * awake_share
    current_a = 0.3 - np.where(awake, 1.5, 0.0)
    soc = np.full(len(minute), 0.6)
    frames = frames_of(60.0 * minute, current_a, NMC.ocv(soc)[:, None] + np.zeros(N_CELL), soc, "NMC")
    frames.charging[:] = 0
    return frames


def test_the_zero_of_the_current_does_not_follow_how_long_a_parked_car_is_awake() -> None:
    zeros = [day.day[D_ZERO_A] / day.day[D_ZERO_WEIGHT] for share in (0.25, 0.5, 0.75) for day in days_of(parked(share))]
    assert max(abs(zero - 0.3) for zero in zeros) < 0.12


def test_a_slow_charge_of_a_box_that_tells_no_status_is_no_rest() -> None:
    minute = np.arange(2 * 1440)
    charges = (minute % 1440) > 700
    current_a = np.where(charges, 0.03 * AH, 0.0)
    soc = 0.3 + np.cumsum(current_a) / 60.0 / AH
    frames = frames_of(60.0 * minute, current_a, NMC.ocv(np.minimum(soc, 1.0))[:, None] + np.zeros(N_CELL), soc, "NMC")
    frames.charging[:] = -1
    day = days_of(frames)[0].day
    assert abs(day[D_ZERO_A] / day[D_ZERO_WEIGHT]) < 0.05
    assert day[D_CHARGE_S] > 40000.0


def test_a_box_that_reads_half_its_cells_later_makes_no_pair() -> None:
    rng, minute = np.random.default_rng(3), np.arange(2 * 1440)
    driven = (minute % 1440) < 180
    now_a = np.where(driven, -60.0 + 40.0 * rng.normal(size=len(minute)), 0.0)
    late_a = np.where(driven, -60.0 + 40.0 * rng.normal(size=len(minute)), 0.0)
    by_load = np.where(np.arange(N_CELL) < N_CELL // 2, now_a[:, None], late_a[:, None]) * OHM
    soc = 0.7 - 0.05 * np.cumsum(driven) / driven.sum()
    frames = frames_of(60.0 * minute, now_a, NMC.ocv(soc)[:, None] + by_load, soc, "NMC")
    frames.charging[:], frames.speed_km_per_h[driven] = 0, 50.0
    border = N_CELL // 2
    for day in days_of(frames):
        assert abs(day.pair[border]) < 0.2
        assert day.noise_v.max() < 0.002
