"""What each thing that a station asks is answered; and what is kept of it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from evloom.pile.station import StatusSeen, TransactionSaid
from evloom.serve.desk.boot import policy
from evloom.serve.desk.certificates import Certificates
from evloom.serve.desk.keep import Keeper
from evloom.serve.desk.memory import Memories
from evloom.serve.desk.ports import DeskRules, Ports
from evloom.serve.desk.tokens import Asking, Tokens
from evloom.serve.desk.transactions import Call, Transactions
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.desk import Registered, enrol, enter_evses, note_boot, told
from evloom.store.errors import Conflict
from evloom.wire.ocpp.spoken import (
    Answer,
    AskBegin,
    AskBoot,
    AskChain,
    AskContract,
    AskDynamic,
    AskFollow,
    AskMeter,
    AskNeeds,
    AskOcsp,
    AskPlanned,
    AskSettled,
    AskSign,
    AskState,
    AskStream,
    AskToken,
    AskTransfer,
    AskVat,
    ChainStatus,
    Dated,
    Decided,
    Dynamic,
    Followed,
    OcspStatus,
    Receipt,
    Spoken,
    VatStatus,
    Verdict,
    Welcome,
)

EVSE_MAX = 256
"""A station with more EVSE than this is none."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the answers are made with."""

    db: Database
    memories: Memories
    keeper: Keeper
    rules: DeskRules
    ports: Ports


