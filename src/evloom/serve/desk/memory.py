"""What the desk remembers of a station while it is connected here: whether it is accepted, its EVSE, the transactions that run."""

from collections import deque
from dataclasses import dataclass, field

from evloom.serve.desk.caller import Caller
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.desk import Registered, Running, registered, running

FRESH_S = 60.0
"""After so long it is looked up again whether a station is accepted: an operator may have changed that meanwhile."""

ENDED_MAX = 8
"""So many transactions that have ended are remembered, as a word of theirs may come late."""


@dataclass(slots=True)
class Memory:
    """A station as the desk knows it. registered None: nobody knows it. open: transactions that run, by id; ended: the last that ended;
    invited_s: when it was asked to send BootNotification."""

    epoch: int
    registered: Registered | None
    evses: set[int]
    looked_s: float
    invited_s: float = 0.0
    open: dict[str, Running] = field(default_factory=dict)
    ended: deque[str] = field(default_factory=lambda: deque(maxlen=ENDED_MAX))

    @property
    def accepted(self) -> str:
        """ "accepted", "pending", "refused" or "" for a station that nobody knows."""
        return self.registered.accepted if self.registered is not None else ""

    def at(self, evse: int) -> Running | None:
        """The transaction that runs at an EVSE: the latest where there are several."""
        return max((one for one in self.open.values() if one.evse == evse), key=lambda one: one.started_at_s, default=None)

    def before(self, evse: int, transaction: str, at_s: float) -> list[Running]:
        """Transactions of an EVSE that another one, begun at `at_s`, leaves no room for."""
        return [one for one in self.open.values() if one.evse == evse and one.transaction != transaction and one.started_at_s < at_s]


class Memories:
    """The memories of the stations that are connected here."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, Memory] = {}

    def known(self, station_id: str) -> Memory | None:
        """What is remembered, without looking."""
        return self._known.get(station_id)

    async def of(self, caller: Caller, now_s: float) -> Memory:
        """What is known of the caller, looked up where it is not remembered, or was remembered under another ownership."""
        memory = self._known.get(caller.station_id)
        if memory is None or memory.epoch != caller.epoch:
            return await self.looked_up(caller, now_s)
        if now_s - memory.looked_s > FRESH_S or now_s < memory.looked_s:
            memory.looked_s = now_s
            memory.registered = await self._db.read(lambda conn: registered(conn, caller.station_id))
        return memory

    async def looked_up(self, caller: Caller, now_s: float) -> Memory:
        """What is known of the caller, looked up now."""

        def look(conn: Connection) -> tuple[Registered | None, list[Running]]:
            return registered(conn, caller.station_id), running(conn, caller.station_id)

        before = self._known.get(caller.station_id)
        if before is None or before.epoch != caller.epoch:
            await self._db.caught_up(caller.station_id)  # so that what runs is in the projections, whoever appended it
        found, open_ones = await self._db.read(look)
        memory = Memory(caller.epoch, found, set(found.evses) if found else set(), now_s)
        if before is not None and before.epoch == caller.epoch:
            memory.open, memory.ended = before.open, before.ended
            memory.evses |= before.evses
        else:
            memory.open = {one.transaction: one for one in open_ones}
        self._known[caller.station_id] = memory
        return memory

    def forget(self, station_id: str) -> None:
        """A station has left, or was changed by an operator: what is remembered of it is looked up again when it speaks."""
        self._known.pop(station_id, None)
