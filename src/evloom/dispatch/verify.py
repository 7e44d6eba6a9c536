"""The independent check: are these orders, is this schedule, within every limit?

Plain numpy with sums of its own. It shares no code with the allocation, the current steps of `pile.limit` or the solver, so that a
mistake there is seen here. Every comparison is written so that NaN fails it.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.problem import Problem, Schedule, Stays
from evloom.kernel.timegrid import Bool, Float, Int

TOLERANCE_KW = 1e-6  # and A in the sums of the phases
TOLERANCE_A = 1e-5  # of a single-phase current at 230 V that is 2 mW
_PHASES = np.arange(3)


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with orders or with a schedule.

    code    stable and dotted: what rule is broken
    where   row of the EVSE, storage, pile, stay or node, as the first word of the code says
    value   what was found, allowed what may be at most (or least), both in `unit`
    step    step of a schedule; -1 for orders and for what concerns a stay as a whole
    """

    code: str
    where: int
    value: float
    allowed: float
    unit: str
    step: int = -1

    def text(self) -> str:
        """One line for a record."""
        when = "" if self.step < 0 else f" in step {self.step}"
        return f"{self.code}: row {self.where}{when}: {self.value:.6g} {self.unit}, allowed {self.allowed:.6g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Units:
    """Stationary batteries that are ordered too: row of the tree and power (positive = charge), columns (n_unit,)."""

    node: Int
    power_kw: Float


NO_UNITS = Units(np.zeros(0, dtype=np.int64), np.zeros(0))


def verify(bays: Bays, wires: Wires, order_kw: Float, units: Units = NO_UNITS) -> tuple[Violation, ...]:
    """Everything that is wrong with `order_kw` (n_evse,), positive = charge; empty when all is well.

    Checked: limits of every node for import, export and each phase, in both directions; ratings of EVSE and car;
    nothing ordered where no car stands; 0 or at least the least current, in current steps; piles whose bays take turns;
    numbers that are none. Where the load nobody steers alone exceeds a limit, the steered units together must add nothing
    to it. What is pushed back is counted as if every car and battery stopped charging, which it may at any time.

    `units` are stationary batteries; their power must not be in `wires.base_kw` then.
    """
    broken = _evse_violations(bays, order_kw) + _node_violations(bays, wires, order_kw, units)
    if not np.isfinite(units.power_kw).all():
        broken += _rows("storage.not-a-number", ~np.isfinite(units.power_kw), units.power_kw, np.zeros(len(units.node)), "kW")
    return tuple(broken)


def _rows(code: str, bad: Bool, value: Float, allowed: Float, unit: str) -> list[Violation]:
    return [Violation(code, int(row), float(value[row]), float(allowed[row]), unit) for row in np.flatnonzero(bad)]


def _evse_violations(bays: Bays, order_kw: Float) -> list[Violation]:
    """What is wrong at single EVSE and piles."""
    size_kw = np.abs(order_kw)
    rating_kw = np.where(order_kw < 0.0, bays.discharge_max_kw, bays.charge_max_kw)
    rating_kw = np.where(bays.connected, rating_kw, 0.0)
    over = ~(size_kw <= rating_kw + TOLERANCE_KW)
    on = size_kw > TOLERANCE_KW
    current_a = size_kw / bays.kw_per_a
    weak = on & ~(current_a >= bays.current_min_a - TOLERANCE_A)
    stepped = np.flatnonzero(on & (bays.current_step_a > 0.0))
    step_a = bays.current_step_a[stepped]
    off_step = np.abs(current_a[stepped] - np.rint(current_a[stepped] / step_a) * step_a) > TOLERANCE_A
    turns = on & bays.one_at_a_time
    at_once = np.bincount(bays.pile[turns]) if turns.any() else np.zeros(0, dtype=np.int64)
    if not (over.any() or weak.any() or off_step.any() or (at_once > 1).any()):
        return []
    finite = np.isfinite(order_kw)
    broken = _rows("evse.not-a-number", ~finite, order_kw, rating_kw, "kW")
    broken += _rows("evse.empty", over & finite & ~bays.connected, order_kw, rating_kw, "kW")
    for code, direction in (("evse.charge", order_kw >= 0.0), ("evse.discharge", order_kw < 0.0)):
        broken += _rows(code, over & finite & bays.connected & direction, size_kw, rating_kw, "kW")
    broken += _rows("evse.least-current", weak & finite, current_a, bays.current_min_a, "A")
    rows = stepped[off_step & finite[stepped]]
    broken += [Violation("evse.current-step", int(row), float(current_a[row]), float(bays.current_step_a[row]), "A") for row in rows]
    return broken + _rows("pile.one-at-a-time", at_once > 1, at_once.astype(np.float64), np.ones(len(at_once)), "bays")


