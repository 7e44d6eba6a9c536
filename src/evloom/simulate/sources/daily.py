"""A day's profile that repeats, laid on any grid by the local clock."""

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, TimeGrid, local_clock

DAY_STEPS = 1440


@dataclass(frozen=True)
class DailyProfile:
    """The same day again and again. `minute_value` (1440,): the value during each minute of the local day, in `unit`."""

    name: str
    unit: str
    minute_value: Float

    def __post_init__(self) -> None:
        if self.minute_value.shape != (DAY_STEPS,):
            raise ValueError(f"minute_value has shape {self.minute_value.shape}, a day has {DAY_STEPS} minutes")

    def on(self, grid: TimeGrid, zone: ZoneInfo) -> Signal:
        """The profile on `grid`, each step the mean of its minutes by the clock of `zone`.

        On the day the clock goes back the doubled hour's values come twice, on the other day an hour is left out.
        """
        per_step = max(1, math.ceil(grid.step_s / 60))
        offset_s = (np.arange(per_step) + 0.5) * (grid.step_s / per_step)
        instant_s = (grid.edges_s()[:-1, None] + offset_s[None, :]).ravel()
        minute = local_clock(instant_s, zone).minute_of_day
        actual = self.minute_value[minute].reshape(grid.n, per_step).mean(axis=1)
        return Signal(self.name, self.unit, grid, actual)
