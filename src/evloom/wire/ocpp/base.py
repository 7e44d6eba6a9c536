"""What the generated messages of every version stand on."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

VENDOR_ID_MAX = 255

Instant = Annotated[datetime, Meta(tz=True)]
"""An instant with its zone, as RFC 3339 writes it."""


class Message(Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """A message or a data type of it. A field that was not sent is UNSET (which is false)."""


class CustomData(dict[str, Any]):
    """What a vendor adds to a 2.x data type: an object with a vendorId and whatever else."""


class Entry(NamedTuple):
    """An action: its request, its answer (None: nothing answers), who asks ("cs", "csms", "both") and its functional block."""

    request: type[Message]
    response: type[Message] | None
    direction: str
    block: str


def custom_data(kind: type, value: object) -> object:
    """The hook by which msgspec reads CustomData."""
    if kind is not CustomData:
        raise NotImplementedError(f"no reader for {kind}")
    vendor = value.get("vendorId") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(vendor, str) or len(vendor) > VENDOR_ID_MAX:
        raise ValueError("Expected `object` with a `vendorId` of at most 255 characters")
    return CustomData(value)


def custom_data_schema(kind: type) -> dict[str, Any]:
    """The hook by which msgspec describes CustomData."""
    if kind is not CustomData:
        raise NotImplementedError(f"no schema for {kind}")
    return {"type": "object", "properties": {"vendorId": {"type": "string", "maxLength": VENDOR_ID_MAX}}, "required": ["vendorId"]}


def instant(at_s: float) -> datetime:
    """Epoch seconds as a message carries them: whole seconds, which every station can read."""
    return datetime.fromtimestamp(round(at_s), UTC)


def seconds(at: datetime) -> float:
    """Epoch seconds of an instant in a message."""
    return at.timestamp()
