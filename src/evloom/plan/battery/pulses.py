"""`evloom diagnose --pulses`: bare retired cells graded by their pulse tests; table, JSON and a page."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import evloom
from evloom.diagnose.card_rules import Rules
from evloom.diagnose.pulse import CellGrade, graded
from evloom.diagnose.pulse_told import plain_grades, told_grades
from evloom.plan.battery.plain import plain
from evloom.plan.battery.progress import Progress
from evloom.plan.battery.table import MOST_NAME, name_text, padded, width_of
from evloom.simulate.patience import Patience
from evloom.simulate.voice import Voice, findings_text, write_one
from evloom.store.battery.pulse_read import PulseReading, read
from evloom.store.battery.rules import load_rules

BAR = "-"
LIMITS = "A pulse test tells capacity and resistance, not what is wrong inside: a cell with a grade can still have an internal short."
PAGE = "index.html"


@dataclass(frozen=True)
class Kind:
    """Cells of one kind: how many, measured, graded by pulses, not graded; by how much pulses alone miss the measured ones.

    error  mean absolute, in SOH, each physical cell left out of learning; NaN where too few are measured
    """

    kind: str
    cells: int
    measured: int
    by_pulses: int
    refused: int
    error: float


def grade_pulses(options: argparse.Namespace, voice: Voice) -> int:
    """Grade the cells of `options.pulses`. Returns the exit code: 1 where a row or file could not be used or written."""
    rules = load_rules(options.rules)
    reading = read(options.pulses)
    if reading.findings:
        voice.warn(findings_text(reading.findings))
    grades, is_partial = _graded(reading, rules)
    kinds = kinds_of(grades)
    failed = any(finding.severity == "refused" for finding in reading.findings)
    failed |= _page(options, reading, grades, kinds, rules, voice)
    figures = _figures(options.pulses, reading, grades, kinds)
    if str(options.json) == BAR:
        sys.stdout.write(figures)
    else:
        failed |= write_one("figures", options.json, lambda path: path.write_text(figures, encoding="utf-8"), voice.warn)
        voice.say(f"{table_text(grades, options.rows)}\n\n{summary_text(grades, kinds, reading)}")
    if is_partial:
        voice.warn("PARTIAL: interrupted; cells after these are missing")
        return 130
    return int(failed)


def _graded(reading: PulseReading, rules: Rules) -> tuple[list[CellGrade], bool]:
    """The grades, and whether Ctrl-C came before the last one."""
    grades: list[CellGrade] = []
    total = len(set(zip(reading.tests.kind, reading.tests.cell, strict=True)))
    with Patience(lambda *_: None, "cell") as patience:
        progress = Cells(sys.stderr, patience, dict.fromkeys(range(total), 1))
        try:
            for grade in graded(reading.tests, rules):
                grades.append(grade)
                progress.job(len(grades) - 1, 1, 0)
                progress.frames(0)
        except KeyboardInterrupt:
            return grades, len(grades) < total
        finally:
            progress.close()
    return grades, False


class Cells(Progress):
    """How many cells are graded."""

    def text(self) -> str:
        """What is told beside the bar."""
        return f"{self.n_pack:,} cells graded"


def _page(
    options: argparse.Namespace, reading: PulseReading, grades: Sequence[CellGrade], kinds: Sequence[Kind], rules: Rules, voice: Voice
) -> bool:
    if options.report is None:
        return False
    from evloom.plan.battery.report.cells import cells_html

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(cells_html(grades, kinds, reading, rules, options), encoding="utf-8", errors="surrogateescape")

    return write_one("report", options.report / PAGE, write, voice.warn)


def kinds_of(grades: Sequence[CellGrade]) -> list[Kind]:
    """What there is of each kind, in the order in which they first come."""
    found = []
    for name in dict.fromkeys(grade.kind for grade in grades):
        own = [grade for grade in grades if grade.kind == name]
        misses = [abs(one.by_pulses.p50 - one.soh.p50) for one in own if one.by_pulses is not None and one.soh is not None]
        measured, refused = (sum(one.way == "measured" for one in own), sum(one.soh is None for one in own))
        found.append(
            Kind(name, len(own), measured, len(own) - measured - refused, refused, float(np.mean(misses)) if misses else float("nan"))
        )
    return found


def _figures(path: Path, reading: PulseReading, grades: Sequence[CellGrade], kinds: Sequence[Kind]) -> str:
    told = {
        "evloom": evloom.__version__,
        "pulses": str(path),
        "rows": {"read": reading.accepted + reading.refused, "accepted": reading.accepted, "refused": reading.refused},
        "findings": [asdict(finding) for finding in reading.findings],
        "limits": LIMITS,
        "kinds": plain(list(kinds)),
        "cells": plain_grades(grades),
    }
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def table_text(grades: Sequence[CellGrade], most: int) -> str:
    """The first cells of the file as a table, and how many of what grade are left."""
    table = [[name_text(text) if k < len(row) - 1 else text for k, text in enumerate(row)] for row in told_grades(grades[:most])]
    if len({grade.kind for grade in grades}) == 1:
        table = [[text for k, text in enumerate(row) if k != 1] for row in table]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(padded(text, width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
    if rest := grades[most:]:
        lines.append(f"and {len(rest):,} more (--rows, --json): {_counted(rest)}")
    return "\n".join(lines)


def _counted(grades: Sequence[CellGrade]) -> str:
    counts = Counter(grade.grade.name for grade in grades)
    named = [f"{counts[name]:,} {name}" for name in sorted(counts) if name]
    return ", ".join(named + ([f"{counts['']:,} not graded"] if counts[""] else []))


def summary_text(grades: Sequence[CellGrade], kinds: Sequence[Kind], reading: PulseReading) -> str:
    """How many of what grade, and for each kind how well pulses tell it."""
    n = len(grades)
    lines = [f"{n:,} cell{'s' if n != 1 else ''}, {reading.accepted:,} tests ({reading.refused:,} refused): {_counted(grades)}."]
    for kind in kinds:
        told = f"{kind.kind[:MOST_NAME]}: {kind.measured:,} measured, {kind.by_pulses:,} by pulses, {kind.refused:,} not graded"
        if np.isfinite(kind.error):
            told += f"; each left out in turn, pulses alone miss the measured SOH by {100.0 * kind.error:.2f} points on average"
        lines.append(f"{told}.")
    return "\n".join([*lines, LIMITS])


__all__ = ["Kind", "grade_pulses", "kinds_of", "summary_text", "table_text"]
