"""How much longer a car takes than its rating says, learnt from its own stays.

Near full the battery takes less and less, and a cold one takes little at first. On AC nobody tells the state of charge or the
temperature, but the meter sees the time that is lost to them, and a car that is known loses about as much the next night.
"""

import numpy as np

from evloom.loop.sight import FOLLOWS, WAKE_KW, Sight
from evloom.pile.evse import EvseTable

LAST_STAYS = 3  # the worst of so many counts: a warm night must not make the plan forget the cold ones
LEAST_KWH = 0.5  # a stay that took less than this teaches nothing


class TaperBook:
    """A fold of meter readings: hours lost by the car at each EVSE during its stay, and by each known car during its last stays."""

    def __init__(self, evse: EvseTable) -> None:
        self._rating_kw = evse.charge_max_kw
        self._vehicle = [""] * evse.n
        self._lost_h, self._taken_kwh = np.zeros(evse.n), np.zeros(evse.n)
        self._before: dict[str, tuple[float, ...]] = {}

    def arrive(self, row: int, vehicle_id: str) -> float:
        """A car came; the hours it is expected to lose, 0 where it is not known."""
        self.leave(row)
        self._vehicle[row] = vehicle_id
        self._lost_h[row] = self._taken_kwh[row] = 0.0
        return max(self._before.get(vehicle_id, (0.0,)))

    def leave(self, row: int) -> None:
        """The car left, and its stay is remembered if it can be told again."""
        name = self._vehicle[row]
        if name and self._taken_kwh[row] >= LEAST_KWH:
            self._before[name] = (*self._before.get(name, ()), float(self._lost_h[row]))[-LAST_STAYS:]
        self._vehicle[row] = ""

    def metered(self, row: int, more_kwh: float, hours: float, draw_kw: float, sight: Sight) -> None:
        """The car took `more_kwh` in the last `hours` under the order in `sight`, where the power at their beginning still stands;
        at their end it drew `draw_kw`.

        Time counts as lost only where the car itself took less than it was offered. Where it ended in between, the time it took is
        reckoned with the power before: what came after that is no loss.
        """
        ordered_kw, full_kw = sight.ordered_kw[row], min(sight.car_max_kw[row], self._rating_kw[row])
        if not ordered_kw > 0.0 or more_kwh <= 0.0 or full_kw <= 0.0:
            return
        self._taken_kwh[row] += more_kwh
        offered_kwh = min(ordered_kw, full_kw) * hours
        is_own_limit = more_kwh < FOLLOWS * offered_kwh - WAKE_KW * hours or sight.seen_max_kw[row] < FOLLOWS * full_kw
        if not is_own_limit:
            return
        if draw_kw <= 0.0:
            hours = min(hours, more_kwh / sight.draw_kw[row]) if sight.draw_kw[row] > 0.0 else more_kwh / full_kw
        self._lost_h[row] += max(0.0, hours - more_kwh / full_kw)
