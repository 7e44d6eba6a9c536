"""Columns of strangers: what is read though it is named otherwise, and what is not read and said."""

import pytest

from evloom.store.battery.account import Account
from evloom.store.battery.columns import with_nearest
from evloom.store.battery.layout import Layout, detect


def detected(*header: str) -> tuple[Layout | None, dict[str, str]]:
    """The layout, and the values of the findings by their code."""
    account = Account()
    return detect(list(header), "car.csv", account), {one.code: one.value for one in account.findings}


def test_a_column_that_is_not_read_is_named_with_the_nearest_of_ours() -> None:
    _, told = detected("at", "curent_a", "SoC_pct", "packvoltage", "V_1", "colour")
    assert told["frames.column-unknown"] == ("curent_a (nearest: current_a), SoC_pct (nearest: soc), packvoltage (nearest: pack_v), colour")


def test_many_of_them_are_one_finding() -> None:
    _, told = detected("at", "current_a", "pack_v", "soc", "V_1", *(f"x{k}" for k in range(500)))
    assert list(told) == ["frames.column-unknown"]
    assert told["frames.column-unknown"].endswith("x11 and 488 more")


def test_what_rows_are_numbered_by_and_what_is_read_is_no_unknown_column() -> None:
    _, told = detected("", "Unnamed: 0", "index", "序号", "at", "current_a", "pack_v", "soc", "V_1", "T_1", "Vehicle_ID")
    assert told == {}


def test_a_box_sends_much_that_nobody_asks_for() -> None:
    _, told = detected("tboxTime", "BMSBatteryCurrent", "BMSBatteryVoltage", "vehBMSPackSOC", "V_1", "gear")
    assert told == {}


@pytest.mark.parametrize(
    ("cells", "probes"),
    [
        (("cell1", "cell2"), ("temp1", "temp2")),
        (("Cell 1 (V)", "Cell 2 (V)"), ("Temp 1 (degC)", "Temp 2 (degC)")),
        (("V1", "V2"), ("T1", "T2")),
        (("单体电压1", "单体电压2"), ("温度1", "温度2")),
        (("单体1电压(V)", "单体2电压(V)"), ("探头温度_1", "探头温度_2")),
        (("cell_voltage_01", "cell_voltage_02"), ("probe_01", "probe_02")),
    ],
)
def test_cells_and_probes_under_usual_names_are_read_and_said(cells: tuple[str, ...], probes: tuple[str, ...]) -> None:
    layout, told = detected("时间", "总电流", "总电压", "SOC", *probes, *cells)
    assert layout is not None
    assert (layout.cells, layout.probes) == (cells, probes)
    assert f"{cells[0]} = V_1 .. {cells[-1]} = V_2" in told["frames.columns-named"]
    assert layout.used()[cells[1]] == "V_2"


def test_our_own_names_count_before_those_of_others() -> None:
    layout, told = detected("at", "current_a", "pack_v", "soc", "V_1", "V_2", "cell1", "cell2")
    assert layout is not None
    assert layout.cells == ("V_1", "V_2")
    assert told["frames.column-unknown"] == "cell1 (nearest: V_1..V_n), cell2 (nearest: V_1..V_n)"


def test_a_list_of_cells_in_one_column_is_told_how_to_be_written() -> None:
    _, told = detected("at", "current_a", "pack_v", "soc", "cell_v")
    assert "a column for each cell" in told["frames.column-unknown"]


def test_a_file_that_is_none_of_frames_says_what_may_have_been_meant() -> None:
    layout, told = detected("tiem", "V_1", "colour")
    assert layout is None
    assert told["file.unknown-format"] == "columns tiem (nearest: at), V_1, colour"


def test_names_as_long_as_a_book_are_cut() -> None:
    assert len(with_nearest(["x" * 10_000] * 3, ("at",))) < 250
