"""Transactions as they run: ids for those of 1.6, verdicts on tokens, the end of what was never ended, words that are said again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evloom.pile.register import EXPORT_REGISTER, IMPORT_REGISTER
from evloom.pile.station import Deviated, MeterSeen, Sample, TransactionSaid
from evloom.pile.transaction import CLOSED_BY_NEXT, LATER_USE, instant_of, later_use, session_id
from evloom.serve.desk.authorise import Stopping, may_stop
from evloom.serve.desk.caller import Caller
from evloom.serve.desk.keep import Keeper
from evloom.serve.desk.memory import Memory
from evloom.serve.desk.ports import Cost, Ports
from evloom.serve.desk.tokens import Asking, Judged, Tokens
from evloom.store.database import Database
from evloom.store.desk import Running, allot
from evloom.store.errors import Conflict
from evloom.store.log import Appended, entry_of
from evloom.wire.ocpp.repeat import digest
from evloom.wire.ocpp.spoken import AskBegin, AskFollow, AskMeter, AskState, Dated, Followed, Verdict
from evloom.wire.ocpp.version import Version

REGISTERS = frozenset({IMPORT_REGISTER, EXPORT_REGISTER})

TRIES = 3
"""So often a number is asked for where another gateway takes it at the same moment."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the desk works on it: who, the frame, when, what is remembered of the station, and entries to keep beside."""

    caller: Caller
    action: str
    raw: bytes
    now_s: float
    memory: Memory
    beside: tuple[Dated, ...] = ()

    @property
    def station_id(self) -> str:
        """Whose it is."""
        return self.caller.station_id


