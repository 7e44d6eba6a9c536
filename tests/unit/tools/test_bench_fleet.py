"""The benchmark of fleets: its baselines solve the same problem, and its table has a place on the page."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog

from tools.bench.__main__ import FLEET_MARKS, FLEET_PAGE
from tools.bench.fleet import LINES
from tools.bench.fleet_one import Job, run
from tools.bench.flexmeasures_task import task_of
from tools.bench.flow_net import UNITS_PER_KWH, net_of
from tools.bench.highs_one import least_value
from tools.bench.rolling_one import rolled

SITE = Job(40, tree="10/2", method="exact", n_step=24, step_s=3600)


def test_a_job_is_measured_and_is_worth_what_the_baseline_finds():
    ours, solved = run(SITE)
    assert ours.violation <= 1e-9
    assert ours.value == pytest.approx(least_value(SITE).value, rel=1e-9)
    assert solved.value == ours.value
    assert ours.cpu_s > 0.0
    assert ours.peak_mb > 50.0


def test_the_flow_is_the_same_problem():
    ours, _ = run(SITE)
    problem = SITE.case().problem
    net = net_of(problem, ours.short_price_per_kwh)
    arc, n_node = np.arange(len(net.tail)), len(net.supply)
    balance = sp.csr_matrix((np.ones(len(arc)), (net.tail, arc)), (n_node, len(arc))) - sp.csr_matrix(
        (np.ones(len(arc)), (net.head, arc)), (n_node, len(arc))
    )
    bounds = np.column_stack([np.zeros(len(arc)), net.capacity / UNITS_PER_KWH])
    solver: Any = linprog
    found = solver(net.cost_per_kwh, A_eq=balance, b_eq=net.supply / UNITS_PER_KWH, bounds=bounds, method="highs")
    base = float(problem.signals.price_per_kwh @ (problem.nodes.base_kw[0] * problem.step_h))
    assert base + found.fun == pytest.approx(ours.value, rel=1e-6)


def test_the_task_of_flexmeasures_holds_every_need_and_every_hour():
    problem = Job(20, n_step=24, step_s=3600).case().problem
    task = task_of(problem, 60.0)
    assert sum(device["target_mwh"] for device in task["devices"]) * 1e3 == pytest.approx(
        float(problem.stays.need_kwh @ problem.stays.charge_efficiency)
    )
    most_kwh = [sum(device["charge_max_mw"]) * 1e3 for device in task["devices"]]
    assert (np.array(most_kwh) >= problem.stays.need_kwh).all()


def test_rolling_steps_are_proved():
    one = rolled(400, 0.05, 5e-3, steps=2)
    assert one.gap <= 5e-3
    assert one.violation <= 1e-6


def test_the_table_has_its_place_and_its_rows_different_names():
    page = FLEET_PAGE.read_text(encoding="utf-8")
    assert all(page.count(mark) == 1 for mark in FLEET_MARKS)
    assert len({line.what for line in LINES}) == len(LINES)
