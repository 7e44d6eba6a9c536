"""Numbers of the standard's tables: one annotation gives a field's place in the bytes, its unit, scale, offset and what is no reading."""

from collections.abc import Iterator
from functools import cache
from struct import Struct as Layout
from typing import Annotated, get_type_hints

import msgspec

ABNORMAL, INVALID = 0xFE, 0xFF
"""Last byte of a number that stands for "abnormal" or "invalid"; the bytes before it are 0xFF."""
_BYTES = {"B": 1, "H": 2, "I": 4}


class Number(msgspec.Struct, frozen=True):
    """A number on the wire: physical = raw * scale + offset, in `unit`.

    code     B one byte, H two, I four, unsigned, big-endian
    raw_max  largest valid raw value, None where the table says none
    marked   whether the two largest values mean abnormal and invalid
    """

    code: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    raw_max: int | None = None
    marked: bool = True

    def no_reading(self, raw: int) -> bool:
        """Whether the raw value stands for "abnormal" or "invalid"."""
        return self.marked and raw >= 256 ** _BYTES[self.code] - 2

    def reading(self, raw: int) -> float:
        """The physical value, NaN where there is no reading or the table does not allow it."""
        if self.no_reading(raw) or (self.raw_max is not None and raw > self.raw_max):
            return float("nan")
        return round(raw * self.scale + self.offset, 6)


class Fields(msgspec.Struct, frozen=True, gc=False):
    """Base of what has a fixed layout: fields annotated with a `Number`, in the order of the bytes; others must come after them."""


@cache
def numbers(kind: type[Fields]) -> dict[str, Number]:
    """The numbers of a class by field."""

    def marked() -> Iterator[tuple[str, Number]]:
        for name, hint in get_type_hints(kind, include_extras=True).items():
            for extra in getattr(hint, "__metadata__", ()):
                if isinstance(extra, Number):
                    yield name, extra

    return dict(marked())


@cache
def layout(kind: type[Fields]) -> Layout:
    """How the numbers of a class lie in bytes."""
    return Layout(">" + "".join(number.code for number in numbers(kind).values()))


def reading(of: Fields, field: str) -> float:
    """The physical value of a field, NaN where it is no reading."""
    return numbers(type(of))[field].reading(getattr(of, field))


Byte = Annotated[int, Number("B")]
Word = Annotated[int, Number("H")]
Plain = Annotated[int, Number("B", marked=False)]
PlainLong = Annotated[int, Number("I", marked=False)]
Celsius = Annotated[int, Number("B", "degC", 1.0, -40.0, 250)]
