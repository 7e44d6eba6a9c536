"""When a live page is to be drawn anew: something happened that it shows, though not more often than people can read."""

import asyncio
from collections.abc import Callable

from evloom.serve.bus import Happening
from evloom.serve.platform import Platform

TOPICS = ("station", "session", "command", "cycle", "site", "warning")
LEAST_S = 1.0
"""Real seconds between two drawings."""
MOST_S = 15.0
"""After so long without news a sign of life is sent."""
LOOK_S = 30.0
"""How often it is looked whether the reader is still logged in."""


class News:
    """News of some sites (None: of any), from the bus of this process. Close it."""

    def __init__(self, platform: Platform, site_ids: set[str] | None) -> None:
        self._site_ids = site_ids
        self._fresh = asyncio.Event()
        self._looked_s = asyncio.get_running_loop().time()
        self._ends: list[Callable[[], None]] = [platform.bus.listen(topic, self._happened) for topic in TOPICS]

    @property
    def is_over(self) -> bool:
        """Whether nobody listens any more."""
        return not self._ends

    def close(self) -> None:
        """Listen no longer."""
        for end in self._ends:
            end()
        self._ends = []

    def looks_again(self) -> bool:
        """Whether it is time to look who reads."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        return True

    async def wait(self) -> None:
        """Return when there is something new, or after a while without anything."""
        await asyncio.sleep(LEAST_S)
        try:
            await asyncio.wait_for(self._fresh.wait(), MOST_S)
        except TimeoutError:
            return
        self._fresh.clear()

    def _happened(self, happening: Happening) -> None:
        if happening.topic in ("cycle", "site") and self._site_ids is not None and happening.subject not in self._site_ids:
            return
        self._fresh.set()
