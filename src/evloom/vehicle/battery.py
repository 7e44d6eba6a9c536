"""How much a battery takes up: power limited by an order and by a curve over state of charge, integrated exactly."""

import math

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float

NEAR = 1e-12  # states of charge closer than this are the same


@compiled
def curve_at(soc: float, curve_soc: Float, curve_kw: Float) -> float:
    """Power (kW, at the inlet) the battery accepts at `soc`, linear between the points (n_point,) of its curve."""
    last = len(curve_soc) - 1
    if soc <= curve_soc[0] or soc >= curve_soc[last]:
        return float(curve_kw[0] if soc <= curve_soc[0] else curve_kw[last])
    j = 0
    while curve_soc[j + 1] <= soc:
        j += 1
    slope = (curve_kw[j + 1] - curve_kw[j]) / (curve_soc[j + 1] - curve_soc[j])
    return float(slope * (soc - curve_soc[j]) + curve_kw[j])


@compiled
def _segment(soc: float, curve_soc: Float) -> int:
    """The piece of the curve a battery at `soc` is about to charge through."""
    for j in range(len(curve_soc) - 2):
        if soc < curve_soc[j + 1] - NEAR:
            return j
    return len(curve_soc) - 2


@compiled
def charge_along_curve(soc: float, power_kw: float, hours: float, per_kw_h: float, curve_soc: Float, curve_kw: Float) -> float:
    """State of charge after `hours` at min(power_kw, curve): exact, piece by piece.

    soc        0..1 at the start; power_kw >= 0 offered at the inlet; per_kw_h = efficiency / battery_kwh, the rise of
               the state of charge per kWh at the inlet
    curve      (n_point,) soc rising 0..1 and power at the inlet, linear in between
    Where the curve is the lower, d soc/dt = per_kw_h (a + b soc), which is an exponential in time; elsewhere it is a line.
    """
    for _ in range(4 * len(curve_soc)):
        if hours <= 0.0 or soc >= 1.0 or power_kw <= 0.0:
            break
        j = _segment(soc, curve_soc)
        slope = (curve_kw[j + 1] - curve_kw[j]) / (curve_soc[j + 1] - curve_soc[j])
        here_kw = curve_kw[j] + slope * (soc - curve_soc[j])
        border = curve_soc[j + 1]
        cross = curve_soc[j] + (power_kw - curve_kw[j]) / slope if slope != 0.0 else np.inf
        # Compared as states of charge: on a steep piece the power at `cross` itself is rounded by far more than NEAR.
        on_curve = here_kw < power_kw if slope == 0.0 else (soc < cross - NEAR) == (slope > 0.0)
        if soc + NEAR < cross < border:
            border = cross
        rate = per_kw_h * (here_kw if on_curve else power_kw)
        if rate <= 0.0:
            break
        k = per_kw_h * slope if on_curve else 0.0
        if abs(k) < 1e-12:
            needed_h = (border - soc) / rate
            step_h = min(hours, needed_h)
            soc = border if needed_h <= hours else soc + rate * step_h
        else:
            growth = k * (border - soc) / rate
            needed_h = math.log1p(growth) / k if growth > NEAR - 1.0 else np.inf
            step_h = min(hours, needed_h)
            soc = border if needed_h <= hours else soc + rate * math.expm1(k * step_h) / k
        hours -= step_h
    return min(soc, 1.0)


@compiled
def hours_to_reach(ends: tuple[float, float], power_kw: float, per_kw_h: float, curve: tuple[Float, Float], most_h: float) -> float:
    """Hours from the state of charge ends[0] to ends[1] at min(power_kw, curve), at most `most_h`, to a second.

    curve is (curve_soc, curve_kw) as in `charge_along_curve`, on which this is a bisection.
    """
    low_h, high_h = 0.0, most_h
    while high_h - low_h > 1.0 / 3600.0:
        middle_h = 0.5 * (low_h + high_h)
        if charge_along_curve(ends[0], power_kw, middle_h, per_kw_h, curve[0], curve[1]) < ends[1] - 1e-9:
            low_h = middle_h
        else:
            high_h = middle_h
    return high_h
