"""Writes the index of a report: every pack, worst first, with a link to the page of those that are suspect."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import evloom
from evloom.diagnose.warning import LEVELS
from evloom.plan.battery.output import Row, order_of
from evloom.plan.battery.report.page import day, own_asset, template
from evloom.plan.battery.report.words import Words
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset
from evloom.store.battery.account import Account

MOST_ROWS = 2000
MOST_FINDINGS = 200
COLUMNS = (
    ("vehicle", ""), ("level", ""), ("part", ""), ("cause", ""), ("seen", ""), ("soh", "n"), ("grade", ""), ("days", "n"),
    ("frames", "n"), ("cells", "n"), ("pack", ""),
)  # fmt: skip
"""Columns of the table with the class of those that hold numbers."""


def index_html(rows: Sequence[Row], account: Account, words: Words, source: str, partial: bool) -> str:
    """The page as text."""
    ordered = sorted(rows, key=order_of)
    left = len(ordered) - MOST_ROWS
    return template("index.html").render(
        w=words,
        style=asset("style.css") + own_asset("battery.css"),
        source=words("index.source", path=source),
        counts=words(
            "index.counts",
            packs=number(len(rows), 0),
            days=number(sum(row.days for row in rows), 0),
            frames=number(sum(row.frames for row in rows), 0),
        ),
        partial=partial,
        story=_story(rows, words),
        columns=COLUMNS,
        rows=[_row(row, words) for row in ordered[:MOST_ROWS]],
        more=words("index.more", n=number(left, 0)) if left > 0 else "",
        findings=account.findings[:MOST_FINDINGS],
        version=evloom.__version__,
    )


def _story(rows: Sequence[Row], words: Words) -> str:
    levels = Counter(row.level for row in rows)
    found = [words("index.level", n=levels[name], level=words(f"level.{name}")) for name in (*reversed(LEVELS), "closed") if levels[name]]
    return words("index.found", found=words("comma").join(found)) if found else words("index.none")


def _row(row: Row, words: Words) -> dict[str, Any]:
    return {
        "page": row.page,
        "vehicle": row.vehicle_id,
        "pack": row.pack_id if row.pack_id != row.vehicle_id else "",
        "level": row.level,
        "part": (row.part if row.part != "pack" else words("part.pack")) + (f" +{row.n_open - 1}" if row.n_open > 1 else ""),
        "cause": f"{words.cause(row.cause)} {100.0 * row.chance:.0f} %" if row.cause else "",
        "seen": day(row.first_seen_s),
        "soh": f"{100.0 * row.soh.p50:.1f} ({100.0 * row.soh.p10:.1f}–{100.0 * row.soh.p90:.1f})" if row.soh is not None else "",
        "grade": row.grade,
        "days": number(row.days, 0),
        "frames": number(row.frames, 0),
        "cells": row.n_cell,
    }
