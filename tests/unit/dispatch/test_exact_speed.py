"""How long exact optima of a site may take, in seconds of the processor, the best of three runs; and the same answer another way."""

import time
from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.cells import cells_of, deliverable_kwh
from evloom.dispatch.exact import _by_programme, solve
from evloom.dispatch.highs import Recall
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.verify import verify_schedule, worst_violation
from tests.unit.dispatch.instances import Shape, realistic

FIGURES = {
    "V1G, 50 chargers, 96 steps": (Shape(50), 0.015),
    "V1G, 1,000 under one limit": (Shape(1000), 0.3),
    "V1G, 1,000 under one limit that binds": (Shape(1000, limit_share=0.2), 0.3),
    "V2G, 50 chargers, 288 steps of 5 minutes": (Shape(50, 288, 1 / 12, is_v2g=True), 0.4),
    "V2G, 50 chargers, three days of 15 minutes": (Shape(150, 288, 0.25, is_v2g=True), 0.4),
}


def used_s(problem, objective, recall=None):
    """Time of the processor that one solution takes."""
    begin_s = time.process_time()
    solve(problem, objective, recall)
    return time.process_time() - begin_s


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("text", ["cost", "cost+demand"])
def test_the_exact_optimum_of_a_site_takes_no_longer_than_the_figure(name, text):
    shape, most_s = FIGURES[name]
    problem, objective = realistic(shape, seed=1), parse_objective(text)
    schedule = solve(problem, objective)
    assert verify_schedule(problem, schedule) == ()
    assert worst_violation(problem, schedule) <= 1e-6
    assert schedule.short_kwh.sum() == 0.0
    assert min(used_s(problem, objective) for _ in range(3)) <= most_s


@pytest.mark.parametrize("text", ["cost", "cost+demand"])
@pytest.mark.parametrize("shape", [Shape(50), Shape(300, limit_share=0.16), Shape(200, limit_share=0.2, n_board=6)])
def test_the_quick_ways_are_worth_what_the_programme_is(shape, text):
    problem, objective = realistic(shape, seed=4), parse_objective(text)
    cells = cells_of(problem)
    programme = _by_programme(problem, cells, deliverable_kwh(problem, cells), objective)
    schedule = solve(problem, objective)
    terms = text.split("+")
    assert sum(schedule.objective[t] for t in terms) == pytest.approx(sum(programme.objective[t] for t in terms), rel=1e-8)
    assert schedule.objective["earliest"] == pytest.approx(programme.objective["earliest"], rel=1e-6)


def test_a_replan_with_other_numbers_starts_where_the_last_one_ended():
    """Worth the same to rounding, and sooner found; where the size of the programme changed, it starts from nothing."""
    objective, recall, rng = parse_objective("cost+demand"), Recall(), np.random.default_rng(1)
    problem = realistic(Shape(100, is_v2g=True, limit_share=0.2), seed=1)
    solve(problem, objective, recall)
    warm_s, cold_s = [], []
    for _ in range(4):
        need_kwh = problem.stays.need_kwh * rng.uniform(0.9, 1.0, problem.stays.n)
        problem = replace(problem, stays=replace(problem.stays, need_kwh=need_kwh))
        one, two = solve(problem, objective), solve(problem, objective, recall)
        assert verify_schedule(problem, two) == ()
        assert two.objective["cost"] + two.objective["demand"] == pytest.approx(one.objective["cost"] + one.objective["demand"], rel=1e-8)
        assert two.objective["earliest"] == pytest.approx(one.objective["earliest"], rel=1e-6)
        cold_s.append(used_s(problem, objective))
        need_kwh = need_kwh * rng.uniform(0.95, 1.0, problem.stays.n)
        problem = replace(problem, stays=replace(problem.stays, need_kwh=need_kwh))
        warm_s.append(used_s(problem, objective, recall))
    assert sum(warm_s) < 0.8 * sum(cold_s)
    smaller = realistic(Shape(20, is_v2g=True), seed=1)
    assert verify_schedule(smaller, solve(smaller, objective, recall)) == ()
    tight = realistic(Shape(20, is_v2g=True, limit_share=0.08), seed=1)  # somebody goes short: other programmes in between
    for text in ("cost", "valley", "peak>cost"):
        for _ in range(2):
            again = solve(tight, parse_objective(text), recall)
            assert verify_schedule(tight, again) == ()
            assert again.short_kwh.sum() == pytest.approx(solve(tight, parse_objective(text)).short_kwh.sum(), abs=1e-5)
