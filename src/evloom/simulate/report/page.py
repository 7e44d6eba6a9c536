"""Writes the report: one HTML file that holds its style, scripts and figures, and asks nothing of a network."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2
from jinja2.utils import htmlsafe_json_dumps

import evloom
from evloom.kernel.timegrid import from_epoch_s
from evloom.simulate.bills import contract_of
from evloom.simulate.report import figures, sections
from evloom.simulate.report.shape import COLOURS, OTHER, page_data
from evloom.simulate.report.words import Lang, Words
from evloom.simulate.run import PolicyRun
from evloom.simulate.scores import Score
from evloom.simulate.stage import Stage

SCRIPTS = ("core.js", "load.js", "gantt.js", "explain.js", "scatter.js")
"""In the order in which the page runs them."""


def write_report(
    path: Path, stage: Stage, runs: Sequence[PolicyRun], scores: Sequence[Score], lang: Lang = "en", partial: bool = False
) -> None:
    """Write the report of the runs of a stage, scores in the same order, as UTF-8. `partial`: the study was interrupted.

    The same runs give the same file, byte for byte, but for the computing time in the scores. Raises OSError where it cannot be written.
    """
    html = report_html(stage, runs, scores, Words(lang), partial)
    path.write_text(html, encoding="utf-8", errors="surrogateescape")  # a file's name may be any bytes


def report_html(stage: Stage, runs: Sequence[PolicyRun], scores: Sequence[Score], words: Words, partial: bool) -> str:
    """The page as text."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    script = "\n".join(asset(name) for name in SCRIPTS)
    drawn = page_data(stage, runs, words)
    hidden, n_stay = drawn["hidden"], len(stage.session)
    return environment.from_string(asset("page.html")).render(
        w=words,
        style=asset("style.css"),
        script=script,
        data=htmlsafe_json_dumps(drawn, separators=(",", ":"), ensure_ascii=False, allow_nan=False),
        partial=partial,
        shown_minutes=f"{drawn['fold'] * stage.grid.step_s / 60:g}",
        hidden_note=words("gantt.hidden", shown=figures.number(n_stay - hidden, 0), all=figures.number(n_stay, 0)) if hidden else "",
        names=[(score.policy, words.policy(score.policy), COLOURS.get(score.policy, OTHER)) for score in scores],
        **_headline(stage, scores, words),
        **_parts(stage, runs, scores, words),
    )


def _headline(stage: Stage, scores: Sequence[Score], words: Words) -> dict[str, object]:
    scenario = stage.scenario
    zone = scenario.tariff.terms.zone
    start, end = from_epoch_s(stage.grid.start_s).astimezone(zone), scenario.grid.end.astimezone(zone)
    base, chosen = figures.compared(scores)
    return {
        "name": scenario.name,
        "site": words(
            "site",
            evse=scenario.evse.n,
            sessions=figures.number(len(scenario.sessions), 0),
            energy=figures.number(float(scenario.sessions.energy_kwh.sum()), 0),
            days=f"{(end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds() / 86400.0:g}",
        ),
        "span": words("span", start=f"{start:%Y-%m-%d %H:%M}", end=f"{end:%Y-%m-%d %H:%M}", zone=zone.key),
        "story": figures.story(scores, scenario.site.tree, words),
        "cards": figures.cards(scores, words),
        "from_policy": words.policy(base.policy) if base and chosen else "",
        "to_policy": words.policy(chosen.policy) if chosen else "",
        "table": figures.table(scores, words),
    }


def _parts(stage: Stage, runs: Sequence[PolicyRun], scores: Sequence[Score], words: Words) -> dict[str, object]:
    bills, trouble = sections.all_bills(stage, runs, words)
    blocks, n_more = sections.phases(stage, runs, words)
    scenario, tree = stage.scenario, stage.scenario.site.tree
    turned_away = stage.turned_away
    lost_kwh = figures.number(float(scenario.sessions.energy_kwh[turned_away].sum()), 1)
    infeasible_kwh = scores[0].infeasible_kwh if scores else 0.0
    return {
        "currency": scenario.tariff.terms.currency,
        "service": sections.service(stage, runs, scores, words),
        "turned_away": words("service.turned-away", n=len(turned_away), kwh=lost_kwh) if len(turned_away) else "",
        "infeasible": words("service.infeasible", kwh=figures.number(infeasible_kwh, 1)) if infeasible_kwh > 0.05 else "",
        "money": sections.money(scores, words),
        "kinds": [kind for kind in ("energy", "demand", "wear", "revenue") if any(_spent(score, kind) for score in scores)],
        "contract": contract_of(stage).name,
        "bills": sections.bill_table(stage, runs, bills, trouble, words),
        "phases": blocks,
        "phases_more": n_more,
        "v2g": sections.v2g(stage, runs, bills, words),
        "storage": sections.storage(stage, runs, words),
        "limits": [(tree.node_id[node], words.source(tree.source[node])) for node in sections.shared_nodes(stage)],
        "tariff": " – ".join(text for text in (scenario.tariff.terms.name, scenario.tariff.terms.source) if text),
        "carbon": scenario.carbon.name if scenario.carbon else "",
        "sessions_source": scenario.sessions.source,
        "remarks": [finding.text() for finding in scenario.findings],
        "n_remark": len(scenario.sessions.findings),
        "digests": [(words.policy(run.policy), run.digest) for run in runs if run.digest],
        "file": scenario.path.name if scenario.path else scenario.name,
        "version": evloom.__version__,
    }


def _spent(score: Score, kind: str) -> float:
    return {"energy": score.energy_cost, "demand": score.demand_cost, "wear": score.wear_cost, "revenue": score.revenue}[kind]


def asset(name: str) -> str:
    """The text of a script, style sheet or template of the report; other reports draw with the same ones."""
    return resources.files("evloom.simulate.report").joinpath("assets", name).read_text(encoding="utf-8")
