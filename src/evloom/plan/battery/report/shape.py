"""What the scripts of a page draw: numbers of one pack, small enough for a page of some hundred kilobytes."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from evloom.diagnose.warning import Warning, WarningChange  # noqa: A004
from evloom.kernel.timegrid import Float
from evloom.plan.battery.examine import Examined
from evloom.plan.battery.output import part_name
from evloom.plan.battery.report.both import TAGS
from evloom.plan.battery.report.words import LANGS, Words
from evloom.plan.battery.trace import KINDS, Drawn

STEPS_PER_V = 1e4
NOTHING = -32768
LEAST_LIMIT_V = 0.005
SEEN_SHARE = 0.995
"""Share of the readings of a map that its colours tell apart; the rest is drawn as the last colour."""
LEAST_FILLED = 0.4
"""A kind of frames that fills less of the map than this, of what the fullest fills, is not the one that is shown first."""
MOST_WARNINGS = 8
FIGURES = frozenset(("insulation", "zero-current", "outside-resistance"))
"""Tests of the pack as a whole that there is a picture for."""


def page_data(examined: Examined, drawn: Drawn) -> dict[str, Any]:
    """The object that the page hands to its scripts."""
    bins = drawn.bins
    shown = examined.warnings[:MOST_WARNINGS]
    kinds = [k for k in range(len(KINDS)) if np.isfinite(drawn.deviation_v[k]).any()]
    first = _telling(drawn, shown, kinds)
    return {
        "start": bins.start_s,
        "n": bins.n,
        "fold": 1,
        "step": bins.width_s,
        "offsets": [[bins.start_s, 0]],
        "n_cell": examined.pack.n_cell,
        "maps": {KINDS[k]: _packed(drawn.deviation_v[k]) for k in kinds},
        "bands": {KINDS[k]: _band(drawn.deviation_v[k]) for k in kinds},
        "first": KINDS[first],
        "limit": round(1e3 * limit_v(drawn.deviation_v[first]), 6),
        "current": _lines(drawn.current_a, 2),
        "warmth": _lines(drawn.probe_c, 1),
        "soc": _line(100.0 * drawn.soc, 1),
        "figures": {name: _figure(name, drawn) for name in {w.test for w in shown if w.cell is None and w.probe is None} & FIGURES},
        "probes": {str(w.probe): _line(drawn.probe_mean_c[:, w.probe], 1) for w in shown if w.probe is not None},
        "warnings": [_warning(each, examined.changes, bins.start_s + bins.n * bins.width_s) for each in shown],
        "trend": [[round(at_s), *(round(value, 3) for value in (one.p10, one.p50, one.p90))] for at_s, one in examined.health.trend],
    }


def _telling(drawn: Drawn, shown: Sequence[Warning], kinds: list[int]) -> int:
    """The kind of frames among which the first suspect cell is farthest from its pack, in spreads of the pack."""
    cells = [warning.cell for warning in shown if warning.cell is not None]
    if not cells or not kinds:
        return 0
    far: dict[int, float] = {}
    bins = {kind: np.isfinite(drawn.deviation_v[kind][:, cells[0]]) for kind in kinds}
    most = max(known.sum() for known in bins.values())
    for kind, known in bins.items():
        deviation = drawn.deviation_v[kind]
        if known.any() and known.sum() >= LEAST_FILLED * most:
            low, high = np.nanpercentile(deviation[known], (5.0, 95.0), axis=1)
            far[kind] = float(np.mean(np.abs(deviation[known, cells[0]]) / (high - low + 1e-3)))
    return max(far, key=lambda kind: far[kind], default=0)


def limit_v(deviation_v: Float) -> float:
    """Where the colours of a map end: a round number that nearly all readings are below."""
    size = np.abs(deviation_v[np.isfinite(deviation_v)])
    most = max(float(np.quantile(size, SEEN_SHARE)), LEAST_LIMIT_V) if len(size) else LEAST_LIMIT_V
    decade = 10.0 ** np.floor(np.log10(most))
    return float(next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= most * (1.0 - 1e-9)))


def _packed(deviation_v: Float) -> str:
    """(n_bin, n_cell) as base64 of int16 tenths of a millivolt, a cell after the other."""
    filled = np.where(np.isfinite(deviation_v), np.clip(np.rint(deviation_v * STEPS_PER_V), NOTHING + 1, -NOTHING - 1), NOTHING)
    return base64.b64encode(np.ascontiguousarray(filled.T).astype("<i2").tobytes()).decode("ascii")


def _band(deviation_v: Float) -> list[list[float | None]]:
    """Between which limits nine of ten cells are, mV."""
    known = np.isfinite(deviation_v).any(axis=1)
    band = np.full((2, len(deviation_v)), np.nan)
    if known.any():
        band[:, known] = np.nanpercentile(deviation_v[known] * 1e3, (5.0, 95.0), axis=1)
    return _lines(band, 2)


def _lines(values: Float, digits: int) -> list[list[float | None]]:
    return [_line(row, digits) for row in values]


def _line(values: Float, digits: int) -> list[float | None]:
    return [round(value, digits) if np.isfinite(value) else None for value in values.tolist()]


def _figure(name: str, drawn: Drawn) -> list[float | None]:
    """The figure of a pack that one of the doctor's tests is about."""
    if name == "insulation":
        return _line(drawn.insulation_ohm / 1e3, 0)
    return _line(drawn.idle_a, 2) if name == "zero-current" else _line(1e3 * drawn.outside_ohm, 2)


def _warning(warning: Warning, changes: Sequence[WarningChange], end_s: float) -> dict[str, Any]:
    return {
        "cell": warning.cell,
        "probe": warning.probe,
        "figure": warning.test if warning.cell is None and warning.probe is None and warning.test in FIGURES else None,
        "name": part_name(warning),
        "levels": levels_of(warning, changes, end_s),
        "evidence": [
            {
                "side": _side(line.name),
                "name": {TAGS[lang]: Words(lang).series(line.name) for lang in LANGS},
                "unit": {TAGS[lang]: Words(lang).series(line.unit) for lang in LANGS},
                "at": list(line.at_s),
                "value": list(line.value),
            }
            for line in warning.evidence
        ],
    }


def _side(name: str) -> str:
    """Whether a line bounds nine of ten cells."""
    return "low" if name.endswith("are below") else "high" if name.endswith("are above") else ""


def levels_of(warning: Warning, changes: Sequence[WarningChange], end_s: float) -> list[list[Any]]:
    """Stretches [from, to, level] of an open warning."""
    stretches: list[list[Any]] = []
    for change in changes:
        if change.warning.warning_id != warning.warning_id:
            continue
        if stretches and stretches[-1][1] is None:
            stretches[-1][1] = change.at_s
        if change.kind != "closed":
            if stretches and stretches[-1][2] == change.warning.level and stretches[-1][1] == change.at_s:
                stretches[-1][1] = None
            else:
                stretches.append([change.at_s, None, change.warning.level])
    return [[begin, end_s if end is None else end, level] for begin, end, level in stretches]
