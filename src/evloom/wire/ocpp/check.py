"""Payloads to messages and back. The structs are the fast way; what they refuse goes to `reason` and `repair`."""

from collections.abc import Callable
from functools import cache
from importlib import import_module

import msgspec
from msgspec import Struct

from evloom.wire.ocpp.base import Entry, Message, custom_data
from evloom.wire.ocpp.frame import UNREADABLE, Code
from evloom.wire.ocpp.repair import Deviation, refusal, repaired
from evloom.wire.ocpp.rules import MADE_UP
from evloom.wire.ocpp.version import Version

__all__ = ["Deviation", "Reading", "catalog", "read_answer", "read_request", "write"]
ACTION_MAX = 64
_FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}


class Reading(Struct, frozen=True):
    """A message that was read, perhaps repaired; or None and a refusal: (error code as the version spells it, description)."""

    message: Message | None
    deviations: tuple[Deviation, ...] = ()
    refusal: tuple[str, str] | None = None

    def invented(self, field: str) -> bool:
        """Whether the value of `field` (its name on the wire, or its path) was not sent but put there so that the message could be read."""
        return any(item.rule in MADE_UP and field in (item.field, item.field.rpartition(".")[2]) for item in self.deviations)


@cache
def catalog(version: Version) -> dict[str, Entry]:
    """Every action of a version. A version's messages are loaded when they are first needed."""
    found: dict[str, Entry] = import_module(f"evloom.wire.ocpp.{_FOLDERS[version]}.catalog").REQUESTS
    return found


@cache
def _decoder(kind: type[Message]) -> Callable[[bytes], Message]:
    return msgspec.json.Decoder(kind, dec_hook=custom_data).decode


def read_request(version: Version, action: str, payload: bytes, *, strict: bool = False) -> Reading:
    """The payload of a CALL or SEND. Never raises. With `strict` nothing is mended: what breaks the schema is refused."""
    entry = catalog(version).get(action)
    return _read(version, action, payload, None if entry is None else entry.request, strict)


def read_answer(version: Version, action: str, payload: bytes, *, strict: bool = False) -> Reading:
    """The payload of a CALLRESULT to a call of `action`. Never raises. `strict` as above."""
    entry = catalog(version).get(action)
    return _read(version, action, payload, None if entry is None else entry.response, strict)


def _read(version: Version, action: str, payload: bytes, kind: type[Message] | None, strict: bool) -> Reading:
    if kind is None:
        return Reading(None, (), (Code.NOT_IMPLEMENTED.word(version), f"{version.value} has no {action[:ACTION_MAX]}"))
    try:
        return Reading(_decoder(kind)(payload))
    except msgspec.ValidationError:
        return _mended(version, action, kind, payload, strict)
    except UNREADABLE as wrong:
        return Reading(None, (), (Code.FORMAT.word(version), str(wrong)))


def _mended(version: Version, action: str, kind: type[Message], payload: bytes, strict: bool) -> Reading:
    """The long way: the schema says what is wrong, the rules mend it."""
    try:
        mended = repaired(version, action, kind, payload, strict)
    except UNREADABLE as wrong:
        return Reading(None, (), (Code.FORMAT.word(version), str(wrong)))
    return Reading(mended.message, mended.deviations, refusal(version, mended.fault) if mended.fault else None)


def write(message: Message) -> bytes:
    """The payload of a message. It is not checked: a type checker has, and the tests of what makes it."""
    return msgspec.json.encode(message)
