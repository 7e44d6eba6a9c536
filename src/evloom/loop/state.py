"""What the loop has learnt from events so far, and the snapshot it makes of it."""

import zoneinfo
from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.fallback import DEFAULT, Fallback, Reserve, reserve_ahead_kw, reserve_of, summed, with_reserve
from evloom.dispatch.guard import GuardRules, Packs, Refusal, Store, guard
from evloom.dispatch.moment import Bays, Wires, wires
from evloom.kernel.timegrid import Bool, Float, TimeGrid, local_clock
from evloom.loop.diagnosed import held_back, within
from evloom.loop.links import Links
from evloom.loop.packs import PackBook
from evloom.loop.sight import Sight, blank_sight, copied, learn_draw, moment, piles
from evloom.loop.snapshot import NOTHING_LIKE, Ahead, Demand, Likely, Snapshot
from evloom.loop.strays import StrayBook
from evloom.loop.taper import TaperBook
from evloom.loop.told import value_at
from evloom.network.site import Site
from evloom.network.tree import node_total
from evloom.pile.events import (
    AtEvse,
    Event,
    FallsBack,
    Followed,
    Known,
    Limited,
    LinkBack,
    LinkLost,
    PackSeen,
    PluggedIn,
    Readings,
    Strayed,
    Supplied,
    Tick,
    Unplugged,
    Untold,
    Wanted,
)
from evloom.pile.evse import EvseTable
from evloom.pile.orders import SetPower


@dataclass(frozen=True)
class Terms:
    """What the loop is told once: the grid of the run (with the hours ahead), the horizon, the demand charge, what piles do
    that hear nothing more, and what batteries that give must keep (None: their own floor only)."""

    grid: TimeGrid
    n_ahead: int
    demand_price_per_kw: float
    demand_interval_s: int
    fallback: Fallback = DEFAULT
    guard: GuardRules | None = None


