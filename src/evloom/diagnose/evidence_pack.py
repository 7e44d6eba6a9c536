"""What a frame says of the pack as a whole: resistance by steps of the current and outside of the cells, insulation, temperatures."""

import numpy as np

from evloom.diagnose.evidence_block import GAP_S, WEIGHT_MAX_S, Sums
from evloom.diagnose.evidence_places import (
    D_HEAT,
    D_HEAT_2,
    D_INS_LN,
    D_INS_T,
    D_INS_WEIGHT,
    D_OUT_A,
    D_OUT_AA,
    D_OUT_V,
    D_OUT_VA,
    D_OUT_WEIGHT,
    D_PROBE_N,
    D_STEP_AA,
    D_STEP_VA,
    D_TEMP,
    D_TEMP_HIGH,
    D_TEMP_LOW,
    HEAT,
    LAST_A,
    LAST_V,
    P_ABSENT,
    P_D,
    P_HEAT,
    P_HIGH,
    P_LOW,
    P_N,
    SAME_A,
    SAME_AT,
    SCALE_AH,
    TEMP_C,
)  # fmt: skip
from evloom.kernel.compiled import compiled, lean
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Float32, ReadingFlag

STEP_C_RATE = 0.08
SAME_C_RATE, SAME_S = 0.01, 20.0  # cells of a frame are up to so much older than its current and its pack voltage (two recorded cars)


@lean
def same_since(scalar: Float, at_s: float, current_a: float, passed: float) -> bool:
    """Whether all cells of the frame were read at its current: what is old of them looks like a resistance outside of them."""
    if not (passed <= GAP_S and abs(current_a - scalar[SAME_A]) < SAME_C_RATE * scalar[SCALE_AH]):
        scalar[SAME_A], scalar[SAME_AT] = current_a, at_s
    return bool(at_s - scalar[SAME_AT] >= SAME_S)


@lean
def add_pack(scalar: Float, day: Float, said: tuple[float, float, float], now: tuple[float, float, float]) -> None:
    """Add what the frame says of the pack; said = (current, voltage outside the cells, insulation), now = (weight, mean of the cells,
    time since the frame before)."""
    current_a, outside_v, ohm = said
    weight, mean_v, passed = now
    step_a = current_a - scalar[LAST_A]
    if passed <= WEIGHT_MAX_S and abs(step_a) > STEP_C_RATE * scalar[SCALE_AH]:
        day[D_STEP_VA] += (mean_v - scalar[LAST_V]) * step_a
        day[D_STEP_AA] += step_a * step_a
    scalar[LAST_V], scalar[LAST_A] = mean_v, current_a
    if abs(outside_v) < 20.0:
        day[D_OUT_WEIGHT] += weight
        day[D_OUT_A] += weight * current_a
        day[D_OUT_AA] += weight * current_a * current_a
        day[D_OUT_V] += weight * outside_v
        day[D_OUT_VA] += weight * outside_v * current_a
    if ohm > 0.0:
        day[D_INS_WEIGHT] += weight
        day[D_INS_LN] += weight * np.log(ohm)


@compiled
def probes(sums: Sums, row: Float32, flags: ReadingFlag) -> None:
    """Look at the temperatures of the first frame of a block: they are slow."""
    probe, day, scalar = sums.probe, sums.day, sums.scalar
    n = len(row)
    if n == 0:
        return
    good = np.empty(n)
    count = 0
    for k in range(n):
        if (flags[k] & 7) == 0 and row[k] > -40.0 and row[k] < 125.0:
            good[count] = row[k]
            count += 1
    if 2 * count <= n:
        return
    middle_c = np.median(good[:count])
    scalar[TEMP_C] = middle_c
    day[D_PROBE_N] += 1.0
    day[D_TEMP] += middle_c
    day[D_TEMP_LOW] = min(day[D_TEMP_LOW], middle_c)
    day[D_TEMP_HIGH] = max(day[D_TEMP_HIGH], middle_c)
    day[D_HEAT] += scalar[HEAT]
    day[D_HEAT_2] += scalar[HEAT] * scalar[HEAT]
    day[D_INS_T] += middle_c
    for k in range(n):
        if (flags[k] & 7) == 0 and row[k] > -40.0 and row[k] < 125.0:
            d = row[k] - middle_c
            probe[P_N, k] += 1.0
            probe[P_D, k] += d
            probe[P_HEAT, k] += d * scalar[HEAT]
            probe[P_LOW, k] = min(probe[P_LOW, k], row[k])
            probe[P_HIGH, k] = max(probe[P_HIGH, k], row[k])
        else:
            probe[P_ABSENT, k] += 1.0
