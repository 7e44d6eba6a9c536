"""The headline, the cards and the tables of the report, as text."""

import re
from dataclasses import dataclass

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.solved import Solved
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.levels import Level
from evloom.plan.fleet.report.tally import Tally
from evloom.plan.fleet.report.words import Words
from evloom.simulate.report.figures import number

UNITS = {"cost": "money", "demand": "money", "wear": "money", "peak": "kW", "carbon": "kg CO₂", "earliest": "kWh h", "export": "kWh"}
UNITS |= {"valley": "kW²"}
"""Unit of each term of an objective; money is in the currency of the problem."""


OPTIONAL = frozenset({"over_base_node", "energy_bill", "zone_bill", "demand_bill", "missed", "wear", "carbon_kg"})
"""Rows left out where both ways of charging have 0, the energy of a bill where that is all there is to it."""


@dataclass(frozen=True)
class Card:
    """A figure of the headline; `note` says what it is measured against."""

    label: str
    before: str
    figure: str
    unit: str
    note: str


@dataclass(frozen=True)
class Row:
    """A row of the table: charging at once, and as scheduled."""

    label: str
    unit: str
    at_once: str
    scheduled: str


def value_unit(labels: Labels, words: Words) -> str:
    """The unit of the objective's value: of the terms of its last stage where they have the same one."""
    units = {UNITS[term] for term, weight in parse_objective(labels.objective).stages[-1].weights if weight}
    if len(units) != 1:
        return words("unit.mixed")
    return labels.currency if units == {"money"} else units.pop()


def short_number(value: float) -> str:
    """A number with as many digits as it deserves, none after the point from 10,000 on; "–" where there is none."""
    if not abs(value) < float("inf"):
        return "–"
    size = abs(value)
    return number(value, 0 if size >= 10_000 else 2 if size >= 1 or size == 0.0 else 4)


def percent(share: float) -> str:
    """A share in percent; small ones with two significant digits, so that a proved gap does not read as 0."""
    if not abs(share) < float("inf"):
        return "–"
    value = 100.0 * share
    return number(value, 1) if value == 0.0 or abs(value) >= 10.0 else number(value, 2) if abs(value) >= 0.095 else f"{value:.2g}"


def whole_percent(share: float) -> str:
    """A share of something done in percent, rounded down so that 100.0 means all."""
    return number(int(share * 1000.0 + 1e-6) / 10.0, 1)


def served_share(tally: Tally) -> float:
    """Energy delivered of what was to be delivered, 1 where there was nothing."""
    return 1.0 - tally.short_kwh / tally.need_kwh if tally.need_kwh > 0.0 else 1.0


def cards(solved: Solved, tallies: tuple[Tally, Tally], labels: Labels, words: Words) -> list[Card]:
    """The figures that matter most."""
    at_once, scheduled = tallies
    unit = value_unit(labels, words)
    bound = words("card.bound", bound=short_number(solved.bound))
    served = words("card.short", n=number(scheduled.short, 0), all=number(scheduled.stays, 0), kwh=short_number(scheduled.short_kwh))
    out = [
        Card(words("card.value"), "", short_number(solved.value), unit, bound),
        Card(words("card.gap"), "", percent(solved.gap), "%", words("card.method", method=words.method(solved.method))),
        Card(words("card.served"), "", whole_percent(served_share(scheduled)), "%", served),
        Card(
            words("card.bill"), short_number(at_once.bill), short_number(scheduled.bill), labels.currency, _saved(at_once, scheduled, words)
        ),
        Card(words("card.peak"), short_number(at_once.peak_kw), short_number(scheduled.peak_kw), "kW", words("card.peak-note")),
        _violation(labels, scheduled, words),
    ]
    if labels.cpu_s is not None:
        out.append(
            Card(words("card.cpu"), "", number(labels.cpu_s, 2), "s", words("card.sweeps", n=len(solved.rounds)) if solved.rounds else "")
        )
    if labels.memory_bytes is not None:
        out.append(Card(words("card.memory"), "", number(labels.memory_bytes / 1e9, 2), "GB", words("card.memory-note")))
    return out


