"""Values of meters as they come over a wire: a message of MQTT, registers of Modbus, a SunSpec map. What is wrong is a ValueError."""

import json
import math
import struct
from collections.abc import Sequence

NUMBERS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f", "float64": "d"}
"""Types of a register to their code in `struct`, big-endian as Modbus has them."""

SUNSPEC = (0x5375, 0x6E53)  # "SunS" at the base of a map: SunSpec Device Information Model Specification 1.1
METERS_INT = frozenset({201, 202, 203, 204})  # AC meters with scale factors: W is point 16, W_SF point 20
METERS_FLOAT = frozenset({211, 212, 213, 214})  # AC meters in float32: W is the 14th value
W_INT, W_SF, W_FLOAT = 16, 20, 26
END = 0xFFFF
NOT_THERE = -32768  # 0x8000: a point that the device does not have


def message_value(payload: bytes, key: str) -> float:
    """The number in a message: the message itself, or the value at the path `key` ("power.total", "phases.0.w") of a JSON document."""
    try:
        found: object = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no number and no JSON: {payload[:60]!r}") from error
    for part in key.split(".") if key else []:
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            raise ValueError(f"no {key!r} in {payload[:60]!r}")
    if isinstance(found, str):
        found = float(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"{found!r} is no number")
    return float(found)


def count_of(number: str) -> int:
    """How many registers a type takes."""
    return struct.calcsize(NUMBERS[number]) // 2


def registers_value(registers: Sequence[int], number: str) -> float:
    """The number in registers, most significant first."""
    packed = b"".join(struct.pack(">H", register) for register in registers)
    value = float(struct.unpack(">" + NUMBERS[number], packed)[0])
    if not math.isfinite(value):
        raise ValueError(f"registers {list(registers)} are no number")
    return value


def sunspec_watts(model: int, points: Sequence[int]) -> float:
    """Power in watts of an AC meter's model, from its points (after id and length)."""
    if model in METERS_FLOAT:
        return registers_value(points[W_FLOAT : W_FLOAT + 2], "float32")
    watts, exponent = registers_value(points[W_INT : W_INT + 1], "int16"), registers_value(points[W_SF : W_SF + 1], "int16")
    if watts == NOT_THERE or not -10 <= exponent <= 10:
        raise ValueError(f"W {watts:g}, W_SF {exponent:g}: the meter does not tell its power")
    return float(watts * 10.0**exponent)
