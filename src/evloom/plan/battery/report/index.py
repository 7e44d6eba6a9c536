"""Writes the index of a report: every pack, worst first, with a link to the page of those that are suspect."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import evloom
from evloom.diagnose.warning import LEVELS
from evloom.plan.battery.output import Row, order_of
from evloom.plan.battery.report.both import Both
from evloom.plan.battery.report.findings import told_findings
from evloom.plan.battery.report.page import day, own_asset, template
from evloom.plan.battery.report.words import Words
from evloom.plan.battery.table import MOST_NAME, capacity_text, is_same, name_text
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset
from evloom.store.battery.account import Account

MOST_ROWS = 2000
COLUMNS = (
    ("vehicle", ""), ("level", ""), ("part", ""), ("cause", ""), ("seen", ""), ("soh", "n"), ("capacity", "n"), ("grade", ""),
    ("days", "n"), ("frames", "n"), ("cells", "n"), ("pack", ""),
)  # fmt: skip
"""Columns of the table with the class of those that hold numbers."""
OPTIONAL = frozenset(("part", "cause", "seen", "soh", "capacity", "grade", "pack"))
"""Columns that are left out where they say nothing of any pack."""


def index_html(rows: Sequence[Row], account: Account, words: Words, source: str, partial: bool) -> str:
    """The page as text, in both languages; it begins in that of `words`."""
    both = Both(words)
    ordered = sorted(rows, key=order_of)
    left = len(ordered) - MOST_ROWS
    kept = {key for key, _ in COLUMNS if key not in OPTIONAL or any(_row(row, words)[key] for row in ordered[:MOST_ROWS])}
    return template("index.html").render(
        w=both,
        title=both.one("index.title"),
        style=asset("style.css") + own_asset("battery.css"),
        script="\n".join([own_asset("lang.js"), own_asset("fleet.js")]),
        source=both("index.source", path=source),
        counts=both(
            "index.counts",
            packs=number(len(rows), 0),
            days=number(sum(row.days for row in rows), 0),
            frames=number(sum(row.frames for row in rows), 0),
        ),
        partial=partial,
        story=both.of(lambda one: _story(rows, one)),
        levels=[(name, n) for name in (*reversed(LEVELS), "closed", "none") if (n := sum(row.level == name for row in rows))],
        search=both.one("index.search"),
        columns=[(key, kind) for key, kind in COLUMNS if key in kept],
        rows=both.of(lambda one: [_row(row, one) for row in ordered[:MOST_ROWS]]),
        lacks=both.of(lambda one: lack_lines(rows, one)),
        more=both("index.more", n=number(left, 0)) if left > 0 else "",
        findings=told_findings(account.findings, both),
        version=evloom.__version__,
    )


def lack_lines(rows: Sequence[Row], words: Words) -> list[str]:
    """What could not be looked at, and of how many packs."""
    counts = Counter(code for row in rows for code in row.lacks)
    return [words(f"lacks.{code}", n=n) for code, n in sorted(counts.items())]


def _story(rows: Sequence[Row], words: Words) -> str:
    levels = Counter(row.level for row in rows)
    found = [words(f"index.{name}", n=levels[name]) for name in (*reversed(LEVELS), "closed") if levels[name]]
    return words("index.found", found=words("comma").join(found)) if found else words("index.none")


def _row(row: Row, words: Words) -> dict[str, Any]:
    """What stands in each column, and by what it is sorted."""
    part = (row.part if row.part != "pack" else words("part.pack")) + (f" +{row.n_open - 1}" if row.n_open > 1 else "")
    soh = row.soh
    return {
        "page": row.page,
        "vehicle": name_text(row.vehicle_id),
        "title": row.vehicle_id if len(row.vehicle_id) > MOST_NAME else "",
        "pack": name_text(row.pack_id) if not is_same(row) else "",
        "level": row.level,
        "part": part,
        "cause": f"{words.cause(row.cause)} {100.0 * row.chance:.0f} %" if row.cause else "",
        "seen": day(row.first_seen_s),
        "soh": f"{100.0 * soh.p50:.1f} ({100.0 * soh.p10:.1f}–{100.0 * soh.p90:.1f})" if soh is not None else "",
        "capacity": capacity_text(row),
        "grade": row.grade,
        "days": number(row.days, 0),
        "frames": number(row.frames, 0),
        "cells": row.n_cell,
    }
