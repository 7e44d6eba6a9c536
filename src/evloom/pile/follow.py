"""Does an EVSE do what it is ordered? Judged from what was ordered and what its meter then said.

A station may accept a profile and ignore it, round it up, or keep the one before. What it draws above its order is room that others
were given, so it is found after two readings, counted as load that nobody steers, and trusted again once it was seen to follow for a
while. A station that has never shown that it follows is asked for little first, with room kept for more.
"""

from dataclasses import dataclass, replace
from typing import Literal

Standing = Literal["untried", "follows", "ignores", "refused"]

SHARE = 0.06  # drawn above the order by more than this share and ABOVE_KW is not following: meters and cars are that exact
ABOVE_KW = 0.25
SETTLE_S = 6.0  # IEC 61851-1 gives a car 5 s to follow its pilot signal; one more for the station
OVER = 2  # readings above the order before it is said to ignore it
TRIED = 2  # readings within a small order before a new station is trusted
WELL = 4  # the same for one that was found to ignore orders
DRAWS_KW = 0.2  # a car that draws less than this shows nothing
MARGIN = 1.03  # room kept for what is drawn, above the reading
IDLE_S = 90.0  # a car that does not begin for so long keeps no room for its rating any more


@dataclass(frozen=True, slots=True)
class Conduct:
    """What is known of how an EVSE follows. over, well: readings in a row above the order, and within one that held it back."""

    standing: Standing = "untried"
    over: int = 0
    well: int = 0

    @property
    def is_steered(self) -> bool:
        """Its orders may be counted on."""
        return self.standing == "follows"


@dataclass(frozen=True, slots=True)
class Check:
    """A reading beside what was ordered.

    allowed_kw    highest order that may have been in force in the last SETTLE_S before the reading
    measured_kw   power drawn
    could_kw      what the car was seen or is known to be able to draw: an order not below that shows nothing
    """

    allowed_kw: float
    measured_kw: float
    could_kw: float


def is_over(check: Check) -> bool:
    """It draws more than it was ordered."""
    return check.measured_kw > max(check.allowed_kw, 0.0) * (1.0 + SHARE) + ABOVE_KW


def is_telling(check: Check) -> bool:
    """It draws what it was ordered although the car could take more: it follows."""
    held_back = check.allowed_kw < check.could_kw * (1.0 - SHARE) - ABOVE_KW
    return held_back and not is_over(check) and (check.measured_kw >= DRAWS_KW or check.allowed_kw <= 0.0)


def judged(conduct: Conduct, check: Check) -> Conduct:
    """The conduct after one more reading."""
    if is_over(check):
        over = conduct.over + 1
        standing: Standing = "ignores" if over >= OVER and conduct.standing != "refused" else conduct.standing
        return Conduct(standing, over, 0)
    if not is_telling(check):
        return replace(conduct, over=0)
    well = conduct.well + 1
    enough = TRIED if conduct.standing == "untried" else WELL
    return Conduct("follows" if well >= enough else conduct.standing, 0, well)


def answered(conduct: Conduct, accepted: bool) -> Conduct:
    """The conduct after the station answered a profile: one that refuses is not steered, and is tried anew once it accepts."""
    if not accepted:
        return Conduct("refused")
    return Conduct("untried") if conduct.standing == "refused" else conduct


def room_kw(measured_kw: float, most_kw: float, since_s: float, begun: bool) -> float:
    """What an EVSE that is not steered is counted with: what it draws; at first, while nobody knows that, the most it can.

    most_kw is the rating of EVSE and car, since_s how long the car has stood there, begun: it has drawn at two readings.
    """
    if begun or since_s > IDLE_S:
        return min(most_kw, measured_kw * MARGIN + DRAWS_KW)
    return most_kw
