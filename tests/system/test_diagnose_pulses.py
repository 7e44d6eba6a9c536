"""`evloom diagnose --pulses`: retired cells in; table, JSON and page out; wrong files are told by name."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evloom.diagnose.pulse import PulseTests
from evloom.store.battery.pulse_read import COLUMNS, U_COLUMNS, read
from tests.system.site import run
from tests.unit.diagnose.test_pulse import made

MEASURED_EVERY = 4


def write(path: Path, tests: PulseTests, unknown: frozenset[str], volts: float = 1.0) -> Path:
    """Tests as our csv, the capacity of some cells left out."""
    rows = [",".join(COLUMNS)]
    for k, cell in enumerate(tests.cell):
        chemistry, rated = tests.kind[k].split(" ")[0], f"{tests.rated_ah[k]:g}"
        capacity = "" if cell in unknown else f"{tests.capacity_ah[k]:.4f}"
        charged = "" if np.isnan(tests.charged[k]) else f"{tests.charged[k]:g}"
        values = dict(zip(COLUMNS, (cell, chemistry, rated, charged, "5", capacity, tests.origin[k].rpartition("/")[2]), strict=False))
        values |= {name: f"{volts * u:.5f}" for name, u in zip(U_COLUMNS, tests.u_v[k], strict=True)}
        rows.append(",".join(values[name] for name in COLUMNS))
    text = "\n".join(rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def told(path: Path) -> dict[str, dict[str, Any]]:
    return {each["cell"]: each for each in json.loads(path.read_text(encoding="utf-8"))["cells"]}


def test_recorded_cells_as_they_lie_there(data_dir: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them were measured; what their pulses alone say is within the error that the page of values tells."""
    folder = data_dir("battery_retired_pulse")
    outcome = run(capsys, "diagnose", "--pulses", folder, "--json", tmp_path / "out.json", "--report", tmp_path / "pages", "--rows", "9")
    assert outcome.code == 0
    assert outcome.codes() == ["pulses.same-cell"]
    figures = json.loads((tmp_path / "out.json").read_text())
    assert [(kind["kind"], kind["cells"], kind["measured"]) for kind in figures["kinds"]] == [
        ("LMO 10 Ah, 5 s", 95, 95),
        ("NMC 2.1 Ah, 5 s", 67, 67),
        ("NMC 21 Ah, 5 s", 52, 52),
    ]
    assert all(kind["error"] < 0.0125 for kind in figures["kinds"])
    assert figures["rows"] == {"read": 2140, "accepted": 2140, "refused": 0}
    assert "and 205 more" in outcome.out
    page = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "退役电芯脉冲分级报告" in page
    assert page.count("<tr>") == 215


def test_recorded_cells_whose_capacity_is_left_out_are_graded_by_the_others(
    data_dir: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = read(data_dir("battery_retired_pulse") / "NMC_21Ah_W_5000.xlsx").tests
    truth = dict(zip(tests.cell, tests.soh(), strict=True))
    unknown = frozenset(list(truth)[::MEASURED_EVERY])
    path = write(tmp_path / "cells.csv.gz", tests, unknown)
    outcome = run(capsys, "diagnose", "--pulses", path, "--json", tmp_path / "out.json")
    assert outcome.code == 0
    found = told(tmp_path / "out.json")
    assert {cell for cell, each in found.items() if each["way"] == "counted"} == unknown
    misses = [abs(found[cell]["soh"]["p50"] - truth[cell]) for cell in unknown]
    assert np.mean(misses) < 0.01
    assert f"39 measured, {len(unknown)} by pulses, 0 not graded" in outcome.out


def test_cells_without_any_that_was_measured_say_what_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = made(np.random.default_rng(1), 4)
    path = write(tmp_path / "cells.csv", tests, frozenset(tests.cell))
    outcome = run(capsys, "diagnose", "--pulses", path, "--report", tmp_path / "pages")
    assert outcome.code == 0
    assert outcome.out.count("needs at least 10 cells of the same type") == 4
    assert "4 not graded" in outcome.out
    assert (tmp_path / "pages" / "index.html").is_file()


@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [
        (lambda path: path.write_text("cell_id,type\na,NMC\n"), "pulses.column-missing", "U21"),
        (lambda path: path.write_text("\n"), "pulses.column-missing", "rated_ah"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "file.broken", "save it again"),
        (
            lambda path: write(path, made(np.random.default_rng(1), 1, (0.2,)), frozenset(), 1e3),
            "pulses.unit",
            "divide the voltages by 1000",
        ),
    ],
    ids=["no columns", "empty", "bytes", "millivolts"],
)
def test_a_file_that_cannot_be_used_is_told_by_name(
    spoil: Callable[[Path], object], code: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cells.csv"
    spoil(path)
    outcome = run(capsys, "diagnose", "--pulses", path)
    assert outcome.code == 2
    assert word in outcome.finding(code)
    assert "cells.csv" in outcome.finding(code)


def test_bad_rows_are_refused_and_the_others_graded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "cells.csv", made(np.random.default_rng(1), 12), frozenset(("cell 3",)))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1].replace("cell 0", "broken").replace(",20,", ",0,", 1)]) + "\n")
    outcome = run(capsys, "diagnose", "--pulses", path)
    assert outcome.code == 1
    assert outcome.codes() == ["pulses.rated-range"]
    assert "12 cells, 36 tests (1 refused)" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--pulses", "nothing.csv"), "nothing.csv does not exist"),
        (("frames.csv", "--pulses", "cells.csv"), "PATH and --pulses"),
        (("--demo", "--pulses", "cells.csv"), "--demo and --pulses"),
        (("--pulses", "cells.csv", "--stream"), "beside --stream"),
        ((), "nothing to look at"),
    ],
)
def test_options_that_do_not_go_together(arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "diagnose", *arguments)
    assert outcome.code == 2
    assert word in outcome.err
