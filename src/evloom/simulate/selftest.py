"""`evloom selftest`: prove in seconds that this installation works. Needs no files of the user's."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from evloom.dispatch.objective import parse_objective
from evloom.loop.driver import Loop, drive_live
from evloom.loop.state import State
from evloom.simulate.field import SimulatedField
from evloom.simulate.replay import replay_journal
from evloom.simulate.run import PolicyRun, make_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import Score
from evloom.simulate.stage import Stage
from evloom.simulate.study import Study, study
from evloom.simulate.virtual_time import VirtualClock, run_virtually

POLICIES = ("uncontrolled", "equal-share", "queue", "earliest-deadline", "least-laxity", "price-queue", "optimal", "foresight")


def selftest(say: Callable[[str], None]) -> int:
    """Run the packaged site under every policy and check what must hold; 0 when all does, 1 otherwise."""
    failed = 0
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path, tempfile.TemporaryDirectory() as folder:
        scenario = load_scenario(path)
        journal = Path(folder) / "journal.jsonl.gz"
        result = study(scenario, POLICIES, "cost", journal, lambda *_: None)
        replays = replay_journal(scenario, journal)
    same = all(replay.same_digest and not replay.differing for replay in replays)
    for name, holds in (*_facts(result), ("a replay of the journal gives the same orders", same), *_live(result)):
        say(f"{'ok  ' if holds else 'FAIL'} {name}")
        failed += not holds
    say("all good" if not failed else f"{failed} checks failed: this installation cannot be trusted")
    return int(failed > 0)


def _facts(result: Study) -> Iterator[tuple[str, bool]]:
    by_name = {score.policy: score for score in result.scores}
    uncontrolled, foresight = by_name["uncontrolled"], by_name["foresight"]
    yield "disorderly charging overloads the transformer", uncontrolled.overload_h > 0
    for score in result.scores[1:]:
        yield f"{score.policy} holds every limit", _holds(score)
    for run in result.runs:
        yield f"{run.policy} loses and invents no energy", _balanced(result.stage, run)
    yield "foresight is no dearer than any policy that serves as much", all(_bounded(score, foresight) for score in result.scores)


def _holds(score: Score) -> bool:
    return score.violation_kw == 0.0 and score.overload_h == 0.0 and score.rejected == 0


def _balanced(stage: Stage, run: PolicyRun) -> bool:
    """Energy by session, by step and at the transformer less the base load are the same to 1e-9 of the whole."""
    track = run.track
    by_session = float(np.sum(track.in_kwh - track.out_kwh))
    hours = np.bincount(stage.step, weights=np.diff(stage.cycle_s), minlength=stage.grid.n) / 3600.0
    at_root = float(np.sum(track.node_kwh[0] - stage.base_kw[0] * hours))
    return bool(max(abs(by_session - track.ev_kwh.sum()), abs(by_session - at_root)) <= 1e-9 * max(1.0, by_session))


def _bounded(score: Score, foresight: Score) -> bool:
    return score.short_kwh > foresight.short_kwh + 1e-6 or foresight.cost <= score.cost * (1 + 1e-6)


def _live(result: Study) -> Iterator[tuple[str, bool]]:
    """The same run by asyncio on a virtual clock."""
    for run in result.runs:
        scenario, policy = result.stage.scenario, make_policy(result.stage, run.policy, parse_objective(result.objective))
        loop = Loop(State(scenario.site, scenario.evse, result.stage.terms), policy)
        instants_s = result.stage.cycle_s[:-1]
        clock = VirtualClock(float(instants_s[0]))
        run_virtually(partial(drive_live, loop, SimulatedField(result.stage), clock, instants_s.tolist(), lambda *_: None))
        yield f"{run.policy} orders the same on a live clock", loop.digest.text() == run.digest
