"""Forecasts learn from the past only, and are better than the mean of the same time of day."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from evloom.kernel.forecast import issued_on, outlook
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.simulate.sources.series import read_series

START = datetime(2025, 3, 1, tzinfo=UTC)
N_DAY = 40


def unusual_days(seed, step_s=900, n_day=N_DAY):
    """A daily course, and around it what lasts for some hours (an autoregressive process of half-life 5 h)."""
    rng = np.random.default_rng(seed)
    n = n_day * 86400 // step_s
    hour = np.arange(n) * step_s / 3600
    keep = 0.5 ** (step_s / 3600 / 5)
    off = np.zeros(n)
    for k in range(1, n):
        off[k] = keep * off[k - 1] + rng.normal(0, 0.05 * np.sqrt(1 - keep**2))
    return 0.3 + 0.1 * np.cos(2 * np.pi * hour / 24) + off


def guessed(actual, n_lead, seed):
    """Forecasts with errors that grow with the lead."""
    rng = np.random.default_rng(seed)
    later = np.append(actual, np.full(n_lead, np.nan))[np.arange(len(actual))[:, None] + np.arange(n_lead)]
    return later + rng.normal(0, 0.02, later.shape) * np.sqrt(1 + np.arange(n_lead))


def signal(actual, issued=None, step_s=900, **more):
    return Signal("s", "kW", TimeGrid(START, step_s, len(actual)), actual, issued=issued, **more)


def rms(error):
    return float(np.sqrt(np.nanmean(error**2)))


@pytest.mark.parametrize("with_forecast", [False, True])
@pytest.mark.parametrize("cut", [10, 14 * 96 + 37, 30 * 96])
def test_what_happens_later_changes_nothing(cut, with_forecast):
    actual = unusual_days(1)
    issued = guessed(actual, 12, 2) if with_forecast else None
    changed = actual.copy()
    changed[cut:] = 7.0
    changed_issued = None
    if issued is not None:
        changed_issued = issued.copy()
        changed_issued[cut + 1 :] = 9.0
    grid = TimeGrid(START, 900, cut + 1)
    one, other = outlook(signal(actual, issued), grid, 60), outlook(signal(changed, changed_issued), grid, 60)
    assert np.array_equal(one.mean, other.mean, equal_nan=True)
    assert np.array_equal(one.error, other.error, equal_nan=True)
    later = TimeGrid(START, 900, min(cut + 3, len(actual)))
    seen = outlook(signal(changed, changed_issued), later, 60)
    assert not np.array_equal(seen.mean[-1], outlook(signal(actual, issued), later, 60).mean[-1], equal_nan=True)


def test_the_start_of_the_grid_only_moves_the_daily_fit():
    actual = unusual_days(3)
    long = outlook(signal(actual), TimeGrid(START, 900, 30 * 96), 20)
    short = outlook(signal(actual), TimeGrid(START + timedelta(days=20), 900, 10 * 96), 20)
    assert short.mean == pytest.approx(long.mean[20 * 96 :], abs=1e-12)
    assert short.error == pytest.approx(long.error[20 * 96 :], abs=1e-12)


@pytest.mark.parametrize(("lead", "gain"), [(0, 0.5), (4, 0.8), (12, 0.95)])
def test_what_lasts_is_expected_to_last(lead, gain):
    actual = unusual_days(4)
    first = 25 * 96
    grid = TimeGrid(START + timedelta(days=25), 900, 12 * 96)
    learnt = outlook(signal(actual), grid, 16)
    usual = np.array([signal(actual).known_on(TimeGrid(grid.at(k), 900, lead + 1), grid.at(k))[lead] for k in range(grid.n)])
    truth = actual[first + lead : first + lead + grid.n]
    error = rms(learnt.mean[:, lead] - truth)
    assert error < gain * rms(usual - truth)
    assert learnt.error[-1, lead] == pytest.approx(error, rel=0.25)


def test_a_good_forecast_is_followed():
    actual = unusual_days(5)
    issued = guessed(actual, 12, 6)
    grid = TimeGrid(START + timedelta(days=25), 900, 10 * 96)
    truth = np.stack([actual[25 * 96 + lead : 35 * 96 + lead] for lead in range(12)], axis=1)
    with_it, without = outlook(signal(actual, issued), grid, 12), outlook(signal(actual), grid, 12)
    for lead in (0, 4, 11):
        best = rms(with_it.mean[:, lead] - truth[:, lead])
        assert best < rms(without.mean[:, lead] - truth[:, lead])
        assert best < rms(issued[25 * 96 : 35 * 96, lead] - truth[:, lead]) + 1e-4


def test_a_biased_forecast_is_mended():
    actual = unusual_days(7)
    issued = guessed(actual, 8, 8) - 0.1
    grid = TimeGrid(START + timedelta(days=25), 900, 10 * 96)
    estimate = outlook(signal(actual, issued), grid, 8).mean[:, 4]
    assert abs(np.mean(estimate - actual[25 * 96 + 4 : 35 * 96 + 4])) < 0.01


def test_what_is_published_stands():
    actual = unusual_days(9, step_s=3600)
    grid = TimeGrid(START + timedelta(days=20), 900, 96)
    tariff = outlook(signal(actual, step_s=3600, known_ahead_s=np.inf), grid, 8)
    truth = np.repeat(actual, 4)[20 * 96 :]
    assert tariff.mean == pytest.approx(np.lib.stride_tricks.sliding_window_view(truth, 8)[:96], abs=1e-12)
    assert not tariff.error.any()
    two_hours = outlook(signal(actual, step_s=3600, known_ahead_s=7200.0), grid, 12)
    assert two_hours.mean[:, :8] == pytest.approx(tariff.mean, abs=1e-12)
    assert not two_hours.error[:, :8].any()
    assert (two_hours.error[:, 8:] > 0).all()


def test_an_auction_is_believed_and_what_follows_it_is_learnt():
    actual = unusual_days(10, step_s=3600)
    later = np.append(actual, np.full(36, np.nan))[np.arange(len(actual))[:, None] + np.arange(36)]
    hour = np.arange(len(actual)) % 24
    known_h = np.where(hour >= 12, 48, 24) - hour
    issued = np.where(np.arange(36) < known_h[:, None], later, np.nan)
    day_ahead = signal(actual, issued, step_s=3600, published=True)
    grid = TimeGrid(START + timedelta(days=20), 3600, 10 * 24)
    ahead = outlook(day_ahead, grid, 36)
    public = np.isfinite(issued[20 * 24 : 30 * 24])
    assert ahead.mean[public] == pytest.approx(later[20 * 24 : 30 * 24][public], abs=1e-12)
    assert not ahead.error[public].any()
    assert (ahead.error[~public] > 0).all()
    assert np.isfinite(ahead.mean).all()


def test_forecasts_in_other_steps():
    issued = np.arange(24.0).reshape(2, 12)
    five = Signal("s", "kW", TimeGrid(START, 300, 2), np.zeros(2), issued=issued)
    table = issued_on(five, TimeGrid(START + timedelta(minutes=5), 900, 1))
    assert table == pytest.approx(np.array([[13.0, 16.0, 19.0, 22.0]]))
    hourly = Signal("s", "kW", TimeGrid(START, 3600, 1), np.zeros(1), issued=np.array([[1.0, 2.0]]))
    quarters = issued_on(hourly, TimeGrid(START + timedelta(minutes=30), 900, 3))
    assert quarters[0, :6].tolist() == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert np.isnan(quarters[0, 6:]).all()
    assert quarters[1, :5].tolist() == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert np.isnan(quarters[2]).all()  # after the end of the signal nothing is issued


def test_gaps_and_nothing():
    actual = unusual_days(11)
    actual[500:700] = np.nan
    holes = outlook(signal(actual), TimeGrid(START, 900, 20 * 96), 30)
    assert np.isfinite(holes.mean[1:]).all()
    assert np.isnan(holes.mean[0]).all()  # at the first step nothing is known
    nothing = outlook(signal(np.full(960, np.nan)), TimeGrid(START, 900, 300), 10)
    assert np.isnan(nothing.mean).all()
    assert not nothing.error.any()


def test_caution_adds_the_error():
    ahead = outlook(signal(unusual_days(12)), TimeGrid(START + timedelta(days=20), 900, 4), 10)
    assert ahead.cautious(0.5) == pytest.approx(ahead.mean + 0.5 * ahead.error)


def test_marginal_emissions_of_june(data_dir):
    folder = data_dir("carbon_caiso_moer")
    moer = read_series([folder / f"moer_caiso_SCE_2019-{month}.csv.gz" for month in ("05", "06", "07")], "caiso-moer")
    assert isinstance(moer, Signal)
    grid = TimeGrid(datetime(2019, 6, 1, 7, tzinfo=UTC), 900, 30 * 96)
    learnt = outlook(moer, grid, 96)
    truth = moer.actual_on(TimeGrid(grid.start, 900, grid.n + 96))
    some = np.arange(0, grid.n, 16)
    known = np.array([moer.known_on(TimeGrid(grid.at(int(k)), 900, 96), grid.at(int(k))) for k in some])
    for lead, gain in ((4, 0.93), (12, 0.9), (24, 0.95), (48, 0.97)):
        ours, plain = learnt.mean[some, lead] - truth[some + lead], known[:, lead] - truth[some + lead]
        assert rms(ours) < gain * rms(plain), lead
