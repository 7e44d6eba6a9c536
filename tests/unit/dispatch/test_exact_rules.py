"""The rules that the optimum keeps, each on a problem small enough to work out by hand, and properties that must hold on any."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.highs import Solver
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores
from evloom.dispatch.programme import Programme
from evloom.kernel.errors import InputError, SolverError
from tests.unit.dispatch.oracle import assert_feasible, random_problem

COST = parse_objective("cost")


def site(need_kwh, *, n_step=4, cap_kw=np.inf, price=0.5, **columns):
    """One node, hourly steps, one stay of 10 kW over the whole horizon for each need; `columns` replaces columns of Stays."""
    n, steps = len(need_kwh), np.zeros(n_step)
    ints, zero, one = np.zeros(n, dtype=np.int64), np.zeros(n), np.ones(n)
    values = {
        "first": ints,
        "last": ints + n_step,
        "first_share": one,
        "last_share": one,
        "node": ints,
        "charge_max_kw": one * 10,
        "discharge_max_kw": zero,
        "need_kwh": need_kwh,
        "room_kwh": need_kwh,
        "below_kwh": zero,
        "charge_efficiency": one,
        "discharge_efficiency": one,
        "wear_per_kwh": zero,
        "priority": one,
    }
    stays = Stays(**{name: np.asarray(value) for name, value in (values | columns).items()})
    nodes = Nodes(np.array([-1]), np.broadcast_to(cap_kw, (1, n_step)) + 0.0, steps[None] + np.inf, steps[None])
    price = np.broadcast_to(price, n_step) + 0.0
    signals = Signals(price, price, steps, np.arange(n_step), 0.0, 0.0, 0.0, 0.0)
    empty = np.zeros(0)
    return Problem(np.ones(n_step), stays, Stores(empty.astype(np.int64), *[empty] * 7), nodes, signals)


def with_store(problem, **columns):
    one = np.ones(1)
    values = {"capacity_kwh": 10 * one, "stored_kwh": 0 * one, "charge_max_kw": 5 * one, "discharge_max_kw": 5 * one}
    values |= {"charge_efficiency": 0.9 * one, "discharge_efficiency": 0.9 * one, "wear_per_kwh": 0 * one}
    return replace(problem, stores=Stores(node=np.zeros(1, dtype=np.int64), **(values | columns)))


def v2g(n):
    """Columns of n stays that may discharge 20 kWh below today's charge, with losses."""
    one = np.ones(n)
    return {"discharge_max_kw": 10 * one, "below_kwh": 20 * one, "charge_efficiency": 0.9 * one, "discharge_efficiency": 0.9 * one}


def test_two_equal_cars_under_half_the_power_get_half_each():
    schedule = solve(site([12.0, 12.0], n_step=2, cap_kw=6.0), COST)
    assert schedule.short_kwh == pytest.approx([6.0, 6.0], abs=1e-9)
    assert schedule.charge_kwh.sum(axis=1) == pytest.approx([6.0, 6.0], abs=1e-9)


def test_scarce_energy_is_shared_in_proportion_to_need():
    schedule = solve(site([4.0, 8.0, 12.0], n_step=2, cap_kw=6.0), COST)
    assert schedule.short_kwh == pytest.approx([2.0, 4.0, 6.0], abs=1e-9)


def test_the_share_missed_counts_what_a_stay_could_never_have_had():
    """The first stays one hour and lacks at least half of its 20 kWh; the second then bears what a limit of 9 kW costs."""
    problem = site([20.0, 10.0], n_step=2, cap_kw=9.0, last=np.array([1, 2]))
    schedule = solve(problem, COST)
    # 18 kWh in all. Equal shares would be 40 %, but the first cannot have more than 9 of 20, so it gets all of hour one.
    assert schedule.short_kwh == pytest.approx([11.0, 1.0], abs=1e-9)


def test_priority_goes_first():
    schedule = solve(site([12.0, 12.0], n_step=2, cap_kw=7.0, priority=np.array([1.0, 2.0])), COST)
    assert schedule.short_kwh == pytest.approx([10.0, 0.0], abs=1e-9)


