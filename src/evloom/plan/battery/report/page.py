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
from evloom.diagnose.card_told import is_of_middle, label, reason_words, told
from evloom.diagnose.warning import LEVELS, Warning  # noqa: A004
from evloom.plan.battery.examine import Examined
from evloom.plan.battery.output import Row, part_name, row_of
from evloom.plan.battery.report.both import TAGS, Both
from evloom.plan.battery.report.finding_texts import in_chinese
from evloom.plan.battery.report.shape import MOST_WARNINGS, page_data
from evloom.plan.battery.report.words import LANGS, Words
from evloom.plan.battery.table import name_text
from evloom.plan.battery.trace import Drawn
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset

SCRIPTS = ("lines.js", "cells.js")
"""In the order in which the page runs them, after the script that all reports share."""
LIMITS = "limits"
"""Key of the advice that stands once under all warnings."""
LEAST_SHARE = 0.01
LEAST_LEAK_A = 2e-3
"""A smaller one is what any cell may lose more than its pack, and is not told of a cell."""


def page_name(vehicle_id: str, pack_id: str) -> str:
    """The file of a pack's page: its names as far as every file system likes them, and a number that makes it the only one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", vehicle_id).strip("._")[:60] or "pack"
    return f"{plain}-{zlib.crc32(f'{vehicle_id}/{pack_id}'.encode('utf-8', 'surrogateescape')):08x}.html"


def page_html(examined: Examined, card: Card, drawn: Drawn, words: Words) -> str:
    """The page of a suspect pack, in both languages; it begins in that of `words`."""
    pack, both = examined.pack, Both(words)
    return template("page.html").render(
        w=both,
        title=both.one("title", name=name_text(pack.vehicle_id)),
        style=asset("style.css") + own_asset("battery.css"),
        script="\n".join([own_asset("lang.js"), asset("core.js"), *map(own_asset, SCRIPTS)]),
        data=data_json({"texts": {TAGS[lang]: Words(lang).script() for lang in LANGS}} | page_data(examined, drawn)),
        has_map=drawn.pack.n_cell > 1,
        map_note=both.of(lambda one: one("map.note", bin=one(**bin_key(drawn.bins.width_s)))),
        version=evloom.__version__,
        **both.of(lambda one: _headline(examined, card, one) | _parts(examined, card, one)),
    )


def data_json(data: dict[str, Any]) -> str:
    """What a page hands to its scripts, safe inside HTML."""
    return htmlsafe_json_dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _headline(examined: Examined, card: Card, words: Words) -> dict[str, Any]:
    pack, row = examined.pack, row_of(examined, card)
    rated = words("rated", ah=f"{pack.capacity_ah:g}") if pack.capacity_ah > 0.0 else ""
    before = words("comma").join(examined.vehicles[:-1])
    first = examined.warnings[0]
    key = "story.unknown" if row.cause == "unknown" else "story"
    story = [words(key, part=_part(first, words), cause=words.cause(row.cause), share=number(100.0 * row.chance, 0))] if row.cause else []
    story += [words("story.more" if row.n_open > 2 else "story.one-more", n=row.n_open - 1)] if row.n_open > 1 else []
    return {
        "name": name_text(pack.vehicle_id),
        "level": row.level,
        "site": " · ".join(
            [
                *([words("pack-of", pack=name_text(pack.pack_id))] if pack.pack_id != pack.vehicle_id else []),
                *([words("moved", vehicles=before)] if before else []),
                words("size", chemistry=pack.chemistry or words("chemistry.unknown"), cells=pack.n_cell, probes=pack.n_probe, rated=rated),
                words("span", start=day(row.first_s), end=day(row.last_s), days=row.days) if row.days else words("span.none"),
            ]
        ),
        "story": words("between").join(story),
        "cards": _cards(examined, card, row, words),
    }


def _cards(examined: Examined, card: Card, row: Row, words: Words) -> list[dict[str, str]]:
    unknown = words("card.unknown")
    soh, first, missing = row.soh, examined.warnings[0], examined.health.missing
    low, high = (f"{100.0 * each:.1f}" for each in ((soh.p10, soh.p90) if soh is not None else (0.0, 0.0)))
    why = health_text.text(missing[0], words.lang) if missing else ""
    middle = words("semicolon") + label("middle", words.lang) if is_of_middle(card) else ""
    reasons = [reason_words(each, words.lang) for each in card.grade.reasons]
    cause = words("cause.unknown") if row.cause == "unknown" else words.cause(row.cause)
    return [
        {"label": words("card.level"), "figure": words(f"level.{row.level}"), "note": words(f"means.{row.level}")},
        {"label": words("card.part"), "figure": _part(first, words), "note": f"{cause} {100.0 * row.chance:.0f} %" if row.cause else ""},
        {"label": words("card.seen"), "figure": day(row.first_seen_s), "note": words("card.opened", day=day(first.opened_s))},
        {
            "label": words("card.soh"),
            "figure": f"{100.0 * soh.p50:.1f} %" if soh is not None else unknown,
            "note": words("card.soh-note", low=low, high=high) + middle if soh is not None else why,
        },
        {
            "label": words("card.grade"),
            "figure": row.grade or unknown,
            "note": reasons[0] if reasons and row.grade else "" if row.grade else words("card.no-grade"),
        },
    ]


def _parts(examined: Examined, card: Card, words: Words) -> dict[str, Any]:
    shown = examined.warnings[:MOST_WARNINGS]
    left = len(examined.warnings) - len(shown)
    tally, missing = examined.tally, examined.health.missing
    flags = (("flag.frames", tally.flagged), ("flag.cells", tally.cell_flagged), ("flag.probes", tally.probe_flagged))
    return {
        "warnings": [_warning(each, words) for each in shown],
        "warnings_rest": words("warnings.rest", n=left) if left else "",
        "health_missing": [health_text.text(key, words.lang) for key in missing],
        "has_trend": len(examined.health.trend) > 0,
        "card": told(card, words.lang),
        "flags": [
            (words(key), words("comma").join(f"{n:,} {words.flag(name)}" for name, n in counts.items())) for key, counts in flags if counts
        ],
        "lacks": [
            words(f"lack.{one.code}", value=in_chinese(one.value) if words.lang == "zh" else one.value, days=tally.days)
            if words.has(f"lack.{one.code}")
            else one.text()
            for one in examined.findings
        ],
    }


def _warning(warning: Warning, words: Words) -> dict[str, Any]:
    closed = warning.closed_s is not None
    when = [words("when", first=day(warning.first_seen_s), opened=day(warning.opened_s), last=day(warning.last_seen_s))]
    when += [words("when.closed", closed=day(warning.closed_s or 0.0))] if closed else []
    when += [words("leak", ma=number(1e3 * warning.leak_a, 0))] if warning.leak_a >= LEAST_LEAK_A else []
    return {
        "level": "closed" if closed else warning.level,
        "part": _part(warning, words),
        "when": words("comma").join(when),
        "causes": [(words.cause(name), 100.0 * share) for name, share in warning.causes if share >= LEAST_SHARE],
        "expected": text(warning.expected, words.lang) if warning.expected else "",
        "is_urgent": not closed and warning.level == LEVELS[-1],
        "advice": [text(key, words.lang) for key in warning.advice if key != LIMITS],
        **{name: [text(key, words.lang) for key in getattr(warning, name)] for name in ("measure_next", "missing")},
    }


def _part(warning: Warning, words: Words) -> str:
    kind = "cell" if warning.cell is not None else "probe" if warning.probe is not None else "pack"
    return words(f"part.{kind}", name=part_name(warning)) if kind != "pack" else words("part.pack")


def bin_key(width_s: int) -> dict[str, Any]:
    """The length of a bin: a key of the words and its number."""
    if width_s < 3600:
        return {"key": "bin.minutes", "n": width_s // 60}
    if width_s < 86400:
        return {"key": "bin.hour" if width_s == 3600 else "bin.hours", "n": f"{width_s / 3600.0:g}"}
    return {"key": "bin.day" if width_s == 86400 else "bin.days", "n": f"{width_s / 86400.0:g}"}


def day(at_s: float) -> str:
    """The day of an instant (UTC), "" where there is none."""
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return ""


def template(name: str) -> jinja2.Template:
    """A template of the report."""
    loader = jinja2.FunctionLoader(own_asset)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(name)


def own_asset(name: str) -> str:
    """The text of a script, style sheet or template of this report."""
    return resources.files("evloom.plan.battery.report").joinpath("assets", name).read_text(encoding="utf-8")
