"""How the limits of the daily tests are made from a healthy fleet of the pack twin and healthy packs by PyBaMM.

A test speaks where its score is beyond its limit and was one to be watched the day before, so what is looked at is the smaller of a
day's score and what the day before leaves room for, its largest value in the pack, and of that the largest in each quarter of a year
that a vehicle was watched. From the median to the 95th percentile of these an exponential tail is laid; a limit lies where that tail
is passed once in so many vehicle-years as the test's share of the false alarms that are allowed, and above all but as many sound
vehicles as that share allows. Tests that tell of shorts get the larger shares. Vehicles of which a cell has truly
worn out (fast charging plates single cells) are left out.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evloom.diagnose.detect import CHANNELS, PACE, PACK, PROBE, fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.warning import WATCH_SHARE
from tools.bench.diagnose_fleet import Case, vehicle_years

HOME = Path(__file__).parents[2] / "src" / "evloom" / "diagnose"
TESTS = (
    *(f"{name}, drift" for name in CHANNELS),
    *(f"{name}, place" for name in CHANNELS),
    *(f"{name}, pace" for name in PACE),
    *PACK,
    *(f"probe {name}" for name in PROBE),
)
SOLVED, SOLVED_SOUND = ("out/truth/a", "out/truth/b"), ("out/truth/c",)
"""Packs by PyBaMM of seeds 1 and 2, which causes are learnt from; limits are laid on their healthy ones, and on those of seed 3."""
ALARMS_PER_YEAR = 0.05
SHARES = {
    "charge, drift": 8.0, "own charge, drift": 8.0, "rest, drift": 8.0, "rest, place": 8.0, "charge, place": 2.0,
    "charge, pace": 6.0, "own charge, pace": 6.0, "rest, pace": 6.0, "falling charge, pace": 8.0, "falling own charge, pace": 8.0,
}  # fmt: skip
"""Shares of the alarms; a test that is not named gets 1."""
QUARTER_DAYS = 90.0
MARGIN, MARGIN_OF_KEYS = 1.1, 1.0
"""A limit lies at least so far above the score that no more sound vehicles than allowed have passed; of tests with larger shares."""
WORN = 0.94
"""A vehicle whose weakest cell has less than this share of the others' capacity is not sound."""
LEAST = {
    "zero current": 7.0, "idle current": 6.0, "charge balance": 5.0, "insulation": 6.0, "outside resistance": 15.0,
    "pack resistance": 8.0, "counted capacity": 6.0, "current gain": 3.0, "cell order": 1.0,
    "own charge, pace": 7.5, "rest, pace": 7.0, "falling own charge, pace": 5.6,
    "probe offset": 3.0, "probe absent": 2.0, "probe stuck": 2.0, "probe heat": 14.0,
}  # fmt: skip
"""What a twin cannot teach: how far a real sensor, contact or probe wanders without a fault, and cells of other makers. Zero current:
0.7 A. Outside resistance: a real car whose cells and pack voltage are not measured at one instant shows 12.6
(docs/diagnose-method.md)."""
LEAST_FLAT = {"rest, pace": 10.0}
"""The same of a flat curve (LFP), where a parked cell hardly shows what it loses."""
LEAST_OF_KEYS, LEAST_OF_CELLS = 4.0, 6.0
"""The same of tests with larger shares, and of every other test of a cell: twins of one maker are more alike than the cells, ages and
habits of a real fleet."""


class Seen(NamedTuple):
    """What the tests said of a vehicle, (n_day, n_test): the largest score in the pack, the largest that stands with what was seen the
    day before, and the number of the cell or probe that had the largest score."""

    most: np.ndarray
    stands: np.ndarray
    where: np.ndarray


