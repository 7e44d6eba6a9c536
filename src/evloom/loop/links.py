"""What the loop knows of the links to the piles: which are lost, since when, and what may be in force there."""

import numpy as np

from evloom.dispatch.fallback import Fallback, Lost, default_of
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.loop.sight import Sight
from evloom.loop.told import Plan, ToldBook
from evloom.pile.evse import EvseTable


class Links:
    """A fold of link events, readings and orders; columns (n_evse,).

    heard_s   epoch seconds of the last word from the EVSE (reading, plug, link): the age of what is known of it
    """

    def __init__(self, evse: EvseTable, voltage_v: float, fallback: Fallback) -> None:
        self.evse, self.fallback = evse, fallback
        self.heard_s = np.full(evse.n, -np.inf)
        self._lost_s = np.full(evse.n, np.nan)
        self.told = ToldBook(evse.n)
        self.default_a, self._voltage_v = np.zeros(evse.n) + np.array(fallback.default_a), voltage_v
        self._set_defaults()

    def _set_defaults(self) -> None:
        n_phase = np.where(self.evse.dc, 3, self.evse.n_phase)
        phase = np.where(self.evse.dc | (self.evse.n_phase == 3), -1, self.evse.phase)
        per_a, most_kw = self._voltage_v / 1000.0, self.evse.charge_max_kw
        self._default_kw, self._default_by_phase_a = default_of(per_a, n_phase, phase, most_kw, self.default_a)

    def falls_back(self, row: int, current_a: float) -> None:
        """The EVSE has another fallback profile."""
        self.default_a[row] = current_a
        self._set_defaults()

    def defaults(self, rows: Int) -> Float:
        """What these EVSE may draw by their fallback profiles, (n_row, 4): kW, and A on three phases."""
        return np.hstack([self._default_kw[rows, None], self._default_by_phase_a[rows]])

    def heard(self, row: int, at_s: float, ordered_kw: float) -> None:
        """Something came from the EVSE, so the last order is the one in force there; NaN where that is not known."""
        self.heard_s[row] = max(self.heard_s[row], at_s)
        if ordered_kw == ordered_kw:
            self.told.heard(row)

    def changed(self, row: int, at_s: float) -> None:
        """A car came or went, and with it what was ordered."""
        self.heard_s[row] = max(self.heard_s[row], at_s)
        self.told.reset(row, at_s)

    def lost(self, row: int, at_s: float) -> None:
        """The link to the EVSE is lost."""
        self._lost_s[row] = at_s

    def back(self, row: int, at_s: float) -> None:
        """The link is back. What the EVSE is set to is not known until it is told anew."""
        self._lost_s[row] = np.nan
        self.heard_s[row] = max(self.heard_s[row], at_s)

    def ordered(self, row: int, plan: Plan) -> None:
        """A plan went out: until something is heard, it or the ones before may be in force."""
        if np.isnan(self._lost_s[row]):
            self.told.sent(row, plan)

    def is_lost(self, now_s: float, connected: Bool) -> Bool:
        """Which EVSE (n_evse,) cannot be reached: by what was told, or for having been silent for too long with a car."""
        silent: Bool = connected & (now_s - self.heard_s > self.fallback.stale_s)
        silent |= ~np.isnan(self._lost_s)
        return silent

    def state(self, now_s: float, sight: Sight) -> Lost:
        """What may be in force at the EVSE without a link."""
        lost, evse = self.is_lost(now_s, sight.connected), self.evse
        noticed_s = np.where(np.isnan(self._lost_s), self.heard_s + min(self.fallback.stale_s, 1e9), self._lost_s)
        high_kw, low_kw = np.zeros(evse.n), np.zeros(evse.n)
        for row in np.flatnonzero(lost):
            high, low = self.told.bounds_kw(int(row), np.array([now_s]))
            high_kw[row], low_kw[row] = high[0], low[0]
        return Lost(lost, noticed_s, evse.node, self._default_kw, self._default_by_phase_a, high_kw, low_kw, sight.kw_per_a, sight.phase)

    def high_ahead_kw(self, lost: Lost, at_s: Float) -> Float:
        """The highest power that may be in force at each lost EVSE at instants (n,), by the plans that were sent: (n_lost, n)."""
        return self.told.high_kw(np.flatnonzero(lost.is_lost), at_s)
