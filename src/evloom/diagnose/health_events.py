"""What is done where a rest ends or a charge is over: capacity, the cells, and the list of windows are brought up to date.

A charge is held until the rest after it has told where it ended, or the next charge begins, and only then weighed, together with the
rests of the days before.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from evloom.diagnose import capacity as cap
from evloom.diagnose import capacity_kernel as kernel
from evloom.diagnose import segment_places as at
from evloom.diagnose.capacity import Belief, Filter
from evloom.diagnose.capacity_doubt import believed, gauge, shape_trust
from evloom.diagnose.segment_sums import Sums, copied
from evloom.diagnose.spread import Cells, learn, note_charge, weakest
from evloom.diagnose.window import Interval, Window
from evloom.diagnose.window_points import Charge, charge_of, offset_a
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Pack

MOST_WINDOWS = 200
"""Windows and points of the trend that are kept: the last ones."""
LEAST_POINTS, LEAST_FRAMES, MOST_HOLE = 6, 8, 0.3
LEAST_SPAN = 0.05
FIRST_SPAN = {"NMC": 0.15, "LFP": 0.3, "Na": 0.3}
"""Share of the capacity that the first window must span, so that a belief can begin."""
MOST_DOUBT = 0.15
"""A window whose own interval is wider than this share of its middle is refused."""
CELL_TRUST = {"NMC": (1.0, 0.15), "LFP": (0.003, 0.0003), "Na": (0.3, 0.03)}
"""What slow and fast charges count when cells are compared: under fast charging, and where the curve is flat or very steep, cells differ by
more than by what is looked for."""
MOST_RESTS = 6
LEAST_SLOPE = 0.25
"""V per unit of charge: on a flat stretch nobody knows how near its end is, so a doubt of the charge is never worth less than this."""
MOST_REST_VAR = 0.05**2
"""Rests of which the charge since then is known worse (variance, in multiples of the capacity) are let go."""
LEAST_FLAT, FLAT_V, FLAT_BETWEEN_V = 0.3, 0.12, (3.2, 3.45)
"""Change of the state of charge over which a charge shows a plateau, how flat its middle half is, and where it lies (V)."""
HIGH_NMC_V, MIDDLE_NMC_V, LEAST_LFP_V, HIGH_LFP_V = 3.9, (3.55, 3.75), 3.1, 3.70
R_Q, R_V, R_VAR, R_COUNT = range(4)


@dataclass(frozen=True)
class Held:
    """A charge that waits for the rest after it. rests: those before it, relative to its begin; at_s its end; place in the list."""

    charge: Charge
    rests: Float
    begin_s: float
    end_s: float
    expected: tuple[float, float]


@dataclass(frozen=True)
class Seen:
    """What was learnt beside the sums. rests (n, 4): charge relative to now, voltage, its variance, variance of that charge; last_s
    when the belief was last brought up to date."""

    filter: Filter
    cells: Cells
    windows: tuple[Window, ...] = ()
    trend: tuple[tuple[float, Interval], ...] = ()
    last_s: float = float("nan")
    held: Held | None = None
    rests: Float = field(default_factory=lambda: np.zeros((0, 4)))


def after_rest(sums: Sums, seen: Seen) -> Seen:
    """A relaxed rest has ended: its voltage is a point of the curve."""
    scalar = sums.scalar
    kind = seen.filter.kind or ("NMC" if scalar[at.HIGH_V] > HIGH_NMC_V else "")
    seen = replace(seen, filter=replace(seen.filter, kind=kind))
    volt, age_s, at_s = float(scalar[at.REST_V]), float(scalar[at.REST_AGE]), float(scalar[at.LAST_AT])
    scalar[at.REST_N] = 0.0
    if not kind:
        _clear_count(sums)
        return replace(seen, rests=np.zeros((0, 4)))
    variance = cap.rest_variance(kind, age_s)
    moved = _moved(sums, (0.0, 0.0))
    seen = settled(sums, seen, np.array([[moved[0], volt, variance, moved[1]]]))
    seen = _counted(seen, moved)
    _clear_count(sums)
    rests = np.vstack([seen.rests, [0.0, volt, variance, 0.0]])[-MOST_RESTS:]
    return replace(seen, rests=rests, cells=_rest_of_cells(seen, sums, at_s))


def after_charge(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """A charge is over: hold it, and close it in the sums."""
    seen = _took(pack, sums, settled(sums, seen, None))
    sums.window[at.W_OPEN] = 0.0
    _clear_count(sums)
    return seen


def weigh_open(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """What would be known if the charge that is going on ended now, and no rest followed; nothing is changed."""
    sums = copied(sums)
    if sums.window[at.W_OPEN] > 0.0:
        seen = _took(pack, sums, settled(sums, seen, None))
    return settled(sums, seen, None)


def pack_interval(sums: Sums, seen: Seen) -> Interval | None:
    """Capacity (Ah) of the pack's weakest cell, None where no window told anything."""
    belief = seen.filter.belief
    if belief is None:
        return None
    return _weakest_of(seen, cap.together(belief), float(sums.scalar[at.SCALE_AH]))


