"""Writes the report of a dispatch: one HTML file that holds its style, scripts and figures, and asks nothing of a network."""

from datetime import timedelta
from importlib import resources
from pathlib import Path

import jinja2
from jinja2.utils import htmlsafe_json_dumps

import evloom
from evloom.dispatch.problem import Problem
from evloom.dispatch.solved import Solved
from evloom.plan.fleet.report import figures, listing
from evloom.plan.fleet.report.fold import fold_of, nodes_max
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.shape import page_data
from evloom.plan.fleet.report.study import Study, study_of
from evloom.plan.fleet.report.words import Words
from evloom.simulate.report.figures import number
from evloom.simulate.report.page import asset
from evloom.simulate.report.words import Lang

SCRIPTS = ("tree.js", "prices.js", "small.js")
"""In the order in which the page runs them, after the script that all reports share."""


def write_report(path: Path, problem: Problem, solved: Solved, labels: Labels, lang: Lang = "en") -> None:
    """Write the report of a solved problem as UTF-8. The same input gives the same file. Raises OSError where it cannot be written."""
    path.write_text(report_html(problem, solved, labels, lang), encoding="utf-8", errors="surrogateescape")


def report_html(problem: Problem, solved: Solved, labels: Labels, lang: Lang = "en") -> str:
    """The page as text."""
    words = Words(lang)
    study = study_of(problem, solved, labels.currency)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    drawn = page_data(problem, solved, study, labels, words)
    return environment.from_string(_own("page.html")).render(
        w=words,
        style=asset("style.css") + _own("fleet.css"),
        script="\n".join([asset("core.js"), *map(_own, SCRIPTS)]),
        data=htmlsafe_json_dumps(drawn, separators=(",", ":"), ensure_ascii=False, allow_nan=False),
        has_charts=problem.n_step > 0,
        **_headline(problem, solved, study, labels, words),
        **_parts(problem, solved, study, labels, words),
    )


def _headline(problem: Problem, solved: Solved, study: Study, labels: Labels, words: Words) -> dict[str, object]:
    start = labels.start.astimezone(labels.zone)
    end = (labels.start + timedelta(hours=float(problem.step_h.sum()))).astimezone(labels.zone)
    return {
        "name": labels.title,
        "size": words(
            "size",
            stays=number(problem.stays.n, 0),
            nodes=number(len(problem.nodes.parent), 0),
            levels=len(study.levels),
            steps=number(problem.n_step, 0),
            kwh=figures.short_number(study.tallies[1].need_kwh),
        ),
        "span": words("span", start=f"{start:%Y-%m-%d %H:%M}", end=f"{end:%Y-%m-%d %H:%M}", zone=labels.zone.key),
        "objective": words("objective", objective=labels.objective),
        "interrupted": solved.is_interrupted,
        "story": figures.story(solved, study.tallies, words),
        "cards": figures.cards(solved, study.tallies, labels, words),
        "table": figures.table(study.tallies, words),
    }


def _parts(problem: Problem, solved: Solved, study: Study, labels: Labels, words: Words) -> dict[str, object]:
    n_node, fold = len(problem.nodes.parent), fold_of(problem)
    shown = min(n_node, nodes_max(problem))
    scheduled, prices = study.tallies[1], study.prices
    values = {"n": number(scheduled.short, 0), "all": number(scheduled.stays, 0), "kwh": figures.short_number(scheduled.short_kwh)}
    return {
        "levels": figures.level_rows(study.levels, words),
        "value_note": words(
            "figures.value", price=figures.short_number(solved.short_price_per_kwh), unit=figures.value_unit(labels, words)
        ),
        "fold_note": words("levels.fold", n=fold) if fold > 1 else "",
        "some_note": words("levels.some", shown=number(shown, 0), all=number(n_node, 0)) if shown < n_node else "",
        "unit": figures.value_unit(labels, words),
        "prices_note": _prices_note(study, n_node, words),
        "has_prices": prices is not None and len(prices.row) > 0 and problem.n_step > 0,
        "short_note": words("short.summary", need=figures.short_number(scheduled.need_kwh), **values) if scheduled.short else "",
        "causes": listing.causes(solved, study, labels, words),
        "worst": listing.worst(problem, solved, study, labels, words),
        "has_classes": problem.n_step > 0 and any(one.full < one.n for one in study.classes),
        "has_rounds": bool(solved.rounds),
        "findings": listing.findings(solved.findings, words),
        "version": evloom.__version__,
    }


def _prices_note(study: Study, n_node: int, words: Words) -> str:
    prices = study.prices
    if prices is None or not len(prices.row):
        return words("prices.none" if prices is None else "prices.zero")
    told = [words("prices.shown", shown=number(len(prices.row), 0), quiet=number(prices.quiet, 0), all=number(n_node, 0))]
    return words("between").join([*told, *([words("prices.hidden", n=number(prices.hidden, 0))] if prices.hidden else [])])


def _own(name: str) -> str:
    return resources.files("evloom.plan.fleet.report").joinpath("assets", name).read_text(encoding="utf-8")
