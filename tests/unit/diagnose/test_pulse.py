"""Pulse tests grade bare cells: leaving a cell out is what it says, intervals hold what they promise, what is unlike is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose.pulse import N_LEAST, PulseTests, common_charge, features, first_resistance_ohm, grade_cells
from evloom.diagnose.pulse_fit import _alike, fitted, half_width, nearness, predicted
from evloom.diagnose.pulse_told import plain_grades, told_grades
from evloom.store.battery.rules import load_rules
from evloom.vehicle.chemistry import NMC

RULES = load_rules()
C_RATES = (0.5, -0.5, 1.0, -1.0, 1.5)
LEVELS = (0.1, 0.2, 0.3)


def made(rng: np.random.Generator, n_cell: int, levels: tuple[float, ...] = LEVELS, noise_v: float = 0.0003) -> PulseTests:
    """Cells whose resistance grows as their capacity falls; each is charged from empty by shares of its rated capacity."""
    rated_ah = 20.0
    rows: list[tuple[str, float, float, np.ndarray]] = []
    for cell in range(n_cell):
        soh = rng.uniform(0.6, 1.0)
        ohm = 0.002 * (1.0 + 1.5 * (1.0 - soh)) * rng.normal(1.0, 0.02)
        for level in levels:
            rest = float(NMC.ocv(min(level / soh, 1.0)))
            volts = [rest]
            for c_rate in C_RATES:
                drop = ohm * c_rate * rated_ah
                volts += [rest + drop * 0.6, rest + drop, rest + drop * 0.4, rest + drop * 0.05]
            rows.append((f"cell {cell}", level, soh, np.array(volts) + rng.normal(0.0, noise_v, 21)))
    return PulseTests(
        cell=tuple(row[0] for row in rows),
        origin=tuple(row[0] for row in rows),
        kind=("NMC 20 Ah",) * len(rows),
        rated_ah=np.full(len(rows), rated_ah),
        charged=np.array([row[1] for row in rows]),
        u_v=np.array([row[3] for row in rows]),
        capacity_ah=np.array([row[2] for row in rows]) * rated_ah,
    )


def blind(tests: PulseTests) -> PulseTests:
    return replace(tests, capacity_ah=np.full(tests.n, np.nan))


def as_found(tests: PulseTests) -> PulseTests:
    names = tuple(f"{cell}/{place}" for place, cell in enumerate(tests.cell))
    return replace(blind(tests), cell=names, charged=np.full(tests.n, np.nan))


def test_misses_are_those_of_fits_without_the_cell() -> None:
    tests = made(np.random.default_rng(1), 14)
    given, target, origins = features(tests.u_v), tests.soh(), np.array(tests.origin)
    fit = fitted(given, target, origins, np.array(tests.cell))
    points, y = fit.points, (target - fit.mean) / target.std()
    for name in ("cell 0", "cell 9"):
        out = origins == name
        alike = _alike(points[~out], points[~out], fit.reach) + fit.ridge * np.eye(int((~out).sum()))
        there = _alike(points[out], points[~out], fit.reach) @ np.linalg.solve(alike, y[~out])
        assert (there - y[out]) * target.std() == pytest.approx(fit.misses[out], abs=1e-9)


def test_cells_are_graded_by_others_and_their_intervals_hold() -> None:
    reference, other = made(np.random.default_rng(2), 40), made(np.random.default_rng(3), 60)
    renamed = replace(other, cell=tuple(f"new {name}" for name in other.cell), origin=tuple(f"new {name}" for name in other.origin))
    truth = dict(zip(renamed.cell, renamed.soh(), strict=True))
    grades = grade_cells(blind(renamed), RULES, reference)
    assert [grade.cell for grade in grades] == list(dict.fromkeys(renamed.cell))
    assert {grade.way for grade in grades} == {"counted"}
    miss = np.array([grade.soh.p50 - truth[grade.cell] for grade in grades if grade.soh is not None])
    assert len(miss) == 60
    assert np.abs(miss).mean() < 0.015
    inside = np.mean([grade.soh.p10 <= truth[grade.cell] <= grade.soh.p90 for grade in grades if grade.soh is not None])
    assert 0.65 <= inside <= 0.95
    assert all(grade.grade.name in "ABCD" and grade.reference == 40 and grade.tests == 3 for grade in grades)


def test_several_levels_narrow_the_interval_and_an_unknown_charge_widens_it() -> None:
    reference, other = made(np.random.default_rng(2), 40), made(np.random.default_rng(3), 10)
    one = other.part(other.charged == 0.1)
    means = []
    for asked in (blind(other), blind(one), as_found(one)):
        widths = [grade.soh.p90 - grade.soh.p10 for grade in grade_cells(asked, RULES, reference) if grade.soh is not None]
        means.append(np.mean(widths))
    assert means[0] < means[2]
    assert means[1] < means[2]


def test_measured_cells_of_the_same_file_are_the_reference() -> None:
    tests = made(np.random.default_rng(4), 30)
    hidden = np.array([name in ("cell 3", "cell 17") for name in tests.cell])
    mixed = replace(tests, capacity_ah=np.where(hidden, np.nan, tests.capacity_ah))
    grades = {grade.cell: grade for grade in grade_cells(mixed, RULES)}
    assert grades["cell 3"].way == "counted"
    assert grades["cell 3"].reference == 28
    assert grades["cell 4"].way == "measured"
    assert grades["cell 4"].soh is not None
    assert grades["cell 4"].soh.p50 == pytest.approx(tests.soh()[list(tests.cell).index("cell 4")])
    assert grades["cell 3"].soh is not None
    assert grades["cell 3"].soh.p50 == pytest.approx(tests.soh()[list(tests.cell).index("cell 3")], abs=0.05)


def test_too_few_or_other_cells_are_no_reference() -> None:
    few, other = made(np.random.default_rng(5), N_LEAST - 1), made(np.random.default_rng(6), 3)
    for reference in (few, replace(made(np.random.default_rng(5), 30), kind=("LFP 35 Ah",) * 90)):
        for grade in grade_cells(as_found(other), RULES, reference):
            assert grade.soh is None
            assert grade.grade.name == ""
            assert grade.missing == ("missing.reference",)
    assert [grade.missing for grade in grade_cells(as_found(other), RULES)] == [("missing.reference",)] * other.n


def test_a_level_that_nobody_tested_is_graded_as_found() -> None:
    reference = made(np.random.default_rng(2), 30)
    asked = blind(made(np.random.default_rng(3), 4, levels=(0.25,)))
    assert {grade.way for grade in grade_cells(asked, RULES, reference)} == {"found"}


def test_what_is_unlike_every_reference_cell_is_refused() -> None:
    reference, other = made(np.random.default_rng(2), 30), made(np.random.default_rng(3), 3)
    odd = replace(blind(other), u_v=other.u_v[:, :1] + 8.0 * (other.u_v - other.u_v[:, :1]))
    for grade in grade_cells(odd, RULES, reference):
        assert grade.soh is None
        assert grade.missing == ("missing.unlike",)
    fit = fitted(features(reference.u_v), reference.soh(), np.array(reference.origin), np.array(reference.cell))
    assert nearness(fit, features(reference.u_v)).max() < 1e-6
    assert predicted(fit, features(reference.u_v)) == pytest.approx(reference.soh(), abs=0.05)


def test_only_states_of_charge_of_all_cells_are_learnt_from() -> None:
    """Weak cells reach states of charge that sound ones were not tested at; these would give the health away."""
    tests = made(np.random.default_rng(7), 40, levels=(0.1, 0.2, 0.3, 0.4, 0.5))
    common = common_charge(tests)
    true = tests.charged / tests.soh()
    assert true[~common].max() > true[common].max()
    per_cell = {name: common[[each == name for each in tests.cell]].sum() for name in tests.cell}
    assert min(per_cell.values()) >= 2
    assert common_charge(replace(tests, charged=np.full(tests.n, np.nan))).all()


def test_an_interval_of_many_tests_of_a_cell_is_no_wider() -> None:
    tests = made(np.random.default_rng(8), 30, noise_v=0.004)
    fit = fitted(features(tests.u_v), tests.soh(), np.array(tests.origin), np.array(tests.cell))
    assert half_width([fit] * 4, 0.8) < half_width([fit], 0.8) < half_width([fit], 0.95)


def test_the_order_of_cells_changes_nothing() -> None:
    reference, other = made(np.random.default_rng(2), 20), blind(made(np.random.default_rng(3), 6))
    turned = other.part(np.arange(other.n)[::-1])
    there = {grade.cell: grade.soh for grade in grade_cells(other, RULES, reference)}
    for grade in grade_cells(turned, RULES, reference):
        same = there[grade.cell]
        assert grade.soh is not None
        assert same is not None
        assert grade.soh.p50 == pytest.approx(same.p50, abs=1e-9)
    assert grade_cells(other.part(np.zeros(0, dtype=np.int64)), RULES, reference) == ()


def test_resistance_is_that_of_the_first_pulse() -> None:
    tests = made(np.random.default_rng(9), 5, noise_v=0.0)
    assert (first_resistance_ohm(tests) > 0.0019).all()
    assert (first_resistance_ohm(tests) < 0.0034).all()


def test_grades_are_told_in_both_languages_and_as_plain_values() -> None:
    reference, other = made(np.random.default_rng(2), 20), made(np.random.default_rng(3), 2)
    odd = replace(other, cell=tuple(f"odd {name}" for name in other.cell), kind=("LFP 35 Ah",) * other.n)
    grades = grade_cells(blind(other.joined(odd)), RULES, reference)
    json.dumps(plain_grades(grades), allow_nan=False)
    for language in ("en", "zh"):
        head, *rows = told_grades(grades, language)
        assert {len(row) for row in rows} == {len(head)}
        assert [row[0] for row in rows] == [grade.cell for grade in grades]
        assert [row[2] == "-" for row in rows] == [False, False, True, True]
    assert "at least 10 cells" in told_grades(grades)[-1][-1]
    assert told_grades(grades, "zh")[1][-1].startswith("脉冲3次")
