"""The job that removes what is kept for a time only: OCPP messages, meter values, the log of events, journals of the loop.

Days are those on which the platform ran (`store.days`), so that a clock that is wrong for an hour removes nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evloom.serve.config import Retention
from evloom.serve.logs import told
from evloom.store import days, prune
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.retention import Removed, retain

_LOG = logging.getLogger("evloom.retention")
LOOK_S = 3600.0
PAUSE_S = 1.0
"""Between two removals: others write too."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Instants before which something is old, None where nothing is: OCPP messages, meter values, entries of the log, journals."""

    frames_s: float | None
    meters_s: float | None
    log_s: float | None
    journals_s: float | None


class Retaining:
    """Removes what is older than the settings say, every hour. journals: folder of the journals, None for none."""

    def __init__(self, db: Database, settings: Retention, now_s: Callable[[], float], journals: Path | None = None) -> None:
        self._db, self._settings, self._now_s, self._journals = db, settings, now_s, journals

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.all()
            await asyncio.sleep(LOOK_S)

    async def all(self) -> None:
        """Remove everything that is old."""
        cuts = await self.cuts()
        while (await self.once(cuts)).more:  # noqa: ASYNC110  no event tells that there is more
            await asyncio.sleep(PAUSE_S)
        if cuts.log_s is not None:
            await self._shorten(cuts.log_s, cuts.meters_s)
        if cuts.journals_s is not None and self._journals is not None:
            await asyncio.to_thread(_drop_journals, self._journals, cuts.journals_s)

    async def cuts(self) -> Cuts:
        """Note that the platform runs today, and tell what is old by now."""
        now_s, wanted = self._now_s(), self._settings

        def looked(conn: Connection) -> Cuts:
            days.note(conn, now_s)
            of = (wanted.frames_days, wanted.meter_days, wanted.log_days, wanted.journal_days)
            frames_s, meters_s, log_s, journals_s = (days.start_of(conn, now_s, n) for n in of)
            # A message that the log has is shown from there.
            log_s = None if log_s is None or frames_s is None else min(log_s, frames_s)
            return Cuts(frames_s, meters_s, log_s, journals_s)

        return await self._db.write(looked)

    async def once(self, cuts: Cuts) -> Removed:
        """Remove some messages and meter values; `more` says whether there is more to remove."""
        now_s = self._now_s()
        return await self._db.write(lambda conn: retain(conn, now_s, frames_before_s=cuts.frames_s, meters_before_s=cuts.meters_s))

    async def _shorten(self, before_s: float, unsettled_before_s: float | None) -> None:
        """Remove what is old of the log of each station."""
        longest_s = float("-inf") if unsettled_before_s is None else unsettled_before_s
        n = 0
        for station in await self._db.read(lambda conn: prune.old(conn, before_s, longest_s)):
            removed = prune.ROWS_MAX
            while removed >= prune.ROWS_MAX:
                now_s = self._now_s()
                removed = await self._db.write(lambda conn, one=station, at_s=now_s: prune.prune(conn, one, at_s))  # type: ignore[misc]
                n += removed
                await asyncio.sleep(PAUSE_S if removed >= prune.ROWS_MAX else 0.0)
        if n:
            told(_LOG, logging.INFO, "log.shortened", entries=n)


def _drop_journals(folder: Path, before_s: float) -> None:
    """Remove runs that ended before an instant, with the scenario on which each is replayed."""
    for journal in folder.glob("*/*.jsonl.gz"):
        with suppress(OSError):  # it may be gone, or not ours to remove
            if journal.stat().st_mtime < before_s:
                journal.unlink()
                journal.with_name(f"{journal.name.removesuffix('.jsonl.gz')}.toml").unlink(missing_ok=True)
