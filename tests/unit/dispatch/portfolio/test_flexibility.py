"""What a portfolio promises: every kW is backed by a schedule, the price is convex, others are left in peace."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort
from evloom.dispatch.portfolio.curve import Point, convex_curve
from evloom.dispatch.portfolio.flexibility import Pricing, flexibility, lasting_kw
from evloom.dispatch.portfolio.part import Window, part_of
from evloom.dispatch.portfolio.respond import node_kw, respond
from evloom.dispatch.portfolio.shift import cheapest_shift, largest_decrease, largest_increase
from evloom.dispatch.problem import Requests, Schedule
from evloom.dispatch.terms import stage_value
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError
from tests.unit.dispatch.oracle import random_problem
from tests.unit.dispatch.portfolio.cases import OBJECTIVE, street

PRICING = Pricing(OBJECTIVE)
WINDOW = Window(1, 4, 8)


def moved_kw(problem, base, schedule, window):
    return (node_kw(problem, schedule, window.node) - node_kw(problem, base, window.node))[window.steps]


@pytest.mark.parametrize("v2g_share", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_every_promise_and_every_point_of_the_curve_is_a_schedule_that_holds(seed, v2g_share):
    problem = street(seed, v2g_share=v2g_share)
    base = solve(problem, parse_objective("valley"))
    found = flexibility(problem, base, WINDOW, PRICING)
    for sign, offer in ((1, found.up), (-1, found.down)):
        for power_kw, schedule in ((offer.power_kw, offer.schedule), *zip(offer.curve.power_kw, offer.curve.schedules, strict=True)):
            assert verify_schedule(problem, schedule) == ()
            assert (sign * moved_kw(problem, base, schedule, WINDOW) >= power_kw - 1e-4).all()
            assert (schedule.short_kwh <= base.short_kwh + 1e-6).all()
            others = problem.stays.node != 1
            assert np.array_equal(schedule.charge_kwh[others], base.charge_kwh[others])
        assert offer.energy_kwh == pytest.approx(offer.power_kw)  # four quarter-hours
        assert offer.power_kw <= offer.bound_kw + 1e-9
    assert found.up.power_kw + found.down.power_kw > 1.0
    assert found.is_exact or v2g_share > 0.0
    assert found.baseline_kw == pytest.approx(node_kw(problem, base, 1)[WINDOW.steps])


@pytest.mark.parametrize("block", range(3))
def test_odd_problems_with_discharge_storage_and_tight_limits(block):
    rng, n_exact, n_offer = np.random.default_rng(block), 0, 0
    for number in range(12):
        problem = random_problem(rng, v2g=True, storage=number % 2 == 0, tree=True, negative=number % 3 == 0, tight=15.0)
        base = solve(problem, OBJECTIVE)
        window = Window(int(rng.integers(0, len(problem.nodes.parent))), 0, int(rng.integers(1, problem.n_step + 1)))
        found = flexibility(problem, base, window, replace(PRICING, points_max=0))
        for sign, offer in ((1, found.up), (-1, found.down)):
            assert verify_schedule(problem, offer.schedule) == ()
            assert (sign * moved_kw(problem, base, offer.schedule, window) >= offer.power_kw - 1e-6).all()
            assert offer.power_kw <= offer.bound_kw + 1e-6
            n_exact, n_offer = n_exact + (offer.bound_kw - offer.power_kw <= 2e-3 * offer.bound_kw + 1e-6), n_offer + 1
    assert n_exact >= 0.7 * n_offer  # the rest: energy that the bound wastes by charging and discharging at once


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(5))
def test_the_flow_prices_a_shift_as_the_programme_does(seed, sign):
    problem = street(seed, cap_kw=float(20 + 10 * seed))
    base = solve(problem, parse_objective("valley"))
    part = part_of(problem, base, WINDOW)
    most_kw = (largest_increase if sign > 0 else largest_decrease)(part).power_kw
    for share in (0.0, 0.3, 0.8, 1.0):
        own = cheapest_shift(part, OBJECTIVE, sign, share * most_kw)
        assert own is not None
        assert part.violations(own) == ()
        target_kw = node_kw(problem, base, 1)[WINDOW.steps] + sign * share * most_kw
        n = len(target_kw)
        asked = Requests(np.ones(n, dtype=int), WINDOW.steps, WINDOW.steps + 1, target_kw, np.full(n, sign < 0), np.full(n, np.inf))
        response = respond(part.problem, asked, OBJECTIVE, Effort("exact"))
        assert response.missed_kw.max() < 1e-5
        assert stage_value(OBJECTIVE, 0, own.objective) == pytest.approx(response.value, abs=1e-6)
    assert cheapest_shift(part, OBJECTIVE, sign, most_kw + 0.1) is None
    assert cheapest_shift(part, parse_objective("cost+demand"), sign, 0.0) is None


@pytest.mark.parametrize("v2g_share", [0.0, 0.5])
def test_the_price_is_convex_starts_at_nothing_and_is_what_a_dispatch_costs(v2g_share):
    problem = street(1, v2g_share=v2g_share)
    base = solve(problem, parse_objective("valley"))
    curve = flexibility(problem, base, WINDOW, PRICING).up.curve
    assert curve.power_kw[0] == curve.value[0] == 0.0
    assert len(curve.power_kw) > 2
    assert (np.diff(curve.price_per_kw()) >= -1e-6).all()
    assert curve.value[-1] > 0.0  # more load in the dear half
    costs = [schedule.objective["cost"] + schedule.objective["wear"] for schedule in curve.schedules]
    assert np.array(costs) - costs[0] == pytest.approx(curve.value, abs=1e-9)
    assert curve.at(curve.power_kw[-1] + 1.0) == float("inf")


def test_what_is_held_longer_is_never_more():
    problem = street(2)
    base = solve(problem, parse_objective("valley"))
    up, down = lasting_kw(problem, base, Window(0, 4, 12), PRICING)
    assert len(up) == len(down) == 8
    assert (np.diff(up) <= 1e-9).all()
    assert (np.diff(down) <= 1e-9).all()
    assert up[0] > up[-1]
    single = flexibility(problem, base, Window(0, 4, 12), replace(PRICING, points_max=0))
    assert (up[-1], down[-1]) == pytest.approx((single.up.power_kw, single.down.power_kw), abs=1e-6)


def test_the_energy_of_a_reduction_comes_back_elsewhere():
    problem = street(3)
    base = solve(problem, parse_objective("earliest"))
    down = flexibility(problem, base, WINDOW, replace(PRICING, points_max=0)).down
    assert down.power_kw > 1.0
    gone = -float(moved_kw(problem, base, down.schedule, WINDOW) @ problem.step_h[WINDOW.steps])
    assert gone == pytest.approx(down.energy_kwh, abs=1e-6)
    # What drivers took beyond their need may be given up; the rest is drawn later.
    beyond = float((base.charge_kwh.sum(axis=1) - problem.stays.need_kwh)[problem.stays.node == 1].sum())
    assert down.energy_kwh - beyond - 1e-6 <= down.rebound_kwh <= down.energy_kwh + 1e-6


def test_nobody_there_promises_nothing():
    problem = street(0)
    problem = replace(problem, stays=replace(problem.stays, node=np.full(12, 2)))
    base = solve(problem, OBJECTIVE)
    found = flexibility(problem, base, WINDOW, PRICING)
    assert (found.up.power_kw, found.down.power_kw, found.up.energy_kwh) == (0.0, 0.0, 0.0)
    assert found.is_exact


@pytest.mark.parametrize(
    ("window", "field"),
    [
        (Window(3, 4, 8), "node"),
        (Window(-1, 4, 8), "node"),
        (Window(1, 16, 17), "first"),
        (Window(1, 4, 4), "last"),
        (Window(1, 4, 99), "last"),
    ],
)
def test_a_window_outside_the_problem_is_a_finding(window, field):
    problem = street(0)
    with pytest.raises(InputError) as error:
        flexibility(problem, solve(problem, OBJECTIVE), window, PRICING)
    assert field in [finding.field for finding in error.value.findings]


def test_a_baseline_that_breaks_limits_is_refused_with_all_that_is_wrong():
    problem = street(0)
    base = solve(problem, OBJECTIVE)
    broken = replace(base, charge_kwh=base.charge_kwh + 50.0)
    with pytest.raises(InputError) as error:
        flexibility(problem, broken, WINDOW, PRICING)
    codes = {finding.field for finding in error.value.findings}
    assert {"node.import", "stay.charge", "stay.full"} <= codes


def test_an_order_of_objectives_has_no_price():
    problem = street(0)
    with pytest.raises(InputError, match="one stage"):
        flexibility(problem, solve(problem, OBJECTIVE), WINDOW, Pricing(parse_objective("peak>cost")))


NO_SCHEDULE = Schedule(*(np.zeros((0, 1)),) * 3, np.zeros(0), {})


def asked(function, kw):
    return Point(kw, function(kw), NO_SCHEDULE)


def test_a_curve_finds_breakpoints_exactly_and_says_how_wrong_it_may_be():
    def cost(kw):
        return max(0.0, 0.5 * kw, 2.0 * (kw - 3.0), 7.0 * (kw - 6.0))

    curve = convex_curve(8.0, lambda kw: asked(cost, kw), 20)
    assert curve.error <= 1e-4 * cost(8.0)
    for kw in np.linspace(0.0, 8.0, 33):
        assert cost(kw) - 1e-9 <= curve.at(kw) <= cost(kw) + curve.error + 1e-9
    rough = convex_curve(8.0, lambda kw: asked(cost, kw), 3)
    assert max(rough.at(kw) - cost(kw) for kw in np.linspace(0.0, 8.0, 33)) <= rough.error


def test_a_curve_ends_before_what_cannot_be_reached():
    curve = convex_curve(8.0, lambda kw: asked(lambda x: x * x, kw) if kw <= 5.0 else None, 9)
    assert curve.power_kw[-1] <= 5.0
    nothing = convex_curve(8.0, lambda kw: None, 9)
    assert (len(nothing.power_kw), nothing.schedules, nothing.error) == (0, (), float("inf"))
