"""Capacity from charge windows and rests: a bank of hypotheses about a pack's own curve, each a Kalman filter over capacity, charge,
resistance and the bends of the curve.

The curve is not known beforehand, so no table decides: `capacity_curves` offers many pairs of electrodes, each may bend, and what
the windows and rests of the pack say decides between them and bends them (a Gaussian sum filter, Alspach and Sorenson 1972,
doi:10.1109/TAC.1972.1100034; on joint filters of charge and capacity Plett 2004, doi:10.1016/j.jpowsour.2004.02.033). Where the charge
stands is carried from one to the next by what was counted. The state of charge that the management reports is no reference: it only
bridges gaps in which nothing was heard, and where no rated capacity is known it sets where the search begins.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from evloom.diagnose import capacity_kernel as at
from evloom.diagnose.capacity_curves import N_BEND, Library, library
from evloom.diagnose.capacity_kernel import Bank, Curves, survey, update
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Float
from evloom.vehicle.chemistry import BY_NAME

ERROR_V = {"NMC": 0.0025, "LFP": 0.0012, "Na": 0.004}
"""What is left of the mean voltage of the cells, beside bends: converters, polarisation that is not quite steady."""
DROP_ERROR = 0.1
"""Of the drop of the resistance, how much is not known point by point."""
GAIN_ERROR = 0.005
"""A current sensor may count so much too much or too little, and nothing in the pack shows it; usual for shunts and Hall sensors."""
OHM_DOUBT, SLOPE_DOUBT, LEAD_DOUBT_H, CAP_DOUBT = 0.5, 0.6, 0.07, 0.12
NEW_CAP = 0.92
DAILY_CAP, DAILY_OHM, WINDOW_OHM = 0.0006, 0.05, 0.1
TEMPER = 0.3
"""Points of a window are not independent, so its evidence between curves counts half."""
MOST_HYPOTHESES = ((0, 64), (3, 24), (10, 12))
"""How many hypotheses are kept after how many windows."""


@dataclass(frozen=True)
class Filter:
    """What is known of the pack's capacity (in multiples of the scale), None before a window told enough. windows: that told something."""

    kind: str
    bank: Bank | None = None
    windows: int = 0
    pending: tuple[float, float, float] | None = None


def curves_of(shapes: Library) -> Curves:
    """The arrays of a library, as the kernel wants them."""
    return Curves(np.ascontiguousarray(shapes.ocv_v), np.ascontiguousarray(shapes.bend_v))


def rest_variance(kind: str, age_s: float) -> float:
    """Variance of a voltage at rest as one of the curve: hysteresis, and what has not relaxed yet."""
    slow_v = 0.006 * np.exp(-max(age_s - 1800.0, 0.0) / 5400.0)
    return float(0.002**2 + (0.7 * BY_NAME[kind].hysteresis_v) ** 2 + slow_v**2)


def passed(bank: Bank, charge: float, variance: float, days: float) -> Bank:
    """The bank after a stretch in which `charge` was counted."""
    moved = Bank(bank.curve, bank.mean.copy(), bank.cov.copy(), bank.log_weight.copy())
    noise = np.zeros(at.N_X)
    noise[at.X_OHM] = DAILY_OHM**2 * days + WINDOW_OHM**2
    for m in range(len(bank.curve)):
        noise[at.X_CAP] = (DAILY_CAP * moved.mean[m, at.X_CAP]) ** 2 * days
        at.pass_charge(moved.mean[m], moved.cov[m], (charge, variance), noise)
        most = OHM_DOUBT**2 / max(moved.cov[m, at.X_OHM, at.X_OHM], 1e-9)
        if most < 1.0:
            moved.cov[m, at.X_OHM] *= np.sqrt(most)
            moved.cov[m, :, at.X_OHM] *= np.sqrt(most)
    return moved


def rested(bank: Bank, curves: Curves, volt: float, variance: float) -> Bank:
    """The bank after a relaxed voltage was seen."""
    point = np.array([[0.0, volt, 0.0, 0.0, 0.0, variance]])
    return _kept(_updated(bank, curves, point, (1e-12, 1e-12, 1e-12, 1e-12), (0.0, 0.0)), 64)


def charged(bank: Bank, curves: Curves, points: Float, own: tuple[float, ...], end: tuple[float, float]) -> Bank:
    """The bank after a charge window."""
    return _updated(bank, curves, points, own, end)


def _updated(bank: Bank, curves: Curves, points: Float, own: tuple[float, ...], end: tuple[float, float]) -> Bank:
    """After an update; where nothing explains the points, they are believed less."""
    for _ in range(3):
        after = Bank(bank.curve, bank.mean.copy(), bank.cov.copy(), bank.log_weight.copy())
        update(after, curves, points, np.array(own), end, TEMPER)
        worst = _unexplained(after, bank, curves, points, end)
        if worst < 2.5:
            break
        points = points.copy()
        points[:, at.P_VAR] *= worst
    return after


def _unexplained(after: Bank, before: Bank, curves: Curves, points: Float, end: tuple[float, float]) -> float:
    """Mean square of what the best hypothesis leaves, over its variance; the move of the charge stands for a single rest."""
    m = int(np.argmax(after.log_weight))
    if len(points) == 1:
        move = (after.mean[m] - before.mean[m])[[at.X_CAP, at.X_SOC]]
        cov = before.cov[m][np.ix_([at.X_CAP, at.X_SOC], [at.X_CAP, at.X_SOC])]
        return float(move @ np.linalg.solve(cov + 1e-9 * np.eye(2), move)) / 3.0
    y, row = np.zeros(at.N_Y), np.empty(at.N_Y)
    y[: at.N_X] = after.mean[m]
    y[at.X_SOC] -= end[0] / y[at.X_CAP]
    left = [point[at.P_V] - at.expect(point, y, (curves.ocv_v[after.curve[m]], curves.bend_v[after.curve[m]]), row) for point in points]
    apart = np.array(left) - np.mean(left)
    return float(np.mean(apart**2 / points[:, at.P_VAR]))


