"""The same scenario driven synchronously, by asyncio on a virtual clock, and by replay of its journal orders the same, bit for bit.

And the compiled stride over all cycles, which the rules are run with where nothing listens, gives what the loop gives.
"""

import os
from dataclasses import replace
from functools import partial
from importlib.resources import as_file, files

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.rules import RULES
from evloom.loop.driver import Loop, drive_live
from evloom.loop.state import State
from evloom.simulate.field import SimulatedField
from evloom.simulate.replay import replay_journal
from evloom.simulate.run import POLICIES, make_policy, run_policy, strides
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.span import parse_moment
from evloom.simulate.stage import stage
from evloom.simulate.study import study
from evloom.simulate.virtual_time import VirtualClock, run_virtually
from evloom.store.journal import read_journal
from tests.system.random_site import random_site
from tests.system.site import EXAMPLES, spawn

SPANS = {
    "community": ("2025-06-03", "2025-06-05"),
    "building-v2g": ("2025-06-03", "2025-06-04"),
    "workplace-month": ("2019-06-04", "2019-06-05"),
    "bus-depot": ("2025-06-03", "2025-06-05"),
}


def live_digest(laid_out, name, objective):
    """The digest of a run on a live clock that jumps."""
    scenario = laid_out.scenario
    loop = Loop(
        State(scenario.site, scenario.evse, laid_out.terms),
        make_policy(laid_out, name, parse_objective(objective)),
        scenario.control.steady,
    )
    instants_s = laid_out.cycle_s[:-1].tolist()
    clock = VirtualClock(instants_s[0])
    run_virtually(partial(drive_live, loop, SimulatedField(laid_out), clock, instants_s, lambda *_: None))
    return loop.digest.text()


def hold_three_ways(scenario, policies, folder):
    """Run, replay, run live; returns how many orders the journal holds, of all policies."""
    result = study(scenario, policies, scenario.objective, folder / "journal.jsonl.gz", lambda *_: None)
    digests = {run.policy: run.digest for run in result.runs}
    assert list(digests) == list(policies)
    for replayed in replay_journal(scenario, folder / "journal.jsonl.gz"):
        name = replayed.part.header.policy
        assert (name, replayed.differing, replayed.same_digest, replayed.part.findings) == (name, 0, True, ())
        assert replayed.part.cycles[-1].digest == digests[name]
    for name in policies:
        assert live_digest(result.stage, name, scenario.objective) == digests[name], name
    return sum(len(cycle.orders) for part in read_journal(folder / "journal.jsonl.gz") for cycle in part.cycles)


def test_the_site_of_the_selftest(tmp_path):
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        scenario = load_scenario(path)
    assert hold_three_ways(scenario, POLICIES, tmp_path) > 200


@pytest.mark.parametrize("name", sorted(SPANS))
def test_packaged_examples(tmp_path, name):
    """Every policy that the example compares, over a day or two of it."""
    scenario = load_scenario(EXAMPLES / name / "scenario.toml", None, None, *map(parse_moment, SPANS[name]))
    assert len(scenario.sessions) > 4
    assert hold_three_ways(scenario, scenario.policies, tmp_path) > 50


@pytest.mark.parametrize("seed", range(6))
def test_random_sites(tmp_path, seed):
    scenario = load_scenario(random_site(tmp_path, seed, hours=10))
    assert hold_three_ways(scenario, POLICIES, tmp_path) > 50


def test_another_scenario_does_not_give_the_same_orders(tmp_path):
    """The comparison can fail: a tighter limit shows in the orders, not in the events."""
    scenario = load_scenario(random_site(tmp_path, 3, hours=10))
    study(scenario, ("least-laxity",), "cost", tmp_path / "journal.jsonl", lambda *_: None)
    tree = scenario.site.tree
    tight = replace(scenario, site=replace(scenario.site, tree=replace(tree, import_max_kw=tree.import_max_kw * 0.2)))
    (replayed,) = replay_journal(tight, tmp_path / "journal.jsonl")
    assert replayed.differing > 0
    assert not replayed.same_digest


def compare_stride_with_loop(scenario):
    """Run every rule that can be run in one stride both ways; how many there were, and how much energy flowed."""
    laid_out = stage(scenario)
    names = [name for name in RULES if strides(laid_out, name)]
    flowed_kwh = 0.0
    for name in names:
        at_once = run_policy(laid_out, name, "cost")
        by_loop = run_policy(laid_out, name, "cost", sink=lambda *_: None)
        assert at_once.cycles == by_loop.cycles
        assert at_once.digest == ""  # it did not go through the loop
        for column in ("served", "flow_kwh", "in_kwh", "out_kwh", "soc_end", "start_s", "reason"):
            np.testing.assert_array_equal(getattr(at_once.track, column), getattr(by_loop.track, column), err_msg=f"{name} {column}")
        for column in ("ev_kwh", "node_kwh", "node_max_kw", "over_kw", "phase_max_a"):
            np.testing.assert_allclose(getattr(at_once.track, column), getattr(by_loop.track, column), rtol=0, atol=1e-9, err_msg=column)
        flowed_kwh += float(at_once.track.in_kwh.sum())
    return len(names), flowed_kwh


def test_the_stride_gives_what_the_loop_gives(tmp_path):
    """40 random sites; energies of each session and step bit for bit."""
    compared, flowed_kwh = 0, 0.0
    for seed in range(100, 140):
        n, kwh = compare_stride_with_loop(load_scenario(random_site(tmp_path, seed, hours=14)))
        compared, flowed_kwh = compared + n, flowed_kwh + kwh
    assert compared > 120
    assert flowed_kwh > 10_000.0


def test_the_stride_may_be_run_in_pieces(tmp_path, monkeypatch):
    """Between two pieces Ctrl-C is heard; here every piece is a few cycles."""
    monkeypatch.setattr("evloom.simulate.run.CHUNK", 20)
    assert sum(compare_stride_with_loop(load_scenario(random_site(tmp_path, seed, hours=8)))[0] for seed in range(100, 106)) > 15


@pytest.mark.parametrize("replan", ["event", "step"])
def test_the_stride_gives_what_the_loop_gives_on_packaged_examples(replan):
    for name in ("community", "bus-depot"):
        scenario = load_scenario(EXAMPLES / name / "scenario.toml", None, None, *map(parse_moment, SPANS[name]))
        scenario = replace(scenario, control=replace(scenario.control, replan=replan))
        assert compare_stride_with_loop(scenario)[0] >= 5


def test_two_processes_write_the_same_journal(tmp_path):
    """Whatever the order in which Python keeps its sets."""
    scenario = random_site(tmp_path, 5, hours=6)
    journals = []
    for seed in ("1", "22"):
        path = tmp_path / f"{seed}.jsonl"
        env = {**os.environ, "PYTHONHASHSEED": seed}
        assert spawn("simulate", scenario, "--policy", "price-queue,optimal,foresight", "--journal", path, env=env).code == 0
        journals.append(path.read_bytes())
    assert journals[0] == journals[1]
    assert len(journals[0]) > 10_000
