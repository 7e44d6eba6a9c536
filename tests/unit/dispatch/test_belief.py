"""Beliefs about stays: only from what ended before, conditional on what was seen since, and the price of waiting."""

import itertools
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.dispatch.belief import (
    FEW,
    History,
    Likeness,
    Steps,
    Trust,
    condition,
    history_of,
    like_stays,
    newcomer,
    told_belief,
    urgent_kwh,
)
from evloom.kernel.timegrid import epoch_s
from tools.belief_study import by_drivers, by_history, by_truth, read_month, run

ZONE = ZoneInfo("America/Los_Angeles")
MONDAY_S = epoch_s(datetime(2019, 6, 3, tzinfo=ZONE))
DAY_S = 86400.0
NAN = float("nan")
SURE = np.zeros(0)


def history(n, seed=0):
    """Commuters (8 h from 08:00, told 9 h and 20 kWh) and visitors (1 h from 13:00, told 1 h and 6 kWh) before MONDAY_S."""
    rng = np.random.default_rng(seed)
    commuter = np.arange(n) % 2 == 0
    day = -1 - (np.arange(n) // 2) % 50
    arrival_s = MONDAY_S + DAY_S * day + np.where(commuter, 8, 13) * 3600 + rng.uniform(-600, 600, n)
    stay_h = np.where(commuter, 8.0, 1.0) + rng.uniform(-0.3, 0.3, n)
    energy_kwh = np.where(commuter, 12.0, 5.0) + rng.uniform(-1, 1, n)
    told = arrival_s + np.where(commuter, 9, 1) * 3600, np.where(commuter, 20.0, 6.0)
    return history_of(arrival_s, arrival_s + stay_h * 3600, energy_kwh, told, np.arange(n) % 7, ZONE)


def arriving(hour, told_h=NAN, asked_kwh=NAN, driver=-1, day=0):
    arrival_s = MONDAY_S + day * DAY_S + hour * 3600.0
    return newcomer(arrival_s, arrival_s + told_h * 3600, asked_kwh, driver, ZONE)


def rows(history, mask):
    return History(*(getattr(history, name)[mask] for name in History.__dataclass_fields__))


@pytest.mark.parametrize(("hour", "told_h", "asked_kwh", "stay_h", "energy_kwh"), [(8.0, 9, 20, 8, 12), (13.0, 1, 6, 1, 5)])
def test_like_stays_are_found(hour, told_h, asked_kwh, stay_h, energy_kwh):
    new = arriving(hour, told_h, asked_kwh)
    departure_s, kwh = like_stays(history(200), new, 20, Likeness())
    assert len(departure_s) == len(kwh) == Likeness().n_like
    assert (departure_s - new.arrival_s) / 3600 == pytest.approx(stay_h, abs=0.31)
    assert kwh == pytest.approx(energy_kwh, abs=1.01)
    assert (np.diff(departure_s) >= 0).all()
    assert (np.diff(kwh) >= 0).all()


def test_what_is_told_decides_where_the_hour_does_not():
    long, short = (like_stays(history(200), arriving(10.5, *told), 20, Likeness()) for told in ((9, 20), (1, 6)))
    assert np.median(long[0]) - np.median(short[0]) == pytest.approx(7 * 3600, abs=1200)
    assert np.median(long[1]) > np.median(short[1]) + 5


def test_only_stays_that_have_ended_count():
    past, new = history(200), arriving(8.0, 9, 20, day=-20)
    ended = rows(past, past.ended_s < new.arrival_s)
    assert 0 < len(ended.ended_s) < 200
    for whole, known in zip(like_stays(past, new, 20, Likeness()), like_stays(ended, new, 20, Likeness()), strict=True):
        assert whole.tolist() == known.tolist()
    running = replace(ended, ended_s=ended.ended_s + 100 * DAY_S)
    assert len(like_stays(running, new, 20, Likeness())[0]) == 0


def test_old_stays_are_forgotten_and_few_teach_nothing():
    past = history(200)
    assert len(like_stays(past, arriving(8.0, day=59), 20, Likeness())[0]) == 0
    assert [len(part) for part in like_stays(rows(past, np.arange(200) < 19), arriving(8.0), 20, Likeness())] == [0, 0]
    assert [len(part) for part in like_stays(rows(past, np.arange(200) < 20), arriving(8.0), 20, Likeness())] == [20, 20]
    assert len(like_stays(rows(past, np.arange(200) < 0), arriving(8.0), 0, Likeness())[0]) == 0


def test_the_order_of_history_does_not_matter():
    past = history(200)
    mixed = rows(past, np.random.default_rng(1).permutation(200))
    for one, other in zip(
        like_stays(past, arriving(9, 4, 9), 20, Likeness()), like_stays(mixed, arriving(9, 4, 9), 20, Likeness()), strict=True
    ):
        assert one == pytest.approx(other)


def test_the_same_driver_is_most_alike():
    past = history(200)
    mine = past.driver == 3
    kwh = np.where(mine, 40.0, past.energy_kwh)
    past = replace(past, energy_kwh=kwh, told_h=np.full(200, NAN), requested_kwh=np.full(200, NAN))
    weights = replace(Likeness(), n_like=10)
    assert (like_stays(past, arriving(10.5, driver=3), 20, weights)[1] == 40.0).sum() > 2 * (
        like_stays(past, arriving(10.5), 20, weights)[1] == 40.0
    ).sum()


def test_an_energy_goes_halfway_with_what_is_asked():
    past = history(200)
    _, same = like_stays(past, arriving(8.0, 9, 20), 20, Likeness())
    _, more = like_stays(past, arriving(8.0, 9, 45), 20, Likeness())
    assert more == pytest.approx(same * 1.5)


def test_local_time_over_a_change_of_the_clock():
    for date in ((2019, 3, 9), (2019, 3, 11)):
        arrival_s = epoch_s(datetime(*date, 8, 30, tzinfo=ZONE))
        assert newcomer(arrival_s, NAN, NAN, -1, ZONE)[1:3] == (510, date[2] == 9)


samples = st.lists(st.floats(0.1, 30), min_size=1, max_size=25).map(lambda x: np.sort(np.array(x)))


@given(samples, samples, st.floats(0, 31), st.floats(0, 31))
@settings(deadline=None)
def test_condition_is_the_quantile_of_what_is_still_possible(stay_h, kwh, waited_h, net_kwh):
    now_s = MONDAY_S + waited_h * 3600
    departure_s, need_kwh = condition(MONDAY_S + stay_h * 3600, kwh, now_s, net_kwh, Trust(0.3, 0.6))
    later_s = [s for s in (MONDAY_S + stay_h * 3600).tolist() if s > now_s + 60]
    more_kwh = [e for e in kwh.tolist() if e > net_kwh + 0.05]
    assert departure_s > now_s
    assert need_kwh > 0
    if len(later_s) > FEW:
        assert departure_s == pytest.approx(np.quantile(later_s, 0.3))
    if len(more_kwh) > FEW:
        assert need_kwh == pytest.approx(np.quantile(more_kwh, 0.6) - net_kwh)


def test_what_is_told_at_arrival():
    assert told_belief(MONDAY_S + 7200, 20.0, MONDAY_S, 7.0) == (MONDAY_S + 7200, 20.0)
    assert told_belief(MONDAY_S - 7200, 20.0, MONDAY_S, 7.0) == (MONDAY_S + 900, 20.0)
    assert told_belief(NAN, NAN, MONDAY_S, 7.0) == (MONDAY_S + 3600, 7.0)


def steps(cost):
    return Steps(MONDAY_S + 900.0 * np.arange(len(cost) + 1, dtype=np.float64), np.array(cost, dtype=np.float64))


def least_first_kwh(cost, stay_h, need_kwh, power_max_kw):
    """Smallest charge of the first step over all cheapest plans that charge as early as they can: by trying all of them."""
    n = len(cost)
    most_kwh = [power_max_kw * max(0.0, min(stay_h - 0.25 * k, 0.25)) for k in range(n)]
    best, first = np.inf, 0.0
    for order in itertools.permutations(range(n)):
        left, spent, mine, late = min(need_kwh, sum(most_kwh)), 0.0, 0.0, 0.0
        for k in order:
            take = min(left, most_kwh[k])
            left, spent, late = left - take, spent + take * cost[k], late + take * k * 1e-6
            mine += take if k == 0 else 0.0
        if spent + late < best - 1e-12:
            best, first = spent + late, mine
    return first


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5]), min_size=1, max_size=5), st.floats(0.3, 1.5), st.floats(0.1, 12))
@settings(deadline=None, max_examples=60)
def test_a_sure_stay_is_charged_in_its_cheapest_steps(cost, stay_h, need_kwh):
    got_kwh = urgent_kwh(SURE, (MONDAY_S + stay_h * 3600, need_kwh), 7.0, steps(cost), Trust())
    assert got_kwh == pytest.approx(least_first_kwh(cost, stay_h, need_kwh, 7.0), abs=1e-9)


