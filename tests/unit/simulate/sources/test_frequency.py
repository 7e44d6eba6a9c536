"""Readers of grid frequency and reserve prices: holes, decimal commas, clocks, and broken cells."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import TimeGrid
from evloom.simulate.sources.frequency import read_frequency, read_reserve_prices

HEADER = "DATE;FREQUENCE_RETENUE(EN Hz);"
RESERVE_HEADER = "Date,Heures,Type de réserve,Sens de l'ajustement,Quantité de la réserve (en MW),Prix de la réserve (en euros/MW/30min)"


def frequency(tmp_path, *rows, header=HEADER):
    path = tmp_path / "frequency.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_frequency(path)


def codes(reading):
    return [(f.severity, f.code, f.row) for f in reading.findings]


def test_holes_commas_and_the_clock_of_paris(tmp_path):
    reading = frequency(
        tmp_path, "01/07/2016 12:00:00;50,0424;", "01/07/2016 12:00:10;N/A;", "01/07/2016 12:00:20;N/A;", "01/07/2016 12:00:30;49,99;"
    )
    assert reading.signal.grid == TimeGrid(datetime(2016, 7, 1, 10, tzinfo=UTC), 10, 4)
    assert np.array_equal(reading.signal.actual, [50.0424, np.nan, np.nan, 49.99], equal_nan=True)
    assert codes(reading) == [("warning", "series.missing-value", 3)]
    assert "2 rows" in reading.findings[0].value
    assert (reading.signal.unit, reading.n_row) == ("Hz", 4)


def test_cells_that_are_no_frequency_are_said_one_by_one(tmp_path):
    rows = ["50,01", "fifty", "50.02", "5001", "inf", "50,03", "50,04"]
    reading = frequency(
        tmp_path, *(f"01/03/2016 00:00:{10 * k:02d};{cell};" for k, cell in enumerate(rows[:6])), "01/03/2016 00:01:00;50,04;"
    )
    assert ("refused", "frequency.range", 5) in codes(reading)
    assert ("refused", "series.unreadable-value", 3) in codes(reading)
    assert np.isfinite(reading.signal.actual).tolist() == [True, False, False, False, False, True, True]


def test_the_hour_that_comes_twice(tmp_path):
    clock = ["01:59:50", *(f"02:{m:02d}:{s:02d}" for _ in range(2) for m in range(60) for s in range(0, 60, 10)), "03:00:00"]
    reading = frequency(tmp_path, *(f"30/10/2016 {time};50,0;" for time in clock))
    assert (reading.signal.grid.n, codes(reading)) == (len(clock), [])


def test_rows_that_are_missing_doubled_or_cut_off(tmp_path):
    rows = [
        "01/03/2016 00:00:00;50,0;",
        "01/03/2016 00:00:10;50,1;",
        "01/03/2016 00:00:10;50,2;",
        "01/03/2016 00:00:20;50,1",
        "01/03/2016 00:00:50;50,1;",
    ]
    found = {code for _, code, _ in codes(frequency(tmp_path, *rows, "01/03/2016 00:01:00;50,1;"))}
    assert {"row.cells", "series.conflicting-values", "series.gap"} <= found


@pytest.mark.parametrize(
    ("header", "rows", "code"),
    [
        ("DATE,FREQUENCE_RETENUE(EN Hz)", ["x"], "file.wrong-delimiter"),
        ("DATE;F;", ["x;y;"], "file.missing-columns"),
        (HEADER, ["01/03/2016 00:00:00;50,0;"], "series.too-short"),
        (HEADER, ["01/03/2016 00:00:00;N/A;", "01/03/2016 00:00:10;N/A;"], "series.no-values"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, header, rows, code):
    with pytest.raises(InputError) as error:
        frequency(tmp_path, *rows, header=header)
    assert error.value.findings[0].code == code


def test_reserve_prices_by_kind_in_money_per_kw_and_hour(tmp_path):
    path = tmp_path / "reserve.csv"
    lines = [
        f'2018-01-01 00:00:00,{slot},Réserve {kind},A la hausse,459,"{price}"'
        for slot in ("00:00 - 00:30", "00:30 - 01:00")
        for kind, price in (("primaire", "5,52"), ("secondaire", "4,70"))
    ]
    path.write_text("\n".join([RESERVE_HEADER, *lines]) + "\n", encoding="utf-8")
    assert read_reserve_prices(path).signal.actual == pytest.approx([0.01104, 0.01104])
    assert read_reserve_prices(path, "secondary").signal.actual == pytest.approx([0.0094, 0.0094])
    with pytest.raises(InputError, match="tertiary"):
        read_reserve_prices(path, "tertiary")


def test_recorded_frequency(data_dir):
    reading = read_frequency(data_dir("frequency_and_reserve_france") / "rte_frequency_10s_2016-03-01_02.csv")
    known = reading.signal.actual[np.isfinite(reading.signal.actual)]
    assert (reading.n_row, reading.signal.grid.n, len(known)) == (17280, 17280, 17190)
    assert (known.min(), known.max()) == (49.9089, 50.0969)
    assert codes(reading) == [("warning", "series.missing-value", 4412)]


def test_recorded_reserve_prices(data_dir):
    reading = read_reserve_prices(data_dir("frequency_and_reserve_france") / "rte_reserve_availability_2018.csv.gz")
    assert [code for _, code, _ in codes(reading)] == ["series.gap", "series.gap"]  # three days of July, and the doubled hour told once
    assert np.nanmin(reading.signal.actual) > 0.003
    assert reading.signal.grid.step_s == 1800
