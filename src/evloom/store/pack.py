"""Texts made small for the database: deflate with a vocabulary that both sides know, so that even one short message shrinks to a tenth.

The first byte of what is kept says how it was made: 1 an entry of the log, 2 an OCPP message, both deflated with the first vocabulary; any
other byte is the first of a text that is kept as it is. A text that begins with one of the first nine bytes is always deflated.
"""

import zlib
from typing import Literal

from evloom.store.pack_words import SAID_1, SENT_1

Words = Literal[1, 2]
SAID: Words = 1
SENT: Words = 2
_VOCABULARY: dict[int, bytes] = {SAID: SAID_1, SENT: SENT_1}
_RESERVED = 9
_SHORT = 48
"""A shorter text is kept as it is: it is not worth the time."""
_LEVEL, _WINDOW_BITS, _MEMORY = 3, -13, 6
"""A window of 8 KiB holds vocabulary and message, and costs a fifth of the time of zlib's own 32 KiB: what takes time is to clear it."""


def packed(text: bytes, words: Words) -> bytes:
    """A text as it is kept; b"" stays empty."""
    if len(text) < _SHORT and (not text or text[0] >= _RESERVED):
        return text
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _VOCABULARY[words])
    made = bytes((words,)) + deflate.compress(text) + deflate.flush()
    return made if len(made) < len(text) or text[0] < _RESERVED else text


def unpacked(kept: bytes | str) -> bytes:
    """The text again. What was kept before texts were packed comes back as it is."""
    if isinstance(kept, str):
        return kept.encode()
    words = _VOCABULARY.get(kept[0]) if kept else None
    if words is None:
        return bytes(kept)
    inflate = zlib.decompressobj(_WINDOW_BITS, words)
    try:
        return inflate.decompress(kept[1:]) + inflate.flush()
    except zlib.error:
        return bytes(kept)  # a text of old that begins with this byte
