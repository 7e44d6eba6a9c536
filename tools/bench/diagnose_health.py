"""`python -m tools.bench.diagnose_health out/truth/a`: how well the capacity of PyBaMM's packs is found, into
docs/battery-health.md where these folders stand.

Capacity is that of the weakest cell on that day, between the voltages at rest of `capacity_curves.WINDOW_V`. Lives of every healthy
pack: as it is; with every charge that goes over more than half of the capacity cut to a half of it at a random place (frames are
taken away); without the management's state of charge; and NMC without the curves of either of its own electrodes. A half window is one
over 40 to 60 % of the capacity.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evloom.diagnose import health, quality
from evloom.diagnose.health import Health, Interval
from evloom.simulate.pack.truth import Truth
from evloom.vehicle.telemetry import Frames
from tools.truth.files import read_pack

PAGE = Path(__file__).parents[2] / "docs" / "battery-health.md"
END = "<!-- end of figures -->"
HALF = (0.4, 0.6)
TO_90 = 1.645 / 1.2816
"""From the interval p10..p90 to one that holds nine in ten."""
UNKNOWN = (("its positive electrode not in the library", "NMC_811"), ("its negative electrode not in the library", "SILICON"))


@dataclass
class Score:
    """Errors as shares of the truth: (error, inside the 90 % interval) of the windows by themselves, of what is believed after each of
    them, and of the last word on a pack; windows that were refused, packs."""

    own: list[tuple[float, bool]] = field(default_factory=list)
    after: list[tuple[float, bool]] = field(default_factory=list)
    last: list[tuple[float, bool]] = field(default_factory=list)
    windows: int = 0
    packs: int = 0
    cpu_s: float = 0.0
    frames: int = 0


def judged(interval: Interval, true_ah: float) -> tuple[float, bool]:
    """Error of the middle, and whether the interval of nine in ten holds the truth."""
    low, high = (interval.p50 + TO_90 * (end - interval.p50) for end in (interval.p10, interval.p90))
    return interval.p50 / true_ah - 1.0, low <= true_ah <= high


def cut_to_half(frames: Frames, true_ah: float, rng: np.random.Generator) -> Frames:
    """The frames without what goes beyond half of the capacity in each charge."""
    charging = np.flatnonzero((frames.charging == 1) & (frames.current_a > 0.0))
    keep = np.ones(frames.n, dtype=bool)
    if len(charging) == 0:
        return frames
    ends = np.flatnonzero(np.abs(np.diff(frames.at_s[charging])) > 1200.0)
    for first, last in zip(np.r_[0, ends + 1], np.r_[ends, len(charging) - 1], strict=True):
        part = slice(int(charging[first]), int(charging[last]) + 1)
        step_s = np.diff(frames.at_s[part], prepend=frames.at_s[part][0]).clip(0.0, 300.0)
        share = np.cumsum(frames.current_a[part] * step_s) / 3600.0 / true_ah
        if len(share) and share[-1] > 0.5:
            begin = rng.uniform(0.0, share[-1] - 0.5)
            keep[part] = (share >= begin) & (share <= begin + 0.5)
    return frames.part(keep)


def score_pack(score: Score, frames: Frames, truth: Truth, without: str) -> None:
    """Add one pack."""
    flagged, _ = quality.thinned(*quality.flag(frames))
    begun = time.process_time()
    found = health.report(health.step(health.fresh(flagged.pack, without), flagged))
    score.cpu_s += time.process_time() - begun
    score.frames += flagged.n
    score.packs += 1

    def true_ah(at_s: float) -> float:
        day = int((at_s - flagged.at_s[0]) / 86400.0)
        return float(truth.capacity_ah[min(max(day, 0), len(truth.capacity_ah) - 1)].min())

    _windows(score, found, true_ah)
    if found.capacity_ah is not None:
        score.last.append(judged(found.capacity_ah, true_ah(flagged.at_s[-1])))


def _windows(score: Score, found: Health, true_ah) -> None:  # type: ignore[no-untyped-def]
    believed = dict(found.trend)
    for window in found.windows:
        true = true_ah(window.end_s)
        if not HALF[0] <= window.charge_ah / true <= HALF[1]:
            continue
        score.windows += 1
        if window.capacity_ah is not None:
            score.own.append(judged(window.capacity_ah, true))
        now = believed.get(window.end_s)
        if now is not None and now.p90 - now.p10 <= health.MOST_DOUBT * now.p50:
            score.after.append(judged(now, true))


def packs(folder: Path) -> Iterator[tuple[Frames, Truth]]:
    """The healthy packs of a folder."""
    for path in sorted(folder.glob("*.json")):
        if path.name == "truth.json":
            continue
        frames, truth = read_pack(folder, path.stem)
        if truth.fault == "none":
            yield frames, truth


def row(name: str, told: list[tuple[float, bool]], of: int) -> str:
    """A line of the table."""
    if not told:
        return f"| {name} | 0 of {of} | | | |"
    errors = np.array([error for error, _ in told])
    inside = np.mean([good for _, good in told])
    return f"| {name} | {len(told)} of {of} | {np.abs(errors).mean():.2%} | {errors.mean():+.2%} | {inside:.0%} |"


def lives(frames: Frames, truth: Truth) -> Iterator[tuple[str, Frames, str]]:
    """Name, flagged frames, and electrodes left out of the library, of each life of a pack."""
    number = int(frames.pack.vehicle_id.split("-")[-2]) * 100 + int(frames.pack.vehicle_id.split("-")[-1])
    flagged, _ = quality.flag(frames)
    yield "as it is", flagged, ""
    half = cut_to_half(frames, float(truth.capacity_ah[0].min()), np.random.default_rng(number))
    yield "charges cut to a half", quality.flag(half)[0], ""
    yield "no state of charge sent", replace(flagged, soc=np.full_like(flagged.soc, np.nan)), ""
    if frames.pack.chemistry == "NMC":
        for name, without in UNKNOWN:
            yield name, flagged, without


def lines(folders: list[Path]) -> list[str]:
    """The tables."""
    scores: dict[tuple[str, str], Score] = {}
    for folder in folders:
        for frames, truth in packs(folder):
            for name, life, without in lives(frames, truth):
                score_pack(scores.setdefault((frames.pack.chemistry, name), Score()), life, truth, without)
    where = " and ".join(folder.name for folder in folders)
    told = []
    for (kind, name), score in sorted(scores.items(), key=lambda item: item[0][0], reverse=True):
        told += [f"**{kind}, {name}**: {score.packs} healthy packs of {where}, {score.windows} half windows", ""]
        told += ["| what | answered | mean absolute error | mean error | the 90 % interval holds |", "|---|---|---|---|---|"]
        told.append(row("a half window by itself, given the pack's past", score.own, score.windows))
        told.append(row("all that is known after a half window", score.after, score.windows))
        told.append(row("the last word on a pack", score.last, score.packs))
        told += ["", f"{1e3 * score.cpu_s / score.packs / 60.0:.1f} ms of CPU a calendar day.", ""]
    return told


def main() -> None:
    """Write the figures."""
    named = [word for word in sys.argv[1:] if word != "--dry"] or ["out/truth/a"]
    text = "\n".join(lines([Path(word) for word in named]))
    print(text)
    if "--dry" in sys.argv:
        return
    begin = f"<!-- figures: python -m tools.bench.diagnose_health {' '.join(named)} -->"
    page = PAGE.read_text()
    head, rest = page.split(begin)
    PAGE.write_text(head + begin + "\n\n" + text + "\n" + END + rest.split(END, 1)[1])


if __name__ == "__main__":
    main()
