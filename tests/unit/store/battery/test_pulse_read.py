"""Files of pulse tests: our csv, workbooks, and every kind of bad row named."""

import gzip
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evloom.diagnose.pulse import grade_cells
from evloom.kernel.errors import InputError
from evloom.store.battery.pulse_read import U_COLUMNS, PulseReading, read
from evloom.store.battery.rules import load_rules

HEAD = ["cell_id", "type", "rated_ah", "charged", "pulse_s", "capacity_ah", *U_COLUMNS]
VOLTS = [3.60, 3.62, 3.63, 3.61, 3.60, 3.58, 3.57, 3.59, 3.60, 3.64, 3.66, 3.62, 3.60, 3.56, 3.54, 3.58, 3.60, 3.66, 3.69, 3.63, 3.60]


def line(**change: object) -> str:
    values = {"cell_id": "a", "type": "NMC", "rated_ah": 20, "charged": 0.25, "pulse_s": 5, "capacity_ah": 18.0}
    values |= dict(zip(U_COLUMNS, VOLTS, strict=True)) | change
    return ",".join(str(values[name]) for name in HEAD)


def csv_of(folder: Path, *lines: str) -> Path:
    path = folder / "cells.csv"
    path.write_text("\n".join((",".join(HEAD), *lines)) + "\n", encoding="utf-8")
    return path


def workbook(path: Path, sheet: str, strings: str | None = None) -> Path:
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet.replace("SPACE", space))
        if strings is not None:
            archive.writestr("xl/sharedStrings.xml", strings.replace("SPACE", space))
    return path


def codes(reading: PulseReading) -> Counter[str]:
    return Counter(finding.code for finding in reading.findings)


def test_our_csv_is_read_with_what_may_be_left_out(tmp_path: Path) -> None:
    reading = read(csv_of(tmp_path, line(), line(cell_id="b", charged="", capacity_ah="", pulse_s="")))
    tests = reading.tests
    assert (reading.accepted, reading.refused, reading.findings) == (2, 0, ())
    assert tests.cell == ("a", "b")
    assert tests.kind == ("NMC 20 Ah, 5 s", "NMC 20 Ah")
    assert tests.charged[0] == 0.25
    assert np.isnan(tests.charged[1])
    assert np.isnan(tests.capacity_ah[1])
    assert tests.u_v.shape == (2, 21)
    assert tests.u_v[0] == pytest.approx(VOLTS)


def test_a_spreadsheet_of_another_country_is_read(tmp_path: Path) -> None:
    german = "\n".join((",".join(HEAD), line(cell_id="b"))).replace(",", ";").replace(".", ",")
    (tmp_path / "german.csv").write_text(german, encoding="utf-16")
    chinese = "\n".join((",".join(HEAD), line(cell_id="电芯7", type="三元")))
    (tmp_path / "chinese.csv").write_bytes(chinese.encode("gb18030"))
    tests = read(tmp_path).tests
    assert tests.cell == ("电芯7", "b")
    assert tests.kind[0] == "三元 20 Ah, 5 s"
    assert tests.u_v == pytest.approx(np.array([VOLTS, VOLTS]))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cell_id": ""}, "pulses.no-name"),
        ({"type": ""}, "pulses.no-name"),
        ({"U7": ""}, "pulses.no-number"),
        ({"U7": "off"}, "pulses.no-number"),
        ({"capacity_ah": "inf"}, "pulses.no-number"),
        ({"U7": 0.0}, "pulses.voltage-range"),
        ({"U7": 65.535}, "pulses.voltage-range"),
        ({"rated_ah": 0}, "pulses.rated-range"),
        ({"charged": -0.5}, "pulses.charged-range"),
        ({"charged": 25}, "pulses.unit"),
        ({"capacity_ah": 18000}, "pulses.unit"),
        ({"rated_ah": 20000}, "pulses.unit"),
        (dict(zip(U_COLUMNS, [1000 * volts for volts in VOLTS], strict=True)), "pulses.unit"),
        ({"capacity_ah": 40}, "pulses.capacity-range"),
        (dict.fromkeys(U_COLUMNS, 3.6), "pulses.flat"),
        ({"U3": 3.57, "U7": 3.63}, "pulses.sign"),
    ],
)
def test_a_bad_row_is_refused_by_name(tmp_path: Path, change: dict[str, object], code: str) -> None:
    reading = read(csv_of(tmp_path, line(), line(**{"cell_id": "b", **change})))
    assert (reading.accepted, reading.refused) == (1, 1)
    assert code in codes(reading)
    finding = next(each for each in reading.findings if each.code == code)
    assert (finding.source, finding.row, finding.severity) == ("cells.csv", 3, "refused")
    assert finding.allowed
    assert finding.advice


def test_a_test_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    reading = read(csv_of(tmp_path, line(), line(U1=3.601), line(charged=0.3), line(charged=""), line(charged="")))
    assert (reading.accepted, reading.refused) == (4, 1)
    assert codes(reading) == {"pulses.twice": 1}
    assert reading.tests.u_v[0, 0] == 3.60


def test_ages_of_a_cell_are_one_physical_cell(tmp_path: Path) -> None:
    reading = read(csv_of(tmp_path, line(cell_id="D3-100"), line(cell_id="D3-200"), line(cell_id="E-1"), line(cell_id="F")))
    origins = reading.tests.origin
    assert origins[0] == origins[1]
    assert len(set(origins)) == 3
    assert codes(reading) == {"pulses.same-cell": 1}
    assert reading.findings[0].severity == "warning"


