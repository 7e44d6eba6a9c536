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
    "NMC": Limits(
        np.array([8.3, 9.2, 6.9, 27.3, 8.7, 6.1, 6.5, 6.9, 8.1, 5.4, 9.0]),
        np.array([7.7, 8.8, 6.0, 9.5, 6.4, 4.5, 5.2, 5.8, 11.1, 4.0, 8.0]),
        np.array([16.0, 7.7]),
        np.array([6.0, 5.0, 5.0, 6.0, 15.0, 8.0, 6.0, 5.3, 2.3]),
        np.array([3.0, 2.0, 2.0, 16.2]),
    ),
    "LFP": Limits(
        np.array([6.7, 6.9, 7.7, 7.6, 6.2, 8.6, 11.0, 13.1, 8.3, 4.0, 5.7]),
        np.array([5.5, 6.2, 5.6, 5.4, 7.0, 6.3, 7.7, 8.6, 9.6, 4.0, 8.4]),
        np.array([14.8, 10.2]),
        np.array([8.6, 8.0, 5.0, 6.0, 15.0, 8.0, 6.0, 4.0, 2.6]),
        np.array([3.0, 2.0, 2.0, 17.0]),
    ),
}
"""By chemistry."""
