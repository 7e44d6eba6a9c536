import numpy as np
import pytest

pytest.importorskip("pybamm", reason="PyBaMM is not installed: the extra `truth` (docs/battery-truth.md)")

from tools.truth.assemble import make_truth_pack
from tools.truth.electrochemistry import CellCase, CellModel, Trip
from tools.truth.journey import make_journey, state_at
from tools.truth.pybamm_packs import FAULTY, ORDER, packs_of


def resting(days=2.0):
    frame_s = np.arange(600.0, days * 86400.0, 600.0)
    knot_s = np.concatenate([[0.0], frame_s])
    return Trip(knot_s, np.zeros(len(knot_s)), np.full(len(knot_s), 25.0), np.zeros(0), frame_s)


def test_a_shunt_takes_its_voltage_over_its_resistance():
    trip = resting()
    model = CellModel("Chen2020", "NMC", trip, ageing=False)
    x, y = state_at(model.electrodes, 0.7, 0.0)
    siemens_per_ah = np.full(len(trip.knot_s), 1e-4)
    run = model.run(CellCase(x, y, siemens_per_ah=siemens_per_ah))
    lost_ah = (x - run.x[-1]) * model.electrodes.negative_ah
    told_ah = np.trapezoid(run.cell_v, trip.frame_s) / 3600.0 * 1e-4 * model.electrodes.capacity_ah
    assert lost_ah == pytest.approx(told_ah, rel=0.01)


def test_a_cell_without_current_or_shunt_keeps_its_charge():
    model = CellModel("Prada2013", "LFP", resting(), ageing=False)
    x, y = state_at(model.electrodes, 0.7, 0.0)
    run = model.run(CellCase(x, y))
    assert run.x[-1] == pytest.approx(x, abs=1e-5)
    assert run.capacity_share[0] == pytest.approx(1.0, abs=0.005)


def test_a_short_journey_gives_packs():
    journey = make_journey(9, 0, "NMC", 3)
    frames, truth = make_truth_pack(journey, 1, "connection", 9)
    assert frames.pack.n_cell == 96
    assert truth.capacity_ah.shape[1] == 96
    again, _ = make_truth_pack(journey, 1, "connection", 9)
    assert np.array_equal(frames.cell_v, again.cell_v)


def test_three_journeys_of_each_chemistry_have_every_kind():
    kinds = {kind for number in (0, 2, 4) for kind in packs_of(number)[:FAULTY]}
    assert kinds == set(ORDER)


def test_the_solver_misses_no_trip():
    journey = make_journey(9, 1, "LFP", 4)
    for case, base in zip(journey.cases, journey.bases, strict=True):
        assert base.n == len(journey.real.at_s)
        assert abs(journey.model.charge_apart(case, base)) < 0.005
