import pytest

from evloom.serve.desk.authorise import Shown, Stopping, TokenRules, judge, may_stop
from evloom.store.desk import TokenRow
from evloom.wire.ocpp.spoken import Verdict

NOW_S = 1000.0


def row(status="Accepted", token_type="ISO14443", group="", **more):
    values = {"master": False, "expiry_s": None, "language": ""} | more
    return TokenRow("A", token_type, group, status=status, **values)


@pytest.mark.parametrize(
    ("shown", "rows", "rules", "status"),
    [
        (Shown("A"), [row()], TokenRules(), "Accepted"),
        (Shown("A"), [], TokenRules(), "Unknown"),
        (Shown("A"), [], TokenRules(unknown="accept"), "Accepted"),
        (Shown("A", ordered=True), [], TokenRules(), "Accepted"),
        (Shown("A"), [row("Blocked")], TokenRules(unknown="accept"), "Blocked"),
        (Shown("A"), [row("Expired")], TokenRules(), "Expired"),
        (Shown("A"), [row(expiry_s=999.0)], TokenRules(), "Expired"),
        (Shown("A"), [row(expiry_s=1001.0)], TokenRules(), "Accepted"),
        (Shown("A", "ISO15693"), [row()], TokenRules(), "Accepted"),
        (Shown("A", "eMAID"), [row()], TokenRules(), "Unknown"),
        (Shown("A", "eMAID"), [row(), row("Blocked", "eMAID")], TokenRules(), "Blocked"),
        (Shown("A", "KeyCode"), [row(token_type="")], TokenRules(), "Accepted"),
        (Shown("", "NoAuthorization"), [], TokenRules(), "Accepted"),
        (Shown("A", begins=True, busy=True), [row()], TokenRules(), "Accepted"),
        (Shown("A", begins=True, busy=True), [row()], TokenRules(concurrent=False), "ConcurrentTx"),
        (Shown("A", begins=True, busy=True), [], TokenRules("accept", False), "ConcurrentTx"),
        (Shown("A", busy=True), [row()], TokenRules(concurrent=False), "Accepted"),
        (Shown("A"), [row(master=True)], TokenRules(), "Accepted"),
        (Shown("A", begins=True), [row(master=True)], TokenRules(), "Invalid"),
    ],
)
def test_verdicts(shown, rows, rules, status):
    assert judge(shown, rows, rules, NOW_S).status == status


def test_a_verdict_bears_what_the_station_keeps():
    assert judge(Shown("A"), [row(group="FAMILY", expiry_s=2000.0, language="de")], TokenRules(), NOW_S) == Verdict(
        "Accepted", 2000.0, "FAMILY", "de"
    )


@pytest.mark.parametrize(
    ("group", "stopping", "may"),
    [
        ("", Stopping("a"), True),
        ("", Stopping("B"), False),
        ("", Stopping("B", ""), False),
        ("G", Stopping("B", "G"), True),
        ("G", Stopping("B", "H"), False),
        ("G", Stopping("B", "H", master=True), True),
    ],
)
def test_who_may_stop(group, stopping, may):
    assert may_stop("A", group, stopping) == may
