"""What stations of other processes say: read from the log, so that a site's loop hears all of its stations wherever they are connected."""

import asyncio
import logging
from collections import OrderedDict

from evloom.serve.bus import Happening, Listener
from evloom.serve.logs import told
from evloom.store import log
from evloom.store.database import Database
from evloom.store.errors import StoreError

_LOG = logging.getLogger("evloom.live")
LOOK_S = 0.5
SEEN_N = 20_000
BACK_N = 200  # entries of another process may be committed a little later than those with higher numbers


class Tail:
    """Reads the log as it grows and hands on what this process did not say itself. `heard` the bus of this process first."""

    def __init__(self, db: Database, heard: Listener) -> None:
        self.db, self._heard = db, heard
        self._begin = self._after = 0
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def said(self, happening: Happening) -> None:
        """Something that was handed on already."""
        self._seen[happening.number] = None
        while len(self._seen) > SEEN_N:
            self._seen.popitem(last=False)

    async def start(self) -> None:
        """Begin at the end of the log."""
        newest = await self.db.read(lambda conn: log.latest(conn, n_max=1))
        self._begin = self._after = newest[0].number if newest else 0
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                entries = await self.db.read(lambda conn: log.read(conn, after=max(self._after - BACK_N, self._begin), n_max=2000))
            except StoreError as error:
                told(_LOG, logging.WARNING, "log.not-read", why=str(error))
                continue
            for entry in entries:
                self._after = max(self._after, entry.number)
                if entry.event is not None and entry.number not in self._seen:
                    happening = Happening("station", entry.station_id, entry.event, entry.happened_at_s, entry.known_at_s, entry.number)
                    self.said(happening)
                    self._heard(happening)
