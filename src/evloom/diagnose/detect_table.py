"""Limits of the daily tests, in units of the pack's own spread. Written by `python -m tools.bench.diagnose_detect limits`."""

from typing import NamedTuple

import numpy as np

from evloom.kernel.timegrid import Float


class Limits(NamedTuple):
    """Scores at which `inspect` is said: drift and place (N_CHANNEL,), pace (2,), pack (N_PACK,), probe (len(PROBE),)."""

    drift: Float
    place: Float
    pace: Float
    pack: Float
    probe: Float


LIMITS = {
    kind: Limits(np.full(11, 8.0), np.full(11, 8.0), np.full(2, 12.0), np.full(6, 6.0), np.array([4.0, 4.0, 3.0, 8.0]))
    for kind in ("NMC", "LFP")
}
"""By chemistry."""
