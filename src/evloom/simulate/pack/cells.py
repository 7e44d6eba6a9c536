"""Cells in series, step by step: charge, polarisation, hysteresis, heat, lithium plating, balancing, and the faults inside a cell."""

from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.vehicle.telemetry import Float32

PARKED, DRIVE, SLOW, FAST, AWAKE = 0, 1, 2, 3, 4
"""What the car does in a step: asleep, driving, charging with AC, charging with DC, standing with its electronics on."""

COLDEST_C = -40
"""First point of the tables over temperature; one point a degree, 140 of them."""
FARADAY_TO_HEAT = 15.0  # J/K per Ah of rated capacity: about 1000 J/(kg K) times 15 g/Ah, usual for cells of cars
HYSTERESIS_SHARE = 0.03  # share of the capacity after which the voltage has changed from one branch to the other
PLATED_SHARE = 0.03  # of the current above the limit
STRIP_S = 5400.0  # time in which plated lithium that can come back has dissolved to 1/e
DEAD_SHARE = 0.08  # of what dissolves: it has lost its contact, or reacts with the electrolyte
FAST_S, SLOW_S = 25.0, 700.0  # time in which polarisation fades to 1/e: surface, depth of the particles
SHOULDER_V = 0.018  # what much plated lithium adds to the voltage while it dissolves


class Cells(NamedTuple):
    """State of each cell, (n_cell,) and changed in place: charge 0..1, two polarisations, hysteresis -1..1, temperature,
    lithium plated that can come back, charge that plating has taken for good, seconds that the cell was bled."""

    soc: Float
    fast_v: Float
    slow_v: Float
    branch: Float
    temp_c: Float
    plated_ah: Float
    lost_ah: Float
    bled_s: Float


class Makeup(NamedTuple):
    """What each cell is like today, (n_cell,): resistances at 25 degC and half charge, self-discharge at 25 degC, current above
    which it plates at 25 degC, coupling to what cools it."""

    capacity_ah: Float
    ohmic_ohm: Float
    fast_ohm: Float
    slow_ohm: Float
    leak_a: Float
    plating_a: Float
    cooling_w_per_k: Float


class Curves(NamedTuple):
    """Tables: ocv_v over charge (evenly 0..1), resistance_factor over charge, three factors over temperature from COLDEST_C."""

    ocv_v: Float
    resistance_factor: Float
    resistance_by_temp: Float
    leak_by_temp: Float
    plating_by_temp: Float


class Road(NamedTuple):
    """What is asked of the pack, (n_step,): length, current wanted (positive = charging), mode, charge at which charging ends,
    air or coolant and how many times better than still air it cools, whether a frame is kept; then the fault: conductance across
    the cell, resistance of its contact."""

    step_s: Float
    want_a: Float
    mode: Int
    target: Float
    air_c: Float
    cooling: Float
    keep: Bool
    short_s: Float
    contact_ohm: Float


class Plating(NamedTuple):
    """How lithium plates and comes back: see PLATED_SHARE, STRIP_S, DEAD_SHARE, SHOULDER_V. takes: how much of the charge that is held in
    dead lithium leaves the cell with it, 0..1."""

    plated_share: float
    strip_s: float
    dead_share: float
    shoulder_v: float
    takes: float = 0.0


class Rules(NamedTuple):
    """What the battery management keeps to, where the fault sits (cell -1: nowhere), how lithium plates, and in what time the quick and
    the slow polarisation fade to 1/e."""

    v_max: float
    v_min: float
    capacity_ah: float
    hysteresis_v: float
    bleed_ohm: float
    balance_above_v: float
    balance_over_v: float
    fault_cell: int
    contact_sensed: bool
    stuck_bleed: bool
    plating: Plating
    fast_s: float = FAST_S
    slow_s: float = SLOW_S


class Kept(NamedTuple):
    """Frames as they truly were, (n_keep,) but for the cells and the probes."""

    current_a: Float
    soc: Float
    outside_v: Float
    balancing: Int
    charged: Bool
    cell_v: Float32
    probe_c: Float32