def seen_in(case: Case) -> Seen:
    """Follow a vehicle day by day."""
    memory, track = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe)
    most, stands, where = [], [], []
    before: list[np.ndarray] | None = None
    for features in case.days:
        memory, estimate = learn(memory, features)
        scores = look(track, estimate, features)
        parts = [np.abs(np.concatenate([scores.drift, scores.place, scores.pace])), np.abs(scores.pack)[:, None], np.abs(scores.probe)]
        most.append(np.concatenate([part.max(axis=1, initial=0.0) for part in parts]))
        pairs = zip(parts, before or [0.0 * part for part in parts], strict=True)
        stands.append(np.concatenate([np.minimum(now, last / WATCH_SHARE).max(axis=1, initial=0.0) for now, last in pairs]))
        where.append(np.concatenate([part.argmax(axis=1) if part.shape[1] else np.zeros(len(part), int) for part in parts]))
        before = parts
    return Seen(np.array(most), np.array(stands), np.array(where))


class Watched(NamedTuple):
    """What limits are laid on: chemistry of a vehicle, for how long it was watched, whether it is sound, and the largest standing
    scores of each of its quarters of a year (n_quarter, n_test)."""

    kind: str
    years: float
    sound: bool
    quarters: np.ndarray


def watched(case: Case) -> Watched:
    """Follow a healthy vehicle."""
    stands = seen_in(case).stands
    length = (case.days[-1].at_s - case.days[0].at_s) / 86400.0
    parts = [part.max(axis=0) for part in np.array_split(stands, max(round(length / QUARTER_DAYS), 1))]
    sound = case.parameters.get("weakest", (0, 1.0))[1] >= WORN
    return Watched(case.pack.chemistry, vehicle_years([case]), sound, np.array(parts))


def limits(fleet: list[Watched]) -> np.ndarray:
    """A limit for every test, in the order of TESTS."""
    sound = [each for each in fleet if each.sound]
    years = sum(each.years for each in sound)
    table = np.concatenate([each.quarters for each in sound])
    most = np.sort([each.quarters.max(axis=0) for each in sound], axis=0)[::-1]
    shares = np.array([SHARES.get(name, 1.0) for name in TESTS])
    alarms = ALARMS_PER_YEAR * shares / shares.sum() * years
    middle, high = np.percentile(table, (50.0, 95.0), axis=0)
    found = high + (high - middle) / np.log(10.0) * np.log(0.05 / (alarms / len(table)))
    margin = np.array([MARGIN_OF_KEYS if name in SHARES else MARGIN for name in TESTS])
    passed = most[(alarms + 0.6).astype(int), np.arange(len(TESTS))]
    floors = LEAST | LEAST_FLAT if fleet[0].kind == "LFP" else LEAST
    of_cell = [LEAST_OF_KEYS if name in SHARES else LEAST_OF_CELLS if "," in name else 0.0 for name in TESTS]
    least = [floors.get(name, usual) for name, usual in zip(TESTS, of_cell, strict=True)]
    return np.asarray(np.maximum(np.maximum(found, margin * passed), least))


def write_limits(fleet: Iterable[Case]) -> None:
    """Write `detect_table` from healthy vehicles: its text up to the table stays."""
    seen = [watched(case) for case in fleet if len(case.days) > 1]
    write_table({kind: limits([each for each in seen if each.kind == kind]) for kind in ("NMC", "LFP")})


def write_table(found: dict[str, np.ndarray]) -> None:
    """Write limits by chemistry into `detect_table`."""
    path = HOME / "detect_table.py"
    head = path.read_text().split("LIMITS = {")[0]
    rows = []
    for kind, each in found.items():
        parts = np.split(each, np.cumsum([len(CHANNELS), len(CHANNELS), len(PACE), len(PACK)]))
        rows.append(f'    "{kind}": Limits(\n' + "".join(f"        np.array([{_numbers(part)}]),\n" for part in parts) + "    ),\n")
    path.write_text(f'{head}LIMITS = {{\n{"".join(rows)}}}\n"""By chemistry."""\n')


def _numbers(part: Any) -> str:
    return ", ".join(f"{x:.1f}" for x in part)
