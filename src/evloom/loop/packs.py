"""What the loop knows of the batteries at its EVSE, and how much each has given today and this year."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from evloom.dispatch.guard import Packs
from evloom.loop.sight import Sight
from evloom.pile.events import PackSeen

_TOLD = ("temperature_c", "soc", "battery_kwh", "diagnosis", "given_today_kwh", "given_year_kwh")


class PackBook:
    """A fold of `PackSeen` and meter readings. Energy given is counted here from the meters, across stays of a car that is known."""

    def __init__(self, n_evse: int, zone: str) -> None:
        self.packs = Packs(*(np.full(n_evse, np.nan) for _ in Packs._fields))
        self._zone = ZoneInfo(zone)
        self._vehicle = [""] * n_evse
        self._day = [date.min] * n_evse
        self._left: dict[str, tuple[date, float, float]] = {}

    def arrive(self, row: int, vehicle_id: str, at_s: float) -> None:
        """A car came: nothing is known of its battery, but what it gave at its last stay if it is known."""
        self.leave(row)
        for column in self.packs:
            column[row] = np.nan
        self._day[row], today_kwh, year_kwh = self._left.get(vehicle_id, (self._date(at_s), 0.0, 0.0))
        self.packs.given_today_kwh[row], self.packs.given_year_kwh[row] = today_kwh, year_kwh
        self._vehicle[row] = vehicle_id
        self.turn(row, at_s)

    def leave(self, row: int) -> None:
        """The car left."""
        if self._vehicle[row]:
            given = float(self.packs.given_today_kwh[row]), float(self.packs.given_year_kwh[row])
            self._left[self._vehicle[row]] = (self._day[row], *given)
        self._vehicle[row] = ""

    def seen(self, row: int, event: PackSeen) -> None:
        """Something was told of the battery; what is None leaves what was known."""
        for name in _TOLD:
            value = getattr(event, name)
            if value is not None:
                getattr(self.packs, name)[row] = value

    def metered(self, row: int, more_net_kwh: float, sight: Sight, at_s: float) -> None:
        """The net energy of the stay rose by `more_net_kwh` (fell, where negative: it gave), as counted in `pile.events.Readings`."""
        self.turn(row, at_s)
        packs = self.packs
        packs.soc[row] += more_net_kwh * sight.charge_efficiency[row] / packs.battery_kwh[row]
        if more_net_kwh < 0.0:
            given_kwh = -more_net_kwh * sight.charge_efficiency[row] * sight.discharge_efficiency[row]
            packs.given_today_kwh[row] += given_kwh
            packs.given_year_kwh[row] += given_kwh

    def turn(self, row: int, now_s: float) -> None:
        """A new local day, or a new year, begins with nothing given."""
        today = self._date(now_s)
        if today > self._day[row]:
            self.packs.given_today_kwh[row] = 0.0
            if today.year > self._day[row].year:
                self.packs.given_year_kwh[row] = 0.0
            self._day[row] = today

    def _date(self, at_s: float) -> date:
        return datetime.fromtimestamp(at_s, UTC).astimezone(self._zone).date()
