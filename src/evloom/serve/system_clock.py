"""The one place of Evloom that asks the machine what time it is."""

import asyncio
import time


def now_s() -> float:
    """Seconds since 1970-01-01 UTC."""
    return time.time()  # noqa: TID251


class SystemClock:
    """The loop's clock port on the machine's clock."""

    def now_s(self) -> float:
        """The present, epoch seconds."""
        return now_s()

    async def sleep_until(self, instant_s: float) -> None:
        """Return at or after `instant_s`. A clock that is set meanwhile is noticed within a second."""
        while (left_s := instant_s - now_s()) > 0.0:  # noqa: ASYNC110  no event tells that time has passed
            await asyncio.sleep(min(left_s, 1.0))
