"""What a receipt says. It is kept as it was given out, so that it can be printed again years later without the data behind it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from evloom.kernel.finding import Finding
from evloom.market.bill import Bill, Line, PeriodUse
from evloom.market.offer import Named, Offer
from evloom.market.stay import Draft, Stay

ReceiptKind = Literal["receipt", "correction", "credit"]


@dataclass(frozen=True, slots=True)
class Notes:
    """What is told beside the money: why the session charged when it did, and what the diagnosis says of the battery.

    In English, and in Chinese where it is known in Chinese.
    """

    why: tuple[str, ...] = ()
    battery: str = ""
    why_zh: tuple[str, ...] = ()
    battery_zh: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt. Instants in epoch seconds, shown by the clock `zone`; registers in kWh; amounts in `currency`.

    kind        "receipt"; "correction", which takes the place of number `refers_to`; "credit", which gives money back
    number      counts from 1 in the organisation, 0 for a preview
    lines       what is paid, one by one; total their sum; tax_within the tax that the amounts include
    uses        when energy flowed at which price
    scope       whose contract it is: driver, site or organisation
    token       last four characters of the token
    """

    kind: ReceiptKind
    currency: str
    lines: tuple[Line, ...]
    total: Decimal
    number: int = 0
    refers_to: int | None = None
    issued_s: float = 0.0
    org_name: str = ""
    site_name: str = ""
    zone: str = "UTC"
    station_id: str = ""
    evse: int = 0
    connector: int = 0
    session_id: str = ""
    driver_id: str = ""
    driver_name: str = ""
    token: str = ""
    started_s: float = 0.0
    ended_s: float = 0.0
    charging_end_s: float = 0.0
    begin_kwh: float | None = None
    end_kwh: float | None = None
    energy_kwh: Decimal = Decimal(0)
    given_kwh: Decimal = Decimal(0)
    tax_within: Decimal = Decimal(0)
    contract: str = ""
    contract_version: Named = field(default=Named("", 0, 0.0))
    tariff_version: Named = field(default=Named("", 0, 0.0))
    scope: str = ""
    source: str = ""
    uses: tuple[PeriodUse, ...] = ()
    warnings: tuple[Finding, ...] = ()
    reason: str = ""
    notes: Notes = field(default=Notes())
    signed: tuple[str, ...] = ()


def receipt_of(draft: Draft, bill: Bill, offer: Offer, notes: Notes) -> Receipt:
    """The receipt of a drafted bill; kind, number, time of issue and what it refers to are for the ledger to fill in."""
    stay = draft.stay
    return Receipt(
        kind="receipt",
        currency=bill.currency,
        lines=bill.lines,
        total=bill.total,
        org_name=stay.org_name,
        site_name=stay.site_name,
        zone=str(offer.tariff.terms.zone),
        station_id=stay.station_id,
        evse=stay.evse,
        connector=stay.connector,
        session_id=stay.session_id,
        driver_id=stay.driver_id,
        driver_name=stay.driver_name,
        token=masked(stay),
        started_s=stay.started_s,
        ended_s=stay.started_s if stay.ended_s is None else stay.ended_s,
        charging_end_s=draft.charging_end_s,
        begin_kwh=stay.begin_kwh,
        end_kwh=stay.end_kwh,
        energy_kwh=_kwh(sum(use.charged_kwh for use in draft.uses)),
        given_kwh=_kwh(sum(use.given_kwh for use in draft.uses)),
        tax_within=bill.tax_within,
        contract=bill.contract,
        contract_version=offer.contract_version,
        tariff_version=offer.tariff_version,
        scope=offer.scope,
        source=offer.tariff.terms.source,
        uses=draft.uses,
        warnings=tuple(finding for finding in draft.findings if finding.severity == "warning"),
        notes=notes,
        signed=stay.signed,
    )


def masked(stay: Stay) -> str:
    """The token with all but its last four characters hidden."""
    return "*" * min(max(len(stay.token) - 4, 0), 8) + stay.token[-4:] if len(stay.token) > 4 else stay.token


def _kwh(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal("0.001"))
