"""The one place of Evloom that asks the machine what time it is.

A demonstration may let the platform's clock run faster than the machine's (`pace`): a whole evening then passes in minutes, for the
loop, the bills and the pages alike. What has to do with the network itself (timeouts, pings) is in real seconds all the same.
"""

import asyncio
import time

LATE_S = 0.5
"""A wait that has lasted so much longer than it should by the loop's own clock is over: the machine's was set back."""


class _Pace:
    """How platform time follows from the machine's: real_s is shown as begin_s, and then runs `speed` times as fast."""

    speed = 1.0
    real_s = 0.0
    begin_s = 0.0


def pace(speed: float, begin_s: float | None = None) -> None:
    """From now on the platform's clock runs `speed` times as fast, beginning at `begin_s` (now, where left out). speed > 0."""
    if not speed > 0.0:
        raise ValueError("speed must be above 0")
    begin_s = now_s() if begin_s is None else begin_s
    _Pace.speed, _Pace.real_s, _Pace.begin_s = speed, time.time(), begin_s  # noqa: TID251


def unpace() -> None:
    """From now on the platform's clock is the machine's again."""
    _Pace.speed, _Pace.real_s, _Pace.begin_s = 1.0, 0.0, 0.0


def now_s() -> float:
    """Seconds since 1970-01-01 UTC, by the platform's clock."""
    return _Pace.begin_s + (time.time() - _Pace.real_s) * _Pace.speed  # noqa: TID251


def machine_s() -> float:
    """Seconds since 1970-01-01 UTC by the machine's clock, whatever the pace: for what several processes agree on, such as leases."""
    return time.time()  # noqa: TID251


class SystemClock:
    """The loop's clock port on the machine's clock."""

    def now_s(self) -> float:
        """The present, epoch seconds."""
        return now_s()

    async def sleep_until(self, instant_s: float) -> None:
        """Return at or after `instant_s`. A clock that is set ahead meanwhile is noticed within a second; one that is set back makes
        nobody wait longer than it would have been."""
        loop = asyncio.get_running_loop()
        latest_s = loop.time() + (instant_s - now_s()) / _Pace.speed + LATE_S
        while (left_s := instant_s - now_s()) > 0.0 and loop.time() < latest_s:  # noqa: ASYNC110  no event tells that time has passed
            await asyncio.sleep(min(left_s / _Pace.speed, 1.0))
