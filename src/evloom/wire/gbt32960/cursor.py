"""Reading and writing piece by piece; what is announced and not there is refused."""

import struct
from typing import TypeVar

from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.number import Fields, layout

F = TypeVar("F", bound=Fields)
_SENTINELS = {1: (0xFE, 0xFF), 2: (0xFFFE, 0xFFFF)}


class Reader:
    """Bytes and how far they are read."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""
        return len(self.data) - self.at

    def numbers(self, kind: type[Fields]) -> tuple[int, ...]:
        """The numbers of a class."""
        plan = layout(kind)
        at = self.at
        try:
            values = plan.unpack_from(self.data, at)
        except struct.error:
            raise BadData("short", f"{kind.__name__} needs {plan.size} bytes at {at}, {len(self.data) - at} are left") from None
        self.at = at + plan.size
        return values

    def fields(self, kind: type[F]) -> F:
        """A class all of whose fields are numbers."""
        return kind(*self.numbers(kind))

    def taken(self, n: int) -> bytes:
        """The next n bytes."""
        at = self.at
        end = at + n
        if end > len(self.data):
            raise BadData("short", f"{n} bytes are announced at {at}, {len(self.data) - at} are left")
        self.at = end
        return self.data[at:end]

    def whole(self, n_byte: int) -> int:
        """A number of n_byte bytes."""
        return int.from_bytes(self.taken(n_byte), "big")

    def counted(self, n_byte: int, item_bytes: int = 1) -> bytes | int:
        """A number of items and their bytes; what was said in place of the number where that was "abnormal" or "invalid"."""
        n = self.whole(n_byte)
        return n if n in _SENTINELS[n_byte] else self.taken(n * item_bytes)

    def text(self, n: int) -> str:
        """A string of n bytes that is filled with NUL."""
        return self.taken(n).rstrip(b"\0").decode("latin-1")


def fields_bytes(of: Fields, n: int | None = None) -> bytes:
    """The numbers of an object, the first n of its fields."""
    plan = layout(type(of))
    values = [getattr(of, name) for name in of.__struct_fields__[:n]]
    return plan.pack(*values)


def counted_bytes(items: bytes | int, n_byte: int, item_bytes: int = 1) -> bytes:
    """The opposite of `Reader.counted`. Raises ValueError for more items than can be counted."""
    if isinstance(items, int):
        return sentinel_bytes(items, n_byte)
    n, rest = divmod(len(items), item_bytes)
    if rest:
        raise ValueError(f"{len(items)} bytes are not whole items of {item_bytes}")
    return count_bytes(n, n_byte) + items


def count_bytes(n: int, n_byte: int) -> bytes:
    """A number of items."""
    if n >= _SENTINELS[n_byte][0]:
        raise ValueError(f"{n} items: at most {_SENTINELS[n_byte][0] - 1} can be counted")
    return n.to_bytes(n_byte, "big")


def sentinel_bytes(said: int, n_byte: int) -> bytes:
    """What stands in place of a number of items."""
    if said not in _SENTINELS[n_byte]:
        raise ValueError(f"{said} stands for neither abnormal nor invalid")
    return said.to_bytes(n_byte, "big")


def text_bytes(text: str, n: int) -> bytes:
    """A string in n bytes. Raises ValueError where it is longer."""
    data = text.encode("latin-1")
    if len(data) > n:
        raise ValueError(f"{text!r} has more than {n} characters")
    return data.ljust(n, b"\0")
