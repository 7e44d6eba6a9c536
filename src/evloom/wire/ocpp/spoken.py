"""What stands between messages and the platform: what a station said and asks, and what it is to be answered, in our words.

`vXX.translate.said` makes a `Spoken` of a request, `vXX.translate.answer` makes the answer's message of one of the replies below. No
message of any version leaves `wire`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from evloom.pile.station import Deviated, NeedsSeen, StationBooted, StationEvent, TransactionSaid

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Heard(Generic[M]):
    """A request: its message, its payload as it came, and when.

    invented   last names of fields that nobody sent, whose values only stand there so that the message could be read
    """

    message: M
    payload: bytes
    known_s: float
    invented: frozenset[str] = frozenset()

    def at(self, instant: datetime) -> float:
        """Epoch seconds of an instant of the message; of one that nobody sent, the time of arrival."""
        at_s = instant.timestamp()
        return self.known_s if at_s == 0.0 and "timestamp" in self.invented else at_s

    @property
    def mark(self) -> str:
        """What tells this message from another of the same content, where the station did not say when."""
        return f":{self.known_s:.6f}" if "timestamp" in self.invented else ""


@dataclass(frozen=True, slots=True)
class Dated:
    """An event for the log: when it happened by the station's clock, and what makes it the same when it is said again (None: nothing)."""

    event: StationEvent
    happened_at_s: float
    key: str | None = None


def once_each(odd: Sequence[Deviated], known_s: float) -> tuple[Dated, ...]:
    """What was odd in a message, one entry for each rule."""
    return tuple(Dated(event, known_s) for event in {one.rule: one for one in reversed(odd)}.values())


@dataclass(frozen=True, slots=True)
class CertificateHash:
    """A certificate by its hashes, as OCSP names it; responder the address that it says can be asked."""

    algorithm: str
    issuer_name: str
    issuer_key: str
    serial: str
    responder: str = ""


# What a station asks. A message that asks for nothing but to be taken notice of has none of these.


@dataclass(frozen=True, slots=True)
class AskBoot:
    """May I work here?"""

    booted: StationBooted


@dataclass(frozen=True, slots=True)
class AskToken:
    """May this token charge? certificate is a contract certificate's chain in PEM, hashes those of its chain."""

    token: str
    token_type: str = ""
    certificate: str = ""
    hashes: tuple[CertificateHash, ...] = ()


@dataclass(frozen=True, slots=True)
class AskBegin:
    """1.6: a transaction that has begun and has no id yet."""

    said: TransactionSaid
    happened_at_s: float
    key: str


@dataclass(frozen=True, slots=True)
class AskFollow:
    """A word of a transaction that has an id. numbered where the id was allotted by us (1.6)."""

    said: TransactionSaid
    happened_at_s: float
    key: str
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class AskMeter:
    """Meter values that bear no transaction's id, and may belong to one all the same.

    registers   whether their energy registers may too: 2.x has them in TransactionEvent, and others of the same EVSE are read at other
                instants and rounded in another way, so that together they seem to go back
    """

    evse: int
    said: TransactionSaid
    happened_at_s: float
    key: str
    registers: bool = True


@dataclass(frozen=True, slots=True)
class AskState:
    """1.6: the status of a connector, which tells the state of a transaction there."""

    evse: int
    charging_state: str
    happened_at_s: float


@dataclass(frozen=True, slots=True)
class AskTransfer:
    """DataTransfer."""

    vendor: str
    message: str
    data: str


@dataclass(frozen=True, slots=True)
class AskSign:
    """A certificate signing request in PEM; kind "ChargingStation", "V2G", "V2G20"."""

    csr: str
    kind: str = "ChargingStation"
    request: int | None = None


@dataclass(frozen=True, slots=True)
class AskOcsp:
    """What is the status of this certificate? To be answered by an OCSP response."""

    hash: CertificateHash