def test_scarcity_with_discharge_is_shared_by_the_programme():
    """Two lossless cars that may discharge nothing of their own (below 0) share like any others."""
    columns = {"discharge_max_kw": np.full(2, 10.0)}
    schedule = solve(site([12.0, 12.0], n_step=2, cap_kw=6.0, **columns), COST)
    assert schedule.short_kwh == pytest.approx([6.0, 6.0], abs=2e-3)
    assert schedule.short_kwh.sum() == pytest.approx(12.0, abs=1e-6)


def test_a_car_with_charge_to_spare_helps_one_in_need():
    """5 kW of grid, 16 kWh needed in two hours: the first car lends what is lacking and nobody is short."""
    columns = {"discharge_max_kw": np.array([10.0, 0.0]), "below_kwh": np.array([20.0, 0.0])}
    problem = site([0.0, 8.0], n_step=2, cap_kw=5.0, **columns, last=np.array([2, 1]))
    schedule = solve(problem, COST)
    assert schedule.short_kwh == pytest.approx([0.0, 0.0], abs=1e-9)
    assert schedule.discharge_kwh[0, 0] == pytest.approx(3.0, abs=1e-9)


def test_base_load_above_the_limit_leaves_nothing_but_breaks_nothing():
    problem = site([5.0], n_step=2, cap_kw=10.0)
    problem.nodes.base_kw[0] = [12.0, 4.0]
    schedule = solve(problem, COST)
    assert schedule.charge_kwh[0] == pytest.approx([0.0, 5.0], abs=1e-9)
    problem.nodes.base_kw[0] = [12.0, 15.0]
    schedule = solve(problem, COST)
    assert schedule.short_kwh == pytest.approx([5.0])
    assert schedule.charge_kwh.sum() == 0.0


def test_storage_feeds_cars_where_the_base_load_is_above_the_limit():
    problem = site([5.0], n_step=1, cap_kw=10.0)
    problem.nodes.base_kw[0] = 12.0
    schedule = solve(with_store(problem, stored_kwh=np.array([10.0])), COST)
    assert schedule.short_kwh == pytest.approx([0.0], abs=1e-9)
    assert schedule.store_kwh[0, 0] == pytest.approx(-5.0, abs=1e-9)


def test_storage_ends_no_emptier_than_asked_unless_drivers_would_go_short():
    dear_then_cheap = site([], n_step=2, price=[1.0, 0.1])
    free = solve(with_store(dear_then_cheap, stored_kwh=np.array([4.0])), COST)
    assert free.store_kwh[0].sum() < -1.0
    bound = solve(with_store(dear_then_cheap, stored_kwh=np.array([4.0]), end_min_kwh=np.array([4.0])), COST)
    assert bound.store_kwh[0, 0] == pytest.approx(-3.6)  # 4 kWh at the cells, sold while it is dear
    assert bound.store_kwh[0, 1] == pytest.approx(4.0 / 0.9)  # and bought back
    needed = site([5.0], n_step=1, cap_kw=10.0)
    needed.nodes.base_kw[0] = 12.0
    served = solve(with_store(needed, stored_kwh=np.array([10.0]), end_min_kwh=np.array([10.0])), COST)
    assert served.short_kwh == pytest.approx([0.0], abs=1e-9)


def test_the_promise_of_a_car_that_discharges_is_kept_in_its_cells():
    problem = site([2.0], price=[1.0, 0.1, 0.1, 0.1], room_kwh=np.array([40.0]), **v2g(1))
    schedule = solve(problem, COST)
    assert schedule.discharge_kwh[0, 0] == pytest.approx(10.0)
    level_kwh = 0.9 * schedule.charge_kwh.sum() - schedule.discharge_kwh.sum() / 0.9
    assert level_kwh == pytest.approx(0.9 * 2.0, abs=1e-9)
    # 10 kWh sold at 1.0; bought back at 0.1 are the 2 kWh and what the 10 kWh took out of the cells, losses twice
    assert schedule.objective["cost"] == pytest.approx(-10.0 + 0.1 * (2.0 + 10.0 / 0.81))


def test_discharge_stops_at_the_floor():
    problem = site([0.0], n_step=3, price=[1.0, 1.0, 0.0], room_kwh=np.array([40.0]), **(v2g(1) | {"below_kwh": np.array([9.0])}))
    schedule = solve(problem, COST)
    assert schedule.discharge_kwh.sum() == pytest.approx(9.0 * 0.9, abs=1e-9)


