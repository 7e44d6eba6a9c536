"""The bill of one session, line by line, exact to the minor unit of the currency.

Rounding: a quantity is rounded to 0.000001 of its unit, an amount is quantity times unit price rounded half up to the
currency's minor unit (0.01 for most), line by line; the total is the sum of the lines. Anyone can redo it by hand.
Energy at several prices is rounded so that its lines add up to what the meter counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from itertools import pairwise

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float, Int, from_epoch_s
from evloom.market.contract import Agreement, ByTariff, Contract, Counts, PriceRule, Settlement, TimeFee, minor_unit
from evloom.market.tariff import Segments, Tariff

_QUANTITY = Decimal("0.000001")


class LineKind(Enum):
    """What a line of a bill is for."""

    ENERGY = "energy"
    SERVICE = "service"
    SESSION = "session"
    TIME = "time"
    V2G_CREDIT = "V2G credit"
    TAX = "tax"


@dataclass(frozen=True, slots=True)
class MeterSeries:
    """What a pile's meter saw: edges_s (n+1,) seconds since the epoch, rising; energy_kwh (n,) net, positive = charging.

    Where a meter counts both directions, energy_kwh is what was charged and discharge_kwh (n,) >= 0 what was given back in the
    same interval. Within an interval the power is taken as constant. Raises ValueError where the shapes do not fit.
    """

    edges_s: Float
    energy_kwh: Float
    discharge_kwh: Float | None = None

    def __post_init__(self) -> None:
        if len(self.edges_s) != len(self.energy_kwh) + 1:
            raise ValueError(f"{len(self.energy_kwh)} intervals need {len(self.energy_kwh) + 1} edges, not {len(self.edges_s)}")
        if self.discharge_kwh is not None and len(self.discharge_kwh) != len(self.energy_kwh):
            raise ValueError(f"{len(self.discharge_kwh)} values of discharge_kwh do not fit {len(self.energy_kwh)} intervals")

    def charged_kwh(self) -> Float:
        """Energy charged in each interval (n,), >= 0."""
        return np.maximum(self.energy_kwh, 0.0)

    def given_kwh(self) -> Float:
        """Energy discharged in each interval (n,), unsigned."""
        back = np.maximum(-self.energy_kwh, 0.0)
        return back if self.discharge_kwh is None else back + self.discharge_kwh

    def used(self) -> Int:
        """Numbers of the intervals in which energy flowed."""
        return np.flatnonzero(self.charged_kwh() + self.given_kwh()).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Visit:
    """When a vehicle was there, in seconds since the epoch. charging_end_s None: the end of the last interval with energy."""

    session_id: str
    connected_s: float
    disconnected_s: float
    charging_end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line: amount = quantity * unit_price, rounded half up, unless `note` says otherwise. A credit is negative.

    category is the tariff's name of the period (peak, valley ...) for energy and credit that follow a tariff, else "".
    """

    kind: LineKind
    label: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    note: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of one session. `tax_within` is the tax that the amounts already include (0 where it is a line)."""

    session_id: str
    contract: str
    currency: str
    lines: tuple[Line, ...]
    tax_within: Decimal = Decimal(0)
    findings: tuple[Finding, ...] = ()

    @property
    def total(self) -> Decimal:
        """The sum of the lines; negative where V2G earned more than the session cost."""
        return sum((line.amount for line in self.lines), start=Decimal(0)).quantize(minor_unit(self.currency))

    def amount_of(self, kind: LineKind) -> Decimal:
        """The sum of the lines of one kind."""
        return sum((line.amount for line in self.lines if line.kind is kind), start=Decimal(0)).quantize(minor_unit(self.currency))

    @property
    def energy_kwh(self) -> Decimal:
        """Energy charged, as billed."""
        return sum((line.quantity for line in self.lines if line.kind is LineKind.ENERGY), start=Decimal(0))

    def text(self) -> str:
        """The bill as lines of text, columns aligned."""
        unit = minor_unit(self.currency)
        rows = [f"{_label(x):<40} {_plain(x.quantity):>12} {x.unit:<4} x {_plain(x.unit_price):>8} {x.amount:>10}" for x in self.lines]
        within = [f"{'of which tax':<40} {self.tax_within.quantize(unit):>39}"] if self.tax_within else []
        return "\n".join([*rows, f"{f'total {self.currency}':<40} {self.total:>39}", *within])


def session_bill(contract: Contract, tariff: Tariff, visit: Visit, meter: MeterSeries) -> Bill:
    """The bill of one visit. Raises InputError with all findings for a visit or meter series that cannot be billed.

    The tariff gives the local clock and, where the contract says ByTariff, the prices. A session without energy and a
    meter that ran outside the visit are billed by the same rules and named in the bill's findings.
    """
    findings = _refused(contract, tariff, visit, meter)
    if findings:
        raise InputError(findings)
    charged = _energy_lines(contract, tariff, meter)
    fees = [*charged, *_service_lines(contract, meter), *_session_lines(contract), *_time_lines(contract, tariff, visit, meter)]
    warnings = _warnings(contract, visit, meter, fees)
    if contract.waived_if_no_energy and not len(meter.used()):
        fees = []
    credit = _credit_lines(contract, tariff, meter)
    tax_lines, tax_within = _tax(contract, fees)
    return Bill(visit.session_id, contract.name, contract.currency, (*fees, *credit, *tax_lines), tax_within, tuple(warnings))


def settle(debit: Decimal, operator: str, agreement: Agreement) -> Settlement:
    """Divide a debit: the operator's share rounded half up to the minor unit, the rest is kept. debit >= 0 or a refund < 0."""
    share = dict(agreement.payout_by_operator).get(operator, agreement.payout_share)
    payout = _round(debit * share, agreement.currency)
    return Settlement(payout, debit - payout)