def _sums(bays: Bays, wires: Wires, order_kw: Float, units: Units) -> Float:
    """Steered load at or below each node -> (4, n_node): kW, then A on each of three phases."""
    n_node, depth = wires.path.shape
    share_a = order_kw / bays.kw_per_a * ((bays.phase < 0) | (bays.phase == _PHASES[:, None]))
    flows = np.concatenate((order_kw[None], share_a))
    node = bays.node
    if len(units.node):
        unit_kw = np.where(np.isfinite(units.power_kw), units.power_kw, 0.0)
        unit_a = unit_kw / (3.0 * wires.kw_per_a)
        flows = np.concatenate((flows, np.stack((unit_kw, unit_a, unit_a, unit_a))), axis=1)
        node = np.concatenate((node, units.node))
    # One number per (kind of flow, node); the -1 that fills up short paths becomes place 0, which is dropped.
    place = wires.path[node].T + 1 + (np.arange(4) * (n_node + 1))[:, None, None]
    weight = np.broadcast_to(flows[:, None, :], (4, depth, len(node)))
    total = np.asarray(np.bincount(place.ravel(), weights=weight.ravel(), minlength=4 * (n_node + 1)), dtype=np.float64)
    return total.reshape(4, n_node + 1)[:, 1:]


def _node_violations(bays: Bays, wires: Wires, order_kw: Float, units: Units) -> list[Violation]:
    """What is wrong at the nodes of the tree, import and export, kW and A on each phase."""
    power_kw = np.where(np.isfinite(order_kw), order_kw, 0.0)
    limit = np.stack((wires.import_max_kw, wires.phase_max_a, wires.phase_max_a, wires.phase_max_a))
    base = np.concatenate((wires.base_kw[None], wires.base_phase_a.T))
    steered = _sums(bays, wires, power_kw, units)
    bad = ~(steered <= np.maximum(limit - base, 0.0) + TOLERANCE_KW)
    broken = _of_nodes("import", bad, steered + base, np.maximum(limit, base)) if bad.any() else []
    given = np.minimum(power_kw, 0.0)
    if given.any() or (units.power_kw < 0.0).any():
        steered = -_sums(bays, wires, given, Units(units.node, np.minimum(units.power_kw, 0.0)))
        limit = np.concatenate((wires.export_max_kw[None], limit[1:]))
        bad = ~(steered <= np.maximum(limit + base, 0.0) + TOLERANCE_KW)
        broken += _of_nodes("export", bad, steered - base, np.maximum(limit, -base)) if bad.any() else []
    return broken


def _of_nodes(direction: str, bad: Bool, value: Float, allowed: Float) -> list[Violation]:
    kinds = [("", "kW")] + [(f"-phase-{p + 1}", "A") for p in range(3)]
    broken: list[Violation] = []
    for i, (kind, unit) in enumerate(kinds):
        broken += _rows(f"node.{direction}{kind}", bad[i], value[i], allowed[i], unit)
    return broken


