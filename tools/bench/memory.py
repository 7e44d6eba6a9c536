"""Peak memory of the command on a month, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tools.bench.environment import ROOT

# A process counts as its own peak what the one that started it held at that moment, so a small one stands between.
BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def month_mb() -> tuple[float, float]:
    """Peak memory (MB) and CPU seconds of the month with all the policies that its scenario names, as a user runs it.

    It runs twice and the second counts: compiling the kernels, once per installation, takes memory too.
    """
    _run()
    return _run()


def _run() -> tuple[float, float]:
    command = Path(sys.executable).with_name("evloom")
    scenario = ROOT / "examples" / "workplace-month" / "scenario.toml"
    done = subprocess.run(
        [sys.executable, "-c", BETWEEN, str(command), "simulate", str(scenario)], capture_output=True, text=True, check=True
    )
    peak, cpu_s = (float(text) for text in done.stdout.split())
    return peak / (1024**2 if sys.platform == "darwin" else 1024), cpu_s
