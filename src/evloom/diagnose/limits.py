"""What a warning means for whoever charges the car: a level becomes limits, which are lifted when the warning closes."""

from collections.abc import Iterable
from typing import NamedTuple

from evloom.diagnose.warning import LEVELS, Warning  # noqa: A004

SOURCE = "battery diagnosis"
SOUND, WATCH, INSPECT, STOP = range(4)
"""Levels as numbers, as in `pile.events.PackSeen.diagnosis`."""


class ChargeLimits(NamedTuple):
    """What a battery may do: power in multiples of its energy an hour, state of charge it is charged to, whether it may give."""

    c_rate_max: float
    soc_max: float
    may_give: bool


LIMITS = {
    SOUND: ChargeLimits(float("inf"), 1.0, True),
    WATCH: ChargeLimits(float("inf"), 1.0, True),
    INSPECT: ChargeLimits(0.3, 0.8, False),
    STOP: ChargeLimits(0.0, 0.0, False),
}
"""By level. A watched battery is used as ever. Issue 5: inspect is no V2G, at most 0.3 C and 80 %; stop is no charging."""


def limits_of(level: float) -> ChargeLimits:
    """The limits at a level 0..3; what nobody has looked at (NaN) is not limited, what is beyond 3 is not charged."""
    return LIMITS[SOUND] if level != level else LIMITS[min(max(int(level), SOUND), STOP)]


def level_number(warnings: Iterable[Warning]) -> int:
    """The highest level of open warnings as a number; 0 where none is open."""
    return max((LEVELS.index(warning.level) + 1 for warning in warnings if warning.closed_s is None), default=SOUND)
