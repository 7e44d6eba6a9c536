"""Options of the command that are refused before anything is read, and those that are not."""

import argparse
from pathlib import Path

import pytest

from evloom.kernel.errors import InputError
from evloom.plan.battery.check import check_options


def options(report: Path) -> argparse.Namespace:
    given = {
        "path": None,
        "demo": 1,
        "pulses": None,
        "write": None,
        "workers": 1,
        "days": 1,
        "rows": 1,
        "seed": 1,
        "stream": False,
        "format": None,
    }
    return argparse.Namespace(**given, json=None, report=report)


def test_a_report_makes_the_folders_that_it_needs(tmp_path: Path) -> None:
    check_options(options(tmp_path / "out" / "batteries"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        check_options(options(tmp_path / "out" / "batteries"))
