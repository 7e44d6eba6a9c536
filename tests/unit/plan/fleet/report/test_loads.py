"""Loads of the nodes against sums of another hand, on random problems of every kind."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import optimise
from evloom.dispatch.terms import term_values
from evloom.plan.fleet.report import loads as module
from evloom.plan.fleet.report.loads import binding_of, loads_of, over_kw, there_h
from evloom.plan.fleet.report.tally import tallies
from tests.unit.dispatch.oracle import random_problem, with_extras


def random_case(seed):
    rng = np.random.default_rng(seed)
    problem = with_extras(random_problem(rng, v2g=True, storage=True, tree=True, negative=False, tight=8.0), rng)
    return problem, optimise(problem, parse_objective("cost")).schedule


def above(problem, node):
    """The node and all above it."""
    path = [int(node)]
    while path[-1] > 0:
        path.append(int(problem.nodes.parent[path[-1]]))
    return path


def summed(problem, schedule):
    """Loads of nodes and phases by loops over stays and steps."""
    kw, phase_kw = np.zeros(problem.nodes.base_kw.shape), np.zeros((len(problem.nodes.parent), 3, problem.n_step))
    phases = problem.stays.phase
    for i in range(problem.stays.n):
        net_kw = (schedule.charge_kwh[i] - schedule.discharge_kwh[i]) / problem.step_h
        on = [0, 1, 2] if phases is None or phases[i] < 0 else [int(phases[i])]
        for node in above(problem, problem.stays.node[i]):
            kw[node] += net_kw
            for phase in on:
                phase_kw[node, phase] += net_kw / len(on)
    for i in range(len(problem.stores.node)):
        for node in above(problem, problem.stores.node[i]):
            kw[node] += schedule.store_kwh[i] / problem.step_h
            phase_kw[node] += schedule.store_kwh[i] / problem.step_h / 3.0
    return kw, phase_kw


@pytest.mark.parametrize("seed", range(12))
def test_loads_are_the_sums_of_what_hangs_below(seed, monkeypatch):
    problem, schedule = random_case(seed)
    kw, phase_kw = summed(problem, schedule)
    for cells_max in (module.CELLS_MAX, 2 * problem.n_step):  # all at once, and two stays at a time
        monkeypatch.setattr(module, "CELLS_MAX", cells_max)
        loads = loads_of(problem, schedule)
        np.testing.assert_allclose(loads.steered_kw, kw, atol=1e-9)
        if problem.nodes.phase_room_kw is None:
            assert loads.phase_kw is None
        else:
            assert loads.phase_kw is not None
            np.testing.assert_allclose(loads.phase_kw, phase_kw, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_charging_at_once_is_full_power_until_the_need_is_met(seed):
    problem, schedule = random_case(seed)
    most_kwh = problem.stays.charge_max_kw[:, None] * there_h(problem, slice(None))
    flow_kwh = np.zeros(most_kwh.shape)
    for i in range(problem.stays.n):
        left_kwh = problem.stays.need_kwh[i]
        for k in range(problem.n_step):
            flow_kwh[i, k] = min(left_kwh, most_kwh[i, k])
            left_kwh -= flow_kwh[i, k]
    loads = loads_of(problem, schedule)
    alone = replace(schedule, charge_kwh=flow_kwh, discharge_kwh=np.zeros(flow_kwh.shape), store_kwh=np.zeros(schedule.store_kwh.shape))
    np.testing.assert_allclose(loads.at_once_kw, summed(problem, alone)[0], atol=1e-9)
    np.testing.assert_allclose(loads.at_once_short_kwh, problem.stays.need_kwh - flow_kwh.sum(axis=1), atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_the_bill_is_what_the_terms_of_the_objective_say_less_that_of_the_base_load(seed):
    problem, schedule = random_case(seed)
    problem = replace(problem, signals=replace(problem.signals, demand_price_per_kw=3.0))
    nothing = np.zeros(schedule.charge_kwh.shape), np.zeros(schedule.charge_kwh.shape), np.zeros(schedule.store_kwh.shape)
    whole = term_values(problem, schedule.charge_kwh, schedule.discharge_kwh, schedule.store_kwh)
    base = term_values(problem, *nothing)
    _, told = tallies(problem, schedule, loads_of(problem, schedule), "EUR")
    assert told.energy_bill + told.zone_bill == pytest.approx(whole["cost"] - base["cost"], abs=1e-9)
    assert told.demand_bill == pytest.approx(whole["demand"] - base["demand"], abs=1e-9)
    assert told.carbon_kg == pytest.approx(whole["carbon"] - base["carbon"], abs=1e-9)
    assert told.missed == pytest.approx(whole["request"], abs=1e-9)
    assert told.bill == pytest.approx(told.energy_bill + told.zone_bill + told.demand_bill)
    assert told.short_kwh == pytest.approx(schedule.short_kwh.sum())


def test_a_node_binds_where_its_room_is_used_up_and_where_it_has_none(town, solved):
    base_kw = town.nodes.base_kw.copy()
    base_kw[4, 0] = 50.0  # the base load alone is above the limit of 9 kW
    problem = replace(town, nodes=replace(town.nodes, base_kw=base_kw))
    loads = loads_of(problem, solved.schedule)
    room_kw = np.maximum(problem.nodes.import_max_kw - base_kw, 0.0)
    binding = binding_of(problem, loads)
    assert binding.total[3].any()
    assert not binding.total[3].all()
    np.testing.assert_array_equal(binding.total[3], loads.steered_kw[3] > 0.99 * room_kw[3])
    assert binding.total[4, 0] == (loads.steered_kw[4, 0] >= 0.0)
    assert binding.phase is None


def test_what_is_above_a_limit_is_counted_from_the_base_load_where_that_is_above_it_already(town):
    base_kw = town.nodes.base_kw.copy()
    base_kw[0, 1] = 45.0
    problem = replace(town, nodes=replace(town.nodes, base_kw=base_kw))
    steered_kw = np.zeros(base_kw.shape)
    steered_kw[0, :2] = 60.0, 2.0
    over = over_kw(problem, steered_kw)
    assert over[0, :3].tolist() == [60.0 + base_kw[0, 0] - 40.0, 2.0, 0.0]
    assert over[1:].sum() == 0.0


def test_a_vehicle_on_one_phase_is_held_by_its_own_phase_only(town, solved):
    room_kw = np.full((6, 3, town.n_step), np.inf)
    room_kw[5, 1, :] = 0.0
    phase = np.array([-1, -1, -1, -1, -1, -1, 0, 0])
    problem = replace(town, nodes=replace(town.nodes, phase_room_kw=room_kw), stays=replace(town.stays, phase=phase))
    schedule = replace(solved.schedule, charge_kwh=np.zeros_like(solved.schedule.charge_kwh))
    binding = binding_of(problem, loads_of(problem, schedule))
    held = binding.of(np.array([5, 5, 5, 2]), np.array([0, 1, -1, 1]))
    assert held.any(axis=1).tolist() == [False, True, True, False]
