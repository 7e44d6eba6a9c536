"""Health of a pack from its frames: capacity, energy, resistance, its cells, insulation; what the data cannot tell, and why.

    state = fresh(pack)
    state = step(state, flagged)   # frames that `quality.flag` has seen, in chunks of any size
    health = report(state)

The capacity of a pack is that of its weakest cell between the voltages at rest of `capacity_curves.WINDOW_V`: what it holds once its cells
are balanced. What imbalance keeps from use is told beside it, as the room that each cell has left (`cell_charge_spread_ah`).
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose import segment_places as at
from evloom.diagnose.capacity import Filter
from evloom.diagnose.capacity_doubt import STRANGE, gauge
from evloom.diagnose.health_events import Seen, after_charge, after_rest, pack_interval, weigh_open
from evloom.diagnose.health_sums import energy_soh
from evloom.diagnose.insulation import insulation
from evloom.diagnose.resistance import cell_ohm, resistance_soh
from evloom.diagnose.segment import Coverage, coverage
from evloom.diagnose.segment_kernel import CHARGED, RESTED, run
from evloom.diagnose.segment_sums import Sums, columns_of, copied, fresh_sums
from evloom.diagnose.spread import SIZE, SPREAD, capacity_share, fresh_cells, room_ah, self_discharge_a, weakest
from evloom.diagnose.window import Interval, Window
from evloom.kernel.timegrid import Float
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames, Pack

MOST_DOUBT = 0.15
"""An interval p10..p90 that is wider than this share of its middle is no answer."""
MOST_SOH = 1.12
"""No pack holds more of its rated capacity than this; then the rated capacity, the current sensor or every curve is wrong."""
EDGE, EDGE_MASS = 4, 0.05
"""Belief in the outermost capacities of the grid that shows that the right one may lie outside."""
LEAST_CELL_KNOWLEDGE = 0.8
"""Doubt of the cells' capacities, in multiples of what it was at first, under which they are told."""


@dataclass(frozen=True)
class Health:
    """What is known of a pack; None and NaN where it is not.

    missing              keys of `health_text.TEXTS`
    windows              charge windows, the oldest first; trend  (instant, capacity in Ah) after each that told something
    weakest_cell         None where no cell stands out
    cell_resistance_ohm  (n_cell,) at 25 degC and half charge; cell_capacity_share (n_cell,) in multiples of the median cell
    cell_charge_spread_ah (n_cell,) charge that a cell could still take when the median cell is full
    self_discharge_a    (n_cell,) what a cell loses more than the median cell; insulation_per_month the factor of a month
    """

    capacity_ah: Interval | None
    soh: Interval | None
    energy_soh: Interval | None
    resistance_soh: Interval | None
    missing: tuple[str, ...]
    windows: tuple[Window, ...]
    trend: tuple[tuple[float, Interval], ...]
    weakest_cell: int | None
    cell_resistance_ohm: Float
    cell_capacity_share: Float
    cell_charge_spread_ah: Float
    self_discharge_a: Float
    insulation_ohm: Interval | None
    insulation_per_month: Interval | None
    coverage: Coverage


@dataclass(frozen=True)
class State:
    """Everything that is remembered of a pack."""

    pack: Pack
    sums: Sums
    seen: Seen


def fresh(pack: Pack, without: str = "") -> State:
    """The state before the first frame of a pack. without: electrodes whose curves are not to be known, for trials (`capacity_curves`)."""
    kind = pack.chemistry if pack.chemistry in BY_NAME else ""
    return State(pack, fresh_sums(pack), Seen(Filter(kind, without=without), fresh_cells(pack.n_cell)))


def step(state: State, frames: Frames, n_more: int = 0) -> State:
    """Take in flagged frames in the order of their arrival. A pack that comes back with another number of cells begins anew.

    n_more: frames that `quality.thinned` left out; they are counted.
    """
    if (frames.pack.n_cell, frames.pack.n_probe) != (state.pack.n_cell, state.pack.n_probe):
        state = fresh(frames.pack)
    sums = copied(state.sums)
    sums.scalar[at.N_FRAME] += n_more
    seen = state.seen
    columns, row = columns_of(frames), 0
    while row < frames.n:
        row, why = run(columns, sums, row)
        if why == RESTED:
            seen = after_rest(sums, seen)
        elif why == CHARGED:
            seen = after_charge(state.pack, sums, seen)
    return replace(state, sums=sums, seen=seen)


