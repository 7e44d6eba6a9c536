"""The live field: behind the loop's port, what stations say becomes events, and its orders become profiles.

`heard` takes in what happens, at once; `advance` tells the loop all of it at the next cycle. Nothing here waits.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from evloom.kernel.timegrid import Float, TimeGrid
from evloom.network.tree import node_total
from evloom.pile.events import (
    Event,
    FallsBack,
    Followed,
    Known,
    Limited,
    LinkBack,
    LinkLost,
    PackSeen,
    Readings,
    Strayed,
    Supplied,
    Tick,
    Unplugged,
    Untold,
)
from evloom.pile.follow import DRAWS_KW, Conduct, judged, room_kw
from evloom.pile.orders import SetPower
from evloom.serve.live.base import BaseLoads
from evloom.serve.live.bay import Bay
from evloom.serve.live.defaults import has_room
from evloom.serve.live.needs import Belief, Limits, plugged_in, wanted
from evloom.serve.live.supply import believed
from evloom.serve.site.build import Built, n_ahead
from evloom.store.sites import SetLimit

NEWS_KW = 0.3  # a change of what an EVSE that does not follow draws, from which on the loop is told
UNHEARD_S = 90.0  # a new station that takes profiles and sends no readings is believed after this
_LASTING = ("temperature_c", "battery_kwh", "diagnosis")  # what is told of a battery and holds in the next run of the loop as well
OVER = 1.01  # a measured sum above a limit by more than this wakes the loop

Act = Callable[[Bay, SetPower], None]
Stand = tuple[Belief, Limits]


class LiveField:
    """The EVSE of a site. One for as long as the site's document does not change; `begin` starts each run of the loop."""

    def __init__(self, made: Built, bays: dict[str, Bay], base: BaseLoads, act: Act, period_s: float) -> None:
        self.made, self.bays, self.base, self.period_s = made, bays, base, period_s
        self._act = act
        self.fallback_a: tuple[float, ...] = (0.0,) * made.evse.n
        self.stands: dict[str, Stand] = {}
        self.limits: dict[str, SetLimit] = {}
        self.packs: dict[str, PackSeen] = {}
        self._queue: list[Event] = []
        self._stray: set[str] = set()
        self._grid: TimeGrid | None = None
        self._site_kwh, self._at_s = 0.0, 0.0
        self._node_row = {name: row for row, name in enumerate(made.site.tree.node_id)}

    # what happens

    def plugged(self, bay: Bay, belief: Belief, limits: Limits) -> None:
        """A car is there and it is known what to believe of it. It starts with its default, so that anything must be told."""
        self.stands[bay.evse_id] = (belief, limits)
        self._plug(bay)

    def _plug(self, bay: Bay) -> None:
        belief, limits = self.stands[bay.evse_id]
        self._queue += [plugged_in(bay, belief, limits), Untold(bay.since_s, bay.evse_id)]
        bay.room_kw = float("nan")
        if not self.is_steered(bay):
            self._queue.append(self._strayed(bay, bay.since_s))
        elif bay.evse_id in self._stray:
            self._stray.discard(bay.evse_id)
            self._queue.append(Followed(bay.since_s, bay.evse_id))
        if bay.meter.soc is not None or bay.car is not None:
            soc = bay.meter.soc if bay.car is None or bay.car.soc is None else bay.car.soc
            self._queue.append(PackSeen(bay.since_s, bay.evse_id, None, soc, bay.car.battery_kwh if bay.car else None))
        if bay.evse_id in self.packs:
            self._queue.append(self.packs[bay.evse_id])

    def believed(self, bay: Bay, belief: Belief, limits: Limits, at_s: float) -> None:
        """Something else is believed of a car that stands there."""
        known = bay.evse_id in self.stands
        self.stands[bay.evse_id] = (belief, limits)
        if known:
            self._queue.append(wanted(bay, belief, limits, at_s))

    def unplugged(self, bay: Bay, session_id: str, at_s: float) -> None:
        """The session at an EVSE ended."""
        self.packs.pop(bay.evse_id, None)
        if self.stands.pop(bay.evse_id, None) is not None:
            self._queue.append(Unplugged(at_s, bay.evse_id, session_id))

    def link(self, bay: Bay, up: bool, at_s: float) -> None:
        """The link to an EVSE is up or down."""
        if bay.link == up:
            return
        bay.link, bay.trouble, bay.again_s = up, "", 0.0
        bay.sure, bay.n_refused = False, 0
        bay.dynamic_for = ""  # a dynamic profile ends soon after the link is lost
        if up:
            self._queue.append(LinkBack(at_s, bay.evse_id))
        else:
            self._queue += self._without_link(bay, at_s)

    def _without_link(self, bay: Bay, at_s: float) -> list[Event]:
        """The link is lost: what the EVSE then draws is its plan and its default, unless it does not obey or has no default."""
        obeys = bay.conduct.standing in ("follows", "untried") and bay.default != "refused"
        told: list[Event] = [LinkLost(at_s, bay.evse_id)]
        if obeys and bay.evse_id in self._stray:
            self._stray.discard(bay.evse_id)
            told.append(Followed(at_s, bay.evse_id))
        elif not obeys:
            self._stray.add(bay.evse_id)
            told.append(Strayed(at_s, bay.evse_id, bay.rating_kw, 0.0, "ignores"))
        return told

    def falls_back(self, bay: Bay, at_s: float) -> None:
        """An EVSE has another fallback profile, or did not take it."""
        if bay.default == "installed":
            self._queue.append(FallsBack(at_s, bay.evse_id, bay.default_a, bay.default_kept))

    def untold(self, bay: Bay, at_s: float) -> None:
        """An order to an EVSE is not in force."""
        if bay.session_id:
            self._queue.append(Untold(at_s, bay.evse_id))

    def outdated(self, bay: Bay, at_s: float) -> None:
        """The plan that an EVSE holds is to be sent again."""
        if bay.session_id:
            self._queue.append(Untold(at_s, bay.evse_id, is_set=True))

    def limited(self, limit: SetLimit, at_s: float) -> None:
        """A limit was set from outside."""
        self.limits[limit.node] = limit
        self._queue.append(self._limited(limit, at_s))

    def _limited(self, limit: SetLimit, at_s: float) -> Limited:
        """What is set from outside never lifts what the site's document says."""
        own_kw = float(self.made.site.tree.import_max_kw[self._node_row[limit.node]])
        return Limited(at_s, limit.node, limit.import_max_kw if limit.import_max_kw < own_kw else None, limit.source)

    def unlimited(self, node: str, at_s: float) -> None:
        """A limit was taken back."""
        if self.limits.pop(node, None) is not None:
            self._queue.append(Limited(at_s, node, None, ""))

    def pack_seen(self, event: PackSeen) -> None:
        """Something was learnt of the battery of the car at an EVSE, by its diagnosis or otherwise. It holds until the car leaves."""
        before = self.packs.get(event.evse_id, event)
        known = {name: getattr(event, name) if getattr(event, name) is not None else getattr(before, name) for name in _LASTING}
        self.packs[event.evse_id] = PackSeen(event.at_s, event.evse_id, soc=event.soc, **known)
        self._queue.append(event)

    # the port of the loop

    def begin(self, grid: TimeGrid, now_s: float) -> None:
        """A new run: all that is known is told again."""
        self._grid, self._queue, self._stray = grid, [], set()
        self._site_kwh, self._at_s = 0.0, now_s
        self.base.restart()
        self.packs = {name: replace(seen, soc=None) for name, seen in self.packs.items()}  # it has been charged since it was told
        self._queue += self._prices(grid, now_s)
        self._queue += [self._limited(item, now_s) for item in self.limits.values()]
        for bay in self.bays.values():
            if bay.session_id and bay.evse_id in self.stands:
                self._plug(bay)
                bay.fresh = bay.meter.n > 0
            if bay.default_a != self.fallback_a[bay.row] or bay.default_kept:
                self.falls_back(bay, now_s)
            if bay.voltage_v != self.made.site.voltage_v:
                self._queue.append(Supplied(now_s, bay.evse_id, bay.voltage_v))
            if not bay.link:
                self._queue += self._without_link(bay, now_s)
                if bay.evse_id in self.stands and bay.evse_id not in self._stray:
                    self._stray.add(bay.evse_id)  # what it was told before is not known to this run
                    self._queue.append(Strayed(now_s, bay.evse_id, min(bay.highest_kw(now_s), bay.rating_kw), 0.0, "held"))

    def advance(self, until_s: float) -> list[Event]:
        """Everything that happened since the last call, readings, and the tick."""
        assert self._grid is not None
        self._expire_limits(until_s)
        self._try_again(until_s)
        events, self._queue = self._queue, []
        self._site_kwh += float(self.load_kw(self._at_s)[0]) * (until_s - self._at_s) / 3600.0
        self._at_s = until_s
        events += self._supplies(until_s)
        events += self._readings(until_s)
        for bay in self.bays.values():
            if bay.session_id and bay.evse_id in self.stands and bay.link:
                events += self._conduct(bay, until_s)
            bay.fresh = False
        events += self.base.known(self._grid, until_s, n_ahead(self.made.plan))
        events.append(Tick(until_s, self.period_s / 3600.0))
        return events

    def act(self, orders: tuple[SetPower, ...]) -> None:
        """Send orders."""
        for order in orders:
            self._act(self.bays[order.unit_id], order)

    # what the loop is told of it

    def _readings(self, at_s: float) -> list[Event]:
        rows = [bay for bay in self.bays.values() if bay.fresh and bay.session_id and bay.evse_id in self.stands and not bay.is_settling]
        if not rows:
            return []
        spare = [self._spare_kwh(bay) for bay in rows]
        return [
            Readings(
                at_s, self._site_kwh, [bay.evse_id for bay in rows], [bay.net_kwh for bay in rows], [bay.meter.power_kw for bay in rows],
                [bay.is_done(at_s) for bay in rows], [give for give, _ in spare], [room for _, room in spare], [],
            )
        ]  # fmt: skip

    def _supplies(self, at_s: float) -> list[Event]:
        """Voltages that changed. A station that is told kilowatts makes amperes of them by itself."""
        events, nominal_v = list[Event](), self.made.site.voltage_v
        for bay in self.bays.values():
            if bay.fresh and not self.made.evse.dc[bay.row]:
                voltage_v = nominal_v if bay.in_kw else believed(bay.voltage_v, bay.measured_v, nominal_v)
                if voltage_v != bay.voltage_v:
                    bay.voltage_v, bay.astray = voltage_v, ""  # what it is asked for while it is not steered is another power too
                    events.append(Supplied(at_s, bay.evse_id, voltage_v))
        return events

    def _spare_kwh(self, bay: Bay) -> tuple[float, float | None]:
        """What the car can give before its floor, and take until it is full; nothing and unknown where it does not say."""
        car, (_, limits) = bay.car, self.stands[bay.evse_id]
        soc = bay.meter.soc if bay.meter.soc is not None else (car.soc if car is not None else None)
        if car is None or not car.battery_kwh or soc is None or limits.give_max_kw <= 0.0:
            return 0.0, None
        guard = self.made.plan.guard
        floor = guard.soc_min if guard is not None and guard.soc_min is not None else 0.3
        return max(0.0, soc - floor) * car.battery_kwh * 0.95, max(0.0, 1.0 - soc) * car.battery_kwh / 0.95

    def _conduct(self, bay: Bay, at_s: float) -> list[Event]:
        """Whether the EVSE follows, judged from a fresh reading; what the loop is to be told of it."""
        if bay.fresh:
            bay.conduct = judged(bay.conduct, bay.check(self._most_kw(bay)))
            if bay.conduct.over and self.worst(at_s) > OVER:
                bay.conduct = Conduct("ignores", bay.conduct.over, 0) if bay.conduct.standing != "refused" else bay.conduct
        elif bay.conduct.standing == "untried" and at_s - max(bay.since_s, bay.meter.at_s) > UNHEARD_S and not bay.trouble:
            bay.conduct = Conduct("follows")
        if self.is_steered(bay):
            if bay.evse_id not in self._stray:
                return []
            self._stray.discard(bay.evse_id)
            bay.room_kw = float("nan")
            return [Followed(at_s, bay.evse_id)]
        room = self._room_kw(bay, at_s)
        if (
            self._why(bay) != bay.astray
            or room > bay.room_kw + NEWS_KW
            or room < bay.room_kw - 2.0 * NEWS_KW
            or bay.evse_id not in self._stray
        ):
            return [self._strayed(bay, at_s)]
        return []

    def _strayed(self, bay: Bay, at_s: float) -> Strayed:
        self._stray.add(bay.evse_id)
        bay.room_kw = self._room_kw(bay, at_s)
        bay.astray = self._why(bay)
        bay.asked_kw = self._asked_kw(bay, at_s)
        return Strayed(at_s, bay.evse_id, bay.room_kw, bay.asked_kw, bay.astray)

    def _asked_kw(self, bay: Bay, at_s: float) -> float:
        """What an EVSE that is not steered is asked for: the least current, or nothing at a new one where even that has no room."""
        least_kw = 0.0 if bay.refused else self.least_kw(bay)
        if bay.conduct.standing != "untried" or bay.trouble:
            return least_kw
        taken_kw = np.zeros(self.made.evse.n)
        for other in self.bays.values():
            if other is not bay and other.session_id and other.evse_id in self._stray:
                taken_kw[other.row] = other.asked_kw if other.conduct.standing == "untried" else other.room_kw
        taken_kw = np.nan_to_num(taken_kw)
        return least_kw if has_room(self.made, self.limit_kw(), self.base_kw(at_s), taken_kw, bay.row, least_kw) else 0.0

    @staticmethod
    def _why(bay: Bay) -> str:
        return "refused" if bay.trouble else bay.conduct.standing

    def _room_kw(self, bay: Bay, at_s: float) -> float:
        if bay.trouble:
            return min(self._most_kw(bay), max(bay.allowed_kw(at_s), bay.meter.power_kw) + DRAWS_KW)
        begun = bay.meter.n > 1 and bay.meter.power_kw > DRAWS_KW
        return room_kw(bay.meter.power_kw, self._most_kw(bay), at_s - bay.since_s, begun)

    def is_steered(self, bay: Bay) -> bool:
        """Its orders may be counted on."""
        return bay.conduct.is_steered and not bay.trouble

    def _most_kw(self, bay: Bay) -> float:
        """The most that car and EVSE can draw."""
        return self.stands[bay.evse_id][1].charge_max_kw if bay.evse_id in self.stands else bay.rating_kw

    def least_kw(self, bay: Bay) -> float:
        """The least that an EVSE can be set to for its car."""
        evse, row = self.made.evse, bay.row
        n_phase = self.stands[bay.evse_id][1].n_phase if bay.evse_id in self.stands else int(evse.n_phase[row])
        least_a = 6.0 if evse.dc[row] else max(6.0, float(evse.current_min_a[row]))
        return min(least_a * bay.voltage_v / 1000.0 * (3 if evse.dc[row] else n_phase), bay.rating_kw)

    def _prices(self, grid: TimeGrid, now_s: float) -> list[Event]:
        plan, ahead = self.made.plan, TimeGrid(grid.start, grid.step_s, grid.n + n_ahead(self.made.plan))
        told: dict[str, Sequence[float]] = {"price": [0.0] * ahead.n, "export-price": [0.0] * ahead.n}
        if self.made.tariff is not None:
            told["price"] = self.made.tariff.price_on(ahead).tolist()
            told["export-price"] = self.made.tariff.terms.export_price_on(ahead).tolist()
        if plan.carbon_kg_per_kwh is not None:
            told["carbon"] = [plan.carbon_kg_per_kwh] * ahead.n
        return [Known(now_s, name, 0, list(values)) for name, values in told.items()]

    def _try_again(self, now_s: float) -> None:
        """Orders that a station did not take are given again after a while."""
        for bay in self.bays.values():
            if bay.trouble and 0.0 < bay.again_s <= now_s:
                bay.again_s = 0.0
                self.untold(bay, now_s)

    def _expire_limits(self, now_s: float) -> None:
        for node in [item.node for item in self.limits.values() if item.until_s is not None and item.until_s <= now_s]:
            self.unlimited(node, now_s)

    # what is measured

    def drawn_kw(self) -> Float:
        """What cars draw by their last readings, at or below each node (n_node,)."""
        own_kw = np.zeros(self.made.site.tree.n)
        for bay in self.bays.values():
            if bay.session_id:
                own_kw[self.made.evse.node[bay.row]] += bay.meter.power_kw
        return node_total(self.made.site.tree, own_kw)

    def base_kw(self, now_s: float) -> Float:
        """The load nobody steers, at or below each node (n_node,)."""
        own_kw = np.array([self.base.nodes[name].now_kw(now_s) for name in self.made.site.tree.node_id])
        return node_total(self.made.site.tree, np.where(np.isfinite(own_kw), own_kw, 0.0))

    def load_kw(self, now_s: float) -> Float:
        """The whole load at each node (n_node,)."""
        return self.drawn_kw() + self.base_kw(now_s)

    def limit_kw(self) -> Float:
        """The limit of each node (n_node,), those set from outside in place of its own."""
        limit = self.made.site.tree.import_max_kw.copy()
        for item in self.limits.values():
            row = self._node_row[item.node]
            limit[row] = min(limit[row], item.import_max_kw)
        return limit

    def worst(self, now_s: float) -> float:
        """The highest measured load of a node as a share of its limit."""
        limit = self.limit_kw()
        share: Float = np.where(np.isfinite(limit), self.load_kw(now_s) / np.maximum(limit, 1e-3), 0.0)
        return float(share.max())
