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
        np.array([7.6, 7.9, 5.8, 5.0, 15.3, 7.5, 5.0, 5.0, 6.8, 5.0, 7.4]),
        np.array([6.6, 5.3, 5.0, 5.0, 8.5, 5.7, 5.0, 5.0, 8.7, 5.0, 6.8]),
        np.array([16.0, 9.0]),
        np.array([6.0, 8.0, 9.0, 6.0, 15.0, 12.0, 15.0, 6.0, 2.2]),
        np.array([3.0, 2.0, 2.0, 24.7]),
    ),
    "LFP": Limits(
        np.array([18.4, 20.2, 8.1, 7.4, 10.4, 12.4, 12.0, 11.0, 10.8, 5.0, 5.1]),
        np.array([8.7, 5.1, 5.2, 5.8, 7.1, 9.7, 8.2, 5.5, 8.2, 5.0, 5.7]),
        np.array([42.4, 35.3]),
        np.array([6.0, 8.0, 12.0, 6.0, 15.0, 12.0, 15.0, 6.0, 2.2]),
        np.array([3.0, 2.0, 2.0, 14.0]),
    ),
}
"""By chemistry."""
