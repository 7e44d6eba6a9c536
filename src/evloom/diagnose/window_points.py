"""From the bins of a charge window to the points that a curve is laid through, and to the deviations of the cells along it."""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.diagnose.capacity import DROP_ERROR, DROP_ERROR_FAST, ERROR_V
from evloom.diagnose.capacity_kernel import N_POINT_COLUMN
from evloom.diagnose.segment_cells import resistance_factor
from evloom.diagnose.segment_sums import Sums
from evloom.kernel.timegrid import Float
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Float32

SETTLE_S, SETTLE_FAST_S = 600.0, 240.0
"""How long after its begin the polarisation of a charge is not steady yet."""
MOST_POINTS = 24
NO_OFFSET_A, USUAL_OFFSET_A = 0.15, 0.1
"""Offset of a current sensor that was never seen at rest, standard deviation; below zero by more than the second a car rather draws."""


@dataclass(frozen=True)
class Charge:
    """One window. points (n, N_POINT_COLUMN) for the kernel, in multiples of the scale; apart_v (n, n_cell) deviations of the cells there;
    end (charge, hours); count  doubt of the offset of the current."""

    points: Float
    apart_v: Float32
    end: tuple[float, float]
    is_fast: bool
    mean_c: float
    count: float


def offset_a(scalar: Float) -> tuple[float, float]:
    """Offset of the current sensor as seen while parked, and its doubt. What a parked car draws looks like a negative offset: the further
    below zero, the less it is believed."""
    seen = scalar[at.OFF_N]
    if seen < 1.0:
        return 0.0, NO_OFFSET_A
    mean = float(scalar[at.OFF_A] / seen)
    spread = max(float(scalar[at.OFF_AA] / seen) - mean * mean, 0.0)
    doubt = float(np.hypot(np.sqrt(spread / seen), NO_OFFSET_A / np.sqrt(1.0 + seen)))
    drawn = max(-mean - USUAL_OFFSET_A, 0.0)
    return mean + 0.7 * drawn, float(np.hypot(doubt, 0.4 * drawn + 0.02))


def charge_of(sums: Sums, kind: str) -> Charge:
    """The window that is open in the sums."""
    window, scale_ah = sums.window, float(sums.scalar[at.SCALE_AH])
    offset, doubt = offset_a(sums.scalar)
    is_fast = bool(window[at.W_FAST] > 0.5 * window[at.W_N])
    hours = float(window[at.W_TO] - window[at.W_FROM]) / 3600.0
    here = np.flatnonzero(sums.bin[:, at.X_N] > 0.0)
    count = sums.bin[here, at.X_N]
    mean = sums.bin[here] / count[:, None]
    apart = sums.bin_cell[here] / count[:, None].astype(np.float32)
    late = mean[:, at.X_S] > (SETTLE_FAST_S if is_fast else SETTLE_S)
    mean_c = float(mean[:, at.X_T].mean()) if len(mean) else float("nan")
    mean, apart = mean[late], apart[late]
    if len(mean) > MOST_POINTS:
        even = len(mean) // 2 * 2
        mean, apart = 0.5 * (mean[:even:2] + mean[1:even:2]), 0.5 * (apart[:even:2] + apart[1:even:2])
    points = _points(mean, (offset, scale_ah), kind, is_fast)
    end = (float(window[at.W_AH] - offset * hours) / scale_ah, hours)
    return Charge(points, apart, end, is_fast, mean_c, doubt / scale_ah)


def _points(mean: Float, scale: tuple[float, float], kind: str, is_fast: bool) -> Float:
    """Points for the kernel of the means of bins; scale = (offset of the current, A a unit of capacity)."""
    offset, scale_ah = scale
    points = np.zeros((len(mean), N_POINT_COLUMN))
    if not kind:
        return points
    hours = mean[:, at.X_S] / 3600.0
    ohm = BY_NAME[kind].resistance_ohm_ah / scale_ah
    factor = np.array([resistance_factor(temp_c, 0.5) for temp_c in mean[:, at.X_T]])
    drop = (mean[:, at.X_A] - offset) * ohm * factor
    variance = ERROR_V[kind] ** 2 + ((DROP_ERROR_FAST if is_fast else DROP_ERROR) * drop) ** 2
    charge = (mean[:, at.X_Q] - offset * hours) / scale_ah
    return np.column_stack([charge, mean[:, at.X_V], drop, hours, mean[:, at.X_A] / scale_ah, variance])
