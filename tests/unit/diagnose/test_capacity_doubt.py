"""How far shape and the management's own figure are believed: both are heard, neither is followed where they contradict each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.diagnose.capacity_doubt import FULL_GAUGE, LEAST_GAUGE, Shape, believed, gauge, shape_trust
from evloom.diagnose.window import Interval, Window

CAPS = np.exp(0.0125 * (np.arange(64) - 31.5))


def charge(ah: float, span: float | None, own: float | None = None, refused: str = "") -> Window:
    interval = None if own is None else Interval(0.98 * own, own, 1.02 * own)
    return Window(0.0, 3600.0, "ac", None, ah, 25.0, interval, refused, span)


def sharp(cap: float) -> np.ndarray:
    weight = np.exp(-0.5 * (np.log(CAPS / cap) / 0.01) ** 2)
    return np.asarray(weight / weight.sum())


def middle_and_sd(weight: np.ndarray) -> tuple[float, float]:
    x = np.log(CAPS)
    mean = float(weight @ x)
    return float(np.exp(mean)), float(np.sqrt(weight @ (x - mean) ** 2))


def test_the_gauge_is_the_median_of_many_charges() -> None:
    windows = [charge(50.0, 0.5), charge(51.0, 0.5), charge(49.0, 0.5), charge(20.0, 0.8), charge(30.0, 0.3)]
    told = gauge(windows)
    assert told is not None
    assert told[0] == pytest.approx(100.0, rel=0.03)
    assert told[1] > LEAST_GAUGE


def test_without_a_state_of_charge_there_is_no_witness() -> None:
    assert gauge([]) is None
    assert gauge([charge(50.0, None), charge(5.0, 0.05), charge(50.0, 0.5, refused="hole")]) is None


def test_charges_that_scatter_are_doubted() -> None:
    calm = gauge([charge(ah, 0.5) for ah in (50.0, 50.2, 49.9, 50.1)])
    wild = gauge([charge(ah, 0.5) for ah in (40.0, 60.0, 46.0, 55.0)])
    assert calm is not None
    assert wild is not None
    assert wild[1] > 1.5 * calm[1]


def test_full_charges_are_better_witnesses_than_halves() -> None:
    half, full = gauge([charge(50.0, 0.5)] * 40), gauge([charge(90.0, 0.9)] * 40)
    assert half is not None
    assert full is not None
    assert full[1] < half[1]
    assert full[1] > FULL_GAUGE


def test_what_the_best_curve_leaves_tells_whether_it_is_known() -> None:
    chances = [shape_trust("NMC", strain, []).chance for strain in (0.0, 0.1, 0.27, 1.0, 9.0)]
    assert chances == sorted(chances, reverse=True)
    assert chances[1] > 0.95
    assert chances[2] == pytest.approx(0.5)
    assert chances[3] < 0.05
    assert shape_trust("LFP", 0.1, []).known > shape_trust("NMC", 0.1, []).known
    scattered = [charge(50.0, None, own) for own in (90.0, 100.0, 110.0, 96.0)]
    assert shape_trust("NMC", 0.1, scattered).known > shape_trust("NMC", 0.1, [charge(50.0, None, 100.0)] * 4).known


KNOWN, FOREIGN = Shape(0.98, 0.005, 0.065, 0.0), Shape(0.02, 0.005, 0.065, 0.0)


def test_where_both_agree_the_answer_is_sharper_than_either() -> None:
    middle, sd = middle_and_sd(believed(CAPS, sharp(1.0), FOREIGN, (1.0, 0.05)))
    assert middle == pytest.approx(1.0, abs=0.002)
    assert sd < 0.05


def test_a_known_curve_is_followed_and_a_foreign_one_asks_the_witness() -> None:
    assert middle_and_sd(believed(CAPS, sharp(1.0), KNOWN, (0.95, 0.045)))[0] == pytest.approx(1.0, abs=0.004)
    middle, sd = middle_and_sd(believed(CAPS, sharp(1.1), FOREIGN, (0.95, 0.045)))
    assert 0.97 < middle < 1.03
    assert sd > 3.0 * middle_and_sd(believed(CAPS, sharp(1.0), KNOWN, (1.0, 0.045)))[1]


def test_a_witness_that_contradicts_makes_a_curve_foreign() -> None:
    half = Shape(0.5, 0.005, 0.065, 0.0)
    agreed, denied = (middle_and_sd(believed(CAPS, sharp(1.0), half, (witness, 0.045)))[1] for witness in (1.0, 0.87))
    assert denied > 1.3 * agreed


def test_where_no_curve_explains_anything_the_witness_is_left() -> None:
    strange = shape_trust("NMC", 60.0, [])
    assert strange.foreign > 1.0
    middle, sd = middle_and_sd(believed(CAPS, sharp(0.75), strange, (1.0, 0.045)))
    assert middle == pytest.approx(1.0, abs=0.01)
    assert sd > 0.045


def test_a_shape_that_is_not_known_is_taken_back() -> None:
    assert middle_and_sd(believed(CAPS, sharp(1.0), FOREIGN._replace(ahead=0.02), None))[0] == pytest.approx(0.98, abs=0.003)


@given(st.floats(0.75, 1.3), st.floats(0.0, 1.0), st.floats(0.001, 0.2), st.floats(0.4, 2.5), st.floats(0.04, 0.5))
def test_weights_stay_weights(cap: float, chance: float, doubt: float, witness: float, doubt_of_it: float) -> None:
    told = believed(CAPS, sharp(cap), Shape(chance, doubt, 2.0 * doubt, 0.01), (witness, doubt_of_it))
    assert told.shape == CAPS.shape
    assert np.all(told >= 0.0)
    assert told.sum() == pytest.approx(1.0)
