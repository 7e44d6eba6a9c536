"""The frame around every message (table 2): start, command, answer flag, identity, cipher, length, data, check code."""

from struct import Struct as Layout

import msgspec
import numpy as np

from evloom.wire.gbt32960.words import Edition

HEAD = Layout(">HBB17sBH")
HEAD_BYTES = HEAD.size
EMPTY_BYTES = HEAD_BYTES + 1
DATA_MAX_BYTES = 65531
_FEW_BYTES = 64


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame whose check code was right.

    answer  0xFE a command, else it answers one
    vin     vehicle, or the identity of a platform; 17 characters, shorter ones are filled with NUL
    raw     the bytes as they came; empty for a frame that is to be sent
    """

    edition: Edition
    command: int
    answer: int
    vin: str
    cipher: int
    data: bytes
    raw: bytes = b""

    def encoded(self) -> bytes:
        """The frame as bytes. Raises ValueError for an identity or data that are too long."""
        identity = self.vin.encode("latin-1")
        if len(identity) > 17:
            raise ValueError(f"identity {self.vin!r} has more than 17 characters")
        if len(self.data) > DATA_MAX_BYTES:
            raise ValueError(f"{len(self.data)} bytes of data: a frame holds at most {DATA_MAX_BYTES}")
        head = HEAD.pack(self.edition, self.command, self.answer, identity, self.cipher, len(self.data))
        return head + self.data + bytes((bcc(head[2:] + self.data),))


def bcc(data: bytes | memoryview) -> int:
    """All bytes, each exclusive-or the next."""
    if len(data) > _FEW_BYTES:
        return int(np.bitwise_xor.reduce(np.frombuffer(data, dtype=np.uint8)))
    code = 0
    for byte in data:
        code ^= byte
    return code


def unpacked(raw: bytes) -> Frame:
    """The parts of a whole frame whose length and check code are known to be right."""
    edition, command, answer, identity, cipher, _ = HEAD.unpack_from(raw)
    vin = identity.rstrip(b"\0").decode("latin-1")
    return Frame(Edition(edition), command, answer, vin, cipher, raw[HEAD_BYTES:-1], raw)
