"""What the desk asks of other parts of the platform, with what holds where a part is missing.

What is asked for every message must answer at once, from memory; what is asked rarely may wait.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from evloom.pile.command import Command
from evloom.pile.station import NeedsSeen
from evloom.wire.ocpp.spoken import AskSettled, CertificateHash, Company, Decided, Dynamic, Limits, Receipt


@dataclass(frozen=True, slots=True)
class Cost:
    """What a session has cost so far."""

    amount: float
    currency: str


def _no_cost(_session_id: str) -> Cost | None:
    return None


async def _no_final(_station_id: str, _session_id: str) -> Cost | None:
    return None


def _no_limits(_session_id: str) -> Limits | None:
    return None


def _nothing_dynamic(_station_id: str, _profile: int) -> Dynamic:
    return Dynamic()


def _processing(_station_id: str, _needs: NeedsSeen) -> Decided:
    return Decided("Processing")


async def _no_receipt(_station_id: str, _settled: AskSettled) -> Receipt:
    return Receipt()


async def _nobody(_number: str) -> Company | None:
    return None


async def _unknown(_hash: CertificateHash) -> str:
    return "Unknown"


async def _no_order(_station_id: str, _command: Command) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Ports:
    """Calls into other parts. All have a default that is safe.

    cost         what a session has cost so far, None where not known: it then is not told
    final        what a session of 2.x that has just ended came to, None where not known: it then is not told
    limits       what bounds a transaction of 2.1
    dynamic      what a dynamic profile of 2.1 is to be set to now; nothing: the pull is rejected and the station keeps what it has
    needs        what the loop makes of a car's needs: by default "Processing", as the loop plans every session in its next round
    settled      a payment at a terminal: the receipt for it
    company      whose a VAT number is; None: the number is not confirmed
    certificate  status ("Good", "Revoked", "Unknown", "Failed") of a certificate that others have issued
    order        send a command to a station, durably
    """

    cost: Callable[[str], Cost | None] = _no_cost
    final: Callable[[str, str], Awaitable[Cost | None]] = _no_final
    limits: Callable[[str], Limits | None] = _no_limits
    dynamic: Callable[[str, int], Dynamic] = _nothing_dynamic
    needs: Callable[[str, NeedsSeen], Decided] = _processing
    settled: Callable[[str, AskSettled], Awaitable[Receipt]] = _no_receipt
    company: Callable[[str], Awaitable[Company | None]] = _nobody
    certificate: Callable[[CertificateHash], Awaitable[str]] = _unknown
    order: Callable[[str, Command], Awaitable[object]] = _no_order


@dataclass(frozen=True, slots=True)
class DeskRules:
    """Settings of the desk.

    unknown_stations   "accept", "pending" or "refuse"
    unknown_tokens     "accept" or "refuse"
    concurrent         whether one token may run several transactions at the same time
    heartbeat_s        interval that accepted stations are told; pending_s when a station that waits is to try again
    rating_kw, n_phase of an EVSE of which nothing else is known
    certificates       folder of the operator's certificate authority, None for none
    """

    unknown_stations: str = "accept"
    unknown_tokens: str = "refuse"
    concurrent: bool = True
    heartbeat_s: int = 300
    pending_s: int = 60
    rating_kw: float = 7.0
    n_phase: int = 1
    certificates: Path | None = None
