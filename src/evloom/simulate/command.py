"""What `evloom simulate` does once its arguments are read: run, show progress, print, write files."""

import sys
from dataclasses import dataclass
from pathlib import Path

from evloom.kernel.compiled import has_machine_code
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.simulate.bills import write_bills
from evloom.simulate.output import findings_text, headline, study_json, table_text
from evloom.simulate.report.page import write_report
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.study import Study, Watch, replay_journal, study


@dataclass(frozen=True)
class Wanted:
    """The files asked for, None for those not asked for, and the language of the report."""

    json: Path | None
    report: Path | None
    lang: str
    bills: Path | None
    journal: Path | None


def simulate(scenario: Scenario, policies: tuple[str, ...], objective: str, wanted: Wanted, watch: Watch) -> int:
    """Run, print the table, write what is wanted. Returns the exit code: 130 where it was interrupted."""
    for path in (wanted.json, wanted.report, wanted.bills, wanted.journal):
        _check_writable(path)
    doubts = (*scenario.findings, *scenario.sessions.findings)
    if doubts:
        print(findings_text(doubts, most=20), file=sys.stderr)
    if not has_machine_code():
        print("evloom: the kernels are compiled at the first run; this takes a minute once", file=sys.stderr)
    result = study(scenario, policies, objective, wanted.journal, watch)
    if result.interrupted and not result.runs:
        print("evloom: interrupted before the first policy was finished; no figures", file=sys.stderr)
        return 130
    span = f"{scenario.grid.start:%Y-%m-%d %H:%M} to {scenario.grid.end:%Y-%m-%d %H:%M} UTC"
    print(f"{scenario.name}: {len(scenario.sessions)} sessions, {scenario.evse.n} EVSE, {span}, objective {objective}\n")
    print(table_text(result))
    print(f"\n{headline(result)}" if headline(result) else "")
    _write(result, wanted)
    if result.interrupted:
        done = ", ".join(run.policy for run in result.runs)
        print(f"PARTIAL: interrupted during {result.interrupted}; the figures are of {done} only", file=sys.stderr)
        return 130
    return 0


def _write(result: Study, wanted: Wanted) -> None:
    if wanted.json is not None:
        wanted.json.write_text(study_json(result), encoding="utf-8")
        print(f"figures: {wanted.json}")
    if wanted.report is not None:
        write_report(wanted.report, result.stage, result.runs, result.scores, lang=wanted.lang, partial=bool(result.interrupted))
        print(f"report:  {wanted.report}")
    if wanted.bills is not None:
        controlled = [run for run in result.runs if run.policy not in ("uncontrolled", "foresight")] or list(result.runs)
        write_bills(wanted.bills, result.stage, controlled[-1])
        print(f"bills:   {wanted.bills} ({controlled[-1].policy})")
    if wanted.journal is not None:
        print(f"journal: {wanted.journal}")


def replay(scenario: Scenario, journal: Path) -> int:
    """Replay a journal and say whether every order came out the same. Returns 1 where one did not."""
    differs = False
    for result in replay_journal(scenario, journal):
        differs = differs or result.differing > 0 or not result.same_digest
        verdict = "same orders, same digest" if not result.differing and result.same_digest else f"{result.differing} ticks differ"
        print(f"{result.part.header.policy}: {result.ticks} ticks, {verdict}")
        if result.part.findings:
            print(findings_text(result.part.findings), file=sys.stderr)
    return int(differs)


def _check_writable(path: Path | None) -> None:
    """Say before the work, not after it, that a result cannot be written."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir():
        value = f"{path} is a folder" if path.is_dir() else f"folder {path.parent} does not exist"
        advice = "make the folder or choose another name"
        raise InputError(
            [Finding("output.not-writable", "refused", str(path), None, None, value, "a file in a folder that exists", advice)]
        )
