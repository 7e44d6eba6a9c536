"""The time of virtual stations: it runs `speed` times as fast as the machine's, and begins with what the central system says."""

import asyncio


class StationClock:
    """Virtual time, epoch seconds. Use inside a running event loop.

    A station has no clock of its own: the first answer to a BootNotification sets it. All stations of a pool share one clock, so that
    their time never steps back.
    """

    def __init__(self, speed: float = 1.0, start_s: float | None = None) -> None:
        if speed <= 0.0:
            raise ValueError(f"speed {speed:g} must be above 0")
        self.speed = speed
        self._anchor_s = asyncio.get_running_loop().time()
        self._start_s = 0.0 if start_s is None else start_s
        self._set = asyncio.Event()
        if start_s is not None:
            self._set.set()

    @property
    def is_set(self) -> bool:
        """Whether it is known what time it is."""
        return self._set.is_set()

    def set(self, now_s: float) -> None:
        """It is `now_s`. Counts the first time only."""
        if not self.is_set:
            self._start_s, self._anchor_s = now_s, asyncio.get_running_loop().time()
            self._set.set()

    async def wait_set(self) -> None:
        """Return when it is known what time it is."""
        await self._set.wait()

    def now_s(self) -> float:
        """The present."""
        return self._start_s + (asyncio.get_running_loop().time() - self._anchor_s) * self.speed

    async def sleep(self, virtual_s: float) -> None:
        """Let so much virtual time pass."""
        await asyncio.sleep(max(virtual_s, 0.0) / self.speed)

    async def sleep_until(self, at_s: float) -> None:
        """Return when it is `at_s`."""
        await self.sleep(at_s - self.now_s())