def _weakest_of(seen: Seen, weight: Float, scale_ah: float) -> Interval:
    """Capacity (Ah) of the weakest cell by weights over the grid, as far as shape and management may be believed."""
    belief, witness = seen.filter.belief, gauge(seen.windows)
    assert belief is not None
    heard = None if witness is None else (witness[0] / scale_ah, witness[1])
    shape = shape_trust(seen.filter.kind, seen.filter.settled_strain, seen.windows)
    mean, sd, weight = cap.parts(belief, believed(belief.caps, weight, shape, heard))
    share, share_sd, _ = weakest(seen.cells)
    return cap.mixed(mean * share, np.hypot(sd * share, mean * share_sd), weight).times(scale_ah)


def _clear_count(sums: Sums) -> None:
    sums.scalar[[at.COUNT_AH, at.COUNT_VAR, at.COUNT_H, at.COUNT_S]] = 0.0


def _moved(sums: Sums, window: tuple[float, float]) -> tuple[float, float]:
    """Charge counted since the last event, less what the window counted, and its variance, in multiples of the scale; window = (Ah, h)."""
    scalar, scale_ah = sums.scalar, float(sums.scalar[at.SCALE_AH])
    offset, doubt = offset_a(scalar)
    hours = max(float(scalar[at.COUNT_H]) - window[1], 0.0)
    charge = float(scalar[at.COUNT_AH]) - window[0] - offset * hours
    return charge / scale_ah, (float(scalar[at.COUNT_VAR]) + (doubt * hours) ** 2) / scale_ah**2


def _counted(seen: Seen, moved: tuple[float, float]) -> Seen:
    """Everything moved on by a charge."""
    rests = seen.rests.copy()
    rests[:, R_Q] -= moved[0]
    rests[:, R_COUNT] += moved[1]
    place = seen.filter.place
    if place is not None:
        place = replace(place, soc=float(np.clip(place.soc + moved[0] / place.cap, -0.1, 1.1)))
    return replace(seen, rests=rests[rests[:, R_COUNT] < MOST_REST_VAR], filter=replace(seen.filter, place=place))


def _took(pack: Pack, sums: Sums, seen: Seen) -> Seen:
    """The window that is open in the sums, held or refused; counted in any case."""
    kind = seen.filter.kind or _chemistry(sums)
    seen = replace(seen, filter=replace(seen.filter, kind=kind))
    window, scale_ah = sums.window, float(sums.scalar[at.SCALE_AH])
    begin_s, end_s = float(window[at.W_FROM]), float(window[at.W_TO])
    if window[at.W_AH] < 0.02 * scale_ah or window[at.W_N] < 3.0:
        return _counted(seen, _moved(sums, (0.0, 0.0)))
    sums.scalar[at.N_WINDOW] += 1.0
    charge = charge_of(sums, kind)
    seen = _counted(seen, _moved(sums, (float(window[at.W_AH]), charge.end[1])))
    expected = _expected(pack, sums, charge)
    refused = _refused(sums, charge, kind)
    if not refused and seen.filter.belief is None:
        span = charge.end[0] / expected[0] if expected is not None else 0.0
        if expected is None or span < FIRST_SPAN[kind]:
            refused = "flat-curve" if kind == "LFP" else "charge-span"
    how = "fast" if charge.is_fast else "ac"
    moved = float(window[at.W_SOC1] - window[at.W_SOC0])
    managed = moved if np.isfinite(moved) else None
    told = Window(begin_s, end_s, how, None, charge.end[0] * scale_ah, charge.mean_c, None, refused, managed)
    seen = replace(seen, windows=(*seen.windows, told)[-MOST_WINDOWS:])
    if not refused:
        belief = seen.filter.belief
        seen = replace(seen, held=Held(charge, seen.rests, begin_s, end_s, expected or _loose(belief)))
    return _counted(seen, (charge.end[0], 0.0))


def _loose(belief: Belief | None) -> tuple[float, float]:
    middle = belief.cap_ref if belief is not None else 1.0
    return middle, 0.3 * middle


