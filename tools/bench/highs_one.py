"""The baseline: the same fleet as one sparse linear programme for HiGHS through scipy, written for the tests by another hand.

In a process of its own, a job as JSON in; prints CPU seconds of the solver and the optimum, base load included.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from scipy.optimize import linprog

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.service import short_price_per_kwh
from tests.unit.dispatch.oracle_priced import Priced
from tools.bench.fleet_one import Job

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Optimum:
    """CPU seconds of the solver and the least value; None where it did not come to an end in time."""

    cpu_s: float
    value: float | None


def least_value(job: Job) -> Optimum:
    """Solve the job's programme, for PATIENCE_S at most."""
    problem, aim = job.case().problem, parse_objective(job.objective)
    programme = Priced(problem, aim, short_price_per_kwh(problem, aim)).linear()
    solver: Any = linprog
    began_s = time.process_time()
    found = solver(**programme, method="highs", options={"time_limit": PATIENCE_S})
    took_s = time.process_time() - began_s
    return Optimum(took_s, float(found.fun) if found.status == 0 else None)


def baseline(job: Job) -> Optimum:
    """The job in a process of its own."""
    command = [sys.executable, "-m", "tools.bench.highs_one"]
    done = subprocess.run(command, input=json.dumps(asdict(job)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the baseline of {job} failed: {done.stderr.strip().splitlines()[-1:]}")
    return Optimum(**json.loads(done.stdout.strip().splitlines()[-1]))


if __name__ == "__main__":
    json.dump(asdict(least_value(Job(**json.load(sys.stdin)))), sys.stdout)
