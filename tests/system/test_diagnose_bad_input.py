"""Bad input of the battery doctor. BAD_INPUT lists, for each kind of it, the tests that hold what happens; those here use the command."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evloom.plan.battery.demo import to_table
from evloom.vehicle.telemetry import Frames, Pack, unflagged
from tests.system.site import Outcome, run
from tests.unit.diagnose.packs import BEGIN_S, DAY_S
from tests.unit.plan.battery.fleets import as_csv, pack, write_csv, write_parquet

ROOT = Path(__file__).parents[2]
HERE = "tests/system/test_diagnose_bad_input.py"
BAD_INPUT: dict[str, dict[str, list[str]]] = {
    "empty file": {HERE: ["test_an_empty_file"]},
    "one frame": {HERE: ["test_one_frame"]},
    "a car with 0 or 1 or 400 cells": {HERE: ["test_any_number_of_cells"]},
    "cell count changing midway": {HERE: ["test_cells_that_change_their_number_midway"]},
    "clock jumping back a year": {HERE: ["test_a_clock_that_jumps_back_a_year"]},
    "all probes absent": {HERE: ["test_all_probes_absent"]},
    "constant voltages": {HERE: ["test_constant_voltages"]},
    "frames out of order by 10 minutes": {HERE: ["test_frames_out_of_order_by_ten_minutes"]},
    "duplicate vehicles in two files": {HERE: ["test_one_vehicle_in_two_files"]},
    "a truncated parquet": {HERE: ["test_a_truncated_parquet"]},
    "unknown columns": {HERE: ["test_unknown_columns"]},
    "a binary junk file": {HERE: ["test_junk"]},
    "a directory without any data": {HERE: ["test_a_folder_without_data"]},
    "a GB/T frame with a length that lies": {
        "tests/system/test_telematics_gateway.py": ["test_rubbish_between_frames_and_a_length_that_lies"],
        "tests/unit/wire/gbt32960/test_stream.py": [
            "test_a_length_that_lies_costs_one_frame",
            "test_a_length_beyond_the_limit_is_refused_at_once",
        ],
    },
    "a box that never acknowledges": {
        "tests/system/test_telematics_databox.py": ["test_a_box_that_never_acknowledges_is_shown"],
        "tests/unit/serve/telematics/test_rates.py": ["test_a_box_that_never_acknowledges_is_tried_again_and_then_shown"],
    },
    "a battery swapped into another car": {HERE: ["test_a_battery_in_another_car"]},
}


def told(path: Path) -> list[dict[str, Any]]:
    """The vehicles of a JSON file."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["vehicles"]
    return found


class Command:
    """The command on a path, its JSON beside it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys, self._json = capsys, folder / "out.json"

    def __call__(self, path: Path, *more: object) -> tuple[Outcome, list[dict[str, Any]]]:
        self._json.unlink(missing_ok=True)
        outcome = run(self._capsys, "diagnose", path, "--json", self._json, "--report", self._json.with_name("pages"), *more)
        return outcome, told(self._json) if self._json.exists() else []


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with a folder for what it writes."""
    return Command(capsys, tmp_path_factory.mktemp("out"))


def test_every_kind_has_tests_that_exist() -> None:
    for kind, files in BAD_INPUT.items():
        assert files, kind
        for name, tests in files.items():
            defined = {node.name for node in ast.walk(ast.parse((ROOT / name).read_text())) if isinstance(node, ast.FunctionDef)}
            assert set(tests) <= defined, (kind, name, set(tests) - defined)


@pytest.mark.parametrize("content", ["", "\n", "at,current_a,V_1,V_2\n"])
def test_an_empty_file(command: Command, tmp_path: Path, content: str) -> None:
    (tmp_path / "car.csv").write_text(content)
    outcome, _ = command(tmp_path / "car.csv")
    assert outcome.code == 2
    assert outcome.finding("file.empty").startswith("car.csv: refused: ")
    assert "nothing was run" in outcome.err


