"""Compiled kernels that let a fleet follow a signal, sample by sample; `regulation.py` says the rule and its proof.

A *member* of the pool has a set-point for the hour and a reach on both sides of it, in kW. Reach is what can be held until the end of
the hour and of the full activation after it without leaving the window of levels that the driver's promise allows.
"""

from typing import NamedTuple

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int


class Pack(NamedTuple):
    """The fleet, columns (n_stay,). first, last: the vehicle is there in the samples first <= k < last.

    Levels are energy in the cells: at arrival, when it is to leave, least and most. Powers are at the meter, unsigned.
    """

    first: Int
    last: Int
    arrival_kwh: Float
    wanted_kwh: Float
    floor_kwh: Float
    full_kwh: Float
    charge_max_kw: Float
    discharge_max_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float


class Clock(NamedTuple):
    """Lengths in samples, and the length of a sample in hours."""

    sample_h: float
    per_hour: int
    lead: int
    sustain: int
    recovery: int
    bid_share: float
    bid_step_kw: float


class State(NamedTuple):
    """What changes: columns (n_stay,) for this hour and, prefixed with next_, for the hour that is already decided.

    kind         0 by itself, 1 member of the pool
    set_kw       set-point; up_kw, down_kw: reach above and below it
    level_kwh    energy in the cells; end_kwh (NaN while there): at departure
    """

    level_kwh: Float
    end_kwh: Float
    kind: Int
    set_kw: Float
    up_kw: Float
    down_kw: Float
    next_kind: Int
    next_set_kw: Float


class Out(NamedTuple):
    """Columns (n_sample,) in kW, positive = import, and bid_kw (n_hour,): reserve held in each hour."""

    set_point_kw: Float
    ordered_kw: Float
    delivered_kw: Float
    alone_kw: Float
    n_member: Int
    bid_kw: Float


@compiled
def _stored_kw(p: Pack, i: int, power_kw: float) -> float:
    """What a power at the meter brings to the cells, per hour."""
    return float(power_kw * p.charge_efficiency[i] if power_kw > 0.0 else power_kw / p.discharge_efficiency[i])


@compiled
def _meter_kw(p: Pack, i: int, stored_kw: float) -> float:
    """The power at the meter that brings so much to the cells, within the ratings."""
    power_kw = stored_kw / p.charge_efficiency[i] if stored_kw > 0.0 else stored_kw * p.discharge_efficiency[i]
    return float(min(max(power_kw, -p.discharge_max_kw[i]), p.charge_max_kw[i]))


@compiled
def _window_kwh(p: Pack, i: int, left_h: float) -> tuple[float, float]:
    """Least and most level from which what is wanted at departure can still be met exactly, left_h hours before it."""
    least = p.wanted_kwh[i] - p.charge_max_kw[i] * p.charge_efficiency[i] * left_h
    most = p.wanted_kwh[i] + p.discharge_max_kw[i] / p.discharge_efficiency[i] * left_h
    return float(max(least, p.floor_kwh[i])), float(max(min(most, p.full_kwh[i]), p.floor_kwh[i]))


@compiled
def _range_kw(p: Pack, i: int, k_end: int, levels: tuple[float, float, float], sample_h: float) -> tuple[float, float]:
    """Least and most constant power that ends in the window of sample k_end; levels: lowest and highest now, and the hours to k_end."""
    low_kwh, high_kwh, span_h = levels
    least_kwh, most_kwh = _window_kwh(p, i, (p.last[i] - k_end) * sample_h)
    return _meter_kw(p, i, (least_kwh - low_kwh) / span_h), _meter_kw(p, i, (most_kwh - high_kwh) / span_h)


@compiled
def _planned_kwh(p: Pack, i: int, k: int) -> float:
    """Level planned at sample k: on the straight line from arrival to departure."""
    share = (k - p.first[i]) / max(p.last[i] - p.first[i], 1)
    return float(p.arrival_kwh[i] + min(max(share, 0.0), 1.0) * (p.wanted_kwh[i] - p.arrival_kwh[i]))


@compiled
def _weigh(p: Pack, s: State, clock: Clock, k: int, k_end: int) -> tuple[float, float]:
    """Reach of every member at sample k, up to k_end; the sums on both sides."""
    up, down = 0.0, 0.0
    for i in range(len(s.kind)):
        if s.kind[i] == 0:
            continue
        level = s.level_kwh[i]
        least_kw, most_kw = _range_kw(p, i, k_end, (level, level, (k_end - k) * clock.sample_h), clock.sample_h)
        s.up_kw[i] = max(most_kw - s.set_kw[i], 0.0)
        s.down_kw[i] = max(s.set_kw[i] - least_kw, 0.0)
        up += s.up_kw[i]
        down += s.down_kw[i]
    return up, down


@compiled
def _alone_kw(p: Pack, s: State, i: int, left_h: float) -> float:
    """Straight to what is wanted at departure, left_h hours from now."""
    return _meter_kw(p, i, (p.wanted_kwh[i] - s.level_kwh[i]) / left_h)


