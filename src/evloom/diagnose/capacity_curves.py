"""Curves of the voltage at rest that a pack may have: two electrodes against each other, for many pairs and states of ageing.

A cell's voltage at rest is that of its positive less that of its negative electrode; ageing slides the two against each other and
shrinks either of them (Dubarry et al. 2012, doi:10.1016/j.jpowsour.2012.07.016; Birkl et al. 2017, doi:10.1016/j.jpowsour.2016.12.011).
Nobody tells which electrodes a car has, so all pairs are tried, at several fillings of the negative electrode when full, and each curve
may still bend by what another filling or another size of an electrode does to it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from evloom.diagnose import capacity_table as table
from evloom.kernel.timegrid import Float
from evloom.vehicle.chemistry import SODIUM

N_SOC = 121
"""Points of a curve, evenly over the charge 0..1 between the voltages of WINDOW_V."""
N_BEND = 2
WINDOW_V = {"NMC": (2.8, 4.2), "LFP": (2.5, 3.6), "Na": (2.0, 4.1184)}
"""Voltages at rest between which capacity is counted, as in docs/battery-health.md."""
MOST_BEND_V = 0.05
_FULL_STEP, _RATIO_STEP = 0.015, 0.06
_NEGATIVE = {"SILICON_GRAPHITE": 0.88, "GRAPHITE_MOHTAT": 0.82, "GRAPHITE_ECKER": 0.84, "GRAPHITE_KIM": 0.72}
"""Negative electrodes with their filling in a full new cell."""
_POSITIVE = {"NMC_811": 0.91, "NMC_532": 0.89, "NMC_KOKAM": 0.92, "NCA": 0.97}
"""Positive electrodes with their filling in an empty new cell."""
_FULL_LFP, _FULL_DOUBT = (0.78, 0.07), 0.08
"""Filling of the negative electrode of a full LFP cell, any age, and its standard deviation: it is built 5-20 % larger than the positive
one and what is lost of the lithium is missing in it. Of the others the table above says the filling when new; doubt about its loss."""


@dataclass(frozen=True)
class Library:
    """Curves of one chemistry. name (n,) what each is made of; ocv_v (n, N_SOC); bend_v (n, N_BEND, N_SOC) how it may bend, each by about
    one standard deviation; log_prior (n,) how likely each is before anything was seen."""

    name: tuple[str, ...]
    ocv_v: Float
    bend_v: Float
    log_prior: Float


def _potential(name: str) -> Float:
    return np.array([float(word) for word in "".join(getattr(table, name)).split()])


def _cell(positive: Float, negative: Float, full: tuple[float, float], ratio: float, window_v: tuple[float, float]) -> Float | None:
    """Curve (N_SOC,) from empty to full; full = fillings when full, ratio = change of the positive's filling for one of the negative's."""
    filling = np.linspace(0.0, 1.0, table.N_FILLING)
    x = np.linspace(0.0, full[0], 2001)
    y = full[1] + ratio * (full[0] - x)
    v = np.interp(y, filling, positive) - np.interp(x, filling, negative)
    inside = (y < 0.999) & (v >= window_v[0])
    if inside.sum() < 500:
        return None
    first = int(np.argmax(inside & (np.cumsum(~inside[::-1])[::-1] == 0)))
    at = np.linspace(x[first], full[0], N_SOC)
    curve: Float = np.maximum.accumulate(np.interp(at, x, v))
    return curve


def _full(positive: Float, negative: Float, x: float, top_v: float) -> float:
    """Filling of the positive electrode at which the cell has `top_v` when the negative one is filled to x."""
    filling = np.linspace(0.0, 1.0, table.N_FILLING)
    wanted = top_v + float(np.interp(x, filling, negative))
    return float(np.interp(-wanted, -np.maximum.accumulate(positive[::-1])[::-1], filling))


def _pairs(kind: str) -> list[tuple[str, str, float, float]]:
    """Positive, negative, filling when full, ratio of each curve of the library."""
    if kind == "LFP":
        return [("LFP", name, x, y / x) for name in _NEGATIVE for x in np.arange(0.56, 0.961, 0.025) for y in (0.68, 0.84)]
    found = []
    for positive, y_empty in _POSITIVE.items():
        for negative, x_new in _NEGATIVE.items():
            y_full = _full(_potential(positive), _potential(negative), x_new, WINDOW_V[kind][1])
            ratio = (y_empty - y_full) / x_new
            for lost in (-0.02, 0.02, 0.06, 0.10, 0.14):
                found += [(positive, negative, x_new - lost, ratio * factor) for factor in (0.94, 1.06)]
    return found


def _made(kind: str, pair: tuple[str, str, float, float]) -> Float | None:
    positive, negative = _potential(pair[0]), _potential(pair[1])
    y = _full(positive, negative, pair[2], WINDOW_V[kind][1])
    return _cell(positive, negative, (pair[2], y), pair[3], WINDOW_V[kind])


@cache
def library(kind: str, without: str = "") -> Library:
    """The curves of a chemistry ("NMC", "LFP", "Na"). without: electrodes to leave out, by a part of their name, to try what happens to a
    pack whose electrodes are not known here."""
    if kind == "Na":
        soc = np.linspace(0.0, 1.0, N_SOC)
        return Library(("Na",), SODIUM.ocv(soc)[None], 0.01 * np.stack([np.ones(N_SOC), 2.0 * soc - 1.0])[None], np.zeros(1))
    names, curves, bends, likely = [], [], [], []
    for pair in _pairs(kind):
        if without and any(word in f"{pair[0]}+{pair[1]}" for word in without.split(",")):
            continue
        here = _made(kind, pair)
        more = _made(kind, (pair[0], pair[1], pair[2] + _FULL_STEP, pair[3]))
        other = _made(kind, (pair[0], pair[1], pair[2], pair[3] * (1.0 + _RATIO_STEP)))
        if here is None or more is None or other is None:
            continue
        names.append(f"{pair[0]}+{pair[1]} {pair[2]:.3f} {pair[3]:.3f}")
        curves.append(here)
        middle, doubt = _FULL_LFP if kind == "LFP" else (_NEGATIVE[pair[1]] - 0.05, _FULL_DOUBT)
        likely.append(-0.5 * ((pair[2] - middle) / doubt) ** 2)
        bends.append(np.clip([more - here, other - here], -MOST_BEND_V, MOST_BEND_V))
    return Library(tuple(names), np.array(curves), np.array(bends), np.array(likely))
