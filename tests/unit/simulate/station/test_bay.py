"""A bay: what a car draws of what it is offered, and what the meter says of it."""

import numpy as np
import pytest

from evloom.simulate.station.bay import Bay, Transaction, one_car
from evloom.simulate.station.meter import readings
from evloom.simulate.station.spec import BaySpec

THREE = BaySpec(11.04)
ONE = BaySpec(7.36, n_phase=1, phase=1)
DC = BaySpec(150.0, dc=True, efficiency=0.95)


def charging(spec, cars, voltage_v=230.0):
    bay = Bay(1, spec, voltage_v)
    bay.plug(cars, 0, 0.0)
    bay.transaction = Transaction("t", "CARD", "ISO14443", 0.0, 0.0)
    return bay


def test_nothing_flows_without_a_transaction():
    bay = Bay(1, THREE, 230.0)
    bay.plug(one_car(60.0, 0.2, 11.04), 0, 0.0)
    bay.offer(11.04)
    bay.advance(3600.0)
    assert (bay.power_kw, bay.register_kwh) == (0.0, 0.0)


def test_a_car_charges_at_what_it_is_offered_until_it_tapers():
    bay = charging(THREE, one_car(60.0, 0.2, 11.04))
    bay.offer(11.04)
    assert bay.power_kw == pytest.approx(11.04)
    bay.advance(3600.0)
    assert bay.register_kwh == pytest.approx(11.04)
    assert bay.soc == pytest.approx(0.2 + 11.04 * 0.92 / 60.0)
    bay.advance(5 * 3600.0)
    assert 0.0 < bay.power_kw < 8.0
    bay.advance(40 * 3600.0)
    assert bay.is_full
    assert bay.register_kwh == pytest.approx(60.0 * 0.8 / 0.92, rel=1e-3)


@pytest.mark.parametrize(
    ("spec", "wanted_kw", "settable_kw"),
    [(THREE, 5.0, 5.0), (THREE, 4.0, 0.0), (THREE, 99.0, 11.04), (ONE, 1.38, 1.38), (ONE, 1.3, 0.0), (DC, 0.5, 0.5), (THREE, -5.0, 0.0)],
)
def test_a_pile_can_be_set_to_nothing_or_its_least_current(spec, wanted_kw, settable_kw):
    assert Bay(1, spec, 230.0).settable_kw(wanted_kw) == pytest.approx(settable_kw)


def test_discharging_counts_in_a_register_of_its_own():
    bay = charging(BaySpec(11.04, discharge_max_kw=7.0), one_car(60.0, 0.8, 11.04, v2g=True))
    bay.offer(-9.0)
    assert (bay.offered_kw, bay.power_kw) == (-7.0, -7.0)
    bay.advance(1800.0)
    assert (bay.register_kwh, bay.given_kwh) == (0.0, pytest.approx(3.5))
    said = {sample.measurand: sample.value for sample in readings(bay, 0.0, "Sample.Periodic")}
    assert said["Power.Active.Export"] == pytest.approx(7.0)
    assert said["Energy.Active.Export.Register"] == pytest.approx(3.5)
    assert said["SoC"] == pytest.approx(bay.soc)
    assert "Current.Export" in said


def test_the_meter_says_what_a_bay_of_its_kind_can_say():
    bay = charging(THREE, one_car(60.0, 0.2, 11.04))
    bay.offer(6.9)
    samples = readings(bay, 5.0, "Trigger")
    assert len(samples) == 8
    assert [sample.phase for sample in samples] == ["", "", "L1", "L2", "L3", "L1-N", "L2-N", "L3-N"]
    assert [sample.value for sample in samples[2:5]] == pytest.approx([10.0] * 3)
    single = charging(ONE, one_car(60.0, 0.2, 7.36))
    assert [sample.phase for sample in readings(single, 5.0, "Trigger")][2:] == ["L2", "L2-N"]
    direct = charging(DC, one_car(60.0, 0.2, 100.0))
    assert [sample.measurand for sample in readings(direct, 5.0, "Trigger")][2:] == ["SoC"]
    assert readings(bay, 5.0, "Trigger", back_kwh=1.0)[0].value == 0.0


def test_a_car_that_takes_so_much_stops_there():
    bay = charging(THREE, one_car(np.inf, 0.0, 11.04, energy_kwh=5.0))
    bay.offer(11.04)
    bay.advance(3600.0)
    assert bay.register_kwh == pytest.approx(5.0)
    assert bay.is_full
    assert bay.soc is not None