def test_zipped_and_foldered_files_and_other_delimiters(tmp_path: Path) -> None:
    text = csv_of(tmp_path, line()).read_text(encoding="utf-8")
    (tmp_path / "two.csv.gz").write_bytes(gzip.compress(text.replace("\na,", "\nb,").encode()))
    (tmp_path / "three.csv").write_text(text.replace("\na,", "\nc,").replace(",", ";"), encoding="utf-8-sig")
    reading = read(tmp_path)
    assert sorted(reading.tests.cell) == ["a", "b", "c"]


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    def error(make: Callable[[Path], object], name: str) -> str:
        path = tmp_path / name
        make(path)
        with pytest.raises(InputError) as caught:
            read(path)
        return caught.value.findings[0].code

    assert error(lambda path: None, "none.csv") == "file.not-found"
    assert error(lambda path: path.write_text("x"), "cells.pdf") == "file.unknown-format"
    assert error(lambda path: path.write_text(""), "empty.csv") == "pulses.column-missing"
    assert error(lambda path: path.write_text("cell_id,type\na,b\n"), "thin.csv") == "pulses.column-missing"
    assert error(lambda path: path.write_bytes(b"\xff\xfe\x00"), "bytes.csv") == "file.broken"
    assert error(lambda path: path.write_text("no zip"), "sham.xlsx") == "file.broken"
    assert error(lambda path: path.write_bytes(b"\x1f\x8b\x08\x00"), "cut.csv.gz") == "file.broken"
    assert error(lambda path: path.write_text(",".join(HEAD)), "head.csv") == "pulses.empty"
    assert error(lambda path: path.write_text(",".join([*HEAD, "U3"])), "twice.csv") == "file.column-twice"
    assert error(lambda path: path.mkdir(), "folder") == "pulses.empty"


def test_workbooks_of_both_ways_of_writing_texts(tmp_path: Path) -> None:
    names = ["ID", "Mat", "Qn", "Q", "SOC", "Pt", *U_COLUMNS]
    values = ["x", "NMC", "20", "18", "25", "5", *(str(volts) for volts in VOLTS)]
    inline = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in names)
    shared = "".join(f'<c t="s"><v>{place}</v></c>' for place in range(len(names)))
    numbers = "".join(
        f'<c t="inlineStr"><is><t>{each}</t></is></c>' if place < 2 else f"<c><v>{each}</v></c>" for place, each in enumerate(values)
    )
    strings = "<sst SPACE>" + "".join(f"<si><t>{name}</t></si>" for name in names) + "</sst>"
    for head, table in ((inline, None), (shared, strings)):
        sheet = f"<worksheet SPACE><sheetData><row r='1'>{head}</row><row r='2'>{numbers}</row></sheetData></worksheet>"
        tests = read(workbook(tmp_path / "cells.xlsx", sheet, table)).tests
        assert tests.cell == ("x",)
        assert tests.charged[0] == 0.25
        assert tests.capacity_ah[0] == 18.0


@pytest.mark.parametrize(
    "sheet",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb">]><worksheet SPACE><sheetData/></worksheet>',
        "<worksheet SPACE><sheetData><row>",
        '<worksheet SPACE><sheetData><row r="1"><c r="B1"/><c r="A1"/></row></sheetData></worksheet>',
        '<worksheet SPACE><sheetData><row r="1"><c r="ZZZ1"/></row></sheetData></worksheet>',
        '<worksheet SPACE><sheetData><row r="1"><c t="s"><v>7</v></c></row></sheetData></worksheet>',
        '<worksheet SPACE><sheetData><row r="1"><c t="s"><v>x</v></c></row></sheetData></worksheet>',
    ],
)
def test_workbooks_that_lie_are_refused(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(InputError, match=r"file\.broken"):
        read(workbook(tmp_path / "cells.xlsx", sheet))


def test_recorded_cells_are_read_and_graded_better_than_by_their_mean(data_dir: Callable[[str], Path]) -> None:
    reading = read(data_dir("battery_retired_pulse"))
    assert (reading.accepted, reading.refused) == (2140, 0)
    assert Counter(reading.tests.kind) == {"LMO 10 Ah, 5 s": 950, "NMC 2.1 Ah, 5 s": 670, "NMC 21 Ah, 5 s": 520}
    lmo = reading.tests.part(np.array([kind.startswith("LMO") for kind in reading.tests.kind]))
    names = sorted(set(lmo.cell))
    out = np.array([name in set(names[::5]) for name in lmo.cell]) & np.isin(lmo.charged, (0.2, 0.4))
    left = lmo.part(np.array([name not in set(names[::5]) for name in lmo.cell]))
    asked = lmo.part(out)
    truth = dict(zip(asked.cell, asked.soh(), strict=True))
    blind = type(asked)(asked.cell, asked.origin, asked.kind, asked.rated_ah, asked.charged, asked.u_v, np.full(asked.n, np.nan))
    grades = grade_cells(blind, load_rules(), left)
    misses = [abs(grade.soh.p50 - truth[grade.cell]) for grade in grades if grade.soh is not None]
    assert len(misses) == len(names[::5])
    assert np.mean(misses) < 0.02
    assert np.mean([abs(soh - left.soh().mean()) for soh in truth.values()]) > 0.08
    physical = {origin for origin, kind in zip(reading.tests.origin, reading.tests.kind, strict=True) if "2.1" in kind}
    assert len(physical) == 12
