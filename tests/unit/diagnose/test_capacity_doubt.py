"""How far shape and the management's own figure are believed: both are heard, neither is followed where they contradict each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.diagnose.capacity_doubt import LEAST_GAUGE, MOST_SHAPE, believed, gauge, shape_doubt
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


def test_misfit_and_scatter_make_the_shape_doubtful() -> None:
    assert shape_doubt("NMC", 0.0, []) < shape_doubt("NMC", 0.4, []) < shape_doubt("NMC", 9.0, []) == MOST_SHAPE
    assert shape_doubt("LFP", 0.0, []) > shape_doubt("NMC", 0.0, [])
    scattered = [charge(50.0, None, own) for own in (90.0, 100.0, 110.0, 96.0)]
    assert shape_doubt("NMC", 0.1, scattered) > shape_doubt("NMC", 0.1, [charge(50.0, None, 100.0)] * 4)


def test_where_both_agree_the_answer_is_sharper_than_either() -> None:
    middle, sd = middle_and_sd(believed(CAPS, sharp(1.0), 0.04, (1.0, 0.05)))
    assert middle == pytest.approx(1.0, abs=0.002)
    assert sd < 0.04


def test_where_they_contradict_each_other_the_answer_lies_between_and_is_wide() -> None:
    middle, sd = middle_and_sd(believed(CAPS, sharp(1.12), 0.04, (0.95, 0.05)))
    assert 0.98 < middle < 1.09
    assert sd > middle_and_sd(believed(CAPS, sharp(1.0), 0.04, (1.0, 0.05)))[1] * 1.5


@given(st.floats(0.75, 1.3), st.floats(0.0, 0.1), st.floats(0.4, 2.5), st.floats(0.045, 0.5))
def test_weights_stay_weights(cap: float, doubt: float, witness: float, doubt_of_it: float) -> None:
    told = believed(CAPS, sharp(cap), doubt, (witness, doubt_of_it))
    assert told.shape == CAPS.shape
    assert np.all(told >= 0.0)
    assert told.sum() == pytest.approx(1.0)
