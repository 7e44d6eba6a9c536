"""Shards: how a problem is cut, that parts and whole come to the same, that a shard can be carried on, that one can be lost."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, go_on, optimise
from evloom.dispatch.problem import Requests
from evloom.dispatch.sharded import Coordinator, HereAndNow, optimise_sharded
from evloom.dispatch.sweeps.layout import lay_out
from evloom.dispatch.sweeps.shard import Shard, cut, met_by, shared_walls, split
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import SolverError
from evloom.plan.fleet.generate import Recipe, generate


def made(n, tree="5/20/10", headroom=0.85, v2g=0.0):
    return generate(Recipe(n, seed=3, tree=tree, headroom_share=headroom, v2g_share=v2g)).problem


def asked(problem):
    """The same with a request at the root (at most 60 % of the limit in the evening) and one at the node below it (at least 90 %)."""
    limit_kw = problem.nodes.import_max_kw
    target_kw = np.array([0.6 * limit_kw[0].mean(), 0.9 * limit_kw[1].mean()])
    two = Requests(np.array([0, 1]), np.array([24, 12]), np.array([40, 20]), target_kw, np.array([True, False]), np.array([0.4, 0.3]))
    return replace(problem, requests=two)


CASES = {
    "one way, tree": (made(3000), "cost"),
    "one way, one cap": (made(20_000, tree="one", headroom=0.7), "cost"),
    "both ways, tree": (made(3000, v2g=0.6), "cost+wear"),
    "both ways, one cap": (made(3000, tree="one", headroom=0.7, v2g=0.6), "cost+wear"),
    "valley": (made(3000), "valley"),
    "highest interval": (made(3000, headroom=1.0), "cost+5*peak"),
    "requests": (asked(made(3000)), "cost"),
    "scarcity": (made(3000, headroom=0.55), "cost"),
    "scarcity, one cap": (made(3000, tree="one", headroom=0.5), "cost"),
}
EFFORT = Effort("sweeps", 1e-3, 100)


@pytest.mark.parametrize("name", CASES)
def test_one_two_and_four_shards_agree_within_their_gaps_and_no_bound_is_above_a_value(name):
    problem, text = CASES[name]
    aim = parse_objective(text)
    solved = [optimise(problem, aim, EFFORT, go_on)]
    solved += [optimise_sharded(problem, aim, EFFORT, go_on, (n, HereAndNow)) for n in (1, 2, 4)]
    for one in solved:
        assert not verify_schedule(problem, one.schedule, 1e-6)
        assert one.gap <= EFFORT.gap
    assert max(one.bound for one in solved) <= min(one.value for one in solved) * (1 + 1e-12)
    # One shard is the whole: the same steps, so the same value but for rounding.
    assert solved[1].value == pytest.approx(solved[0].value, rel=1e-9)
    assert not np.array_equal(solved[2].schedule.charge_kwh, solved[1].schedule.charge_kwh)


def test_requests_the_highest_interval_and_valley_filling_cost_something_in_the_cases_above():
    for name, term in (("requests", "request"), ("highest interval", "peak"), ("valley", "valley")):
        problem, text = CASES[name]
        solved = optimise_sharded(problem, parse_objective(text), EFFORT, go_on, (4, HereAndNow))
        assert solved.schedule.objective[term] > 1.0
    problem, text = CASES["scarcity"]
    assert optimise_sharded(problem, parse_objective(text), EFFORT, go_on, (4, HereAndNow)).schedule.short_kwh.sum() > 100.0


@pytest.mark.parametrize("n_shard", [1, 2, 3, 4, 7])
def test_shards_are_whole_subtrees_of_about_one_size_and_hold_every_unit_once(n_shard):
    problem = made(4000, tree="16,10")
    layout = lay_out(problem, parse_objective("cost"))
    shards = split(problem.nodes.parent, layout, n_shard)
    assert len(shards) == n_shard
    assert sorted(np.concatenate(shards).tolist()) == list(range(layout.setting.units.n))
    cells = [layout.setting.units.place[rows, 2].sum() for rows in shards]
    assert max(cells) <= 1.25 * sum(cells) / n_shard
    nodes = [set(layout.setting.units.place[rows, 0].tolist()) for rows in shards]
    assert sum(len(some) for some in nodes) == len(set.union(*nodes)), "a transformer is in two shards"


def test_only_walls_that_several_shards_meet_are_shared():
    problem = made(4000, tree="16,10", headroom=0.6)
    layout = lay_out(problem, parse_objective("cost"))
    shards = split(problem.nodes.parent, layout, 4)
    shared = shared_walls(layout, shards)
    assert len(layout.setting.walls.trait) > 50
    assert shared.tolist() == [layout.node_wall[0, 0]], "four groups of feeders share the substation and nothing else"
    for number, rows in enumerate(shards):
        piece = cut(layout, shards, number)
        assert set(piece.wall) == set(met_by(layout, rows)) | set(shared)
        assert piece.layout.setting.units.n == len(rows)


def test_one_cap_is_cut_between_units_and_more_shards_than_units_are_not_made():
    problem = made(10, tree="one", headroom=0.5)
    layout = lay_out(problem, parse_objective("cost"))
    shards = split(problem.nodes.parent, layout, 50)
    assert np.concatenate(shards).tolist() == list(range(10))
    assert {len(rows) for rows in shards} <= {1, 2}
    nobody = made(0, tree="one")
    assert [len(rows) for rows in split(nobody.nodes.parent, lay_out(nobody, parse_objective("cost")), 4)] == [0]
    solved = optimise_sharded(nobody, parse_objective("cost"), EFFORT, go_on, (4, HereAndNow))
    assert solved.gap == 0.0


def test_a_shard_that_is_restored_carries_on_to_the_bit():
    problem = made(1500, headroom=0.6)
    layout = lay_out(problem, parse_objective("cost"))
    lead = Coordinator(layout, split(problem.nodes.parent, layout, 3))
    kept = Recorder(3, lead.piece)
    lead.start(kept)
    for _ in range(3):
        lead.sweep(kept)
    lead.look(kept)
    for number, (state, requests, answers) in enumerate(kept.told()):
        heir = Shard(lead.piece(number))
        heir.restore(pickle.loads(state))
        for request, answer in zip(requests, answers, strict=True):
            assert same(heir.answer(request), answer)


class Recorder(HereAndNow):
    """A crew that remembers its states before the third request, and all that came after."""

    def __init__(self, n_shard, piece):
        super().__init__(n_shard, piece)
        self.states: dict[int, bytes] = {}
        self.log: dict[int, list] = {number: [] for number in range(n_shard)}

    def ask(self, requests):
        if min(one.number for one in requests.values()) == 3:
            self.states = {number: pickle.dumps(self.state(number)) for number in requests}
        answers = super().ask(requests)
        for number in self.states:
            self.log[number].append((requests[number], answers[number]))
        return answers

    def told(self):
        return [(self.states[number], *zip(*self.log[number], strict=True)) for number in self.states]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class Leaving(HereAndNow):
    """A crew that loses shard 1 for good at a request."""

    def __init__(self, n_shard, piece, at):
        super().__init__(n_shard, piece)
        self.at = at

    def ask(self, requests):
        answers = super().ask({k: one for k, one in requests.items() if k != 1 or one.number < self.at})
        return answers | ({1: None} if 1 in requests and 1 not in answers else {})


@pytest.mark.parametrize(
    ("at", "kept"), [(1, "a plan of nothing"), (2, "a plan of nothing"), (4, "its last good plan"), (6, "its last good plan")]
)
@pytest.mark.parametrize("v2g", [0.0, 0.6])
def test_a_shard_that_is_lost_stays_at_its_last_good_plan_and_a_finding_says_so(at, kept, v2g):
    problem, aim = made(6000, headroom=0.6, v2g=v2g), parse_objective("cost+wear")
    whole = optimise_sharded(problem, aim, EFFORT, go_on, (3, HereAndNow))
    lost = optimise_sharded(problem, aim, Effort("sweeps", 1e-9, 13), go_on, (3, lambda n, piece: Leaving(n, piece, at)))
    assert not verify_schedule(problem, lost.schedule, 1e-6)
    (finding,) = [one for one in lost.findings if one.code == "dispatch.shard-given-up"]
    assert finding.severity == "warning"
    assert finding.value.startswith("shard 1 of 3, ")
    assert kept in finding.advice
    assert lost.bound <= whole.value <= lost.value * (1 + 1e-12)
    assert (lost.value < 1.05 * whole.value) == (kept == "its last good plan")


def test_when_all_shards_are_lost_it_ends():
    problem = made(300, headroom=0.6)

    class Nobody(HereAndNow):
        def ask(self, requests):
            return dict.fromkeys(requests)

    solved = optimise_sharded(problem, parse_objective("cost"), EFFORT, go_on, (2, Nobody))
    assert solved.schedule.charge_kwh.sum() == 0.0
    assert solved.schedule.short_kwh.sum() == pytest.approx(problem.stays.need_kwh.sum())
    assert [one.code for one in solved.findings].count("dispatch.shard-given-up") == 2
    assert solved.bound == -np.inf


def test_a_watch_that_says_stop_gets_the_best_so_far():
    problem = made(6000, headroom=0.6)
    solved = optimise_sharded(problem, parse_objective("cost"), Effort("sweeps", 0.0, 50), lambda at: at.sweep < 4, (4, HereAndNow))
    assert solved.is_interrupted
    assert [one.sweep for one in solved.rounds] == [1, 4]
    assert not verify_schedule(problem, solved.schedule, 1e-6)
    assert 0.0 < solved.gap < 0.05


def test_an_objective_that_sweeps_cannot_treat_is_said():
    with pytest.raises(SolverError, match="one stage"):
        optimise_sharded(made(10), parse_objective("peak>cost"), EFFORT, go_on, (2, HereAndNow))
