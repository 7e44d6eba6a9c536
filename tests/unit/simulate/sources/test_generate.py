"""The generator: the same for a seed, feasible, one car at a connector, true to the tables it draws from."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.kernel.timegrid import epoch_s, local_clock
from evloom.simulate.sources.drivers import TAKEN_OF_ASKED, TOLD_OF_STAY, told_by
from evloom.simulate.sources.elaad import behaviour
from evloom.simulate.sources.generate import Kind, Request, generate
from evloom.simulate.sources.own import write_sessions
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import SessionTable

KINDS = get_args(Kind)
AMSTERDAM, SHANGHAI = ZoneInfo("Europe/Amsterdam"), ZoneInfo("Asia/Shanghai")
TABLED: tuple[Kind, ...] = ("home", "workplace", "public")


def digest(table: SessionTable) -> str:
    text = "|".join([*table.session_id, *table.evse_id, *table.driver_id])
    numbers = np.concatenate([table.arrival_s, table.departure_s, table.energy_kwh, table.told_departure_s, table.requested_kwh])
    return hashlib.sha256(text.encode() + np.round(numbers, 3).tobytes()).hexdigest()[:16]


@st.composite
def requests(draw) -> Request:
    return Request(
        kind=draw(st.sampled_from(KINDS)),
        start=draw(st.dates(date(2019, 1, 1), date(2029, 12, 31))),
        days=draw(st.integers(0, 9)),
        seed=draw(st.integers(0, 2**32)),
        zone=draw(st.sampled_from([AMSTERDAM, SHANGHAI, ZoneInfo("America/New_York"), ZoneInfo("UTC")])),
        n_evse=draw(st.integers(0, 8)),
        n_vehicle=draw(st.integers(0, 20)),
        power_kw=draw(st.sampled_from([None, 2.3, 7.0, 150.0])),
        driver_error=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


@settings(max_examples=120, deadline=None)
@given(requests())
def test_what_every_generated_table_promises(request):
    table = generate(request)
    stay_h = (table.departure_s - table.arrival_s) / 3600
    assert np.all(stay_h > 0)
    assert np.all(table.energy_kwh >= 0)
    assert np.all(table.energy_kwh <= table.power_max_kw * stay_h + 1e-9)
    assert np.all(table.power_max_kw <= request.connector_power_kw)
    first = datetime.combine(request.start, datetime.min.time(), tzinfo=request.zone).astimezone(UTC)
    after = datetime.combine(request.start + timedelta(days=request.days), datetime.min.time(), tzinfo=request.zone).astimezone(UTC)
    assert np.all((table.arrival_s >= epoch_s(first)) & (table.arrival_s < epoch_s(after)))
    assert np.all(table.told_departure_s > table.arrival_s)
    assert np.all(table.requested_kwh > 0)
    if request.driver_error == 0:
        assert np.allclose(table.requested_kwh, table.energy_kwh, atol=2e-3)
        assert np.allclose(table.told_departure_s, np.maximum(table.departure_s, table.arrival_s + 60), atol=1)
    for names in (table.evse_id, table.driver_id):
        until: dict[str, float] = {}
        for name, arrival_s, departure_s in zip(names, table.arrival_s, table.departure_s, strict=True):
            assert not name or until.get(name, -np.inf) <= arrival_s
            until[name] = departure_s
    assert len({name for name in table.evse_id if name}) <= request.connectors
    if request.kind != "bus-depot":
        assert all(table.evse_id)
    assert list(table.arrival_s) == sorted(table.arrival_s)


@settings(max_examples=20, deadline=None)
@given(requests())
def test_the_same_request_gives_the_same_sessions(request):
    assert digest(generate(request)) == digest(generate(request))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("home", "da727a2cf6a54a2d"),
        ("workplace", "070884bbb22405fc"),
        ("public", "364d0566df982cd1"),
        ("taxi", "2dcf9bd3b4f394de"),
        ("bus-depot", "c08a2403ba3582e1"),
    ],
)
def test_a_seed_means_the_same_sessions_for_ever(kind, expected):
    """These digests may change only with a note in the changelog: users' results hang on them."""
    assert digest(generate(Request(kind, date(2024, 3, 25), 14, 11, AMSTERDAM, n_evse=10, n_vehicle=15))) == expected


