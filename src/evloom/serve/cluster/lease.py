"""Work that runs once in the whole platform, such as the loop of a site: whoever holds its lease does it.

    lease = Lease(db, "site:north", holder="gateway-1")
    lease.start()
    ...
    if lease.is_mine: decide()
    await lease.stop()          gives it up at once, so that another takes over without waiting

A holder renews three times within the term. One whose process died, or that cannot reach the database, loses the lease when its term is
over, by its own clock a little earlier than by the others'.
"""

import asyncio
import logging
import time
from contextlib import suppress

from evloom.serve.logs import told
from evloom.serve.system_clock import machine_s
from evloom.store import cluster
from evloom.store.database import Database
from evloom.store.errors import StoreError

_LOG = logging.getLogger("evloom.cluster")
TERM_S = 6.0
MARGIN_S = 1.0
"""So much before the end of its term a holder stops to believe that it is one: room for clocks that differ and for work in hand."""


class Lease:
    """Tries to hold `name` for as long as it is started."""

    def __init__(self, db: Database, name: str, holder: str, term_s: float = TERM_S) -> None:
        self.name = name
        self.epoch = 0
        self._db = db
        self._holder = holder
        self._term_s = term_s
        self._sure_until_s = 0.0
        self._was_mine = False
        self._renewing: asyncio.Task[None] | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this process may do the work now."""
        return time.monotonic() < self._sure_until_s

    def start(self) -> None:
        """Begin to ask for the lease."""
        self._renewing = asyncio.get_running_loop().create_task(self._renew())

    async def stop(self) -> None:
        """Give it up."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        self._sure_until_s = 0.0
        if self._was_mine:
            with suppress(StoreError):
                await self._db.write(lambda conn: cluster.give_up(conn, self.name, self._holder))

    async def try_now(self) -> bool:
        """Ask once; whether it is ours."""
        begun_s, at_s = time.monotonic(), machine_s()
        try:
            epoch = await self._db.write(lambda conn: cluster.take_lease(conn, self.name, self._holder, at_s, self._term_s))
        except StoreError as error:
            told(_LOG, logging.WARNING, "lease.unreachable", lease=self.name, why=str(error))
            return self.is_mine
        if epoch is not None:
            self.epoch = epoch
            self._sure_until_s = begun_s + self._term_s - min(MARGIN_S, self._term_s / 4.0)
        if self.is_mine != self._was_mine:
            self._was_mine = self.is_mine
            told(_LOG, logging.INFO, "lease.taken" if self._was_mine else "lease.lost", lease=self.name, holder=self._holder)
        return self.is_mine

    async def _renew(self) -> None:
        while True:
            await self.try_now()
            await asyncio.sleep(self._term_s / 3.0)
