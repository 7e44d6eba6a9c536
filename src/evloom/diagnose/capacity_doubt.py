"""How far the shape of the charges may be believed, and what the management's own state of charge says beside it.

A curve that no library has is imitated by one that it has: the charges are explained well, and the capacity is some percent off. Nothing
within the shape shows that, so it is never believed closer than its misfit and the scatter of the windows allow. The management's state of
charge shares no fault with the shape: charge counted over its change, the median of many charges, is a second witness, off by some percent
itself. Where the two contradict each other, both are doubted (Birge 1932, doi:10.1103/PhysRev.40.207).
"""

from collections.abc import Sequence

import numpy as np

from evloom.diagnose.window import Window
from evloom.kernel.timegrid import Float

LEAST_SHAPE = {"NMC": 0.015, "LFP": 0.03, "Na": 0.03}
"""Doubt of the shape, as a share of the capacity, with a curve that fits perfectly; more where a plateau shows little of it."""
SHAPE_OF_STRAIN, MOST_SHAPE = 0.10, 0.10
"""More of it per unit of strain, and the most."""
SCATTER = 0.7
"""Of the scatter between the windows, as much may be common to all of them."""
LEAST_GAUGE, GAUGE_ONCE = 0.045, 0.03
"""Doubt of the management's state of charge: its gain, which no number of charges mends, and of one charge from empty to full."""
LEAST_SPAN, LAST, FEW = 0.15, 60, 3
"""Change of the state of charge from which a charge is a witness, how many of the last are heard, and how few show no scatter."""


def _median(value: Float, weight: Float) -> float:
    order = np.argsort(value, kind="stable")
    total = np.cumsum(weight[order])
    return float(value[order][np.searchsorted(total, 0.5 * total[-1])])


def gauge(windows: Sequence[Window]) -> tuple[float, float] | None:
    """Capacity (Ah) by the management's state of charge and its doubt as a share; None where no charge went far enough."""
    heard = [
        w for w in windows if w.managed_span is not None and w.managed_span >= LEAST_SPAN and w.refused != "hole" and w.charge_ah > 0.0
    ]
    if not heard:
        return None
    span = np.array([w.managed_span for w in heard[-LAST:]], dtype=np.float64)
    ah = np.array([w.charge_ah for w in heard[-LAST:]])
    middle = _median(ah / span, span)
    scatter = 1.4826 * _median(np.abs(ah / span / middle - 1.0), span)
    return middle, float(np.sqrt(LEAST_GAUGE**2 + GAUGE_ONCE**2 / span.sum() + (0.5 * scatter) ** 2))


def shape_doubt(kind: str, strain: float, windows: Sequence[Window]) -> float:
    """How far off the shape may be, as a share; strain is what the best curve leaves of slow windows, over what is allowed for."""
    doubt = LEAST_SHAPE[kind] + SHAPE_OF_STRAIN * max(strain, 0.0)
    middles = np.array([w.capacity_ah.p50 for w in windows[-LAST:] if w.capacity_ah is not None])
    if len(middles) >= FEW:
        middle = float(np.median(middles))
        doubt = float(np.hypot(doubt, SCATTER * 1.4826 * float(np.median(np.abs(middles / middle - 1.0)))))
    return min(doubt, MOST_SHAPE)


def believed(caps: Float, weight: Float, doubt: float, witness: tuple[float, float] | None) -> Float:
    """Weights (n,) over the capacities `caps`, even in the logarithm, once the shape is doubted and the witness is heard: (capacity in the
    unit of caps, doubt as a share)."""
    x = np.log(caps)
    mean = float(weight @ x)
    stretch = 1.0
    if witness is not None:
        apart = float(np.log(witness[0])) - mean
        expected = float(weight @ (x - mean) ** 2) + doubt**2 + witness[1] ** 2
        stretch = max(1.0, abs(apart) / float(np.sqrt(expected)))
    log_p = np.log(weight @ np.exp(-0.5 * ((x[:, None] - x) / max(stretch * doubt, 1e-3)) ** 2) + 1e-300)
    if witness is not None:
        log_p -= 0.5 * ((x - np.log(witness[0])) / (stretch * witness[1])) ** 2
    told = np.exp(log_p - log_p.max())
    return np.asarray(told / told.sum())
