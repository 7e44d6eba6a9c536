"""`evloom diagnose --stream`: frames as they come, a line for every change of a warning."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import polars as pl

from evloom.diagnose.warning import WarningChange
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.battery.check import STANDARD
from evloom.plan.battery.examine import Examiner
from evloom.plan.battery.incoming import Bytes, Growing, Pipe, Tables
from evloom.plan.battery.output import change_json, change_text, row_of
from evloom.plan.battery.table import summary_text
from evloom.simulate.paths import not_written
from evloom.simulate.patience import Patience
from evloom.simulate.voice import Voice, findings_text
from evloom.store.battery.account import Account
from evloom.store.battery.segment import Segmenter

LATEST_S = 1.0
"""Frames are looked at this long after they came, at the latest; together they cost less than one by one."""
ROWS_EACH, ROWS_LEAST = 64, 4096
"""Frames of a pack, and of all, that are not waited for any longer."""


class Ward:
    """All packs of a stream: tables in, changes of warnings out."""

    def __init__(self, name: str, account: Account) -> None:
        self._name, self._account = name, account
        self._segmenters: dict[str, Segmenter] = {}
        self.examiners: dict[str, Examiner] = {}

    def feed(self, table: pl.DataFrame) -> Iterator[WarningChange]:
        """Take in rows of any packs, in their order."""
        parts = [table] if table["pack_id"].n_unique() == 1 else table.partition_by("pack_id", maintain_order=True)
        for part in parts:
            pack_id = part["pack_id"][0]
            segmenter = self._segmenters.setdefault(pack_id, Segmenter(pack_id, self._name, self._account))
            yield from self._examine(segmenter, part)

    def finish(self) -> Iterator[WarningChange]:
        """No more frames come: look at what was kept back, and at the day that is not over yet."""
        for segmenter in self._segmenters.values():
            yield from self._examine(segmenter, pl.DataFrame(), last=True)
        for examiner in self.examiners.values():
            yield from examiner.end()

    def _examine(self, segmenter: Segmenter, table: pl.DataFrame, last: bool = False) -> Iterator[WarningChange]:
        for frames in segmenter.feed(table, last):
            self._account.n_accepted += frames.n
            examiner = self.examiners.get(frames.pack.pack_id)
            if examiner is None:
                examiner = self.examiners[frames.pack.pack_id] = Examiner(frames.pack)
            yield from examiner.take(frames)


class Stream:
    """Reads tables, holds rows back for a moment, and hands changes to `tell`."""

    def __init__(self, name: str, tables: Tables, account: Account, tell: Callable[[WarningChange], None]) -> None:
        self.name = name
        self.ward = Ward(name, account)
        self._tables, self._tell = tables, tell
        self._held: list[pl.DataFrame] = []
        self._n_held, self._flushed_s = 0, time.monotonic()

    def run(self, source: Bytes, is_over: Callable[[], bool], pause: Callable[[], None]) -> None:
        """Until the source ends or `is_over`; `pause` is called after every look."""
        while not is_over():
            content = source.read()
            if content is None:
                break
            self._keep(content)
            full = self._n_held >= max(ROWS_LEAST, ROWS_EACH * len(self.ward.examiners))
            if full or time.monotonic() - self._flushed_s > LATEST_S:
                self._flush()
                pause()
        self._keep(b"", last=True)
        self._flush()
        for change in self.ward.finish():
            self._tell(change)
        pause()

    def _keep(self, content: bytes, last: bool = False) -> None:
        if content or last:
            for table in self._tables.feed(content, last):
                self._held.append(table)
                self._n_held += len(table)

    def _flush(self) -> None:
        if self._held:
            whole = pl.concat(self._held, how="diagonal_relaxed") if len(self._held) > 1 else self._held[0]
            self._held, self._n_held = [], 0
            for change in self.ward.feed(whole):
                self._tell(change)
        self._flushed_s = time.monotonic()


def stream(options: argparse.Namespace, voice: Voice) -> int:
    """Follow what the options name. Returns the exit code; raises InputError where not one frame came."""
    is_standard = str(options.path) == STANDARD
    name, stem = ("standard input", "stream") if is_standard else (options.path.name, options.path.name.split(".")[0])
    account = Account()
    with ExitStack() as stack:
        is_bare = options.json is not None and str(options.json) == STANDARD
        file = None if options.json is None or is_bare else stack.enter_context(LinesFile(options.json, voice.warn))

        def tell(change: WarningChange) -> None:
            if file is not None:
                file.put(change_json(change))
            voice.say(change_json(change) if is_bare else change_text(change))

        source: Bytes = Pipe(sys.stdin.fileno()) if is_standard else Growing(options.path, account)
        live = Stream(name, Tables(name, stem, options.format, account), account, tell)
        code = _follow(live, source, voice, (account, is_bare))
        return code or int(file is not None and file.is_broken)


class LinesFile:
    """A file of lines, each on disk when `put` returns; after a first failure, which is told, nothing more is written."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn, self._file, self.is_broken = path, warn, path.open("wb", buffering=0), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, line: str) -> None:
        """Write a line."""
        rest = f"{line}\n".encode("utf-8", "surrogateescape")
        while rest and not self.is_broken:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.is_broken = True
                self._warn(not_written(self._path, error).text())


def _follow(live: Stream, source: Bytes, voice: Voice, account_and_bare: tuple[Account, bool]) -> int:
    account, is_bare = account_and_bare
    told = 0

    def pause() -> None:
        nonlocal told
        fresh = account.listed[told:]
        told += len(fresh)
        if fresh:
            voice.warn(findings_text(fresh))
        sys.stdout.flush()

    with Patience(_nobody, "look") as patience:
        live.run(source, lambda: patience.is_asked, pause)
        stopped = patience.is_asked
    rows = [row_of(examiner.examined()) for examiner in live.ward.examiners.values()]
    if not rows and not stopped:
        nothing = Finding("stream.no-frames", "refused", live.name, None, None, "not one frame", "frames", "see what was said above")
        raise InputError([nothing])
    (voice.warn if is_bare else voice.say)("evloom: " + summary_text(rows, account).replace("\n", "\nevloom: "))
    return 130 if stopped else 0


def _nobody(_: str, __: int, ___: int) -> None:
    """Nobody watches cycles: there are none."""
