"""Capacity from charge windows and rests: a belief over curves and capacities, kept on a grid and brought together window by window.

The curve of a pack is not known beforehand, so no table decides: `capacity_curves` offers many, and what the windows and rests of the
pack say decides between them. The belief is a point-mass filter (Bucy and Senne 1971, doi:10.1016/0005-1098(71)90109-7) over capacity and
curve: ageing lets it drift, a window multiplies it by its evidence. On joint filters of charge and capacity see Plett 2004,
doi:10.1016/j.jpowsour.2004.02.033; on what the shape of a charge tells Dubarry et al. 2012, doi:10.1016/j.jpowsour.2012.07.016. Windows
of one pack share the faults of the model, so what was learnt is forgotten as fast as new windows say it again: the doubt does not fall
without end.

The state of charge that the management reports is no reference: it bridges gaps in which nothing was heard, and where no rated capacity is
known it sets where the grid lies.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from evloom.diagnose import capacity_kernel as at
from evloom.diagnose.capacity_curves import Library, library
from evloom.diagnose.capacity_kernel import Curves, weigh
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Bool, Float
from evloom.vehicle.chemistry import BY_NAME

N_CAP = 64
CAP_STEP = 0.0125
"""The grid of capacities is even in the logarithm, N_CAP points with this distance."""
ERROR_V = {"NMC": 0.004, "LFP": 0.0008, "Na": 0.006}
"""What is left of the mean voltage of the cells: converters, curves that are in no library, polarisation that is not quite steady."""
DROP_ERROR, DROP_ERROR_FAST = 0.04, 0.15
"""Of the drop of the resistance, how much is not known point by point; under fast charging particles and electrolyte are far from even."""
GAIN_ERROR = 0.005
"""A current sensor may count so much too much or too little, and nothing in the pack shows it; usual for shunts and Hall sensors."""
OHM, OHM_DOUBT, OHM_KNOWN = 1.3, 0.5, 0.2
SLOPE_DOUBT, LEAD_H, LEAD_DOUBT_H = 0.6, 0.02, 0.05
NEW_CAP, CAP_DOUBT, MANAGED_DOUBT = 0.92, 0.12, 0.08
"""Capacity of a car's pack in multiples of the rated one, any age; how far off the management's own state of charge may be."""
DAILY_CAP = 0.001
"""Ageing: how far the capacity may drift in a day, standard deviation as a share."""
TEMPER = {"NMC": (1.4, 2.0), "LFP": (0.3, 0.5), "Na": (0.5, 0.7)}
"""How much the evidence of a window counts, when it is brought in and when it is told by itself: points are not independent."""
USUAL_STRAIN, MOST_STRAIN, DOUBTED, LOOK_AGAIN = 0.15, 1.5, 0.3, 5
NEWEST, FOREIGN_STRAIN = 0.2, 0.4
"""What the last slow window counts in the mean of the strain; what curves that are in no library usually leave."""
MOST_ACTIVE, HOPELESS_ACTIVE, MANY_ACTIVE = 1000, 300, 250
"""Capacities and curves that are looked at in one window; where no curve ever fits; how many are many, so that fewer points have to do."""
N_FINER, MOST_FINER = 2, 200
"""How often, and how much, what lies between them is looked at where it may be likely."""
MEMORY = 16.0
"""How many windows the belief remembers."""
INFORMED = 0.03
"""A window that tells the capacity to within this share counts as a whole one."""
ACTIVE = 12.0
"""Curves and capacities that are less likely than the best by more than this (logarithm) are not looked at again."""


@dataclass(frozen=True)
class Belief:
    """log_p (n_curve, N_CAP), the largest 0; cap_ref the middle of the grid, in multiples of the scale."""

    log_p: Float
    cap_ref: float

    @property
    def caps(self) -> Float:
        """The capacities of the grid."""
        return np.asarray(self.cap_ref * np.exp(CAP_STEP * (np.arange(N_CAP) - 0.5 * (N_CAP - 1))))


@dataclass(frozen=True)
class Place:
    """Where the pack stands by the likeliest of all: number of the curve, capacity, bends, charge."""

    curve: int
    cap: float
    bend: Float
    soc: float


@dataclass(frozen=True)
class Filter:
    """What is known of the pack's capacity, in multiples of the scale.

    kind     chemistry, "" before it is known; without  electrodes that are left out of the library, for trials
    belief   None before a window told enough; windows  how many told something; place  where the pack stands now
    strain   what the best curve has left of slow windows, mean over the last ones
    looked   number of the window that was last looked at everywhere
    ohm      resistance in multiples of the usual one, as slow windows saw it, and how many did
    """

    kind: str
    belief: Belief | None = None
    windows: int = 0
    ohm: tuple[float, int] = (OHM, 0)
    place: Place | None = None
    strain: float = 0.0
    looked: int = 0
    without: str = ""

    @property
    def curves(self) -> Curves:
        """The curves that are tried."""
        return shapes_of(self.kind, self.without if self.kind == "NMC" else "")

    @property
    def settled_strain(self) -> float:
        """The strain as if it had not begun at nothing; that of a curve in no library where no slow window has shown it."""
        return self.strain / (1.0 - (1.0 - NEWEST) ** self.ohm[1]) if self.ohm[1] else FOREIGN_STRAIN


@dataclass(frozen=True)
class Evidence:
    """Of a window: the belief that it met, its evidence over the grid (the best is 0, -inf where it was not looked at), the z that explain
    it, the mean square of what the best leaves over its variance, and the number of the window that was last looked at everywhere."""

    belief: Belief
    found: Float
    best: Float
    strain: float
    looked: int


Told = tuple[Float, Float, Float]
"""(mean, standard deviation, weight) of the parts of a mixture."""


def curves_of(shapes: Library) -> Curves:
    """The arrays of a library, as the kernel wants them."""
    return Curves(np.ascontiguousarray(shapes.ocv_v), np.ascontiguousarray(shapes.bend_v), shapes.log_prior)


@cache
def shapes_of(kind: str, without: str = "") -> Curves:
    """The curves of a chemistry; without: as in `library`."""
    return curves_of(library(kind, without))


def rest_variance(kind: str, age_s: float) -> float:
    """Variance of a voltage at rest as one of the curve: hysteresis, and what has not relaxed yet."""
    slow_v = 0.006 * np.exp(-max(age_s - 1800.0, 0.0) / 5400.0)
    return float(0.003**2 + (0.3 * BY_NAME[kind].hysteresis_v) ** 2 + slow_v**2)


def prior_of(told: Filter, count: float) -> tuple[Float, Float]:
    """What is expected of z before a window is seen: mean and variance; count: doubt of the current's offset."""
    mean, variance = np.zeros(at.N_Z), np.ones(at.N_Z)
    mean[at.Z_SOC] = 0.5
    mean[at.Z_OHM], variance[at.Z_OHM] = told.ohm[0], (OHM_KNOWN if told.ohm[1] >= 2 else OHM_DOUBT) ** 2
    variance[at.Z_OFFSET] = BY_NAME[told.kind].hysteresis_v ** 2 + 0.002**2
    variance[at.Z_SLOPE] = SLOPE_DOUBT**2
    variance[at.Z_COUNT] = count**2
    mean[at.Z_LEAD], variance[at.Z_LEAD] = LEAD_H, LEAD_DOUBT_H**2
    return mean, variance


