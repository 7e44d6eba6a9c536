"""Why a frame is refused."""

from typing import Literal

Reason = Literal["checksum", "length", "half", "encrypted", "time", "short", "left-over", "signature", "command"]
"""
checksum   the bytes do not have the check code that the frame names
length     the length is more than what is taken
half       the rest of the frame did not come
encrypted  the data are encrypted, or the cipher is not one that says they are not
time       there is no such instant
short      the data end before what they announce
left-over  there are bytes behind the data that the table does not have
signature  2025: a report without its signature, or with bytes behind it
command    a command that is not read in this direction or edition
"""


class BadData(ValueError):  # noqa: N818  what is wrong are the data
    """The data of a frame cannot be read. `reason` is stable; the text says more."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason: Reason = reason
