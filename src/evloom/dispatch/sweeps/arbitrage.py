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


# Columns of `Scratch.stretch`: a cell charges up to _INTO_KWH as the worth rises from _INTO to _INTO_FAR, and discharges up to
# _OUT_KWH as it falls from _OUT to _OUT_FAR, besides _FORCE_KWH; energies in the battery's cells, >= 0.
_INTO, _INTO_FAR, _INTO_KWH, _INTO_DENSITY, _OUT, _OUT_FAR, _OUT_KWH, _OUT_DENSITY, _FORCE_KWH = range(9)
# Places in the list are unsigned, which spares the compiler the question whether they count from the end.
Place = np.uint64
_ONE = Place(1)


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
    way                 (n_cell,) 1 and -1 where a cell may only charge or discharge, 0 where it may do both
    stretch             (n_cell, 9) what each cell does at which worths, columns `_INTO` and so on
    """

    worth: Float
    leave_kwh: Float
    low: Float
    high: Float
    way: Float
    stretch: Float


def scratch(n_cell: int, n_tier: int) -> Scratch:
    """Working memory for batteries of at most `n_cell` cells and `n_tier` tiers of worth."""
    n_bend = 2 * (9 * n_cell + 3 * (n_tier + 2))  # a cell adds at most 9 bends, which may all fall on one side of the middle
    return Scratch(np.zeros(n_bend), np.zeros(n_bend), np.zeros(n_cell), np.zeros(n_cell), np.zeros(n_cell), np.zeros((n_cell, 9)))


@compiled
def respond(battery: Battery, worth: Worth, cells: Cells, memory: Scratch, answer_kwh: Float) -> None:
    """Write into `answer_kwh` (n_cell,) the exchanges that cost least: price, curvature and wear less the worth of what is stored last.

    Exact where every curvature is positive. Where one is zero it is taken as 1e-7 of the prices over the range of the cell,
    about the present exchange: an optimum stays as it is, and of equal answers the nearest is taken. Where a price is so
    negative that charging and discharging at once would pay, each such cell is first shared in time between the two, and then
    does only what it does more of; that is a good answer, not always the best.
    A cell that is forced does not charge; what is forced beyond what the battery can give is left out where it is cheapest to.
    """
    memory.way[: len(answer_kwh)] = 0.0
    forced, n_shared = _prepare(battery, worth, cells, memory)
    if n_shared > 0:
        _settle(battery, worth, cells, (memory, forced), answer_kwh)
        for k in range(len(answer_kwh)):
            memory.way[k] = -1.0 if answer_kwh[k] < 0.0 else 1.0
        forced, n_shared = _prepare(battery, worth, cells, memory)
    _settle(battery, worth, cells, (memory, forced), answer_kwh)


@compiled
def _settle(battery: Battery, worth: Worth, cells: Cells, prepared: tuple[Scratch, float], answer_kwh: Float) -> None:
    """Backwards over the cells for the worth of stored energy, forwards for the answer. prepared: the memory, and worth of force."""
    memory, forced = prepared
    first, last = _bends_of_worth(battery, worth, memory)
    for k in range(len(answer_kwh) - 1, -1, -1):
        memory.low[k], memory.high[k] = memory.worth[first], memory.worth[last]
        first, last = _add_cell(memory.worth, memory.leave_kwh, memory.stretch[k], (first, last), forced)
    level_worth, level_kwh = _worth_now(battery, memory, (first, last)), 0.0
    for k in range(len(answer_kwh)):
        change_kwh = _change(memory.stretch[k], level_worth, forced)
        after_kwh = min(max(level_kwh + change_kwh, battery.floor_kwh), battery.ceiling_kwh)
        change_kwh = after_kwh - level_kwh
        if change_kwh > 0.0:
            answer_kwh[k] = min(change_kwh / battery.charge_efficiency, cells.hi_kwh[k])
        else:
            answer_kwh[k] = max(change_kwh * battery.discharge_efficiency, cells.lo_kwh[k])
        level_kwh = after_kwh
        level_worth = min(max(level_worth, memory.low[k]), memory.high[k])


@compiled
def _prepare(battery: Battery, worth: Worth, cells: Cells, memory: Scratch) -> tuple[float, int]:
    """At which worths each cell charges and discharges how much -> a worth above all of these, for force; how many cells are shared."""
    span_kwh = battery.ceiling_kwh - battery.floor_kwh
    in_most_kwh, out_most_kwh = span_kwh / battery.charge_efficiency, span_kwh * battery.discharge_efficiency
    scale, n_shared = battery.wear_per_kwh, 0
    for k in range(len(cells.lo_kwh)):
        scale = max(scale, abs(cells.price_per_kwh[k]))
    top = max(scale, abs(worth.price_per_kwh[0])) if len(worth.price_per_kwh) > 0 else scale
    scale = scale if scale > 0.0 else (top if top > 0.0 else 1.0)
    for k in range(len(cells.lo_kwh)):
        row = memory.stretch[k]
        least, most = max(cells.lo_kwh[k], -out_most_kwh), min(cells.hi_kwh[k], in_most_kwh)
        force = max(cells.force_kwh[k], least)
        most = most if force == 0.0 else 0.0
        bend = max(cells.bend_per_kwh2[k], _NARROW * scale / max(most - least, _NOTHING_KWH))
        price = cells.price_per_kwh[k] - bend * cells.now_kwh[k]
        _stretch(battery, (least, most, force), price, bend, row)
        if row[_INTO] < row[_OUT] and most > 0.0 and least < 0.0:
            if memory.way[k] > 0.0:
                row[_OUT_KWH] = row[_OUT_DENSITY] = 0.0
            elif memory.way[k] < 0.0:
                row[_INTO_KWH] = row[_INTO_DENSITY] = 0.0
            else:
                _share(battery, (least, most), price, bend, row)
                n_shared += 1
        top = max(top, abs(row[_INTO]), abs(row[_INTO_FAR]), abs(row[_OUT]), abs(row[_OUT_FAR]))
    return 4.0 * top + scale, n_shared


@compiled
def _stretch(battery: Battery, limits_kwh: tuple[float, float, float], price_per_kwh: float, bend: float, row: Float) -> None:
    """Fill a row of `Scratch.stretch`. limits_kwh: least, most and forced exchange; price_per_kwh: slope of the cost at no exchange."""
    least, most, force = limits_kwh
    into, out = (
        price_per_kwh / battery.charge_efficiency,
        (price_per_kwh - battery.wear_per_kwh + bend * force) * battery.discharge_efficiency,
    )
    row[_INTO], row[_INTO_KWH] = into, most * battery.charge_efficiency
    row[_INTO_FAR] = into + max(bend * most / battery.charge_efficiency, _ROUNDING * abs(into), 1e-100)
    row[_INTO_DENSITY] = row[_INTO_KWH] / (row[_INTO_FAR] - into)
    row[_OUT], row[_OUT_KWH] = out, (force - least) / battery.discharge_efficiency
    row[_OUT_FAR] = out - max(bend * (force - least) * battery.discharge_efficiency, _ROUNDING * abs(out), 1e-100)
    row[_OUT_DENSITY] = row[_OUT_KWH] / (out - row[_OUT_FAR])
    row[_FORCE_KWH] = -force / battery.discharge_efficiency


@compiled
def _share(battery: Battery, limits_kwh: tuple[float, float], price_per_kwh: float, bend: float, row: Float) -> None:
    """Share a cell in time between full charging and full discharging: all of it changes at one worth, that of their mean cost."""
    least, most = limits_kwh
    rise = price_per_kwh * (most - least) + 0.5 * bend * (most * most - least * least) + battery.wear_per_kwh * least
    at = rise / (row[_INTO_KWH] + row[_OUT_KWH])
    narrow = max(_NARROW * (abs(price_per_kwh) + battery.wear_per_kwh), _ROUNDING * abs(at), 1e-100)
    row[_INTO], row[_INTO_FAR], row[_INTO_DENSITY] = at, at + narrow, row[_INTO_KWH] / narrow
    row[_OUT], row[_OUT_FAR], row[_OUT_DENSITY] = at, at - narrow, row[_OUT_KWH] / narrow


@compiled
def _bends_of_worth(battery: Battery, worth: Worth, memory: Scratch) -> tuple[Place, Place]:
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
    return np.uint64(at), np.uint64(last)


@compiled
def _add_cell(worth: Float, leave_kwh: Float, row: Float, ends: tuple[Place, Place], forced: float) -> tuple[Place, Place]:
    """Add a cell to the list and cut it back to floor and ceiling. row: of `Scratch.stretch`; ends: first, last -> first, last."""
    first, last = ends
    for part in range(3):
        near, far, amount_kwh, density = row[_INTO], row[_INTO_FAR], row[_INTO_KWH], row[_INTO_DENSITY]
        if part == 1:
            near, far, amount_kwh, density = 2.0 * forced, forced, row[_FORCE_KWH], row[_FORCE_KWH] / forced
        elif part == 2:
            near, far, amount_kwh, density = row[_OUT], row[_OUT_FAR], row[_OUT_KWH], row[_OUT_DENSITY]
        if amount_kwh <= _NOTHING_KWH:
            continue
        if part == 0:
            if near >= worth[last]:
                continue
            if near < worth[first]:
                first -= _ONE
                worth[first], leave_kwh[first] = near, 0.0
            last, far = _cut_dear(worth, leave_kwh, last, near, far, density)
        else:
            if near <= worth[first]:
                continue
            if near > worth[last]:
                worth[last + _ONE], leave_kwh[last] = near, 0.0
                last += _ONE
            first, far = _cut_cheap(worth, leave_kwh, first, near, far, density)
        low, high = min(near, far), max(near, far)
        if low >= high:
            continue
        if low > worth[(first + last) >> _ONE]:
            last = _blend_dear(worth, leave_kwh, last, low, high, density)
        else:
            first = _blend_cheap(worth, leave_kwh, first, high, low, density)
    return first, last


def _steps(side: int) -> tuple[Place, Place]:
    """One place outwards on a side of the list, and from a bend to the energy on its inner side; -1 wraps round."""
    back = np.uint64(2**64 - 1)
    return (_ONE, back) if side > 0 else (back, np.uint64(0))


def _cutter(side: int) -> Callable[[Float, Float, Place, float, float, float], tuple[Place, float]]:
    """The kernel that cuts off one end of the list as much as is to be added, evenly, from the worth `near` to `far`.

    side is 1 for the dear end, where charging is cut, and -1 for the cheap end. The list reaches to `near` at least. What is
    still to be added ends where the list ends: -> place of the new end, that worth.
    """
    sign = float(side)
    out, gap = _steps(side)

    @compiled
    def cut(worth: Float, leave_kwh: Float, i: Place, near: float, far: float, density: float) -> tuple[Place, float]:
        if sign * (far - worth[i]) > 0.0:
            far = worth[i]
        rest = density * (sign * (far - near))
        while sign * (worth[i - out] - far) >= 0.0:
            leave = leave_kwh[i + gap]
            if leave > rest:
                worth[i] -= (worth[i] - worth[i - out]) * (rest / leave)
                leave_kwh[i + gap] = leave - rest
                return i, far
            rest -= leave
            i -= out
        while sign * (worth[i] - near) > 0.0:
            inner, leave = worth[i - out], leave_kwh[i + gap]
            is_beyond = sign * (worth[i] - far) > 0.0
            stop = far if is_beyond else near
            splits = sign * (stop - inner) > 0.0
            length = sign * (worth[i] - (stop if splits else inner))
            old = leave * (length / (sign * (worth[i] - inner))) if splits else leave
            both = old if is_beyond else old + density * length
            if both > rest:
                worth[i] -= sign * length * (rest / both)
                leave_kwh[i + gap] = leave - old * (rest / both)
                break
            rest -= both
            if splits:
                worth[i] = stop
                leave_kwh[i + gap] = leave - old
            else:
                i -= out
        return i, far if sign * (worth[i] - far) > 0.0 else worth[i]

    return cut


def _blender(side: int) -> Callable[[Float, Float, Place, float, float, float], Place]:
    """The kernel that adds energy evenly from the worth `near` to `far`, inside the list, and shifts what lies beyond outwards.

    `far` lies on the given side of `near`. -> place of the new end on that side.
    """
    sign = float(side)
    out, gap = _steps(side)

    @compiled
    def blend(worth: Float, leave_kwh: Float, i: Place, near: float, far: float, density: float) -> Place:
        end = i + out
        upper, leave = worth[i], leave_kwh[i + gap]
        if sign * (upper - far) > 0.0:
            end += out
            while sign * (worth[i - out] - far) > 0.0:
                worth[i + out + out], leave_kwh[i + out + out + gap] = worth[i], leave_kwh[i + gap]
                i -= out
            share = (worth[i] - far) / (worth[i] - worth[i - out])
            leave = leave_kwh[i + gap]
            worth[i + out + out], leave_kwh[i + out + out + gap] = worth[i], leave * share
            upper, leave = far, leave * (1.0 - share)
        while sign * (worth[i - out] - near) > 0.0:
            worth[i + out], leave_kwh[i + out + gap] = upper, leave + density * (sign * (upper - worth[i - out]))
            i -= out
            upper, leave = worth[i], leave_kwh[i + gap]
        share = (upper - near) / (upper - worth[i - out])
        worth[i + out], leave_kwh[i + out + gap] = upper, leave * share + density * (sign * (upper - near))
        worth[i], leave_kwh[i + gap] = near, leave * (1.0 - share)
        return end

    return blend


# One function for each end, so that the compiler knows the side.
_cut_dear, _cut_cheap = _cutter(1), _cutter(-1)
_blend_dear, _blend_cheap = _blender(1), _blender(-1)


@compiled
def _worth_now(battery: Battery, memory: Scratch, ends: tuple[Place, Place]) -> float:
    """The worth at which the list holds the energy stored now, which is -floor above the floor."""
    first, i = ends
    rest = -battery.floor_kwh
    while i > first and memory.leave_kwh[i - _ONE] < rest:
        rest -= memory.leave_kwh[i - _ONE]
        i -= _ONE
    if rest <= 0.0 or i == first:
        return float(memory.worth[i])
    return float(memory.worth[i] - (memory.worth[i] - memory.worth[i - _ONE]) * (rest / memory.leave_kwh[i - _ONE]))


@compiled
def _change(row: Float, level_worth: float, forced: float) -> float:
    """How much the stored energy rises in a cell when it has a worth. row: of `Scratch.stretch`."""
    if level_worth > row[_INTO] and row[_INTO_KWH] > 0.0:
        return float(min((level_worth - row[_INTO]) * row[_INTO_DENSITY], row[_INTO_KWH]))
    out_kwh = min(max((row[_OUT] - level_worth) * row[_OUT_DENSITY], 0.0), row[_OUT_KWH])
    return float(-out_kwh - row[_FORCE_KWH] * min(max(2.0 - level_worth / forced, 0.0), 1.0))
