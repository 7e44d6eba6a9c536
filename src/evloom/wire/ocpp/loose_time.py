"""Instants as chargers write them, made into RFC 3339."""

import re
from datetime import UTC, datetime, timedelta, timezone

UNKNOWN = "1970-01-01T00:00:00Z"
"""Stands where a station said no instant: so far off that whoever judges clocks takes the time of arrival instead."""

_LOOSE = re.compile(
    r"\s*(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})[Tt\s_]+(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?\s*"
    r"(Z|z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?\s*"
)
_EPOCH_MIN_S, _EPOCH_MIN_MS = 1e8, 1e11


def from_text(text: str) -> tuple[str, bool] | None:
    """RFC 3339 of a loosely written instant, and whether it had a zone; None where it is no instant. Without a zone UTC is assumed."""
    found = _LOOSE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) for part in found.group(1, 2, 3, 4, 5))
    second, micro = int(found[6] or 0), int((found[7] or "0")[:6].ljust(6, "0"))
    if year == 0:
        return UNKNOWN, True
    try:
        at = datetime(year, month, day, 0, minute, min(second, 59), micro, _zone(found[8])) + timedelta(hours=hour)
    except (ValueError, OverflowError):
        return None
    if hour > 24 or second > 60:
        return None
    return at.isoformat().replace("+00:00", "Z"), bool(found[8])


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    hours, minutes = re.fullmatch(r"[+-](\d{1,2}):?(\d{2})?", text).groups()  # type: ignore[union-attr]  # the caller's pattern holds it
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-offset if text[0] == "-" else offset)


def from_number(value: float) -> str | None:
    """RFC 3339 of epoch seconds or milliseconds; None for a number that is neither."""
    if not _EPOCH_MIN_S <= value < _EPOCH_MIN_MS * 100:
        return UNKNOWN if value == 0 else None
    at_s = value / 1000 if value >= _EPOCH_MIN_MS else value
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
