"""The only bridge between instants and arrays."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


def epoch_s(instant: datetime) -> float:
    """Seconds since 1970-01-01 UTC of a timezone-aware instant. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError(f"instant {instant} has no time zone: give one, e.g. +00:00")
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def from_epoch_s(second_s: float) -> datetime:
    """The UTC instant of `second_s` seconds since 1970-01-01 UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second_s)


@dataclass(frozen=True, slots=True)
class LocalClock:
    """Local wall-clock fields of instants, each array of the same shape (n,).

    minute_of_day 0..1439; weekday 0 (Monday) .. 6; month 1..12; day ordinal as `date.toordinal`.
    """

    minute_of_day: Int
    weekday: Int
    month: Int
    day_ordinal: Int


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """`n` steps of `step_s` seconds from `start` (timezone-aware; kept in UTC).

    Step k covers [start + k step_s, start + (k + 1) step_s). Raises ValueError for a naive start,
    a step that is not positive or a negative n.
    """

    start: datetime
    step_s: int
    n: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError(f"start {self.start} has no time zone: give one, e.g. +00:00")
        if self.step_s <= 0:
            raise ValueError(f"step_s = {self.step_s}: a step must be longer than 0 s")
        if self.n < 0:
            raise ValueError(f"n = {self.n}: a grid cannot have fewer than 0 steps")
        object.__setattr__(self, "start", self.start.astimezone(UTC))

    @classmethod
    def between(cls, start: datetime, end: datetime, step_s: int) -> "TimeGrid":
        """The grid of whole steps that covers [start, end); the last step may reach past `end`."""
        return cls(start, step_s, max(0, int(-(-(end - start).total_seconds() // step_s))))

    @property
    def end(self) -> datetime:
        """The instant after the last step."""
        return self.at(self.n)

    @property
    def step_h(self) -> float:
        """Length of a step in hours."""
        return self.step_s / 3600.0

    @property
    def start_s(self) -> float:
        """`start` in seconds since the epoch."""
        return epoch_s(self.start)

    def at(self, k: int) -> datetime:
        """The instant at which step k starts."""
        return self.start + timedelta(seconds=k * self.step_s)

    def edges_s(self) -> Float:
        """The n + 1 step borders in seconds since the epoch."""
        return self.start_s + self.step_s * np.arange(self.n + 1, dtype=np.float64)

    def position(self, instant: datetime) -> float:
        """`instant` measured in steps from the start (may lie outside 0..n)."""
        return (epoch_s(instant) - self.start_s) / self.step_s

    def local(self, zone: ZoneInfo) -> LocalClock:
        """Local wall-clock fields at the start of every step. DST days come out right: 23 or 25 h."""
        return local_clock(self.edges_s()[:-1], zone)


def local_clock(instant_s: Float, zone: ZoneInfo) -> LocalClock:
    """Local wall-clock fields of instants (n,) given in seconds since the epoch.

    The UTC offset of a zone changes only at whole quarter-hours (every change since 1970), so one
    look-up per quarter-hour is enough.
    """
    quarter, inverse = np.unique(np.floor_divide(instant_s, 900.0), return_inverse=True)
    offsets = [from_epoch_s(q * 900.0).astimezone(zone).utcoffset() for q in quarter]
    offset_s = np.array([o.total_seconds() if o else 0.0 for o in offsets], dtype=np.float64)
    local_s = instant_s + offset_s[inverse] if len(quarter) else np.zeros(0)
    day = np.floor_divide(local_s, 86400.0).astype(np.int64)
    minute = ((local_s - day * 86400.0) // 60).astype(np.int64)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    return LocalClock(minute, (day + 3) % 7, month, day + 719163)