def _violation(labels: Labels, scheduled: Tally, words: Words) -> Card:
    """The independent check where there was one, else the limits of the nodes, which the report adds up itself."""
    if labels.largest_violation is not None:
        text = "0" if labels.largest_violation == 0.0 else f"{labels.largest_violation:.1e}"
        return Card(words("card.violation"), "", text, "", words("card.violation-note"))
    return Card(words("card.excess"), "", short_number(scheduled.over_kw), "kW", words("card.excess-note"))


def _saved(at_once: Tally, scheduled: Tally, words: Words) -> str:
    if not at_once.bill > 0.0:
        return words("card.bill-note")
    change = (scheduled.bill - at_once.bill) / at_once.bill
    return words("card.change", change=f"{100.0 * change:+.1f}".replace("-", "−"))


def story(solved: Solved, tallies: tuple[Tally, Tally], words: Words) -> list[str]:
    """The outcome in a few sentences."""
    at_once, scheduled = tallies
    nodes = number(scheduled.nodes, 0)
    if not scheduled.stays:
        return [words("story.nobody")]
    told = [words("story.stopped")] if solved.is_interrupted else []
    if solved.gap == 0.0:
        told.append(words("story.best"))
    else:
        told.append(words("story.gap", gap=percent(solved.gap)) if solved.gap < float("inf") else words("story.no-gap"))
    if at_once.over_node:
        values = {"n": number(at_once.over_node, 0), "all": nodes, "kw": short_number(at_once.over_kw), "hours": number(at_once.over_h, 1)}
        told.append(words("story.over", **values))
    else:
        told.append(words("story.fits"))
    if scheduled.over_node:
        told.append(words("story.not-kept", all=nodes, n=number(scheduled.over_node, 0), kw=short_number(scheduled.over_kw)))
    elif scheduled.over_base_node:
        told.append(words("story.kept-base", all=nodes, n=number(scheduled.over_base_node, 0)))
    else:
        told.append(words("story.kept"))
    if scheduled.short:
        values = {"n": number(scheduled.short, 0), "all": number(scheduled.stays, 0), "kwh": short_number(scheduled.short_kwh)}
        told.append(words("story.short", share=whole_percent(served_share(scheduled)), **values))
    else:
        told.append(words("story.served", all=number(scheduled.stays, 0)))
    return [re.sub(r"(?<=\d) (?=[\w%])", "\u00a0", text) for text in told]  # a number stays on the line of its unit


def table(tallies: tuple[Tally, Tally], words: Words) -> list[Row]:
    """All figures of the two ways of charging side by side; parts of a bill that are 0 in both are left out."""
    currency = tallies[0].currency
    wanted = [
        ("peak_kw", "kW", short_number),
        ("loading", "%", lambda share: number(100.0 * share, 1)),
        ("over_node", "", lambda n: number(n, 0)),
    ]
    wanted += [
        ("over_base_node", "", lambda n: number(n, 0)),
        ("over_kw", "kW", short_number),
        ("over_h", "h", lambda h: number(h, 2)),
        ("energy_kwh", "kWh", short_number),
    ]
    wanted += [("short_kwh", "kWh", short_number), ("short", "", lambda n: number(n, 0)), ("bill", currency, short_number)]
    wanted += [(name, currency, short_number) for name in ("energy_bill", "zone_bill", "demand_bill", "missed", "wear")]
    wanted += [("carbon_kg", "kg CO₂", short_number)]
    has_parts = any(tally.zone_bill or tally.demand_bill for tally in tallies)
    rows = []
    for name, unit, told in wanted:
        values = [getattr(tally, name) for tally in tallies]
        wanted_too = has_parts if name == "energy_bill" else any(values)
        if wanted_too or name not in OPTIONAL:
            rows.append(Row(words(f"fig.{name}"), unit, told(values[0]), told(values[1])))
    return rows


def level_rows(levels: list[Level], words: Words) -> list[list[str]]:
    """One row for each level: its name, nodes, peaks of the sum at once and as scheduled, sum of limits, nodes above their limit."""
    rows = []
    for level in levels:
        peaks = [short_number(float((level.base_kw + kw).max(initial=0.0))) for kw in (level.at_once_kw, level.steered_kw)]
        limit_kw = float(level.limit_kw.min(initial=float("inf")))
        over = [number(n, 0) for n in level.over_node]
        rows.append([words.level(level.depth), number(len(level.node), 0), *peaks, short_number(limit_kw), *over])
    return rows
