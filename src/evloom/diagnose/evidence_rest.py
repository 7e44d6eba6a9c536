"""How cells move while nothing flows: the mean of each wake-up against those of the same rest before it. Compiled.

A cell that leaks falls behind its pack while the car is parked, when nobody bleeds cells and no current shows their resistance. One
reading of a millivolt tells little of that, but the mean of a wake-up's readings tells the more, the more there are, as long as
noise moves them over the steps of the converter. Over the hours of a rest a line is laid through the means of each cell; its fall, by
the slope of the curve, is the charge that the cell loses beyond its pack. A rest is over with the next load, where cells are bled,
and where the whole pack's voltage has moved: then its cells do not lie at the same place of their curves any more.
"""

import numpy as np

from evloom.diagnose.evidence_block import BLOCK_S, DAY_S, GAP_S, Sums
from evloom.diagnose.evidence_curve import charge_at, kind_of
from evloom.diagnose.evidence_places import (
    C_CREEP,
    C_EVEN,
    C_REST_D,
    C_REST_TD,
    D_CREEP,
    LOAD_AT,
    N_LEVEL,
    R_AT,
    R_FROM,
    R_N,
    R_SLOPE,
    R_SOC,
    R_SQUARE,
    R_SUM,
    R_SUM_T,
    R_SUM_TT,
    R_V,
    R_V_FIRST,
)  # fmt: skip
from evloom.kernel.compiled import compiled
from evloom.vehicle.telemetry import Float32

SETTLED_S = 7200.0  # cells differ in how fast they relax: two hours after the last load little of that is left
MOVED_V = 0.004
APART_V, FLAT_APART_V = 0.005, 0.012  # half the distance between the curves of charging and discharging: NMC and sodium, LFP
STEP_V = 0.001  # of a converter
DITHERED_VV = 0.15e-6  # scatter of readings from which on their mean tells of parts of a step: a noise of a quarter of it
EVEN_PER_H = 1e-5  # share of the capacity an hour by which a rest may mislead, however much was read: warmth moves voltages too
STEADY_V = 1e-4  # what a converter wanders within hours


@compiled
def hear(sums: Sums, row: Float32, rests: bool, now: tuple[float, float, float, float]) -> None:
    """Take in a frame; now = (instant, time since the frame before, mean of the cells, state of charge). rests: nothing flows, and no
    cell is bled."""
    at_s, passed, mean_v, soc = now
    scalar, even = sums.scalar, sums.cell[C_EVEN]
    if not rests or at_s - scalar[LOAD_AT] < SETTLED_S:
        _fold(sums)
        _close(sums)
        return
    if not passed <= GAP_S or at_s - scalar[R_AT] >= BLOCK_S:
        _fold(sums)
        scalar[R_AT] = at_s
    scalar[R_N] += 1.0
    scalar[R_V] += mean_v
    scalar[R_SOC] += soc
    total = 0.0
    for k in range(len(row)):
        d = row[k] - mean_v
        even[k] += d
        total += d * d
    scalar[R_SQUARE] += total


@compiled
def _fold(sums: Sums) -> None:
    """Add the mean of the readings since R_AT to the line of this rest."""
    scalar, cell = sums.scalar, sums.cell
    n = scalar[R_N]
    if n == 0.0:
        return
    mean_v = scalar[R_V] / n
    if abs(mean_v - scalar[R_V_FIRST]) > MOVED_V or scalar[R_AT] - scalar[R_FROM] > DAY_S:
        _close(sums)
    if scalar[R_SUM] == 0.0:
        scalar[R_FROM], scalar[R_V_FIRST] = scalar[R_AT], mean_v
    slope = _slope(sums, mean_v, scalar[R_SOC] / n)
    weight, hours = 1.0 / _doubt_vv(sums, n), (scalar[R_AT] - scalar[R_FROM]) / 3600.0
    scalar[R_SUM] += weight
    scalar[R_SUM_T] += weight * hours
    scalar[R_SUM_TT] += weight * hours * hours
    scalar[R_SLOPE] += weight * slope
    for k in range(cell.shape[1]):
        mean = weight * cell[C_EVEN, k] / n
        cell[C_REST_D, k] += mean
        cell[C_REST_TD, k] += hours * mean
        cell[C_EVEN, k] = 0.0
    scalar[R_N], scalar[R_V], scalar[R_SOC], scalar[R_SQUARE] = 0.0, 0.0, 0.0, 0.0


@compiled
def _slope(sums: Sums, mean_v: float, soc: float) -> float:
    """The least slope (V per unit of charge) that the curve may have here: after charging and after discharging a cell at the same
    voltage has another charge, and where it is flat a leak does not show."""
    kind = kind_of(sums.scalar)
    apart_v = FLAT_APART_V if kind == 1 else APART_V
    slope = np.inf
    for step in range(-1, 2):
        slope = min(slope, charge_at(mean_v + step * apart_v, soc, sums.curve_v[kind, :-N_LEVEL])[1])
    return slope


@compiled
def _doubt_vv(sums: Sums, n: float) -> float:
    """Square of the error (V) of the mean of n readings. Readings that do not move tell no part of a step, however many there are."""
    even = sums.cell[C_EVEN]
    step_vv = STEP_V * STEP_V / 12.0
    apart = 0.0
    for k in range(len(even)):
        apart += even[k] * even[k]
    scatter_vv = max((sums.scalar[R_SQUARE] - apart / n) / ((n - 1.0) * len(even)), 0.0) if n > 1.0 else 0.0
    return step_vv * (1.0 - min(scatter_vv / DITHERED_VV, 1.0)) + max(scatter_vv, step_vv) / n + STEADY_V * STEADY_V


@compiled
def _close(sums: Sums) -> None:
    """The lines of a rest go into the sums of the day, by how certain they are: by the readings, or by how far the cells' lines differ."""
    scalar, cell = sums.scalar, sums.cell
    weight = scalar[R_SUM]
    if weight == 0.0:
        return
    slope, middle = scalar[R_SLOPE] / weight, scalar[R_SUM_T] / weight
    long = scalar[R_SUM_TT] - middle * scalar[R_SUM_T]
    if long > 0.0:
        pace = (cell[C_REST_TD] - middle * cell[C_REST_D]) / (slope * long)
        pace -= np.median(pace)
        spread = 1.4826 * np.median(np.abs(pace))
        known = 1.0 / max(1.0 / (slope * slope * long), spread * spread, EVEN_PER_H * EVEN_PER_H)
        sums.day[D_CREEP] += known
        cell[C_CREEP] += known * pace
    cell[C_REST_D], cell[C_REST_TD] = 0.0, 0.0
    scalar[R_SUM], scalar[R_SUM_T], scalar[R_SUM_TT], scalar[R_SLOPE] = 0.0, 0.0, 0.0, 0.0
