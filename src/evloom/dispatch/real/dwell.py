"""Steady orders: a charger that was switched stays so for a while, hardly differing orders are not sent, and none too often.

Contactors wear with every switch, some vehicles fall asleep or refuse when paused again and again, and piles keep every profile in
flash. Limits are stronger than all of this: what would break one is changed at once.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.real.keep import filled, kept, laxity_s
from evloom.dispatch.verify import verify
from evloom.kernel.timegrid import Bool, Float, Int

BURST = 3.0  # orders that may follow each other at once: plugged in, planned, corrected
LONG_AGO_S = -np.inf


@dataclass(frozen=True)
class Steady:
    """min_on_s, min_off_s: a charger stays switched on or off at least so long. deadband_kw: an order that changes by no more is not sent.
    orders_per_hour: what each pile is sent on average at most, in bursts of up to three; 0 for no limit. keep_s: a car that charges goes on
    before others that can wait longer than this, and power that one may not take goes to another (`real.keep`); 0: as planned. All off by
    default."""

    min_on_s: float = 0.0
    min_off_s: float = 0.0
    deadband_kw: float = 0.0
    orders_per_hour: float = 0.0
    keep_s: float = 0.0

    @property
    def is_off(self) -> bool:
        """Nothing is asked."""
        return self == AS_DECIDED


AS_DECIDED = Steady()


class Past(NamedTuple):
    """What is remembered of each EVSE, (n_evse,): its session, when it was last switched on or off, tokens left at at_s, its last order."""

    session_id: tuple[str, ...]
    switched_s: Float
    tokens: Float
    at_s: float
    power_kw: Float


class Scene(NamedTuple):
    """Where the orders are given: the moment (stationary batteries in the wires), the orders in force (kW, n_evse; NaN: not known, must be
    told anew), which cars have stopped by themselves (n_evse,), the session at each EVSE and the instant."""

    bays: Bays
    wires: Wires
    ordered_kw: Float
    done: Bool
    session_id: tuple[str, ...]
    now_s: float


def _recalled(past: Past | None, scene: Scene, steady: Steady) -> Past:
    """The past brought up to now: tokens grown, sessions that are new free to be switched. After a restart everything is free."""
    n = len(scene.ordered_kw)
    if past is None or len(past.session_id) != n:
        return Past(scene.session_id, np.full(n, LONG_AGO_S), np.full(n, BURST), scene.now_s, np.zeros(n))
    same = np.array([now == before for now, before in zip(scene.session_id, past.session_id, strict=True)], dtype=np.bool_)
    hours = max(scene.now_s - past.at_s, 0.0) / 3600.0
    grown = past.tokens + hours * steady.orders_per_hour if steady.orders_per_hour > 0.0 else np.full(n, BURST)
    by_itself = same & np.isfinite(scene.ordered_kw) & (np.sign(scene.ordered_kw) != np.sign(past.power_kw))  # by the plan it was sent
    switched_s = np.where(by_itself, scene.now_s, np.where(same, past.switched_s, LONG_AGO_S))
    return Past(scene.session_id, switched_s, np.minimum(grown, BURST), scene.now_s, past.power_kw)


def steadied(wanted_kw: Float, scene: Scene, past: Past | None, steady: Steady) -> tuple[Float, Past]:
    """The orders (kW, n_evse) that come nearest to `wanted_kw`, which holds every limit, without undue change; and what to remember.

    A charger that must stay on goes on at its least current. What is held or kept has the room first, the others get what is left
    of theirs; where not even the former fits, it is lowered at once. A direct-current charger is not switched by a current
    of 0 and has no times to hold. The first order of a session never waits.
    """
    memory = _recalled(past, scene, steady)
    bays, known = scene.bays, scene.bays.connected & np.isfinite(scene.ordered_kw)
    ordered_kw = np.where(known, scene.ordered_kw, 0.0)
    wanted_kw = _kept(wanted_kw, ordered_kw, scene, steady)
    may_change = _may_change(wanted_kw, ordered_kw, memory, (scene, steady))
    target_kw = np.where(may_change | ~known, wanted_kw, ordered_kw)
    target_kw, held = _held(target_kw, ordered_kw, memory, (scene, steady))
    near = (np.abs(target_kw - ordered_kw) <= steady.deadband_kw) & (np.sign(target_kw) == np.sign(ordered_kw)) & ~held
    target_kw = np.where(near & known, ordered_kw, target_kw)
    power_kw = _within(target_kw, wanted_kw, held | (target_kw == ordered_kw), scene)
    if steady.keep_s > 0.0:
        more_kw = filled(power_kw, wanted_kw, ordered_kw, bays, may_change & ~held, scene.now_s)
        power_kw = _within(more_kw, power_kw, power_kw >= more_kw, scene)
    switched = (np.sign(power_kw) != np.sign(ordered_kw)) & bays.connected
    sent = ((power_kw != ordered_kw) | ~known) & bays.connected
    switched_s = np.where(switched, scene.now_s, memory.switched_s)
    tokens = np.maximum(memory.tokens - sent, -BURST)
    return power_kw, memory._replace(switched_s=switched_s, tokens=tokens, power_kw=power_kw)


def ahead_steadied(ahead_kw: Float, edges_s: Float, power_kw: Float, frame: tuple[Scene, Past, Steady]) -> Float:
    """The plan (n_evse, n_step) that goes along with orders power_kw (n_evse,), without switches sooner than chargers bear them."""
    scene, past, steady = frame
    steady_kw, bays = ahead_kw.copy(), scene.bays
    steady_kw[:, 0] = power_kw
    if steady.min_on_s <= 0.0 and steady.min_off_s <= 0.0:
        return steady_kw
    switched_s, least_kw, on_ac = past.switched_s.copy(), _least_kw(bays), bays.current_min_a > 0.0
    for step in range(1, ahead_kw.shape[1]):
        before_kw, wanted_kw = steady_kw[:, step - 1], ahead_kw[:, step]
        differs = np.sign(before_kw) != np.sign(wanted_kw)
        young = edges_s[step] - switched_s < np.where(before_kw != 0.0, steady.min_on_s, steady.min_off_s)
        held_kw = np.sign(before_kw) * np.minimum(least_kw, np.abs(before_kw))
        steady_kw[:, step] = np.where(differs & young & on_ac, held_kw, wanted_kw)
        switched_s = np.where(np.sign(steady_kw[:, step]) != np.sign(before_kw), edges_s[step], switched_s)
    return steady_kw


def _least_kw(bays: Bays) -> Float:
    """The least power that each charger can be set to."""
    step_a = np.where(bays.current_step_a > 0.0, bays.current_step_a, 1e-9)
    least: Float = np.ceil(bays.current_min_a / step_a - 1e-6) * step_a * bays.kw_per_a
    return least


def _kept(wanted_kw: Float, ordered_kw: Float, scene: Scene, steady: Steady) -> Float:
    """The wanted orders with cars that charge going on, where that is asked and holds every limit."""
    if steady.keep_s <= 0.0:
        return wanted_kw
    kept_kw = kept(wanted_kw, ordered_kw, scene.bays, scene.now_s, steady.keep_s)
    return _within(kept_kw, wanted_kw, ordered_kw > 0.0, scene)


def _may_change(wanted_kw: Float, ordered_kw: Float, memory: Past, frame: tuple[Scene, Steady]) -> Bool:
    """Who has a token left, or gets the first order of its session, or has stopped by itself. A car that can hardly wait may be told
    a burst of orders more: that it is ready counts for more than a write."""
    scene, steady = frame
    is_first = (memory.switched_s == LONG_AGO_S) & (ordered_kw == 0.0)
    hurries = (laxity_s(scene.bays, scene.now_s) < steady.keep_s) & (wanted_kw > ordered_kw) & (memory.tokens >= 1.0 - BURST)
    stopped = scene.done & (wanted_kw <= 0.0)
    return np.asarray((memory.tokens >= 1.0) | is_first | stopped | (hurries & (steady.keep_s > 0.0)), dtype=np.bool_)


def _held(target_kw: Float, ordered_kw: Float, memory: Past, frame: tuple[Scene, Steady]) -> tuple[Float, Bool]:
    """The targets with every charger kept on or off that was switched too short a time ago, and which those are. Where that is asked
    of who charges (`keep_s`), no car rests so long that it is not ready in time."""
    scene, steady = frame
    bays, since_s = scene.bays, scene.now_s - memory.switched_s
    was_on = ordered_kw != 0.0
    rests_s = np.where(was_on, steady.min_on_s, steady.min_off_s) - since_s
    late = ~was_on & (bays.need_kwh > 0.0) & (laxity_s(bays, scene.now_s) < rests_s) & (steady.keep_s > 0.0)
    young = (rests_s > 0.0) & ~late
    differs = np.sign(target_kw) != np.sign(ordered_kw)
    held = bays.connected & np.isfinite(scene.ordered_kw) & young & differs & (bays.current_min_a > 0.0) & ~scene.done
    on_kw = np.sign(ordered_kw) * np.minimum(_least_kw(bays), np.abs(ordered_kw))
    return np.where(held, np.where(was_on, on_kw, 0.0), target_kw), np.asarray(held, dtype=np.bool_)


def _within(target_kw: Float, wanted_kw: Float, first: Bool, scene: Scene) -> Float:
    """The targets if they hold every limit; else as much of them as does, rows that are `first` before the others."""
    if not verify(scene.bays, scene.wires, target_kw):
        return target_kw
    trimmed_kw, _ = allocate(scene.bays, scene.wires, target_kw, _rank(first, scene))
    return wanted_kw if verify(scene.bays, scene.wires, trimmed_kw) else trimmed_kw


def _rank(first: Bool, scene: Scene) -> Int:
    """Connected rows: those that are first, each group by how long it can wait, ties by row."""
    waits_s, rows = laxity_s(scene.bays, scene.now_s), np.flatnonzero(scene.bays.connected)
    return rows[np.lexsort((waits_s[rows], ~first[rows]))]
