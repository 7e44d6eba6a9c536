"""Options of the command that are refused before anything is read, and those that are not."""

import argparse
import os
from pathlib import Path
from typing import Any

import pytest

from evloom.kernel.errors import InputError
from evloom.plan.battery.check import check_options


def options(report: Path | None = None, **more: Any) -> argparse.Namespace:
    given = {
        "path": None,
        "demo": 1,
        "pulses": None,
        "write": None,
        "workers": 1,
        "days": None,
        "rows": 1,
        "seed": None,
        "stream": False,
        "format": None,
    }
    return argparse.Namespace(**{**given, "json": None, "report": report, **more})


def test_a_report_makes_the_folders_that_it_needs(tmp_path: Path) -> None:
    check_options(options(tmp_path / "out" / "batteries"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        check_options(options(tmp_path / "out" / "batteries"))


def test_figures_do_not_take_the_place_of_frames_in_the_folder_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "car.csv").write_text("frames")
    with pytest.raises(InputError, match="is read by this run"):
        check_options(options(path=tmp_path, demo=None, json=tmp_path / "car.csv"))
    check_options(options(path=tmp_path, demo=None, json=tmp_path / "out.json"))


@pytest.mark.parametrize(("name", "word"), [("days", "beside --demo"), ("seed", "beside --demo")])
def test_what_is_of_the_demo_alone_is_refused_without_it(tmp_path: Path, name: str, word: str) -> None:
    more: dict[str, Any] = {name: 3, "path": tmp_path, "demo": None}
    with pytest.raises(InputError, match=word):
        check_options(options(**more))


@pytest.mark.parametrize("name", ["car.xlsx", "Car.XLS", "车.et"])
def test_a_workbook_is_told_what_to_save_it_as(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(InputError, match="save its sheet as CSV UTF-8"):
        check_options(options(path=tmp_path / name, demo=None))


@pytest.mark.parametrize("name", ["car.parquet", "car.csv.gz", "cars.zip"])
def test_what_is_no_text_cannot_be_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(InputError, match="is not text"):
        check_options(options(path=tmp_path / name, demo=None, stream=True))


def test_a_report_in_a_folder_that_may_not_be_written_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # who runs tests may write everywhere
    with pytest.raises(InputError, match="may not be written"):
        check_options(options(tmp_path / "out"))
