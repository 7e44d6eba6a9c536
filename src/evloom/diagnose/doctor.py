"""The battery doctor: frames of a pack in, changes of its warnings out; the same as a stream and as a batch.

    state = fresh(frames.pack)
    state, changes = step(state, frames)   # as often as frames come, in chunks of any size
    state, changes = finish(state)         # where a file ends: the day that is not over yet is looked at too

`step_flagged` is the same for frames that `quality.flag` and `thinned` have been over, by whoever needs the flags too. A look is taken when
the first frame of a new day (UTC) arrives, and at once where a cell leaves its pack within minutes.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose import quality
from evloom.diagnose.detect import Track, fresh_track, look
from evloom.diagnose.draft import Look, cell_finding, pack_finding, probe_finding
from evloom.diagnose.estimate import Memory, fresh_memory, learn
from evloom.diagnose.evidence import FIXED, DayFeatures, columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_block import Sums, fold
from evloom.diagnose.evidence_kernel import FAST, NEW_DAY, run
from evloom.diagnose.signature import PACK_KEYS, severity
from evloom.diagnose.warning import (
    WATCH_SHARE,
    Case,
    Finding,
    Warning,  # noqa: A004
    WarningChange,
    acknowledged,
    level_of,
    weigh,
)
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Frames, Pack

LEAST_BLOCKS = 0.02
READY_DAYS = 5
MOST_CELLS = 3
"""Cells of a pack with an open warning at a time: more than that is a matter of the pack."""
SECOND_SEVERITY, SECOND_SHARE = 1.5, 0.6
"""What a further cell must reach, by itself and as a share of the most severe one: a fault leaves traces in healthy cells too."""
BESIDE_SEVERITY = 1.5
"""How much more severe a cell beside a named one must be than that one to be a fault of its own, and not the other side of the same."""


@dataclass
class State:
    """Everything that is remembered of a pack. days: looked at so far."""

    pack: Pack
    carry: quality.Carry
    sums: Sums
    memory: Memory
    track: Track
    cases: dict[str, Case]
    days: int = 0


def fresh(pack: Pack) -> State:
    """The state before the first frame of a pack."""
    return State(
        pack,
        quality.fresh(pack.n_cell, pack.n_probe),
        fresh_sums(pack),
        fresh_memory(pack.n_cell),
        fresh_track(pack.n_cell, pack.n_probe),
        {},
    )


def step(state: State, frames: Frames) -> tuple[State, list[WarningChange]]:
    """Take in frames, in the order in which they arrived. A pack that comes back with another number of cells begins anew."""
    if not _is_same(state.pack, frames.pack):
        state = fresh(frames.pack)
    told, carry = quality.thinned(*quality.flag(frames, state.carry))
    return step_flagged(replace(state, carry=carry), told)


def step_flagged(state: State, flagged: Frames) -> tuple[State, list[WarningChange]]:
    """Take in frames whose flags are set and that tell something new; who sets them keeps the memory that `quality` needs."""
    changes: list[WarningChange] = []
    if not flagged.n:
        return state, changes
    state = _copied(state, state.carry) if _is_same(state.pack, flagged.pack) else fresh(flagged.pack)
    columns = columns_of(flagged)
    row = 0
    while row < flagged.n:
        row, why = run(columns, state.sums, row)
        if why == NEW_DAY:
            changes += _close_day(state, float(columns.at_s[row]))
        elif why == FAST:
            changes += _look_at_once(state)
    return state, changes


def _is_same(one: Pack, other: Pack) -> bool:
    return (one.n_cell, one.n_probe) == (other.n_cell, other.n_probe)


def finish(state: State) -> tuple[State, list[WarningChange]]:
    """Look at the day that is not over yet, as of its last frame. The day is closed by that."""
    state = _copied(state, state.carry)
    changes: list[WarningChange] = []
    if state.sums.scalar[at.DAY] < 0.0:
        return state, changes
    if state.sums.block[at.B_WEIGHT] > 0.0 and fold(state.sums):
        changes += _look_at_once(state)
    return state, changes + _close_day(state, float(state.sums.scalar[at.LAST_AT]))


def acknowledge(state: State, warning_id: str, at_s: float) -> tuple[State, list[WarningChange]]:
    """Somebody has taken notice of an open warning; nothing changes where it is not open."""
    state = _copied(state, state.carry)
    found = [case for case in state.cases.values() if case.warning is not None and case.warning.warning_id == warning_id]
    return state, [acknowledged(case, at_s) for case in found]


def open_warnings(state: State) -> list[Warning]:
    """The open warnings, the most urgent first."""
    warnings = [case for case in state.cases.values() if case.warning is not None]
    ordered = sorted(warnings, key=lambda case: (-level_of(case), -(case.warning.severity if case.warning else 0.0)))
    return [case.warning for case in ordered if case.warning is not None]


def _copied(state: State, carry: quality.Carry) -> State:
    """The same state in arrays of its own."""
    sums = Sums._make([*(part.copy() for part in state.sums[:-FIXED]), *state.sums[-FIXED:]])
    track = Track(**{name: array.copy() for name, array in vars(state.track).items()})
    cases = {key: replace(case, above=list(case.above), history=list(case.history)) for key, case in state.cases.items()}
    return replace(state, carry=carry, sums=sums, track=track, cases=cases)


def _close_day(state: State, at_s: float) -> list[WarningChange]:
    """Look at the day that is over, and begin the next."""
    features = read_day(state.sums, at_s)
    next_day(state.sums)
    if features.normal[0, 0] < LEAST_BLOCKS:
        return []
    changes = examine(state, features)
    state.sums.cell[at.C_K0 : at.C_K0 + 5] = state.memory.explained
    state.sums.scalar[at.READY] = float(state.days >= READY_DAYS)
    return changes


def examine(state: State, features: DayFeatures) -> list[WarningChange]:
    """Weigh the features of a day, in place; for those who keep features and not frames."""
    state.memory, estimate = learn(state.memory, features)
    scores = look(state.track, estimate, features)
    state.days += 1
    return _weigh_all(state, Look(state.pack, state.track, scores, features))


def _weigh_all(state: State, now: Look) -> list[WarningChange]:
    found = _findings(state, now)
    changes: list[WarningChange] = []
    for key, finding in found.items():
        changes += weigh(state.cases.setdefault(key, Case(key)), finding, now.features.at_s)
    state.cases = {key: case for key, case in state.cases.items() if case.warning is not None or case.history or max(case.above) > 0}
    return changes


def _findings(state: State, now: Look) -> dict[str, Finding]:
    """What is found of every part that is suspect or has an open warning."""
    severe = severity(now.scores, now.features.kind)
    found = {f"cell:{cell}": cell_finding(now, cell, float(severe.cell[cell])) for cell in cells_to_weigh(state, severe.cell)}
    for probe in range(len(severe.probe)):
        key = f"probe:{probe}"
        if (severe.probe[probe] >= WATCH_SHARE and severe.probe[probe] == severe.probe.max()) or _is_open(state, key):
            found[key] = probe_finding(now, probe, float(severe.probe[probe]))
    for place, name in enumerate(PACK_KEYS):
        key = f"pack:{name}"
        if severe.pack[place] >= WATCH_SHARE or _is_open(state, key):
            found[key] = pack_finding(now, place, float(severe.pack[place]))
    return found


def _is_open(state: State, key: str) -> bool:
    case = state.cases.get(key)
    return case is not None and (case.warning is not None or max(case.above) > 0)


def cells_to_weigh(state: State, severe: Float) -> list[int]:
    """Cells with an open warning, and those that may get one: the most severe, and others only where they speak for themselves."""
    named = {int(key.split(":")[1]) for key, case in state.cases.items() if key.startswith("cell:") and case.warning is not None}
    waiting = {int(key.split(":")[1]) for key, case in state.cases.items() if key.startswith("cell:") and max(case.above) > 0}
    top = float(severe.max(initial=0.0))
    least = max(WATCH_SHARE if not named else SECOND_SEVERITY, SECOND_SHARE * top)
    beside = [(cell, cell + side) for cell in named for side in (-1, 1) if 0 <= cell + side < len(severe)]
    near = {other for cell, other in beside if severe[other] < BESIDE_SEVERITY * severe[cell]}
    order = [int(cell) for cell in np.argsort(-severe, kind="stable")[:MOST_CELLS]]
    # The most severe one of all is not hidden by others that are only watched, however many they are.
    fresh_ones = [cell for cell in order if cell not in near and severe[cell] >= (WATCH_SHARE if cell == order[0] else least)]
    room = max(MOST_CELLS - len(named), 1)
    return sorted(named | set([cell for cell in fresh_ones if cell not in named][:room]) | (waiting - near if not named else set()))


def _look_at_once(state: State) -> list[WarningChange]:
    """A cell left the pack within minutes: warn of it without waiting for the day to end."""
    low = state.sums.cell[at.C_LOW]
    cell = int(np.argmin(low))
    drop_v = float(-low[cell])
    state.sums.cell[at.C_LOW] = 0.0
    features = read_day(state.sums, float(state.sums.scalar[at.LAST_AT]))
    # The cause is told from what the day has shown so far; what is remembered waits for its end.
    track = deepcopy(state.track)
    scores = look(track, learn(state.memory, features)[1], features)
    finding = cell_finding(Look(state.pack, track, scores, features), cell, 1.0 + drop_v / 0.2, drop_v)
    return weigh(state.cases.setdefault(f"cell:{cell}", Case(f"cell:{cell}")), finding, features.at_s, urgent=True)


__all__ = ["State", "acknowledge", "cells_to_weigh", "examine", "finish", "fresh", "open_warnings", "step", "step_flagged"]
