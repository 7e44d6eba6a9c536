"""The content of a message as JSON in our words, for what is kept as it is: names in snake case, instants in epoch seconds.

An instant's name ends in _s, percentages are fractions, watts of schedules are kilowatts. What was not sent is left out.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct

_FRACTIONS = {"so_c": "soc", "so_h": "soh", "soc": "soc", "target_so_c": "soc_target", "max_so_c": "soc_max", "state_of_charge": "soc"}
_RATES = frozenset({"limit", "discharge_limit", "setpoint", "min_charging_rate"})
_RENAMED = {"v2x_baseline": "v2x_baseline_kw"}


def body_of(message: Struct) -> str:
    """The message's fields as a JSON object."""
    return msgspec.json.encode(plain(message)).decode()


def plain(message: Struct) -> dict[str, Any]:
    """The message's fields, ready for JSON."""
    told = {}
    schedule = "charging_rate_unit" in message.__struct_fields__
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if value is UNSET:
            continue
        if isinstance(value, datetime):
            told[f"{name.removesuffix('_time')}_s"] = value.timestamp()
        elif name in _FRACTIONS and isinstance(value, int | float):
            told[_FRACTIONS[name]] = value / 100.0
        else:
            told[name] = _value(value)
    return _in_kw(told) if schedule else told


def _value(value: Any) -> Any:
    if isinstance(value, Struct):
        return plain(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    return value


def _in_kw(schedule: dict[str, Any]) -> dict[str, Any]:
    """A schedule with its rates in kW or A, and the name of that unit in theirs."""
    watts = schedule.pop("charging_rate_unit") == "W"
    suffix, scale = ("kw", 0.001) if watts else ("a", 1.0)
    told = _rated(schedule, suffix, scale)
    told["charging_schedule_period"] = [_rated(period, suffix, scale) for period in schedule.get("charging_schedule_period", [])]
    return told


def _rated(fields: dict[str, Any], suffix: str, scale: float) -> dict[str, Any]:
    told = {}
    for name, value in fields.items():
        stem = name.removesuffix("_l2").removesuffix("_l3")
        if stem in _RATES and isinstance(value, int | float):
            told[f"{stem}{name[len(stem) :]}_{suffix}"] = value * scale
        elif name in _RENAMED and isinstance(value, int | float):
            told[_RENAMED[name]] = value / 1000.0
        else:
            told[name] = value
    return told
