"""A large fleet keeps the page small, and the report needs no second copy of its schedule."""

import json
import re
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.problem import Schedule
from evloom.dispatch.solved import Round, Solved
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.report import loads, short
from evloom.plan.fleet.report.fold import NODES_MAX
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.page import report_html


def labels_of(case):
    return Labels(case.name, case.grid.start, case.zone, case.currency, case.node_id, case.vehicle_id.__getitem__)


def something(problem, rng):
    """A schedule of any kind, a price at every node, and many rounds: the most that a page could have to hold."""
    n, n_step = problem.stays.n, problem.n_step
    charge_kwh = rng.random((n, n_step)) * loads.there_h(problem, slice(None))
    lacking_kwh = np.maximum(problem.stays.need_kwh - charge_kwh.sum(axis=1), 0.0)
    schedule = Schedule(charge_kwh, np.zeros((n, n_step)), np.zeros((0, n_step)), lacking_kwh, {"wear": 0.0})
    rounds = tuple(Round(k, 1e6 * (1 + 0.9**k), 1e6 * (1 - 0.9**k), 0.0) for k in range(1, 200))
    price = rng.gamma(0.3, 0.1, problem.nodes.base_kw.shape)
    return Solved(schedule, "sweeps", 2e6, 1e6, 3.0, price, rounds, ())


@pytest.mark.parametrize("n_step", [96, 5000])
def test_many_nodes_and_many_steps_stay_below_three_megabytes(n_step):
    step_s = 900 if n_step == 96 else 60
    case = generate(Recipe(n=4000, seed=3, tree="3/5/8", n_step=n_step, step_s=step_s))
    assert len(case.node_id) > NODES_MAX
    html = report_html(case.problem, something(case.problem, np.random.default_rng(1)), labels_of(case))
    assert len(html.encode()) < 3e6
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert text is not None
    data = json.loads(text[1])
    assert len(data["prices"]["id"]) <= 200
    assert 1 < len(data["nodes"]) <= NODES_MAX
    assert data["n"] <= 1500
    assert data["n"] * data["step"] == pytest.approx(n_step * step_s)
    energy_kwh = np.array(data["nodes"][0]["kw"]).sum() * data["step"] / 3600.0
    nodes, steered = case.problem.nodes, loads.loads_of(case.problem, something(case.problem, np.random.default_rng(1)).schedule)
    assert energy_kwh == pytest.approx(((nodes.base_kw + steered.steered_kw)[0] * case.problem.step_h).sum(), rel=1e-4)


def test_memory_beyond_the_schedule_does_not_grow_with_the_fleet(monkeypatch):
    monkeypatch.setattr(loads, "CELLS_MAX", 50_000)
    monkeypatch.setattr(short, "CELLS_MAX", 50_000)
    case = generate(Recipe(n=20_000, seed=3, tree="2000"))
    solved = something(case.problem, np.random.default_rng(1))
    solved = replace(solved, node_price_per_kwh=None)
    report_html(case.problem, solved, labels_of(case))  # caches are warm now
    tracemalloc.start()
    try:
        report_html(case.problem, solved, labels_of(case))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * solved.schedule.charge_kwh.nbytes


def test_a_day_of_23_hours_keeps_its_clock():
    start = datetime(2025, 3, 29, 23, 0, tzinfo=UTC)  # the clocks of Berlin go forward at 01:00 UTC
    case = generate(Recipe(n=5, tree="one", start=start, n_step=92))
    labels = replace(labels_of(case), start=start, zone=ZoneInfo("Europe/Berlin"))
    html = report_html(case.problem, something(case.problem, np.random.default_rng(0)), labels)
    assert "2025-03-30 00:00 to 2025-03-31 00:00" in html
    change = start.timestamp() + 2 * 3600
    assert f'"offsets":[[{start.timestamp()},3600.0],[{change},7200.0]]' in html