def verify_schedule(problem: Problem, schedule: Schedule, tolerance_kwh: float = 1e-6) -> tuple[Violation, ...]:
    """Everything that is wrong with a schedule (`dispatch.problem`), at most 1,000 of a kind; empty when all is well.

    Checked: shapes and numbers; energies within power x presence; no charging and discharging in one step; limits of every node in
    every step for what is steered (which must add nothing where the load nobody steers is above the limit), and of its phases; energy
    of every battery within its bounds after every step; and the balance of the promise: what a stay gains in its cells is worth
    need_kwh - short_kwh at the meter, no less, and no more where something is short; nobody ends with less than at the start.

    Stays are looked at some thousand at a time, so that a million of them need little memory beside the schedule itself.
    """
    ledger = _Ledger(tolerance_kwh)
    _examine(problem, schedule, ledger)
    return tuple(violation for of_code in ledger.broken.values() for violation in of_code)


def worst_violation(problem: Problem, schedule: Schedule) -> float:
    """Largest excess over what is allowed of all that `verify_schedule` checks, relative to what is allowed, or to 1 kWh where that is
    less. 0.0: nothing is exceeded by anything; infinity: a table has the wrong shape or holds something that is no number."""
    ledger = _Ledger(0.0)
    _examine(problem, schedule, ledger)
    return ledger.worst


_SHOWN_MAX = 1000
# Stays looked at together: their tables stay in the cache of the processor.
_CHUNK = 4096


class _Ledger:
    """Collects what is wrong, and the largest relative excess."""

    def __init__(self, tolerance_kwh: float) -> None:
        self.tolerance_kwh = tolerance_kwh
        self.worst = 0.0
        self.broken: dict[str, list[Violation]] = {}

    def most(self, code: str, value: Float, allowed: Float, row: Int | None = None) -> None:
        """value <= allowed, a table (n_row, n_step) or column (n_row,); row (n_row,): what to call the rows."""
        self._compare(code, value, allowed, value - allowed, (row, False))

    def least(self, code: str, value: Float, allowed: Float, row: Int | None = None) -> None:
        """value >= allowed, likewise."""
        self._compare(code, value, allowed, allowed - value, (row, False))

    def positive(self, code: str, value: Float, row: Int | None = None) -> None:
        """value >= 0 without tolerance, likewise."""
        if not value.min(initial=0.0) >= 0.0:
            self._compare(code, value, np.zeros(1), -value, (row, True))

    def _compare(self, code: str, value: Float, allowed: Float, excess: Float, how: tuple[Int | None, bool]) -> None:
        if not excess.size or excess.max() <= 0.0:
            return
        row, exact = how
        tolerance_kwh = 0.0 if exact else self.tolerance_kwh
        allowed = np.broadcast_to(allowed, value.shape)
        grows = ~(excess <= self.worst)  # relative to at least 1 kWh nothing is more than it is
        if grows.any():
            relative = float((excess[grows] / np.maximum(np.abs(allowed[grows]), 1.0)).max())
            self.worst = max(self.worst, relative) if relative >= 0.0 else np.inf
        found = self.broken.setdefault(code, [])
        for at in np.argwhere(~(excess <= tolerance_kwh))[: _SHOWN_MAX - len(found)]:
            place = int(at[0]) if row is None else int(row[at[0]])
            step = int(at[1]) if len(at) > 1 else -1
            found.append(Violation(code, place, float(value[tuple(at)]), float(allowed[tuple(at)]), "kWh", step))

    def add(self, violation: Violation) -> None:
        """Something that has no measure."""
        self.worst = np.inf
        self.broken.setdefault(violation.code, []).append(violation)


def _examine(problem: Problem, schedule: Schedule, ledger: _Ledger) -> None:
    gives = _check_tables(problem, schedule, ledger)
    if ledger.broken:
        return
    total = _Sums(problem)
    for begin in range(0, problem.stays.n, _CHUNK):
        part = slice(begin, min(begin + _CHUNK, problem.stays.n))
        charge = schedule.charge_kwh[part]
        discharge = schedule.discharge_kwh[part] if gives else None
        _check_stays(problem.stays, problem.step_h, part, (charge, discharge), schedule.short_kwh[part], ledger)
        total.add(part, charge if discharge is None else charge - discharge)
    _check_stores(problem, schedule, ledger)
    total.check(schedule.store_kwh, ledger)


