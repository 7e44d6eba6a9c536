"""`python -m tools.bench.diagnose_pulse`: how well bare retired cells are graded by pulse tests, written into docs/battery-value.md.

Recorded cells (`battery_retired_pulse` in $EVLOOM_DATA or ../shared/data). Cells are shared out into ten parts (into single cells where
there are few), and each part is graded by what was learnt from the others: no physical cell is ever on both sides. What is graded goes
through `grade_cells` like any user's file. The baselines learn from the same cells.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from evloom.diagnose.card_rules import Rules
from evloom.diagnose.pulse import PulseTests, common_charge, features, grade_cells, level_of
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Bool, Float
from evloom.store.battery.pulse_read import read
from evloom.store.battery.rules import load_rules
from tools.fault import ROOT

PAGE = ROOT / "docs" / "battery-value.md"
BEGIN, END = "<!-- figures: python -m tools.bench.diagnose_pulse -->", "<!-- end of figures -->"
PARTS = 10
FEW = 15
SEED = 20
HEAD = (
    "| kind | how tested | physical cells | graded | mean of the others | line on one feature | ridge | `grade_cells` | RMSE"
    " | p10-p90 holds | its width | refused |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Graded:
    """What came of one kind tested in one way: errors in points of SOH, baselines by name; share inside p10-p90 and its mean width."""

    kind: str
    way: str
    n_cell: int
    n: int
    baselines: tuple[float, float, float]
    error: float
    rmse: float
    inside: float
    width: float
    refused: int

    def row(self) -> str:
        """A row of the table."""
        figures = " | ".join(f"{each:.2f}" for each in (*self.baselines, self.error, self.rmse))
        return (
            f"| {self.kind} | {self.way} | {self.n_cell} | {self.n} | {figures} | {self.inside:.0%} | {self.width:.1f} | {self.refused} |"
        )


def parts_of(tests: PulseTests) -> Iterator[Bool]:
    """Rows (n,) of each part that is left out; whole physical cells."""
    origins = np.array(tests.origin)
    names = np.unique(origins)
    n_part = len(names) if len(names) <= FEW else PARTS
    part = {name: place % n_part for place, name in enumerate(np.random.default_rng(SEED).permutation(names))}
    for place in range(n_part):
        yield np.array([part[name] == place for name in origins])


@dataclass
class Tally:
    """Truth and what was said, test by test or cell by cell; baselines in their order."""

    true: list[float] = field(default_factory=list)
    soh: list[Interval] = field(default_factory=list)
    baselines: list[tuple[float, ...]] = field(default_factory=list)
    refused: int = 0

    def graded(self, tests: PulseTests, way: str) -> Graded:
        """The figures."""
        true = np.array(self.true)
        low, middle, high = (np.array([getattr(each, name) for each in self.soh]) for name in ("p10", "p50", "p90"))
        plain = np.abs(np.array(self.baselines) - true[:, None]).mean(axis=0) * 100.0
        return Graded(
            kind=tests.kind[0],
            way=way,
            n_cell=len(set(tests.origin)),
            n=len(true),
            baselines=(float(plain[0]), float(plain[1]), float(plain[2])),
            error=float(np.abs(middle - true).mean() * 100.0),
            rmse=float(np.sqrt(((middle - true) ** 2).mean()) * 100.0),
            inside=float(((true >= low) & (true <= high)).mean()),
            width=float((high - low).mean() * 100.0),
            refused=self.refused,
        )


def judged(tests: PulseTests, way: str, rules: Rules, each_test: bool = True) -> Graded:
    """Grade every test of a kind for itself, or every cell by all its tests at once."""
    tally = Tally()
    counted = way.startswith("counted")
    for out in parts_of(tests):
        left, given = tests.part(~out), tests.part(out)
        asked = given if counted else _as_found(given, tests)
        names = tuple(f"{cell}@{place}" for place, cell in enumerate(asked.cell)) if each_test else asked.cell
        blind = replace(asked, cell=names, capacity_ah=np.full(asked.n, np.nan))
        plain = _baselines(left if counted else left.part(common_charge(left)), asked)
        for grade in grade_cells(blind, rules, left):
            own = np.array([name == grade.cell for name in names])
            if grade.soh is None:
                tally.refused += 1
                continue
            tally.true.append(float(asked.soh()[own][0]))
            tally.soh.append(grade.soh)
            tally.baselines.append(tuple(float(answer[own].mean()) for answer in plain))
    return tally.graded(tests, way)


def _as_found(given: PulseTests, tests: PulseTests) -> PulseTests:
    """The tests as if the cells had been found so: the state of charge is not told, and is one at which nearly all cells were tested."""
    common = common_charge(tests)
    keys = {(cell, share) for cell, share, is_common in zip(tests.cell, tests.charged, common, strict=True) if is_common}
    kept = given.part(np.array([key in keys for key in zip(given.cell, given.charged, strict=True)], dtype=bool))
    return replace(kept, charged=np.full(kept.n, np.nan))


def _baselines(left: PulseTests, asked: PulseTests) -> tuple[Float, Float, Float]:
    """Mean, line on the feature that fits best, ridge: each level for itself where it is counted."""
    levels = np.array([level_of(share) for share in asked.charged])
    own = np.array([level_of(share) for share in left.charged])
    answers = (np.empty(asked.n), np.empty(asked.n), np.empty(asked.n))
    for level in np.unique(levels):
        learnt = left if level < 0 else left.part(own == level)
        rows = levels == level
        given, target = features(learnt.u_v), learnt.soh()
        centre, scale = given.mean(axis=0), np.maximum(given.std(axis=0), 1e-9)
        x, ask = (given - centre) / scale, (features(asked.u_v[rows]) - centre) / scale
        y = target - target.mean()
        best = int(np.argmax(np.abs(x.T @ y)))
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
        answers[0][rows] = target.mean()
        answers[1][rows] = target.mean() + ask[:, best] * (x[:, best] @ y) / (x[:, best] @ x[:, best])
        answers[2][rows] = target.mean() + ask @ weights
    return answers


def figures(folder: Path) -> str:
    """The text of the figures."""
    reading, rules = read(folder), load_rules()
    lines = [
        f"{reading.accepted} tests read, {reading.refused} refused. Mean absolute errors in points of SOH (1 = 1 % of the rated capacity).",
        "",
        HEAD,
    ]
    for kind in sorted(set(reading.tests.kind)):
        tests = reading.tests.part(np.array([each == kind for each in reading.tests.kind]))
        lines.append(judged(tests, "counted, one level", rules).row())
        lines.append(judged(tests, "counted, all levels", rules, each_test=False).row())
        lines.append(judged(tests, "as found, one test", rules).row())
        if len(set(tests.origin)) < len(set(tests.cell)):
            wrong = replace(tests, origin=tests.cell)
            lines.append(judged(wrong, "as found, but ages of one cell taken for cells: **wrong**", rules).row())
    return "\n".join(lines)


def main() -> int:
    """Print the figures and write them into the page."""
    folder = Path(os.environ.get("EVLOOM_DATA", ROOT.parent / "shared" / "data")) / "battery_retired_pulse"
    if not folder.exists():
        print(f"no recorded data in {folder}: set EVLOOM_DATA to the folder that holds battery_retired_pulse", file=sys.stderr)
        return 1
    text = figures(folder)
    print(text)
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
