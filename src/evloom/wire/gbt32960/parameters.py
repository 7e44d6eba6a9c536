"""Parameters of a terminal, which a platform sets by command 0x81: annex B, table B.12 of 2016, table B.8 of 2025."""

from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.cursor import Reader, count_bytes
from evloom.wire.gbt32960.messages import Settings
from evloom.wire.gbt32960.words import Edition

STORED, NORMAL, ALARMED = 0x01, 0x02, 0x03
"""Periods: of what the terminal stores, of its reports, of its reports during an alarm."""
_SIZES_2016 = {1: 2, 2: 2, 3: 2, 4: 1, 6: 2, 7: 5, 8: 5, 9: 1, 10: 2, 11: 2, 12: 1, 13: 1, 15: 2, 16: 1}
_SIZES = {Edition.V2016: _SIZES_2016, Edition.V2025: {**_SIZES_2016, 2: 1, 3: 1}}
"""Bytes of a parameter by its number."""
_LENGTH_OF = {0x05: 0x04, 0x0E: 0x0D}
"""A name has as many bytes as the parameter before it says."""
NORMAL_MAX_S = {Edition.V2016: 600, Edition.V2025: 30}
"""The longest period of reports that each edition can say; the shortest is 1 s."""


def read_settings(reader: Reader, at_s: int, edition: Edition) -> Settings:
    """What is to be set. A number that no table has takes the rest of the data with it, as nobody can tell how long it is."""
    found: list[tuple[int, bytes]] = []
    for _ in range(reader.whole(1)):
        number = reader.whole(1)
        found.append((number, reader.taken(_size(number, dict(found), reader, edition))))
    return Settings(at_s, tuple(found))


def settings_bytes(settings: Settings) -> bytes:
    """The number of parameters, and each."""
    return count_bytes(len(settings.parameters), 1) + b"".join(bytes((number,)) + value for number, value in settings.parameters)


def period(at_s: int, period_s: int, edition: Edition) -> Settings:
    """Reports every so many seconds, please. Raises ValueError for a period that the edition cannot say."""
    if not 1 <= period_s <= NORMAL_MAX_S[edition]:
        raise ValueError(f"{period_s} s: a period of reports is 1 to {NORMAL_MAX_S[edition]} s")
    return Settings(at_s, ((NORMAL, period_s.to_bytes(_SIZES[edition][NORMAL], "big")),))


def period_of(settings: Settings) -> int | None:
    """The period of reports that is to be set, seconds; None where none is."""
    value = dict(settings.parameters).get(NORMAL)
    return None if value is None else int.from_bytes(value, "big")


def _size(number: int, before: dict[int, bytes], reader: Reader, edition: Edition) -> int:
    if number in _LENGTH_OF:
        length = before.get(_LENGTH_OF[number])
        if length is None:
            raise BadData("short", f"parameter {number:#04x} comes before its length")
        return length[0]
    return _SIZES[edition].get(number, reader.left)
