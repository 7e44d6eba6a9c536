"""The loops of all sites, for the rest of the platform: start and stop, what they are told, and what people ask of them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from evloom.kernel.errors import InputError
from evloom.loop.record import Record
from evloom.pile.events import PackSeen
from evloom.pile.station import StationConnected, StationDisconnected
from evloom.serve.bus import Bus, Happening
from evloom.serve.cluster.lease import Lease
from evloom.serve.config import Config
from evloom.serve.live.actuator import Quick
from evloom.serve.live.base import STALE_S
from evloom.serve.live.bay import Bay
from evloom.serve.live.board import Board, Explanation, board_of, explanation_of
from evloom.serve.live.post import Office, Post
from evloom.serve.live.site_loop import Setting
from evloom.serve.live.tail import Tail
from evloom.serve.live.warming import warmed_up
from evloom.serve.live.words import Sentence
from evloom.serve.logs import told
from evloom.serve.meters.meters import Meters
from evloom.serve.site.build import Built, built
from evloom.serve.site.plan import ROOT, SitePlan, evse_id_of
from evloom.serve.site.stored import default_plan, with_evses
from evloom.serve.system_clock import SystemClock
from evloom.store import money, registry, sites
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.scope import EVERYTHING
from evloom.store.sites import Need, SetLimit

_LOG = logging.getLogger("evloom.live")
PRICES_S = 300.0  # how often it is looked whether another version of a tariff holds
LOOK_S = 1.0  # how often a process that does not run a site's loop looks whether it should
STRANGER_S = 10.0  # how often it is looked whether a station belongs to a site by now
SETTLED_S = 1.0  # a site's document is built anew only once it was left alone for so long
ANSWER_S = 5.0  # a station that does not answer an order within this does not count as told


@dataclass(frozen=True, slots=True)
class Cycled:
    """A cycle of a site's loop, for the bus: loads at its root in kW, how many cars, how many EVSE that are not steered."""

    site_id: str
    load_kw: float
    ev_kw: float
    base_kw: float
    limit_kw: float
    price_per_kwh: float | None
    n_car: int
    n_astray: int