def begun(told: Filter, expected: tuple[float, float]) -> Belief:
    """The belief before the first window; expected = (capacity, doubt)."""
    belief = Belief(np.zeros((len(told.curves.ocv_v), N_CAP)), expected[0])
    log_p = told.curves.log_prior[:, None] - 0.5 * ((belief.caps - expected[0]) / expected[1]) ** 2
    return replace(belief, log_p=log_p - log_p.max())


def aged(belief: Belief, days: float) -> Belief:
    """The belief after some days in which the capacity may have drifted."""
    share = min(0.5 * days * (DAILY_CAP / CAP_STEP) ** 2, 0.4)
    if share < 1e-4:
        return belief
    p = np.exp(belief.log_p)
    spread = (1.0 - 2.0 * share) * p
    spread[:, 1:] += share * p[:, :-1]
    spread[:, :-1] += share * p[:, 1:]
    log_p = np.log(np.maximum(spread, 1e-300))
    return replace(belief, log_p=log_p - log_p.max())


def evidence(told: Filter, belief: Belief, points: Float, prior: tuple[Float, Float]) -> Evidence:
    """What a window says.

    A curve that the library knows leaves a fifteenth of the variance that is allowed for; where the best leaves more, the pack's curve is
    in no library, and what its shape seems to say is believed less. Where nothing that is likely explains the window,
    everything is looked at again (not too often), and what was believed counts less."""
    looked = told.looked
    found, best = _weighed(told, belief, points, prior)
    strain = _strain(told, belief, points, (found, best), prior)
    if strain > MOST_STRAIN and told.windows - looked >= LOOK_AGAIN:
        looked = told.windows
        belief = replace(belief, log_p=np.maximum(DOUBTED * belief.log_p, 0.9 - ACTIVE))
        found, best = _weighed(told, belief, points, prior)
        strain = min(strain, _strain(told, belief, points, (found, best), prior))
    span = float(np.ptp(points[:, at.P_Q])) / float(together(belief) @ belief.caps)
    known = USUAL_STRAIN / max(strain, told.strain, USUAL_STRAIN)
    return Evidence(belief, _believed(found, known, span), best, strain, looked)


