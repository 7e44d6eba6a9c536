"""Numbers out of messages and registers."""

import struct

import pytest

from evloom.serve.meters.values import count_of, message_value, registers_value, sunspec_watts


@pytest.mark.parametrize(
    ("payload", "key", "value"),
    [
        (b"12.5", "", 12.5),
        (b"-3", "", -3.0),
        (b'"4.5"', "", 4.5),
        (b'{"power": {"total": 1800}}', "power.total", 1800.0),
        (b'{"phases": [{"w": 1}, {"w": 2}]}', "phases.1.w", 2.0),
    ],
)
def test_messages(payload, key, value):
    assert message_value(payload, key) == value


@pytest.mark.parametrize(
    ("payload", "key"),
    [(b"", ""), (b"kW", ""), (b"NaN", ""), (b"true", ""), (b"{}", "a"), (b"[1]", "3"), (b'{"a": "x"}', "a"), (b"\xff", "")],
)
def test_what_is_no_number_is_said(payload, key):
    with pytest.raises(ValueError, match=r"no |could not"):
        message_value(payload, key)


@pytest.mark.parametrize(
    ("number", "code", "value"), [("int16", "h", -5), ("uint32", "I", 70_000), ("float32", "f", 1.5), ("float64", "d", -2.25)]
)
def test_registers(number, code, value):
    packed = struct.pack(">" + code, value)
    registers = [int.from_bytes(packed[k : k + 2]) for k in range(0, len(packed), 2)]
    assert len(registers) == count_of(number)
    assert registers_value(registers, number) == value


def test_a_sunspec_meter_in_integers():
    points = [0] * 28
    points[16], points[20] = 1234, 0xFFFF  # 10 to the power of -1
    assert sunspec_watts(203, points) == pytest.approx(123.4)
    points[16] = 0x8000
    with pytest.raises(ValueError, match="does not tell"):
        sunspec_watts(203, points)


def test_a_sunspec_meter_in_floats():
    points = [0] * 28
    packed = struct.pack(">f", -750.5)
    points[26:28] = [int.from_bytes(packed[:2]), int.from_bytes(packed[2:])]
    assert sunspec_watts(213, points) == -750.5