class Transactions:
    """Words of transactions, kept and answered."""

    def __init__(self, db: Database, keeper: Keeper, tokens: Tokens, ports: Ports) -> None:
        self._db = db
        self._keeper = keeper
        self._tokens = tokens
        self._ports = ports

    async def begin(self, call: Call, ask: AskBegin) -> Followed:
        """1.6: allot an id, which a repeated start gets again."""
        number = await self._allotted(call.station_id, ask.key)
        said = replace(ask.said, transaction=str(number))
        followed = await self._follow(call, Dated(said, ask.happened_at_s, ask.key), shown=True)
        return replace(followed, number=number)

    async def follow(self, call: Call, ask: AskFollow) -> Followed:
        """A word of a transaction that has an id."""
        said, key = ask.said, ask.key
        if ask.numbered and _is_loose(call.memory, said):
            await self.meter(call, AskMeter(said.evse, said, ask.happened_at_s, key))
            return Followed()
        if ask.numbered:
            said = self._named(call, said, ask.happened_at_s)
        elif (later := _later_use(call.memory, said.transaction)) != "":
            said, key = replace(said, transaction=later), key.replace(said.transaction, later, 1)
        shown = said.token != "" or said.token_type != ""
        return await self._follow(call, Dated(said, ask.happened_at_s, key), shown=shown)

    async def meter(self, call: Call, ask: AskMeter) -> None:
        """Meter values without an id: of the transaction that runs at the EVSE, where one does."""
        one = call.memory.at(ask.evse)
        samples = ask.said.samples
        if one is None or instant_of(ask.happened_at_s, call.now_s)[0] < one.started_at_s:
            within: tuple[Sample, ...] = ()
        else:
            within = samples if ask.registers else tuple(sample for sample in samples if sample.measurand not in REGISTERS)
        words = []
        if len(within) < len(samples) or not samples:
            words.append(
                Dated(MeterSeen(ask.evse, tuple(sample for sample in samples if sample not in within)), ask.happened_at_s, ask.key)
            )
        if within and one is not None:
            said = replace(ask.said, transaction=one.transaction, samples=within)
            words.append(Dated(said, ask.happened_at_s, f"{one.transaction}{ask.key}"))
        await self._keep(call, words)

    async def state(self, call: Call, ask: AskState) -> None:
        """1.6: the charging state of the transaction at a connector, from the connector's status."""
        one = call.memory.at(ask.evse)
        words: tuple[Dated, ...] = ()
        if one is not None and instant_of(ask.happened_at_s, call.now_s)[0] >= one.started_at_s:
            said = TransactionSaid(
                one.transaction, "updated", evse=ask.evse, trigger="ChargingStateChanged", charging_state=ask.charging_state
            )
            words = (Dated(said, ask.happened_at_s),)
        await self._keep(call, words)

    async def _keep(self, call: Call, said: Sequence[Dated]) -> list[Appended]:
        every = (*call.beside, *said)
        return (await self._keeper.keep(call.caller, every, call.raw, call.now_s))[len(call.beside) :]

    async def _allotted(self, station_id: str, key: str) -> int:
        for _ in range(TRIES - 1):
            try:
                return await self._db.write(lambda conn: allot(conn, station_id, key))
            except Conflict:
                continue
        return await self._db.write(lambda conn: allot(conn, station_id, key))

    def _named(self, call: Call, said: TransactionSaid, happened_at_s: float) -> TransactionSaid:
        """1.6: a word with an id that we never gave (-1 and 0 are what stations send that got none), as that of a transaction that runs
        where it can only be one; else as one of its own."""
        if int(said.transaction) > 0:
            return said
        running = [one for one in call.memory.open.values() if not said.evse or one.evse == said.evse]
        if len(running) > 1 and said.token:
            running = [one for one in running if one.token.casefold() == said.token.casefold()]
        name = running[0].transaction if len(running) == 1 else f"{said.transaction}@{happened_at_s:.0f}"
        return replace(said, transaction=name, marks=(*said.marks, "id_invalid"))

    async def _follow(self, call: Call, word: Dated, *, shown: bool) -> Followed:
        """Keep a word; `shown` where a token was shown with it, though its text be empty."""
        said = word.event
        assert isinstance(said, TransactionSaid)
        verdict: Verdict | None = None
        odd: tuple[Dated, ...] = ()
        if shown:
            judged = await self._judged(call, said)
            verdict = judged.verdict
            odd = self._foreign_stop(call, said, judged)
            said = _marked(said, verdict)
            word = Dated(said, word.happened_at_s, word.key)
        at_s, _ = instant_of(word.happened_at_s, call.now_s)
        closing = self._closing(call.memory, said, at_s)
        done = (await self._keep(call, (*odd, *closing, word)))[-1]
        for end in closing:
            _remember(call.memory, end.event, at_s)
        if done.duplicate:
            said = await self._said_again(call, word, done)
        else:
            _remember(call.memory, said, at_s)
        name = session_id(call.station_id, said.transaction)
        cost = await self._cost(call.caller, name, said.phase)
        return Followed(
            verdict=verdict,
            cost=None if cost is None else cost.amount,
            currency="" if cost is None else cost.currency,
            limits=self._ports.limits(name),
        )

    async def _cost(self, caller: Caller, name: str, phase: str) -> Cost | None:
        """The cost that an answer bears: the final one at the end, while it runs in 2.1 alone. There 0 would say that it is free."""
        if caller.version is not Version.V16 and phase == "ended":
            return await self._ports.final(caller.station_id, name)
        cost = self._ports.cost(name) if caller.version is Version.V21 and phase == "updated" else None
        return cost if cost is not None and cost.amount > 0.0 else None

    async def _judged(self, call: Call, said: TransactionSaid) -> Judged:
        begins = said.phase == "started"
        asking = Asking(call.station_id, said.token, said.token_type, said.transaction, begins)
        return await (self._tokens.judged if begins else self._tokens.judged_again)(asking, call.now_s)

    def _foreign_stop(self, call: Call, said: TransactionSaid, judged: Judged) -> tuple[Dated, ...]:
        """A note where the transaction was ended by somebody who may not end it; that it has ended is a fact all the same."""
        one = call.memory.open.get(said.transaction)
        if said.phase != "ended" or one is None or not one.token:
            return ()
        row = judged.row
        if may_stop(one.token, one.group_id, Stopping(said.token, row.group_id if row else "", bool(row and row.master))):
            return ()
        advice = "only the token that began a transaction, one of its group or a master pass may end it"
        return (Dated(Deviated(call.action, "foreign_stop", "idToken", said.token[:200], advice), call.now_s),)

    def _closing(self, memory: Memory, said: TransactionSaid, at_s: float) -> tuple[Dated, ...]:
        """Ends, written by us, of transactions that a new one at their EVSE leaves no room for."""
        if said.phase == "ended" or said.evse < 1 or said.transaction in memory.open:
            return ()
        return tuple(
            Dated(TransactionSaid(one.transaction, "ended", evse=said.evse, reason=CLOSED_BY_NEXT), at_s, f"{one.transaction}:closed")
            for one in memory.before(said.evse, said.transaction, at_s)
        )

    async def _said_again(self, call: Call, word: Dated, done: Appended) -> TransactionSaid:
        """A word whose key is known, as it is kept in the end. Another word is kept too: as one of a later use of the same id (by a
        station that begins its ids anew), or without its number (by one that counts wrongly)."""
        said = word.event
        assert isinstance(said, TransactionSaid)
        first = None if said.seq < 0 else await self._db.read(lambda conn: entry_of(conn, done.number))
        if first is None or not isinstance(first.event, TransactionSaid):
            return said
        if first.happened_at_s == word.happened_at_s and first.event.phase == said.phase:
            return said
        if said.phase == first.event.phase == "started" and said.transaction not in call.memory.open:
            other = replace(said, transaction=later_use(said.transaction, word.happened_at_s))
            key, rule = f"{other.transaction}:{said.seq}", "id_reused"
        else:
            other = replace(said, seq=-1, marks=(*said.marks, "seq_repeated"))
            key, rule = f"{word.key}:{word.happened_at_s:.3f}:{said.phase}:{digest(repr(said).encode())}", "seq_repeated"
        advice = "a transaction id is used once, a sequence number once in its transaction"
        odd = Dated(Deviated(call.action, rule, "transactionId", said.transaction[:200], advice), call.now_s, f"{key}:{rule}")
        kept = await self._keeper.keep(call.caller, (odd, Dated(other, word.happened_at_s, key)), call.raw, call.now_s)
        if not kept[-1].duplicate:
            _remember(call.memory, other, instant_of(word.happened_at_s, call.now_s)[0])
        return other


