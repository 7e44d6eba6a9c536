"""A study as text for a terminal and as JSON for a programme."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

import evloom
from evloom.simulate.scores import Score
from evloom.simulate.sources.table import read_report
from evloom.simulate.study import Study
from evloom.simulate.voice import findings_text

__all__ = ["blind_spot", "findings_text", "headline", "study_json", "table_text"]

_Figure = Callable[[Score], str]


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


_ROWS: tuple[tuple[str, _Figure], ...] = (
    ("EV peak, kW (15-min mean)", lambda s: _number(s.peak_ev_kw)),
    ("site peak, kW (15-min mean)", lambda s: _number(s.peak_site_kw)),
    ("highest load, % of transformer", lambda s: _number(100 * s.loading, 0) if s.loading else "-"),
    ("hours over a limit by charging", lambda s: _number(s.overload_h)),
    ("worst excess by charging, kW", lambda s: _number(s.violation_kw)),
    ("energy delivered, kWh", lambda s: _number(s.energy_kwh, 0)),
    ("energy short, kWh", lambda s: _number(s.short_kwh)),
    ("sessions short (of all)", lambda s: f"{s.sessions_short} ({s.sessions})"),
    ("wait, h: mean / 95th percentile", lambda s: f"{s.wait_mean_h:.2f} / {s.wait_p95_h:.2f}"),
    ("energy bill", lambda s: _number(s.energy_cost, 2)),
    ("demand charge", lambda s: _number(s.demand_cost, 2)),
    ("total cost of charging", lambda s: _number(s.cost, 2)),
    ("carbon, kg CO2", lambda s: _number(s.carbon_kg)),
    ("discharged (V2G), kWh", lambda s: _number(s.discharge_kwh)),
    ("worth of discharge / wear", lambda s: f"{s.revenue:.2f} / {s.wear_cost:.2f}"),
    ("orders refused by the check", lambda s: str(s.rejected)),
    ("CPU, s", lambda s: _number(s.cpu_s, 2)),
)


def table_text(study: Study) -> str:
    """One table, a column for each policy; money in the tariff's currency."""
    currency = study.stage.scenario.tariff.terms.currency
    names = [_labelled(name, currency) for name, _ in _ROWS]
    columns = [[score.policy, *(figure(score) for _, figure in _ROWS)] for score in study.scores]
    widths = [max(len(cell) for cell in column) for column in columns]
    left = max(len(name) for name in names)
    lines = [
        "  ".join([label.ljust(left), *(column[row].rjust(width) for column, width in zip(columns, widths, strict=True))])
        for row, label in enumerate(["", *names])
    ]
    return "\n".join(lines)


def _labelled(name: str, currency: str) -> str:
    money = ("energy bill", "demand charge", "total cost of charging", "worth of discharge / wear")
    return f"{name}, {currency}" if name in money else name


def headline(study: Study) -> str:
    """What control changes, in a sentence; empty where there is nothing to compare."""
    by_name = {score.policy: score for score in study.scores}
    before = by_name.get("uncontrolled")
    after = next((by_name[name] for name in ("optimal", "least-laxity", "earliest-deadline", "queue") if name in by_name), None)
    if before is None or after is None or before.peak_site_kw <= 0:
        return ""
    over = f"; over a limit for {before.overload_h:.1f} h before, {after.overload_h:.1f} h after" if before.overload_h else ""
    return (
        f"{after.policy} against uncontrolled: site peak {before.peak_site_kw:.0f} -> {after.peak_site_kw:.0f} kW, "
        f"cost {before.cost:.0f} -> {after.cost:.0f} {after.currency}{over}."
    )


def blind_spot(study: Study) -> str:
    """How many stays `optimal` had to serve at once because nothing was known of them; empty where that is none."""
    scenario, stage = study.stage.scenario, study.stage
    told = np.isfinite(scenario.sessions.told_departure_s[stage.session])
    known = told | np.array([len(like.departure_s) > 0 for like in stage.likely], dtype=np.bool_)
    blind = int((~known).sum())
    if not blind or scenario.driver.departure == "true" or "optimal" not in [run.policy for run in study.runs]:
        return ""
    return (
        f"Nothing was known of the departure of {blind} of {len(known)} stays, so optimal served them at once: give told_departure, "
        f'or earlier sessions as history; [driver] departure = "true" shows what knowing it would be worth.'
    )


def study_json(study: Study) -> str:
    """Everything with units in the keys. Money is in `currency`; what is not known is null."""
    scenario = study.stage.scenario
    report = read_report(scenario.sessions)
    content: dict[str, Any] = {
        "evloom": evloom.__version__,
        "scenario": scenario.name,
        "from": scenario.grid.start.isoformat(),
        "to": scenario.grid.end.isoformat(),
        "step_s": scenario.grid.step_s,
        "objective": study.objective,
        "partial": bool(study.interrupted),
        "interrupted": study.interrupted or None,
        "rows": {"read": report.n_row, "accepted": report.n_accepted, "repaired": report.n_repaired, "refused": report.n_refused},
        "findings": [asdict(finding) for finding in scenario.findings],
        "policies": {run.policy: {**asdict(score), "bound": run.bound} for run, score in zip(study.runs, study.scores, strict=True)},
    }
    return json.dumps(content, indent=1, default=_plain)


def _plain(value: Any) -> Any:
    return value.item()
