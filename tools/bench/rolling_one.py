"""Steps of the loop for a connected fleet of which a part changes each time, measured in a process of its own.

Arguments: number of vehicles, share that changes, gap to be proved. The changed stays are those of a fleet of another seed.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import fixed_value
from evloom.dispatch.problem import Problem
from evloom.dispatch.sweeps.rolling import Rolling
from evloom.dispatch.verify import worst_violation
from evloom.kernel.timegrid import Int
from evloom.plan.fleet.generate import Recipe, generate
from tools.bench.fleet_one import cpu_s

TREE = "25/100"
STEPS = 7
WARM_N = 2000


@dataclass(frozen=True)
class Rolled:
    """CPU seconds of the median and the slowest step; the widest gap proved; the largest violation of any step, relative; how many steps
    asked everybody again; CPU seconds of the first plan."""

    median_s: float
    slowest_s: float
    gap: float
    violation: float
    full: int
    first_s: float


def changed_problem(problem: Problem, other: Problem, changed: Int) -> Problem:
    """The problem with the stays `changed` of another fleet."""
    columns = {}
    for name, column in vars(problem.stays).items():
        if column is not None:
            columns[name] = column.copy()
            columns[name][changed] = getattr(other.stays, name)[changed]
    return replace(problem, stays=replace(problem.stays, **columns))


def rolled(n: int, share: float, gap: float, steps: int = STEPS) -> Rolled:
    """Plan, then go step by step."""
    problem, aim, rng = generate(Recipe(n, 1, TREE)).problem, parse_objective("cost"), np.random.default_rng(7)
    began_s = cpu_s()
    rolling = Rolling(problem, aim, fixed_value(problem, aim), gap)
    first_s = cpu_s() - began_s
    took_s, gaps, violation, full = [], [], 0.0, 0
    for number in range(steps):
        changed = rng.choice(n, max(1, round(share * n)), replace=False)
        problem = changed_problem(problem, generate(Recipe(n, 100 + number, TREE)).problem, changed)
        began_s = cpu_s()
        change = rolling.step(problem, changed)
        took_s.append(cpu_s() - began_s)
        gaps.append(change.gap)
        full += change.is_full
        violation = max(violation, worst_violation(problem, rolling.schedule()))
    return Rolled(median(took_s), max(took_s), max(gaps), violation, full, first_s)


def measured(n: int, share: float, gap: float) -> Rolled:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "tools.bench.rolling_one", str(n), str(share), str(gap)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"rolling failed: {done.stderr.strip().splitlines()[-1:]}")
    return Rolled(**json.loads(done.stdout))


if __name__ == "__main__":
    number, part, wanted = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    rolled(min(WARM_N, number), part, wanted, 2)
    json.dump(asdict(rolled(number, part, wanted)), sys.stdout)
