"""Warnings: what is suspected, how urgent, why, since when; opened, updated, acknowledged and closed, with hysteresis.

A suspicion must stand on two days running before a warning is opened; it is raised where one level less has stood for two days, the
second of them at the higher one, so that a fault that gets worse from day to day is not waited for. It must have sunk below half of
the limit for a week before it is closed or lowered. Only a cell that leaves its pack within minutes is warned of at once.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evloom.diagnose.advice import acted, advised, expected_of, next_measurement
from evloom.diagnose.cause_physics import by_fall

LEVELS = ("watch", "inspect", "stop")
WATCH_SHARE = 0.65
"""Share of the limit of `inspect` at which `watch` is said."""
KEEP_SHARE = 0.5
OPEN_DAYS = 2
CLOSE_DAYS = 7
TRACE = 120
TELL_DAYS = 7
"""An open warning is told anew after a week, with what has been seen meanwhile."""


@dataclass(frozen=True)
class Series:
    """One line of an evidence plot: value at instants (epoch seconds), in a unit."""

    name: str
    unit: str
    at_s: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True)
class Warning:  # noqa: A001  the word of the trade
    """What is suspected of one part of a battery.

    cell, probe     number from 0, None where it is no single one; with a sensing wire `cell` is the second of its two cells
    level           "watch", "inspect" or "stop"; causes (name, probability) from likely to unlikely, adding up to 1
    severity        score over its limit of `inspect`; test: the one that spoke loudest
    leak_a          current that the cell loses beyond its pack, 0 where none is seen
    evidence, expected, advice, measure_next  series; keys into `advice.TEXTS`
    missing         what the data cannot tell, keys into `advice.TEXTS`
    """

    warning_id: str
    vehicle_id: str
    pack_id: str
    cell: int | None
    probe: int | None
    level: str
    causes: tuple[tuple[str, float], ...]
    severity: float
    test: str
    leak_a: float
    first_seen_s: float
    last_seen_s: float
    opened_s: float
    updated_s: float
    acknowledged_s: float | None = None
    closed_s: float | None = None
    evidence: tuple[Series, ...] = ()
    expected: str = ""
    advice: tuple[str, ...] = ()
    measure_next: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class WarningChange:
    """What happened to a warning: "opened", "updated", "acknowledged" or "closed", at the instant of the frame that showed it."""

    kind: str
    at_s: float
    warning: Warning


@dataclass
class Case:
    """A suspicion of one part (`key`: "cell:17", "probe:3", "pack:insulation") and how long it has stood.

    above  days running at or over each level's limit; below days running under what keeps the present level
    history  (instant, level or "closed", severity) of every change; trace (instant, severity) of the last TRACE looks
    """

    key: str
    first_seen_s: float = 0.0
    above: list[int] = field(default_factory=lambda: [0, 0, 0])
    below: int = 0
    told_s: float = 0.0
    warning: Warning | None = None
    history: list[tuple[float, str, float]] = field(default_factory=list)
    trace: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """What today's look says of a part: its severity, whether it is a danger, and a warning as it would be told."""

    severity: float
    danger: bool
    draft: Warning


def level_of(case: Case) -> int:
    """Place of the open warning's level in LEVELS, -1 where none is open."""
    return LEVELS.index(case.warning.level) if case.warning is not None else -1


def wanted(finding: Finding, share: float = 1.0) -> int:
    """Level that the severity asks for, limits multiplied by `share`; -1 none."""
    if finding.severity >= share and finding.danger:
        return 2
    return 1 if finding.severity >= share else 0 if finding.severity >= share * WATCH_SHARE else -1


