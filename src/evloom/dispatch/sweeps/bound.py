"""Compiled kernel: the least that a battery which may discharge can cost at given linear prices, proved from below.

The same dynamic programming as in `evloom.dispatch.sweeps.arbitrage`, where every cell now charges and discharges at one worth
each: the list holds amounts at points instead of stretches. The worths found are the multipliers of the energy balance of each
cell, and the value returned is that of the dual at them, which is a lower bound whatever the multipliers are.
"""

from collections.abc import Callable

from evloom.dispatch.sweeps.arbitrage import Battery, Cells, Place, Scratch, Worth
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

# One rounding of a float64, relative; a sum of n terms is off by less than n of them.
_ROUNDING = 1.2e-16
_ONE = Place(1)


@compiled
def least_value(battery: Battery, worth: Worth, cells: Cells, memory: Scratch) -> float:
    """A lower bound of what any exchange costs: price and wear less the worth of what is stored at the end (nothing at the floor).

    Curvature, present exchange and force do not count. It is the least value itself, up to rounding, where prices are not so
    negative that charging and discharging at once would pay; there it is that of the relaxation in which a cell may be shared in
    time between charging and discharging. The rounding of its own sum is taken off.
    """
    span_kwh, worths, leave_kwh = battery.ceiling_kwh - battery.floor_kwh, memory.worth, memory.leave_kwh
    first, last = _tiers(battery, worth, memory)
    for k in range(len(cells.lo_kwh) - 1, -1, -1):
        memory.low[k], memory.high[k] = worths[first], worths[last]
        charge_kwh = min(cells.hi_kwh[k] * battery.charge_efficiency, span_kwh)
        discharge_kwh = min(-cells.lo_kwh[k] / battery.discharge_efficiency, span_kwh)
        price = cells.price_per_kwh[k]
        into, out = price / battery.charge_efficiency, (price - battery.wear_per_kwh) * battery.discharge_efficiency
        memory.stretch[k, 0], memory.stretch[k, 1] = charge_kwh, discharge_kwh
        if into < out and charge_kwh + discharge_kwh > 0.0:
            into = (into * charge_kwh + out * discharge_kwh) / (charge_kwh + discharge_kwh)
            out = into
        if into < worths[last] and charge_kwh > 0.0:
            last = _swap_dear(worths, leave_kwh, (last, first - _ONE), into, charge_kwh)
        if out > worths[first] and discharge_kwh > 0.0:
            first = _swap_cheap(worths, leave_kwh, (first, last + _ONE), out, discharge_kwh)
    rest, i = -battery.floor_kwh, last
    while i > first and leave_kwh[i] < rest:
        rest -= leave_kwh[i]
        i -= _ONE
    return _dual_value(battery, worth, cells, memory, worths[i])


@compiled
def _tiers(battery: Battery, worth: Worth, memory: Scratch) -> tuple[Place, Place]:
    """The list at the end of the time: each tier of worth at its price; it starts in the middle. -> its first and last place."""
    n_tier = len(worth.width_kwh)
    last = len(memory.worth) // 2 + n_tier
    at, rest_kwh, price = last + 1, battery.ceiling_kwh - battery.floor_kwh, 0.0
    for j in range(n_tier + 1):
        width_kwh = rest_kwh
        if j < n_tier:
            width_kwh, price = min(worth.width_kwh[j], rest_kwh), worth.price_per_kwh[j]
        else:
            price = min(price, 0.0)
        if width_kwh <= 0.0 and (j < n_tier or at <= last):
            continue
        at -= 1
        memory.worth[at], memory.leave_kwh[at] = price, width_kwh
        rest_kwh -= width_kwh
    return Place(at), Place(last)


def _swapper(side: int) -> Callable[[Float, Float, tuple[Place, Place], float, float], Place]:
    """The kernel that adds an amount at a worth and cuts as much off one end of the list, 1 for the dear and -1 for the cheap one.

    ends: that end, which lies beyond the worth, and the place just outside the other end. -> the new end.
    """
    sign = float(side)
    out = _ONE if side > 0 else Place(2**64 - 1)

    @compiled
    def swap(worth: Float, leave_kwh: Float, ends: tuple[Place, Place], at: float, amount_kwh: float) -> Place:
        i, outside = ends
        rest = amount_kwh
        while i != outside and sign * (worth[i] - at) > 0.0:
            if leave_kwh[i] > rest:
                leave_kwh[i] -= rest
                rest = 0.0
                break
            rest -= leave_kwh[i]
            i -= out
        end = i
        while i != outside and sign * (worth[i] - at) > 0.0:
            worth[i + out], leave_kwh[i + out] = worth[i], leave_kwh[i]
            i -= out
        worth[i + out], leave_kwh[i + out] = at, amount_kwh - rest
        return end + out

    return swap


# One function for each end, so that the compiler knows the side.
_swap_dear, _swap_cheap = _swapper(1), _swapper(-1)


@compiled
def _dual_value(battery: Battery, worth: Worth, cells: Cells, memory: Scratch, first_worth: float) -> float:
    """Value of the dual: each cell and each level does best for itself when stored energy has the worths found."""
    n_cell = len(cells.lo_kwh)
    level_worth, value, size = first_worth, 0.0, 0.0
    for k in range(n_cell):
        price = cells.price_per_kwh[k]
        into = memory.stretch[k, 0] * (price / battery.charge_efficiency - level_worth)
        out = memory.stretch[k, 1] * (level_worth - (price - battery.wear_per_kwh) * battery.discharge_efficiency)
        step = min(into, out, 0.0)
        value += step
        size += abs(step) + memory.stretch[k, 0] * abs(level_worth) + memory.stretch[k, 1] * abs(level_worth)
        if k + 1 < n_cell:
            after = min(max(level_worth, memory.low[k]), memory.high[k])
            fall = level_worth - after
            step = fall * (battery.floor_kwh if fall > 0.0 else battery.ceiling_kwh)
            value += step
            size += abs(step)
            level_worth = after
    rest_kwh, price = battery.ceiling_kwh - battery.floor_kwh, 0.0
    if n_cell == 0:
        level_worth, rest_kwh = 0.0, -battery.floor_kwh
    value += level_worth * battery.floor_kwh
    size += abs(level_worth) * (battery.ceiling_kwh - battery.floor_kwh)
    for j in range(len(worth.width_kwh) + 1):
        width_kwh = min(worth.width_kwh[j], rest_kwh) if j < len(worth.width_kwh) else rest_kwh
        price = worth.price_per_kwh[j] if j < len(worth.width_kwh) else min(price, 0.0)
        rest_kwh -= width_kwh
        step = width_kwh * (level_worth - price)
        value += step if n_cell == 0 else min(step, 0.0)
        size += abs(step)
    return float(value - _ROUNDING * (n_cell + len(worth.width_kwh) + 8) * size)
