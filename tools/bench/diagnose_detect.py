"""`python -m tools.bench.diagnose_detect limits|learn|figures`: how the doctor's limits and causes are made, and how well they do.

limits   from the healthy fleet to src/evloom/diagnose/detect_table.py
learn    from the learning fleet to src/evloom/diagnose/cause_table.py
figures  on the test fleet and the unknown faults, written into docs/diagnose-method.md between its marks
Fleets and seeds: tools/bench/diagnose_fleet.py.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from evloom.diagnose.cause import NAMES, UNKNOWN
from evloom.diagnose.detect import fresh_track, look
from evloom.diagnose.doctor import examine, fresh
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.signature import severity
from evloom.diagnose.warning import Warning  # noqa: A004
from tools.bench.diagnose_fleet import PLANS, Case, cases, vehicle_years
from tools.bench.diagnose_learn import write_causes, write_limits

PAGE = Path(__file__).parents[2] / "docs" / "diagnose-method.md"
BEGIN, END = "<!-- figures: python -m tools.bench.diagnose_detect figures -->", "<!-- end of figures -->"
NEVER = np.inf


def followed(case: Case) -> dict[str, Any]:
    """What the doctor said of a vehicle: every warning change, and the largest severity on any day."""
    state, changes = fresh(case.pack), []
    for features in case.days:
        changes += examine(state, features)
    return {"case": case, "changes": changes, "most": most_severe(case)}


def most_severe(case: Case) -> float:
    """Largest severity over the days."""
    memory, track, most = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe), 0.0
    for features in case.days:
        memory, estimate = learn(memory, features)
        found = severity(look(track, estimate, features), features.kind)
        most = max(most, *(float(part.max(initial=0.0)) for part in found))
    return most


def area(score: np.ndarray, faulty: np.ndarray) -> float:
    """Area under the receiver operating characteristic, ties count half."""
    above = score[faulty][:, None] - score[~faulty][None]
    return float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else float("nan")


def warned_s(told: dict[str, Any], level: str) -> float:
    """When a vehicle was first warned of at least at this level, infinity never."""
    order = ("watch", "inspect", "stop")
    times = [
        change.at_s for change in told["changes"] if order.index(change.warning.level) >= order.index(level) and change.kind != "closed"
    ]
    return min(times, default=NEVER)


def last_word(told: dict[str, Any]) -> Warning | None:
    """The last that was said of the part that was warned of most severely at `inspect` or above."""
    spoken = [change.warning for change in told["changes"] if change.warning.level != "watch" and change.kind != "closed"]
    if not spoken:
        return None
    top = max(spoken, key=lambda warning: warning.severity)
    same: list[Warning] = [warning for warning in spoken if (warning.cell, warning.probe) == (top.cell, top.probe)]
    return same[-1]


def detection(rows: list[dict[str, Any]]) -> list[str]:
    """Detection of each fault, areas, and false alarms of the healthy vehicles among them."""
    score = np.array([told["most"] for told in rows])
    kind = np.array([told["case"].fault for told in rows])
    healthy = kind == "none"
    lines = [f"AUROC per vehicle, pooled over all faults: {area(score, ~healthy):.3f} (n = {len(rows)}, {int(healthy.sum())} healthy)", ""]
    lines += ["| fault | n | AUROC | warned at inspect or above | right cell |", "|---|---|---|---|---|"]
    for name in sorted(set(kind) - {"none"}):
        mine = (kind == name) | healthy
        told = [row for row in rows if row["case"].fault == name]
        found = [row for row in told if np.isfinite(warned_s(row, "inspect"))]
        cells = [row for row in found if row["case"].cell >= 0]
        right = [right_cell(row) for row in cells]
        share = f"{np.mean(right):.2f} of {len(right)}" if right else "no single one"
        lines.append(f"| {name} | {len(told)} | {area(score[mine], ~healthy[mine]):.3f} | {len(found)} | {share} |")
    return lines


def right_cell(told: dict[str, Any]) -> bool:
    """Whether the cell named first is the faulty one; with a sensing wire, one of its two."""
    case = told["case"]
    named = [change.warning.cell for change in told["changes"] if change.warning.level != "watch" and change.warning.cell is not None]
    good = {case.cell, case.cell - 1} if case.fault == "sensing-wire" else {case.cell}
    return bool(named) and named[0] in good


def false_alarms(rows: list[dict[str, Any]], years: float) -> list[str]:
    """Warnings of healthy vehicles by level, each opening or raise counted."""
    lines = []
    for level in ("watch", "inspect", "stop"):
        ids = {change.warning.warning_id for told in rows for change in told["changes"] if change.warning.level == level}
        lines.append(f"| {level} | {len(ids)} | {len(ids) / years:.3f} | {(len(ids) + 3.0) / years:.3f} |")
    head = [
        f"{len(rows)} healthy vehicles, {years:.1f} vehicle-years:",
        "",
        "| level | warnings | per vehicle-year | about the upper 95 % bound |",
    ]
    return [*head, "|---|---|---|---|", *lines]


def leads(rows: list[dict[str, Any]]) -> list[str]:
    """Days from the first `inspect` to the short falling under 10 ohm."""
    lines = ["| chemistry | shorts that reach 10 ohm | warned before | median lead (d) | 10th percentile (d) |", "|---|---|---|---|---|"]
    for kind in ("NMC", "LFP"):
        mine = [row for row in rows if row["case"].pack.chemistry == kind and np.isfinite(row["case"].ten_ohm_s)]
        lead = np.array([(row["case"].ten_ohm_s - warned_s(row, "inspect")) / 86400.0 for row in mine])
        lead = np.where(np.isfinite(lead), lead, -1.0)
        if len(lead):
            lines.append(f"| {kind} | {len(lead)} | {int((lead > 0).sum())} | {np.median(lead):.1f} | {np.percentile(lead, 10):.1f} |")
    return lines


def causes(rows: list[dict[str, Any]]) -> list[str]:
    """Macro-F1 of the last word on each warned vehicle, look-alikes, unknown kinds, calibration."""
    spoken = [(row["case"].fault, word.causes) for row in rows if (word := last_word(row)) is not None and row["case"].fault != "none"]
    true = np.array([fault if fault in NAMES else UNKNOWN for fault, _ in spoken])
    said = np.array([told[0][0] for _, told in spoken])
    sure = np.array([told[0][1] for _, told in spoken])
    scores = {name: _f1(said, true, name) for name in (*NAMES, UNKNOWN) if (true == name).any()}
    lines = [f"Macro-F1 over {len(scores)} causes: {np.mean(list(scores.values())):.2f} (n = {len(said)} warned vehicles); of each:", ""]
    lines += [
        "| cause | n | F1 |",
        "|---|---|---|",
        *(f"| {name} | {int((true == name).sum())} | {f1:.2f} |" for name, f1 in scores.items()),
        "",
    ]
    for one, two in (("internal-short", "self-discharge"), ("connection", "sensing-wire")):
        pair = np.isin(true, (one, two))
        lines.append(
            f"Look-alikes {one} / {two}: {np.mean(said[pair] == true[pair]) if pair.any() else np.nan:.2f} right of {int(pair.sum())}."
        )
    strange = true == UNKNOWN
    lines.append(f"Kinds left out of learning that came back as unknown: {np.mean(said[strange] == UNKNOWN):.2f} of {int(strange.sum())}.")
    lines.append(f"Expected calibration error, ten bins: {calibration(sure, said == true):.3f}.")
    return lines


def _f1(said: np.ndarray, true: np.ndarray, name: str) -> float:
    both = int(((said == name) & (true == name)).sum())
    return 2.0 * both / max(int((said == name).sum() + (true == name).sum()), 1)


def calibration(sure: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error of the first cause's probability."""
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(sum(abs(right[bins == k].mean() - sure[bins == k].mean()) * (bins == k).mean() for k in range(10) if (bins == k).any()))


