"""What becomes of what stations are told."""

from dataclasses import dataclass

HOLD_S = 6 * 3600.0  # how far a profile reaches: a pile without a link follows it for so long, then its default


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a command: accepted, refused (False) or not answered (None), with the station's word for it."""

    accepted: bool | None
    status: str = ""
