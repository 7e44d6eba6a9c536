"""Evidence of labelled fleets, kept on disk: what the limits and causes of `diagnose` are learnt and measured on.

`python -m tools.bench.diagnose_fleet FLEET [minutes]` makes the fleets of PLANS; cases(FLEET) reads them, a folder with packs of
`tools.truth` (out/truth/a) is a fleet too. The frames of a vehicle-day are 50 times its features, so twins are made vehicle by
vehicle from their seeds, flagged, and only the features of each day are kept: one npz a vehicle under out/evidence.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from evloom.diagnose.evidence import DayFeatures, columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.diagnose.quality import flag, thinned
from evloom.simulate.pack.fault import NAMED, UNKNOWN
from evloom.simulate.pack.fleet import BOTH, HALF_FAULTY, vehicle
from evloom.simulate.pack.wide import wide_vehicle
from evloom.vehicle.telemetry import Frames, Pack
from tools.truth.files import has_pack, read_pack

ROOT = Path(__file__).parents[2] / "out"
EACH = {name: 1.0 / len(NAMED) for name in NAMED}
STRANGE = {name: 1.0 / len(UNKNOWN) for name in UNKNOWN}
LOOK_ALIKES = ("internal-short", "self-discharge", "plating", "weak-cell", "capacity-dive")
ALIKE = {"none": 1.0, **dict.fromkeys(NAMED, 1.0), **dict.fromkeys(LOOK_ALIKES, 2.0)}
"""More of the kinds that look alike."""
HEALTHY = {"none": 1.0}
MIXED = ((60.0, 365), (30.0, 365), (60.0, 365), (60.0, 365), (30.0, 365), (60.0, 365), (60.0, 365), (30.0, 365), (60.0, 365), (10.0, 60))
"""Seconds between frames and days watched, by turns."""


@dataclass(frozen=True)
class Plan:
    """A fleet: its seed, number of vehicles, (seconds between frames, days) by turns, the shares of its faults, the first of them,
    whether its packs are of other makers (`simulate.pack.wide`)."""

    seed: int
    n: int
    turns: tuple[tuple[float, int], ...]
    mix: Mapping[str, float]
    first: int = 0
    wide: bool = False


PLANS = {
    "learn": Plan(2011, 300, ((60.0, 80), (30.0, 80)), EACH),
    "causes": Plan(2017, 420, ((60.0, 60),), EACH),
    "wide": Plan(2021, 410, ((60.0, 60), (30.0, 60), (60.0, 80), (20.0, 60)), ALIKE, wide=True),
    "shorts": Plan(2012, 80, ((60.0, 80), (30.0, 80)), {"internal-short": 1.0}),
    "healthy": Plan(2102, 57, MIXED, HEALTHY),
    "test": Plan(2413, 160, ((60.0, 80), (30.0, 80), (10.0, 80)), dict(HALF_FAULTY)),
    "unknown": Plan(2014, 60, ((60.0, 80), (30.0, 80)), STRANGE),
    "test-shorts": Plan(2415, 80, ((60.0, 80), (30.0, 80)), {"internal-short": 1.0}),
    "healthy-more": Plan(2103, 93, MIXED, HEALTHY),
    "test-healthy": Plan(2403, 680, MIXED, HEALTHY),
    "judge-healthy": Plan(2407, 700, ((60.0, 365),), HEALTHY),
}
SOUND, SOUND_HALF = ("healthy", "healthy-more"), "test-healthy"
"""Limits are taken from SOUND and every other vehicle of SOUND_HALF, causes from `causes` and `wide`; what is changed is tried on the
other half, on `learn` and on `shorts`. The others are judged on, and were first made when everything was settled."""


@dataclass(frozen=True)
class Case:
    """A vehicle of a fleet: what is true of it, and the features of its days."""

    pack: Pack
    fault: str
    cell: int
    onset_s: float
    ten_ohm_s: float
    days: list[DayFeatures]
    parameters: dict[str, Any] = field(default_factory=dict)


def features_of(frames: Frames) -> list[DayFeatures]:
    """The features of every whole day of the frames."""
    told, _ = thinned(*flag(frames))
    sums, columns, row, days = fresh_sums(frames.pack), columns_of(told), 0, []
    while row < told.n:
        row, why = run(columns, sums, row)
        if why == NEW_DAY:
            days.append(read_day(sums, float(columns.at_s[row])))
            next_day(sums)
    return days


def cases(name: str) -> list[Case]:
    """The vehicles of a fleet of PLANS, or of a folder of packs with their truth; made where they are not kept yet."""
    return list(each_case(name))


def each_case(name: str, seconds: float = float("inf")) -> Iterator[Case]:
    """The same one by one; none is begun after that many seconds of CPU."""
    until = time.process_time() + seconds
    for path, make in _members(name):
        if not path.exists():
            if time.process_time() > until:
                return
            _write(path, make())
        yield _read(path)


def kept_cases(name: str) -> list[Case]:
    """Those that are kept already."""
    return [_read(path) for path, _ in _members(name) if path.exists()]


def _members(name: str) -> Iterator[tuple[Path, Any]]:
    if name in PLANS:
        for k in range(PLANS[name].first, PLANS[name].n):
            yield ROOT / "evidence" / f"{name}-{PLANS[name].seed}" / f"{k:04d}.npz", lambda k=k: _twin(PLANS[name], k)
        return
    folder = Path(name)
    for path in sorted(folder.glob("*.json")):
        if path.name != "truth.json" and has_pack(folder, path.stem):
            kept = ROOT / "evidence" / "-".join(folder.parts[-2:]) / f"{path.stem}.npz"
            yield kept, lambda stem=path.stem: _case(*read_pack(folder, stem))


def _twin(plan: Plan, k: int) -> Case:
    interval_s, days = plan.turns[k % len(plan.turns)]
    if plan.wide:
        return _case(*wide_vehicle(plan.seed, k, plan.mix, days, interval_s))
    return _case(*vehicle(plan.seed, k, plan.mix, days, BOTH, interval_s))


def _case(frames: Frames, truth: Any) -> Case:
    interval_s = float(np.median(np.diff(np.sort(frames.at_s)))) if frames.n > 1 else float("nan")
    told = {**truth.parameters, "frame_s": interval_s}
    if len(truth.capacity_ah):  # fast charging wears single cells of vehicles without a fault, too
        left = truth.capacity_ah[-1] / np.median(truth.capacity_ah[-1])
        told["weakest"] = (int(left.argmin()), float(left.min()))
    return Case(frames.pack, truth.fault, truth.cell, truth.onset_s, truth.ten_ohm_s, features_of(frames), told)


def _write(path: Path, case: Case) -> None:
    """Single precision; the kind of the pack beside it. Complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    for each in fields(DayFeatures):
        values = [getattr(day, each.name) for day in case.days]
        if each.name != "kind":
            arrays[each.name] = np.array(values, dtype=np.float64 if each.name == "at_s" else np.float32)
    told = {name: getattr(case, name) for name in ("pack", "fault", "cell", "onset_s", "ten_ohm_s", "parameters")}
    told["kinds"] = [day.kind for day in case.days]
    half = path.with_suffix(".part.npz")
    np.savez(half, told=np.array([told], dtype=object), **arrays)
    half.replace(path)


