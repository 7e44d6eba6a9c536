"""The job that removes what is kept for a time only: OCPP messages and meter values."""

import asyncio
from collections.abc import Callable

from evloom.serve.config import Retention
from evloom.store.database import Database
from evloom.store.retention import Removed, retain

DAY_S = 86_400.0
LOOK_S = 3600.0
PAUSE_S = 1.0
"""Between two removals: others write too."""


class Retaining:
    """Removes what is older than the settings say, every hour."""

    def __init__(self, db: Database, settings: Retention, now_s: Callable[[], float]) -> None:
        self._db, self._settings, self._now_s = db, settings, now_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            while (await self.once()).more:  # noqa: ASYNC110  no event tells that there is more
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(LOOK_S)

    async def once(self) -> Removed:
        """Remove some; `more` says whether there is more to remove."""
        now_s, settings = self._now_s(), self._settings
        frames_before_s, meters_before_s = now_s - settings.frames_days * DAY_S, now_s - settings.meter_days * DAY_S
        return await self._db.write(lambda conn: retain(conn, frames_before_s=frames_before_s, meters_before_s=meters_before_s))