class Answers:
    """One method for each thing that can be asked. Each keeps the call's entries before it answers."""

    def __init__(self, office: Office, transactions: Transactions, certificates: Certificates, tokens: Tokens) -> None:
        self._office = office
        self._transactions = transactions
        self._certificates = certificates
        self._tokens = tokens
        self._by_ask: dict[type, Callable[[Call, Any], Awaitable[Answer | None]]] = {
            AskBegin: self._begin,
            AskBoot: self._boot,
            AskChain: self._chain,
            AskContract: self._contract,
            AskDynamic: self._dynamic,
            AskFollow: self._follow,
            AskMeter: self._meter,
            AskNeeds: self._needs,
            AskOcsp: self._ocsp,
            AskPlanned: self._planned,
            AskSettled: self._settled,
            AskSign: self._sign,
            AskState: self._state,
            AskStream: self._stream,
            AskToken: self._token,
            AskTransfer: self._transfer,
            AskVat: self._vat,
        }

    async def answer(self, call: Call, spoken: Spoken) -> Answer | None:
        """Keep what was said and answer what was asked; None where nothing was. Raises StoreError."""
        if spoken.entries:
            call = replace(call, beside=(*call.beside, *spoken.entries))
        await self._enter_evses(call, spoken)
        if spoken.ask is None:
            await self._keep(call)
            return None
        return await self._by_ask[type(spoken.ask)](call, spoken.ask)

    async def _keep(self, call: Call) -> None:
        if call.beside:
            await self._office.keeper.keep(call.caller, call.beside, call.raw, call.now_s)

    async def _enter_evses(self, call: Call, spoken: Spoken) -> None:
        """EVSE that the station speaks of and nobody has entered."""
        known = call.memory.evses
        ask = spoken.ask
        said = [one.event.evse for one in spoken.entries if isinstance(one.event, StatusSeen)]
        if isinstance(ask, AskFollow | AskBegin) and isinstance(ask.said, TransactionSaid):
            said.append(ask.said.evse)
        new = {evse for evse in said if 0 < evse <= EVSE_MAX and evse not in known}
        if not new or call.memory.registered is None:
            return
        rules, station_id = self._office.rules, call.station_id
        with suppress(Conflict):  # somebody else has entered it at the same moment
            await self._office.db.write(lambda conn: enter_evses(conn, station_id, new, rules.rating_kw, rules.n_phase))
        known |= new

    async def _boot(self, call: Call, ask: AskBoot) -> Welcome:
        """Register who is new, and say whether it may work."""
        office, caller, memory = self._office, call.caller, call.memory
        met = policy(memory.accepted, office.rules)
        booted = replace(ask.booted, status=met.welcome.status)
        if met.enrol or (memory.registered is not None and memory.registered.booted != told(booted, caller.version.value)):

            def note(conn: Connection) -> None:
                if met.enrol:
                    enrol(conn, caller.station_id, met.enrol, call.now_s)
                note_boot(conn, caller.station_id, booted, caller.version.value, call.now_s)

            await office.db.write(note)
            memory = await office.memories.looked_up(caller, call.now_s)
        if memory.accepted == "" and met.welcome.status != "Rejected":
            met = policy("refused", office.rules)  # it was removed by an operator
            booted = replace(booted, status=met.welcome.status)
        await self._keep(replace(call, beside=(*call.beside, Dated(booted, call.now_s))))
        return met.welcome

    async def _token(self, call: Call, ask: AskToken) -> Verdict:
        judged = await self._tokens.judged(Asking(call.station_id, ask.token, ask.token_type), call.now_s)
        await self._keep(call)
        status = await self._certificates.contract(ask, call.now_s)
        if status == "":
            return judged.verdict
        if status != "Accepted":
            return replace(judged.verdict, status="Invalid", certificate=status)
        return replace(judged.verdict, certificate="Accepted" if judged.verdict.accepted else "ContractCancelled")

    async def _begin(self, call: Call, ask: AskBegin) -> Followed:
        return await self._transactions.begin(call, ask)

    async def _follow(self, call: Call, ask: AskFollow) -> Followed:
        return await self._transactions.follow(call, ask)

    async def _meter(self, call: Call, ask: AskMeter) -> None:
        await self._transactions.meter(call, ask)

    async def _state(self, call: Call, ask: AskState) -> None:
        await self._transactions.state(call, ask)

    async def _transfer(self, call: Call, ask: AskTransfer) -> Decided:
        """No vendor's own messages are known here (1.6, 4.3; 2.0.1 P02)."""
        await self._keep(call)
        return Decided("UnknownVendorId")

    async def _sign(self, call: Call, ask: AskSign) -> Decided:
        await self._keep(call)
        station = call.memory.registered or Registered(call.station_id, "", "")
        return await self._certificates.sign(station, ask, call.now_s)

    async def _ocsp(self, call: Call, ask: AskOcsp) -> OcspStatus:
        await self._keep(call)
        return await self._certificates.ocsp(ask, call.now_s)

    async def _chain(self, call: Call, ask: AskChain) -> ChainStatus:
        await self._keep(call)
        return await self._certificates.chain(ask, call.now_s)

    async def _contract(self, call: Call, ask: AskContract) -> Decided:
        """A contract certificate comes from a mobility operator's provisioning service, and none is connected."""
        await self._keep(call)
        return Decided("Failed", "NoProvisioning", "no provisioning service for contract certificates is connected")

    async def _needs(self, call: Call, ask: AskNeeds) -> Decided:
        await self._keep(call)
        return self._office.ports.needs(call.station_id, ask.needs)

    async def _planned(self, call: Call, ask: AskPlanned) -> Decided:
        """The car's own schedule keeps to what it was offered, and the limits hold whatever it is."""
        await self._keep(call)
        return Decided("Accepted")

    async def _dynamic(self, call: Call, ask: AskDynamic) -> Dynamic:
        await self._keep(call)
        return self._office.ports.dynamic(call.station_id, ask.profile)

    async def _settled(self, call: Call, ask: AskSettled) -> Receipt:
        await self._keep(call)
        return await self._office.ports.settled(call.station_id, ask)

    async def _vat(self, call: Call, ask: AskVat) -> VatStatus:
        await self._keep(call)
        company = await self._office.ports.company(ask.number)
        if company is not None:
            return VatStatus(ask.number, ask.evse, company)
        return VatStatus(ask.number, ask.evse, None, "NotConfirmed", "no register of VAT numbers confirms this number")

    async def _stream(self, call: Call, ask: AskStream) -> Decided:
        await self._keep(call)
        return Decided("Accepted")
