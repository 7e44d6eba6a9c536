"""What physics says of a cause, whatever was learnt: a leak that grows is a short, one that stays even is self-discharge, capacity that is
gone is wear of the cell, and a wire does not run a cell empty within minutes."""

from typing import NamedTuple

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_course import SETTLED, course
from evloom.diagnose.detect import I_CHARGE, I_OWN, I_QUICK, I_SIZE, Track, slopes
from evloom.diagnose.evidence import DayFeatures
from evloom.diagnose.signature import limits_of

Causes = tuple[tuple[str, float], ...]
LEAK_A = 0.03
"""One to three percent a month, as is usual, are 2 to 6 mA of a cell of 150 Ah; five times that is more than any but a very bad one."""
HARD_A, HARD_DAILY = 0.1, 0.01
"""Current, and share of the capacity a day, beyond which a leak need not grow evenly to be one: ten days of it empty a tenth of a cell."""
KEPT = 0.4
"""Share of its probability that "unknown" keeps beside what a single kind explains."""
BLED = 0.1
"""Share of the other time in which cells are bled from which on nothing is said of what a cell has lost."""
LOST, DIVED, WHOLE = 0.04, 0.1, 0.5
"""Shares of the capacity lost beyond the pack: what is no matter of temperature or of reckoning; what within the weeks that a cell is
watched is a dive, since a pack takes years for it; and what cannot be the size of a cell that is still charged and discharged."""
WORN = 3.0
"""Share by which resistance changes over that of the capacity lost, at most, in a cell that ages: more is a contact or dry electrolyte."""
EVEN_LOST, EVEN_LINE, EVEN_LATE, EVEN_OHM = 15.0 * SETTLED, 0.6, 0.05, 0.15
"""Of a charge that falls evenly: how much of it is gone, how much of its course a line explains, by how much a line that begins later
may explain more, and the change of resistance of a cell in which nothing but charge is lost."""
TRACE_A, EVEN_GROWS = 0.001, 1.3
"""Least leak that is one, and the last days' over that of weeks at most where it stays what it was."""
BESIDE = 0.5
"""What a sensing wire is at most, as a share of the likeliest danger, where a cell has left its pack within minutes."""


class Leak(NamedTuple):
    """Current (A) that a cell has lost beyond its pack over the last 8, 12 and 24 days; share of the day's other time in which cells
    were bled though nothing was charged; capacity (Ah)."""

    late_a: float
    some_a: float
    long_a: float
    bled: float
    scale_ah: float = 0.0

    @property
    def is_short(self) -> bool:
        """Whether it is steady and grows, and nothing is bled: a step of the charge ends, and a stuck channel is reported."""
        least_a = min(self.late_a, self.some_a)
        if self.bled >= BLED:
            return False
        if least_a > max(HARD_A, HARD_DAILY * self.scale_ah / 24.0):
            return True
        return least_a > LEAK_A and self.long_a > 0.5 * LEAK_A and self.late_a > 0.9 * self.some_a > 0.8 * self.long_a


def leak_of(track: Track, features: DayFeatures, cell: int) -> Leak:
    """The leak of a cell; all zeros where its charge is not known on enough days."""
    if not 0 <= cell < track.ring.shape[2]:
        return Leak(0.0, 0.0, 0.0, 0.0)
    paces = [slopes(track, days)[:, cell] for days in (8, 12, 24)]
    late_a, some_a, long_a = (float(max(-pace.min(), 0.0) * features.scale_ah / 24.0) for pace in paces)
    day = features.day
    other_s = float(day[at.D_DRIVE_S] + day[at.D_REST_WEIGHT])
    bled_s = max(float(day[at.D_BLED_S] - day[at.D_CHARGE_S] - day[at.D_SHOULDER_WEIGHT]), 0.0)
    return Leak(late_a, some_a, long_a, bled_s / max(other_s, 600.0), features.scale_ah)


