"""What the doctor says of labelled fleets, counted: detection beside false alarms and lead, cells, causes, calibration."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evloom.diagnose.cause import NAMES, UNKNOWN
from evloom.diagnose.detect import fresh_track, look
from evloom.diagnose.doctor import examine, fresh
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.signature import severity
from evloom.diagnose.warning import LEVELS, Warning, WarningChange  # noqa: A004
from evloom.simulate.pack.fault import UNKNOWN as STRANGE
from tools.bench.diagnose_baselines import scores
from tools.bench.diagnose_fleet import Case, vehicle_years

NEVER = np.inf
BINS = 10
PAIRS = (("internal-short", "self-discharge"), ("connection", "sensing-wire"))
ALL = (*NAMES, UNKNOWN)


@dataclass(frozen=True)
class Told:
    """A vehicle and what the doctor said of it; most: the largest severity of a part that stood on two days running."""

    case: Case
    changes: list[WarningChange]
    most: float

    @property
    def faulty(self) -> bool:
        """Whether it has a fault."""
        return self.case.fault != "none"

    def warned_s(self, level: str) -> float:
        """When it was first warned of at least at this level, infinity never."""
        least = LEVELS.index(level)
        told = [change for change in self.changes if change.kind in ("opened", "updated")]
        return min((change.at_s for change in told if LEVELS.index(change.warning.level) >= least), default=NEVER)

    def words(self) -> list[Warning]:
        """What was said at `inspect` or above."""
        return [change.warning for change in self.changes if change.warning.level != "watch" and change.kind != "closed"]

    def last_word(self) -> Warning | None:
        """The last that was said of the part that was warned of most severely."""
        said = self.words()
        if not said:
            return None
        top = max(said, key=lambda warning: warning.severity)
        return [warning for warning in said if warning.warning_id == top.warning_id][-1]


def follow(fleet: Iterable[Case]) -> list[Told]:
    """The doctor goes through the days of every vehicle."""
    return [_followed(case) for case in fleet if case.days]


def _followed(case: Case) -> Told:
    state, changes = fresh(case.pack), []
    for features in case.days:
        changes += examine(state, features)
    memory, track, most = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe), 0.0
    before: tuple[np.ndarray, ...] = ()
    for features in case.days:
        memory, estimate = learn(memory, features)
        found = tuple(severity(look(track, estimate, features), features.kind))
        stands = [np.minimum(part, last) for part, last in zip(found, before, strict=True)] if before else []
        most = max([most, *(float(part.max(initial=0.0)) for part in stands)])
        before = found
    return Told(case, changes, most)


def area(score: np.ndarray, faulty: np.ndarray) -> float:
    """Area under the receiver operating characteristic, ties count half; NaN without both sorts."""
    above = score[faulty][:, None] - score[~faulty][None]
    return float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else float("nan")


def upper_bound(count: int, years: float) -> float:
    """Exact upper 95 % bound (one-sided) of a rate of which `count` were seen: the mean at which so few have 5 %."""
    low, high = 0.0, 10.0 + 3.0 * count + 10.0 * np.sqrt(count + 1.0)
    for _ in range(80):
        mean = 0.5 * (low + high)
        terms = np.cumsum(np.log(np.maximum(np.arange(count + 1), 1)))
        chance = float(np.exp(-mean + np.arange(count + 1) * np.log(max(mean, 1e-300)) - terms).sum())
        low, high = (mean, high) if chance > 0.05 else (low, mean)
    return float(high / years)


def rate(rows: list[Told], level: str) -> str:
    """Warnings of healthy vehicles at this level (each counted once), a vehicle-year, with its bound."""
    years = vehicle_years([told.case for told in rows])
    count = len({change.warning.warning_id for told in rows for change in told.changes if change.warning.level == level})
    if years <= 0.0:
        return "no healthy vehicle"
    return f"{count} in {years:.1f} vehicle-years: {count / years:.3f} a vehicle-year, at most {upper_bound(count, years):.3f} (95 %)"


def of_level(rows: list[Told]) -> list[str]:
    """False alarms by level."""
    healthy = [told for told in rows if not told.faulty]
    return [f"- {level}: {rate(healthy, level)}" for level in LEVELS]


def detection(rows: list[Told]) -> list[str]:
    """Each fault by chemistry: area, warned, right cell, wrong cells, how long after the onset."""
    healthy = [told for told in rows if not told.faulty]
    faulty = [told for told in rows if told.faulty]
    score, sick = np.array([told.most for told in rows]), np.array([told.faulty for told in rows])
    head = f"{len(faulty)} vehicles with a fault, {len(healthy)} healthy. AUROC a vehicle, pooled: {area(score, sick):.3f}. "
    lines = [f"{head}False alarms meanwhile, `inspect`: {rate(healthy, 'inspect')}.", ""]
    lines += ["| fault | chemistry | n | AUROC | warned (`inspect`) | right cell first | wrong cells named | days from onset, median |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name in sorted({told.case.fault for told in faulty}):
        for kind in (*sorted({told.case.pack.chemistry for told in rows}), "all"):
            mine = [told for told in faulty if told.case.fault == name and kind in (told.case.pack.chemistry, "all")]
            sound = [told for told in healthy if kind in (told.case.pack.chemistry, "all")]
            if mine:
                lines.append(f"| {name} | {kind} | {len(mine)} | {_area_of(mine, sound)} | {_found(mine)} |")
    found = [told for told in faulty if told.case.cell >= 0 and told.warned_s("inspect") < NEVER]
    wrong = sum(len(wrong_cells(told)) for told in found)
    right = np.mean([is_right_cell(told) for told in found]) if found else np.nan
    lines += [
        "",
        f"Of {len(found)} detections with a faulty cell the right one was named first in {right:.3f}; {wrong} wrong cells were named.",
    ]
    return lines


def _area_of(mine: list[Told], sound: list[Told]) -> str:
    score = np.array([told.most for told in (*mine, *sound)])
    value = area(score, np.arange(len(score)) < len(mine))
    return f"{value:.3f}" if np.isfinite(value) else "no healthy one"


def _found(mine: list[Told]) -> str:
    found = [told for told in mine if told.warned_s("inspect") < NEVER]
    cells = [told for told in found if told.case.cell >= 0]
    right = f"{sum(map(is_right_cell, cells))} of {len(cells)}" if cells else "no single one"
    wrong = sum(len(wrong_cells(told)) for told in cells)
    since = [(told.warned_s("inspect") - told.case.onset_s) / 86400.0 for told in found]
    return f"{len(found)} | {right} | {wrong} | {f'{np.median(since):.1f}' if since else 'none'}"


def good_cells(case: Case) -> set[int]:
    """The faulty cell; with a sensing wire its two."""
    return {case.cell, case.cell - 1} if case.fault == "sensing-wire" else {case.cell}


def is_right_cell(told: Told) -> bool:
    """Whether the cell that was named first is a faulty one."""
    named = [word.cell for word in told.words() if word.cell is not None]
    return bool(named) and named[0] in good_cells(told.case)


def wrong_cells(told: Told) -> set[int]:
    """Cells named at `inspect` or above that are sound."""
    return {word.cell for word in told.words() if word.cell is not None} - good_cells(told.case)


def leads(rows: list[Told]) -> list[str]:
    """Days from the first `inspect` to the short falling under 10 ohm."""
    healthy = [told for told in rows if not told.faulty]
    lines = ["| chemistry | shorts that reach 10 ohm | warned before | median lead (d) | 10th percentile (d) |", "|---|---|---|---|---|"]
    for kind in sorted({told.case.pack.chemistry for told in rows}):
        mine = [told for told in rows if told.case.pack.chemistry == kind and np.isfinite(told.case.ten_ohm_s)]
        lead = np.array([(told.case.ten_ohm_s - told.warned_s("inspect")) / 86400.0 for told in mine])
        lead = np.where(np.isfinite(lead), lead, -1.0)
        if len(lead):
            lines.append(f"| {kind} | {len(lead)} | {int((lead > 0).sum())} | {np.median(lead):.1f} | {np.percentile(lead, 10):.1f} |")
    return [*lines, "", f"One that was not warned of counts as -1 day. False alarms meanwhile, `inspect`: {rate(healthy, 'inspect')}."]


def against(rows: list[Told]) -> list[str]:
    """Areas of the doctor and of the baselines over the same vehicles and features."""
    sick = np.array([told.faulty for told in rows])
    kinds = np.array([told.case.pack.chemistry for told in rows])
    ours = np.array([told.most for told in rows])
    lines = ["| detector | AUROC a vehicle | " + " | ".join(np.unique(kinds)) + " |", "|---" * (2 + len(np.unique(kinds))) + "|"]
    best = 0.0
    for name, score in {"the doctor": ours, **scores([told.case for told in rows])}.items():
        if score is None:
            lines.append(f"| {name} | not installed (scikit-learn, extra `truth`) |" + " |" * len(np.unique(kinds)))
            continue
        each = [f"{area(score[kinds == kind], sick[kinds == kind]):.3f}" for kind in np.unique(kinds)]
        best = best if name == "the doctor" else max(best, area(score, sick))
        lines.append(f"| {name} | {area(score, sick):.3f} | {' | '.join(each)} |")
    return [*lines, "", f"The doctor is {area(ours, sick) - best:+.3f} from the best of them."]


def causes(rows: list[Told]) -> list[str]:
    """Causes of the warned vehicles, at the first word at `inspect` and at the last."""
    spoken = [told for told in rows if told.faulty and told.words()]
    lines = []
    for when, words in (("first", [told.words()[0] for told in spoken]), ("last", [told.last_word() for told in spoken])):
        told = [word.causes for word in words if word is not None]
        lines += ["", f"#### At the {when} word at `inspect`", "", *_causes_at(np.array([each.case.fault for each in spoken]), told)]
    return lines[1:]


def _causes_at(kind: np.ndarray, told: list[tuple[tuple[str, float], ...]]) -> list[str]:
    true = np.where(np.isin(kind, NAMES), kind, UNKNOWN)
    said, sure = np.array([each[0][0] for each in told]), np.array([each[0][1] for each in told])
    scored = {name: f1(said, true, name) for name in ALL if (true == name).any()}
    missing = [name for name in ALL if name not in scored]
    left = f"; without {', '.join(missing)}, of which there is none" if missing else ""
    lines = [f"Macro-F1 over {len(scored)} causes: {np.mean(list(scored.values())):.3f} ({len(said)} warned vehicles{left}).", ""]
    for pair in PAIRS:
        mine = np.isin(true, pair)
        share = f"{np.mean(said[mine] == true[mine]):.2f}" if mine.any() else "none"
        lines.append(f"- {pair[0]} / {pair[1]}: {share} of {int(mine.sum())} told right")
    strange = true == UNKNOWN
    named = {name: said[kind == name] == UNKNOWN for name in STRANGE if (kind == name).any()}
    each = ", ".join(f"{name} {hit.sum()} of {len(hit)}" for name, hit in named.items())
    share = f"{np.mean(said[strange] == UNKNOWN):.2f}" if strange.any() else "none"
    lines.append(f"- kinds in no learning called unknown: {share} of {int(strange.sum())} ({each})")
    lines += [f"- expected calibration error, {BINS} bins: {calibration(sure, said == true):.3f}", "", *_bins(sure, said == true), ""]
    return [*lines, *_confusion(said, true, scored)]


def f1(said: np.ndarray, true: np.ndarray, name: str) -> float:
    """Harmonic mean of precision and recall of a cause."""
    return 2.0 * int(((said == name) & (true == name)).sum()) / max(int((said == name).sum() + (true == name).sum()), 1)


def calibration(sure: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error of the first cause's probability."""
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs(right[place == k].mean() - sure[place == k].mean()) * (place == k).mean() for k in np.unique(place)))


def _bins(sure: np.ndarray, right: np.ndarray) -> list[str]:
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    rows = [
        f"| {k / BINS:.1f} | {int((place == k).sum())} | {sure[place == k].mean():.2f} | {right[place == k].mean():.2f} |"
        for k in np.unique(place)
    ]
    return ["| probability from | n | mean | right |", "|---|---|---|---|", *rows]


def _confusion(said: np.ndarray, true: np.ndarray, scored: dict[str, float]) -> list[str]:
    short = {name: "".join(word[0] for word in name.split("-")) if "-" in name else name[:2] for name in ALL}
    lines = ["| truth | n | F1 | " + " | ".join(short.values()) + " |", "|---" * (3 + len(ALL)) + "|"]
    for name, value in scored.items():
        count = [int(((true == name) & (said == other)).sum()) for other in ALL]
        lines.append(f"| {name} ({short[name]}) | {sum(count)} | {value:.2f} | " + " | ".join(str(n) if n else "" for n in count) + " |")
    return lines
