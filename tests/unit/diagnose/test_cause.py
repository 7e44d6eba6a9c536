"""The cause of a warning: probabilities that fit the part, figures that tell the courses of a charge apart, and what no fault explains."""

import numpy as np
import pytest

from evloom.diagnose.cause import (
    NAMES,
    OF_CELLS,
    OF_PACKS,
    UNKNOWN,
    as_it_turned_out,
    grounds,
    heard,
    learnt,
    part_places,
    probabilities,
    told_cause,
)
from evloom.diagnose.cause_course import course
from evloom.diagnose.cause_figures import figures_of
from evloom.diagnose.detect import N_CHANNEL, N_PACK, PACE, PROBE, Scores, fresh_track
from evloom.diagnose.evidence import fresh_sums, read_day
from evloom.diagnose.signature import names, signature
from evloom.vehicle.telemetry import Pack

N_CELL, N_PROBE, CELL = 12, 4, 5


def scores(n_cell: int = N_CELL, n_probe: int = N_PROBE) -> Scores:
    zeros = np.zeros((N_CHANNEL, n_cell))
    return Scores(zeros.copy(), zeros.copy(), np.zeros((len(PACE), n_cell)), np.zeros(N_PACK), np.zeros((len(PROBE), n_probe)))


def quiet(n_cell: int = N_CELL, n_probe: int = N_PROBE):
    return read_day(fresh_sums(Pack("car", "pack", n_cell, n_probe, "NMC", 150.0)), 0.0)


def of_course(charge: np.ndarray) -> dict[str, float]:
    """The course of one cell whose charge is this, day by day, among cells that stand still."""
    track = fresh_track(N_CELL, N_PROBE)
    n = len(charge)
    track.ring[-n:] = 0.0
    track.ring[-n:, :, CELL] = charge[:, None]
    track.ring_day[-n:] = np.arange(n)
    return course(track, 1, CELL)


def test_a_signature_has_its_figures_for_every_part_and_size() -> None:
    for n_cell, n_probe, part in ((0, 0, ("pack", 0)), (1, 0, ("cell", 0)), (N_CELL, N_PROBE, ("cell", 0)), (N_CELL, 1, ("probe", 0))):
        row = signature(fresh_track(n_cell, n_probe), scores(n_cell, n_probe), quiet(n_cell, n_probe), part)
        assert row.shape == (len(names()),) == learnt().mean.shape
        assert np.isfinite(row).all()
    assert len(set(names())) == len(names())
    assert learnt().fits.shape == (part_places().stop - part_places().start, len(NAMES))


def test_odd_numbers_stay_out_of_a_signature() -> None:
    track, told = fresh_track(N_CELL, N_PROBE), scores()
    track.now[:] = np.nan
    told.drift[0, CELL] = np.inf
    assert np.isfinite(signature(track, told, quiet(), ("cell", CELL))).all()


def test_causes_are_probabilities_and_fit_the_part() -> None:
    rng = np.random.default_rng(5)
    hot = part_places()
    for of_cell, kinds in ((True, OF_CELLS), (False, OF_PACKS)):
        for _ in range(20):
            row = rng.normal(0.0, 1.0, len(names()))
            row[hot] = 0.0
            row[hot.start + (0 if of_cell else 1)] = 1.0
            causes = told_cause(row, of_cell)
            assert sum(chance for _, chance in causes) == pytest.approx(1.0, abs=1e-3)
            assert {name for name, _ in causes} <= {*kinds, UNKNOWN}
    wild = np.array([0.0 if name.startswith("says ") else 50.0 for name in names()])
    assert told_cause(wild, True)[0][0] == UNKNOWN


def test_what_a_pack_shows_as_a_whole_is_no_matter_of_one_cell() -> None:
    """Another current sensor or another contact outside changes nothing of what is said of a cell, and all that is said of the pack."""
    rng = np.random.default_rng(8)
    wide = [names().index(name) for name in ("zero current score", "outside resistance score", "insulation gone", "severity of pack")]
    row = np.tile(rng.normal(0.0, 1.0, len(names())), (2, 1))
    row[1, wide] += 3.0
    hot = part_places()
    for place, same in ((0, True), (1, True), (3, False)):
        row[:, hot] = 0.0
        row[:, hot.start + place] = 1.0
        told = probabilities(learnt(), row, np.array([place == 0] * 2))
        assert np.array_equal(heard(row)[0], heard(row)[1]) == same
        assert np.array_equal(told[0], told[1]) == same or not same


def test_a_part_in_which_no_named_fault_shows_is_unknown() -> None:
    row = np.zeros((1, len(names())))
    chance = probabilities(learnt(), row, np.array([False]))
    assert chance[0, -1] == pytest.approx(chance.max())


def test_the_likeliest_cause_stays_the_likeliest_when_it_is_held_against_how_it_turned_out() -> None:
    raw = np.random.default_rng(3).dirichlet(np.full(11, 0.4), 200)
    told = as_it_turned_out(learnt(), raw, grounds(raw, raw, np.ones((200, 8))))
    assert (told.argmax(axis=1) == raw.argmax(axis=1)).all()
    assert told.sum(axis=1) == pytest.approx(1.0)
    assert (told >= 0.0).all()


def test_courses_of_a_charge_are_told_apart() -> None:
    """An even loss is a line, one that grows is bent downwards, one that begins late is a late line, service in the middle a step."""
    day = np.arange(40.0)
    even, growing = of_course(-0.002 * day), of_course(-0.00005 * day**2)
    late, step = of_course(-0.004 * np.maximum(day - 20.0, 0.0)), of_course(np.where(day < 20, 0.0, -0.05))
    assert even["line"] > 0.98
    assert abs(even["bend of pace"]) < 0.05
    assert growing["bend of pace"] < -0.3
    assert growing["bend"] > growing["line"]
    assert late["late line"] > 0.98 > late["line"]
    assert late["begin"] == pytest.approx(0.5, abs=0.08)
    assert step["step"] > max(0.88, step["line"] + 0.1)
    assert set(of_course(np.zeros(3)).values()) == {0.0}


def test_noise_that_no_resistance_explains_and_balancing_without_end_are_figures_of_their_own() -> None:
    track, told, day = fresh_track(N_CELL, N_PROBE), scores(), quiet()
    day.noise_v[:] = 0.001
    calm = figures_of(track, told, day, ("cell", CELL))
    day.noise_v[CELL] = 0.006
    loud = figures_of(track, told, day, ("cell", CELL))
    assert calm["loud for its resistance"] == pytest.approx(0.0)
    assert loud["loud for its resistance"] == pytest.approx(np.log(6.0))
