"""A warning's life: opened on the second day, raised, kept while it sinks a little, closed after a week; and what it says."""

import pytest

from evloom.diagnose import advice
from evloom.diagnose.cause import NAMES, UNKNOWN
from evloom.diagnose.limits import INSPECT, SOUND, STOP, WATCH, level_number
from evloom.diagnose.warning import Case, Finding, Warning, WarningChange, acknowledged, case_of, plain, weigh  # noqa: A004

DAY_S = 86400.0


def found(severity: float, danger: bool = False, cause: str = "connection") -> Finding:
    warning = Warning("", "car", "pack", 3, None, "watch", ((cause, 1.0),), severity, "test", 0.0, 0.0, 0.0, 0.0, 0.0)
    return Finding(severity, danger, warning)


def days(*severities: float, danger: bool = False) -> tuple[Case, list[WarningChange]]:
    case, changes = Case("cell:3"), []
    for day, severity in enumerate(severities):
        changes += weigh(case, found(severity, danger), day * DAY_S)
    return case, changes


@pytest.mark.parametrize(
    ("severities", "danger", "kinds", "level"),
    [
        ((1.2,), False, [], None),
        ((1.2, 0.1, 1.2), False, [], None),
        ((0.8, 0.8), False, ["opened"], "watch"),
        ((1.2, 1.2), False, ["opened"], "inspect"),
        ((0.8, 1.2), False, ["opened"], "inspect"),
        ((0.5, 1.2), False, [], None),
        ((0.8, 0.8, 1.2), False, ["opened", "updated"], "inspect"),
        ((0.8, 1.2), True, ["opened"], "inspect"),
        ((0.8, 0.8, 1.2, 1.2), False, ["opened", "updated"], "inspect"),
        ((1.2, 1.2), True, ["opened"], "stop"),
        ((1.2, 1.2, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6), False, ["opened", "updated"], "inspect"),
        ((1.2, 1.2, *[0.4] * 7), False, ["opened", "updated"], "watch"),
        ((1.2, 1.2, *[0.1] * 7), False, ["opened", "closed"], None),
    ],
)
def test_levels_have_hysteresis(severities, danger, kinds, level):
    case, changes = days(*severities, danger=danger)
    assert [change.kind for change in changes] == kinds
    assert (case.warning.level if case.warning else None) == level


def test_a_new_cause_is_told_and_the_identity_stays():
    case, _ = days(1.2, 1.2)
    (change,) = weigh(case, found(1.2, cause="weak-cell"), 2 * DAY_S)
    assert (change.kind, change.warning.causes[0][0], change.warning.opened_s) == ("updated", "weak-cell", DAY_S)
    assert change.warning.first_seen_s == 0.0
    assert acknowledged(case, 9.0).warning.warning_id == change.warning.warning_id
    assert case_of(plain(case)) == case


def test_nothing_open_can_neither_be_acknowledged_nor_held_back():
    with pytest.raises(ValueError, match="no open warning"):
        acknowledged(Case("cell:1"), 0.0)
    assert level_number([]) == SOUND


def test_levels_as_numbers():
    changes = (days(0.8, 0.8)[0], days(1.2, 1.2)[0], days(1.2, 1.2, danger=True)[0])
    told = [change.warning for change in changes if change.warning is not None]
    assert [level_number([each]) for each in told] == [WATCH, INSPECT, STOP]
    assert level_number(told) == STOP


def test_every_cause_has_its_words_in_both_languages():
    for cause in advice.CAUSES:
        for key in (advice.expected_of(cause), *advice.advised(cause), f"{cause}.measure", f"{cause}.alike"):
            english, chinese = advice.text(key), advice.text(key, "zh")
            assert english.isascii()
            assert not chinese.isascii()
    assert set(advice.CAUSES) == {*NAMES, UNKNOWN}


def test_the_action_of_a_level_stands_first_whatever_the_cause():
    for cause in advice.CAUSES:
        told = advice.advised(cause)
        assert advice.acted(told, "watch") == told
        assert advice.acted(told, "inspect")[0] == "inspect.do"
        assert advice.acted(advice.acted(told, "inspect"), "stop")[0] == "stop.do"
        stop = advice.acted(told, "stop")
        assert "inspect.do" not in stop
        assert "internal-short.do" not in stop
        assert all(advice.text(key).isascii() and not advice.text(key, "zh").isascii() for key in stop)
    assert "do not charge" in advice.text("stop.do")
    assert "禁止充电" in advice.text("stop.do", "zh")


def test_a_warning_that_is_raised_gets_the_action_of_its_level():
    told = [case.warning for case, _ in (days(0.8, 0.8), days(1.2, 1.2), days(1.2, 1.2, danger=True))]
    acts = [[key for key in each.advice if key.split(".")[0] in ("inspect", "stop")] for each in told if each is not None]
    assert acts == [[], ["inspect.do"], ["stop.do"]]


def test_what_to_measure_next_names_the_look_alike_where_the_cause_is_not_sure():
    assert advice.next_measurement((("connection", 0.95), ("sensing-wire", 0.05))) == ("connection.measure",)
    unsure = (("connection", 0.6), ("sensing-wire", 0.4))
    assert advice.next_measurement(unsure) == ("connection.measure", "sensing-wire.measure", "connection.alike")
    assert advice.next_measurement(()) == ("unknown.measure",)
