"""What the reader found, in parts that a page shows: where, what, what would be right and what to do, in each language."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from evloom.kernel.finding import Finding
from evloom.plan.battery.report.both import Both, merged
from evloom.plan.battery.report.finding_texts import in_chinese

MOST_KINDS, MOST_OF_KIND = 60, 5
"""Kinds of findings that a page shows, and findings of each; the JSON has all."""
MOST_LETTERS = 400
ORDER = ("refused", "repaired", "warning")


@dataclass(frozen=True)
class Told:
    """A finding in one language, or in all of them. place: file and row; what: column and value."""

    place: str
    what: str
    allowed: str
    advice: str
    is_alike: bool = False


def told_findings(findings: Sequence[Finding], both: Both) -> list[dict[str, Any]]:
    """The findings by kind, refused ones first: the first few of each, and how many more there are ("" none)."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: ORDER.index(one.severity)):
        kinds.setdefault((finding.severity, finding.code), []).append(finding)
    told = []
    for (severity, code), members in list(kinds.items())[:MOST_KINDS]:
        shown = [merged([_told(one, words.lang == "zh") for words in both.all]) for one in members[:MOST_OF_KIND]]
        left = len(members) - len(shown)
        for one, after in pairwise(shown):  # what is said of all of them alike stands below the last
            one["is_alike"] = (one["allowed"], one["advice"]) == (after["allowed"], after["advice"])
        told.append({"severity": severity, "code": code, "shown": shown, "more": both("findings.more", n=left) if left else ""})
    return told


def _told(finding: Finding, chinese: bool) -> Told:
    value, allowed, advice = (in_chinese(each) if chinese else each for each in (finding.value, finding.allowed, finding.advice))
    return Told(
        place=_short(finding.source if finding.row is None else f"{finding.source}:{finding.row}"),
        what=_short(f"{finding.field} = {value}" if finding.field else value),
        allowed=allowed,
        advice=advice,
    )


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"
