"""EVSE that do not do what they are ordered, or have not shown yet that they do: load that nobody steers, and little asked of it."""

import numpy as np

from evloom.dispatch.fallback import Lost, Reserve, summed
from evloom.dispatch.reason import STRAYED, UNTRIED
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.loop.sight import Sight
from evloom.pile.events import Strayed
from evloom.pile.evse import EvseTable


class StrayBook:
    """A fold of `Strayed` and `Followed`; columns (n_evse,).

    power_kw   what the EVSE is counted with while a car stands there, NaN where it is steered
    asked_kw   what it is ordered all the same; why: the reason, of `dispatch.reason`
    """

    def __init__(self, evse: EvseTable) -> None:
        self.evse = evse
        self.power_kw, self.asked_kw = np.full(evse.n, np.nan), np.full(evse.n, np.nan)
        self.why = np.full(evse.n, STRAYED)
        self._held = np.zeros(evse.n, dtype=np.bool_)

    def strayed(self, row: int, event: Strayed) -> None:
        """It is not steered from now on."""
        self.power_kw[row], self.asked_kw[row] = event.power_kw, event.asked_kw
        self._held[row] = event.why == "held"
        self.why[row] = UNTRIED if event.why == "untried" else STRAYED

    def followed(self, row: int) -> None:
        """It is steered again."""
        self.power_kw[row] = self.asked_kw[row] = np.nan

    def there(self, sight: Sight, lost: Bool) -> Bool:
        """EVSE (n_evse,) with a car that are not steered although they can be reached."""
        there: Bool = sight.connected & np.isfinite(self.power_kw) & ~lost
        return there

    def reserve(self, there: Bool, sight: Sight, path: Int) -> Reserve:
        """What they draw at or below each node."""
        rows = np.flatnonzero(there)
        on_phase = (sight.phase[rows, None] < 0) | (sight.phase[rows, None] == np.arange(3))
        most = self.power_kw[rows, None] * np.hstack([np.ones((len(rows), 1)), on_phase / sight.kw_per_a[rows, None]])
        return Reserve(summed(path, self.evse.node[rows], most), np.zeros((len(path), 4)))

    def ahead_kw(self, there: Bool, sight: Sight, path: Int, at_s: Float) -> Float:
        """The same at instants (n,), until each car is believed to leave: (n_node, n)."""
        rows = np.flatnonzero(there)
        stays = at_s[None, :] < np.maximum(sight.departure_s[rows, None], at_s[0] + 1.0)
        return summed(path, self.evse.node[rows], self.power_kw[rows, None] * stays)

    def without_link(self, lost: Lost) -> Lost:
        """Lost EVSE that did not follow while they had a link will not obey their default either: their rating counts."""
        astray = lost.is_lost & np.isfinite(self.power_kw)
        most_kw = np.where(self._held, np.maximum(self.power_kw, lost.default_kw), self.evse.charge_max_kw)
        on_phase = (lost.phase[:, None] < 0) | (lost.phase[:, None] == np.arange(3))
        most_a = np.maximum(most_kw[:, None] / lost.kw_per_a[:, None] * on_phase, lost.default_a)
        default_a = np.where(astray[:, None], most_a, lost.default_a)
        return lost._replace(default_kw=np.where(astray, most_kw, lost.default_kw), default_a=default_a)
