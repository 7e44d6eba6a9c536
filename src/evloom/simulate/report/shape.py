"""The figures that the page draws from, small enough for one file: series on one grid, sessions run-length encoded."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.timegrid import Float, Int, TimeGrid, from_epoch_s
from evloom.simulate.report.why import power_kw, session_cost, shown_reason
from evloom.simulate.report.words import Words
from evloom.simulate.run import PolicyRun
from evloom.simulate.scores import outflow_kwh
from evloom.simulate.stage import Stage

VALUES_MAX = 150_000  # numbers in all series together, about 1 MB as text
RUNS_MAX = 120_000  # stretches of constant power in all sessions and policies together, about 1 MB as text

COLOURS = {
    "uncontrolled": "#D55E00",
    "equal-share": "#E69F00",
    "queue": "#56B4E9",
    "earliest-deadline": "#009E73",
    "least-laxity": "#7A6A00",
    "price-queue": "#444444",
    "optimal": "#0072B2",
    "foresight": "#CC79A7",
}
"""Line colours of the policies after Okabe and Ito (2008), told apart with every common colour vision; yellow darkened for white paper."""

OTHER = "#6B7280"


def page_data(stage: Stage, runs: Sequence[PolicyRun], words: Words) -> dict[str, Any]:
    """Everything the page draws, ready for JSON: no NaN, no infinity. Powers in kW, times in seconds since the epoch."""
    fold = _fold(stage, runs)
    grid = stage.grid
    n_shown = _n_shown(stage, runs)
    site = stage.scenario.site
    limit_kw, source = site_limit(stage)
    solar_kw = np.zeros(grid.n)
    for solar in site.solar:
        solar_kw += np.nan_to_num(solar.signal.actual_on(grid))
    price = stage.price_per_kwh[: grid.n]
    carbon = stage.carbon_kg_per_kwh[: grid.n]
    return {
        "start": grid.start_s,
        "step": grid.step_s,
        "fold": fold,
        "n": len(_folded(price, fold)),
        "offsets": offsets(grid, stage.scenario.tariff.terms.zone),
        "base": rounded(_folded(stage.base_kw[0] + solar_kw, fold), 2),
        "solar": rounded(_folded(solar_kw, fold), 2) if site.solar else None,
        "limit": limit_kw if np.isfinite(limit_kw) else None,
        "source": words.source(source),
        "price": rounded(_folded(price, fold), 5),
        "carbon": rounded(_folded(carbon, fold), 5) if stage.scenario.carbon is not None else None,
        "currency": stage.scenario.tariff.terms.currency,
        "nodes": [words.source(text) for text in site.tree.source],
        "evse": [[name, float(kw)] for name, kw in zip(stage.scenario.evse.evse_id, stage.scenario.evse.charge_max_kw, strict=True)],
        "sessions": _sessions(stage, n_shown),
        "hidden": len(stage.session) - n_shown,
        "policies": [_policy(stage, run, fold, n_shown, words) for run in runs],
        "words": words.script(),
    }


def site_limit(stage: Stage) -> tuple[float, str]:
    """(kW, source) of the tightest limit that everything on the site passes through; infinity where there is none.

    Not always the transformer's: where all that is connected hangs on one board, its breaker may be less.
    """
    site, tree = stage.scenario.site, stage.scenario.site.tree
    used = {*stage.scenario.evse.node.tolist(), *site.storage.node.tolist(), *(item.node for item in (*site.base_load, *site.solar))}
    paths = [set(path.tolist()) for node, path in enumerate(tree.ancestors()) if node in used]
    passed = [node for node in range(tree.n) if node == 0 or all(node in path for path in paths)]
    tightest = min(passed, key=lambda node: (float(tree.import_max_kw[node]), node))
    return float(tree.import_max_kw[tightest]), tree.source[tightest]


def _policy(stage: Stage, run: PolicyRun, fold: int, n_shown: int, words: Words) -> dict[str, Any]:
    given_kw = outflow_kwh(stage, run) / stage.grid.step_h
    charge_kw = run.track.ev_kwh / stage.grid.step_h + given_kw
    storage_kw = run.storage_kwh / stage.grid.step_h
    into_kw, out_kw = np.maximum(storage_kw, 0.0).sum(axis=0), np.maximum(-storage_kw, 0.0).sum(axis=0)
    return {
        "name": run.policy,
        "label": words.policy(run.policy),
        "colour": COLOURS.get(run.policy, OTHER),
        "charge": rounded(_folded(charge_kw, fold), 2),
        "given": rounded(_folded(given_kw, fold), 2) if given_kw.any() else None,
        "into": rounded(_folded(into_kw, fold), 2) if into_kw.any() else None,
        "out": rounded(_folded(out_kw, fold), 2) if out_kw.any() else None,
        "runs": encoded_runs(stage, run, n_shown),
        "got": rounded((run.track.in_kwh - run.track.out_kwh)[:n_shown], 2),
        "cost": rounded(session_cost(stage, run)[:n_shown], 3),
    }


def encoded_runs(stage: Stage, run: PolicyRun, n_shown: int) -> list[str]:
    """For each of the first sessions "steps,power,reason;..." from its first step on, power in whole 0.1 kW, constant in a stretch."""
    tenths, reason = _told(stage, run)
    offset = run.track.offset[: n_shown + 1]
    borders = _borders(run, tenths, reason)
    length = np.diff(np.append(borders, len(tenths)))
    at = np.searchsorted(borders, offset)
    shown = slice(0, at[-1])
    columns = (length[shown].tolist(), tenths[borders[shown]].tolist(), reason[borders[shown]].tolist())
    text = [f"{n},{p},{r}" for n, p, r in zip(*columns, strict=True)]
    return [";".join(text[a:b]) for a, b in pairwise(at.tolist())]


def _told(stage: Stage, run: PolicyRun) -> tuple[Int, Int]:
    """Power in 0.1 kW and reason of every cell, both (n_cell,)."""
    return np.round(power_kw(stage, run) * 10.0).astype(np.int64), shown_reason(stage, run)


def _borders(run: PolicyRun, tenths: Int, reason: Int) -> Int:
    """Cells at which a stretch begins: a new session, another power or another reason."""
    begins = np.zeros(len(tenths), dtype=np.bool_)
    begins[run.track.offset[:-1]] = True
    begins[1:] |= (tenths[1:] != tenths[:-1]) | (reason[1:] != reason[:-1])
    return np.flatnonzero(begins)


def _n_shown(stage: Stage, runs: Sequence[PolicyRun]) -> int:
    """How many sessions, in order of arrival, fit into the page."""
    total = np.zeros(len(stage.session))
    for run in runs:
        borders = _borders(run, *_told(stage, run))
        total += np.diff(np.searchsorted(borders, run.track.offset))
    return int(np.searchsorted(np.cumsum(total), RUNS_MAX, side="right"))


def _sessions(stage: Stage, n_shown: int) -> dict[str, Any]:
    shown = slice(0, n_shown)
    cars = stage.cars
    first = np.floor((cars.arrival_s[shown] - stage.grid.start_s) / stage.grid.step_s)
    return {
        "id": [stage.scenario.sessions.session_id[row] for row in stage.session[shown]],
        "evse": stage.beliefs.evse[shown].tolist(),
        "arrival": rounded(cars.arrival_s[shown], 0),
        "departure": rounded(cars.departure_s[shown], 0),
        "wanted": rounded(cars.energy_kwh[shown], 2),
        "most": rounded(cars.draw_max_kw[shown], 2),
        "first": np.maximum(first, 0).astype(np.int64).tolist(),
    }


def _fold(stage: Stage, runs: Sequence[PolicyRun]) -> int:
    """How many steps become one value of the series."""
    n_series = 4 + 3 * len(runs)
    return max(1, -(-stage.grid.n * n_series // VALUES_MAX))


def _folded(values: Float, fold: int) -> Float:
    """Means of `fold` values at a time; the last one of what is left."""
    if fold == 1 or len(values) == 0:
        return values
    starts = np.arange(0, len(values), fold)
    means: Float = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    return means


def rounded(values: Float, digits: int) -> list[float | None]:
    """Numbers with few digits, whole ones without a point; None for what JSON cannot hold."""
    return [(int(v) if v == int(v) else v) if np.isfinite(v) else None for v in np.round(values, digits).tolist()]


def offsets(grid: TimeGrid, zone: ZoneInfo) -> list[list[float]]:
    """[from when, seconds ahead of UTC] of the clock of a zone, one for each clock change in the grid."""
    quarters = TimeGrid(grid.start, 900, max(1, -(-grid.n * grid.step_s // 900)))
    changes: list[list[float]] = []
    for instant_s in quarters.edges_s().tolist():
        offset = from_epoch_s(instant_s).astimezone(zone).utcoffset()
        ahead_s = offset.total_seconds() if offset else 0.0
        if not changes or changes[-1][1] != ahead_s:
            changes.append([instant_s, ahead_s])
    return changes