def _check_tables(problem: Problem, schedule: Schedule, ledger: _Ledger) -> bool:
    """Shapes and numbers; whether anything is discharged. A table of zeros is read but once."""
    n_step, n_stay = problem.n_step, problem.stays.n
    want = {"charge_kwh": (n_stay, n_step), "discharge_kwh": (n_stay, n_step)}
    shapes: dict[str, tuple[int, ...]] = {**want, "store_kwh": (len(problem.stores.node), n_step), "short_kwh": (n_stay,)}
    gives = False
    for name, shape in shapes.items():
        values: Float = getattr(schedule, name)
        if values.shape != shape:
            ledger.add(Violation(f"schedule.shape.{name}", 0, float(values.size), float(np.prod(shape)), "numbers"))
            continue
        for begin in range(0, len(values), _CHUNK):
            part = values[begin : begin + _CHUNK]
            if name == "discharge_kwh" and not part.any():  # what is no number counts as true
                continue
            gives |= name == "discharge_kwh"
            if not np.isfinite(part.sum()):
                for at in np.argwhere(~np.isfinite(part)):
                    value, step = float(part[tuple(at)]), int(at[1]) if len(at) > 1 else -1
                    ledger.add(Violation(f"schedule.not-a-number.{name}", begin + int(at[0]), value, value, "kWh", step))
                break
    return gives


def _there_h(stays: Stays, step_h: Float, part: slice) -> Float:
    """Hours for which each vehicle of a part of the stays is there in each step, (n_row, n_step)."""
    first, last = stays.first[part], stays.last[part]
    steps = np.arange(len(step_h))
    there_h = np.where((steps >= first[:, None]) & (steps < last[:, None]), step_h, 0.0)
    rows = np.flatnonzero(last > first)
    begin, end = first[rows], last[rows] - 1
    there_h[rows, end] = stays.last_share[part][rows] * step_h[end]
    there_h[rows, begin] = stays.first_share[part][rows] * step_h[begin]
    return there_h


def _check_stays(stays: Stays, step_h: Float, part: slice, flows: tuple[Float, Float | None], short_kwh: Float, ledger: _Ledger) -> None:
    charge, discharge = flows
    row, there_h = np.arange(part.start, part.stop), _there_h(stays, step_h, part)
    ledger.most("stay.charge", charge, stays.charge_max_kw[part, None] * there_h, row)
    ledger.positive("stay.charge-sign", charge, row)
    if discharge is not None:
        ledger.most("stay.discharge", discharge, stays.discharge_max_kw[part, None] * there_h, row)
        ledger.positive("stay.discharge-sign", discharge, row)
        ledger.most("stay.both-ways", np.minimum(charge, discharge), np.zeros(1), row)
    into, out_of = stays.charge_efficiency[part], stays.discharge_efficiency[part]
    gain_kwh, ceiling_kwh = charge.sum(axis=1) * into, stays.room_kwh[part] * into
    # Who only takes is fullest at the end; step by step only those are followed who may have been fuller or emptier before.
    uneven = ~(gain_kwh <= ceiling_kwh)
    if discharge is not None:
        uneven |= discharge.any(axis=1)
    if not charge.min(initial=0.0) >= 0.0:
        uneven[:] = True
    at = np.flatnonzero(uneven)
    if len(at) and len(step_h):
        out_kwh = 0.0 if discharge is None else discharge[at] / out_of[at, None]
        level_kwh = np.cumsum(charge[at] * into[at, None] - out_kwh, axis=1)
        gain_kwh[at] = level_kwh[:, -1]
        ledger.most("stay.full", level_kwh, ceiling_kwh[at, None], row[at])
        # Where nothing can be discharged nothing can fall below the floor, however little is known of the battery.
        floor_kwh = np.where(stays.discharge_max_kw[part][at] > 0, -stays.below_kwh[part][at], -np.inf)
        ledger.least("stay.floor", level_kwh, floor_kwh[:, None], row[at])
    kept_kwh, promised_kwh = gain_kwh / into, stays.need_kwh[part] - short_kwh
    ledger.least("stay.promise", kept_kwh, promised_kwh, row)
    # Whoever is short is short of more: nobody leaves with less than there was, for the sake of others.
    ledger.least("stay.drained", kept_kwh, np.zeros(len(row)), row)
    lacking = np.flatnonzero(short_kwh > ledger.tolerance_kwh)
    ledger.most("stay.short-overstated", kept_kwh[lacking], promised_kwh[lacking], row[lacking])
    ledger.positive("stay.short-sign", short_kwh, row)


