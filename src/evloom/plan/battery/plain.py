"""Values of the core as values of JSON: dataclasses as objects, instants as ISO 8601 in UTC, what is not known as null."""

import math
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np


def instant(at_s: float | None) -> str | None:
    """An instant as text, None where there is none."""
    if at_s is None or not math.isfinite(at_s):
        return None
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None  # a box may have sent the year 90000


def number(value: float, digits: int = 6) -> float | None:
    """A number with so many significant digits, None where it is none."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """A value of any of our types."""
    if is_dataclass(value) and not isinstance(value, type):
        return {told(each.name): _member(each.name, getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return number(value)
    return value


def told(name: str) -> str:
    """The key of an attribute: `opened_s` is told as an instant, as `opened`."""
    return name.removesuffix("_s") if name in INSTANTS else name


INSTANTS = frozenset(
    ("at_s", "begin_s", "end_s", "first_seen_s", "last_seen_s", "opened_s", "updated_s", "acknowledged_s", "closed_s", "first_s", "last_s")
)
"""Attributes that are instants; other `_s` are lengths of time."""


def _member(name: str, value: Any) -> Any:
    if name not in INSTANTS:
        return plain(value)
    return [instant(each) for each in value] if isinstance(value, list | tuple) else instant(value)