def report(state: State) -> Health:
    """What is known by now. A charge that is going on is looked at as far as it has come."""
    pack, sums = state.pack, state.sums
    seen = weigh_open(pack, sums, state.seen)
    holds = pack_interval(sums, seen)
    missing = _missing(state, seen, holds)
    if "no-fit" in missing or "too-uncertain" in missing:
        holds = None
    rated = pack.capacity_ah if np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0 else None
    soh = holds.times(1.0 / rated) if holds is not None and rated is not None else None
    scale_ah = holds.p50 if holds is not None else float(sums.scalar[at.SCALE_AH])
    ground = insulation(sums)
    cells_known = _cells_are_known(seen)
    return Health(
        capacity_ah=holds,
        soh=soh,
        energy_soh=energy_soh(seen.filter, soh),
        resistance_soh=resistance_soh(sums),
        missing=missing,
        windows=seen.windows,
        trend=seen.trend if "no-fit" not in missing else (),
        weakest_cell=weakest(seen.cells)[2] if cells_known and pack.n_cell > 1 else None,
        cell_resistance_ohm=cell_ohm(sums),
        cell_capacity_share=capacity_share(seen.cells) if cells_known else np.full(pack.n_cell, np.nan),
        cell_charge_spread_ah=room_ah(seen.cells, scale_ah),
        self_discharge_a=self_discharge_a(seen.cells, scale_ah),
        insulation_ohm=ground.ohm if ground is not None else None,
        insulation_per_month=ground.per_month if ground is not None else None,
        coverage=coverage(sums.scalar, sums.hours),
    )


def _cells_are_known(seen: Seen) -> bool:
    return bool(np.isfinite(seen.cells.seen_s) and np.sqrt(seen.cells.doubt[SIZE, SIZE]) < LEAST_CELL_KNOWLEDGE * SPREAD[SIZE])


def _fits(pack: Pack, seen: Seen, holds: Interval) -> bool:
    """Whether the capacity lies within the grid and below what a pack can hold; else the number would be that of the grid's end."""
    if seen.filter.belief is not None and not (seen.filter.settled_strain > STRANGE and gauge(seen.windows) is not None):
        log_p = seen.filter.belief.log_p
        chance = np.exp(log_p - log_p.max()).sum(axis=0)
        if chance[:EDGE].sum() + chance[-EDGE:].sum() > EDGE_MASS * chance.sum():
            return False
    return not (np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0 and holds.p50 > MOST_SOH * pack.capacity_ah)


def _missing(state: State, seen: Seen, holds: Interval | None) -> tuple[str, ...]:
    """Keys of what cannot be told."""
    pack, sums = state.pack, state.sums
    keys = []
    if sums.scalar[at.N_FRAME] == 0.0:
        keys.append("no-frames")
    if pack.n_cell == 0:
        keys.append("no-cells")
    if holds is None:
        keys.append("flat-curve" if seen.filter.kind == "LFP" else "charge-span" if seen.filter.kind else "chemistry")
    elif not _fits(pack, seen, holds):
        keys.append("no-fit")
    elif holds.p90 - holds.p10 > MOST_DOUBT * holds.p50:
        keys.append("too-uncertain")
    if not (np.isfinite(pack.capacity_ah) and pack.capacity_ah > 0.0):
        keys.append("rated-capacity")
    if not np.isfinite(cell_ohm(sums)).any():
        keys.append("resistance")
    if resistance_soh(sums) is None:
        keys.append("resistance-new")
    if pack.n_series:
        keys.append("mean-cell")
    elif not _cells_are_known(seen):
        keys.append("cell-capacity")
    if not pack.n_series and not np.isfinite(self_discharge_a(seen.cells, 1.0)).any():
        keys.append("self-discharge")
    if insulation(sums) is None:
        keys.append("insulation")
    if not np.isfinite(sums.scalar[at.TEMP_C]):
        keys.append("temperature")
    if sums.scalar[at.OFF_N] < 1.0:
        keys.append("current-offset")
    return tuple(keys)


__all__ = ["Coverage", "Health", "Interval", "State", "Window", "fresh", "report", "step"]
