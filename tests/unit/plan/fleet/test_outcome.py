"""A dispatch counted up, printed, written as JSON and as a long table: every figure against a sum of its own."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evloom.dispatch.optimise import Effort, go_on
from evloom.dispatch.problem import Schedule
from evloom.dispatch.solved import Round
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.fleet import schedule_file
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.outcome import largest_of, named, run, usual_objective
from evloom.plan.fleet.output import outcome_json, table_text
from evloom.plan.fleet.schedule_file import write_schedule
from evloom.simulate.scores import SHORT_KWH
from tests.unit.plan.fleet.files import DOCUMENT, read_document


@pytest.fixture(scope="module")
def scarce():
    return run(generate(Recipe(120, seed=4, tree="3/20", headroom_share=0.6, v2g_share=0.3)), "cost+wear", Effort(), go_on)


def test_the_figures_are_those_of_the_schedule(scarce):
    content = json.loads(outcome_json(scarce))
    problem, schedule = scarce.case.problem, scarce.solved.schedule
    net_kwh = (schedule.charge_kwh - schedule.discharge_kwh).sum(axis=0)
    base_kwh = problem.nodes.base_kw[0] * problem.step_h
    bill = float(problem.signals.price_per_kwh @ (np.maximum(net_kwh + base_kwh, 0.0) - base_kwh))
    assert content["planned"]["bill"] == pytest.approx(bill)
    assert content["planned"]["energy_kwh"] == pytest.approx(net_kwh.sum())
    assert content["planned"]["wear"] == pytest.approx(0.1 * schedule.discharge_kwh.sum())
    assert content["planned"]["short_kwh"] == pytest.approx(schedule.short_kwh.sum())
    short = int((schedule.short_kwh > SHORT_KWH).sum())
    assert short > 0
    assert content["vehicles"] == {"all": 120, "v2g": int((problem.stays.discharge_max_kw > 0).sum()), "served": 120 - short}
    assert content["levels"][0]["planned_peak_kw"] == pytest.approx((net_kwh + base_kwh).max() * 4)
    assert content["levels"][0]["limit_max_kw"] == problem.nodes.import_max_kw[0, 0]
    assert [level["nodes"] for level in content["levels"]] == [1, 2, 6]
    assert content["bound"] <= content["value"]
    assert content["gap"] == scarce.solved.gap
    assert (content["largest_violation"], content["violations"]) == (0.0, 0)
    assert content["cpu_s"] >= content["cpu_optimise_s"] > 0.0
    assert 50e6 < content["memory_peak_bytes"] < 8e9
    assert {finding["code"] for finding in content["findings"]} >= {"dispatch.node-binds"}


def test_the_table_says_the_same_in_words(scarce):
    text, content = table_text(scarce), json.loads(outcome_json(scarce))
    cells = {line[:30].split("  ")[0].strip(): line.split()[-2:] for line in text.splitlines()}
    for name, key, form in (
        ("cost of charging, CNY", "bill", ",.2f"),
        ("energy short, kWh", "short_kwh", ",.1f"),
        ("vehicles short", "short", ","),
    ):
        assert cells[name] == [format(content[way][key], form) for way in ("at_once", "planned")]
    assert f"served {content['vehicles']['served']} of 120 vehicles" in text
    assert "PARTIAL" not in text
    assert "peak of 6 nodes together on level 2" in text


def test_a_node_that_binds_is_named(scarce):
    binding = [finding for finding in scarce.findings if finding.code == "dispatch.node-binds"]
    assert {finding.source.removeprefix("node ") for finding in binding} <= set(scarce.case.node_id)
    assert all(finding.row is None and "[" not in (finding.field or "") for finding in binding)


def test_rows_of_the_problem_become_names():
    case = generate(Recipe(3, tree="one"))
    finding = Finding("a.b", "warning", "planning problem, stays", 2, "need_kwh[2]", "1 kWh", "none", "wait")
    assert (named(finding, case).source, named(finding, case).field) == ("vehicle v3", "need_kwh")
    phase = replace(finding, source="planning problem, nodes", row=0, field="phase_room_kw[0, 1]")
    assert (named(phase, case).source, named(phase, case).field) == ("node site", "phase_room_kw[1]")
    other = replace(finding, source="requests")
    assert named(other, case) == other


def test_a_stop_keeps_the_best_so_far_and_says_so():
    """Ten thousand vehicles that may discharge take more than one sweep; the watch stops after the first that is measured."""
    told: list[Round] = []

    def stop(at: Round) -> bool:
        told.append(at)
        return False

    outcome = run(generate(Recipe(2000, v2g_share=0.5)), "cost+wear", Effort("sweeps", 0.0), stop)
    assert len(told) == 1
    assert outcome.solved.is_interrupted
    assert json.loads(outcome_json(outcome))["partial"] is True
    assert "PARTIAL: interrupted" in table_text(outcome)
    assert outcome.is_sound
    assert outcome.solved.bound <= outcome.solved.value


def test_a_broken_schedule_is_not_called_sound(scarce):
    problem, schedule = scarce.case.problem, scarce.solved.schedule
    broken = verify_schedule(problem, replace(schedule, charge_kwh=schedule.charge_kwh * 1.5), 1e-6)
    assert largest_of(broken) > 0.1
    spoilt = replace(scarce, violations=broken)
    assert not spoilt.is_sound
    assert f"largest violation: {largest_of(broken):.2g} relative" in table_text(spoilt)
    assert scarce.is_sound


def test_what_is_aimed_at_where_nothing_is_said(tmp_path):
    assert usual_objective(generate(Recipe(5)).problem) == "cost"
    assert usual_objective(generate(Recipe(5, v2g_share=1.0)).problem) == "cost+wear"
    store = {"store_id": "box", "node_id": "yard", "capacity_kwh": 20, "stored_kwh": 4, "charge_max_kw": 5, "discharge_max_kw": 6}
    vehicles = DOCUMENT["vehicles"][:1]
    assert usual_objective(read_document(tmp_path, DOCUMENT | {"stores": [store], "vehicles": vehicles}).problem) == "cost+wear"
    assert usual_objective(read_document(tmp_path, DOCUMENT | {"vehicles": vehicles}).problem) == "cost"


def test_an_objective_that_nobody_knows_is_refused():
    with pytest.raises(InputError, match=r"objective\.unknown"):
        run(generate(Recipe(5)), "beauty", Effort(), go_on)


def dense(table, case):
    """The long table as power by vehicle and step."""
    power_kw = np.zeros((len(case.vehicle_id), case.grid.n))
    row = {name: i for i, name in enumerate(case.vehicle_id)}
    step = {case.grid.at(k): k for k in range(case.grid.n)}
    for name, time, kw in table.iter_rows():
        power_kw[row[name], step[time]] = kw
    return power_kw


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("cells_at_once", [4_000_000, 960, 1])
def test_the_schedule_file_holds_every_power_that_is_not_zero(tmp_path, monkeypatch, scarce, ending, cells_at_once):
    monkeypatch.setattr(schedule_file, "CELLS_AT_ONCE", cells_at_once)
    path = tmp_path / f"schedule.{ending}"
    case, schedule = scarce.case, scarce.solved.schedule
    write_schedule(path, case, schedule)
    table = (
        pl.read_parquet(path) if ending == "parquet" else pl.read_csv(path).with_columns(pl.col("time").str.to_datetime(time_zone="UTC"))
    )
    assert table.columns == ["vehicle_id", "time", "power_kw"]
    assert not (table["power_kw"] == 0.0).any()
    power_kw = (schedule.charge_kwh - schedule.discharge_kwh) / case.problem.step_h
    assert (power_kw < 0).any()
    assert dense(table, case) == pytest.approx(power_kw, abs=1e-12)
    assert table["vehicle_id"].to_list() == sorted(table["vehicle_id"].to_list())


def test_a_stationary_battery_is_in_the_schedule_file(tmp_path):
    store = {"store_id": "box", "node_id": "yard", "capacity_kwh": 20, "stored_kwh": 4, "charge_max_kw": 5, "discharge_max_kw": 6}
    case = read_document(tmp_path, DOCUMENT | {"stores": [store]})
    flow_kwh = np.arange(8.0)[None] - 3.0
    write_schedule(tmp_path / "s.csv", case, Schedule(np.zeros((2, 8)), np.zeros((2, 8)), flow_kwh, np.zeros(2), {}))
    table = pl.read_csv(tmp_path / "s.csv")
    assert table["vehicle_id"].unique().to_list() == ["box"]
    assert table["power_kw"].to_list() == [-6.0, -4.0, -2.0, 2.0, 4.0, 6.0, 8.0]
    assert table["time"][3] == "2025-06-04T14:00:00+08:00"


def test_nobody_to_charge_is_an_empty_schedule(tmp_path):
    case = generate(Recipe(0))
    outcome = run(case, "cost", Effort(), go_on)
    write_schedule(tmp_path / "s.parquet", case, outcome.solved.schedule)
    assert pl.read_parquet(tmp_path / "s.parquet").is_empty()
    assert "served 0 of 0 vehicles" in table_text(outcome)
