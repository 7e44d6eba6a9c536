"""Vehicles that may discharge, as far as regulation looks at them: when they are there, and what must and may be in their cells."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class Fleet:
    """Stays of vehicles that may discharge, columns (n_stay,).

    arrival_s, departure_s   seconds since the epoch, as told when the bid is made
    arrival_kwh, wanted_kwh  energy in the cells at arrival, and promised for departure
    floor_kwh, full_kwh      least and most that the driver and the battery allow
    charge_max_kw, discharge_max_kw   at the meter, unsigned
    charge_efficiency, discharge_efficiency   meter to cells, cells to meter, (0..1]
    """

    arrival_s: Float
    departure_s: Float
    arrival_kwh: Float
    wanted_kwh: Float
    floor_kwh: Float
    full_kwh: Float
    charge_max_kw: Float
    discharge_max_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float

    @property
    def n(self) -> int:
        """Number of stays."""
        return len(self.arrival_s)

    def there_after(self, start_s: float) -> "Fleet":
        """The stays that end after an instant; those under way begin there, with what even charging has brought them so far."""
        begin_s = np.maximum(self.arrival_s, start_s)
        share = (begin_s - self.arrival_s) / (self.departure_s - self.arrival_s)
        level_kwh = self.arrival_kwh + share * (self.wanted_kwh - self.arrival_kwh)
        kept = self.departure_s > start_s
        begun = (begin_s, self.departure_s, level_kwh)
        rest = (self.wanted_kwh, self.floor_kwh, self.full_kwh, self.charge_max_kw, self.discharge_max_kw)
        return Fleet(*(column[kept] for column in (*begun, *rest, self.charge_efficiency, self.discharge_efficiency)))


@dataclass(frozen=True)
class Kind:
    """What all vehicles of a fleet are taken to have in common where nothing is known of each.

    capacity_kwh   usable energy; the shares 0..1 of it that are wanted at departure, least and most
    efficiency     one way, meter to cells and cells to meter, (0..1]; 0.95 is a good bidirectional DC pile at its rating
    """

    capacity_kwh: float = 60.0
    wanted_share: float = 0.8
    floor_share: float = 0.2
    full_share: float = 0.95
    efficiency: float = 0.95


def fleet_of_stays(arrival_s: Float, departure_s: Float, energy_kwh: Float, power_max_kw: Float, kind: Kind = Kind()) -> Fleet:
    """A fleet from recorded or generated stays, columns (n_stay,): energy_kwh is what each took at the meter, power works both ways.

    A vehicle leaves with wanted_share of its battery and came with as much less as it took, but not empty: who took more than that
    leaves fuller instead, up to full_share.
    """
    n = len(arrival_s)
    gain_kwh = np.minimum(energy_kwh * kind.efficiency, kind.full_share * kind.capacity_kwh)
    arrival_kwh = np.clip(kind.wanted_share * kind.capacity_kwh - gain_kwh, 0.0, None)
    wanted_kwh = np.maximum(arrival_kwh + gain_kwh, kind.floor_share * kind.capacity_kwh)
    levels = (arrival_kwh, wanted_kwh, np.full(n, kind.floor_share * kind.capacity_kwh), np.full(n, kind.full_share * kind.capacity_kwh))
    efficiency = np.full(n, kind.efficiency)
    return Fleet(arrival_s, departure_s, *levels, power_max_kw, power_max_kw.copy(), efficiency, efficiency.copy())


def fleet_checks(fleet: Fleet) -> list[tuple[str, str, Bool]]:
    """Column, what is allowed, and which rows are right. Comparisons are written so that NaN fails them."""
    inf = np.inf
    return [
        ("arrival_s", "finite", np.isfinite(fleet.arrival_s)),
        ("departure_s", "finite, after arrival_s", (fleet.departure_s > fleet.arrival_s) & (fleet.departure_s < inf)),
        ("floor_kwh", "at least 0 kWh", (fleet.floor_kwh >= 0) & (fleet.floor_kwh < inf)),
        ("full_kwh", "finite, at least floor_kwh", (fleet.full_kwh >= fleet.floor_kwh) & (fleet.full_kwh < inf)),
        ("arrival_kwh", "0 kWh to full_kwh", (fleet.arrival_kwh >= 0) & (fleet.arrival_kwh <= fleet.full_kwh)),
        ("wanted_kwh", "floor_kwh to full_kwh", (fleet.wanted_kwh >= fleet.floor_kwh) & (fleet.wanted_kwh <= fleet.full_kwh)),
        ("charge_max_kw", "finite, at least 0 kW", (fleet.charge_max_kw >= 0) & (fleet.charge_max_kw < inf)),
        ("discharge_max_kw", "finite, at least 0 kW", (fleet.discharge_max_kw >= 0) & (fleet.discharge_max_kw < inf)),
        ("charge_efficiency", "above 0, at most 1", (fleet.charge_efficiency > 0) & (fleet.charge_efficiency <= 1)),
        ("discharge_efficiency", "above 0, at most 1", (fleet.discharge_efficiency > 0) & (fleet.discharge_efficiency <= 1)),
    ]


def within_limits(fleet: Fleet, node: Int, parent: Int, room: tuple[Float, Float]) -> Fleet:
    """The fleet with ratings cut so that no limit of a tree can be exceeded, whatever is ordered of whom.

    node (n_stay,) is the row of the tree of each stay, parent (n_node,) as in `dispatch.problem.Nodes`; room: what the fleet may draw
    and push back at each node, two columns (n_node,) in kW. Where the ratings of those present at once come to more than the
    room of a node, all that hang below it are cut by the same factor. Plain, and safe without any communication; a promise that the cut
    rating cannot reach is short then.
    """
    below = np.zeros((len(parent), fleet.n), dtype=np.bool_)
    below[node, np.arange(fleet.n)] = True
    for row in range(len(parent) - 1, 0, -1):
        below[parent[row]] |= below[row]
    cut = []
    for rating_kw, room_kw in zip((fleet.charge_max_kw, fleet.discharge_max_kw), room, strict=True):
        factor = np.ones(fleet.n)
        for row in range(len(parent)):
            peak_kw = _most_at_once_kw(fleet, np.where(below[row], rating_kw, 0.0))
            if peak_kw > room_kw[row]:
                factor[below[row]] = np.minimum(factor[below[row]], max(float(room_kw[row]), 0.0) / peak_kw)
        cut.append(rating_kw * factor)
    return replace(fleet, charge_max_kw=cut[0], discharge_max_kw=cut[1])


def _most_at_once_kw(fleet: Fleet, rating_kw: Float) -> float:
    """Highest sum of ratings (n_stay,) of vehicles that are there at the same time."""
    at_s, change_kw = np.concatenate((fleet.arrival_s, fleet.departure_s)), np.concatenate((rating_kw, -rating_kw))
    order = np.lexsort((change_kw, at_s))
    return float(np.cumsum(change_kw[order]).max(initial=0.0))
