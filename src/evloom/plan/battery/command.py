"""What `evloom diagnose` does once its arguments are read: look, show progress, print, write files."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import evloom
from evloom.kernel.compiled import has_machine_code
from evloom.kernel.errors import InputError
from evloom.plan.battery.check import DAYS, SEED, check_options
from evloom.plan.battery.demo import write_car
from evloom.plan.battery.jobs import Job, demo_jobs, list_jobs, passed_over
from evloom.plan.battery.output import Row, order_of, words
from evloom.plan.battery.progress import Progress
from evloom.plan.battery.report.words import Words
from evloom.plan.battery.runner import Runner, local
from evloom.plan.battery.spool import Spool
from evloom.plan.battery.table import summary_text, table_text
from evloom.plan.battery.work import Done, Order
from evloom.simulate.patience import Patience
from evloom.simulate.voice import MOST_NAMED, Voice, findings_text, write_one
from evloom.store.battery.account import Account, Note
from evloom.store.battery.rules import load_rules

SMALL_BYTES = 8 << 20
"""A further process is worth its start for about so much of Parquet."""
GIVEN_UP = Note(
    "diagnose.worker-died", "refused", None, "a worker that lives", "three of them died over it: more memory, or split the file"
)
PASSED = Note(
    "file.passed-over",
    "warning",
    None,
    "files ending in .csv, .csv.gz, .zip or .parquet",
    "not read; of a workbook, save its sheet as CSV UTF-8",
)
NOT_WRITTEN = Note("output.not-written", "refused", None, "a disk with room that can be written", "")
BAR = "-"


def diagnose(options: argparse.Namespace, voice: Voice) -> int:
    """Look at what the options name. Returns the exit code: 1 where a part could not be read or written."""
    check_options(options)
    if options.stream:
        from evloom.plan.battery.stream import stream

        return stream(options, voice)
    if options.pulses is not None:
        from evloom.plan.battery.pulses import grade_pulses

        return grade_pulses(options, voice)
    if options.write is not None:
        return _write_demo(options, voice)
    account = Account()
    jobs = list_jobs(options.path, account) if options.demo is None else _demo(options)
    if not jobs:
        raise InputError(account.findings)
    if options.path is not None and (others := passed_over(options.path)):
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        account.whole(PASSED, str(options.path), ", ".join(others[:MOST_NAMED]) + more)
    if not has_machine_code():
        voice.warn("evloom: the kernels are compiled at the first run; this takes a minute once")
    with Spool() as spool:
        study = Study(options, spool, account)
        study.run(jobs)
        return study.tell(voice)


def _demo(options: argparse.Namespace) -> list[Job]:
    seed, days = SEED if options.seed is None else options.seed, DAYS if options.days is None else options.days
    return demo_jobs(options.demo, seed, days)


def _write_demo(options: argparse.Namespace, voice: Voice) -> int:
    options.write.mkdir(parents=True, exist_ok=True)
    for job in _demo(options):
        path = write_car(cast("Any", job.what), options.write)
        voice.say(f"{path}: {path.stat().st_size:,} bytes")
    return 0


class Study:
    """One run over all jobs and what came out of it."""

    def __init__(self, options: argparse.Namespace, spool: Spool, account: Account) -> None:
        self._options, self._spool, self._account = options, spool, account
        self._rows: list[Row] = []
        self._is_partial = False
        self._failed = False

    def run(self, jobs: list[Job]) -> None:
        """Do the jobs; after Ctrl-C those that are done count."""
        options = self._options
        order = Order(load_rules(options.rules), options.json is not None, options.lang if options.report is not None else None)
        with Patience(_nobody, "pack") as patience:
            progress = Progress(sys.stderr, patience, {job.number: job.size for job in jobs})
            try:
                for done in _runner(options, jobs)(jobs, order, progress.frames):
                    self._take(done, progress)
            except KeyboardInterrupt:
                self._is_partial = True
            finally:
                progress.close()

    def _take(self, done: Done | Job, progress: Progress) -> None:
        if isinstance(done, Job):
            self._account.whole(GIVEN_UP, done.name, "three workers died")
            progress.job(done.number, 0, 0)
            return
        self._account.add(done.account)
        for result in done.results:
            row = result.row
            if result.page is not None:
                self._failed |= self._write_page(row.page, result.page)
            if result.json:
                self._keep(row.pack_id, result.json)
            self._rows.append(row)
        progress.job(done.number, len(done.results), sum(result.row.is_suspect for result in done.results))

    def _keep(self, pack_id: str, text: str) -> None:
        """Keep the figures of a pack until they are written. Raises OSError that names the folder, where there is no room in it."""
        try:
            self._spool.put(pack_id, text)
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror}: figures wait there, TMPDIR names another folder", tempfile.gettempdir()
            ) from None

    def _write_page(self, name: str, content: str) -> bool:
        """Write a file of the report; whether that failed."""
        folder = self._options.report
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            self._account.whole(
                replace(NOT_WRITTEN, advice=f"{error.strerror}: the report is not whole"), str(folder / name), "not written"
            )
            return True
        return False

    def _write_index(self, warn: Callable[[str], None]) -> bool:
        if self._options.report is None:
            return False
        from evloom.plan.battery.report.index import index_html

        options = self._options
        source = str(options.path) if options.path is not None else "--demo"
        content = index_html(self._rows, self._account, Words(options.lang), source, self._is_partial)
        if self._write_page("index.html", content):
            return True
        warn(f"evloom: report in {options.report / 'index.html'}")
        return False

    def tell(self, voice: Voice) -> int:
        """Write what is wanted and print the table. Returns the exit code."""
        if not self._rows and not self._is_partial:
            raise InputError(self._account.findings)
        failed = self._failed | self._write_index(voice.warn)
        findings = self._account.findings
        if findings:
            voice.warn(findings_text(findings))
        failed |= any(finding.row is None and finding.severity == "refused" for finding in findings)
        if str(self._options.json) == BAR:
            self._write_json(sys.stdout.buffer)
        else:
            failed |= write_one("figures", self._options.json, self._json_file, voice.warn)
            if self._rows:
                voice.say(f"{table_text(self._rows, self._options.rows)}\n\n{summary_text(self._rows, self._account)}")
        if self._is_partial:
            voice.warn("PARTIAL: interrupted; packs that were not finished are missing")
            return 130
        return int(failed)

    def _json_file(self, path: Path) -> None:
        with path.open("wb") as stream:
            self._write_json(stream)

    def _write_json(self, stream: Any) -> None:
        account = self._account
        head = {
            "evloom": evloom.__version__,
            "path": str(self._options.path) if self._options.path is not None else None,
            "partial": self._is_partial,
            "rows": {"read": account.n_read, "accepted": account.n_accepted, "repaired": account.n_repaired, "refused": account.n_refused},
            "findings": [asdict(finding) for finding in account.findings],
            "limits": words("limits"),
        }
        self._spool.write(stream, head, "vehicles", [row.pack_id for row in sorted(self._rows, key=order_of)])


def _runner(options: argparse.Namespace, jobs: list[Job]) -> Runner:
    worth = 1 + sum(job.size for job in jobs) // SMALL_BYTES
    n_worker = options.workers or min(os.cpu_count() or 1, worth)
    n_worker = max(min(n_worker, len(jobs)), 1)
    if options.runner == "ray":
        from evloom.plan.battery.ray_runner import by_ray

        return by_ray(n_worker)
    return local(n_worker)


def _nobody(_: str, __: int, ___: int) -> None:
    """Nobody watches cycles: there are none."""
