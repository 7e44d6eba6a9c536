"""From the power a policy wants to orders that hold every limit of the tree and that piles can be set to.

The kernels pass a few arrays and scalars, never whole tables, between each other: that is what makes them quick.
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.reason import BAY, DONE, EMPTY, FULL, MINIMUM, PLAN, STEP
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.pile.limit import TOLERANCE, quantise_down, quantise_up

SLACK_KW = 1e-9  # rounding of sums, far below what a meter resolves
CRUMB_KW = 1e-8  # with which a pile of continuous current enters an equal share


class Free(NamedTuple):
    """What may still be added (up) or pushed back (down) at each node, (n_node, 4): kW, then A on each of three phases."""

    up: Float
    down: Float


class Given(NamedTuple):
    """Columns (n_evse,) of an allocation in the making: what each row gets and why not more; busy is by pile."""

    order_kw: Float
    reason: Int
    busy: Bool


class Shares(NamedTuple):
    """Columns (n_evse,) of an equal share: what each wants, its step, what it has so far, why not more; busy is by pile."""

    want_kw: Float
    step_kw: Float
    order_kw: Float
    reason: Int
    busy: Bool


@compiled
def _or_none(room: Float) -> Float:
    """No room where the load or the limit is not a number; every comparison with NaN would call it endless."""
    return np.where(np.isnan(room), 0.0, room)


@compiled
def free_room(wires: Wires) -> Free:
    """The room that the load nobody steers leaves."""
    limit_a = wires.phase_max_a.reshape(-1, 1)
    up, down = np.empty((len(wires.base_kw), 4)), np.empty((len(wires.base_kw), 4))
    up[:, 0] = wires.import_max_kw - wires.base_kw
    up[:, 1:] = limit_a - wires.base_phase_a
    down[:, 0] = wires.export_max_kw + wires.base_kw
    down[:, 1:] = limit_a + wires.base_phase_a
    return Free(_or_none(up), _or_none(down))


@compiled
def room_kw(path: Int, leaf: int, phase: int, kw_per_a: float, free: Float) -> tuple[float, int]:
    """Most power (kW, >= 0) that fits on the way from `leaf` to the root, and the node that binds. phase -1 = all three."""
    room = np.inf
    at = -1
    for level in range(path.shape[1]):
        node = path[leaf, level]
        if node < 0:
            break
        if phase < 0:
            least_a = min(free[node, 1], free[node, 2], free[node, 3])
        else:
            least_a = free[node, phase + 1]
        here_kw = min(free[node, 0], least_a * kw_per_a)
        if here_kw < room:
            room, at = here_kw, node
    return max(room, 0.0), at


@compiled
def take(path: Int, leaf: int, phase: int, drawn: tuple[float, float], up: Float, down: Float) -> None:
    """Book what is `drawn` (kW, positive = import, and A on its phases) on the way from `leaf` to the root, in place."""
    power_kw, current_a = drawn
    for level in range(path.shape[1]):
        node = path[leaf, level]
        if node < 0:
            break
        up[node, 0] -= power_kw
        down[node, 0] += power_kw
        if phase >= 0:
            up[node, phase + 1] -= current_a
            down[node, phase + 1] += current_a
        else:
            for p in range(1, 4):
                up[node, p] -= current_a
                down[node, p] += current_a


@compiled
def _settable(power_kw: float, kw_per_a: float, least_a: float, step_a: float) -> float:
    """Most a pile can be set to within `power_kw`; crumbs that rounding leaves of a room are nothing."""
    give_kw = quantise_down(power_kw, kw_per_a, least_a, step_a)
    return give_kw if give_kw > SLACK_KW else 0.0


@compiled
def _verdict(want_kw: float, give_kw: float, room: float, at: int, rating_kw: float, need_kwh: float) -> int:
    """Why a row that wants `want_kw` > 0 gets `give_kw`."""
    if room < want_kw - SLACK_KW:
        return at
    if give_kw <= 0.0:
        return MINIMUM
    if want_kw >= rating_kw - SLACK_KW:
        return FULL if give_kw >= want_kw - SLACK_KW else STEP
    return DONE if need_kwh <= 0.0 else PLAN


@compiled
def _allocate_out(bays: Bays, path: Int, target_kw: Float, rank: Int, free: Free, given: Given) -> None:
    """Set the discharge that is wanted (target_kw < 0), row by row."""
    node, phase, pile, kw_per_a = bays.node, bays.phase, bays.pile, bays.kw_per_a
    order_kw, reason, busy, up, down = given.order_kw, given.reason, given.busy, free.up, free.down
    for row in rank:
        if target_kw[row] < 0.0 and bays.one_at_a_time[row] and busy[pile[row]]:
            reason[row] = BAY
        elif target_kw[row] < 0.0:
            room, at = room_kw(path, node[row], phase[row], kw_per_a[row], down)
            want_kw = min(-target_kw[row], bays.discharge_max_kw[row])
            give_kw = _settable(min(want_kw, room), kw_per_a[row], bays.current_min_a[row], bays.current_step_a[row])
            reason[row] = at if room < want_kw else PLAN
            if give_kw > 0.0:
                order_kw[row] = -give_kw
                busy[pile[row]] = True
                take(path, node[row], phase[row], (-give_kw, -give_kw / kw_per_a[row]), up, down)


@compiled
def _allocate_in(bays: Bays, path: Int, target_kw: Float, rank: Int, free: Free, given: Given) -> None:
    """Set the charging that is wanted (target_kw >= 0), row by row."""
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    node, phase, pile, alone, need_kwh = bays.node, bays.phase, bays.pile, bays.one_at_a_time, bays.need_kwh
    kw_per_a, least_a, step_a, rating_kw = bays.kw_per_a, bays.current_min_a, bays.current_step_a, bays.charge_max_kw
    order_kw, reason, busy, up, down = given.order_kw, given.reason, given.busy, free.up, free.down
    for row in rank:
        want_kw = min(target_kw[row], rating_kw[row])
        if target_kw[row] < 0.0:
            continue
        if not want_kw > SLACK_KW:  # also where it is not a number
            reason[row] = DONE if need_kwh[row] <= 0.0 else PLAN
        elif alone[row] and busy[pile[row]]:
            reason[row] = BAY
        else:
            room, at = room_kw(path, node[row], phase[row], kw_per_a[row], up)
            give_kw = _settable(min(want_kw, room), kw_per_a[row], least_a[row], step_a[row])
            reason[row] = _verdict(want_kw, give_kw, room, at, rating_kw[row], need_kwh[row])
            if give_kw > 0.0:
                order_kw[row] = give_kw
                busy[pile[row]] = True
                take(path, node[row], phase[row], (give_kw, give_kw / kw_per_a[row]), up, down)


@compiled
def allocate(bays: Bays, wires: Wires, target_kw: Float, rank: Int) -> tuple[Float, Int]:
    """Give every row of `rank`, in that order, what it wants (target_kw, positive = charge) as far as limits allow.

    Discharge is set first, against the load nobody steers, so that no order relies on another car's charging.
    Returns (order_kw (n_evse,), reason (n_evse,)), reasons as in `dispatch.reason`.
    """
    order_kw = np.zeros(len(target_kw))
    reason = np.full(len(target_kw), EMPTY)
    busy = np.zeros(len(target_kw), dtype=np.bool_)
    free = free_room(wires)
    _allocate_out(bays, wires.path, target_kw, rank, free, Given(order_kw, reason, busy))
    _allocate_in(bays, wires.path, target_kw, rank, free, Given(order_kw, reason, busy))
    return order_kw, reason


@compiled
def allocate_ahead(bays: Bays, wires: Wires, base_kw: Float, target_kw: Float, rank: Int) -> Float:
    """The same for steps ahead, charging only: target_kw (n_evse, n_step) -> what each can be set to in each step (n_evse, n_step).

    base_kw (n_node, n_step) is the load nobody steers at or below each node; its part that loads phases unevenly stays as it is now.
    What rounding takes from a row in a step is asked for in the next ones, at most what its least current carries in one.
    """
    order_kw = np.zeros(target_kw.shape)
    owed_kw = np.zeros(len(target_kw))
    most_kw = np.maximum(bays.current_min_a, bays.current_step_a) * bays.kw_per_a
    for step in range(target_kw.shape[1]):
        planned_kw = np.maximum(target_kw[:, step], 0.0)
        more_kw = (base_kw[:, step] - wires.base_kw) / (3.0 * wires.kw_per_a)
        then = Wires(
            wires.path, wires.import_max_kw, wires.export_max_kw, wires.phase_max_a, base_kw[:, step].copy(),
            wires.base_phase_a + more_kw.reshape(-1, 1), wires.kw_per_a,
        )  # fmt: skip
        asked_kw = np.where(planned_kw > 0.0, planned_kw + owed_kw, 0.0)
        order_kw[:, step], _ = allocate(bays, then, asked_kw, rank)
        owed_kw = np.minimum(np.maximum(owed_kw + planned_kw - order_kw[:, step], -most_kw), most_kw)
    return order_kw


@compiled
def _start_equal(bays: Bays, path: Int, rows: Int, free: Free, shares: Shares) -> None:
    """Give the least current that can be set to as many of `rows` as have room for it, largest energy debt first."""
    node, phase, pile, kw_per_a, alone = bays.node, bays.phase, bays.pile, bays.kw_per_a, bays.one_at_a_time
    min_a, step_a, order_kw = bays.current_min_a, bays.current_step_a, shares.order_kw
    want_kw, reason, busy, up, down = shares.want_kw, shares.reason, shares.busy, free.up, free.down
    for row in rows[np.argsort(-bays.debt_kwh[rows], kind="mergesort")]:
        least_kw = quantise_up(CRUMB_KW, kw_per_a[row], min_a[row], step_a[row])
        room, at = room_kw(path, node[row], phase[row], kw_per_a[row], up)
        if not want_kw[row] > SLACK_KW:  # also where it is not a number
            reason[row] = DONE
        elif alone[row] and busy[pile[row]]:
            reason[row] = BAY
        elif least_kw > want_kw[row] * (1.0 + TOLERANCE):
            reason[row] = MINIMUM
        elif least_kw > room * (1.0 + TOLERANCE):
            reason[row] = at
        else:
            order_kw[row] = least_kw
            busy[pile[row]] = True
            take(path, node[row], phase[row], (least_kw, least_kw / kw_per_a[row]), up, down)


@compiled
def _common_rounds(active: Int, shares: Shares, rise: Float, up: Float) -> float:
    """How many whole rounds the active rows can surely be raised together; rise (n_node, 4) is what one adds to each node."""
    want_kw, step_kw, order_kw = shares.want_kw, shares.step_kw, shares.order_kw
    rounds = 1e9
    for row in active:
        rounds = min(rounds, (want_kw[row] - order_kw[row]) / step_kw[row])
    rounds += TOLERANCE  # 9.999999999 steps are 10
    for node in range(len(rise)):
        for column in range(4):
            if rise[node, column] > CRUMB_KW:  # below it is what rounding leaves of rows that have gone
                rounds = min(rounds, up[node, column] / rise[node, column])
    return float(np.floor(max(rounds, 0.0)))


@compiled
def _without_finished(bays: Bays, path: Int, active: Int, rise: Float, shares: Shares) -> Int:
    """The active rows that still want a step; the others leave, with the reason, and what they would add leaves `rise`."""
    node, phase, kw_per_a, least_step_a, rating_kw = bays.node, bays.phase, bays.kw_per_a, bays.current_step_a, bays.charge_max_kw
    want_kw, step_kw, order_kw, reason = shares.want_kw, shares.step_kw, shares.order_kw, shares.reason
    still = np.ones(len(active), dtype=np.bool_)
    nothing = np.zeros_like(rise)
    for i in range(len(active)):
        row = active[i]
        gap_kw = want_kw[row] - order_kw[row]
        if gap_kw <= SLACK_KW or (least_step_a[row] > 0.0 and step_kw[row] > gap_kw + SLACK_KW):
            reason[row] = STEP if gap_kw > SLACK_KW else (FULL if want_kw[row] >= rating_kw[row] else PLAN)
            still[i] = False
            take(path, node[row], phase[row], (step_kw[row], step_kw[row] / kw_per_a[row]), rise, nothing)
    return active[still]


@compiled
def _one_round(bays: Bays, path: Int, active: Int, rise: Float, free: Free, shares: Shares) -> Int:
    """Raise the active rows by one step each, in their order, where there is room; returns those that had it."""
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    node, phase, kw_per_a, least_step_a = bays.node, bays.phase, bays.kw_per_a, bays.current_step_a
    want_kw, step_kw, order_kw, reason = shares.want_kw, shares.step_kw, shares.order_kw, shares.reason
    up, down = free.up, free.down
    still = np.ones(len(active), dtype=np.bool_)
    nothing = np.zeros_like(rise)
    for i in range(len(active)):
        row = active[i]
        continuous = least_step_a[row] <= 0.0
        rise_kw = min(step_kw[row], want_kw[row] - order_kw[row]) if continuous else step_kw[row]
        room, at = room_kw(path, node[row], phase[row], kw_per_a[row], up)
        if rise_kw > room + SLACK_KW:
            reason[row] = at
            still[i] = False
            take(path, node[row], phase[row], (step_kw[row], step_kw[row] / kw_per_a[row]), rise, nothing)
            rise_kw = room if continuous else 0.0
        order_kw[row] += rise_kw
        take(path, node[row], phase[row], (rise_kw, rise_kw / kw_per_a[row]), up, down)
    return active[still]


@compiled
def _raise(bays: Bays, path: Int, active: Int, free: Free, shares: Shares) -> None:
    """Raise the rows `active` together, round by round, until a limit or what each wants stops it."""
    node, phase, kw_per_a, step_kw = bays.node, bays.phase, bays.kw_per_a, shares.step_kw
    order_kw, up, down = shares.order_kw, free.up, free.down
    rise, nothing = np.zeros_like(up), np.zeros_like(up)
    for row in active:
        take(path, node[row], phase[row], (step_kw[row], step_kw[row] / kw_per_a[row]), nothing, rise)
    while True:
        active = _without_finished(bays, path, active, rise, shares)
        if len(active) == 0:
            return
        rounds = _common_rounds(active, shares, rise, up)
        if rounds > 0.0:
            for row in active:
                order_kw[row] += rounds * step_kw[row]
            up -= rounds * rise
            down += rounds * rise
        else:
            active = _one_round(bays, path, active, rise, free, shares)


@compiled
def share_equally(bays: Bays, wires: Wires, target_kw: Float, rank: Int) -> tuple[Float, Int]:
    """Raise all rows together until a limit, their target or their rating stops them (max-min fairness in current steps).

    Each row first gets the least current its pile can be set to, then all rise round by round by one current step
    (one hundredth of the rating where the current is continuous). Cars believed done share what is left over after that.
    """
    n = len(target_kw)
    step_kw = np.where(bays.current_step_a <= 0.0, bays.charge_max_kw / 100.0, bays.current_step_a * bays.kw_per_a)
    shares = Shares(np.minimum(target_kw, bays.charge_max_kw), step_kw, np.zeros(n), np.full(n, EMPTY), np.zeros(n, dtype=np.bool_))
    free = free_room(wires)
    for done in (False, True):
        rows = rank[(bays.need_kwh[rank] <= 0.0) == done]
        _start_equal(bays, wires.path, rows, free, shares)
        _raise(bays, wires.path, rows[shares.order_kw[rows] > 0.0], free, shares)
    return np.where(shares.order_kw > CRUMB_KW, shares.order_kw, 0.0), shares.reason
