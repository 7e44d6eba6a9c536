"""Files as strangers write them: other units, other names, decimal commas, numbers that cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.store.battery.frames_files import by_pack, codes, read, rows, same, with_column, write


def test_cells_in_millivolts(tmp_path: Path) -> None:
    table = rows(40, 3)
    cells = [k for k, name in enumerate(table[0]) if name.startswith("V_")]
    small = [table[0], *([f"{float(text) * 1000:.0f}" if k in cells else text for k, text in enumerate(row)] for row in table[1:])]
    parts, reading = read(write(tmp_path / "car.csv", small))
    assert codes(reading) == ["frames.cell-unit"]
    assert parts[0].cell_v == pytest.approx(np.array([[float(row[k]) for k in cells] for row in table[1:]]), abs=1e-3)


def test_decimal_commas(tmp_path: Path) -> None:
    table = rows(60, 3)
    want = by_pack(read(write(tmp_path / "a" / "car.csv", table))[0])["car"]
    (tmp_path / "car.csv").write_text("".join(";".join(row).replace(".", ",") + "\n" for row in table), encoding="utf-8")
    for chunk in (65536, 7):
        parts, reading = read(tmp_path / "car.csv", chunk)
        assert codes(reading) == ["frames.decimal-comma"]
        assert same(want, by_pack(parts)["car"])


@pytest.mark.parametrize(("scale", "last"), [(1, 1.7e9), (10**3, 1.7e9), (10**6, 1.7e9), (10**9, 1.7e9)])
def test_units_of_instants(tmp_path: Path, scale: int, last: float) -> None:
    table = [["at", "V_1"], *([str((1_700_000_000 + 30 * k) * scale), "3.7"] for k in range(12))]
    parts, reading = read(write(tmp_path / "car.csv", table))
    assert codes(reading) == ["frames.column-missing"]
    assert parts[0].at_s[0] == last


@pytest.mark.parametrize("text", ["5000000000", "-1", "9999-12-31T00:00:00Z", "inf"])
def test_instants_that_cannot_be(tmp_path: Path, text: str) -> None:
    table = rows(20, 2)
    table[5][0] = text
    _, reading = read(write(tmp_path / "car.csv", table))
    assert (reading.account.n_accepted, reading.account.n_refused) == (19, 1)


@pytest.mark.parametrize(
    ("text", "chemistry"),
    [("NCM811", "NMC"), ("nca", "NMC"), ("LiFePO4", "LFP"), ("磷酸铁锂", "LFP"), ("Na-ion", "Na"), ("", ""), ("krypton", "")],
)
def test_names_of_chemistries(tmp_path: Path, text: str, chemistry: str) -> None:
    parts, reading = read(write(tmp_path / "car.csv", with_column(rows(20, 2), "chemistry", [text] * 20)))
    assert parts[0].pack.chemistry == chemistry
    assert codes(reading) == (["frames.chemistry-unknown"] if text == "krypton" else [])


@pytest.mark.parametrize(("text", "fits"), [("150", True), ("-5", False), ("1e12", False), ("0", False)])
def test_rated_capacity_that_cannot_be(tmp_path: Path, text: str, fits: bool) -> None:
    parts, reading = read(write(tmp_path / "car.csv", with_column(rows(20, 2), "capacity_ah", [text] * 20)))
    assert np.isfinite(parts[0].pack.capacity_ah) == fits
    assert codes(reading) == ([] if fits else ["frames.capacity-range"])


def test_a_table_of_nonsense_is_told_in_few_lines(tmp_path: Path) -> None:
    table = rows(300, 20)
    words = [table[0], *([row[0], *["words"] * (len(row) - 1)] for row in table[1:])]
    _, reading = read(write(tmp_path / "car.csv", words))
    assert len(reading.account.findings) < 200
    assert sum("rows more" in (finding.value or "") for finding in reading.account.findings) == 25


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_the_case_of_columns_does_not_matter(tmp_path: Path, change: Callable[[str], str]) -> None:
    table = rows(30, 3)
    want = by_pack(read(write(tmp_path / "a" / "car.csv", table))[0])["car"]
    parts, reading = read(write(tmp_path / "car.csv", [[change(name) for name in table[0]], *table[1:]]))
    assert codes(reading) == []
    assert same(want, by_pack(parts)["car"])
