"""Changing places inside a site: the same loads, energies and cost, and hardly any current that no charger can be set to."""

import time
from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.real.currents import beneath, currents, settable_kw, within_currents
from evloom.dispatch.real.cycles import cancel_cycles, sites_of, weak_share
from evloom.dispatch.real.rehearse import presence_h
from evloom.dispatch.terms import term_values
from evloom.dispatch.verify import verify_schedule
from tests.unit.dispatch.real.sites import chargers_of, day_price, home_evening, jpl_day, mixed, planned, site, with_discharge


def slack(n: int, seed: int) -> Problem:
    """A home site whose cars want so little that its valley can be filled in many ways."""
    problem = home_evening(n, seed)
    stays = problem.stays
    return replace(problem, stays=replace(stays, need_kwh=stays.need_kwh * 0.5, room_kwh=stays.room_kwh * 0.5))


def constant_power(problem: Problem) -> Schedule:
    """Every car charges evenly for as long as it is there."""
    share = presence_h(problem) / presence_h(problem).sum(axis=1, keepdims=True)
    charge_kwh = share * problem.stays.need_kwh[:, None]
    n = problem.stays.n
    return Schedule(charge_kwh, np.zeros_like(charge_kwh), np.zeros((0, problem.n_step)), np.zeros(n), {})


