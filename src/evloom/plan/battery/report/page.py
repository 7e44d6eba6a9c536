"""Writes the page of a suspect pack and the index: HTML files that hold their style, scripts and figures, and ask nothing of a network."""

import re
import zlib
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import jinja2
from jinja2.utils import htmlsafe_json_dumps

import evloom
from evloom.diagnose import health_text
from evloom.diagnose.advice import text
from evloom.diagnose.card import Card
from evloom.diagnose.card_told import told
from evloom.diagnose.warning import Warning  # noqa: A004
from evloom.plan.battery.examine import Examined
from evloom.plan.battery.output import Row, part_name, row_of
from evloom.plan.battery.report.shape import MOST_WARNINGS, page_data
from evloom.plan.battery.report.words import Words
from evloom.plan.battery.trace import Drawn
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset

SCRIPTS = ("lines.js", "cells.js")
"""In the order in which the page runs them, after the script that all reports share."""
LEAST_SHARE = 0.01


def page_name(vehicle_id: str, pack_id: str) -> str:
    """The file of a pack's page: its names as far as every file system likes them, and a number that makes it the only one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", vehicle_id).strip("._")[:60] or "pack"
    return f"{plain}-{zlib.crc32(f'{vehicle_id}/{pack_id}'.encode('utf-8', 'surrogateescape')):08x}.html"


def page_html(examined: Examined, card: Card, drawn: Drawn, words: Words) -> str:
    """The page of a suspect pack."""
    pack = examined.pack
    return template("page.html").render(
        w=words,
        style=asset("style.css") + own_asset("battery.css"),
        script="\n".join([asset("core.js"), *map(own_asset, SCRIPTS)]),
        data=htmlsafe_json_dumps(page_data(examined, drawn, words), separators=(",", ":"), ensure_ascii=False, allow_nan=False),
        has_map=bool(pack.n_cell),
        bin=bin_words(drawn.bins.width_s, words),
        version=evloom.__version__,
        **_headline(examined, card, words),
        **_parts(examined, card, words),
    )


def _headline(examined: Examined, card: Card, words: Words) -> dict[str, Any]:
    pack, row = examined.pack, row_of(examined, card)
    rated = words("rated", ah=f"{pack.capacity_ah:g}") if pack.capacity_ah > 0.0 else ""
    before = words("comma").join(examined.vehicles[:-1])
    first = examined.warnings[0]
    story = (
        [words("story", part=_part(first, words), cause=words.cause(row.cause), share=number(100.0 * row.chance, 0))] if row.cause else []
    )
    story += [words("story.more", n=row.n_open - 1)] if row.n_open > 1 else []
    return {
        "name": pack.vehicle_id,
        "level": row.level,
        "site": [
            *([words("pack-of", pack=pack.pack_id)] if pack.pack_id != pack.vehicle_id else []),
            *([words("moved", vehicles=before)] if before else []),
            words("size", chemistry=pack.chemistry or words("chemistry.unknown"), cells=pack.n_cell, probes=pack.n_probe, rated=rated),
            words("span", start=day(row.first_s), end=day(row.last_s), days=row.days) if row.days else words("span.none"),
        ],
        "story": story,
        "cards": _cards(row, first, words),
    }


def _cards(row: Row, first: Warning, words: Words) -> list[dict[str, str]]:
    unknown = words("card.unknown")
    soh = row.soh
    low, high = (f"{100.0 * each:.1f}" for each in ((soh.p10, soh.p90) if soh is not None else (0.0, 0.0)))
    return [
        {"label": words("card.level"), "figure": words(f"level.{row.level}"), "note": words(f"means.{row.level}")},
        {"label": words("card.part"), "figure": _part(first, words), "note": words.cause(row.cause)},
        {"label": words("card.seen"), "figure": day(row.first_seen_s), "note": words("card.opened", day=day(first.opened_s))},
        {
            "label": words("card.soh"),
            "figure": f"{100.0 * soh.p50:.1f} %" if soh is not None else unknown,
            "note": words("card.soh-note", low=low, high=high) if soh is not None else "",
        },
        {"label": words("card.grade"), "figure": row.grade or unknown, "note": ""},
    ]


def _parts(examined: Examined, card: Card, words: Words) -> dict[str, Any]:
    shown = examined.warnings[:MOST_WARNINGS]
    left = len(examined.warnings) - len(shown)
    tally = examined.tally
    flags = (("flag.frames", tally.flagged), ("flag.cells", tally.cell_flagged), ("flag.probes", tally.probe_flagged))
    return {
        "warnings": [_warning(each, words) for each in shown],
        "warnings_rest": words("warnings.rest", n=left) if left else "",
        "health_missing": [health_text.text(key, words.lang) for key in examined.health.missing],
        "has_trend": len(examined.health.trend) > 0,
        "card": told(card, words.lang),
        "flags": [(words(key), [f"{n:,} {words.flag(name)}" for name, n in counts.items()]) for key, counts in flags if counts],
        "lacks": [
            words(f"lack.{one.code}", value=one.value, days=tally.days) if words.has(f"lack.{one.code}") else one.text()
            for one in examined.findings
        ],
    }


def _warning(warning: Warning, words: Words) -> dict[str, Any]:
    closed = warning.closed_s is not None
    when = [words("when", first=day(warning.first_seen_s), opened=day(warning.opened_s), last=day(warning.last_seen_s))]
    when += [words("when.closed", closed=day(warning.closed_s or 0.0))] if closed else []
    when += [words("leak", ma=number(1e3 * warning.leak_a, 0))] if warning.leak_a > 5e-4 else []
    return {
        "level": "closed" if closed else warning.level,
        "part": _part(warning, words),
        "when": words("comma").join(when),
        "causes": [(words.cause(name), 100.0 * share) for name, share in warning.causes if share >= LEAST_SHARE],
        "expected": text(warning.expected, words.lang) if warning.expected else "",
        **{name: [text(key, words.lang) for key in getattr(warning, name)] for name in ("advice", "measure_next", "missing")},
    }


def _part(warning: Warning, words: Words) -> str:
    kind = "cell" if warning.cell is not None else "probe" if warning.probe is not None else "pack"
    return words(f"part.{kind}", name=part_name(warning)) if kind != "pack" else words("part.pack")


def bin_words(width_s: int, words: Words) -> str:
    """The length of a bin."""
    if width_s < 3600:
        return words("bin.minutes", n=width_s // 60)
    if width_s < 86400:
        return words("bin.hour") if width_s == 3600 else words("bin.hours", n=f"{width_s / 3600.0:g}")
    return words("bin.day") if width_s == 86400 else words("bin.days", n=f"{width_s / 86400.0:g}")


def day(at_s: float) -> str:
    """The day of an instant (UTC), "" where there is none."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return ""


def template(name: str) -> jinja2.Template:
    """A template of the report."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(own_asset(name))


def own_asset(name: str) -> str:
    """The text of a script, style sheet or template of this report."""
    return resources.files("evloom.plan.battery.report").joinpath("assets", name).read_text(encoding="utf-8")
