"""Scenarios on recorded data, which is not part of the repository; and one with very many sessions."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.summary import summary

HEAD = """
[time]
zone = "{zone}"
from = {day}
to = {end}
[site]
voltage_v = 208
[transformer]
rating_kva = 1000
[[pile]]
from_sessions = true
rating_kw = 6.656
[sessions]
file = "{sessions}"
"""

FLAT = '[tariff]\nname = "flat"\ncurrency = "EUR"\nzone = "UTC"\nprice_per_kwh = 0.3\n'


@pytest.fixture
def written(tmp_path):
    """Write a scenario on some sessions with more text at its end; returns its path."""

    def write(sessions, zone, days, more):
        path = tmp_path / "scenario.toml"
        path.write_text(HEAD.format(sessions=sessions.as_posix(), zone=zone, day=days[0], end=days[1]) + more, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(("site", "expected"), [("jpl", (1384, 20034, 3781.2, 304.2)), ("caltech", (882, 7185, 1414.4, 93.2))])
def test_june_2019_at_acn(data_dir, written, site, expected):
    """Sessions, and energy, carbon and peak of disorderly charging at 6.656 kW, as computed independently with other code."""
    n_session, energy_kwh, carbon_kg, peak_kw = expected
    months = [(data_dir("carbon_caiso_moer") / f"moer_caiso_SCE_2019-{month}.csv.gz").as_posix() for month in ("05", "06", "07")]
    carbon = f'[carbon]\nformat = "caiso-moer"\nfiles = {months!r}\n'
    sessions = data_dir("sessions_acn") / f"acn_{site}_2019-05-01_2019-08-31.csv.gz"
    scenario = load_scenario(written(sessions, "US/Pacific", ("2019-06-01", "2019-07-01"), FLAT + carbon))
    table, grid = scenario.sessions, scenario.grid
    assert len(table) == n_session
    edges_s = grid.edges_s()
    load_kw = np.zeros(grid.n)
    for arrival_s, departure_s, kwh in zip(table.arrival_s, table.departure_s, table.energy_kwh, strict=True):
        end_s = min(departure_s, arrival_s + kwh / 6.656 * 3600)
        load_kw += 6.656 * np.clip(np.minimum(edges_s[1:], end_s) - np.maximum(edges_s[:-1], arrival_s), 0, None) / grid.step_s
    assert load_kw.sum() * grid.step_h == pytest.approx(energy_kwh, abs=0.5)
    assert load_kw.max() == pytest.approx(peak_kw, rel=2e-3)
    assert scenario.carbon is not None
    assert load_kw @ scenario.carbon.actual_on(grid) * grid.step_h == pytest.approx(carbon_kg, rel=2e-3)


def test_households_solar_and_day_ahead_prices(data_dir, written):
    """Piles beside fifty homes of the test feeder, on hourly prices of a day with 23 hours; the file lacks its last two weeks."""
    homes = data_dir("lv_feeder_households_1min") / "european_lv_100_household_profiles_1min.csv.gz"
    prices = data_dir("prices_day_ahead_europe_2025") / "smard_day_ahead_hourly_2025.csv.gz"
    more = f"""[[base_load]]
file = "{homes.as_posix()}"
format = "lv-households"
column = "50"
[tariff]
name = "day-ahead NO2"
currency = "EUR"
zone = "Europe/Oslo"
file = "{prices.as_posix()}"
format = "smard-day-ahead"
column = "NO2"
"""
    sessions = data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz"
    path = written(sessions, "Europe/Oslo", ("2025-03-30", "2025-03-31"), more)
    scenario = load_scenario(path)
    assert scenario.grid.n == 92  # the clock goes forward that night
    load_kw = scenario.site.base_load[0].signal.actual_on(scenario.grid)
    assert load_kw.min() > 0
    price = scenario.tariff.price_on(scenario.grid)
    assert np.isfinite(price).all()
    assert len(np.unique(price)) > 10
    assert [finding.code for finding in scenario.findings if finding.code.startswith("scenario.")] == ["scenario.no-sessions"]
    assert "day-ahead NO2" in summary(scenario)


def test_solar_of_2019_does_not_reach_2025(data_dir, written):
    solar = data_dir("pv_netherlands") / "pv_netherlands_2019_hourly.csv"
    plant = f'[[solar]]\nkwp = 100\nfile = "{solar.as_posix()}"\n'
    sessions = data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz"
    scenario = load_scenario(written(sessions, "Europe/Amsterdam", ("2019-06-01", "2019-06-08"), FLAT + plant))
    assert 30 < scenario.site.solar[0].signal.actual_on(scenario.grid).max() < 100
    with pytest.raises(InputError, match="series-gap"):
        load_scenario(written(sessions, "Europe/Amsterdam", ("2025-06-01", "2025-06-08"), FLAT + plant))


@pytest.mark.slow
def test_two_hundred_thousand_sessions(written, tmp_path):
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = ["session_id,evse_id,driver_id,arrival,departure,energy_kwh"]
    for row in range(200_000):
        arrival = start + timedelta(hours=10 * (row // 500))
        rows.append(f"s{row},E{row % 500},d{row % 997},{arrival.isoformat()},{(arrival + timedelta(hours=8)).isoformat()},{5 + row % 20}")
    sessions = tmp_path / "sessions.csv"
    sessions.write_text("\n".join(rows), encoding="utf-8")
    cars = '[[vehicle]]\nmodel = "small"\nbattery_kwh = 30\nac_max_kw = 7\n[[vehicle]]\nmodel = "large"\nbattery_kwh = 60\nac_max_kw = 7\n'
    scenario = load_scenario(written(sessions, "UTC", ("2024-01-01", "2025-01-01"), FLAT + cars))
    assert len(scenario.sessions) == len(scenario.model_row) == 200_000
    assert scenario.evse.n == 500