class Work(NamedTuple):
    """Kept from step to step, (n_cell,): voltage, the part of it that stays without current, ohmic resistance, one over the
    capacity, current lost inside, voltage that plated lithium adds."""

    cell_v: Float
    rest_v: Float
    ohm: Float
    per_ah: Float
    lost_a: Float
    shoulder_v: Float


@compiled
def table_at(table: Float, at: float) -> float:
    """Value of an even table at a place counted in points, held at both ends."""
    last = len(table) - 1
    if at <= 0.0:
        return float(table[0])
    if at >= last:
        return float(table[last])
    j = int(at)
    return float(table[j] + (at - j) * (table[j + 1] - table[j]))


@compiled
def _room(work: Work, rules: Rules) -> tuple[float, float]:
    """The largest charging current and the largest discharging current (both A >= 0) that keep every cell within its limits."""
    into, out = np.inf, np.inf
    for k in range(len(work.rest_v)):
        into = min(into, (rules.v_max - work.rest_v[k]) / work.ohm[k])
        out = min(out, (work.rest_v[k] - rules.v_min) / work.ohm[k])
    return max(into, 0.0), max(out, 0.0)


@compiled
def _allowed(want_a: float, mode: int, soc: float, coldest_c: float, capacity_ah: float) -> float:
    """What the management lets through of the wanted current: fast charging falls off with charge and in the cold."""
    if want_a > 0.0 and mode == FAST:
        taper = 1.0 if soc < 0.55 else max(0.12, 1.0 - 1.9 * (soc - 0.55))
        cold = min(1.0, max(0.25, (coldest_c + 5.0) / 25.0))
        return min(want_a, 1.6 * capacity_ah * taper * cold)
    return want_a


@compiled
def _plate(cells: Cells, makeup: Makeup, curves: Curves, work: Work, at: tuple[float, float, Plating]) -> None:
    """Plate or dissolve lithium over a step, at = (current, length, its kinetics), and note the voltage it adds."""
    current_a, step_s, how = at
    for k in range(len(cells.soc)):
        t = min(max(cells.temp_c[k] - COLDEST_C, 0.0), 138.0)
        warm = curves.plating_by_temp[int(t)]
        limit_a = makeup.plating_a[k] * warm * (1.25 - 0.5 * cells.soc[k])
        work.shoulder_v[k] = 0.0
        if current_a > limit_a:
            plated = (current_a - limit_a) * step_s / 3600.0 * how.plated_share
            cells.plated_ah[k] += 0.8 * plated
            cells.lost_ah[k] += 0.2 * plated
            cells.soc[k] -= how.takes * 0.2 * plated * work.per_ah[k] * (1.0 - cells.soc[k])
        elif cells.plated_ah[k] > 0.0:
            gone = cells.plated_ah[k] * min(1.0, step_s / how.strip_s)
            cells.plated_ah[k] = cells.plated_ah[k] - gone if cells.plated_ah[k] > 1e-5 else 0.0
            cells.lost_ah[k] += how.dead_share * gone
            cells.soc[k] -= how.takes * how.dead_share * gone * work.per_ah[k] * (1.0 - cells.soc[k])
            q = cells.plated_ah[k] * work.per_ah[k]
            work.shoulder_v[k] = how.shoulder_v * q / (q + 1e-3)


@compiled
def _leaks(cells: Cells, work: Work, rules: Rules, short_s: float) -> None:
    """Note the current (A) that each cell loses to a short and to the resistor that balances it."""
    for k in range(len(work.lost_a)):
        work.lost_a[k] = work.cell_v[k] / rules.bleed_ohm if cells.bled_s[k] < 0.0 else 0.0
    k = rules.fault_cell
    if k >= 0:
        work.lost_a[k] += short_s * work.cell_v[k]
        if rules.stuck_bleed and cells.bled_s[k] >= 0.0:
            work.lost_a[k] += work.cell_v[k] / rules.bleed_ohm