def _round(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP)


def _exact(value: float) -> Decimal:
    """The decimal number a float was written as: 0.3784, not 0.37840000000000001..."""
    return Decimal(repr(float(value)))


def _quantity(value: float | Decimal) -> Decimal:
    return (value if isinstance(value, Decimal) else _exact(value)).quantize(_QUANTITY, ROUND_HALF_UP)


def _label(line: Line) -> str:
    return f"{line.label} ({line.note})" if line.note else line.label


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _line(kind: LineKind, label: str, quantity: float | Decimal, unit: str, price: Decimal, currency: str) -> Line:
    exact = _quantity(quantity)
    return Line(kind, label, exact, unit, price, _round(exact * price, currency))


@dataclass(frozen=True, slots=True)
class PeriodUse:
    """A stretch of one visit at one price: instants in epoch seconds, energies at the meter, price before tax."""

    start_s: float
    end_s: float
    category: str
    price_per_kwh: Decimal
    charged_kwh: float
    given_kwh: float


def period_uses(tariff: Tariff, meter: MeterSeries) -> tuple[PeriodUse, ...]:
    """When energy flowed at which price of the tariff, in the order of time; stretches without energy are left out."""
    used = meter.used()
    if not len(used):
        return ()
    edges_s = meter.edges_s
    segments = tariff.segments(float(edges_s[used[0]]), float(edges_s[used[-1] + 1]))
    charged, given = (np.concatenate(([0.0], np.cumsum(part))) for part in (meter.charged_kwh(), meter.given_kwh()))
    uses = [
        PeriodUse(
            float(a_s),
            float(b_s),
            tariff.categories[segments.category[k]],
            _exact(float(segments.price_per_kwh[k])),
            float(np.interp(b_s, edges_s, charged) - np.interp(a_s, edges_s, charged)),
            float(np.interp(b_s, edges_s, given) - np.interp(a_s, edges_s, given)),
        )
        for k, (a_s, b_s) in enumerate(zip(segments.edges_s[:-1], segments.edges_s[1:], strict=True))
    ]
    return tuple(use for use in uses if max(use.charged_kwh, use.given_kwh) >= 0.5e-6)


def _by_price(meter: MeterSeries, energy_kwh: Float, tariff: Tariff) -> Iterator[tuple[str, Decimal, float]]:
    """(category, price before tax, kWh) in the order in which they first occur; energy (n,) >= 0 spread evenly in time."""
    if not energy_kwh.any():
        return
    used = np.flatnonzero(energy_kwh)
    segments: Segments = tariff.segments(float(meter.edges_s[used[0]]), float(meter.edges_s[used[-1] + 1]))
    cut_s = np.union1d(segments.edges_s, meter.edges_s[used[0] : used[-1] + 2])
    interval = np.searchsorted(meter.edges_s, cut_s[:-1], side="right") - 1
    piece = np.searchsorted(segments.edges_s, cut_s[:-1], side="right") - 1
    part_kwh = energy_kwh[interval] * np.diff(cut_s) / np.diff(meter.edges_s)[interval]
    key = list(zip(segments.category[piece].tolist(), segments.price_per_kwh[piece].tolist(), strict=True))
    for category, price in dict.fromkeys(k for k, part in zip(key, part_kwh, strict=True) if part > 0.0):
        same = np.array([k == (category, price) for k in key])
        yield tariff.categories[category], _exact(price), float(part_kwh[same].sum())


