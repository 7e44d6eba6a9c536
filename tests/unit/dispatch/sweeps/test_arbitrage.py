"""The best answer of one battery against linear and integer programmes of HiGHS, written from the definitions, on random units.

A convex cost is certified by its tangent: no feasible exchange may cost less under the tangents at the answer.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_diag

from evloom.dispatch.sweeps.arbitrage import Battery, Cells, Worth, respond, scratch
from evloom.dispatch.sweeps.bound import least_value

TOLERANCE = 1e-8  # what HiGHS leaves open


class Unit(NamedTuple):
    battery: Battery
    worth: Worth
    cells: Cells


class Slopes(NamedTuple):
    """What a kWh charged costs, what a kWh discharged saves (wear not yet taken off), and what one that is forced saves on top."""

    charge: np.ndarray
    discharge: np.ndarray
    forced: float = 0.0


def random_unit(rng, *, linear=False, curved=False, negative=False, forced=False, n_cell=None) -> Unit:
    """Small and odd: no cells, no room, no power, no losses, needs out of reach, equal prices, gigantic powers."""
    n = int(rng.integers(0, 9)) if n_cell is None else n_cell
    floor, ceiling = -rng.uniform(0, 10) * (rng.random() > 0.2), rng.uniform(0, 10) * (rng.random() > 0.2)
    if rng.random() < 0.05:
        floor = ceiling = 0.0
    into, out = (1.0, 1.0) if rng.random() < 0.2 else rng.uniform(0.7, 1.0, 2)
    battery = Battery(float(floor), float(ceiling), float(into), float(out), float(rng.choice([0.0, rng.uniform(0, 0.1)])))
    n_tier = int(rng.integers(0, 5))
    price = rng.choice([rng.uniform(0, 1, n_tier), rng.uniform(5, 10, n_tier)])
    worth = Worth(rng.uniform(0, 4, n_tier) * (rng.random(n_tier) > 0.1), np.sort(price)[::-1].copy())
    size = 1e9 if rng.random() < 0.03 else 1.0
    hi = rng.uniform(0, 4, n) * (rng.random(n) > 0.1) * size
    lo = -rng.uniform(0, 4, n) * (rng.random(n) > 0.2) * size
    price = rng.choice([rng.uniform(0, 1, n), rng.choice([0.1, 0.3, 0.8], n)]) - negative * rng.uniform(0, 0.8)
    now = np.clip(rng.uniform(-4, 4, n) * rng.integers(0, 2), lo, hi)
    bend = rng.uniform(0.01, 1.0, n) * (not linear)
    if not curved:
        bend = bend * rng.integers(0, 2, n) * 10.0 ** rng.uniform(-4, 1)
    force = np.maximum(-rng.uniform(0, 2, n) * (rng.random(n) < 0.3) * forced, lo)
    return Unit(battery, worth, Cells(lo, hi, now, price, bend, force))


def answer(unit: Unit) -> np.ndarray:
    """With memory of exactly the promised size, full of rubbish, whose ends must not be touched."""
    memory = scratch(len(unit.cells.lo_kwh), len(unit.worth.width_kwh))
    for array in memory:
        array[...] = np.nan
    found = np.full(len(unit.cells.lo_kwh), np.nan)
    respond(*unit, memory, found)
    assert np.isnan([memory.worth[0], memory.worth[-1], memory.leave_kwh[0], memory.leave_kwh[-1]]).all()
    return found


def bound(unit: Unit) -> float:
    return least_value(*unit, scratch(len(unit.cells.lo_kwh), len(unit.worth.width_kwh)))


def levels(battery: Battery, exchange: np.ndarray) -> np.ndarray:
    change = np.where(exchange > 0.0, exchange * battery.charge_efficiency, exchange / battery.discharge_efficiency)
    return np.concatenate([[0.0], np.cumsum(change)])


def end_worth(unit: Unit, level: float) -> float:
    below = np.concatenate([[0.0], np.cumsum(unit.worth.width_kwh)[:-1]]) if len(unit.worth.width_kwh) else np.zeros(0)
    return float(np.clip(level - unit.battery.floor_kwh - below, 0.0, unit.worth.width_kwh) @ unit.worth.price_per_kwh)


def linear_cost(unit: Unit, exchange: np.ndarray, slopes: Slopes) -> float:
    into, out = np.maximum(exchange, 0.0), np.maximum(-exchange, 0.0)
    forced = np.minimum(out, -unit.cells.force_kwh).sum() * slopes.forced
    cost = slopes.charge @ into - (slopes.discharge - unit.battery.wear_per_kwh) @ out - forced
    return float(cost - end_worth(unit, levels(unit.battery, exchange)[-1]))


def programme(unit: Unit, slopes: Slopes):
    """cost, A, most, upper of min cost x with A x <= most, 0 <= x <= upper; x: charge, forced and other discharge, tiers of worth."""
    battery, cells, n = unit.battery, unit.cells, len(unit.cells.lo_kwh)
    saved = slopes.discharge - battery.wear_per_kwh
    cost = np.concatenate([slopes.charge, -saved - slopes.forced, -saved, -unit.worth.price_per_kwh])
    past = np.tril(np.ones((n + 1, n)), -1)
    level = np.hstack([past * battery.charge_efficiency, *[past / -battery.discharge_efficiency] * 2])
    tiers = np.zeros((n + 1, len(unit.worth.width_kwh)))
    held = np.concatenate([-level[-1], np.ones(tiers.shape[1])])
    matrix = np.vstack([np.hstack([level, tiers]), np.hstack([-level, tiers]), held])
    most = np.concatenate([np.full(n + 1, battery.ceiling_kwh), np.full(n + 2, -battery.floor_kwh)])
    upper = np.concatenate([cells.hi_kwh, -cells.force_kwh, cells.force_kwh - cells.lo_kwh, unit.worth.width_kwh])
    return cost, matrix, most, np.minimum(upper, 1e6)


def least_costs(units, slopes) -> np.ndarray:
    """The least cost of each of many units, in one programme."""
    parts = [programme(unit, slope) for unit, slope in zip(units, slopes, strict=True)]
    kept = [k for k, part in enumerate(parts) if len(part[0])]
    cost, most, upper = (np.concatenate([parts[k][j] for k in kept]) for j in (0, 2, 3))
    options: Any = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    matrix: Any = block_diag([parts[k][1] for k in kept], format="csr")
    limits: Any = np.stack([np.zeros_like(upper), upper], 1)
    found = linprog(cost, matrix, most, bounds=limits, method="highs", options=options)
    assert found.status == 0, found.message
    values = np.zeros(len(parts))
    for k, part in zip(kept, np.split(cost * found.x, np.cumsum([len(parts[k][0]) for k in kept])[:-1]), strict=True):
        values[k] = part.sum()
    return values


def pays_both_ways(unit: Unit) -> np.ndarray:
    """Where charging and discharging at once would pay at no exchange."""
    price = unit.cells.price_per_kwh - unit.cells.bend_per_kwh2 * unit.cells.now_kwh
    battery = unit.battery
    return price / battery.charge_efficiency < (price - battery.wear_per_kwh) * battery.discharge_efficiency


def considered(unit: Unit, exchange: np.ndarray) -> Unit:
    """The unit with only one way for each cell that is forced or where both ways at once would pay: that of the answer."""
    cells = unit.cells
    is_forced, is_one_way = cells.force_kwh < 0.0, pays_both_ways(unit) & (cells.hi_kwh > 0.0) & (cells.lo_kwh < 0.0)
    lo = np.where(is_one_way & ~is_forced & (exchange >= 0.0), 0.0, cells.lo_kwh)
    hi = np.where(is_forced | (is_one_way & (exchange <= 0.0)), 0.0, cells.hi_kwh)
    return unit._replace(cells=cells._replace(lo_kwh=lo, hi_kwh=hi))


def tangents(unit: Unit, exchange: np.ndarray) -> Slopes:
    cells = unit.cells
    at_none = cells.price_per_kwh - cells.bend_per_kwh2 * cells.now_kwh
    here = at_none + cells.bend_per_kwh2 * exchange
    return Slopes(np.where(exchange > 0.0, here, at_none), np.where(exchange < 0.0, here, at_none))


def check_limits(unit: Unit, exchange: np.ndarray) -> None:
    assert (exchange >= unit.cells.lo_kwh).all()
    assert (exchange <= unit.cells.hi_kwh).all()
    level = levels(unit.battery, exchange)
    assert level.min() >= unit.battery.floor_kwh - 1e-12
    assert level.max() <= unit.battery.ceiling_kwh + 1e-12


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize(("kind", "tolerance"), [({"curved": True}, TOLERANCE), ({"linear": True}, 1e-6), ({}, 1e-6)])
def test_no_exchange_costs_less_than_the_answer(kind, tolerance, negative):
    rng = np.random.default_rng(1)
    units = [random_unit(rng, negative=negative, **kind) for _ in range(1000)]
    units += [random_unit(rng, negative=negative, n_cell=96, **kind) for _ in range(4)]
    answers = [answer(unit) for unit in units]
    for unit, exchange in zip(units, answers, strict=True):
        check_limits(considered(unit, exchange), exchange)
    slopes = [tangents(unit, exchange) for unit, exchange in zip(units, answers, strict=True)]
    best = least_costs([considered(*of) for of in zip(units, answers, strict=True)], slopes)
    mine = np.array([linear_cost(*of) for of in zip(units, answers, slopes, strict=True)])
    assert (mine - best).max() <= tolerance
    assert (best - mine).max() <= TOLERANCE * (1.0 + abs(best).max())


@pytest.mark.parametrize(("kind", "tolerance_kwh"), [({"curved": True}, 1e-12), ({"linear": True}, 1e-6)])
def test_an_optimum_stays_as_it_is(kind, tolerance_kwh):
    rng = np.random.default_rng(2)
    for _ in range(1000):
        unit = random_unit(rng, negative=bool(rng.integers(0, 2)), **kind)
        exchange, cells = answer(unit), unit.cells
        slope = cells.price_per_kwh + cells.bend_per_kwh2 * (exchange - cells.now_kwh)
        again = answer(unit._replace(cells=cells._replace(now_kwh=exchange, price_per_kwh=slope)))
        np.testing.assert_allclose(again, exchange, rtol=0.0, atol=tolerance_kwh)


def test_least_value_is_the_optimum_and_not_above_any_exchange():
    rng = np.random.default_rng(3)
    units = [random_unit(rng, linear=True) for _ in range(2000)] + [random_unit(rng, linear=True, n_cell=96) for _ in range(10)]
    slopes = [Slopes(unit.cells.price_per_kwh, unit.cells.price_per_kwh) for unit in units]
    free = [unit._replace(cells=unit.cells._replace(force_kwh=0.0 * unit.cells.lo_kwh)) for unit in units]
    proved = np.array([bound(unit) for unit in units])
    np.testing.assert_allclose(proved, least_costs(free, slopes), rtol=1e-9, atol=TOLERANCE)
    for unit, slope, value in zip(units, slopes, proved, strict=True):
        assert value <= linear_cost(unit, answer(unit), slope)


def test_least_value_is_exact_to_rounding():
    """All data in halves and quarters, so that the least cost is a multiple of a small power of two that HiGHS can name."""
    rng = np.random.default_rng(4)
    units = []
    for _ in range(1500):
        n, n_tier = rng.integers(1, 8, 2)
        battery = Battery(-float(rng.integers(0, 9)), float(rng.integers(0, 9)), 0.5, float(rng.choice([0.5, 1.0])), 0.25)
        worth = Worth(rng.integers(0, 5, n_tier) * 1.0, np.sort(rng.integers(0, 9, n_tier))[::-1] * 1.0)
        nothing = np.zeros(n)
        cells = Cells(-rng.integers(0, 5, n) * 1.0, rng.integers(0, 9, n) * 1.0, nothing, rng.integers(0, 9, n) * 0.5, nothing, nothing)
        units.append(Unit(battery, worth, cells))
    found = least_costs(units, [Slopes(unit.cells.price_per_kwh, unit.cells.price_per_kwh) for unit in units])
    exact = np.round(found * 2**16) / 2**16
    assert abs(found - exact).max() < 1e-9
    proved = np.array([bound(unit) for unit in units])
    assert (proved <= exact).all()
    assert (exact - proved <= 1e-12 * (10.0 + abs(exact))).all()


def one_way_least(unit: Unit) -> float:
    """With a binary for the direction of each cell."""
    slopes = Slopes(unit.cells.price_per_kwh, unit.cells.price_per_kwh)
    cost, matrix, most, upper = programme(unit, slopes)
    n, n_x = len(unit.cells.lo_kwh), len(cost)
    charges = np.hstack([np.eye(n), np.zeros((n, n_x - n)), -np.diag(upper[:n])])
    discharges = np.hstack([np.zeros((n, 2 * n)), np.eye(n), np.zeros((n, n_x - 3 * n)), np.diag(upper[2 * n : 3 * n])])
    rows = np.vstack([np.hstack([matrix, np.zeros((len(most), n))]), charges, discharges])
    limits = LinearConstraint(rows, -np.inf, np.concatenate([most, np.zeros(n), upper[2 * n : 3 * n]]))
    bounds = Bounds(0.0, np.concatenate([upper, np.ones(n)]))
    kinds = np.concatenate([np.zeros(n_x), np.ones(n)])
    found = milp(np.concatenate([cost, np.zeros(n)]), constraints=limits, bounds=bounds, integrality=kinds, options={"mip_rel_gap": 0.0})
    assert found.status == 0, found.message
    return float(found.fun)


def test_at_negative_prices_least_value_lies_between_the_two_way_and_the_one_way_optimum():
    rng = np.random.default_rng(5)
    units = [random_unit(rng, linear=True, negative=True, n_cell=int(rng.integers(1, 6))) for _ in range(250)]
    units = [unit for unit in units if unit.cells.hi_kwh.max() < 1e6]
    proved = np.array([bound(unit) for unit in units])
    one_way = np.array([one_way_least(unit) for unit in units])
    two_way = least_costs(units, [Slopes(unit.cells.price_per_kwh, unit.cells.price_per_kwh) for unit in units])
    assert (proved <= one_way + TOLERANCE).all()
    assert (proved >= two_way - TOLERANCE).all()
    assert (one_way - two_way).max() > 0.1
    mine = np.array([linear_cost(unit, answer(unit), Slopes(unit.cells.price_per_kwh, unit.cells.price_per_kwh)) for unit in units])
    assert (proved <= mine).all()
    assert (mine >= one_way - TOLERANCE).all()
    assert (mine - one_way > 1e-6).mean() < 0.1
    assert (mine - one_way).mean() < 1e-3 * abs(one_way).mean()


@pytest.mark.parametrize("kind", [{"curved": True}, {"linear": True}])
def test_as_much_as_can_be_is_discharged_where_it_is_forced(kind):
    rng = np.random.default_rng(6)
    units = [random_unit(rng, forced=True, negative=bool(rng.integers(0, 2)), **kind) for _ in range(1000)]
    answers = [answer(unit) for unit in units]
    got = [np.minimum(-exchange, -unit.cells.force_kwh).clip(0.0).sum() for unit, exchange in zip(units, answers, strict=True)]
    for unit, exchange in zip(units, answers, strict=True):
        check_limits(considered(unit, exchange), exchange)
    nothing = [0.0 * unit.cells.lo_kwh for unit in units]
    idle = [unit.cells._replace(price_per_kwh=zero + 1.0, now_kwh=zero) for unit, zero in zip(units, nothing, strict=True)]
    battery = [unit.battery._replace(wear_per_kwh=0.0) for unit in units]
    only_forced = [Unit(b, Worth(np.zeros(0), np.zeros(0)), cells) for b, cells in zip(battery, idle, strict=True)]
    most = -least_costs([considered(unit, 0.0 * unit.cells.lo_kwh) for unit in only_forced], [Slopes(zero, zero, 1.0) for zero in nothing])
    np.testing.assert_allclose(got, most, rtol=0.0, atol=1e-6)
    wanted = np.array([-unit.cells.force_kwh.sum() for unit in units])
    assert ((most > 0.1) & (most < wanted - 0.1)).sum() > 20


def test_where_all_that_is_forced_can_be_had_the_rest_is_still_best():
    rng = np.random.default_rng(7)
    tried = 0
    for _ in range(1000):
        unit = random_unit(rng, forced=True, curved=True)
        exchange, cells = answer(unit), unit.cells
        if not (cells.force_kwh < 0.0).any() or (exchange > cells.force_kwh + 1e-9).any():
            continue
        tried += 1
        slopes = tangents(unit, exchange)._replace(forced=1e3)
        best = least_costs([considered(unit, exchange)], [slopes])[0]
        assert linear_cost(unit, exchange, slopes) <= best + 1e-12 * 1e3 * 8 + TOLERANCE
    assert tried > 100


@pytest.mark.parametrize("n_cell", [0, 1, 5])
def test_nothing_to_do(n_cell):
    nothing, some = np.zeros(n_cell), np.full(n_cell, 3.0)
    worth = Worth(np.array([2.0, 3.0]), np.array([9.0, 1.0]))
    full = Unit(Battery(0.0, 0.0, 0.9, 0.9, 0.0), worth, Cells(-some, some, nothing, nothing + 0.2, nothing, nothing))
    unpowered = Unit(Battery(-4.0, 5.0, 0.9, 0.9, 0.0), worth, Cells(nothing, nothing, nothing, nothing, nothing, nothing))
    assert not answer(full).any()
    assert bound(full) == pytest.approx(0.0, abs=1e-12)
    assert not answer(unpowered).any()
    assert bound(unpowered) == pytest.approx(-20.0, rel=1e-12)  # 2 kWh at 9 and 2 at 1 are held already


def test_a_need_out_of_reach_is_met_as_far_as_power_goes():
    price, nothing = np.array([0.3, 9.0, 0.1]), np.zeros(3)
    cells = Cells(np.full(3, -2.0), np.full(3, 2.0), nothing, price, nothing, nothing)
    unit = Unit(Battery(0.0, 50.0, 0.5, 0.5, 0.0), Worth(np.array([40.0]), np.array([100.0])), cells)
    np.testing.assert_allclose(answer(unit), 2.0, rtol=1e-12)


def test_among_equal_answers_the_nearest_to_the_present_one():
    nothing = np.zeros(4)
    now = np.array([1.0, 0.0, 3.0, 0.0])
    cells = Cells(nothing, np.full(4, 4.0), now, np.full(4, 0.3), nothing, nothing)
    unit = Unit(Battery(0.0, 50.0, 1.0, 1.0, 0.0), Worth(np.array([8.0]), np.array([5.0])), cells)
    np.testing.assert_allclose(answer(unit), now + 1.0, atol=1e-6)
