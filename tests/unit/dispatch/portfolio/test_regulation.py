"""Following frequency: always deliverable, every driver served, neutral in energy, nothing known before its time."""

import csv
import gzip
import time
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.portfolio.fleet import Fleet, Kind, fleet_of_stays, within_limits
from evloom.dispatch.portfolio.regulation import Rule, activation_of, fill_frequency, follow_frequency
from evloom.dispatch.portfolio.tracking import availability_revenue, tracking_of
from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import TimeGrid
from evloom.simulate.sources.frequency import read_frequency, read_reserve_prices
from evloom.simulate.sources.generate import Request, generate

START = datetime(2016, 3, 1, tzinfo=UTC)
DAY = TimeGrid(START, 10, 8640)


def random_fleet(seed, n=60):
    """Cars that come and go within two days, some for minutes, some with hardly time for their need, some below their floor."""
    rng = np.random.default_rng(seed)
    arrival_s = DAY.start_s + rng.uniform(-2.0, 30.0, n) * 3600.0
    stay_s = rng.choice([0.003, 0.3, 3.0, 9.0, 24.0], n) * rng.uniform(0.7, 1.3, n) * 3600.0
    arrival_s = np.maximum(arrival_s, DAY.start_s)
    power_kw, efficiency = rng.choice([3.7, 11.0, 22.0], n), rng.uniform(0.85, 1.0, n)
    full_kwh = rng.uniform(30.0, 80.0, n)
    floor_kwh = 0.2 * full_kwh
    arrival_kwh = rng.uniform(0.05, 0.8, n) * full_kwh
    reachable_kwh = arrival_kwh + efficiency * power_kw * stay_s / 3600.0
    wanted_kwh = np.clip(arrival_kwh + rng.random(n) * (reachable_kwh - arrival_kwh), floor_kwh, full_kwh)
    powers = power_kw, rng.choice([0.0, 0.5, 1.0], n) * power_kw
    return Fleet(
        arrival_s, arrival_s + stay_s, arrival_kwh, wanted_kwh, floor_kwh, full_kwh, *powers, efficiency, rng.uniform(0.85, 1.0, n)
    )