@pytest.mark.parametrize("with_storage", [False, True])
def test_negative_prices_are_no_reason_to_burn_energy_by_charging_and_discharging(with_storage):
    """Full, and paid to consume: a mixed programme would run both ways for ever; what is right is to empty first and fill then."""
    if with_storage:
        problem = with_store(site([], n_step=3, price=-1.0), stored_kwh=np.array([10.0]))
    else:
        problem = site([0.0], n_step=3, price=-1.0, **v2g(1))
    schedule = solve(problem, COST)
    assert_feasible(problem, schedule)
    # Worked out by hand. Battery full: discharge d in one step, charge d / 0.81 in another: nets d (1 / 0.81 - 1).
    # Store: 5 kW out at most and 5 kW in: hour 1 discharges d, hours 2 and 3 charge d / 0.81 <= 10, so d = 5 (limit of discharge).
    # Car: 10 kW out, 20 kWh below: d = 10 in hour 1.
    d_kwh = 5.0 if with_storage else 10.0
    assert schedule.objective["cost"] == pytest.approx(-d_kwh * (1 / 0.81 - 1), abs=1e-7)


def test_export_that_pays_more_than_import_costs_is_no_money_machine():
    """The meter sees the net: import and export in one step is not to be had."""
    problem = site([10.0], n_step=2, price=[0.2, 0.2])
    problem = replace(problem, signals=replace(problem.signals, export_price_per_kwh=np.array([0.5, 0.5])))
    problem.nodes.base_kw[0] = [-6.0, 3.0]
    schedule = solve(problem, COST)
    assert schedule.charge_kwh[0] == pytest.approx([0.0, 10.0], abs=1e-6)
    assert schedule.objective["cost"] == pytest.approx(-6.0 * 0.5 + 13.0 * 0.2, abs=1e-6)


def test_solar_is_used_on_site_where_export_earns_nothing():
    problem = site([10.0], n_step=2, price=[0.2, 0.3])
    problem = replace(problem, signals=replace(problem.signals, export_price_per_kwh=np.zeros(2)))
    problem.nodes.base_kw[0] = [0.0, -6.0]
    schedule = solve(problem, COST)
    assert schedule.charge_kwh[0] == pytest.approx([4.0, 6.0], abs=1e-9)
    assert schedule.objective["cost"] == pytest.approx(0.8)


def test_a_peak_already_reached_is_free():
    problem = site([24.0], price=[0.5, 0.5, 0.9, 0.9])
    problem = replace(problem, signals=replace(problem.signals, demand_price_per_kw=100.0, peak_so_far_kw=8.0))
    schedule = solve(problem, parse_objective("cost+demand"))
    assert schedule.charge_kwh[0] == pytest.approx([8.0, 8.0, 8.0, 0.0], abs=1e-9)
    assert schedule.objective["demand"] == 0.0


def test_the_running_interval_counts_what_it_already_took():
    """Half an hour at 10 kW has gone by of the first two-hour interval: the rest of it may draw 5 kWh for a mean of 4 kW."""
    problem = site([9.0], n_step=3, price=[0.1, 0.9, 0.9])
    problem = replace(
        problem,
        step_h=np.array([1.5, 1.0, 1.0]),
        signals=replace(
            problem.signals,
            demand_period=np.array([7, 8, 8]),
            demand_price_per_kw=100.0,
            peak_so_far_kw=5.0,
            period_done_kwh=5.0,
            period_done_h=0.5,
        ),
    )
    schedule = solve(problem, parse_objective("cost+demand"))
    assert schedule.charge_kwh[0, 0] == pytest.approx(5.0, abs=1e-9)  # (5 + 5) kWh / 2 h = 5 kW, the peak so far
    assert schedule.objective["demand"] == 0.0


def test_equal_optima_are_told_apart_by_the_earliest_delivery():
    for cap_kw in (np.inf, 10.0):  # closed form and flow
        schedule = solve(site([15.0, 5.0], n_step=6, cap_kw=cap_kw), COST)
        total = schedule.charge_kwh.sum(axis=0)
        assert total == pytest.approx([15.0, 5.0, 0, 0, 0, 0] if np.isinf(cap_kw) else [10.0, 10.0, 0, 0, 0, 0], abs=1e-9)
    idle = with_store(site([15.0, 5.0], n_step=6, cap_kw=10.0))
    schedule = solve(idle, COST)  # the programme
    assert schedule.charge_kwh.sum(axis=0) == pytest.approx([10.0, 10.0, 0, 0, 0, 0], abs=1e-9)
    assert not schedule.store_kwh.any()


