"""Rows with a time each to a regular grid; every gap, double and stray row is said."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evloom.kernel.finding import Finding, Severity
from evloom.kernel.timegrid import Bool, Float, Int, TimeGrid, from_epoch_s
from evloom.simulate.sources.convert import iso
from evloom.simulate.sources.rows import Note, RawTable, refuse_file

NO_TIME = Note("series.unreadable-time", "refused", "time", "a date and time as the format writes it", "mend the cell")
NO_NUMBER = Note("series.unreadable-value", "refused", "value", "a number as the format writes it", "mend the cell; the step has no value")
NO_VALUE = Note("series.missing-value", "warning", "value", "a number", "the step has no value")
OFF_GRID = Note("series.off-grid", "refused", "time", "first time plus whole steps", "give one value for each step")
DOUBLE = Note("series.doubled-time", "repaired", "time", "each time once", "the same value came twice and was taken once")
CONFLICT = Note("series.conflicting-values", "refused", "value", "one value for a time", "the value of the earlier row was taken")
DISORDER = Note("series.disorder", "repaired", "time", "rising times", "the rows were sorted")


@dataclass(frozen=True)
class TimedRows:
    """Rows of one or more files before they are put on a grid.

    source   file of each row (n,); line: its line (n,)
    time_s   start of the step, seconds since the epoch (n,), NaN where unreadable
    value    (n, m): the quantity and, where m > 1, its forecasts; NaN where unknown
    bad      (n,) true where a value was said but cannot be read
    """

    source: tuple[str, ...]
    line: Int
    time_s: Float
    value: Float
    bad: Bool


@dataclass(frozen=True)
class Gridded:
    """Rows on a grid: `value` (grid.n, m), NaN where there was none; what was wrong; how many rows there were."""

    grid: TimeGrid
    value: Float
    findings: tuple[Finding, ...]
    n_row: int


def timed_rows(raw: RawTable, time_s: Float, value: Float, bad: Bool) -> TimedRows:
    """The rows of one file."""
    return TimedRows((raw.source,) * len(raw), raw.line, time_s, value, bad)


def joined(parts: list[TimedRows]) -> TimedRows:
    """The rows of several files, one after the other."""
    return TimedRows(
        tuple(source for part in parts for source in part.source),
        np.concatenate([part.line for part in parts]),
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.bad for part in parts]),
    )


def run_findings(rows: TimedRows, mask: Bool, note: Note, say: Callable[[int], str]) -> list[Finding]:
    """One finding for each run of neighbouring rows where `mask` (n,) is true: a long hole is one finding, not a thousand."""
    index = np.flatnonzero(mask)
    found = []
    for run in np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(index) else []:
        first, last = int(run[0]), int(run[-1])
        more = f" and so on for {len(run)} rows to line {rows.line[last]}" if len(run) > 1 else ""
        place = int(rows.line[first])
        found.append(Finding(note.code, note.severity, rows.source[first], place, note.field, say(first) + more, note.allowed, note.advice))
    return found


def on_grid(rows: TimedRows) -> Gridded:
    """Put rows on the grid that their commonest distance in time makes.

    Raises InputError when fewer than two rows bear a time or none bears a value.
    """
    findings = run_findings(rows, np.isnan(rows.time_s), NO_TIME, lambda i: f"row {rows.line[i]}")
    findings += run_findings(rows, rows.bad, NO_NUMBER, lambda i: f"unreadable at {iso(rows.time_s[i])}")
    absent = np.isnan(rows.value[:, 0]) & ~rows.bad & np.isfinite(rows.time_s)
    findings += run_findings(rows, absent, NO_VALUE, lambda i: f"nothing at {iso(rows.time_s[i])}")
    known = np.flatnonzero(np.isfinite(rows.time_s))
    if len(np.unique(rows.time_s[known])) < 2:
        source = rows.source[0] if rows.source else "series"
        raise refuse_file(source, "series.too-short", f"{len(known)} rows with a time", "at least 2 different times", "check the export")
    if not np.isfinite(rows.value[known, 0]).any():
        raise refuse_file(rows.source[0], "series.no-values", f"{len(known)} rows without a value", "numbers", "choose another column")
    order = known[np.argsort(rows.time_s[known], kind="stable")]
    apart_s = np.diff(rows.time_s[order])
    steps, count = np.unique(np.round(apart_s[apart_s > 0]), return_counts=True)
    step_s = int(steps[np.argmax(count)])
    if step_s < 1:
        raise refuse_file(
            rows.source[0], "series.step", f"{apart_s[apart_s > 0].min():g} s", "steps of whole seconds, 1 s or more", "resample it"
        )
    findings += _disorder(rows, known)
    start_s = float(rows.time_s[order[0]])
    position = (rows.time_s[order] - start_s) / step_s
    stray = np.abs(position - np.round(position)) > 1e-6
    is_stray = np.zeros(len(rows.line), dtype=np.bool_)
    is_stray[order[stray]] = True
    findings += run_findings(rows, is_stray, OFF_GRID, lambda i: f"{iso(rows.time_s[i])}, step {step_s} s")
    order, step = order[~stray], np.round(position[~stray]).astype(np.int64)
    value = np.full((int(step[-1]) + 1, rows.value.shape[1]), np.nan)
    findings += _fill(rows, order, step, value)
    grid = TimeGrid(from_epoch_s(start_s), step_s, len(value))
    findings += _gaps(rows, grid, step)
    return Gridded(grid, value, tuple(findings), len(rows.line))


def _disorder(rows: TimedRows, known: Int) -> list[Finding]:
    """Times that run backwards inside one file. Files may be given in any order."""
    backwards = np.zeros(len(rows.line), dtype=np.bool_)
    same_file = np.array([rows.source[a] == rows.source[b] for a, b in pairwise(known)], dtype=np.bool_)
    backwards[known[1:][(np.diff(rows.time_s[known]) < 0) & same_file]] = True
    return run_findings(rows, backwards, DISORDER, lambda i: iso(rows.time_s[i]))


def _fill(rows: TimedRows, order: Int, position: Int, value: Float) -> list[Finding]:
    """Write each row to its step; the first row of a step stands. Two files may overlap where they say the same."""
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = position[1:] != position[:-1]
    value[position[first]] = rows.value[order[first]]
    stands = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    again, before = order[~first], stands[~first]
    holes = np.isnan(value[position[~first], 0]) & np.isfinite(rows.value[again, 0])
    value[position[~first][holes]] = rows.value[again[holes]]
    same = np.array(
        [np.array_equal(rows.value[a], rows.value[b], equal_nan=True) for a, b in zip(again, before, strict=True)], dtype=np.bool_
    )
    other_file = np.array([rows.source[a] != rows.source[b] for a, b in zip(again, before, strict=True)], dtype=np.bool_)
    double, conflict = np.zeros(len(rows.line), dtype=np.bool_), np.zeros(len(rows.line), dtype=np.bool_)
    double[again[(same | holes) & ~other_file]] = True
    conflict[again[~same & ~holes]] = True
    findings = run_findings(rows, double, DOUBLE, lambda i: iso(rows.time_s[i]))
    return findings + run_findings(rows, conflict, CONFLICT, lambda i: f"{rows.value[i, 0]:g} at {iso(rows.time_s[i])}")


def _gaps(rows: TimedRows, grid: TimeGrid, position: Int) -> list[Finding]:
    """Steps for which no file has a row."""
    edges = np.unique(position)
    severity: Severity = "warning"
    return [
        Finding(
            "series.gap",
            severity,
            rows.source[0],
            None,
            "time",
            f"no rows from {iso(grid.start_s + (int(a) + 1) * grid.step_s)} to {iso(grid.start_s + int(b) * grid.step_s)}",
            f"a row every {grid.step_s} s",
            "the steps have no value",
        )
        for a, b in pairwise(edges)
        if b - a > 1
    ]
