"""The horizon and the settings of a problem: what stands beside the tables in its JSON document."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from evloom.kernel.timegrid import TimeGrid
from evloom.plan.fleet.columns import TABLES
from evloom.plan.fleet.log import Log, Note

STEPS_MAX = 100_000
STEP_MINUTES_MAX = 1440


@dataclass(frozen=True)
class Key:
    """A setting of the document: its meaning, what is allowed, its default (None: it must be given)."""

    name: str
    meaning: str
    allowed: str
    default: Any = None


KEYS = (
    Key("start", "when the first step begins", "a date and time with its offset, such as 2025-06-04T12:00:00+08:00"),
    Key("steps", "number of steps", f"a whole number, 1 to {STEPS_MAX}"),
    Key("step_minutes", "length of a step", f"a whole number of minutes, 1 to {STEP_MINUTES_MAX}", 15),
    Key("name", "title of the report", "text", ""),
    Key("zone", "clock on which times are shown", "a name such as Asia/Shanghai", "UTC"),
    Key("currency", "of all prices", "three letters such as CNY", "EUR"),
    Key("demand_price_per_kw", "money per kW of the highest demand interval above peak_so_far_kw", "a number, at least 0", 0),
    Key("peak_so_far_kw", "highest demand interval of the billing month so far", "a number, at least 0", 0),
    Key("demand_interval_steps", "steps in a demand interval, counted from the start", "a whole number, at least 1", 1),
)


@dataclass(frozen=True)
class Header:
    """The settings as read. After a finding about the horizon `grid` stands in for it, and is_timed is False."""

    grid: TimeGrid
    is_timed: bool
    name: str
    zone: ZoneInfo
    currency: str
    demand_price_per_kw: float
    peak_so_far_kw: float
    demand_interval_steps: int


def read_header(document: dict[str, Any], source: str, log: Log) -> Header:
    """The settings of a document; every wrong one is a finding and its default is taken."""
    known = {key.name for key in KEYS} | set(TABLES)
    for name in document:
        if name not in known:
            note = Note("dispatch.unknown-key", "warning", name, ", ".join(sorted(known)), "not read; take it out or mend the spelling")
            log.whole(source, note, "a setting that nobody reads")
    value = {key.name: document.get(key.name, key.default) for key in KEYS}
    good = {
        "start": _instant(value["start"]) is not None,
        "steps": _is_whole(value["steps"], 1, STEPS_MAX),
        "step_minutes": _is_whole(value["step_minutes"], 1, STEP_MINUTES_MAX),
        "name": isinstance(value["name"], str),
        "zone": _zone(value["zone"]) is not None,
        "currency": isinstance(value["currency"], str),
        "demand_price_per_kw": _is_number(value["demand_price_per_kw"]),
        "peak_so_far_kw": _is_number(value["peak_so_far_kw"]),
        "demand_interval_steps": _is_whole(value["demand_interval_steps"], 1, STEPS_MAX),
    }
    for key in KEYS:
        if not good[key.name]:
            shown = "(not given)" if key.name not in document else repr(value[key.name])
            advice = "a horizon needs at least one step" if key.name == "steps" else f"it is {key.meaning}: put it right"
            log.whole(source, Note("dispatch.setting", "refused", key.name, key.allowed, advice), shown)
            value[key.name] = {"start": "1970-01-01T00:00:00+00:00", "steps": 1}.get(key.name, key.default)
    grid = TimeGrid(_instant(value["start"]) or datetime(1970, 1, 1, tzinfo=UTC), 60 * int(value["step_minutes"]), int(value["steps"]))
    numbers = float(value["demand_price_per_kw"]), float(value["peak_so_far_kw"]), int(value["demand_interval_steps"])
    is_timed = good["start"] and good["steps"] and good["step_minutes"]
    return Header(grid, is_timed, value["name"], _zone(value["zone"]) or ZoneInfo("UTC"), value["currency"], *numbers)


def _instant(value: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return instant if instant.tzinfo is not None else None


def _zone(value: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, TypeError, OSError, AttributeError):
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _is_whole(value: Any, least: int, most: int) -> bool:
    return _is_number(value) and value == int(value) and least <= value <= most
