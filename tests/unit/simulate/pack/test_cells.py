import numpy as np
import pytest

from evloom.simulate.pack.cells import FARADAY_TO_HEAT, drive_pack
from tests.unit.simulate.pack.packs import small_car, small_cells, steady_road

PROBES = np.arange(12)
UNSEEN = np.zeros(12)


def driven(car, cells, road, **rules):
    makeup = car.base._replace(leak_a=rules.pop("leak_a", np.zeros(12)))
    return drive_pack(cells, makeup, car.curves, car.rules._replace(balance_over_v=9.0, **rules), road, (UNSEEN, PROBES)), makeup


@pytest.mark.parametrize("current_a", [-60.0, 0.0, 40.0])
def test_charge_in_is_charge_stored(current_a):
    car = small_car()
    cells = small_cells(car)
    before = cells.soc.copy()
    kept, makeup = driven(car, cells, steady_road(360, current_a))
    passed_ah = kept.current_a.sum() * 10.0 / 3600.0
    assert (cells.soc - before) * makeup.capacity_ah == pytest.approx(np.full(12, passed_ah), abs=1e-9)


def test_heat_of_the_current_warms_the_cells_and_nothing_is_lost_between_neighbours():
    car = small_car()
    cells = small_cells(car)
    makeup = car.base._replace(leak_a=np.zeros(12), cooling_w_per_k=np.zeros(12))
    kept = drive_pack(cells, makeup, car.curves, car.rules, steady_road(180, -100.0), (UNSEEN, PROBES))
    ohm = makeup.ohmic_ohm + makeup.fast_ohm + makeup.slow_ohm
    heat_j = (kept.current_a**2).sum() * 10.0 * ohm.sum()
    assert FARADAY_TO_HEAT * 150.0 * (cells.temp_c - 25.0).sum() == pytest.approx(heat_j, rel=1e-9)


def test_a_shorted_cell_loses_what_its_voltage_over_the_resistance_says():
    car = small_car()
    plain, shorted = small_cells(car), small_cells(car)
    driven(car, plain, steady_road(8640, 0.0))
    kept, makeup = driven(car, shorted, steady_road(8640, 0.0, short_s=1.0 / 50.0), fault_cell=4)
    lost_ah = (plain.soc - shorted.soc) * makeup.capacity_ah
    told_ah = kept.cell_v[:, 4].sum(dtype=np.float64) * 10.0 / 3600.0 / 50.0
    assert lost_ah[4] == pytest.approx(told_ah, rel=1e-3)
    assert np.delete(lost_ah, 4) == pytest.approx(np.zeros(11), abs=1e-12)


def test_a_contact_adds_the_current_times_its_resistance_in_one_cell():
    car = small_car()
    road = steady_road(30, -80.0)
    bare, _ = driven(car, small_cells(car), road)
    with_contact, _ = driven(car, small_cells(car), steady_road(30, -80.0, contact_ohm=5e-4), fault_cell=7, contact_sensed=True)
    apart = with_contact.cell_v - bare.cell_v
    assert apart[0, 7] == pytest.approx(-0.04, abs=1e-4)
    assert np.abs(np.delete(apart[:3], 7, axis=1)).max() < 1e-4


def test_cells_in_reverse_order_give_the_same_in_reverse():
    car = small_car()
    cells = small_cells(car)
    cells.soc[:] += np.linspace(-0.01, 0.02, 12)
    turned = type(cells)(*(column[::-1].copy() for column in cells))
    makeup = type(car.base)(*(column[::-1].copy() for column in car.base))
    rules = car.rules._replace(fault_cell=-1)
    road = steady_road(400, 30.0)
    kept = drive_pack(cells, car.base, car.curves, rules, road, (UNSEEN, PROBES))
    again = drive_pack(turned, makeup, car.curves, rules, road, (UNSEEN, PROBES))
    assert again.cell_v[:, ::-1] == pytest.approx(kept.cell_v, abs=1e-5)
    assert again.probe_c[:, ::-1] == pytest.approx(kept.probe_c, abs=1e-4)


def test_charging_ends_at_the_limit_of_the_highest_cell_and_balancing_lowers_it():
    car = small_car()
    cells = small_cells(car, soc=0.9)
    cells.soc[3] = 0.93
    rules = car.rules._replace(balance_over_v=0.005)
    kept = drive_pack(cells, car.base, car.curves, rules, steady_road(3000, 30.0), (UNSEEN, PROBES))
    assert kept.cell_v.max() < rules.v_max + 0.01
    assert kept.charged[-1]
    assert kept.current_a[-1] == 0.0
    assert kept.balancing.max() >= 1
    assert cells.soc[3] - np.delete(cells.soc, 3).mean() < 0.03


def test_lithium_plates_when_charging_is_cold_and_fast_and_shows_afterwards():
    car = small_car()
    lost = []
    for current_a, temp_c in ((100.0, 2.0), (100.0, 30.0), (15.0, 2.0)):
        cells = small_cells(car, soc=0.3, temp_c=temp_c)
        drive_pack(cells, car.base, car.curves, car.rules, steady_road(200, current_a, air_c=temp_c), (UNSEEN, PROBES))
        lost.append(cells.lost_ah.mean() + cells.plated_ah.mean())
    assert lost[0] > 0.1
    assert lost[1] == lost[2] == 0.0
