"""The benchmark's own virtual environments, in which other people's programs run. They are no part of Evloom's."""

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Kit:
    """A program with an environment of its own: what is installed, the script that runs it, and the Pythons for which it can be had."""

    name: str
    pins: Path
    script: Path
    oldest: tuple[int, int]
    before: tuple[int, int]
    from_source: bool = False


_HERE = Path(__file__).parent
# acnportal comes as source only, and wants numpy 1.26 and pandas 1.5.
ACNPORTAL = Kit("acnportal", _HERE / "pins.txt", _HERE / "acnportal_run.py", (3, 9), (3, 12), from_source=True)
ORTOOLS = Kit("ortools", _HERE / "pins-ortools.txt", _HERE / "ortools_run.py", (3, 9), (3, 15))
FLEXMEASURES = Kit("flexmeasures", _HERE / "pins-flexmeasures.txt", _HERE / "flexmeasures_run.py", (3, 10), (3, 13))


class NoEnvironmentError(Exception):
    """The environment could not be made, or what runs in it failed; the text says why in one line."""


def interpreter(kit: Kit = ACNPORTAL) -> Path:
    """The Python of the environment, which is made where it is missing or was made from other pins."""
    home = BUILD / kit.name
    python, made_from = home / "bin" / "python", home / "made_from.txt"
    if python.exists() and made_from.exists() and made_from.read_text() == kit.pins.read_text():
        return python
    base = _base_python(kit)
    try:
        shutil.rmtree(home, ignore_errors=True)
        if base == Path(sys.executable):
            venv.create(home, with_pip=True)
        else:
            _run([str(base), "-m", "venv", str(home)])
        if kit.from_source:
            # setuptools first, for what comes as source is built with what is there.
            _run([str(python), "-m", "pip", "install", "--quiet", "setuptools<81", "wheel"])
            _run([str(python), "-m", "pip", "install", "--quiet", "--no-build-isolation", "-r", str(kit.pins)])
        else:
            _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(kit.pins)])
    except subprocess.CalledProcessError as error:
        raise NoEnvironmentError(f"{kit.name} could not be installed: {(error.stderr or '').strip().splitlines()[-1:]}") from error
    made_from.write_text(kit.pins.read_text())
    return python


def run_in(kit: Kit, task: dict[str, Any]) -> dict[str, Any]:
    """Run one task (see the kit's script) in its environment, on one core."""
    one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [str(interpreter(kit)), str(kit.script)]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=False, env=one_core)
    if done.returncode != 0:
        raise NoEnvironmentError(f"{kit.name} failed: {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # a solver may have said something before
    return answer


def _base_python(kit: Kit) -> Path:
    if kit.oldest <= sys.version_info[:2] < kit.before:
        return Path(sys.executable)
    for minor in range(kit.before[1] - 1, kit.oldest[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Path(found)
    raise NoEnvironmentError(f"{kit.name} needs a Python from 3.{kit.oldest[1]} to 3.{kit.before[1] - 1}, and there is none")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
