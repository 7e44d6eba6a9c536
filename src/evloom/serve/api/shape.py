"""Types that the interface's parameters and bodies are made of, each with its bounds, and the way from a row to an answer.

Text never holds a NUL (PostgreSQL has no place for one). Instants are written as in RFC 3339 with a zone; tables keep epoch seconds.
"""

import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, UnsetType

T = TypeVar("T")

_LINE = r"^[^\u0000-\u001f\u007f]*$(?!\n)"
NO_NUL = r"^[^\u0000]*$"
"""Pattern of a text without NUL."""
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$(?!\n)")]
IdOrNone = Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._~-]*)?$(?!\n)", description='An id, or "" for none')]
StationId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=48,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9*_=:+|@.-]*$(?!\n)",
        description="Identity of a charging station as it connects: at most 48 letters, digits and *-_=:+|@.",
    ),
]
SessionId = Annotated[
    str,
    Meta(min_length=1, max_length=110, pattern=r"^[^\u0000-\u001f\u007f/?#%\\]+$(?!\n)", description="STATION:TRANSACTION"),
]
PackId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^\u0000-\u001f\u007f/?#%\\]+$(?!\n)",
        description="Code of a battery as its vehicle sends it, else the vehicle's",
    ),
]
VehicleId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\u0000-\u001f\u007f/?#%+\\]+$(?!\n)",
        description="VIN, or the name of the vehicle's data box",
    ),
]
TokenId = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9][A-Za-z0-9*_=:+|@. -]*$(?!\n)", description="Text of a card, or an eMAID")
]
TokenIdOrNone = Annotated[str, Meta(max_length=255, pattern=r"^([A-Za-z0-9][A-Za-z0-9*_=:+|@. -]*)?$(?!\n)")]
Line = Annotated[str, Meta(max_length=200, pattern=_LINE)]
NOT_BLANK = r"^[^\u0000-\u001f\u007f]*[^\u0000-\u0020\u007f][^\u0000-\u001f\u007f]*$(?!\n)"
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=NOT_BLANK)]
Text = Annotated[str, Meta(max_length=4000, pattern=NO_NUL)]
Cursor = Annotated[
    str, Meta(min_length=1, max_length=800, pattern=r"^[A-Za-z0-9_=-]+$(?!\n)", description="`next_cursor` of the page before")
]
Limit = Annotated[int, Meta(ge=1, le=500, description="Most items on a page")]
Instant = Annotated[datetime, Meta(tz=True)]
PowerKw = Annotated[float, Meta(gt=0, le=1_000_000)]
SignedKw = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
EnergyKwh = Annotated[float, Meta(ge=0, le=1_000_000)]
EvseNumber = Annotated[int, Meta(ge=0, le=10_000)]
UNSET = msgspec.UNSET
Open = UnsetType


class Input(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a caller sends: unknown names are refused."""


class Paging(Input):
    """Which page of a list."""

    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET


class Page(msgspec.Struct, Generic[T]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


def instant(at_s: float) -> datetime:
    """Epoch seconds as an instant; what no calendar can hold comes as its first or last second."""
    return datetime.fromtimestamp(min(max(at_s, -62_135_596_800.0), 253_402_300_799.0), UTC)


def seconds(at: datetime) -> float:
    """An instant as epoch seconds."""
    return at.timestamp()


def given(value: T | UnsetType, default: T) -> T:
    """What was sent, or `default`."""
    return default if isinstance(value, UnsetType) else value


def changes(body: msgspec.Struct, *leave: str) -> dict[str, Any]:
    """The fields that were sent, by name; instants as epoch seconds under name_s."""
    found: dict[str, Any] = {}
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, UnsetType) or name in leave:
            continue
        if isinstance(value, datetime):
            found[f"{name}_s"] = value.timestamp()
        else:
            found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Column:
    field: str
    names: tuple[str, ...]
    convert: Callable[[Any], Any] | None


def _json(text: str) -> Any:
    return msgspec.json.decode(text) if text else None


@functools.cache
def _columns(kind: Any, documents: frozenset[str]) -> tuple[_Column, ...]:
    found = []
    for field in msgspec.structs.fields(kind):
        if "datetime" in str(field.type):
            found.append(_Column(field.name, (f"{field.name}_s",), instant))
        elif field.name in documents:
            found.append(_Column(field.name, (field.name,), _json))
        else:
            found.append(_Column(field.name, (field.name,), None))
    return tuple(found)


def of_row(kind: type[T], row: Mapping[str, Any], *documents: str, **more: Any) -> T:
    """A struct from a row of a table.

    A field that is an instant `x` comes from column `x_s`; `documents` are columns of JSON text; `more` are fields that the row
    has not. A column that the row lacks takes the struct's default.
    """
    values = dict(more)
    for column in _columns(typing.cast("Any", kind), frozenset(documents)):
        name = next((name for name in column.names if name in row), None)
        if column.field in more or name is None:
            continue
        value = row[name]
        values[column.field] = column.convert(value) if column.convert and value is not None else value
    return msgspec.convert(values, kind, strict=False)
