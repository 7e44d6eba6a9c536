"""Where a list goes on: the sort key of the last item that was given out, so that pages neither skip nor repeat what is there."""

import base64
import binascii

import msgspec
from msgspec import UnsetType

from evloom.serve.api.problem import Fault, Problem

Key = tuple[float | int | str, ...]


def written(key: Key) -> str:
    """A key as text that a caller hands back."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def following(key: Key | None) -> str | None:
    """The cursor of the next page, None after the last."""
    return None if key is None else written(key)


def read(cursor: str | UnsetType, shape: tuple[type, ...]) -> Key | None:
    """The key in a cursor, None without one. Raises Problem 404 for what is none of this list, whose keys have `shape`."""
    if isinstance(cursor, UnsetType):
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = tuple(_part(part, kind) for part, kind in zip(found, shape, strict=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        fault = Fault("cursor.unknown", "cursor", cursor[:200], "`next_cursor` of the page before", "begin without a cursor")
        raise Problem(404, "cursor-unknown", "there is no such page", [fault]) from None
    return key


def _part(part: object, kind: type) -> float | int | str:
    value: float | int | str = msgspec.convert(part, kind)
    if (isinstance(value, str) and "\0" in value) or (isinstance(value, int) and abs(value) >= 2**63):
        raise ValueError("no key of ours")
    return value
