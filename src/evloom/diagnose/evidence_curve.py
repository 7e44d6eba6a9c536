"""What the table of a chemistry's voltage at rest says of the charge, and where it says nothing. Compiled."""

import numpy as np

from evloom.diagnose.evidence_places import CHEMISTRY, HIGH_V, N_LEVEL
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

FLAT_V = 0.25  # less volts per unit of charge than this: the management's state of charge says more than the voltage
SHARP_V = 2.0  # V per unit: where the table's slope changes by so much, a deviation at rest says nothing
KNEE_V = 1.0  # V per unit: where a flat curve is steeper, every cell bends at a charge of its own


@compiled
def kind_of(scalar: Float) -> int:
    """Place of the pack's chemistry in `evidence.KINDS`; told from its highest voltage where nobody said."""
    return int(scalar[CHEMISTRY]) if scalar[CHEMISTRY] >= 0.0 else (0 if scalar[HIGH_V] > 3.45 else 1)


@compiled
def charge_at(volt: float, soc: float, curve_v: Float) -> tuple[float, float]:
    """State of charge at a voltage at rest, and the slope of the curve there (V per unit). soc is the management's, NaN unknown."""
    last = len(curve_v) - 1
    j = 0
    while j < last - 1 and curve_v[j + 1] <= volt:
        j += 1
    rise = max(curve_v[j + 1] - curve_v[j], 1e-4)
    here = min(max((j + (volt - curve_v[j]) / rise) / last, 0.0), 1.0)
    if rise * last < FLAT_V and np.isfinite(soc):
        low, high = j, j
        while low > 0 and (curve_v[low] - curve_v[low - 1]) * last < FLAT_V:
            low -= 1
        while high < last - 1 and (curve_v[high + 2] - curve_v[high + 1]) * last < FLAT_V:
            high += 1
        here = min(max(soc, low / last), (high + 1) / last)
    at = min(max(here * last, 1.0), last - 1.0)
    j = min(int(at), last - 2)
    part = at - j
    low_v = curve_v[j - 1] + part * (curve_v[j] - curve_v[j - 1]) if j > 0 else curve_v[0]
    high_v = curve_v[j + 1] + part * (curve_v[j + 2] - curve_v[j + 1])
    return here, max((high_v - low_v) * last / 2.0, 1e-3)


@compiled
def bend(kind: int, soc: float, tables_v: Float) -> float:
    """By how much the slope of the table changes within 2.5 % of charge around `soc` (V per unit)."""
    curve_v = tables_v[kind, :-N_LEVEL]
    last = len(curve_v) - 1
    j = min(max(int(soc * last), 1), last - 2)
    low, high = np.inf, 0.0
    for i in range(j - 1, j + 2):
        slope = (curve_v[i + 1] - curve_v[i]) * last
        low, high = min(low, slope), max(high, slope)
    return high - low


@compiled
def along(at: float, x: Float, y: Float, n: int) -> float:
    """Value of y (rising with x) at a place of x; beyond the ends as steep as the last stretch."""
    j = min(max(int(np.searchsorted(x[:n], at)) - 1, 0), n - 2)
    return float(y[j] + (at - x[j]) * (y[j + 1] - y[j]) / max(x[j + 1] - x[j], 1e-9))


@compiled
def rest_tells(kind: int, soc: float, slope: float, tables_v: Float) -> bool:
    """Whether a deviation at rest tells of the cell: not where the curve bends sharply, and not on the knee of a flat one (LFP)."""
    return bend(kind, soc, tables_v) < SHARP_V and (kind != 1 or slope < KNEE_V)
