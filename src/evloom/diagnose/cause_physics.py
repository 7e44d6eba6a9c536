"""What physics says of a cause, whatever was learnt: a steady leak is a short, and a wire does not run a cell empty within minutes."""

from typing import NamedTuple

from evloom.diagnose import evidence_places as at
from evloom.diagnose.detect import Track, slopes
from evloom.diagnose.evidence import DayFeatures

Causes = tuple[tuple[str, float], ...]
LEAK_A = 0.03
"""One to three percent a month, as is usual, are 2 to 6 mA of a cell of 150 Ah; five times that is more than any but a very bad one."""
HARD_A, HARD_DAILY = 0.1, 0.01
"""Current, and share of the capacity a day, beyond which a leak need not grow evenly to be one: ten days of it empty a tenth of a cell."""
KEPT = 0.4
"""Share of its probability that "unknown" keeps beside a leak that nothing but a short explains."""
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
        if self.bled >= 0.1:
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
    share = dict(causes)
    taken = (1.0 - KEPT) * share.get("unknown", 0.0)
    if taken <= 0.0:
        return causes
    return _sorted({**share, "unknown": share["unknown"] - taken, "internal-short": share.get("internal-short", 0.0) + taken})


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


def _sorted(share: dict[str, float]) -> Causes:
    kept = {name: chance for name, chance in share.items() if chance > 0.0}
    total = sum(kept.values())
    return tuple((name, round(kept[name] / total, 4)) for name in sorted(kept, key=lambda name: (-kept[name], name)))
