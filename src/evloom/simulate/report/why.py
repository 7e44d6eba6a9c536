"""Why a session got what it got: the reasons of the loop, set beside what the car then really did."""

import numpy as np

from evloom.dispatch.reason import (
    BAY,
    DIAGNOSED,
    DONE,
    EMPTY,
    FALLBACK,
    FULL,
    HELD,
    MINIMUM,
    OFFLINE,
    PLAN,
    STEP,
    STRAYED,
    UNTRIED,
)  # fmt: skip
from evloom.kernel.timegrid import Float, Int
from evloom.simulate.run import PolicyRun
from evloom.simulate.scores import SHORT_KWH
from evloom.simulate.stage import Stage

GIVES = -101  # the car feeds the building or the grid
PART = -102  # the plan gives some power now and the rest at another time
SATED = -103  # the policy believes that the car needs no more, but it does
BRIEF = -104  # full power for the whole stay would not have been enough
SHARED = -105  # the car left when it was expected to, and the plan had put its energy late or behind that of others

LOSSES = (PLAN, PART, MINIMUM, STEP, BAY, FALLBACK, OFFLINE, STRAYED, UNTRIED, HELD, DIAGNOSED, GIVES, SATED)
"""Reasons for which a car gets less than it could take; a node of the limit tree (>= 0) is another."""

CODES = (
    FULL,
    EMPTY,
    DONE,
    PLAN,
    MINIMUM,
    STEP,
    BAY,
    FALLBACK,
    OFFLINE,
    STRAYED,
    UNTRIED,
    HELD,
    DIAGNOSED,
    GIVES,
    PART,
    SATED,
    BRIEF,
    SHARED,
)
"""Every number that the report puts into words, apart from rows of the limit tree."""

IDLE_KWH = 1e-6  # less than this in a step is no charging
EARLY_S = 60.0  # leaving less than this before the expected time is leaving on time
FULL_SHARE = 0.97  # of the most a car can draw, above which a rounded current is called full power


def cells(run: PolicyRun) -> tuple[Int, Int]:
    """Session and step of every cell of the track, both (n_cell,)."""
    track = run.track
    length = np.diff(track.offset)
    session = np.repeat(np.arange(len(length)), length)
    return session, np.arange(track.offset[-1]) - track.offset[session] + track.first[session]


def power_kw(stage: Stage, run: PolicyRun) -> Float:
    """Mean power of every cell over the part of the step in which the car was there, (n_cell,); positive = charging."""
    session, step = cells(run)
    start_s = stage.grid.start_s + step * stage.grid.step_s
    from_s = np.maximum(start_s, stage.cars.arrival_s[session])
    until_s = np.minimum(start_s + stage.grid.step_s, stage.cars.departure_s[session])
    mean_kw: Float = run.track.flow_kwh * 3600.0 / np.maximum(until_s - from_s, 1.0)
    return mean_kw


def shown_reason(stage: Stage, run: PolicyRun) -> Int:
    """The reason of every cell (n_cell,) as the report tells it: a row of the limit tree, or one of CODES.

    A rule policy goes on offering power to a car that is full, and says so; what counts here is that the car takes none.
    """
    track = run.track
    session, _ = cells(run)
    flow_kwh = track.flow_kwh
    so_far_kwh = np.concatenate(([0.0], np.cumsum(flow_kwh)))
    before_kwh = so_far_kwh[:-1] - so_far_kwh[track.offset[session]]
    satisfied = before_kwh >= stage.cars.energy_kwh[session] - SHORT_KWH
    idle = np.abs(flow_kwh) <= IDLE_KWH
    reason = track.reason.copy()
    nearly_full = power_kw(stage, run) >= FULL_SHARE * stage.cars.draw_max_kw[session]
    reason[(reason == STEP) & nearly_full] = FULL
    reason[(reason == PLAN) & (flow_kwh > IDLE_KWH)] = PART
    reason[(reason == DONE) & idle & ~satisfied] = SATED
    reason[idle & (satisfied | (reason == FULL) | (reason == STEP))] = DONE
    reason[flow_kwh < -IDLE_KWH] = GIVES
    return reason


def cause(stage: Stage, run: PolicyRun, row: int, reason: Int) -> int:
    """Why session `row` left with less than it wanted: what held it back most often, else BRIEF.

    reason (n_cell,) as from `shown_reason`. A plan that waits while the car leaves when it was expected to did not
    count on a longer stay: SHARED.
    """
    track = run.track
    seen = reason[track.offset[row] : track.offset[row + 1]]
    held = seen[(seen >= 0) | np.isin(seen, LOSSES)]
    if len(held) == 0:
        return BRIEF
    values, counts = np.unique(held, return_counts=True)
    most = int(values[np.argmax(counts)])
    return SHARED if most in (PLAN, PART) and not _left_early(stage, row) else most


def _left_early(stage: Stage, row: int) -> bool:
    """Whether the car left before the system expected, by what was told and by how like stays went (their median)."""
    expected_s = float(stage.beliefs.departure_s[row])
    like_s = stage.likely[row].departure_s
    if len(like_s):
        expected_s = max(expected_s, float(np.median(like_s)))
    return bool(stage.cars.departure_s[row] < expected_s - EARLY_S)


def session_cost(stage: Stage, run: PolicyRun) -> Float:
    """Energy of every session at the price of its step, (n_session,) in the currency of the tariff; no fees, no demand charge."""
    session, step = cells(run)
    paid = run.track.flow_kwh * stage.price_per_kwh[step]
    return np.bincount(session, weights=paid, minlength=len(stage.session)).astype(np.float64)