def _check_stores(problem: Problem, schedule: Schedule, ledger: _Ledger) -> None:
    stores, flow_kwh, step_h = problem.stores, schedule.store_kwh, problem.step_h
    ledger.most("store.charge", flow_kwh, stores.charge_max_kw[:, None] * step_h)
    ledger.least("store.discharge", flow_kwh, -stores.discharge_max_kw[:, None] * step_h)
    cells_kwh = np.where(flow_kwh > 0, flow_kwh * stores.charge_efficiency[:, None], flow_kwh / stores.discharge_efficiency[:, None])
    level_kwh = stores.stored_kwh[:, None] + np.cumsum(cells_kwh, axis=1)
    if stores.end_min_kwh is not None and level_kwh.shape[1] and not schedule.is_emptied:
        ledger.least("store.end", level_kwh[:, -1:], np.minimum(stores.end_min_kwh, stores.stored_kwh)[:, None])
    ledger.most("store.full", level_kwh, stores.capacity_kwh[:, None])
    ledger.least("store.empty", level_kwh, np.zeros(1))


class _Sums:
    """What stays draw at the nodes of the tree, kept apart by the phase that they load where phases are limited."""

    def __init__(self, problem: Problem) -> None:
        nodes, stays = problem.nodes, problem.stays
        self.problem = problem
        self.n_kind = 1 if nodes.phase_room_kw is None else 4  # phases 0, 1, 2, and all three evenly
        self.place = stays.node * self.n_kind
        if self.n_kind > 1:
            self.place = self.place + (3 if stays.phase is None else np.where(stays.phase < 0, 3, stays.phase))
        self.total_kwh = np.zeros((len(nodes.parent) * self.n_kind, problem.n_step))

    def add(self, part: slice, net_kwh: Float) -> None:
        """Add a part of the stays: rows of one place are brought together and summed."""
        place = self.place[part]
        order = np.argsort(place, kind="stable")
        sorted_place = place[order]
        begins = np.concatenate(([0], np.flatnonzero(sorted_place[1:] != sorted_place[:-1]) + 1))
        self.total_kwh[sorted_place[begins]] += np.add.reduceat(net_kwh[order], begins, axis=0)

    def check(self, store_kwh: Float, ledger: _Ledger) -> None:
        """Bring the sums up the tree and compare them with the limits."""
        nodes, step_h = self.problem.nodes, self.problem.step_h
        by_kind = self.total_kwh.reshape(len(nodes.parent), self.n_kind, len(step_h))
        for unit, node in enumerate(self.problem.stores.node):
            by_kind[node, -1] += store_kwh[unit]
        for node in range(len(nodes.parent) - 1, 0, -1):
            by_kind[nodes.parent[node]] += by_kind[node]
        steered_kwh = by_kind.sum(axis=1)
        ledger.most("node.import", steered_kwh, np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * step_h)
        ledger.most("node.export", -steered_kwh, nodes.export_max_kw * step_h)
        if nodes.phase_room_kw is None:
            return
        for phase in range(3):
            ledger.most(f"node.phase-{phase + 1}", by_kind[:, phase] + by_kind[:, 3] / 3, nodes.phase_room_kw[:, phase] * step_h)
