"""What a running session costs so far: for the charger's display, the driver's page, and `totalCost` of TransactionEvent."""

from dataclasses import dataclass
from decimal import Decimal

from evloom.kernel.errors import InputError
from evloom.market.offer import HourPrice, price_by_hour
from evloom.market.stay import Stay, so_far
from evloom.serve.billing.lexicon import Language, word
from evloom.serve.billing.view import category_word, local, plain
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.stays import offer_of, stay_of

FRESH_S = 30.0
"""A cost is told again without a new look for this long: a display needs no more, and a bill is made from the registers."""
KNOWN_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Running:
    """The cost of a session as if it ended at `at_s`, and the price that holds then and until when."""

    session_id: str
    at_s: float
    currency: str
    total: Decimal
    energy_kwh: Decimal
    given_kwh: float
    price: HourPrice
    until_s: float
    zone: str


def cost_so_far(conn: Connection, session_id: str, now_s: float) -> Running | None:
    """What a session would cost if it ended now, of a finished one what it costs; None where it is unknown or nothing prices it.

    It holds what the contract says of energy, time and tax. It is an estimate: registers may be late, guards have not looked.
    """
    stay = stay_of(conn, session_id, quick=True)
    return None if stay is None else _running(conn, stay, now_s)


def _running(conn: Connection, stay: Stay, now_s: float) -> Running | None:
    try:
        offer = offer_of(conn, stay)
        bill = so_far(stay, offer, now_s)
    except InputError:
        return None
    at_s = now_s if stay.ended_s is None else stay.ended_s
    prices = price_by_hour(offer.contract, offer.tariff, at_s, 25)
    current = max((p for p in prices if p.start_s <= at_s), key=lambda p: p.start_s, default=prices[0])
    ahead = [p.start_s for p in prices if p.start_s > at_s and p.total_per_kwh != current.total_per_kwh]
    given_kwh = max(stay.given[-1][1] - stay.given[0][1], 0.0) if stay.given else 0.0
    zone = str(offer.tariff.terms.zone)
    return Running(
        stay.session_id, at_s, bill.currency, bill.total, bill.energy_kwh, given_kwh, current, min(ahead, default=prices[-1].start_s), zone
    )


def final_cost(conn: Connection, session_id: str) -> Running | None:
    """What a session that has ended comes to; None where it has not, where nothing prices it, and where its words are doubtful: then it
    is held, and what it costs is said when somebody has looked at it."""
    stay = stay_of(conn, session_id, quick=True)
    if stay is None or stay.ended_s is None or stay.suspect:
        return None
    return _running(conn, stay, stay.ended_s)


def message(running: Running, language: Language) -> str:
    """One line for a charger's display."""
    price, until = running.price, local(running.until_s, running.zone)
    energy = f"{running.energy_kwh:.1f} kWh, {running.total} {running.currency} {word('so far', language)}"
    rate = f"{word('now', language)} {plain(round(price.total_per_kwh, 4))} {running.currency}/kWh"
    named = f" ({category_word(price.category, language)}, {word('until', language)} {until:%H:%M})"
    return f"{energy}; {rate}{named}"


class RunningCost:
    """Costs of running sessions for a caller that asks at every meter value: each is worked out at most every FRESH_S seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, tuple[float, Running | None]] = {}

    async def of(self, session_id: str, now_s: float, *, final: bool = False) -> Running | None:
        """The cost of a session; final: it just ended, look again and forget it."""
        found = self._known.get(session_id)
        if found is not None and not final and 0.0 <= now_s - found[0] < FRESH_S:
            return found[1]
        running = await self._db.read(lambda conn: cost_so_far(conn, session_id, now_s))
        self._known.pop(session_id, None)
        if not final:
            while len(self._known) >= KNOWN_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[session_id] = (now_s, running)
        return running