def _believed(found: Float, known: float, span: float) -> Float:
    """The evidence as far as the curve is known (0..1). What an unknown curve seems to say counts little; but how much goes in between
    nearly empty and nearly full hardly depends on the curve, so within each curve a charge counts the more, the more it spans."""
    of_curve = found.max(axis=1, keepdims=True)
    within = found - np.where(np.isfinite(of_curve), of_curve, 0.0)
    exponent = 1.5 - 1.2 * min(max((span - 0.6) / 0.25, 0.0), 1.0)
    return np.asarray(known**1.5 * (of_curve - of_curve.max()) + known**exponent * within)


def _weighed(told: Filter, belief: Belief, points: Float, prior: tuple[Float, Float]) -> tuple[Float, Float]:
    """Evidence over the likely part of the grid; where that is large, some capacities are looked at first, with half of the points, then
    those between them that may be likely."""
    active = belief.log_p > -ACTIVE
    n_active = int(active.sum())
    if n_active > MANY_ACTIVE:
        points = halved(points)
    hopeless = told.strain > MOST_STRAIN
    stride = int(np.ceil(n_active / (HOPELESS_ACTIVE if hopeless else MOST_ACTIVE)))
    if stride <= 1:
        return weigh(points, told.curves, belief.caps, active, prior)
    some = np.zeros_like(active)
    some[:, ::stride] = True
    some &= active
    found, best = _between(*weigh(points, told.curves, belief.caps, some, prior), active, stride)
    for _ in range(0 if hopeless else N_FINER):
        guess = belief.log_p + TEMPER[told.kind][0] * found
        guess[some] = -np.inf
        near = guess > np.partition(guess.ravel(), -MOST_FINER)[-MOST_FINER]
        finer, best_there = weigh(points, told.curves, belief.caps, near, prior)
        found, best, some = np.where(near, finer, found), np.where(near[:, :, None], best_there, best), some | near
    return found, best