def by_leak(causes: Causes, leak: Leak) -> Causes:
    """A leak that is steady and grows takes from "unknown", and gives to a short."""
    if not leak.is_short:
        return causes
    return _given(causes, "internal-short")


class Loss(NamedTuple):
    """What a cell has lost beyond its pack since its first days, as shares: capacity, resistance gained, charge (the lesser loss with and
    without balancing). told: drift of its capacity over the limit of `inspect`; line, late: how much of its charge's course a line
    explains, and one that begins later."""

    capacity_share: float
    resistance_share: float
    charge_share: float
    told: float
    line: float
    late: float

    @property
    def is_worn(self) -> bool:
        """Whether its capacity is gone and explains the rest: resistance in step with it, less charge than that."""
        in_step = abs(self.resistance_share) <= WORN * self.capacity_share and self.charge_share < 0.5 * self.capacity_share
        return self.told >= 1.0 and LOST <= self.capacity_share <= WHOLE and in_step

    def is_even(self, leak: Leak) -> bool:
        """Whether charge alone is lost, evenly, at a leak that is small and stays so: a short's grows."""
        alone = abs(self.capacity_share) <= self.charge_share and abs(self.resistance_share) <= EVEN_OHM
        steady = TRACE_A <= leak.long_a < LEAK_A and leak.late_a <= EVEN_GROWS * leak.long_a
        return self.charge_share >= EVEN_LOST and alone and steady and self.line >= max(EVEN_LINE, self.late - EVEN_LATE)


def loss_of(track: Track, features: DayFeatures, cell: int) -> Loss:
    """The loss of a cell; all zeros for none."""
    if not 0 <= cell < track.now.shape[1]:
        return Loss(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    gone = track.now[:, cell] - track.first[:, cell]
    told = float(track.drift[I_SIZE, cell] / limits_of(features.kind).drift[I_SIZE])
    path = course(track, 1, cell)
    charge = -float(max(gone[I_CHARGE], gone[I_OWN]))
    return Loss(float(gone[I_SIZE]), float(gone[I_QUICK]), charge, told, path["line"], path["late line"])


def by_loss(causes: Causes, loss: Loss, leak: Leak) -> Causes:
    """Capacity that is gone takes from "unknown" for a cell that dives or is weak, charge alone for self-discharge. Not where the box
    bleeds cells, or a leak has spoken for a short."""
    if leak.bled >= BLED or leak.is_short:
        return causes
    if loss.is_worn:
        share = dict(causes)
        dives = loss.capacity_share >= DIVED and share.get("capacity-dive", 0.0) >= share.get("weak-cell", 0.0)
        return _given(causes, "capacity-dive" if dives else "weak-cell")
    return _given(causes, "self-discharge") if loss.is_even(leak) else causes


def by_fall(causes: Causes) -> Causes:
    """A cell left its pack within minutes: what is safe to drive on with does not lead."""
    share = dict(causes)
    top = max(share.get("internal-short", 0.0), share.get("unknown", 0.0))
    most = BESIDE * top if top > 0.0 else 0.0
    taken = share.get("sensing-wire", 0.0) - most
    if taken <= 0.0:
        return causes
    danger = "internal-short" if share.get("internal-short", 0.0) >= share.get("unknown", 0.0) and top > 0.0 else "unknown"
    return _sorted({**share, "sensing-wire": most, danger: share.get(danger, 0.0) + taken})


def _given(causes: Causes, name: str) -> Causes:
    """The causes, all but KEPT of "unknown" given to one of them."""
    share = dict(causes)
    taken = (1.0 - KEPT) * share.get("unknown", 0.0)
    if taken <= 0.0:
        return causes
    return _sorted({**share, "unknown": share["unknown"] - taken, name: share.get(name, 0.0) + taken})


def _sorted(share: dict[str, float]) -> Causes:
    kept = {name: chance for name, chance in share.items() if chance > 0.0}
    total = sum(kept.values())
    return tuple((name, round(kept[name] / total, 4)) for name in sorted(kept, key=lambda name: (-kept[name], name)))
