"""How much earlier shorts are found when the bytes of a fleet are shared out: `python -m tools.bench.diagnose_sampling [n] [healthy]`.

Vehicles of the pack twin are recorded finely (10 s in use; woken every half hour while parked, 60 frames each). From that record each
box sends, day by day, only the frames that its rates let through, and the doctor looks at them as it does live (`doctor.step`: flags,
thinning, evidence, tests, warnings). A box by GB/T 32960 sends every 30 s in use and nothing while parked: that is the fixed rate, and
its bytes are the budget. Each short has COMPANIONS healthy vehicles of the same use that share the bytes by `sampling.share_out`; their
frames are counted, not made. `best` is everything that was recorded. Then `healthy` vehicles without a fault are followed at the fixed
rate and at what share_out leaves to a healthy vehicle beside a suspect: what is warned of there is a false alarm.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from evloom.diagnose.doctor import State, fresh, step
from evloom.diagnose.sampling import Need, Rates, fixed_rates, share_out, spent_bytes
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.simulate.pack.cells import PARKED
from evloom.simulate.pack.fault import draw_fault, ten_ohm_s
from evloom.simulate.pack.fleet import EPOCH_S, RATED_AH, SIZES, make_pack
from evloom.simulate.pack.sense import Real, sense
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.vehicle import draw_car, lived
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames

SEED, HEALTHY_SEED, DAYS = 2079, 3079, 80
FINE_S, FINE_WAKE_S, FINE_BURST = 10.0, 1800.0, 60
FIXED_S = 30.0
COMPANIONS = 20
FRAME_BYTES = 250.0
WAKING_S = 8.0
"""A frame of a wake-up may arrive so long after its last second."""
FIXED = fixed_rates(1, FIXED_S)
Rated = Callable[[State], Rates]


@dataclass
class Record:
    """What happened in a vehicle, finely: wake (n,) number of the wake-up that a frame belongs to, -1 in use; place its second in it."""

    frames: Frames
    wakes_s: Float
    wake: Int
    place: Float
    cell: int
    ten_ohm_s: float

    def active_h(self) -> float:
        """Hours a day in use."""
        days = float(self.frames.at_s[-1] - self.frames.at_s[0]) / DAY_S
        return float(np.sum(self.wake < 0)) * FINE_S / 3600.0 / max(days, 1.0)


def recorded(seed: int, k: int, kind: str) -> Record | None:
    """Vehicle `k`; None where its short never falls under 10 ohm."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, k)))
    name = ("NMC", "LFP")[k % 2]
    begin_s = EPOCH_S + DAY_S * int(rng.integers(0, 365))
    pack = make_pack(f"sampling-{k:03d}", name, SIZES[name], float(np.round(rng.uniform(*RATED_AH[name]))))
    fault = draw_fault(kind, pack.n_cell, (begin_s, begin_s + DAYS * DAY_S), rng)
    if kind != "none" and not np.isfinite(ten_ohm_s(fault)):
        return None
    car = replace(draw_car(pack, BY_NAME[name], FINE_S, fault, rng), every=(FINE_S, FINE_WAKE_S))
    real, wakes_s = _woken(lived(car, begin_s, DAYS, rng)[0])
    frames = sense(real, pack, car.box, fault, rng)
    number = np.searchsorted(wakes_s, frames.known_at_s, side="right") - 1
    since_s = frames.known_at_s - wakes_s[np.maximum(number, 0)]
    wake = np.where((number >= 0) & (since_s < FINE_BURST + WAKING_S), number, -1)
    return Record(frames, wakes_s, wake, frames.at_s - wakes_s[np.maximum(number, 0)], fault.cell, ten_ohm_s(fault))


def _woken(real: Real) -> tuple[Real, Float]:
    """The same with FINE_BURST frames in each wake-up, and when each begins. Nothing moves within a minute of a parked pack."""
    parked = real.mode == PARKED
    first = parked & (np.diff(real.at_s, prepend=-np.inf) > 60.0)
    rows = np.flatnonzero(~parked | first)
    count = np.where(first[rows], FINE_BURST, 1)
    source = np.repeat(rows, count)
    after_s = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    columns = {name: getattr(real, name)[source] for name in Real.__dataclass_fields__}
    return Real(**{**columns, "at_s": real.at_s[source] + after_s}), real.at_s[first]


