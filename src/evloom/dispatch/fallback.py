"""What piles draw that nobody can reach: the room it takes is kept free before anybody else is given power.

A pile whose link is lost goes on by itself: it keeps the profile it was last sent, for as long as that was sent ahead, and then
its safe default current. A car that comes meanwhile gets the default at once. None of that can be changed from here, so it is
load that nobody steers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Wires
from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class Fallback:
    """What every pile was told to do when it hears nothing more.

    default_a    current per phase once the profile sent ahead has ended, and for a car that comes meanwhile; 0 = no charging.
                 One for all, or one for each EVSE
    hold_s       how long the profile last sent ahead is kept; infinity: until the link is back
    stale_s      a pile with a car of which nothing was read for longer than this counts as lost, even if nobody said so
    is_reserved  False: orders to lost piles are counted on as if they were obeyed; only to measure what that does
    """

    default_a: float | tuple[float, ...] = 6.0
    hold_s: float = np.inf
    stale_s: float = np.inf
    is_reserved: bool = True


DEFAULT = Fallback()


class Lost(NamedTuple):
    """The piles' side of EVSE without a link, columns (n_evse,); rows that have one are ignored.

    is_lost      no link
    since_s      epoch seconds when it was lost, at the latest
    node         row of the limit tree
    default_kw   most a car can draw under the default current; default_a (n_evse, 3) the same by phase
    high_kw      highest order (kW, positive = charge) that may be in force, at least 0; low_kw the lowest, at most 0
    kw_per_a, phase   of the car for which those orders were: kW per ampere on each phase in use, phase 0..2 or -1 for all
    """

    is_lost: Bool
    since_s: Float
    node: Int
    default_kw: Float
    default_a: Float
    high_kw: Float
    low_kw: Float
    kw_per_a: Float
    phase: Int


class Reserve(NamedTuple):
    """Most (high) and least (low, at most 0) that lost EVSE may draw at or below each node: (n_node, 4), kW and A on three phases."""

    high: Float
    low: Float


def default_of(kw_per_phase_a: float, n_phase: Int, phase: Int, rating_kw: Float, default_a: float | Float) -> tuple[Float, Float]:
    """Most power (n_evse,) and phase currents (n_evse, 3) under the default current.

    phase (n_evse,) is what a single-phase EVSE loads. At a three-phase one the next car may load any phase, so all three count.
    """
    default_kw = np.minimum(default_a * kw_per_phase_a * n_phase, rating_kw)
    on_phase = (n_phase[:, None] > 1) | (phase[:, None] == np.arange(3)) | (phase[:, None] < 0)
    return default_kw, default_kw[:, None] / (kw_per_phase_a * n_phase[:, None]) * on_phase


def reserve_of(lost: Lost, path: Int, at_s: float, hold_s: float) -> Reserve:
    """What lost EVSE may draw at `at_s`, summed up the tree; path (n_node, depth) as in `dispatch.moment.Wires`.

    The default counts from the first moment, beside what is held: the car may have been replaced by another.
    """
    rows = np.flatnonzero(lost.is_lost)
    held = at_s < lost.since_s[rows] + hold_s
    on_phase = (lost.phase[rows, None] < 0) | (lost.phase[rows, None] == np.arange(3))
    per_kw = np.hstack([np.ones((len(rows), 1)), on_phase / lost.kw_per_a[rows, None]])
    default = np.hstack([lost.default_kw[rows, None], lost.default_a[rows]])
    most = np.maximum(np.where(held, lost.high_kw[rows], 0.0)[:, None] * per_kw, default)
    least = np.where(held, lost.low_kw[rows], 0.0)[:, None] * per_kw
    return Reserve(summed(path, lost.node[rows], most), summed(path, lost.node[rows], least))


def reserve_ahead_kw(lost: Lost, path: Int, at_s: Float, hold_s: float, high_kw: Float | None = None) -> Float:
    """Most power that lost EVSE may draw at or below each node at the instants at_s (n,): (n_node, n).

    high_kw (n_lost, n) is the highest order that may be in force at each instant, by the plans that were sent; None: as it is now.
    """
    rows = np.flatnonzero(lost.is_lost)
    held = at_s < lost.since_s[rows, None] + hold_s
    high_kw = lost.high_kw[rows, None] if high_kw is None else high_kw
    most_kw = np.maximum(np.where(held, high_kw, 0.0), lost.default_kw[rows, None])
    return summed(path, lost.node[rows], most_kw)


def summed(path: Int, node: Int, values: Float) -> Float:
    """The sum of `values` (n_row, n) that hang on `node` (n_row,) at or below each node: (n_node, n)."""
    total = np.zeros((len(path) + 1, values.shape[1]))  # the last row takes up what fills short paths
    for level in range(path.shape[1]):
        np.add.at(total, path[node, level], values)
    return total[:-1]


def with_reserve(now: Wires, reserve: Reserve) -> Wires:
    """The wires with the reserve taken off the room in both directions.

    What lost piles may draw is base load for import. Export must not count on it, and what they may push back takes room there. A
    limit of a phase is one number for all phases and both directions, so that export is held a little lower where phases differ.
    """
    span = reserve.high - reserve.low
    most_a = span[:, 1:].max(axis=1)
    return now._replace(
        base_kw=now.base_kw + reserve.high[:, 0],
        export_max_kw=now.export_max_kw - span[:, 0],
        base_phase_a=now.base_phase_a + reserve.high[:, 1:] - 0.5 * most_a[:, None],
        phase_max_a=now.phase_max_a - 0.5 * most_a,
    )
