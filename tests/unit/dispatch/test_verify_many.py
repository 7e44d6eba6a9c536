"""The check of schedules for many stays, phases, and the one figure of how much is exceeded."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.verify import verify_schedule, worst_violation
from tests.unit.dispatch.instances import Shape, realistic
from tests.unit.dispatch.oracle import random_problem, with_extras
from tests.unit.dispatch.test_verify import GOOD
from tests.unit.dispatch.test_verify import problem as small_problem

N = 9000  # more than two of the parts in which stays are looked at


def evenly(problem: Problem) -> Schedule:
    """Every need spread evenly over the hours its vehicle is there."""
    stays, k = problem.stays, np.arange(problem.n_step)
    there = ((k >= stays.first[:, None]) & (k < stays.last[:, None])).astype(np.float64)
    rows = np.arange(stays.n)
    there[rows, stays.last - 1], there[rows, stays.first] = stays.last_share, stays.first_share
    charge_kwh = there * (stays.need_kwh / there.sum(axis=1))[:, None]
    return Schedule(charge_kwh, np.zeros_like(charge_kwh), np.zeros((0, problem.n_step)), np.zeros(stays.n), {})


def many(**shape) -> Problem:
    return realistic(Shape(N, n_board=7, limit_share=0.9, **shape), seed=1)


def test_many_stays_that_keep_all_limits_pass():
    problem = many()
    assert verify_schedule(problem, evenly(problem)) == ()
    assert worst_violation(problem, evenly(problem)) < 1e-12


@pytest.mark.parametrize("row", [0, 4095, 4096, N - 1])
def test_one_wrong_number_among_many_is_named_by_its_own_row(row):
    problem = many()
    schedule, step = evenly(problem), int(problem.stays.first[row])
    schedule.charge_kwh[row, step + 1] -= 0.01
    (found,) = verify_schedule(problem, schedule)
    assert (found.code, found.where) == ("stay.promise", row)
    assert worst_violation(problem, schedule) == pytest.approx(0.01 / max(problem.stays.need_kwh[row], 1.0))
    schedule.discharge_kwh[row, step + 1] = 0.5
    codes = {(v.code, v.where, v.step) for v in verify_schedule(problem, schedule)}
    assert ("stay.discharge", row, step + 1) in codes
    assert ("stay.both-ways", row, step + 1) in codes


def test_limits_of_inner_nodes_and_of_the_root_are_summed_over_all_parts():
    problem = many()
    schedule = evenly(problem)
    loads_kw = np.array([schedule.charge_kwh[problem.stays.node == node].sum(axis=0) * 4 for node in range(8)])
    loads_kw[0] = loads_kw.sum(axis=0)
    limit_kw = problem.nodes.import_max_kw.copy()
    limit_kw[:, 20] = loads_kw[:, 20] + problem.nodes.base_kw[:, 20]
    exactly = replace(problem, nodes=replace(problem.nodes, import_max_kw=limit_kw))
    assert verify_schedule(exactly, schedule) == ()
    limit_kw[[0, 3], 20] -= 1e-3
    found = verify_schedule(exactly, schedule)
    assert [(v.code, v.where, v.step) for v in found] == [("node.import", 0, 20), ("node.import", 3, 20)]
    # the larger share is the board's: 0.25e-3 kWh of its load
    assert worst_violation(exactly, schedule) == pytest.approx(0.25e-3 / (loads_kw[3, 20] / 4), rel=1e-3)


def test_a_wrong_schedule_of_many_stays_names_a_thousand_of_a_kind_and_no_more():
    problem = many()
    schedule = evenly(problem)
    found = verify_schedule(problem, replace(schedule, charge_kwh=schedule.charge_kwh * 0.5))
    assert {v.code for v in found} == {"stay.promise"}
    assert len(found) == 1000


def test_each_phase_has_its_own_limit():
    problem = small_problem(phase=np.array([1, -1]))
    room_kw = np.full((2, 3, 4), np.inf)
    room_kw[:, 1, 0] = 8.5  # the first stay draws 8 kW on phase 2, the battery 1.6 / 3 kW on each
    limited = replace(problem, nodes=replace(problem.nodes, phase_room_kw=room_kw))
    found = verify_schedule(limited, GOOD)
    assert [(v.code, v.where, v.step) for v in found] == [("node.phase-2", 0, 0), ("node.phase-2", 1, 0)]
    assert found[0].value == pytest.approx((8.0 + 1.6 / 3) / 4)
    room_kw[:, 1, 0] = 8.0 + 1.6 / 3
    room_kw[:, 0, 1:] = 6.0
    assert verify_schedule(limited, GOOD) == ()
    room_kw[0, 2, 1] = (1.25 * 4 + 0.5 * 4) / 3 - 1e-3  # the second stay and the battery, evenly
    assert [(v.code, v.where, v.step) for v in verify_schedule(limited, GOOD)] == [("node.phase-3", 0, 1)]


def test_the_worst_excess_counts_what_the_tolerance_lets_pass():
    schedule = replace(GOOD, charge_kwh=GOOD.charge_kwh + np.array([[0.5e-6, 0, 0, 0], [0, 0, 0, 0]]))
    assert verify_schedule(small_problem(), schedule) == ()
    assert worst_violation(small_problem(), schedule) == pytest.approx(0.25e-6, rel=1e-6)  # 2 kWh are allowed there
    assert worst_violation(small_problem(), replace(GOOD, charge_kwh=GOOD.charge_kwh * np.nan)) == np.inf
    assert worst_violation(small_problem(), replace(GOOD, charge_kwh=GOOD.charge_kwh[:, :3])) == np.inf


def test_no_stays_and_no_steps():
    for n, n_step in ((0, 4), (0, 0)):
        problem = realistic(Shape(n, n_step), seed=0)
        assert verify_schedule(problem, solve(problem, parse_objective("cost"))) == ()
        assert worst_violation(problem, solve(problem, parse_objective("cost"))) == 0.0


def test_whatever_is_moved_in_an_optimal_schedule_is_seen_in_the_figure():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        problem = with_extras(random_problem(rng, v2g=True, storage=True, tree=True, negative=False, tight=12.0), rng)
        schedule = solve(problem, parse_objective("cost"))
        assert worst_violation(problem, schedule) < 1e-6
        if problem.stays.n == 0:
            continue
        row = int(rng.integers(problem.stays.n))
        charge_kwh = schedule.charge_kwh.copy()
        charge_kwh[row, problem.stays.first[row]] += problem.stays.charge_max_kw[row] * 2
        assert worst_violation(problem, replace(schedule, charge_kwh=charge_kwh)) > 0.1
