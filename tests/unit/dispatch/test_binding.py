"""Who is short and what binds, on problems small enough to say beforehand, and on random ones by what must hold."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.binding import bindings
from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.verify import verify_schedule
from tests.unit.dispatch.instances import Shape, realistic
from tests.unit.dispatch.oracle import Dense, random_problem, with_extras
from tests.unit.dispatch.test_exact_rules import site

COST = parse_objective("cost")


def named(problem):
    """Code and row of all that binds in the best schedule."""
    schedule = solve(problem, COST)
    assert verify_schedule(problem, schedule) == ()
    return [(finding.code, finding.row) for finding in bindings(problem, schedule)]


def with_board(problem, board_kw, root_kw=np.inf):
    """The second stay hangs on a board of its own."""
    zero = np.zeros((2, problem.n_step))
    limit_kw = np.array([[root_kw], [board_kw]]) + zero
    nodes = replace(problem.nodes, parent=np.array([-1, 0]), import_max_kw=limit_kw, export_max_kw=zero + np.inf, base_kw=zero)
    return replace(problem, nodes=nodes, stays=replace(problem.stays, node=np.array([0, 1])))


def test_nothing_binds_where_all_is_delivered():
    assert named(site([10.0, 5.0], cap_kw=8.0)) == []
    assert named(site([])) == []
    assert named(site([3.0, 4.0], n_step=0)) == [("dispatch.need-beyond-stay", 1), ("dispatch.need-beyond-stay", 0)]


def test_the_board_that_binds_is_named_and_not_the_root_that_has_room():
    problem = with_board(site([20.0, 20.0]), board_kw=4.0, root_kw=15.0)
    schedule = solve(problem, COST)
    (found,) = bindings(problem, schedule)
    assert (found.code, found.row, found.field) == ("dispatch.node-binds", 1, "import_max_kw[1]")
    assert found.value == "full in 4 steps in which 1 short stays were there, short by 4 kWh in all"
    assert found.allowed == "4 kW at the least"


def test_the_root_that_binds_is_named_and_not_the_board_below_it():
    assert named(with_board(site([20.0, 20.0]), board_kw=10.0, root_kw=8.0)) == [("dispatch.node-binds", 0)]


def test_a_limit_that_is_full_while_the_short_stay_is_away_does_not_bind():
    """The board is full in the first two hours of others; the third stay comes later and lacks for the root's 3 kW."""
    problem = site([16.0, 9.0], last=np.array([2, 4]), first=np.array([0, 2]))
    problem = with_board(problem, board_kw=10.0, root_kw=np.inf)
    limit_kw = problem.nodes.import_max_kw.copy()
    limit_kw[0] = [8.0, 8.0, 3.0, 3.0]
    problem = replace(problem, nodes=replace(problem.nodes, import_max_kw=limit_kw))
    (found,) = bindings(problem, solve(problem, COST))
    assert (found.row, found.value) == (0, "full in 2 steps in which 1 short stays were there, short by 3 kWh in all")
    assert found.allowed == "3 kW at the least"


def test_a_phase_that_binds_is_named():
    problem = site([30.0, 30.0, 6.0], phase=np.array([0, 0, 1]))
    room_kw = np.full((1, 3, 4), 12.0)
    problem = replace(problem, nodes=replace(problem.nodes, phase_room_kw=room_kw))
    (found,) = bindings(problem, solve(problem, COST))
    assert (found.code, found.field) == ("dispatch.phase-binds", "phase_room_kw[0, 0]")
    assert "4 steps in which 2 short stays were there, short by 12 kWh" in found.value


def test_base_load_above_the_limit_is_named_even_if_nobody_is_short():
    problem = site([5.0], cap_kw=10.0)
    problem.nodes.base_kw[0] = [12.0, 4.0, 15.0, 0.0]
    (found,) = bindings(problem, solve(problem, COST))
    assert (found.code, found.row, found.allowed) == ("dispatch.base-above-limit", 0, "10 kW")
    assert found.value == "base load up to 15 kW in 2 steps"


def test_a_need_beyond_its_own_stay_is_no_fault_of_a_node():
    problem = site([100.0, 5.0], cap_kw=15.0, first_share=np.array([0.5, 1.0]), last_share=np.array([0.1, 1.0]))
    (found,) = bindings(problem, solve(problem, COST))
    assert (found.code, found.row, found.value) == ("dispatch.need-beyond-stay", 0, "100 kWh")
    assert found.allowed == "at most 26 kWh in this stay at 10 kW"


def test_many_are_counted_and_the_worst_hundred_listed():
    problem = realistic(Shape(3000, n_board=300, limit_share=0.05), seed=2)
    problem.nodes.import_max_kw[0] = np.inf
    schedule = solve(problem, COST)
    found = bindings(problem, schedule)
    of_nodes = [finding for finding in found if finding.code == "dispatch.node-binds"]
    assert len(of_nodes) == 101
    assert of_nodes[-1].value.endswith("rows more")
    lacks = [float(finding.value.rpartition("short by ")[2].partition(" ")[0]) for finding in of_nodes[:-1]]
    assert lacks == sorted(lacks, reverse=True)


@pytest.mark.parametrize("v2g", [False, True])
def test_whoever_is_short_has_a_reason_and_every_named_node_is_one(v2g):
    """Random problems: somebody is short beyond the own stay exactly if a node is named, and lifting all that is named helps."""
    n_named = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        problem = with_extras(random_problem(rng, v2g=v2g, storage=False, tree=True, negative=False, tight=4.0), rng)
        schedule = solve(problem, COST)
        found = bindings(problem, schedule)
        dense = Dense(problem, None)
        alone_kwh = [sum(problem.stays.charge_max_kw[i] * dense.hours(i, k) for k in dense.steps(i)) for i in range(problem.stays.n)]
        lack_kwh = schedule.short_kwh - np.maximum(problem.stays.need_kwh - alone_kwh, 0.0)
        binding = [finding for finding in found if finding.code in ("dispatch.node-binds", "dispatch.phase-binds")]
        if not (lack_kwh > 2e-3).any():
            assert not binding or (lack_kwh > 1e-5).any()
            continue
        assert binding
        n_named += len(binding)
        lifted_kw = problem.nodes.import_max_kw.copy()
        room_kw = problem.nodes.phase_room_kw
        lifted_kw[[f.row for f in binding if f.code == "dispatch.node-binds" and f.row is not None]] = np.inf
        if room_kw is not None:
            room_kw = room_kw.copy()
            for finding in binding:
                if finding.code == "dispatch.phase-binds" and finding.field is not None:
                    room_kw[finding.row, int(finding.field[-2])] = np.inf
        lifted = replace(problem, nodes=replace(problem.nodes, import_max_kw=lifted_kw, phase_room_kw=room_kw))
        assert solve(lifted, COST).short_kwh @ problem.stays.priority < schedule.short_kwh @ problem.stays.priority - 1e-4
    assert n_named > 40
