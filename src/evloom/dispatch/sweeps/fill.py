"""The best answer of a unit that only charges, to prices that rise with what it draws: a continuous knapsack, solved by its level.

The level is the price of the last kWh. Energy at a level v is the sum over cells of clip(x + (v - price) / curvature, 0, most), which
rises with v; what the unit wants falls with v. Newton's method on the level, held in a bracket.
"""

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

_ROUNDS_MAX = 80
_NEAR_KWH, _NEAR = 1e-11, 1e-15


@compiled
def drawn(level: float, n: int, x: Float, most: Float, price_per_kwh: Float, give: Float) -> tuple[float, float]:
    """Energy at a level, and how fast it rises with it; give = 1 / curvature."""
    energy_kwh, rise = 0.0, 0.0
    for j in range(n):
        e = x[j] + (level - price_per_kwh[j]) * give[j]
        if e <= 0.0:
            continue
        if e >= most[j]:
            energy_kwh += most[j]
        else:
            energy_kwh += e
            rise += give[j]
    return energy_kwh, rise


@compiled
def level_of(target: float, between: tuple[float, float], level: float, n: int, cells: tuple[Float, Float, Float, Float]) -> float:
    """The level in a bracket at which `target` is drawn; cells = (x, most, price, give)."""
    x, most, price_per_kwh, give = cells
    low, high = between
    if not low < level < high:
        level = 0.5 * (low + high)
    for _ in range(_ROUNDS_MAX):
        energy_kwh, rise = drawn(level, n, x, most, price_per_kwh, give)
        lacking = target - energy_kwh
        if abs(lacking) <= _NEAR_KWH * (1.0 + 1e-3 * target) or high - low <= _NEAR * (abs(low) + abs(high)):
            break
        if lacking < 0.0:
            high = level
        else:
            low = level
        level = level + lacking / rise if rise > 0.0 else low
        if not low < level < high:
            level = 0.5 * (low + high)
    return level


@compiled
def fill(
    need: tuple[float, float, float], tiers: Float, level: float, n: int, cells: tuple[Float, Float, Float, Float], out: Float
) -> float:
    """Write the best energies to `out` (n,), return the level.

    need    (kWh wanted, kWh there is room for, price of a kWh that is missing)
    tiers   (n_tier,) what that price is multiplied with, from the first part that goes missing to the last
    level   where to start looking
    """
    x, most, price_per_kwh, give = cells
    need_kwh, room_kwh, short_per_kwh = need
    low, high, whole = np.inf, -np.inf, 0.0
    for j in range(n):
        low = min(low, price_per_kwh[j] - x[j] / give[j])
        high = max(high, price_per_kwh[j] + (most[j] - x[j]) / give[j])
        whole += most[j]
    if n == 0:
        return level
    if whole > need_kwh:
        level = level_of(need_kwh, (low, high), level, n, cells)
    else:
        level = high
    if level < 0.0 and room_kwh > need_kwh:
        level = _level_of_extra(room_kwh, low, level, n, cells)
    elif level > short_per_kwh * tiers[0]:
        level = _level_of_short(need, tiers, n, cells)
    for j in range(n):
        out[j] = min(max(x[j] + (level - price_per_kwh[j]) * give[j], 0.0), most[j])
    return level


@compiled
def _level_of_extra(room_kwh: float, low: float, level: float, n: int, cells: tuple[Float, Float, Float, Float]) -> float:
    """Where taking more than needed is paid: the level is 0, or lower where the battery is full before."""
    if drawn(0.0, n, cells[0], cells[1], cells[2], cells[3])[0] <= room_kwh:
        return 0.0
    return float(level_of(room_kwh, (low, 0.0), level, n, cells))


@compiled
def _level_of_short(need: tuple[float, float, float], tiers: Float, n: int, cells: tuple[Float, Float, Float, Float]) -> float:
    """Where a kWh costs more than some part of the need is worth: parts go missing one after the other."""
    need_kwh, _, short_per_kwh = need
    part_kwh = need_kwh / len(tiers)
    served = need_kwh
    for q in range(len(tiers)):
        worth = short_per_kwh * tiers[q]
        energy_kwh, _ = drawn(worth, n, cells[0], cells[1], cells[2], cells[3])
        if energy_kwh >= served:  # all that is still wanted is drawn below this worth
            if energy_kwh > served and q > 0:
                return float(level_of(served, (short_per_kwh * tiers[q - 1], worth), worth, n, cells))
            return float(worth)
        if energy_kwh >= served - part_kwh:
            return float(worth)
        served -= part_kwh
    return float(short_per_kwh * tiers[-1])
