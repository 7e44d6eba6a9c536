"""Frames out of a stream of bytes: half frames wait, garbage is passed over, and a length that lies costs no frame that follows it."""

import re

import msgspec

from evloom.wire.gbt32960.bad import Reason
from evloom.wire.gbt32960.frame import DATA_MAX_BYTES, EMPTY_BYTES, HEAD, HEAD_BYTES, Frame, bcc, unpacked
from evloom.wire.gbt32960.words import Edition

_HEAD = re.compile(rb"(?:##|\$\$)[\x00-\xff][\x01-\x07\xfe][\x00\x20-\x7e]{17}")
"""The head of a frame as far as it can be told from other bytes: an answer flag that exists, an identity that can be printed."""
_HEAD_SEEN = 21
_BEGUN = re.compile(rb"##|\$\$|[#$]\Z")
"""What may become a head with the bytes that come next."""


class Garbage(msgspec.Struct, frozen=True, gc=False):
    """Bytes that belong to no frame."""

    n_byte: int


class BadFrame(msgspec.Struct, frozen=True, gc=False):
    """What began like a frame and was none. The head's fields are as they were read, and may be wrong themselves."""

    reason: Reason
    edition: Edition
    command: int
    answer: int
    vin: str
    raw: bytes


Parsed = Frame | BadFrame | Garbage


class Stream:
    """One direction of a connection. `data_max_bytes` is the longest data that are waited for."""

    __slots__ = ("_buffer", "_data_max_bytes", "_skipped")

    def __init__(self, data_max_bytes: int = DATA_MAX_BYTES) -> None:
        self._buffer = bytearray()
        self._data_max_bytes = data_max_bytes
        self._skipped = 0

    @property
    def waiting(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Parsed]:
        """What has come, in its order. Never raises, whatever the bytes are."""
        self._buffer += data
        out: list[Parsed] = []
        while self._step(out):
            pass
        self._tell_skipped(out)
        return out

    def give_up(self) -> list[Parsed]:
        """The rest of the frame that is waited for will not come: look for others in what it had taken up."""
        out: list[Parsed] = []
        if self._buffer:
            if len(self._buffer) >= HEAD_BYTES:
                out.append(self._bad("half", bytes(self._buffer[: HEAD_BYTES + 64])))
            self._skip(min(2, len(self._buffer)))
            out.extend(self.feed(b""))
        return out

    def _step(self, out: list[Parsed]) -> bool:
        """Take one thing off the buffer; False when more bytes are needed."""
        at = self._find()
        if at:
            self._skip(at)
        buffer = self._buffer
        if len(buffer) < HEAD_BYTES:
            return False
        n_data = (buffer[22] << 8) | buffer[23]
        if n_data > self._data_max_bytes:
            self._tell_skipped(out)
            out.append(self._bad("length", bytes(buffer[: HEAD_BYTES + 64])))
            self._skip(2)
            return True
        n = EMPTY_BYTES + n_data
        if len(buffer) < n:
            return False
        self._tell_skipped(out)
        raw = bytes(buffer[:n])
        if bcc(memoryview(raw)[2:-1]) != raw[-1]:
            out.append(self._bad("checksum", raw))
            self._skip(2)  # another frame may begin inside: the length may have been what was wrong
            return True
        out.append(unpacked(raw))
        del buffer[:n]
        return True

    def _find(self) -> int:
        """Where the next frame may begin: what lies before it is no frame."""
        buffer = self._buffer
        head = _HEAD.search(buffer)
        if head is None:
            head = _BEGUN.search(buffer, max(len(buffer) - _HEAD_SEEN + 1, 0))
        return len(buffer) if head is None else head.start()

    def _bad(self, reason: Reason, raw: bytes) -> BadFrame:
        edition, command, answer, identity, _, _ = HEAD.unpack_from(raw)
        return BadFrame(reason, Edition(edition), command, answer, identity.rstrip(b"\0").decode("latin-1"), raw)

    def _skip(self, n: int) -> None:
        self._skipped += n
        del self._buffer[:n]

    def _tell_skipped(self, out: list[Parsed]) -> None:
        if self._skipped:
            out.append(Garbage(self._skipped))
            self._skipped = 0
