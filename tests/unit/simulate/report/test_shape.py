"""The figures in the page: what was left out to keep it small, and what must still be there."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from evloom.simulate.report import shape
from evloom.simulate.report.shape import COLOURS, encoded_runs, page_data, site_limit
from evloom.simulate.report.why import shown_reason
from evloom.simulate.report.words import Words
from evloom.simulate.run import POLICIES


def decoded(text):
    return [tuple(int(value) for value in stretch.split(",")) for stretch in text.split(";")]


def test_stretches_hold_every_step_its_power_and_its_reason(study):
    stage, runs, _ = study
    for run in runs:
        reason = shown_reason(stage, run)
        for row, text in enumerate(encoded_runs(stage, run, 5)):
            stretches = decoded(text)
            own = slice(run.track.offset[row], run.track.offset[row + 1])
            assert np.repeat([r for _, _, r in stretches], [n for n, _, _ in stretches]).tolist() == reason[own].tolist()
            power_kw = np.repeat([p / 10.0 for _, p, _ in stretches], [n for n, _, _ in stretches])
            inner = slice(1, -1)  # the first and last step are not whole
            assert power_kw[inner] * stage.grid.step_h == pytest.approx(run.track.flow_kwh[own][inner], abs=0.05 * stage.grid.step_h + 1e-9)


def test_the_first_sessions_read_the_same_without_the_others(study):
    stage, runs, _ = study
    assert encoded_runs(stage, runs[2], 2) == encoded_runs(stage, runs[2], 5)[:2]
    assert encoded_runs(stage, runs[2], 0) == []


def test_series_sum_to_what_the_run_delivered(study):
    stage, runs, _ = study
    data = page_data(stage, runs, Words("en"))
    hours = stage.grid.step_h
    assert data["fold"] == 1
    for run, policy in zip(runs, data["policies"], strict=True):
        given = policy["given"] or [0.0]
        net_kwh = (sum(policy["charge"]) - sum(given)) * hours
        assert net_kwh == pytest.approx(float(run.track.ev_kwh.sum()), abs=0.005 * hours * stage.grid.n)
    optimal = data["policies"][2]
    stored_kwh = (sum(optimal["into"]) - sum(optimal["out"])) * hours
    assert stored_kwh == pytest.approx(float(runs[2].storage_kwh.sum()), abs=0.01 * hours * stage.grid.n)
    net_kw = np.array(data["base"]) - np.array(data["solar"])
    assert net_kw == pytest.approx(stage.base_kw[0], abs=0.011)
    assert data["limit"] == 38.0


def test_the_clock_of_the_site_changes_with_the_season(study):
    stage, runs, _ = study
    change_s = datetime(2025, 3, 30, 1, tzinfo=UTC).timestamp()
    assert page_data(stage, runs, Words("en"))["offsets"] == [[stage.grid.start_s, 3600.0], [change_s, 7200.0]]


def test_a_long_run_is_folded_to_means_that_keep_the_energy(study, monkeypatch):
    stage, runs, _ = study
    whole = page_data(stage, runs, Words("en"))
    monkeypatch.setattr(shape, "VALUES_MAX", 1000)
    folded = page_data(stage, runs, Words("en"))
    assert folded["fold"] > 1
    assert len(folded["base"]) == folded["n"] == -(-stage.grid.n // folded["fold"])
    steps = np.minimum(folded["fold"], stage.grid.n - folded["fold"] * np.arange(folded["n"]))
    assert np.dot(folded["base"], steps) == pytest.approx(sum(whole["base"]), abs=0.01 * stage.grid.n)


def test_many_sessions_are_cut_and_the_number_is_told(study, monkeypatch):
    stage, runs, _ = study
    monkeypatch.setattr(shape, "RUNS_MAX", 40)
    data = page_data(stage, runs, Words("en"))
    shown = len(data["sessions"]["id"])
    assert 0 < shown < 5
    assert data["hidden"] == 5 - shown
    assert all(len(policy["runs"]) == len(policy["got"]) == shown for policy in data["policies"])


def test_everything_is_json_without_nan(study):
    stage, runs, _ = study
    assert json.loads(json.dumps(page_data(stage, runs, Words("zh")), allow_nan=False))


def test_every_policy_has_a_colour_of_its_own():
    assert set(POLICIES) == set(COLOURS)
    assert len(set(COLOURS.values())) == len(POLICIES)


def test_the_limit_is_the_tightest_that_everything_passes(study, make_stage):
    assert site_limit(study[0]) == (38.0, "transformer 40 kVA x 0.95")  # the garage is tighter, but the DC pile is not in it
    only_garage = make_stage("[[base_load]]", '[[base_load]]\nnode = "garage"', "[[solar]]", '[[solar]]\nnode = "garage"',
                             'id = "battery"', 'id = "battery"\nnode = "garage"', 'id = "V"', 'id = "V"\nnode = "garage"')  # fmt: skip
    assert site_limit(only_garage) == (12.0, "garage breaker <12 kW>")
