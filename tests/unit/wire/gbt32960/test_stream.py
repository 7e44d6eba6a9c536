"""Half frames, garbage, wrong check codes, lengths that lie, and random bytes."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import BadFrame, Garbage, Stream
from evloom.wire.gbt32960.translate import meaning
from tests.unit.wire.gbt32960 import samples

GOLDEN = [raw for raw, _ in samples.golden().values()]


def frames(found):
    return [frame.raw for frame in found if isinstance(frame, Frame)]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=200))
@settings(max_examples=30, deadline=None)
def test_pieces_of_any_size_give_the_same_frames(sizes):
    stream, data, found, at = Stream(), b"".join(GOLDEN), [], 0
    for size in sizes:
        found += stream.feed(data[at : at + size])
        at += size
    found += stream.feed(data[at:])
    assert frames(found) == GOLDEN
    assert len(found) == len(GOLDEN)


@given(st.binary(max_size=60).filter(lambda data: b"#" not in data and b"$" not in data))
def test_garbage_between_frames_is_counted(garbage):
    found = Stream().feed(GOLDEN[0] + garbage + GOLDEN[1] + garbage)
    assert frames(found) == GOLDEN[:2]
    assert sum(event.n_byte for event in found if isinstance(event, Garbage)) == 2 * len(garbage)


def test_a_wrong_check_code_costs_one_frame():
    broken = bytearray(GOLDEN[1])
    broken[40] ^= 0x10
    found = Stream().feed(GOLDEN[0] + bytes(broken) + GOLDEN[1])
    assert frames(found) == GOLDEN[:2]
    (bad,) = [event for event in found if isinstance(event, BadFrame)]
    assert (bad.reason, bad.vin, bad.command) == ("checksum", samples.VIN, 0x02)


@pytest.mark.parametrize("lie", [-30, -1, 1, 25, 300])
def test_a_length_that_lies_costs_one_frame(lie):
    liar = bytearray(GOLDEN[1])
    liar[22:24] = (int.from_bytes(liar[22:24], "big") + lie).to_bytes(2, "big")
    found = Stream().feed(bytes(liar) + GOLDEN[0] + GOLDEN[1] + GOLDEN[3] * 3)
    assert frames(found) == [GOLDEN[0], GOLDEN[1], *[GOLDEN[3]] * 3]
    assert [event.reason for event in found if isinstance(event, BadFrame)] == ["checksum"]


def test_a_length_without_end_is_given_up_and_nothing_behind_it_is_lost():
    liar = bytearray(GOLDEN[1])
    liar[22:24] = b"\xff\x00"
    stream = Stream()
    assert stream.feed(bytes(liar) + GOLDEN[0] + GOLDEN[2]) == []
    assert stream.waiting > 0
    found = stream.give_up()
    assert frames(found) == [GOLDEN[0], GOLDEN[2]]
    assert [event.reason for event in found if isinstance(event, BadFrame)] == ["half"]
    assert stream.waiting == 0


def test_a_length_beyond_the_limit_is_refused_at_once():
    found = Stream(data_max_bytes=100).feed(GOLDEN[1] + GOLDEN[5])
    assert [event.reason for event in found if isinstance(event, BadFrame)] == ["length"]
    assert frames(found) == [GOLDEN[5]]


@given(st.lists(st.binary(max_size=80) | st.sampled_from([b"##", b"$$", b"##\x02\xfe", *GOLDEN]), max_size=12), st.booleans())
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_raise(pieces, give_up):
    stream = Stream()
    n_byte = 0
    for piece in pieces:
        n_byte += len(piece)
        for event in stream.feed(piece) + (stream.give_up() if give_up else []):
            _mean(event)
    assert stream.waiting <= n_byte


@given(st.sampled_from(GOLDEN), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_frames_with_changed_bytes_never_raise(raw, changes, mend):
    data = bytearray(raw)
    for place, value in changes:
        data[place % len(data)] = value
    if mend:  # a right check code behind wrong data
        code = 0
        for byte in data[2:-1]:
            code ^= byte
        data[-1] = code
    stream = Stream()
    for event in stream.feed(bytes(data)) + stream.give_up() + stream.give_up():
        _mean(event)


@given(st.binary(max_size=300), st.integers(0, 255), st.sampled_from(["##", "$$"]))
@settings(max_examples=300, deadline=None)
def test_any_data_are_read_or_refused(data, command, start):
    from evloom.wire.gbt32960.words import Edition

    edition = Edition.V2016 if start == "##" else Edition.V2025
    for event in Stream().feed(Frame(edition, command, 0xFE, samples.VIN, 1, data).encoded()):
        _mean(event)
    timed = Frame(edition, 2, 0xFE, samples.VIN, 1, bytes((25, 6, 15, 8, 30, 0)) + data)
    _mean(timed)


def _mean(event):
    if isinstance(event, Frame):
        with suppress(BadData):
            meaning(event)
