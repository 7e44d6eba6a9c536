"""Quality flags: every trap that was measured in field data, in any chunks, and never by a later frame."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose import quality
from evloom.store.battery.read import read_frames
from evloom.vehicle import telemetry as t
from evloom.vehicle.telemetry import Frames, Pack, joined, unflagged

N_CELL, N_PROBE = 12, 4


def drive(n: int = 400, **columns: Any) -> Frames:
    """A car that drives at 10 s a frame; nothing is wrong with it."""
    rng = np.random.default_rng(7)
    current_a = np.rint(rng.normal(-20.0, 15.0, n) * 10) / 10
    cell_v = 3.8 - 0.3 * np.arange(n) / n + 0.001 * current_a
    cells = (np.rint(1000 * (cell_v[:, None] + 0.002 * rng.standard_normal((n, N_CELL)))) / 1000).astype(np.float32)
    sound = {
        "at_s": 1.7e9 + 10.0 * np.arange(n),
        "current_a": current_a,
        "pack_v": np.rint(10 * (cells.sum(axis=1, dtype=np.float64) + 1.5 + rng.normal(0.0, 0.05, n))) / 10,
        "soc": np.rint(1000 * (0.9 - 0.4 * np.arange(n) / n)) / 1000,
        "speed_km_per_h": np.full(n, 40.0),
        "odometer_km": np.rint(10 * (10000 + 0.111 * np.arange(n))) / 10,
        "insulation_ohm": np.full(n, 2e6),
        "charging": np.zeros(n, dtype=np.int64),
        "cell_v": cells,
        "probe_c": np.rint(25 + np.arange(n) / 40)[:, None].repeat(N_PROBE, axis=1).astype(np.float32),
    }
    return unflagged(Pack("car", "car", N_CELL, N_PROBE), **{**sound, **columns})


def flagged(frames: Frames) -> Frames:
    return quality.flag(frames)[0]


def edited(name: str, where: Any, value: Any) -> Frames:
    """The drive with some values of one column replaced."""
    frames = drive()
    column = getattr(frames, name).copy()
    column[where] = value
    return replace(frames, **{name: column}, **({"known_at_s": column} if name == "at_s" else {}))


def at(flags: np.ndarray, bit: int) -> list[int]:
    return np.flatnonzero((flags if flags.ndim == 1 else np.bitwise_or.reduce(flags, axis=1)) & bit).tolist()


def test_nothing_is_wrong_with_a_sound_drive() -> None:
    frames = flagged(drive())
    assert not frames.flags.any()
    assert not frames.cell_flags.any()
    assert not frames.probe_flags.any()


def test_readings_are_never_edited() -> None:
    frames = drive()
    again = flagged(frames)
    for name in ("cell_v", "probe_c", "current_a", "at_s", "insulation_ohm"):
        assert np.array_equal(getattr(frames, name), getattr(again, name))
    assert not frames.flags.any()


@pytest.mark.parametrize(
    ("name", "value", "bit"),
    [
        ("current_a", np.nan, t.CURRENT_ABSENT),
        ("current_a", 5553.5, t.CURRENT_RANGE),
        ("pack_v", np.nan, t.PACK_VOLTAGE_ABSENT),
        ("pack_v", 6553.5, t.PACK_VOLTAGE_RANGE),
        ("pack_v", 41.0, t.SUM_MISMATCH),
        ("soc", np.nan, t.SOC_ABSENT),
        ("soc", 2.55, t.SOC_RANGE),
        ("insulation_ohm", 11520e3, t.INSULATION_PLACEHOLDER),
        ("insulation_ohm", 5e6, t.INSULATION_PLACEHOLDER),
        ("insulation_ohm", 65535e3, t.INSULATION_PLACEHOLDER),
        ("charging", -1, t.STATUS_NULL),
        ("odometer_km", 0.0, t.ODOMETER_DOUBT),
        ("odometer_km", 9000.0, t.ODOMETER_DOUBT),
        ("odometer_km", 429496729.5, t.ODOMETER_DOUBT),
    ],
)
def test_single_values(name: str, value: float, bit: int) -> None:
    assert at(flagged(edited(name, 77, value)).flags, bit) == [77]


@pytest.mark.parametrize(
    ("value", "bit"),
    [
        (np.nan, t.CELL_ABSENT),
        *((v, t.CELL_SENTINEL) for v in (0.0, 1.28, 5.0, 65.535, 65.534, 66.535)),
        (4.9, t.CELL_RANGE),
        (0.2, t.CELL_RANGE),
    ],
)
def test_cells(value: float, bit: int) -> None:
    frames = flagged(edited("cell_v", (50, 3), np.float32(value)))
    assert at(frames.cell_flags, 0xFF) == [50]
    assert frames.cell_flags[50].tolist() == [0, 0, 0, bit, *[0] * (N_CELL - 4)]
    assert at(frames.flags, t.CORRUPT) == ([50] if bit != t.CELL_ABSENT else [])


def test_a_dead_channel_does_not_make_every_frame_corrupt() -> None:
    frames = flagged(edited("cell_v", (slice(None), 3), np.float32(0.0)))
    assert at(frames.flags, t.CORRUPT) == list(range(200))
    assert (frames.cell_flags[:, 3] == t.CELL_SENTINEL).all()


@pytest.mark.parametrize(
    ("value", "bit"),
    [(np.nan, t.PROBE_ABSENT), *((v, t.PROBE_SENTINEL) for v in (255, 511, 215, -40)), (180, t.PROBE_RANGE), (-60, t.PROBE_RANGE)],
)
def test_probes(value: float, bit: int) -> None:
    frames = flagged(edited("probe_c", (slice(None), 1), np.float32(value)))
    assert (frames.probe_flags[:, 1] == bit).all()
    assert not frames.probe_flags[:, [0, 2, 3]].any()
    if value != -40:
        assert not frames.flags.any()


def test_all_probes_absent_and_no_cells() -> None:
    frames = flagged(edited("probe_c", slice(None), np.float32(np.nan)))
    assert (frames.probe_flags == t.PROBE_ABSENT).all()
    empty = unflagged(Pack("car", "car", 0, 0), at_s=np.arange(3.0), cell_v=np.zeros((3, 0), np.float32))
    assert flagged(empty).n == 3
    assert flagged(empty.part(slice(0, 0))).n == 0


def test_stuck_cell_and_stuck_probe() -> None:
    frames = flagged(edited("cell_v", (slice(100, None), 3), np.float32(3.7)))
    stuck = at(frames.cell_flags, t.CELL_STUCK)
    assert 100 < stuck[0] < 300
    assert set(np.flatnonzero(frames.cell_flags.any(axis=0))) == {3}
    warm = drive(probe_c=np.where(np.arange(N_PROBE) == 2, 25, np.rint(25 + np.arange(600) / 25)[:, None]).astype(np.float32), n=600)
    assert set(np.flatnonzero(flagged(warm).probe_flags.any(axis=0))) == {2}


def test_jump_is_flagged_once() -> None:
    frames = flagged(edited("cell_v", (slice(100, 110), 3), np.float32(2.5)))
    assert at(frames.cell_flags, t.CELL_JUMP) == [100]


def test_constant_voltages_under_load() -> None:
    still = np.full((400, N_CELL), 3.7, dtype=np.float32)
    frames = flagged(drive(cell_v=still, pack_v=np.full(400, 44.4)))
    assert (frames.cell_flags[-1] == t.CELL_STUCK).all()
    parked = flagged(drive(cell_v=still, pack_v=np.full(400, 44.4), current_a=np.zeros(400), speed_km_per_h=np.zeros(400)))
    assert not parked.cell_flags.any()


def test_clock() -> None:
    base = drive().at_s
    assert at(flagged(edited("at_s", 60, base[59])).flags, t.DUPLICATE_TIME) == [60]
    late = flagged(edited("at_s", 70, base[70] - 605.0))
    assert at(late.flags, t.OUT_OF_ORDER) == [70]
    assert at(flagged(replace(drive(), known_at_s=base + np.where(np.arange(400) == 5, 3600.0, 1.0))).flags, t.LATE) == [5]


def test_clock_jumps_back_a_year() -> None:
    base = drive().at_s
    frames = flagged(edited("at_s", slice(100, 120), base[100:120] - 365 * 86400))
    assert at(frames.flags, t.CLOCK_JUMP) == list(range(100, 120))
    for_good = flagged(edited("at_s", slice(100, None), base[100:] - 365 * 86400))
    assert at(for_good.flags, t.CLOCK_JUMP) == list(range(100, 160))
    assert not for_good.flags[160:].any()
    ahead = flagged(edited("at_s", 100, base[100] + 500 * 86400))
    assert at(ahead.flags, t.CLOCK_JUMP) == [100]


def test_stale_frames() -> None:
    frames = drive()
    order = np.arange(frames.n)
    order[100], order[200:205], order[300] = 99, 150, 240
    old = frames.part(order)
    frames = flagged(replace(old, at_s=frames.at_s, known_at_s=frames.at_s))
    assert at(frames.flags, t.STALE) == [100, 200, 201, 202, 203, 204, 300]


def test_a_parked_car_is_not_stale() -> None:
    frames = drive()
    parked = np.where(np.arange(400) % 7 == 0, 100, 101)
    rests = replace(frames.part(parked), at_s=frames.at_s, known_at_s=frames.at_s)
    rests = replace(rests, speed_km_per_h=np.zeros(400), current_a=np.zeros(400), soc=np.full(400, 0.5), odometer_km=np.full(400, 10000.0))
    assert not at(flagged(rests).flags, t.STALE)


def ugly(seed: int, n: int) -> Frames:
    """Frames with a bit of everything."""
    rng = np.random.default_rng(seed)
    order = np.where(rng.random(n) < 0.05, np.maximum(np.arange(n) - rng.integers(0, 30, n), 0), np.arange(n))
    frames = drive(n).part(order)
    at_s = 1.7e9 + np.cumsum(rng.choice([10.0, 0.0, 30.0, -600.0, -4e7, 4e7], n, p=[0.9, 0.03, 0.03, 0.02, 0.01, 0.01]))
    cells, probes = frames.cell_v.copy(), frames.probe_c.copy()
    cells[rng.random(cells.shape) < 0.01] = np.float32(66.535)
    cells[rng.random(cells.shape) < 0.01] = np.nan
    cells[n // 3 :, 2] = cells[n // 3 :, 2][:1]
    probes[rng.random(probes.shape) < 0.02] = rng.choice(np.array([255, -40, np.nan], dtype=np.float32))
    odometer_km = np.where(rng.random(n) < 0.05, 0.0, frames.odometer_km)
    return replace(frames, at_s=at_s, known_at_s=at_s + 700 * (rng.random(n) < 0.02), cell_v=cells, probe_c=probes, odometer_km=odometer_km)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.lists(st.integers(0, 300), max_size=8), st.booleans())
def test_chunks_of_any_size_and_no_look_ahead(seed: int, cuts: list[int], through_bytes: bool) -> None:
    frames = ugly(seed, 300)
    whole, after = quality.flag(frames)
    carry, parts = None, []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 300], strict=True):
        part, carry = quality.flag(frames.part(slice(start, end)), carry)
        carry = quality.decode(quality.encode(carry)) if through_bytes else carry
        parts.append(part)
    chunked = joined(parts)
    for name in ("flags", "cell_flags", "probe_flags"):
        assert np.array_equal(getattr(chunked, name), getattr(whole, name))
    assert carry is not None
    assert quality.encode(carry) == quality.encode(after)


def test_the_memory_is_not_written_to() -> None:
    _, carry = quality.flag(drive())
    before = quality.encode(carry)
    quality.flag(drive(), carry)
    assert quality.encode(carry) == before
    with pytest.raises(ValueError, match="12 cells"):
        quality.flag(unflagged(Pack("c", "c", 3, 1), at_s=np.zeros(1), cell_v=np.zeros((1, 3), np.float32)), carry)
    with pytest.raises(ValueError, match="memory"):
        quality.decode(before + b"x")


def test_real_cars(data_dir: Callable[[str], Path]) -> None:
    counts = {}
    for name in ("car1", "car2"):
        carry, n_by_bit = None, np.zeros(16, dtype=int)
        for frames in read_frames(data_dir("battery_field_frames") / f"{name}_processed.zip", 10000):
            found, carry = quality.flag(frames, carry)
            n_by_bit += [(found.flags & (1 << bit) != 0).sum() for bit in range(16)]
            doubted = (found.cell_v > 60) | (found.cell_v == 0)
            assert np.array_equal((found.flags & t.CORRUPT) != 0, doubted.any(axis=1))
            assert np.array_equal(found.cell_flags != 0, doubted)
        counts[name] = {1 << bit: n for bit, n in enumerate(n_by_bit.tolist()) if n}
    assert counts["car1"] == {t.CORRUPT: 64, t.DUPLICATE_TIME: 6, t.STATUS_NULL: 66666}
    assert counts["car2"] == {t.CORRUPT: 15, t.DUPLICATE_TIME: 1, t.ODOMETER_DOUBT: 106, t.INSULATION_PLACEHOLDER: 14340}
