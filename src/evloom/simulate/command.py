"""What `evloom simulate` does once its arguments are read: run, show progress, print, write files."""

from collections.abc import Callable
from pathlib import Path

from evloom.kernel.compiled import has_machine_code
from evloom.kernel.errors import InputError
from evloom.simulate.bills import write_bills
from evloom.simulate.output import blind_spot, findings_text, headline, study_json, table_text
from evloom.simulate.paths import Wanted, check_paths, not_written
from evloom.simulate.patience import Patience
from evloom.simulate.replay import replay_journal
from evloom.simulate.report.page import write_report
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.study import Study, Watch, study
from evloom.simulate.voice import Voice, write_one

__all__ = ["Voice", "replay", "simulate", "write_one"]


def simulate(scenario: Scenario, policies: tuple[str, ...], objective: str, wanted: Wanted, watch: Watch, voice: Voice) -> int:
    """Run, write what is wanted, print the table. Returns the exit code: 1 where a file could not be written, 130 after Ctrl-C."""
    check_paths(wanted)
    doubts = (*scenario.findings, *scenario.sessions.findings)
    if doubts:
        voice.warn(findings_text(doubts))
    if not has_machine_code():
        voice.warn("evloom: the kernels are compiled at the first run; this takes a minute once")
    try:
        with Patience(watch) as patience:
            result = study(scenario, policies, objective, wanted.journal, patience.watch)
    except OSError as error:
        raise InputError([not_written(wanted.journal, error)]) from None
    failed = _write(result, wanted, voice.warn)
    if result.runs:
        _tell(result, voice.say)
    if result.interrupted:
        voice.warn(_partial(result))
    return 130 if result.interrupted else int(failed)


def _partial(result: Study) -> str:
    names = ", ".join(run.policy for run in result.runs)
    done = f"the figures are of {names} only" if names else "no policy was finished, there are no figures"
    return f"PARTIAL: interrupted during {result.interrupted}; {done}"


def _tell(result: Study, say: Callable[[str], None]) -> None:
    scenario, grid = result.stage.scenario, result.stage.scenario.grid
    span = f"{grid.start:%Y-%m-%d %H:%M} to {grid.end:%Y-%m-%d %H:%M} UTC"
    say(f"{scenario.name}: {len(scenario.sessions)} sessions, {scenario.evse.n} EVSE, {span}, objective {result.objective}\n")
    if result.interrupted:
        say(f"{_partial(result)}\n")
    say(table_text(result))
    if headline(result):
        say(f"\n{headline(result)}")
    if blind_spot(result):
        say(blind_spot(result))


def _write(result: Study, wanted: Wanted, warn: Callable[[str], None]) -> bool:
    """Write the files that are wanted and say so. Returns whether any could not be written; those that can are."""
    controlled = [run for run in result.runs if run.policy not in ("uncontrolled", "foresight")] or list(result.runs)
    partial = bool(result.interrupted)

    def report(path: Path) -> None:
        write_report(path, result.stage, result.runs, result.scores, lang=wanted.lang, partial=partial)

    failed = write_one("figures", wanted.json, lambda path: path.write_text(study_json(result), encoding="utf-8"), warn)
    if result.runs:
        failed |= write_one("report", wanted.report, report, warn)
        failed |= write_one(
            f"bills of {controlled[-1].policy}", wanted.bills, lambda path: write_bills(path, result.stage, controlled[-1]), warn
        )
    if result.journal_error is not None:
        warn(not_written(wanted.journal, result.journal_error).text())
        return True
    if wanted.journal is not None:
        warn(f"evloom: journal in {wanted.journal}")
    return failed


def replay(scenario: Scenario, journal: Path, voice: Voice) -> int:
    """Replay a journal and say whether every order came out the same. Returns 1 where one did not, or where it is damaged."""
    failed = False
    for result in replay_journal(scenario, journal):
        same = result.same_digest and not result.differing
        failed |= not same or any(finding.severity == "refused" for finding in result.part.findings)
        verdict = "same orders, same digest" if same else f"orders of {result.differing} ticks differ"
        voice.say(f"{result.part.header.policy}: {f'{result.ticks} ticks, {verdict}' if result.ticks else 'no tick'}")
        if result.part.findings:
            voice.warn(findings_text(result.part.findings))
    return int(failed)