def _priced(rule: PriceRule, tariff: Tariff, meter: MeterSeries, energy_kwh: Float) -> list[tuple[str, Decimal, Decimal]]:
    """(category, kWh, price per kWh) of energy (n,) >= 0 under a price rule; the kWh add up to the rounded sum of the energy."""
    if isinstance(rule, ByTariff):
        parts = list(_by_price(meter, energy_kwh, tariff))
        whole_kwh = _running(np.cumsum([kwh for _, _, kwh in parts]))
        return [(category, kwh, price * rule.share) for (category, price, _), kwh in zip(parts, whole_kwh, strict=True)]
    total_kwh = float(energy_kwh.sum())
    return [("", _quantity(total_kwh), rule)] if total_kwh > 0.0 else []


def _running(total: Float) -> list[Decimal]:
    """The steps between running totals (n,), each total rounded, so that nothing is lost or won by rounding the parts."""
    whole = [Decimal(0), *(_quantity(float(value)) for value in total)]
    return [b - a for a, b in pairwise(whole)]


def _energy_lines(contract: Contract, tariff: Tariff, meter: MeterSeries) -> list[Line]:
    priced = _priced(contract.energy, tariff, meter, meter.charged_kwh())
    return [_kwh_line(LineKind.ENERGY, "energy", part, contract.currency) for part in priced]


def _credit_lines(contract: Contract, tariff: Tariff, meter: MeterSeries) -> list[Line]:
    if contract.v2g is None:
        return []
    priced = _priced(contract.v2g, tariff, meter, meter.given_kwh())
    lines = [_kwh_line(LineKind.V2G_CREDIT, "V2G credit", part, contract.currency) for part in priced]
    return [replace(line, unit_price=-line.unit_price, amount=-line.amount) for line in lines]


def _kwh_line(kind: LineKind, name: str, part: tuple[str, Decimal, Decimal], currency: str) -> Line:
    category, kwh, price = part
    return replace(_line(kind, f"{name} {category}".strip(), kwh, "kWh", price, currency), category=category)


def _service_lines(contract: Contract, meter: MeterSeries) -> list[Line]:
    charged_kwh = float(meter.charged_kwh().sum())
    if not contract.service_per_kwh or not charged_kwh:
        return []
    return [_line(LineKind.SERVICE, "service", charged_kwh, "kWh", contract.service_per_kwh, contract.currency)]


def _session_lines(contract: Contract) -> list[Line]:
    fee = contract.session_fee
    return [_line(LineKind.SESSION, "session fee", Decimal(1), "", fee, contract.currency)] if fee else []


def _charging_end_s(visit: Visit, meter: MeterSeries) -> float:
    if visit.charging_end_s is not None:
        return visit.charging_end_s
    used = meter.used()
    last_s = float(meter.edges_s[used[-1] + 1]) if len(used) else visit.connected_s
    return min(max(last_s, visit.connected_s), visit.disconnected_s)


def _time_lines(contract: Contract, tariff: Tariff, visit: Visit, meter: MeterSeries) -> list[Line]:
    charging_end_s = _charging_end_s(visit, meter)
    spans = {
        Counts.CONNECTED: (visit.connected_s, visit.disconnected_s),
        Counts.CHARGING: (visit.connected_s, charging_end_s),
        Counts.AFTER_CHARGING: (charging_end_s, visit.disconnected_s),
    }
    lines = [_time_line(fee, *spans[fee.counts], tariff, contract.currency) for fee in contract.time_fees]
    return [line for line in lines if line is not None]


def _time_line(fee: TimeFee, start_s: float, end_s: float, tariff: Tariff, currency: str) -> Line | None:
    """The line of a time fee for [start_s, end_s); None where no time counts."""
    start_s += float(fee.free_h) * 3600.0
    counted_s = max(0.0, end_s - start_s)
    if fee.window is not None:
        counted_s = fee.window.overlap_s(start_s, end_s, tariff.terms.zone)
    if counted_s <= 0.0:
        return None
    # A millisecond of grace, as seconds since 1970 in float64 are exact to about a quarter of a microsecond only.
    whole_s = (counted_s + 1e-3) // fee.step_s * fee.step_s if fee.step_s else counted_s
    line = _line(LineKind.TIME, fee.label, _exact(whole_s) / 3600, "h", fee.price_per_h, currency)
    if fee.fee_min is not None and line.amount < fee.fee_min:
        return replace(line, amount=_round(fee.fee_min, currency), note="least fee")
    if fee.fee_max is not None and line.amount > fee.fee_max:
        return replace(line, amount=_round(fee.fee_max, currency), note="highest fee")
    return line


