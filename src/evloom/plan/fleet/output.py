"""A dispatch as text for a terminal and as JSON for a programme."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

import evloom
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.outcome import TOLERANCE, Outcome
from evloom.plan.fleet.report.levels import Level, depth_of
from evloom.plan.fleet.report.tally import Tally

_SELDOM = ("battery wear, {currency}", "penalties of requests, {currency}")
"""Left out where they are 0 in both columns."""
_ROWS: tuple[tuple[str, Callable[[Tally], float], int], ...] = (
    ("energy charged, kWh", lambda t: t.energy_kwh, 0),
    ("energy short, kWh", lambda t: t.short_kwh, 1),
    ("vehicles short", lambda t: t.short, 0),
    ("cost of charging, {currency}", lambda t: t.bill, 2),
    ("battery wear, {currency}", lambda t: t.wear, 2),
    ("penalties of requests, {currency}", lambda t: t.missed, 2),
    ("carbon of charging, kg CO2", lambda t: t.carbon_kg, 0),
    ("nodes over their limit", lambda t: t.over_node, 0),
    ("hours over a limit", lambda t: t.over_h, 2),
)


def about(case: Case) -> str:
    """One line: what the problem holds."""
    problem, grid = case.problem, case.grid
    n_give = int((problem.stays.discharge_max_kw > 0.0).sum())
    gives = f" ({n_give:,} of them V2G)" if n_give else ""
    levels = int(depth_of(problem.nodes.parent).max(initial=-1)) + 1
    tree = f"{len(case.node_id):,} nodes on {levels} levels" if levels > 1 else "one node"
    span = f"{grid.n} steps of {grid.step_s // 60} min from {grid.start.astimezone(case.zone):%Y-%m-%d %H:%M} ({case.zone.key})"
    return f"{case.name}: {problem.stays.n:,} vehicles{gives}, {tree}, {span}"


def table_text(outcome: Outcome) -> str:
    """The figures of charging at once and as planned, side by side, and the proof below them."""
    at_once, planned = outcome.study.tallies
    currency = outcome.case.currency
    rows = [("", "at once", "planned")]
    for name, pick, digits in _ROWS:
        if name not in _SELDOM or pick(at_once) or pick(planned):
            rows.append((name.format(currency=currency), _number(pick(at_once), digits), _number(pick(planned), digits)))
    for level in outcome.study.levels:
        _, at_once_kw, planned_kw = _peaks_kw(level)
        rows.append((f"{_level_name(outcome, level)}, kW", _number(at_once_kw, 1), _number(planned_kw, 1)))
    left, *right = (max(len(row[k]) for row in rows) for k in range(3))
    lines = [f"{row[0]:{left}}  {row[1]:>{right[0]}}  {row[2]:>{right[1]}}" for row in rows]
    return "\n".join([*lines, "", *_proof(outcome)])


def _level_name(outcome: Outcome, level: Level) -> str:
    limit_kw = float(level.limit_kw.max(initial=0.0))
    limit = f"limit {_number(limit_kw, 0)}" if math.isfinite(limit_kw) else "no limit"
    if len(level.node) == 1:
        return f"peak at {outcome.case.node_id[level.node[0]]} ({limit})"
    return f"peak of {len(level.node):,} nodes together on level {level.depth} ({limit})"


def _peaks_kw(level: Level) -> tuple[float, float, float]:
    """Highest load of a level: nobody charging, all at once, as planned."""
    steered = (np.zeros_like(level.base_kw), level.at_once_kw, level.steered_kw)
    peaks = [float((level.base_kw + one).max(initial=-np.inf)) if len(level.base_kw) else 0.0 for one in steered]
    return peaks[0], peaks[1], peaks[2]


def _proof(outcome: Outcome) -> list[str]:
    solved, sweeps = outcome.solved, outcome.solved.rounds[-1].sweep if outcome.solved.rounds else 0
    n, short = outcome.case.problem.stays.n, outcome.study.tallies[1].short
    how = f"{sweeps} {solved.method}" if sweeps else solved.method
    worst = f"{outcome.largest_violation:.2g} relative" if outcome.violations else f"none above {TOLERANCE:g}"
    cost = f"CPU {outcome.cpu_optimise_s:.2f} s to plan, {outcome.cpu_s:.2f} s in all; peak memory {outcome.memory_bytes / 2**20:,.0f} MiB"
    return [
        *(["PARTIAL: interrupted before the gap that was asked for; this is the best schedule so far"] if solved.is_interrupted else []),
        f"served {n - short:,} of {n:,} vehicles",
        f"{outcome.objective}: value {_number(solved.value, 4)}, bound {_number(solved.bound, 4)}, gap {_percent(solved.gap)} ({how})",
        *_settable(outcome),
        f"largest violation: {worst}; {cost}",
    ]


def _settable(outcome: Outcome) -> list[str]:
    """What became of the energy that no charger can be set to, where that was asked for."""
    found = outcome.settable
    if found is None:
        return []
    none = f"; {found.beneath:,} vehicles cannot charge at so much" if found.beneath else ""
    before, after = f"{found.weak_share_before:.2%}", f"{found.weak_share_after:.2%}"
    return [f"energy charged below {found.current_min_a:g} A: {before} as planned, {after} after vehicles changed places at no cost{none}"]


def outcome_json(outcome: Outcome) -> str:
    """Everything with units in the keys. Money is in `currency`; what is not known or infinite is null."""
    case, solved, study = outcome.case, outcome.solved, outcome.study
    stays = case.problem.stays
    content = {
        "evloom": evloom.__version__,
        "name": case.name,
        "from": case.grid.start.isoformat(),
        "to": case.grid.end.isoformat(),
        "step_s": case.grid.step_s,
        "currency": case.currency,
        "vehicles": {"all": stays.n, "v2g": int((stays.discharge_max_kw > 0).sum()), "served": stays.n - study.tallies[1].short},
        "nodes": len(case.node_id),
        "objective": outcome.objective,
        "method": solved.method,
        "partial": solved.is_interrupted,
        "value": solved.value,
        "bound": solved.bound,
        "gap": solved.gap,
        "fixed": solved.fixed,
        "terms": solved.schedule.objective,
        "short_price_per_kwh": solved.short_price_per_kwh,
        "largest_violation": outcome.largest_violation,
        "violation_tolerance": TOLERANCE,
        "violations": len(outcome.violations),
        "cpu_optimise_s": outcome.cpu_optimise_s,
        "wall_optimise_s": outcome.wall_optimise_s,
        "cpu_verify_s": outcome.cpu_verify_s,
        "cpu_s": outcome.cpu_s,
        "memory_peak_bytes": outcome.memory_bytes,
        "settable": None if outcome.settable is None else asdict(outcome.settable),
        "rounds": [asdict(one) | {"gap": one.gap} for one in solved.rounds],
        "at_once": _tally_content(study.tallies[0]),
        "planned": _tally_content(study.tallies[1]),
        "levels": [_level_content(outcome, level) for level in study.levels],
        "findings": [asdict(finding) for finding in outcome.findings],
        "sources": list(case.sources),
    }
    return json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n"


def _tally_content(tally: Tally) -> dict[str, Any]:
    return {name: value for name, value in asdict(tally).items() if name != "currency"} | {"bill": tally.bill}


def _level_content(outcome: Outcome, level: Level) -> dict[str, Any]:
    base_kw, at_once_kw, planned_kw = _peaks_kw(level)
    return {
        "level": level.depth,
        "nodes": len(level.node),
        "example": outcome.case.node_id[level.node[0]],
        "limit_max_kw": float(level.limit_kw.max(initial=-np.inf)),
        "base_peak_kw": base_kw,
        "at_once_peak_kw": at_once_kw,
        "planned_peak_kw": planned_kw,
        "nodes_over_at_once": level.over_node[0],
        "nodes_over_planned": level.over_node[1],
    }


def _plain(value: Any) -> Any:
    """JSON knows no infinity and no NaN."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if math.isfinite(value) else "-"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %" if math.isfinite(share) else "open"