def _kept(bank: Bank, most: int) -> Bank:
    """The likeliest hypotheses, their weights made to add up to one."""
    order = np.argsort(-bank.log_weight, kind="stable")[:most]
    order = order[bank.log_weight[order] > bank.log_weight[order[0]] - 12.0]
    weight = bank.log_weight[order] - bank.log_weight[order[0]]
    weight = weight - np.log(np.exp(weight).sum())
    return Bank(bank.curve[order], bank.mean[order], bank.cov[order], weight)


def pruned(bank: Bank, windows: int) -> Bank:
    """The bank with as many hypotheses as are kept after so many windows."""
    return _kept(bank, [most for least, most in MOST_HYPOTHESES if windows >= least][-1])


def begun(curves: Curves, points: Float, cap: tuple[float, float], own: tuple[float, ...]) -> Bank:
    """The first hypotheses from a first window: the best places of each curve on a grid. cap = (expected, doubt) of the capacity."""
    capacities = np.linspace(max(cap[0] - 2.6 * cap[1], 0.1), cap[0] + 2.6 * cap[1], 25)
    socs = np.linspace(-0.02, 0.98, 41)
    cost = survey(points, curves, (capacities, socs), 1.0, own[0] + (0.5 * float(points[:, at.P_DROP].mean())) ** 2)
    cost = 0.5 * cost / max(len(points) / 12.0, 1.0) + 0.5 * ((capacities - cap[0]) / cap[1])[None, :, None] ** 2
    found: list[tuple[float, int, int, int]] = []
    for m in range(len(cost)):
        left = cost[m].copy()
        for _ in range(3):
            c, s = np.unravel_index(int(np.argmin(left)), left.shape)
            found.append((float(left[c, s]), m, int(c), int(s)))
            left[max(c - 4, 0) : c + 5, max(s - 3, 0) : s + 4] = np.inf
    found.sort()
    found = [place for place in found if place[0] < found[0][0] + 9.0][:96]
    n = len(found)
    mean, cov = np.zeros((n, at.N_X)), np.zeros((n, at.N_X, at.N_X))
    mean[:, at.X_CAP] = [capacities[place[2]] for place in found]
    mean[:, at.X_SOC] = [socs[place[3]] for place in found]
    mean[:, at.X_OHM] = 1.0
    doubt = np.array([0.5 * cap[1], 0.08, OHM_DOUBT, *[1.0] * N_BEND])
    cov[:] = np.diag(doubt**2)
    weight = -0.5 * ((mean[:, at.X_CAP] - cap[0]) / cap[1]) ** 2
    return Bank(np.array([place[1] for place in found], dtype=np.int64), mean, cov, weight)


Told = tuple[Float, Float, Float]
"""(mean, standard deviation, weight) of the capacity under each hypothesis."""


def alone(bank: Bank, curves: Curves, points: Float, own: tuple[float, ...], cap: tuple[float, float]) -> Told:
    """What a window says by itself of the capacity, with the curve that is known."""
    few = _kept(bank, 6)
    mean, cov = few.mean.copy(), few.cov.copy()
    cov[:, at.X_CAP, :] = 0.0
    cov[:, :, at.X_CAP] = 0.0
    cov[:, at.X_CAP, at.X_CAP] = cap[1] ** 2
    mean[:, at.X_CAP] = np.clip(mean[:, at.X_CAP], cap[0] - 2.0 * cap[1], cap[0] + 2.0 * cap[1])
    after = _updated(Bank(few.curve, mean, cov, few.log_weight), curves, points, own, (0.0, 0.0))
    weight = np.exp(after.log_weight - after.log_weight.max())
    return after.mean[:, at.X_CAP], np.sqrt(after.cov[:, at.X_CAP, at.X_CAP]), weight / weight.sum()


def mixed(mean: Float, sd: Float, weight: Float) -> Interval:
    """Percentiles of a mixture of normal distributions."""
    low, high = float((mean - 6.0 * sd).min()), float((mean + 6.0 * sd).max())
    return Interval(*(_percentile(mean, sd, weight, share, (low, high)) for share in (0.1, 0.5, 0.9)))


def _percentile(mean: Float, sd: Float, weight: Float, share: float, within: tuple[float, float]) -> float:
    low, high = within
    for _ in range(50):
        middle = 0.5 * (low + high)
        if float(weight @ normal_share((middle - mean) / np.maximum(sd, 1e-12))) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def normal_share(z: Float) -> Float:
    """Share of a normal distribution below z, within 1e-7 (Abramowitz and Stegun 1964, 7.1.26)."""
    x = np.abs(z) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * x)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.asarray(0.5 * (1.0 + np.sign(z) * (1.0 - poly * np.exp(-x * x))))


def of_bank(bank: Bank) -> Told:
    """(mean, sd, weight) of the capacity of every hypothesis, with the gain of the sensor in it."""
    mean = bank.mean[:, at.X_CAP]
    sd = np.sqrt(np.maximum(bank.cov[:, at.X_CAP, at.X_CAP], 0.0) + (GAIN_ERROR * mean) ** 2)
    weight = np.exp(bank.log_weight - bank.log_weight.max())
    return mean, sd, weight / weight.sum()


@cache
def shapes_of(kind: str, without: str = "") -> Curves:
    """The curves of a chemistry; without: as in `library`."""
    return curves_of(library(kind, without))
