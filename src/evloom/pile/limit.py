"""What a pile can really be set to: 0, or at least its minimum current, in current steps."""

import numpy as np

from evloom.kernel.compiled import compiled

TOLERANCE = 1e-9  # relative; so that 16 A computed as 15.999999999 A is 16 A


@compiled
def quantise_down(power_kw: float, kw_per_a: float, current_min_a: float, current_step_a: float) -> float:
    """Largest power the pile can be set to that is at most `power_kw` (>= 0), in kW.

    kw_per_a        kW per ampere of the conductors in use (0.23 single-phase, 0.69 three-phase at 230 V)
    current_min_a   least current that charges (IEC 61851-1: 6 A; 0 for direct current); below it the answer is 0
    current_step_a  0 = continuous
    """
    if power_kw <= 0.0:
        return 0.0
    current_a = power_kw / kw_per_a
    if current_a < current_min_a * (1.0 - TOLERANCE):
        return 0.0
    if current_step_a <= 0.0:
        return power_kw
    step_a = float(np.floor(current_a / current_step_a * (1.0 + TOLERANCE))) * current_step_a
    if step_a < current_min_a * (1.0 - TOLERANCE):  # the least current need not be a multiple of the step
        return 0.0
    return min(power_kw, step_a * kw_per_a)


@compiled
def quantise_up(power_kw: float, kw_per_a: float, current_min_a: float, current_step_a: float) -> float:
    """Smallest power the pile can be set to that is at least `power_kw`, in kW; 0 for 0. Arguments as above."""
    if power_kw <= 0.0:
        return 0.0
    current_a = max(power_kw / kw_per_a, current_min_a)
    if current_step_a <= 0.0:
        return max(power_kw, current_a * kw_per_a)
    return max(power_kw, float(np.ceil(current_a / current_step_a * (1.0 - TOLERANCE))) * current_step_a * kw_per_a)
