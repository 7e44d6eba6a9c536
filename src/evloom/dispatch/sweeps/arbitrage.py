"""Compiled kernels: how one battery that may discharge best answers prices, exactly, in a few microseconds.

Dynamic programming backwards over the cells (steps in which the battery is there). What is kept is not the least cost of the
rest of the time as a function of the stored energy, which is convex, but the inverse of its slope: how much would be stored at
each *worth* of stored energy (money per kWh in the cells), falling from the ceiling to the floor as the worth rises. That
curve is a list of bends, worths in rising order, with the energy that leaves between one bend and the next, so the energies
always add up to ceiling - floor. A cell that can charge c and discharge d adds c at the worths at which it would charge and d
at those at which it would discharge, and then c is cut off at the dear end and d at the cheap end, where floor and ceiling are.

The worth of stored energy changes in time only where the battery is full or at its floor, so the answer is recovered forwards
from the two ends of the list after each cell. That structure is known (Cruise, Flatley, Gibbens, Zachary, "Control of energy
storage with market impact", Operations Research 67, 2019); keeping the curve as a list that is cut at both ends is ours.

Energies in kWh, positive is charging.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

# Least width, as a share of the prices, of the range of worths over which a cell goes from nothing to all: a cell with a
# linear cost is answered as if it had this little curvature about its present exchange, which leaves an optimum where it is.
_NARROW = 1e-7
# An exchange below this (kWh) counts as none.
_NOTHING_KWH = 1e-12
# A few roundings of a float64.
_ROUNDING = 1e-15


class Battery(NamedTuple):
    """One battery: bounds of the energy in its cells relative to now (floor <= 0 <= ceiling), efficiencies (0..1], wear >= 0.

    Wear is per kWh discharged, at the meter.
    """

    floor_kwh: float
    ceiling_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    wear_per_kwh: float


class Worth(NamedTuple):
    """What stored energy is worth at the end, tier by tier from the floor upward: width in the cells, price not increasing.

    Above the last tier a kWh is worth nothing. Tiers above the ceiling do not count.
    """

    width_kwh: Float
    price_per_kwh: Float


class Cells(NamedTuple):
    """The cells of a battery, each (n_cell,), energies at the meter.

    lo_kwh, hi_kwh    least and most exchange, lo <= 0 <= hi
    now_kwh           present exchange
    price_per_kwh     slope of the cost at the present exchange
    bend_per_kwh2     curvature of the cost, >= 0
    force_kwh         <= 0: at least this much is to be discharged where it can be at all
    """

    lo_kwh: Float
    hi_kwh: Float
    now_kwh: Float
    price_per_kwh: Float
    bend_per_kwh2: Float
    force_kwh: Float


class Scratch(NamedTuple):
    """Working memory of the kernels, made by `scratch`; holds nothing from one call to the next.

    worth, leave_kwh    the list: worths at the bends, energy that leaves from each bend to the next
    low, high           (n_cell,) ends of the list after each cell
    into, into_wide,    (n_cell,) a cell charges up to into_kwh as the worth rises from `into` by `into_wide`,
    into_kwh
    out, out_wide,      and discharges up to out_kwh, besides force_kwh, as it falls from `out` by `out_wide`;
    out_kwh, force_kwh  energies in the battery's cells, >= 0
    """

    worth: Float
    leave_kwh: Float
    low: Float
    high: Float
    into: Float
    into_wide: Float
    into_kwh: Float
    out: Float
    out_wide: Float
    out_kwh: Float
    force_kwh: Float


def scratch(n_cell: int, n_tier: int) -> Scratch:
    """Working memory for batteries of at most `n_cell` cells and `n_tier` tiers of worth."""
    n_bend = 18 * n_cell + 6 * n_tier + 64  # a cell adds at most 9 bends, which may all fall on one side of the middle
    return Scratch(np.zeros(n_bend), np.zeros(n_bend), *np.zeros((9, n_cell)))


@compiled
def respond(battery: Battery, worth: Worth, cells: Cells, memory: Scratch, answer_kwh: Float) -> None:
    """Write into `answer_kwh` (n_cell,) the exchanges that cost least: price, curvature and wear less the worth of what is stored last.

    Exact where every curvature is positive. Where one is zero it is taken as 1e-7 of the prices over the range of the cell,
    about the present exchange: an optimum stays as it is, and of equal answers the nearest is taken. In a cell where the
    price is so negative that charging and discharging at once would pay, only charging is considered, besides what is forced.
    A cell that is forced does not charge; what is forced beyond what the battery can give is left out where it is cheapest to.
    """
    forced = _prepare(battery, worth, cells, memory)
    first, last = _bends_of_worth(battery, worth, memory)
    for k in range(len(answer_kwh) - 1, -1, -1):
        memory.low[k], memory.high[k] = memory.worth[first], memory.worth[last]
        first, last = _add_cell(memory, (k, first, last), forced)
    level_worth, level_kwh = _worth_now(battery, memory, first, last), 0.0
    for k in range(len(answer_kwh)):
        change_kwh = _change(memory, k, level_worth, forced)
        after_kwh = min(max(level_kwh + change_kwh, battery.floor_kwh), battery.ceiling_kwh)
        change_kwh = after_kwh - level_kwh
        if change_kwh > 0.0:
            answer_kwh[k] = min(change_kwh / battery.charge_efficiency, cells.hi_kwh[k])
        else:
            answer_kwh[k] = max(change_kwh * battery.discharge_efficiency, cells.lo_kwh[k])
        level_kwh = after_kwh
        level_worth = min(max(level_worth, memory.low[k]), memory.high[k])


@compiled
def _prepare(battery: Battery, worth: Worth, cells: Cells, memory: Scratch) -> float:
    """At which worths each cell charges and discharges how much -> a worth above all of these, for forced discharge."""
    charge_efficiency, discharge_efficiency = battery.charge_efficiency, battery.discharge_efficiency
    span_kwh = battery.ceiling_kwh - battery.floor_kwh
    in_most_kwh, out_most_kwh = span_kwh / charge_efficiency, span_kwh * discharge_efficiency
    scale = battery.wear_per_kwh
    for k in range(len(cells.lo_kwh)):
        scale = max(scale, abs(cells.price_per_kwh[k]))
    top = max(scale, abs(worth.price_per_kwh[0])) if len(worth.price_per_kwh) > 0 else scale
    scale = scale if scale > 0.0 else (top if top > 0.0 else 1.0)
    for k in range(len(cells.lo_kwh)):
        least, most = max(cells.lo_kwh[k], -out_most_kwh), min(cells.hi_kwh[k], in_most_kwh)
        force = max(cells.force_kwh[k], least)
        if force < 0.0:
            most = 0.0
        bend = max(cells.bend_per_kwh2[k], _NARROW * scale / max(most - least, _NOTHING_KWH))
        price = cells.price_per_kwh[k] - bend * cells.now_kwh[k]
        into = price / charge_efficiency
        if into < (price - battery.wear_per_kwh) * discharge_efficiency and most > 0.0:
            least = force
        out = (price - battery.wear_per_kwh + bend * force) * discharge_efficiency
        memory.into[k], memory.into_kwh[k] = into, most * charge_efficiency
        memory.into_wide[k] = max(bend * most / charge_efficiency, _ROUNDING * abs(into), 1e-100)
        memory.out[k], memory.out_kwh[k] = out, (force - least) / discharge_efficiency
        memory.out_wide[k] = max(bend * (force - least) * discharge_efficiency, _ROUNDING * abs(out), 1e-100)
        memory.force_kwh[k] = -force / discharge_efficiency
        top = max(top, abs(into) + memory.into_wide[k], abs(out) + memory.out_wide[k])
    return 4.0 * top + scale


@compiled
def _bends_of_worth(battery: Battery, worth: Worth, memory: Scratch) -> tuple[int, int]:
    """The list at the end of the time; it starts in the middle of the memory. -> its first and last place."""
    n_tier = len(worth.width_kwh)
    last = len(memory.worth) // 2 + n_tier
    at, rest_kwh, price = last + 1, battery.ceiling_kwh - battery.floor_kwh, 0.0
    for j in range(n_tier + 1):
        width_kwh = min(worth.width_kwh[j], rest_kwh) if j < n_tier else rest_kwh
        price = worth.price_per_kwh[j] if j < n_tier else min(price, 0.0)
        if width_kwh <= 0.0 and (j < n_tier or at <= last):
            continue
        memory.worth[at - 1], memory.worth[at - 2] = price, price
        memory.leave_kwh[at - 1], memory.leave_kwh[at - 2] = 0.0, width_kwh
        at -= 2
        rest_kwh -= width_kwh
    return at, last


@compiled
def _add_cell(memory: Scratch, at: tuple[int, int, int], forced: float) -> tuple[int, int]:
    """Add cell k to the list and cut it back to floor and ceiling. at: k, first, last -> first, last."""
    k, first, last = at
    if memory.into_kwh[k] > _NOTHING_KWH:
        far = memory.into[k] + memory.into_wide[k]
        first, last = _add_charge(memory.worth, memory.leave_kwh, (first, last), memory.into[k], far, memory.into_kwh[k])
    for part in range(2):
        near, far, amount_kwh = 2.0 * forced, forced, memory.force_kwh[k]
        if part == 1:
            near, far, amount_kwh = memory.out[k], memory.out[k] - memory.out_wide[k], memory.out_kwh[k]
        if amount_kwh > _NOTHING_KWH:
            first, last = _add_discharge(memory.worth, memory.leave_kwh, (first, last), near, far, amount_kwh)
    return first, last


def _adder(side: int) -> Callable[[Float, Float, tuple[int, int], float, float, float], tuple[int, int]]:
    """The kernel that adds a stretch of energy from the worth `near` to `far` and cuts as much off that end of the list.

    side is 1 for the dear end (charging, which ends at the ceiling of the worths) and -1 for the cheap end. -> the new ends.
    """
    gap = 0 if side > 0 else -1

    @compiled
    def add(worth: Float, leave_kwh: Float, ends: tuple[int, int], near: float, far: float, amount_kwh: float) -> tuple[int, int]:
        first, last = ends
        end, other = (last, first) if side > 0 else (first, last)
        if side * (near - worth[end]) >= 0.0:
            return ends
        if side * (near - worth[other]) < 0.0:
            other -= side
            worth[other], leave_kwh[other + gap] = near, 0.0
        density = amount_kwh / (side * (far - near))
        if side > 0:
            last, high = _cut_dear(worth, leave_kwh, end, near, far, density)
            first, low = other, near
        else:
            first, low = _cut_cheap(worth, leave_kwh, end, near, far, density)
            last, high = other, near
        if low >= high:
            return first, last
        if low > worth[(first + last) >> 1]:
            last = _blend_dear(worth, leave_kwh, last, low, high, density)
        else:
            first = _blend_cheap(worth, leave_kwh, first, high, low, density)
        return first, last

    return add


def _cutter(side: int) -> Callable[[Float, Float, int, float, float, float], tuple[int, float]]:
    """The kernel that cuts off one end of the list as much as is to be added, evenly, from the worth `near` to `far`.

    The list reaches to `near` at least. What is still to be added ends where the list ends: -> place of the new end, that worth.
    """
    off = -1 if side > 0 else 0

    @compiled
    def cut(worth: Float, leave_kwh: Float, i: int, near: float, far: float, density: float) -> tuple[int, float]:
        if side * (far - worth[i]) > 0.0:
            far = worth[i]
        rest = density * (side * (far - near))
        while side * (worth[i] - near) > 0.0:
            inner, leave = worth[i - side], leave_kwh[i + off]
            is_beyond = side * (worth[i] - far) > 0.0
            stop = far if is_beyond else near
            splits = side * (stop - inner) > 0.0
            length = side * (worth[i] - (stop if splits else inner))
            old = leave * (length / (side * (worth[i] - inner))) if splits else leave
            both = old if is_beyond else old + density * length
            if both > rest:
                worth[i] -= side * length * (rest / both)
                leave_kwh[i + off] = leave - old * (rest / both)
                break
            rest -= both
            if splits:
                worth[i] = stop
                leave_kwh[i + off] = leave - old
            else:
                i -= side
        return i, far if side * (worth[i] - far) > 0.0 else worth[i]

    return cut


def _blender(side: int) -> Callable[[Float, Float, int, float, float, float], int]:
    """The kernel that adds energy evenly from the worth `near` to `far`, inside the list, and shifts what lies beyond outwards.

    `far` lies on the given side of `near`. -> place of the new end on that side.
    """
    off = -1 if side > 0 else 0

    @compiled
    def blend(worth: Float, leave_kwh: Float, i: int, near: float, far: float, density: float) -> int:
        end = i + side
        upper, leave = worth[i], leave_kwh[i + off]
        if side * (upper - far) > 0.0:
            end += side
            while side * (worth[i - side] - far) > 0.0:
                worth[i + 2 * side], leave_kwh[i + 2 * side + off] = worth[i], leave_kwh[i + off]
                i -= side
            share = (worth[i] - far) / (worth[i] - worth[i - side])
            leave = leave_kwh[i + off]
            worth[i + 2 * side], leave_kwh[i + 2 * side + off] = worth[i], leave * share
            upper, leave = far, leave * (1.0 - share)
        while side * (worth[i - side] - near) > 0.0:
            worth[i + side], leave_kwh[i + side + off] = upper, leave + density * (side * (upper - worth[i - side]))
            i -= side
            upper, leave = worth[i], leave_kwh[i + off]
        share = (upper - near) / (upper - worth[i - side])
        worth[i + side], leave_kwh[i + side + off] = upper, leave * share + density * (side * (upper - near))
        worth[i], leave_kwh[i + off] = near, leave * (1.0 - share)
        return end

    return blend


# One function for each end, so that the compiler knows the side.
_cut_dear, _cut_cheap = _cutter(1), _cutter(-1)
_blend_dear, _blend_cheap = _blender(1), _blender(-1)
_add_charge, _add_discharge = _adder(1), _adder(-1)


@compiled
def _worth_now(battery: Battery, memory: Scratch, first: int, last: int) -> float:
    """The worth at which the list holds the energy stored now, which is -floor above the floor."""
    rest, i = -battery.floor_kwh, last
    while i > first and memory.leave_kwh[i - 1] < rest:
        rest -= memory.leave_kwh[i - 1]
        i -= 1
    if rest <= 0.0 or i == first:
        return float(memory.worth[i])
    return float(memory.worth[i] - (memory.worth[i] - memory.worth[i - 1]) * (rest / memory.leave_kwh[i - 1]))


@compiled
def _change(memory: Scratch, k: int, level_worth: float, forced: float) -> float:
    """How much the stored energy rises in cell k when it has a worth."""
    above = level_worth - memory.into[k]
    if above > 0.0 and memory.into_kwh[k] > 0.0:
        return float(memory.into_kwh[k] * min(above / memory.into_wide[k], 1.0))
    out_kwh = memory.out_kwh[k] * min(max((memory.out[k] - level_worth) / memory.out_wide[k], 0.0), 1.0)
    return float(-out_kwh - memory.force_kwh[k] * min(max(2.0 - level_worth / forced, 0.0), 1.0))