@compiled
def _step(cells: Cells, makeup: Makeup, curves: Curves, rules: Rules, now: tuple[float, float, float, float], work: Work) -> None:
    """Advance every cell by one step; now = (current, length, conductance of the short, resistance of the contact)."""
    current_a, step_s, short_s, contact_ohm = now
    _leaks(cells, work, rules, short_s)
    if current_a > 0.02 * rules.capacity_ah or cells.plated_ah.max() > 0.0:
        _plate(cells, makeup, curves, work, (current_a, step_s, rules.plating))
    last = len(curves.ocv_v) - 2
    keep_fast, keep_slow, hours = np.exp(-step_s / rules.fast_s), np.exp(-step_s / rules.slow_s), step_s / 3600.0
    for k in range(len(cells.soc)):
        t = min(max(cells.temp_c[k] - COLDEST_C, 0.0), 138.0)
        i = int(t)
        t -= i
        leak = curves.leak_by_temp[i] + t * (curves.leak_by_temp[i + 1] - curves.leak_by_temp[i])
        factor = curves.resistance_by_temp[i] + t * (curves.resistance_by_temp[i + 1] - curves.resistance_by_temp[i])
        here_a = current_a - makeup.leak_a[k] * leak * (0.5 + cells.soc[k]) - work.lost_a[k]
        turned = here_a * hours * work.per_ah[k]
        soc = min(max(cells.soc[k] + turned, -0.02), 1.02)
        cells.soc[k] = soc
        at = min(max(soc, 0.0), 1.0) * (last + 1)
        j = min(int(at), last)
        at -= j
        factor *= curves.resistance_factor[j] + at * (curves.resistance_factor[j + 1] - curves.resistance_factor[j])
        cells.fast_v[k] = cells.fast_v[k] * keep_fast + makeup.fast_ohm[k] * factor * (1.0 - keep_fast) * here_a
        cells.slow_v[k] = cells.slow_v[k] * keep_slow + makeup.slow_ohm[k] * factor * (1.0 - keep_slow) * here_a
        cells.branch[k] += min(1.0, abs(turned) / HYSTERESIS_SHARE) * ((1.0 if here_a > 0.0 else -1.0) - cells.branch[k])
        rest_v = curves.ocv_v[j] + at * (curves.ocv_v[j + 1] - curves.ocv_v[j])
        rest_v += rules.hysteresis_v * cells.branch[k] + cells.fast_v[k] + cells.slow_v[k] + work.shoulder_v[k]
        work.rest_v[k], work.ohm[k] = rest_v, makeup.ohmic_ohm[k] * factor
        work.cell_v[k] = rest_v + work.ohm[k] * here_a
    if rules.fault_cell >= 0 and rules.contact_sensed:
        work.cell_v[rules.fault_cell] += contact_ohm * current_a


@compiled
def _warm(cells: Cells, makeup: Makeup, rules: Rules, now: tuple[float, float, float, float], around: tuple[float, float]) -> None:
    """Heat of the current, of a short and of a contact, exchanged with the neighbours and with what cools the pack; around =
    (temperature of the coolant or air, how many times better than still air it cools)."""
    current_a, step_s, short_s, contact_ohm = now
    air_c, cooling = around
    n = len(cells.soc)
    heat = FARADAY_TO_HEAT * rules.capacity_ah
    parts = int(step_s / 120.0) + 1
    share = step_s / parts / 1500.0  # two cells side by side even out in about 25 minutes
    per_heat, square = step_s / parts / heat, current_a * current_a
    for _ in range(parts):
        before = cells.temp_c[0]
        for k in range(n):
            here = cells.temp_c[k]
            after = cells.temp_c[k + 1] if k < n - 1 else here
            loss_ohm = makeup.ohmic_ohm[k] + makeup.fast_ohm[k] + makeup.slow_ohm[k]
            heat_flow = loss_ohm * square + makeup.cooling_w_per_k[k] * cooling * (air_c - here)
            cells.temp_c[k] = here + heat_flow * per_heat + share * (before + after - 2.0 * here)
            before = here
        if rules.fault_cell >= 0:
            cells.temp_c[rules.fault_cell] += (contact_ohm * square + short_s * 13.0) * per_heat