def test_waiting_must_be_worth_its_risk():
    likely_s = MONDAY_S + 3600.0 * np.linspace(0.5, 8.0, 25)
    believed = MONDAY_S + 3 * 3600.0, 1.0
    small, big = [0.30] * 8 + [0.28] * 4, [0.30] * 8 + [0.01] * 4
    assert urgent_kwh(SURE, believed, 7.0, steps(small), Trust()) == 0.0
    assert urgent_kwh(likely_s, believed, 7.0, steps(small), Trust()) == 1.0
    assert urgent_kwh(likely_s, believed, 7.0, steps(big), Trust(shortage_factor=0.1)) == 0.0
    assert urgent_kwh(likely_s, believed, 7.0, steps(small), Trust(shortage_factor=0.0)) == 0.0
    assert urgent_kwh(likely_s[-FEW:], believed, 7.0, steps(big), Trust()) == 1.0  # nearly all like stays have ended


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12), st.floats(0.1, 15), st.floats(0, 3), st.floats(0, 3))
@settings(deadline=None)
def test_more_dread_never_waits_longer(cost, need_kwh, one, other):
    likely_s = MONDAY_S + 3600.0 * np.linspace(0.5, 4.0, 25)
    kwh = [
        urgent_kwh(likely_s, (MONDAY_S + 3 * 3600.0, need_kwh), 7.0, steps(cost), Trust(shortage_factor=factor))
        for factor in sorted((one, other))
    ]
    assert 0.0 <= kwh[0] <= kwh[1] + 1e-9
    assert kwh[1] <= 7.0 * 0.25 + 1e-9


