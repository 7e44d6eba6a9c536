"""A car that sleeps below a current its pile cannot give: the plan leaves it out, says why, and the others have the room."""

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest

from evloom.dispatch.belief import Trust
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.reason import MINIMUM
from evloom.loop.optimal_policy import OptimalPolicy, believed, problem_of
from evloom.loop.state import State
from evloom.pile.events import PluggedIn, Tick
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import stage


@pytest.fixture(scope="module")
def laid_out():
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        return stage(load_scenario(path))


@pytest.mark.parametrize(("least_a", "is_beneath"), [(6.0, False), (64.0, True)])
def test_the_plan_knows_and_the_record_says(laid_out, least_a, is_beneath):
    scenario = laid_out.scenario
    tree = replace(scenario.site.tree, import_max_kw=np.full(scenario.site.tree.n, 7.36), phase_max_a=np.full(scenario.site.tree.n, np.inf))
    state = State(replace(scenario.site, base_load=(), solar=(), tree=tree), scenario.evse, laid_out.terms)
    at_s = laid_out.grid.start_s
    for row, current_min_a in ((0, least_a), (1, 6.0)):
        name = scenario.evse.evse_id[row]
        state.apply(PluggedIn(at_s, name, f"s{row}", at_s + 14_400.0, 25.0, 7.36, 1, current_min_a, 0.0, 1, 1, 0, 1, 0, [], []))
    state.apply(Tick(at_s, 0.25))
    snapshot = state.snapshot()
    rows = np.array([0, 1])
    problem = problem_of(snapshot, rows, *believed(snapshot, rows, Trust(), 0.0))
    assert bool(problem.stays.charge_max_kw[0] == 0.0) == is_beneath
    orders, _ = OptimalPolicy(parse_objective("cost"), Trust()).decide(snapshot, None)
    assert bool(orders.reason[0] == MINIMUM) == is_beneath
    assert (orders.power_kw[0] == 0.0) or not is_beneath
    assert (orders.power_kw[1] if is_beneath else orders.power_kw.sum()) > 6.4
