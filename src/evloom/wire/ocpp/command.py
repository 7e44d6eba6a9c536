"""Our commands as requests of the version that a station speaks, its answers as outcomes, and both as JSON to be kept.

`request_of` gives what a CALL carries; it never makes a message that its schema would refuse. `outcome_of` reads the answer.
"""

import dataclasses
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from evloom.pile.command import KINDS, Command, Raw
from evloom.pile.transaction import id_at_station
from evloom.wire.ocpp.base import custom_data
from evloom.wire.ocpp.check import catalog, write
from evloom.wire.ocpp.command_outcome import Outcome, outcome_of
from evloom.wire.ocpp.phrase import Phrase, Teller, Unsupported
from evloom.wire.ocpp.version import Version

__all__ = ["Outcome", "Unsupported", "from_json", "outcome_of", "request_of", "supported", "supports", "to_json"]

_FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}


@cache
def _tellers(version: Version) -> dict[type, Teller]:
    found: dict[type, Teller] = import_module(f"evloom.wire.ocpp.{_FOLDERS[version]}.command").TELLERS
    return found


def supported(version: Version) -> frozenset[str]:
    """Names of the commands that a version has a message for."""
    return frozenset({Raw.__name__, *(kind.__name__ for kind in _tellers(version))})


def supports(version: Version, kind: type) -> bool:
    """Whether a version has a message for commands of a kind."""
    return kind.__name__ in supported(version)


def request_of(version: Version, command: Command) -> tuple[str, bytes]:
    """Action and payload that say `command` to a station of `version`. Raises Unsupported, with the reason, where it cannot be said."""
    action, payload = _phrase(version, command)
    if not isinstance(command, Raw):
        _name_as_known(payload)
    entry = catalog(version).get(action)
    if entry is None or entry.direction == "cs":
        raise Unsupported(f"{version.value} has no {action} that we may send")
    try:
        message = msgspec.convert(payload, entry.request, dec_hook=custom_data)
    except msgspec.ValidationError as wrong:
        raise Unsupported(f"{action} of {version.value}: {wrong}") from None
    return action, write(message)


def _phrase(version: Version, command: Command) -> Phrase:
    if isinstance(command, Raw):
        try:
            payload = msgspec.json.decode(command.payload)
        except msgspec.DecodeError as wrong:
            raise Unsupported(f"{command.action}: no JSON: {wrong}") from None
        return command.action, payload
    teller = _tellers(version).get(type(command))
    if teller is None:
        raise Unsupported(f"{version.value} has no message for {type(command).__name__}")
    return teller(command)


def _name_as_known(payload: dict[str, Any]) -> None:
    """Transactions by the ids that the station knows (`pile.transaction.later_use`)."""
    for name, value in payload.items():
        if name == "transactionId" and isinstance(value, str):
            payload[name] = id_at_station(value)
        elif isinstance(value, dict):
            _name_as_known(value)


def to_json(command: Command) -> bytes:
    """A command as JSON: its name as "command", and its fields. What was not said is left out."""
    fields = {name: value for name, value in _fields(command).items() if value is not None}
    return msgspec.json.encode({"command": type(command).__name__, **fields})


def _fields(command: Command) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(command)
    return built


def from_json(text: bytes | str) -> Command:
    """The command that `to_json` wrote, also one typed by people. Raises ValueError, saying where it is wrong."""
    fields = msgspec.json.decode(text)
    kind = KINDS.get(fields.pop("command", "")) if isinstance(fields, dict) else None
    if kind is None:
        raise ValueError(f'a command is an object with "command", one of {", ".join(sorted(KINDS))}')
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}; it has {', '.join(known) or 'no fields'}")
    command: Command = msgspec.convert(fields, kind)
    return command