def _between(found: Float, best: Float, active: Bool, stride: int) -> tuple[Float, Float]:
    """Evidence and its z at all active capacities from those at every `stride`-th; -inf beyond the outermost."""
    place = np.arange(N_CAP)
    low = place // stride * stride
    high = np.minimum(low + stride, (N_CAP - 1) // stride * stride)
    part = np.where(high > low, (place - low) / stride, 0.0)
    known = np.isfinite(found)
    within = active & known[:, low] & (known[:, high] | (part == 0.0)) & (place <= high)
    solid = np.where(known, found, 0.0)
    nearest = np.where(part < 0.5, low, high)
    return np.where(within, solid[:, low] * (1.0 - part) + solid[:, high] * part, -np.inf), best[:, nearest]


def halved(points: Float) -> Float:
    """The points at rest, and of those of a charge every second one, counted twice; the last one too, where a full charge is steepest."""
    charges = np.flatnonzero(points[:, at.P_RATE] > 0.0)
    if len(charges) < 12:
        return points
    kept = charges[(len(charges) + 1) % 2 :: 2]
    few = points[np.union1d(np.flatnonzero(points[:, at.P_RATE] <= 0.0), kept)]
    few[few[:, at.P_RATE] > 0.0, at.P_VAR] *= len(kept) / len(charges)
    return few


def _strain(told: Filter, belief: Belief, points: Float, grid: tuple[Float, Float], prior: tuple[Float, Float]) -> float:
    """Mean square of what the best explanation leaves, over its variance."""
    m, c = np.unravel_index(int(np.argmax(grid[0])), grid[0].shape)
    shape = (told.curves.ocv_v[m], told.curves.bend_v[m])
    return float(at.misfit(points, grid[1][m, c], float(belief.caps[c]), shape, prior)) / len(points)


def joined(belief: Belief, found: Float, temper: tuple[float, float]) -> Belief:
    """The belief after the evidence of a window: as much is forgotten as it says."""
    spread = width(belief, alone(belief, found, temper[1]))
    share = min((INFORMED / max(spread, 1e-6)) ** 2, 1.0) / MEMORY
    seen = np.isfinite(found)
    log_p = (1.0 - share) * belief.log_p + temper[0] * np.where(seen, found, found[seen].min(initial=0.0) - 1.0)
    return replace(belief, log_p=log_p - log_p.max())


def alone(belief: Belief, found: Float, temper: float) -> Float:
    """What a window says by itself (N_CAP,) given what is known of the curve: weights that add up to one."""
    curve = np.exp(belief.log_p).sum(axis=1)
    weight = curve @ np.exp(temper * found)
    return np.asarray(weight / weight.sum())


def together(belief: Belief) -> Float:
    """What is believed of the capacity (N_CAP,): weights that add up to one."""
    weight = np.exp(belief.log_p).sum(axis=0)
    return np.asarray(weight / weight.sum())


def width(belief: Belief, weight: Float) -> float:
    """Standard deviation of the capacity, as a share."""
    x = np.log(belief.caps)
    mean = float(weight @ x)
    return float(np.sqrt(max(float(weight @ (x - mean) ** 2), 0.0)))


def parts(belief: Belief, weight: Float) -> Told:
    """A mixture of the capacities of the grid, each as wide as its cell and the gain of the sensor."""
    caps = belief.caps
    return caps, caps * float(np.hypot(0.5 * CAP_STEP, GAIN_ERROR)), weight


def mixed(mean: Float, sd: Float, weight: Float) -> Interval:
    """Percentiles of a mixture of normal distributions."""
    likely = weight > 1e-6
    mean, sd, weight = mean[likely], np.maximum(sd[likely], 1e-12), weight[likely]
    grid = np.linspace(float((mean - 4.0 * sd).min()), float((mean + 4.0 * sd).max()), 241)
    share = normal_share((grid[:, None] - mean) / sd) @ (weight / weight.sum())
    return Interval(*(float(np.interp(wanted, share, grid)) for wanted in (0.1, 0.5, 0.9)))


def normal_share(z: Float) -> Float:
    """Share of a normal distribution below z, within 1e-7 (Abramowitz and Stegun 1964, 7.1.26)."""
    x = np.abs(z) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * x)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(0.5 * (1.0 + np.sign(z) * (1.0 - poly * np.exp(-x * x))))


def placed(belief: Belief, best: Float, moved: float) -> Place:
    """Where the pack stands by the likeliest curve and capacity, when the window has moved the charge on."""
    m, c = np.unravel_index(int(np.argmax(belief.log_p)), belief.log_p.shape)
    z = best[m, c]
    cap = float(belief.caps[c])
    return Place(int(m), cap, z[at.Z_BEND :].copy(), float(z[at.Z_SOC]) + moved / cap)
