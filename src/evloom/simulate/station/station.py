"""A virtual charging station: its link, its bays and their transactions, whatever version it speaks."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np

from evloom.pile.profile import ChargingProfile
from evloom.simulate.station.bay import Bay, Transaction
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.connection import UNREACHABLE, CallFailed, Connection, Hearer, Said, open_socket
from evloom.simulate.station.memory import Memory, settings
from evloom.simulate.station.meter import readings
from evloom.simulate.station.outbox import Outbox
from evloom.simulate.station.profiles import ProfileBook
from evloom.simulate.station.spec import StationSpec
from evloom.simulate.station.words import Words
from evloom.simulate.station.words_2 import Words2
from evloom.simulate.station.words_16 import Words16
from evloom.simulate.twin import Cars
from evloom.wire.ocpp.phrase import Phrase, epoch
from evloom.wire.ocpp.version import Version

ACCEPTED = "Accepted"


class Station:
    """Made inside a running event loop (by `hearing.make_station`); `run` is its life. `hearing` makes what answers calls."""

    def __init__(self, spec: StationSpec, clock: StationClock, hearing: "Callable[[Station], Hearer]") -> None:
        self.spec = spec
        self.clock = clock
        self.bays = {number: Bay(number, bay, spec.voltage_v) for number, bay in enumerate(spec.bays, 1)}
        discharges = any(bay.discharge_max_kw > 0.0 for bay in spec.bays)
        self.memory = Memory(settings(300.0, spec.meter_s, len(spec.bays), discharges))
        self.book = ProfileBook()
        self.outbox = Outbox(self.ask, spec.manners.duplicate_every)
        self.words: Words = self._words()
        self.rng = np.random.default_rng([spec.seed, *spec.station_id.encode()])
        self.is_accepted = False
        self.n_boot = 0
        self.n_link = 0
        self.refused: dict[str, str] = {}
        self.heard: Counter[str] = Counter()
        self.boot_reason = "PowerUp"
        self._must_boot = True
        self._connection: Connection | None = None
        self._accepted = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._blocked_until_s = 0.0
        self._n_meter = 0
        self._hear = hearing(self)

    def _words(self) -> Words:
        if self.spec.version is Version.V16:
            return Words16(self.spec, self._named)
        return Words2(self.spec, lambda: not self.is_accepted, self.says_s, self._answered)

    def says_s(self) -> float:
        """What the clock of the station says, which may be wrong."""
        return self.clock.now_s() + self.spec.manners.clock_off_s

    # The link.

    async def run(self, url: str) -> None:
        """Live until cancelled: connect to `url`, boot, serve; and again whenever the link is lost."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self.outbox.run())
            tasks.create_task(self._tick())
            if self.spec.manners.offline_every_s > 0.0:
                tasks.create_task(self._lose_links())
            tasks.create_task(self._stay_connected(url))

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Have something done after the present call is answered."""
        if self._tasks is None:
            work.close()
            raise RuntimeError(f"station {self.spec.station_id} does not live yet")
        self._tasks.create_task(work)

    async def _stay_connected(self, url: str) -> None:
        wait_s = self.spec.wait_min_s
        while True:
            if self.clock.is_set:
                await self.clock.sleep_until(self._blocked_until_s)
            try:
                socket = await open_socket(url, self.spec.station_id, self.spec.version, self.spec.password)
            except UNREACHABLE as unreachable:
                self.refused["connect"] = str(unreachable)
                await asyncio.sleep(wait_s * float(self.rng.uniform(0.5, 1.5)))
                wait_s = min(2.0 * wait_s, self.spec.wait_max_s)
                continue
            wait_s = self.spec.wait_min_s
            self.n_link += 1
            connection = Connection(socket, self.spec.version, self._hear, self.spec.call_timeout_s)
            await self._serve(connection)
            await asyncio.sleep(wait_s * float(self.rng.uniform(0.5, 1.5)))

    async def _serve(self, connection: Connection) -> None:
        self._connection = connection
        try:
            async with asyncio.TaskGroup() as tasks:
                greeting = tasks.create_task(self._greet())
                await connection.run()
                greeting.cancel()
        finally:
            self._connection = None
            self.is_accepted = False
            self._accepted.clear()
            self.outbox.set_open(False)
            if self.clock.is_set:
                self.book.offline_since_s = self.says_s()
            await connection.close()

    async def _greet(self) -> None:
        """Boot where that is due, say how everything is, then keep the link alive."""
        try:
            heartbeat_s = await self._boot() if self._must_boot else self.memory.number("HeartbeatInterval")
            self._go_online()
            while True:
                await self.clock.sleep(max(heartbeat_s, 1.0))
                await self.ask("Heartbeat", {})
                heartbeat_s = self.memory.number("HeartbeatInterval") or 300.0
        except CallFailed as failed:
            self.refused[self.spec.station_id] = str(failed)
            if self._connection is not None:
                await self._connection.close()

    async def _boot(self) -> float:
        while True:
            answer = await self.ask(*self.words.boot(self.boot_reason))
            interval_s = float(answer.get("interval") or 0.0) or 300.0
            self.clock.set(epoch(answer.get("currentTime")) or 0.0)
            if answer.get("status") == ACCEPTED:
                self.n_boot += 1
                self._must_boot = False
                heartbeat = self.memory.by_key("HeartbeatInterval")
                if heartbeat is not None:
                    heartbeat.value = f"{interval_s:g}"
                return interval_s
            await self.clock.sleep(interval_s)

    def _go_online(self) -> None:
        self.is_accepted = True
        self._accepted.set()
        self.book.end_offline(self.says_s())
        for bay in (None, *self.bays.values()):
            phrase = self.words.status(bay, self.says_s())
            if phrase is not None:
                self.tell(phrase)
        self.outbox.set_open(True)

    async def wait_accepted(self) -> None:
        """Return when the central system has taken the station."""
        await self._accepted.wait()

    async def ask(self, action: str, said: Said) -> Said:
        """Call the central system. Raises CallFailed, at once where there is no link."""
        if self._connection is None:
            raise CallFailed(action, "Closed", "there is no link")
        return await self._connection.ask(action, said)

    def tell(self, phrase: Phrase) -> None:
        """Say something whose answer does not matter; it is lost where there is no link."""
        if self.is_accepted:
            self.later(self.ask_quietly(*phrase))

    async def ask_quietly(self, action: str, said: Said) -> Said | None:
        """Call; None where that failed, which is remembered."""
        try:
            return await self.ask(action, said)
        except CallFailed as failed:
            self.refused[action] = str(failed)
            return None

    async def send(self, action: str, said: Said) -> None:
        """Say something that wants no answer (2.1)."""
        if self._connection is not None:
            await self._connection.send(action, said)

    def cut(self, for_s: float) -> None:
        """Lose the link as when a cable is cut, for so much virtual time."""
        self._blocked_until_s = self.clock.now_s() + for_s
        if self._connection is not None:
            self._connection.abort()

    async def _lose_links(self) -> None:
        manners = self.spec.manners
        await self.clock.wait_set()
        while True:
            await self.clock.sleep(manners.offline_every_s)
            self.cut(manners.offline_for_s)
            await self.clock.sleep(manners.offline_for_s)

    async def restart(self, reason: str, trigger: str) -> None:
        """Boot anew: transactions end, the link is closed and opened again."""
        for bay in self.bays.values():
            self.end(bay, (trigger, reason))
        await self.clock.sleep(max(1.0, 0.05 * self.clock.speed))  # so that the answer is heard first
        self.boot_reason, self._must_boot = "RemoteReset", True
        if self._connection is not None:
            await self._connection.close()

    # Cars and tokens.

    def plug(self, bay: Bay, cars: Cars, row: int, shift_s: float = 0.0) -> None:
        """A car comes to a bay: a row of a table whose time lies `shift_s` behind ours."""
        bay.plug(cars, row, self.clock.now_s(), shift_s)
        self.say_status(bay)

    def unplug(self, bay: Bay) -> None:
        """The car leaves; a transaction that still runs ends."""
        bay.advance(self.clock.now_s())
        self.end(bay, ("EVCommunicationLost", "EVDisconnected"))
        bay.unplug()
        self.say_status(bay)

    async def present(self, bay: Bay, token: str, token_type: str = "ISO14443") -> bool:
        """A driver holds a token to the reader: it ends the transaction that it began, else it begins one. Whether it was taken."""
        running = bay.transaction
        status, group = await self.authorise(token, token_type)
        if running is not None and bay.transaction is running:
            mine = token == running.token or (group and group == running.group)
            if mine:
                self.end(bay, ("StopAuthorized", "Local"))
            return bool(mine)
        if status != ACCEPTED or not self.is_free(bay):
            return False
        self.begin(bay, (token, token_type, group), "Authorized")
        return True

    async def authorise(self, token: str, token_type: str) -> tuple[str, str]:
        """Status and group of a token, by the central system, else by what is remembered."""
        local = self.memory.locally(token)
        if local is not None and local[0] == ACCEPTED and self.memory.is_on("LocalPreAuthorize"):
            return local
        try:
            status, group = self.words.authorized(await self.ask(*self.words.authorize(token, token_type)))
        except CallFailed:
            if local is not None and self.memory.is_on("LocalAuthorizeOffline"):
                return local
            return (ACCEPTED if self.memory.is_on("AllowOfflineTxForUnknownId") else "Invalid"), ""
        self.memory.cache[token] = (status, group)
        return status, group

    def is_free(self, bay: Bay) -> bool:
        """Whether a transaction may begin at a bay."""
        return bay.transaction is None and bay.operative and not bay.faulted

    # Transactions.

    def begin(
        self, bay: Bay, token: tuple[str, str, str], trigger: str, remote_start: int | None = None, profile: ChargingProfile | None = None
    ) -> Transaction:
        """A transaction begins; token is (id, type, group)."""
        now_s = self.clock.now_s()
        bay.advance(now_s)
        named = "" if self.spec.version is Version.V16 else self.rng.bytes(12).hex()
        bay.transaction = running = Transaction(named, token[0], token[1], self.says_s(), bay.register_kwh, remote_start, group=token[2])
        running.said_at_s = now_s
        if profile is not None:
            self.book.take(bay.evse, profile, self.says_s())
        self.put(self.words.started(bay, running, trigger, self._read(bay, "Transaction.Begin")))
        if bay.reservation is not None:
            self.memory.reservations.pop(bay.reservation, None)
            bay.reservation = None
        self.say_status(bay)
        self.settle()
        return running

    def end(self, bay: Bay, why: tuple[str, str]) -> None:
        """The transaction of a bay ends, where there is one; why is (trigger, reason) by OCPP 2.x."""
        running = bay.transaction
        if running is None:
            return
        bay.advance(self.clock.now_s())
        running.state = "EVConnected" if bay.plugged else "Idle"
        self.put(self.words.ended(bay, running, why, self._read(bay, "Transaction.End")))
        bay.transaction = None
        bay.offer(0.0)
        self.book.forget_transaction(running.number)
        self.say_status(bay)
        self.settle()

    def put(self, words: list[Any]) -> None:
        """Words for the outbox."""
        for word in words:
            self.outbox.put(word)

    def _named(self, bay: Bay, transaction: Transaction, answer: Said) -> None:
        """1.6: the central system has named a transaction."""
        transaction.number = str(answer.get("transactionId", ""))
        self._judge(bay, transaction, answer)

    def _answered(self, bay: Bay, transaction: Transaction, answer: Said) -> None:
        """2.x: the answer to a word of a transaction."""
        if "totalCost" in answer:
            self.memory.costs[transaction.number] = answer["totalCost"]
        self._judge(bay, transaction, answer)

    def _judge(self, bay: Bay, transaction: Transaction, answer: Said) -> None:
        status, group = self.words.authorized(answer)
        transaction.group = transaction.group or group
        if status == ACCEPTED or bay.transaction is not transaction:
            return
        transaction.refused = True
        if self.memory.is_on("StopTransactionOnInvalidId"):
            self.end(bay, ("Deauthorized", "DeAuthorized"))
        else:
            self.settle()

    # Time.

    async def _tick(self) -> None:
        await self.clock.wait_set()
        step_s = max(self.spec.tick_s, 0.05 * self.clock.speed)
        while True:
            await self.clock.sleep(step_s)
            self.settle()

    def settle(self) -> None:
        """Let time pass until now; offer what profiles allow; say what has changed and what is due."""
        now_s = self.clock.now_s()
        for bay in self.bays.values():
            bay.advance(now_s)
        self._offer(now_s)
        for bay in self.bays.values():
            self._say_state(bay)
            self._say_meter(bay, now_s)

    def _offer(self, now_s: float) -> None:
        """Share the pile: by the profiles of each bay, of the station, its rating; who came first goes first."""
        manners = self.spec.manners
        running = sorted((bay for bay in self.bays.values() if bay.transaction is not None), key=lambda bay: bay.plugged_at_s or now_s)
        whole_kw = None if manners.ignores_profiles else self.book.station_kw(running, self.says_s())
        left_kw = self.spec.rating_kw if whole_kw is None else min(self.spec.rating_kw, whole_kw)
        for bay in running:
            wanted_kw = bay.spec.rating_kw if manners.ignores_profiles else self.book.wanted_kw(bay, self.says_s())
            if not bay.plugged or (bay.transaction is not None and bay.transaction.refused):
                wanted_kw = 0.0
            bay.offer(min(wanted_kw, max(left_kw, 0.0)))
            takes_kw = max(bay.power_kw, 0.0)
            left_kw = 0.0 if self.spec.one_at_a_time and takes_kw > 0.0 else left_kw - takes_kw

    def _say_state(self, bay: Bay) -> None:
        running = bay.transaction
        if running is None:
            return
        state = "EVConnected"
        if bay.plugged:
            state = "SuspendedEVSE" if bay.offered_kw == 0.0 else "SuspendedEV" if bay.power_kw == 0.0 else "Charging"
        if state != running.state:
            running.state = state
            if state == "Charging" and running.charging_since_s is None:
                running.charging_since_s = self.says_s()
            self.put(self.words.updated(bay, running, "ChargingStateChanged", ()))
            self.say_status(bay)

    def _say_meter(self, bay: Bay, now_s: float) -> None:
        running, every_s = bay.transaction, self.memory.number("MeterValueSampleInterval")
        if running is None or every_s <= 0.0 or now_s < running.said_at_s + every_s:
            return
        running.said_at_s += (now_s - running.said_at_s) // every_s * every_s
        self.put(self.words.updated(bay, running, "MeterValuePeriodic", self._read(bay, "Sample.Periodic")))

    def _read(self, bay: Bay, context: str) -> Any:
        self._n_meter += 1
        every = self.spec.manners.register_back_every
        back_kwh = 1.0 if every and self._n_meter % every == 0 else 0.0
        return readings(bay, self.says_s(), context, back_kwh)

    def read(self, bay: Bay, context: str = "Trigger") -> Any:
        """The meter of a bay now."""
        bay.advance(self.clock.now_s())
        return self._read(bay, context)

    def say_status(self, bay: Bay) -> None:
        """Tell the status of a bay if it is another than it was."""
        word = self.words.status_word(bay)
        if word != bay.last_status:
            bay.last_status = word
            phrase = self.words.status(bay, self.says_s())
            if phrase is not None:
                self.tell(phrase)
