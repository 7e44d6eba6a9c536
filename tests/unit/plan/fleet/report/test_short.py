"""Who is short, what holds them back, and the classes of priority."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import optimise
from evloom.plan.fleet.report import short as module
from evloom.plan.fleet.report.loads import binding_of, loads_of
from evloom.plan.fleet.report.short import CLASSES_MAX, STAY, UNSEEN, by_priority, short_of

COST = parse_objective("cost")


def found(problem, schedule):
    return short_of(problem, schedule, binding_of(problem, loads_of(problem, schedule)))


def test_the_transformer_that_is_full_is_named(town, solved):
    short = found(town, solved.schedule)
    lacking_kwh = solved.schedule.short_kwh
    assert len(short.stay) > 1
    assert set(short.stay.tolist()) == set(np.flatnonzero(lacking_kwh > 0.01).tolist())
    assert (np.diff(lacking_kwh[short.stay]) <= 0).all()
    assert set(short.node[town.stays.node[short.stay] == 3].tolist()) == {3}


def test_the_same_a_stay_at_a_time(town, solved, monkeypatch):
    whole = found(town, solved.schedule)
    monkeypatch.setattr(module, "CELLS_MAX", 1)
    np.testing.assert_array_equal(found(town, solved.schedule).node, whole.node)


def test_a_full_node_higher_up_is_named_where_the_lower_one_has_room(town):
    limit_kw = town.nodes.import_max_kw.copy()
    limit_kw[3:6] = 100.0
    limit_kw[1] = town.nodes.base_kw[1] + 3.0
    problem = replace(town, nodes=replace(town.nodes, import_max_kw=limit_kw))
    short = found(problem, optimise(problem, COST).schedule)
    west = town.stays.node[short.stay] != 5
    assert west.any()
    assert set(short.node[west].tolist()) == {1}


def test_a_stay_too_short_at_full_power_is_no_fault_of_a_node(town, only):
    problem = only(town, 1)
    problem = replace(problem, stays=replace(problem.stays, need_kwh=np.array([29.9]), charge_max_kw=np.array([2.0])))
    schedule = optimise(problem, COST).schedule
    short = found(problem, schedule)
    assert short.stay.tolist() == [0]
    assert short.node.tolist() == [STAY]
    lazy = replace(schedule, charge_kwh=schedule.charge_kwh / 2, short_kwh=schedule.short_kwh + schedule.charge_kwh.sum(axis=1) / 2)
    assert found(problem, lazy).node.tolist() == [UNSEEN]


def test_a_base_load_above_the_limit_holds_everybody_below_it(town, only):
    problem = only(town, 1)
    base_kw = problem.nodes.base_kw.copy()
    base_kw[1] = 99.0
    problem = replace(problem, nodes=replace(problem.nodes, base_kw=base_kw))
    schedule = optimise(problem, COST).schedule
    assert schedule.short_kwh[0] == pytest.approx(problem.stays.need_kwh[0])
    assert found(problem, schedule).node.tolist() == [1]


def test_shares_served_are_counted_by_priority(town, solved):
    lacking_kwh = np.array([0.0, 8.0, 3.0, 0.5, 0.0, 1.0, 0.0, 0.0])  # of 9, 8, 6, 5, 4, 10, 8, 6
    classes = by_priority(town, replace(solved.schedule, short_kwh=lacking_kwh))
    assert [(one.low, one.high, one.n, one.full) for one in classes] == [(2.0, 2.0, 1, 0), (1.0, 1.0, 7, 4)]
    assert classes[0].counts.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]  # 90 % served
    assert classes[1].counts.tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]  # 0, 50 and 90 %


def test_many_priorities_are_put_together_and_nobody_is_lost(town, solved):
    n = 400
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 8, n)
    columns = {name: column[rows] for name, column in vars(town.stays).items() if column is not None}
    problem = replace(town, stays=replace(town.stays, **columns))
    problem = replace(problem, stays=replace(problem.stays, priority=rng.uniform(0.5, 9.0, n)))
    lacking_kwh = rng.uniform(0.0, 1.0, n) * problem.stays.need_kwh * (rng.random(n) < 0.5)
    classes = by_priority(problem, replace(solved.schedule, short_kwh=lacking_kwh))
    assert len(classes) == CLASSES_MAX
    assert sum(one.n for one in classes) == n
    assert sum(one.full for one in classes) == (lacking_kwh <= 0.01).sum()
    assert all(one.counts.sum() == one.n - one.full for one in classes)
    assert all(upper.low > lower.high for upper, lower in pairwise(classes))
    assert max(one.n for one in classes) <= 1.5 * n / CLASSES_MAX


def test_vehicles_that_need_nothing_are_in_no_class(town, solved):
    nothing = np.zeros(8)
    problem = replace(town, stays=replace(town.stays, need_kwh=nothing))
    assert by_priority(problem, replace(solved.schedule, short_kwh=nothing)) == []
