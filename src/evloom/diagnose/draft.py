"""From a day's scores to a warning as it would be told: cause, evidence, advice."""

from typing import NamedTuple

import numpy as np

from evloom.diagnose.advice import advised, expected_of, missing_of, next_measurement
from evloom.diagnose.cause import danger_share, told_cause
from evloom.diagnose.detect import Scores, Track, slopes
from evloom.diagnose.evidence import DayFeatures
from evloom.diagnose.signature import PACK_KEYS, foremost, leak_a, signature
from evloom.diagnose.warning import Finding, Series, Warning  # noqa: A004
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Pack

DANGER_OHM = 60.0
"""A leak as of a short of less than this is a danger: 60 mA at 3.7 V, 1 % of a cell of 150 Ah a day, and shorts get worse."""
DANGER_SEVERITY = 2.0
DANGER_SHARE = 0.3
"""Least probability of a short, or of an unknown cause, with which a leak is one."""
DANGER_DROP_V = 0.15
CELL_V = 3.6


class Look(NamedTuple):
    """What there is to see on a day."""

    pack: Pack
    track: Track
    scores: Scores
    features: DayFeatures


def cell_finding(now: Look, cell: int, severity: float, drop_v: float = 0.0) -> Finding:
    """What is found of a cell. drop_v: by how much it has just left the pack."""
    figures = signature(now.track, now.scores, now.features, ("cell", cell))
    causes, share = told_cause(figures, True), danger_share(figures)
    leak = leak_a(now.track, now.features, cell)
    is_leak = leak > CELL_V / DANGER_OHM and severity >= DANGER_SEVERITY and share >= DANGER_SHARE
    test = foremost(now.scores, now.features.kind, cell) if drop_v == 0.0 else "left the pack within minutes"
    draft = _warning(now, causes, severity, test)._replace(cell=cell, leak_a=leak, evidence=_cell_series(now, cell))
    return Finding(severity, is_leak or drop_v >= DANGER_DROP_V, draft.made())


def probe_finding(now: Look, probe: int, severity: float) -> Finding:
    """What is found of a temperature probe."""
    place = int(np.argmax(np.abs(now.scores.probe[:, probe])))
    test = ("probe offset", "probe absent", "probe stuck", "probe heat")[place]
    causes = told_cause(signature(now.track, now.scores, now.features, ("probe", probe)), False)
    return Finding(severity, False, _warning(now, causes, severity, test)._replace(probe=probe).made())


def pack_finding(now: Look, place: int, severity: float) -> Finding:
    """What is found of a figure of the pack as a whole."""
    causes = told_cause(signature(now.track, now.scores, now.features, ("pack", place)), False)
    return Finding(severity, False, _warning(now, causes, severity, PACK_KEYS[place]).made())


class _Draft(NamedTuple):
    now: Look
    causes: tuple[tuple[str, float], ...]
    severity: float
    test: str
    cell: int | None = None
    probe: int | None = None
    leak_a: float = 0.0
    evidence: tuple[Series, ...] = ()

    def made(self) -> Warning:
        pack, at_s, cause = self.now.pack, self.now.features.at_s, self.causes[0][0]
        return Warning(
            "", pack.vehicle_id, pack.pack_id, self.cell, self.probe, "watch", self.causes, self.severity, self.test, self.leak_a,
            at_s, at_s, at_s, at_s,
            evidence=self.evidence,
            expected=expected_of(cause),
            advice=advised(cause),
            measure_next=next_measurement(self.causes),
            missing=missing_of(self.now.features),
        )  # fmt: skip


def _warning(now: Look, causes: tuple[tuple[str, float], ...], severity: float, test: str) -> _Draft:
    return _Draft(now, causes, severity, test)


def _cell_series(now: Look, cell: int) -> tuple[Series, ...]:
    """The charge of the cell against its pack over the last days, and between which limits nine of ten cells are."""
    track = now.track
    known = np.isfinite(track.ring[:, 0].sum(axis=1)) if track.ring.shape[2] else np.zeros(len(track.ring_day), dtype=bool)
    at_s = tuple((track.ring_day[known] * 86400.0).round(0).tolist())
    charge = track.ring[known, 0].astype(np.float64)
    if not len(charge):
        return ()

    def line(name: str, values: Float) -> Series:
        return Series(name, "share of the capacity", at_s, tuple(np.round(values, 5).tolist()))

    low, high = np.percentile(charge, (5.0, 95.0), axis=1)
    lines = [line("charge of the cell", charge[:, cell]), line("5 % of the cells are below", low), line("5 % of the cells are above", high)]
    if float(np.abs(slopes(track, 10)[1]).max(initial=0.0)) > 0.0:
        lines.append(line("charge without balancing", track.ring[known, 1, cell].astype(np.float64)))
    return tuple(lines)
