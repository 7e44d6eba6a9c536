"""Uncontrolled load of the nodes, against a loop over vehicles and minutes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.dispatch.cells import up_the_tree
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.loads import presence_h, uncontrolled_kw


@given(seed=st.integers(0, 10_000), n_step=st.integers(1, 30), step_s=st.sampled_from([300, 900, 3600]))
@settings(max_examples=30, deadline=None)
def test_the_uncontrolled_load_is_the_sum_of_the_vehicles(seed, n_step, step_s):
    case = generate(Recipe(15, seed=seed, tree="3/2", n_step=n_step, step_s=step_s))
    problem = case.problem
    edges_h = np.arange(n_step + 1, dtype=np.float64) * step_s / 3600.0
    begin_h, leave_h = presence_h(problem.stays, edges_h)
    own_kwh = np.zeros_like(problem.nodes.base_kw)
    for i in range(problem.stays.n):
        left_kwh = problem.stays.need_kwh[i]
        for k in range(n_step):
            hours = max(min(leave_h[i], edges_h[k + 1]) - max(begin_h[i], edges_h[k]), 0.0)
            drawn_kwh = min(left_kwh, problem.stays.charge_max_kw[i] * hours)
            own_kwh[problem.stays.node[i], k] += drawn_kwh
            left_kwh -= drawn_kwh
    expected_kw = up_the_tree(problem, own_kwh) / problem.step_h
    assert uncontrolled_kw(problem) == pytest.approx(expected_kw, abs=1e-9)


def test_a_stay_is_there_from_its_arrival_to_its_departure():
    case = generate(Recipe(500, seed=1))
    begin_h, leave_h = presence_h(case.problem.stays, np.arange(97, dtype=np.float64) * 0.25)
    start = case.grid.start
    told_h = [
        ((row["arrival"] - start).total_seconds() / 3600, (row["departure"] - start).total_seconds() / 3600)
        for row in case.vehicles.to_dicts()
    ]
    assert leave_h - begin_h == pytest.approx([b - a for a, b in told_h])
    longer = case.problem.stays.last - case.problem.stays.first > 1
    assert begin_h[longer] == pytest.approx(np.array([a for a, _ in told_h])[longer])
