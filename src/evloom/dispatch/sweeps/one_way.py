"""The least that a unit which only charges can cost at given prices: a dual value, never above the true one."""

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

_ROUNDS_MAX = 60


@compiled
def least_charging(need: tuple[float, float, float], tiers: Float, level: float, n: int, cells: tuple[Float, Float]) -> float:
    """The greatest dual value found; cells = (price, most). At any level it is a lower bound, at the best one it is exact.

    need, tiers   as in `fill.fill`
    level         where to start looking
    """
    low, high = -np.inf, np.inf
    at_low, at_high, best = (0.0, 0.0), (0.0, 0.0), -np.inf
    for number in range(_ROUNDS_MAX):
        value, rise = _dual(level, need, tiers, n, cells)
        best = max(best, value)
        if rise == 0.0:
            break
        if rise > 0.0:
            low, at_low = level, (value, rise)
        else:
            high, at_high = level, (value, rise)
        if low > -np.inf and high < np.inf:
            # Where the tangents on both sides meet; no value is above that point.
            slope = at_low[1] - at_high[1]
            level = (at_high[0] - at_low[0] + at_low[1] * low - at_high[1] * high) / slope
            if at_low[0] + at_low[1] * (level - low) <= best + 1e-13 * abs(best) or not low < level < high:
                break
        else:
            level = _beyond(level, rise > 0.0, number >= 3, (need[2], tiers), n, cells[0])
    return best


@compiled
def _dual(level: float, need: tuple[float, float, float], tiers: Float, n: int, cells: tuple[Float, Float]) -> tuple[float, float]:
    """Value of the dual function at a level, and its slope."""
    price_per_kwh, most = cells
    value, rise = 0.0, 0.0
    for j in range(n):
        if level > price_per_kwh[j]:
            value -= (level - price_per_kwh[j]) * most[j]
            rise -= most[j]
    part_kwh = need[0] / len(tiers)
    for q in range(len(tiers)):
        worth = need[2] * tiers[q]
        if level < worth:
            rise += part_kwh
        value += part_kwh * min(level, worth)
    if level < 0.0 and need[1] > need[0]:
        value += level * (need[1] - need[0])
        rise += need[1] - need[0]
    return value, rise


@compiled
def _beyond(level: float, up: bool, far: bool, worths: tuple[float, Float], n: int, price_per_kwh: Float) -> float:
    """A level on the other side of the best: past the next price up or down, or (far) past all; worths = (short price, tiers)."""
    short_per_kwh, tiers = worths
    if up:
        found = short_per_kwh * tiers[-1] if far else np.inf
        for j in range(n):
            if far:
                found = max(found, price_per_kwh[j])
            elif price_per_kwh[j] > level:
                found = min(found, price_per_kwh[j])
        for q in range(len(tiers)):
            if not far and short_per_kwh * tiers[q] > level:
                found = min(found, short_per_kwh * tiers[q])
        return float(found + abs(found) * 1e-9 + 1e-12)
    found = min(level, 0.0) if far else (0.0 if level > 0.0 else -np.inf)
    for j in range(n):
        if far:
            found = min(found, price_per_kwh[j])
        elif price_per_kwh[j] < level:
            found = max(found, price_per_kwh[j])
    return float(found - abs(found) * 1e-9 - 1e-12 if found > -np.inf else level - 1.0)