def _read(path: Path) -> Case:
    with np.load(path, allow_pickle=True) as file:
        arrays = {name: file[name] for name in file.files}
    told = arrays.pop("told")[0]
    kinds = told.pop("kinds")
    arrays = {name: values.astype(np.float64) for name, values in arrays.items()}
    names = [name for name, values in arrays.items() if values.ndim == 1]
    days = [
        _day({name: float(values[k]) if name in names else values[k] for name, values in arrays.items()}, kinds[k])
        for k in range(len(kinds))
    ]
    return Case(**told, days=days)


def _day(told: dict[str, Any], kind: str) -> DayFeatures:
    return DayFeatures(**told, kind=kind)


def vehicle_years(fleet: list[Case]) -> float:
    """Time for which the vehicles of a fleet were looked at, first to last day of each."""
    days = [(case.days[-1].at_s - case.days[0].at_s) / 86400.0 for case in fleet if len(case.days) > 1]
    return float(np.sum(days) / 365.25)


def main() -> None:
    """The command."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    count, days = 0, 0
    for case in each_case(sys.argv[1], 60.0 * float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")):
        count, days = count + 1, days + len(case.days)
        if count % 10 == 0:
            print(f"{sys.argv[1]}: {count} vehicles, {days / 365.25:.1f} vehicle-years, {time.process_time():.0f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
