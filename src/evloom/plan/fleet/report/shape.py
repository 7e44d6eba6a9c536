"""The figures that the page draws from, small enough for one file, ready for JSON: no NaN, no infinity."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.dispatch.solved import Solved
from evloom.kernel.timegrid import Float, Int, TimeGrid, epoch_s
from evloom.plan.fleet.report.figures import value_unit
from evloom.plan.fleet.report.fold import fold_of, folded, nodes_max
from evloom.plan.fleet.report.labels import Labels
from evloom.plan.fleet.report.levels import Level, choose, depth_of, loading_of
from evloom.plan.fleet.report.prices import COLD, WARM, shades
from evloom.plan.fleet.report.short import Class
from evloom.plan.fleet.report.study import Study
from evloom.plan.fleet.report.words import Words
from evloom.simulate.report.shape import offsets, rounded

WORST = 3  # nodes shown of each level below its sum


def page_data(problem: Problem, solved: Solved, study: Study, labels: Labels, words: Words) -> dict[str, Any]:
    """Everything the page draws. Powers in kW, instants in seconds since the epoch, prices in units of the value per kWh."""
    fold = fold_of(problem)
    edges_s = epoch_s(labels.start) + np.concatenate(([0.0], np.cumsum(problem.step_h)))[::fold] * 3600.0
    end_s = epoch_s(labels.start) + float(problem.step_h.sum()) * 3600.0
    if edges_s[-1] < end_s - 1e-3:
        edges_s = np.append(edges_s, end_s)
    n, length_s = len(edges_s) - 1, float(edges_s[-1] - edges_s[0])
    even = n == 0 or bool(np.allclose(np.diff(edges_s), length_s / n, atol=1e-3))
    grid = TimeGrid(labels.start, 900, max(1, int(-(-length_s // 900))))
    node = choose(study.levels, nodes_max(problem))
    return {
        "start": float(edges_s[0]),
        "step": length_s / n if n else 900.0,
        "fold": 1,
        "n": n,
        "edges": None if even else rounded(edges_s, 1),
        "offsets": offsets(grid, labels.zone),
        "unit": value_unit(labels, words),
        "zone": labels.zone.key,
        "nodes": _nodes(problem, study, labels, node, fold),
        "levels": [_level(problem, level, node.tolist(), fold, words) for level in study.levels],
        "prices": _prices(problem, solved, study, labels, fold),
        "classes": [_class(one, words) for one in study.classes],
        "rounds": _rounds(solved),
        "words": words.script(),
    }


def packed(values: Float) -> list[float | None] | float | None:
    """A series with five significant digits of its largest value; one number where it never changes, None where that is infinite."""
    finite = values[np.isfinite(values)]
    size = float(np.abs(finite).max(initial=0.0))
    digits = int(np.clip(5 - np.ceil(np.log10(size)), 0, 8)) if size > 0.0 else 0
    numbers = rounded(values, digits)
    return numbers[0] if numbers and all(number == numbers[0] for number in numbers) else numbers


@dataclass(frozen=True)
class _Lines:
    """What one chart shows, each (n_step,); base load, what is steered added to it or in its place, and limits of both directions."""

    base_kw: Float
    steered_kw: Float
    at_once_kw: Float
    limit_kw: Float
    export_kw: Float


def _series(lines: _Lines) -> dict[str, Any]:
    """The lines of one chart as loads; `gives`: whether steered units together give back at some time, and only then there is a `floor`."""
    base_kw = lines.base_kw
    gives = bool((lines.steered_kw < -1e-6).any())
    floor = packed(base_kw - lines.export_kw) if gives else None
    series = {"base": packed(base_kw), "kw": packed(base_kw + lines.steered_kw), "once": packed(base_kw + lines.at_once_kw)}
    return series | {"limit": packed(lines.limit_kw), "floor": floor, "gives": gives}


def _nodes(problem: Problem, study: Study, labels: Labels, chosen: Int, fold: int) -> list[dict[str, Any]]:
    nodes, depth = problem.nodes, depth_of(problem.nodes.parent)
    loading = loading_of(problem, study.loads.steered_kw)
    tables = (nodes.base_kw, study.loads.steered_kw, study.loads.at_once_kw, nodes.import_max_kw, nodes.export_max_kw)
    drawn = [folded(problem, table[chosen], fold) for table in tables]
    asked = _requests(problem, labels)
    out = []
    for place, row in enumerate(chosen.tolist()):
        requests = [one for one in asked if one[0] == row]
        known = {"id": str(labels.node_ids[row]), "level": int(depth[row]), "loading": round(float(loading[row]), 4)}
        if requests:
            known["requests"] = [one[1:] for one in requests]
        out.append(known | _series(_Lines(*(table[place] for table in drawn))))
    return out


def _requests(problem: Problem, labels: Labels) -> list[tuple[int, float, float, float, bool]]:
    """(row of the node, from when, until when, kW, whether at most) of each request of the grid."""
    asked = problem.requests
    edges_s = epoch_s(labels.start) + np.concatenate(([0.0], np.cumsum(problem.step_h))) * 3600.0
    columns = asked.node, edges_s[asked.first], edges_s[asked.last], asked.target_kw, asked.is_ceiling
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _level(problem: Problem, level: Level, chosen: list[int], fold: int, words: Words) -> dict[str, Any]:
    """The sum of a level, and the places of its most loaded nodes among those that the page holds."""
    export_kw = problem.nodes.export_max_kw[level.node].sum(axis=0)
    sums = _Lines(*(folded(problem, t, fold) for t in (level.base_kw, level.steered_kw, level.at_once_kw, level.limit_kw, export_kw)))
    worst = [chosen.index(row) for row in level.node[:WORST].tolist() if row in chosen]
    label = words("levels.sum", level=words.level(level.depth), n=f"{len(level.node):,}")
    shown = words("levels.all" if len(worst) == len(level.node) else "levels.worst", n=f"{len(level.node):,}")
    return {"label": label, "shown": shown, "depth": level.depth, "n": len(level.node), "worst": worst, "sum": _series(sums)}


def _prices(problem: Problem, solved: Solved, study: Study, labels: Labels, fold: int) -> dict[str, Any] | None:
    if study.prices is None or solved.node_price_per_kwh is None or not len(study.prices.row):
        return None
    rows, breaks = study.prices.row, study.prices.breaks
    values = folded(problem, solved.node_price_per_kwh[rows], fold)
    depth = depth_of(problem.nodes.parent)
    return {
        "id": [str(labels.node_ids[row]) for row in rows.tolist()],
        "level": depth[rows].tolist(),
        "values": [packed(row) for row in values],
        "breaks": breaks,
        "warm": shades(WARM, len(breaks)) if (values > 0.0).any() else [],
        "cold": shades(COLD, len(breaks)) if (values < 0.0).any() else [],
    }


def _class(one: Class, words: Words) -> dict[str, Any]:
    priority = f"{one.low:g}" if one.low == one.high else f"{one.low:g}–{one.high:g}"
    share = f"{int(1000.0 * one.full / one.n) / 10.0:g}"
    label = words("class", priority=priority, full=f"{one.full:,}", n=f"{one.n:,}", share=share)
    return {"label": label, "n": one.n, "full": one.full, "counts": one.counts.tolist()}


def _rounds(solved: Solved) -> dict[str, Any] | None:
    if not solved.rounds:
        return None
    value, bound = (np.array([getattr(one, name) for one in solved.rounds]) for name in ("value", "bound"))
    gap = np.array([one.gap for one in solved.rounds])
    told = {
        name: [None if not np.isfinite(v) else float(f"{v:.9g}") for v in numbers.tolist()]
        for name, numbers in (("value", value), ("bound", bound), ("gap", gap * 100.0))
    }
    return told | {"sweep": [one.sweep for one in solved.rounds]}
