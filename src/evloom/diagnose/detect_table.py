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
        np.array([9.0, 7.6, 6.9, 28.5, 9.8, 6.9, 7.5, 8.3, 7.4, 5.5, 8.2]),
        np.array([8.1, 8.4, 5.9, 10.3, 6.5, 4.9, 5.3, 5.7, 10.4, 4.0, 8.9]),
        np.array([16.3, 7.7]),
        np.array([6.3, 5.0, 5.0, 6.0, 15.0, 8.0, 6.0, 4.1, 1.7]),
        np.array([3.0, 2.0, 2.0, 18.9]),
    ),
    "LFP": Limits(
        np.array([6.8, 6.6, 7.4, 7.4, 6.8, 12.0, 6.8, 14.3, 9.0, 4.0, 6.0]),
        np.array([5.3, 6.2, 5.3, 5.5, 7.2, 8.0, 6.1, 9.4, 11.4, 4.0, 8.9]),
        np.array([15.6, 10.7]),
        np.array([6.3, 7.6, 5.0, 6.0, 15.0, 8.0, 6.0, 4.9, 2.4]),
        np.array([3.0, 2.0, 2.0, 14.9]),
    ),
}
"""By chemistry."""