def weigh(case: Case, finding: Finding, at_s: float, urgent: bool = False) -> list[WarningChange]:
    """Take in a day's finding of a case; changes `case` and returns what changed. urgent: no second day is waited for."""
    now = wanted(finding)
    case.trace = [*case.trace[1 - TRACE :], (at_s, round(finding.severity, 3))]
    if now >= 0 and max(case.above) == 0 and case.warning is None:
        case.first_seen_s = at_s
    for place in range(3):
        case.above[place] = case.above[place] + 1 if now >= place else 0
    stands = max([place for place in range(3) if now >= place and (urgent or case.above[max(place - 1, 0)] >= OPEN_DAYS)], default=-1)
    level = level_of(case)
    kept = wanted(finding, KEEP_SHARE)
    case.below = case.below + 1 if kept < level else 0
    if stands > level:
        return [_told(case, finding, at_s, stands, "updated" if level >= 0 else "opened")]
    if case.below >= CLOSE_DAYS:
        case.below = 0
        return [_closed(case, finding, at_s)] if kept < 0 else [_told(case, finding, at_s, kept, "updated")]
    if case.warning is None:
        return []
    said = at_level(finding.draft, case.warning.level).causes
    changed = case.warning.causes[:1] and said[:1] and case.warning.causes[0][0] != said[0][0]
    if changed or at_s - case.told_s >= TELL_DAYS * 86400.0:
        return [_told(case, finding, at_s, level, "updated")]
    case.warning = replace(case.warning, last_seen_s=at_s if now >= 0 else case.warning.last_seen_s)
    return []


def at_level(draft: Warning, level: str) -> Warning:
    """A warning as it is told at a level: what the level asks for comes first, and at `stop` no harmless cause does."""
    causes = by_fall(draft.causes) if level == "stop" and draft.cell is not None else draft.causes
    if causes != draft.causes:
        top = causes[0][0]
        draft = replace(draft, causes=causes, expected=expected_of(top), advice=advised(top), measure_next=next_measurement(causes))
    return replace(draft, advice=acted(draft.advice, level))


def _told(case: Case, finding: Finding, at_s: float, level: int, kind: str) -> WarningChange:
    before = case.warning
    case.warning = replace(
        at_level(finding.draft, LEVELS[level]),
        warning_id=before.warning_id if before else f"{finding.draft.pack_id}:{case.key}:{int(at_s)}",
        level=LEVELS[level],
        first_seen_s=case.first_seen_s,
        last_seen_s=at_s,
        opened_s=before.opened_s if before else at_s,
        updated_s=at_s,
        acknowledged_s=before.acknowledged_s if before else None,
    )
    case.told_s, case.below = at_s, 0
    if before is None or before.level != case.warning.level:
        case.history.append((at_s, LEVELS[level], round(finding.severity, 3)))
    return WarningChange(kind, at_s, case.warning)


def _closed(case: Case, finding: Finding, at_s: float) -> WarningChange:
    if case.warning is None:
        raise ValueError(f"{case.key}: no open warning to close")
    warning = replace(case.warning, updated_s=at_s, closed_s=at_s)
    case.history.append((at_s, "closed", round(finding.severity, 3)))
    case.warning, case.above = None, [0, 0, 0]
    return WarningChange("closed", at_s, warning)


def acknowledged(case: Case, at_s: float) -> WarningChange:
    """Somebody has taken notice of the open warning of a case. Raises ValueError where none is open."""
    if case.warning is None:
        raise ValueError(f"{case.key}: no open warning to acknowledge")
    case.warning = replace(case.warning, acknowledged_s=at_s, updated_s=at_s)
    return WarningChange("acknowledged", at_s, case.warning)


def plain(case: Case) -> dict[str, Any]:
    """A case as plain values, for JSON."""
    return asdict(case)


def case_of(values: dict[str, Any]) -> Case:
    """The case of `plain`'s values."""
    told = values["warning"]
    warning = warning_of(told) if told else None
    history = [(float(at_s), str(level), float(severity)) for at_s, level, severity in values["history"]]
    trace = [(float(at_s), float(severity)) for at_s, severity in values["trace"]]
    return Case(**{**values, "warning": warning, "history": history, "trace": trace, "above": list(values["above"])})


def warning_of(values: dict[str, Any]) -> Warning:
    """A warning of plain values."""
    series = tuple(Series(each["name"], each["unit"], tuple(each["at_s"]), tuple(each["value"])) for each in values["evidence"])
    causes = tuple((str(name), float(share)) for name, share in values["causes"])
    texts = {name: tuple(values[name]) for name in ("advice", "measure_next", "missing")}
    return Warning(**{**values, "evidence": series, "causes": causes, **texts})
