"""How long exact optima of a site may take, in seconds of the processor, the best of three runs; and the same answer another way."""

import time

import pytest

from evloom.dispatch.cells import cells_of, deliverable_kwh
from evloom.dispatch.exact import _by_programme, solve
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


def used_s(problem, objective):
    """Time of the processor that one solution takes."""
    begin_s = time.process_time()
    solve(problem, objective)
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
