"""Passes over all units: a sweep (everybody answers in turn), a bound, and a repair after which every limit holds.

Each unit sees what those before it in the pass have just decided (block coordinate descent, Gauss-Seidel).
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.sweeps.arbitrage import Battery, Cells, Scratch, Worth, respond
from evloom.dispatch.sweeps.bound import least_value
from evloom.dispatch.sweeps.fill import fill
from evloom.dispatch.sweeps.one_way import least_charging
from evloom.dispatch.sweeps.units import (
    BELOW_KWH,
    CHARGE_EFFICIENCY,
    CHARGE_KW,
    DISCHARGE_EFFICIENCY,
    DISCHARGE_KW,
    END_KWH,
    FIRST,
    FIRST_SHARE,
    LAST_SHARE,
    LENGTH,
    NEED_KWH,
    PATH,
    ROOM_KWH,
    SHORT_PRICE,
    TWO_WAY,
    WEAR,
    Units,
    cell_energies,
)
from evloom.dispatch.sweeps.walls import Walls, Ways, add_prices, add_slopes, least_room, move
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int

# What a battery may not lack at its end is worth this times the dearest short kWh.
_NEVER = 100.0
_CRUMB_KWH = 1e-11
# A battery of which no bound is known.
_ENDLESS_KWH = 1e9


class Plan(NamedTuple):
    """The plan in the making: signed energy of cells at the meter (n_cell,); level of units, the price of their last kWh (n_unit,)."""

    net_kwh: Float
    level: Float


class Setting(NamedTuple):
    """What stays through all sweeps: the units, their ways, the walls, hours of each step (n_step,), weights of the tiers of a need
    (n_tier,), and the curvature (price per kW of the unit's power) that holds a unit near its present plan."""

    units: Units
    ways: Ways
    walls: Walls
    step_h: Float
    tiers: Float
    hold: float


NOW, MOST, LEAST, PRICE, BEND, FORCE, ANSWER, UP, DOWN = range(9)
WIDTH, WORTH = range(2)


class View(NamedTuple):
    """Working memory for one unit: cells (9, n_step), worth (2, n_tier + 1), and memory of the battery's kernel."""

    cells: Float
    worth: Float
    battery: Scratch


@compiled
def load_cells(setting: Setting, i: int, net_kwh: Float, cells: Float) -> int:
    """Put what is known of the cells of unit i into `cells`: most, least, present exchange, price without walls; how many there are."""
    place, figures = setting.units.place[i], setting.units.figures[i]
    first, n, begin = place[FIRST], place[LENGTH], setting.units.begin[i]
    cell_energies(figures[CHARGE_KW], (figures[FIRST_SHARE], figures[LAST_SHARE]), first, n, setting.step_h, cells[MOST])
    cell_energies(-figures[DISCHARGE_KW], (figures[FIRST_SHARE], figures[LAST_SHARE]), first, n, setting.step_h, cells[LEAST])
    hold = setting.hold / max(figures[CHARGE_KW], figures[DISCHARGE_KW], 1e-9)
    steady = setting.ways.price_per_kwh[place[PATH]]
    for j in range(n):
        cells[NOW, j] = net_kwh[begin + j]
        cells[PRICE, j] = steady[first + j]
        cells[BEND, j] = hold
        cells[FORCE, j] = 0.0
    return int(n)


@compiled
def battery_of(figures: Float) -> Battery:
    """The battery of a unit, relative to now."""
    ceiling = min(max(figures[ROOM_KWH] * figures[CHARGE_EFFICIENCY], 0.0), _ENDLESS_KWH)
    return Battery(
        max(-figures[BELOW_KWH], -_ENDLESS_KWH), ceiling, figures[CHARGE_EFFICIENCY], figures[DISCHARGE_EFFICIENCY], figures[WEAR]
    )


@compiled
def worth_of(figures: Float, tiers: Float, worth: Float) -> Worth:
    """What stored energy of a unit is worth at its end, from the floor upward: what must be there, then the tiers of the need."""
    n_tier, efficiency = len(tiers), figures[CHARGE_EFFICIENCY]
    worth[WIDTH, 0] = max(figures[END_KWH] + min(figures[BELOW_KWH], _ENDLESS_KWH), 0.0)
    worth[WORTH, 0] = _NEVER * figures[SHORT_PRICE] * tiers[n_tier - 1] / efficiency
    for q in range(n_tier):
        worth[WIDTH, q + 1] = figures[NEED_KWH] * efficiency / n_tier
        worth[WORTH, q + 1] = figures[SHORT_PRICE] * tiers[n_tier - 1 - q] / efficiency
    return Worth(worth[WIDTH], worth[WORTH])


@compiled
def gain_kwh(figures: Float, net_kwh: Float) -> float:
    """What exchanges at the meter (n,) add to the cells of a unit."""
    gain = 0.0
    for e in net_kwh:
        gain += e * figures[CHARGE_EFFICIENCY] if e > 0.0 else e / figures[DISCHARGE_EFFICIENCY]
    return gain


@compiled
def answer_two_way(figures: Float, tiers: Float, n: int, view: View) -> None:
    """The best answer of a unit that can discharge, to price and bend of its cells."""
    c = view.cells
    cells = Cells(c[LEAST, :n], c[MOST, :n], c[NOW, :n], c[PRICE, :n], c[BEND, :n], c[FORCE, :n])
    respond(battery_of(figures), worth_of(figures, tiers, view.worth), cells, view.battery, c[ANSWER, :n])


@compiled
def answer_one_way(figures: Float, tiers: Float, n: int, level: float, cells: Float) -> float:
    """The best answer of a unit that only charges, to price and bend of its cells; its level."""
    for j in range(n):
        cells[BEND, j] = 1.0 / cells[BEND, j]
    need = (figures[NEED_KWH], figures[ROOM_KWH], figures[SHORT_PRICE])
    return float(fill(need, tiers, level, n, (cells[NOW], cells[MOST], cells[PRICE], cells[BEND]), cells[ANSWER]))


@compiled
def write_back(net_kwh: Float, begin: int, n: int, cells: Float) -> float:
    """Put the answer into the plan and leave the change in its place; how much moved, kWh."""
    moved = 0.0
    for j in range(n):
        net_kwh[begin + j] = cells[ANSWER, j]
        cells[ANSWER, j] -= cells[NOW, j]
        moved += abs(cells[ANSWER, j])
    return moved


@compiled
def sweep(setting: Setting, plan: Plan, s: Float, which: Int, view: View) -> float:
    """Let the units `which` answer in turn to the walls at `s` (changed in place); how much moved, kWh."""
    moved, cells, units, ways = 0.0, view.cells, setting.units, setting.ways
    for i in which:
        n = load_cells(setting, i, plan.net_kwh, cells)
        if n == 0:
            continue
        place, figures = units.place[i], units.figures[i]
        for j in range(n):
            cells[UP, j] = cells[MOST, j] - cells[NOW, j]
            cells[DOWN, j] = cells[NOW, j] - cells[LEAST, j]
        way, here = (ways.wall[place[PATH]], ways.weight[place[PATH]]), (place[FIRST], n)
        add_slopes(way, setting.walls, s, here, (cells[PRICE], cells[BEND], cells[DOWN], cells[UP]))
        if place[TWO_WAY]:
            answer_two_way(figures, setting.tiers, n, view)
        else:
            plan.level[i] = answer_one_way(figures, setting.tiers, n, plan.level[i], cells)
        moved += write_back(plan.net_kwh, units.begin[i], n, cells)
        move(way, setting.walls, s, here, cells[ANSWER])
    return moved


@compiled
def least_of(setting: Setting, i: int, price_per_kwh: Float, plan: Plan, view: View) -> float:
    """The least that unit i could cost at these prices of the walls (n_wall, n_step)."""
    units, ways, c = setting.units, setting.ways, view.cells
    n = load_cells(setting, i, plan.net_kwh, c)
    place, figures = units.place[i], units.figures[i]
    way = (ways.wall[place[PATH]], ways.weight[place[PATH]])
    add_prices(way, setting.walls, price_per_kwh, (place[FIRST], n), c[PRICE])
    if place[TWO_WAY]:
        worth = worth_of(figures, setting.tiers, view.worth)
        cells = Cells(c[LEAST, :n], c[MOST, :n], c[NOW, :n], c[PRICE, :n], c[BEND, :n], c[FORCE, :n])
        return float(least_value(battery_of(figures), worth, cells, view.battery) + np.sum(worth.width_kwh * worth.price_per_kwh))
    need = (figures[NEED_KWH], figures[ROOM_KWH], figures[SHORT_PRICE])
    return float(least_charging(need, setting.tiers, plan.level[i], n, (c[PRICE], c[MOST])))


@compiled
def least_total(setting: Setting, price_per_kwh: Float, plan: Plan, view: View) -> float:
    """The sum over units of the least that each could cost at these prices of the walls (n_wall, n_step): part of a lower bound."""
    total = 0.0
    for i in range(len(setting.units.row)):
        total += least_of(setting, i, price_per_kwh, plan, view)
    return total


@compiled
def least_each(setting: Setting, price_per_kwh: Float, plan: Plan, view: View, which: Int, least: Float) -> None:
    """Write the least of the units `which` into their places of least (n_unit,)."""
    for i in which:
        least[i] = least_of(setting, i, price_per_kwh, plan, view)


@compiled
def repair(setting: Setting, price_per_kwh: Float, plan: Plan, room: tuple[Float, Float], view: View) -> float:
    """Make every hard limit hold: one after the other gives way where there is too much and moves to where there is room; how much, kWh.

    room   (up, down) (n_wall, n_step) what the hard walls leave, negative where there is too much; changed in place
    """
    moved = 0.0
    for i in range(len(setting.units.row)):
        moved += give_way(setting, price_per_kwh, plan, room, view, i)
    return moved


@compiled
def repair_some(setting: Setting, price_per_kwh: Float, plan: Plan, room: tuple[Float, Float], view: View, which: Int) -> float:
    """`repair` by the units `which` alone."""
    moved = 0.0
    for i in which:
        moved += give_way(setting, price_per_kwh, plan, room, view, i)
    return moved


@compiled
def give_way(setting: Setting, price_per_kwh: Float, plan: Plan, room: tuple[Float, Float], view: View, i: int) -> float:
    """Let unit i answer within the room that is left, where it has to; how much moved, kWh."""
    units, ways, cells = setting.units, setting.ways, view.cells
    n = load_cells(setting, i, plan.net_kwh, cells)
    place, figures = units.place[i], units.figures[i]
    way, here = (ways.wall[place[PATH]], ways.weight[place[PATH]]), (place[FIRST], n)
    for j in range(n):
        cells[UP, j], cells[DOWN, j] = np.inf, np.inf
    least_room(way, setting.walls, room, here, (cells[UP], cells[DOWN]))
    if not _narrow(figures, n, cells):
        return 0.0
    add_prices(way, setting.walls, price_per_kwh, here, cells[PRICE])
    if place[TWO_WAY]:
        answer_two_way(figures, setting.tiers, n, view)
        if gain_kwh(figures, cells[ANSWER, :n]) < figures[END_KWH] - _CRUMB_KWH:
            cells[FORCE] = 0.0  # nobody ends below what must be there for the sake of others: they will have to give way
            answer_two_way(figures, setting.tiers, n, view)
    else:
        plan.level[i] = answer_one_way(figures, setting.tiers, n, plan.level[i], cells)
    moved = write_back(plan.net_kwh, units.begin[i], n, cells)
    move(way, setting.walls, room[1], here, cells[ANSWER])
    for j in range(n):
        cells[ANSWER, j] = -cells[ANSWER, j]
    move(way, setting.walls, room[0], here, cells[ANSWER])
    return float(moved)


@compiled
def _narrow(figures: Float, n: int, cells: Float) -> bool:
    """Narrow the cells of a unit to the room that is left; whether the unit has to answer anew: too much somewhere, or short."""
    too_much, got = False, gain_kwh(figures, cells[NOW, :n])
    for j in range(n):
        up, down, now = cells[UP, j], cells[DOWN, j], cells[NOW, j]
        # Where there is too much a unit gives way down to nothing; what it feeds in there, others live on, and it stays.
        cells[MOST, j] = min(cells[MOST, j], max(now + up, 0.0))
        cells[FORCE, j] = min(now + max(up, 0.0), 0.0)
        cells[LEAST, j] = max(cells[LEAST, j], min(now - down, 0.0))
        too_much = too_much or now > cells[MOST, j] + _CRUMB_KWH or now < cells[LEAST, j] - _CRUMB_KWH
    return too_much or got < figures[NEED_KWH] * figures[CHARGE_EFFICIENCY] - _CRUMB_KWH
