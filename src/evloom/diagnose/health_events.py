"""What is done where a rest ends or a charge is over: capacity, the cells, and the list of windows are brought up to date."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose import capacity as cap
from evloom.diagnose import capacity_kernel as kernel
from evloom.diagnose import segment_places as at
from evloom.diagnose.capacity import Filter, shapes_of
from evloom.diagnose.capacity_kernel import Bank, Curves
from evloom.diagnose.segment_sums import Sums, copied
from evloom.diagnose.spread import Cells, learn, note_charge, weakest
from evloom.diagnose.window import Interval, Window
from evloom.diagnose.window_points import Charge, charge_of, offset_a
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Pack

MOST_WINDOWS = 200
"""Windows and points of the trend that are kept: the last ones."""
LEAST_POINTS, LEAST_FRAMES, MOST_HOLE = 6, 8, 0.3
LEAST_SPAN = 0.10
FIRST_SPAN = {"NMC": 0.2, "LFP": 0.35, "Na": 0.3}
"""Share of the (rated or guessed) capacity that the first window must span, so that a search can begin."""
MOST_DOUBT = 0.12
"""A window whose own interval is wider than this share of its middle is refused."""
HIGH_NMC_V, LEAST_LFP_V, HIGH_LFP_V = 3.75, 3.1, 3.70


@dataclass(frozen=True)
class Seen:
    """What was learnt beside the sums. last_s when the filter was last brought up to date."""

    filter: Filter
    cells: Cells
    windows: tuple[Window, ...] = ()
    trend: tuple[tuple[float, Interval], ...] = ()
    last_s: float = float("nan")


def after_rest(sums: Sums, seen: Seen) -> Seen:
    """A relaxed rest has ended: its voltage is a point of the curve."""
    scalar = sums.scalar
    kind = seen.filter.kind
    volt, age_s, at_s = float(scalar[at.REST_V]), float(scalar[at.REST_AGE]), float(scalar[at.LAST_AT])
    scalar[at.REST_N] = 0.0
    if not kind:
        return seen
    variance = cap.rest_variance(kind, age_s)
    bank = _counted(seen, sums, (0.0, 0.0), at_s)
    if bank is None:
        _clear_count(sums)
        return replace(seen, filter=replace(seen.filter, pending=(volt, variance, 0.0)), last_s=at_s)
    _clear_count(sums)
    curves = shapes_of(kind)
    bank = cap.rested(bank, curves, volt, variance)
    slope, soc = _slopes(bank, curves, np.zeros(1))
    rows = np.column_stack([slope, soc, np.zeros(1)])
    cells = learn(seen.cells, at_s, rows, sums.cell[at.C_REST][None], np.ones(1))
    cells = _noted(cells, sums, at_s, bank)
    return replace(seen, filter=replace(seen.filter, bank=bank, pending=None), cells=cells, last_s=at_s)


def after_charge(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """A charge is over: weigh it, and close it in the sums."""
    seen = _weighed(pack, sums, seen)
    sums.window[at.W_OPEN] = 0.0
    _clear_count(sums)
    return seen


def weigh_open(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """What would be known if the charge that is going on ended now; nothing is changed."""
    if sums.window[at.W_OPEN] == 0.0:
        return seen
    return _weighed(pack, copied(sums), seen)


def pack_interval(sums: Sums, seen: Seen) -> Interval | None:
    """Capacity (Ah) of the pack's weakest cell, None where no window told anything."""
    if seen.filter.bank is None:
        return None
    return _weakest_of(cap.of_bank(seen.filter.bank), seen.cells, float(sums.scalar[at.SCALE_AH]))


def _weakest_of(told: tuple[Float, Float, Float], cells: Cells, scale_ah: float) -> Interval:
    mean, sd, weight = told
    share, share_sd, _ = weakest(cells)
    return cap.mixed(mean * share, np.hypot(sd * share, mean * share_sd), weight).times(scale_ah)


def _clear_count(sums: Sums) -> None:
    sums.scalar[[at.COUNT_AH, at.COUNT_VAR, at.COUNT_H, at.COUNT_S]] = 0.0


