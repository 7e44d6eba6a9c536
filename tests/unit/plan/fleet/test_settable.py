"""Plans that chargers can be set to: less energy below 6 A, and nothing else changed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.cells import at_nodes, cells_of, up_the_tree
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, go_on, optimise
from evloom.dispatch.real.cycles import sites_of, weak_share
from evloom.dispatch.terms import term_values
from evloom.dispatch.verify import verify_schedule
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.outcome import run
from evloom.plan.fleet.output import outcome_json, table_text
from evloom.plan.fleet.settable import CIRCLE, chargers_of, circles_of, restricted, set_to

FLEET = Recipe(600, seed=8, tree="10/60", v2g_share=0.4)


def with_powers(case, charge_max_kw, phase):
    """The case with other powers and phases of its first vehicles."""
    stays, n = case.problem.stays, len(charge_max_kw)
    charge_kw, phases = stays.charge_max_kw.copy(), stays.phase.copy()
    charge_kw[:n], phases[:n] = charge_max_kw, phase
    stays = replace(stays, charge_max_kw=charge_kw, phase=phases)
    return replace(case, problem=replace(case.problem, stays=stays))


@pytest.mark.parametrize("objective", ["cost+wear", "valley"])
def test_loads_energies_discharge_and_every_term_stay(objective):
    aim, case = parse_objective(objective), generate(FLEET)
    chargers = chargers_of(case.problem.stays, 6.0)
    problem = restricted(case, chargers).problem
    plan = optimise(problem, aim, Effort("sweeps"))
    ready, found = set_to(problem, plan, chargers, 6.0)
    assert found.weak_share_before == weak_share(problem, plan.schedule.charge_kwh, chargers.least_kw) > 0.1
    assert found.weak_share_after == weak_share(problem, ready.schedule.charge_kwh, chargers.least_kw) < 0.02
    assert verify_schedule(problem, ready.schedule, 1e-6) == ()
    before, after = plan.schedule, ready.schedule
    assert np.array_equal(before.discharge_kwh, after.discharge_kwh)
    if objective == "cost+wear":
        assert (after.discharge_kwh > 0.0).any()
    np.testing.assert_allclose(after.charge_kwh.sum(axis=1), before.charge_kwh.sum(axis=1), rtol=1e-9, atol=1e-7)
    cells = cells_of(problem)
    loads = [up_the_tree(problem, at_nodes(problem, cells, each.charge_kwh[cells.stay, cells.step])) for each in (before, after)]
    np.testing.assert_allclose(loads[1], loads[0], rtol=1e-9, atol=1e-7)
    terms = [term_values(problem, each.charge_kwh, each.discharge_kwh, each.store_kwh) for each in (before, after)]
    assert terms[1] == pytest.approx(terms[0], rel=1e-9)
    assert (ready.value, ready.bound) == (plan.value, plan.bound)


def test_what_the_files_say_of_chargers():
    """A phase is one conductor; none is three, unless the power is below 6 A on three; direct current has neither least nor steps."""
    case = with_powers(generate(Recipe(5)), [7.4, 11.0, 3.7, 150.0, 1.0], [2, -1, -1, -1, 0])
    chargers = chargers_of(case.problem.stays, 6.0)
    np.testing.assert_allclose(chargers.least_kw, [1.38, 4.14, 1.38, 0.0, 1.38])
    found = restricted(case, chargers)
    np.testing.assert_allclose(found.problem.stays.charge_max_kw, [7.36, 10.35, 3.68, 150.0, 0.0])
    [finding] = found.findings
    assert finding.code == "dispatch.below-least-current"
    assert finding.value == "below the least current in 1 of 5 rows (v5)"
    assert finding.allowed == "at least 1.38 kW"
    unknown = replace(case.problem.stays, phase=None)
    np.testing.assert_allclose(chargers_of(unknown, 10.0).least_kw, [6.9, 6.9, 2.3, 0.0, 2.3])


def test_circles_are_parts_of_sites_of_at_most_so_many():
    problem = generate(Recipe(1001, tree="one")).problem
    circle = circles_of(problem)
    assert len(set(sites_of(problem))) == 1
    assert np.array_equal(np.unique(circle), np.arange(6))
    size = np.bincount(circle)
    assert (size.max() <= CIRCLE, size.max() - size.min() <= 1) == (True, True)
    tree = generate(Recipe(1001, tree="3/20")).problem
    pairs = set(zip(sites_of(tree), circles_of(tree), strict=True))
    assert len(pairs) == len({circle for _, circle in pairs})


def test_nobody_and_those_who_cannot_are_said():
    none = run(generate(Recipe(0)), "cost", Effort(), go_on, None, 6.0)
    assert none.settable is not None
    assert (none.settable.weak_share_before, none.settable.weak_share_after, none.settable.beneath) == (0.0, 0.0, 0)
    case = with_powers(generate(Recipe(40, tree="one", headroom_share=2.0)), [1.2, 1.3], [0, 1])
    outcome = run(case, "cost", Effort(), go_on, None, 6.0)
    assert outcome.settable is not None
    assert outcome.settable.beneath == 2
    assert "2 vehicles cannot charge at so much" in table_text(outcome)
    assert outcome.is_sound
    assert not outcome.solved.schedule.charge_kwh[:2].any()
    content = json.loads(outcome_json(outcome))["settable"]
    assert (content["current_min_a"], content["beneath"]) == (6.0, 2)
    assert json.loads(outcome_json(run(case, "cost", Effort(), go_on)))["settable"] is None
