"""What arrives of a plan at chargers of 0 or 6 A and up: with what is owed carried over, and without."""

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, optimise
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.real.currents import Currents, currents, within_currents
from evloom.dispatch.real.cycles import cancel_cycles, weak_share
from evloom.dispatch.real.quantise import Ask, follow, owed_after, rounded_kw
from evloom.dispatch.real.rehearse import Rehearsal, bays_at, paths, presence_h, rehearse, wires_at
from evloom.dispatch.reason import MINIMUM
from evloom.dispatch.verify import verify, verify_schedule
from tests.unit.dispatch.moments import row_of_cars, supply
from tests.unit.dispatch.real.sites import chargers_of, day_price, home_evening, jpl_day, mixed, planned, site
from tests.unit.dispatch.real.test_cycles import slack

ONE_A = 0.23


def lost(problem: Problem, plan: Schedule, followed: Rehearsal) -> float:
    """Share of the needs that following the plan left undone, beyond what the plan itself did."""
    return float((followed.short_kwh - plan.short_kwh).sum() / problem.stays.need_kwh.sum())


def breaches(problem: Problem, chargers: Currents, order_kw) -> int:
    """Everything wrong with the orders of all steps."""
    path, hours = paths(problem.nodes.parent), presence_h(problem)
    wanted_kwh = problem.stays.need_kwh
    moments = ((bays_at(problem, chargers, hours[:, k] > 0.0, wanted_kwh), wires_at(problem.nodes, path, k)) for k in range(problem.n_step))
    return sum(len(verify(bays, wires, order_kw[:, k])) for k, (bays, wires) in enumerate(moments))


@pytest.mark.parametrize(("n", "seed", "step_a"), [(50, 5, 1.0), (500, 5, 1.0), (50, 5, 0.1)])
def test_home_sites_with_a_tight_cap(n, seed, step_a):
    """Rounding down loses 8 to 12 % of a plan that is no corner, carrying over what is owed under 0.2 %."""
    problem, corner = planned(home_evening(n, seed), "cost")
    plan, chargers = mixed(problem, corner, 0, 1000), chargers_of(problem, step_a)
    plain, owed = rehearse(problem, plan, chargers, carries_debt=False), rehearse(problem, plan, chargers)
    assert lost(problem, plan, plain) > (0.08 if step_a == 1.0 else 0.06)
    assert lost(problem, plan, owed) < 0.002
    ready = rehearse(problem, cancel_cycles(problem, plan, chargers.least_kw), chargers)
    assert lost(problem, plan, ready) < 0.002
    assert breaches(problem, chargers, plain.order_kw) == breaches(problem, chargers, owed.order_kw) == 0
    paid, promised = (float(problem.signals.price_per_kwh @ kwh.sum(axis=0)) for kwh in (ready.drawn_kwh, plan.charge_kwh))
    assert paid < 1.01 * promised


@pytest.mark.parametrize(("day", "cap_share"), [(12, 0.35), (14, 0.35), (28, 0.35), (12, 0.6), (28, 0.6)])
def test_recorded_days(day, cap_share):
    problem, plan = planned(jpl_day(day, cap_share=cap_share), "cost")
    chargers = chargers_of(problem)
    plain, owed = rehearse(problem, plan, chargers, carries_debt=False), rehearse(problem, plan, chargers)
    assert lost(problem, plan, owed) < 0.002
    assert lost(problem, plan, plain) > 2.0 * lost(problem, plan, owed)
    assert breaches(problem, chargers, owed.order_kw) == 0


@pytest.mark.parametrize(("problem", "objective"), [(home_evening(200, 2), "cost"), (slack(200, 3), "valley")])
def test_plans_made_by_sweeps_are_smooth_and_need_it_most(problem, objective):
    """Prices and smoothing spread energy over all hours of equal cost: over a third of it is below 6 A, and rounding down loses that."""
    chargers = chargers_of(problem)
    problem = within_currents(problem, chargers)
    plan = optimise(problem, parse_objective(objective), Effort(method="sweeps")).schedule
    ready = cancel_cycles(problem, plan, chargers.least_kw)
    assert weak_share(problem, plan.charge_kwh, chargers.least_kw) > 0.26
    assert weak_share(problem, ready.charge_kwh, chargers.least_kw) < 0.02
    assert verify_schedule(problem, ready) == ()
    assert lost(problem, plan, rehearse(problem, plan, chargers, carries_debt=False)) > 0.12
    assert lost(problem, plan, rehearse(problem, ready, chargers)) < 0.002


def test_fewer_switches_where_cycles_were_cancelled_first():
    problem, corner = planned(slack(50, 2), "valley")
    plan, chargers = mixed(problem, corner, 0, 2000), chargers_of(problem)
    as_it_is, ready = (rehearse(problem, each, chargers) for each in (plan, cancel_cycles(problem, plan, chargers.least_kw)))
    switches = [int((np.diff(run.order_kw > 0.0, axis=1)).sum()) for run in (as_it_is, ready)]
    assert switches[1] < 0.8 * switches[0]
    assert lost(problem, plan, as_it_is) < 0.002
    assert lost(problem, plan, ready) < 0.002


