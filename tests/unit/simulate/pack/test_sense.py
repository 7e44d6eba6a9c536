from dataclasses import replace

import numpy as np
import pytest

from evloom.simulate.pack.cells import DRIVE, SLOW
from evloom.simulate.pack.fault import HEALTHY, Fault
from evloom.simulate.pack.fleet import make_pack
from evloom.simulate.pack.sense import ABSENT_PROBE_C, SENTINEL_V, Real, draw_box, sense, wire_v

PACK = make_pack("car", "NMC", (24, 6), 150.0)
CLEAN = {
    "missing": 0.0, "stale": 0.0, "repeated_time": 0.0, "out_of_order": 0.0, "cell_sentinel": 0.0, "probe_sentinel": 0.0,
    "gaps_per_day": 0.0, "clock_jumps_per_day": 0.0, "odometer_zero": 0.0, "null_status": 0.0, "lateness_s": 0.0,
}  # fmt: skip


def truly(n=20000, step_s=10.0, spread=0.0):
    cell_v = np.full((n, 24), 3.7, dtype=np.float32) + np.sin(np.arange(n) / 50.0)[:, None].astype(np.float32) * 0.2
    cell_v[:, 5] += np.float32(spread)
    zeros = np.zeros(n, dtype=np.int64)
    return Real(
        at_s=1.7e9 + step_s * np.arange(n), current_a=np.linspace(-100.0, 100.0, n), soc=np.linspace(0.2, 0.9, n), mode=zeros + DRIVE,
        speed_km_per_h=np.full(n, 40.0), outside_v=np.zeros(n), balancing=zeros, charged=zeros, cell_v=cell_v,
        probe_c=np.full((n, 6), 24.6, dtype=np.float32),
    )  # fmt: skip


def box_of(**rates):
    return replace(draw_box(24, np.random.default_rng(1)), **{**CLEAN, **rates})


def sensed(real, fault=HEALTHY, **rates):
    return sense(real, PACK, box_of(**rates), fault, np.random.default_rng(2))


def test_readings_are_rounded_as_a_box_does():
    frames = sensed(truly())
    assert frames.cell_v == pytest.approx(np.round(frames.cell_v, 3), abs=1e-6)
    assert frames.current_a == pytest.approx(np.round(frames.current_a, 1), abs=1e-9)
    assert frames.soc == pytest.approx(np.round(frames.soc, 2), abs=1e-9)
    assert np.all(frames.probe_c == 25.0)
    assert np.all(frames.known_at_s >= frames.at_s)
    assert np.abs(frames.cell_v - truly().cell_v).max() < 0.03


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2])
def test_frames_are_missing_at_the_rate_of_the_box(rate):
    assert sensed(truly(), missing=rate).n == pytest.approx(20000 * (1.0 - rate), rel=0.01)


def test_each_trap_is_there_at_its_rate():
    real = truly()
    clean = sensed(real)
    stale = sensed(real, stale=0.02)
    assert np.mean(np.all(stale.cell_v[1:] == stale.cell_v[:-1], axis=1)) == pytest.approx(0.02, rel=0.3)
    assert np.array_equal(stale.at_s, clean.at_s)
    twice = sensed(real, repeated_time=0.01)
    assert np.mean(np.diff(twice.at_s) == 0.0) == pytest.approx(0.01, rel=0.3)
    late = sensed(real, out_of_order=0.01)
    assert np.mean(np.diff(late.at_s) < 0.0) == pytest.approx(0.01, rel=0.4)
    assert np.all(np.diff(late.known_at_s) >= 0.0)
    failed = sensed(real, cell_sentinel=0.01, probe_sentinel=0.01)
    wrong = np.isin(failed.cell_v, np.array(SENTINEL_V, dtype=np.float32))
    assert np.mean(wrong.any(axis=1)) == pytest.approx(0.01, rel=0.3)
    assert np.mean((failed.probe_c >= ABSENT_PROBE_C - 1.0).any(axis=1)) == pytest.approx(0.01, rel=0.3)
    gaps = sensed(real, gaps_per_day=5.0)
    assert np.diff(gaps.at_s).max() > 600.0
    jumps = sensed(real, clock_jumps_per_day=5.0)
    assert np.abs(np.diff(jumps.at_s)).max() > 3000.0
    assert np.mean(sensed(real, null_status=0.1).charging == -1) == pytest.approx(0.1, rel=0.2)
    assert np.mean(sensed(real, odometer_zero=0.05).odometer_km == 0.0) == pytest.approx(0.05, rel=0.3)


def test_a_bad_wire_mirrors_two_neighbours():
    fault = Fault("sensing-wire", 9, 1.7e9, {"offset_v": 0.02, "noise_v": 0.004, "grow_s": 0.0})
    added = wire_v(fault, truly().at_s, 24, np.random.default_rng(0))
    assert added[:, 8] == pytest.approx(-added[:, 9])
    assert not np.delete(added, (8, 9), axis=1).any()
    apart = sensed(truly(), fault).cell_v - sensed(truly()).cell_v
    assert apart[:, 8].mean() == pytest.approx(0.02, rel=0.1)
    assert apart[:, 8] + apart[:, 9] == pytest.approx(np.zeros(20000), abs=2.1e-3)


def test_an_alarm_of_level_3_brings_a_frame_a_second():
    real = truly(n=400, step_s=30.0)
    real.cell_v[200:, 5] += 0.9
    frames = sensed(real)
    near = (frames.at_s > real.at_s[200] - 25.0) & (frames.at_s < real.at_s[200] + 25.0)
    assert np.diff(frames.at_s[near]) == pytest.approx(np.ones(near.sum() - 1))
    assert frames.n > 440


def test_a_temperature_probe_is_absent_stuck_or_off():
    real = truly()
    real.probe_c[10000:] += 8.0
    half_s = real.at_s[5000]
    for course, wanted in (("absent", ABSENT_PROBE_C), ("stuck", 25.0), ("offset", 33.0 + 9.0)):
        fault = Fault("temperature-sensor", -1, half_s, {"course": course, "near_cell": 2, "offset_c": 9.0, "grow_s": 0.0})
        assert sensed(real, fault).probe_c[-1, 2] == wanted


def test_a_current_sensor_and_insulation_drift():
    real = truly()
    offset = Fault("current-sensor", -1, real.at_s[0], {"offset_a": 3.0, "gain": 0.0, "grow_s": 0.0})
    assert np.mean(sensed(real, offset).current_a - sensed(real).current_a) == pytest.approx(3.0, abs=0.02)
    leak = Fault("insulation", -1, real.at_s[0], {"end_ohm": 1e5, "grow_s": 1e5})
    assert sensed(real, leak).insulation_ohm[-100:].mean() < 2e5
    assert sensed(real, placeholder=True).insulation_ohm == pytest.approx(5e6)


def test_charging_is_told():
    real = replace(truly(n=100), mode=np.full(100, SLOW), charged=np.arange(100) // 50)
    assert list(np.unique(sensed(real).charging)) == [1, 3]


def test_no_frames_is_no_trouble():
    assert sensed(truly(n=0)).n == 0