class State:
    """The fold of all events so far. `apply` takes them in the order in which they happened."""

    def __init__(self, site: Site, evse: EvseTable, terms: Terms) -> None:
        self.site, self.evse, self.terms = site, evse, terms
        self.piles = piles(evse)
        self.sight = blank_sight(evse.n)
        self.session_id = [""] * evse.n
        self.likely: list[Likely] = [NOTHING_LIKE] * evse.n
        self.links = Links(evse, site.voltage_v, terms.fallback)
        self.packs, self.tapers, self.strays = PackBook(evse.n, site.zone), TaperBook(evse), StrayBook(evse)
        self._own_tree, self._outdated = site.tree, np.zeros(evse.n, dtype=np.bool_)
        self._row = {name: row for row, name in enumerate(evse.evse_id)}
        self._voltage_v, self._kept = np.full(evse.n, site.voltage_v), np.zeros(evse.n, dtype=np.bool_)
        self._edges_s = terms.grid.edges_s()
        self._known: dict[str, Float] = {}
        self._storage_kwh = site.storage.soc_initial * site.storage.capacity_kwh
        self._meter = _DemandMeter(terms.demand_interval_s, zoneinfo.ZoneInfo(site.zone))
        self.now_s = self._edges_s[0]
        self.step_h = terms.grid.step_h
        self._wires = wires(site.tree, np.zeros(site.tree.n), site.voltage_v)

    def apply(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case PluggedIn():
                self._plugged_in(event)
            case Unplugged():
                self._unplugged(event)
            case Readings():
                self._readings(event)
            case Known():
                self._table(event.name)[event.first : event.first + len(event.values)] = np.array(event.values, dtype=np.float64)
            case Limited():
                self._limited(event)
            case Tick():
                self.now_s, self.step_h = event.at_s, event.step_h
                self._let_plans_run(event.at_s)
            case _:
                self._noted(event, self._row[event.evse_id])

    def _noted(self, event: AtEvse, row: int) -> None:
        """Something was learnt of an EVSE. What it is set to is then mostly not known: equal to no order, so that it is told anew."""
        match event:
            case PackSeen():
                self.packs.seen(row, event)
            case LinkLost():
                self.links.lost(row, event.at_s)
            case LinkBack():
                self.links.back(row, event.at_s)
                self.sight.ordered_kw[row] = np.nan
            case Wanted():
                self._wanted(event, row)
            case Untold():
                self._outdated[row] = True
                if not event.is_set:
                    self.sight.ordered_kw[row] = np.nan
            case Strayed():
                self.strays.strayed(row, event)
            case Followed():
                self.strays.followed(row)
                self.sight.ordered_kw[row] = np.nan
            case Supplied():
                self._supplied(row, event.voltage_v)
            case FallsBack():
                self.links.falls_back(row, event.current_a)
                self._kept[row] = event.is_kept

    def _supplied(self, row: int, voltage_v: float) -> None:
        """Another voltage: the currents that are set are other powers."""
        factor, self._voltage_v[row] = voltage_v / self._voltage_v[row], voltage_v
        if not self.evse.dc[row]:
            for column in (self.sight.kw_per_a, self.sight.ordered_kw, self.sight.seen_max_kw):
                column[row] *= factor
            self.links.told.scaled(row, factor)

    def _wanted(self, event: Wanted, row: int) -> None:
        sight, n_phase = self.sight, min(event.n_phase, int(self.evse.n_phase[row]))
        self.likely[row] = Likely(np.array(event.like_departure_s), np.array(event.like_kwh))
        for name in ("departure_s", "wanted_kwh", "car_max_kw", "give_max_kw", "priority"):
            getattr(sight, name)[row] = getattr(event, name)
        if not self.evse.dc[row]:
            sight.kw_per_a[row] = self._voltage_v[row] / 1000.0 * n_phase
            sight.phase[row] = -1 if n_phase == 3 else self.evse.phase[row]

    def _limited(self, event: Limited) -> None:
        """A node's limit changed."""
        row, own = self.site.tree.node_id.index(event.node_id), self._own_tree
        back = event.import_max_kw is None
        most_kw, source = self.site.tree.import_max_kw.copy(), list(self.site.tree.source)
        most_kw[row] = own.import_max_kw[row] if event.import_max_kw is None else event.import_max_kw
        source[row] = own.source[row] if back else event.source
        self.site = replace(self.site, tree=replace(self.site.tree, import_max_kw=most_kw, source=tuple(source)))
        self._wires = self._wires._replace(import_max_kw=most_kw)

    def _let_plans_run(self, now_s: float) -> None:
        """Piles carry out the plan they were sent: what is in force there changes with it."""
        for row in self.links.told.moving():
            if self.sight.connected[row] and self.sight.ordered_kw[row] == self.sight.ordered_kw[row]:
                self.sight.ordered_kw[row] = value_at(self.links.told.plan[row], now_s)

    def ordered(self, power_kw: Float, sent: tuple[SetPower, ...] = ()) -> None:
        """Note what was ordered of every EVSE (n_evse,), and the plans that went along with what was sent."""
        told = self.sight.connected & ~self._left_alone()
        changed = told & ((power_kw != self.sight.ordered_kw) | self._outdated)
        self._outdated &= ~told
        self.sight.ordered_kw[:] = np.where(told, power_kw, np.where(self.sight.connected, self.sight.ordered_kw, 0.0))
        ahead = {order.unit_id: order.ahead for order in sent}
        for row in np.flatnonzero(changed):
            self.links.ordered(int(row), ((self.now_s, float(power_kw[row])), *ahead.get(self.evse.evse_id[row], ())))

    def _left_alone(self) -> Bool:
        """EVSE (n_evse,) that nothing is ordered of, since they cannot be reached."""
        if not self.terms.fallback.is_reserved:
            return np.zeros(self.evse.n, dtype=np.bool_)
        return self.links.is_lost(self.now_s, self.sight.connected)

    def snapshot(self) -> Snapshot:
        """A frozen copy of what is known at the last tick."""
        sight, alone = copied(self.sight), self._left_alone()
        ahead = self._ahead()
        base_kw = ahead.base_kw[:, 0]
        now = self._wires._replace(base_kw=base_kw, base_phase_a=np.repeat((base_kw / (3.0 * self._wires.kw_per_a))[:, None], 3, axis=1))
        strays = self.strays.there(sight, alone)
        kept = self._kept & ~alone
        if alone.any() or strays.any() or kept.any():
            now, ahead = self._reserved(now, ahead, (strays, kept))
            sight.connected[alone | strays] = False
        demand = Demand(self.terms.demand_price_per_kw, self.terms.demand_interval_s, *self._meter.standing(self.now_s))
        most_kw, suspects = held_back(sight, self.packs.packs, self.step_h)
        bays = within(moment(self.now_s, self.step_h, self.piles, sight), sight, most_kw)
        bays, refusals = self._guarded(bays, sight)
        return Snapshot(
            self.now_s, self.step_h, self.site, self.evse.evse_id, tuple(self.session_id), tuple(self.likely),
            self.piles, sight, bays, now, ahead, demand, self._storage_kwh.copy(), alone, self.links.heard_s.copy(),
            Packs(*(column.copy() for column in self.packs.packs)), (*suspects, *refusals),
            np.where(strays, self.strays.asked_kw, np.nan), self.strays.why.copy(), self._outdated.copy(),
        )  # fmt: skip

    def _guarded(self, bays: Bays, sight: Sight) -> tuple[Bays, tuple[Refusal, ...]]:
        """The bays as batteries that give may be used; what these may give and take up changes in `sight`, in place."""
        if self.terms.guard is None:
            return bays, ()
        for row in np.flatnonzero(sight.connected):
            self.packs.turn(int(row), self.now_s)
        store = Store(sight.spare_kwh, sight.room_kwh, sight.charge_efficiency, sight.discharge_efficiency)
        guarded = guard(bays, self.packs.packs, store, self.terms.guard, self.step_h)
        sight.spare_kwh[:], sight.room_kwh[:] = guarded.spare_kwh, guarded.room_kwh
        return guarded.bays, guarded.refusals

    def _reserved(self, now: Wires, ahead: Ahead, which: tuple[Bool, Bool]) -> tuple[Wires, Ahead]:
        """The room now and ahead, less what EVSE without a link, those that do not follow, and too high fallbacks may take."""
        strays, kept = which
        sight, hold_s, at_s = self.sight, self.terms.fallback.hold_s, ahead.edges_s[:-1]
        lost = self.strays.without_link(self.links.state(self.now_s, sight))
        lost_kw = reserve_ahead_kw(lost, now.path, at_s, hold_s, self.links.high_ahead_kw(lost, at_s))
        if not self.terms.fallback.is_reserved:
            lost = lost._replace(is_lost=np.zeros_like(lost.is_lost))
            lost_kw = np.zeros_like(ahead.base_kw)
        stray_kw = self.strays.ahead_kw(strays, sight, now.path, at_s)
        now = with_reserve(with_reserve(now, reserve_of(lost, now.path, self.now_s, hold_s)), self.strays.reserve(strays, sight, now.path))
        if kept.any():
            too_high = summed(now.path, self.evse.node[kept], self.links.defaults(np.flatnonzero(kept)))
            now, stray_kw = with_reserve(now, Reserve(too_high, np.zeros_like(too_high))), stray_kw + too_high[:, :1]
        return now, replace(ahead, base_kw=ahead.base_kw + lost_kw + stray_kw)

    def _table(self, name: str) -> Float:
        if name not in self._known:
            self._known[name] = np.full(self.terms.grid.n, 0.0 if name.startswith("base-load") else np.nan)
        return self._known[name]

    def _plugged_in(self, event: PluggedIn) -> None:
        row, sight, evse = self._row[event.evse_id], self.sight, self.evse
        self.session_id[row] = event.session_id
        self.links.changed(row, event.at_s)
        self.packs.arrive(row, event.vehicle_id, event.at_s)
        slow_h = max(event.slow_h, self.tapers.arrive(row, event.vehicle_id))
        self.likely[row] = Likely(np.array(event.like_departure_s), np.array(event.like_kwh))
        n_phase = min(event.n_phase, int(evse.n_phase[row]))
        dc = bool(evse.dc[row])
        for column, value in {
            "connected": True,
            "arrival_s": event.at_s,
            "departure_s": event.departure_s,
            "wanted_kwh": event.wanted_kwh,
            "car_max_kw": event.car_max_kw,
            "kw_per_a": (self.site.voltage_v if dc else self._voltage_v[row]) / 1000.0 * (3 if dc else n_phase),
            "current_min_a": 0.0 if dc else max(event.current_min_a, evse.current_min_a[row]),
            "current_step_a": 0.0 if dc else evse.current_step_a[row],
            "phase": -1 if dc or n_phase == 3 else evse.phase[row],
            "give_max_kw": event.give_max_kw,
            "spare_kwh": 0.0,
            "room_kwh": np.inf,
            "charge_efficiency": event.charge_efficiency,
            "discharge_efficiency": event.discharge_efficiency,
            "wear_per_kwh": event.wear_per_kwh,
            "priority": event.priority,
            "slow_h": slow_h,
            "net_kwh": 0.0,
            "draw_kw": 0.0,
            "ordered_kw": 0.0 * sight.ordered_kw[row],  # not known stays not known: the link came back with this car
            "seen_max_kw": np.inf,
            "done": False,
            "debt_kwh": 0.0,
        }.items():
            getattr(sight, column)[row] = value

    def _unplugged(self, event: Unplugged) -> None:
        row = self._row[event.evse_id]
        self.session_id[row] = ""
        self.sight.connected[row] = False
        self.sight.ordered_kw[row] = 0.0
        self.sight.draw_kw[row] = 0.0
        self.links.changed(row, event.at_s)
        self.packs.leave(row)
        self.tapers.leave(row)

    def _readings(self, event: Readings) -> None:
        for i, evse_id in enumerate(event.evse_id):
            row, room_kwh = self._row[evse_id], event.room_kwh[i]
            more_kwh = event.net_kwh[i] - self.sight.net_kwh[row]
            self.packs.metered(row, more_kwh, self.sight, event.at_s)
            self.tapers.metered(row, more_kwh, (event.at_s - self.links.heard_s[row]) / 3600.0, event.draw_kw[i], self.sight)
            self.sight.net_kwh[row] = event.net_kwh[i]
            self.sight.draw_kw[row] = event.draw_kw[i]
            self.sight.done[row] = event.done[i]
            self.sight.spare_kwh[row] = event.spare_kwh[i]
            self.sight.room_kwh[row] = np.inf if room_kwh is None else room_kwh
            self.links.heard(row, event.at_s, self.sight.ordered_kw[row])
            learn_draw(row, self.sight)
        self._meter.read(event.at_s, event.site_kwh)
        self._storage_kwh[:] = event.storage_kwh

    def _ahead(self) -> Ahead:
        k = int((self.now_s - self._edges_s[0]) // self.terms.grid.step_s)
        span = slice(k, k + self.terms.n_ahead)
        edges_s = self._edges_s[k : k + self.terms.n_ahead + 1].copy()
        edges_s[0] = self.now_s
        own_kw = np.stack([self._table(f"base-load {node}")[span] for node in self.site.tree.node_id])
        return Ahead(
            edges_s,
            node_total(self.site.tree, own_kw),
            self._table("price")[span].copy(),
            self._table("export-price")[span].copy(),
            self._table("carbon")[span].copy(),
        )


class _DemandMeter:
    """Mean net import by demand interval, from the site meter; the highest of the billing month (local time)."""

    def __init__(self, interval_s: int, zone: zoneinfo.ZoneInfo) -> None:
        self.interval_s, self.zone = interval_s, zone
        self.peak_kw, self.month = 0.0, -1
        self.interval, self.begun_kwh, self.last_kwh, self.last_s = -1, 0.0, 0.0, 0.0

    def read(self, at_s: float, site_kwh: float) -> None:
        """Take in a reading of the running total. A reading at the end of an interval closes it."""
        interval = int(at_s // self.interval_s)
        if self.interval < 0:
            self.interval = interval
        elif interval != self.interval:
            hours = self.interval_s / 3600.0 * (interval - self.interval)
            month = int(local_clock(np.array([self.interval * float(self.interval_s)]), self.zone).month[0])
            if month != self.month:
                self.month, self.peak_kw = month, 0.0
            self.peak_kw = max(self.peak_kw, (site_kwh - self.begun_kwh) / hours)
            self.interval, self.begun_kwh = interval, site_kwh
        self.last_kwh, self.last_s = site_kwh, at_s

    def standing(self, now_s: float) -> tuple[float, float, float]:
        """(highest interval of this month so far in kW, kWh and hours of the running interval)."""
        month = int(local_clock(np.array([now_s]), self.zone).month[0])
        peak_kw = self.peak_kw if month == self.month else 0.0
        if int(now_s // self.interval_s) != self.interval:
            return peak_kw, 0.0, 0.0
        return peak_kw, self.last_kwh - self.begun_kwh, (now_s - self.interval * self.interval_s) / 3600.0
