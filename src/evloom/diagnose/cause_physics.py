"""What physics says of a cause, whatever was learnt: a leak that grows is a short, one that stays even is self-discharge, capacity that is
gone is wear of the cell, and a wire does not run a cell empty within minutes."""

from typing import NamedTuple

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_course import SETTLED, course
from evloom.diagnose.detect import I_CHARGE, I_OWN, I_QUICK, I_SIZE, Track, slopes
from evloom.diagnose.detect_table import LIMITS
from evloom.diagnose.evidence import DayFeatures
from evloom.kernel.timegrid import Float

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
PLATING_SHARE, PLATING_LEAST = 0.3, 0.01
"""Shares of the time of charging that was cold (under 10 degC) or fast (over 0.35 C): with which a worn cell is rather plated, and below
which no lithium is plated."""
KNOWN_H = 5.0  # of charging: fewer say nothing
WEARS = ("weak-cell", "capacity-dive")
TRACE_A, EVEN_GROWS = 0.001, 1.3
"""Least leak that is one, and the last days' over that of weeks at most where it stays what it was."""
CONTACT_DRIFT, CONTACT_SHARE, CONTACT_QUIET, CONTACT_NOISE = 7.0, 0.75, 2.0, 0.5
"""Of a contact: least drift of the resistance and share that it explains; largest drifts of capacity and charge; largest noise over it."""
WARM_OFFSET, WARM_HEAT, WARM_SHARE = 0.5, 1.5, 0.25
"""Scores of the probes beside a suspected one from which on they are warm too, and their least share of its own."""
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
    limits = [LIMITS[features.kind]] if features.kind in LIMITS else list(LIMITS.values())
    told = float(track.drift[I_SIZE, cell] / max(limit.drift[I_SIZE] for limit in limits))
    path = course(track, 1, cell)
    charge = -float(max(gone[I_CHARGE], gone[I_OWN]))
    return Loss(float(gone[I_SIZE]), float(gone[I_QUICK]), charge, told, path["line"], path["late line"])


class Verdict(NamedTuple):
    """What physics says of a cell, each 0 or 1: its leak is a short; it is worn; a tenth and more of it is gone; it loses charge alone, and
    evenly; and of the pack: it is charged cold or fast often enough for a cell that is worn to have plated; at all."""

    short: float = 0.0
    worn: float = 0.0
    dived: float = 0.0
    even: float = 0.0
    plates: float = 0.0
    could_plate: float = 0.0


def verdict_of(track: Track, features: DayFeatures, cell: int) -> Verdict:
    """The verdict on a cell; all zeros for none."""
    if not 0 <= cell < track.now.shape[1]:
        return Verdict()
    return judged(leak_of(track, features, cell), loss_of(track, features, cell), track.hours)


def judged(leak: Leak, loss: Loss, hours: Float) -> Verdict:
    """The same from a leak, a loss, and hours of cold, of fast and of all charging (3,). Where the box bleeds cells, or a leak speaks
    for a short, nothing is said of a loss."""
    share = (hours[0] + hours[1]) / max(float(hours[2]), 1.0)
    plates, could = float(share >= PLATING_SHARE), float(share >= PLATING_LEAST or hours[2] < KNOWN_H)
    if leak.bled >= BLED or leak.is_short:
        return Verdict(short=float(leak.is_short), plates=plates, could_plate=could)
    worn, dived = loss.is_worn, loss.capacity_share >= DIVED
    return Verdict(0.0, float(worn), float(worn and dived), float(loss.is_even(leak) and not worn), plates, could)


def by_physics(causes: Causes, verdict: Verdict) -> Causes:
    """A leak that is steady and grows takes from "unknown", and gives to a short; capacity that is gone gives to a cell that dives or is
    weak, charge alone to self-discharge. What never is charged cold or fast does not plate, and what seldom is does not plate much."""
    share = dict(causes)
    if verdict.could_plate < 0.5 and share.get("plating", 0.0) > 0.0:
        causes = _moved(share, "plating", ("weak-cell", "capacity-dive"))
        share = dict(causes)
    if verdict.dived > 0.5 and verdict.plates < 0.5 and share.get("plating", 0.0) > 0.0:
        causes = _moved(share, "plating", ("capacity-dive",))
        share = dict(causes)
    if verdict.short > 0.5:
        return _given(causes, "internal-short")
    if verdict.worn > 0.5:
        wears = max(WEARS, key=lambda name: share.get(name, 0.0))
        kind = "capacity-dive" if verdict.dived > 0.5 else "weak-cell"
        if verdict.dived > 0.5 and wears == "weak-cell" and share.get(wears, 0.0) > share.get(kind, 0.0):
            kind = wears
        if verdict.plates > 0.5 and verdict.dived < 0.5:
            kind = "plating"
        return _given(causes, kind)
    return _given(causes, "self-discharge") if verdict.even > 0.5 else causes


def _moved(share: dict[str, float], name: str, to: tuple[str, ...]) -> Causes:
    """What one cause has goes to others, by what they have."""
    whole = sum(share.get(other, 0.0) for other in to)
    parts = {other: (share.get(other, 0.0) / whole if whole > 0.0 else 1.0 / len(to)) * share[name] for other in to}
    return _sorted({**share, name: 0.0, **{other: share.get(other, 0.0) + more for other, more in parts.items()}})


class Contact(NamedTuple):
    """What tells a contact that has grown: drift of resistance; how much of what has changed, and of where the cell lies, a resistance
    explains alone; drifts of noise, of capacity (size) and of charge."""

    drift: float
    gone: float
    now: float
    noise: float
    size: float
    charge: float

    @property
    def is_grown(self) -> bool:
        """Whether resistance alone has changed, and is there all day: one that comes and goes is louder than it is large, dry electrolyte
        and wear take capacity or charge along."""
        alone = min(self.gone, self.now) >= CONTACT_SHARE and max(abs(self.size), abs(self.charge)) <= CONTACT_QUIET
        return self.drift >= CONTACT_DRIFT and alone and self.noise <= CONTACT_NOISE * self.drift


def by_contact(causes: Causes, contact: Contact) -> Causes:
    """Resistance that alone has grown takes from "unknown"."""
    return _given(causes, "connection") if contact.is_grown else causes


def is_warm_around(offset: tuple[float, float], heat: tuple[float, float]) -> bool:
    """Whether the probes beside a suspected one show the same, less strongly: heat spreads, a bad sensor is alone. offset, heat: scores of
    the probe and the mean of those beside it."""
    pairs = ((offset, WARM_OFFSET), (heat, WARM_HEAT))
    return any(beside * own > 0.0 and abs(beside) >= max(least, WARM_SHARE * abs(own)) for (own, beside), least in pairs)


def by_heat(causes: Causes) -> Causes:
    """What is warm around a probe is no matter of its sensor."""
    share = dict(causes)
    taken = (1.0 - KEPT) * share.get("temperature-sensor", 0.0)
    if taken <= 0.0:
        return causes
    return _sorted({**share, "temperature-sensor": share["temperature-sensor"] - taken, "unknown": share.get("unknown", 0.0) + taken})


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
