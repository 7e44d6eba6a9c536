"""A dispatch that was run: the schedule with its proof, what it comes to, what it took."""

import re
import resource
import sys
import time
from dataclasses import dataclass, replace

from evloom.dispatch.objective import Objective, parse_objective
from evloom.dispatch.optimise import Effort, Watch, optimise
from evloom.dispatch.problem import Problem
from evloom.dispatch.sharded import Hire, optimise_sharded
from evloom.dispatch.solved import Solved
from evloom.dispatch.verify import Violation, verify_schedule
from evloom.kernel.finding import Finding
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.report.study import Study, study_of
from evloom.plan.fleet.settable import Settable, chargers_of, restricted, set_to

TOLERANCE = 1e-6  # kWh, and relative


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    objective          the text that was asked for
    violations         what the independent check found, empty when all is well
    cpu_optimise_s     processor time of the optimisation with all its threads and local workers; wall_optimise_s: time on the clock
    cpu_verify_s       of the independent check
    cpu_s              of the process and its workers so far, reading, planning and checking
    memory_bytes       most memory that the process held so far; with local workers, as much again as if all were as large as the largest
    settable           what became of the energy below the least current, where that was asked for
    """

    case: Case
    objective: str
    solved: Solved
    study: Study
    violations: tuple[Violation, ...]
    cpu_optimise_s: float
    wall_optimise_s: float
    cpu_verify_s: float
    cpu_s: float
    memory_bytes: int
    settable: Settable | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is doubtful in the files, then what came up in planning and is not said there, with names for rows."""
        told = {finding.code for finding in self.case.findings}
        return self.case.findings + tuple(named(one, self.case) for one in self.solved.findings if one.code not in told)

    @property
    def largest_violation(self) -> float:
        """Largest breach of anything, relative to what is allowed (to 1 where that is less than 1)."""
        return largest_of(self.violations)

    @property
    def is_sound(self) -> bool:
        """Whether the schedule keeps every rule within TOLERANCE, relative to what is allowed."""
        return self.largest_violation <= TOLERANCE


@dataclass(frozen=True)
class Staff:
    """How a fleet is divided: so many shards, so many workers, who hires them. What Ray's actors take is not counted in an outcome."""

    n_shard: int
    n_worker: int
    hire: Hire


def usual_objective(problem: Problem) -> str:
    """What is aimed at where nothing is said: cost, and wear where something may discharge."""
    gives = (problem.stays.discharge_max_kw > 0.0).any() or (problem.stores.discharge_max_kw > 0.0).any()
    return "cost+wear" if gives else "cost"


def run(
    case: Case, objective: str, effort: Effort, watch: Watch, staff: Staff | None = None, current_min_a: float | None = None
) -> Outcome:
    """Plan, by `staff` where there is one, check and count up. Raises InputError for an objective or numbers that make no sense.

    With `current_min_a` the plan is one that chargers can be set to, see `settable`; the case of the outcome then has their powers.
    """
    aim: Objective = parse_objective(objective)
    began_s, clock_s = _cpu_s(), time.monotonic()
    settable = None
    if current_min_a is None:
        solved = _solved(case.problem, aim, effort, watch, staff)
    else:
        chargers = chargers_of(case.problem.stays, current_min_a)
        case = restricted(case, chargers)
        solved, settable = set_to(case.problem, _solved(case.problem, aim, effort, watch, staff), chargers, current_min_a)
    planned_s, wall_s = _cpu_s(), time.monotonic() - clock_s
    violations = verify_schedule(case.problem, solved.schedule, TOLERANCE)
    checked_s = _cpu_s()
    study = study_of(case.problem, solved, case.currency)
    return Outcome(
        case=case,
        objective=objective,
        solved=solved,
        study=study,
        violations=violations,
        cpu_optimise_s=planned_s - began_s,
        wall_optimise_s=wall_s,
        cpu_verify_s=checked_s - planned_s,
        cpu_s=_cpu_s(),
        memory_bytes=peak_memory_bytes() + (0 if staff is None else staff.n_worker * peak_memory_bytes(resource.RUSAGE_CHILDREN)),
        settable=settable,
    )


def _solved(problem: Problem, aim: Objective, effort: Effort, watch: Watch, staff: Staff | None) -> Solved:
    if staff is None:
        return optimise(problem, aim, effort, watch)
    return optimise_sharded(problem, aim, effort, watch, (staff.n_shard, staff.hire))


def _cpu_s() -> float:
    """Processor time of this process and of its workers that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def named(finding: Finding, case: Case) -> Finding:
    """A finding about a row of the problem as one about a node or a vehicle by its name."""
    table = finding.source.removeprefix("planning problem, ")
    if table not in ("nodes", "stays") or finding.row is None or finding.field is None:
        return finding
    name = f"node {case.node_id[finding.row]}" if table == "nodes" else f"vehicle {case.vehicle_id[finding.row]}"
    field = re.sub(rf"\[{finding.row}(, )?", "[", finding.field).removesuffix("[]")
    return replace(finding, source=name, row=None, field=field)


def largest_of(violations: tuple[Violation, ...]) -> float:
    """The worst of some violations, as in `Outcome.largest_violation`; 0 where there are none."""
    return max((abs(one.value - one.allowed) / max(abs(one.allowed), 1.0) for one in violations), default=0.0)


def peak_memory_bytes(who: int = resource.RUSAGE_SELF) -> int:
    """Most memory that this process held so far, or any one that it started and that ended. The system counts in kB, macOS in bytes."""
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