def test_another_seed_gives_other_sessions():
    request = Request("home", date(2024, 3, 25), 14, 11, AMSTERDAM, n_evse=10)
    assert digest(generate(request)) != digest(generate(replace(request, seed=12)))


@pytest.fixture(scope="module")
def year() -> dict[str, SessionTable]:
    """A year of each tabled kind with so many connectors and so much power that nothing but the tables decides."""
    requests = {kind: Request(kind, date(2024, 1, 1), 364, 5, AMSTERDAM, 4000, 300, 22.0, feasible=False) for kind in TABLED}
    return {kind: generate(request) for kind, request in requests.items()}


@pytest.mark.parametrize("kind", TABLED)
def test_stay_and_energy_follow_their_tables(year, kind):
    table, tables = year[kind], behaviour(kind)
    for rank in (0.1, 0.25, 0.5, 0.75, 0.9):
        stay_h = np.quantile((table.departure_s - table.arrival_s) / 3600, rank)
        # Cars that are still there do not arrive again, which thins out the long stays of drivers who come often.
        assert stay_h == pytest.approx(np.interp(rank, np.linspace(0, 1, 101), tables.stay_h), rel=0.16)
        energy_kwh = np.quantile(table.energy_kwh, rank)
        assert energy_kwh == pytest.approx(np.interp(rank, np.linspace(0, 1, 101), tables.energy_kwh), rel=0.12)


@pytest.mark.parametrize("kind", TABLED)
def test_feasible_energies_keep_most_of_the_energy(year, kind):
    free = year[kind]
    feasible = generate(Request(kind, date(2024, 1, 1), 364, 5, AMSTERDAM, 4000, 300, 22.0))
    room_kwh = feasible.power_max_kw * (feasible.departure_s - feasible.arrival_s) / 3600
    assert np.all(feasible.energy_kwh <= room_kwh)
    assert not np.all(free.energy_kwh <= room_kwh)
    assert 0.94 < feasible.energy_kwh.sum() / free.energy_kwh.sum() <= 1


