"""Features of labelled fleets of the pack twin, kept on disk: what the limits and causes of `diagnose` are learnt and measured on.

The frames of a vehicle-day are 50 times its features, so fleets are made once, vehicle by vehicle from its seed, flagged, and only
the features of each day are kept.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evloom.diagnose.evidence import DayFeatures, columns_of, fresh_sums, next_day, read_day
from evloom.diagnose.evidence_kernel import NEW_DAY, run
from evloom.diagnose.quality import flag
from evloom.simulate.pack.fault import NAMED, UNKNOWN
from evloom.simulate.pack.fleet import BOTH, HALF_FAULTY, vehicle
from evloom.vehicle.telemetry import Frames, Pack

FOLDER = Path(__file__).parents[2] / "build" / "bench" / "diagnose"


@dataclass(frozen=True)
class Plan:
    """A fleet: its seed, number of vehicles, days, seconds between frames, and the shares of its faults."""

    seed: int
    n: int
    days: int
    interval_s: float
    mix: Mapping[str, float]


PLANS = {
    "learn": Plan(11, 150, 80, 60.0, {kind: 1.0 / len(NAMED) for kind in NAMED}),
    "healthy": Plan(1002, 60, 180, 60.0, {"none": 1.0}),
    "test": Plan(13, 100, 80, 60.0, dict(HALF_FAULTY)),
    "unknown": Plan(12, 40, 80, 60.0, {kind: 1.0 / len(UNKNOWN) for kind in UNKNOWN}),
}
"""Limits are taken from the healthy fleet, causes from the learning one; figures count on the test fleet and the unknown faults."""


@dataclass(frozen=True)
class Case:
    """A vehicle of a fleet: what is true of it, and the features of its days."""

    pack: Pack
    fault: str
    cell: int
    onset_s: float
    ten_ohm_s: float
    days: list[DayFeatures]


def features_of(frames: Frames) -> list[DayFeatures]:
    """The features of every whole day of the frames."""
    flagged, _ = flag(frames)
    sums, columns, row, days = fresh_sums(frames.pack), columns_of(flagged), 0, []
    while row < frames.n:
        row, why = run(columns, sums, row)
        if why == NEW_DAY:
            days.append(read_day(sums, float(columns.at_s[row])))
            next_day(sums)
    return days


def cases(name: str, folder: Path = FOLDER) -> list[Case]:
    """The vehicles of a fleet of PLANS, made where they are not kept yet."""
    path, plan = folder / f"{name}.pickle", PLANS[name]
    if path.exists():
        with path.open("rb") as file:
            kept: list[Case] = pickle.load(file)
        return kept
    made = []
    for k in range(plan.n):
        frames, truth = vehicle(plan.seed, k, plan.mix, plan.days, BOTH, plan.interval_s)
        made.append(Case(frames.pack, truth.fault, truth.cell, truth.onset_s, truth.ten_ohm_s, features_of(frames)))
        print(f"\r{name}: {k + 1} of {plan.n} vehicles", end="", flush=True)
    print()
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(made, file)
    return made


def vehicle_years(fleet: list[Case]) -> float:
    """Time for which the vehicles of a fleet were looked at, first to last day of each."""
    days = [(case.days[-1].at_s - case.days[0].at_s) / 86400.0 for case in fleet if len(case.days) > 1]
    return float(np.sum(days) / 365.25)
