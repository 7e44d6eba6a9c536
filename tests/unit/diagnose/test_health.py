"""Health as a whole: what it finds, that a stream finds the same as a batch, that it keeps what it knows, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evloom.diagnose import health
from evloom.diagnose.health import Health, State
from evloom.diagnose.health_keep import from_bytes, to_bytes
from evloom.diagnose.health_text import TEXTS
from evloom.diagnose.window_points import offset_a
from evloom.vehicle.telemetry import Frames
from tests.unit.diagnose import health_frames
from tests.unit.diagnose.health_frames import Plan, frames_of


def followed(frames: Frames, sizes: list[int] | None = None) -> State:
    """All frames, in chunks of these sizes."""
    state, row = health.fresh(frames.pack), 0
    for size in sizes or [frames.n]:
        state = health.step(state, frames.part(slice(row, row + size)))
        row += size
    return health.step(state, frames.part(slice(row, None)))


def told(plan: Plan) -> Health:
    return health.report(followed(frames_of(plan)))


@pytest.mark.parametrize(("chemistry", "span", "off"), [("NMC", (0.2, 0.85), 0.035), ("LFP", (0.25, 0.99), 0.045)])
def test_the_capacity_is_found_from_charges_over_two_thirds(chemistry: str, span: tuple[float, float], off: float) -> None:
    found = told(Plan(chemistry, span=span))
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=off)
    p10, p50, p90 = found.capacity_ah.p10, found.capacity_ah.p50, found.capacity_ah.p90
    assert 2.0 * p10 - p50 < 135.0 < 2.0 * p90 - p50  # within twice the interval
    assert found.soh is not None
    assert found.soh.p50 == pytest.approx(found.capacity_ah.p50 / 150.0)
    assert found.energy_soh is not None
    assert 0.7 < found.energy_soh.p50 < 1.1
    assert len(found.trend) > 5
    assert {window.kind for window in found.windows} == {"ac"}


def test_an_offset_of_the_current_sensor_is_seen_while_parked_and_taken_out() -> None:
    plain, off = told(Plan()), told(Plan(offset_a=0.9))
    assert plain.capacity_ah is not None
    assert off.capacity_ah is not None
    assert off.capacity_ah.p50 == pytest.approx(plain.capacity_ah.p50, rel=0.02)
    assert off.windows[-1].charge_ah == pytest.approx(plain.windows[-1].charge_ah, rel=0.015)


def test_without_a_rated_capacity_the_charge_is_known_and_the_share_is_refused() -> None:
    found = told(Plan(rated_ah=float("nan")))
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=0.05)
    assert found.soh is None
    assert found.energy_soh is None
    assert "rated-capacity" in found.missing


def test_the_chemistry_may_be_unknown() -> None:
    frames = frames_of(Plan())
    found = health.report(followed(replace(frames, pack=replace(frames.pack, chemistry=""))))
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=0.05)


def test_small_charges_on_the_flat_part_of_lfp_are_refused_with_the_reason() -> None:
    found = told(Plan("LFP", span=(0.5, 0.62)))
    assert found.capacity_ah is None
    assert "flat-curve" in found.missing
    assert found.windows
    assert all(window.capacity_ah is None and window.refused for window in found.windows)


def test_every_key_has_words_in_both_languages() -> None:
    found = [told(Plan("LFP", span=(0.5, 0.62))), told(Plan(n_cell=0)), told(Plan(days=1, span=(0.5, 0.55)))]
    keys = {key for one in found for key in one.missing} | {window.refused for one in found for window in one.windows} - {""}
    assert keys <= TEXTS.keys()
    assert all(all(words) for words in TEXTS.values())


@pytest.mark.parametrize("n_cell", [0, 1, 400])
def test_any_number_of_cells(n_cell: int) -> None:
    found = told(Plan(n_cell=n_cell, days=4))
    for array in (found.cell_resistance_ohm, found.cell_capacity_share, found.cell_charge_spread_ah, found.self_discharge_a):
        assert array.shape == (n_cell,)
    assert (found.capacity_ah is None) == (n_cell == 0)
    assert ("no-cells" in found.missing) == (n_cell == 0)


def test_without_probes_nothing_breaks_and_it_is_said() -> None:
    found = told(Plan(n_probe=0))
    assert "temperature" in found.missing
    assert found.capacity_ah is not None
    absent = replace(frames_of(Plan()), probe_flags=np.ones((frames_of(Plan()).n, 3), dtype=np.uint8))
    assert "temperature" in health.report(followed(absent)).missing


def test_constant_voltages_are_no_capacity() -> None:
    frames = frames_of(Plan())
    still = replace(frames, cell_v=np.full_like(frames.cell_v, 3.7))
    found = health.report(followed(still))
    assert found.capacity_ah is None
    assert found.missing


def test_cells_that_send_nothing_are_left_out() -> None:
    frames = frames_of(Plan())
    cell_v, cell_flags = frames.cell_v.copy(), frames.cell_flags.copy()
    cell_v[:, 5], cell_flags[:, 5] = np.nan, 1
    found = health.report(followed(replace(frames, cell_v=cell_v, cell_flags=cell_flags)))
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=0.035)
    assert np.isnan(found.cell_resistance_ohm[5])
    assert np.isfinite(np.delete(found.cell_resistance_ohm, 5)).all()


def test_nothing_and_one_frame() -> None:
    frames = frames_of(Plan(days=1))
    for part in (frames.part(slice(0, 0)), frames.part(slice(0, 1))):
        found = health.report(followed(part))
        assert found.capacity_ah is None
        assert found.missing
        assert found.coverage.frames == part.n


def test_a_clock_that_jumps_back_a_year_does_not_stop_it() -> None:
    frames = frames_of(Plan(days=8))
    at_s = frames.at_s.copy()
    at_s[frames.n // 2 :] -= 366.0 * 86400.0
    found = health.report(followed(replace(frames, at_s=at_s)))
    assert found.coverage.frames > 0.9 * frames.n


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_a_stream_finds_what_a_batch_finds(sizes: list[int]) -> None:
    frames = frames_of(Plan(n_cell=6, days=5))
    assert to_bytes(followed(frames, sizes)) == to_bytes(followed(frames))


def test_one_frame_at_a_time_finds_what_a_batch_finds() -> None:
    frames = frames_of(Plan(n_cell=4, days=2, step_s=120.0))
    assert to_bytes(followed(frames, [1] * frames.n)) == to_bytes(followed(frames))


def test_what_is_kept_goes_on_as_if_it_had_not_been_kept() -> None:
    frames = frames_of(Plan(days=6))
    for part in (0.31, 0.5, 0.77):
        row = int(part * frames.n)
        state = followed(frames.part(slice(0, row)))
        again = health.step(from_bytes(to_bytes(state)), frames.part(slice(row, None)))
        assert to_bytes(again) == to_bytes(followed(frames))
    with pytest.raises(ValueError, match=r"no state|version"):
        from_bytes(b"\x02\x00\x00\x00{}")
    with pytest.raises(ValueError, match="too few"):
        from_bytes(to_bytes(followed(frames))[:-100])


def test_the_state_is_small_and_a_step_changes_no_other() -> None:
    frames = frames_of(Plan(n_cell=96))
    state = followed(frames)
    before = to_bytes(state)
    assert len(before) < 300_000
    health.step(state, frames_of(Plan(n_cell=96), seed=1))
    health.report(state)
    assert to_bytes(state) == before


def test_a_report_uses_no_later_frame() -> None:
    frames = frames_of(Plan(days=6))
    row = frames.n // 2
    early = health.report(followed(frames.part(slice(0, row))))
    late = health.report(followed(frames))
    known = dict(early.trend[:-1])
    assert known
    assert known.items() <= dict(late.trend).items()


def test_coverage_counts_conditions() -> None:
    found = told(Plan(days=6)).coverage
    hours = dict(found.hours)
    assert found.seen_days in (6, 7)
    assert found.charge_windows == 5  # the last one goes on
    assert found.rests >= 6
    assert hours["ac"] > 20.0
    assert hours["drive"] > 8.0
    assert hours["fast"] == 0.0
    assert found.km == pytest.approx(60.0 * hours["drive"], rel=0.1)
    assert found.full_cycles == pytest.approx(6 * 0.65 * 135.0 / 150.0, rel=0.05)


def test_a_full_charge_shows_that_a_pack_is_of_iron_phosphate() -> None:
    frames = frames_of(Plan("LFP", span=(0.03, 1.0)))
    found = followed(replace(frames, pack=replace(frames.pack, chemistry="", capacity_ah=float("nan"))))
    assert found.seen.filter.kind == "LFP"
    assert health.report(found).capacity_ah is not None


def test_an_old_frame_within_a_charge_changes_hardly_anything() -> None:
    frames = frames_of(Plan())
    cell_v, soc = frames.cell_v.copy(), frames.soc.copy()
    charging = np.flatnonzero(frames.charging == 1)
    for row in charging[(np.arange(len(charging)) % 40 == 20)]:
        cell_v[row], soc[row] = cell_v[row - 15] - 0.003, soc[row - 15]
    plain, mixed = health.report(followed(frames)), health.report(followed(replace(frames, cell_v=cell_v, soc=soc)))
    assert plain.capacity_ah is not None
    assert mixed.capacity_ah is not None
    assert mixed.capacity_ah.p50 == pytest.approx(plain.capacity_ah.p50, rel=0.003)
    assert mixed.windows[-1].charge_ah == pytest.approx(plain.windows[-1].charge_ah, rel=1e-9)


def test_a_mean_cell_has_a_capacity_and_no_cells() -> None:
    frames = frames_of(Plan())
    mean = frames.cell_v.mean(axis=1, keepdims=True)
    pack = replace(frames.pack, n_cell=1, n_series=frames.pack.n_cell)
    one = replace(frames, pack=pack, cell_v=mean, cell_flags=np.zeros((frames.n, 1), dtype=np.uint8))
    found, whole = health.report(followed(one)), health.report(followed(frames))
    assert found.capacity_ah is not None
    assert whole.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(whole.capacity_ah.p50, rel=0.03)
    assert "mean-cell" in found.missing
    assert not {"cell-capacity", "self-discharge", "no-cells"} & set(found.missing)


def test_what_an_awake_car_draws_is_no_offset_of_the_sensor() -> None:
    frames = frames_of(Plan(offset_a=0.2))
    parked = np.flatnonzero((frames.charging == 0) & (frames.speed_km_per_h == 0.0))
    current_a = frames.current_a.copy()
    current_a[parked[parked % 3 == 0]] -= 0.6
    offset, doubt = offset_a(followed(replace(frames, current_a=current_a)).sums.scalar)
    assert offset == pytest.approx(0.2, abs=0.06)
    assert doubt < 0.1


def test_a_capacity_that_no_pack_can_have_is_refused() -> None:
    found = told(Plan(rated_ah=100.0))
    assert found.capacity_ah is None
    assert found.soh is None
    assert found.trend == ()
    assert "no-fit" in found.missing


def test_a_curve_that_is_in_no_library_is_no_hindrance_to_full_charges(monkeypatch: pytest.MonkeyPatch) -> None:
    soc = np.linspace(0.0, 1.0, 121)
    strange_v = 3.45 + 0.62 * soc + 0.056 * np.tanh((soc - 0.55) / 0.12) + 0.09 * soc**6 - 0.55 * np.exp(-soc / 0.035)
    monkeypatch.setattr(health_frames, "curve_of", lambda _: strange_v)
    state = followed(frames_of(Plan(span=(0.05, 0.99), days=15)))
    found = health.report(state)
    assert state.seen.filter.strain > 1.0
    assert found.capacity_ah is not None
    assert found.capacity_ah.p50 == pytest.approx(135.0, rel=0.05)


def test_sodium_ion_is_known_by_its_one_curve() -> None:
    frames = frames_of(Plan())
    as_sodium = replace(frames, pack=replace(frames.pack, chemistry="Na"))
    found = health.report(followed(as_sodium))
    assert found.capacity_ah is None or found.capacity_ah.p10 > 0.0
