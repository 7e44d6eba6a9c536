"""Doing what is asked: hard and soft requests, and what is said when they cannot be met."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.portfolio.flexibility import Pricing, flexibility
from evloom.dispatch.portfolio.part import Window
from evloom.dispatch.portfolio.respond import MISSED_KW, joined, node_kw, respond
from evloom.dispatch.problem import Requests
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError
from tests.unit.dispatch.portfolio.cases import OBJECTIVE, street

WINDOW = Window(0, 4, 8)


def request(target_kw, penalty_per_kwh=np.inf, *, ceiling=True, node=0):
    columns = np.array([node]), np.array([WINDOW.first]), np.array([WINDOW.last]), np.array([target_kw])
    return Requests(*columns, np.array([ceiling]), np.array([penalty_per_kwh]))


@pytest.mark.parametrize("v2g_share", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_what_was_promised_is_delivered(seed, v2g_share):
    problem = street(seed, v2g_share=v2g_share)
    base = solve(problem, parse_objective("valley"))
    promised = flexibility(problem, base, WINDOW, Pricing(OBJECTIVE, points_max=0))
    level_kw = promised.baseline_kw
    asked = request(float(level_kw.min()) - 0.9 * promised.down.power_kw)
    for one in (replace(asked, target_kw=np.array([float(level_kw.max())])), asked):
        response = respond(problem, one, OBJECTIVE)
        assert verify_schedule(problem, response.solved.schedule) == ()
        met = response.load_kw[0, WINDOW.steps].max() <= one.target_kw[0] + MISSED_KW
        assert bool(response.is_met[0]) == met
    exact = joined(*(request(float(kw) - 0.9 * promised.down.power_kw) for kw in level_kw[:2]))
    each = replace(exact, first=np.array([4, 5]), last=np.array([5, 6]))
    response = respond(problem, each, OBJECTIVE)
    assert response.is_met.all()
    assert response.findings == response.solved.findings
    delivered = response.delivered_kw(problem, base)
    assert (delivered[[0, 1], [4, 5]] >= 0.9 * promised.down.power_kw - 1e-4).all()
    assert (np.delete(delivered[0], 4) == 0.0).all()


def test_a_soft_request_is_met_where_its_penalty_is_dearer_than_shifting():
    problem = street(1)
    before_kw = node_kw(problem, solve(problem, OBJECTIVE), 0)[WINDOW.steps]
    target_kw = float(before_kw.max()) + 3.0
    missed = [respond(problem, request(target_kw, p, ceiling=False), OBJECTIVE) for p in (1e-6, 0.01, 0.1, 10.0)]
    energies = [float(r.missed_kw[0] @ problem.step_h) for r in missed]
    values = [r.value for r in missed]
    assert energies[0] > energies[-1]
    assert all(np.diff(energies) <= 1e-6)
    assert all(np.diff(values) >= -1e-9)
    assert missed[0].penalty == pytest.approx(1e-6 * energies[0])
    assert missed[0].value == pytest.approx(respond(problem, request(0.0, 1e-9, ceiling=False), OBJECTIVE).value, abs=1e-4)


def test_what_cannot_be_met_is_said_and_drivers_come_first():
    problem = street(2)
    response = respond(problem, request(-500.0), OBJECTIVE)
    assert not response.is_met[0]
    [finding] = [f for f in response.findings if f.code == "request.missed"]
    assert (finding.severity, finding.row, finding.field) == ("warning", 0, "target_kw[0]")
    assert "at most -500 kW" in finding.allowed
    assert response.solved.schedule.short_kwh.max() <= solve(problem, OBJECTIVE).short_kwh.max() + 1e-6
    least = respond(problem, request(-500.0, 1e-3), OBJECTIVE)
    assert response.missed_kw.sum() <= least.missed_kw.sum() + 1e-6


def test_requests_of_the_problem_stay_in_force():
    problem = street(1)
    held = replace(problem, requests=request(9.0, 1e-4))
    response = respond(held, request(1e9, 0.5), OBJECTIVE)
    assert response.requests.n == 2
    assert response.requests.target_kw.tolist() == [9.0, 1e9]
    assert response.is_met[1]
    assert response.penalty == pytest.approx(1e-4 * float(response.missed_kw[0] @ problem.step_h))


@pytest.mark.parametrize("wrong", [{"target_kw": np.array([np.nan])}, {"node": np.array([9])}, {"penalty_per_kwh": np.array([np.nan])}])
def test_an_impossible_request_is_a_finding(wrong):
    with pytest.raises(InputError) as error:
        respond(street(0), replace(request(10.0), **wrong), OBJECTIVE)
    assert {finding.severity for finding in error.value.findings} == {"refused"}
