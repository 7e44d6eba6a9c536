"""Contracts: the rules by which a driver pays for a session (disorderly, orderly, V2G, roaming ... differ in rules only)."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

from evloom.kernel.timegrid import epoch_s, from_epoch_s

_ZERO = Decimal(0)

# Decimals of the minor unit where they are not 2. Source: ISO 4217, list one.
_MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency that a bill shows: 0.01 for CNY, EUR, USD, CHF; 1 for JPY."""
    return Decimal(1).scaleb(-_MINOR_DIGITS.get(currency, 2))


class Counts(Enum):
    """Which part of a visit a time fee counts."""

    CONNECTED = "connected"
    CHARGING = "charging"
    AFTER_CHARGING = "after charging"


@dataclass(frozen=True, slots=True)
class DayWindow:
    """The hours of every local day in which a fee runs: [start_minute, end_minute), 0..1440; end < start passes midnight."""

    start_minute: int
    end_minute: int

    def overlap_s(self, start_s: float, end_s: float, zone: ZoneInfo) -> float:
        """How many seconds of [start_s, end_s) lie in the window; clock changes are counted as they really passed."""
        if end_s <= start_s:
            return 0.0
        midnight = from_epoch_s(start_s).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        total_s = 0.0
        for day in range(-1, 3 + int((end_s - start_s) // 86400)):
            local = midnight + timedelta(days=day)  # same wall clock on another day: zone arithmetic in Python is on local time
            opens_s = epoch_s(local + timedelta(minutes=self.start_minute))
            lasts = self.end_minute if self.end_minute > self.start_minute else self.end_minute + 1440
            total_s += max(0.0, min(end_s, epoch_s(local + timedelta(minutes=lasts))) - max(start_s, opens_s))
        return total_s


@dataclass(frozen=True, slots=True)
class TimeFee:
    """A fee by time: parking, connection, overstay (counts AFTER_CHARGING), a penalty.

    price_per_h       per hour that counts
    free_h            this long, by the clock from the start of what is counted, costs nothing (a grace time)
    step_s            counted in whole steps of this length, a step begun is not counted; 0 counts to the second
    fee_min, fee_max  bounds once any time counts at all; None: no bound
    window            the fee runs only in these hours of the local day; None: always
    """

    label: str
    price_per_h: Decimal
    counts: Counts
    free_h: Decimal = _ZERO
    step_s: int = 0
    fee_min: Decimal | None = None
    fee_max: Decimal | None = None
    window: DayWindow | None = None


@dataclass(frozen=True, slots=True)
class ByTariff:
    """A price per kWh that follows the tariff: `share` times the price of the period (share >= 0)."""

    share: Decimal = Decimal(1)


PriceRule = ByTariff | Decimal
"""A price per kWh: by the tariff, or one price at all hours."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a driver agreed to pay. All money in `currency`.

    energy                energy charged: by the site's tariff, or one price per kWh
    service_per_kwh       service fee for energy charged
    session_fee           once for each session
    time_fees             parking, overstay ...
    v2g                   what the driver is paid for energy discharged: by the tariff, one price per kWh, or None: nothing
    tax_share             0..1 of everything the driver buys; the V2G credit bears none
    tax_included          True: prices include the tax and the bill states it; False: the bill adds it
    waived_if_no_energy   True: a session without energy costs nothing
    """

    name: str
    currency: str
    energy: PriceRule = ByTariff()
    service_per_kwh: Decimal = _ZERO
    session_fee: Decimal = _ZERO
    time_fees: tuple[TimeFee, ...] = ()
    v2g: PriceRule | None = None
    tax_share: Decimal = _ZERO
    tax_included: bool = False
    waived_if_no_energy: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the operator of a pile and the one who bills its drivers share a debit.

    payout_share          0..1 of the debit goes to the operator of the pile
    payout_by_operator    other shares for named operators, e.g. {"Anderer": Decimal(1)}
    """

    currency: str
    payout_share: Decimal
    payout_by_operator: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A debit divided: payout + kept == debit, to the minor unit."""

    payout: Decimal
    kept: Decimal
