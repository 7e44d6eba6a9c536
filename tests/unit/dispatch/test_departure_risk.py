"""The chance that a car leaves before the believed departure is the one asked for, on a month that nothing was learnt from."""

from dataclasses import fields
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.belief import OVERDUE_S, History, Likeness, Trust, at_risk_s, condition, history_of, like_stays, newcomer
from evloom.simulate.sources.read import read_sessions

ZONE = ZoneInfo("America/Los_Angeles")
LEAST_STAYS = 20


@cache
def july(path: Path) -> list[tuple[float, float, float, np.ndarray]]:
    """Arrival, true and told departure of every stay of July, and the departures of like stays of June."""
    table = read_sessions(path, "acn")
    drivers = {name: number for number, name in enumerate(dict.fromkeys(table.driver_id)) if name}
    driver = np.array([drivers.get(name, -1) for name in table.driver_id])
    told = table.told_departure_s, table.requested_kwh
    history = history_of(table.arrival_s, table.departure_s, table.energy_kwh, told, driver, ZONE)
    june_s, july_s, august_s = (datetime(2019, month, 1, tzinfo=ZONE).timestamp() for month in (6, 7, 8))
    train = (table.arrival_s >= june_s) & (table.departure_s < july_s)
    past = History(*(getattr(history, field.name)[train] for field in fields(history)))
    stays = []
    for i in np.flatnonzero((table.arrival_s >= july_s) & (table.arrival_s < august_s)):
        new = newcomer(table.arrival_s[i], told[0][i], told[1][i], int(driver[i]), ZONE)
        like_s, _ = like_stays(past, new, LEAST_STAYS, Likeness())
        stays.append((float(table.arrival_s[i]), float(table.departure_s[i]), float(told[0][i]), like_s))
    return stays


def share_left_before(stays, after_h: float, risk: float) -> tuple[float, int]:
    """Of the cars still there so many hours after they came, the share that left before the believed departure, and their number."""
    trust = Trust(departure_risk=risk)
    early = []
    for arrival_s, departure_s, _, like_s in stays:
        now_s = arrival_s + after_h * 3600.0
        if departure_s > now_s + 60.0:
            early.append(departure_s < condition(like_s, np.zeros(1), now_s, 0.0, trust)[0])
    return float(np.mean(early)), len(early)


@pytest.mark.parametrize("site", ["jpl", "caltech"])
@pytest.mark.parametrize("risk", [0.02, 0.05, 0.1, 0.2, 0.35, 0.5])
def test_learnt_in_june_the_risk_holds_in_july(data_dir, site, risk):
    stays = july(data_dir("sessions_acn") / f"acn_{site}_2019-05-01_2019-08-31.csv.gz")
    for after_h in (0.0, 2.0, 4.0):
        share, count = share_left_before(stays, after_h, risk)
        assert count > 500
        assert share == pytest.approx(risk, abs=0.045), after_h


def test_more_than_one_driver_in_three_leaves_before_he_said(data_dir):
    stays = july(data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz")
    early = [departure_s < told_s for _, departure_s, told_s, _ in stays if np.isfinite(told_s)]
    assert np.mean(early) > 0.33


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


def test_where_few_stays_are_left_little_is_believed():
    assert at_risk_s(np.array([10.0, 20.0, 30.0]), 1000.0, 0.3) == 1000.0 + OVERDUE_S
    like_s = np.array([100.0, 200.0, 300.0, 400.0]) + 1e4
    assert at_risk_s(like_s, 0.0, 0.2) == pytest.approx(10100.0)
    assert at_risk_s(like_s, 0.0, 0.1) == pytest.approx(5050.0)  # halfway from now to the first
    assert at_risk_s(like_s, 0.0, 0.95) == 10400.0
