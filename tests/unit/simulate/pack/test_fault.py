import numpy as np
import pytest

from evloom.simulate.pack.fault import HEALTHY, NAMED, UNKNOWN, Fault, contact_ohm, draw_fault, end_s, short_siemens, ten_ohm_s
from evloom.simulate.pack.use import DAY_S

SPAN = (0.0, 90.0 * DAY_S)


@pytest.mark.parametrize("kind", [*NAMED, *UNKNOWN])
def test_every_kind_begins_within_the_time_watched(kind):
    for seed in range(20):
        fault = draw_fault(kind, 96, SPAN, np.random.default_rng(seed))
        assert fault.kind == kind
        assert SPAN[0] <= fault.onset_s < 0.6 * SPAN[1]
        assert -1 <= fault.cell < 96
        share = fault.share(np.linspace(*SPAN, 500))
        assert np.all((share >= 0.0) & (share <= 1.0))
        assert np.all(np.diff(share) >= 0.0)


def test_a_healthy_pack_has_no_share_of_a_fault():
    assert draw_fault("none", 96, SPAN, np.random.default_rng(0)) is HEALTHY
    assert not HEALTHY.share(np.array([0.0, 1e9])).any()
    assert np.isnan(ten_ohm_s(HEALTHY))


def test_the_instant_of_ten_ohm_is_when_the_resistance_passes_it():
    for seed in range(60):
        fault = draw_fault("internal-short", 96, SPAN, np.random.default_rng(seed))
        hard_s = ten_ohm_s(fault)
        if np.isnan(hard_s):
            assert fault.numbers["course"] == "constant"
            assert fault.number("first_ohm") > 10.0
            continue
        around = short_siemens(fault, np.array([hard_s - 1200.0, hard_s]))
        assert around[1] > 0.1
        assert around[0] <= 0.1 or fault.numbers["course"] == "intermittent"
        assert end_s(fault, SPAN) == min(SPAN[1], hard_s + 5.0 * DAY_S)


def test_before_its_onset_a_short_leaks_nothing():
    fault = Fault("internal-short", 3, 1000.0, {"course": "growing", "first_ohm": 1000.0, "last_ohm": 2.0, "grow_s": 1000.0})
    assert short_siemens(fault, np.array([0.0, 999.0, 1000.0, 2000.0, 9e9])) == pytest.approx([0.0, 0.0, 1e-3, 0.5, 0.5])


def test_a_contact_that_comes_and_goes_is_either_bad_or_good():
    fault = Fault("intermittent-contact", 3, 0.0, {"contact_share": 2.0, "on_share": 0.2})
    ohm = contact_ohm(fault, np.arange(0.0, 5e5, 10.0), 1e-3)
    assert set(np.unique(ohm)) == {0.0, 2e-3}
    assert np.mean(ohm > 0.0) == pytest.approx(0.2, abs=0.03)


def test_plating_is_quick_with_a_shoulder_or_slow_with_a_resistance():
    every = [draw_fault("plating", 96, SPAN, np.random.default_rng(seed)) for seed in range(60)]
    slow = [fault for fault in every if fault.numbers["course"] == "slow"]
    assert 15 < len(slow) < 45
    for fault in every:
        is_slow = fault.numbers["course"] == "slow"
        assert (fault.number("kinetics_share") > 0.0) == is_slow
        assert (fault.number("shoulder_v") <= 0.01) == is_slow
