"""Grade of a battery: the best one of which all wishes are met, with what stood in the way of a better one, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evloom.diagnose.card_rules import GradeRule
from evloom.diagnose.warning import LEVELS
from evloom.kernel.timegrid import Float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is not better: a key of `card_texts`, what was asked, what there is (None where no number), source of the rule."""

    key: str
    asked: float | None = None
    have: float | None = None
    subject: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Grade:
    """name "" where nothing can be said; reasons why it is no better one; chances of each grade by the doubt about the SOH."""

    name: str
    source: str
    reasons: tuple[Reason, ...]
    chances: tuple[tuple[str, float], ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What a grade looks at, None where not known: state of health, weakest cell's capacity share, highest cell's resistance share.

    level  of the highest open warning, "" none
    """

    soh: float | None
    capacity_share: float | None
    resistance_share: float | None
    level: str


def grade_of(condition: Condition, soh_cases: Float | None, rules: Sequence[GradeRule]) -> Grade:
    """The grade of a condition. soh_cases (n,) are what the state of health may be, None where not known; then only faults can grade.

    rules from best to worst; raises ValueError where there are none
    """
    if not rules:
        raise ValueError("there are no rules of grades")
    if condition.soh is None or soh_cases is None:
        return _by_level_alone(condition, rules)
    stopped: tuple[Reason, ...] = ()
    for rule in rules:
        lacking = unmet(condition, rule)
        if not lacking:
            return Grade(rule.name, rule.source, stopped, _chances(condition, soh_cases, rules), _unknown(condition))
        stopped = lacking
    worst = rules[-1]
    return Grade(worst.name, worst.source, stopped, _chances(condition, soh_cases, rules), _unknown(condition))


def unmet(condition: Condition, rule: GradeRule) -> tuple[Reason, ...]:
    """The wishes of a grade that a condition does not meet."""
    wishes = (
        ("grade.soh", rule.soh_from, condition.soh, 1.0),
        ("grade.capacity-share", rule.capacity_share_from, condition.capacity_share, 1.0),
        ("grade.resistance-share", rule.resistance_share_to, condition.resistance_share, -1.0),
    )
    found = [
        Reason(key, asked, have, rule.name, rule.source)
        for key, asked, have, sign in wishes
        if have is not None and sign * have < sign * asked
    ]
    if level_place(condition.level) > level_place(rule.level_to):
        found.append(Reason("grade.level", None, None, f"{rule.name}:{condition.level}", rule.source))
    return tuple(found)


def level_place(level: str) -> int:
    """-1 no warning, 0 watch, 1 inspect, 2 stop. Raises ValueError for another word."""
    if level and level not in LEVELS:
        raise ValueError(f"no level {level!r}: {', '.join(LEVELS)}")
    return LEVELS.index(level) if level else -1


def _by_level_alone(condition: Condition, rules: Sequence[GradeRule]) -> Grade:
    worst = rules[-1]
    before = rules[-2] if len(rules) > 1 else worst
    if level_place(condition.level) > level_place(before.level_to):
        return Grade(worst.name, worst.source, unmet(condition, before), ((worst.name, 1.0),), ())
    return Grade("", "", (), (), ("missing.soh",))


def _chances(condition: Condition, soh_cases: Float, rules: Sequence[GradeRule]) -> tuple[tuple[str, float], ...]:
    names = [rule.name for rule in rules]
    fits = np.array(
        [(soh_cases >= rule.soh_from) & (not [each for each in unmet(condition, rule) if each.key != "grade.soh"]) for rule in rules]
    )
    fits[-1] = True
    place = fits.argmax(axis=0)
    return tuple((name, round(float((place == k).mean()), 3)) for k, name in enumerate(names) if (place == k).any())


def _unknown(condition: Condition) -> tuple[str, ...]:
    pairs = (("capacity-share", condition.capacity_share), ("resistance-share", condition.resistance_share))
    return tuple(f"missing.{name}" for name, value in pairs if value is None)