class Box:
    """Sends of what happens what its rates let through."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._day = np.floor(record.frames.known_at_s / DAY_S)
        self.days = np.unique(self._day)
        self._sent_s, self._woken_s = -np.inf, -np.inf

    def sent(self, day: float, rates: Rates) -> Frames:
        """Frames of a day."""
        rows = np.flatnonzero(self._day == day)
        part = rows[self._of_use(rows, float(rates.interval_s[0])) | self._of_rest(rows, rates)]
        return self._record.frames.part(part)

    def _of_use(self, rows: Int, interval_s: float) -> Bool:
        at_s, in_use = self._record.frames.at_s[rows], self._record.wake[rows] < 0
        here = np.zeros(len(rows), dtype=bool)
        for i in np.flatnonzero(in_use):
            here[i] = at_s[i] - self._sent_s >= interval_s - 1.0 or at_s[i] < self._sent_s
            self._sent_s = at_s[i] if here[i] else self._sent_s
        return here

    def _of_rest(self, rows: Int, rates: Rates) -> Bool:
        wake, here = self._record.wake[rows], np.zeros(len(rows), dtype=bool)
        for number in np.unique(wake[wake >= 0]):
            at_s = float(self._record.wakes_s[number])
            if at_s - self._woken_s >= rates.wake_s[0] - 300.0:
                self._woken_s = at_s
                here |= (wake == number) & (self._record.place[rows] < rates.burst[0])
        return here


@dataclass
class Story:
    """What the doctor said: (instant, cell, level) of every warning opened or raised; frames a day that it was sent."""

    said: list[tuple[float, int | None, str]]
    frames: float

    def lead_days(self, record: Record) -> float:
        """From the first `inspect` of the right cell to 10 ohm; 0 where it came too late or never."""
        first = [at_s for at_s, cell, level in self.said if cell == record.cell and level != "watch"]
        return max((record.ten_ohm_s - min(first)) / DAY_S, 0.0) if first else 0.0


def followed(record: Record, rated: Rated) -> Story:
    """Follow a vehicle whose box is told its rates every morning."""
    box, state, said, count = Box(record), fresh(record.frames.pack), [], 0
    for day in box.days:
        frames = box.sent(day, rated(state))
        count += frames.n
        state, changes = step(state, frames)
        said += [(c.at_s, c.warning.cell, c.warning.level) for c in changes if c.kind in ("opened", "updated")]
    return Story(said, count / len(box.days))


def suspicion(state: State) -> float:
    """As `serve.doctor` tells it: of the open warnings, else of what waits for a second day."""
    opened = [case.warning.severity for case in state.cases.values() if case.warning is not None]
    return float(max(opened or [case.trace[-1][1] for case in state.cases.values() if case.trace], default=0.0))


@cache
def shared(active_h: float, severity: float) -> Rates:
    """Rates of the healthy companions and, last, of a vehicle, at the bytes that all of them send at the fixed rate. Of those who are
    equal the first get what is left."""
    n = COMPANIONS + 1
    need = Need(np.append(np.zeros(COMPANIONS), severity), np.full(n, active_h), np.full(n, FRAME_BYTES))
    return share_out(need, float(spent_bytes(need, fixed_rates(n, FIXED_S)).sum()))


def _one(rates: Rates, k: int) -> Rates:
    """Rates of vehicle `k`, as far as the record is that fine."""
    interval_s, wake_s = max(float(rates.interval_s[k]), FINE_S), max(float(rates.wake_s[k]), FINE_WAKE_S)
    return fixed_rates(1, interval_s, wake_s, float(rates.burst[k]))


def ways(record: Record) -> dict[str, Rated]:
    """Who decides on the rates, by name."""
    active_h = record.active_h()
    woken, best = fixed_rates(1, FIXED_S, 14400.0, 3.0), fixed_rates(1, FINE_S, FINE_WAKE_S, FINE_BURST)
    return {
        "fixed": lambda _: FIXED,
        "fixed, woken": lambda _: woken,
        "shared": lambda state: _one(shared(active_h, round(suspicion(state), 1)), -1),
        "best": lambda _: best,
    }


def shorts(n: int) -> None:
    """Print the leads of the shorts among `n` vehicles."""
    rows: list[tuple[str, list[float]]] = []
    frames = []
    for k in range(n):
        record = recorded(SEED, k, "internal-short")
        if record is None:
            continue
        stories = {name: followed(record, rated) for name, rated in ways(record).items()}
        leads = [story.lead_days(record) for story in stories.values()]
        rows.append((record.frames.pack.chemistry, leads))
        frames.append([story.frames for story in stories.values()])
        wrong = [len({cell for _, cell, level in story.said if level != "watch"} - {record.cell}) for story in stories.values()]
        print(k, rows[-1][0], " ".join(f"{name} {days:.1f}" for name, days in zip(stories, leads, strict=True)), "wrong", wrong, flush=True)
    if not rows:
        return
    print("frames a day: " + ", ".join(f"{name} {x:.0f}" for name, x in zip(stories, np.mean(frames, axis=0), strict=True)))
    print("| | shorts | fixed 30 s (d) | woken every 4 h (d) | shared out (d) | gain | everything (d) |\n|---|---|---|---|---|---|---|")
    for kind in ("NMC", "LFP", "all"):
        lead = np.array([each for chemistry, each in rows if kind in (chemistry, "all")])
        a, b, c, d = np.median(lead, axis=0)
        print(f"| {kind} | {len(lead)} | {a:.1f} | {b:.1f} | {c:.1f} | {100.0 * (c / max(a, 1e-9) - 1.0):+.0f} % | {d:.1f} |", flush=True)


def healthy(n: int) -> None:
    """Print what is warned of in `n` vehicles without a fault, of which each pays for a suspect among COMPANIONS."""
    told = {"fixed": [0, 0], "shared": [0, 0]}
    for k in range(n):
        record = recorded(HEALTHY_SEED, k, "none")
        if record is None:
            continue
        each = {"fixed": FIXED, "shared": _one(shared(record.active_h(), 1.0), -2)}
        for name, rates in each.items():
            told[name] = [so_far + new for so_far, new in zip(told[name], _false(record, rates), strict=True)]
        print(f"{k + 1} healthy: {told}", flush=True)
    told_now = "; ".join(f"{name}: {watch} watched or more, {inspect} at inspect or stop" for name, (watch, inspect) in told.items())
    print(f"healthy, {n * DAYS / 365.25:.1f} vehicle-years: {told_now}")


def _false(record: Record, rates: Rates) -> tuple[int, int]:
    """Cells, probes and packs that are warned of in a healthy vehicle at these rates: at all, and at `inspect` or `stop`."""
    said = followed(record, lambda _: rates).said
    return len({cell for _, cell, _ in said}), len({cell for _, cell, level in said if level != "watch"})


def main() -> None:
    """The command."""
    shorts(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    healthy(int(sys.argv[2]) if len(sys.argv) > 2 else 40)


if __name__ == "__main__":
    main()
