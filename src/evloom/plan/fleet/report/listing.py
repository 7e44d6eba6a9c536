"""The tables of the report as text: who is short and what holds them back, and the findings."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.dispatch.solved import Solved
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float
from evloom.plan.fleet.report.figures import short_number, whole_percent
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.short import STAY, UNSEEN, held_back, phase_of
from evloom.plan.fleet.report.study import Study
from evloom.plan.fleet.report.words import Words
from evloom.simulate.report.figures import number

WORST = 50
NODES = 12
SPANS = 3  # stretches of time named in one cell of a table
FINDINGS = 10  # of one code


@dataclass(frozen=True)
class Listing:
    """Rows of a table as text, and what was left out; `rest` is empty where nothing was."""

    rows: list[list[str]]
    rest: str


def worst(problem: Problem, solved: Solved, study: Study, labels: Labels, words: Words) -> Listing:
    """The vehicles that lack most: vehicle, node, priority, need, short, served, held back by, when."""
    stay, node = study.short.stay[:WORST], study.short.node[:WORST]
    lacking_kwh = solved.schedule.short_kwh
    held = held_back(problem, solved.schedule, stay)
    rows = []
    for place, (row, cause) in enumerate(zip(stay.tolist(), node.tolist(), strict=True)):
        full = study.binding.of(np.array([cause]), phase_of(problem, stay[place : place + 1]))[0] if cause >= 0 else held[place]
        need_kwh, short_kwh = float(problem.stays.need_kwh[row]), float(lacking_kwh[row])
        cells = [labels.vehicle_id(row), labels.node_ids[int(problem.stays.node[row])], f"{problem.stays.priority[row]:g}"]
        cells += [number(need_kwh, 2), number(short_kwh, 2), whole_percent(1.0 - short_kwh / need_kwh) if need_kwh else "–"]
        rows.append([*map(str, cells), cause_text(cause, labels, words), spans(problem, labels, full & held[place])])
    more = len(study.short.stay) - len(stay)
    kwh = short_number(float(lacking_kwh[study.short.stay[WORST:]].sum()))
    return Listing(rows, words("short.more", n=number(more, 0), kwh=kwh) if more else "")


def causes(solved: Solved, study: Study, labels: Labels, words: Words) -> Listing:
    """What holds vehicles back, by energy: the cause, how many vehicles, how much they lack."""
    kinds, place = np.unique(study.short.node, return_inverse=True)
    short_kwh: Float = solved.schedule.short_kwh[study.short.stay]
    total_kwh = np.bincount(place, weights=short_kwh, minlength=len(kinds))
    count = np.bincount(place, minlength=len(kinds))
    order = np.argsort(-total_kwh, kind="stable")
    rows = [
        [cause_text(int(kinds[k]), labels, words), number(int(count[k]), 0), short_number(float(total_kwh[k]))]
        for k in order[:NODES].tolist()
    ]
    more = len(kinds) - len(rows)
    return Listing(rows, words("short.where-more", n=number(more, 0)) if more else "")


def cause_text(cause: int, labels: Labels, words: Words) -> str:
    """A cause as `short.Short.node` names it."""
    if cause in (STAY, UNSEEN):
        return words("short.stay" if cause == STAY else "short.unseen")
    return str(labels.node_ids[cause])


def spans(problem: Problem, labels: Labels, steps: Bool) -> str:
    """The stretches of time of some steps (n_step,) in local time, the longest first SPANS of them; days are named in long horizons."""
    edge = np.flatnonzero(np.diff(np.concatenate(([False], steps, [False])).astype(np.int64)))
    pairs = list(zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True))
    after_h = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    kept = sorted(sorted(pairs, key=lambda pair: after_h[pair[0]] - after_h[pair[1]])[:SPANS])
    form = "%m-%d %H:%M" if after_h[-1] > 24.0 else "%H:%M"

    def told(step: int) -> str:
        return (labels.start + timedelta(hours=float(after_h[step]))).astimezone(labels.zone).strftime(form)

    return ", ".join(f"{told(a)}–{told(b)}" for a, b in kept) + (" …" if len(pairs) > SPANS else "")


def findings(found: tuple[Finding, ...], words: Words) -> list[tuple[str, str, str]]:
    """(kind, its name, text) of each finding; of one code at most FINDINGS, and how many more there are."""
    seen: Counter[str] = Counter()
    told: list[tuple[str, str, str]] = []
    for finding in found:
        seen[finding.code] += 1
        if seen[finding.code] <= FINDINGS:
            told.append((finding.severity, words.severity(finding.severity), finding.text()))
    for code, count in seen.items():
        if count > FINDINGS:
            told.append(("note", words.severity("note"), words("findings.more", n=number(count - FINDINGS, 0), code=code)))
    return told