def test_an_empty_file_among_others_is_told_and_the_others_are_looked_at(command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    write_parquet(tmp_path / "car.parquet", pack("car"))
    outcome, vehicles = command(tmp_path)
    assert outcome.code == 1
    assert outcome.finding("file.empty").startswith("empty.csv: refused: ")
    assert [each["vehicle_id"] for each in vehicles] == ["car"]


def test_one_frame(command: Command, tmp_path: Path) -> None:
    write_parquet(tmp_path / "car.parquet", pack("car").part(slice(0, 1)))
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert (vehicle["frames"], vehicle["warnings"], vehicle["health"]["soh"]) == (1, [], None)
    assert "battery.short-history" in [each["code"] for each in vehicle["lacks"]]
    assert vehicle["health"]["missing"] != []


@pytest.mark.parametrize("n_cell", [0, 1, 400])
def test_any_number_of_cells(command: Command, tmp_path: Path, n_cell: int) -> None:
    frames = pack("car")
    cells = np.tile(frames.cell_v, (1, 17))[:, :n_cell]
    write_parquet(tmp_path / "car.parquet", replace(frames, pack=replace(frames.pack, n_cell=n_cell), cell_v=cells))
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert (vehicle["n_cell"], [each for each in vehicle["warnings"] if each["level"] == "stop"]) == (n_cell, [])
    assert ("battery.few-cells" in [each["code"] for each in vehicle["lacks"]]) == (n_cell < 2)
    if n_cell == 0:
        assert outcome.finding("frames.column-missing")


def test_cells_that_change_their_number_midway(command: Command, tmp_path: Path) -> None:
    frames = pack("car", days=20)
    table = as_csv(frames)
    half = len(table) // 2
    shorter = table[half:].with_columns(pl.lit(None, pl.Float32).alias(f"V_{k}") for k in range(21, 25))
    pl.concat([table[:half], shorter]).write_csv(tmp_path / "car.csv")
    outcome, vehicles = command(tmp_path)
    assert outcome.code == 0
    assert outcome.finding("frames.cell-count-changed").startswith(f"car.csv:{half + 2}: warning: ")
    assert sorted((each["pack_id"], each["n_cell"], each["warnings"] == []) for each in vehicles) == [
        ("car", 24, True), ("car~20c6p", 20, True),
    ]  # fmt: skip


def test_a_clock_that_jumps_back_a_year(command: Command, tmp_path: Path) -> None:
    frames = pack("car", leak_ah=2.5)
    at_s = frames.at_s.copy()
    at_s[1500:1540] -= 365 * DAY_S
    write_parquet(tmp_path / "car.parquet", replace(frames, at_s=at_s, known_at_s=at_s))
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert vehicle["flagged"]["frames"]["clock-jump"] == 40
    assert (vehicle["from"][:10], vehicle["days"], vehicle["warnings"][0]["cell"]) == ("2024-01-01", 18, 7)
    write_parquet(
        tmp_path / "car.parquet", replace(frames, at_s=np.where(np.arange(frames.n) < 1500, frames.at_s, frames.at_s - 365 * DAY_S))
    )
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert vehicle["flagged"]["frames"]["clock-jump"] > 0


def test_all_probes_absent(command: Command, tmp_path: Path) -> None:
    frames = pack("car", leak_ah=2.5)
    for probe_c in (np.full_like(frames.probe_c, np.nan), np.full_like(frames.probe_c, 215.0)):
        write_parquet(tmp_path / "car.parquet", replace(frames, probe_c=probe_c))
        outcome, (vehicle,) = command(tmp_path)
        assert outcome.code == 0
        assert [each["cell"] for each in vehicle["warnings"] if each["probe"] is None][:1] == [7]
        assert [each for each in vehicle["warnings"] if each["probe"] is not None] == []
        assert "battery.no-probes" in [each["code"] for each in vehicle["lacks"]]


def test_constant_voltages(command: Command, tmp_path: Path) -> None:
    frames = pack("car")
    still = replace(frames, cell_v=np.full_like(frames.cell_v, 3.7), pack_v=np.full(frames.n, 88.8))
    write_parquet(tmp_path / "car.parquet", still)
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert [each for each in vehicle["warnings"] if each["cell"] is not None] == []
    assert "battery.constant" in [each["code"] for each in vehicle["lacks"]]
    assert vehicle["health"]["soh"] is None


def test_frames_out_of_order_by_ten_minutes(command: Command, tmp_path: Path) -> None:
    frames = pack("car", leak_ah=2.5)
    order = np.arange(frames.n)
    for at in range(500, frames.n - 10, 700):
        order[at : at + 10] = np.roll(order[at : at + 10], 5)
    write_parquet(tmp_path / "car.parquet", frames.part(order))
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert vehicle["flagged"]["frames"]["out-of-order"] > 0
    assert [each["cell"] for each in vehicle["warnings"]][:1] == [7]


def test_one_vehicle_in_two_files(command: Command, tmp_path: Path) -> None:
    frames = pack("car", leak_ah=2.5)
    write_parquet(tmp_path / "later.parquet", frames.part(slice(1500, frames.n)))
    write_parquet(tmp_path / "sooner.parquet", frames.part(slice(0, 1500)))
    outcome, (vehicle,) = command(tmp_path)
    assert outcome.code == 0
    assert "later.parquet, sooner.parquet" in outcome.finding("frames.pack-in-several-files")
    assert (vehicle["frames"], vehicle["warnings"][0]["cell"]) == (frames.n, 7)
    write_parquet(tmp_path / "again.parquet", frames.part(slice(0, 1500)))  # the same frames a second time
    outcome, (again,) = command(tmp_path)
    assert outcome.code == 0
    assert again["warnings"][0]["cell"] == 7
    assert again["flagged"]["frames"]["duplicate-time"] >= 1499


def test_a_truncated_parquet(command: Command, tmp_path: Path) -> None:
    content = write_parquet(tmp_path / "car.parquet", pack("car")).read_bytes()
    (tmp_path / "car.parquet").write_bytes(content[: len(content) // 2])
    outcome, _ = command(tmp_path / "car.parquet")
    assert outcome.code == 2
    assert outcome.finding("file.broken").startswith("car.parquet: refused: ")
    write_parquet(tmp_path / "whole.parquet", pack("whole"))
    outcome, vehicles = command(tmp_path)
    assert (outcome.code, [each["vehicle_id"] for each in vehicles]) == (1, ["whole"])


def test_unknown_columns(command: Command, tmp_path: Path) -> None:
    (tmp_path / "car.csv").write_text("zeit,strom,spannung\n1,2,3\n")
    outcome, _ = command(tmp_path)
    assert outcome.code == 2
    assert "zeit, strom, spannung" in outcome.finding("file.unknown-format")
    table = as_csv(pack("car", leak_ah=2.5)).with_columns(pl.lit("x").alias("colour"))
    table.write_csv(tmp_path / "car.csv")
    outcome, (vehicle,) = command(tmp_path)  # more columns than ours are no fault
    assert (outcome.code, vehicle["warnings"][0]["cell"]) == (0, 7)
    assert " colour [" in outcome.finding("frames.column-unknown")


@pytest.mark.parametrize("name", ["car.csv", "car.parquet", "car.zip", "car.csv.gz"])
def test_junk(command: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(3).bytes(70_000))
    outcome, _ = command(tmp_path / name)
    assert outcome.code == 2
    assert outcome.codes()[0].startswith("file.")
    assert name in outcome.err


def test_a_folder_without_data(command: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    outcome, _ = command(tmp_path)
    assert outcome.code == 2
    assert ".csv, .csv.gz, .zip or .parquet" in outcome.finding("file.no-frames")


def test_a_battery_in_another_car(command: Command, tmp_path: Path) -> None:
    """A history follows the pack; the vehicle that it left gets another one with a history of its own."""
    leaks, sound = pack("first", leak_ah=2.5, pack_id="P1"), pack("second", pack_id="P2")
    late = leaks.at_s >= BEGIN_S + 9 * DAY_S
    moved = replace(leaks.part(late), pack=replace(leaks.pack, vehicle_id="second"))
    back = replace(sound.part(late), pack=replace(sound.pack, vehicle_id="first"))
    write_parquet(tmp_path / "first.parquet", leaks.part(~late))
    pl.concat([to_table(sound.part(~late)), to_table(moved)]).write_parquet(tmp_path / "second.parquet")
    write_parquet(tmp_path / "third.parquet", back)
    outcome, vehicles = command(tmp_path)
    assert outcome.code == 0
    by_pack = {each["pack_id"]: each for each in vehicles}
    assert outcome.err.count("[frames.pack-moved]") == 1  # one line for the kind, with its number
    assert (by_pack["P1"]["vehicles"], by_pack["P1"]["warnings"][0]["cell"]) == (["first", "second"], 7)
    assert by_pack["P1"]["warnings"][0]["vehicle_id"] == "second"
    assert (by_pack["P2"]["vehicles"], by_pack["P2"]["warnings"]) == (["second", "first"], [])


def test_a_value_that_is_no_number_is_told_with_its_place(command: Command, tmp_path: Path) -> None:
    lines = write_csv(tmp_path / "car.csv", pack("car")).read_text().splitlines()
    row = lines[10].split(",")
    row[lines[0].split(",").index("V_3")] = "3x7"
    lines[10] = ",".join(row)
    (tmp_path / "car.csv").write_text("\n".join(lines) + "\n")
    outcome, _ = command(tmp_path)
    assert outcome.code == 0
    assert outcome.finding("frames.no-number").startswith("car.csv:11: repaired: V_3 = '3x7'")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "name a file or folder of frames"),
        (("no-such-folder",), "does not exist"),
        (("-",), "--stream"),
        (("--demo", "0"), "--demo"),
        (("--demo", "--workers", "0"), "--workers"),
        ((".", "--demo"), "one of PATH, --demo, --pulses"),
        ((".", "--stream"), "is a folder"),
        ((".", "--write", "x"), "--write"),
        ((".", "--format", "csv"), "--format"),
        ((".", "--days", "3"), "beside --demo"),
        (("--demo", "--json", "no-such-folder/x.json"), "no-such-folder"),
        (("--demo", "--report", f"{Path(__file__)}/x"), "is a file"),
    ],
)
def test_options_that_do_not_go_together(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(capsys, "diagnose", *arguments)
    assert outcome.code == 2
    assert word in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_another_program_made(command: Command, tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text('{"layout": 99, "n_bucket": 4}')
    outcome, _ = command(tmp_path)
    assert outcome.code == 2
    assert "layout 99" in outcome.finding("battery.store")


def test_a_probe_and_cell_less_frame_alone(command: Command, tmp_path: Path) -> None:
    bare: Frames = unflagged(Pack("car", "car", 0, 0), at_s=np.array([BEGIN_S]), cell_v=np.zeros((1, 0), dtype=np.float32))
    write_parquet(tmp_path / "car.parquet", bare)
    outcome, (vehicle,) = command(tmp_path)
    assert (outcome.code, vehicle["frames"], vehicle["warnings"]) == (0, 1, [])


def test_a_workbook_among_frames_is_passed_over_and_told(command: Command, tmp_path: Path) -> None:
    write_parquet(tmp_path / "car.parquet", pack("car", days=2))
    (tmp_path / "车.xlsx").write_bytes(b"PK")
    outcome, vehicles = command(tmp_path)
    assert (outcome.code, len(vehicles)) == (0, 1)
    assert "车.xlsx" in outcome.finding("file.passed-over")