class Live:
    """Runs the loop of every site whose lease this process holds. holder is the name of the process; setting drives loops otherwise."""

    def __init__(
        self, db: Database, bus: Bus, commands: Quick, config: Config, *, holder: str = "", setting: Setting | None = None
    ) -> None:
        self.db, self.bus, self.config = db, bus, config
        setting = setting or Setting(SystemClock(), config.control.period_s, Path(config.server.data) / "journal")
        self._office = Office(db, commands, setting, min(ANSWER_S, config.ocpp.call_timeout_s), self._unknown_evse)
        self._holder = holder or "alone"
        self.posts: dict[str, Post] = {}
        self._site_of: dict[str, str] = {}
        self._up: dict[str, str] = {}
        self._strangers: dict[str, float] = {}
        self._adding: set[tuple[str, int]] = set()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._changing: dict[str, asyncio.Task[None]] = {}
        self._endings: list[Callable[[], None]] = []
        self._warm: asyncio.Task[None] | None = None
        self._meters = Meters(config.meters, self, setting.clock.now_s)
        self._tail = Tail(db, self._heard) if config.cluster.nats_url or db.kind != "sqlite" else None

    # start and stop

    async def start(self) -> None:
        """Take up every site and begin."""
        self._warm = asyncio.get_running_loop().create_task(warmed_up())
        self._endings.append(self.bus.listen("station", self._said))
        if self._tail is not None:
            await self._tail.start()
        for site_id in [row[0] for row in await self.db.read(sites.sites)]:
            await self._take_up(site_id)
        await self._meters.start()

    async def warm(self) -> None:
        """Wait until a decision need not wait for its kernels."""
        if self._warm is not None:
            await asyncio.wait({self._warm})

    async def stop(self) -> None:
        """End every loop; its journal is closed."""
        await self._meters.stop()
        if self._warm is not None:
            self._warm.cancel()
            await asyncio.gather(self._warm, return_exceptions=True)
        for ending in self._endings:
            ending()
        self._endings = []
        if self._tail is not None:
            await self._tail.stop()
        tasks = [*self._changing.values(), *self._runs.values(), *self._later]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for post in self.posts.values():
            await post.close()
        self.posts, self._runs, self._changing = {}, {}, {}

    async def _take_up(self, site_id: str) -> None:
        """Begin with a site. One whose document does not hold together has no loop until that is mended."""
        made = await self._built(site_id)
        if made is None:
            return
        post = Post(made, self._office)
        post.cycled = self._cycled
        self.posts[site_id] = post
        self._map(post)
        elsewhere: dict[str, str] = {}
        if self.db.kind != "sqlite":
            stations = [bay.station_id for bay in post.bays.values()]
            elsewhere = await self.db.read(lambda conn: sites.connected_elsewhere(conn, stations, self._holder))
        await post.remember({**elsewhere, **self._up})
        self._runs[site_id] = asyncio.get_running_loop().create_task(self._run(site_id))

    def _map(self, post: Post) -> None:
        for bay in post.bays.values():
            self._site_of[bay.station_id] = post.made.plan.site_id

    async def _built(self, site_id: str) -> Built | None:
        config = self.config
        body = await self.db.read(lambda conn: sites.plan_body(conn, site_id))
        rows = await self.db.read(lambda conn: sites.evses_of(conn, site_id))
        named = {row[0]: row for row in await self.db.read(sites.sites)}
        try:
            plan = msgspec.json.decode(body, type=SitePlan) if body else default_plan(site_id, named.get(site_id), config)
            if plan.tariff is None:
                plan = msgspec.structs.replace(plan, tariff=await self._tariff(site_id, plan.zone))
            return built(with_evses(plan, rows, config))
        except (InputError, msgspec.MsgspecError) as error:
            told(_LOG, logging.ERROR, "site.not-built", site=site_id, why=str(error))
            return None

    async def _tariff(self, site_id: str, zone: str) -> dict[str, object] | None:
        """The tariff that the site's sessions are billed by: plans go by the prices that drivers pay."""
        now_s = self._office.setting.clock.now_s()

        def read(conn: Connection) -> dict[str, object] | None:
            row = registry.site_of(conn, EVERYTHING, site_id)
            return None if row is None else money.tariff_document_at(conn, money.Who(row["org_id"], site_id, "", zone), now_s)

        return await self.db.read(read)

    def look_again(self) -> None:
        """Documents, tariffs or their assignments may have changed: sites for which they have are built anew."""
        for site_id in self.posts:
            self._rebuild_soon(site_id)

    async def look_often(self) -> None:
        """A version of a tariff may begin to hold while nobody does anything."""
        while True:
            await asyncio.sleep(PRICES_S)
            self.look_again()

    async def _run(self, site_id: str) -> None:
        """Drive the site's loop while its lease is ours; on a database of this process alone it always is."""
        await self.warm()
        lease = Lease(self.db, f"site:{site_id}", self._holder) if self.db.kind != "sqlite" else None
        if lease is not None:
            await lease.try_now()
            lease.start()
        try:
            while True:
                if lease is None or lease.is_mine:
                    await self._drive(site_id, lease)
                if self.posts[site_id].loop.is_stranded:
                    break
                await asyncio.sleep(0.0 if lease is None or lease.is_mine else LOOK_S)
        finally:
            if lease is not None:
                await lease.stop()
        await self.posts.pop(site_id).close()
        await self._take_up(site_id)

    async def _drive(self, site_id: str, lease: Lease | None) -> None:
        """Drive until the lease is lost, or the site is built anew."""
        post = self.posts[site_id]
        driving = asyncio.get_running_loop().create_task(post.drive())
        loop = post.loop
        try:
            while (lease is None or lease.is_mine) and post.loop is loop and not driving.done():
                await asyncio.wait({driving}, timeout=LOOK_S / 5.0)
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)

    # what happens

    def _said(self, happening: Happening) -> None:
        """A station of this process said something."""
        if isinstance(happening.event, StationConnected):
            self._up[happening.subject] = happening.event.protocol
        elif isinstance(happening.event, StationDisconnected):
            self._up.pop(happening.subject, None)
        if self._tail is not None:
            self._tail.said(happening)
        self._heard(happening)

    def _heard(self, happening: Happening) -> None:
        """A station said something. Whoever said it must not suffer from what goes wrong here."""
        site_id = self._site_of.get(happening.subject)
        post = self.posts.get(site_id) if site_id is not None else None
        try:
            if post is not None:
                post.heard(happening.subject, happening.event, happening.at_s, happening.known_s)
            elif happening.subject and self._strangers.get(happening.subject, float("-inf")) < happening.known_s:
                self._soon(self._meet(happening))
        except Exception:  # noqa: BLE001  the bus asks for it
            _LOG.exception("not understood: %s of station %s", type(happening.event).__name__, happening.subject)

    async def _meet(self, happening: Happening) -> None:
        """A station of which nothing is known here yet: perhaps it belongs to a site by now."""
        station_id, number = happening.subject, getattr(happening.event, "evse", 0)
        site_id = await self.db.read(lambda conn: sites.site_of(conn, station_id))
        if site_id not in self.posts:
            if not isinstance(happening.event, StationConnected):  # a newcomer is registered when it boots, just after this
                self._strangers[station_id] = happening.known_s + STRANGER_S
            return
        self._strangers.pop(station_id, None)
        self._site_of[station_id], post = site_id, self.posts[site_id]
        if number:
            self._unknown_evse(station_id, number)
        if station_id in self._up and not isinstance(happening.event, StationConnected):
            post.heard(station_id, StationConnected(self._up[station_id]), happening.known_s, happening.known_s)
        post.heard(station_id, happening.event, happening.at_s, happening.known_s)

    def _unknown_evse(self, station_id: str, number: int) -> None:
        site_id = self._site_of.get(station_id, "")
        if number > 0 and site_id and (station_id, number) not in self._adding:
            self._adding.add((station_id, number))
            self._soon(self._add_evse(site_id, station_id, number))

    async def _add_evse(self, site_id: str, station_id: str, number: int) -> None:
        own = self.config.site
        await self.db.write(lambda conn: sites.add_evse(conn, station_id, number, own.rating_kw, own.n_phase))
        self._rebuild_soon(site_id)

    async def _three_phases(self, site_id: str, station_id: str, number: int) -> None:
        if await self.db.write(lambda conn: sites.see_three_phases(conn, station_id, number)):
            self._rebuild_soon(site_id)

    def _soon(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _rebuild_soon(self, site_id: str) -> None:
        if site_id not in self._changing:
            self._changing[site_id] = asyncio.get_running_loop().create_task(self._rebuild(site_id))

    async def _rebuild(self, site_id: str) -> None:
        await asyncio.sleep(SETTLED_S)
        self._changing.pop(site_id, None)
        self._adding = {(name, number) for name, number in self._adding if number < 0}
        made = await self._built(site_id)
        if made is None:
            return
        post = self.posts.get(site_id)
        if post is None:
            await self._take_up(site_id)
            return
        if made.plan != post.made.plan:
            known = set(post.bays)
            post.rebuild(made)
            self._map(post)
            await post.welcome([bay for name, bay in post.bays.items() if name not in known])

    def _cycled(self, post: Post, record: Record) -> None:
        now_s, field = record.now_s, post.field
        load, base, limit = (float(values[0]) for values in (field.load_kw(now_s), field.base_kw(now_s), field.limit_kw()))
        snapshot = post.loop.run.loop.snapshot if post.loop.run is not None else None
        price = float(snapshot.ahead.price_per_kwh[0]) if snapshot is not None and post.made.tariff is not None else None
        there = [bay for bay in post.bays.values() if bay.session_id]
        for bay in there:
            if bay.meter.n_phase == 3 and post.made.plan.evse[bay.row].n_phase == 1 and (bay.station_id, -bay.number) not in self._adding:
                self._adding.add((bay.station_id, -bay.number))
                self._soon(self._three_phases(post.made.plan.site_id, bay.station_id, bay.number))
        astray = sum(not field.is_steered(bay) for bay in there)
        event = Cycled(post.made.plan.site_id, load, load - base, base, limit, price, len(there), astray)
        self.bus.publish(Happening("cycle", post.made.plan.site_id, event, now_s, now_s))

    # what others tell

    async def site_changed(self, site_id: str) -> None:
        """The document of a site, or its stations, changed; many changes in a row make one new loop."""
        self._rebuild_soon(site_id)

    async def limit_changed(self, site_id: str, node: str, kw: float | None) -> None:
        """A limit of a node changed (None: it was taken back). It is read from the database where it was kept."""
        post = self.posts.get(site_id)
        if post is None:
            return
        now_s = post.now_s()
        kept = {item.node: item for item in await self.db.read(lambda conn: sites.limits_of(conn, site_id, now_s))}
        node = node or ROOT
        if kw is None:
            post.field.unlimited(node, now_s)
        elif node in post.made.site.tree.node_id:
            post.field.limited(kept.get(node, SetLimit(node, kw, "set by hand", now_s)), now_s)
        post.loop.wake()

    def base_load(self, site_id: str, node: str, kw: float, at_s: float, stale_s: float = STALE_S) -> bool:
        """The load that nobody steers was metered at a node ("": the root), positive = consuming; whether there is such a node."""
        post = self.posts.get(site_id or next(iter(self.posts), ""))
        node = node or ROOT
        if post is None or node not in post.base.nodes:
            return False
        post.base_load(node, kw, at_s, stale_s)
        return True

    def drawn_kw(self, site_id: str, node: str) -> float:
        """What cars draw below a node by their meters: for meters of the building that count them too."""
        post = self.posts.get(site_id or next(iter(self.posts), ""))
        node = node or ROOT
        if post is None or node not in post.base.nodes:
            return 0.0
        return float(post.field.drawn_kw()[post.made.site.tree.node_id.index(node)])

    async def need_changed(self, session_id: str) -> None:
        """A driver said something new of his stay, which was kept by `store.sites.save_need`."""
        for post in self.posts.values():
            await post.need_changed(session_id)

    async def tell_need(self, need: Need) -> None:
        """Keep what a driver needs, and let the loop know."""
        await self.db.write(lambda conn: sites.save_need(conn, need))
        kind, _, name = need.subject.partition(":")
        if kind == "session":
            await self.need_changed(name)
            return
        for post in self.posts.values():
            for bay in list(post.bays.values()):
                await post.need_changed(bay.session_id)

    def pack_seen(self, station_id: str, evse: int, seen: PackSeen) -> bool:
        """Something was learnt of the battery at an EVSE, by diagnosis or otherwise; whether there is such an EVSE."""
        found = self._bay(evse_id_of(station_id, evse))
        if found is None:
            return False
        found[0].field.pack_seen(replace(seen, evse_id=evse_id_of(station_id, evse)))
        found[0].loop.wake()
        return True

    # what others ask

    def board(self, site_id: str) -> Board | None:
        """What people see of a site; None where there is no such site, or none of its documents can be built."""
        post = self.posts.get(site_id)
        if post is None:
            return None
        now_s = post.now_s()
        board = board_of(post.loop, now_s, tuple(post.past))
        if post.loop.run is not None:
            return board
        return replace(board, running=False, notes=(Sentence("elsewhere"),))

    def explain(self, session_id: str) -> Explanation | None:
        """Why a running session gets what it gets; None where it does not run, or nothing was decided on it yet."""
        for post in self.posts.values():
            for bay in post.bays.values():
                if session_id and bay.session_id == session_id:
                    return explanation_of(post.loop, bay)
        return None

    def now_s(self) -> float:
        """The present by the clock of the loops."""
        return self._office.setting.clock.now_s()

    def knows(self, station_id: str) -> bool:
        """Whether a station stands at a site that has a loop, here or in another process."""
        return self._site_of.get(station_id) in self.posts

    def bay(self, evse_id: str) -> Bay | None:
        """What is known of an EVSE."""
        found = self._bay(evse_id)
        return None if found is None else found[1]

    def _bay(self, evse_id: str) -> tuple[Post, Bay] | None:
        return next(((post, post.bays[evse_id]) for post in self.posts.values() if evse_id in post.bays), None)