def _points(held: Held, belief: Belief, curves: kernel.Curves, after: Float | None) -> Float:
    """The points of a held window, with the rests around it. Where the charge between is not known, neither is the voltage: the slope of
    the curve makes one of the other."""
    rests = held.rests
    if after is not None:
        after = after.copy()
        after[:, R_Q] += held.charge.end[0]
        rests = np.vstack([rests, after])
    rests = rests[rests[:, R_COUNT] < MOST_REST_VAR]
    told = np.zeros((len(rests), kernel.N_POINT_COLUMN))
    slope = np.maximum(_typical_slope(curves, belief, rests[:, R_V]), LEAST_SLOPE)
    told[:, kernel.P_Q], told[:, kernel.P_V] = rests[:, R_Q], rests[:, R_V]
    told[:, kernel.P_H] = np.where(rests[:, R_Q] > 0.0, held.charge.end[1], 0.0)
    told[:, kernel.P_VAR] = rests[:, R_VAR] + slope**2 * rests[:, R_COUNT] / belief.cap_ref**2
    return np.vstack([told, held.charge.points])


def _typical_slope(curves: kernel.Curves, belief: Belief, volts: Float) -> Float:
    """Slope of the likeliest curve at voltages (V per unit of charge), over 8 % of the charge around."""
    m = int(np.unravel_index(int(np.argmax(belief.log_p)), belief.log_p.shape)[0])
    curve = curves.ocv_v[m]
    soc = np.interp(volts, curve, np.linspace(0.0, 1.0, len(curve)))
    low, high = np.clip(soc - 0.04, 0.0, 1.0), np.clip(soc + 0.04, 0.0, 1.0)
    grid = np.linspace(0.0, 1.0, len(curve))
    return np.asarray((np.interp(high, grid, curve) - np.interp(low, grid, curve)) / np.maximum(high - low, 0.04))


def settled(sums: Sums, seen: Seen, after: Float | None) -> Seen:
    """Weigh the window that is held, if there is one. after (1, 4) a rest that came after it."""
    held = seen.held
    if held is None:
        return seen
    told = seen.filter
    belief = told.belief or cap.begun(told, held.expected)
    days = max(held.end_s - seen.last_s, 0.0) / 86400.0 if np.isfinite(seen.last_s) else 0.0
    belief = cap.aged(belief, days)
    points = _points(held, belief, told.curves, after)
    now = cap.evidence(told, belief, points, cap.prior_of(told, held.charge.count))
    temper = cap.TEMPER[told.kind]
    own, best = cap.alone(now.belief, now.found, temper[1]), now.best
    belief = cap.joined(now.belief, now.found, temper)
    strain = told.strain if held.charge.is_fast else told.strain + cap.NEWEST * (now.strain - told.strain)
    place = cap.placed(belief, best, held.charge.end[0] + (float(after[0, R_Q]) if after is not None else 0.0))
    told = replace(
        told, belief=belief, windows=told.windows + 1, place=place, strain=strain, looked=now.looked, ohm=_ohm(told, held, belief, best)
    )
    seen = replace(seen, filter=told, held=None, last_s=held.end_s)
    seen = replace(seen, cells=_cells(seen, sums, held))
    return _told(seen, sums, held, own)


def _ohm(told: Filter, held: Held, belief: Belief, best: Float) -> tuple[float, int]:
    """The resistance as a slow window saw it, brought into the mean of those before."""
    if held.charge.is_fast:
        return told.ohm
    seen = best[np.unravel_index(int(np.argmax(belief.log_p)), belief.log_p.shape)][kernel.Z_OHM]
    n = told.ohm[1] + 1
    return told.ohm[0] + (float(np.clip(seen, 0.2, 4.0)) - told.ohm[0]) / min(n, 6), n


