"""Writes the page of bare cells that were graded by pulse tests: a picture of every cell with its interval and grade, and a table."""

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import evloom
from evloom.diagnose.card_rules import Rules
from evloom.diagnose.card_told import reason_words
from evloom.diagnose.pulse import CellGrade
from evloom.diagnose.pulse_told import way_words
from evloom.plan.battery.report.both import TAGS, Both
from evloom.plan.battery.report.findings import told_findings
from evloom.plan.battery.report.page import data_json, own_asset, template
from evloom.plan.battery.report.words import LANGS, Words
from evloom.plan.battery.table import name_text
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset
from evloom.store.battery.pulse_read import PulseReading

if TYPE_CHECKING:
    from evloom.plan.battery.pulses import Kind

MOST_ROWS = 2000


def cells_html(grades: Sequence[CellGrade], kinds: Sequence["Kind"], reading: PulseReading, rules: Rules, options: Namespace) -> str:
    """The page as text, in both languages; it begins in that of `options.lang`."""
    both = Both(Words(options.lang))
    ordered = sorted(grades, key=lambda one: -one.soh.p50 if one.soh is not None else np.inf)
    return template("pulses.html").render(
        w=both,
        title=both.one("pulses.title"),
        style=asset("style.css") + own_asset("battery.css"),
        script="\n".join([own_asset("lang.js"), asset("core.js"), own_asset("pulses.js")]),
        data=data_json(_data(ordered, rules)),
        source=both("index.source", path=options.pulses),
        counts=both("pulses.counts", cells=number(len(grades), 0), tests=number(reading.accepted, 0), refused=number(reading.refused, 0)),
        grades=[(name or "–", n) for name, n in sorted(Counter(one.grade.name for one in grades).items(), key=lambda one: one[0] or "~")],
        kinds=[{"name": kind.kind, "place": k, "told": both.of(partial(_kind, kind))} for k, kind in enumerate(kinds)],
        rows=both.of(lambda one: [_row(grade, one) for grade in ordered[:MOST_ROWS]]),
        more=both("pulses.more", n=number(len(grades) - MOST_ROWS, 0)) if len(grades) > MOST_ROWS else "",
        findings=told_findings(reading.findings, both),
        version=evloom.__version__,
    )


def _kind(kind: "Kind", words: Words) -> str:
    said = [words("pulses.kind", cells=kind.cells, measured=kind.measured, graded=kind.by_pulses, refused=kind.refused)]
    said += [words("pulses.error", points=f"{100.0 * kind.error:.2f}")] if np.isfinite(kind.error) else []
    return words("between").join(said)


def _row(grade: CellGrade, words: Words) -> dict[str, Any]:
    soh = grade.soh
    reasons = [reason_words(each, words.lang) for each in grade.grade.reasons]
    return {
        "cell": name_text(grade.cell),
        "kind": grade.kind,
        "grade": grade.grade.name or "–",
        "soh": f"{100.0 * soh.p50:.1f}" if soh is not None else "",
        "span": f"{100.0 * soh.p10:.1f}–{100.0 * soh.p90:.1f}" if soh is not None else "",
        "ohm": f"{1e3 * grade.resistance_ohm:.2f}",
        "way": way_words(grade, words.lang),
        "why": words("semicolon").join(reasons),
    }


def _data(ordered: Sequence[CellGrade], rules: Rules) -> dict[str, Any]:
    """What the script draws: the cells of each kind from best to worst, and where grades end."""
    kinds = list(dict.fromkeys(one.kind for one in ordered))
    drawn: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for one in ordered:
        if one.soh is not None:
            alone = one.by_pulses
            drawn[one.kind].append(
                {
                    "cell": name_text(one.cell),
                    "grade": one.grade.name,
                    "soh": _percent(one.soh.p10, one.soh.p50, one.soh.p90),
                    "alone": _percent(alone.p10, alone.p50, alone.p90) if alone is not None else None,
                }
            )
    clock = {"start": 0, "n": 1, "fold": 1, "step": 1, "offsets": [[0, 0]]}  # of the script that all reports share; no time here
    texts = {TAGS[lang]: Words(lang).script() for lang in LANGS}
    return {**clock, "texts": texts, "kinds": drawn, "ends": [[rule.name, round(100.0 * rule.soh_from, 3)] for rule in rules.grades]}


def _percent(*shares: float) -> list[float]:
    return [round(100.0 * share, 2) for share in shares]
