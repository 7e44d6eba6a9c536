"""Following a continuous plan with currents that can be set: what rounding takes from a vehicle it is owed, and gets back.

Rounding down loses what lies below 6 A and on average half a step above it, in every step anew. Here each vehicle's order is
rounded to the nearest current that can be set *together with what it is owed*, as a line is drawn with whole pixels (error
diffusion, Floyd and Steinberg 1976): so it is never owed more than half of what one step at its least current carries, as long as
limits leave room. What a limit takes is owed too. In the last step of a plan what is left is rounded up; the vehicle stops by itself.
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.allocate import SLACK_KW, allocate, free_room, room_kw, take
from evloom.dispatch.moment import Bays, Wires
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.pile.limit import quantise_down, quantise_up


class Ask(NamedTuple):
    """What a plan asks of the coming step, columns (n_evse,).

    plan_kw    power, positive = charge, for as long as the vehicle is there
    owed_kwh   what the plan has given it so far and the orders have not; negative: it is ahead
    hours      > 0 for which it is there in this step
    is_last    the plan has nothing for it after this step: now what is owed must be paid
    """

    plan_kw: Float
    owed_kwh: Float
    hours: Float
    is_last: Bool


@compiled
def _nearest_kw(wish_kw: float, is_last: bool, rating_kw: float, charger: tuple[float, float, float]) -> float:
    """The power nearest to the wish that can be set and is within the rating; at the last chance the next one above."""
    kw_per_a, least_a, step_a = charger
    most_kw = quantise_down(rating_kw, kw_per_a, least_a, step_a)
    down_kw = quantise_down(min(wish_kw, most_kw), kw_per_a, least_a, step_a)
    if wish_kw - down_kw <= SLACK_KW:
        return down_kw
    up_kw = min(quantise_up(wish_kw, kw_per_a, least_a, step_a), most_kw)
    return up_kw if is_last or wish_kw - down_kw >= (up_kw - down_kw) / 2.0 else down_kw


@compiled
def rounded_kw(bays: Bays, ask: Ask) -> Float:
    """Targets (kW, n_evse): each plan with what is owed, at the nearest current that can be set. Discharge stays as planned.

    A vehicle that the plan lets wait is not started for what it is owed, unless nothing comes after.
    """
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    plan_kw, owed_kwh, hours, is_last, rating_kw = ask.plan_kw, ask.owed_kwh, ask.hours, ask.is_last, bays.charge_max_kw
    kw_per_a, least_a, step_a, connected = bays.kw_per_a, bays.current_min_a, bays.current_step_a, bays.connected
    target_kw = np.zeros(len(plan_kw))
    for row in range(len(plan_kw)):
        if plan_kw[row] < 0.0:
            target_kw[row] = plan_kw[row]
        elif connected[row] and (plan_kw[row] > SLACK_KW or is_last[row]):
            wish_kw = plan_kw[row] + owed_kwh[row] / hours[row]
            target_kw[row] = _nearest_kw(wish_kw, is_last[row], rating_kw[row], (kw_per_a[row], least_a[row], step_a[row]))
    return target_kw


@compiled
def raised_kw(bays: Bays, wires: Wires, rank: Int, plan_kw: Float, order_kw: Float) -> Float:
    """Orders (n_evse,) that give what limits and rounding took from some vehicles to others that charge, in the order of `rank`.

    So the vehicles together draw what was planned for them, as far as there is room above the orders, and none of a scarce limit is
    wasted; what is given is taken back by the energy owed.
    """
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    node, phase, kw_per_a, rating_kw = bays.node, bays.phase, bays.kw_per_a, bays.charge_max_kw
    path, step_a, (up, down), left_kw, raised = wires.path, bays.current_step_a, free_room(wires), 0.0, order_kw.copy()
    for row in rank:
        left_kw += min(plan_kw[row], rating_kw[row]) - order_kw[row]
        take(path, node[row], phase[row], (order_kw[row], order_kw[row] / kw_per_a[row]), up, down)
    for row in rank:
        step_kw = max(step_a[row] * kw_per_a[row], 1e-3)
        if order_kw[row] > 0.0 and left_kw >= step_kw * (1.0 - 1e-9):
            room, _ = room_kw(path, node[row], phase[row], kw_per_a[row], up)
            more_kw = np.floor(min(left_kw, rating_kw[row] - order_kw[row], room) / step_kw + 1e-9) * step_kw
            if more_kw > 0.0:
                raised[row] += more_kw
                left_kw -= more_kw
                take(path, node[row], phase[row], (more_kw, more_kw / kw_per_a[row]), up, down)
    return raised


@compiled
def follow(bays: Bays, wires: Wires, ask: Ask, rank: Int) -> tuple[Float, Int]:
    """Orders (kW, n_evse) that follow the plan as nearly as currents and limits allow, and reasons as of `dispatch.reason`.

    Rows of `rank` are served in that order where limits bind. `verify` has nothing against these orders.
    """
    order_kw, reason = allocate(bays, wires, rounded_kw(bays, ask), rank)
    return raised_kw(bays, wires, rank, ask.plan_kw, order_kw), reason


def owed_after(ask: Ask, order_kw: Float) -> Float:
    """What is owed (n_evse,) once the step has passed under `order_kw` (what was drawn, where it is known to be less)."""
    owed_kwh: Float = np.where(ask.plan_kw >= 0.0, ask.owed_kwh + (ask.plan_kw - order_kw) * ask.hours, 0.0)
    return owed_kwh