def _counted(seen: Seen, sums: Sums, window: tuple[float, float], at_s: float) -> Bank | None:
    """The bank moved on by what was counted since it was last brought up to date, less what the window counted; window = (Ah, h)."""
    if seen.filter.bank is None:
        return None
    scalar, scale_ah = sums.scalar, float(sums.scalar[at.SCALE_AH])
    offset, doubt = offset_a(scalar)
    hours = max(float(scalar[at.COUNT_H]) - window[1], 0.0)
    charge = float(scalar[at.COUNT_AH]) - window[0] - offset * hours
    variance = float(scalar[at.COUNT_VAR]) + (doubt * hours) ** 2
    days = max(at_s - seen.last_s, 0.0) / 86400.0 if np.isfinite(seen.last_s) else 0.0
    return cap.passed(seen.filter.bank, charge / scale_ah, variance / scale_ah**2, days)


def _weighed(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """The window that is open in the sums, brought in."""
    kind = seen.filter.kind or _chemistry(sums)
    seen = replace(seen, filter=replace(seen.filter, kind=kind))
    window = sums.window
    if window[at.W_AH] < 0.02 * sums.scalar[at.SCALE_AH] or window[at.W_N] < 3.0:
        return _only_counted(sums, seen)
    sums.scalar[at.N_WINDOW] += 1.0
    charge = charge_of(sums, kind)
    refused = _refused(sums, charge, kind)
    if refused:
        return _listed(_only_counted(sums, seen), sums, charge, None, refused)
    curves = shapes_of(kind)
    hours = charge.end[1]
    bank = _counted(seen, sums, (float(window[at.W_AH]), hours), float(window[at.W_TO]))
    expected = _expected(pack, sums, charge)
    if bank is None:
        if expected is None or charge.end[0] < FIRST_SPAN[kind] * min(expected[0], 1.0):
            return _listed(_only_counted(sums, seen), sums, charge, None, "flat-curve" if kind == "LFP" else "charge-span")
        points = _with_rest(seen, sums, charge)
        bank = cap.begun(curves, points, expected, charge.own)
        own = None
        bank = cap.charged(bank, curves, points, charge.own, charge.end)
    else:
        prior = expected or (float(bank.mean[0, kernel.X_CAP]), 0.3 * float(bank.mean[0, kernel.X_CAP]))
        own = cap.alone(bank, curves, charge.points, charge.own, prior)
        bank = cap.charged(bank, curves, charge.points, charge.own, charge.end)
    windows = seen.filter.windows + 1
    bank = cap.pruned(bank, windows)
    seen = replace(seen, filter=Filter(kind, bank, windows, None), last_s=float(window[at.W_TO]))
    seen = replace(seen, cells=_cells(seen, sums, charge, bank, curves))
    return _told(seen, sums, charge, own if own is not None else cap.of_bank(bank))


def _told(seen: Seen, sums: Sums, charge: Charge, own: tuple[Float, Float, Float]) -> Seen:
    """Put the window and what is known now into the lists."""
    scale_ah = float(sums.scalar[at.SCALE_AH])
    mean, sd, weight = own
    interval = _weakest_of((mean, np.hypot(sd, cap.GAIN_ERROR * mean), weight), seen.cells, scale_ah)
    refused = "too-uncertain" if interval.p90 - interval.p10 > MOST_DOUBT * interval.p50 else ""
    seen = _listed(seen, sums, charge, interval if not refused else None, refused)
    assert seen.filter.bank is not None
    now = _weakest_of(cap.of_bank(seen.filter.bank), seen.cells, scale_ah)
    return replace(seen, trend=(*seen.trend, (float(sums.window[at.W_TO]), now))[-MOST_WINDOWS:])


def _only_counted(sums: Sums, seen: Seen) -> Seen:
    """The charge goes on by what was counted; nothing else is learnt."""
    at_s = float(sums.window[at.W_TO])
    bank = _counted(seen, sums, (0.0, 0.0), at_s)
    pending = seen.filter.pending
    if pending is not None:  # how much was charged since the rest that waits for a first window
        pending = (pending[0], pending[1], pending[2] + float(sums.scalar[at.COUNT_AH]))
    return replace(seen, filter=replace(seen.filter, bank=bank, pending=pending), last_s=at_s)


def _listed(seen: Seen, sums: Sums, charge: Charge, interval: Interval | None, refused: str) -> Seen:
    window, scale_ah = sums.window, float(sums.scalar[at.SCALE_AH])
    span = None
    if seen.filter.bank is not None:
        span = charge.end[0] / float(cap.mixed(*cap.of_bank(seen.filter.bank)).p50)
    told = Window(
        begin_s=float(window[at.W_FROM]),
        end_s=float(window[at.W_TO]),
        kind="fast" if charge.is_fast else "ac",
        soc_span=span,
        charge_ah=charge.end[0] * scale_ah,
        mean_c=charge.mean_c,
        capacity_ah=interval,
        refused=refused,
    )
    return replace(seen, windows=(*seen.windows, told)[-MOST_WINDOWS:])


def _refused(sums: Sums, charge: Charge, kind: str) -> str:
    """Why a window can tell nothing, "" where it may."""
    window = sums.window
    if not kind:
        return "chemistry"
    if window[at.W_N] < LEAST_FRAMES:
        return "few-frames"
    if window[at.W_HOLE] > MOST_HOLE * window[at.W_AH]:
        return "hole"
    if len(charge.points) < LEAST_POINTS or charge.end[0] < LEAST_SPAN * 0.5:
        return "too-short"
    volts = charge.points[:, kernel.P_V]
    if float(volts.max() - volts.min()) < 0.002:
        return "flat-curve"
    return ""


def _chemistry(sums: Sums) -> str:
    """The chemistry by the voltages of a charge, "" where they do not show it."""
    window, high_v = sums.window, float(sums.scalar[at.HIGH_V])
    if high_v > HIGH_NMC_V:
        return "NMC"
    if window[at.W_V0] > LEAST_LFP_V and high_v < HIGH_LFP_V and window[at.W_V1] > 3.3 and window[at.W_V1] - window[at.W_V0] < 0.25:
        return "LFP"
    return ""


def _expected(pack: Pack, sums: Sums, charge: Charge) -> tuple[float, float] | None:
    """Capacity that is expected before anything is known, and its doubt, in multiples of the scale."""
    if np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0:
        return cap.NEW_CAP, cap.CAP_DOUBT
    change = float(sums.window[at.W_SOC1] - sums.window[at.W_SOC0])
    if not np.isfinite(change) or change < 0.2:
        return None
    guess = charge.end[0] / change
    return guess, 0.15 * guess


def _with_rest(seen: Seen, sums: Sums, charge: Charge) -> Float:
    """The points of a first window with the rest before it, where there was one."""
    pending, scale_ah = seen.filter.pending, float(sums.scalar[at.SCALE_AH])
    if pending is None or sums.scalar[at.COUNT_VAR] > (0.03 * scale_ah) ** 2:
        return charge.points
    before = float(sums.scalar[at.COUNT_AH] - sums.window[at.W_AH]) + pending[2]
    first = np.array([[-before / scale_ah, pending[0], 0.0, 0.0, 0.0, pending[1]]])
    return np.vstack([first, charge.points])


def _slopes(bank: Bank, curves: Curves, back: Float) -> tuple[Float, Float]:
    """Slope of the likeliest curve (V per unit of charge) and charge, at places that lie `back` (in multiples of the scale) before now."""
    m = int(np.argmax(bank.log_weight))
    shape = (curves.ocv_v[bank.curve[m]], curves.bend_v[bank.curve[m]])
    y, row = np.zeros(kernel.N_Y), np.empty(kernel.N_Y)
    y[: kernel.N_X] = bank.mean[m]
    slopes = np.empty(len(back))
    for k, charge in enumerate(back):
        point = np.array([-charge, 0.0, 0.0, 0.0, 0.0, 1.0])
        ends = []
        for step in (-0.015, 0.015):
            point[kernel.P_Q] = -charge + step
            ends.append(kernel.expect(point, y, shape, row))
        slopes[k] = max((ends[1] - ends[0]) / 0.03 * y[kernel.X_CAP], 0.01)
    return slopes, np.clip(y[kernel.X_SOC] - back / y[kernel.X_CAP], 0.0, 1.0)


def _cells(seen: Seen, sums: Sums, charge: Charge, bank: Bank, curves: Curves) -> Cells:
    """What the window says of the cells. Under fast charging cells differ by more than these figures: it counts a fifth."""
    if len(charge.points) < 2:
        return seen.cells
    slope, soc = _slopes(bank, curves, charge.end[0] - charge.points[:, kernel.P_Q])
    rows = np.column_stack([slope, soc, charge.points[:, kernel.P_DROP]])
    weight = np.full(len(rows), 0.2 if charge.is_fast else 1.0)
    at_s = float(sums.window[at.W_TO])
    return _noted(learn(seen.cells, at_s, rows, charge.apart_v, weight), sums, at_s, bank)


def _noted(cells: Cells, sums: Sums, at_s: float, bank: Bank) -> Cells:
    bled = sums.cell[at.C_BLED] / (float(sums.scalar[at.SCALE_AH]) * max(float(bank.mean[0, kernel.X_CAP]), 0.05))
    return note_charge(cells, at_s, bled)
