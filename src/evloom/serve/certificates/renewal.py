"""Stations' certificates are renewed before they end: the station is told to ask for a new one (2.0.1 A03; 1.6 security extension)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from evloom.pile.command import Command, Trigger
from evloom.serve.certificates.authority import Authority
from evloom.store.database import Database
from evloom.store.desk import named

LOOK_S = 86400.0
"""Once a day, and so again every day until it has been done."""

WITHIN_S = 30 * 86400.0
"""A certificate is renewed in its last 30 days: a station may be offline for weeks."""


class Renewals:
    """Asks the stations whose certificates end soon. `order` sends a command, `pause` waits in the machine's time."""

    def __init__(
        self,
        folder: Path,
        db: Database,
        order: Callable[[str, Command], Awaitable[object]],
        now_s: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._authority = Authority(folder)
        self._db = db
        self._order = order
        self._now_s = now_s
        self._pause = pause

    async def look(self) -> list[str]:
        """Tell every station whose certificate ends soon; which these were."""
        due = await asyncio.to_thread(self._authority.due, self._now_s(), WITHIN_S)
        stations = await self._db.read(lambda conn: named(conn, due))
        for station_id in stations:
            await self._order(station_id, Trigger("SignChargingStationCertificate", extended=True))
        return stations

    async def run(self) -> None:
        """Look once a day, until cancelled."""
        while True:
            await self.look()
            await self._pause(LOOK_S)
