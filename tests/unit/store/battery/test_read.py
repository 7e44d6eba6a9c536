"""Readers of frame files: every format, and everything that can be wrong with a file."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.unit.store.battery.frames_files import by_pack, codes, read, rows, same, with_column, write


def test_own_format(tmp_path: Path) -> None:
    parts, reading = read(write(tmp_path / "car.csv", rows(50, 4)))
    assert codes(reading) == []
    (frames,) = parts
    assert (frames.pack.vehicle_id, frames.pack.pack_id, frames.n, frames.pack.n_cell, frames.pack.n_probe) == ("car", "car", 50, 4, 2)
    assert frames.current_a[3] == -3.0
    assert frames.cell_v.dtype == np.float32
    assert frames.cell_v[0, 1] == np.float32(3.701)
    assert (frames.charging == -1).all()
    assert np.isnan(frames.insulation_ohm).all()
    assert (reading.account.n_accepted, reading.account.n_refused) == (50, 0)


def test_every_container_gives_the_same(tmp_path: Path) -> None:
    table = rows(300, 3)
    csv = write(tmp_path / "a" / "car.csv", table)
    text = csv.read_bytes()
    (tmp_path / "b").mkdir()
    with gzip.open(tmp_path / "b" / "car.csv.gz", "wb") as stream:
        stream.write(text)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("deep/car.csv", text)
    with zipfile.ZipFile(tmp_path / "car.zip", "w") as archive:
        archive.writestr("data.csv", text)
    pl.read_csv(csv).write_parquet(tmp_path / "car.parquet", row_group_size=100)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "car.csv").write_bytes(text.replace(b"\n", b"\r\n").replace(b",", b";"))
    want = by_pack(read(csv)[0])["car"]
    for path in (tmp_path / "b", tmp_path / "car.zip", tmp_path / "car.parquet", tmp_path / "c" / "car.csv"):
        for chunk in (65536, 7):
            got = by_pack(read(path, chunk)[0])["car"]
            assert same(want, got), path
            assert want.pack == got.pack
    assert list(by_pack(read(tmp_path / "b.zip")[0])) == ["b"]


def test_chunks_are_bounded(tmp_path: Path) -> None:
    parts, _ = read(write(tmp_path / "car.csv", rows(1000, 2)), chunk=64)
    assert max(part.n for part in parts) <= 64
    assert sum(part.n for part in parts) == 1000


@pytest.mark.parametrize("content", [b"", b"\n", b"at,current_a,V_1\n"])
def test_empty_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "car.csv"
    path.write_bytes(content)
    parts, reading = read(path)
    assert parts == []
    assert "file.empty" in codes(reading)


def test_one_frame(tmp_path: Path) -> None:
    parts, reading = read(write(tmp_path / "car.csv", rows(1, 96)))
    assert [part.n for part in parts] == [1]
    assert codes(reading) == []


@pytest.mark.parametrize("n_cell", [0, 1, 400])
def test_numbers_of_cells(tmp_path: Path, n_cell: int) -> None:
    parts, reading = read(write(tmp_path / "car.csv", rows(20, n_cell)))
    assert parts[0].cell_v.shape == (20, n_cell)
    assert codes(reading) == ([] if n_cell else ["frames.column-missing"])


@pytest.mark.parametrize("chunk", [5, 13, 65536])
def test_cell_count_changes_midway(tmp_path: Path, chunk: int) -> None:
    table = rows(60, 6)
    for row in table[31:]:
        row[8:10] = ["", ""]
    table[12][9] = ""  # the end of one frame was lost: no new segment
    parts, reading = read(write(tmp_path / "car.csv", table), chunk)
    packs = by_pack(parts)
    assert {name: (each.n, each.pack.n_cell) for name, each in packs.items()} == {"car": (30, 6), "car~4c2p": (30, 4)}
    assert np.isnan(packs["car"].cell_v[11, 5])
    assert codes(reading) == ["frames.cell-count-changed"]
    assert reading.account.findings[0].row == 32


def test_all_probes_absent(tmp_path: Path) -> None:
    table = rows(20, 2)
    for row in table[1:]:
        row[-2:] = ["", "255"]
    parts, _ = read(write(tmp_path / "car.csv", table))
    assert np.isnan(parts[0].probe_c[:, 0]).all()
    assert (parts[0].probe_c[:, 1] == 255.0).all()


def test_order_of_arrival_is_kept(tmp_path: Path) -> None:
    table = rows(40, 2)
    table[10], table[30] = table[30], table[10]  # 10 minutes
    parts, _ = read(write(tmp_path / "car.csv", table))
    assert parts[0].at_s[9] - parts[0].at_s[8] == 630.0


def test_every_fault_once_with_its_place(tmp_path: Path) -> None:
    table = rows(10, 2)
    table[3][0] = "yesterday"
    table[4][1] = "many"
    table[5][4] = "3.7V"
    table[6] = table[6][:-1]
    parts, reading = read(write(tmp_path / "car.csv", table))
    found = {(f.code, f.severity, f.row, f.field, f.value) for f in reading.account.findings}
    assert found == {
        ("frames.no-time", "refused", 4, "at", "'yesterday'"),
        ("frames.no-number", "repaired", 5, "current_a", "'many'"),
        ("frames.no-number", "repaired", 6, "V_1", "'3.7V'"),
        ("frames.ragged-row", "refused", 7, None, "7 fields"),
    }
    account = reading.account
    assert (account.n_accepted, account.n_repaired, account.n_refused, account.n_read) == (8, 2, 2, 10)
    assert np.isnan(parts[0].current_a[2])
    assert np.isnan(parts[0].cell_v[3, 0])


def test_many_faults_are_counted(tmp_path: Path) -> None:
    table = rows(500, 1)
    for row in table[1:]:
        row[1] = "?"
    _, reading = read(write(tmp_path / "car.csv", table), chunk=50)
    assert len(reading.account.findings) == 101
    assert reading.account.findings[-1].value == "400 rows more"


@pytest.mark.parametrize("name", ["notes.txt", "car.parquet", "car.zip", "car.csv.gz"])
def test_files_that_are_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of that kind")
    parts, reading = read(tmp_path / name)
    assert parts == []
    assert codes(reading) == ["file.no-frames" if name == "notes.txt" else "file.broken"]


def test_no_such_path(tmp_path: Path) -> None:
    assert codes(read(tmp_path / "nowhere")[1]) == ["file.no-frames"]


def test_truncated_files(tmp_path: Path) -> None:
    csv = write(tmp_path / "x.csv", rows(3000, 8))
    pl.read_csv(csv).write_parquet(tmp_path / "car.parquet")
    whole = (tmp_path / "car.parquet").read_bytes()
    (tmp_path / "car.parquet").write_bytes(whole[: len(whole) // 2])
    packed = gzip.compress(csv.read_bytes())
    (tmp_path / "other.csv.gz").write_bytes(packed[: len(packed) // 2])
    assert read(tmp_path / "car.parquet")[0] == []
    parts, reading = read(tmp_path, chunk=20)
    assert {finding.source for finding in reading.account.findings if finding.code == "file.broken"} == {"car.parquet", "other.csv.gz"}
    assert by_pack(parts)["x"].n == 3000


def test_unknown_columns_and_columns_twice(tmp_path: Path) -> None:
    assert codes(read(write(tmp_path / "a.csv", [["session_id", "kwh"], ["1", "2"]]))[1]) == ["file.unknown-format"]
    table = rows(2, 2)
    table[0][5] = "V_1"
    assert codes(read(write(tmp_path / "b.csv", table))[1]) == ["file.column-twice"]
    table[0][5] = "V_3"
    parts, reading = read(write(tmp_path / "c.csv", table))
    assert codes(reading) == ["frames.column-gap"]
    assert np.isnan(parts[0].cell_v[:, 1]).all()


def test_same_vehicle_in_two_files(tmp_path: Path) -> None:
    whole = rows(90, 2)
    write(tmp_path / "one" / "car.csv", [whole[0], *whole[1:50:2], *whole[51:]])
    write(tmp_path / "two" / "car.csv", [whole[0], *whole[2:51:2]])
    for chunk in (4, 65536):
        parts, reading = read(tmp_path, chunk)
        (frames,) = by_pack(parts).values()
        assert codes(reading) == ["frames.pack-in-several-files"]
        assert frames.n == 90
        assert (np.diff(frames.at_s) == 30.0).all()


def test_battery_swapped_into_another_car(tmp_path: Path) -> None:
    for name, start_s in (("ann", 1.7e9), ("bob", 1.7e9 + 1e6)):
        write(tmp_path / f"{name}.csv", with_column(rows(20, 2, start_s=start_s), "pack_id", ["P7"] * 20))
    write(tmp_path / "cid.csv", with_column(rows(20, 2, start_s=1.7e9), "pack_id", ["P8"] * 10 + ["P9"] * 10))
    parts, reading = read(tmp_path)
    assert codes(reading) == ["frames.pack-in-several-files", "frames.pack-moved"]
    assert [(part.pack.pack_id, part.pack.vehicle_id, part.n) for part in parts if part.pack.pack_id == "P7"] == [
        ("P7", "ann", 20),
        ("P7", "bob", 20),
    ]
    assert {name: each.n for name, each in by_pack(parts).items()} == {"P7": 40, "P8": 10, "P9": 10}


def test_vehicles_in_a_column(tmp_path: Path) -> None:
    table = with_column(rows(60, 2), "vehicle_id", ["a", "b", "c"] * 20)
    parts, _ = read(write(tmp_path / "fleet.csv", table), chunk=17)
    assert {name: each.n for name, each in by_pack(parts).items()} == {"a": 20, "b": 20, "c": 20}


def test_pack_columns(tmp_path: Path) -> None:
    table = with_column(with_column(rows(5, 2), "chemistry", ["LFP"] * 5), "capacity_ah", ["100"] * 5)
    assert read(write(tmp_path / "car.csv", table))[0][0].pack.chemistry == "LFP"
    assert read(tmp_path / "car.csv")[0][0].pack.capacity_ah == 100.0


@pytest.mark.parametrize(
    ("text", "second_s"),
    [
        ("2026-05-05T09:10:00Z", 1777972200.0),
        ("2026-05-05T09:10:00.25+08:00", 1777943400.25),
        ("2026-05-05 09:10:00", 1777972200.0),
        ("2026/05/05 09:10", 1777972200.0),
        ("20260505091000", 1777972200.0),
        ("1777972200", 1777972200.0),
        ("1777972200000", 1777972200.0),
    ],
)
def test_instants(tmp_path: Path, text: str, second_s: float) -> None:
    table = rows(1, 1)
    table[1][0] = text
    parts, reading = read(write(tmp_path / "car.csv", table))
    assert parts[0].at_s[0] == second_s
    naive = len(text) in (14, 16, 19)
    assert codes(reading) == (["frames.time-without-zone"] if naive else [])


def test_current_counted_the_other_way(tmp_path: Path) -> None:
    table = rows(200, 2)
    for row in table[1:]:
        row[1] = str(-float(row[1]))
    for i, row in enumerate(table[1:]):
        row[1] = str(5.0 * (i % 7))
        row[2] = f"{300.0 - 0.5 * (i % 7):.1f}"
    parts, reading = read(write(tmp_path / "car.csv", table))
    assert codes(reading) == ["frames.current-sign"]
    assert parts[0].current_a.max() == 0.0


def test_real_cars(data_dir: Callable[[str], Path]) -> None:
    parts, reading = read(data_dir("battery_field_frames"))
    one, two = by_pack(parts).values()
    assert (one.n, one.pack.n_cell, one.pack.n_probe) == (66666, 96, 24)
    assert (two.n, two.pack.n_cell, two.pack.n_probe) == (14385, 88, 19)
    said = {(f.source.split("/")[0][:4], f.code) for f in reading.account.findings if f.severity == "repaired"}
    assert said == {
        ("car1", "frames.current-sign"),
        *(("car2", f"frames.{code}") for code in ("current-sign", "probe-offset", "insulation-unit")),
    }
    for car in (one, two):
        assert np.corrcoef(np.diff(car.current_a), np.diff(car.pack_v))[0, 1] > 0.4
        assert 10.0 < np.median(car.probe_c) < 40.0
    assert np.isclose(two.insulation_ohm.max(), 5e6)
    assert set(two.charging.tolist()) == {0, 1}
    assert set(two.bms_level.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("chunk", [65536, 40, 7, 1])
def test_packs_of_several_sizes_in_one_table(tmp_path: Path, chunk: int) -> None:
    """A small pack has no more probes than it sends, whatever columns the table has for others; nor has it lost any."""
    large, small = rows(40, 6, 5), rows(40, 4, 3)
    table = [["vehicle_id", *large[0]]]
    for one, other in zip(large[1:], small[1:], strict=True):
        table += [["large", *one], ["small", *other[:8], "", "", *other[8:], "", ""]]
    table[4][-3] = ""  # a probe that is silent in one early frame is still a probe
    packs = by_pack(read(write(tmp_path / "both.csv", table), chunk)[0])
    assert {name: (each.n, each.pack.n_cell, each.pack.n_probe) for name, each in packs.items()} == {
        "large": (40, 6, 5),
        "small": (40, 4, 3),
    }


@pytest.mark.parametrize("chunk", [65536, 7])
def test_a_probe_that_comes_later_begins_a_segment(tmp_path: Path, chunk: int) -> None:
    table = rows(60, 3, 3)
    for row in table[1:31]:
        row[-1] = ""
    packs = by_pack(read(write(tmp_path / "car.csv", table), chunk)[0])
    assert {name: (each.n, each.pack.n_probe) for name, each in packs.items()} == {"car": (30, 2), "car~3c3p": (30, 3)}
