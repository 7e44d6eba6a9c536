"""Readers of series: units, clocks, holes, doubles, and what was known when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.simulate.sources.daily import DailyProfile
from evloom.simulate.sources.series import SeriesReading, published_day_ahead, read_series, read_series_with_findings, series_text

BERLIN = ZoneInfo("Europe/Berlin")


def own(tmp_path: Path, *rows: str, header: str = "time,load_kw", column: str | None = None) -> SeriesReading:
    path = tmp_path / "series.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return read_series_with_findings(path, "evloom", column)


def codes(reading: SeriesReading) -> list[tuple[str, str, int | None]]:
    return [(f.severity, f.code, f.row) for f in reading.findings]


def signal(reading: SeriesReading) -> Signal:
    assert isinstance(reading.series, Signal)
    return reading.series


def refusal(paths, format_name: str, column: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_series(paths, format_name, column)
    return caught.value.findings[0].code


HOURS = [f"2024-05-01T0{h}:00:00Z,{h + 1}" for h in range(6)]


def test_own_series(tmp_path):
    reading = own(tmp_path, *HOURS)
    assert codes(reading) == []
    assert signal(reading).grid == TimeGrid(datetime(2024, 5, 1, tzinfo=UTC), 3600, 6)
    assert list(signal(reading).actual) == [1, 2, 3, 4, 5, 6]
    assert (signal(reading).unit, signal(reading).known_ahead_s) == ("kW", 0.0)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("price_eur_per_kwh", "EUR/kWh"), ("carbon_kg_per_kwh", "kgCO2/kWh"), ("solar_kw_per_kwp", "kW/kWp"), ("outside_c", "degC")],
)
def test_the_ending_of_the_column_is_its_unit(tmp_path, name, unit):
    assert signal(own(tmp_path, *HOURS, header=f"time,{name}")).unit == unit


def test_a_column_without_a_unit_or_one_of_several_is_refused(tmp_path):
    with pytest.raises(InputError, match="unknown-column"):
        own(tmp_path, *HOURS, header="time,load")
    with pytest.raises(InputError, match="which-column"):
        own(tmp_path, *[f"{row},1" for row in HOURS], header="time,a_kw,b_kw")
    assert signal(own(tmp_path, *[f"{row},7" for row in HOURS], header="time,a_kw,b_kw", column="b_kw")).actual[0] == 7


def test_gaps_doubles_conflicts_and_stray_rows_are_said(tmp_path):
    rows = [
        *HOURS[:2],
        HOURS[1],
        "2024-05-01T00:00:00Z,9",
        "2024-05-01T02:30:00Z,8",
        *HOURS[4:],
        "2024-05-01T06:00:00Z,",
        "2024-05-01T07:00:00Z,x",
    ]
    reading = own(tmp_path, *rows)
    assert sorted(codes(reading), key=str) == sorted(
        [
            ("repaired", "series.doubled-time", 4),
            ("refused", "series.conflicting-values", 5),
            ("repaired", "series.disorder", 5),
            ("refused", "series.off-grid", 6),
            ("warning", "series.missing-value", 9),
            ("refused", "series.unreadable-value", 10),
            ("warning", "series.gap", None),
        ],
        key=str,
    )
    assert np.array_equal(signal(reading).actual, [1, 2, np.nan, np.nan, 5, 6, np.nan, np.nan], equal_nan=True)
    assert all(finding.text() in series_text(reading) for finding in reading.findings)


def test_a_long_hole_is_one_finding(tmp_path):
    rows = [f"2024-05-01T{h:02}:00:00Z," for h in range(1, 20)]
    reading = own(tmp_path, "2024-05-01T00:00:00Z,1", *rows)
    assert codes(reading) == [("warning", "series.missing-value", 3)]
    assert "19 rows to line 21" in reading.findings[0].value


def test_times_without_offset_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"series\.too-short"):
        own(tmp_path, "2024-05-01T00:00:00,1", "2024-05-01T01:00:00,1")


def test_files_that_cannot_be_used(tmp_path):
    assert refusal(tmp_path / "none.csv", "evloom") == "file.missing"
    assert refusal([], "evloom") == "file.missing"
    (tmp_path / "x.csv").write_text("time,a_kw\n2024-05-01T00:00:00Z,1\n")
    assert refusal(tmp_path / "x.csv", "evloom") == "series.too-short"
    assert refusal(tmp_path / "x.csv", "excel") == "series.unknown-format"
    assert refusal([tmp_path / "x.csv"] * 2, "smard-day-ahead") == "series.many-files"
    assert refusal(tmp_path / "x.csv", "smard-day-ahead") == "file.wrong-delimiter"


def test_two_files_that_overlap_must_agree(tmp_path):
    (tmp_path / "a.csv").write_text("time,load_kw\n" + "\n".join(HOURS[:4]) + "\n")
    (tmp_path / "b.csv").write_text("time,load_kw\n" + "\n".join([*HOURS[2:3], "2024-05-01T03:00:00Z,99", *HOURS[4:]]) + "\n")
    reading = read_series_with_findings([tmp_path / "b.csv", tmp_path / "a.csv"], "evloom")
    assert codes(reading) == [("refused", "series.conflicting-values", 5)]
    assert list(signal(reading).actual) == [1, 2, 3, 99, 5, 6]


@pytest.fixture(scope="module")
def smard(data_dir):
    return data_dir("prices_day_ahead_europe_2025") / "smard_day_ahead_hourly_2025.csv.gz"


def test_smard_prices(smard):
    reading = read_series_with_findings(smard, "smard-day-ahead")
    price = signal(reading)
    known = price.actual[np.isfinite(price.actual)]
    assert price.grid == TimeGrid(datetime(2025, 1, 1, tzinfo=BERLIN), 3600, 8760)
    assert (len(known), (known < 0).sum()) == (8376, 573)
    assert known.mean() == pytest.approx(0.08940, abs=5e-6)
    assert (known.min(), known.max()) == pytest.approx((-0.25032, 0.58340))
    # Line 2115 bears the wrong day in its end; the prices stop on 15 December.
    assert codes(reading) == [("warning", "series.end-disagrees", 2115), ("warning", "series.missing-value", 8378)]


def test_smard_zone_by_code_by_name_and_unknown(smard):
    swiss = read_series(smard, "smard-day-ahead", "CH")
    assert isinstance(swiss, Signal)
    assert swiss.actual[0] == pytest.approx(0.10220)
    named = read_series(smard, "smard-day-ahead", "Schweiz")
    assert isinstance(named, Signal)
    assert np.array_equal(named.actual, swiss.actual, equal_nan=True)
    assert refusal(smard, "smard-day-ahead", "Atlantis") == "series.unknown-column"
    assert refusal(smard, "smard-day-ahead", "DE-AT-LU") == "series.no-values"  # the zone was split in 2018


@pytest.mark.parametrize(
    ("now", "hours_known"),
    [
        (datetime(2025, 6, 10, 12, 30, tzinfo=BERLIN), 12),  # to midnight
        (datetime(2025, 6, 10, 13, 0, tzinfo=BERLIN), 11 + 24),  # to the next midnight
        (datetime(2025, 3, 29, 13, 0, tzinfo=BERLIN), 11 + 23),
        (datetime(2025, 10, 25, 13, 0, tzinfo=BERLIN), 11 + 25),
        (datetime(2025, 6, 10, 0, 0, tzinfo=BERLIN), 24),
    ],
)
def test_day_ahead_prices_are_known_from_their_publication(smard, now, hours_known):
    price = read_series(smard, "smard-day-ahead")
    assert isinstance(price, Signal)
    assert price.issued is not None
    onto = TimeGrid(now.replace(minute=0), 3600, 60)
    k = round(price.grid.position(now.replace(minute=0)))
    issued = price.issued[k]
    assert np.isfinite(issued).sum() == hours_known
    truth = price.actual_on(onto)
    assert np.allclose(price.known_on(onto, now)[:hours_known], truth[:hours_known], rtol=0, atol=1e-9)
    assert not np.allclose(price.known_on(onto, now)[hours_known:], truth[hours_known:], rtol=0, atol=1e-9)


def test_nothing_unpublished_is_ever_told(smard):
    price = read_series(smard, "smard-day-ahead")
    assert isinstance(price, Signal)
    changed = price.actual.copy()
    now = datetime(2025, 6, 10, 12, 44, tzinfo=BERLIN)
    cut = round(price.grid.position(datetime(2025, 6, 11, tzinfo=BERLIN)))
    changed[cut:] = 1e6
    other = Signal(price.name, price.unit, price.grid, changed, price.known_ahead_s, published_day_ahead(price.grid, changed, BERLIN))
    onto = TimeGrid(now - timedelta(minutes=44), 900, 4 * 48)
    assert np.allclose(other.known_on(onto, now), price.known_on(onto, now), rtol=0, atol=1e-9)


def test_moer_months_join_and_bear_their_forecasts(data_dir):
    folder = data_dir("carbon_caiso_moer")
    paths = [folder / "moer_caiso_SCE_2019-06.csv.gz", folder / "moer_caiso_SCE_2019-05.csv.gz"]
    reading = read_series_with_findings(paths, "caiso-moer")
    carbon = signal(reading)
    assert reading.findings == ()  # where the months overlap they agree in all 37 columns
    assert reading.n_row == 9504 + 9216
    assert carbon.grid == TimeGrid(datetime(2019, 4, 30, tzinfo=UTC), 300, (31 + 32) * 288)
    assert carbon.issued is not None
    assert carbon.issued.shape == (carbon.grid.n, 36)
    assert not carbon.published
    k = round(carbon.grid.position(datetime(2019, 5, 31, tzinfo=UTC)))
    assert list(carbon.issued[k, :3]) == [0.1433007988406018, 0.1408289660036564, 0.13864047727293177]
    now = carbon.grid.at(k)
    assert list(carbon.known_on(TimeGrid(now, 300, 3), now)) == pytest.approx(list(carbon.issued[k, :3]))
    june = read_series(paths[0], "caiso-moer")
    assert isinstance(june, Signal)
    assert june.actual.mean() == pytest.approx(0.230, abs=5e-4)
    assert june.actual.max() == pytest.approx(0.664, abs=5e-4)


def test_pv_is_kw_per_kwp_in_utc(data_dir):
    reading = read_series_with_findings(data_dir("pv_netherlands") / "pv_netherlands_2019_hourly.csv", "pv-netherlands")
    sun = signal(reading)
    assert (reading.findings, sun.unit, sun.grid) == ((), "kW/kWp", TimeGrid(datetime(2019, 1, 1, tzinfo=UTC), 3600, 8760))
    by_hour = sun.actual.reshape(365, 24).mean(axis=0)
    assert 10 <= int(np.argmax(by_hour)) <= 12
    assert by_hour[[0, 1, 23]].max() == 0


def test_households_add_up_and_repeat(data_dir):
    path = data_dir("lv_feeder_households_1min") / "european_lv_100_household_profiles_1min.csv.gz"
    homes = read_series(path, "lv-households", "55")
    assert isinstance(homes, DailyProfile)
    assert homes.minute_value.max() == pytest.approx(57.4, abs=0.05)
    one, all_homes = read_series(path, "lv-households", "shape_3"), read_series(path, "lv-households")
    assert isinstance(one, DailyProfile)
    assert isinstance(all_homes, DailyProfile)
    assert one.minute_value[0] == 0.054  # the row of 00:01:00 is the first minute of the day
    assert all_homes.minute_value.sum() > homes.minute_value.sum()
    for column in ("0", "101", "shape_200"):
        assert refusal(path, "lv-households", column) == "series.unknown-column"
    grid = TimeGrid(datetime(2024, 6, 1, tzinfo=BERLIN), 900, 192)
    load = homes.on(grid, BERLIN)
    assert np.array_equal(load.actual[:96], load.actual[96:])
    assert load.actual[:96].mean() == pytest.approx(homes.minute_value.mean())


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-02-29", 24)])
def test_a_daily_profile_follows_the_local_clock(day, hours):
    profile = DailyProfile("minutes", "kW", np.arange(1440.0))
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = (start + timedelta(days=1)).astimezone(UTC)
    grid = TimeGrid.between(start, end, 3600)
    assert grid.n == hours
    on = profile.on(grid, BERLIN)
    assert on.actual[0] == 29.5
    assert on.actual[-1] == 1440 - 30.5
    second = profile.on(TimeGrid(start, 20, 6), BERLIN)
    assert list(second.actual) == [0, 0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="1440"):
        DailyProfile("short", "kW", np.zeros(24))
