"""Keeping what was said: into the log, then told to the platform."""

from collections.abc import Sequence

from evloom.pile.transaction import instant_of
from evloom.serve.bus import Bus, Happening
from evloom.serve.desk.caller import Caller
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.store.log import Appended, LogEntry
from evloom.wire.ocpp.spoken import Dated


class Fenced(StoreError):  # noqa: N818  the name says what is the case
    """Another gateway has taken the station over: nothing that comes over this link is kept."""


RAW_MAX = 64 * 1024
"""So much of a frame is kept as evidence; longer ones are in the log of messages for a while."""


class Keeper:
    """Appends to the log and publishes what is new."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus

    async def keep(self, caller: Caller, said: Sequence[Dated], raw: bytes, known_s: float) -> list[Appended]:
        """The entries, in order, all or none; the frame as evidence with the last. Raises StoreError, Fenced."""
        last = len(said) - 1
        entries = [
            LogEntry(
                caller.station_id, one.event, one.happened_at_s, known_s, one.key, raw[:RAW_MAX] if place == last else b"", caller.epoch
            )
            for place, one in enumerate(said)
        ]
        appended = await self._db.append(entries)
        for one, done in zip(said, appended, strict=True):
            if done.fenced:
                raise Fenced("this station is connected to another gateway now")
            if not done.duplicate:
                at_s, _ = instant_of(one.happened_at_s, known_s)
                self._bus.publish(Happening("station", caller.station_id, one.event, at_s, known_s, done.number))
        return appended
