"""What the platform answers to what stations say: read, understand, keep, tell, answer.

Nothing is answered before it is on the disk, but what asks for nothing to be kept (Heartbeat). A message that breaks the schema is
repaired where it can be, and that is kept too; one that cannot be understood is refused by the error that OCPP-J has for it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from evloom.pile.command import Trigger
from evloom.pile.station import Deviated
from evloom.serve.bus import Bus
from evloom.serve.desk.answers import Answers, Office
from evloom.serve.desk.authorise import TokenRules
from evloom.serve.desk.boot import refusal
from evloom.serve.desk.caller import Caller, Reply
from evloom.serve.desk.certificates import Certificates
from evloom.serve.desk.keep import Keeper
from evloom.serve.desk.memory import Memories, Memory
from evloom.serve.desk.ports import DeskRules, Ports
from evloom.serve.desk.tokens import Tokens
from evloom.serve.desk.transactions import Call, Transactions
from evloom.store.database import Database
from evloom.store.errors import StoreError, StoreGone
from evloom.wire.ocpp import check
from evloom.wire.ocpp.rules import MADE_UP
from evloom.wire.ocpp.spoken import Dated, Heard
from evloom.wire.ocpp.v16 import translate as v16
from evloom.wire.ocpp.v21 import translate as v21
from evloom.wire.ocpp.v201 import translate as v201
from evloom.wire.ocpp.version import Version

__all__ = ["Caller", "Desk", "DeskRules", "Ports", "Reply"]

_LOG = logging.getLogger("evloom.desk")
_TONGUES: dict[Version, ModuleType] = {Version.V16: v16, Version.V201: v201, Version.V21: v21}
_NUL, _REPLACED = b"\\u0000", b"\\ufffd"
"""No database keeps a NUL in a text; it becomes the sign for what cannot be shown."""

INVITED_S = 300.0
"""So often at most a station that nobody knows is asked to introduce itself."""

VALUE_MAX = 200
DESCRIPTION_MAX = 255
"""OCPP-J, 4.2.3: an error's description has at most this many characters."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it came."""

    action: str
    payload: bytes
    raw: bytes


