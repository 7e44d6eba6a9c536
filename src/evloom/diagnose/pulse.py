"""Grading of bare retired cells by pulse tests: state of health with its interval, learnt from cells of the same kind that were measured.

A pulse test is 21 voltages (`U1`..`U21`): before the first pulse, then for each of five pulses (charging and discharging by turns, 0.5,
0.5, 1, 1 and 1.5 C) right after its begin, at its end, right after it, and at the end of the rest. Where the cell was emptied first and
charged by a known share of its rated capacity, the voltage before the pulses tells most; where a cell is tested as it is found, the pulses
must.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose.card_rules import Rules
from evloom.diagnose.grade import Condition, Grade, grade_of
from evloom.diagnose.pulse_fit import Fit, fitted, half_width, misses_by_cell, nearness, predicted
from evloom.diagnose.value_points import Spread, cases, spread_over
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Bool, Float, Int

N_U = 21
FIRST_C_RATE = 0.5
N_LEAST = 10
"""Reference cells of a kind that are needed to learn from."""
LEVEL_STEP = 0.01
"""Shares charged from empty that differ by less than half of this are one level."""
INSIDE = 0.8
"""Share of the cells whose state of health lies between p10 and p90."""
_COMMON = 0.95  # of the reference cells must have been tested at a state of charge that is learnt from
_MEASURED_DOUBT = 0.01  # of a capacity measured by a full discharge
_POINTS = 512
_MOST = 1000
"""Tests that one fit learns from; of more, so many evenly over the state of health: time and memory grow with their cube and square."""


@dataclass(frozen=True)
class PulseTests:
    """Pulse tests as rows (n,). A cell may have several, at several states of charge.

    cell       its name; origin  the physical cell, the same where one was tested at several ages
    kind       tests that may be compared: chemistry, rated capacity and pulse length
    charged    share of the rated capacity charged from empty before the test, NaN where the cell was tested as found
    u_v        (n, 21) voltages; capacity_ah  measured, NaN where it is to be graded
    """

    cell: tuple[str, ...]
    origin: tuple[str, ...]
    kind: tuple[str, ...]
    rated_ah: Float
    charged: Float
    u_v: Float
    capacity_ah: Float

    @property
    def n(self) -> int:
        """Number of tests."""
        return len(self.cell)

    def part(self, which: Int | Bool) -> "PulseTests":
        """Some of the tests, in their order."""
        rows = np.flatnonzero(which) if np.asarray(which).dtype == np.bool_ else np.asarray(which)
        return PulseTests(
            tuple(self.cell[row] for row in rows),
            tuple(self.origin[row] for row in rows),
            tuple(self.kind[row] for row in rows),
            self.rated_ah[rows],
            self.charged[rows],
            self.u_v[rows],
            self.capacity_ah[rows],
        )

    def joined(self, other: "PulseTests") -> "PulseTests":
        """These tests and others after them."""
        return PulseTests(
            (*self.cell, *other.cell),
            (*self.origin, *other.origin),
            (*self.kind, *other.kind),
            np.concatenate([self.rated_ah, other.rated_ah]),
            np.concatenate([self.charged, other.charged]),
            np.concatenate([self.u_v, other.u_v]),
            np.concatenate([self.capacity_ah, other.capacity_ah]),
        )

    def soh(self) -> Float:
        """Measured capacity over the rated one, (n,), NaN where not measured."""
        return self.capacity_ah / self.rated_ah


@dataclass(frozen=True, slots=True)
class CellGrade:
    """What is said of a cell.

    soh        p10, p50, p90, None where nothing can be said (`missing`, keys of `card_texts`)
    way        "measured", "counted" (charged from empty by a known share) or "found"
    resistance_ohm  over the first pulse, mean of its tests; tests  how many were used; reference  how many cells it was learnt from
    by_pulses  of a cell whose capacity is measured: what its pulses say by all other physical cells of its kind, None where those are few
    """

    cell: str
    kind: str
    soh: Interval | None
    way: str
    grade: Grade
    resistance_ohm: float
    tests: int
    reference: int
    missing: tuple[str, ...] = ()
    by_pulses: Interval | None = None


def grade_cells(tests: PulseTests, rules: Rules, reference: PulseTests | None = None) -> tuple[CellGrade, ...]:
    """Grades of the cells of `tests`, in the order in which they first come.

    Cells whose capacity is measured are the reference, those of `tests` and those of `reference`. Deterministic.
    """
    return tuple(graded(tests, rules, reference))


def graded(tests: PulseTests, rules: Rules, reference: PulseTests | None = None) -> Iterator[CellGrade]:
    """The same one after the other, for who shows how far it has come."""
    known = _measured(tests) if reference is None else _measured(tests).joined(_measured(reference))
    learnt: dict[str, Learnt] = {}
    for rows in _rows_of([f"{kind}\n{cell}" for kind, cell in zip(tests.kind, tests.cell, strict=True)]).values():
        own = tests.part(rows)
        kind = own.kind[0]
        if kind not in learnt:
            learnt[kind] = Learnt(known.part(np.array([each == kind for each in known.kind], dtype=bool)))
        if np.isfinite(own.capacity_ah).any():
            yield replace(_of_measurement(own, rules), by_pulses=_left_out(own, learnt[kind]))
        else:
            yield _of_pulses(own, learnt[kind], rules)


class Learnt:
    """Reference cells of one kind and what was learnt from them; each fit is made when it is first asked for."""

    def __init__(self, known: PulseTests) -> None:
        self.known = known
        self.n_cell = len(set(known.origin))
        self._levels: dict[int, Fit | None] = {}
        self._found: Fit | None = None
        self._found_is_made = False
        self._widths: dict[tuple[int, ...], float] = {}
        self._misses: dict[int, dict[str, float]] = {}

    def level(self, place: int) -> Fit | None:
        """The fit at a share charged from empty, in steps of LEVEL_STEP; None where too few cells were tested there."""
        if place not in self._levels:
            rows = np.array([level_of(share) == place for share in self.known.charged], dtype=bool)
            self._levels[place] = self._fit(self.known.part(rows))
        return self._levels[place]

    def found(self) -> Fit | None:
        """The fit for cells tested as found, from states of charge at which nearly all reference cells were tested."""
        if not self._found_is_made:
            self._found, self._found_is_made = self._fit(self.known.part(common_charge(self.known))), True
        return self._found

    def half_width(self, fits: Sequence[Fit]) -> float:
        """Half of the width of an interval about the mean of what these fits say."""
        key = tuple(map(id, fits))
        if key not in self._widths:
            self._widths[key] = half_width(fits, INSIDE)
        return self._widths[key]

    def misses(self, fit: Fit) -> dict[str, float]:
        """By how much each reference cell is missed by a fit of the others."""
        if id(fit) not in self._misses:
            self._misses[id(fit)] = misses_by_cell(fit)
        return self._misses[id(fit)]

    def _fit(self, rows: PulseTests) -> Fit | None:
        if rows.n > _MOST:
            rows = rows.part(np.sort(np.argsort(rows.soh(), kind="stable")[np.linspace(0, rows.n - 1, _MOST).astype(np.int64)]))
        if len(set(rows.origin)) < N_LEAST:
            return None
        return fitted(features(rows.u_v), rows.soh(), np.array(rows.origin), np.array(rows.cell))


def level_of(share: float) -> int:
    """Level of a share charged from empty, -1 where the cell was tested as found."""
    return round(share / LEVEL_STEP) if np.isfinite(share) else -1


def common_charge(known: PulseTests) -> Bool:
    """Tests (n,) at a true state of charge at which nearly all cells of `known` were tested.

    Beyond it the state of charge by itself would tell the state of health, by how the tests were made: only weak cells
    were tested when nearly full.
    """
    true = known.charged / known.soh()
    if not np.isfinite(true).any():
        return np.ones(known.n, dtype=bool)
    spans = [(np.nanmin(true[rows]), np.nanmax(true[rows])) for rows in _rows_of(known.cell).values() if np.isfinite(true[rows]).any()]
    low = np.quantile([each[0] for each in spans], _COMMON)
    high = np.quantile([each[1] for each in spans], 1.0 - _COMMON)
    return np.asarray((true >= low) & (true <= high))


def features(u_v: Float) -> Float:
    """(n, 21): the voltage before the pulses and the 20 differences to it."""
    return np.column_stack([u_v[:, 0], u_v[:, 1:] - u_v[:, :1]])


def first_resistance_ohm(tests: PulseTests) -> Float:
    """Resistance (n,) over the first pulse, from before it to its end."""
    return (tests.u_v[:, 2] - tests.u_v[:, 0]) / (FIRST_C_RATE * tests.rated_ah)


def _of_measurement(own: PulseTests, rules: Rules) -> CellGrade:
    soh = float(np.nanmean(own.soh()))
    interval = Interval(soh - _MEASURED_DOUBT, soh, soh + _MEASURED_DOUBT)
    return _told(own, interval, "measured", 0, rules)


def _left_out(own: PulseTests, learnt: Learnt) -> Interval | None:
    """What the pulses of a measured cell say when its physical cell is not learnt from."""
    fits = [fit for share in own.charged if np.isfinite(share) and (fit := learnt.level(level_of(share))) is not None]
    fits = fits or [fit for fit in (learnt.found(),) if fit is not None]
    misses = [each for fit in fits if (each := learnt.misses(fit).get(own.cell[0])) is not None]
    if not misses:
        return None
    soh, half = float(np.nanmean(own.soh()) + np.mean(misses)), learnt.half_width(fits)
    return Interval(soh - half, soh, soh + half)


def _of_pulses(own: PulseTests, learnt: Learnt, rules: Rules) -> CellGrade:
    fits = [learnt.level(level_of(share)) if np.isfinite(share) else None for share in own.charged]
    counted = np.array([fit is not None for fit in fits], dtype=bool)
    if counted.any():
        pairs = [(fit, features(own.part(np.array([row])).u_v)) for row, fit in enumerate(fits) if fit is not None]
        return _answer(own.part(counted), pairs, "counted", learnt, rules)
    fit = learnt.found()
    if fit is None:
        return _refused(own, "found", learnt, ("missing.reference",))
    return _answer(own, [(fit, features(own.part(np.array([row])).u_v)) for row in range(own.n)], "found", learnt, rules)


def _answer(own: PulseTests, pairs: Sequence[tuple[Fit, Float]], way: str, learnt: Learnt, rules: Rules) -> CellGrade:
    """Mean over the tests that are like the reference, with the interval that such means have had there."""
    like = [(fit, row) for fit, row in pairs if nearness(fit, row)[0] <= 1.0]
    if not like:
        return _refused(own, way, learnt, ("missing.unlike",))
    soh = float(np.mean([predicted(fit, row)[0] for fit, row in like]))
    half = learnt.half_width([fit for fit, _ in like])
    return _told(own, Interval(soh - half, soh, soh + half), way, learnt.n_cell, rules)


def _told(own: PulseTests, soh: Interval, way: str, n_reference: int, rules: Rules) -> CellGrade:
    spread = spread_over(Spread(soh.p10, soh.p50, soh.p90), cases(_POINTS, 1)[0])
    grade = grade_of(Condition(soh.p50, None, None, ""), spread, rules.grades)
    ohm = float(first_resistance_ohm(own).mean())
    return CellGrade(own.cell[0], own.kind[0], soh, way, replace(grade, missing=()), ohm, own.n, n_reference)


def _refused(own: PulseTests, way: str, learnt: Learnt, missing: tuple[str, ...]) -> CellGrade:
    ohm = float(first_resistance_ohm(own).mean())
    return CellGrade(own.cell[0], own.kind[0], None, way, Grade("", "", (), (), missing), ohm, own.n, learnt.n_cell, missing)


def _measured(tests: PulseTests) -> PulseTests:
    return tests.part(np.isfinite(tests.capacity_ah))


def _rows_of(names: Sequence[str]) -> dict[str, Int]:
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return {name: np.array(places, dtype=np.int64) for name, places in rows.items()}