@pytest.mark.parametrize("kind", TABLED)
def test_arrivals_follow_the_quarter_hours_of_the_local_clock(year, kind):
    table = year[kind]
    clock = local_clock(table.arrival_s, AMSTERDAM)
    weekday = clock.weekday < 5
    share = np.bincount(((clock.minute_of_day[weekday] - 300) % 1440) // 60, minlength=24) / weekday.sum()
    expected = np.diff(behaviour(kind).arrival_weekday[::4])
    assert np.abs(share - expected).max() < 0.02  # 300 drivers with habits of their own scatter so much
    by_day = np.bincount(clock.weekday, minlength=7) / len(table)
    assert np.abs(by_day - behaviour(kind).day_factor / 7).max() < 0.02


def test_workplaces_are_empty_at_weekends(year):
    assert np.bincount(local_clock(year["workplace"].arrival_s, AMSTERDAM).weekday, minlength=7)[5:].sum() < 0.001 * len(year["workplace"])


@pytest.mark.parametrize("kind", TABLED)
def test_stay_depends_on_the_time_of_arrival_as_measured(year, kind):
    table = year[kind]
    slot = local_clock(table.arrival_s, AMSTERDAM).minute_of_day // 30
    stay_h = (table.departure_s - table.arrival_s) / 3600
    ranks = behaviour(kind).stay_rank.mean(axis=1)
    busy = [k for k in range(48) if (slot == k).sum() > 300]
    means = np.array([stay_h[slot == k].mean() for k in busy])
    assert np.corrcoef(means, ranks[busy])[0, 1] > 0.85


def test_drivers_have_habits(year):
    """The spread of a driver's own mean is far wider than chance alone would make it."""
    table = year["workplace"]
    hour = local_clock(table.arrival_s, AMSTERDAM).minute_of_day / 60
    drivers = np.array(table.driver_id)
    often = [who for who in set(table.driver_id) if (drivers == who).sum() >= 50]
    own_mean = np.array([hour[drivers == who].mean() for who in often])
    by_chance = hour.std() / np.sqrt(np.mean([(drivers == who).sum() for who in often]))
    assert own_mean.std() > 3 * by_chance


def test_what_drivers_say_is_as_wrong_as_measured():
    rng = np.random.default_rng(3)
    driver = np.arange(20000)
    stay_s, energy_kwh = np.full(20000, 8 * 3600.0), np.full(20000, 5.0)
    told_s, asked_kwh = told_by(rng, driver, stay_s, energy_kwh, 1.0)
    assert np.median(energy_kwh / asked_kwh) == pytest.approx(TAKEN_OF_ASKED[7], abs=0.01)
    assert np.quantile(told_s / stay_s, [0.1, 0.9]) == pytest.approx(TOLD_OF_STAY[[3, 11]], rel=0.03)
    half_s, _ = told_by(np.random.default_rng(3), driver, stay_s, energy_kwh, 0.5)
    assert np.allclose(half_s / stay_s, np.sqrt(told_s / stay_s))


def test_the_measured_errors_are_those_of_the_recorded_sessions(data_dir):
    ratio: dict[str, list[np.ndarray]] = {"taken": [], "told": []}
    for path in sorted(data_dir("sessions_acn").glob("*.csv.gz")):
        table = read_sessions(path, "acn")
        ratio["taken"].append(table.energy_kwh / table.requested_kwh)
        ratio["told"].append((table.told_departure_s - table.arrival_s) / (table.departure_s - table.arrival_s))
    for name, measured in (("taken", TAKEN_OF_ASKED), ("told", TOLD_OF_STAY)):
        values = np.concatenate(ratio[name])
        values = values[np.isfinite(values)]
        assert len(values) == 9868
        assert np.quantile(values, [0.01, 0.1, 0.5, 0.9, 0.99]) == pytest.approx(measured[[0, 3, 7, 11, 14]], abs=6e-4)


def test_buses_keep_their_duty_and_have_no_pile_of_their_own_when_there_are_too_few():
    table = generate(Request("bus-depot", date(2024, 6, 3), 14, 1, SHANGHAI, n_evse=5, n_vehicle=10))
    assert set(table.evse_id) == {""}
    assert np.array_equal(table.told_departure_s, table.departure_s)
    weekday_out = local_clock(table.departure_s, SHANGHAI).minute_of_day[np.array(table.driver_id) == "bus-depot-driver-0001"]
    assert len(set(weekday_out)) == 1
    assert np.allclose(table.soc_arrival + table.energy_kwh / table.battery_kwh, table.soc_departure, atol=2e-4)
    friday_night = (local_clock(table.arrival_s, SHANGHAI).weekday == 4) & (np.array(table.driver_id) == "bus-depot-driver-0010")
    assert np.all((table.departure_s - table.arrival_s)[friday_night] > 48 * 3600)  # the last bus rests at weekends
    assert all(generate(Request("bus-depot", date(2024, 6, 3), 3, 1, SHANGHAI, n_vehicle=10)).evse_id)


def test_a_bus_that_cannot_be_filled_leaves_less_full():
    table = generate(Request("bus-depot", date(2024, 6, 3), 5, 1, SHANGHAI, n_vehicle=10, power_kw=10.0))
    assert np.all(table.energy_kwh <= 10 * (table.departure_s - table.arrival_s) / 3600)
    assert table.soc_departure.min() < 0.9
    assert np.allclose(table.soc_arrival + table.energy_kwh / table.battery_kwh, table.soc_departure, atol=2e-4)


def test_cars_that_find_no_connector_are_counted():
    table = generate(Request("public", date(2024, 6, 3), 14, 1, AMSTERDAM, n_evse=2, n_vehicle=60))
    assert [finding.code for finding in table.findings] == ["generate.turned-away"]
    assert set(table.evse_id) == {"evse-001", "evse-002"}


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "boat"}, {"n_evse": None}, {"n_evse": -1}, {"days": -1}, {"power_kw": 0.0}, {"driver_error": float("nan")}],
)
def test_requests_that_make_no_sense_raise(wrong):
    good = Request("home", date(2024, 6, 3), 1, 1, AMSTERDAM, n_evse=2)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(good, **wrong)


def test_generated_sessions_are_a_good_file(tmp_path):
    table = generate(Request("taxi", date(2024, 6, 3), 7, 1, SHANGHAI, n_evse=10, n_vehicle=20))
    write_sessions(table, tmp_path / "taxi.csv.gz")
    again = read_sessions(tmp_path / "taxi.csv.gz")
    assert again.findings == ()
    assert digest(again) == digest(table)
