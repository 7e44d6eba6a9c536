"""Files without single cells: highest and lowest cell, pack voltage, charges in files of their own, other people's names of columns."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evloom.store.battery.names import charge_of, ours_of, plain
from tests.unit.store.battery.frames_files import by_pack, codes, read, rows, same, with_column, write

N_SERIES = 96
START_S = 1.6e9
Table = dict[str, list[Any]]


def charge(n: int = 600, start_s: float = START_S, soc_from: float = 0.2) -> Table:
    """A charge at 40 A and 10 s: pack voltage read 0.4 % too high, cells apart by 4 to 14 mV."""
    soc = [soc_from + 40.0 * 10.0 * k / 3600.0 / 150.0 for k in range(n)]
    cell = [3.4 + 0.7 * each for each in soc]
    return {
        "at": [start_s + 10.0 * k for k in range(n)],
        "soc": soc,
        "pack_v": [round(1.004 * N_SERIES * each, 1) for each in cell],
        "current_a": [40.0 - 0.1 * (k % 3) for k in range(n)],
        "cell_max_v": [round(each + 0.002 + 0.005 * (k % 2), 3) for k, each in enumerate(cell)],
        "cell_min_v": [round(each - 0.002 - 0.005 * (k % 2), 3) for k, each in enumerate(cell)],
        "probe_max_c": [27.0] * n,
        "probe_min_c": [23.0] * n,
    }


def lines(table: Table) -> list[list[str]]:
    """The table as rows of text, header first."""
    return [list(table), *([f"{value}" for value in row] for row in zip(*table.values(), strict=True))]


def public(table: Table) -> Table:
    """The table as a public one names and writes it: other names, percent, 14-digit instants, charging negative."""
    return {
        "record_time": [f"{datetime.fromtimestamp(float(at), UTC):%Y%m%d%H%M%S}" for at in table["at"]],
        "soc": [round(100.0 * float(each)) for each in table["soc"]],
        "pack_voltage (V)": table["pack_v"],
        "charge_current (A)": [-float(each) for each in table["current_a"]],
        "max_cell_voltage (V)": table["cell_max_v"],
        "min_cell_voltage (V)": table["cell_min_v"],
        "max_temperature": table["probe_max_c"],
        "min_temperature": table["probe_min_c"],
        "available_energy (kw)": [30.0] * len(table["at"]),
    }


def test_a_mean_cell_stands_for_all(tmp_path: Path) -> None:
    parts, reading = read(write(tmp_path / "car.csv", lines(charge())))
    frames = by_pack(parts)["car"]
    assert codes(reading) == ["frames.mean-cell"]
    assert "96 in series, deduced from the voltage of the pack; highest and lowest apart by" in (reading.account.findings[0].value or "")
    assert (frames.pack.n_cell, frames.pack.n_probe, frames.pack.n_series, frames.pack.in_series) == (1, 1, N_SERIES, N_SERIES)
    assert frames.cell_v[:, 0] == pytest.approx(3.4 + 0.7 * frames.soc, abs=0.0015)
    assert set(frames.probe_c[:, 0].tolist()) == {25.0}
    assert frames.pack_v[0] == charge()["pack_v"][0]


@pytest.mark.parametrize("chunk", [7, 499, 65536])
def test_how_rows_are_cut_changes_nothing(tmp_path: Path, chunk: int) -> None:
    path = write(tmp_path / "car.csv", lines(charge()))
    assert same(by_pack(read(path)[0])["car"], by_pack(read(path, chunk)[0])["car"])


def test_a_public_table_is_read_as_ours(tmp_path: Path) -> None:
    want = by_pack(read(write(tmp_path / "a" / "car.csv", lines(charge())))[0])["car"]
    parts, reading = read(write(tmp_path / "car.csv", lines(public(charge()))))
    found = by_pack(parts)["car"]
    assert codes(reading) == [
        "frames.column-unknown", "frames.columns-named", "frames.current-sign", "frames.mean-cell", "frames.soc-percent",
        "frames.time-without-zone",
    ]  # fmt: skip
    for name in ("at_s", "current_a", "pack_v", "cell_v", "probe_c"):
        np.testing.assert_array_equal(getattr(found, name), getattr(want, name))
    assert found.soc == pytest.approx(want.soc, abs=0.0051)


def test_instants_of_fourteen_digits_in_parquet(tmp_path: Path) -> None:
    table = public(charge(20))
    pl.DataFrame({**table, "record_time": [int(text) for text in table["record_time"]]}).write_parquet(tmp_path / "car.parquet")
    parts, reading = read(tmp_path / "car.parquet")
    assert reading.account.n_refused == 0
    assert parts[0].at_s[:2].tolist() == [START_S, START_S + 10.0]


def test_the_number_of_cells_may_be_told(tmp_path: Path) -> None:
    table = {name: column for name, column in charge().items() if name not in ("cell_max_v", "cell_min_v")}
    parts, reading = read(write(tmp_path / "car.csv", lines({**table, "n_series": [96] * 600})))
    assert codes(reading) == ["frames.mean-cell"]
    assert parts[0].pack.n_series == N_SERIES
    assert parts[0].cell_v[0, 0] == pytest.approx(1.004 * 3.54, abs=1e-3)


def test_a_told_number_that_the_cells_deny_is_not_followed(tmp_path: Path) -> None:
    parts, reading = read(write(tmp_path / "car.csv", lines({**charge(), "n_series": [108] * 600})))
    assert codes(reading) == ["frames.mean-cell", "frames.series-unsure"]
    assert parts[0].cell_v[0, 0] == pytest.approx(3.54, abs=1e-3)


def test_pack_and_cells_that_do_not_belong_together(tmp_path: Path) -> None:
    wild = [300.0 + 60.0 * (k % 7) for k in range(600)]
    parts, reading = read(write(tmp_path / "car.csv", lines({**charge(), "pack_v": wild})))
    assert "frames.series-unsure" in codes(reading)
    assert parts[0].pack.n_series == 0
    assert parts[0].cell_v[0, 0] == pytest.approx(3.54, abs=1e-3)


def test_swapped_columns_are_read_the_other_way_round(tmp_path: Path) -> None:
    table = charge()
    want = by_pack(read(write(tmp_path / "a" / "car.csv", lines(table)))[0])["car"]
    table["cell_max_v"], table["cell_min_v"] = table["cell_min_v"], table["cell_max_v"]
    parts, reading = read(write(tmp_path / "car.csv", lines(table)))
    assert codes(reading) == ["frames.extremes-swapped", "frames.mean-cell"]
    assert same(want, by_pack(parts)["car"])


def test_a_highest_below_the_lowest_is_absent_and_said(tmp_path: Path) -> None:
    table = {name: column for name, column in charge().items() if name != "pack_v"}
    high = [float(each) for each in table["cell_max_v"]]
    high[50] = 3.0
    parts, reading = read(write(tmp_path / "car.csv", lines({**table, "cell_max_v": high})))
    crossed = [finding for finding in reading.account.findings if finding.code == "frames.extremes-crossed"]
    assert [(finding.row, finding.value) for finding in crossed] == [(52, f"3 < {table['cell_min_v'][50]:g}")]
    assert np.flatnonzero(np.isnan(by_pack(parts)["car"].cell_v[:, 0])).tolist() == [50]


def test_extremes_in_millivolts(tmp_path: Path) -> None:
    table = charge()
    for name in ("cell_max_v", "cell_min_v"):
        table[name] = [1000.0 * float(each) for each in table[name]]
    parts, reading = read(write(tmp_path / "car.csv", lines(table)))
    assert codes(reading) == ["frames.cell-unit", "frames.mean-cell"]
    assert parts[0].cell_v[0, 0] == pytest.approx(3.54, abs=0.0015)


def test_cells_sent_one_by_one_count_more_than_extremes(tmp_path: Path) -> None:
    table = with_column(with_column(rows(40, 3), "cell_max_v", ["3.7"] * 40), "cell_min_v", ["3.6"] * 40)
    parts, reading = read(write(tmp_path / "car.csv", table))
    assert codes(reading) == []
    assert (parts[0].pack.n_cell, parts[0].pack.n_series) == (3, 0)


def test_a_box_that_sends_extremes(tmp_path: Path) -> None:
    table = charge()
    names = {
        "at": "tboxTime", "soc": "vehBMSPackSOC", "pack_v": "BMSBatteryVoltage", "current_a": "BMSBatteryCurrent",
        "cell_max_v": "BMSCellVoltageMax", "cell_min_v": "BMSCellVoltageMin", "probe_max_c": "BMSProbeTempMax",
        "probe_min_c": "BMSProbeTempMin",
    }  # fmt: skip
    theirs: Table = {names[name]: column for name, column in table.items()}
    theirs["vehBMSPackSOC"] = [100.0 * float(each) for each in table["soc"]]
    theirs["BMSBatteryCurrent"] = [-float(each) for each in table["current_a"]]
    parts, _ = read(write(tmp_path / "car.csv", lines(theirs)))
    assert parts[0].pack.n_series == N_SERIES
    assert parts[0].cell_v[0, 0] == pytest.approx(3.54, abs=0.0015)
    assert parts[0].current_a[0] == 40.0


@pytest.mark.parametrize("without", [("soc",), ("soc", "pack_v")])
def test_where_no_state_of_charge_is_sent_the_voltage_tells_the_sign(tmp_path: Path, without: tuple[str, ...]) -> None:
    table = {name: column for name, column in charge().items() if name not in without}
    table["current_a"] = [-40.0 + 0.1 * (k % 3) for k in range(600)]
    parts, reading = read(write(tmp_path / "car.csv", lines(table)))
    assert "frames.current-sign" in codes(reading)
    assert parts[0].current_a[0] == 40.0


def driven(sign: float) -> Table:
    """A charge, then a drive with the charge falling; sign: what the current of the drive is multiplied by."""
    one, other = charge(400), charge(400, START_S + 8000.0)
    other["soc"] = list(reversed(other["soc"]))
    other["current_a"] = [sign * float(each) for each in other["current_a"]]
    table: Table = {name: [*one[name], *other[name]] for name in one}
    table["pack_v"] = [360.0] * 800
    return table


def test_a_current_without_a_sign(tmp_path: Path) -> None:
    parts, reading = read(write(tmp_path / "car.csv", lines(driven(1.0))))
    assert "frames.current-unsigned" in codes(reading)
    assert np.isnan(by_pack(parts)["car"].current_a).all()
    status = [1.0] * 400 + [0.0] * 400
    parts, _ = read(write(tmp_path / "car.csv", lines({**driven(1.0), "charging": status})))
    current_a = by_pack(parts)["car"].current_a
    assert (current_a[:400] > 0.0).all()
    assert (current_a[400:] < 0.0).all()
    _, reading = read(write(tmp_path / "car.csv", lines(driven(-1.0))))
    assert "frames.current-unsigned" not in codes(reading)


def test_a_clock_that_runs_from_zero(tmp_path: Path) -> None:
    table = charge(40, start_s=0.0)
    parts, reading = read(write(tmp_path / "car.csv", lines(table)))
    assert "frames.clock-relative" in codes(reading)
    assert parts[0].at_s[-1] == 390.0
    twice: Table = {name: [*table[name], *table[name]] for name in table}
    parts, _ = read(write(tmp_path / "car.csv", lines({**twice, "charge_id": ["charge-3"] * 40 + ["charge-4"] * 40})))
    assert by_pack(parts)["car"].at_s[[0, 40]].tolist() == [3 * 86400.0, 4 * 86400.0]


def test_charges_in_files_of_their_own_are_one_car(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    for k in range(70):
        write(folder / "car7" / f"charge_{k + 1:03d}.csv", lines(charge(20, START_S + 86400.0 * k)))
    write(folder / "car8_charge_2.csv", lines(charge(20, 0.0)))
    parts, reading = read(folder)
    packs = by_pack(parts)
    assert sorted(packs) == ["car7", "car8"]
    assert packs["car7"].n == 70 * 20
    assert (np.diff(packs["car7"].at_s) > 0.0).all()
    assert packs["car8"].at_s[0] == 2 * 86400.0
    assert "frames.pack-in-several-files" in codes(reading)


@pytest.mark.parametrize(
    ("stem", "folder", "want"),
    [
        ("car7_charge_012", "", ("car7", 12)), ("charge_012", "car7", ("car7", 12)), ("charge 3", "", ("charge 3", 0)),
        ("LFP#5-chg4", "x", ("LFP#5", 4)), ("discharge_3", "x", ("discharge_3", 0)), ("car", "fleet", ("car", 0)),
    ],
)  # fmt: skip
def test_names_of_files_of_charges(stem: str, folder: str, want: tuple[str, int]) -> None:
    assert charge_of(stem, folder) == want


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("max_single_volt", "cell_max_v"), ("Min Cell Voltage [V]", "cell_min_v"), ("最高温度值", "probe_max_c"), ("volt", "pack_v"),
        ("mileage", "odometer_km"), ("SOC(%)", "soc"), ("V_1", ""), ("available_capacity (Ah)", ""), ("vin", "vehicle_id"),
    ],
)  # fmt: skip
def test_names_of_columns(name: str, ours: str) -> None:
    assert ours_of(name) == ours
    assert plain("Pack_Voltage (V)") == "packvoltage"


def test_a_vehicle_may_be_named_by_vin(tmp_path: Path) -> None:
    one, other = lines({**public(charge(30)), "vin": ["A"] * 30}), lines({**public(charge(30, START_S + 9e4)), "vin": ["A"] * 30})
    write(tmp_path / "x" / "one.csv", one)
    write(tmp_path / "x" / "two.csv", other)
    parts, _ = read(tmp_path / "x")
    assert sorted(by_pack(parts)) == ["A"]
    assert math.isclose(by_pack(parts)["A"].at_s[-1], START_S + 9e4 + 290.0)