def hostile(kind, seed):
    """Frequencies (8640,) that nature does not send: all one way, turning each hour or each sample, noise."""
    rng, k = np.random.default_rng(seed), np.arange(DAY.n)
    swing = {
        "high": np.ones(DAY.n),
        "low": -np.ones(DAY.n),
        "hours": np.where((k // 360) % 2, 1.0, -1.0),
        "samples": np.where(k % 2, 1.0, -1.0),
        "noise": rng.normal(0.0, 1.0, DAY.n),
        "walk": np.cumsum(rng.normal(0.0, 0.1, DAY.n)),
        "nothing": np.zeros(DAY.n),
    }
    return 50.0 + 0.2 * swing[kind]


@pytest.mark.parametrize("kind", ["high", "low", "hours", "samples", "noise", "walk", "nothing"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_frequency_does_the_reserve_is_delivered_and_no_driver_is_short(kind, seed):
    fleet = random_fleet(seed)
    found = follow_frequency(fleet, DAY, hostile(kind, seed), Rule(bid_step_kw=0.0))
    assert found.bid_kw.max() > 30.0
    called_kw = found.bid_of_sample_kw * activation_of(hostile(kind, seed))
    assert found.ordered_kw == pytest.approx(found.set_point_kw + called_kw, abs=1e-9)
    assert np.abs(found.delivered_kw - found.ordered_kw).max() < 1e-6
    assert found.has_left.sum() > 10
    assert found.short_kwh.max() < 1e-6
    # What is above the promise was there at arrival: nobody is charged more than he asked for at the end.
    above = found.has_left & (fleet.discharge_max_kw > 0) & (found.level_kwh > fleet.wanted_kwh + 1e-6)
    assert (found.level_kwh[above] <= fleet.arrival_kwh[above] + 1e-6).all()
    assert (found.level_kwh <= fleet.full_kwh + 1e-6).all()
    assert (found.level_kwh >= np.minimum(fleet.arrival_kwh, fleet.floor_kwh) - 1e-6).all()


@pytest.mark.parametrize("kind", ["high", "low"])
def test_levels_stay_within_the_battery_at_every_moment(kind):
    fleet = random_fleet(4)
    for n in (360, 2000, 4321):  # stopping the signal anywhere shows the levels of that moment
        grid = TimeGrid(START, 10, n)
        found = follow_frequency(fleet, grid, hostile(kind, 4)[:n])
        assert (found.level_kwh <= fleet.full_kwh + 1e-6).all()
        assert (found.level_kwh >= np.minimum(fleet.arrival_kwh, fleet.floor_kwh) - 1e-6).all()


def test_full_activation_can_go_on_for_half_an_hour_after_the_hour():
    fleet = random_fleet(1)
    rule = Rule(bid_step_kw=0.0)
    calm = hostile("noise", 1)
    for sign in (1.0, -1.0):
        called = calm.copy()
        called[3 * 360 - 1 :] = 50.0 + sign * 0.2
        bid_kw = follow_frequency(fleet, DAY, calm, rule).bid_kw
        # The next hour begins with a bid of its own; the energy of this one must still be there: hold it by a longer hour.
        longer = follow_frequency(fleet, DAY, called, replace(rule, hour_s=5400, sustain_s=0))
        assert np.abs(longer.delivered_kw - longer.ordered_kw).max() < 1e-6
        assert bid_kw[2] > 0.0
    more = follow_frequency(fleet, DAY, calm, replace(rule, sustain_s=0)).bid_kw
    less = follow_frequency(fleet, DAY, calm, replace(rule, sustain_s=3600)).bid_kw
    assert more[0] >= bid_kw[0] >= less[0]
    assert more[0] > less[0]


def test_bids_and_set_points_do_not_know_what_comes():
    fleet, rule = random_fleet(2), Rule()
    one, other = hostile("walk", 2), hostile("walk", 2)
    gate = 10 * 360 - rule.lead_s // 10
    other[gate + 1 :] = 50.2
    a, b = (follow_frequency(fleet, DAY, frequency, rule) for frequency in (one, other))
    assert np.array_equal(a.bid_kw[:11], b.bid_kw[:11])
    assert np.array_equal(a.set_point_kw[: 11 * 360], b.set_point_kw[: 11 * 360])
    assert not np.array_equal(a.set_point_kw[11 * 360 :], b.set_point_kw[11 * 360 :])


def test_a_low_frequency_takes_load_off_in_proportion_and_all_of_it_at_200_mhz():
    activation = activation_of(np.array([49.5, 49.8, 49.9, 49.999, 50.0, 50.05, 50.2, 51.0]))
    assert activation == pytest.approx([-1.0, -1.0, -0.5, -0.005, 0.0, 0.25, 1.0, 1.0])


def test_vehicles_in_another_order_change_nothing():
    fleet = random_fleet(3)
    order = np.random.default_rng(0).permutation(fleet.n)
    mixed = Fleet(*(getattr(fleet, field.name)[order] for field in fields(Fleet)))
    a, b = (follow_frequency(f, DAY, hostile("walk", 3)) for f in (fleet, mixed))
    assert b.bid_kw == pytest.approx(a.bid_kw)
    assert b.delivered_kw == pytest.approx(a.delivered_kw, abs=1e-6)
    assert b.level_kwh == pytest.approx(a.level_kwh[order], abs=1e-6)


def test_holes_are_held_for_a_minute_then_50_hz():
    measured = np.full(40, 50.1)
    measured[[0, 1]] = np.nan
    measured[5:20] = np.nan
    filled = fill_frequency(measured, 10, hold_s=60)
    assert (int(filled.held.sum()), int(filled.assumed.sum())) == (6, 11)
    assert filled.frequency_hz[[0, 1, 4, 5, 10, 11, 19, 20]].tolist() == [50.0, 50.0, 50.1, 50.1, 50.1, 50.0, 50.0, 50.1]
    nothing = fill_frequency(np.full(3, np.nan), 10)
    assert (nothing.frequency_hz.tolist(), int(nothing.assumed.sum())) == ([50.0] * 3, 3)


def test_no_vehicles_and_no_samples():
    none = Fleet(*(np.zeros(0) for _ in fields(Fleet)))
    found = follow_frequency(none, DAY, hostile("noise", 0))
    assert (found.bid_kw == 0).all()
    assert (found.ordered_kw == 0).all()
    empty = follow_frequency(random_fleet(0), TimeGrid(START, 10, 0), np.zeros(0))
    assert len(empty.bid_kw) == 0
    assert tracking_of(random_fleet(0), empty).activated_kwh == 0.0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hour_s": 0}, "hour_s"),
        ({"lead_s": 0}, "lead_s"),
        ({"lead_s": 7200}, "lead_s"),
        ({"sustain_s": 15}, "sustain_s"),
        ({"recovery_s": -10}, "recovery_s"),
        ({"bid_share": np.nan}, "bid_share"),
        ({"bid_step_kw": -1.0}, "bid_step_kw"),
    ],
)
def test_a_rule_that_cannot_be_is_a_finding(change, field):
    with pytest.raises(InputError) as error:
        follow_frequency(random_fleet(0), DAY, hostile("noise", 0), Rule(**change))
    assert field in [finding.field for finding in error.value.findings]


def test_everything_that_is_wrong_with_fleet_and_frequency_is_said_at_once():
    fleet = random_fleet(0)
    charge_max_kw, departure_s, efficiency = fleet.charge_max_kw.copy(), fleet.departure_s.copy(), fleet.charge_efficiency.copy()
    charge_max_kw[3], departure_s[4], efficiency[5] = np.nan, fleet.arrival_s[4] - 1.0, 1.5
    broken = replace(fleet, charge_max_kw=charge_max_kw, departure_s=departure_s, charge_efficiency=efficiency)
    with pytest.raises(InputError) as error:
        follow_frequency(broken, DAY, np.full(DAY.n, np.nan))
    found = [(finding.code, finding.field) for finding in error.value.findings]
    assert found == [
        ("regulation.frequency", None),
        ("regulation.fleet", "departure_s[4]"),
        ("regulation.fleet", "charge_max_kw[3]"),
        ("regulation.fleet", "charge_efficiency[5]"),
    ]


@pytest.mark.parametrize("kind", ["high", "low", "samples"])
def test_ratings_cut_to_a_tree_keep_its_limits_whatever_is_called(kind):
    fleet, parent = random_fleet(5), np.array([-1, 0, 0, 2])
    node = np.random.default_rng(5).integers(1, 4, fleet.n)
    room = np.array([150.0, 90.0, 1e9, 40.0]), np.array([80.0, 1e9, 50.0, 30.0])
    cut = within_limits(fleet, node, parent, room)
    found = follow_frequency(cut, DAY, hostile(kind, 5), Rule(bid_step_kw=0.0))
    total_kw = found.delivered_kw + found.alone_kw
    assert total_kw.max() <= 150.0 + 1e-9
    assert total_kw.min() >= -80.0 - 1e-9
    assert np.abs(found.delivered_kw - found.ordered_kw).max() < 1e-6
    assert found.bid_kw.max() > 20.0
    for row, path in ((1, [1]), (3, [3]), (2, [2, 3])):
        mine = np.isin(node, path)
        for instant_s in cut.arrival_s[mine]:
            there = mine & (cut.arrival_s <= instant_s) & (cut.departure_s > instant_s)
            assert cut.charge_max_kw[there].sum() <= room[0][row] + 1e-9
            assert cut.discharge_max_kw[there].sum() <= room[1][row] + 1e-9
    free = within_limits(fleet, node, parent, (np.full(4, np.inf), np.full(4, np.inf)))
    assert np.array_equal(free.charge_max_kw, fleet.charge_max_kw)


def test_a_fleet_under_way_begins_with_what_even_charging_brought():
    fleet = fleet_of_stays(np.array([0.0, 0.0]), np.array([7200.0, 100.0]), np.array([20.0, 1.0]), np.array([11.0, 11.0]), Kind())
    begun = fleet.there_after(3600.0)
    assert begun.n == 1
    assert begun.arrival_kwh[0] == pytest.approx((fleet.arrival_kwh[0] + fleet.wanted_kwh[0]) / 2)
    assert begun.arrival_s[0] == 3600.0


def test_revenue_is_bid_times_price_and_an_unknown_price_is_no_zero():
    assert availability_revenue(np.array([100.0, 0.0, 50.0]), np.array([0.01, np.nan, 0.02])) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="no price"):
        availability_revenue(np.array([1.0]), np.array([np.nan]))
    with pytest.raises(ValueError, match="bids"):
        availability_revenue(np.zeros(2), np.zeros(3))


def recorded_case(data_dir):
    """Frequency of the recorded days, and 500 vehicles of private homes around them."""
    folder = data_dir("frequency_and_reserve_france")
    reading = read_frequency(folder / "rte_frequency_10s_2016-03-01_02.csv")
    stays = generate(Request("home", date(2016, 2, 27), 5, 1, ZoneInfo("Europe/Paris"), n_vehicle=500))
    fleet = fleet_of_stays(stays.arrival_s, stays.departure_s, stays.energy_kwh, stays.power_max_kw)
    return folder, reading.signal, fleet.there_after(reading.signal.grid.start_s)


def test_recorded_frequency_is_followed_within_one_percent_and_neutral_in_energy(data_dir):
    _, signal, fleet = recorded_case(data_dir)
    filled = fill_frequency(signal.actual, signal.grid.step_s)
    assert (int(filled.held.sum()), int(filled.assumed.sum())) == (6, 84)
    found = follow_frequency(fleet, signal.grid, filled.frequency_hz)
    tracked, late = tracking_of(fleet, found), tracking_of(fleet, found, delay_s=5.0)
    assert found.bid_kw.min() > 150.0
    assert tracked.rms_error < 1e-9
    assert tracked.energy_error < 1e-9
    assert late.slot_error < 0.01  # piles that act 5 s late: energy of each half-hour still within one percent ...
    assert 0.05 < late.rms_error < 0.2  # ... though not sample by sample
    assert tracked.n_served == tracked.n_left > 500
    assert tracked.surplus_kwh < 1e-6
    assert tracked.neutrality < 0.02
    calm = tracking_of(fleet, follow_frequency(fleet, signal.grid, filled.frequency_hz, Rule(bid_share=0.0)))
    assert 0.0 < tracked.loss_kwh - calm.loss_kwh < 0.15 * tracked.activated_kwh


def test_availability_pays_what_the_recorded_prices_say(data_dir):
    folder, signal, fleet = recorded_case(data_dir)
    found = follow_frequency(fleet, signal.grid, fill_frequency(signal.actual, signal.grid.step_s).frequency_hz)
    prices = read_reserve_prices(folder / "rte_reserve_availability_2018.csv.gz").signal
    same_days = TimeGrid(datetime(2018, 2, 28, 23, tzinfo=UTC), 3600, len(found.bid_kw))  # the frequency is of 2016, the prices are of 2018
    revenue_eur = availability_revenue(found.bid_kw, prices.actual_on(same_days))
    with gzip.open(folder / "rte_reserve_availability_2018.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row[0][:10] in ("2018-03-01", "2018-03-02") and row[2] == "Réserve primaire"]
    per_half_hour_eur_per_mw = [float(row[5].replace(",", ".")) for row in sorted(rows, key=lambda row: (row[0], row[1]))]
    assert len(per_half_hour_eur_per_mw) == 96
    by_hand_eur = sum(found.bid_kw[k // 2] / 1000 * price for k, price in enumerate(per_half_hour_eur_per_mw))
    assert revenue_eur == pytest.approx(by_hand_eur, rel=1e-9)


def test_500_vehicles_and_three_days_of_samples_take_well_under_a_second(data_dir):
    _, signal, fleet = recorded_case(data_dir)
    follow_frequency(fleet, signal.grid, fill_frequency(signal.actual, 10).frequency_hz)  # compiles
    always = replace(fleet, departure_s=fleet.departure_s + 4 * 86400.0)  # nobody leaves: the heaviest case
    frequency = np.tile(fill_frequency(signal.actual, 10).frequency_hz, 2)[:25920]
    before_s = time.process_time()
    follow_frequency(always, TimeGrid(signal.grid.start, 10, 25920), frequency)
    assert time.process_time() - before_s < 2.0
