"""What real chargers send, and what is made of it: the golden corpus in data/dirty.jsonl, one message a line.

rules, fields   the deviations that are noted, in order; repaired: the message as it is understood; refusal: the error code
meaning         right by the schema, wrong by sense (a clock, a register): passes here unchanged, and is for those who judge sense
before          what was sent before, where that matters
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.wire.ocpp import loose_time
from evloom.wire.ocpp.base import instant, seconds
from evloom.wire.ocpp.check import Deviation, catalog, read_answer, read_request, write
from evloom.wire.ocpp.repair import DEVIATIONS_MAX, MENDED_MAX_ITEMS
from evloom.wire.ocpp.rules import MADE_UP, QUARANTINED, RULES
from evloom.wire.ocpp.version import Version
from tests.unit.wire.ocpp.samples import judge

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "data" / "dirty.jsonl").read_text(encoding="utf-8").splitlines()]
FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
V16, V201, V21 = Version.V16, Version.V201, Version.V21
TYPE = "TypeConstraintViolation"
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def sent(version, action, payload) -> Any:
    """The reading of a request; a test knows what message it is."""
    return read_request(version, action, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


def read(case) -> Any:
    reader = read_answer if case["answer"] else read_request
    return reader(Version(case["version"]), case["action"], json.dumps(case["payload"]).encode())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['action']}: {case['note']}")
def test_corpus(case):
    reading = read(case)
    assert [item.rule for item in reading.deviations] == case["rules"]
    assert [item.field for item in reading.deviations] == case["fields"]
    assert (reading.refusal[0] if reading.refusal else None) == case["refusal"]
    assert (None if reading.message is None else json.loads(write(reading.message))) == case["repaired"]
    assert (reading.message is None) == (case["refusal"] is not None)
    for item in reading.deviations:
        assert item.advice
        assert len(item.value) <= 200


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['action']}: {case['note']}")
def test_what_was_mended_is_right_by_the_original_schema(case):
    name = case["action"] + ("Response" if case["answer"] else "Request")
    original = judge(FOLDERS[case["version"]], name)
    assert original.is_valid(case["payload"]) == (case["meaning"] or case["rules"] == ["time-zone"] or _only_time(case))
    if case["repaired"] is not None and "empty-list" not in case["rules"]:
        assert original.is_valid(case["repaired"])
    for earlier in case.get("before", ()):
        assert read_request(Version(case["version"]), earlier["action"], json.dumps(earlier["payload"]).encode()).deviations == ()


def _only_time(case):
    """The original schemas do not look at how an instant is written."""
    unread = case["rules"] == ["missing-default"] and case["fields"] == ["timestamp"]
    return (
        bool(case["rules"])
        and (unread or all(rule in ("time-spelling", "time-zone", "time-number", "empty") for rule in case["rules"]))
        and (isinstance(case["payload"].get("timestamp"), str))
    )


def test_the_corpus_is_large_and_knows_every_rule():
    assert len(CORPUS) >= 60
    assert sum(case["meaning"] for case in CORPUS) >= 10
    assert sum(bool(case["source"]) for case in CORPUS) >= 25
    used = {rule for case in CORPUS for rule in case["rules"]}
    assert {rule.name for rule in RULES} - used <= {"list-unwrapped"}
    assert {QUARANTINED, "empty-list"} <= used


def test_meaning_passes_unchanged():
    for case in CORPUS:
        if case["meaning"]:
            assert case["rules"] == []
            assert msgspec.json.decode(write(read(case).message)).keys() == case["payload"].keys()


def test_rules_have_names_of_their_own():
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(names) >= MADE_UP


def test_what_nobody_sent_is_known_as_such():
    reading = sent(
        V201,
        "TransactionEvent",
        {
            "eventType": "Updated",
            "timestamp": "2026-03-01T12:00:00Z",
            "triggerReason": "Trigger",
            "transactionInfo": {"transactionId": "t"},
        },
    )
    assert reading.invented("seqNo")
    assert not reading.invented("timestamp")
    assert not sent(V16, "StatusNotification", {**STATUS, "connectorId": "1"}).invented("connectorId")


def test_a_list_of_one_is_unwrapped():
    reading = sent(V16, "StatusNotification", {**STATUS, "connectorId": [1], "status": ["Available"]})
    assert [item.rule for item in reading.deviations] == ["list-unwrapped", "list-unwrapped"]
    assert json.loads(write(reading.message)) == STATUS


def test_one_deviation_for_the_same_in_every_item():
    samples = [{"value": number, "unit": "Hz", "measurand": "Frequency"} for number in range(100)]
    payload = {"connectorId": 1, "meterValue": [{"timestamp": "2026-03-01T12:00:00Z", "sampledValue": samples}]}
    reading = sent(V16, "MeterValues", payload)
    assert sorted(item.rule for item in reading.deviations) == ["enum-synonym", "text-from-number"]
    assert len(reading.message.meter_value[0].sampled_value) == 100


def test_deviations_are_bounded():
    reading = sent(V16, "StatusNotification", {**STATUS, **{f"x{n}": n for n in range(300)}})
    assert len(reading.deviations) == DEVIATIONS_MAX + 1
    assert reading.deviations[-1].rule == "more"
    assert json.loads(write(reading.message)) == STATUS


def test_a_huge_broken_message_is_refused_at_once():
    reading = sent(V16, "StatusNotification", {**STATUS, **{f"x{n}": n for n in range(MENDED_MAX_ITEMS)}})
    assert reading.refusal is not None
    assert reading.refusal[0] == "FormationViolation"
    reading = sent(V16, "MeterValues", {"connectorId": 1, "meterValue": [1] * 4000})
    assert reading.refusal is not None


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['action']}: {case['note']}")
def test_strictly_nothing_is_mended(case):
    reader = read_answer if case["answer"] else read_request
    reading = reader(Version(case["version"]), case["action"], json.dumps(case["payload"]).encode(), strict=True)
    assert reading.deviations == ()
    assert (reading.message is not None) == case["meaning"]


def test_whole_numbers_with_a_point_are_whole_numbers():
    reading = sent(V16, "StatusNotification", {**STATUS, "connectorId": 1.0})
    assert reading.deviations == ()
    assert (
        reading.message == read_request(V16, "StatusNotification", json.dumps({**STATUS, "connectorId": 1.0}).encode(), strict=True).message
    )
    assert reading.message.connector_id == 1
    assert isinstance(reading.message.connector_id, int)


@pytest.mark.parametrize(
    ("action", "answer", "payload", "code"),
    [
        ("NoSuchThing", False, b"{}", "NotImplemented"),
        ("heartbeat", False, b"{}", "NotImplemented"),
        ("Heartbeat", False, b"[]", "TypeConstraintViolation"),
        ("Heartbeat", False, b"5", "TypeConstraintViolation"),
        ("Heartbeat", False, b"{", "FormationViolation"),
        ("Heartbeat", False, b'{"a":"\xff"}', "FormationViolation"),
        ("DataTransfer", False, b'{"vendorId":' + b"[" * 5000 + b"]" * 5000 + b"}", "FormationViolation"),
        (
            "StartTransaction",
            False,
            b'{"connectorId":{},"idTag":"a","meterStart":1,"timestamp":"2026-03-01T12:00:00Z"}',
            "TypeConstraintViolation",
        ),
        ("StatusNotification", False, b'{"connectorId":1,"errorCode":"NoError","status":"Dancing"}', "PropertyConstraintViolation"),
        ("StatusNotification", False, b'{"connectorId":1,"errorCode":"NoError"}', "ProtocolError"),
        ("NotifyPeriodicEventStream", True, b"{}", "NotImplemented"),
    ],
)
def test_refusals_of_16(action, answer, payload, code):
    reading = (read_answer if answer else read_request)(V16, action, payload)
    assert reading.message is None
    assert reading.refusal is not None
    assert reading.refusal[0] == code
    assert len(reading.refusal[1]) < 400


def test_refusals_of_2x():
    missing = b'{"eventType":"Ended","timestamp":"2026-03-01T12:00:00Z","triggerReason":"Trigger","seqNo":1}'
    assert sent(V201, "TransactionEvent", missing).refusal[0] == "OccurenceConstraintViolation"
    assert sent(V21, "TransactionEvent", missing).refusal[0] == "OccurrenceConstraintViolation"
    assert sent(V21, "Heartbeat", b"{").refusal[0] == "FormatViolation"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-01T12:00:00", "2026-03-01T12:00:00Z"),
        ("2026-3-1 7:05", "2026-03-01T07:05:00Z"),
        ("2026/03/01 12:00:00", "2026-03-01T12:00:00Z"),
        ("20260301T120000Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00.500000Z"),
        ("2026-03-01T24:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-01T23:59:60Z", "2026-03-01T23:59:59Z"),
        ("2026-03-01T12:00:00+0130", "2026-03-01T12:00:00+01:30"),
        ("2026-03-01T12:00:00 UTC", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00-05", "2026-03-01T12:00:00-05:00"),
        ("0000-00-00T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_instants_as_chargers_write_them(text, meant):
    found = loose_time.from_text(text)
    assert found is not None
    assert found[0] == meant


NO_INSTANTS = ["", "now", "2026-13-01T12:00:00Z", "2026-03-01", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z", "12:00"]


@pytest.mark.parametrize("text", [*NO_INSTANTS, "2026-03-01T12:00:00+99:00"])
def test_what_is_no_instant(text):
    assert loose_time.from_text(text) is None


def test_numbers_as_instants():
    assert loose_time.from_number(1772366400) == loose_time.from_number(1772366400000) == "2026-03-01T12:00:00Z"
    assert loose_time.from_number(0) == loose_time.UNKNOWN
    assert loose_time.from_number(-5) is None
    assert loose_time.from_number(float("inf")) is None
    assert loose_time.from_number(float("nan")) is None
    assert seconds(instant(1772366400.4)) == 1772366400.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(CORPUS), st.data())
def test_a_message_with_anything_anywhere_is_read_or_refused_and_what_is_read_is_right(case, data):
    payload = json.loads(json.dumps(case["payload"]))
    holder = payload
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(holder[key], dict | list) and data.draw(st.booleans()):
            holder = holder[key]
            continue
        holder[key] = data.draw(JSON)
        break
    reading = read({**case, "payload": payload})
    assert (reading.message is None) == (reading.refusal is not None)
    assert all(isinstance(item, Deviation) for item in reading.deviations)
    if reading.message is not None and not any(item.rule == "empty-list" for item in reading.deviations):
        name = case["action"] + ("Response" if case["answer"] else "Request")
        assert judge(FOLDERS[case["version"]], name).is_valid(json.loads(write(reading.message)))


@given(st.sampled_from([(version, action) for version in Version for action in catalog(version)]), st.binary(max_size=60))
def test_any_bytes_as_a_payload(which, payload):
    version, action = which
    for reading in (read_request(version, action, payload), read_answer(version, action, payload)):
        assert (reading.message is None) == (reading.refusal is not None)
