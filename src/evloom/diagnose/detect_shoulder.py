"""What a cell's voltage shows in the two hours after a charge, beyond what its charge, capacity and resistance explain: plated lithium
that dissolves."""

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.estimate import CHARGE, OFFSET, SIZE, SLOW
from evloom.diagnose.evidence import DayFeatures, centre, spread
from evloom.kernel.timegrid import Float

SHOULDER_LEAST_S = 200.0
RELAX_KEEP, RELAX_MOST, RELAX_DOUBT = 0.95, 6.0, 2e-5
"""How long the pack's slowness after charges is remembered, how much longer than ten minutes it may be, and how many square volts over
the cells it takes to believe that."""
CURVE_DOUBT = 0.25
"""Share of what charge and capacity explain after a charge by which the curve there may be off."""


def after_charge(relax: Float, value: Float, features: DayFeatures) -> Float:
    """What is left of the deviation after a charge once the cell's offset, charge and capacity are taken from it, and what its own
    slowness leaves behind: a cell of more resistance relaxes for longer, and by how much longer is learnt of all cells of the pack."""
    day, weight = features.day, max(float(features.day[at.D_SHOULDER_WEIGHT]), 1.0)
    slope, by_size, late = (float(day[place]) / weight for place in (at.D_SHOULDER_S, at.D_SHOULDER_Q, at.D_SHOULDER_P))
    by_curve = slope * value[CHARGE] + by_size * value[SIZE]
    left = features.shoulder_v - value[OFFSET] - by_curve
    slow = late * (value[SLOW] - centre(value[SLOW]))
    if day[at.D_SHOULDER_WEIGHT] >= SHOULDER_LEAST_S:
        _learn_relaxing(relax, slow, left - centre(left))
    left = left - centre(left) - (relax[1] + RELAX_DOUBT) / (relax[0] + RELAX_DOUBT) * slow
    doubt = CURVE_DOUBT * np.abs(by_curve - centre(by_curve))
    return np.asarray(np.sign(left) * np.maximum(np.abs(left) - doubt, 0.0) / (1.0 + slope))


def _learn_relaxing(relax: Float, slow: Float, left: Float) -> None:
    """Add a day to the sums of what slowness explains, of all cells but as far as each of them is like the others."""
    most = 3.0 * np.maximum(spread(np.array([slow, left])), 1e-4)
    slow, left = np.clip(slow, -most[0], most[0]), np.clip(left, -most[1], most[1])
    relax *= RELAX_KEEP
    relax += float(slow @ slow), float(np.clip(slow @ left, 0.0, RELAX_MOST * (slow @ slow)))