def _told(seen: Seen, sums: Sums, held: Held, own: Float) -> Seen:
    """Put the window and what is known now into the lists."""
    scale_ah, belief = float(sums.scalar[at.SCALE_AH]), seen.filter.belief
    assert belief is not None
    interval = _weakest_of(seen, own, scale_ah)
    refused = "too-uncertain" if interval.p90 - interval.p10 > MOST_DOUBT * interval.p50 else ""
    now = _weakest_of(seen, cap.together(belief), scale_ah)
    span = held.charge.end[0] * scale_ah / now.p50
    window = replace(seen.windows[-1], soc_span=span, capacity_ah=None if refused else interval, refused=refused)
    return replace(seen, windows=(*seen.windows[:-1], window), trend=(*seen.trend, (held.end_s, now))[-MOST_WINDOWS:])


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
    """The chemistry by the voltages of a charge, "" where they do not show it. Over the middle half of a long charge LFP is flat and below
    what any other cell has there; its end may be driven high."""
    window, high_v = sums.window, float(sums.scalar[at.HIGH_V])
    seen = sums.bin[sums.bin[:, at.X_N] > 0.0]
    volt = seen[:, at.X_V] / seen[:, at.X_N]
    middle = volt[len(volt) // 4 : len(volt) - len(volt) // 4]
    is_long = len(volt) >= LEAST_POINTS and float(window[at.W_SOC1] - window[at.W_SOC0]) >= LEAST_FLAT
    if is_long and float(np.ptp(middle)) < FLAT_V and FLAT_BETWEEN_V[0] < float(middle.mean()) < FLAT_BETWEEN_V[1]:
        return "LFP"
    if high_v > HIGH_NMC_V or (high_v > MIDDLE_NMC_V[1] and len(volt) > 0 and float(middle.mean()) > MIDDLE_NMC_V[0]):
        return "NMC"
    if window[at.W_V0] > LEAST_LFP_V and high_v < HIGH_LFP_V and window[at.W_V1] > 3.3 and window[at.W_V1] - window[at.W_V0] < 0.25:
        return "LFP"
    return ""


def _expected(pack: Pack, sums: Sums, charge: Charge) -> tuple[float, float] | None:
    """Capacity that is expected before anything is known, and its doubt, in multiples of the scale: by the rated capacity, and by the
    management's state of charge with its usual error."""
    guesses = []
    if np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0:
        guesses.append((cap.NEW_CAP, cap.CAP_DOUBT))
    change = float(sums.window[at.W_SOC1] - sums.window[at.W_SOC0])
    if np.isfinite(change) and change > 0.15 and charge.end[0] > 0.0:
        guess = charge.end[0] / change
        guesses.append((guess, guess * float(np.hypot(cap.MANAGED_DOUBT, 0.01 / change))))
    if not guesses:
        return None
    weight = [1.0 / doubt**2 for _, doubt in guesses]
    middle = sum(w * guess for w, (guess, _) in zip(weight, guesses, strict=True)) / sum(weight)
    return middle, float(np.sqrt(1.0 / sum(weight)))


def _slopes(seen: Seen, back: Float) -> tuple[Float, Float]:
    """Slope of the likeliest curve (V per unit of charge) and charge 0..1, at places that lie `back` (of the scale) before now."""
    place, curves = seen.filter.place, seen.filter.curves
    assert place is not None
    curve = curves.ocv_v[place.curve] + place.bend @ curves.bend_v[place.curve]
    soc = np.clip(place.soc - back / place.cap, 0.0, 1.0)
    grid = np.linspace(0.0, 1.0, len(curve))
    low, high = np.clip(soc - 0.015, 0.0, 1.0), np.clip(soc + 0.015, 0.0, 1.0)
    return np.maximum((np.interp(high, grid, curve) - np.interp(low, grid, curve)) / np.maximum(high - low, 0.015), 0.01), soc


def _cells(seen: Seen, sums: Sums, held: Held) -> Cells:
    """What the window says of the cells."""
    charge = held.charge
    if len(charge.points) < 2:
        return seen.cells
    place = seen.filter.place
    assert place is not None
    slope, soc = _slopes(seen, charge.end[0] - charge.points[:, kernel.P_Q])
    rows = np.column_stack([slope, soc, charge.points[:, kernel.P_DROP]])
    weight = np.full(len(rows), CELL_TRUST[seen.filter.kind][charge.is_fast])
    return _noted(learn(seen.cells, held.end_s, rows, charge.apart_v.astype(np.float64), weight), sums, held.end_s, place.cap)


def _rest_of_cells(seen: Seen, sums: Sums, at_s: float) -> Cells:
    """What a rest says of the cells."""
    place = seen.filter.place
    if place is None:
        return seen.cells
    slope, soc = _slopes(seen, np.zeros(1))
    trust = np.full(1, CELL_TRUST[seen.filter.kind][0])
    cells = learn(seen.cells, at_s, np.column_stack([slope, soc, np.zeros(1)]), sums.cell[at.C_REST][None], trust)
    return _noted(cells, sums, at_s, place.cap)


def _noted(cells: Cells, sums: Sums, at_s: float, size: float) -> Cells:
    return note_charge(cells, at_s, sums.cell[at.C_BLED] / (float(sums.scalar[at.SCALE_AH]) * max(size, 0.05)))