def _is_loose(memory: Memory, said: TransactionSaid) -> bool:
    """1.6: whether meter values under an id that we never gave (0, -1) are of no transaction: of the main meter, or where none runs."""
    return said.phase == "updated" and int(said.transaction) <= 0 and (said.evse < 1 or memory.at(said.evse) is None)


def _later_use(memory: Memory, transaction: str) -> str:
    """Name of the later use of an id, where it is that one which runs or has just ended; "" where there is none."""
    if transaction in memory.open:
        return ""
    begin = f"{transaction}{LATER_USE}"
    return next((name for name in (*memory.open, *reversed(memory.ended)) if name.startswith(begin)), "")


def _marked(said: TransactionSaid, verdict: Verdict) -> TransactionSaid:
    """The word with the group of its token, and a mark where a transaction goes on for a token that was refused."""
    refused = said.phase != "ended" and not verdict.accepted
    if not refused and not verdict.group:
        return said
    marks = (*said.marks, "refused_token") if refused else said.marks
    return replace(said, group=verdict.group, marks=marks)


def _remember(memory: Memory, said: object, at_s: float) -> None:
    """Which transactions run, after a new word. A word that comes late, after the end, does not begin it again."""
    assert isinstance(said, TransactionSaid)
    name = said.transaction
    if said.phase == "ended":
        memory.open.pop(name, None)
        memory.ended.append(name)
    elif name in memory.open:
        one = memory.open[name]
        if said.phase == "started" or (said.evse and not one.evse):
            begun_s = at_s if said.phase == "started" else one.started_at_s
            memory.open[name] = Running(name, said.evse or one.evse, said.token or one.token, said.group or one.group_id, begun_s)
    elif name not in memory.ended:
        memory.open[name] = Running(name, said.evse, said.token, said.group, at_s)