def test_three_amperes_are_six_every_other_step():
    bays, wires, owed_kwh, got = row_of_cars(1), supply(), np.zeros(1), []
    for _ in range(6):
        ask = Ask(np.array([3.0 * ONE_A]), owed_kwh, np.array([0.25]), np.zeros(1, dtype=np.bool_))
        order_kw, _ = follow(bays, wires, ask, np.array([0]))
        owed_kwh = owed_after(ask, order_kw)
        got.append(round(float(order_kw[0]) / ONE_A))
    assert got == [6, 0, 6, 0, 6, 0]


def test_never_owed_more_than_half_of_what_the_least_current_carries():
    rng, bays = np.random.default_rng(1), row_of_cars(40)
    owed_kwh, n = np.zeros(40), 40
    for _ in range(200):
        plan_kw = rng.uniform(0.0, 7.36, n) * (rng.random(n) < 0.7)
        ask = Ask(plan_kw, owed_kwh, np.full(n, 0.25), np.zeros(n, dtype=np.bool_))
        order_kw = rounded_kw(bays, ask)
        assert (order_kw[plan_kw <= 0.0] == 0.0).all()
        owed_kwh = owed_after(ask, order_kw)
        assert np.abs(owed_kwh).max() <= 3.0 * ONE_A * 0.25 + 1e-9


def test_what_is_left_is_paid_in_the_last_step_and_at_once_after_it():
    bays, yes = row_of_cars(2), np.ones(2, dtype=np.bool_)
    ask = Ask(np.array([6.2 * ONE_A, 0.0]), np.array([0.0, 0.1 * ONE_A]), np.ones(2), yes)
    np.testing.assert_allclose(rounded_kw(bays, ask) / ONE_A, [7.0, 6.0])
    np.testing.assert_allclose(rounded_kw(bays, ask._replace(is_last=~yes)) / ONE_A, [6.0, 0.0])


def test_discharge_and_direct_current_are_as_planned():
    bays = row_of_cars(2, current_min_a=np.zeros(2), current_step_a=np.zeros(2), discharge_max_kw=np.full(2, 5.0))
    ask = Ask(np.array([-3.3, 2.345]), np.array([1.0, 0.5]), np.ones(2), np.zeros(2, dtype=np.bool_))
    np.testing.assert_allclose(rounded_kw(bays, ask), [-3.3, 2.845])
    np.testing.assert_allclose(owed_after(ask, np.array([-3.0, 2.845])), [0.0, 0.0])


def test_what_a_limit_takes_is_owed_and_given_later():
    """12 A for two cars that want 8 A each: together they draw all 12, and in turns neither falls behind."""
    bays, wires, owed_kwh = row_of_cars(2), supply(12 * ONE_A), np.zeros(2)
    total = np.zeros(2)
    for _ in range(10):
        ask = Ask(np.full(2, 6.0 * ONE_A), owed_kwh, np.full(2, 0.25), np.zeros(2, dtype=np.bool_))
        order_kw, _ = follow(bays, wires, ask, np.argsort(-owed_kwh, kind="stable"))
        assert order_kw.sum() == pytest.approx(12 * ONE_A)
        owed_kwh, total = owed_after(ask, order_kw), total + order_kw
    np.testing.assert_allclose(total, 60 * ONE_A)


def test_a_vehicle_that_needs_more_than_its_pile_can_set_gets_nothing_and_the_reason():
    """A car that sleeps below 8 A at a pile of 7 A: the plan leaves it out, the order is 0 and the record says why."""
    problem = site((np.zeros(2), np.full(2, 6.0)), np.full(2, 5.0), np.array([7 * ONE_A, 7.36]), 10.0, day_price(24))
    chargers = Currents(np.full(2, ONE_A), np.array([8.0, 6.0]), np.ones(2))
    bays = bays_at(problem, chargers, np.ones(2, dtype=np.bool_), problem.stays.need_kwh)
    ask = Ask(np.full(2, 7 * ONE_A), np.zeros(2), np.full(2, 0.25), np.zeros(2, dtype=np.bool_))
    order_kw, reason = follow(bays, supply(), ask, np.arange(2))
    assert order_kw[0] == 0.0
    assert follow(bays, supply(), ask._replace(owed_kwh=np.full(2, 9.0)), np.arange(2))[0][0] == 0.0
    assert reason[1] != MINIMUM
    assert within_currents(problem, chargers).stays.charge_max_kw.tolist() == [0.0, 7.36]
    assert currents(np.array([-1])).least_kw[0] == pytest.approx(4.14)