def test_less_than_a_step_counts_for_its_share():
    problem = site([30.0], n_step=3, first_share=np.array([0.25]), last_share=np.array([0.5]))
    schedule = solve(problem, COST)
    assert schedule.charge_kwh[0] == pytest.approx([2.5, 10.0, 5.0])
    assert schedule.short_kwh == pytest.approx([12.5])


@pytest.mark.parametrize("text", ["cost", "cost+demand", "peak>cost", "valley", "earliest", "export+wear"])
def test_nothing_to_do(text):
    for problem in (site([]), site([], n_step=0), site([0.0]), site([3.0], last=np.array([0])), with_store(site([]))):
        schedule = solve(problem, parse_objective(text))
        assert schedule.charge_kwh.shape == (problem.stays.n, problem.n_step)
        assert schedule.charge_kwh.sum() == 0.0
        assert schedule.short_kwh == pytest.approx(problem.stays.need_kwh)


def test_all_that_is_wrong_is_named():
    problem = site([1.0, np.nan, 3.0], price=[0.5, np.nan, 0.5, 0.5], charge_efficiency=np.array([1.0, 1.0, 0.0]), node=np.array([0, 0, 7]))
    with pytest.raises(InputError) as error:
        solve(problem, COST)
    fields = {finding.field for finding in error.value.findings}
    assert {"price_per_kwh[1]", "need_kwh[1]", "charge_efficiency[2]", "node[2]"} <= fields
    assert all(finding.code == "problem.value" and finding.severity == "refused" for finding in error.value.findings)


def test_the_same_problem_gives_the_same_bits():
    for seed in range(6):
        problem = random_problem(np.random.default_rng(seed), v2g=True, storage=True, tree=True, negative=True, tight=12.0)
        one, two = (solve(problem, parse_objective("cost+demand")) for _ in range(2))
        assert one.charge_kwh.tobytes() == two.charge_kwh.tobytes()
        assert one.discharge_kwh.tobytes() == two.discharge_kwh.tobytes()
        assert one.store_kwh.tobytes() == two.store_kwh.tobytes()


def permuted(problem, order):
    return replace(
        problem, stays=replace(problem.stays, **{name: column[order] for name, column in vars(problem.stays).items() if column is not None})
    )


@pytest.mark.parametrize("is_v2g", [False, True])
def test_the_order_of_stays_does_not_matter(is_v2g):
    for seed in range(25):
        rng = np.random.default_rng(seed)
        problem = random_problem(rng, v2g=is_v2g, storage=False, tree=True, negative=False, tight=8.0)
        order = rng.permutation(problem.stays.n)
        one, two = solve(problem, COST), solve(permuted(problem, order), COST)
        assert two.objective["cost"] == pytest.approx(one.objective["cost"], rel=1e-5, abs=1e-5)
        # flows share to 1e-9, the programme (V2G) to its tangents
        assert two.short_kwh == pytest.approx(one.short_kwh[order], abs=1e-2 if is_v2g else 1e-8)


def test_more_headroom_never_costs_more():
    for seed in range(25):
        problem = random_problem(np.random.default_rng(seed), v2g=seed % 2 == 0, storage=False, tree=True, negative=False, tight=8.0)
        wider = replace(problem, nodes=replace(problem.nodes, import_max_kw=problem.nodes.import_max_kw + 2.0))
        one, two = solve(problem, COST), solve(wider, COST)
        assert problem.stays.priority @ two.short_kwh <= problem.stays.priority @ one.short_kwh + 1e-6
        if one.short_kwh.sum() < 1e-7:
            assert two.objective["cost"] <= one.objective["cost"] + 1e-6


def test_no_optimum_is_an_error_and_no_feasible_point_is_not():
    endless = Programme()
    endless.columns(1, 0.0, np.inf)
    with pytest.raises(SolverError, match=r"[Uu]nbounded"):
        Solver(endless).minimise(np.array([-1.0]))
    contradiction = Programme()
    column, row = contradiction.columns(1, 0.0, 1.0), contradiction.rows(1, 2.0, np.inf)
    contradiction.entries(row, column, 1.0)
    assert Solver(contradiction).minimise(np.zeros(1)) is None
