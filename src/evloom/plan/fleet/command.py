"""What `evloom dispatch` does once its arguments are read: plan, show progress, print, write files."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from evloom.dispatch.optimise import Effort
from evloom.kernel.compiled import has_machine_code
from evloom.kernel.errors import InputError, SolverError
from evloom.kernel.finding import Finding
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.columns import TABLES
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.outcome import Outcome, Staff, run, usual_objective
from evloom.plan.fleet.output import about, outcome_json, table_text
from evloom.plan.fleet.progress import Progress
from evloom.plan.fleet.ray_runner import by_ray
from evloom.plan.fleet.read import DOCUMENT, read_case
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.page import write_report
from evloom.plan.fleet.runner import local
from evloom.plan.fleet.schedule_file import write_schedule
from evloom.plan.fleet.settable import AC_MAX_A
from evloom.plan.fleet.sheet import SUFFIXES
from evloom.plan.fleet.write import write_case
from evloom.simulate.command import Voice, write_one
from evloom.simulate.output import findings_text
from evloom.simulate.paths import check_outputs
from evloom.simulate.patience import Patience

FILES = ("json", "schedule", "report")


def dispatch(options: argparse.Namespace, voice: Voice) -> int:
    """Plan the fleet that the options name. Returns the exit code: 1 where a file could not be written or a limit is broken."""
    _check_options(options)
    wanted = tuple((f"--{name}", getattr(options, name)) for name in FILES if getattr(options, name) is not None)
    check_outputs(wanted, _inputs(options.problem))
    case = _case(options)
    if case.findings:
        voice.warn(findings_text(case.findings))
    voice.say(about(case))
    if options.write is not None:
        return int(write_one("problem", options.write, lambda path: write_case(case, path), voice.warn))
    if options.check:
        return 0
    return _plan(case, options, voice)


def _case(options: argparse.Namespace) -> Case:
    if options.problem is not None:
        return read_case(options.problem)
    steps = options.steps, 60 * options.step_minutes
    return generate(Recipe(options.generate, options.seed, options.tree, options.headroom, options.v2g, n_step=steps[0], step_s=steps[1]))


def _check_options(options: argparse.Namespace) -> None:
    findings = []
    if (options.problem is None) == (options.generate is None):
        given = "neither" if options.problem is None else "both"
        findings.append(
            _option("PROBLEM", f"{given} PROBLEM and --generate", "one of the two", "name files or say how many vehicles to make up")
        )
    if not 0.0 <= options.gap < 1.0:
        findings.append(_option("--gap", str(options.gap), "a share, at least 0 and below 1; 0.001 is usual", "choose another value"))
    if options.sweeps < 1:
        findings.append(_option("--sweeps", str(options.sweeps), "at least 1", "choose another value"))
    if options.settable is not None and not 0.0 < options.settable <= AC_MAX_A:
        allowed = f"above 0, at most {AC_MAX_A:g} A; 6 by IEC 61851-1"
        findings.append(_option("--settable", f"{options.settable:g} A", allowed, "choose another value"))
    findings += _shard_findings(options)
    if findings:
        raise InputError(findings)


def _shard_findings(options: argparse.Namespace) -> list[Finding]:
    found = [
        _option(f"--{name}", str(value), "at least 1", "choose another value")
        for name in ("shards", "workers")
        if (value := getattr(options, name)) is not None and value < 1
    ]
    if options.shards is None and (options.workers is not None or options.runner != "local"):
        found.append(_option("--shards", "none", "a number of shards where --runner or --workers is given", "add --shards"))
    if options.shards is not None and options.method == "exact":
        found.append(_option("--shards", str(options.shards), "none with --method exact", "leave out one of the two"))
    return found


def _staff(options: argparse.Namespace) -> Staff | None:
    """Who sweeps the shards, None where the fleet is not divided. Raises InputError where Ray is not installed."""
    if options.shards is None:
        return None
    n_worker = min(options.workers or os.cpu_count() or 1, options.shards)
    return Staff(options.shards, n_worker, by_ray(n_worker) if options.runner == "ray" else local(n_worker))


def _option(name: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding("dispatch.option", "refused", "command line", None, name, value, allowed, advice)


def _inputs(problem: Path | None) -> tuple[Path, ...]:
    """The files that are read, which must not be written over."""
    if problem is None or not problem.is_dir():
        return () if problem is None else (problem,)
    return (problem / DOCUMENT, *(problem / f"{name}{suffix}" for name in TABLES for suffix in SUFFIXES))


def _plan(case: Case, options: argparse.Namespace, voice: Voice) -> int:
    if not has_machine_code():
        voice.warn("evloom: the kernels are compiled at the first run; this takes a minute once")
    staff = _staff(options)
    effort = Effort(options.method, options.gap, options.sweeps)
    with Patience(_nobody, "sweep") as patience:
        progress = Progress(sys.stderr, patience)
        try:
            outcome = run(case, options.objective or usual_objective(case.problem), effort, progress, staff, options.settable)
        except SolverError as error:
            advice = "choose auto, another method or another objective"
            raise InputError([_option("--method", f"{effort.method}: {error}", "a method that can treat the problem", advice)]) from None
        finally:
            progress.close()
    fresh = outcome.findings[len(case.findings) :]
    if fresh:
        voice.warn(findings_text(fresh))
    failed = _write(outcome, options, voice.warn)
    voice.say(f"\n{table_text(outcome)}")
    if not outcome.is_sound:
        for violation in outcome.violations[:20]:
            voice.warn(f"evloom: broken: {violation.text()}")
        voice.warn(
            f"evloom: the independent check found {len(outcome.violations)} faults: do not use this schedule; please report the problem"
        )
        failed = True
    if outcome.solved.is_interrupted:
        voice.warn(f"PARTIAL: interrupted; the schedule is the best so far, within {100.0 * outcome.solved.gap:.2g} % of the best")
        return 130
    return int(failed)


def _nobody(_: str, __: int, ___: int) -> None:
    """Nobody watches cycles: an optimisation has none."""


def _write(outcome: Outcome, options: argparse.Namespace, warn: Callable[[str], None]) -> bool:
    """Write the files that are wanted and say so. Returns whether any could not be written; those that can are."""
    case, schedule = outcome.case, outcome.solved.schedule
    failed = write_one("figures", options.json, lambda path: path.write_text(outcome_json(outcome), encoding="utf-8"), warn)
    failed |= write_one("schedule", options.schedule, lambda path: write_schedule(path, case, schedule), warn)
    labels = Labels(
        title=case.name,
        start=case.grid.start,
        zone=case.zone,
        currency=case.currency,
        node_ids=case.node_id,
        vehicle_id=lambda row: str(case.vehicle_id[row]),
        objective=outcome.objective,
        cpu_s=outcome.cpu_s,
        memory_bytes=outcome.memory_bytes,
        largest_violation=outcome.largest_violation,
    )
    return failed | write_one(
        "report", options.report, lambda path: write_report(path, case.problem, outcome.solved, labels, options.lang), warn
    )
