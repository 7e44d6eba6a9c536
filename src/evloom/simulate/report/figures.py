"""The headline, the cards and the table of all policies side by side, from the scores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evloom.network.tree import LimitTree
from evloom.simulate.report.words import Words
from evloom.simulate.scores import Score

BASE = "uncontrolled"
BOUND = "foresight"
EVEN = 5e-4  # two figures closer than this share of the larger are called equal


@dataclass(frozen=True)
class Figure:
    """A row of the table: field of Score, group, unit, digits, which end is good, and how to scale it for display."""

    name: str
    group: str
    unit: str
    digits: int
    best: Literal["low", "high", "none"] = "low"
    scale: float = 1.0


FIGURES = (
    Figure("peak_site_kw", "power", "kW", 1),
    Figure("peak_ev_kw", "power", "kW", 1),
    Figure("loading", "power", "%", 0, scale=100.0),
    Figure("overload_h", "power", "h", 1),
    Figure("violation_kw", "power", "kW", 1),
    Figure("energy_kwh", "service", "kWh", 0, "none"),
    Figure("short_kwh", "service", "kWh", 1),
    Figure("sessions_short", "service", "", 0),
    Figure("wait_mean_h", "service", "h", 2),
    Figure("wait_p95_h", "service", "h", 2),
    Figure("cost", "money", "currency", 2),
    Figure("energy_cost", "money", "currency", 2),
    Figure("demand_cost", "money", "currency", 2),
    Figure("discharge_kwh", "money", "kWh", 1, "none"),
    Figure("revenue", "money", "currency", 2, "high"),
    Figure("wear_cost", "money", "currency", 2, "none"),
    Figure("carbon_kg", "carbon", "kg CO₂", 0),
    Figure("cpu_s", "work", "s", 2, "none"),
)
"""The rows of the table in order."""

OPTIONAL = frozenset({"loading", "demand_cost", "revenue", "wear_cost", "discharge_kwh"})
"""Rows left out where no policy has anything but zero."""


@dataclass(frozen=True)
class Cell:
    """One figure as text, and whether it is the best of its row."""

    text: str
    best: bool


@dataclass(frozen=True)
class Row:
    """One row of the table; `head` is the name of its group where a new one begins."""

    head: str
    label: str
    hint: str
    unit: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Card:
    """A figure of the headline: what, from (without control), to, and the change in words."""

    label: str
    unit: str
    before: str
    after: str
    change: str


def number(value: float, digits: int) -> str:
    """A number with thousands separated, a real minus sign, and none before a zero."""
    text = f"{value:,.{digits}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text.replace("-", "−")


def compared(scores: Sequence[Score]) -> tuple[Score | None, Score | None]:
    """(without control, the policy that is compared with it): optimal, else the last that can be used; None where missing."""
    base = next((s for s in scores if s.policy == BASE), None)
    usable = [s for s in scores if s.policy not in (BASE, BOUND)]
    chosen = next((s for s in usable if s.policy == "optimal"), usable[-1] if usable else None)
    return base, chosen or next((s for s in scores if s.policy == BOUND), None)


def table(scores: Sequence[Score], words: Words) -> list[Row]:
    """All figures of all policies, the best of each row marked."""
    rows: list[Row] = []
    group = ""
    for figure in FIGURES:
        values = [getattr(score, figure.name) for score in scores]
        if all(value is None for value in values) or (figure.name in OPTIONAL and not any(values)):
            continue
        head = words(f"group.{figure.group}") if figure.group != group else ""
        group = figure.group
        unit = (scores[0].currency if scores else "") if figure.unit == "currency" else figure.unit
        best = _best(figure, scores)
        cells = tuple(
            Cell("–" if value is None else number(value * figure.scale, figure.digits), mark)
            for value, mark in zip(values, best, strict=True)
        )
        rows.append(Row(head, words(f"fig.{figure.name}"), words(f"hint.{figure.name}"), unit, cells))
    return rows


def _best(figure: Figure, scores: Sequence[Score]) -> list[bool]:
    """Which scores are the best of a row; none where all are equal."""
    values = np.array([getattr(score, figure.name) if getattr(score, figure.name) is not None else np.nan for score in scores], float)
    fair = np.array([score.violation_kw == 0.0 and score.policy != BOUND for score in scores])
    if not fair.any():
        fair[:] = True
    shown = np.round(values * figure.scale, figure.digits)
    if figure.best == "none" or len(np.unique(shown[fair])) < 2 or not np.isfinite(shown[fair]).all():
        return [False] * len(scores)
    target = shown[fair].min() if figure.best == "low" else shown[fair].max()
    return [bool(mark) for mark in fair & (shown == target)]


def cards(scores: Sequence[Score], words: Words) -> list[Card]:
    """The figures that matter most, without control and under the policy it is compared with."""
    base, chosen = compared(scores)
    if chosen is None and base is None:
        return []
    after = chosen or base
    wanted = [("peak", "peak_site_kw", "kW", 1.0), ("loading", "loading", "%", 100.0), ("over", "overload_h", "h", 1.0)]
    wanted += [("cost", "cost", "currency", 1.0), ("carbon", "carbon_kg", "kg CO₂", 1.0), ("short", "short_kwh", "kWh", 1.0)]
    out = []
    for key, name, unit, scale in wanted:
        new, old = getattr(after, name), getattr(base, name) if base is not None and chosen is not None else None
        if new is None or (key == "loading" and not new):
            continue
        digits = 1 if max(abs(new), abs(old or 0.0)) * scale < 100 and key != "loading" else 0
        shown = after.currency if unit == "currency" and after else unit
        before = "" if old is None else number(old * scale, digits)
        change = _of_wanted(after, words) if key == "short" else _change(old, new, words)
        out.append(Card(words(f"card.{key}"), shown, before, number(new * scale, digits), change))
    return out


def _of_wanted(score: Score | None, words: Words) -> str:
    """What is short as a share of what was wanted."""
    wanted_kwh = score.energy_kwh + score.short_kwh if score else 0.0
    return words("card.share", share=number(100.0 * score.short_kwh / wanted_kwh, 1)) if score and wanted_kwh > 0.0 else ""


def _change(old: float | None, new: float, words: Words) -> str:
    if old is None:
        return ""
    if _even(old, new):
        return words("card.same")
    return f"{100.0 * (new - old) / old:+.0f} %".replace("-", "−") if old > 0.0 else ""


def _even(old: float, new: float) -> bool:
    return abs(new - old) <= EVEN * max(abs(old), abs(new))


def story(scores: Sequence[Score], tree: LimitTree, words: Words) -> list[str]:
    """The headline in a few sentences, every number from the scores."""
    base, chosen = compared(scores)
    subject = chosen or base
    if subject is None or not subject.sessions:
        return [words("no-policy" if subject is None else "no-sessions")]
    told = [_without_control(base, tree, words)] if base is not None else []
    if chosen is not None:
        kept = chosen.violation_kw == 0.0
        told.append(
            words("story.kept" if kept else "story.not-kept", policy=words.policy(chosen.policy), kw=number(chosen.violation_kw, 1))
        )
    if chosen is not None and base is not None:
        told.append(words("story.changes", base=words.policy(BASE), parts=words("story.join").join(_parts(base, chosen, words))))
    wanted_kwh = subject.energy_kwh + subject.short_kwh
    share = 100.0 if not wanted_kwh else 100.0 * subject.energy_kwh / wanted_kwh
    told.append(
        words(
            "story.service",
            share=number(np.floor(share * 10.0) / 10.0, 1),
            n=subject.sessions_short,
            all=number(subject.sessions, 0),
            kwh=number(subject.short_kwh, 1),
        )
    )
    return [re.sub(r"(?<=\d) (?=[\w%])", "\u00a0", text) for text in told]  # a number stays on the line of its unit


def _without_control(base: Score, tree: LimitTree, words: Words) -> str:
    if base.violation_kw == 0.0:
        return words("story.fits")
    kw, hours = number(base.violation_kw, 1), number(base.overload_h, 1)
    if base.loading <= 1.0:
        return words("story.over-other", kw=kw, hours=hours)
    return words("story.over", source=words.source(tree.source[0]), loading=number(100.0 * base.loading, 0), kw=kw, hours=hours)


def _parts(base: Score, chosen: Score, words: Words) -> list[str]:
    pairs = [
        ("peak", "kW", base.peak_site_kw, chosen.peak_site_kw),
        ("cost", base.currency, base.cost, chosen.cost),
        ("carbon", "kg", base.carbon_kg, chosen.carbon_kg),
    ]
    parts = []
    for key, unit, old, new in pairs:
        if old is None or new is None:
            continue
        way = "stays" if _even(old, new) else ("falls" if new < old else "rises")
        values = {"a": f"{number(old, 0)} {unit}", "b": f"{number(new, 0)} {unit}", "change": _change(old, new, words)}
        parts.append(words(f"story.{way}", what=words(f"story.{key}"), **values))
    return parts