def figures() -> str:
    """The text of the figures."""
    test, healthy, strange = ([followed(case) for case in cases(name) if case.days] for name in ("test", "healthy", "unknown"))
    learnt = [followed(case) for case in cases("learn") if case.fault == "internal-short" and case.days]
    seeds = ", ".join(f"{name} {plan.seed} ({plan.n} vehicles, {plan.days} days, {plan.interval_s:.0f} s)" for name, plan in PLANS.items())
    parts = [
        [f"Fleets by seed: {seeds}. NMC and LFP evenly. The fleets are those of the pack twin, not of PyBaMM."],
        ["### Detection (fleets test and unknown)", "", *detection(test + strange)],
        ["### False alarms", "", *false_alarms(healthy, vehicle_years([told["case"] for told in healthy])), ""],
        ["Limits were taken from this same healthy fleet; the healthy vehicles of the test fleet, which were not used for anything:", ""],
        [
            *false_alarms(
                [told for told in test if told["case"].fault == "none"],
                vehicle_years([told["case"] for told in test if told["case"].fault == "none"]),
            )
        ],
        ["### Lead before 10 ohm (shorts of test and learn; no limit was taken from them)", "", *leads(test + learnt)],
        ["### Causes (fleets test and unknown)", "", *causes(test + strange)],
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def main() -> None:
    """The command."""
    job = sys.argv[1] if len(sys.argv) == 2 else ""
    if job == "limits":
        write_limits(cases("healthy"))
    elif job == "learn":
        write_causes(cases("learn"))
    elif job == "figures":
        text = figures()
        print(text)
        before, rest = PAGE.read_text().split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
