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
        np.array([7.6, 7.0, 6.0, 19.3, 9.2, 6.0, 6.6, 6.7, 11.3, 6.0, 6.0]),
        np.array([8.3, 6.6, 6.1, 10.1, 6.7, 6.0, 5.1, 6.0, 16.0, 6.0, 6.0]),
        np.array([17.2, 7.5, 7.0, 8.1, 5.6]),
        np.array([7.0, 6.0, 5.0, 6.0, 15.0, 8.0, 6.0, 4.1, 2.2]),
        np.array([3.0, 2.0, 2.0, 16.5]),
    ),
    "LFP": Limits(
        np.array([8.8, 7.3, 6.0, 8.5, 6.5, 9.3, 7.2, 12.7, 9.9, 6.0, 8.5]),
        np.array([6.1, 6.0, 6.1, 6.0, 6.1, 6.0, 5.4, 11.6, 11.9, 6.0, 9.7]),
        np.array([19.0, 13.0, 10.0, 8.0, 7.4]),
        np.array([7.0, 6.0, 5.0, 6.0, 15.0, 8.0, 6.0, 3.0, 2.4]),
        np.array([3.0, 2.0, 2.0, 14.6]),
    ),
}
"""By chemistry."""