def _tax(contract: Contract, fees: list[Line]) -> tuple[list[Line], Decimal]:
    """Tax on what the driver buys: as a line, or as the part that the amounts already hold."""
    base = sum((line.amount for line in fees), start=Decimal(0))
    if not contract.tax_share or not fees:
        return [], Decimal(0)
    if contract.tax_included:
        return [], _round(base - base / (1 + contract.tax_share), contract.currency)
    amount = _round(base * contract.tax_share, contract.currency)
    return [Line(LineKind.TAX, "tax", base, contract.currency, contract.tax_share, amount)], Decimal(0)


def _finding(code: str, refused: bool, visit: Visit, what: tuple[str, str], allowed: str, advice: str) -> Finding:
    return Finding(code, "refused" if refused else "warning", f"session {visit.session_id}", None, what[0], what[1], allowed, advice)


def _at(instant_s: float) -> str:
    return f"{from_epoch_s(instant_s):%Y-%m-%d %H:%M:%S} UTC" if np.isfinite(instant_s) else repr(instant_s)


def _refused(contract: Contract, tariff: Tariff, visit: Visit, meter: MeterSeries) -> list[Finding]:
    findings = []
    start_s, end_s, charged_s = visit.connected_s, visit.disconnected_s, visit.charging_end_s
    if not (np.isfinite(start_s) and np.isfinite(end_s) and start_s <= end_s):
        what = ("disconnected_s", _at(end_s))
        findings.append(
            _finding("bill.ends-before-start", True, visit, what, f"at or after {_at(start_s)}", "correct the times of the visit")
        )
    elif charged_s is not None and not start_s <= charged_s <= end_s:
        what = ("charging_end_s", _at(charged_s))
        findings.append(_finding("bill.charging-end", True, visit, what, f"{_at(start_s)} to {_at(end_s)}", "correct it or leave it out"))
    for k in np.flatnonzero(~np.isfinite(meter.energy_kwh)):
        what = (f"energy_kwh[{k}]", f"{meter.energy_kwh[k]} kWh")
        findings.append(_finding("bill.energy-not-a-number", True, visit, what, "a finite energy in kWh", "read the meter again"))
    if not (np.isfinite(meter.edges_s).all() and (np.diff(meter.edges_s) > 0).all()):
        what = ("edges_s", "times that do not rise")
        findings.append(_finding("bill.meter-times", True, visit, what, "each interval ends after it starts", "sort the meter values"))
    needs_price = isinstance(contract.energy, ByTariff) or isinstance(contract.v2g, ByTariff)
    if needs_price and tariff.terms.currency != contract.currency:
        what = ("currency", contract.currency)
        findings.append(_finding("bill.currency", True, visit, what, tariff.terms.currency, "use one currency in contract and tariff"))
    return findings


def _warnings(contract: Contract, visit: Visit, meter: MeterSeries, fees: list[Line]) -> list[Finding]:
    findings = []
    used = meter.used()
    if not len(used):
        due = sum((line.amount for line in fees), start=Decimal(0))
        done = "waived" if contract.waived_if_no_energy else "charged by the contract"
        advice = f"fees of {due} {contract.currency} are {done}: check whether the session failed"
        findings.append(_finding("bill.zero-energy", False, visit, ("energy_kwh", "0 kWh"), "more than 0 kWh", advice))
    if len(used) and (meter.edges_s[used[0]] < visit.connected_s or meter.edges_s[used[-1] + 1] > visit.disconnected_s):
        what = ("energy_kwh", f"energy from {_at(float(meter.edges_s[used[0]]))} to {_at(float(meter.edges_s[used[-1] + 1]))}")
        allowed = f"{_at(visit.connected_s)} to {_at(visit.disconnected_s)}"
        findings.append(
            _finding("bill.energy-outside-visit", False, visit, what, allowed, "billed all the same: check the clocks of pile and meter")
        )
    return findings
