"""What a parked pack repeats is said once a minute, and nothing is missed by that."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose import quality
from evloom.diagnose.doctor import finish, fresh, step, step_flagged
from evloom.vehicle.telemetry import Frames, Pack, joined, unflagged
from tests.unit.diagnose.packs import make

EVERY_S = 10.0


def parked(n: int, drives: slice = slice(0, 0), interval_s: float = EVERY_S) -> Frames:
    """A pack of 12 cells that is awake, and drives for some of the frames."""
    rng = np.random.default_rng(3)
    current_a = np.full(n, -0.4)
    current_a[drives] = -30.0
    speed = np.where(current_a < -1.0, 50.0, 0.0)
    cell_v = (3.8 + np.rint(rng.normal(0.0, 1.0, (n, 12))) / 1000.0 + 0.001 * current_a[:, None]).astype(np.float32)
    told = {"current_a": current_a, "speed_km_per_h": speed, "pack_v": cell_v.sum(axis=1, dtype=np.float64), "soc": np.full(n, 0.6)}
    at_s = 1.7e9 + interval_s * np.arange(n)
    probe_c = np.full((n, 3), 20.0, dtype=np.float32)
    charging = np.zeros(n, dtype=np.int64)
    return unflagged(Pack("car", "pack", 12, 3, "NMC", 150.0), at_s=at_s, charging=charging, cell_v=cell_v, probe_c=probe_c, **told)


def passed_on(frames: Frames, sizes: list[int]) -> tuple[Frames, bytes]:
    """The frames that are passed on, from chunks of these sizes with the memory as bytes in between, and the memory at the end."""
    carry, row, parts = quality.fresh(frames.pack.n_cell, frames.pack.n_probe), 0, []
    for size in [*sizes, frames.n]:
        part, carry = quality.thinned(*quality.flag(frames.part(slice(row, row + size)), carry))
        carry = quality.decode(quality.encode(carry))
        parts.append(part)
        row += size
    return joined(parts), quality.encode(carry)


def test_a_parked_pack_speaks_once_a_minute_and_a_moving_one_always() -> None:
    at_s = passed_on(parked(2000, slice(1000, 1400)), [])[0].at_s
    step_s = np.diff(at_s)
    drive = (at_s >= 1.7e9 + 10000.0) & (at_s <= 1.7e9 + 14300.0)
    assert np.all(step_s[drive[1:]] == EVERY_S)
    assert step_s.max() == 60.0
    assert len(at_s) < 400 + 31 + 31 + 1600 // 6 + 2


def test_packs_that_speak_once_a_minute_or_wake_up_for_a_moment_are_heard_whole() -> None:
    assert passed_on(parked(500, interval_s=60.0), [])[0].n == 500
    frames = parked(600)
    wakes = replace(frames, at_s=frames.at_s + 3600.0 * (np.arange(600) // 25))
    assert passed_on(wakes, [])[0].n == 600


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 90), max_size=20), st.integers(0, 500))
def test_chunks_of_any_size_give_the_same_frames(sizes: list[int], begin: int) -> None:
    frames = parked(600, slice(begin, begin + 20))
    whole, after = passed_on(frames, [])
    part, then = passed_on(frames, sizes)
    for field in fields(Frames):
        if field.name != "pack":
            one, other = getattr(whole, field.name), getattr(part, field.name)
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    assert after == then


@pytest.mark.parametrize(
    ("name", "value"),
    [("current_a", -1.5), ("soc", 0.59), ("charging", 3), ("balancing", 2), ("speed_km_per_h", 4.0), ("pack_v", np.nan)],
)
def test_whatever_changes_is_passed_on_with_the_frame_before(name: str, value: float) -> None:
    frames = parked(200)
    column = getattr(frames, name).copy()
    column[105:] = value
    at_s = passed_on(replace(frames, **{name: column}), [])[0].at_s
    assert {float(frames.at_s[104]), float(frames.at_s[105])} <= set(at_s.tolist())


def test_a_cell_that_moves_or_is_doubted_is_passed_on() -> None:
    frames = parked(200)
    moved = frames.cell_v.copy()
    moved[105, 4] -= 0.02
    moved[143, 4] = 0.0
    at_s = passed_on(replace(frames, cell_v=moved), [])[0].at_s.tolist()
    assert {float(frames.at_s[row]) for row in (104, 105, 106, 142, 143)} <= set(at_s)


def test_charge_counted_between_frames_stays_what_it_was() -> None:
    frames = parked(2000, slice(1000, 1400))
    told = passed_on(frames, [])[0]
    frames = frames.part(frames.at_s <= told.at_s[-1])
    charge = [float(np.sum(np.diff(each.at_s) * 0.5 * (each.current_a[1:] + each.current_a[:-1]))) for each in (frames, told)]
    assert charge[1] == pytest.approx(charge[0], rel=1e-9)


def test_a_hard_short_of_a_parked_pack_is_seen_within_minutes_as_from_every_frame() -> None:
    frames = make(9, interval_s=30.0)
    n, pack = 1200, frames.pack
    last = frames.part(slice(-1, None)).part(np.zeros(n, dtype=np.int64))
    at_s = last.at_s + 10.0 * (1.0 + np.arange(n))
    fall = np.where(np.arange(n)[:, None] > 500, 0.001 * (np.arange(n)[:, None] - 500.0), 0.0) * (np.arange(pack.n_cell) == 5)
    still = replace(last, current_a=np.zeros(n), speed_km_per_h=np.zeros(n), charging=np.zeros(n, dtype=np.int64))
    sinking = replace(still, at_s=at_s, known_at_s=at_s, cell_v=(last.cell_v - fall).astype(np.float32))
    whole = joined([frames, sinking])
    flagged, _ = quality.flag(whole)
    state, every = step_flagged(fresh(pack), flagged)
    every += finish(state)[1]
    state, some = step(fresh(pack), whole)
    some += finish(state)[1]
    for level, most_s in (("inspect", 2400.0), ("stop", 3600.0)):
        seen_s = [
            min(change.at_s for change in changes if change.warning.cell == 5 and change.warning.level == level)
            for changes in (every, some)
        ]
        assert at_s[500] < seen_s[1] < at_s[500] + most_s
        assert abs(seen_s[1] - seen_s[0]) <= 60.0
