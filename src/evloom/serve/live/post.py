"""One site of the platform: what its stations say goes into the field, and its loop is driven while the lease is held."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from evloom.loop.record import Record
from evloom.pile.follow import Conduct
from evloom.pile.station import (
    MeterSeen,
    NeedsSeen,
    StationBooted,
    StationConnected,
    StationDisconnected,
    StatusSeen,
    TransactionSaid,
)
from evloom.serve.live.actuator import Actuator, Quick
from evloom.serve.live.base import BaseLoads
from evloom.serve.live.bay import Bay, Told
from evloom.serve.live.dynamic import is_due
from evloom.serve.live.fallbacks import Fallbacks
from evloom.serve.live.field import LiveField
from evloom.serve.live.needs import HISTORY_S, Memory, limits_of
from evloom.serve.live.sender import Sender
from evloom.serve.live.site_loop import Setting, SiteLoop
from evloom.serve.logs import told
from evloom.serve.site.build import Built
from evloom.serve.site.plan import evse_id_of
from evloom.store import sites
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.store.sites import Need, Stay

_LOG = logging.getLogger("evloom.live")
ENDED_KEPT = 500  # transactions that ended and may be heard of once more
LATE_S = 120.0  # a reading older than this says nothing of the present
PAST_S, PAST_N = 60.0, 1440  # one point of the past for each minute, a day of them
LEARN_S = 3600.0  # how often earlier stays are read anew
HISTORY_N = 5000
AGAIN_S = (10.0, 30.0, 120.0, 600.0)  # after so long a fallback profile that was not answered is sent again
OVER = 1.005  # a measured sum above a limit by more than this share cannot wait
RISE_KW = 0.1  # a reading that rose by less is not looked into
BOOT_S = 5.0  # a station that does not boot after it connects gets its fallback profile all the same


@dataclass(frozen=True, slots=True)
class Office:
    """What every site uses: database, commands, the setting of loops; answer_s: how long a station may take to answer."""

    db: Database
    commands: Quick
    setting: Setting
    answer_s: float
    unknown_evse: Callable[[str, int], None]


class Post:
    """A site. `heard` takes in what its stations say; `drive` runs its loop."""

    made: Built
    field: LiveField
    loop: SiteLoop

    def __init__(self, made: Built, office: Office) -> None:
        self.office = office
        self.bays: dict[str, Bay] = {}
        self.base = BaseLoads(made.site.tree.node_id)
        self.memory = Memory(made.plan.zone)
        self.past: deque[tuple[float, float, float, float]] = deque(maxlen=PAST_N)
        self.cycled: Callable[[Post, Record], None] = lambda _post, _record: None
        self.up: dict[str, str] = {}
        self._at: dict[tuple[str, str], Bay] = {}
        self._ended: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._learnt_s = float("-inf")
        self._standing: dict[str, str] = {}
        actuator = Actuator(office.commands, {}, office.answer_s)
        self.sender = Sender(actuator, self.now_s, self._untold)
        self.fallbacks = Fallbacks(actuator, self.now_s, self._later)
        self.sender.make_room = self.fallbacks.make_room
        self.rebuild(made)

    def now_s(self) -> float:
        """The present by the loop's clock."""
        return self.office.setting.clock.now_s()

    def rebuild(self, made: Built) -> None:
        """The site's document changed. Cars that stand there, meters and what is known of EVSE stay."""
        before: LiveField | None = self.__dict__.get("field")
        if before is not None:
            self.loop.retire()
        self.made, bays = made, self.bays
        rows = {item.evse_id: (row, item) for row, item in enumerate(made.plan.evse)}
        self.bays = {name: bays.get(name) or Bay(name, item.station, item.evse, row, item.rating_kw) for name, (row, item) in rows.items()}
        for name, (row, item) in rows.items():
            bay = self.bays[name]
            bay.row, bay.rating_kw = row, item.rating_kw
            bay.voltage_v = bay.voltage_v if bay.measured_v else made.plan.voltage_v
        for node in made.site.tree.node_id:
            self.base.nodes.setdefault(node, BaseLoads([node]).nodes[node])
        self.base.nodes = {node: self.base.nodes[node] for node in made.site.tree.node_id}
        self.sender.actuator.forms = {name: item for name, (_, item) in rows.items()}
        self.field = LiveField(made, self.bays, self.base, self.sender.take, self.office.setting.period_s)
        if before is not None:
            self.field.stands = {name: stand for name, stand in before.stands.items() if name in self.bays}
            self.field.packs = {name: seen for name, seen in before.packs.items() if name in self.bays}
            self.field.limits = {node: limit for node, limit in before.limits.items() if node in made.site.tree.node_id}
        self.loop = SiteLoop(made, self.field, self.office.setting, self._after)
        self.fallbacks.take_up(self.field, self.loop)

    async def remember(self, up: dict[str, str]) -> None:
        """Take up from the database what is known of the site: earlier stays, base load, limits, conduct, and cars that stand there.

        up: stations that are connected, each with its protocol.
        """
        site_id, now_s = self.made.plan.site_id, self.now_s()
        stations = sorted({bay.station_id for bay in self.bays.values()})
        rows = await self.office.db.read(lambda conn: sites.base_loads(conn, site_id, now_s - HISTORY_S))
        limits = await self.office.db.read(lambda conn: sites.limits_of(conn, site_id, now_s))
        conducts = await self.office.db.read(lambda conn: sites.conducts(conn, stations))
        running = await self.office.db.read(lambda conn: sites.open_stays(conn, site_id))
        self.base.remember(rows)
        self.field.limits = {limit.node: limit for limit in limits if limit.node in self.made.site.tree.node_id}
        for (station_id, number), standing in conducts.items():
            bay = self.bays.get(evse_id_of(station_id, number))
            if bay is not None and standing in ("follows", "ignores", "refused"):
                bay.conduct = Conduct("follows" if standing == "follows" else "ignores")
                self._standing[bay.evse_id] = bay.conduct.standing
        await self._learn(now_s)
        for station_id in stations:
            if station_id in up:
                self._connected(station_id, up[station_id], now_s)
        for stay in running:
            await self._resume(stay)

    async def welcome(self, bays: list[Bay]) -> None:
        """EVSE that are new in the site's document: their links, conduct and running sessions, as the database has them."""
        if not bays:
            return
        ids = {(bay.station_id, bay.number) for bay in bays}
        for bay in bays:
            bay.protocol = self.up.get(bay.station_id, "")
            self.field.link(bay, bay.station_id in self.up, self.now_s())
        for station_id in {bay.station_id for bay in bays}:
            self._later(self._install(station_id, 0.0, anew=False))
        running = await self.office.db.read(lambda conn: sites.open_stays(conn, self.made.plan.site_id))
        for stay in running:
            if (stay.station_id, stay.evse) in ids:
                await self._resume(stay)

    async def _resume(self, stay: Stay) -> None:
        """A car that stood there before this process began."""
        bay = self.bays.get(evse_id_of(stay.station_id, stay.evse))
        if bay is None:
            return
        said = TransactionSaid(stay.transaction, "updated", token=stay.token, marks=tuple(stay.suspect.split(",")))
        self._begin(bay, said, stay.session_id, stay.started_at_s)
        bay.meter.begin_kwh, bay.meter.import_kwh, bay.meter.power_kw = stay.begin_kwh, stay.last_kwh, stay.power_kw
        bay.told = [Told(((stay.started_at_s, bay.rating_kw),), stay.started_at_s)]  # what it was told before is not known
        await self._believe(bay, bay.session_id)

    async def drive(self) -> None:
        """Run the loop and send its orders, until cancelled."""
        sending = asyncio.get_running_loop().create_task(self.sender.run())
        try:
            await self.loop.drive()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def close(self) -> None:
        """End what runs in the background."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # what stations say

    def heard(self, station_id: str, event: object, at_s: float, known_s: float) -> None:
        """A word of one of the site's stations. Nothing here waits."""
        match event:
            case StationConnected():
                self._connected(station_id, event.protocol, known_s)
            case StationDisconnected():
                self._links(station_id, False, known_s)
            case StationBooted() if event.status == "Accepted":
                self._later(self._install(station_id, 0.0, anew=True))
            case StatusSeen() if event.evse > 0:
                self._bay(station_id, event.evse)
            case TransactionSaid():
                self._transaction(station_id, event, min(at_s, known_s) if known_s - at_s < LATE_S else known_s, known_s)
            case MeterSeen():
                bay = self._bay(station_id, event.evse) if event.evse > 0 else None
                if bay is not None and bay.session_id and known_s - at_s < LATE_S:
                    bay.read(event.samples, known_s)
                    self._looked(bay, known_s)
            case NeedsSeen():
                self._needs(station_id, event)

    def _connected(self, station_id: str, protocol: str, at_s: float) -> None:
        self.up[station_id] = protocol
        self._links(station_id, True, at_s)
        self._later(self._install(station_id, BOOT_S, anew=False))

    def _links(self, station_id: str, up: bool, at_s: float) -> None:
        if not up:
            self.up.pop(station_id, None)
        for bay in self._bays_of(station_id):
            bay.protocol = self.up.get(station_id, bay.protocol)
            self.field.link(bay, up, at_s)
        self.loop.wake()

    def _transaction(self, station_id: str, said: TransactionSaid, at_s: float, known_s: float) -> None:
        key = (station_id, said.transaction)
        bay = self._bay(station_id, said.evse) if said.evse > 0 else self._at.get(key)
        if bay is None or key in self._ended:
            return
        if said.phase == "ended":
            self._end(bay, said, key, at_s)
            return
        if bay.transaction != said.transaction:
            if said.offline and bay.session_id:
                return  # an old word of a transaction before the one that runs
            self._begin(bay, said, f"{station_id}:{said.transaction}", at_s)
            self._later(self._believe(bay, bay.session_id))
        if said.offline:
            bay.heard(replace(said, samples=()), known_s)
            return
        before = bay.token, bay.refused
        bay.heard(said, known_s)
        self._looked(bay, known_s)
        if (bay.token, bay.refused) != before and bay.evse_id in self.field.stands:
            self._later(self._believe(bay, bay.session_id))

    def _begin(self, bay: Bay, said: TransactionSaid, session_id: str, at_s: float) -> None:
        if bay.session_id:
            self._over(bay, at_s)
        default_kw = bay.rating_kw
        if bay.default == "installed":
            default_kw = self.field.least_kw(bay) if bay.default_a > 0.0 else 0.0
        bay.begin(said, session_id, at_s, default_kw)
        self._at[bay.station_id, said.transaction] = bay

    def _end(self, bay: Bay, said: TransactionSaid, key: tuple[str, str], at_s: float) -> None:
        self._ended[key] = None
        while len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        if bay.transaction == said.transaction:
            self._over(bay, at_s)
            self.loop.wake()

    def _over(self, bay: Bay, at_s: float) -> None:
        """The session at a bay is over."""
        self._at.pop((bay.station_id, bay.transaction), None)
        session_id = bay.session_id
        bay.end()
        self.field.unplugged(bay, session_id, at_s)

    def _needs(self, station_id: str, said: NeedsSeen) -> None:
        bay = self._bay(station_id, said.evse)
        if bay is not None:
            bay.car, bay.car_s = said, self.now_s()
            if bay.session_id:
                self._later(self._believe(bay, bay.session_id))

    def _looked(self, bay: Bay, now_s: float) -> None:
        """After a reading that rose: does anything need to be done at once?"""
        if bay.fresh and bay.meter.rise_kw > RISE_KW and self.field.worst(now_s) > OVER:
            self.loop.wake()

    def _bays_of(self, station_id: str) -> list[Bay]:
        return [bay for bay in self.bays.values() if bay.station_id == station_id]

    def _bay(self, station_id: str, number: int) -> Bay | None:
        bay = self.bays.get(evse_id_of(station_id, number))
        if bay is None:
            self.office.unknown_evse(station_id, number)
        return bay

    # what goes out and what is believed

    async def _believe(self, bay: Bay, session_id: str) -> None:
        """Work out what to believe of the stay at a bay, and tell the loop."""
        need: Need | None = None
        token = bay.token
        try:
            need = await self.office.db.read(lambda conn: sites.need_of(conn, f"session:{session_id}") or sites.usual_need(conn, token))
        except StoreError as error:
            told(_LOG, logging.WARNING, "needs.not-read", session=session_id, why=str(error))
        if bay.session_id != session_id:
            return
        item = self.made.plan.evse[bay.row]
        limits = limits_of(bay, item.rating_kw, item.discharge_max_kw, item.n_phase, need)
        belief = self.memory.believe(bay, need, limits.charge_max_kw)
        if bay.evse_id in self.field.stands:
            self.field.believed(bay, belief, limits, self.now_s())
        else:
            self.field.plugged(bay, belief, limits)
        self.loop.wake()

    async def need_changed(self, session_id: str) -> None:
        """A driver said something new of his stay."""
        for bay in self.bays.values():
            if session_id and bay.session_id == session_id:
                await self._believe(bay, session_id)

    async def _install(self, station_id: str, after_s: float, *, anew: bool) -> None:
        """Install the fallback profile at every EVSE of a station, then read its settings; what is not answered is tried again."""
        for wait_s in (after_s, *AGAIN_S):
            await asyncio.sleep(wait_s)
            for bay in self._bays_of(station_id):
                if bay.link and (anew or bay.default != "installed"):
                    bay.default = ""
                    await self.fallbacks.install_first(bay)
            for bay in self._bays_of(station_id)[:1]:
                await self.sender.actuator.learn(bay, anew=anew)
            anew = False
            if all(bay.default or not bay.link for bay in self._bays_of(station_id)):
                return

    def _untold(self, bay: Bay) -> None:
        self.field.untold(bay, self.now_s())
        self.loop.wake()

    def _after(self, loop: SiteLoop, record: Record) -> None:
        """After each cycle: one point of the past for each minute, conduct that changed, and what was learnt meanwhile."""
        load, base, limit = self.field.load_kw(record.now_s), self.field.base_kw(record.now_s), self.field.limit_kw()
        if not self.past or record.now_s - self.past[-1][0] >= PAST_S:
            self.past.append((record.now_s, float(load[0]), float(base[0]), float(limit[0])))
        self._ask(record.now_s)
        self.fallbacks.look()
        for bay in self.bays.values():
            if is_due(bay, record.now_s):
                self._later(self.sender.actuator.follow(bay, record.now_s))
        for bay in self.bays.values():
            if bay.conduct.standing != self._standing.get(bay.evse_id, "untried"):
                self._standing[bay.evse_id] = bay.conduct.standing
                self._later(self._keep_conduct(bay, bay.conduct.standing))
        if record.now_s - self._learnt_s > LEARN_S:
            self._learnt_s = record.now_s
            self._later(self._learn(record.now_s))
        self.cycled(self, record)

    def _ask(self, now_s: float) -> None:
        """Ask for readings where the station's own are too far apart to tell whether it follows: two control periods must do."""
        for bay in self.bays.values():
            if bay.is_unread(now_s, self.office.setting.period_s):
                bay.asked_s = now_s
                self._later(self._ask_one(bay))

    async def _ask_one(self, bay: Bay) -> None:
        done = await self.sender.actuator.ask_meter(bay)
        if done.accepted is False:
            bay.asked_s = float("inf")  # it does not know how

    async def _keep_conduct(self, bay: Bay, standing: str) -> None:
        now_s = self.now_s()
        told(_LOG, logging.INFO, "evse.conduct", evse=bay.evse_id, standing=standing)
        await self.office.db.write(lambda conn: sites.save_conduct(conn, bay.station_id, bay.number, standing, now_s))

    async def _learn(self, now_s: float) -> None:
        site_id = self.made.plan.site_id
        self.memory.learn(await self.office.db.read(lambda conn: sites.ended_stays(conn, site_id, now_s - HISTORY_S, HISTORY_N)))
        self._learnt_s = now_s

    def base_load(self, node: str, kw: float, at_s: float, stale_s: float) -> None:
        """The load at a node was metered."""
        load = self.base.nodes[node]
        load.stale_s = stale_s
        done = load.metered(kw, at_s)
        if done:
            self._later(self._keep_base([(node, *one) for one in done]))
        if self.base.is_news(node, float(self.field.limit_kw()[0])):
            self.loop.wake()

    async def _keep_base(self, rows: list[tuple[str, float, float]]) -> None:
        await self.office.db.write(lambda conn: sites.save_base_load(conn, self.made.plan.site_id, rows))

    def _later(self, job: Coroutine[Any, Any, None]) -> None:
        """Do something that waits, in the background."""
        task = asyncio.get_running_loop().create_task(self._tried(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _tried(job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except StoreError as error:
            told(_LOG, logging.WARNING, "live.not-kept", why=str(error))
