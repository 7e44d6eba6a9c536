"""Which vehicles to sample faster, and when to wake a parked one, where the bytes of a day are limited.

What a further frame is worth falls with the number of frames there are already, so bytes go first to those of whom it is least
known and most is at stake: the suspect, then those whose cells drift, then all others evenly. A vehicle parked for long is woken,
since a cell that leaks shows it at rest. Rates are taken from a few steps that boxes know; nothing falls below the floor.
"""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float, Int

DAY_S = 86400.0
STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Intervals between frames that a box can be set to, and from slowest on what it falls to when bytes are short."""
WAKES_S = (1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)
WAKE_FRAMES = 3
"""Frames of one wake-up: the first ones of a box may be stale."""
INTEREST = (1.0, 2.0, 5.0, 8.0)
"""Weight of a vehicle at severity 0, half the limit of a watch, at `inspect`, at twice that; between them on straight lines."""
INTEREST_AT = (0.0, 0.35, 1.0, 2.0)


@dataclass(frozen=True)
class Need:
    """Of each vehicle, columns (n,): severity of its worst suspicion, hours it drives and charges on a day, bytes of a frame."""

    severity: Float
    active_h: Float
    frame_bytes: Float


@dataclass(frozen=True)
class Rates:
    """What each box is set to, columns (n,): interval of frames while in use, interval of wake-ups while parked (both s)."""

    interval_s: Float
    wake_s: Float


def spent_bytes(need: Need, rates: Rates) -> Float:
    """Bytes a day of each vehicle, (n,)."""
    in_use = need.active_h * 3600.0 / rates.interval_s
    parked = np.maximum(DAY_S - need.active_h * 3600.0, 0.0) / rates.wake_s * WAKE_FRAMES
    return np.asarray((in_use + parked) * need.frame_bytes)


def share_out(need: Need, budget_bytes: float) -> Rates:
    """The rates within `budget_bytes` a day for all. Everybody begins at the slowest; each step faster goes where it is worth most.

    A step is worth the vehicle's interest times the square root of the frames gained, by byte. Where even the slowest rates cost
    more than the budget, those are what is returned.
    """
    n = len(need.severity)
    interest = np.interp(need.severity, INTEREST_AT, INTEREST)
    place, wake = np.full(n, len(STEPS_S) - 1), np.full(n, len(WAKES_S) - 1)
    left = budget_bytes - float(spent_bytes(need, _rates(place, wake)).sum())
    while n and left > 0.0:
        gain, cost = _offers(need, interest, place, wake)
        worth = np.where((cost > 0.0) & (cost <= left), gain / np.maximum(cost, 1e-9), -1.0)
        best = int(np.argmax(worth))
        if worth.flat[best] <= 0.0:
            break
        row, which = best % n, best // n
        left -= float(cost[which, row])
        (place if which == 0 else wake)[row] -= 1
    return _rates(place, wake)


def _rates(place: Int, wake: Int) -> Rates:
    return Rates(np.array(STEPS_S)[place], np.array(WAKES_S)[wake])


def _offers(need: Need, interest: Float, place: Int, wake: Int) -> tuple[Float, Float]:
    """What one step faster in use, or one step more wake-ups, gains and costs, (2, n) each; nothing where there is no faster step."""
    now = _rates(place, wake)
    faster = _rates(np.maximum(place - 1, 0), wake), _rates(place, np.maximum(wake - 1, 0))
    in_use_s = need.active_h * 3600.0
    parked_s = np.maximum(DAY_S - in_use_s, 0.0)
    gains, costs = [], []
    for rates, each in ((faster[0], "use"), (faster[1], "wake")):
        before = in_use_s / now.interval_s if each == "use" else parked_s / now.wake_s
        after = in_use_s / rates.interval_s if each == "use" else parked_s / rates.wake_s
        weight = 1.0 if each == "use" else 3.0  # a wake-up tells of the cells at rest, where a leak shows
        gains.append(weight * interest * (np.sqrt(after) - np.sqrt(before)))
        costs.append(spent_bytes(need, rates) - spent_bytes(need, now))
    return np.array(gains), np.array(costs)


def wake_at_s(now_s: float, parked_since_s: float, wake_s: float) -> float:
    """When to wake a vehicle that has been parked since `parked_since_s` next: on its own beat, so that the fleet's wake-ups spread."""
    beats = np.floor(max(now_s - parked_since_s, 0.0) / wake_s) + 1.0
    return float(parked_since_s + beats * wake_s)
