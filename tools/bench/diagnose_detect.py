"""How the doctor's limits and causes are made, and how well they do.

python -m tools.bench.diagnose_detect limits    from healthy fleets to src/evloom/diagnose/detect_table.py
python -m tools.bench.diagnose_detect learn     from the learning fleets to src/evloom/diagnose/cause_table.py
python -m tools.bench.diagnose_detect figures   into docs/diagnose-method.md between its marks; run it in an environment with the
                                                extra `truth`, or the row of the isolation forest says that it is not installed

Fleets and seeds: tools/bench/diagnose_fleet.py; packs by PyBaMM (docs/battery-truth.md) are learnt from in SOLVED and judged in TRUTH.
"""

import argparse
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np

from evloom.diagnose.cause import NAMES, UNKNOWN, Model, learnt, part_places, probabilities
from tools.bench.diagnose_causes import fitted, learnt_from, write_table
from tools.bench.diagnose_figures import Told, against, causes, detection, follow, leads, of_level
from tools.bench.diagnose_fleet import PLANS, SOUND, SOUND_HALF, Case, cases, each_case, kept_cases
from tools.bench.diagnose_learn import SOLVED, SOLVED_SOUND, write_limits
from tools.bench.diagnose_looks import Looks, looks_of

PAGE = Path(__file__).parents[2] / "docs" / "diagnose-method.md"
BEGIN, END = "<!-- figures: python -m tools.bench.diagnose_detect figures -->", "<!-- end of figures -->"
LEARNING = ("wide", "causes")
FURTHER = ("self-discharge", "plating", "weak-cell", "capacity-dive")
"""Kinds of which packs of other makers show more courses than `causes` does: of `causes` they are left out."""
SOLVED_KINDS = (*SOLVED, "out/truth/c")
TRUTH = "out/truth/d"
LEAST_DAYS = 10


def learning_looks() -> Looks:
    """Looks at all vehicles that causes are learnt from: none with a fault of the kinds for "unknown"."""
    fleets = ((name, case) for name in (*LEARNING, *SOLVED_KINDS) for case in each_case(name))
    return looks_of(case for name, case in fleets if case.fault in (*NAMES, "none") and not (name == "causes" and case.fault in FURTHER))


def left_out(judged: Looks, learning: Looks) -> list[str]:
    """Each of the ten kinds, judged by a model that never saw it: how many of its vehicles come back as unknown."""
    lines = ["| kind left out of learning | vehicles | unknown at the first look | at the last | else called |", "|---|---|---|---|---|"]
    whole, shares = learnt(), []
    for left in NAMES:
        mine = judged.part(judged.right & (judged.kind == left) & (judged.first | judged.last))
        if not len(mine.kind):
            lines.append(f"| {left} | 0 | none | none | |")
            continue
        model = fitted(learning, tuple(name for name in NAMES if name != left), seed=3)
        said = _said(model._replace(strange=whole.strange, cool=whole.cool, sure=whole.sure), mine.figures)
        each = [said[when] == UNKNOWN for when in (mine.first, mine.last)]
        shares.append(float(each[1].mean()))
        others = Counter(said[said != UNKNOWN].tolist()).most_common(2)
        told = " | ".join(f"{hit.sum()} of {len(hit)}" for hit in each)
        lines.append(f"| {left} | {len(np.unique(mine.vehicle))} | {told} | {', '.join(name for name, _ in others)} |")
    return [*lines, "", f"Mean over the kinds at the last look: {np.mean(shares):.2f}."]


def _said(model: Model, figures: np.ndarray) -> np.ndarray:
    of_cell = figures[:, part_places().start] > 0.5
    return np.asarray(np.array((*NAMES, UNKNOWN))[probabilities(model, figures, of_cell).argmax(axis=1)])


def seen(case: Case) -> bool:
    """Whether a record is long enough to be judged, and reaches the onset of its fault."""
    return len(case.days) >= LEAST_DAYS and (case.fault == "none" or case.days[-1].at_s > case.onset_s)


def section(title: str, packs: list[Case], learning: Looks) -> list[str]:
    """All figures of the vehicles of one source."""
    fleet = [case for case in packs if seen(case)]
    rows: list[Told] = follow(fleet)
    short = f"{len(packs) - len(fleet)} records of under {LEAST_DAYS} days, or that end before the onset of their fault, are left out."
    return [
        f"### {title}", "", short, "", "#### Detection", "", *detection(rows), "", "#### False alarms", "", *of_level(rows), "",
        "#### Lead before 10 ohm", "", *leads(rows), "", "#### Against usual detectors, same features", "", *against(rows), "",
        *causes(rows), "", "#### Kinds left out of learning", "", *left_out(looks_of(fleet), learning),
    ]  # fmt: skip


def figures(truth: str, sources: str) -> str:
    """The text of the figures."""
    learning = learning_looks()
    used = ", ".join(f"{name} {PLANS[name].seed}" for name in LEARNING if name in PLANS)
    solved = ", ".join(f"`{name}`" for name in SOLVED_KINDS)
    parts = [[f"Causes were learnt from the twin fleets {used} and the packs by PyBaMM in {solved} (seeds 1 to 3)."]]
    if sources in ("all", "truth"):
        packs = cases(truth)
        journeys = len({case.parameters.get("journey") for case in packs})
        parts.append(section(f"Packs by PyBaMM, `{truth}`: {len(packs)} of {journeys} journeys, in no learning", packs, learning))
    if sources in ("all", "twin"):
        names = ("test", "unknown", "test-shorts", "test-healthy")
        fleet = [case for name in names for case in kept_cases(name)]
        seeds = ", ".join(f"{name} {PLANS[name].seed}" for name in names)
        parts.append(section(f"Pack twin, {len(fleet)} vehicles of fleets in no learning, by seed: {seeds}", fleet, learning))
    return "\n\n".join("\n".join(part) for part in parts)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("limits", "learn", "figures"))
    parser.add_argument("--truth", default=TRUTH, help="packs by PyBaMM that are judged")
    parser.add_argument("--sources", choices=("all", "truth", "twin"), default="all", help="what figures are made of; all are written")
    told = parser.parse_args()
    if told.job == "limits":
        packs = (case for name in (*SOLVED, *SOLVED_SOUND) for case in each_case(name) if case.fault == "none" and len(case.days) > 9)
        write_limits(chain(*map(each_case, SOUND), islice(each_case(SOUND_HALF), 0, None, 2), packs))
    elif told.job == "learn":
        write_table(learnt_from(learning_looks()))
    else:
        text = figures(told.truth, told.sources)
        print(text)
        if told.sources == "all":
            before, rest = PAGE.read_text().split(BEGIN)
            PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
