"""From the bins of a charge window to the points that a curve is laid through, and to the deviations of the cells along it."""

import math
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
OFFSETS_A = ((0.95, 0.15), (0.05, 1.5))
"""Offset of a current sensor: how likely, and standard deviation; a few are broken."""
AWAKE, DRAWN_A, READ_A = 0.6, 0.5, 0.03
"""How often a parked car that reports draws current, and how much on average (cars: 0.2 to 1.5 A); error of the mean reading."""


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
    """Offset of the current sensor (A) from what it read while parked, and its doubt.

    A parked car that reports draws some current, or none; what it reads is the offset less that. Given the mean reading, the offset is
    weighed over sound and broken sensors and over cars that draw nothing or a little (exponential): a normal distribution cut off where the
    draw would be negative.
    """
    seen = scalar[at.OFF_N]
    if seen < 1.0:
        return 0.0, OFFSETS_A[0][1]
    mean = float(scalar[at.OFF_A] / seen)
    spread = max(float(scalar[at.OFF_AA] / seen) - mean * mean, 0.0)
    noise = float(np.hypot(np.sqrt(spread / seen), READ_A))
    parts = [part for often, sd in OFFSETS_A for part in _explained(mean, often, float(np.hypot(sd, noise)))]
    total = sum(weight for weight, _, _ in parts)
    offset = sum(weight * middle for weight, middle, _ in parts) / total
    variance = sum(weight * (var + (middle - offset) ** 2) for weight, middle, var in parts) / total
    return offset, float(np.hypot(np.sqrt(variance), noise))


def _explained(mean: float, often: float, sd: float) -> list[tuple[float, float, float]]:
    """How likely, offset and its variance where nothing is drawn, and where something is."""
    still = (1.0 - AWAKE) * often * math.exp(-0.5 * (mean / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi))
    middle = -sd * sd / DRAWN_A
    cut = (mean - middle) / sd
    above = 0.5 * math.erfc(cut / math.sqrt(2.0))
    if above < 1e-12:
        return [(still + 1e-300, mean, 0.0)]
    ahead = math.exp(-0.5 * cut * cut) / math.sqrt(2.0 * math.pi) / above
    drawn = AWAKE * often * math.exp(mean / DRAWN_A + 0.5 * (sd / DRAWN_A) ** 2) / DRAWN_A * above
    return [(still + 1e-300, mean, 0.0), (drawn, middle + sd * ahead, sd * sd * max(1.0 + cut * ahead - ahead * ahead, 0.0))]


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
