"""The doctor as a whole: what it finds, that a stream finds the same as a batch, and that it keeps what it knows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evloom.diagnose import quality
from evloom.diagnose.doctor import State, acknowledge, cells_to_weigh, finish, fresh, open_warnings, step, step_flagged
from evloom.diagnose.keep import from_bytes, to_bytes
from evloom.diagnose.warning import Case, Finding, Warning, WarningChange, weigh  # noqa: A004
from evloom.vehicle.telemetry import Frames, Pack
from tests.unit.diagnose.packs import BEGIN_S, DAY_S, make


def examine(frames: Frames, sizes: list[int] | None = None) -> tuple[State, list[WarningChange]]:
    """All frames, in chunks of these sizes."""
    state, changes, row = fresh(frames.pack), [], 0
    for size in [*(sizes or []), frames.n]:
        state, more = step(state, frames.part(slice(row, row + size)))
        changes += more
        row += size
    state, more = finish(state)
    return state, changes + more


def test_a_healthy_pack_raises_nothing() -> None:
    _, changes = examine(make(40))
    assert changes == []


def test_a_leaking_cell_is_named_and_called_dangerous_when_it_is() -> None:
    """2.5 Ah a day are 100 mA: a short of about 40 ohm."""
    frames = make(24, leak_ah=2.5)
    state, changes = examine(frames)
    first = changes[0]
    assert first.kind == "opened"
    assert first.warning.cell == 7
    assert BEGIN_S + 10 * DAY_S < first.at_s < BEGIN_S + 16 * DAY_S
    assert {change.warning.cell for change in changes} == {7}
    assert open_warnings(state)[0].level == "stop"
    assert open_warnings(state)[0].leak_a == pytest.approx(2.5 / 24.0, rel=0.6)
    assert open_warnings(state)[0].evidence[0].value[-1] < -0.08


def test_a_cell_that_leaves_its_pack_is_told_at_once_and_the_day_goes_on_as_if_nobody_had_looked() -> None:
    frames = make(14)
    cut = int(np.searchsorted(frames.at_s, BEGIN_S + 12.3 * DAY_S))
    cell_v = frames.cell_v.copy()
    cell_v[cut:, 7] -= 0.4
    fallen = replace(frames, cell_v=cell_v)
    state, changes = examine(fallen)
    first = changes[0]
    assert (first.kind, first.warning.cell, first.warning.level) == ("opened", 7, "stop")
    assert first.at_s - frames.at_s[cut] < 7200.0
    assert first.warning.causes[0][0] != "sensing-wire"
    again, same = examine(fallen, [cut + 3, 40])
    assert same == changes
    assert to_bytes(again) == to_bytes(state)


def test_a_bad_contact_a_bad_wire_and_a_bad_probe_are_found() -> None:
    _, changes = examine(make(30, more={"contact_ohm": 0.0008}))
    assert changes[0].warning.cell == 7
    assert changes[0].warning.test.startswith(("quick resistance", "noise"))
    _, changes = examine(make(30, more={"wire_v": 0.02}))
    assert changes[0].warning.cell in (6, 7)
    _, changes = examine(make(30, more={"probe_c": 9.0}))
    assert [change.warning.probe for change in changes][:1] == [2]


def test_a_board_of_cells_that_is_absent_now_and_then_hides_no_fault() -> None:
    frames = make(24, leak_ah=2.5)
    rng = np.random.default_rng(4)
    cell_v = frames.cell_v.copy()
    rows = np.flatnonzero(rng.random(frames.n) < 0.03)
    for row in rows:
        board = 6 * int(rng.integers(0, 4))
        cell_v[row, board : board + 6] = np.nan
    state, changes = examine(replace(frames, cell_v=cell_v))
    whole, every = examine(frames)
    assert [(one.kind, one.warning.cell, one.warning.level) for one in changes] == [
        (one.kind, one.warning.cell, one.warning.level) for one in every
    ]
    assert open_warnings(state)[0].level == open_warnings(whole)[0].level == "stop"
    assert np.isfinite(open_warnings(state)[0].severity)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 2500), max_size=12))
def test_chunks_of_any_size_give_the_same_result(sizes: list[int]) -> None:
    frames = make(16, leak_ah=6.0, from_day=6)
    whole_state, whole = examine(frames)
    state, changes = examine(frames, sizes)
    assert changes == whole
    assert to_bytes(state) == to_bytes(whole_state)


def test_one_frame_at_a_time_gives_the_same_result() -> None:
    frames = make(9, leak_ah=20.0, from_day=6, interval_s=300.0)
    assert examine(frames, [1] * (frames.n - 1))[1] == examine(frames)[1] != []


def test_frames_that_are_flagged_already_give_the_same_warnings() -> None:
    frames = make(20, leak_ah=2.5)
    flagged, _ = quality.flag(frames)
    assert step_flagged(fresh(frames.pack), flagged)[1] == step(fresh(frames.pack), frames)[1] != []


def test_later_frames_change_nothing_that_was_said_before() -> None:
    frames = make(30, leak_ah=2.5)
    cut = int(np.searchsorted(frames.at_s, BEGIN_S + 20 * DAY_S))
    _, early = step(fresh(frames.pack), frames.part(slice(0, cut)))
    other = replace(frames, cell_v=np.where(np.arange(frames.n)[:, None] >= cut, np.float32(3.1), frames.cell_v))
    _, changed = step(fresh(frames.pack), other)
    assert [change for change in changed if change.at_s < frames.at_s[cut]] == [
        change for change in early if change.at_s < frames.at_s[cut]
    ]


def test_the_state_is_small_and_goes_on_from_its_bytes() -> None:
    frames = make(25, leak_ah=2.5)
    half, _ = step(fresh(frames.pack), frames.part(slice(0, frames.n // 2)))
    content = to_bytes(half)
    assert len(content) < 100_000
    again = from_bytes(content)
    rest = frames.part(slice(frames.n // 2, None))
    one, two = step(half, rest), step(again, rest)
    assert one[1] == two[1]
    assert to_bytes(one[0]) == to_bytes(two[0])
    with pytest.raises(ValueError, match="no state"):
        from_bytes(b"\x03\x00\x00\x00abc")
    with pytest.raises(ValueError, match="too few"):
        from_bytes(content[:-8])


def test_a_warning_is_acknowledged_and_stays_open() -> None:
    state, _ = examine(make(30, leak_ah=2.5))
    warning = open_warnings(state)[0]
    state, changes = acknowledge(state, warning.warning_id, 5.0)
    assert [change.kind for change in changes] == ["acknowledged"]
    assert open_warnings(state)[0].acknowledged_s == 5.0
    assert acknowledge(state, "nobody", 5.0)[1] == []


@pytest.mark.parametrize("n_cell", [0, 1, 400])
def test_a_pack_of_any_number_of_cells_is_taken(n_cell: int) -> None:
    frames = make(8)
    columns = np.resize(frames.cell_v, (frames.n, n_cell)).astype(np.float32) if n_cell else np.zeros((frames.n, 0), np.float32)
    odd = replace(frames, pack=replace(frames.pack, n_cell=n_cell), cell_v=columns, cell_flags=np.zeros((frames.n, n_cell), dtype=np.uint8))
    state, _ = examine(odd)
    assert state.pack.n_cell == n_cell


def test_another_number_of_cells_begins_anew_and_no_frame_does_nothing() -> None:
    frames = make(8)
    state, _ = examine(frames)
    fewer = replace(frames.part(slice(0, 50)), pack=replace(frames.pack, n_cell=20))
    fewer = replace(fewer, cell_v=fewer.cell_v[:, :20].copy(), cell_flags=fewer.cell_flags[:, :20].copy())
    state, _ = step(state, fewer)
    assert (state.pack.n_cell, state.days) == (20, 0)
    assert finish(fresh(frames.pack))[1] == step(fresh(frames.pack), frames.part(slice(0, 0)))[1] == []


def test_odd_input_raises_no_alarm() -> None:
    frames = make(12)
    constant = replace(frames, cell_v=np.full_like(frames.cell_v, 3.7))
    assert examine(constant)[1] == []
    absent = replace(frames, probe_c=np.full_like(frames.probe_c, 215.0))
    assert [change for change in examine(absent)[1] if change.warning.level != "watch" and change.warning.cell is not None] == []
    back = frames.at_s.copy()
    back[frames.n // 2 :] -= 365.0 * DAY_S
    assert [change for change in examine(replace(frames, at_s=back, known_at_s=back))[1] if change.warning.level != "watch"] == []


def test_the_most_severe_cell_is_hidden_by_none_that_is_only_watched() -> None:
    state = fresh(Pack("car", "pack", 12, 2, "NMC", 100.0))
    for cell in (2, 7, 10):
        state.cases[f"cell:{cell}"] = case = Case(f"cell:{cell}")
        draft = Warning("", "car", "pack", cell, None, "watch", (("unknown", 1.0),), 0.8, "test", 0.0, 0.0, 0.0, 0.0, 0.0)
        for day in (1.0, 2.0):
            weigh(case, Finding(0.8, False, draft), DAY_S * day)
    severe = np.full(12, 0.1)
    severe[[2, 7, 10]] = 0.8
    for cell, severity, weighed in ((5, 0.9, True), (8, 1.1, False), (8, 1.3, True)):
        now = severe.copy()
        now[cell] = severity
        assert (cell in cells_to_weigh(state, now)) == weighed
        assert {2, 7, 10} <= set(cells_to_weigh(state, now))
