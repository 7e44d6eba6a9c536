"""The check catches every kind of wrong order and every kind of wrong schedule: each is broken by hand."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.moment import Bays, Wires, wires
from evloom.dispatch.problem import Nodes, Problem, Schedule, Signals, Stays, Stores
from evloom.dispatch.verify import Units, Violation, verify, verify_schedule
from evloom.network.tree import LimitTree

VOLT = 230.0
INF = np.inf


def site(base_kw=(0.0, 0.0, 0.0), import_max_kw=(30.0, 20.0, 20.0), export_max_kw=(10.0, INF, INF), phase_max_a=(50.0, 40.0, INF)) -> Wires:
    """A transformer with two boards."""
    tree = LimitTree(
        ("transformer", "board a", "board b"), np.array([-1, 0, 0]),
        np.array(import_max_kw), np.array(export_max_kw), np.array(phase_max_a), ("as drawn",) * 3,
    )  # fmt: skip
    return wires(tree, np.array(base_kw), VOLT)


def bays(**changed) -> Bays:
    """Rows: 0 one-phase on board a; 1, 2 the two bays of a three-phase pile on board a; 3 direct current on board b; 4 nobody there."""
    columns = {
        "connected": np.array([True, True, True, True, False]),
        "arrival_s": np.zeros(5),
        "departure_s": np.full(5, 7200.0),
        "need_kwh": np.full(5, 5.0),
        "charge_max_kw": np.array([7.36, 11.04, 11.04, 20.0, 7.36]),
        "discharge_max_kw": np.array([3.68, 0.0, 0.0, 15.0, 0.0]),
        "kw_per_a": np.array([0.23, 0.69, 0.69, 0.69, 0.23]),
        "current_min_a": np.array([6.0, 6.0, 6.0, 0.0, 6.0]),
        "current_step_a": np.array([1.0, 1.0, 1.0, 0.0, 1.0]),
        "phase": np.array([1, -1, -1, -1, 0]),
        "node": np.array([1, 1, 1, 2, 2]),
        "pile": np.array([0, 1, 1, 2, 3]),
        "one_at_a_time": np.array([False, True, True, False, False]),
        "priority": np.ones(5),
        "debt_kwh": np.zeros(5),
    }
    return Bays(**(columns | changed))


GOOD_KW = np.array([16 * 0.23, 12 * 0.69, 0.0, 12.3456, 0.0])


def codes(violations: tuple[Violation, ...]) -> set[str]:
    return {violation.code for violation in violations}


def test_good_orders_pass():
    assert verify(bays(), site(), GOOD_KW) == ()
    assert verify(bays(), site(), np.zeros(5)) == ()
    assert verify(bays(), site(), np.array([-3.68, 0.0, 0.0, -5.0, 0.0])) == ()


@pytest.mark.parametrize(
    ("row", "order_kw", "code", "where"),
    [
        (0, 33 * 0.23, "evse.charge", 0),
        (0, -17 * 0.23, "evse.discharge", 0),
        (1, -6 * 0.69, "evse.discharge", 1),
        (3, 20.1, "evse.charge", 3),
        (4, 6 * 0.23, "evse.empty", 4),
        (0, 5 * 0.23, "evse.least-current", 0),
        (0, -5 * 0.23, "evse.least-current", 0),
        (0, 16.5 * 0.23, "evse.current-step", 0),
        (2, 6 * 0.69, "pile.one-at-a-time", 1),
        (0, np.nan, "evse.not-a-number", 0),
        (3, np.inf, "evse.not-a-number", 3),
        (3, -np.inf, "evse.not-a-number", 3),
    ],
)
def test_one_broken_order_is_found(row, order_kw, code, where):
    broken_kw = GOOD_KW.copy()
    broken_kw[row] = order_kw
    found = [violation for violation in verify(bays(), site(import_max_kw=(INF,) * 3), broken_kw) if violation.code == code]
    assert [violation.where for violation in found] == [where]


@pytest.mark.parametrize(
    ("changed", "order_kw", "code", "where"),
    [
        ({"import_max_kw": (24.0, INF, INF)}, GOOD_KW, "node.import", 0),
        ({"import_max_kw": (INF, 11.9, INF)}, GOOD_KW, "node.import", 1),
        ({"base_kw": (6.0, 0.0, 0.0)}, GOOD_KW, "node.import", 0),
        ({"phase_max_a": (45.0, INF, INF)}, GOOD_KW, "node.import-phase-2", 0),
        ({"phase_max_a": (INF, 27.9, INF)}, GOOD_KW, "node.import-phase-2", 1),
        ({"phase_max_a": (INF, 11.9, INF)}, GOOD_KW, "node.import-phase-1", 1),
        ({"export_max_kw": (4.0, INF, INF)}, np.array([0, 0, 0, -4.1, 0]), "node.export", 0),
        ({"export_max_kw": (0.0, INF, INF), "base_kw": (4.0, 0.0, 0.0)}, np.array([0, 0, 0, -4.1, 0]), "node.export", 0),
        ({"phase_max_a": (15.0, INF, INF)}, np.array([-3.68, 0, 0, 0, 0]), "node.export-phase-2", 0),
    ],
)
def test_a_broken_limit_of_the_tree_is_found(changed, order_kw, code, where):
    found = verify(bays(), site(**changed), order_kw)
    assert (code, where) in {(violation.code, violation.where) for violation in found}


def test_violation_says_how_much():
    (found,) = verify(bays(), site(import_max_kw=(24.0, INF, INF), base_kw=(1.0, 0.0, 0.0)), GOOD_KW)
    assert found.value == pytest.approx(GOOD_KW.sum() + 1.0)
    assert (found.allowed, found.unit) == (24.0, "kW")
    assert found.text() == "node.import: row 0: 25.3056 kW, allowed 24 kW"


def test_where_the_base_load_is_above_the_limit_the_steered_must_add_nothing():
    overloaded = site(base_kw=(35.0, 0.0, 0.0), phase_max_a=(INF,) * 3)
    assert verify(bays(), overloaded, np.zeros(5)) == ()
    assert codes(verify(bays(), overloaded, np.array([6 * 0.23, 0, 0, 0, 0]))) == {"node.import"}
    # charging out of what another gives is nothing added
    assert verify(bays(), overloaded, np.array([6 * 0.23, 0, 0, -6 * 0.23, 0])) == ()


def test_what_is_pushed_back_must_hold_without_the_charging_of_others():
    """Car 1 may stop drawing at any moment; then 12 kW would flow back through a transformer that may take 10."""
    order_kw = np.array([0.0, 6 * 0.69, 0.0, -12.0, 0.0])
    assert codes(verify(bays(), site(), order_kw)) == {"node.export"}


def test_stationary_batteries_count_as_steered():
    node, free = np.array([0]), site(phase_max_a=(INF,) * 3)
    assert verify(bays(), free, GOOD_KW, Units(node, np.array([5.0]))) == ()
    assert codes(verify(bays(), free, GOOD_KW, Units(node, np.array([6.0])))) == {"node.import"}
    assert codes(verify(bays(), free, np.zeros(5), Units(node, np.array([-10.5])))) == {"node.export"}
    assert codes(verify(bays(), free, np.zeros(5), Units(node, np.array([np.nan])))) == {"storage.not-a-number"}
    # even where the base load is above the limit: its charging is no base load
    assert codes(verify(bays(), site(base_kw=(35.0, 0.0, 0.0), phase_max_a=(INF,) * 3), np.zeros(5), Units(node, np.array([1.0])))) == {
        "node.import"
    }


@pytest.mark.parametrize("column", ["charge_max_kw", "current_min_a", "kw_per_a"])
def test_ratings_that_are_no_numbers_fail(column):
    blind = bays()
    getattr(blind, column)[0] = np.nan
    assert any(violation.where == 0 for violation in verify(blind, site(), GOOD_KW))


def test_limits_that_are_no_numbers_fail():
    assert "node.import" in codes(verify(bays(), site(import_max_kw=(np.nan, INF, INF)), GOOD_KW))
    assert "node.import-phase-1" in codes(verify(bays(), site(phase_max_a=(np.nan, INF, INF)), GOOD_KW))


def test_a_millionth_of_a_kilowatt_is_let_pass():
    assert verify(bays(), site(import_max_kw=(GOOD_KW.sum() - 0.9e-6, INF, INF)), GOOD_KW) == ()
    assert verify(bays(), site(import_max_kw=(GOOD_KW.sum() - 1.1e-6, INF, INF)), GOOD_KW) != ()


def problem(**stays_changed) -> Problem:
    """Two stays over four quarter-hours, a battery, a transformer with one board. Stay 1 may discharge."""
    stays = {
        "first": np.array([0, 1]),
        "last": np.array([3, 4]),
        "first_share": np.array([1.0, 0.5]),
        "last_share": np.array([0.8, 1.0]),
        "node": np.array([1, 0]),
        "charge_max_kw": np.array([8.0, 10.0]),
        "discharge_max_kw": np.array([0.0, 10.0]),
        "need_kwh": np.array([4.0, 1.0]),
        "room_kwh": np.array([4.0, 3.0]),
        "below_kwh": np.array([0.0, 1.5]),
        "charge_efficiency": np.array([1.0, 0.9]),
        "discharge_efficiency": np.array([1.0, 0.8]),
        "wear_per_kwh": np.zeros(2),
        "priority": np.ones(2),
    } | stays_changed
    one = np.ones(1)
    stores = Stores(np.array([1]), 3.0 * one, 1.0 * one, 4.0 * one, 4.0 * one, 0.9 * one, 0.8 * one, 0.0 * one)
    base_kw = np.array([[5.0, 5.0, 5.0, 16.0], [0.0, 0.0, 0.0, 0.0]])
    nodes = Nodes(np.array([-1, 0]), np.array([[15.0] * 4, [12.0] * 4]), np.array([[6.0] * 4, [6.0] * 4]), base_kw)
    zero = np.zeros(4)
    signals = Signals(zero, zero, zero, np.arange(4), 0.0, 0.0, 0.0, 0.0)
    return Problem(np.full(4, 0.25), Stays(**stays), stores, nodes, signals)


# Stay 1 gives 0.72 kWh (0.9 from its cells) and takes 2.0 kWh: 1.8 - 0.9 = 0.9 in its cells are 1.0 kWh of promise at the meter.
GOOD = Schedule(
    np.array([[2.0, 0.4, 1.6, 0.0], [0.0, 1.25, 0.75, 0.0]]),
    np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.72]]),
    np.array([[0.4, 0.5, -0.5, -0.25]]),
    np.zeros(2),
    {},
)


def test_a_good_schedule_passes():
    assert verify_schedule(problem(), GOOD) == ()


@pytest.mark.parametrize(
    ("name", "at", "value", "code", "where", "step"),
    [
        ("charge_kwh", (0, 0), 2.1, "stay.charge", 0, 0),
        ("charge_kwh", (0, 2), 1.7, "stay.charge", 0, 2),  # it leaves 80 % through the step
        ("charge_kwh", (0, 3), 0.1, "stay.charge", 0, 3),
        ("charge_kwh", (1, 0), 0.1, "stay.charge", 1, 0),
        ("charge_kwh", (1, 1), 1.3, "stay.charge", 1, 1),  # it comes half way
        ("charge_kwh", (0, 1), -0.1, "stay.charge-sign", 0, 1),
        ("charge_kwh", (0, 1), 0.3, "stay.promise", 0, -1),
        ("charge_kwh", (0, 1), 0.5, "stay.full", 0, 2),
        ("discharge_kwh", (0, 0), 0.1, "stay.discharge", 0, 0),
        ("discharge_kwh", (1, 2), 0.1, "stay.both-ways", 1, 2),
        ("discharge_kwh", (1, 1), -0.1, "stay.discharge-sign", 1, 1),
        ("discharge_kwh", (1, 3), 0.75, "stay.promise", 1, -1),
        ("discharge_kwh", (1, 3), 2.5, "node.export", 0, 3),
        ("store_kwh", (0, 0), 1.1, "store.charge", 0, 0),
        ("store_kwh", (0, 3), -1.1, "store.discharge", 0, 3),
        ("store_kwh", (0, 3), -0.97, "store.empty", 0, 3),
        ("store_kwh", (0, 3), 1.1, "node.import", 0, 3),  # the base load alone is above the limit
        ("short_kwh", (0,), -0.1, "stay.short-sign", 0, -1),
        ("short_kwh", (0,), 0.1, "stay.short-overstated", 0, -1),
    ],
)
def test_a_broken_schedule_is_found(name, at, value, code, where, step):
    table = getattr(GOOD, name).copy()
    table[at] = value
    found = verify_schedule(problem(), replace(GOOD, **{name: table}))
    assert (code, where, step) in {(violation.code, violation.where, violation.step) for violation in found}


def test_a_schedule_over_the_limits_of_its_nodes_is_found():
    tight = problem()
    board = tight.nodes.import_max_kw.copy()
    board[1, 0] = 9.5  # 2.0 + 0.4 kWh in a quarter of an hour are 9.6 kW
    found = verify_schedule(replace(tight, nodes=replace(tight.nodes, import_max_kw=board)), GOOD)
    assert [(violation.code, violation.where, violation.step) for violation in found] == [("node.import", 1, 0)]


def test_a_schedule_below_the_floor_or_over_the_brim_is_found():
    down = replace(
        GOOD, discharge_kwh=np.array([[0.0] * 4, [0.0, 1.25, 0.0, 0.0]]), charge_kwh=np.array([GOOD.charge_kwh[0], [0, 0, 2.5, 0.7]])
    )
    assert ("stay.floor", 1, 1) in {(v.code, v.where, v.step) for v in verify_schedule(problem(), down)}
    brim = replace(GOOD, store_kwh=np.array([[1.0, 1.0, 1.0, 0.0]]))
    assert ("store.full", 0, 2) in {(v.code, v.where, v.step) for v in verify_schedule(problem(), brim)}


@pytest.mark.parametrize("name", ["charge_kwh", "discharge_kwh", "store_kwh", "short_kwh"])
def test_a_schedule_of_the_wrong_shape_or_without_numbers_is_found(name):
    table = getattr(GOOD, name)
    assert codes(verify_schedule(problem(), replace(GOOD, **{name: table[..., :-1]}))) == {f"schedule.shape.{name}"}
    assert codes(verify_schedule(problem(), replace(GOOD, **{name: np.full_like(table, np.nan)}))) == {f"schedule.not-a-number.{name}"}
