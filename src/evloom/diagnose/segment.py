"""What a pack is doing in each frame, and how much of it was seen: the conditions within which figures may be compared.

DRIVE under load; AC and FAST charging while parked; IDLE standing with its electronics on, not yet relaxed; REST no load for half
an hour; BALANCING standing while cells are bled; WAKE the frames of a parked car that woke up to report.
"""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.kernel.timegrid import Float

KINDS = ("drive", "ac", "fast", "idle", "rest", "balancing", "wake")
"""Names of the conditions, in the order of the constants in `segment_places`."""


@dataclass(frozen=True)
class Coverage:
    """How much of a pack's life was seen.

    days           calendar days from the first frame to the last; seen_days  of them with frames
    frames         that could be used; skipped  those that could not (stale, wrongly dated, without current)
    charge_windows, rests  how many charges and how many relaxed rests
    km             driven while frames came; full_cycles  charge that went through, in full turns of the rated capacity
    hours          by the names of KINDS
    """

    days: float = 0.0
    seen_days: int = 0
    frames: int = 0
    skipped: int = 0
    charge_windows: int = 0
    rests: int = 0
    km: float = 0.0
    full_cycles: float = 0.0
    hours: tuple[tuple[str, float], ...] = ()


def coverage(scalar: Float, hours: Float) -> Coverage:
    """The coverage as the sums of the frames tell it."""
    first, last = scalar[at.FIRST_AT], scalar[at.LAST_AT]
    return Coverage(
        days=float((last - first) / 86400.0) if np.isfinite(last - first) else 0.0,
        seen_days=int(scalar[at.SEEN_DAYS]),
        frames=int(scalar[at.N_FRAME]),
        skipped=int(scalar[at.N_SKIPPED]),
        charge_windows=int(scalar[at.N_WINDOW]),
        rests=int(scalar[at.N_REST]),
        km=float(scalar[at.KM]),
        full_cycles=float(scalar[at.TURNED_AH] / (2.0 * scalar[at.SCALE_AH])),
        hours=tuple((name, float(hours[place])) for place, name in enumerate(KINDS)),
    )
