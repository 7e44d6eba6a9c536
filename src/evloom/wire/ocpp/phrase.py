"""How our words become values of a message: what was not said is left out, instants are whole seconds, powers watts."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import trunc
from typing import Any

from evloom.wire.ocpp.base import instant

Payload = dict[str, Any]
Phrase = tuple[str, Payload]
"""An action and the payload of its request."""
Teller = Callable[[Any], Phrase]
"""What makes a request of a command of one kind."""

CERTIFICATE_KINDS = {
    "CSMSRoot": "CSMSRootCertificate",
    "ManufacturerRoot": "ManufacturerRootCertificate",
    "V2GRoot": "V2GRootCertificate",
    "MORoot": "MORootCertificate",
    "OEMRoot": "OEMRootCertificate",
    "V2GChain": "V2GCertificateChain",
}
"""Kinds of certificates: ours to those of OCPP 2.x."""


class Unsupported(Exception):  # noqa: N818 - an outcome that people read, not a fault
    """The version of the station cannot say this; reason in words, for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def given(**fields: object) -> Payload:
    """The fields that were said: without None, "" and empty tuples."""
    return {name: value for name, value in fields.items() if value is not None and value != "" and value != ()}


def when(at_s: float | None) -> object:
    """An instant for a message, None for none."""
    return None if at_s is None else instant(at_s)


def epoch(text: str | None) -> float | None:
    """The instant that a payload says, None for none; without a zone it is UTC."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def whole(seconds: float | None) -> int | None:
    """Seconds as the whole number that every message wants."""
    return None if seconds is None else round(seconds)


def tenth(value: float) -> float:
    """A limit with the one decimal that OCPP allows, never further from 0 than it was."""
    return trunc(value * 10.0 + (1e-6 if value > 0.0 else -1e-6)) / 10.0


def rate(value: float | None, unit: str) -> float | None:
    """A value of a schedule in "A" or "kW" as the message has it, in A or W."""
    return None if value is None else tenth(value if unit == "A" else value * 1000.0)


def rate_unit(unit: str) -> str:
    """Unit of a schedule in the words of OCPP."""
    return {"kW": "W", "A": "A", "": ""}[unit]


def from_rate(value: float | None, unit: str) -> float | None:
    """A value of a message in "A" or "W" as our schedules have it, in A or kW."""
    return None if value is None else (value if unit == "A" else value / 1000.0)
