"""Figures of the pack as a whole: a gain that comes, cells put back in another order, a resistance that only follows the weather."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import evidence_places as at
from evloom.diagnose.detect_pack import (
    BLOCK_CELLS,
    J_BALANCE,
    J_COUNTED,
    J_GAIN,
    J_OHM,
    J_ZERO,
    N_PACK,
    PackTrack,
    cell_order,
    fresh_pack_track,
    look_at_pack,
)
from evloom.diagnose.evidence import DayFeatures, fresh_sums, read_day
from evloom.vehicle.telemetry import Pack

DAY_S = 86400.0
DRIFT = np.zeros((3, 96))


def day_of(number: int, gain: float = 0.0, warm_c: float = 20.0, noise: float = 0.0) -> DayFeatures:
    """A day of an NMC pack of 100 Ah whose current reads too high by `gain`: resistance from steps, and a slow charge past all levels."""
    features = read_day(fresh_sums(Pack("car", "pack", 96, 4, "NMC", 100.0)), number * DAY_S)
    ohm = 0.0016 * np.exp(2500.0 * (1.0 / (273.15 + warm_c) - 1.0 / 298.15) + noise) / (1.0 + gain)
    features.day[[at.D_STEP_AA, at.D_STEP_VA]] = 1e5, 1e5 * ohm
    features.day[[at.D_PROBE_N, at.D_TEMP]] = 1.0, warm_c
    features.day[at.D_LEVEL : at.D_LEVEL + at.N_LEVEL] = 1.0 + np.linspace(0.0, 0.5, at.N_LEVEL) * (1.0 + gain) * (1.0 + noise)
    return features


def followed(gain: float, swing_c: float, days: int = 60) -> np.ndarray:
    rng = np.random.default_rng(3)
    track = PackTrack(*fresh_pack_track())
    seen = []
    for day in range(days):
        warm_c = 20.0 + swing_c * np.sin(day / 9.0)
        seen.append(look_at_pack(track, day_of(day, gain if day >= 30 else 0.0, warm_c, float(rng.normal(0.0, 0.01))), DRIFT))
    return np.array(seen)


@pytest.mark.parametrize("gain", [0.06, -0.06])
def test_a_gain_that_comes_is_told_with_its_sign(gain: float) -> None:
    seen = followed(gain, 0.0)
    assert np.all(np.abs(seen[:30, J_GAIN]) < 2.0)
    assert (seen[:, J_GAIN] * np.sign(gain)).max() > 1.5
    assert seen[-1, J_COUNTED] * gain > 0.0 > seen[-1, J_OHM] * gain


@pytest.mark.parametrize("gain", [0.06, -0.06])
def test_where_no_voltage_tells_the_charge_a_gain_is_held_against_the_gauge(gain: float) -> None:
    rng = np.random.default_rng(5)
    track, seen = PackTrack(*fresh_pack_track()), []
    for day in range(80):
        now = gain if day >= 35 else 0.0
        features = replace(day_of(day, now, 20.0, float(rng.normal(0.0, 0.01))), kind="LFP")
        features.day[[at.D_GAUGE_AH, at.D_GAUGE_SOC]] = 40.0 * (1.0 + now), 0.4 + rng.choice((-0.01, 0.0, 0.01))
        seen.append(look_at_pack(track, features, DRIFT))
    told = np.array(seen)[:, J_GAIN] * np.sign(gain)
    assert np.all(np.abs(told[:35]) < 1.2)
    least = 1.3 if gain > 0.0 else 0.8  # too low a gain looks like age
    assert told.max() > least
    assert np.all(told[50:] > 0.4 * least)
    assert np.all(np.array(seen)[:, J_COUNTED] == 0.0)


def test_the_weather_alone_moves_neither_gain_nor_resistance() -> None:
    seen = followed(0.0, 8.0)
    assert seen.shape == (60, N_PACK)
    assert np.all(np.abs(seen[:, [J_GAIN, J_OHM]]) < 2.0)


def test_cells_in_another_order_are_told_from_one_that_moved() -> None:
    rng = np.random.default_rng(4)
    usual = rng.normal(0.0, 0.6, (3, 96))
    assert cell_order(usual) < 1.2
    one = usual.copy()
    one[:, 40] = 30.0
    assert cell_order(one) < 1.2
    first, now = rng.normal(0.0, 3.0, (2, 3, BLOCK_CELLS))
    block = usual.copy()
    block[:, 40 : 40 + BLOCK_CELLS] += now - first
    assert cell_order(block) > 1.6
    together = usual.copy()
    together[:, 40 : 40 + BLOCK_CELLS] += 4.0
    assert cell_order(together) < cell_order(block)
    assert cell_order(usual[:, :9]) == 0.0


def standing(amps: list[float]) -> np.ndarray:
    """What is said of the zero of the current over days on which a parked car drew so much."""
    track, seen = PackTrack(*fresh_pack_track()), []
    for day, drawn_a in enumerate(amps):
        features = day_of(day)
        features.day[[at.D_ZERO_WEIGHT, at.D_ZERO_A]] = 600.0, 600.0 * drawn_a
        seen.append(abs(look_at_pack(track, features, DRIFT)[J_ZERO]))
    return np.array(seen)


def test_a_night_awake_is_no_offset_of_the_sensor_and_what_stands_is() -> None:
    assert standing([*[-0.1] * 20, -6.0, *[-0.1] * 5]).max() < 3.0
    assert standing([*[-0.1] * 20, *[-1.4] * 9]).max() > 6.0


def test_a_capacity_that_is_not_the_rated_one_unbalances_no_charge() -> None:
    rng = np.random.default_rng(4)
    told = []
    for leak_a in (0.0, 2.0):
        track, seen = PackTrack(*fresh_pack_track()), []
        for day in range(60):
            features, change = day_of(day), float(rng.uniform(-0.6, 0.6))
            beyond_ah = -18.0 * change + (24.0 * leak_a if day >= 40 else 0.0)
            features.day[[at.D_BALANCE_S, at.D_BALANCE_SOC, at.D_BALANCE_AH]] = 86400.0, change, beyond_ah
            seen.append(abs(look_at_pack(track, features, DRIFT)[J_BALANCE]))
        told.append(max(seen[15:]))
    assert told[0] < 2.0 < 4.0 < told[1]