@pytest.mark.slow
def test_a_recorded_month(data_dir):
    month = read_month(data_dir("sessions_acn").parent, "jpl", 6, Trust().forecast_caution)
    assert len(month.rows) == 1384
    cost = run(month, "cost", by_history(month, Trust()), Trust())
    assert cost.saving >= 0.70
    assert cost.short <= 0.01
    told = run(month, "cost", by_drivers(month), Trust())
    assert told.saving < cost.saving - 0.3
    carbon = run(month, "carbon", by_history(month, Trust()), Trust())
    assert carbon.saving >= 0.50
    assert carbon.short <= 0.01
    assert run(month, "cost", by_truth(month), Trust()).saving == pytest.approx(1.0, abs=1e-5)


def test_the_future_of_a_stay_is_not_known(data_dir):
    """Other departures and energies of the stays of one day change no belief of stays that begin that day."""
    month = read_month(data_dir("sessions_acn").parent, "jpl", 6, 0.5)
    new = next(new for new in month.newcomers if new.arrival_s > MONDAY_S + 7 * DAY_S + 9 * 3600)
    open_stays = month.history.ended_s >= new.arrival_s
    other = replace(
        month.history,
        ended_s=month.history.ended_s + np.where(open_stays, 5e5, 0.0),
        energy_kwh=np.where(open_stays, 99.0, month.history.energy_kwh),
    )
    for one, two in zip(like_stays(month.history, new, 20, Likeness()), like_stays(other, new, 20, Likeness()), strict=True):
        assert one.tolist() == two.tolist()
