"""Fixtures for all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Callable[[str], Path]:
    """The folder of a recorded data set by name, e.g. data_dir("sessions_acn").

    Recorded data is not part of the repository. It is looked for in $EVLOOM_DATA, then in ../shared/data
    beside the repository; a test that needs a folder that is not there is skipped.
    """
    root = Path(os.environ.get("EVLOOM_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (root / name).is_dir():
            pytest.skip(f"no recorded data {name!r} in {root}: set EVLOOM_DATA to the folder that holds it")
        return root / name

    return find