@compiled
def _levels_after(p: Pack, s: State, i: int, shares: tuple[float, float], hours: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest level of a vehicle after a span, if at most these shares of its reach are called down and up.

    hours: the span, and what is left to departure.
    """
    span_h, left_h = hours
    if s.kind[i] == 0:
        level = s.level_kwh[i] + span_h * _stored_kw(p, i, _alone_kw(p, s, i, left_h))
        return level, level
    set_kw = s.set_kw[i]
    low = s.level_kwh[i] + span_h * _stored_kw(p, i, set_kw - shares[0] * s.down_kw[i])
    return low, s.level_kwh[i] + span_h * _stored_kw(p, i, set_kw + shares[1] * s.up_kw[i])


@compiled
def _decide(p: Pack, s: State, clock: Clock, k: int, k_start: int, shares: tuple[float, float]) -> float:
    """Members, set-points and reserve of the hour that starts at sample k_start, with what is known at sample k; the reserve in kW."""
    k_end = k_start + clock.per_hour + clock.sustain
    span_h = (k_end - k_start) * clock.sample_h
    up, down = 0.0, 0.0
    for i in range(len(s.kind)):
        s.next_kind[i] = 0
        if p.first[i] > k or p.last[i] < k_end:
            continue
        hours = ((k_start - k) * clock.sample_h, (p.last[i] - k) * clock.sample_h)
        low, high = _levels_after(p, s, i, shares, hours)
        least_kw, most_kw = _range_kw(p, i, k_end, (low, high, span_h), clock.sample_h)
        if least_kw > most_kw:
            continue
        aim = min(k_start + clock.recovery, p.last[i])
        wish_kw = _meter_kw(p, i, (_planned_kwh(p, i, aim) - (low + high) / 2) / ((aim - k_start) * clock.sample_h))
        s.next_kind[i] = 1
        s.next_set_kw[i] = min(max(wish_kw, least_kw), most_kw)
        up += most_kw - s.next_set_kw[i]
        down += s.next_set_kw[i] - least_kw
    bid_kw = clock.bid_share * min(up, down)
    return np.floor(bid_kw / clock.bid_step_kw) * clock.bid_step_kw if clock.bid_step_kw > 0.0 else bid_kw


@compiled
def _begin_hour(s: State) -> None:
    """What was decided becomes so."""
    for i in range(len(s.kind)):
        s.kind[i] = s.next_kind[i]
        if s.kind[i] == 1:
            s.set_kw[i] = s.next_set_kw[i]


@compiled
def _move(p: Pack, s: State, clock: Clock, k: int, pull: tuple[float, float]) -> tuple[float, float, float, int]:
    """One sample: (set-point, delivered, power of those by themselves, members). pull: share of the reach called, up and down."""
    set_point, delivered, alone, n_member = 0.0, 0.0, 0.0, 0
    for i in range(len(s.kind)):
        if k < p.first[i] or k >= p.last[i]:
            continue
        if s.kind[i] == 0:
            power_kw = _alone_kw(p, s, i, (p.last[i] - k) * clock.sample_h)
            s.set_kw[i] = power_kw
            alone += power_kw
        else:
            power_kw = s.set_kw[i] + pull[0] * s.up_kw[i] - pull[1] * s.down_kw[i]
            set_point += s.set_kw[i]
            delivered += power_kw
            n_member += 1
        s.level_kwh[i] += clock.sample_h * _stored_kw(p, i, power_kw)
        if k == p.last[i] - 1:
            s.end_kwh[i] = s.level_kwh[i]
    return set_point, delivered, alone, n_member


@compiled
def run(p: Pack, s: State, clock: Clock, activation: Float, out: Out) -> None:
    """Follow `activation` (n_sample,) in -1..1, positive = draw more; writes into `s` and `out`."""
    bid_kw, next_bid_kw, frozen = 0.0, 0.0, False
    up, down = 0.0, 0.0
    for k in range(len(activation)):
        hour = k // clock.per_hour
        k_end = (hour + 1) * clock.per_hour + clock.sustain
        if k == 0:
            next_bid_kw = _decide(p, s, clock, 0, 0, (0.0, 0.0))
        if k % clock.per_hour == 0:
            _begin_hour(s)
            bid_kw, frozen = next_bid_kw, False
            out.bid_kw[hour] = bid_kw
        if not frozen:
            up, down = _weigh(p, s, clock, k, k_end)
        if (k + clock.lead) % clock.per_hour == 0:
            # From here on the shares of the hour stay as they are, so that the levels at its end are known within bounds.
            shares = (min(bid_kw / down, 1.0) if down > 0.0 else 0.0, min(bid_kw / up, 1.0) if up > 0.0 else 0.0)
            next_bid_kw = _decide(p, s, clock, k, k + clock.lead, shares)
            frozen = True
        wish_kw = bid_kw * activation[k]
        pull_up = min(wish_kw / up, 1.0) if wish_kw > 0.0 and up > 0.0 else 0.0
        pull_down = min(-wish_kw / down, 1.0) if wish_kw < 0.0 and down > 0.0 else 0.0
        set_point, delivered, alone, n_member = _move(p, s, clock, k, (pull_up, pull_down))
        out.set_point_kw[k], out.ordered_kw[k], out.delivered_kw[k] = set_point, set_point + wish_kw, delivered
        out.alone_kw[k], out.n_member[k] = alone, n_member
