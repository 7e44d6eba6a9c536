"""Which vehicles to sample faster, and when to wake a parked one, where the bytes of a day are limited.

What tells of a leak is how cells move while the car is parked (`evidence_rest`): wake-ups spread over the rest, each of many readings,
since only their mean tells of parts of a millivolt. Frames in use say little more once there are some hundred a day. So everybody's
bytes go to wake-ups first, and the suspect get more of both, in proportion to how much is at stake. Rates are taken from a few steps
that boxes know; nothing falls below the floor.
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int

DAY_S = 86400.0
STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Intervals between frames that a box can be set to, and from slowest on what it falls to when bytes are short."""
WAKES = ((1800.0, 60), (1800.0, 30), (3600.0, 30), (3600.0, 12), (7200.0, 12), (7200.0, 6), (14400.0, 6), (28800.0, 3), (86400.0, 3))
"""Wake-ups while parked: seconds from one to the next, and frames of each, which come a second apart."""
INTEREST = (1.0, 3.0, 12.0, 16.0)
"""Weight of a vehicle at severity 0, half the limit of a watch, at `watch`, at `inspect`; between them on straight lines."""
INTEREST_AT = (0.0, 0.35, 0.65, 1.0)
USE_FRAMES = 200.0
"""So many frames in use on a day say half of what any number of them would say."""
SLOW_S, SLOW_LOSS = 60.0, 2.0
"""Further apart, frames in use show neither noise nor what a step of the current does: a wire, a contact."""
WAKE_HALF = 50.0
"""A wake-up of so many readings says half of what any number would: from there on converters and warmth wander by more."""
FIRST_READINGS = 4.0
FILL_STEPS = 10_000
"""So many steps are tried for the bytes that are left over."""


@dataclass(frozen=True)
class Need:
    """Of each vehicle, columns (n,): severity of its worst suspicion, hours it drives and charges on a day, bytes of a frame."""

    severity: Float
    active_h: Float
    frame_bytes: Float


@dataclass(frozen=True)
class Rates:
    """What each box is set to, columns (n,): interval of frames while in use, interval of wake-ups while parked (both s), and frames
    of each wake-up."""

    interval_s: Float
    wake_s: Float
    burst: Float


def fixed_rates(n: int, interval_s: float, wake_s: float = float("inf"), burst: float = 0.0) -> Rates:
    """The same rates for n vehicles. Without wake_s: silent while parked, as GB/T 32960 has it."""
    return Rates(np.full(n, interval_s), np.full(n, wake_s), np.full(n, burst))


def spent_bytes(need: Need, rates: Rates) -> Float:
    """Bytes a day of each vehicle, (n,)."""
    in_use, woken = _frames(need, rates)
    return np.asarray((in_use + woken * rates.burst) * need.frame_bytes)


def share_out(need: Need, budget_bytes: float) -> Rates:
    """The rates within `budget_bytes` a day for all. Everybody begins at the slowest; each step faster goes where it is worth most.

    A step is worth the vehicle's interest times what it adds to what is known, by byte; none is worth more than the one before it. Where
    even the slowest rates cost more than the budget, those are what is returned.
    """
    n = len(need.severity)
    interest = np.interp(need.severity, INTEREST_AT, INTEREST)
    slowest = _rates(np.full(n, len(STEPS_S) - 1), np.full(n, len(WAKES) - 1))
    ladders = [_ladder(need, slowest, wakes) for wakes in (False, True)]
    cost = np.concatenate([each[0] for each in ladders])
    worth = np.concatenate([np.minimum.accumulate(interest * gain / np.maximum(cost, 1e-9), axis=0) for cost, gain in ladders])
    order = np.argsort(-worth, axis=None, kind="stable")
    steps = _taken(cost, order, budget_bytes - float(spent_bytes(need, slowest).sum()))
    place = len(STEPS_S) - 1 - steps[: len(STEPS_S) - 1].sum(axis=0)
    return _rates(place, len(WAKES) - 1 - steps[len(STEPS_S) - 1 :].sum(axis=0))


def _taken(cost: Float, order: Int, left: float) -> Bool:
    """Which steps (n_step, n) are taken in this order while bytes are left: all until one is too dear, then those that still fit, of
    which none leaves out one before it."""
    in_order = cost.ravel()[order]
    first = int(np.searchsorted(np.cumsum(in_order), left, side="right")) if left > 0.0 else 0
    taken, n = np.zeros(cost.size, dtype=bool), cost.shape[1]
    taken[order[:first]] = True
    left -= float(in_order[:first].sum())
    least, ended = float(in_order.min(initial=np.inf)), set()
    for i in order[first : first + FILL_STEPS].tolist():
        if left < least:
            break
        ladder = (i // n >= len(STEPS_S) - 1, i % n)
        if ladder not in ended and cost.flat[i] <= left:
            taken[i] = True
            left -= float(cost.flat[i])
        else:
            ended.add(ladder)
    return taken.reshape(cost.shape)


def _ladder(need: Need, slowest: Rates, wakes: bool) -> tuple[Float, Float]:
    """What each step faster costs (bytes a day) and adds to what is known, (n_step, n) both, from the slowest on: of the wake-ups, or in
    use."""
    n = len(need.severity)
    if wakes:
        rungs = [replace(slowest, wake_s=np.full(n, wake_s), burst=np.full(n, float(burst))) for wake_s, burst in WAKES[::-1]]
    else:
        rungs = [replace(slowest, interval_s=np.full(n, interval_s)) for interval_s in STEPS_S[::-1]]
    cost, told = (np.array([of(need, rates) for rates in rungs]) for of in (spent_bytes, known))
    return np.diff(cost, axis=0), np.diff(told, axis=0)


def _rates(place: Int, wake: Int) -> Rates:
    wakes = np.array(WAKES)[wake]
    return Rates(np.array(STEPS_S)[place], wakes[..., 0], wakes[..., 1])


def _frames(need: Need, rates: Rates) -> tuple[Float, Float]:
    """Frames in use and wake-ups on a day, (n,) each."""
    in_use_s = need.active_h * 3600.0
    return in_use_s / rates.interval_s, np.maximum(DAY_S - in_use_s, 0.0) / rates.wake_s


def known(need: Need, rates: Rates) -> Float:
    """What a day tells of each vehicle, (n,): logarithms of how small a leak it shows, of what is read in use and of the rests."""
    in_use, woken = _frames(need, rates)
    readings = woken * rates.burst * WAKE_HALF / (rates.burst + WAKE_HALF)
    too_slow = SLOW_LOSS * np.log(np.maximum(rates.interval_s / SLOW_S, 1.0))
    return np.asarray(0.5 * np.log(FIRST_READINGS + readings) - 0.5 * np.log1p(USE_FRAMES / np.maximum(in_use, 1e-9)) - too_slow)


def wake_at_s(now_s: float, parked_since_s: float, wake_s: float) -> float:
    """When to wake a vehicle that has been parked since `parked_since_s` next: on its own beat, so that the fleet's wake-ups spread."""
    beats = np.floor(max(now_s - parked_since_s, 0.0) / wake_s) + 1.0
    return float(parked_since_s + beats * wake_s)