@compiled
def _balance(cells: Cells, cell_v: Float, seen_v: Float, rules: Rules, step_s: float) -> int:
    """Choose the cells to bleed: above the lowest by more than the threshold, hysteresis of a third. A negative clock means on."""
    lowest = np.inf
    for k in range(len(cell_v)):
        lowest = min(lowest, cell_v[k] + seen_v[k])
    count = 0
    for k in range(len(cell_v)):
        over = cell_v[k] + seen_v[k] - lowest
        on = cells.bled_s[k] < 0.0
        spent = abs(cells.bled_s[k]) + (step_s if on else 0.0)
        on = lowest > rules.balance_above_v and over > rules.balance_over_v * (0.67 if on else 1.0)
        cells.bled_s[k] = -max(spent, 1e-9) if on else spent
        count += on
    return count


@compiled
def _fresh(cells: Cells, makeup: Makeup, curves: Curves) -> Work:
    """The scratch of a run, as the cells stand."""
    n = len(cells.soc)
    rest_v = np.empty(n)
    for k in range(n):
        rest_v[k] = table_at(curves.ocv_v, cells.soc[k] * (len(curves.ocv_v) - 1))
    return Work(rest_v.copy(), rest_v, makeup.ohmic_ohm.copy(), 1.0 / makeup.capacity_ah, np.zeros(n), np.zeros(n))


@compiled
def drive_pack(cells: Cells, makeup: Makeup, curves: Curves, rules: Rules, road: Road, sensing: tuple[Float, Int]) -> Kept:
    """Run the pack along `road`, changing `cells` in place; sensing = what is added to each cell (n_cell,) in what the management
    sees when it balances, and the cells at which the probes sit."""
    seen_v, probes = sensing
    n, n_cell = int(road.keep.sum()), len(cells.soc)
    kept = Kept(
        np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int64), np.empty(n, np.bool_),
        np.empty((n, n_cell), np.float32), np.empty((n, len(probes)), np.float32),
    )  # fmt: skip
    work = _fresh(cells, makeup, curves)
    full, row, held_a = False, 0, 0.0
    for i in range(len(road.step_s)):
        held_a, full = _current(cells, work, rules, (road.want_a[i], road.mode[i], road.target[i]), (full, held_a))
        now = (held_a, road.step_s[i], road.short_s[i], road.contact_ohm[i])
        _step(cells, makeup, curves, rules, now, work)
        _warm(cells, makeup, rules, now, (road.air_c[i], road.cooling[i]))
        count = 0
        if road.mode[i] >= SLOW:
            count = _balance(cells, work.cell_v, seen_v, rules, road.step_s[i])
        else:
            for k in range(n_cell):
                cells.bled_s[k] = abs(cells.bled_s[k])
        if road.keep[i]:
            _note(kept, row, cells, work.cell_v, (held_a, road.contact_ohm[i], count, full, rules))
            for j in range(len(probes)):
                kept.probe_c[row, j] = cells.temp_c[probes[j]]
            row += 1
    return kept


@compiled
def _current(cells: Cells, work: Work, rules: Rules, ask: tuple[float, int, float], last: tuple[bool, float]) -> tuple[float, bool]:
    """The current that flows, and whether charging has ended; ask = (wanted, mode, target), last = (charging had ended, current)."""
    want_a, mode, target = ask
    full, held_a = last
    if want_a == 0.0:
        return 0.0, full and mode == AWAKE
    into, out = _room(work, rules)
    if want_a < 0.0:
        return max(want_a, -out), False
    soc = cells.soc.mean()
    if mode == DRIVE:
        return min(want_a, into), False
    if full:
        return 0.0, True
    current_a = min(_allowed(want_a, mode, soc, cells.temp_c.min(), rules.capacity_ah), into)
    if held_a > 0.0:
        current_a = min(current_a, held_a + 0.1 * rules.capacity_ah)
    if soc >= target or current_a < 0.02 * rules.capacity_ah:
        return 0.0, True
    return current_a, False


@compiled
def _note(kept: Kept, row: int, cells: Cells, cell_v: Float, now: tuple[float, float, int, bool, Rules]) -> None:
    """Write one frame."""
    current_a, contact_ohm, count, full, rules = now
    kept.current_a[row] = current_a
    kept.soc[row] = cells.soc.mean()
    kept.outside_v[row] = 0.0 if rules.contact_sensed else contact_ohm * current_a
    kept.balancing[row] = count + (1 if rules.stuck_bleed else 0)
    kept.charged[row] = full
    for k in range(len(cell_v)):
        kept.cell_v[row, k] = cell_v[k]
