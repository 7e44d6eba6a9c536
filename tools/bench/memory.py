"""Peak memory of the command on a month, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tools.bench.environment import ROOT


def month_mb() -> tuple[float, float]:
    """Peak memory (MB) and CPU seconds of the month with all the policies that its scenario names, as a user runs it.

    It runs twice and the second counts: compiling the kernels, once per installation, takes memory too.
    """
    _run()
    return _run()


def _run() -> tuple[float, float]:
    command = Path(sys.executable).with_name("evloom")
    scenario = ROOT / "examples" / "workplace-month" / "scenario.toml"
    child = subprocess.Popen([str(command), "simulate", str(scenario)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"evloom simulate ended with {child.returncode}")
    per_mb = 1024**2 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss / per_mb, usage.ru_utime + usage.ru_stime
