"""What the frames of a day say of every cell: running sums that a compiled pass fills, and the features of the day read off them.

A day is one of UTC. Its features are there when the first frame after it has come, so nothing in them is later than that frame.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.evidence_block import BLOCK_S, Sums
from evloom.diagnose.evidence_kernel import Columns
from evloom.kernel.timegrid import Float
from evloom.vehicle.chemistry import BY_NAME, LFP, NMC, SODIUM
from evloom.vehicle.telemetry import Frames, Pack

CURVES_V = np.array([NMC.ocv_v, LFP.ocv_v, SODIUM.ocv_v])
LEVELS_V = np.array(
    [
        np.linspace(3.55, 4.10, at.N_LEVEL),
        [3.15, 3.20, 3.24, 3.28, 3.29, 3.30, 3.31, 3.32, 3.36, 3.40, 3.44, 3.48],
        np.interp(np.linspace(0.12, 0.97, at.N_LEVEL), np.linspace(0.0, 1.0, len(SODIUM.ocv_v)), SODIUM.ocv_v),
    ]
)
"""Voltages at rest whose passing is noted while charging, by chemistry: evenly, or where a flat curve rises."""
KINDS = ("NMC", "LFP", "Na")
NOMINAL_AH = 150.0
"""Rated capacity where nobody said: of the size usual in cars (2026). Only scales are taken from it."""
TABLE_V = np.hstack([CURVES_V, LEVELS_V])
FIXED = 1
"""The last array of the sums is a table: the same for every pack, and not kept with it."""
_NEAR_ZERO = 1e-9


@dataclass
class DayFeatures:
    """What one day says of a pack. Deviations are from the median of the cells; NaN where the day says nothing.

    at_s        instant at which the day was over and all of this known
    day         the sums of `evidence_places.D_*`; ohm, scale_ah  resistance of a mean cell and capacity that they were scaled with
    normal      (5, 5), right (5, n_cell): normal equations of each cell's deviation on 1, slope of the curve, slope times charge,
                current as a rate, current of the last ten minutes; in units of blocks of ten minutes
    rest_v, shoulder_v, noise_v (n_cell,): mean deviation relaxed, in the two hours after a charge; scatter from frame to frame
    pair        (n_cell,) correlation of that scatter with the neighbour before; -1 is a mirror
    bled_s      (n_cell,) time for which the cell was probably bled; bad (n_cell,) share of its readings that were doubted
    probe_c, probe_range_c, probe_absent (n_probe,): mean deviation from the probes' median, its range, share absent
    probe_heat_c (n_probe,) rise of that deviation with the heat of the current (per square of the rate)
    creep       (n_cell,) how the cells' charge moved while nothing flowed, in shares of the capacity an hour, times creep_known;
                creep_known  how certain that is: one over the square of its standard deviation, 0 where no rest said it
    """

    at_s: float
    day: Float
    ohm: float
    scale_ah: float
    kind: str
    normal: Float
    right: Float
    rest_v: Float
    shoulder_v: Float
    noise_v: Float
    pair: Float
    bled_s: Float
    bad: Float
    probe_c: Float
    probe_range_c: Float
    probe_absent: Float
    probe_heat_c: Float
    creep: Float = field(default_factory=lambda: np.zeros(0))
    creep_known: float = 0.0


def fresh_sums(pack: Pack) -> Sums:
    """The sums before the first frame of a pack."""
    scalar = np.zeros(at.N_SCALAR + 2 * at.N_TRACE)
    scalar[[at.LAST_AT, at.DAY]] = -np.inf, -1.0
    scalar[[at.LOAD_AT, at.CHARGED_AT, at.TRACE_AT]] = -np.inf
    scalar[[at.REST_AT, at.LAST_SOC, at.LAST_V, at.LAST_A, at.SAME_A]] = np.nan
    scalar[at.CHEMISTRY] = KINDS.index(pack.chemistry) if pack.chemistry in KINDS else -1
    scalar[at.SCALE_AH] = pack.capacity_ah if pack.capacity_ah > 0.0 else NOMINAL_AH
    scalar[at.OHM] = BY_NAME.get(pack.chemistry, NMC).resistance_ohm_ah / scalar[at.SCALE_AH]
    scalar[at.RESIDUAL_V] = 0.002
    scalar[at.TEMP_C] = 25.0
    sums = Sums(
        scalar, np.zeros(at.N_BLOCK), np.zeros(at.N_DAY), np.zeros((5, 5)), np.zeros((at.N_CELL_ROW, pack.n_cell)),
        np.zeros((at.N_PROBE_ROW, pack.n_probe)), TABLE_V,
    )  # fmt: skip
    clear_day(sums)
    return sums


def columns_of(frames: Frames) -> Columns:
    """The columns that the kernel reads, in the types that it was compiled for."""
    return Columns(*(np.ascontiguousarray(getattr(frames, name)) for name in Columns._fields))


def clear_day(sums: Sums) -> None:
    """Empty the sums of the day."""
    sums.day[:] = 0.0
    sums.day[[at.D_SOC_MIN, at.D_TEMP_LOW]] = np.inf
    sums.day[[at.D_SOC_MAX, at.D_TEMP_HIGH]] = -np.inf
    sums.normal[:] = 0.0
    sums.cell[list(at.DAY_ROWS)] = 0.0
    sums.probe[:] = 0.0
    sums.probe[at.P_LOW], sums.probe[at.P_HIGH] = np.inf, -np.inf


def next_day(sums: Sums) -> None:
    """Begin a new day: what a step of the current said of the resistance is kept for it, the sums are emptied."""
    scalar, day = sums.scalar, sums.day
    least_aa = 20.0 * (0.1 * scalar[at.SCALE_AH]) ** 2
    if day[at.D_STEP_AA] > least_aa and day[at.D_STEP_VA] > 0.0:
        seen_ohm = min(max(day[at.D_STEP_VA] / day[at.D_STEP_AA], 0.3 * scalar[at.OHM]), 3.0 * scalar[at.OHM])
        scalar[at.OHM] += 0.3 * (seen_ohm - scalar[at.OHM])
    scalar[at.DAY] = -1.0
    clear_day(sums)


def read_day(sums: Sums, at_s: float) -> DayFeatures:
    """The features of the day whose sums these are, as known at `at_s`."""
    day, cell, probe, scalar = sums.day.copy(), sums.cell, sums.probe, sums.scalar
    n_noise = max(day[at.D_NOISE_N], 1.0)
    noise = cell[at.C_NOISE] / n_noise
    spread = np.sqrt(noise[1:] * noise[:-1])
    pair = np.zeros(cell.shape[1])
    if cell.shape[1] > 1:
        pair[1:] = cell[at.C_PAIR, 1:] / n_noise / np.maximum(spread, _NEAR_ZERO)
        pair[0] = np.median(pair[1:])  # it has no neighbour before it
    right = cell[at.C_R0 : at.C_R0 + 5]
    kind = int(scalar[at.CHEMISTRY]) if scalar[at.CHEMISTRY] >= 0.0 else (0 if scalar[at.HIGH_V] > 3.45 else 1)
    normal = sums.normal + sums.normal.T - np.diag(np.diag(sums.normal))
    normal[:3, :3] = sums.normal[:3, :3]  # those were summed whole
    return DayFeatures(
        at_s=at_s,
        day=day,
        ohm=float(scalar[at.OHM]),
        scale_ah=float(scalar[at.SCALE_AH]),
        kind=KINDS[kind],
        normal=normal,
        right=right - centre(right),
        rest_v=_mean(cell[at.C_REST], day[at.D_REST_WEIGHT]),
        shoulder_v=_mean(cell[at.C_SHOULDER], day[at.D_SHOULDER_WEIGHT]),
        noise_v=np.sqrt(noise / 2.0),
        pair=pair,
        bled_s=cell[at.C_BLED].copy(),
        bad=cell[at.C_BAD] / max(day[at.D_FRAMES], 1.0),
        **_probes(probe, day),
        creep=cell[at.C_CREEP] - centre(cell[at.C_CREEP]),
        creep_known=float(day[at.D_CREEP]),
    )


def centre(values: Float) -> Any:
    """The median over the cells (last axis), kept as an axis; 0 where there are none."""
    return np.median(values, axis=-1, keepdims=True) if values.shape[-1] else np.zeros((*values.shape[:-1], 1))


def spread(values: Float) -> Float:
    """Robust standard deviation over the cells (last axis)."""
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:-1])
    return np.asarray(1.4826 * np.median(np.abs(values - centre(values)), axis=-1))


def _mean(total: Float, weight: float) -> Float:
    if weight < 10.0:
        return np.full(len(total), np.nan)
    return np.asarray((total - centre(total)) / weight)


def _probes(probe: Float, day: Float) -> dict[str, Float]:
    seen = probe[at.P_N]
    count = np.maximum(seen, 1.0)
    mean_c = np.where(seen > 0, probe[at.P_D] / count, np.nan)
    heat = day[at.D_HEAT] / max(day[at.D_PROBE_N], 1.0)
    spread = day[at.D_HEAT_2] / max(day[at.D_PROBE_N], 1.0) - heat * heat
    rise = np.where(seen > 0, (probe[at.P_HEAT] / count - probe[at.P_D] / count * heat) / max(spread, 1e-6), np.nan)
    looked = np.maximum(seen + probe[at.P_ABSENT], 1.0)
    return {
        "probe_c": mean_c,
        "probe_range_c": np.where(seen > 0, probe[at.P_HIGH] - probe[at.P_LOW], np.nan),
        "probe_absent": np.where(seen + probe[at.P_ABSENT] > 0, probe[at.P_ABSENT] / looked, np.nan),
        "probe_heat_c": rise if spread > 1e-4 else np.full(len(seen), np.nan),
    }


def blocks_of(features: DayFeatures) -> float:
    """How many blocks of ten minutes the day's equations rest on."""
    return float(features.normal[0, 0])


def summary(features: DayFeatures) -> dict[str, float]:
    """The day's figures that are of the pack as a whole, by name."""
    day = features.day
    names = {name[2:].lower(): getattr(at, name) for name in dir(at) if name.startswith("D_") and isinstance(getattr(at, name), int)}
    return {name: float(day[place]) for name, place in names.items()}


FIELDS = tuple(each.name for each in fields(DayFeatures))
HOUR_BLOCKS = 3600.0 / BLOCK_S
