"""The trace of a charge: how the pack's voltage rises with the charge it takes in, which says how steep its curve is. Compiled."""

import numpy as np

from evloom.diagnose.evidence_block import FLOOR_V, GAP_S, Sums
from evloom.diagnose.evidence_curve import kind_of
from evloom.diagnose.evidence_places import (
    B_Q,
    D_LEVEL,
    LOW_C,
    N_LEVEL,
    N_SCALAR,
    N_TRACE,
    OHM,
    SCALE_AH,
    T_Q,
    T_V,
    TRACE_AT,
    TRACE_MIDDLE_V,
    TRACE_N,
    TRACE_Q,
    TRACE_RATE,
    TRACE_USE,
    TRACE_V,
)  # fmt: skip
from evloom.kernel.compiled import compiled
from evloom.vehicle.telemetry import Float32

TRACE_STEP = 0.004  # share of the capacity between two points of the trace of a charge
SLOW_LEAST, SLOW_MOST = 0.03, 0.35  # rates of a slow charge, whose voltage tells of the charge
TRACE_STEP_V = 0.003  # or volts
RATE_SHARE = 0.2  # a trace is of one current, within this share


@compiled
def note(sums: Sums, row: Float32, at_s: float, now: tuple[float, float, float, float]) -> None:
    """Note how the voltage of the middle cell rises as the pack is charged; now = (weight, current, mean of the cells, time since the
    frame before)."""
    scalar, trace = sums.scalar, sums.scalar[N_SCALAR:].reshape(2, N_TRACE)
    weight, c_rate, mean_v, passed = now
    by_current_v = scalar[OHM] * scalar[SCALE_AH] * (c_rate + 0.5 * scalar[LOW_C])
    bare_v = mean_v - by_current_v
    # At another current the voltage tells something else: what was seen before is no measure for what comes.
    other = abs(c_rate - scalar[TRACE_RATE]) > RATE_SHARE * scalar[TRACE_RATE]
    if scalar[TRACE_N] == 0.0 or other or not at_s - scalar[TRACE_AT] <= GAP_S:
        scalar[TRACE_RATE] = c_rate
        scalar[TRACE_N], scalar[TRACE_Q], scalar[TRACE_V], scalar[TRACE_USE] = 1.0, 0.0, bare_v, 0.0
        scalar[TRACE_MIDDLE_V] = _middle(row) - by_current_v
        trace[T_Q, 0], trace[T_V, 0] = 0.0, 0.0
    else:
        scalar[TRACE_Q] += c_rate * passed / 3600.0
    n = int(scalar[TRACE_N])
    taken = scalar[TRACE_Q] - trace[T_Q, n - 1]
    if taken >= TRACE_STEP or (taken > 0.0 and bare_v - scalar[TRACE_V] >= TRACE_STEP_V):
        if n == N_TRACE:
            n = N_TRACE // 2
            trace[:, :n] = trace[:, N_TRACE - n :].copy()
        if SLOW_LEAST < c_rate < SLOW_MOST:
            _pass_levels(sums, bare_v, taken)
        middle_v = _middle(row) - by_current_v
        trace[T_Q, n] = scalar[TRACE_Q]
        trace[T_V, n] = trace[T_V, n - 1] + max(middle_v - scalar[TRACE_MIDDLE_V], FLOOR_V * taken)
        scalar[TRACE_N], scalar[TRACE_V], scalar[TRACE_MIDDLE_V] = n + 1.0, bare_v, middle_v
    scalar[TRACE_AT] = at_s
    sums.block[B_Q] += weight * scalar[TRACE_Q]


@compiled
def _middle(row: Float32) -> float:
    """Median of the cells that were read; a part of the cells may be absent from a frame."""
    good = np.empty(len(row))
    count = 0
    for volt in row:
        if volt > 1.0 and volt < 5.0:
            good[count] = volt
            count += 1
    return float(np.median(good[:count]))


@compiled
def _pass_levels(sums: Sums, bare_v: float, taken: float) -> None:
    """Note at what charge the pack passed voltages; of the charges of a day the first that passed four of them counts."""
    scalar, levels = sums.scalar, sums.day[D_LEVEL : D_LEVEL + N_LEVEL]
    kind = kind_of(scalar)
    before_v = scalar[TRACE_V]
    for j in range(N_LEVEL):
        level_v = sums.curve_v[kind, sums.curve_v.shape[1] - N_LEVEL + j]
        if before_v < level_v <= bare_v:
            if scalar[TRACE_USE] == 0.0:
                scalar[TRACE_USE] = 2.0 if np.sum(levels > 0.0) >= 4 else 1.0
                if scalar[TRACE_USE] == 1.0:
                    levels[:] = 0.0
            if scalar[TRACE_USE] == 1.0:
                levels[j] = 1.0 + scalar[TRACE_Q] - taken * (bare_v - level_v) / (bare_v - before_v)
