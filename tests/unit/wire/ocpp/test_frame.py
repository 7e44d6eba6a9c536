"""Frames: every kind, every way to be wrong, and the code that the version wants for it."""

import json
import time
from importlib import import_module
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.wire.ocpp import frame as fr
from evloom.wire.ocpp.frame import BadFrame, Code, Frame, FrameLimits, parse
from evloom.wire.ocpp.version import Version

LIMITS = FrameLimits()
theirs: Any = import_module("ocpp.messages")
V16, V201, V21 = Version.V16, Version.V201, Version.V21


def read(text, version=V16, limits=LIMITS):
    return parse(text, version, limits)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[2,"a","Heartbeat",{}]', Frame(2, "a", "Heartbeat", b"{}")),
        (' [ 2 , "a" , "Heartbeat" , {} ] ', Frame(2, "a", "Heartbeat", b"{}")),
        ('[3,"a",{"x":1}]', Frame(3, "a", "", b'{"x":1}')),
        ('[4,"a","GenericError","it broke",{"why":1}]', Frame(4, "a", "GenericError", b'{"why":1}', "it broke")),
        ('[2,"\\u00e9","Heartbeat",{}]', Frame(2, "é", "Heartbeat", b"{}")),
        ('[2,"a","DataTransfer",{"vendorId":"é"}]', Frame(2, "a", "DataTransfer", '{"vendorId":"é"}'.encode())),
    ],
)
def test_good_frames(text, frame):
    for version in Version:
        assert read(text, version) == read(text.encode(), version) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[6,"a","NotifyPeriodicEventStream",{}]', Frame(6, "a", "NotifyPeriodicEventStream", b"{}")),
        ('[5,"a","FormatViolation","no",{}]', Frame(5, "a", "FormatViolation", b"{}", "no")),
    ],
)
def test_kinds_of_21(text, frame):
    assert read(text, V21) == frame
    old = read(text, V201)
    assert isinstance(old, BadFrame)
    assert (old.call_id, old.code, old.answer) == ("a", Code.MESSAGE_TYPE, True)
    older = read(text, V16)
    assert isinstance(older, BadFrame)
    assert not older.answer, "1.6-J has unknown message types ignored"


@pytest.mark.parametrize(
    ("text", "oddity", "call_id"),
    [
        ('[2,7,"Heartbeat",{}]', "message id is a number", "7"),
        ('["2","a","Heartbeat",{}]', "message type is a text", "a"),
        ('[2,"a","Heartbeat"]', "no payload", "a"),
        ('[2,"a","Heartbeat",null]', "no payload", "a"),
        ('[3,"a",null]', "no payload", "a"),
        ('[2,"a","Heartbeat",{},{}]', "1 elements too many", "a"),
        ('\ufeff[2,"a","Heartbeat",{}]', "bytes around the frame that are not JSON", "a"),
        ('[2,"a","Heartbeat",{}]\x00', "bytes around the frame that are not JSON", "a"),
        ('[4,"a","GenericError"]', "error without description or details", "a"),  # Grizzl-E, lbbrhzn/ocpp #899
    ],
)
def test_odd_frames_are_understood(text, oddity, call_id):
    frame = read(text)
    assert isinstance(frame, Frame)
    assert (frame.oddity, frame.call_id, frame.payload) == (oddity, call_id, b"{}")


@pytest.mark.parametrize(
    ("text", "call_id", "code"),
    [
        ("", "-1", Code.FRAMEWORK),
        ("hello", "-1", Code.FRAMEWORK),
        ("null", "-1", Code.FRAMEWORK),
        ("{}", "-1", Code.FRAMEWORK),
        ("[]", "-1", Code.FRAMEWORK),
        ("[2]", "-1", Code.FRAMEWORK),
        ("[[2]]", "-1", Code.FRAMEWORK),
        ('[2,null,"Heartbeat",{}]', "-1", Code.FRAMEWORK),
        ('[2,{},"Heartbeat",{}]', "-1", Code.FRAMEWORK),
        ('[2,"","Heartbeat",{}]', "-1", Code.FRAMEWORK),
        ('[2,"' + "x" * 37 + '","Heartbeat",{}]', "-1", Code.FORMAT),
        ('[2,"a"]', "a", Code.FRAMEWORK),
        ('[2,"a",5,{}]', "a", Code.FRAMEWORK),
        ('[2,"a","Heartbeat",[]]', "a", Code.FORMAT),
        ('[2,"a","Heartbeat","{}"]', "a", Code.FORMAT),
        ('[2,"a","Heartbeat",{"x":', "a", Code.FORMAT),
        ('[2,"a","Heart', "a", Code.FORMAT),
        ('[2, 5, "Heartbeat", {"x"', "5", Code.FORMAT),
        (b'[2,"a","Heartbeat",{"x":"\xff"}]', "a", Code.FORMAT),
        (b'[2,"a","\xff",{}]', "a", Code.FRAMEWORK),
        (b'[2,"\xff","Heartbeat",{}]', "-1", Code.FRAMEWORK),
    ],
)
def test_bad_frames_and_the_codes_for_them(text, call_id, code):
    frame = read(text, V201)
    assert isinstance(frame, BadFrame)
    assert (frame.call_id, frame.code, frame.answer) == (call_id, code, True)


@pytest.mark.parametrize("text", ['[3,"a","x"]', '[3,"a",[', '[4,"a"]', '[4,"a",5', '[3,"",{}]', "[3,null,{}]"])
def test_a_bad_answer_is_not_answered(text):
    frame = read(text, V201)
    assert isinstance(frame, BadFrame)
    assert not frame.answer


