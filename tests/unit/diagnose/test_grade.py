"""Grades: the best whose wishes are all met, and what stood in the way of a better one."""

import numpy as np
import pytest

from evloom.diagnose.grade import Condition, grade_of
from evloom.diagnose.value_points import Spread, cases, spread_over
from evloom.store.battery.rules import load_rules

RULES = load_rules().grades


def sohs(soh: float, half: float = 0.01) -> np.ndarray:
    return spread_over(Spread(soh - half, soh, soh + half), cases(512, 1)[0])


@pytest.mark.parametrize(
    ("soh", "capacity", "resistance", "level", "name", "stopped_by"),
    [
        (0.95, 0.99, 1.1, "", "A", []),
        (0.90, None, None, "", "A", []),
        (0.88, 0.99, 1.1, "", "B", ["grade.soh"]),
        (0.95, 0.95, 1.1, "", "B", ["grade.capacity-share"]),
        (0.95, 0.99, 1.4, "", "B", ["grade.resistance-share"]),
        (0.95, 0.99, 1.1, "watch", "B", ["grade.level"]),
        (0.95, 0.99, 1.1, "inspect", "D", ["grade.level"]),
        (0.95, 0.99, 1.1, "stop", "E", ["grade.level"]),
        (0.75, 0.99, 1.1, "", "C", ["grade.soh"]),
        (0.75, 0.85, 2.5, "watch", "D", ["grade.capacity-share", "grade.resistance-share"]),
        (0.40, 0.99, 1.1, "", "E", ["grade.soh"]),
    ],
)
def test_the_grade_and_the_rule_that_set_it(
    soh: float, capacity: float | None, resistance: float | None, level: str, name: str, stopped_by: list[str]
) -> None:
    grade = grade_of(Condition(soh, capacity, resistance, level), sohs(soh), RULES)
    assert grade.name == name
    assert [reason.key for reason in grade.reasons] == stopped_by
    assert grade.source == next(rule.source for rule in RULES if rule.name == name)
    assert sum(chance for _, chance in grade.chances) == pytest.approx(1.0, abs=0.01)


def test_doubt_about_the_health_is_told_as_chances() -> None:
    chances = dict(grade_of(Condition(0.80, 0.99, 1.1, ""), sohs(0.80, 0.05), RULES).chances)
    assert chances["B"] == pytest.approx(0.5, abs=0.03)
    assert chances["C"] == pytest.approx(0.5, abs=0.03)
    faulty = dict(grade_of(Condition(0.80, 0.99, 1.1, "stop"), sohs(0.80, 0.05), RULES).chances)
    assert faulty == {"E": 1.0}


def test_without_a_state_of_health_only_danger_grades() -> None:
    unknown = grade_of(Condition(None, None, None, "watch"), None, RULES)
    assert unknown.name == ""
    assert unknown.missing == ("missing.soh",)
    assert grade_of(Condition(None, None, None, "stop"), None, RULES).name == "E"


def test_what_is_not_known_is_told_and_not_asked_for() -> None:
    grade = grade_of(Condition(0.95, None, None, ""), sohs(0.95), RULES)
    assert grade.missing == ("missing.capacity-share", "missing.resistance-share")


def test_no_rules_and_wrong_levels_are_mistakes() -> None:
    with pytest.raises(ValueError, match="no rules"):
        grade_of(Condition(0.9, None, None, ""), sohs(0.9), ())
    with pytest.raises(ValueError, match="fire"):
        grade_of(Condition(0.9, None, None, "fire"), sohs(0.9), RULES)
