"""Frames out of a stream of bytes: half frames wait, garbage is passed over, and a length that lies costs no frame that follows it."""

import msgspec

from evloom.wire.gbt32960.bad import Reason
from evloom.wire.gbt32960.frame import DATA_MAX_BYTES, EMPTY_BYTES, HEAD, HEAD_BYTES, Frame, bcc, unpacked
from evloom.wire.gbt32960.words import Edition

_STARTS = (Edition.V2016.start, Edition.V2025.start)
_FLAGS = frozenset((*range(0x01, 0x08), 0xFE))
_LETTERS = bytes((0, *range(0x20, 0x7F)))


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
        buffer, at = self._buffer, 0
        while True:
            places = [place for place in (buffer.find(start, at) for start in _STARTS) if place >= 0]
            if not places:
                return len(buffer) - (1 if buffer.endswith((b"#", b"$")) else 0)
            at = min(places)
            if len(buffer) - at < HEAD_BYTES or self._plausible(at):
                return at
            at += 1

    def _plausible(self, at: int) -> bool:
        """Whether a head can be meant: an answer flag that exists, an identity that can be printed."""
        buffer = self._buffer
        return buffer[at + 3] in _FLAGS and not buffer[at + 4 : at + 21].translate(None, _LETTERS)

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
