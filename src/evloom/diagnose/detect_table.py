"""Limits of the daily tests, in units of the pack's own spread. Written by `python -m tools.bench.diagnose_detect limits`."""

from typing import NamedTuple

import numpy as np

from evloom.kernel.timegrid import Float


class Limits(NamedTuple):
    """Scores at which `inspect` is said: drift and place (N_CHANNEL,), pace (len(PACE),), pack (N_PACK,), probe (len(PROBE),)."""

    drift: Float
    place: Float
    pace: Float
    pack: Float
    probe: Float


LIMITS = {
    "NMC": Limits(
        np.array([7.5, 6.8, 6.0, 20.7, 8.8, 5.9, 6.6, 7.2, 9.0, 5.5, 4.0]),
        np.array([7.2, 7.0, 6.0, 9.5, 6.4, 4.7, 5.2, 5.9, 15.8, 4.0, 4.1]),
        np.array([17.1, 7.3, 6.0, 6.5, 6.5]),
        np.array([11.0, 5.0, 5.0, 6.0, 15.0, 8.0, 6.0, 4.3, 2.2]),
        np.array([3.0, 2.0, 2.0, 17.1]),
    ),
    "LFP": Limits(
        np.array([7.5, 7.1, 4.5, 6.3, 6.6, 10.8, 6.3, 12.7, 10.2, 4.5, 8.1]),
        np.array([5.4, 5.7, 5.4, 5.0, 6.3, 7.4, 5.2, 8.5, 10.8, 4.0, 9.6]),
        np.array([15.1, 12.9, 6.0, 7.0, 7.0]),
        np.array([9.6, 7.0, 5.0, 6.0, 15.0, 8.0, 6.0, 3.0, 2.4]),
        np.array([3.0, 2.0, 2.0, 17.3]),
    ),
}
"""By chemistry."""
