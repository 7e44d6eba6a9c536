"""How far the shape of the charges may be believed, and what the management's own state of charge says beside it.

A curve that no library has is imitated by one that it has: the charges are explained well, and the capacity is some percent off. So there
are two cases. Either the library knows the pack's curve, and the shape is right to within a percent; or it does not, and the shape is as
good as it was on curves that were left out of the library and on those of foreign generators. Which it is shows in what the best curve
leaves (the strain), and in whether the management's state of charge agrees: charge counted over its change, the median of many charges, is
a witness that shares no fault with the shape, off by some percent itself, now and then by more. All of it is weighed together as a mixture
(Box and Tiao 1968, doi:10.1093/biomet/55.1.119, for witnesses that are good as a rule), so that a pack that fits has a narrow interval and
an odd one a wide one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evloom.diagnose.window import Window
from evloom.kernel.timegrid import Float


class Trust(NamedTuple):
    """What strain tells the two cases apart, and how gradually (logarithm); doubt of the shape as a share in either; and by how much a
    shape that is not known tells too much: less of a curve is easier to imitate."""

    strain: float
    width: float
    known: float
    foreign: float
    ahead: float


TRUST = {
    "NMC": Trust(0.27, 0.20, 0.008, 0.065, 0.015),
    "LFP": Trust(0.40, 0.40, 0.045, 0.060, 0.015),
    "Na": Trust(0.40, 0.40, 0.030, 0.060, 0.0),
}
"""More where a plateau shows little of the shape. Chosen on packs of PyBaMM with and without their electrodes in the library, and of two
foreign generators (docs/battery-health.md)."""
STRANGE = 3.0
"""Strain from which on a curve explains so little that the shape fades and the management's charge is left."""
SCATTER = 0.25
"""Of the scatter between the windows, as much may be common to all of them."""
LEAST_GAUGE, FULL_GAUGE, GAUGE_ONCE = 0.045, 0.040, 0.03
"""Doubt of the management's state of charge: its gain, which no number of charges mends, over half a charge and over nearly a full one;
and of one charge from empty to full."""
HALF_SPAN, FULL_SPAN, LARGEST = 0.5, 0.85, 5
"""Changes of the state of charge to which these belong, and how many of the largest are looked at."""
ODD, ODD_WIDTH = 0.15, 2.5
"""How often it is off by more, and how much more."""
LEAST_SPAN, LAST, FEW = 0.15, 60, 3
"""Change of the state of charge from which a charge is a witness, how many of the last are heard, and how few show no scatter."""


class Shape(NamedTuple):
    """How the shape is believed: chance that the curve is known, doubt as a share if it is and if not, and how far ahead it then is."""

    chance: float
    known: float
    foreign: float
    ahead: float


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
    least = float(np.interp(np.sort(span)[-LARGEST:].mean(), (HALF_SPAN, FULL_SPAN), (LEAST_GAUGE, FULL_GAUGE)))
    return middle, float(np.sqrt(least**2 + GAUGE_ONCE**2 / span.sum() + (0.5 * scatter) ** 2))


def shape_trust(kind: str, strain: float, windows: Sequence[Window]) -> Shape:
    """How the shape is to be believed; strain is what the best curve leaves of slow windows, over what is allowed for."""
    trust = TRUST[kind]
    chance = 1.0 / (1.0 + (max(strain, 1e-3) / trust.strain) ** (1.0 / trust.width))
    middles = np.array([w.capacity_ah.p50 for w in windows[-LAST:] if w.capacity_ah is not None])
    scatter = 0.0
    if len(middles) >= FEW:
        middle = float(np.median(middles))
        scatter = SCATTER * 1.4826 * float(np.median(np.abs(middles / middle - 1.0)))
    foreign = trust.foreign * max(strain / STRANGE, 1.0)
    return Shape(float(chance), float(np.hypot(trust.known, scatter)), float(np.hypot(foreign, scatter)), trust.ahead)


def believed(caps: Float, weight: Float, shape: Shape, witness: tuple[float, float] | None) -> Float:
    """Weights (n,) over the capacities `caps`, even in the logarithm, once the shape is doubted and the witness is heard: (capacity in the
    unit of caps, doubt as a share)."""
    x = np.log(caps)
    told = shape.chance * _spread(x, weight, shape.known, 0.0) + (1.0 - shape.chance) * _spread(x, weight, shape.foreign, shape.ahead)
    if witness is not None:
        z = (x - np.log(witness[0])) / witness[1]
        told = told * ((1.0 - ODD) * np.exp(-0.5 * z**2) + ODD / ODD_WIDTH * np.exp(-0.5 * (z / ODD_WIDTH) ** 2) + 1e-12)
    return np.asarray(told / told.sum())


def _spread(x: Float, weight: Float, doubt: float, ahead: float) -> Float:
    """Weights with a doubt, taken back by how far they are ahead; they add up to about one."""
    sd = max(doubt, 1e-3)
    spread = np.exp(-0.5 * ((x[:, None] + ahead - x) / sd) ** 2)
    return np.asarray((spread / spread.sum(axis=0)) @ weight + 1e-12)
