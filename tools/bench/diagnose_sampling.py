"""How much earlier shorts are found when the bytes of a fleet are shared out: `python -m tools.bench.diagnose_sampling [n] [wake_s]`.

Shorts of the pack twin are recorded finely (10 s in use, woken every half hour while parked). From that record each box sends, day
by day, only the frames that its rates let through, once at a fixed 30 s with a wake-up every `wake_s` (four hours; a large number:
never), and once at the rates that `sampling.share_out` gives it each morning by what the doctor said the evening before. Each short
has HEALTHY healthy companions whose severities are drawn from those of healthy vehicles and who share the bytes; their frames are
counted, not made.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose.detect import fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.evidence import columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.diagnose.quality import flag, fresh
from evloom.diagnose.sampling import Need, Rates, share_out, spent_bytes
from evloom.diagnose.signature import severity
from evloom.simulate.pack.fault import draw_fault
from evloom.simulate.pack.fleet import EPOCH_S, RATED_AH, SIZES, make_pack
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.vehicle import draw_car, live
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames

SEED, DAYS = 2077, 80
FINE_S, FINE_WAKE_S = 10.0, 1800.0
FIXED_S, FIXED_WAKE_S = 30.0, 14400.0
HEALTHY = 20
USUAL = (0.40, 0.12)
"""Severity of healthy vehicles on a day: mean and standard deviation over the fleet `healthy`."""
FRAME_BYTES = 250.0
PARKED_S = 900.0


@dataclass
class Short:
    """A vehicle with a short as recorded, and when it falls under 10 ohm."""

    frames: Frames
    cell: int
    ten_ohm_s: float


def recorded(k: int) -> Short | None:
    """Vehicle `k`; None where its short never falls so far."""
    rng = np.random.default_rng(np.random.SeedSequence((SEED, k)))
    name = ("NMC", "LFP")[k % 2]
    begin_s = EPOCH_S + DAY_S * int(rng.integers(0, 365))
    pack = make_pack(f"sampling-{k:03d}", name, SIZES[name], float(np.round(rng.uniform(*RATED_AH[name]))))
    fault = draw_fault("internal-short", pack.n_cell, (begin_s, begin_s + DAYS * DAY_S), rng)
    car = replace(draw_car(pack, BY_NAME[name], FINE_S, fault, rng), every=(FINE_S, FINE_WAKE_S))
    frames, truth = live(car, begin_s, DAYS, rng)
    return Short(frames, truth.cell, truth.ten_ohm_s) if np.isfinite(truth.ten_ohm_s) else None


class Box:
    """Sends of what happens what its rates let through."""

    def __init__(self, frames: Frames) -> None:
        gap_s = np.diff(frames.at_s, prepend=-np.inf)
        self.frames, self.wakes = frames, gap_s >= PARKED_S
        self.day = np.floor(frames.known_at_s / DAY_S)
        after = np.cumsum(self.wakes)
        sizes = np.bincount(after)
        self.parked = sizes[after] <= 4  # a wake-up is three frames and no more
        self.sent_s, self.woken_s, self.awake = -np.inf, -np.inf, False

    def rows(self, day: float, interval_s: float, wake_s: float) -> list[int]:
        """Rows that are sent on a day."""
        out = []
        for i in np.flatnonzero(self.day == day):
            at_s = float(self.frames.at_s[i])
            if self.parked[i]:
                if self.wakes[i]:
                    self.awake = at_s - self.woken_s >= wake_s - 60.0
                    self.woken_s = at_s if self.awake else self.woken_s
                if self.awake:
                    out.append(int(i))
            elif at_s - self.sent_s >= interval_s - 1.0 or at_s < self.sent_s:
                out.append(int(i))
                self.sent_s = at_s
        return out


def followed(short: Short, wake_s: float, controlled: bool) -> float:
    """Lead (days, of the right cell at `inspect` on two days; 0 where it comes too late); wake_s of the fixed rate."""
    rng = np.random.default_rng(7)
    pack, box = short.frames.pack, Box(short.frames)
    carry, sums = fresh(pack.n_cell, pack.n_probe), fresh_sums(pack)
    memory, track = fresh_memory(pack.n_cell), fresh_track(pack.n_cell, pack.n_probe)
    fixed = Rates(np.array([FIXED_S]), np.array([wake_s]))
    rates, before, worst = fixed, np.zeros(pack.n_cell), 0.0
    for day in np.unique(box.day):
        rows = np.array(box.rows(day, float(rates.interval_s[0]), float(rates.wake_s[0])), dtype=np.int64)
        flagged, carry = flag(short.frames.part(rows), carry)
        columns, row = columns_of(flagged), 0
        while row < flagged.n:
            row, why = run(columns, sums, row)
            if why != NEW_DAY:
                continue
            features = read_day(sums, float(columns.at_s[row]))
            next_day(sums)
            memory, estimate = learn(memory, features)
            found = severity(look(track, estimate, features), features.kind)
            if min(found.cell[short.cell], before[short.cell]) >= 1.0:
                return max((short.ten_ohm_s - features.at_s) / DAY_S, 0.0)
            before, worst = found.cell, float(found.cell.max())
        if controlled:
            rates = _this_morning(short, fixed, worst, rng)
    return 0.0


def _this_morning(short: Short, fixed: Rates, worst: float, rng: np.random.Generator) -> Rates:
    """The rates of the vehicle among its companions, at the bytes of all of them at the fixed rate."""
    n = HEALTHY + 1
    active_h = np.full(n, _active_h(short.frames))
    need = Need(np.concatenate([[worst], np.clip(rng.normal(*USUAL, HEALTHY), 0.0, 0.9)]), active_h, np.full(n, FRAME_BYTES))
    every = Rates(np.repeat(fixed.interval_s, n), np.repeat(fixed.wake_s, n))
    shared = share_out(need, float(spent_bytes(need, every).sum()))
    return Rates(np.maximum(shared.interval_s[:1], FINE_S), np.maximum(shared.wake_s[:1], FINE_WAKE_S))


def _active_h(frames: Frames) -> float:
    """Hours a day in use."""
    gap_s = np.diff(frames.at_s)
    return float(gap_s[(gap_s > 0.0) & (gap_s < 60.0)].sum() / max((frames.at_s[-1] - frames.at_s[0]) / 24.0, 1.0))


def main() -> None:
    """The command."""
    rows = []
    wake_s = float(sys.argv[2]) if len(sys.argv) > 2 else FIXED_WAKE_S
    for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else 40):
        short = recorded(k)
        if short is None:
            continue
        rows.append((short.frames.pack.chemistry, followed(short, wake_s, False), followed(short, wake_s, True)))
        print(f"{rows[-1][0]} lead at a fixed 30 s {rows[-1][1]:.1f} d, shared out {rows[-1][2]:.1f} d", flush=True)
    for kind in ("NMC", "LFP", "all"):
        lead = np.array([row[1:] for row in rows if kind in (row[0], "all")])
        if len(lead):
            middle = np.median(lead, axis=0)
            told = f"{middle[0]:.1f} d fixed, {middle[1]:.1f} d shared out ({100.0 * (middle[1] / max(middle[0], 1e-9) - 1.0):+.0f} %)"
            print(f"{kind}: {len(lead)} shorts, median lead {told}; mean {lead[:, 0].mean():.1f} and {lead[:, 1].mean():.1f} d")


if __name__ == "__main__":
    main()
