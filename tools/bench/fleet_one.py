"""One dispatch of a generated fleet, measured in a process of its own: a job as JSON in, figures as JSON out.

The same small job runs first, so that nothing is compiled or loaded while it is measured.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, optimise
from evloom.dispatch.solved import Solved
from evloom.dispatch.verify import worst_violation
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.schedule_file import write_schedule

WARM_N = 300


@dataclass(frozen=True)
class Job:
    """What to dispatch and how; writes: the schedule is written to a file too. repeats: the median counts."""

    n: int
    tree: str = "one"
    v2g_share: float = 0.0
    objective: str = "cost"
    method: str = "auto"
    gap: float = 1e-3
    n_step: int = 96
    step_s: int = 900
    seed: int = 1
    writes: bool = False
    repeats: int = 1

    def case(self) -> Case:
        """The fleet."""
        return generate(Recipe(self.n, self.seed, self.tree, v2g_share=self.v2g_share, n_step=self.n_step, step_s=self.step_s))


@dataclass(frozen=True)
class Measured:
    """CPU seconds of optimising, of checking, of writing; peak memory; what the answer is worth and how far it is from the best.

    violation   largest excess over anything allowed, relative
    short_share of the energy that was asked for
    """

    cpu_s: float
    verify_s: float
    write_s: float
    peak_mb: float
    value: float
    bound: float
    fixed: float
    gap: float
    violation: float
    short_share: float
    short_price_per_kwh: float
    method: str
    sweeps: int


def cpu_s() -> float:
    """CPU seconds of this process and of those that it started and that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """Most memory that this process has held; where Linux says it, without what the process that started it held."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0**2


def run(job: Job) -> tuple[Measured, Solved]:
    """Generate, optimise, check, and write."""
    case, aim, effort = job.case(), parse_objective(job.objective), Effort(job.method, job.gap)
    took_s = []
    for _ in range(job.repeats):
        began_s = cpu_s()
        solved = optimise(case.problem, aim, effort)
        took_s.append(cpu_s() - began_s)
    began_s = cpu_s()
    violation = worst_violation(case.problem, solved.schedule)
    verify_s, write_s = cpu_s() - began_s, 0.0
    if job.writes:
        began_s = cpu_s()
        with tempfile.TemporaryDirectory() as folder:
            write_schedule(Path(folder) / "schedule.parquet", case, solved.schedule)
        write_s = cpu_s() - began_s
    short_share = float(solved.schedule.short_kwh.sum()) / max(float(case.problem.stays.need_kwh.sum()), 1e-9)
    sweeps = solved.rounds[-1].sweep if solved.rounds else 0
    figures = (solved.value, solved.bound, solved.fixed, solved.gap, violation, short_share, solved.short_price_per_kwh)
    return Measured(median(took_s), verify_s, write_s, peak_mb(), *figures, solved.method, sweeps), solved


def measured(job: Job) -> Measured:
    """The job in a process of its own."""
    command = [sys.executable, "-m", "tools.bench.fleet_one"]
    done = subprocess.run(command, input=json.dumps(asdict(job)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{job} failed: {done.stderr.strip().splitlines()[-1:]}")
    return Measured(**json.loads(done.stdout))


if __name__ == "__main__":
    given = Job(**json.load(sys.stdin))
    run(replace(given, n=min(WARM_N, given.n), repeats=1))
    json.dump(asdict(run(given)[0]), sys.stdout)
