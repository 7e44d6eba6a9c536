"""The chance that a car leaves before the believed departure is the one asked for, on a month that nothing was learnt from."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from evloom.dispatch.belief import OVERDUE_S, Trust, at_risk_s, condition
from evloom.simulate.sources.read import read_sessions
from tools.charger_study import july_stays, share_left_before


@cache
def july(path: Path) -> list[tuple[float, float, np.ndarray]]:
    return july_stays(path)


@pytest.mark.parametrize("site", ["jpl", "caltech"])
@pytest.mark.parametrize("risk", [0.02, 0.05, 0.1, 0.2, 0.35, 0.5])
def test_learnt_in_june_the_risk_holds_in_july(data_dir, site, risk):
    stays = july(data_dir("sessions_acn") / f"acn_{site}_2019-05-01_2019-08-31.csv.gz")
    for after_h in (0.0, 2.0, 4.0):
        share, count = share_left_before(stays, after_h, risk)
        assert count > 500
        assert share == pytest.approx(risk, abs=0.045), after_h


def test_more_than_one_driver_in_three_leaves_before_he_said(data_dir):
    table = read_sessions(data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz", "acn")
    told = np.isfinite(table.told_departure_s)
    assert np.mean(table.departure_s[told] < table.told_departure_s[told]) > 0.33


def test_on_exchangeable_stays_the_risk_is_exact():
    """25 like stays and one more from the same skewed distribution: the share is the risk itself, a plain quantile's is not."""
    rng = np.random.default_rng(3)
    draws_s = np.sort(rng.lognormal(9.0, 0.7, (20_000, 25)), axis=1)
    true_s = rng.lognormal(9.0, 0.7, 20_000)
    for risk in (0.05, 0.2, 0.5):
        believed_s = np.array([at_risk_s(like_s, -100.0, risk) for like_s in draws_s])
        assert np.mean(true_s < believed_s) == pytest.approx(risk, abs=0.008)
    plain_s = np.array([condition(like_s, np.zeros(1), -100.0, 0.0, Trust(departure_quantile=0.05))[0] for like_s in draws_s])
    assert np.mean(true_s < plain_s) > 0.075


def test_the_setting_is_what_the_loop_plans_with():
    like_s = np.arange(1.0, 26.0) * 1000.0
    assert condition(like_s, np.zeros(1), 0.0, 0.0, Trust(departure_risk=0.1))[0] == at_risk_s(like_s, 0.0, 0.1)
    assert condition(like_s, np.zeros(1), 0.0, 0.0, Trust())[0] == pytest.approx(9400.0)


def test_where_few_stays_are_left_little_is_believed():
    assert at_risk_s(np.array([10.0, 20.0, 30.0]), 1000.0, 0.3) == 1000.0 + OVERDUE_S
    like_s = np.array([100.0, 200.0, 300.0, 400.0]) + 1e4
    assert at_risk_s(like_s, 0.0, 0.2) == pytest.approx(10100.0)
    assert at_risk_s(like_s, 0.0, 0.1) == pytest.approx(5050.0)  # halfway from now to the first
    assert at_risk_s(like_s, 0.0, 0.95) == 10400.0
