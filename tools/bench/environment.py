"""The benchmark's own virtual environment, in which acnportal runs. It is no part of Evloom's."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"
PINS = Path(__file__).with_name("pins.txt")
SCRIPT = Path(__file__).with_name("acnportal_run.py")
OLDEST, YOUNGEST = (3, 9), (3, 12)  # the Pythons for which numpy 1.26 and pandas 1.5 can be had


class NoEnvironmentError(Exception):
    """The environment could not be made; the text says why in one line."""


def interpreter() -> Path:
    """The Python of the environment, which is made where it is missing or was made from other pins."""
    home = BUILD / "acnportal"
    python, made_from = home / "bin" / "python", home / "made_from.txt"
    if python.exists() and made_from.exists() and made_from.read_text() == PINS.read_text():
        return python
    base = _base_python()
    try:
        shutil.rmtree(home, ignore_errors=True)
        if base == Path(sys.executable):
            venv.create(home, with_pip=True)
        else:
            _run([str(base), "-m", "venv", str(home)])
        # setuptools first: acnportal comes as source only, which is built with what is there.
        _run([str(python), "-m", "pip", "install", "--quiet", "setuptools<81", "wheel"])
        _run([str(python), "-m", "pip", "install", "--quiet", "--no-build-isolation", "-r", str(PINS)])
    except subprocess.CalledProcessError as error:
        raise NoEnvironmentError(f"acnportal could not be installed: {(error.stderr or '').strip().splitlines()[-1:]}") from error
    made_from.write_text(PINS.read_text())
    return python


def run_acnportal(task: dict[str, Any]) -> dict[str, Any]:
    """Run one task (see acnportal_run) in the environment, on one core."""
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(interpreter()), str(SCRIPT)], input=json.dumps(task), capture_output=True, text=True, check=False, env=one_core
    )
    if done.returncode != 0:
        raise NoEnvironmentError(f"acnportal failed: {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _base_python() -> Path:
    if OLDEST <= sys.version_info[:2] < YOUNGEST:
        return Path(sys.executable)
    for minor in range(YOUNGEST[1] - 1, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Path(found)
    raise NoEnvironmentError("acnportal needs a Python from 3.9 to 3.11, and there is none")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
