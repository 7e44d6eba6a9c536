"""The rule policies: for each an order of precedence and a wanted power, from what is known at the moment.

One compiled function serves the loop, one cycle at a time, and the fast simulation, many cycles at a time.
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.allocate import allocate, share_equally
from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.reason import BAY, DONE, EMPTY, FULL
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int
from evloom.pile.limit import quantise_up

UNCONTROLLED, EQUAL_SHARE, QUEUE, EARLIEST_DEADLINE, LEAST_LAXITY, PRICE_QUEUE = range(6)

LATE_S = 1e12  # later than any instant, and still exact to a millisecond

RULES = {
    "uncontrolled": UNCONTROLLED,
    "equal-share": EQUAL_SHARE,
    "queue": QUEUE,
    "earliest-deadline": EARLIEST_DEADLINE,
    "least-laxity": LEAST_LAXITY,
    "price-queue": PRICE_QUEUE,
}


@compiled
def precedence(rule: int, bays: Bays, now_s: float) -> Int:
    """Connected rows in the order in which they are served; ties go to the lower row.

    Cars believed done come last, in the order of arrival: what is left over is theirs should they still want it.
    Least laxity first is Mok (1983), earliest deadline first Liu and Layland (1973), with the belief of departure and need.
    """
    rows = np.flatnonzero(bays.connected)
    key = bays.arrival_s[rows]
    if rule == EARLIEST_DEADLINE:
        key = bays.departure_s[rows]
    elif rule == LEAST_LAXITY:
        key = bays.departure_s[rows] - now_s - bays.need_kwh[rows] / np.maximum(bays.charge_max_kw[rows], 1e-6) * 3600.0
    for i in range(len(rows)):
        key[i] = LATE_S + bays.arrival_s[rows[i]] if bays.need_kwh[rows[i]] <= 0.0 else min(key[i], LATE_S)
    return rows[np.argsort(key, kind="mergesort")]


@compiled
def rested(need_kwh: float, discharge_max_kw: float) -> bool:
    """A car that has what it was promised and could discharge is left at rest: a rule has no use for more in its battery."""
    return need_kwh <= 0.0 and discharge_max_kw > 0.0


@compiled
def asked_kw(bays: Bays, rank: Int, now_s: float, step_h: float) -> Float:
    """Power (kW, n_evse) asked for the rows of `rank`: full, but in the last step of a car's need only as much as it still needs
    (rounded up to what can be set)."""
    # Columns by names of their own: reaching into the table for every row is several times slower.
    need_kwh, rating_kw, give_kw, departure_s = bays.need_kwh, bays.charge_max_kw, bays.discharge_max_kw, bays.departure_s
    kw_per_a, least_a, step_a = bays.kw_per_a, bays.current_min_a, bays.current_step_a
    asked = np.zeros(len(need_kwh))
    for row in rank:
        if need_kwh[row] > 0.0:
            hours = min(step_h, (departure_s[row] - now_s) / 3600.0)
            asked[row] = min(rating_kw[row], quantise_up(need_kwh[row] / hours, kw_per_a[row], least_a[row], step_a[row]))
        elif not rested(need_kwh[row], give_kw[row]):
            asked[row] = rating_kw[row]
    return asked


class Outlook(NamedTuple):
    """What the price queue knows of the steps ahead: room_kw (n_step,) site power that vehicles may take, price_per_kwh (n_step,),
    edges_s (n_step + 1,) epoch seconds, the first of them now."""

    room_kw: Float
    price_per_kwh: Float
    edges_s: Float


@compiled
def booked_kw(bays: Bays, rank: Int, outlook: Outlook) -> Float:
    """Queue order and price together: each car in turn books the cheapest steps of its stay that still have room.

    Returns the power booked for the first step, (n_evse,). A car believed done books nothing.
    """
    free_kw, edges_s, price_per_kwh = outlook.room_kw.copy(), outlook.edges_s, outlook.price_per_kwh
    last_s = 0.0
    for row in rank:
        last_s = max(last_s, bays.departure_s[row])
    n_step = min(len(price_per_kwh), int(np.searchsorted(edges_s, last_s)))  # after the last departure nobody books
    cheapest_first = np.argsort(price_per_kwh[:n_step], kind="mergesort")
    now_kw = np.zeros(len(bays.need_kwh))
    # Columns by names of their own: reaching into the table at every step is several times slower.
    need_kwh, departure_s, rating_kw = bays.need_kwh, bays.departure_s, bays.charge_max_kw
    least_kw = bays.current_min_a * bays.kw_per_a
    for row in rank:
        left_kwh = need_kwh[row]
        for step in cheapest_first:
            if left_kwh <= 0.0:
                break
            hours = (min(edges_s[step + 1], departure_s[row]) - edges_s[step]) / 3600.0
            if step == 0:
                hours = max(hours, min((edges_s[1] - edges_s[0]) / 3600.0, 1.0 / 60.0))
            power_kw = min(rating_kw[row], free_kw[step])
            if hours <= 0.0 or power_kw < least_kw[row] or power_kw <= 0.0:
                continue
            left_kwh -= power_kw * hours
            free_kw[step] -= power_kw
            if step == 0:
                now_kw[row] = power_kw
    return now_kw


@compiled
def unlimited(bays: Bays, wires: Wires, rank: Int) -> tuple[Float, Int]:
    """Full power for every row of `rank`, whatever the site's limits. A pile is no limit but a machine: the bays of one share its
    rating, which is the limit of the node they hang on, and where one charges at a time the first to come does."""
    # Columns by names of their own: reaching into the table for every row is several times slower.
    node, pile, alone, rating_kw = bays.node, bays.pile, bays.one_at_a_time, bays.charge_max_kw
    need_kwh, give_kw, import_max_kw = bays.need_kwh, bays.discharge_max_kw, wires.import_max_kw
    n = len(need_kwh)
    order_kw, given_kw = np.zeros(n), np.zeros(n)
    reason, n_bay = np.full(n, EMPTY), np.zeros(n, dtype=np.int64)
    for row in range(n):
        n_bay[pile[row]] += 1
    for row in rank:
        left_kw = import_max_kw[node[row]] - given_kw[pile[row]] if n_bay[pile[row]] > 1 else np.inf
        if rested(need_kwh[row], give_kw[row]):
            reason[row] = DONE
        elif left_kw <= 0.0 or (alone[row] and given_kw[pile[row]] > 0.0):
            reason[row] = BAY
        else:
            order_kw[row] = min(rating_kw[row], left_kw)
            reason[row] = FULL
            given_kw[pile[row]] += order_kw[row]
    return order_kw, reason


@compiled
def decide(rule: int, bays: Bays, wires: Wires, now_s: float, step_h: float, outlook: Outlook) -> tuple[Float, Int]:
    """Orders (kW, n_evse) and reasons (n_evse,) of a rule policy. The outlook matters to the price queue only."""
    rank = precedence(rule, bays, now_s)
    if rule == UNCONTROLLED:
        return unlimited(bays, wires, rank)
    target_kw = booked_kw(bays, rank, outlook) if rule == PRICE_QUEUE else asked_kw(bays, rank, now_s, step_h)
    if rule == EQUAL_SHARE:
        return share_equally(bays, wires, target_kw, rank)
    return allocate(bays, wires, target_kw, rank)
