"""The import table: what each part may take from outside, and which effects it may have."""

import pytest

from tools.check_imports import check_file, check_single, declared_dependencies

DECLARED = frozenset({"numpy", "numba", "highspy", "polars", "jinja2", "tqdm", "msgspec"})


def words(path, text):
    return [fault.text for fault in check_file(f"src/evloom/{path}", text, DECLARED)]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("kernel/a.py", "import polars", "kernel may not import polars"),
        ("loop/cycle.py", "from jinja2 import Template", "loop may not import jinja2"),
        ("loop/cycle.py", "import highspy", "loop may not import highspy"),
        ("dispatch/rules.py", "import tqdm", "dispatch may not import tqdm"),
        ("dispatch/rules.py", "import numba", "dispatch may not import numba"),
        ("market/tariff.py", "from pathlib import Path", "market may not import pathlib"),
        ("market/tariff.py", "from importlib import resources", "market may not import importlib.resources"),
        ("loop/cycle.py", "import asyncio", "loop may not import asyncio"),
        ("loop/cycle.py", "from time import monotonic", "loop may not import time"),
        ("simulate/run.py", "import socket", "simulate may not import socket"),
        ("dispatch/rules.py", "import scipy.optimize", "scipy is not among the dependencies"),
        ("serve/app.py", "from evloom.simulate import run", "serve never imports simulate"),
        ("serve/app.py", "import evloom.simulate.run", "serve never imports simulate"),
        ("store/journal.py", "from evloom.wire.ocpp.v16.messages import BootNotification", "translate gives"),
        ("pile/evse.py", "from evloom import simulate_everything", "`evloom` itself is for users"),
        ("pile/evse.py", "def f():\n    import polars", "pile may not import polars"),
        ("market/tariff.py", "def f(path):\n    return open(path)", "market may not open files"),
        ("helpers/a.py", "", "evloom.helpers is not on the map"),
    ],
)
def test_what_is_not_allowed_is_found(path, text, found):
    faults = words(path, text)
    assert len(faults) == 1
    assert found in faults[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("kernel/compiled.py", "import numba"),
        ("dispatch/exact.py", "import highspy\nimport numpy as np"),
        ("market/tariff.py", "from datetime import datetime\nimport csv, io, json"),
        ("simulate/report.py", "import jinja2, polars\nfrom pathlib import Path\nimport time"),
        ("cli.py", "import tqdm\nimport evloom\nfrom evloom import simulate_everything"),
        ("wire/ocpp/v16/translate.py", "from evloom.wire.ocpp.v16.messages import BootNotification\nimport msgspec"),
        ("serve/app.py", "import asyncio\nimport polars"),
        ("vehicle/fleet.py", "from evloom.kernel.timegrid import Float"),
    ],
)
def test_what_is_allowed_passes(path, text):
    assert words(path, text) == []


def test_the_solver_is_imported_in_one_file_only():
    one = {"src/evloom/dispatch/exact.py": "import highspy", "src/evloom/dispatch/rules.py": "import numpy"}
    (fault,) = check_single({**one, "src/evloom/dispatch/split.py": "from highspy import Highs"})
    assert check_single(one) == []
    assert fault.path == "src/evloom/dispatch/split.py"


def test_declared_names_are_read_from_the_project_file():
    text = '[project]\ndependencies = ["numpy>=2.0", "power-grid-model[x]==1 ; python_version > \'3\'", "Jinja2"]\n'
    assert declared_dependencies(text) == {"numpy", "power_grid_model", "jinja2"}
    text += "[project.optional-dependencies]\nray = ['ray>=2.40']\n"
    assert declared_dependencies(text) == {"numpy", "power_grid_model", "jinja2", "ray"}