def hold_sums(before: Schedule, after: Schedule) -> None:
    np.testing.assert_allclose(after.charge_kwh.sum(axis=0), before.charge_kwh.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(after.charge_kwh.sum(axis=1), before.charge_kwh.sum(axis=1), atol=1e-9)


def hold_what_must_stay(problem: Problem, before: Schedule, after: Schedule) -> None:
    """Loads, energies and every term of the objective as before; nothing broken."""
    hold_sums(before, after)
    cost_before, cost_after = (term_values(problem, plan.charge_kwh, plan.discharge_kwh, plan.store_kwh) for plan in (before, after))
    assert cost_after == pytest.approx(cost_before, rel=1e-9, abs=1e-9)
    assert verify_schedule(problem, before) == verify_schedule(problem, after) == ()


@pytest.mark.parametrize(("n", "seed"), [(20, 1), (50, 2), (200, 3)])
def test_an_optimum_that_is_no_corner_loses_an_eighth_of_its_energy_to_the_six_amperes_and_then_under_a_fiftieth(n, seed):
    problem, corner = planned(slack(n, seed), "valley")
    plan = mixed(problem, corner, seed=0, swaps_per_stay=2000)
    least_kw = chargers_of(problem).least_kw
    after = cancel_cycles(problem, plan, least_kw)
    assert weak_share(problem, plan.charge_kwh, least_kw) > 0.125
    assert weak_share(problem, after.charge_kwh, least_kw) < 0.02
    hold_what_must_stay(problem, plan, after)


@pytest.mark.parametrize("day", [12, 14, 28])
def test_recorded_days(day):
    problem, corner = planned(jpl_day(day), "cost")
    plan, least_kw = mixed(problem, corner, seed=day), chargers_of(problem).least_kw
    after = cancel_cycles(problem, plan, least_kw)
    assert weak_share(problem, after.charge_kwh, least_kw) < 0.25 * weak_share(problem, plan.charge_kwh, least_kw)
    assert weak_share(problem, after.charge_kwh, least_kw) < 0.002
    hold_what_must_stay(problem, plan, after)


def test_a_thousand_cars_at_constant_power_in_well_under_a_second():
    """Two thirds of the energy is below 6 A before."""
    problem = within_currents(home_evening(1000, 3, cap_kw_each=100.0), chargers_of(home_evening(1000, 3, cap_kw_each=100.0)))
    plan, least_kw = constant_power(problem), chargers_of(problem).least_kw
    cancel_cycles(*planned(slack(20, 1), "cost"), chargers_of(slack(20, 1)).least_kw)  # compiles
    began = time.process_time()
    after = cancel_cycles(problem, plan, least_kw)
    assert time.process_time() - began < 0.5
    assert weak_share(problem, plan.charge_kwh, least_kw) > 0.5
    assert weak_share(problem, after.charge_kwh, least_kw) < 0.005
    hold_what_must_stay(problem, plan, after)
    again = cancel_cycles(problem, plan, least_kw)
    assert np.array_equal(again.charge_kwh, after.charge_kwh)


def test_it_never_gets_worse():
    rng = np.random.default_rng(3)
    for seed in range(40):
        problem = home_evening(int(rng.integers(1, 8)), seed)
        plan, least_kw = mixed(problem, constant_power(problem), seed, 30), chargers_of(problem).least_kw * rng.uniform(0.2, 2.0)
        after = cancel_cycles(problem, plan, least_kw)
        assert weak_share(problem, after.charge_kwh, least_kw) <= weak_share(problem, plan.charge_kwh, least_kw) + 1e-9
        hold_sums(plan, after)


def test_by_hand_two_cars_of_three_amperes_take_turns():
    """Each has 3 A in both of two steps: one gets its 6 A first, the other then."""
    problem = site((np.zeros(2), np.full(2, 0.5)), np.full(2, 0.345), 7.36, 100.0, day_price(2))
    plan = Schedule(np.full((2, 2), 0.1725), np.zeros((2, 2)), np.zeros((0, 2)), np.zeros(2), {})
    after = cancel_cycles(problem, plan, np.full(2, 1.38))
    np.testing.assert_allclose(np.sort(after.charge_kwh.ravel()), [0.0, 0.0, 0.345, 0.345], atol=1e-12)
    np.testing.assert_allclose(after.charge_kwh.sum(axis=0), 0.345, atol=1e-12)


def test_a_battery_that_discharges_keeps_its_level_at_every_discharge():
    problem, plan = with_discharge(slack(20, 4))
    least_kw = chargers_of(problem).least_kw
    assert (plan.discharge_kwh > 0.0).any()
    assert verify_schedule(problem, plan) == ()
    after = cancel_cycles(problem, plan, least_kw)
    assert verify_schedule(problem, after) == ()
    assert np.array_equal(after.discharge_kwh, plan.discharge_kwh)
    assert weak_share(problem, after.charge_kwh, least_kw) < 0.5 * weak_share(problem, plan.charge_kwh, least_kw)
    gained = np.cumsum(after.charge_kwh - plan.charge_kwh, axis=1)
    np.testing.assert_allclose(gained[plan.discharge_kwh > 0.0], 0.0, atol=1e-9)


def test_who_may_change_places():
    """A node whose limit never binds is one with the node above; one that may, that has a price or a request, is not."""
    base = slack(8, 5)
    n_step, most_kw = base.n_step, base.stays.charge_max_kw.sum()
    limits_kw = np.repeat(np.array([0.7 * most_kw, most_kw + 1.0, 1.0, most_kw + 1.0])[:, None], n_step, axis=1)
    nodes = replace(
        base.nodes,
        parent=np.array([-1, 0, 0, 1]),
        import_max_kw=limits_kw,
        export_max_kw=np.zeros((4, n_step)),
        base_kw=np.zeros((4, n_step)),
    )
    problem = replace(base, nodes=nodes, stays=replace(base.stays, node=np.array([0, 1, 2, 3, 0, 1, 2, 3])))
    here = sites_of(problem)
    assert len({*here[[0, 1, 3, 4, 5, 7]]}) == 1
    assert here[2] == here[6] != here[0]
    price = np.zeros((4, n_step))
    price[3, 5] = 0.01
    priced = sites_of(replace(problem, nodes=replace(nodes, price_per_kwh=price)))
    assert len({*priced[[0, 1, 4, 5]]}) == 1
    assert priced[3] == priced[7] != priced[0]
    room_kw = np.full((4, 3, n_step), np.inf)
    room_kw[0] = 5.0
    phased = replace(
        problem, nodes=replace(nodes, phase_room_kw=room_kw), stays=replace(problem.stays, phase=np.array([0, 0, 0, 0, 1, 1, -1, -1]))
    )
    assert sites_of(phased)[0] == sites_of(phased)[1] != sites_of(phased)[4]


def test_a_vehicle_below_the_least_current_is_short_in_the_plan_already():
    problem = slack(4, 6)
    power_kw = np.array([1.3, 7.3, 3.68, 22.08])
    problem = replace(problem, stays=replace(problem.stays, charge_max_kw=power_kw))
    chargers = currents(np.array([0, 0, 0, -1]))
    assert beneath(problem, chargers).tolist() == [0]
    np.testing.assert_allclose(settable_kw(power_kw, chargers), [0.0, 31 * 0.23, 3.68, 22.08])
    _, plan = planned(problem, "cost")
    assert plan.short_kwh[0] == pytest.approx(problem.stays.need_kwh[0])
    np.testing.assert_allclose(plan.short_kwh[1:], 0.0, atol=1e-6)


def test_nobody_and_no_time():
    empty = site((np.zeros(0), np.zeros(0)), np.zeros(0), np.zeros(0), 10.0, day_price())
    plan = Schedule(np.zeros((0, 96)), np.zeros((0, 96)), np.zeros((0, 96)), np.zeros(0), {})
    assert cancel_cycles(empty, plan, np.zeros(0)).charge_kwh.shape == (0, 96)
    assert weak_share(empty, plan.charge_kwh, np.zeros(0)) == 0.0
