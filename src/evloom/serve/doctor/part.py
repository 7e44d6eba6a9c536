"""The doctor as a part of the platform: its rounds in a thread, what it says in the database and on the bus, how far it is behind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from evloom.diagnose.limits import SOUND
from evloom.diagnose.warning import LEVELS, WarningChange
from evloom.serve.bus import Bus, Happening
from evloom.serve.doctor.events import BatteryHeard, BatteryWarned
from evloom.serve.doctor.rounds import News, Rounds
from evloom.serve.doctor.warming import made_ready
from evloom.serve.metrics import Metrics
from evloom.store import batteries, warnings
from evloom.store.batteries import BatterySeen
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.connection import Connection, Row
from evloom.store.database import Database
from evloom.store.errors import StoreError
from evloom.vehicle.telemetry import Pack

_LOG = logging.getLogger("evloom.doctor")
AGAIN_S = 1.0
TRY_S = 30.0
"""How long one attempt to keep news may take before the thread asks whether it is to end."""
PEOPLE_S = 60.0
"""How often it is looked up what people said of vehicles."""


class Doctor:
    """Looks at every frame that `store` keeps. `floor` is the first segment of its journal that must stay.

    It begins when `after` returns: cars at piles wait for the loops, and nobody waits for the doctor.
    """

    def __init__(
        self, store: FrameStore, db: Database, bus: Bus, now_s: Callable[[], float], *, after: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._after = after
        self._db, self._bus, self._now_s = db, bus, now_s
        self._rounds = Rounds(store, Path(store.folder) / "doctor", self._tell, self._named)
        self._said: dict[str, Row] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    @property
    def floor(self) -> int:
        """The first segment of the journal that is still needed."""
        return self._rounds.floor

    def measure(self, figures: Metrics) -> None:
        """Have the platform's metrics say how the rounds go."""
        rounds = self._rounds
        figures.gauge("evloom_doctor_lag_bytes", "Journal of battery frames not looked at yet", lambda: float(rounds.lag_bytes()))
        figures.gauge("evloom_doctor_lag_seconds", "For how long battery frames have been waiting for the doctor", rounds.lag_s)
        figures.gauge("evloom_doctor_batteries", "Batteries that the doctor knows", lambda: float(rounds.n_ward()))
        figures.gauge("evloom_doctor_frames", "Battery frames looked at since the start", lambda: float(rounds.n_frame))
        figures.gauge("evloom_doctor_failed_frames", "Battery frames passed over since the start", lambda: float(rounds.n_failed))

    async def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._said = await self._db.read(batteries.told_packs)
        for job in (self._begin(), self._listen_to_people()):
            self._tasks.append(self._loop.create_task(job, name="doctor"))

    async def _begin(self) -> None:
        if self._after is not None:
            await self._after()
        await made_ready()
        self._rounds.start()

    async def stop(self) -> None:
        """Look at what is there, keep every memory, and end. A doctor who has not begun leaves the frames for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ending = True
        await asyncio.to_thread(self._rounds.stop)

    def nudge(self) -> None:
        """Frames were kept; from any thread."""
        self._rounds.nudge()

    async def vehicle_changed(self, packs: list[str]) -> None:
        """Something else is known of a vehicle: its batteries are looked at anew."""
        self._said = await self._db.read(batteries.told_packs)
        for pack_id in packs:
            self._rounds.again(pack_id)

    async def _listen_to_people(self) -> None:
        while True:
            await asyncio.sleep(PEOPLE_S)
            try:
                self._said = await self._db.read(batteries.told_packs)
            except StoreError as error:
                _LOG.warning("vehicles could not be read: %s", error)

    def _named(self, pack: Pack) -> Pack:
        """A battery as frames name it, with what people said of its vehicle where frames do not."""
        row = self._said.get(pack.vehicle_id)
        if row is None:
            return pack
        capacity_ah = row["capacity_ah"] if row["capacity_ah"] and pack.capacity_ah != pack.capacity_ah else pack.capacity_ah
        return replace(pack, chemistry=pack.chemistry or row["chemistry"], capacity_ah=capacity_ah)

    def _tell(self, news: list[News]) -> bool:
        """Keep and publish what is new, from the rounds' thread: it waits until that is done, however long the database is away."""
        assert self._loop is not None
        while True:
            waiting = asyncio.run_coroutine_threadsafe(self._keep(news), self._loop)
            try:
                waiting.result(TRY_S)
            except (StoreError, TimeoutError) as error:
                waiting.cancel()
                if self._ending:
                    return False
                _LOG.warning("doctor waits for the database: %s", error)
                self._rounds.pause(AGAIN_S)
            except Exception:  # noqa: BLE001  what the database refuses will be refused again: the others go on
                _LOG.exception("doctor.not-kept: %s", ", ".join(one.seen.pack_id for one in news)[:500])
                return True
            else:
                return True

    async def _keep(self, news: list[News]) -> None:
        known_s = self._now_s()
        told = await self._db.write(lambda conn: [_kept(conn, one, known_s) for one in news])
        for seen, org_id, fresh in told:
            for event in fresh:
                self._bus.publish(Happening("battery", seen.pack_id, replace(event, org_id=org_id), known_s, known_s))
            heard = BatteryHeard(org_id, seen.pack_id, seen.vehicle_id, seen.level, seen.soc, seen.last_s, seen.n_frame)
            self._bus.publish(Happening("battery", seen.pack_id, heard, seen.last_s, known_s))


def _kept(conn: Connection, news: News, known_s: float) -> tuple[BatterySeen, str, list[BatteryWarned]]:
    """Keep what is new of a battery: as it was kept, its organisation, and changes that were not kept before. Its level is that of the
    warnings that are open in the database: a doctor who has lost his memory lifts no limit."""
    seen = news.seen
    fresh = [_warned(change) for change in news.changes if warnings.save_change(conn, change, known_s)]
    if news.standing is not None:
        for row in warnings.close_others(conn, seen.pack_id, news.standing, seen.last_s, known_s):
            named = (row["warning_id"], "closed", row["level"], row["cause"], row["cell"], row["probe"], row["severity"])
            fresh.append(BatteryWarned("", seen.pack_id, seen.vehicle_id, *named))
    worst = warnings.worst_open(conn, seen.pack_id)
    seen = replace(seen, level=SOUND if worst is None else LEVELS.index(worst["level"]) + 1)
    return seen, batteries.save(conn, seen), fresh


def _warned(change: WarningChange) -> BatteryWarned:
    told = change.warning
    cause = told.causes[0][0] if told.causes else ""
    named = (told.warning_id, change.kind, told.level, cause, told.cell, told.probe, float(told.severity))
    return BatteryWarned("", told.pack_id, told.vehicle_id, *named)