def test_spelling_of_the_codes():
    assert [Code.FORMAT.word(version) for version in Version] == ["FormationViolation", "FormatViolation", "FormatViolation"]
    assert [Code.OCCURRENCE.word(version) for version in Version] == [
        "OccurenceConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
    ]
    only_2x = {"FormatViolation", "OccurrenceConstraintViolation", "MessageTypeNotSupported", "RpcFrameworkError"}
    assert not only_2x & {code.word(V16) for code in Code}
    assert {code.word(V21) for code in Code} == {code.value for code in Code}


def test_size():
    long = '[2,"a","Heartbeat",{"x":"' + "y" * (1 << 20) + '"}]'
    frame = read(long)
    assert isinstance(frame, BadFrame)
    assert frame.call_id == "a"
    assert "1048576" in frame.text
    assert isinstance(read(long, V16, FrameLimits(message_max_bytes=2 << 20)), Frame)
    begun_s = time.process_time()
    assert isinstance(read("[" * (20 << 20)), BadFrame)
    assert time.process_time() - begun_s < 1.0


@pytest.mark.parametrize("text", ["[" * 10_000, "[" * 10_000 + "]" * 10_000, '[2,"a","H",' + '{"x":' * 10_000 + "1" + "}" * 10_001])
def test_deep_nesting_is_refused_at_once(text):
    assert isinstance(read(text), BadFrame)


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ('{"a":"[[[[{{{{"}', 1),
        ('{"a":"\\"[[[["}', 1),
        ('{"a":"]}"}', 1),
        ('{"a":[[[[]]]]}', 5),
        ('{"a":[{},[],{},[],{},[]]}', 3),
        ('{"a":[[[1],[2]],{"b":[{}]}]}', 5),
    ],
)
def test_depth_is_counted_outside_texts(text, depth):
    assert not fr.too_deep(text.encode(), depth)
    assert depth == 1 or fr.too_deep(text.encode(), depth - 1)


def test_a_deep_payload_is_refused_and_a_flat_one_is_not():
    deep = '[2,"a","DataTransfer",{"x":' + "[" * 40 + "]" * 40 + "}]"
    frame = read(deep)
    assert isinstance(frame, BadFrame)
    assert "32 levels" in frame.text
    flat = '[2,"a","NotifyReport",{"x":[' + ",".join(["[{}]"] * 2000) + "]}]"
    assert isinstance(read(flat), Frame)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_bad_frame(data):
    for version in Version:
        assert isinstance(parse(data, version, LIMITS), Frame | BadFrame)


@given(st.text(max_size=100))
def test_any_text_is_a_frame_or_a_bad_frame(text):
    assert isinstance(parse(text, V21, LIMITS), Frame | BadFrame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_frame_or_a_bad_frame(value):
    assert isinstance(parse(json.dumps(value), V21, LIMITS), Frame | BadFrame)


@given(st.sampled_from([2, 3, 4, 5, 6, 7, "2", None]), JSON, JSON, JSON, st.lists(JSON, max_size=2))
def test_anything_shaped_like_a_frame_is_one_or_a_bad_one(kind, call_id, word, payload, more):
    assert isinstance(parse(json.dumps([kind, call_id, word, payload, *more]), V21, LIMITS), Frame | BadFrame)


CALLS = b'[2,"8a3f6a2e","BootNotification",{"chargePointVendor":"V\xc3\xa9","chargePointModel":"M","x":[{"y":[]}]}]'


@given(st.integers(0, len(CALLS) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_frame_with_a_hole_or_a_scar_never_raises(at, scar, hole):
    assert isinstance(parse(CALLS[:at] + scar + CALLS[at + hole :], V16, LIMITS), Frame | BadFrame)


IDS = st.text(min_size=1, max_size=36)
OBJECTS = st.dictionaries(st.text(max_size=5), st.integers(-5, 5), max_size=3).map(msgspec.json.encode)


@given(IDS, st.text(min_size=1, max_size=20), OBJECTS, st.text(max_size=255))
def test_what_is_written_is_read_back(call_id, word, payload, description):
    assert parse(fr.call_frame(call_id, word, payload), V21, LIMITS) == Frame(2, call_id, word, payload)
    assert parse(fr.send_frame(call_id, word, payload), V21, LIMITS) == Frame(6, call_id, word, payload)
    assert parse(fr.result_frame(call_id, payload), V21, LIMITS) == Frame(3, call_id, "", payload)
    for kind in (4, 5):
        made = fr.error_frame(kind, call_id, word, description, payload)
        assert parse(made, V21, LIMITS) == Frame(kind, call_id, word, payload, description)


@given(IDS, OBJECTS)
def test_another_library_reads_and_writes_the_same_frames(call_id, payload):
    """A second opinion: the package `ocpp` by The Mobility House, with which we share no code."""
    value = json.loads(payload)
    for made, other in (
        (fr.call_frame(call_id, "Heartbeat", payload), theirs.Call(call_id, "Heartbeat", value)),
        (fr.result_frame(call_id, payload), theirs.CallResult(call_id, value)),
        (fr.error_frame(4, call_id, "GenericError", "why", payload), theirs.CallError(call_id, "GenericError", "why", value)),
    ):
        assert vars(theirs.unpack(made.decode())) == vars(other)
        frame = parse(other.to_json(), V16, LIMITS)
        assert isinstance(frame, Frame)
        assert (frame.call_id, json.loads(frame.payload), frame.oddity) == (call_id, value, "")


def test_a_long_description_is_cut_to_what_is_allowed():
    frame = parse(fr.error_frame(4, "a", "GenericError", "x" * 1000, b""), V16, LIMITS)
    assert isinstance(frame, Frame)
    assert len(frame.description) == 255
