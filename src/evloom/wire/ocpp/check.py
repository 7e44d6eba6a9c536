"""Payloads to messages and back. The structs are the fast way; what they refuse goes to `reason` and `repair`."""

from collections.abc import Callable
from functools import cache
from importlib import import_module

import msgspec
from msgspec import Struct

from evloom.wire.ocpp.base import Entry, Message, custom_data
from evloom.wire.ocpp.frame import UNREADABLE, Code
from evloom.wire.ocpp.version import Version

ACTION_MAX = 64
_FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}


class Deviation(Struct, frozen=True):
    """How a message broke its schema and what was done: name of the rule, path of the field, its value cut to 200 characters, advice."""

    rule: str
    field: str
    value: str
    advice: str = ""


class Reading(Struct, frozen=True):
    """A message that was read, perhaps repaired; or None and a refusal: (error code as the version spells it, description)."""

    message: Message | None
    deviations: tuple[Deviation, ...] = ()
    refusal: tuple[str, str] | None = None


@cache
def catalog(version: Version) -> dict[str, Entry]:
    """Every action of a version. A version's messages are loaded when they are first needed."""
    found: dict[str, Entry] = import_module(f"evloom.wire.ocpp.{_FOLDERS[version]}.catalog").REQUESTS
    return found


@cache
def _decoder(kind: type[Message]) -> Callable[[bytes], Message]:
    return msgspec.json.Decoder(kind, dec_hook=custom_data).decode


def read_request(version: Version, action: str, payload: bytes) -> Reading:
    """The payload of a CALL or SEND. Never raises."""
    return _read(version, action, payload, False)


def read_answer(version: Version, action: str, payload: bytes) -> Reading:
    """The payload of a CALLRESULT to a call of `action`. Never raises."""
    return _read(version, action, payload, True)


def _read(version: Version, action: str, payload: bytes, answer: bool) -> Reading:
    entry = catalog(version).get(action)
    kind = None if entry is None else entry.response if answer else entry.request
    if kind is None:
        return Reading(None, (), (Code.NOT_IMPLEMENTED.word(version), f"{version.value} has no {action[:ACTION_MAX]}"))
    try:
        return Reading(_decoder(kind)(payload))
    except UNREADABLE as wrong:
        return Reading(None, (), (Code.FORMAT.word(version), str(wrong)))


def write(message: Message) -> bytes:
    """The payload of a message. It is not checked: a type checker has, and the tests of what makes it."""
    return msgspec.json.encode(message)
