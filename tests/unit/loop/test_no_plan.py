"""A plan that is not found must not leave cars without power."""

from importlib.resources import as_file, files

import numpy as np

from evloom.dispatch.reason import FALLBACK
from evloom.kernel.errors import SolverError
from evloom.loop import optimal_policy
from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import score
from evloom.simulate.stage import stage


def test_the_best_rule_stands_in_and_every_cycle_says_so(monkeypatch):
    def never(*_):
        raise SolverError("HiGHS ended with: Unknown")

    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        laid_out = stage(load_scenario(path))
    monkeypatch.setattr(optimal_policy, "solve", never)
    run = run_policy(laid_out, "optimal", "cost")
    rule = run_policy(laid_out, "least-laxity", "cost")
    np.testing.assert_allclose(run.track.flow_kwh, rule.track.flow_kwh)
    result = score(laid_out, run)
    assert result.violation_kw == 0.0
    assert result.rejected > 0
    assert (run.track.reason == FALLBACK).any()
