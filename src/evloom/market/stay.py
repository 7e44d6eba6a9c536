"""From what is known of a finished session to its bill, or to the reasons why it is held."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.bill import Bill, MeterSeries, PeriodUse, Visit, period_uses, session_bill
from evloom.market.contract import ByTariff, Contract
from evloom.market.guard import MUST_BE_CORRECTED, Evidence, GuardRules, doubts, gap_doubts, held
from evloom.market.offer import Offer
from evloom.market.period import Period
from evloom.market.place import Place
from evloom.market.register import Registers, charging_end_s, meter_series, registers, with_ends
from evloom.market.tariff import Terms, TouTariff, tou_tariff

_NO_READING = Registers(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Stay:
    """A session with everything that its bill needs. Instants in epoch seconds; ended_s None while it runs.

    known_s       when its last word became known; zone the clock of the site
    begin_kwh, end_kwh   registers that it began and ended with (the latest while it runs), None where not known
    samples       import register in between, (instant, kWh); given the export register likewise, with its ends
    held_back     the pile was pausing the car when the session ended
    suspect       (code, in words); missing number of words not heard; signed the signed meter values
    """

    session_id: str
    org_id: str = ""
    org_name: str = ""
    site_id: str = ""
    site_name: str = ""
    zone: str = "UTC"
    station_id: str = ""
    evse: int = 0
    connector: int = 0
    token: str = ""
    driver_id: str = ""
    driver_name: str = ""
    started_s: float = 0.0
    ended_s: float | None = None
    known_s: float = 0.0
    begin_kwh: float | None = None
    end_kwh: float | None = None
    samples: tuple[tuple[float, float], ...] = field(default=())
    given: tuple[tuple[float, float], ...] = field(default=())
    rating_kw: float | None = None
    discharge_rating_kw: float | None = None
    held_back: bool = False
    suspect: tuple[tuple[str, str], ...] = field(default=())
    missing: int = 0
    signed: tuple[str, ...] = field(default=())

    def meter(self, now_s: float) -> Registers:
        """The registers from begin to end, of a running session to `now_s`; readings outside of it are left out."""
        end_s = now_s if self.ended_s is None else self.ended_s
        if self.begin_kwh is None or self.end_kwh is None or not self.started_s <= end_s:
            return _NO_READING
        inside = [(at_s, kwh) for at_s, kwh in self.samples if self.started_s < at_s < end_s]
        last_s = end_s if self.ended_s is not None or not inside else inside[-1][0]
        given = [(min(max(at_s, self.started_s), end_s), kwh) for at_s, kwh in self.given]
        return registers([(self.started_s, self.begin_kwh), *inside, (max(last_s, self.started_s), self.end_kwh)], given)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person sets right before a held session is billed; None leaves a value as it is. reason is printed and kept."""

    reason: str
    started_s: float | None = None
    ended_s: float | None = None
    begin_kwh: float | None = None
    end_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A bill with what it was made from, or bill None beside the findings that hold the session."""

    stay: Stay
    bill: Bill | None
    findings: tuple[Finding, ...]
    uses: tuple[PeriodUse, ...] = ()
    charging_end_s: float = 0.0


def corrected(stay: Stay, correction: Correction) -> Stay:
    """The stay with corrected instants and registers; samples that contradict them are dropped, the station's codes are answered."""
    start_s = stay.started_s if correction.started_s is None else correction.started_s
    end_s = stay.ended_s if correction.ended_s is None else correction.ended_s
    begin = stay.begin_kwh if correction.begin_kwh is None else correction.begin_kwh
    end = stay.end_kwh if correction.end_kwh is None else correction.end_kwh
    fixed = replace(stay, started_s=start_s, ended_s=end_s, begin_kwh=begin, end_kwh=end, suspect=())
    if end_s is None or begin is None or end is None or not start_s <= end_s:
        return fixed
    kept = with_ends(stay.meter(stay.known_s), (start_s, begin), (end_s, end))
    return replace(fixed, samples=tuple(zip(kept.import_at_s.tolist(), kept.import_kwh.tolist(), strict=True)))


def drafted(stay: Stay, offer: Offer, rules: GuardRules, accepted: bool = False) -> Draft:
    """The bill of a finished stay, or why it is held. accepted: a person has looked at it, doubts that can be accepted only warn.

    Raises ValueError for a stay that has not ended.
    """
    if stay.ended_s is None:
        raise ValueError(f"session {stay.session_id} has not ended")
    found = doubts(_evidence(stay, stay.ended_s), rules)
    if accepted:
        found = [_accepted(finding) for finding in found]
    if held(found):
        return Draft(stay, None, tuple(found))
    series = _series(stay, stay.ended_s)
    gaps = gap_doubts(stay.session_id, offer.contract, offer.tariff, series, rules)
    found += [_accepted(finding) for finding in gaps] if accepted else gaps
    if held(found):
        return Draft(stay, None, tuple(found))
    end_s = charging_end_s(series, stay.started_s, stay.ended_s, stay.held_back)
    try:
        bill = session_bill(offer.contract, offer.tariff, Visit(stay.session_id, stay.started_s, stay.ended_s, end_s), series)
    except InputError as error:
        return Draft(stay, None, (*found, *error.findings))
    return Draft(stay, bill, (*found, *bill.findings), period_uses(offer.tariff, series), end_s)


def so_far(stay: Stay, offer: Offer, now_s: float) -> Bill:
    """What a running session would cost if it ended at `now_s`. Overstay counts only once it has ended: a pause may be over soon."""
    end_s = max(now_s if stay.ended_s is None else stay.ended_s, stay.started_s)
    series = _series(stay, end_s)
    return session_bill(offer.contract, offer.tariff, Visit(stay.session_id, stay.started_s, end_s, end_s), series)


def clock_only(currency: str, zone: str) -> TouTariff:
    """A tariff that lends its clock to a contract with prices of its own: energy costs nothing by it."""
    return tou_tariff(Terms("clock", currency, ZoneInfo(zone)), [Period("all", 0, 1440, 0.0)], Place("clock", "", lambda _: None))


def energy_only(tariff: TouTariff) -> Contract:
    """The contract of a driver and site that have none: energy in both directions at the tariff's price, with its tax, and no fee."""
    terms = tariff.terms
    return Contract("energy only", terms.currency, ByTariff(), v2g=ByTariff(), tax_share=Decimal(repr(terms.tax_share)))


def _series(stay: Stay, end_s: float) -> MeterSeries:
    series = meter_series(stay.meter(end_s))
    if len(series.energy_kwh) == 1 and not len(series.used()):
        return MeterSeries(np.array([stay.started_s, max(end_s, stay.started_s + 1.0)]), np.zeros(1))
    return series


def _evidence(stay: Stay, end_s: float) -> Evidence:
    return Evidence(
        stay.session_id,
        stay.started_s,
        end_s,
        stay.known_s,
        stay.meter(end_s),
        stay.rating_kw,
        stay.discharge_rating_kw,
        stay.suspect,
        stay.missing,
    )


def _accepted(finding: Finding) -> Finding:
    if finding.code in MUST_BE_CORRECTED or finding.severity != "refused":
        return finding
    return replace(finding, severity="warning", advice="accepted by a person")
