"""csv as spreadsheets of China save it, and what is no text."""

from pathlib import Path

import pytest

from evloom.store.battery.encoding import first_line
from evloom.store.battery.read import read_frames

TABLE = "时间,车牌号,总电流,总电压,SOC,单体电压1,单体电压2\n" + "".join(
    f"2026-05-05T09:{k:02d}:00Z,{plate},{k},7.2,50,3.6,3.61\n" for k in range(3) for plate in ("粤B12345", "沪B12345")
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_names_of_columns_and_vehicles_are_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "车.csv").write_bytes(TABLE.encode(encoding))
    reading = read_frames(tmp_path / "车.csv")
    frames = {part.pack.vehicle_id: part for part in reading}
    assert {name: (part.n, part.pack.n_cell) for name, part in frames.items()} == {"粤B12345": (3, 2), "沪B12345": (3, 2)}
    told = {one.code: one.advice for one in reading.account.findings}
    assert ("frames.text-encoding" in told) is encoding.startswith("gb")


def test_a_table_whose_header_alone_is_plain_keeps_its_vehicles_apart(tmp_path: Path) -> None:
    plain = TABLE.replace("时间,车牌号,总电流,总电压,SOC,单体电压1,单体电压2", "at,vehicle_id,current_a,pack_v,soc,V_1,V_2")
    (tmp_path / "cars.csv").write_bytes(plain.encode("gbk"))
    reading = read_frames(tmp_path / "cars.csv")
    assert {part.pack.vehicle_id for part in reading} == {"粤B12345", "沪B12345"}
    assert "frames.text-encoding" in {one.code for one in reading.account.findings}


def test_text_of_two_bytes_a_letter_is_told_what_to_save_it_as(tmp_path: Path) -> None:
    (tmp_path / "car.csv").write_bytes(TABLE.encode("utf-16"))
    reading = read_frames(tmp_path / "car.csv")
    assert list(reading) == []
    assert "save it as CSV UTF-8" in next(one.value for one in reading.account.findings if one.code == "file.broken")


def test_bytes_that_are_no_text_are_no_header() -> None:
    with pytest.raises(RuntimeError, match="no text"):
        first_line(b"PK\x03\x04\x8e\xff\x00,\x01\n")


@pytest.mark.parametrize(
    ("text", "second_s"),
    [
        ("2026年5月5日 09:10:00", 1777972200.0),
        ("2026年05月05日 09:10", 1777972200.0),
        ("05.05.2026 09:10", 1777972200.0),
        ("2026/5/5 9:10", 1777972200.0),
        ("2026-05-05 09:10:00 UTC", 1777972200.0),
        ("2026-05-05 17:10:00+08", 1777972200.0),
    ],
)
def test_instants_as_people_write_them(tmp_path: Path, text: str, second_s: float) -> None:
    (tmp_path / "车.csv").write_text(TABLE.replace("2026-05-05T09:00:00Z", text), encoding="utf-8")
    assert sorted({float(part.at_s[0]) for part in read_frames(tmp_path / "车.csv")}) == [second_s]


def test_a_day_and_a_month_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    (tmp_path / "车.csv").write_text(TABLE.replace("2026-05-05T", "5/6/2026 ").replace("Z", ""), encoding="utf-8")
    reading = read_frames(tmp_path / "车.csv")
    assert list(reading) == []
    assert reading.account.n_refused == 6
