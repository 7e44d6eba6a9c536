"""Which rules and prices hold for a session, and what they cost by the hour.

Versions: a session is billed by the version that held when it started, to its end. That is the price the driver was shown; a
version that comes into force meanwhile changes nothing for cars that already stand there. Hours that differ in price inside one
version (peak, valley) are of course billed hour by hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from evloom.kernel.timegrid import epoch_s, from_epoch_s
from evloom.market.contract import ByTariff, Contract, PriceRule
from evloom.market.tariff import Tariff

Scope = Literal["driver", "site", "organisation"]
SCOPES: tuple[Scope, ...] = ("driver", "site", "organisation")
"""In the order in which they are asked: a driver's own contract goes before the site's, that before the default."""


@dataclass(frozen=True, slots=True)
class Named:
    """A version of a tariff or contract: its id, number from 1, and the instant from which it holds (epoch seconds)."""

    terms_id: str
    version: int
    from_s: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What a session is billed by, and why: `scope` says whose contract it is."""

    contract: Contract
    tariff: Tariff
    contract_version: Named
    tariff_version: Named
    scope: Scope


@dataclass(frozen=True, slots=True)
class Assigned:
    """From `from_s` on the contract or tariff `terms_id` holds for a subject; `terms_id` "" takes an assignment back."""

    scope: Scope
    subject: str
    terms_id: str
    from_s: float
    number: int


@dataclass(frozen=True, slots=True)
class HourPrice:
    """Prices per kWh from `start_s` until the next: of energy alone, of all that is paid per kWh with tax, and of V2G (None: nothing)."""

    start_s: float
    category: str
    energy_per_kwh: Decimal
    total_per_kwh: Decimal
    v2g_per_kwh: Decimal | None


def version_at(versions: Sequence[Named], instant_s: float) -> Named | None:
    """The version that holds at an instant: the one that began last; of two of one instant the later number."""
    begun = [v for v in versions if v.from_s <= instant_s]
    return max(begun, key=lambda v: (v.from_s, v.version), default=None)


def assigned_at(assignments: Sequence[Assigned], subjects: dict[Scope, str], instant_s: float) -> Assigned | None:
    """The assignment that holds at an instant for a driver at a site: driver before site before organisation."""
    for scope in SCOPES:
        subject = subjects.get(scope, "")
        begun = [a for a in assignments if a.scope == scope and a.subject == subject and subject and a.from_s <= instant_s]
        last = max(begun, key=lambda a: (a.from_s, a.number), default=None)
        if last is not None and last.terms_id:
            return last
    return None


def price_by_hour(contract: Contract, tariff: Tariff, start_s: float, hours: int) -> tuple[HourPrice, ...]:
    """What a kWh costs in each hour of the local clock from the one that holds `start_s`; an hour with a change inside gives two rows."""
    first = from_epoch_s(start_s).astimezone(tariff.terms.zone).replace(minute=0, second=0, microsecond=0)
    begin_s = epoch_s(first)
    borders = sorted({begin_s + 3600.0 * k for k in range(hours + 1)})
    segments = tariff.segments(begin_s, borders[-1])
    cuts = sorted({*borders, *(float(s) for s in segments.edges_s)})
    rows = []
    for cut_s in cuts[:-1]:
        k = max(i for i, edge_s in enumerate(segments.edges_s[:-1]) if edge_s <= cut_s)
        price = Decimal(repr(float(segments.price_per_kwh[k])))
        rows.append(_hour(contract, cut_s, tariff.categories[segments.category[k]], price))
    return tuple(rows)


def _hour(contract: Contract, start_s: float, category: str, price_per_kwh: Decimal) -> HourPrice:
    energy_per_kwh = _of(contract.energy, price_per_kwh)
    paid = energy_per_kwh + contract.service_per_kwh
    total = paid if contract.tax_included else paid * (1 + contract.tax_share)
    return HourPrice(start_s, category, energy_per_kwh, total, None if contract.v2g is None else _of(contract.v2g, price_per_kwh))


def with_tax_of(contract: Contract, document: Mapping[str, object], tariff: Tariff) -> Contract:
    """The contract of a document under a tariff: one that does not speak of tax bears the tariff's, added to its prices."""
    if "tax_share" in document or not tariff.terms.tax_share:
        return contract
    return replace(contract, tax_share=Decimal(repr(tariff.terms.tax_share)))


def _of(rule: PriceRule, price_per_kwh: Decimal) -> Decimal:
    return price_per_kwh * rule.share if isinstance(rule, ByTariff) else rule