@dataclass(frozen=True, slots=True)
class AskChain:
    """What is the status of these certificates? source of each is "CRL" or "OCSP"."""

    hashes: tuple[CertificateHash, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskContract:
    """Plug & Charge: install or update a contract certificate in the car; exi is the car's request as it came."""

    action: str
    schema: str
    exi: str
    emaids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskNeeds:
    """The car's needs: will there be a plan for it?"""

    needs: NeedsSeen


@dataclass(frozen=True, slots=True)
class AskDynamic:
    """2.1: what a dynamic profile is to be set to now."""

    profile: int


@dataclass(frozen=True, slots=True)
class AskSettled:
    """2.1: a payment by card was settled at the terminal: amount is text of a decimal."""

    reference: str
    status: str
    amount: str
    at_s: float
    transaction: str = ""


@dataclass(frozen=True, slots=True)
class AskVat:
    """2.1: is this VAT number good, and whose is it?"""

    number: str
    evse: int | None = None


@dataclass(frozen=True, slots=True)
class AskStream:
    """2.1: may a periodic event stream be opened? interval_s, n_value: when it is sent, None where not said."""

    stream: int
    monitor: int
    interval_s: float | None = None
    n_value: int | None = None


@dataclass(frozen=True, slots=True)
class AskPlanned:
    """2.x: the car has made a plan of its own within what was offered; is it taken?"""

    evse: int
    schedule: int


Ask = (
    AskBoot
    | AskToken
    | AskBegin
    | AskFollow
    | AskMeter
    | AskState
    | AskTransfer
    | AskSign
    | AskOcsp
    | AskChain
    | AskContract
    | AskNeeds
    | AskDynamic
    | AskSettled
    | AskVat
    | AskStream
    | AskPlanned
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A request in our words: entries for the log, and what it asks."""

    entries: tuple[Dated, ...] = field(default=())
    ask: Ask | None = None


# What it is answered.


@dataclass(frozen=True, slots=True)
class Welcome:
    """To AskBoot: status "Accepted", "Pending" or "Rejected", and the interval of heartbeats, or until the next try."""

    status: str
    interval_s: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a token may charge.

    status       by OCPP 2.x ("Accepted", "Blocked", "Expired", "Invalid", "Unknown", "ConcurrentTx", ...)
    group        what it belongs to, "" for nothing
    certificate  status of a contract certificate, "" where none was shown
    message      for the driver; language by RFC 5646
    """

    status: str = "Accepted"
    expiry_s: float | None = None
    group: str = ""
    language: str = ""
    message: str = ""
    certificate: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it may."""
        return self.status == "Accepted"


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a transaction (2.1): None for nothing. Money is in the currency that the station counts in."""

    cost_max: float | None = None
    currency: str = ""
    energy_max_kwh: float | None = None
    duration_max_s: float | None = None
    soc_max: float | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """To AskBegin and AskFollow: number is the id allotted (1.6); verdict None where no token was shown; cost so far where
    known, in the currency that the station counts in."""

    verdict: Verdict | None = None
    number: int = 0
    cost: float | None = None
    currency: str = ""
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A status, and why: reason is a code of at most 20 letters, info in words. data is what DataTransfer answers."""

    status: str
    reason: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True)
class OcspStatus:
    """To AskOcsp: the response in base64 of its DER, "" where there is none and why."""

    response: str = ""
    reason: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """To AskChain, which it repeats: "Good", "Revoked", "Unknown" or "Failed" for each, and until when that holds."""

    asked: AskChain
    statuses: tuple[str, ...]
    next_update_s: float


@dataclass(frozen=True, slots=True)
class Dynamic:
    """To AskDynamic: power the EVSE is to draw, and its bounds, in kW (positive = charging); None for not said, all None: rejected."""

    setpoint_kw: float | None = None
    limit_kw: float | None = None
    discharge_limit_kw: float | None = None

    @property
    def given(self) -> bool:
        """Whether there is anything to set."""
        return self != Dynamic()


@dataclass(frozen=True, slots=True)
class Receipt:
    """To AskSettled: where the receipt is, "" where there is none."""

    url: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """To AskVat: whose the number is."""

    name: str
    address: str
    city: str
    country: str
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class VatStatus:
    """To AskVat: the number and the EVSE as asked; company where the number is good."""

    number: str
    evse: int | None = None
    company: Company | None = None
    reason: str = ""
    info: str = ""


Answer = Welcome | Verdict | Followed | Decided | OcspStatus | ChainStatus | Dynamic | Receipt | VatStatus


@dataclass(frozen=True, slots=True)
class Replied:
    """What an answer is made of: what is answered (None where nothing was asked), and the time."""

    given: Any
    now_s: float
