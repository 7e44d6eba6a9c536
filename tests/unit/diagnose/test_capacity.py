"""The belief over curves and capacities: what fewer points and capacities say is what all of them say."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import capacity as cap
from evloom.diagnose import capacity_kernel as at
from evloom.diagnose.capacity_curves import N_SOC


def charged(kind: str, curve: int, capacity: float, span: tuple[float, float], n: int = 24) -> np.ndarray:
    """Points of a slow charge of a pack whose curve is one of the library."""
    soc = np.linspace(*span, n)
    volts = np.interp(soc, np.linspace(0.0, 1.0, N_SOC), cap.shapes_of(kind).ocv_v[curve])
    drop = np.full(n, 0.02)
    points = np.column_stack(
        [(soc - span[0]) * capacity, volts + cap.OHM * drop, drop, (soc - span[0]) * 8.0, np.full(n, 0.1), np.full(n, 2e-5)]
    )
    rest = np.zeros((1, at.N_POINT_COLUMN))
    rest[0, [at.P_V, at.P_VAR]] = np.interp(span[0], np.linspace(0.0, 1.0, N_SOC), cap.shapes_of(kind).ocv_v[curve]), 1e-5
    return np.vstack([rest, points])


def test_half_of_the_points_weigh_as_much_and_rests_stay() -> None:
    points = charged("NMC", 0, 1.0, (0.2, 0.8), 25)
    few = cap.halved(points)
    assert len(few) == 1 + 13
    assert np.array_equal(few[-1, : at.P_VAR], points[-1, : at.P_VAR])
    assert np.array_equal(few[0], points[0])
    assert (1.0 / few[:, at.P_VAR]).sum() == pytest.approx((1.0 / points[:, at.P_VAR]).sum())
    short = charged("NMC", 0, 1.0, (0.2, 0.8), 8)
    assert cap.halved(short) is short


@pytest.mark.parametrize(("kind", "span"), [("NMC", (0.15, 0.85)), ("LFP", (0.1, 0.99))])
def test_a_few_capacities_first_find_the_one_that_all_find(kind: str, span: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    told = cap.Filter(kind)
    belief = cap.begun(told, (0.92, 0.12))
    points = charged(kind, 3, 0.88, span)
    prior = cap.prior_of(told, 0.001)

    def found() -> float:
        now = cap.evidence(told, belief, points, prior)
        weight = cap.together(cap.joined(now.belief, now.found, cap.TEMPER[kind]))
        return float(np.exp(weight @ np.log(belief.caps)))

    few = found()
    monkeypatch.setattr(cap, "MOST_ACTIVE", 10**6)
    monkeypatch.setattr(cap, "MANY_ACTIVE", 10**6)
    assert few == pytest.approx(found(), rel=0.02)


def test_the_strain_of_a_pack_without_slow_charges_is_that_of_an_unknown_curve() -> None:
    told = cap.Filter("NMC")
    assert told.settled_strain == cap.FOREIGN_STRAIN
    assert replace(told, strain=0.2 * 0.5, ohm=(1.3, 1)).settled_strain == pytest.approx(0.5)
