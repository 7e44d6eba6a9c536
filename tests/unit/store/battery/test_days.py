"""Files of one vehicle by day: one history where their frames say so, else a vehicle each."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from evloom.store.battery.read import read_frames

HEAD = "at,current_a,pack_v,soc,V_1,V_2"


def write(path: Path, day: str, head: str = HEAD, more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join([f"{head}\n", *(f"{day}T0{hour}:00:00Z,1,7.2,0.5,3.6,3.6{more}\n" for hour in range(3))]))
    return path


def told(path: Path) -> tuple[dict[str, int], set[str]]:
    """Frames of each vehicle, and the codes of what was found."""
    reading = read_frames(path)
    found: dict[str, int] = {}
    for part in reading:
        found[part.pack.vehicle_id] = found.get(part.pack.vehicle_id, 0) + part.n
    return found, {one.code for one in reading.account.findings}


@pytest.mark.parametrize(
    ("names", "vehicle"),
    [
        (("2026-05-05.csv", "2026-05-06.csv"), "粤B12345"),
        (("20260505.csv", "20260506.csv"), "粤B12345"),
        (("car7_20260505.csv", "car7_20260506.csv"), "car7"),
        (("2026年05月05日.csv", "2026年05月06日.csv"), "粤B12345"),
    ],
)
def test_days_of_one_vehicle_are_one_history(tmp_path: Path, names: Iterable[str], vehicle: str) -> None:
    for name, day in zip(names, ("2026-05-05", "2026-05-06"), strict=True):
        write(tmp_path / "粤B12345" / name, day)
    assert told(tmp_path / "粤B12345") == ({vehicle: 6}, {"frames.pack-in-several-files"})


def test_each_folder_is_a_vehicle(tmp_path: Path) -> None:
    for car in ("a", "b"):
        for day in ("2026-05-05", "2026-05-06"):
            write(tmp_path / car / f"{day}.csv", day)
    assert told(tmp_path)[0] == {"a": 6, "b": 6}


def test_days_in_a_zip_are_one_history(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "car9.zip", "w") as archive:
        for day in ("2026-05-05", "2026-05-06"):
            archive.write(write(tmp_path / "kept" / f"{day}.csv", day), f"{day}.csv")
    assert told(tmp_path / "car9.zip")[0] == {"car9": 6}


def test_numbers_of_vehicles_that_look_like_days_are_no_days(tmp_path: Path) -> None:
    write(tmp_path / "20251201.csv", "2026-05-05")
    write(tmp_path / "20251202.csv", "2026-05-05")
    assert told(tmp_path) == ({"20251201": 3, "20251202": 3}, set())


def test_a_file_that_says_whose_frames_it_holds_is_believed(tmp_path: Path) -> None:
    for day, car in (("2026-05-05", "x"), ("2026-05-06", "y")):
        write(tmp_path / f"{day}.csv", day, f"{HEAD},vehicle_id", f",{car}")
    assert told(tmp_path)[0] == {"x": 3, "y": 3}


def test_one_day_alone_is_a_vehicle_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / "2026-05-05.csv", "2026-05-05")
    assert told(tmp_path)[0] == {"2026-05-05": 3}