class Desk:
    """Answers stations. Messages of one station are to come one after the other, those of different stations as they like."""

    def __init__(self, db: Database, bus: Bus, rules: DeskRules, now_s: Callable[[], float], ports: Ports | None = None) -> None:
        ports = ports or Ports()
        self._now_s = now_s
        self._rules, self._ports = rules, ports
        self._keeper = Keeper(db, bus)
        self._memories = Memories(db)
        tokens = Tokens(db, TokenRules(rules.unknown_tokens, rules.concurrent))
        transactions = Transactions(db, self._keeper, tokens, ports)
        office = Office(db, self._memories, self._keeper, rules, ports)
        self._answers = Answers(office, transactions, Certificates(rules.certificates, ports), tokens)

    def forget(self, station_id: str) -> None:
        """What is remembered of a station does not hold any more: it has left, or an operator has changed it."""
        self._memories.forget(station_id)

    async def handle(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> Reply:
        """The answer to a request. Does not raise for anything that a station or the database does."""
        try:
            if action == "Heartbeat" and payload == b"{}":
                return await self._heartbeat(caller)
            return await self._handled(caller, Frame(action, payload, raw), answered=True)
        except StoreError as error:
            _LOG.warning("desk.not_kept", extra={"fields": {"station": caller.station_id, "action": action, "error": str(error)}})
            return Reply(code="InternalError", description=str(error)[:DESCRIPTION_MAX], gone=isinstance(error, StoreGone))

    async def sent(self, caller: Caller, action: str, payload: bytes, raw: bytes) -> None:
        """Take notice of what wants no answer (SEND of 2.1)."""
        try:
            await self._handled(caller, Frame(action, payload, raw), answered=False)
        except StoreError as error:
            _LOG.warning("desk.not_kept", extra={"fields": {"station": caller.station_id, "action": action, "error": str(error)}})

    async def _heartbeat(self, caller: Caller) -> Reply:
        """Without the database once the station is known."""
        now_s = self._now_s()
        memory = self._memories.known(caller.station_id) or await self._memories.of(caller, now_s)
        if (why := refusal(memory.accepted, "Heartbeat")) != "":
            await self._invite(caller, memory, now_s)
            return Reply(code="SecurityError", description=why)
        return Reply(check.write(_TONGUES[caller.version].answer("Heartbeat", None, now_s)))

    async def _invite(self, caller: Caller, memory: Memory, now_s: float) -> None:
        """Have a station that nobody knows send BootNotification: many send it when they are switched on and never again, and so not to a
        platform that they are moved to."""
        if memory.accepted != "" or self._rules.unknown_stations == "refuse" or 0.0 <= now_s - memory.invited_s < INVITED_S:
            return
        memory.invited_s = now_s
        await self._ports.order(caller.station_id, Trigger("BootNotification"))

    async def _handled(self, caller: Caller, frame: Frame, *, answered: bool) -> Reply:
        now_s = self._now_s()
        action, payload = frame.action, frame.payload.replace(_NUL, _REPLACED) if _NUL in frame.payload else frame.payload
        if (refused := _out_of_place(caller.version, action, answered)) is not None:
            return refused
        look = self._memories.looked_up if action == "BootNotification" else self._memories.of
        memory = await look(caller, now_s)
        if (why := refusal(memory.accepted, action)) != "":
            await self._invite(caller, memory, now_s)
            return Reply(code="SecurityError", description=why)
        reading = check.read_request(caller.version, action, payload)
        call = Call(caller, action, frame.raw, now_s, memory, _odd(action, reading.deviations, now_s))
        if reading.message is None:
            return await self._not_read(call, reading)
        tongue = _TONGUES[caller.version]
        try:
            spoken = tongue.said(action, Heard(reading.message, payload, now_s, _invented(reading)))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            _LOG.exception("desk.not_understood", extra={"fields": {"station": caller.station_id, "action": action}})
            return await self._not_read(call, check.Reading(None, (), ("InternalError", f"not understood: {type(error).__name__}")))
        given = await self._answers.answer(call, spoken)
        return Reply(check.write(tongue.answer(action, given, now_s))) if answered else Reply()

    async def _not_read(self, call: Call, reading: check.Reading) -> Reply:
        """A message that means nothing to us: the frame is kept as evidence, the station hears why."""
        code, description = reading.refusal or ("FormationViolation", "the message could not be read")
        refused = Deviated(call.action, "refused", "", description[:VALUE_MAX], "send the message as the schema has it")
        entries = (*call.beside, Dated(refused, call.now_s))
        await self._keeper.keep(call.caller, entries, call.raw, call.now_s)
        return Reply(code=code, description=description[:DESCRIPTION_MAX])


def _out_of_place(version: Version, action: str, answered: bool) -> Reply | None:
    """The refusal of a message that a station does not send, or not in this way."""
    entry = check.catalog(version).get(action)
    if entry is None:
        return Reply(code="NotImplemented", description=f"{version.value} has no {action[: check.ACTION_MAX]}")
    if entry.direction == "csms":
        return Reply(code="NotSupported", description=f"{action} is what the platform asks of a station")
    if answered != (entry.response is not None):
        return Reply(code="NotSupported", description=f"{action} is to be sent as {'SEND' if answered else 'CALL'}")
    return None


def _invented(reading: check.Reading) -> frozenset[str]:
    """Last names of the fields that nobody sent."""
    if not reading.deviations:
        return frozenset()
    return frozenset(one.field.rpartition(".")[2] for one in reading.deviations if one.rule in MADE_UP)


def _odd(action: str, deviations: Sequence[check.Deviation], now_s: float) -> tuple[Dated, ...]:
    """An entry for each rule that had to be applied."""
    if not deviations:
        return ()
    by_rule = {one.rule: one for one in reversed(deviations)}
    return tuple(Dated(Deviated(action, one.rule, one.field, one.value[:VALUE_MAX], one.advice), now_s) for one in by_rule.values())
